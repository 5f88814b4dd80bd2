//! Who takes part: organisations, their clients and keys, and the caller of one request.

mod name;
pub(crate) mod parse;
#[cfg(test)]
mod tests;
mod write;

use serde::{Deserialize, Serialize};

use crate::catalogue::{FieldName, Name};
use crate::identifier::IdentifierKind;
use crate::policy::jws::PublicKey;

pub use name::{ClientId, InvalidParty, Oin, Pin, Slug};

/// What an organisation is, which decides what it may hold and receive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OrganisationKind {
    /// A municipality (gemeente).
    Municipality,
    /// The competent authority of one or more schools (bevoegd gezag).
    SchoolBoard,
    /// A regional partnership for inclusive education (samenwerkingsverband).
    Swv,
    /// Builds software for others and acts for them under a mandate.
    Vendor,
    /// Keeps public reference data; holds no rows about persons.
    Public,
}

/// What an approver's key may sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ApproverRole {
    /// Approves purposes as the data protection officer (FG) of a controller.
    Fg,
    /// Approves purposes as a holder whose rows a grant touches.
    Holder,
    /// Signs mandates for vendors, as the board.
    Mandate,
}

/// A public key with which an organisation approves purposes or signs mandates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approver {
    /// Key id, unique within the organisation.
    pub kid: String,
    /// What this key may sign.
    pub roles: Vec<ApproverRole>,
    /// The public key.
    pub key: PublicKey,
}

/// A program of an organisation that may ask for a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// The OAuth client id, unique among all organisations.
    pub id: ClientId,
    /// Roles of this client, as grants name them (`dashboard`, `delivery` …).
    pub roles: Vec<String>,
    /// SHA-256 of the client's certificates (RFC 8705 `x5t#S256`). None: no access.
    pub thumbprints: Vec<Pin>,
    /// SHA-256 of the certificates' public keys, so that renewal with the same key keeps working.
    pub key_pins: Vec<Pin>,
    /// Public keys of the client's assertions, a JWK Set (RFC 7517 section 5). None: no token.
    pub jwks: Option<serde_json::Value>,
}

/// The identity provider that vouches for an organisation's staff.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StaffProvider {
    /// The `iss` of its assertions.
    pub issuer: String,
    /// Its public keys, a JWK Set. None: nobody can be proved.
    pub jwks: Option<serde_json::Value>,
}

/// An authorization server whose access tokens are accepted beside the gateway's own, for the programs of one
/// organisation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenIssuer {
    /// The `iss` of its tokens: a URL (RFC 9068 section 2.2), or in FSC the OIN of the peer that issues them.
    pub issuer: String,
    /// Its public keys, a JWK Set (RFC 7517 section 5).
    pub jwks: serde_json::Value,
}

/// One organisation of `policies/organisations.toml`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Organisation {
    /// Short name.
    pub slug: Slug,
    /// Identification number, 20 digits.
    pub oin: Oin,
    /// What it is.
    pub kind: OrganisationKind,
    /// Name for people; none where public data give none.
    pub name: Option<String>,
    /// Board number of a school board, 5 digits.
    pub board: Option<String>,
    /// Number of an SWV, PO or VO and 4 digits.
    pub swv: Option<String>,
    /// Pupils that it is responsible for by public counts; the pupils that it may look up in a day follow from it.
    pub pupils: Option<u32>,
    /// Kinds of identifier that it may send; none: it delivers nothing about pupils.
    pub identifiers: Vec<IdentifierKind>,
    /// Its programs.
    pub clients: Vec<Client>,
    /// Its staff identity provider.
    pub staff: Option<StaffProvider>,
    /// Who else issues access tokens to its programs.
    pub tokens: Option<TokenIssuer>,
}

