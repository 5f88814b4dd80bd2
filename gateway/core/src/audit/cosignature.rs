//! Cosignatures (C2SP tlog-cosignature, Ed25519, type 0x04): a witness says that, at a time, this was the longest
//! history of a log that it had seen, and that it only grew.

use ring::signature::{ED25519, UnparsedPublicKey};
use zeroize::Zeroizing;

use super::note::{NamedKey, NoteError, Signer, signature_line, split, write_line};
use super::{base64, from_base64};

/// The signature type byte of an Ed25519 cosignature.
const TYPE_COSIGNATURE: u8 = 0x04;
/// What the text of a private key starts with.
const PRIVATE: &str = "PRIVATE+KEY+";
/// The bytes of a cosignature: the time and an Ed25519 signature.
const BYTES: usize = 8 + 64;

/// A witness's public key with its name.
pub type WitnessKey = NamedKey<TYPE_COSIGNATURE>;

/// A good cosignature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cosignature {
    /// When the witness saw it, in seconds since 1970 UTC.
    pub time_s: u64,
    /// The signature line, with its newline.
    pub line: String,
}

impl WitnessKey {
    /// The cosignature by this key among signature lines (each with its newline) over a checkpoint's `text`; of
    /// several the latest. Lines of other keys are ignored.
    ///
    /// # Errors
    /// When a line is none, or one by this key does not fit.
    pub fn find(&self, text: &str, lines: &str) -> Result<Option<Cosignature>, NoteError> {
        let mut found: Option<Cosignature> = None;
        for line in lines.split_inclusive('\n') {
            let content = line.strip_suffix('\n').ok_or(NoteError::Malformed)?;
            let (name, id, signature) = signature_line(content)?;
            if name != self.name() || id != self.id() {
                continue;
            }
            let time_s = self
                .time_of(text, &signature)
                .ok_or(NoteError::BadSignature(id))?;
            if found.as_ref().is_none_or(|found| found.time_s <= time_s) {
                let line = line.to_owned();
                found = Some(Cosignature { time_s, line });
            }
        }
        Ok(found)
    }

    /// The cosignature by this key under a whole note.
    pub fn find_in(&self, note: &str) -> Result<Option<Cosignature>, NoteError> {
        let (text, _) = split(note)?;
        self.find(text, note.get(text.len() + 1..).unwrap_or_default())
    }

    /// The time of a cosignature that fits.
    fn time_of(&self, text: &str, cosignature: &[u8]) -> Option<u64> {
        let (time, signature) = cosignature.split_first_chunk::<8>()?;
        let time_s = u64::from_be_bytes(*time);
        let sound = cosignature.len() == BYTES && i64::try_from(time_s).is_ok();
        let accepts = UnparsedPublicKey::new(&ED25519, self.key())
            .verify(message(text, time_s).as_bytes(), signature)
            .is_ok();
        (sound && accepts).then_some(time_s)
    }
}

/// A witness's private key. It signs nothing but cosignatures, so that no message of another kind can be had of it.
#[derive(Debug)]
pub struct Cosigner {
    signer: Signer,
    key: WitnessKey,
}

impl Cosigner {
    /// From the 32-byte seed (RFC 8032 section 5.1.5).
    pub fn from_seed(name: &str, seed: &[u8; 32]) -> Result<Self, NoteError> {
        let signer = Signer::from_seed(name, seed)?;
        let key = WitnessKey::new(name, *signer.verifier().key())?;
        Ok(Self { signer, key })
    }

    /// Reads `PRIVATE+KEY+name+id+base64(0x04 ‖ seed)`, as [`Cosigner::to_private_text`] writes it.
    pub fn from_private_text(text: &str) -> Result<Self, NoteError> {
        let key = text.trim().strip_prefix(PRIVATE).ok_or(NoteError::PrivateKey)?;
        let mut parts = key.splitn(3, '+');
        let (Some(name), Some(id), Some(seed)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(NoteError::PrivateKey);
        };
        let typed = Zeroizing::new(from_base64::<33>(seed).ok_or(NoteError::PrivateKey)?);
        let (kind, seed) = typed.split_first_chunk::<1>().ok_or(NoteError::PrivateKey)?;
        let seed = seed.try_into().map_err(|_| NoteError::PrivateKey)?;
        let cosigner = Self::from_seed(name, seed)?;
        if *kind == [TYPE_COSIGNATURE] && format!("{:08x}", cosigner.key.id()) == id {
            Ok(cosigner)
        } else {
            Err(NoteError::PrivateKey)
        }
    }

