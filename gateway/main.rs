//! The program `doelpoort`.

use std::process::ExitCode;

/// A tenth to a fifth less CPU a request than the system's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    doelpoort::cli::main()
}
