//! What leaves: the bytes of a release together with the receipt that it was logged.
//!
//! No receipt, no answer:
//!
//! ```compile_fail,E0061
//! use doelpoort_core::{answer::Answer, protect::Release};
//! fn unlogged(release: Release) -> Answer {
//!     Answer::new(release)
//! }
//! ```
//!
//! ```
//! use doelpoort_core::{answer::Answer, audit::receipt::Receipt, protect::Release};
//! fn logged(release: Release, receipt: Receipt) -> Answer {
//!     Answer::new(release, receipt)
//! }
//! ```
//!
//! Nor is one made of the receipt of another answer, whose fields are private:
//!
//! ```compile_fail,E0451
//! use doelpoort_core::{answer::Answer, protect::Release};
//! fn swapped(answer: Answer, release: Release) -> Answer {
//!     Answer { release, ..answer }
//! }
//! ```

use crate::audit::receipt::Receipt;
use crate::protect::{Format, Release};
use crate::request::Form;

/// An answer that may leave. Only a release and the receipt of its log entry make one.
pub struct Answer {
    release: Release,
    receipt: Receipt,
}

impl Answer {
    /// Lets a release out against its receipt.
    pub fn new(release: Release, receipt: Receipt) -> Self {
        Self { release, receipt }
    }

    /// How the body is written.
    pub fn format(&self) -> Format {
        self.release.format
    }

    /// The form of the answer.
    pub fn form(&self) -> Form {
        self.release.form()
    }

    /// How many rows it lists, hidden ones included.
    pub fn rows(&self) -> u64 {
        self.release.rows()
    }

    /// The receipt.
    pub fn receipt(&self) -> &Receipt {
        &self.receipt
    }

    /// The SHA-256 of `data` and `meta`, which is also the entity tag (RFC 9110 section 8.8.3): the receipt is left out of it.
    pub fn digest(&self) -> [u8; 32] {
        self.release.digest()
    }

    /// The body: JSON as one document with the receipt, NDJSON with `meta` and `receipt` as last lines; CSV holds
    /// the data alone, its receipt travels in a header.
    pub fn into_body(self) -> (Vec<u8>, Receipt) {
        let Self {
            release: Release {
                data, meta, format, ..
            },
            receipt,
        } = self;
        let body = match format {
            Format::Csv => data,
            Format::Json => {
                let receipt = receipt_json(&receipt);
                let mut body = Vec::with_capacity(data.len() + meta.len() + receipt.len() + 64);
                for part in [
                    &b"{\"data\":"[..],
                    &data,
                    b",\"meta\":",
                    &meta,
                    b",\"receipt\":",
                    receipt.as_bytes(),
                    b"}\n",
                ] {
                    body.extend_from_slice(part);
                }
                body
            }
            Format::Ndjson => {
                let receipt = receipt_json(&receipt);
                let mut body = data;
                for part in [
                    &b"{\"meta\":"[..],
                    &meta,
                    b"}\n{\"receipt\":",
                    receipt.as_bytes(),
                    b"}\n",
                ] {
                    body.extend_from_slice(part);
                }
                body
            }
        };
        (body, receipt)
    }
}

/// The receipt as JSON. It holds strings and numbers only, so that cannot fail.
pub fn receipt_json(receipt: &Receipt) -> String {
    serde_json::to_string(receipt).unwrap_or_default()
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Answer({:?})", self.release)
    }
}
