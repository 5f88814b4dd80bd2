//! Two organisations, a client each, a vendor, one purpose; keys and certificates made on the fly.

use std::collections::BTreeMap;

use data_encoding::BASE64URL_NOPAD;
use doelpoort_core::catalogue::Catalogue;
use doelpoort_core::party::{Caller, Organisations, Pin};
use doelpoort_core::policy::{Approvals, Evidence, Mandate, Policies, Standing, StandingState};
use doelpoort_core::purpose::{
    Basis, DeliveryGrant, Grant, Limit, Party, Per, Purpose, Rate, Recipient, Validity,
};
use doelpoort_core::scope::SitePartnerships;
use doelpoort_core::text::Text;
use jiff::{SignedDuration, Timestamp};
use rcgen::{CertificateParams, DnType, DnValue, KeyPair, SigningKey as _};
use ring::rand::SystemRandom;
use serde_json::{Value, json};

use crate::identity::{Identity, OAuthError, PeerCertificate, Settings, TokenKeys, TokenRequest};
use crate::store::{Store, StoreOptions};

pub(super) const ISSUER: &str = "https://gateway.example:8443";
pub(super) const SWV: &str = "00000099000000000001";
pub(super) const BOARD: &str = "00000099000000041676";
pub(super) const VENDOR: &str = "00000099000000000009";

/// Who issues tokens to the partnership's programs.
pub(super) const TOKEN_ISSUER: &str = "https://tokens.example/realms/swv";
/// The FSC peer whose Manager issues tokens to the vendor's programs.
pub(super) const FSC_PEER: &str = "00000099000000000077";

/// A key that can sign tokens, as a client or a provider has it.
pub(super) struct Signer {
    pub(super) kid: &'static str,
    pair: KeyPair,
}

impl Signer {
    pub(super) fn new(kid: &'static str) -> Self {
        Self {
            kid,
            pair: KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap(),
        }
    }

    pub(super) fn public(&self) -> &[u8] {
        self.pair.public_key_raw()
    }

    pub(super) fn jwks(&self) -> Value {
        let x = BASE64URL_NOPAD.encode(self.public());
        json!({"keys": [{"kid": self.kid, "kty": "OKP", "crv": "Ed25519", "x": x}]})
    }

    pub(super) fn header(&self) -> Value {
        json!({"alg": "EdDSA", "typ": "JWT", "kid": self.kid})
    }

    pub(super) fn sign(&self, header: &Value, claims: &Value) -> String {
        self.sign_text(&header.to_string(), &claims.to_string())
    }

    pub(super) fn sign_text(&self, header: &str, claims: &str) -> String {
        let message = format!("{}.{}", encode(header), encode(claims));
        let signature = self.pair.sign(message.as_bytes()).unwrap();
        format!("{message}.{}", BASE64URL_NOPAD.encode(&signature))
    }
}

pub(super) fn encode(text: &str) -> String {
    BASE64URL_NOPAD.encode(text.as_bytes())
}

/// A client with its key and certificate.
pub(super) struct Member {
    pub(super) id: &'static str,
    pub(super) signer: Signer,
    pub(super) certificate: PeerCertificate,
}

impl Member {
    fn new(id: &'static str, oin: &str) -> Self {
        let certificate = PeerCertificate::from_der(&certificate(&[oin])).unwrap();
        Self {
            id,
            signer: Signer::new("key-1"),
            certificate,
        }
    }

    fn toml(&self, role: &str) -> String {
        format!(
            "[[organisation.client]]\nid = \"{}\"\nroles = [\"{role}\"]\nx5t_s256 = [\"{}\"]\njwks = '{}'\n",
            self.id,
            self.certificate.thumbprint,
            self.signer.jwks()
        )
    }

    /// The claims of a good assertion.
    pub(super) fn claims(&self, now: Timestamp) -> Value {
        json!({
            "iss": self.id, "sub": self.id, "aud": format!("{ISSUER}/oauth/token"),
            "iat": now.as_second(), "exp": now.as_second() + 60, "jti": fresh_id(),
        })
    }

    pub(super) fn assertion(&self, now: Timestamp) -> String {
        self.signer.sign(&self.signer.header(), &self.claims(now))
    }
}

