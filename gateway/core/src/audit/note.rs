//! Signed notes (C2SP signed-note v1.0.0) with Ed25519 keys: the envelope of checkpoints.

use std::sync::Arc;

use ring::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};

use super::{base64, from_base64, sha256};

/// The signature type byte of Ed25519.
const TYPE_ED25519: u8 = 0x01;
/// The longest note that is read, in bytes; 16 signatures fit amply.
const NOTE_BYTES_MAX: usize = 128 * 1024;
/// What a signature line starts with: an em dash and a space.
const SIGNATURE_START: &str = "\u{2014} ";

/// Why a note, or the key to it, is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// Not text, an empty line and signature lines.
    #[error("not a signed note")]
    Malformed,
    /// No signature by the expected key.
    #[error("the note has no signature by the key `{0:08x}`")]
    NotSigned(u32),
    /// A signature by the expected key does not fit the text.
    #[error("the note's signature by the key `{0:08x}` does not fit its text")]
    BadSignature(u32),
    /// A name that is empty or has a space or a plus sign.
    #[error("a key's name must not be empty, nor have a space, a plus sign or a control character")]
    Name,
    /// Not `name+id+key`, or the id is not that of the key.
    #[error("not a verifier key of the form `name+id+key` of the type that is meant here")]
    VerifierKey,
    /// Not a private key seed of Ed25519.
    #[error("not an Ed25519 private key")]
    PrivateKey,
}

/// An Ed25519 public key with its name, of a signature type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedKey<const TYPE: u8> {
    name: String,
    key: [u8; 32],
}

/// The key of a log, or of whoever else signs notes.
pub type Verifier = NamedKey<TYPE_ED25519>;

impl<const TYPE: u8> NamedKey<TYPE> {
    /// The Ed25519 public key `key` under `name`; for a log, the name is its origin.
    pub fn new(name: &str, key: [u8; 32]) -> Result<Self, NoteError> {
        check_name(name)?;
        Ok(Self {
            name: name.to_owned(),
            key,
        })
    }

    /// Reads `name+id+key`, the text that [`NamedKey::to_text`] writes; white space around it is ignored.
    pub fn parse(text: &str) -> Result<Self, NoteError> {
        let (name, key) = read_key(text, TYPE)?;
        Self::new(name, key)
    }

    /// `name+id+key`: the name, eight hex digits, and the base64 of the type byte and the key.
    pub fn to_text(&self) -> String {
        key_text(&self.name, TYPE, &self.key)
    }

    /// The name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The public key.
    pub fn key(&self) -> &[u8; 32] {
        &self.key
    }

    /// The first four bytes of `SHA-256(name ‖ 0x0A ‖ type ‖ key)`.
    pub fn id(&self) -> u32 {
        key_id(&self.name, TYPE, &self.key)
    }
}

impl Verifier {
    /// [`NamedKey::id`] as eight hex digits.
    pub fn id_text(&self) -> String {
        format!("{:08x}", self.id())
    }

    /// Is `signature` by this key over `message`?
    pub fn accepts(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.key)
            .verify(message, signature)
            .is_ok()
    }

    /// The text of `note`, if this key signed it. Signatures by other keys are ignored; one by this key that does
    /// not fit spoils the note.
    pub fn open<'n>(&self, note: &'n str) -> Result<&'n str, NoteError> {
        let (text, signatures) = split(note)?;
        let mut signed = false;
        for line in signatures {
            let (name, id, signature) = signature_line(line)?;
            if name == self.name && id == self.id() {
                if !self.accepts(text.as_bytes(), &signature) {
                    return Err(NoteError::BadSignature(id));
                }
                signed = true;
            }
        }
        if signed {
            Ok(text)
        } else {
            Err(NoteError::NotSigned(self.id()))
        }
    }
}

/// A private key with its name. Signs notes and the heads in receipts.
pub struct Signer {
    key: Arc<Ed25519KeyPair>,
    verifier: Verifier,
}

