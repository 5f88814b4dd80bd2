//! Signatures of project Wycheproof, under the algorithms that tokens may have. Its vectors of whole JWS and JWK are in no
//! package of a registry.

use data_encoding::BASE64URL_NOPAD;
use jsonwebtoken::crypto::verify;
use jsonwebtoken::{Algorithm, DecodingKey};
use wycheproof::{TestResult, ecdsa, eddsa, rsa_pkcs1_verify, rsa_pss_verify};

use crate::identity::jwt_ring;

/// How many were tried, and which went otherwise than told.
#[derive(Default)]
struct Tried {
    good: usize,
    bad: usize,
    wrong: Vec<String>,
}

macro_rules! try_all {
    ($tried:ident, $algorithm:expr, $set:expr, $key:expr) => {
        for group in $set.test_groups {
            let key = $key(&group);
            for test in group.tests {
                let signature = BASE64URL_NOPAD.encode(&test.sig);
                let verified = verify(&signature, &test.msg, &key, $algorithm).unwrap_or(false);
                let expected = match test.result {
                    TestResult::Valid => true,
                    TestResult::Invalid => false,
                    // A matter of taste.
                    TestResult::Acceptable => continue,
                };
                if expected {
                    $tried.good += 1
                } else {
                    $tried.bad += 1
                }
                if verified != expected {
                    $tried
                        .wrong
                        .push(format!("{:?} {}: {}", $algorithm, test.tc_id, test.comment));
                }
            }
        }
    };
}

#[test]
fn signatures_verify_or_not_as_wycheproof_says() {
    jwt_ring::install();
    let mut tried = Tried::default();
    let ed25519 = eddsa::TestSet::load(eddsa::TestName::Ed25519).unwrap();
    try_all!(tried, Algorithm::EdDSA, ed25519, |group: &eddsa::TestGroup| {
        DecodingKey::from_ed_der(&group.key.pk)
    });
    let p256 = ecdsa::TestSet::load(ecdsa::TestName::EcdsaSecp256r1Sha256P1363).unwrap();
    try_all!(tried, Algorithm::ES256, p256, |group: &ecdsa::TestGroup| {
        DecodingKey::from_ec_der(&group.key.key)
    });
    let pkcs1 = rsa_pkcs1_verify::TestSet::load(rsa_pkcs1_verify::TestName::Rsa2048Sha256).unwrap();
    try_all!(
        tried,
        Algorithm::RS256,
        pkcs1,
        |group: &rsa_pkcs1_verify::TestGroup| DecodingKey::from_rsa_der(&group.asn_key)
    );
    let pss = rsa_pss_verify::TestName::RsaPss2048Sha256Mgf1SaltLen32;
    let pss = rsa_pss_verify::TestSet::load(pss).unwrap();
    try_all!(
        tried,
        Algorithm::PS256,
        pss,
        |group: &rsa_pss_verify::TestGroup| { DecodingKey::from_rsa_der(&group.asn_key) }
    );
    println!("{} good signatures, {} bad ones", tried.good, tried.bad);
    assert!(tried.good > 100 && tried.bad > 300);
    assert!(tried.wrong.is_empty(), "{:#?}", tried.wrong);
}