/// When an identifier pair, asserted by one kind of holder alone, links for all holders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkingRule {
    /// Whose assertion it is about.
    pub asserted_by: OrganisationKind,
    /// The two dates that must agree: one of the asserting holder's own row, one of another holder's.
    pub when_equal: (FieldName, FieldName),
    /// Whether that other holder must confirm it in its inbox; else the register is enough.
    pub confirmed: bool,
}

/// All organisations and the linking rules between them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Organisations {
    organisations: Vec<Organisation>,
    linking: Vec<LinkingRule>,
}

/// Who is calling, as the token and the certificate prove it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The calling organisation.
    pub organisation: Oin,
    /// Its short name.
    pub slug: Slug,
    /// The calling program.
    pub client: ClientId,
    /// Its roles.
    pub roles: Vec<String>,
    /// Boards for which the token names a valid mandate.
    pub acting_for: Vec<Oin>,
    /// Purposes of the token.
    pub purposes: Vec<TokenPurpose>,
}

/// A purpose as an access token names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenPurpose {
    /// The purpose.
    pub id: Name,
    /// Digest of its manifest when the token was issued.
    pub manifest_digest: [u8; 32],
}

/// The person on whose behalf a request is made.
#[derive(Clone, PartialEq, Eq)]
pub struct Staff {
    /// The person at the recipient's identity provider; personal data, never shown.
    pub subject: String,
    /// Whether the recipient's identity provider signed for it.
    pub proved: bool,
    /// The case or reason named with the request.
    pub case: Option<String>,
}

impl std::fmt::Debug for Staff {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Staff")
            .field("proved", &self.proved)
            .finish_non_exhaustive()
    }
}

impl Organisations {
    /// All organisations, in the order of the file.
    pub fn iter(&self) -> impl Iterator<Item = &Organisation> {
        self.organisations.iter()
    }

    /// Linking rules, in the order of the file.
    pub fn linking(&self) -> &[LinkingRule] {
        &self.linking
    }

    /// The organisation with this OIN.
    pub fn by_oin(&self, oin: &Oin) -> Option<&Organisation> {
        self.iter().find(|organisation| organisation.oin == *oin)
    }

    /// The organisation with this short name.
    pub fn by_slug(&self, slug: &Slug) -> Option<&Organisation> {
        self.iter().find(|organisation| organisation.slug == *slug)
    }

    /// The school board with this board number.
    pub fn by_board(&self, board: &str) -> Option<&Organisation> {
        self.iter()
            .find(|organisation| organisation.board.as_deref() == Some(board))
    }

    /// All organisations of one kind, in the order of the file.
    pub fn of_kind(&self, kind: OrganisationKind) -> impl Iterator<Item = &Organisation> {
        self.iter().filter(move |organisation| organisation.kind == kind)
    }

    /// The program with this client id and its organisation.
    pub fn by_client(&self, id: &ClientId) -> Option<(&Organisation, &Client)> {
        self.clients().find(|(_, client)| client.id == *id)
    }

    /// The organisation that pinned this certificate. A certificate has one organisation; several
    /// of its programs may use it.
    pub fn by_thumbprint(&self, thumbprint: &Pin) -> Option<&Organisation> {
        let pinned = |client: &Client| client.thumbprints.contains(thumbprint);
        self.clients()
            .find(|(_, client)| pinned(client))
            .map(|(organisation, _)| organisation)
    }

    /// The organisation that pinned this public key.
    pub fn by_key_pin(&self, pin: &Pin) -> Option<&Organisation> {
        let pinned = |client: &Client| client.key_pins.contains(pin);
        self.clients()
            .find(|(_, client)| pinned(client))
            .map(|(organisation, _)| organisation)
    }

    fn clients(&self) -> impl Iterator<Item = (&Organisation, &Client)> {
        self.iter().flat_map(|organisation| {
            organisation
                .clients
                .iter()
                .map(move |client| (organisation, client))
        })
    }
}

impl ApproverRole {
    /// The role's name in files and messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fg => "fg",
            Self::Holder => "holder",
            Self::Mandate => "mandate",
        }
    }
}
