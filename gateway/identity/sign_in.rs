//! What binds one sign-in to one browser: a secret in its cookie, from which the rest is derived, so that nothing secret
//! is kept here (RFC 6749 section 10.12, RFC 7636, OpenID Connect Core section 15.5.2).

use data_encoding::BASE64URL_NOPAD;
use doelpoort_core::policy::sha256;
use ring::hmac;
use ring::rand::SecureRandom;
use zeroize::Zeroizing;

/// Bytes of the secret.
const SECRET_LEN: usize = 32;

/// A sign-in that somebody began. Its `Debug` shows nothing.
pub struct SignIn(Zeroizing<[u8; SECRET_LEN]>);

impl SignIn {
    /// A new one; none without randomness.
    pub fn begin(random: &dyn SecureRandom) -> Option<Self> {
        let mut secret = Zeroizing::new([0; SECRET_LEN]);
        random.fill(secret.as_mut_slice()).ok()?;
        Some(Self(secret))
    }

    /// The one of a cookie; none where the cookie is not one of ours.
    pub fn of_cookie(value: &str) -> Option<Self> {
        let bytes = Zeroizing::new(BASE64URL_NOPAD.decode(value.as_bytes()).ok()?);
        let secret: [u8; SECRET_LEN] = bytes.as_slice().try_into().ok()?;
        Some(Self(Zeroizing::new(secret)))
    }

    /// What the browser keeps.
    pub fn cookie(&self) -> String {
        BASE64URL_NOPAD.encode(self.0.as_slice())
    }

    /// What comes back with the provider's answer, so that it is an answer to this browser.
    pub fn state(&self) -> String {
        self.derived(b"state")
    }

    /// What the ID token must carry.
    pub fn nonce(&self) -> String {
        self.derived(b"nonce")
    }

    /// What proves at the token endpoint that who asks is who began.
    pub fn verifier(&self) -> String {
        self.derived(b"verifier")
    }

    /// The verifier as the provider hears it first (`S256`).
    pub fn challenge(&self) -> String {
        BASE64URL_NOPAD.encode(&sha256(self.verifier().as_bytes()))
    }

    /// The digest of the state, under which a sign-in is remembered until it ends.
    pub fn digest(&self) -> [u8; 32] {
        sha256(self.state().as_bytes())
    }

    fn derived(&self, label: &[u8]) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA256, self.0.as_slice());
        BASE64URL_NOPAD.encode(hmac::sign(&key, label).as_ref())
    }
}

impl std::fmt::Debug for SignIn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SignIn(…)")
    }
}

#[cfg(test)]
mod tests {
    use ring::rand::SystemRandom;

    use super::*;

    #[test]
    fn the_cookie_gives_the_same_sign_in_and_no_other_value_does() {
        let begun = SignIn::begin(&SystemRandom::new()).unwrap();
        let again = SignIn::of_cookie(&begun.cookie()).unwrap();
        assert_eq!(
            (again.state(), again.nonce(), again.verifier()),
            (begun.state(), begun.nonce(), begun.verifier())
        );
        let values = [begun.cookie(), begun.state(), begun.nonce(), begun.verifier()];
        let different: std::collections::BTreeSet<_> = values.iter().collect();
        assert_eq!(different.len(), values.len());
        // RFC 7636 section 4.1: 43 to 128 characters.
        assert_eq!(begun.verifier().len(), 43);
        for wrong in ["", "AAAA", "not base64!", &format!("{}A", begun.cookie())] {
            assert!(SignIn::of_cookie(wrong).is_none(), "{wrong}");
        }
        assert_eq!(format!("{begun:?}"), "SignIn(…)");
    }
}
