//! Checkpoints (C2SP tlog-checkpoint v1.0.0): the signed state of the log.

use super::note::{NoteError, Signer, Verifier};
use super::{Hash, base64, from_base64};

/// What a checkpoint says: the log's name, how many leaves it has, and their root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log's name, also the name of its key.
    pub origin: String,
    /// The number of leaves.
    pub size: u64,
    /// The root of the tree of that size.
    pub root: Hash,
}

/// Why a checkpoint is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// The note is refused.
    #[error(transparent)]
    Note(#[from] NoteError),
    /// Not three lines: origin, size, root.
    #[error("the note is not a checkpoint: three lines of origin, size and root")]
    Malformed,
    /// It is of another log.
    #[error("the checkpoint is of another log than its key")]
    Origin,
}

impl Checkpoint {
    /// The three lines that are signed. We write no extension lines: nobody can audit them.
    pub fn to_text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, base64(&self.root))
    }

    /// The signed note. Fails if the signer's name is not the origin.
    pub fn sign(&self, signer: &Signer) -> Result<String, CheckpointError> {
        if signer.verifier().name() != self.origin {
            return Err(CheckpointError::Origin);
        }
        Ok(signer.note(&self.to_text())?)
    }

    /// Reads a note that `log` signed.
    pub fn open(note: &str, log: &Verifier) -> Result<Self, CheckpointError> {
        let checkpoint = Self::parse(log.open(note)?)?;
        if checkpoint.origin == log.name() {
            Ok(checkpoint)
        } else {
            Err(CheckpointError::Origin)
        }
    }

    /// Reads a note that any shard of the log signed; `log` is the key of one of them.
    pub fn open_of_log(note: &str, log: &Verifier) -> Result<Self, CheckpointError> {
        let origin = note.lines().next().unwrap_or_default();
        let shard = log.of_shard(origin).ok_or(CheckpointError::Origin)?;
        Self::open(note, &shard)
    }

    fn parse(text: &str) -> Result<Self, CheckpointError> {
        let checkpoint = (|| {
            let mut lines = text.split('\n');
            let origin = lines.next()?.to_owned();
            let size = lines.next()?.parse().ok()?;
            let root = from_base64(lines.next()?)?;
            Some(Self { origin, size, root })
        })()
        .ok_or(CheckpointError::Malformed)?;
        // One spelling only: this refuses leading zeroes, a plus sign, extension lines.
        if checkpoint.to_text() == text {
            Ok(checkpoint)
        } else {
            Err(CheckpointError::Malformed)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signer() -> Signer {
        Signer::from_seed("example.nl/audit/2026", &[7; 32]).unwrap()
    }

    #[test]
    fn the_text_is_that_of_the_specification() {
        let root = from_base64("CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=").unwrap();
        let checkpoint = Checkpoint {
            origin: "example.com/behind-the-sofa".into(),
            size: 20_852_163,
            root,
        };
        let text = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
        assert_eq!(checkpoint.to_text(), text);
        assert_eq!(Checkpoint::parse(text), Ok(checkpoint));
    }

    #[test]
    fn what_was_signed_opens() {
        let checkpoint = Checkpoint {
            origin: "example.nl/audit/2026".into(),
            size: 0,
            root: [3; 32],
        };
        let note = checkpoint.sign(&signer()).unwrap();
        assert_eq!(Checkpoint::open(&note, signer().verifier()), Ok(checkpoint));
    }

    #[test]
    fn another_origin_is_not_signed_and_not_accepted() {
        let checkpoint = Checkpoint {
            origin: "example.nl/audit/2027".into(),
            size: 1,
            root: [3; 32],
        };
        assert_eq!(checkpoint.sign(&signer()), Err(CheckpointError::Origin));
        let note = signer().note(&checkpoint.to_text()).unwrap();
        assert_eq!(
            Checkpoint::open(&note, signer().verifier()),
            Err(CheckpointError::Origin)
        );
    }

    #[test]
    fn other_spellings_are_refused() {
        let root = base64(&[3; 32]);
        for text in [
            format!("o\n01\n{root}\n"),
            format!("o\n+1\n{root}\n"),
            format!("o\n1\n{root}\nmore\n"),
            format!("o\n1\n{}\n", base64(&[3; 31])),
            "o\n1\n".to_owned(),
        ] {
            assert_eq!(
                Checkpoint::parse(&text),
                Err(CheckpointError::Malformed),
                "{text}"
            );
        }
    }
}
