//! The FG's own copy of the log: fetched over the exchange into a folder of this process alone, and verified before
//! anything is concluded from it. It is removed when it is dropped.

use std::io;
use std::path::{Path, PathBuf};

use doelpoort_core::audit::note::Verifier;
use doelpoort_core::audit::verify::Report;
use doelpoort_verify::ReadError;

use super::fetch::{FetchError, Kept, fetch};
use crate::audit::Entries;
use crate::client::Client;

/// Why there is no copy.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// It cannot be fetched.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// What was fetched cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// There is no place for it.
    #[error("the copy of the log cannot be kept: {0}")]
    Io(#[from] io::Error),
    /// The check did not come to an end.
    #[error("the check of the copy ended early")]
    Ended,
}

/// A copy of the whole log.
#[derive(Debug)]
pub struct LogCopy {
    /// What is in it.
    pub entries: Entries,
    /// What the check of it came to; whoever concludes anything from the copy asks this first.
    pub report: Report,
    /// Where it is.
    pub folder: Scratch,
}

/// A folder of this process alone, removed when it is dropped.
#[derive(Debug)]
pub struct Scratch(PathBuf);

impl Scratch {
    /// Makes one that only its owner may enter.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn new() -> io::Result<Self> {
        use std::os::unix::fs::DirBuilderExt as _;
        let mut id = [0; 16];
        ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut id)
            .map_err(|_| io::Error::other("no randomness"))?;
        let name = format!("doelpoort-{}", data_encoding::HEXLOWER.encode(&id));
        let path = std::env::temp_dir().join(name);
        std::fs::DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self(path))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Fetches the log and checks it against `log`, its public key; with `look`, the entry that announced it, the sealed
/// private parts too. What is `kept` of it is not fetched again.
///
/// # Errors
/// Why there is no copy. A copy that does not verify is no error: its report says what is wrong.
pub async fn copy(
    client: &Client,
    log: &Verifier,
    look: Option<u64>,
    kept: Kept<'_>,
) -> Result<LogCopy, CopyError> {
    let folder = Scratch::new()?;
    let bundle = folder.path().join("log.tar");
    fetch(client, log, look, kept, &bundle).await?;
    let (file, key) = (std::fs::File::open(&bundle)?, log.clone());
    let verify = move || doelpoort_verify::verify(io::BufReader::new(file), &key, None);
    let report = tokio::task::spawn_blocking(verify).await;
    Ok(LogCopy {
        entries: Entries::Bundle(bundle),
        report: report.map_err(|_| CopyError::Ended)??,
        folder,
    })
}