/// A self-signed certificate with these `subject.serialNumber`s, valid in 2026.
pub(super) fn certificate(serials: &[&str]) -> Vec<u8> {
    let mut params = CertificateParams::new(vec!["client.example".to_owned()]).unwrap();
    for serial in serials {
        let serial = (*serial).try_into().unwrap();
        params.distinguished_name.push(
            DnType::CustomDnType(vec![2, 5, 4, 5]),
            DnValue::PrintableString(serial),
        );
    }
    params.not_before = rcgen::date_time_ymd(2026, 1, 1);
    params.not_after = rcgen::date_time_ymd(2026, 12, 31);
    let key = KeyPair::generate().unwrap();
    params.self_signed(&key).unwrap().der().to_vec()
}

pub(super) fn fresh_id() -> String {
    let random: ring::rand::Random<[u8; 16]> = ring::rand::generate(&SystemRandom::new()).unwrap();
    BASE64URL_NOPAD.encode(&random.expose())
}

pub(super) struct World {
    pub(super) now: Timestamp,
    pub(super) identity: Identity,
    pub(super) policies: Policies,
    pub(super) dashboard: Member,
    pub(super) school: Member,
    pub(super) vendor: Member,
    pub(super) provider: Signer,
    /// Whom the partnership and the vendor let issue tokens to their programs.
    pub(super) issuer: Signer,
    pub(super) gateway: Signer,
    pub(super) store: Store,
    _directory: tempfile::TempDir,
}

impl World {
    pub(super) async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}/store.db", directory.path().display());
        let store = Store::open(&url, StoreOptions::default()).await.unwrap();
        store.migrate().await.unwrap();
        let dashboard = Member::new("swv-dashboard", SWV);
        let school = Member::new("board-client", BOARD);
        let vendor = Member::new("sis", VENDOR);
        let provider = Signer::new("staff-1");
        let gateway = Signer::new("gateway");
        let issuer = Signer::new("issuer-1");
        let organisations = organisations(&dashboard, &school, &vendor, [&provider, &issuer]);
        Self {
            now: "2026-11-22T12:00:00Z".parse().unwrap(),
            identity: identity(&gateway),
            policies: policies(organisations),
            dashboard,
            school,
            vendor,
            provider,
            issuer,
            gateway,
            store,
            _directory: directory,
        }
    }

    pub(super) fn later(&self, seconds: i64) -> Timestamp {
        self.now + SignedDuration::from_secs(seconds)
    }

    /// The answer of the token endpoint to this assertion over this certificate.
    pub(super) async fn exchange(
        &self,
        certificate: Option<&PeerCertificate>,
        assertion: &str,
        more: &str,
    ) -> Result<String, OAuthError> {
        let kind = "urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer";
        let body = format!(
            "grant_type=client_credentials&client_assertion_type={kind}&client_assertion={assertion}{more}"
        );
        let request = TokenRequest::parse(body.as_bytes())?;
        let random = SystemRandom::new();
        let issued = self.identity.issue(
            &self.policies,
            &self.store,
            certificate,
            &request,
            self.now,
            &random,
        );
        Ok(issued.await?.access_token)
    }

    pub(super) async fn token(&self, member: &Member) -> String {
        self.exchange(Some(&member.certificate), &member.assertion(self.now), "")
            .await
            .unwrap()
    }

    pub(super) fn organisations(&self) -> &Organisations {
        &self.policies.organisations
    }

    pub(super) async fn caller(&self, member: &Member) -> Caller {
        let token = self.token(member).await;
        let certificate = Some(&member.certificate);
        self.identity
            .caller(&self.policies, &token, certificate, self.now)
            .unwrap()
    }
}

/// The gateway's token key is a signer of the world's, so that tests can forge with the right key.
fn identity(gateway: &Signer) -> Identity {
    // PKCS#8 of an Ed25519 key: 16 bytes of frame, then the seed.
    let document = gateway.pair.serialize_der();
    let seed: [u8; 32] = document[16..48].try_into().unwrap();
    let settings = Settings::new(ISSUER, None, 600).unwrap();
    Identity::new(settings, TokenKeys::from_seeds(&seed, &[]).unwrap())
}

