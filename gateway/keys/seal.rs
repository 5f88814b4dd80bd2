//! Authenticated encryption of small things that leave and come back: cursors, holders' references.

use std::fmt;

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::SecureRandom;
use zeroize::Zeroizing;

use super::{Secret, Versions};

/// Bytes of the version before the nonce.
const VERSION_LEN: usize = 4;

/// Seals with AES-256-GCM under the active version, opens under any that is still read. The form is
/// `u32be(version) ‖ nonce (12 bytes) ‖ ciphertext ‖ tag (16 bytes)`; the version is authenticated by the key it
/// chooses.
///
/// A random nonce: one key seals at most 2³² things (NIST SP 800-38D section 8.3); rotate before.
pub struct SealKey(Versions<Secret>);

/// Nothing was sealed or opened. One reason for all, as the difference would help an attacker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// The source of randomness or the cipher failed.
    #[error("could not be sealed")]
    Seal,
    /// Not sealed by us, for something else, or under a version that is gone.
    #[error("could not be opened")]
    Open,
}

impl SealKey {
    pub(crate) fn new(versions: Versions<Secret>) -> Self {
        Self(versions)
    }

    /// The version that seals.
    pub fn active_version(&self) -> u32 {
        self.0.active_version()
    }

    /// The versions that open.
    pub fn versions(&self) -> impl Iterator<Item = u32> {
        self.0.iter().map(|(version, _)| version)
    }

    /// The version that this was sealed under; none where it is no sealed thing.
    pub fn sealed_under(&self, sealed: &[u8]) -> Option<u32> {
        let (version, _) = sealed.split_first_chunk::<VERSION_LEN>()?;
        Some(u32::from_be_bytes(*version))
    }

    /// Seals `plain` so that it opens only together with `aad`.
    ///
    /// # Errors
    /// [`SealError::Seal`].
    pub fn seal(&self, aad: &[u8], plain: &[u8], random: &dyn SecureRandom) -> Result<Vec<u8>, SealError> {
        let mut nonce = [0; NONCE_LEN];
        random.fill(&mut nonce).map_err(|_| SealError::Seal)?;
        let mut body = plain.to_vec();
        cipher(self.0.active())
            .and_then(|key| {
                key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(aad), &mut body)
            })
            .map_err(|_| SealError::Seal)?;
        Ok([&self.0.active_version().to_be_bytes(), nonce.as_slice(), &body].concat())
    }

    /// Opens what was sealed with the same `aad`.
    ///
    /// # Errors
    /// [`SealError::Open`].
    pub fn open(&self, aad: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let (version, rest) = sealed.split_first_chunk::<VERSION_LEN>().ok_or(SealError::Open)?;
        let (nonce, body) = rest.split_first_chunk::<NONCE_LEN>().ok_or(SealError::Open)?;
        let secret = self
            .0
            .version(u32::from_be_bytes(*version))
            .ok_or(SealError::Open)?;
        open(secret, *nonce, aad, body).ok_or(SealError::Open)
    }
}

impl fmt::Debug for SealKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealKey({})", self.0.active_version())
    }
}

/// Opens an AES-256-GCM ciphertext with its tag.
pub(super) fn open(
    secret: &Secret,
    nonce: [u8; NONCE_LEN],
    aad: &[u8],
    body: &[u8],
) -> Option<Zeroizing<Vec<u8>>> {
    let mut buffer = Zeroizing::new(body.to_vec());
    let nonce = Nonce::assume_unique_for_key(nonce);
    let length = cipher(secret)
        .ok()?
        .open_in_place(nonce, Aad::from(aad), &mut buffer)
        .ok()?
        .len();
    buffer.truncate(length);
    Some(buffer)
}

/// Made anew for each use: ring does not wipe an expanded key, so none is kept.
pub(super) fn cipher(secret: &Secret) -> Result<LessSafeKey, ring::error::Unspecified> {
    UnboundKey::new(&AES_256_GCM, secret.expose()).map(LessSafeKey::new)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use ring::rand::SystemRandom;

    use super::*;

    fn key(active: u32, versions: &[(u32, u8)]) -> SealKey {
        let keys = versions
            .iter()
            .map(|(version, byte)| (*version, Secret::take(&mut [*byte; 32])));
        SealKey::new(Versions::new(active, keys.collect()).unwrap())
    }

    #[test]
    fn opens_only_with_the_same_key_and_context() {
        let random = SystemRandom::new();
        let sealed = key(1, &[(1, 7)]).seal(b"cursor", b"position", &random).unwrap();
        assert_eq!(
            key(1, &[(1, 7)]).open(b"cursor", &sealed).unwrap().as_slice(),
            b"position"
        );
        assert_eq!(
            key(2, &[(1, 7), (2, 8)])
                .open(b"cursor", &sealed)
                .unwrap()
                .as_slice(),
            b"position"
        );

        assert_eq!(
            key(1, &[(1, 7)]).open(b"other", &sealed).err(),
            Some(SealError::Open)
        );
        assert_eq!(
            key(1, &[(1, 8)]).open(b"cursor", &sealed).err(),
            Some(SealError::Open)
        );
        assert_eq!(
            key(2, &[(2, 7)]).open(b"cursor", &sealed).err(),
            Some(SealError::Open)
        );
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(
                key(1, &[(1, 7), (0, 7)]).open(b"cursor", &changed).is_err() || at == 3,
                "{at}"
            );
            assert!(key(1, &[(1, 7)]).open(b"cursor", &sealed[..at]).is_err(), "{at}");
        }
    }

    #[test]
    fn the_same_thing_twice_is_sealed_differently() {
        let random = SystemRandom::new();
        let key = key(1, &[(1, 7)]);
        assert_ne!(key.seal(b"", b"x", &random), key.seal(b"", b"x", &random));
    }

    proptest! {
        #[test]
        fn what_is_sealed_is_opened(aad in prop::collection::vec(any::<u8>(), 0..40), plain in prop::collection::vec(any::<u8>(), 0..80)) {
            let key = key(3, &[(3, 9)]);
            let sealed = key.seal(&aad, &plain, &SystemRandom::new()).unwrap();
            let opened = key.open(&aad, &sealed).unwrap();
            prop_assert_eq!(opened.as_slice(), plain.as_slice());
        }
    }
}
