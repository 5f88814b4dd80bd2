//! The program `doelpoort`.

use std::process::ExitCode;

use mimalloc::MiMalloc;
use zeroizing_alloc::ZeroAlloc;

/// A tenth to a fifth less CPU a request than the system's allocator. What is freed is wiped: also the buffers of
/// libraries, which hold identifiers and know nothing of that.
#[global_allocator]
static ALLOCATOR: ZeroAlloc<MiMalloc> = ZeroAlloc(MiMalloc);

fn main() -> ExitCode {
    doelpoort::cli::main()
}
