//! HKDF-SHA256 (RFC 5869): working keys out of a root.

use ring::{hkdf, hmac};

/// `HKDF-Expand(HKDF-Extract(salt, root), info, 32)`, ready for use as an HMAC-SHA256 key.
///
/// The prepared key holds hash states, not the derived bytes; `ring` offers no way to wipe them.
pub(crate) fn hmac_key(salt: &str, root: &[u8; 32], info: &[&[u8]]) -> hmac::Key {
    let prk = hkdf::Salt::new(hkdf::HKDF_SHA256, salt.as_bytes()).extract(root);
    #[expect(
        clippy::expect_used,
        reason = "the only error is a length above 255 × 32 bytes; this is 32"
    )]
    let okm = prk
        .expand(info, hmac::HMAC_SHA256)
        .expect("32 bytes is within HKDF's limit");
    hmac::Key::from(okm)
}

/// The first `N` bytes of an HMAC-SHA256 tag.
pub(crate) fn mac<const N: usize>(key: &hmac::Key, message: &[u8]) -> [u8; N] {
    first(hmac::sign(key, message).as_ref())
}

/// The first `N` bytes of a tag; `N` is at most its 32 bytes.
pub(crate) fn first<const N: usize>(tag: &[u8]) -> [u8; N] {
    const { assert!(N <= 32, "an HMAC-SHA256 tag has 32 bytes") };
    let mut first = [0; N];
    first.iter_mut().zip(tag).for_each(|(to, from)| *to = *from);
    first
}
