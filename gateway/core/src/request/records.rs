//! A request for pseudonymised rows.

use jiff::civil::Date;

use crate::catalogue::{Catalogue, FieldName, Name};
use crate::party::Oin;

use super::reader::Reader;
use super::{OnBehalfOf, PAGE_RECORDS_MAX};

/// Which page of the rows is asked.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Page {
    /// The most rows on it; none: as many as are granted.
    pub limit: Option<u32>,
    /// Where the last one ended, as the gateway sealed it.
    pub cursor: Option<String>,
}

/// A parsed request for records.
#[derive(Debug)]
pub struct RecordsRequest {
    /// The purpose.
    pub purpose: Name,
    /// For whom the caller acts, if not for itself.
    pub acting_for: Option<Oin>,
    /// The fields asked for, in the order of the answer, besides the pseudonym.
    pub fields: Vec<FieldName>,
    /// Where the pseudonym stands among the fields, if it was asked.
    pub pseudonym: bool,
    /// One value each.
    pub only: Vec<(FieldName, String)>,
    /// The site whose pupils they are, where the grant is for one site at a time.
    pub site: Option<String>,
    /// The date as of which the rows are read; today where absent.
    pub at: Option<Date>,
    /// The person who asks.
    pub on_behalf_of: Option<OnBehalfOf>,
    /// The page.
    pub page: Page,
}

impl RecordsRequest {
    pub(super) fn read(catalogue: &Catalogue, reader: &mut Reader<'_>) -> Option<Self> {
        let purpose = reader.purpose();
        let acting_for = reader.acting_for();
        let (pseudonym, fields) = fields(catalogue, reader);
        let only = only(catalogue, reader);
        let site = reader.site();
        let at = reader.date("at");
        let on_behalf_of = reader.on_behalf_of();
        let page = page(reader);
        Some(Self {
            purpose: purpose?,
            acting_for,
            fields,
            pseudonym,
            only,
            site,
            at,
            on_behalf_of,
            page,
        })
    }
}

fn fields(catalogue: &Catalogue, reader: &mut Reader<'_>) -> (bool, Vec<FieldName>) {
    let Some(texts) = reader.texts("fields") else {
        reader.missing(
            "fields",
            "the fields that are needed, by name; there is no wildcard",
        );
        return (false, Vec::new());
    };
    if texts.is_empty() {
        reader.wrong(
            "fields",
            "missing",
            "the fields that are needed, by name; there is no wildcard",
        );
    }
    let mut pseudonym = false;
    let mut fields: Vec<FieldName> = Vec::with_capacity(texts.len());
    for (location, text) in texts {
        if text == "pseudonym" && !pseudonym {
            pseudonym = true;
            continue;
        }
        match reader.field(catalogue, location.clone(), &text) {
            Some(field) if fields.contains(&field) => reader.error(location, "repeated", "is asked twice"),
            Some(field) => fields.push(field),
            None => {}
        }
    }
    (pseudonym, fields)
}

fn only(catalogue: &Catalogue, reader: &mut Reader<'_>) -> Vec<(FieldName, String)> {
    let mut only = Vec::new();
    for (location, name, value) in reader.scalars(catalogue, "only") {
        let Some(field) = reader.field(catalogue, location.clone(), &name) else {
            continue;
        };
        let parsed = catalogue.value(&field, &value);
        if parsed.is_none() {
            reader.error(
                location,
                "unknown-code",
                "is no value of this field; see `GET /v1/catalogue`",
            );
            continue;
        }
        only.push((field, value));
    }
    only
}

fn page(reader: &mut Reader<'_>) -> Page {
    let default = Page {
        limit: None,
        cursor: None,
    };
    let Some(value) = reader.value("page") else {
        return default;
    };
    let location = reader.pointer("page");
    let mut inner = match Reader::at(value, location) {
        Ok(inner) => inner,
        Err(errors) => {
            for error in errors {
                reader.error(error.location, error.code, &error.detail);
            }
            return default;
        }
    };
    let limit = inner.number("limit").and_then(|limit| {
        let limit = u32::try_from(limit)
            .ok()
            .filter(|limit| (1..=PAGE_RECORDS_MAX).contains(limit));
        if limit.is_none() {
            inner.wrong("limit", "out-of-range", "must be 1 to 1000");
        }
        limit
    });
    let cursor = inner.text("cursor");
    reader.absorb(inner);
    Page { limit, cursor }
}
