//! A KEK that this process holds: 32 bytes of one file, or the exclusive or of two.

use std::fmt;
use std::path::PathBuf;

use data_encoding::HEXLOWER;
use ring::aead::{Aad, NONCE_LEN, Nonce};
use ring::digest::{SHA256, digest};
use ring::rand::SecureRandom;
use zeroize::Zeroizing;

use super::{KeyStore, KeyStoreError};
use crate::keys::file::{KeyFileError, permissions};
use crate::keys::{Secret, seal};

/// Bytes of a KEK, and of each half of one.
pub const KEK_LEN: usize = 32;

/// The KEK, or what came out of its two halves.
pub struct HeldKek(Secret);

impl HeldKek {
    /// Takes a KEK over.
    pub fn new(kek: Secret) -> Self {
        Self(kek)
    }

    /// Reads the KEK, or its halves.
    pub(super) fn read(files: &[&PathBuf], files_are_secret: bool) -> Result<Self, KeyFileError> {
        let mut kek: Zeroizing<[u8; KEK_LEN]> = Zeroizing::new([0; KEK_LEN]);
        for path in files {
            let opened = permissions::open(path, KEK_LEN as u64)?;
            if files_are_secret {
                opened.refuse_others(path)?;
            }
            if opened.bytes.len() != KEK_LEN {
                return Err(KeyFileError::NotAKek {
                    path: (*path).clone(),
                });
            }
            kek.iter_mut()
                .zip(opened.bytes.iter())
                .for_each(|(to, from)| *to ^= from);
        }
        Ok(Self(Secret::take(&mut kek)))
    }
}

/// Splits a KEK for two custodians: a random half, and what makes the KEK of it.
///
/// # Errors
/// The source of randomness failed.
pub(in crate::keys) fn split(
    kek: &Secret,
    random: &dyn SecureRandom,
) -> Result<(Secret, Secret), KeyStoreError> {
    let mut one: Zeroizing<[u8; KEK_LEN]> = Zeroizing::new([0; KEK_LEN]);
    random
        .fill(one.as_mut_slice())
        .map_err(|_| KeyStoreError::Crypto)?;
    let mut other: Zeroizing<[u8; KEK_LEN]> = Zeroizing::new([0; KEK_LEN]);
    let bytes = one.iter().zip(kek.expose());
    other
        .iter_mut()
        .zip(bytes)
        .for_each(|(to, (one, kek))| *to = one ^ kek);
    Ok((Secret::take(&mut one), Secret::take(&mut other)))
}

/// The first bytes of a hash: the secret is random, so it can be told and finds nothing.
pub(in crate::keys) fn check_value(what: &[u8], secret: &Secret) -> String {
    let mut message = Zeroizing::new(Vec::with_capacity(what.len() + KEK_LEN));
    message.extend_from_slice(what);
    message.extend_from_slice(secret.expose());
    let hash = digest(&SHA256, &message);
    HEXLOWER.encode(hash.as_ref().get(..8).unwrap_or_default())
}

impl KeyStore for HeldKek {
    fn wrap(&self, aad: &[u8], secret: &Secret, random: &dyn SecureRandom) -> Result<Vec<u8>, KeyStoreError> {
        let mut nonce = [0; NONCE_LEN];
        random.fill(&mut nonce).map_err(|_| KeyStoreError::Crypto)?;
        // Room for the tag, so that the key is not left behind by a move.
        let mut body = Vec::with_capacity(64);
        body.extend_from_slice(secret.expose());
        seal::cipher(&self.0)
            .and_then(|key| {
                key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(aad), &mut body)
            })
            .map_err(|_| KeyStoreError::Crypto)?;
        Ok([nonce.as_slice(), &body].concat())
    }

    fn unwrap(&self, aad: &[u8], wrapped: &[u8]) -> Result<Secret, KeyStoreError> {
        let opened = wrapped
            .split_first_chunk::<NONCE_LEN>()
            .and_then(|(nonce, body)| seal::open(&self.0, *nonce, aad, body))
            .ok_or(KeyStoreError::Refused)?;
        Secret::copy(&opened).ok_or(KeyStoreError::Refused)
    }

    fn make_kept(&self, _: &dyn SecureRandom) -> Result<Secret, KeyStoreError> {
        Err(KeyStoreError::KeepsNone)
    }

    fn mac(&self, _: &Secret, _: &[Zeroizing<Vec<u8>>]) -> Result<Vec<[u8; 32]>, KeyStoreError> {
        Err(KeyStoreError::KeepsNone)
    }

    fn destroy_kept(&self, _: &Secret) -> Result<(), KeyStoreError> {
        Err(KeyStoreError::KeepsNone)
    }

    fn describe(&self) -> String {
        format!("check value {}", check_value(b"dsg-kek\x01", &self.0))
    }
}

impl fmt::Debug for HeldKek {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HeldKek(..)")
    }
}
