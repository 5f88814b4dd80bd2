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
pub(in crate::keys) struct Opened {
    pub(in crate::keys) bytes: Zeroizing<Vec<u8>>,
    mode: u32,
}

/// Reads a file of at most `bytes_max` bytes; a longer one is cut one byte after, so that its length shows.
pub(in crate::keys) fn open(path: &Path, bytes_max: u64) -> Result<Opened, KeyFileError> {
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

/// Bytes of a secret that others gave us.
const SECRET_BYTES_MAX: u64 = 4_096;

/// A secret that others gave us, such as one at an identity provider: the text of a file that only we may read, without
/// the space around it.
pub(crate) fn secret_text(path: &Path) -> Result<Zeroizing<String>, KeyFileError> {
    let opened = open(path, SECRET_BYTES_MAX)?;
    opened.refuse_others(path)?;
    let text = std::str::from_utf8(&opened.bytes).unwrap_or_default().trim();
    if text.is_empty() || opened.bytes.len() > usize::try_from(SECRET_BYTES_MAX).unwrap_or(0) {
        return Err(KeyFileError::Malformed {
            path: path.to_owned(),
            reason: "it holds no secret of at most 4096 bytes of text".to_owned(),
        });
    }
    Ok(Zeroizing::new(text.to_owned()))
}

impl Opened {
    pub(in crate::keys) fn refuse_others(&self, path: &Path) -> Result<(), KeyFileError> {
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
pub(in crate::keys) fn outside(path: &Path, data_dir: Option<&Path>) -> Result<(), KeyFileError> {
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
