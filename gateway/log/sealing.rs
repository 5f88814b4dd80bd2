//! Sealing to the data protection officer (FG): HPKE (RFC 9180), base mode, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256,
//! AES-256-GCM. Who sealed cannot open again; only the FG's private key of the month can.

use doelpoort_core::audit::day::Month;
use hpke::aead::AesGcm256;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{Deserializable as _, Kem as _, OpModeR, OpModeS, Serializable as _};
use zeroize::Zeroizing;

/// Bytes of a public key, a private key and an encapsulated key.
pub const KEY_LEN: usize = 32;
/// Bytes that sealing adds: the encapsulated key and the tag.
pub const OVERHEAD_LEN: usize = KEY_LEN + 16;

type Kem = X25519HkdfSha256;

/// What is sealed; the name goes into the key schedule, so that nothing opens as something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sealed {
    /// The key of private parts.
    PrivateKey,
    /// The seed of a chain of day keys.
    TagSeed,
    /// A pupil's place in the log, for the FG who searches.
    Subject,
    /// What the FG sought, for the FG who reviews that.
    Sought,
    /// A case of the FG's own, for the FG.
    Case,
}

impl Sealed {
    const fn name(self) -> &'static str {
        match self {
            Self::PrivateKey => "private-key",
            Self::TagSeed => "tag-seed",
            Self::Subject => "subject",
            Self::Sought => "sought",
            Self::Case => "case",
        }
    }
}

/// Nothing was sealed or opened. One reason for all, as the difference would help an attacker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("could not be sealed or opened")]
pub struct SealingError;

/// For whom, in which log and month something is sealed: all of it must be the same to open it.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// The origin of the log.
    pub origin: &'a str,
    /// The month of the key.
    pub month: Month,
    /// What it is.
    pub what: Sealed,
}

impl Context<'_> {
    fn info(&self) -> Vec<u8> {
        format!(
            "doelpoort/{}/v1\n{}\n{}",
            self.what.name(),
            self.origin,
            self.month
        )
        .into_bytes()
    }
}

/// A fresh key pair: the public key and the private key.
///
/// # Errors
/// When there is no randomness.
pub fn key_pair() -> Result<([u8; KEY_LEN], Zeroizing<[u8; KEY_LEN]>), SealingError> {
    let mut seed = Zeroizing::new([0; KEY_LEN]);
    ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut *seed).map_err(|_| SealingError)?;
    let (private, public) = Kem::derive_keypair(&*seed);
    let bytes = |bytes: &[u8]| <[u8; KEY_LEN]>::try_from(bytes).map_err(|_| SealingError);
    Ok((
        bytes(&public.to_bytes())?,
        Zeroizing::new(bytes(&private.to_bytes())?),
    ))
}

/// The public half of a private key.
///
/// # Errors
/// When it is no private key.
pub fn public_key(private: &[u8; KEY_LEN]) -> Result<[u8; KEY_LEN], SealingError> {
    let private = <Kem as hpke::Kem>::PrivateKey::from_bytes(private).map_err(|_| SealingError)?;
    <[u8; KEY_LEN]>::try_from(Kem::sk_to_pk(&private).to_bytes().as_slice()).map_err(|_| SealingError)
}

/// Seals: `encapsulated key (32 bytes) ‖ ciphertext ‖ tag (16 bytes)`.
///
/// # Errors
/// When the key is none or there is no randomness.
pub fn seal(public: &[u8; KEY_LEN], context: Context<'_>, plain: &[u8]) -> Result<Vec<u8>, SealingError> {
    let public = <Kem as hpke::Kem>::PublicKey::from_bytes(public).map_err(|_| SealingError)?;
    let (encapsulated, sealed) = hpke::single_shot_seal::<AesGcm256, HkdfSha256, Kem>(
        &OpModeS::Base,
        &public,
        &context.info(),
        plain,
        &[],
    )
    .map_err(|_| SealingError)?;
    Ok([encapsulated.to_bytes().as_slice(), &sealed].concat())
}

/// Opens what was sealed in the same context.
///
/// # Errors
/// Sealed to another key, in another context, or changed.
pub fn open(
    private: &[u8; KEY_LEN],
    context: Context<'_>,
    sealed: &[u8],
) -> Result<Zeroizing<Vec<u8>>, SealingError> {
    let private = <Kem as hpke::Kem>::PrivateKey::from_bytes(private).map_err(|_| SealingError)?;
    let (encapsulated, sealed) = sealed.split_at_checked(KEY_LEN).ok_or(SealingError)?;
    let encapsulated = <Kem as hpke::Kem>::EncappedKey::from_bytes(encapsulated).map_err(|_| SealingError)?;
    hpke::single_shot_open::<AesGcm256, HkdfSha256, Kem>(
        &OpModeR::Base,
        &private,
        &encapsulated,
        &context.info(),
        sealed,
        &[],
    )
    .map(Zeroizing::new)
    .map_err(|_| SealingError)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context(what: Sealed, origin: &str) -> Context<'_> {
        let month = "2026-11".parse().unwrap();
        Context { origin, month, what }
    }

    #[test]
    fn only_the_private_key_opens_and_only_in_the_same_context() {
        let (public, private) = key_pair().unwrap();
        let here = context(Sealed::PrivateKey, "example/audit/2026");
        let sealed = seal(&public, here, b"key").unwrap();
        assert_eq!(sealed.len(), b"key".len() + OVERHEAD_LEN);
        assert_eq!(open(&private, here, &sealed).unwrap().as_slice(), b"key");

        let (_, other) = key_pair().unwrap();
        assert!(open(&other, here, &sealed).is_err());
        let elsewhere = [
            context(Sealed::TagSeed, "example/audit/2026"),
            context(Sealed::PrivateKey, "example/audit/2027"),
            Context {
                month: "2026-12".parse().unwrap(),
                ..here
            },
        ];
        assert!(
            elsewhere
                .into_iter()
                .all(|context| open(&private, context, &sealed).is_err())
        );
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(open(&private, here, &changed).is_err(), "{at}");
            assert!(open(&private, here, &sealed[..at]).is_err(), "{at}");
        }
    }

    #[test]
    fn the_same_thing_twice_is_sealed_differently() {
        let (public, _) = key_pair().unwrap();
        let here = context(Sealed::TagSeed, "o");
        assert_ne!(seal(&public, here, b"x"), seal(&public, here, b"x"));
    }
}
