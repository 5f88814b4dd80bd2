//! Reads a decision table.

use std::collections::BTreeSet;

use jiff::civil::Date;
use serde_json::{Map, Value as Json, json};

use super::super::super::Policies;
use super::{GRANTED, Verdict};
use crate::catalogue::Name;
use crate::document::{self, Table, Value};
use crate::identifier::IdentifierKind;
use crate::party::parse::{IDENTIFIERS, role};
use crate::party::{ClientId, Oin, Organisation, Slug};
use crate::pseudonym::Pseudonym;
use crate::source_text::SourceError;

/// Numbers that belong to nobody, by which a table's pupils are named: a policies folder holds no identifier.
const NOBODY: [(IdentifierKind, &str); 3] = [
    (IdentifierKind::Bsn, "999990019"),
    (
        IdentifierKind::EckId,
        "0000000000000000000000000000000000000000000000000000000000000000",
    ),
    (IdentifierKind::Local, "1"),
];
/// More pseudonyms than a request may name.
const PSEUDONYMS_MAX: u128 = 2_000;
/// The most persons that a grant can ask for.
const PERSONS_MAX: u32 = 4;
const STAFF: [(&str, bool); 2] = [("proved", true), ("stated", false)];

/// One case.
pub(super) struct Case {
    pub(super) line: usize,
    pub(super) name: String,
    pub(super) purpose: Name,
    pub(super) caller: TestCaller,
    pub(super) ask: Ask,
    pub(super) day: Date,
    pub(super) expect: Verdict,
}

/// Who asks in a case.
#[derive(Clone, Debug)]
pub struct TestCaller {
    /// Whose program.
    pub(in crate::policy::tools) organisation: Organisation,
    /// The program, where the organisation has one with this role.
    pub(super) client: ClientId,
    /// Its role.
    pub(in crate::policy::tools) role: String,
    /// The boards that gave it a mandate, and the datasets of that.
    pub(super) mandated: Vec<(Oin, BTreeSet<Name>)>,
    /// The board that it acts for.
    acting_for: Option<Oin>,
    /// The person who asks: proved, or stated only.
    pub(super) staff: Option<bool>,
    /// How many persons release the request together.
    pub(super) persons: u32,
    /// Whether a case is named.
    pub(super) case: bool,
}

/// What is asked.
#[derive(Clone, Debug)]
pub(in crate::policy::tools) enum Ask {
    /// Rows are delivered.
    Delivery { dataset: Name, holder: Oin },
    /// A named question.
    Question {
        purpose: Name,
        question: String,
        parameters: Vec<(String, String)>,
    },
    /// The body of a request for facts.
    Facts(Json),
    /// The body of a query.
    Query(Json),
    /// The body of a request to have pseudonyms resolved.
    Resolution(Json),
    /// The body of a request to enter or lift a restriction.
    Restriction(Json),
    /// The body of a search of the log.
    Search(Json),
    /// The body of a request to have pseudonyms translated.
    Translation(Json),
}

impl Ask {
    /// The purpose that is asked; a delivery's is that of its dataset.
    pub(in crate::policy::tools) fn purpose(&self) -> Option<Name> {
        let text = |body: &Json| body.get("purpose")?.as_str()?.parse().ok();
        match self {
            Self::Delivery { dataset, .. } => format!("delivery-{dataset}").parse().ok(),
            Self::Question { purpose, .. } => Some(purpose.clone()),
            Self::Facts(body)
            | Self::Query(body)
            | Self::Resolution(body)
            | Self::Restriction(body)
            | Self::Search(body)
            | Self::Translation(body) => text(body),
        }
    }

    /// The form that is asked, as far as the body says it.
    pub(in crate::policy::tools) fn form(&self) -> Option<&str> {
        match self {
            Self::Delivery { .. } => Some("delivery"),
            Self::Question { .. } => Some("figures"),
            Self::Facts(_) => Some("facts"),
            Self::Query(body) => body.get("form")?.as_str(),
            Self::Resolution(_) => Some("resolve"),
            Self::Restriction(_) => Some("restrict"),
            Self::Search(_) => Some("search"),
            Self::Translation(_) => Some("translate"),
        }
    }
}