    /// The private key of a seed as text, in the form that Go's `note` package reads.
    pub fn to_private_text(name: &str, seed: &[u8; 32]) -> Result<Zeroizing<String>, NoteError> {
        let id = Self::from_seed(name, seed)?.key.id();
        let mut typed = Zeroizing::new(vec![TYPE_COSIGNATURE]);
        typed.extend(seed);
        Ok(Zeroizing::new(format!(
            "{PRIVATE}{name}+{id:08x}+{}",
            base64(&typed)
        )))
    }

    /// The public half.
    pub fn key(&self) -> &WitnessKey {
        &self.key
    }

    /// The line of a cosignature over a checkpoint's text, made at `time_s`. It says that nothing longer was seen, so
    /// remember the checkpoint first.
    pub fn cosign(&self, text: &str, time_s: u64) -> String {
        let mut signature = time_s.to_be_bytes().to_vec();
        signature.extend(self.signer.sign(message(text, time_s).as_bytes()));
        write_line(self.key.name(), self.key.id(), &signature)
    }
}

fn message(text: &str, time_s: u64) -> String {
    format!("cosignature/v1\ntime {time_s}\n{text}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::checkpoint::Checkpoint;

    const TEXT: &str = "example.nl/audit/2026\n1\nAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwM=\n";

    fn witness() -> Cosigner {
        Cosigner::from_seed("school.example/witness", &[9; 32]).unwrap()
    }

    #[test]
    fn what_was_cosigned_is_found_under_the_note() {
        let log = Signer::from_seed("example.nl/audit/2026", &[7; 32]).unwrap();
        let note = log.note(TEXT).unwrap() + &witness().cosign(TEXT, 1_679_315_147);
        let found = witness().key().find_in(&note).unwrap().unwrap();
        assert_eq!(found.time_s, 1_679_315_147);
        assert!(note.ends_with(&found.line));
        // The log's own signature still opens.
        assert_eq!(Checkpoint::open(&note, log.verifier()).unwrap().size, 1);
        assert_eq!(witness().key().find_in(&log.note(TEXT).unwrap()), Ok(None));
    }

    #[test]
    fn a_cosignature_is_over_the_text_and_the_time() {
        let line = witness().cosign(TEXT, 5);
        assert_eq!(witness().key().find(TEXT, &line).unwrap().unwrap().time_s, 5);
        let refused = Err(NoteError::BadSignature(witness().key().id()));
        assert_eq!(
            witness().key().find(&TEXT.replace("2026", "2027"), &line),
            refused
        );
        let (start, base64) = line.trim_end().rsplit_once(' ').unwrap();
        let mut bytes = data_encoding::BASE64.decode(base64.as_bytes()).unwrap();
        for place in 4..bytes.len() {
            bytes[place] ^= 1;
            let changed = format!("{start} {}\n", data_encoding::BASE64.encode(&bytes));
            assert_eq!(witness().key().find(TEXT, &changed), refused, "byte {place}");
            bytes[place] ^= 1;
        }
    }

    #[test]
    fn the_latest_of_several_counts_and_other_keys_do_not() {
        let other = Cosigner::from_seed("other.example/witness", &[10; 32]).unwrap();
        let lines = [
            witness().cosign(TEXT, 9),
            other.cosign(TEXT, 10),
            witness().cosign(TEXT, 3),
        ]
        .concat();
        assert_eq!(witness().key().find(TEXT, &lines).unwrap().unwrap().time_s, 9);
        assert_eq!(other.key().find(TEXT, "").unwrap(), None);
        assert_eq!(other.key().find(TEXT, "no line\n"), Err(NoteError::Malformed));
    }

    #[test]
    fn a_private_key_is_read_as_it_was_written() {
        let text = Cosigner::to_private_text("school.example/witness", &[9; 32]).unwrap();
        assert_eq!(Cosigner::from_private_text(&text).unwrap().key(), witness().key());
        for (from, to) in [
            ("PRIVATE", "PUBLIC"),
            ("+B", "+C"),
            ("school", "other"),
            ("CQkJCQ", "CQkJ"),
        ] {
            let changed = text.replacen(from, to, 1);
            assert!(
                *text != changed && Cosigner::from_private_text(&changed).is_err(),
                "{to}"
            );
        }
        assert!(
            !format!("{:?}", witness()).contains("CQkJ"),
            "a private key shows"
        );
    }

    #[test]
    fn a_witness_key_is_none_of_a_log() {
        let text = witness().key().to_text();
        assert_eq!(WitnessKey::parse(&text), Ok(witness().key().clone()));
        assert_eq!(
            super::super::note::Verifier::parse(&text),
            Err(NoteError::VerifierKey)
        );
        let log = Signer::from_seed("x", &[7; 32]).unwrap();
        assert_eq!(
            WitnessKey::parse(&log.verifier().to_text()),
            Err(NoteError::VerifierKey)
        );
    }
}
