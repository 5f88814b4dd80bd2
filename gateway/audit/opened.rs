//! Private parts, opened by the FG's keys in the FG's process.

use doelpoort_core::audit::private::Private;

use super::{AuditError, Entry};
use crate::fg::{Reader, ReadingError};

/// Opens private parts with `reader`, which must be new. What was sealed to a key that is destroyed stays closed. A
/// private part that is not that of its leaf is an error: nothing is concluded from it.
pub fn opening(mut reader: Reader<'_>) -> impl FnMut(&Entry) -> Result<Option<Private>, AuditError> {
    move |entry| {
        let wrong = |error: String| AuditError::Private {
            index: entry.index,
            error,
        };
        reader.enter(&entry.origin);
        reader
            .follow(&entry.leaf)
            .map_err(|error| wrong(error.to_string()))?;
        let Some(sealed) = &entry.sealed else {
            return Ok(None);
        };
        match reader.open(&entry.leaf, sealed) {
            Ok(opened) => match opened.honest {
                Ok(()) => Ok(Some(opened.private)),
                Err(error) => Err(wrong(error.to_string())),
            },
            Err(ReadingError::Key(_)) => Ok(None),
            Err(error) => Err(wrong(error.to_string())),
        }
    }
}