/// All cases of one table.
pub(super) fn table(file: &str, text: &str, policies: &Policies) -> Result<Vec<Case>, Vec<SourceError>> {
    document::read(file, text, |table| {
        let purpose = purpose_of(file, policies);
        if purpose.is_none() {
            table.error("no purpose file of this name lies beside it");
        }
        let date = table.if_there("date", |value| value.date());
        let cases = table.required("case").and_then(|list| {
            list.some(|item| {
                let line = item.line();
                case(
                    &item.table()?,
                    line,
                    purpose.as_ref(),
                    date.ok().flatten(),
                    policies,
                )
            })
        });
        table.finish();
        date.ok()?;
        cases
    })
}

fn purpose_of(file: &str, policies: &Policies) -> Option<Name> {
    let stem = file.rsplit('/').next()?.strip_suffix(".test.toml")?;
    let name: Name = stem.parse().ok()?;
    policies.purposes.contains_key(&name).then_some(name)
}

fn case(
    table: &Table<'_, '_>,
    line: usize,
    purpose: Option<&Name>,
    date: Option<Date>,
    policies: &Policies,
) -> Option<Case> {
    let name = table.required("name").and_then(|value| value.words());
    let caller = table
        .required("caller")
        .and_then(|value| caller(&value.table()?, policies));
    let request = table.required("request");
    let expect = table.required("expect").and_then(|value| value.words());
    let clause = table.if_there("clause", |value| value.words());
    let day = table.if_there("date", |value| value.date());
    table.finish();
    let day = day.ok()?.or(date);
    if day.is_none() {
        table.error("missing key `date`: give it here, or above all cases");
    }
    let (caller, expect, clause) = (caller?, expect?, clause.ok()?);
    if expect == GRANTED && clause.is_none() {
        table.error("missing key `clause`: name the grant that allows it, such as `youth-atlas/grant/0`");
    }
    let (purpose, request) = (purpose?, request?);
    let body = request.json()?;
    if body.get("pupils").is_some() {
        // Told at the case: the line of the request would repeat the number.
        table.error("a policies folder names no pupil; say `by = \"bsn\"` or another kind of identifier");
        return None;
    }
    let ask = ask(body, Some(purpose), &caller, policies)
        .map_err(|wrong| request.error(wrong))
        .ok()?;
    Some(Case {
        line,
        name: name?,
        purpose: purpose.clone(),
        caller,
        ask,
        day: day?,
        expect: Verdict {
            outcome: expect,
            clause,
        },
    })
}

/// `{ organisation = "…", role = "…", for = "…", mandate = ["…"], staff = "proved", persons = 2, case = true }`.
fn caller(table: &Table<'_, '_>, policies: &Policies) -> Option<TestCaller> {
    let organisation = table
        .required("organisation")
        .and_then(|value| organisation(value, policies));
    let role = table.required("role").and_then(role);
    let board = table.if_there("for", |value| organisation_oin(value, policies));
    let mandate = table.if_there("mandate", |list| list.each(|value| dataset(value, policies)));
    let staff = table.if_there("staff", |value| value.choice("kind of proof", &STAFF));
    let persons = table.if_there("persons", |value| value.integer(1..=PERSONS_MAX));
    let case = table.if_there("case", |value| value.boolean());
    table.finish();
    let (board, mandate) = (board.ok()?, mandate.ok()?);
    if mandate.is_some() && board.is_none() {
        table.error("`mandate` needs `for`: the board that gave it");
    }
    let mandated = board
        .clone()
        .zip(mandate.map(|datasets| datasets.into_iter().collect()));
    TestCaller::new(organisation?, role?, staff.ok()?).map(|caller| TestCaller {
        mandated: mandated.into_iter().collect(),
        acting_for: board,
        persons: persons.ok().flatten().unwrap_or(1),
        case: case.ok().flatten().unwrap_or(true),
        ..caller
    })
}

