//! Reads `organisations.toml`.

use std::collections::BTreeMap;
use std::fmt::Display;

use serde_json::Value as Json;

use super::{
    Client, LinkingRule, Organisation, OrganisationKind, Organisations, Pin, Slug, StaffProvider, TokenIssuer,
};
use crate::catalogue::{Catalogue, FieldName};
use crate::document::{self, Noted, Table, Value};
use crate::identifier::IdentifierKind;
use crate::source_text::SourceError;

pub(crate) const KINDS: [(&str, OrganisationKind); 5] = [
    ("municipality", OrganisationKind::Municipality),
    ("school-board", OrganisationKind::SchoolBoard),
    ("swv", OrganisationKind::Swv),
    ("vendor", OrganisationKind::Vendor),
    ("public", OrganisationKind::Public),
];
/// More pupils than the country has.
const PUPILS_MAX: u32 = 10_000_000;
pub(crate) const IDENTIFIERS: [(&str, IdentifierKind); 3] = [
    ("bsn", IdentifierKind::Bsn),
    ("eckId", IdentifierKind::EckId),
    ("local", IdentifierKind::Local),
];

impl Organisations {
    /// Reads the file; the fields of linking rules are those of the catalogue. All mistakes at once.
    pub fn parse(file: &str, text: &str, catalogue: &Catalogue) -> Result<Self, Vec<SourceError>> {
        document::read(file, text, |table| {
            let seen = Seen::default();
            let organisations = table
                .required("organisation")
                .and_then(|list| list.each(|item| organisation(&item.table()?, &seen)));
            let linking = match table.optional("linking") {
                Some(list) => list.each(|item| linking(&item.table()?, catalogue)),
                None => Some(Vec::new()),
            };
            table.finish();
            Some(Self {
                organisations: organisations?,
                linking: linking?,
            })
        })
    }
}

