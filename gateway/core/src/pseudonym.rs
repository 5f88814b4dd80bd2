//! Step two, the exit: a subject's random id becomes a pseudonym of one domain.
//!
//! A domain is one recipient × purpose × link scope × period. Within it a pupil keeps one pseudonym; between
//! two domains nothing is shared. A leaked domain key alone identifies nobody, for its input is random.

use std::fmt;

mod domain;
mod named;
#[cfg(test)]
mod tests;
mod text;

pub use domain::{DomainKey, ExitRoot, KeyVersion, NoKeyVersion};
pub use named::Named;
pub use text::{InvalidPseudonym, Pseudonym};

/// A pupil inside the gateway: 128 random bits, made at first sight. Never leaves, shown nowhere.
///
/// ```compile_fail,E0277
/// fn leak(subject: doelpoort_core::pseudonym::SubjectId) -> impl serde::Serialize {
///     subject
/// }
/// ```
/// ```compile_fail,E0599
/// fn print(subject: doelpoort_core::pseudonym::SubjectId) -> String {
///     subject.to_string()
/// }
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SubjectId([u8; 16]);

impl SubjectId {
    /// The id as it was drawn or stored.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The 16 bytes, for the store and for the keyed functions.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Debug for SubjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SubjectId(…)")
    }
}
