//! Replacing the file whole: written beside, made durable, renamed. A crash leaves the old file or the new one.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use crate::keys::file::create::{CreateError, write_secret};

/// Writes beside, makes it durable, renames.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> Result<(), CreateError> {
    let beside = path.with_extension("new");
    let failed = |path: &PathBuf, source: io::Error| CreateError::Write {
        path: path.clone(),
        source,
    };
    match fs::remove_file(&beside) {
        // Left behind by a crash.
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed(&beside, error)),
    }
    write_secret(&beside, bytes)?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let durable = || {
        fs::rename(&beside, path)?;
        File::open(folder)?.sync_all()
    };
    durable().map_err(|error| failed(&path.to_owned(), error))
}
