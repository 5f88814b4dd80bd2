//! What is fuzzed of tokens: whatever a token holds, it is read without a panic, and believed only where our key signed it
//! and it says for whom, by whom and for which certificate it was made.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;

use data_encoding::{BASE64, BASE64URL_NOPAD};
use doelpoort::identity::{Identity, Jwk, PeerCertificate, Settings, TokenKeys, TokenRequest, bearer};
use doelpoort_core::catalogue::Catalogue;
use doelpoort_core::party::Organisations;
use doelpoort_core::policy::{Evidence, Policies};
use doelpoort_core::scope::SitePartnerships;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::{Value, json};

const CLIENT: &str = "swv-po-dashboard";
const OIN: &str = "00000099000000240101";
const ISSUER: &str = "https://doelpoort.example";
/// Whose tokens the client's organisation accepts, signed with the same key.
const ELSEWHERE: &str = "https://tokens.example";
const NOW: &str = "2026-11-22T10:00:00Z";
const SEED: [u8; 32] = [7; 32];

/// A gateway that knows one client.
struct Gate {
    identity: Identity,
    policies: Policies,
    certificate: PeerCertificate,
    signer: Ed25519KeyPair,
}

static GATE: LazyLock<Gate> = LazyLock::new(|| {
    let certificate = PeerCertificate::from_der(&client_certificate()).unwrap();
    let signer = Ed25519KeyPair::from_seed_unchecked(&SEED).unwrap();
    let key = Jwk::ed25519(signer.public_key().as_ref().try_into().unwrap());
    let organisations = format!(
        "[[organisation]]\nslug = \"swv-po\"\noin = \"{OIN}\"\nkind = \"swv\"\nname = \"SWV\"\nswv = \"PO2401\"\n\
         [organisation.tokens]\nissuer = \"{ELSEWHERE}\"\njwks = '{}'\n\
         [[organisation.client]]\nid = \"{CLIENT}\"\nroles = [\"dashboard\"]\nx5t_s256 = [\"{}\"]\n",
        json!({ "keys": [key] }),
        certificate.thumbprint
    );
    Gate {
        identity: Identity::new(
            Settings::new(ISSUER, None, 600).unwrap(),
            TokenKeys::from_seeds(&SEED, &[]).unwrap(),
        ),
        policies: policies(&organisations),
        certificate,
        signer,
    }
});

/// The header and claims of a token that is believed, to be changed.
pub(crate) static GOOD: LazyLock<(String, String)> = LazyLock::new(|| {
    let jwks = GATE.identity.jwks();
    let header = json!({ "alg": "EdDSA", "typ": "at+jwt", "kid": jwks.keys[0].kid });
    let now = NOW.parse::<jiff::Timestamp>().unwrap().as_second();
    let digest = format!("sha256:{}", "00".repeat(32));
    let claims = json!({
        "iss": ISSUER, "aud": ISSUER, "sub": CLIENT, "client_id": CLIENT, "iat": now, "exp": now + 600, "jti": "1",
        "scope": "youth-atlas", "purposes": [{ "id": "youth-atlas", "digest": digest }],
        "cnf": { "x5t#S256": GATE.certificate.thumbprint.to_string() }, "act": [OIN],
    });
    (header.to_string(), claims.to_string())
});

/// A token of this header and these claims, without our signature and with it; returns whether the latter was believed.
pub(crate) fn token(header: &str, claims: &str) -> bool {
    let encode = |text: &str| BASE64URL_NOPAD.encode(text.as_bytes());
    let message = format!("{}.{}", encode(header), encode(claims));
    let sign = |signature: &[u8]| format!("{message}.{}", BASE64URL_NOPAD.encode(signature));
    for unsigned in [header, claims, &message, &sign(&[0; 64])] {
        assert!(!believed(unsigned), "{unsigned}");
        let _ = bearer(Some(unsigned));
        let _ = TokenRequest::parse(unsigned.as_bytes());
    }
    let signed = sign(GATE.signer.sign(message.as_bytes()).as_ref());
    let believed = believed(&signed);
    if believed {
        let said: Value = serde_json::from_str(claims).unwrap();
        assert_eq!(said["cnf"]["x5t#S256"], GATE.certificate.thumbprint.to_string());
        let who = [&said["sub"], &said["client_id"]];
        if said["iss"] == ISSUER {
            assert_eq!(who, [CLIENT, CLIENT]);
        } else {
            assert_eq!(said["iss"], ELSEWHERE);
        }
    }
    believed
}

fn believed(token: &str) -> bool {
    let now = NOW.parse().unwrap();
    let caller = GATE
        .identity
        .caller(&GATE.policies, token, Some(&GATE.certificate), now);
    caller.is_ok_and(|caller| {
        assert_eq!(
            (caller.client.as_str(), caller.organisation.as_str()),
            (CLIENT, OIN)
        );
        true
    })
}

/// The policies of these organisations, with no purpose.
fn policies(organisations: &str) -> Policies {
    let organisations =
        Organisations::parse("organisations.toml", organisations, &Catalogue::default()).unwrap();
    Policies {
        catalogue: Catalogue::default(),
        organisations,
        partnerships: SitePartnerships::default(),
        purposes: BTreeMap::new(),
        mandates: Vec::new(),
        digest: [0; 32],
        evidence: Evidence::default(),
    }
}

/// In DER.
fn client_certificate() -> Vec<u8> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let file = format!("keys-example/clients/{CLIENT}/client.crt");
    let text = [here.join(&file), here.join("..").join(&file)]
        .iter()
        .find_map(|path| std::fs::read_to_string(path).ok())
        .unwrap_or_default();
    let lines: String = text.lines().filter(|line| !line.starts_with('-')).collect();
    BASE64.decode(lines.as_bytes()).unwrap()
}
