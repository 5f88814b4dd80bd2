//! A hardware module by PKCS#11: it unwraps the keys with a KEK that never leaves it, and can keep the entrance key.

use std::path::PathBuf;

use cryptoki::mechanism::Mechanism;
use cryptoki::mechanism::aead::GcmParams;
use cryptoki::object::{Attribute, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;
use cryptoki::types::AuthPin;
use data_encoding::HEXLOWER;
use ring::aead::NONCE_LEN;
use ring::rand::SecureRandom;
use zeroize::Zeroizing;

use super::pool::{Failed, Sessions};
use super::{KeyStore, KeyStoreError};
use crate::keys::Secret;
use crate::keys::file::{KeyFileError, permissions};

/// Bits of a GCM tag.
const TAG_BITS: u64 = 128;
/// Bytes of a key, and of the random id under which a kept key is found.
const KEY_LEN: u64 = 32;
/// Bytes of a PIN that are read at most.
const PIN_BYTES_MAX: u64 = 256;
/// Label of entrance keys.
const ENTRANCE_LABEL: &str = "doelpoort-entrance";

/// Which module, token and key.
#[derive(Clone, Debug)]
pub struct HsmSettings {
    /// The module's library.
    pub module: PathBuf,
    /// The token's label.
    pub token: String,
    /// The file with the user's PIN.
    pub pin: PathBuf,
    /// The KEK's label.
    pub kek: String,
}

/// A token that was logged in to.
#[derive(Debug)]
pub struct Hsm {
    sessions: Sessions,
    kek: String,
}

impl Hsm {
    /// Logs in and looks for the KEK.
    pub(super) fn open(settings: &HsmSettings, files_are_secret: bool) -> Result<Self, KeyFileError> {
        let hsm = Self::log_in(settings, files_are_secret)?;
        let there = hsm.sessions.with(|session| find_kek(session, &hsm.kek).map(drop));
        there.map_err(KeyFileError::Store)?;
        Ok(hsm)
    }

    /// Logs in, and makes the KEK where there is none of this label.
    ///
    /// # Errors
    /// [`KeyFileError`].
    pub fn open_or_make(settings: &HsmSettings) -> Result<Self, KeyFileError> {
        let hsm = Self::log_in(settings, true)?;
        let made = hsm.sessions.with(|session| match find_kek(session, &hsm.kek) {
            Err(Failed::Store(KeyStoreError::NoSuchKey(_))) => make_kek(session, &hsm.kek),
            found => found.map(drop),
        });
        made.map_err(KeyFileError::Store)?;
        Ok(hsm)
    }

    fn log_in(settings: &HsmSettings, files_are_secret: bool) -> Result<Self, KeyFileError> {
        let opened = permissions::open(&settings.pin, PIN_BYTES_MAX)?;
        if files_are_secret {
            opened.refuse_others(&settings.pin)?;
        }
        let pin = std::str::from_utf8(&opened.bytes)
            .ok()
            .map(str::trim_end)
            .filter(|pin| !pin.is_empty())
            .ok_or_else(|| KeyFileError::NotAPin {
                path: settings.pin.clone(),
            })?;
        let pin = AuthPin::new(pin.to_owned().into_boxed_str());
        Ok(Self {
            sessions: Sessions::new(settings.module.clone(), settings.token.clone(), pin),
            kek: settings.kek.clone(),
        })
    }
}

impl KeyStore for Hsm {
    fn wrap(&self, aad: &[u8], secret: &Secret, random: &dyn SecureRandom) -> Result<Vec<u8>, KeyStoreError> {
        let mut nonce = [0; NONCE_LEN];
        random.fill(&mut nonce).map_err(|_| KeyStoreError::Crypto)?;
        let body = self.sessions.with(|session| {
            let kek = find_kek(session, &self.kek)?;
            let mut iv = nonce;
            let gcm = Mechanism::AesGcm(GcmParams::new(&mut iv, aad, TAG_BITS.into())?);
            Ok(session.encrypt(&gcm, kek, secret.expose())?)
        })?;
        Ok([nonce.as_slice(), &body].concat())
    }

    fn unwrap(&self, aad: &[u8], wrapped: &[u8]) -> Result<Secret, KeyStoreError> {
        let (nonce, body) = wrapped
            .split_first_chunk::<NONCE_LEN>()
            .ok_or(KeyStoreError::Refused)?;
        self.sessions.with(|session| {
            let kek = find_kek(session, &self.kek)?;
            let mut iv = *nonce;
            let gcm = Mechanism::AesGcm(GcmParams::new(&mut iv, aad, TAG_BITS.into())?);
            let plain = session.decrypt(&gcm, kek, body).map(Zeroizing::new);
            // Modules answer a wrong tag with codes of their own choice; that the session works was seen a line above.
            let plain = plain.map_err(|_| KeyStoreError::Refused)?;
            Ok(Secret::copy(&plain).ok_or(KeyStoreError::Refused)?)
        })
    }

    fn make_kept(&self, random: &dyn SecureRandom) -> Result<Secret, KeyStoreError> {
        let mut id: Zeroizing<[u8; 32]> = Zeroizing::new([0; 32]);
        random
            .fill(id.as_mut_slice())
            .map_err(|_| KeyStoreError::Crypto)?;
        let template = |id: &[u8]| -> Result<Vec<Attribute>, Failed> {
            Ok([
                held_inside(ENTRANCE_LABEL)?,
                vec![
                    Attribute::KeyType(KeyType::GENERIC_SECRET),
                    Attribute::Id(id.to_vec()),
                    Attribute::Sign(true),
                ],
            ]
            .concat())
        };
        self.sessions.with(|session| {
            session.generate_key(&Mechanism::GenericSecretKeyGen, &template(id.as_slice())?)?;
            Ok(())
        })?;
        Ok(Secret::take(&mut id))
    }

    fn mac(&self, kept: &Secret, messages: &[Zeroizing<Vec<u8>>]) -> Result<Vec<[u8; 32]>, KeyStoreError> {
        self.sessions.with(|session| {
            let key = find_kept(session, kept)?
                .ok_or_else(|| KeyStoreError::NoSuchKey(format!("{ENTRANCE_LABEL} {}", name(kept))))?;
            let sign = |message: &Zeroizing<Vec<u8>>| -> Result<[u8; 32], Failed> {
                let mac = session.sign(&Mechanism::Sha256Hmac, key, message)?;
                Ok(mac
                    .try_into()
                    .map_err(|_| KeyStoreError::Unavailable("a mac is not 32 bytes long".to_owned()))?)
            };
            messages.iter().map(sign).collect()
        })
    }

    fn destroy_kept(&self, kept: &Secret) -> Result<(), KeyStoreError> {
        self.sessions.with(|session| {
            if let Some(key) = find_kept(session, kept)? {
                session.destroy_object(key)?;
            }
            Ok(())
        })
    }

    fn describe(&self) -> String {
        format!(
            "in the hardware module: token `{}`, key `{}`",
            self.sessions.token(),
            self.kek
        )
    }
}

/// What a key must be that never leaves.
#[expect(clippy::unnecessary_wraps, reason = "as the other kinds of attributes")]
fn held_inside(label: &str) -> Result<Vec<Attribute>, Failed> {
    Ok(vec![
        Attribute::Class(ObjectClass::SECRET_KEY),
        Attribute::Token(true),
        Attribute::Private(true),
        Attribute::Sensitive(true),
        Attribute::Extractable(false),
        Attribute::Label(label.as_bytes().to_vec()),
        Attribute::ValueLen(KEY_LEN.into()),
    ])
}

fn make_kek(session: &Session, label: &str) -> Result<(), Failed> {
    let usage = vec![Attribute::Encrypt(true), Attribute::Decrypt(true)];
    session.generate_key(&Mechanism::AesKeyGen, &[held_inside(label)?, usage].concat())?;
    Ok(())
}

fn find_kek(session: &Session, label: &str) -> Result<ObjectHandle, Failed> {
    let template = [
        Attribute::Class(ObjectClass::SECRET_KEY),
        Attribute::KeyType(KeyType::AES),
        Attribute::Label(label.as_bytes().to_vec()),
    ];
    let found = session.find_objects(&template)?;
    let kek = found.first().copied();
    Ok(kek.ok_or_else(|| KeyStoreError::NoSuchKey(label.to_owned()))?)
}

fn find_kept(session: &Session, kept: &Secret) -> Result<Option<ObjectHandle>, Failed> {
    let template = [
        Attribute::Class(ObjectClass::SECRET_KEY),
        Attribute::Id(kept.expose().to_vec()),
    ];
    Ok(session.find_objects(&template)?.first().copied())
}

/// Enough of a kept key's id to tell it from others.
fn name(kept: &Secret) -> String {
    HEXLOWER.encode(kept.expose().get(..4).unwrap_or_default())
}