impl TestCaller {
    /// A program of an organisation with a role; `staff`: whether the person who asks is proved, none for nobody.
    pub fn new(organisation: &Organisation, role: String, staff: Option<bool>) -> Option<Self> {
        let named = organisation
            .clients
            .iter()
            .find(|client| client.roles.contains(&role));
        let client = named.map(|client| client.id.clone());
        Some(Self {
            organisation: organisation.clone(),
            client: client.or_else(|| format!("{}-{role}", organisation.slug).parse().ok())?,
            role,
            mandated: Vec::new(),
            acting_for: None,
            staff,
            persons: 1,
            case: true,
        })
    }

    /// The same, acting for a board under a mandate for these datasets.
    #[must_use]
    pub fn acting_for(self, board: &Organisation, datasets: impl IntoIterator<Item = Name>) -> Self {
        Self {
            mandated: vec![(board.oin.clone(), datasets.into_iter().collect())],
            acting_for: Some(board.oin.clone()),
            ..self
        }
    }
}

fn organisation<'p>(value: Value<'_, '_>, policies: &'p Policies) -> Option<&'p Organisation> {
    let slug: Slug = value.parse()?;
    let found = policies.organisations.by_slug(&slug);
    if found.is_none() {
        let known = policies.organisations.iter().map(|one| one.slug.as_str());
        value.unknown(format!("unknown organisation `{slug}`"), slug.as_str(), known);
    }
    found
}

fn organisation_oin(value: Value<'_, '_>, policies: &Policies) -> Option<Oin> {
    organisation(value, policies).map(|found| found.oin.clone())
}

fn dataset(value: Value<'_, '_>, policies: &Policies) -> Option<Name> {
    let name: Name = value.parse()?;
    if policies.catalogue.dataset(&name).is_none() {
        let known = policies.catalogue.datasets().map(|dataset| dataset.name.as_str());
        value.unknown(format!("unknown dataset `{name}`"), name.as_str(), known);
        return None;
    }
    Some(name)
}

/// What a `request` asks: the API's own body, with the purpose filled in; pupils may be named by kind of number only.
///
/// # Errors
/// What is wrong with it, without a value of it.
pub(in crate::policy::tools) fn ask(
    body: Json,
    purpose: Option<&Name>,
    caller: &TestCaller,
    policies: &Policies,
) -> Result<Ask, String> {
    let Json::Object(mut body) = body else {
        return Err("must be a table, or the JSON of a request".to_owned());
    };
    let named = body.get("purpose").and_then(Json::as_str);
    let named = named.and_then(|text| text.parse::<Name>().ok());
    let purpose = match (purpose, named) {
        (Some(purpose), None) => purpose.clone(),
        (Some(purpose), Some(named)) if *purpose == named => named,
        (Some(purpose), Some(_)) => {
            return Err(format!("asks another purpose; this table is of `{purpose}`"));
        }
        (None, Some(named)) => named,
        (None, None) => return Err("names no purpose".to_owned()),
    };
    if body.contains_key("question") {
        return question(&body, purpose);
    }
    match body.get("form").and_then(Json::as_str) {
        Some("delivery") => delivery(&body, caller, policies),
        Some("facts") => {
            body.remove("form");
            about_a_pupil(body, &purpose, caller).map(Ask::Facts)
        }
        Some("restrict") => {
            body.remove("form");
            about_a_pupil(body, &purpose, caller).map(Ask::Restriction)
        }
        Some("search") => {
            body.remove("form");
            about_a_pupil(body, &purpose, caller).map(Ask::Search)
        }
        Some(form @ ("resolve" | "translate")) => {
            let ask = if form == "resolve" {
                Ask::Resolution
            } else {
                Ask::Translation
            };
            body.remove("form");
            body.insert("purpose".to_owned(), purpose.as_str().into());
            stand_ins(&mut body);
            Ok(ask(body.into()))
        }
        None if body.contains_key("pupils") => about_a_pupil(body, &purpose, caller).map(Ask::Facts),
        _ => {
            body.insert("purpose".to_owned(), purpose.as_str().into());
            Ok(Ask::Query(body.into()))
        }
    }
}