impl Signer {
    /// From the 32-byte seed (RFC 8032 section 5.1.5).
    pub fn from_seed(name: &str, seed: &[u8; 32]) -> Result<Self, NoteError> {
        Self::new(
            name,
            Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| NoteError::PrivateKey)?,
        )
    }

    /// From a PKCS#8 document, of version 1 or 2.
    pub fn from_pkcs8(name: &str, der: &[u8]) -> Result<Self, NoteError> {
        Self::new(
            name,
            Ed25519KeyPair::from_pkcs8_maybe_unchecked(der).map_err(|_| NoteError::PrivateKey)?,
        )
    }

    fn new(name: &str, key: Ed25519KeyPair) -> Result<Self, NoteError> {
        let public = key
            .public_key()
            .as_ref()
            .try_into()
            .map_err(|_| NoteError::PrivateKey)?;
        Ok(Self {
            verifier: Verifier::new(name, public)?,
            key: Arc::new(key),
        })
    }

    /// The same key under the name of another shard of the log; `None` where `origin` is another log's.
    pub fn of_shard(&self, origin: &str) -> Option<Self> {
        Some(Self {
            key: Arc::clone(&self.key),
            verifier: self.verifier.of_shard(origin)?,
        })
    }

    /// The public half.
    pub fn verifier(&self) -> &Verifier {
        &self.verifier
    }

    /// The signature over `message`. What is signed beside notes must contain a byte that no note may contain.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        let mut signature = [0; 64];
        signature.copy_from_slice(self.key.sign(message).as_ref());
        signature
    }

    /// The note of `text`, which must end in a newline.
    pub fn note(&self, text: &str) -> Result<String, NoteError> {
        if !text.ends_with('\n') || text.chars().any(|c| c < ' ' && c != '\n') {
            return Err(NoteError::Malformed);
        }
        let line = write_line(
            &self.verifier.name,
            self.verifier.id(),
            &self.sign(text.as_bytes()),
        );
        Ok(format!("{text}\n{line}"))
    }
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Signer({}+{})", self.verifier.name, self.verifier.id_text())
    }
}

/// A key's name must be one that a signature line can carry.
fn check_name(name: &str) -> Result<(), NoteError> {
    let bad = |c: char| c.is_whitespace() || c == '+' || c.is_control();
    if name.is_empty() || name.contains(bad) {
        return Err(NoteError::Name);
    }
    Ok(())
}

/// The first four bytes of `SHA-256(name ‖ 0x0A ‖ type ‖ key)`.
fn key_id(name: &str, key_type: u8, key: &[u8; 32]) -> u32 {
    let [a, b, c, d, ..] = sha256(&[name.as_bytes(), b"\n", &[key_type], key]);
    u32::from_be_bytes([a, b, c, d])
}

/// `name+id+key` for a key of this type.
fn key_text(name: &str, key_type: u8, key: &[u8; 32]) -> String {
    let mut typed = vec![key_type];
    typed.extend(key);
    format!("{name}+{:08x}+{}", key_id(name, key_type, key), base64(&typed))
}

/// Reads `name+id+key` of a key of this type, whose id must be its own.
fn read_key(text: &str, key_type: u8) -> Result<(&str, [u8; 32]), NoteError> {
    let mut parts = text.trim().splitn(3, '+');
    let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(NoteError::VerifierKey);
    };
    let [found, key @ ..] = from_base64::<33>(key).ok_or(NoteError::VerifierKey)?;
    check_name(name)?;
    if found == key_type && format!("{:08x}", key_id(name, key_type, &key)) == id {
        Ok((name, key))
    } else {
        Err(NoteError::VerifierKey)
    }
}

/// A signature line: an em dash, the name, and the base64 of the key's id and the signature.
pub(super) fn write_line(name: &str, id: u32, signature: &[u8]) -> String {
    let mut bytes = id.to_be_bytes().to_vec();
    bytes.extend(signature);
    format!("{SIGNATURE_START}{name} {}\n", base64(&bytes))
}

