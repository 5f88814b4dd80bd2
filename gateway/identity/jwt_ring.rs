//! The cryptography of `jsonwebtoken`, on ring.
//!
//! The library dropped its own ring backend in version 10; what it offers instead drags in an RSA crate
//! with an open advisory, or a second crypto library. This is the small rest: Ed25519, ES256, PS256 and RS256
//! to verify, Ed25519 and ES256 to sign. Everything else (HMAC, `none`, other sizes) is refused here, below
//! all other checks.

use std::sync::Once;

use jsonwebtoken::crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils};
use jsonwebtoken::errors::{ErrorKind, Result, new_error};
use jsonwebtoken::jwk::{EllipticCurve, ThumbprintHash};
use jsonwebtoken::signature::{self, Signer, Verifier};
use jsonwebtoken::{Algorithm, DecodingKey, DecodingKeyKind, EncodingKey};
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ED25519, EcdsaKeyPair, Ed25519KeyPair,
    RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256, RsaParameters, RsaPublicKeyComponents,
    UnparsedPublicKey, VerificationAlgorithm,
};

/// Makes ring the cryptography of `jsonwebtoken` in this process. Every key type of ours calls it when it is
/// made, so that no signature can be checked before it.
pub(crate) fn install() {
    static ONCE: Once = Once::new();
    // The only error is "installed before", and nothing else in this crate installs one.
    ONCE.call_once(|| {
        let _ = PROVIDER.install_default();
    });
}

/// `key_utils` serve the library's own JWK conversions, which we do not use.
static PROVIDER: CryptoProvider = CryptoProvider {
    signer_factory: signer,
    verifier_factory: verifier,
    key_utils: KeyUtils {
        rsa_pub_components_from_private_key: no_rsa_components,
        rsa_pub_components_from_public_key: no_rsa_components,
        ec_pub_components_from_private_key: no_ec_components,
        ed_pub_components_from_private_key: no_ed_components,
        compute_digest: no_digest,
    },
};

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature is the library's")]
fn signer(algorithm: &Algorithm, key: &EncodingKey) -> Result<Box<dyn JwtSigner>> {
    if key.family() != algorithm.family() {
        return Err(new_error(ErrorKind::InvalidKeyFormat));
    }
    match algorithm {
        Algorithm::EdDSA => Ed25519KeyPair::from_pkcs8_maybe_unchecked(key.as_bytes())
            .map(|pair| Box::new(Ed25519(pair)) as Box<dyn JwtSigner>)
            .map_err(|_| new_error(ErrorKind::InvalidEddsaKey)),
        Algorithm::ES256 => {
            let random = SystemRandom::new();
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, key.as_bytes(), &random)
                .map(|pair| Box::new(P256 { pair, random }) as Box<dyn JwtSigner>)
                .map_err(|_| new_error(ErrorKind::InvalidEcdsaKey))
        }
        _ => unsupported(),
    }
}

struct Ed25519(Ed25519KeyPair);

impl Signer<Vec<u8>> for Ed25519 {
    fn try_sign(&self, message: &[u8]) -> std::result::Result<Vec<u8>, signature::Error> {
        Ok(self.0.sign(message).as_ref().to_vec())
    }
}

impl JwtSigner for Ed25519 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::EdDSA
    }
}

struct P256 {
    pair: EcdsaKeyPair,
    random: SystemRandom,
}

impl Signer<Vec<u8>> for P256 {
    fn try_sign(&self, message: &[u8]) -> std::result::Result<Vec<u8>, signature::Error> {
        let signature = self
            .pair
            .sign(&self.random, message)
            .map_err(|_| signature::Error::new())?;
        Ok(signature.as_ref().to_vec())
    }
}

