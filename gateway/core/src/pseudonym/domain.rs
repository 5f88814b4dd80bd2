//! Keys of the exit: a root, and one key a domain.

use std::fmt;

use ring::hmac;
use thiserror::Error;
use zeroize::{Zeroize, Zeroizing};

use super::{Pseudonym, SubjectId};
use crate::catalogue::Name;
use crate::kdf;
use crate::lp::{Part, PartText};
use crate::party::Oin;

/// `R_ext`, one version of the root of all pseudonyms. Wiped on drop.
///
/// ```compile_fail,E0599
/// fn clone(root: doelpoort_core::pseudonym::ExitRoot) {
///     let _ = root.clone();
/// }
/// ```
pub struct ExitRoot(Zeroizing<[u8; 32]>);

impl ExitRoot {
    /// The root as it was generated: 32 random bytes.
    pub fn from_bytes(mut bytes: [u8; 32]) -> Self {
        let root = Self(Zeroizing::new(bytes));
        bytes.zeroize();
        root
    }
}

impl fmt::Debug for ExitRoot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ExitRoot(…)")
    }
}

/// The version of a root as pseudonyms show it: 1 to 99,999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyVersion(u32);

impl KeyVersion {
    /// The highest version: five digits.
    pub const MAX: u32 = 99_999;

    /// The last one that there can be.
    pub(super) const LAST: Self = Self(Self::MAX);

    /// The number.
    pub fn number(self) -> u32 {
        self.0
    }
}

impl TryFrom<u32> for KeyVersion {
    type Error = NoKeyVersion;

    fn try_from(number: u32) -> Result<Self, NoKeyVersion> {
        if (1..=Self::MAX).contains(&number) {
            Ok(Self(number))
        } else {
            Err(NoKeyVersion { number })
        }
    }
}

impl fmt::Display for KeyVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A number is not a key version.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("key version `{number}` is not between 1 and {}", KeyVersion::MAX)]
pub struct NoKeyVersion {
    /// The number.
    pub number: u32,
}

/// `K_domain`: makes the pseudonyms of one domain. Derive it once a request and use it for every row.
pub struct DomainKey {
    version: KeyVersion,
    key: hmac::Key,
}

impl DomainKey {
    /// `HKDF-Expand(HKDF-Extract("dsg/psn/root/v1", root), "dsg-psn-dk" ‖ 0x01 ‖ u32be(v) ‖ LP(tenant) ‖
    /// LP(recipient) ‖ LP(purpose) ‖ LP(link_scope) ‖ LP(epoch), 32)`.
    ///
    /// `recipient` and `purpose` come from the verified permit, never from a request's body. `link_scope` is
    /// empty unless the purpose forbids linking its own datasets; `epoch` is empty or a school year.
    pub fn derive(
        root: &ExitRoot,
        version: KeyVersion,
        tenant: &PartText,
        recipient: &Oin,
        purpose: &Name,
        link_scope: &PartText,
        epoch: &PartText,
    ) -> Self {
        let mut info = b"dsg-psn-dk\x01".to_vec();
        info.extend_from_slice(&version.number().to_be_bytes());
        let parts: [Part<'_>; 5] = [
            tenant.into(),
            recipient.into(),
            purpose.into(),
            link_scope.into(),
            epoch.into(),
        ];
        for part in parts {
            part.append_to(&mut info);
        }
        Self {
            version,
            key: kdf::hmac_key("dsg/psn/root/v1", &root.0, &[&info]),
        }
    }

    /// The version of its root.
    pub(super) fn version(&self) -> KeyVersion {
        self.version
    }

    /// The subject's pseudonym in this domain, as text.
    pub fn pseudonym(&self, subject: &SubjectId) -> Pseudonym {
        Pseudonym::new(self.version, self.bits(subject))
    }

    /// `HMAC-SHA256(K_domain, "dsg-psn" ‖ 0x01 ‖ LP(subject_id))[0..16]`.
    pub(super) fn bits(&self, subject: &SubjectId) -> [u8; 16] {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(b"dsg-psn\x01\x00\x10");
        context.update(subject.as_bytes());
        kdf::first(context.sign().as_ref())
    }
}

impl fmt::Debug for DomainKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DomainKey")
            .field("version", &self.version.number())
            .finish_non_exhaustive()
    }
}