fn organisations(
    dashboard: &Member,
    school: &Member,
    vendor: &Member,
    [provider, issuer]: [&Signer; 2],
) -> Organisations {
    let tokens = |name: &str| {
        format!(
            "[organisation.tokens]\nissuer = \"{name}\"\njwks = '{}'\n",
            issuer.jwks()
        )
    };
    let text = [
        format!("[[organisation]]\nslug = \"swv-po\"\noin = \"{SWV}\"\nkind = \"swv\"\nswv = \"PO3902\"\n"),
        dashboard.toml("dashboard"),
        format!(
            "[organisation.staff]\nissuer = \"https://idp.example\"\njwks = '{}'\n",
            provider.jwks()
        ),
        tokens(TOKEN_ISSUER),
        format!(
            "[[organisation]]\nslug = \"board-41676\"\noin = \"{BOARD}\"\nkind = \"school-board\"\nboard = \"41676\"\n"
        ),
        school.toml("delivery"),
        format!("[[organisation]]\nslug = \"sis-vendor\"\noin = \"{VENDOR}\"\nkind = \"vendor\"\n"),
        vendor.toml("delivery"),
        tokens(FSC_PEER),
    ]
    .concat();
    Organisations::parse("organisations.toml", &text, &Catalogue::default()).unwrap()
}

fn policies(organisations: Organisations) -> Policies {
    let deliver = purpose(
        "delivery-enrolment",
        "delivery",
        Party::Kind(organisation_kind("board-41676", &organisations)),
    );
    let asleep = purpose(
        "asleep",
        "delivery",
        Party::Organisation("board-41676".parse().unwrap()),
    );
    let active = StandingState::Active {
        until: "2027-01-01T00:00:00Z".parse().unwrap(),
    };
    let purposes = BTreeMap::from([
        standing(
            purpose(
                "youth-atlas",
                "dashboard",
                Party::Organisation("swv-po".parse().unwrap()),
            ),
            active.clone(),
        ),
        standing(deliver, active),
        standing(asleep, StandingState::Asleep { missing: vec![] }),
    ]);
    let mandate = Mandate {
        vendor: VENDOR.parse().unwrap(),
        board: BOARD.parse().unwrap(),
        datasets: vec!["enrolment".parse().unwrap()],
        from: "2026-08-01".parse().unwrap(),
        until: "2026-11-22".parse().unwrap(),
        agreement: "VO-2026-1".to_owned(),
    };
    Policies {
        catalogue: Catalogue::default(),
        organisations,
        partnerships: SitePartnerships::default(),
        purposes,
        mandates: vec![mandate],
        digest: [0; 32],
        evidence: Evidence::default(),
    }
}

fn organisation_kind(slug: &str, organisations: &Organisations) -> doelpoort_core::party::OrganisationKind {
    organisations.by_slug(&slug.parse().unwrap()).unwrap().kind
}

fn standing(purpose: Purpose, state: StandingState) -> (doelpoort_core::catalogue::Name, Standing) {
    let manifest_digest = doelpoort_core::policy::sha256(purpose.id.as_str().as_bytes());
    (
        purpose.id.clone(),
        Standing {
            purpose,
            manifest_digest,
            terms_digest: manifest_digest,
            state,
            approvals: Approvals::default(),
        },
    )
}

fn purpose(id: &str, role: &str, who: Party) -> Purpose {
    let text = || Text {
        nl: "doel".to_owned(),
        en: "purpose".to_owned(),
    };
    let grant = DeliveryGrant {
        dataset: "enrolment".parse().unwrap(),
        deliverers: vec![Recipient {
            who,
            role: role.to_owned(),
        }],
        limit: Limit {
            requests: Rate {
                count: 10,
                per: Per::Minute,
            },
            cells: None,
        },
    };
    Purpose {
        id: id.parse().unwrap(),
        version: 1,
        title: text(),
        why: text(),
        controllers: vec![],
        basis: Basis {
            avg: "6(1)(e)".to_owned(),
            special: None,
        },
        dpia: None,
        valid: Validity {
            from: "2026-08-01".parse().unwrap(),
            until: "2027-07-31".parse().unwrap(),
        },
        retention: "P1Y".to_owned(),
        contact: "privacy@example.org".to_owned(),
        changed: None,
        exceptions: vec![],
        explanations: vec![],
        grants: vec![Grant::Delivery(grant)],
        questions: vec![],
    }
}

pub(super) fn pin(text: &str) -> Pin {
    Pin::of(text.as_bytes())
}
