//! What proves who a program is, and mandates: what was taken out of the policies in force never comes back with older
//! files. A mandate and a list of programs have no version; that they were there and are gone is what the log remembers.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Map, Value};

use super::jws::Parts;
use super::mandate::signed_digest;
use super::{Policies, PolicyFiles, sha256};
use crate::catalogue::Catalogue;
use crate::party::{Client, ClientId, Oin, Organisations};

/// A certificate or key of a program, or a mandate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// Whose: the organisation of the program; of a mandate that stands in the files, nobody is needed to end it.
    pub organisation: Option<Oin>,
    /// Of which program; none where it is a mandate.
    pub client: Option<ClientId>,
}

/// Proofs by their SHA-256: of a certificate, of a public key, of what a mandate says, or the thumbprint of a JWK.
pub type Proofs = BTreeMap<[u8; 32], Proof>;

impl Policies {
    /// All proofs that these policies hold, withdrawn or not.
    pub fn proofs(&self) -> Proofs {
        let mandates = self.evidence.mandates.iter();
        let mandates = mandates.map(|signed| (signed.digest, mandate(Some(signed.mandate.board.clone()))));
        of_programs(&self.organisations).chain(mandates).collect()
    }
}

/// All proofs that the files of policies hold which were in force; they were verified then, and are not again. None when
/// they cannot be read.
pub fn held(files: &PolicyFiles) -> Option<Proofs> {
    let catalogue = Catalogue::parse(&files.catalogue).ok()?;
    let (name, text) = &files.organisations;
    let organisations = Organisations::parse(name, text, &catalogue).ok()?;
    let mut proofs: Proofs = of_programs(&organisations).collect();
    for (_, text) in &files.mandates {
        proofs.insert(signed_digest(&Parts::parse(text).ok()?.payload), mandate(None));
    }
    Some(proofs)
}

fn mandate(organisation: Option<Oin>) -> Proof {
    Proof {
        organisation,
        client: None,
    }
}

fn of_programs(organisations: &Organisations) -> impl Iterator<Item = ([u8; 32], Proof)> {
    let programs = organisations.iter().flat_map(|organisation| {
        organisation
            .clients
            .iter()
            .map(move |client| (organisation, client))
    });
    programs.flat_map(|(organisation, client)| {
        let proof = Proof {
            organisation: Some(organisation.oin.clone()),
            client: Some(client.id.clone()),
        };
        digests(client)
            .into_iter()
            .map(move |digest| (digest, proof.clone()))
    })
}

fn digests(client: &Client) -> Vec<[u8; 32]> {
    let pins = client.thumbprints.iter().chain(&client.key_pins);
    let keys = client.jwks.iter().filter_map(|set| set.get("keys")?.as_array());
    pins.map(|pin| *pin.as_bytes())
        .chain(keys.flatten().map(thumbprint))
        .collect()
}

/// The thumbprint of a public key (RFC 7638): over the members that make the key and no others.
fn thumbprint(jwk: &Value) -> [u8; 32] {
    let members: &[&str] = match jwk.get("kty").and_then(Value::as_str) {
        Some("EC") => &["crv", "kty", "x", "y"],
        Some("OKP") => &["crv", "kty", "x"],
        Some("RSA") => &["e", "kty", "n"],
        _ => &[],
    };
    let members: Map<String, Value> = members
        .iter()
        .filter_map(|member| Some(((*member).to_owned(), jwk.get(member)?.clone())))
        .collect();
    // Writing a value to memory does not fail; an empty text is the digest of no key.
    sha256(&serde_json_canonicalizer::to_vec(&members).unwrap_or_default())
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.client {
            Some(client) => write!(f, "a certificate or key of the program `{client}`"),
            None => f.write_str("a mandate"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thumbprint_is_as_in_rfc_7638_and_8037() {
        let hex = |jwk: &str| {
            let jwk: Value = serde_json::from_str(jwk).unwrap();
            data_encoding::BASE64URL_NOPAD.encode(&thumbprint(&jwk))
        };
        let ed25519 =
            r#"{"kty":"OKP","crv":"Ed25519","kid":"any","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
        assert_eq!(hex(ed25519), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }
}
