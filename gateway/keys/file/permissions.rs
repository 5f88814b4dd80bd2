//! Who may read a key file, and where it may be.

use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use zeroize::Zeroizing;

use super::KeyFileError;

/// Permissions of group and others.
const OTHERS: u32 = 0o077;

/// A file that was read, with the mode that it had at that moment.
pub(super) struct Opened {
    pub(super) bytes: Zeroizing<Vec<u8>>,
    mode: u32,
}

/// Reads a file of at most `bytes_max` bytes; a longer one is cut one byte after, so that its length shows.
pub(super) fn open(path: &Path, bytes_max: u64) -> Result<Opened, KeyFileError> {
    let failed = |source| KeyFileError::Read {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(failed)?;
    let mode = file.metadata().map_err(failed)?.mode() & 0o7777;
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(bytes_max + 1).unwrap_or(0)));
    file.take(bytes_max + 1).read_to_end(&mut bytes).map_err(failed)?;
    Ok(Opened { bytes, mode })
}

impl Opened {
    pub(super) fn refuse_others(&self, path: &Path) -> Result<(), KeyFileError> {
        if self.mode & OTHERS == 0 {
            return Ok(());
        }
        Err(KeyFileError::ReadableByOthers {
            path: path.to_owned(),
            mode: self.mode,
        })
    }
}

/// Refuses a file inside the data directory, also by way of a symbolic link.
pub(super) fn outside(path: &Path, data_dir: Option<&Path>) -> Result<(), KeyFileError> {
    let Some(data_dir) = data_dir else { return Ok(()) };
    let real = |path: &Path| {
        path.canonicalize().map_err(|source| KeyFileError::Read {
            path: path.to_owned(),
            source,
        })
    };
    if real(path)?.starts_with(real(data_dir)?) {
        return Err(KeyFileError::InsideDataDirectory {
            path: path.to_owned(),
            data_dir: data_dir.to_owned(),
        });
    }
    Ok(())
}
