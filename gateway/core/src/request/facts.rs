//! A request for a few fields about named pupils.

use crate::catalogue::{Catalogue, FieldName, Name};
use crate::identifier::{Identifier, IdentifierKind};
use crate::party::Oin;

use super::reader::Reader;
use super::{FACTS_PUPILS_MAX, OnBehalfOf};

/// One pupil of a facts request.
#[derive(Debug)]
pub struct Pupil {
    /// The caller's own mark for it, given back with the answer.
    pub reference: String,
    /// Who is meant.
    pub identifier: Identifier,
    /// Which kind it is.
    pub kind: IdentifierKind,
}

/// A parsed request for facts.
#[derive(Debug)]
pub struct FactsRequest {
    /// The purpose.
    pub purpose: Name,
    /// For whom the caller acts, if not for itself.
    pub acting_for: Option<Oin>,
    /// The site whose pupils they are, where the grant is for one site at a time.
    pub site: Option<String>,
    /// The pupils.
    pub pupils: Vec<Pupil>,
    /// The fields; empty where only existence is asked.
    pub fields: Vec<FieldName>,
    /// Whether only existence is asked.
    pub exists: bool,
    /// The person who asks.
    pub on_behalf_of: Option<OnBehalfOf>,
}

impl FactsRequest {
    pub(super) fn read(catalogue: &Catalogue, caller: &Oin, reader: &mut Reader<'_>) -> Option<Self> {
        let purpose = reader.purpose();
        let acting_for = reader.acting_for();
        let site = reader.site();
        let exists = reader.flag("exists").unwrap_or(false);
        let mut fields: Vec<FieldName> = Vec::new();
        for (location, text) in reader.texts("fields").unwrap_or_default() {
            match reader.field(catalogue, location.clone(), &text) {
                Some(field) if fields.contains(&field) => {
                    reader.error(location, "repeated", "is asked twice");
                }
                Some(field) => fields.push(field),
                None => {}
            }
        }
        if exists && !fields.is_empty() {
            reader.wrong(
                "exists",
                "contradiction",
                "asks existence alone, and `fields` asks more",
            );
        }
        if fields.is_empty() && !exists {
            reader.missing("fields", "the fields that are needed, or `\"exists\": true`");
        }
        let on_behalf_of = reader.on_behalf_of();
        let pupils = pupils(reader, acting_for.as_ref().unwrap_or(caller));
        Some(Self {
            purpose: purpose?,
            acting_for,
            site,
            pupils,
            fields,
            exists,
            on_behalf_of,
        })
    }
}

/// The pupils of a request, each named by one number.
pub(super) fn pupils(reader: &mut Reader<'_>, holder: &Oin) -> Vec<Pupil> {
    let Some(value) = reader.value("pupils") else {
        reader.missing("pupils", "1 to 100 pupils, each with `ref` and one identifier");
        return Vec::new();
    };
    let items = value.as_array().map(Vec::as_slice).unwrap_or_default();
    if items.is_empty() || items.len() > FACTS_PUPILS_MAX {
        reader.wrong("pupils", "out-of-range", "must be an array of 1 to 100 pupils");
        return Vec::new();
    }
    let mut pupils = Vec::with_capacity(items.len());
    for (position, item) in items.iter().enumerate() {
        let location = reader.pointer(&format!("pupils/{position}"));
        match Reader::at(item, location) {
            Ok(mut inner) => {
                pupils.extend(pupil(&mut inner, holder));
                reader.absorb(inner);
            }
            Err(errors) => errors
                .into_iter()
                .for_each(|e| reader.error(e.location, e.code, &e.detail)),
        }
    }
    let mut references: Vec<&str> = pupils.iter().map(|pupil| pupil.reference.as_str()).collect();
    references.sort_unstable();
    if references.windows(2).any(|pair| pair.first() == pair.last()) {
        reader.wrong("pupils", "repeated", "two pupils have the same `ref`");
    }
    pupils
}

/// A pupil is `{"ref": …, "<kind>": …}` with exactly one identifier; a source-local one is the asking board's own.
fn pupil(reader: &mut Reader<'_>, holder: &Oin) -> Option<Pupil> {
    let reference = reader.text("ref");
    if reference
        .as_ref()
        .is_none_or(|text| text.is_empty() || text.chars().count() > 64)
    {
        reader.missing("ref", "your own mark for this pupil, 1 to 64 characters");
    }
    let given: Vec<IdentifierKind> = [IdentifierKind::Bsn, IdentifierKind::EckId, IdentifierKind::Local]
        .into_iter()
        .filter(|kind| reader.value(kind.as_str()).is_some())
        .collect();
    let [kind] = given.as_slice() else {
        reader.wrong(
            "",
            "identifier-count",
            "needs exactly one of `bsn`, `eckId`, `local`",
        );
        return None;
    };
    let text = zeroize::Zeroizing::new(reader.text(kind.as_str())?);
    let Ok(identifier) = Identifier::parse(*kind, &text, holder) else {
        reader.wrong(
            kind.as_str(),
            "invalid-identifier",
            "is no valid identifier of this kind",
        );
        return None;
    };
    Some(Pupil {
        reference: reference?,
        identifier,
        kind: *kind,
    })
}
