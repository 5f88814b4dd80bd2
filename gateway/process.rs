//! What this process does so that nothing in its memory ends up in a file: no core dumps, not dumpable, new files for
//! their owner only, and where the system lets it, no page is swapped out.

use std::io;

use rustix::fs::Mode;
use rustix::mm::{MlockAllFlags, mlockall};
use rustix::process::{
    DumpableBehavior, Resource, Rlimit, dumpable_behavior, getrlimit, set_dumpable_behavior, setrlimit, umask,
};

/// Why the process cannot be hardened: then it must not see a key.
#[derive(Debug, thiserror::Error)]
#[error("core dumps cannot be switched off: {0}")]
pub struct NotHardened(io::Error);

/// No core dumps (limit 0, for good), not dumpable (also when the system pipes cores to a program; nor can others of the
/// same user read its memory), and files that it makes are its owner's only. To be called before anything else.
///
/// # Errors
/// [`NotHardened`].
pub fn harden() -> Result<(), NotHardened> {
    umask(Mode::RWXG | Mode::RWXO);
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    let failed = |error: rustix::io::Errno| NotHardened(error.into());
    setrlimit(Resource::Core, none).map_err(failed)?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(failed)?;
    match dumpable_behavior() {
        Ok(DumpableBehavior::NotDumpable) => Ok(()),
        Ok(_) => Err(NotHardened(io::ErrorKind::PermissionDenied.into())),
        Err(error) => Err(failed(error)),
    }
}

/// Keeps all memory, also what is yet to be touched, out of swap. Only where the limit is off (`LimitMEMLOCK=infinity`):
/// under a limit every later allocation could fail. Says whether it is.
pub fn lock_memory() -> bool {
    let unlimited = getrlimit(Resource::Memlock).current.is_none();
    unlimited && mlockall(MlockAllFlags::CURRENT | MlockAllFlags::FUTURE | MlockAllFlags::ONFAULT).is_ok()
}
