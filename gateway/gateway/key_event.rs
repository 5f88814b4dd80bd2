//! What happens to the gateway's own keys is in the log before it is in their file.

use doelpoort_core::audit::leaf::{Kind, Value, extra};
use doelpoort_core::audit::receipt::Receipt;

use super::Gateway;
use crate::keys::file::VersionStatus;
use crate::log::{Entry, LogError};

/// What became of a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyChange {
    /// It is there, and read by all.
    Added,
    /// It issues from here on.
    Activated,
    /// It is no longer read.
    Retired,
    /// It is gone: what it made can be linked to nothing.
    Destroyed,
    /// All are wrapped under another KEK.
    Rewrapped,
}

impl KeyChange {
    /// The decision in the log.
    pub fn code(self) -> &'static str {
        match self {
            Self::Added => "key-added",
            Self::Activated => "key-activated",
            Self::Retired => "key-retired",
            Self::Destroyed => "key-destroyed",
            Self::Rewrapped => "keys-rewrapped",
        }
    }
}

impl Gateway {
    /// Says in the log what becomes of a key, and why. A crash after it leaves the old file: the command is run again,
    /// and says it again.
    ///
    /// # Errors
    /// When the log cannot be written: then nothing may be changed.
    pub async fn record_key_change(
        &self,
        change: KeyChange,
        version: Option<&VersionStatus>,
        ground: &str,
    ) -> Result<Receipt, LogError> {
        let mut entry = Entry::new(Kind::KeyEvent)?;
        entry.event.decision = Some(change.code().to_owned());
        entry.event.clause = Some(ground.to_owned());
        if let Some(version) = version {
            entry.event.extra.extend([
                (extra::KEY_ID, Value::Text(version.id.clone())),
                (extra::KEY_VERSION, Value::Number(u64::from(version.version))),
                (extra::KEY_CHECK, Value::Text(version.check.clone())),
            ]);
        }
        self.log.append(entry).await
    }
}
