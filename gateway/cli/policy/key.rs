//! The private key of an approver, from a file.

use std::io::Read;
use std::path::{Path, PathBuf};

use doelpoort_core::policy::jws::SigningKey;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject;
use zeroize::Zeroizing;

const KEY_BYTES_MAX: u64 = 65_536;

/// A key of either kind, held while it signs.
pub(in crate::cli) enum ApproverKey {
    EdDsa(Ed25519KeyPair),
    Es256(EcdsaKeyPair, SystemRandom),
}

/// Why a key file is refused.
#[derive(Debug, thiserror::Error)]
pub(in crate::cli) enum KeyError {
    #[error("{}: {source}", path.display())]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{}: others may read this key; allow its owner only", path.display())]
    ReadableByOthers { path: PathBuf },
    #[error("{}: not a private key in PKCS#8 PEM, Ed25519 or P-256", path.display())]
    NotAKey { path: PathBuf },
}

impl ApproverKey {
    pub(in crate::cli) fn read(path: &Path) -> Result<Self, KeyError> {
        let failed = |source| KeyError::Read {
            path: path.to_owned(),
            source,
        };
        let file = std::fs::File::open(path).map_err(failed)?;
        if readable_by_others(&file.metadata().map_err(failed)?) {
            return Err(KeyError::ReadableByOthers {
                path: path.to_owned(),
            });
        }
        let mut pem = Zeroizing::new(Vec::new());
        file.take(KEY_BYTES_MAX).read_to_end(&mut pem).map_err(failed)?;
        Self::of(&pem).ok_or_else(|| KeyError::NotAKey {
            path: path.to_owned(),
        })
    }

    fn of(pem: &[u8]) -> Option<Self> {
        let der = PrivatePkcs8KeyDer::from_pem_slice(pem).ok()?;
        let der = der.secret_pkcs8_der();
        if let Ok(pair) = Ed25519KeyPair::from_pkcs8_maybe_unchecked(der) {
            return Some(Self::EdDsa(pair));
        }
        let random = SystemRandom::new();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der, &random).ok()?;
        Some(Self::Es256(pair, random))
    }

    pub(in crate::cli) fn signing_key(&self) -> SigningKey<'_> {
        match self {
            Self::EdDsa(pair) => SigningKey::EdDsa(pair),
            Self::Es256(pair, random) => SigningKey::Es256(pair, random),
        }
    }
}

#[cfg(unix)]
fn readable_by_others(metadata: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    metadata.permissions().mode() & 0o077 != 0
}

#[cfg(not(unix))]
fn readable_by_others(_: &std::fs::Metadata) -> bool {
    false
}
