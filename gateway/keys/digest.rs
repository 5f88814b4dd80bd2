//! Keyed digests of what we store about bodies, deliveries and results: a plain hash of a one-row body could be
//! found by trying all rows.

use std::fmt;

use ring::hmac;

use super::{Secret, Versions};

/// HMAC-SHA256 under a rotating key.
pub struct DigestKey(Versions<Secret>);

/// A digest in the making.
pub struct Digesting(hmac::Context);

impl DigestKey {
    pub(crate) fn new(versions: Versions<Secret>) -> Self {
        Self(versions)
    }

    /// The version that makes digests now; store it beside them.
    pub fn version(&self) -> u32 {
        self.0.active_version()
    }

    /// The versions that are read.
    pub fn versions(&self) -> impl Iterator<Item = u32> {
        self.0.iter().map(|(version, _)| version)
    }

    /// Starts a digest under the active version. `what` separates the digests of bodies, deliveries, results.
    pub fn begin(&self, what: &'static str) -> Digesting {
        begin(self.0.active(), what)
    }

    /// Starts a digest under an older version, to compare with what was stored. None: it is gone.
    pub fn begin_with(&self, version: u32, what: &'static str) -> Option<Digesting> {
        Some(begin(self.0.version(version)?, what))
    }

    /// The digest of some bytes.
    pub fn digest(&self, what: &'static str, bytes: &[u8]) -> [u8; 32] {
        let mut digesting = self.begin(what);
        digesting.update(bytes);
        digesting.finish()
    }
}

impl fmt::Debug for DigestKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DigestKey({})", self.version())
    }
}

impl Digesting {
    /// Adds bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest of all that was added.
    pub fn finish(self) -> [u8; 32] {
        let mut digest = [0; 32];
        digest.copy_from_slice(self.0.sign().as_ref());
        digest
    }
}

fn begin(secret: &Secret, what: &'static str) -> Digesting {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose());
    let mut context = hmac::Context::with_key(&key);
    context.update(b"dsg-digest\x01");
    // With its length, so that no label is the beginning of another.
    context.update(&what.len().to_be_bytes());
    context.update(what.as_bytes());
    Digesting(context)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(active: u32) -> DigestKey {
        let keys = [(1, Secret::take(&mut [1; 32])), (2, Secret::take(&mut [2; 32]))];
        DigestKey::new(Versions::new(active, keys.into()).unwrap())
    }

    #[test]
    fn version_use_and_bytes_all_count() {
        let digest = key(1).digest("body", b"x");
        let others = [
            key(2).digest("body", b"x"),
            key(1).digest("result", b"x"),
            key(1).digest("body", b"y"),
        ];
        assert!(others.iter().all(|other| *other != digest));
        assert_eq!(key(1).digest("body", b"x"), digest);
    }

    #[test]
    fn in_pieces_and_under_an_older_version() {
        let mut pieces = key(2).begin_with(1, "body").unwrap();
        pieces.update(b"ab");
        pieces.update(b"c");
        assert_eq!(pieces.finish(), key(1).digest("body", b"abc"));
        assert!(key(2).begin_with(3, "body").is_none());
    }
}