impl JwtSigner for P256 {
    fn algorithm(&self) -> Algorithm {
        Algorithm::ES256
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature is the library's")]
fn verifier(algorithm: &Algorithm, key: &DecodingKey) -> Result<Box<dyn JwtVerifier>> {
    if key.family() != algorithm.family() {
        return Err(new_error(ErrorKind::InvalidKeyFormat));
    }
    let scheme = match algorithm {
        Algorithm::EdDSA => Scheme::Point(&ED25519),
        Algorithm::ES256 => Scheme::Point(&ECDSA_P256_SHA256_FIXED),
        Algorithm::PS256 => Scheme::Rsa(&RSA_PSS_2048_8192_SHA256),
        Algorithm::RS256 => Scheme::Rsa(&RSA_PKCS1_2048_8192_SHA256),
        _ => return unsupported(),
    };
    Ok(Box::new(PublicKey {
        algorithm: *algorithm,
        scheme,
        key: key.clone(),
    }))
}

struct PublicKey {
    algorithm: Algorithm,
    scheme: Scheme,
    key: DecodingKey,
}

enum Scheme {
    Point(&'static dyn VerificationAlgorithm),
    Rsa(&'static RsaParameters),
}

impl Verifier<Vec<u8>> for PublicKey {
    fn verify(&self, message: &[u8], signature: &Vec<u8>) -> std::result::Result<(), signature::Error> {
        let verified = match (&self.scheme, self.key.kind()) {
            (Scheme::Point(scheme), DecodingKeyKind::SecretOrDer(point)) => {
                UnparsedPublicKey::new(*scheme, point).verify(message, signature)
            }
            (Scheme::Rsa(scheme), DecodingKeyKind::SecretOrDer(der)) => {
                UnparsedPublicKey::new(*scheme, der).verify(message, signature)
            }
            (Scheme::Rsa(scheme), DecodingKeyKind::RsaModulusExponent { n, e }) => {
                RsaPublicKeyComponents { n, e }.verify(scheme, message, signature)
            }
            (Scheme::Point(_), DecodingKeyKind::RsaModulusExponent { .. }) => Err(ring::error::Unspecified),
        };
        verified.map_err(|_| signature::Error::new())
    }
}

impl JwtVerifier for PublicKey {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

fn unsupported<T>() -> Result<T> {
    Err(new_error(ErrorKind::UnsupportedAlgorithm))
}

fn no_rsa_components(_: &[u8]) -> Result<(Vec<u8>, Vec<u8>)> {
    unsupported()
}

fn no_ec_components(_: &[u8], _: Algorithm) -> Result<(EllipticCurve, Vec<u8>, Vec<u8>)> {
    unsupported()
}

fn no_ed_components(_: &[u8], _: &EllipticCurve) -> Result<Vec<u8>> {
    unsupported()
}

fn no_digest(_: &[u8], _: ThumbprintHash) -> Result<Vec<u8>> {
    unsupported()
}

#[cfg(test)]
mod tests {
    use data_encoding::BASE64URL_NOPAD;
    use jsonwebtoken::crypto::{sign, verify};
    use ring::signature::KeyPair;

    use super::*;

    #[test]
    fn ed25519_and_p256_sign_and_verify() {
        install();
        let random = SystemRandom::new();
        let ed = Ed25519KeyPair::generate_pkcs8(&random).unwrap();
        let ed25519_public = Ed25519KeyPair::from_pkcs8(ed.as_ref())
            .unwrap()
            .public_key()
            .as_ref()
            .to_vec();
        let ec = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let ec_pair =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, ec.as_ref(), &random).unwrap();
        let p256_public = ec_pair.public_key().as_ref().to_vec();

        let cases = [
            (
                Algorithm::EdDSA,
                EncodingKey::from_ed_der(ed.as_ref()),
                DecodingKey::from_ed_der(&ed25519_public),
            ),
            (
                Algorithm::ES256,
                EncodingKey::from_ec_der(ec.as_ref()),
                DecodingKey::from_ec_der(&p256_public),
            ),
        ];
        for (algorithm, private, public) in cases {
            let signature = sign(b"message", &private, algorithm).unwrap();
            assert!(
                verify(&signature, b"message", &public, algorithm).unwrap(),
                "{algorithm:?}"
            );
            assert!(
                !verify(&signature, b"massage", &public, algorithm).unwrap(),
                "{algorithm:?}"
            );
            assert!(
                !verify("AAAA", b"message", &public, algorithm).unwrap(),
                "{algorithm:?}"
            );
        }
    }

    /// RFC 7515 appendix A.2 (RS256) and A.3 (ES256): vectors that nobody here made.
    #[test]
    fn vectors_of_rfc_7515_verify() {
        install();
        let n = "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ";
        let rs = DecodingKey::from_rsa_components(n, "AQAB").unwrap();
        let payload =
            "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
        let rs_signature = "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";
        let es = DecodingKey::from_ec_components(
            "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
            "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
        )
        .unwrap();
        let es_signature =
            "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
        let cases = [
            (Algorithm::RS256, "RS256", rs.clone(), rs_signature, true),
            (Algorithm::ES256, "ES256", es, es_signature, true),
            (Algorithm::PS256, "RS256", rs, rs_signature, false),
        ];
        for (algorithm, name, key, signature, expected) in cases {
            let header = BASE64URL_NOPAD.encode(format!(r#"{{"alg":"{name}"}}"#).as_bytes());
            let message = format!("{header}.{payload}");
            assert_eq!(
                verify(signature, message.as_bytes(), &key, algorithm).unwrap(),
                expected
            );
        }
    }

    /// Signed with OpenSSL: `openssl dgst -sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:digest`.
    #[test]
    fn ps256_of_openssl_verifies_and_is_not_rs256() {
        install();
        let n = "xmmLjX8P6JMXMbltd7maD2JpuIYdikYrToj3d4MfpXZeWCmJtOrMT-dD_ZEq4UYpc_pyqetoyZ90XkLyx6qLz9cVguUtLPPCgMg6LohfsbCm8A8_Hyl4ogFXg-1fDSGtNOeyNvuvXHIRfwsgB4ovq1niMgyjR-Me1Ga7LEEQCJ1nxWLDjHJ9yjS5LLmvV3_ZbGMsEihjNjqFALlMDLxWAt0QEUfSw7fDh3XvaU3ZSmq2CLZv5qnv3f11qMdwkqQXSyZCKq5hmkZt8C1iExFP5lWOPmM2T1uHZYG-eLkx52CFD6eac98cwASZT4uNjBdrZZb8kdDFDlO1cJDj67CcDQ";
        let signature = "A0FUHZaTMvq9YizBcU3my04KxCniRzTSc5i8NuUdz-BuUbr43VOaBGbHRKWckSoXzXYFP5arZlvVv6DqhbzWpoZmLhiHwRfD2g5OxudmZFQAvBN4nM68qY_gTiboYsUSSgXB5sPdts2p8dmVraprJnmMHfUF0FY-5s93e6MSduwDZd3F2GXBz3hfQX2xuAkAlw_zkYCahnY_ef1TYHXz9CDEKiqXoo_3rdTh9D-fZ6ImZABY0vPxZn7M1x2Ts8GVgCN5WgUZdo5BI6klaspMIfsy2L0Wik_u_3dRHcmTFEeD0YqF3-a3w_Lb_9LlkdwTjfGkqFycP1_BEzuup4YzLQ";
        let key = DecodingKey::from_rsa_components(n, "AQAB").unwrap();
        assert!(verify(signature, b"message", &key, Algorithm::PS256).unwrap());
        assert!(!verify(signature, b"massage", &key, Algorithm::PS256).unwrap());
        assert!(!verify(signature, b"message", &key, Algorithm::RS256).unwrap());
    }

    #[test]
    fn hmac_other_sizes_and_mixed_families_are_refused() {
        install();
        let ed = DecodingKey::from_ed_der(&[7; 32]);
        let secret = DecodingKey::from_secret(&[7; 32]);
        let rsa = DecodingKey::from_rsa_raw_components(&[7; 256], &[1, 0, 1]);
        let cases = [
            (Algorithm::HS256, &secret),
            (Algorithm::HS512, &secret),
            (Algorithm::HS256, &ed),
            (Algorithm::EdDSA, &secret),
            (Algorithm::ES256, &ed),
            (Algorithm::ES384, &ed),
            (Algorithm::EdDSA, &rsa),
            (Algorithm::PS384, &rsa),
            (Algorithm::RS512, &rsa),
        ];
        for (algorithm, key) in cases {
            assert!(verify("AAAA", b"m", key, algorithm).is_err(), "{algorithm:?}");
        }
        assert!(sign(b"m", &EncodingKey::from_secret(b"s"), Algorithm::HS256).is_err());
    }
}