/// The text, with its last newline, and the signature lines.
pub(super) fn split(note: &str) -> Result<(&str, impl Iterator<Item = &str>), NoteError> {
    if note.len() > NOTE_BYTES_MAX || note.chars().any(|c| c < ' ' && c != '\n') {
        return Err(NoteError::Malformed);
    }
    let (text, signatures) = note.rsplit_once("\n\n").ok_or(NoteError::Malformed)?;
    let text = note.get(..=text.len()).ok_or(NoteError::Malformed)?;
    let signatures = signatures.strip_suffix('\n').ok_or(NoteError::Malformed)?;
    Ok((text, signatures.split('\n')))
}

/// The name, the key id and the signature of one line.
pub(super) fn signature_line(line: &str) -> Result<(&str, u32, Vec<u8>), NoteError> {
    let (name, signature) = line
        .strip_prefix(SIGNATURE_START)
        .and_then(|rest| rest.split_once(' '))
        .ok_or(NoteError::Malformed)?;
    let bytes = data_encoding::BASE64
        .decode(signature.as_bytes())
        .map_err(|_| NoteError::Malformed)?;
    let (id, signature) = bytes.split_first_chunk::<4>().ok_or(NoteError::Malformed)?;
    if name.is_empty() || signature.is_empty() {
        return Err(NoteError::Malformed);
    }
    Ok((name, u32::from_be_bytes(*id), signature.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPEC_KEY: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
    const SPEC_NOTE: &str = "This is an example message.\n\n\u{2014} example.com/foo \
        Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";
    const GO_KEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    const GO_SEED: &str = "AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
    const GO_TEXT: &str = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
    const GO_SIGNATURE: &str = "\n\u{2014} PeterNeumann \
        x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

    #[test]
    fn the_note_of_the_specification_opens() {
        let key = Verifier::parse(SPEC_KEY).unwrap();
        assert_eq!(key.open(SPEC_NOTE), Ok("This is an example message.\n"));
        assert_eq!(key.to_text(), SPEC_KEY);
        assert_eq!(key.id(), 0x530d_903a);
    }

    #[test]
    fn the_note_of_the_go_implementation_is_written_byte_for_byte() {
        let typed: [u8; 33] = from_base64(GO_SEED).unwrap();
        let signer = Signer::from_seed("PeterNeumann", typed[1..].try_into().unwrap()).unwrap();
        assert_eq!(signer.verifier().to_text(), GO_KEY);
        assert_eq!(signer.note(GO_TEXT), Ok(format!("{GO_TEXT}{GO_SIGNATURE}")));
    }

    #[test]
    fn other_signatures_are_ignored_but_a_bad_one_spoils_the_note() {
        let key = Verifier::parse(GO_KEY).unwrap();
        let foreign = SPEC_NOTE.lines().last().unwrap();
        assert_eq!(
            key.open(&format!("{GO_TEXT}{GO_SIGNATURE}{foreign}\n")),
            Ok(GO_TEXT)
        );
        assert_eq!(
            key.open(&format!("{GO_TEXT}\n{foreign}\n")),
            Err(NoteError::NotSigned(0xc74f_20a3))
        );
        assert_eq!(
            key.open(&format!("More.\n{GO_TEXT}{GO_SIGNATURE}")),
            Err(NoteError::BadSignature(0xc74f_20a3))
        );
    }

    #[test]
    fn what_is_no_note_or_key_is_refused() {
        let key = Verifier::parse(SPEC_KEY).unwrap();
        let cut = &SPEC_NOTE[..SPEC_NOTE.len() - 1];
        let tab = SPEC_NOTE.replace("This is", "This\tis");
        let dash = SPEC_NOTE.replace('\u{2014}', "-");
        for note in [
            "",
            "\n\n",
            "text\n",
            cut,
            &tab,
            &dash,
            "text\n\n\u{2014} name !\n",
        ] {
            assert_eq!(key.open(note), Err(NoteError::Malformed), "{note:?}");
        }
        for text in [
            "",
            "a+b",
            &SPEC_KEY.replace("530d903a", "530d903b"),
            &SPEC_KEY.replace("+Aek", "+Bek"),
        ] {
            assert_eq!(Verifier::parse(text), Err(NoteError::VerifierKey), "{text}");
        }
        for name in ["", "two words", "a+b", "line\n"] {
            assert_eq!(Verifier::new(name, [0; 32]), Err(NoteError::Name), "{name:?}");
        }
    }
}
