//! Grants about pseudonyms, pupils' objections and the log: `translate`, `resolve`, `restrict`, `search`.

use super::{about_pupils, parties, scope, staff};
use crate::catalogue::{Dataset, Name};
use crate::document::{Table, Value};
use crate::identifier::IdentifierKind;
use crate::party::parse::IDENTIFIERS;
use crate::purpose::names::{Names, or_default};
use crate::purpose::{
    Holders, Limit, Rate, Recipient, ResolveGrant, RestrictGrant, SearchGrant, TranslateGrant,
};

/// The most pseudonyms a day that one may have resolved: a case, not a list.
const RESOLVED_PER_DAY_MAX: u32 = 1_000;
/// The most pseudonyms a day that may be translated.
const TRANSLATED_PER_DAY_MAX: u32 = 100_000;
/// The most pupils a day that may be looked for in the log.
const SEARCHED_PER_DAY_MAX: u32 = 1_000;
/// The longest that a resolution may be pending, in days.
const DEADLINE_DAYS_MAX: u32 = 60;
/// Fewer persons than this release nothing.
const PERSONS_MIN: u32 = 2;
const PERSONS_MAX: u32 = 4;

/// `form = "translate"`.
pub(super) fn translate(table: &Table<'_, '_>, names: &Names<'_>) -> Option<TranslateGrant> {
    let common = common(table, names);
    let from = purpose(table, "from");
    let to = table.required("to").and_then(|value| target(value, names));
    let staff = staff(table);
    let limit = table
        .required("limit")
        .and_then(|value| limit(value, TRANSLATED_PER_DAY_MAX));
    let (recipients, dataset, holders) = common?;
    let (to, to_purpose) = to?;
    let (limit, per_day) = limit?;
    Some(TranslateGrant {
        recipients,
        dataset: dataset.name.clone(),
        holders,
        from: from?,
        to,
        to_purpose,
        staff: staff?,
        per_day,
        limit,
    })
}

/// `form = "resolve"`. It is always proved who asks: there is no `staff` to choose.
pub(super) fn resolve(table: &Table<'_, '_>, names: &Names<'_>) -> Option<ResolveGrant> {
    let common = common(table, names);
    let of = purpose(table, "of");
    let reasons = reasons(table);
    let shows = or_default(table, "shows", (false, false), shows);
    let deadline_days = table
        .required("deadline_days")
        .and_then(|value| value.integer(1..=DEADLINE_DAYS_MAX));
    let persons = persons(table);
    let limit = table
        .required("limit")
        .and_then(|value| limit(value, RESOLVED_PER_DAY_MAX));
    let (recipients, dataset, holders) = common?;
    let (shows_purpose, shows_case) = shows?;
    let (limit, per_day) = limit?;
    Some(ResolveGrant {
        recipients,
        dataset: dataset.name.clone(),
        holders,
        of: of?,
        reasons: reasons?,
        shows_purpose,
        shows_case,
        deadline_days: deadline_days?,
        persons: persons?,
        per_day,
        limit,
    })
}

/// `form = "restrict"`.
pub(super) fn restrict(table: &Table<'_, '_>, names: &Names<'_>) -> Option<RestrictGrant> {
    let common = common(table, names);
    let identifiers = identifiers(table);
    let scope = scope(table);
    let staff = staff(table);
    let limit = table
        .required("limit")
        .and_then(|value| crate::purpose::names::limit(value, false));
    let (recipients, dataset, holders) = common?;
    Some(RestrictGrant {
        recipients,
        dataset: dataset.name.clone(),
        holders,
        identifiers: identifiers?,
        scope: scope?,
        staff: staff?,
        limit: limit?,
    })
}

/// `form = "search"`. It is always proved who asks, and no holder's rows are read.
pub(super) fn search(table: &Table<'_, '_>, names: &Names<'_>) -> Option<SearchGrant> {
    let recipients = parties(table, "recipient", names);
    let dataset = table
        .required("dataset")
        .and_then(|value| about_pupils(value, names));
    let identifiers = identifiers(table);
    let reasons = reasons(table);
    let persons = persons(table);
    let limit = table
        .required("limit")
        .and_then(|value| limit(value, SEARCHED_PER_DAY_MAX));
    let (limit, per_day) = limit?;
    Some(SearchGrant {
        recipients: recipients?,
        dataset: dataset?.name.clone(),
        identifiers: identifiers?,
        reasons: reasons?,
        persons: persons?,
        per_day,
        limit,
    })
}

fn identifiers(table: &Table<'_, '_>) -> Option<Vec<IdentifierKind>> {
    table
        .required("identifiers")
        .and_then(|list| list.some(|value| value.choice("kind of identifier", &IDENTIFIERS)))
}

fn reasons(table: &Table<'_, '_>) -> Option<Vec<Name>> {
    table
        .required("reasons")
        .and_then(|list| list.some(|value| value.parse()))
}

fn persons(table: &Table<'_, '_>) -> Option<u32> {
    or_default(table, "persons", PERSONS_MIN, |value| {
        value.integer(PERSONS_MIN..=PERSONS_MAX)
    })
}

type Common<'c> = (Vec<Recipient>, &'c Dataset, Holders);

fn common<'c>(table: &Table<'_, '_>, names: &Names<'c>) -> Option<Common<'c>> {
    let recipients = parties(table, "recipient", names);
    let dataset = table
        .required("dataset")
        .and_then(|value| about_pupils(value, names));
    let holders = table
        .required("holders")
        .and_then(|value| names.holders(value, dataset));
    Some((recipients?, dataset?, holders?))
}

/// The name of a purpose. Whether there is one is looked up when all are read.
fn purpose(table: &Table<'_, '_>, key: &'static str) -> Option<Name> {
    table.required(key).and_then(|value| value.parse())
}

/// `{ organisation = "…", purpose = "…" }`.
fn target(value: Value<'_, '_>, names: &Names<'_>) -> Option<(crate::party::Slug, Name)> {
    let table = value.table()?;
    let organisation = table
        .required("organisation")
        .and_then(|value| names.organisation(value));
    let purpose = purpose(&table, "purpose");
    table.finish();
    Some((organisation?.slug.clone(), purpose?))
}

/// `{ purpose = true, case = false }`: what the holder is told besides the reason.
fn shows(value: Value<'_, '_>) -> Option<(bool, bool)> {
    let table = value.table()?;
    let purpose = or_default(&table, "purpose", false, |value| value.boolean());
    let case = or_default(&table, "case", false, |value| value.boolean());
    table.finish();
    purpose.zip(case)
}

/// `{ requests = "20/d", per_day = 20 }`: requests, and the pseudonyms that they may name together in a day.
fn limit(value: Value<'_, '_>, per_day_max: u32) -> Option<(Limit, u32)> {
    let table = value.table()?;
    let requests: Option<Rate> = table.required("requests").and_then(|value| value.parse());
    let per_day = table
        .required("per_day")
        .and_then(|value| value.integer(1..=per_day_max));
    table.finish();
    let limit = Limit {
        requests: requests?,
        cells: None,
    };
    Some((limit, per_day?))
}