/// Which pseudonyms are named decides nothing, so a case may say how many they are: `pseudonyms = 3`.
fn stand_ins(body: &mut Map<String, Json>) {
    if let Some(count) = body.get("pseudonyms").and_then(Json::as_u64) {
        let count = u128::from(count).min(PSEUDONYMS_MAX);
        let pseudonyms = (1..=count).map(|number| Json::from(Pseudonym::stand_in(number).as_str()));
        body.insert("pseudonyms".to_owned(), pseudonyms.collect());
    }
}

/// `{ question = "…", epoch = "…", only = { … } }`.
fn question(body: &Map<String, Json>, purpose: Name) -> Result<Ask, String> {
    let mut parameters = Vec::new();
    let mut name = None;
    for (key, given) in body {
        match (key.as_str(), given) {
            ("purpose", _) => {}
            ("question", Json::String(text)) => name = Some(text.clone()),
            ("epoch" | "comparedWith", Json::String(text)) => parameters.push((key.clone(), text.clone())),
            ("only", Json::Object(filters)) => parameters.extend(filters.iter().map(|(field, code)| {
                let code = code.as_str().map_or_else(|| code.to_string(), str::to_owned);
                (field.clone(), code)
            })),
            _ => {
                return Err(format!(
                    "a named question has no `{key}` of this kind; it has `epoch`, `comparedWith` and `only`"
                ));
            }
        }
    }
    Ok(Ask::Question {
        purpose,
        question: name.ok_or("`question` must be a name")?,
        parameters,
    })
}

/// `{ form = "delivery", dataset = "…" }`: for the board that the caller acts for, else for itself.
fn delivery(body: &Map<String, Json>, caller: &TestCaller, policies: &Policies) -> Result<Ask, String> {
    const KEYS: [&str; 4] = ["form", "purpose", "dataset", "holder"];
    if let Some(key) = body.keys().find(|key| !KEYS.contains(&key.as_str())) {
        return Err(format!(
            "a delivery has no `{key}`; it has `dataset` and `holder`"
        ));
    }
    let text = |key| body.get(key).and_then(Json::as_str);
    let dataset = text("dataset").and_then(|name| name.parse().ok());
    let holder = match text("holder") {
        Some(text) => party(text, policies).ok_or("`holder` is no organisation")?,
        None => caller
            .acting_for
            .as_ref()
            .unwrap_or(&caller.organisation.oin)
            .clone(),
    };
    Ok(Ask::Delivery {
        dataset: dataset.ok_or("a delivery needs `dataset`")?,
        holder,
    })
}

/// An organisation by its short name or its OIN.
fn party(text: &str, policies: &Policies) -> Option<Oin> {
    let by_slug = text
        .parse::<Slug>()
        .ok()
        .and_then(|slug| policies.organisations.by_slug(&slug));
    let by_oin = || {
        text.parse::<Oin>()
            .ok()
            .and_then(|oin| policies.organisations.by_oin(&oin))
    };
    by_slug.or_else(by_oin).map(|found| found.oin.clone())
}

/// `{ form = "facts", by = "eckId", fields = […] }`: about one pupil that nobody is.
fn about_a_pupil(mut body: Map<String, Json>, purpose: &Name, caller: &TestCaller) -> Result<Json, String> {
    if !body.contains_key("pupils") {
        let by = body.remove("by");
        let kind = by.as_ref().and_then(Json::as_str);
        let kind = IDENTIFIERS.iter().find(|(name, _)| kind == Some(name));
        let number = kind.and_then(|(_, kind)| NOBODY.iter().find(|(other, _)| other == kind));
        let (kind, number) = number.ok_or("it needs `by`: one of `bsn`, `eckId`, `local`")?;
        body.insert(
            "pupils".to_owned(),
            json!([{ "ref": "1", kind.as_str(): number }]),
        );
    }
    body.insert("purpose".to_owned(), purpose.as_str().into());
    if let Some(board) = &caller.acting_for {
        body.insert("actingFor".to_owned(), board.as_str().into());
    }
    Ok(body.into())
}
