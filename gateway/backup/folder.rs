//! The folder of a backup, for its owner alone: made beside, given its name once it is whole and on disk.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use super::BackupError;

const FOLDER_MODE: u32 = 0o700;
const FILE_MODE: u32 = 0o600;

/// Where the backup grows.
pub(super) fn begin(output: &Path) -> Result<PathBuf, BackupError> {
    if output.exists() {
        return Err(BackupError::Exists {
            path: output.to_owned(),
        });
    }
    let part = output.with_added_extension("part");
    make(&part)?;
    Ok(part)
}

/// Gives it its name, durably.
pub(super) fn finish(part: &Path, output: &Path) -> Result<(), BackupError> {
    for file in files(part)? {
        let synced = File::open(&file).and_then(|open| open.sync_all());
        synced.map_err(|source| BackupError::file(&file, source))?;
    }
    let parent = match output.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let named = fs::rename(part, output).and_then(|()| File::open(parent)?.sync_all());
    named.map_err(|source| BackupError::file(output, source))
}

fn make(folder: &Path) -> Result<(), BackupError> {
    match DirBuilder::new().mode(FOLDER_MODE).create(folder) {
        Ok(()) => Ok(()),
        Err(source) if source.kind() == io::ErrorKind::AlreadyExists => Err(BackupError::Exists {
            path: folder.to_owned(),
        }),
        Err(source) => Err(BackupError::file(folder, source)),
    }
}

/// A new file that only its owner reads.
pub(super) fn create(path: &Path) -> Result<File, BackupError> {
    let mut options = OpenOptions::new();
    let made = options.write(true).create_new(true).mode(FILE_MODE).open(path);
    made.map_err(|source| {
        if source.kind() == io::ErrorKind::AlreadyExists {
            BackupError::Exists {
                path: path.to_owned(),
            }
        } else {
            BackupError::file(path, source)
        }
    })
}

/// Copies a file, or a folder with all that is in it.
pub(super) fn copy(from: &Path, to: &Path) -> Result<(), BackupError> {
    let failed = |source| BackupError::file(from, source);
    if !from.is_dir() {
        let mut source = File::open(from).map_err(failed)?;
        let mut target = create(to)?;
        let copied = io::copy(&mut source, &mut target).and_then(|_| target.sync_all());
        return copied.map_err(failed);
    }
    make(to)?;
    for entry in fs::read_dir(from).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        copy(&entry.path(), &to.join(entry.file_name()))?;
    }
    Ok(())
}

/// All files below a folder.
pub(super) fn files(folder: &Path) -> Result<Vec<PathBuf>, BackupError> {
    let failed = |source| BackupError::file(folder, source);
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else {
            found.push(path);
        }
    }
    Ok(found)
}