/// What must be unique in the file: each value with the organisation that has it.
#[derive(Default)]
struct Seen(std::cell::RefCell<BTreeMap<(&'static str, String), String>>);

impl Seen {
    /// Notes a value; a value that another organisation (or, if `once`, anyone) has is a mistake.
    fn note(&self, place: &Value<'_, '_>, what: &'static str, value: &impl Display, owner: &str, once: bool) {
        let mut seen = self.0.borrow_mut();
        match seen.get(&(what, value.to_string())) {
            Some(first) if once || first != owner => {
                place.error(format!("{what} is already that of `{first}`"));
            }
            _ => {
                seen.insert((what, value.to_string()), owner.to_owned());
            }
        }
    }
}

fn organisation(table: &Table<'_, '_>, seen: &Seen) -> Option<Organisation> {
    let slug_place = table.required("slug");
    let slug: Option<Slug> = slug_place.and_then(|value| value.parse());
    let owner = slug.as_ref().map_or_else(String::new, ToString::to_string);
    if let (Some(place), Some(slug)) = (&slug_place, &slug) {
        seen.note(place, "this short name", slug, &owner, true);
    }
    let oin = table.required("oin").and_then(|value| {
        let oin = value.parse()?;
        seen.note(&value, "this OIN", &oin, &owner, true);
        Some(oin)
    });
    let kind = table
        .required("kind")
        .and_then(|value| value.choice("kind of organisation", &KINDS));
    let name = table.if_there("name", |value| value.words());
    let (board, swv) = numbers(table, kind, seen, &owner);
    let pupils = table.if_there("pupils", |value| value.integer(1..=PUPILS_MAX));
    let identifiers = list(table, "identifiers", |value| identifier(value, kind));
    let clients = list(table, "client", |value| client(&value.table()?, seen, &owner));
    let staff = table.if_there("staff", |value| staff(&value.table()?));
    let tokens = table.if_there("tokens", |value| tokens(&value.table()?));
    table.finish();
    Some(Organisation {
        slug: slug?,
        oin: oin?,
        kind: kind?,
        name: name.ok()?,
        board: board.ok()?,
        swv: swv.ok()?,
        pupils: pupils.ok()?,
        identifiers: identifiers?,
        clients: clients?,
        staff: staff.ok()?,
        tokens: tokens.ok()?,
    })
}

/// Board number and SWV number, each for its own kind only.
fn numbers(
    table: &Table<'_, '_>,
    kind: Option<OrganisationKind>,
    seen: &Seen,
    owner: &str,
) -> (Result<Option<String>, Noted>, Result<Option<String>, Noted>) {
    let number = |key: &'static str, of: OrganisationKind, valid: fn(&str) -> bool, shape: &str| {
        let value = if kind == Some(of) {
            Some(table.required(key).ok_or(Noted)?)
        } else {
            table.optional(key)
        };
        let Some(value) = value else { return Ok(None) };
        let text = value.text().ok_or(Noted)?;
        if kind.is_some_and(|kind| kind != of) {
            value.error(format!("`{key}` belongs to another kind of organisation"));
            return Err(Noted);
        }
        if !valid(text) {
            value.error(format!("must be {shape}"));
            return Err(Noted);
        }
        seen.note(&value, "this number", &text, owner, true);
        Ok(Some(text.to_owned()))
    };
    let board = |text: &str| text.len() == 5 && text.bytes().all(|byte| byte.is_ascii_digit());
    let swv = |text: &str| {
        let digits = text
            .strip_prefix("PO")
            .or_else(|| text.strip_prefix("VO"))
            .unwrap_or_default();
        digits.len() == 4 && digits.bytes().all(|byte| byte.is_ascii_digit())
    };
    (
        number(
            "board",
            OrganisationKind::SchoolBoard,
            board,
            "a board number: 5 digits",
        ),
        number(
            "swv",
            OrganisationKind::Swv,
            swv,
            "an SWV number: `PO` or `VO` and 4 digits",
        ),
    )
}

fn list<'d, 'a, T>(
    table: &Table<'d, 'a>,
    key: &'static str,
    read: impl Fn(Value<'d, 'a>) -> Option<T>,
) -> Option<Vec<T>> {
    table
        .optional(key)
        .map_or_else(|| Some(Vec::new()), |value| value.each(read))
}

fn identifier(value: Value<'_, '_>, kind: Option<OrganisationKind>) -> Option<IdentifierKind> {
    let identifier = value.choice("kind of identifier", &IDENTIFIERS)?;
    if identifier == IdentifierKind::Bsn && kind == Some(OrganisationKind::Swv) {
        value.error("an SWV gets no BSN (hard rule `no-bsn-to-swv`)");
        return None;
    }
    Some(identifier)
}

fn client(table: &Table<'_, '_>, seen: &Seen, owner: &str) -> Option<Client> {
    let id = table.required("id").and_then(|value| {
        let id = value.parse()?;
        seen.note(&value, "this client id", &id, owner, true);
        Some(id)
    });
    let roles = table
        .required("roles")
        .and_then(|value| value.some(|role| self::role(role)));
    let pins = |key, what| {
        list(table, key, |value| {
            let pin: Pin = value.parse()?;
            seen.note(&value, what, &pin, owner, false);
            Some(pin)
        })
    };
    let thumbprints = pins("x5t_s256", "this certificate");
    let key_pins = pins("spki_sha256", "this public key");
    let jwks = table.if_there("jwks", jwks);
    table.finish();
    Some(Client {
        id: id?,
        roles: roles?,
        thumbprints: thumbprints?,
        key_pins: key_pins?,
        jwks: jwks.ok()?,
    })
}

/// The name of a role, as grants and clients use it.
pub(crate) fn role(value: Value<'_, '_>) -> Option<String> {
    value.parse::<Slug>().map(|role| role.to_string())
}

/// A JWK Set of public keys, each with its own `kid`.
fn jwks(value: Value<'_, '_>) -> Option<Json> {
    let set = value.json()?;
    let keys = set
        .get("keys")
        .and_then(Json::as_array)
        .filter(|keys| !keys.is_empty());
    let Some(keys) = keys else {
        value.error("is not a JWK set: `keys` with at least one key");
        return None;
    };
    let secret = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];
    if keys
        .iter()
        .any(|key| secret.iter().any(|member| key.get(member).is_some()))
    {
        value.error("holds a private or symmetric key; only public keys belong here");
        return None;
    }
    let kids: Vec<_> = keys
        .iter()
        .filter_map(|key| key.get("kid").and_then(Json::as_str))
        .collect();
    let distinct: std::collections::BTreeSet<_> = kids.iter().collect();
    if distinct.len() != keys.len() {
        value.error("each key needs a `kid` of its own");
        return None;
    }
    Some(set)
}

fn staff(table: &Table<'_, '_>) -> Option<StaffProvider> {
    let issuer = table.required("issuer").and_then(|value| value.words());
    let jwks = table.if_there("jwks", jwks);
    table.finish();
    Some(StaffProvider {
        issuer: issuer?,
        jwks: jwks.ok()?,
    })
}

fn tokens(table: &Table<'_, '_>) -> Option<TokenIssuer> {
    let issuer = table.required("issuer").and_then(|value| value.words());
    let jwks = table.required("jwks").and_then(jwks);
    table.finish();
    Some(TokenIssuer {
        issuer: issuer?,
        jwks: jwks?,
    })
}

fn linking(table: &Table<'_, '_>, catalogue: &Catalogue) -> Option<LinkingRule> {
    let asserted_by = table
        .required("asserted_by")
        .and_then(|value| value.choice("kind of organisation", &KINDS));
    let when_equal = table.required("when_equal").and_then(|value| {
        let fields = value.each(|field| known_field(field, catalogue))?;
        let pair = <[FieldName; 2]>::try_from(fields).ok();
        pair.map(|[one, other]| (one, other)).or_else(|| {
            value.error("must name two fields");
            None
        })
    });
    let confirmed = match table.optional("confirmed") {
        Some(value) => value.boolean(),
        None => Some(false),
    };
    table.finish();
    Some(LinkingRule {
        asserted_by: asserted_by?,
        when_equal: when_equal?,
        confirmed: confirmed?,
    })
}

fn known_field(value: Value<'_, '_>, catalogue: &Catalogue) -> Option<FieldName> {
    catalogue
        .field_name(value.text()?)
        .map_err(|error| value.error(error.to_string()))
        .ok()
}
