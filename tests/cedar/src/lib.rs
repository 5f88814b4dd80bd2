//! Generated purposes, the same ones in Cedar, and requests to both.
//!
//! Both can say: a program of this organisation with this role may, for this purpose, on these days, have these fields
//! in this form. Cedar has no scopes, levels, pseudonyms or protected figures; these are held constant.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;
use std::str::FromStr;

use cedar_policy::{Authorizer, Context, Decision, Entities, EntityUid, PolicySet, Request as CedarRequest};
use doelpoort_core::party::{Caller, Staff, TokenPurpose};
use doelpoort_core::policy::decide::decide;
use doelpoort_core::policy::{Draft, Policies, PolicyFiles};
use doelpoort_core::request::Request;
use jiff::Timestamp;
use jiff::civil::{Date, date};
use serde_json::{Value, json};

/// Who may be named: an organisation and a role.
pub const PARTIES: [(&str, &str); 6] = [
    ("swv-po", "dashboard"),
    ("swv-po", "consulent"),
    ("swv-vo", "dashboard"),
    ("swv-vo", "consulent"),
    ("municipality", "dashboard"),
    ("municipality", "consulent"),
];
/// Fields of rows.
pub const FIELDS: [&str; 8] = [
    "enrolment.site",
    "enrolment.sector",
    "enrolment.year-group",
    "enrolment.from",
    "enrolment.neighbourhood",
    "absence.kind",
    "absence.since",
    "absence.weeks",
];
/// Dimensions of figures, each at one level.
pub const DIMENSIONS: [&str; 4] = [
    "enrolment.sector@sector",
    "enrolment.neighbourhood@district",
    "enrolment.year-group@year-group",
    "absence.kind@code",
];
/// The forms that both know.
pub const FORMS: [&str; 3] = ["facts", "figures", "records"];
const DAYS: i64 = 720;

/// A source of numbers that is the same everywhere (SplitMix64): a run that fails can be repeated.
pub struct Numbers(pub u64);

impl Numbers {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).unwrap_or(0)
    }

    fn some<T: Copy + Ord>(&mut self, of: &[T], most: usize) -> Vec<T> {
        let count = 1 + self.below(most);
        let some: BTreeSet<T> = (0..count).map(|_| of[self.below(of.len())]).collect();
        some.into_iter().collect()
    }
}

/// One generated grant.
#[derive(Clone, Debug)]
pub struct Grant {
    form: &'static str,
    parties: Vec<(&'static str, &'static str)>,
    fields: Vec<&'static str>,
}

/// One generated purpose.
#[derive(Clone, Debug)]
pub struct Purpose {
    pub id: String,
    from: Date,
    until: Date,
    grants: Vec<Grant>,
}

/// One case.
#[derive(Clone, Debug)]
pub struct Case {
    pub purpose: usize,
    pub party: (&'static str, &'static str),
    pub form: &'static str,
    pub fields: Vec<&'static str>,
    pub day: Date,
}

fn first_day() -> Date {
    date(2025, 8, 1)
}

fn day(number: i64) -> Date {
    first_day().saturating_add(jiff::Span::new().days(number))
}

/// Generates purposes.
pub fn purposes(count: usize, numbers: &mut Numbers) -> Vec<Purpose> {
    let grant = |numbers: &mut Numbers| {
        let form = FORMS[numbers.below(FORMS.len())];
        let fields = match form {
            "figures" => numbers.some(&DIMENSIONS, 3),
            "facts" => numbers.some(&FIELDS[..5], 5),
            _ => numbers.some(&FIELDS, 6),
        };
        Grant {
            form,
            parties: numbers.some(&PARTIES, 3),
            fields,
        }
    };
    (0..count)
        .map(|number| {
            let from = i64::try_from(numbers.below(400)).unwrap_or(0);
            let length = i64::try_from(numbers.below(300)).unwrap_or(0);
            Purpose {
                id: format!("p{number}"),
                from: day(from),
                until: day(from + length),
                grants: (0..=numbers.below(2)).map(|_| grant(numbers)).collect(),
            }
        })
        .collect()
}

/// Generates a case: half of them near a grant, so that both outcomes are common.
pub fn case(purposes: &[Purpose], numbers: &mut Numbers) -> Case {
    let at = numbers.below(purposes.len());
    let purpose = &purposes[at];
    let grant = &purpose.grants[numbers.below(purpose.grants.len())];
    let near = numbers.below(4) > 0;
    let form = if near {
        grant.form
    } else {
        FORMS[numbers.below(FORMS.len())]
    };
    let mut fields = match (near, form) {
        (true, _) => numbers.some(&grant.fields, 3),
        (false, "figures") => numbers.some(&DIMENSIONS, 3),
        (false, _) => numbers.some(&FIELDS, 3),
    };
    if near && numbers.below(3) == 0 {
        let all: &[&str] = if form == "figures" { &DIMENSIONS } else { &FIELDS };
        fields.push(all[numbers.below(all.len())]);
        fields.sort_unstable();
        fields.dedup();
    }
    let party = if numbers.below(4) > 0 {
        grant.parties[numbers.below(grant.parties.len())]
    } else {
        PARTIES[numbers.below(PARTIES.len())]
    };
    let days = (purpose.until - purpose.from).get_days();
    let within = i64::try_from(numbers.below(usize::try_from(days).unwrap_or(0) + 3)).unwrap_or(0) - 1;
    let day = if numbers.below(4) > 0 {
        purpose.from.saturating_add(jiff::Span::new().days(within))
    } else {
        day(i64::try_from(numbers.below(usize::try_from(DAYS).unwrap_or(1))).unwrap_or(0))
    };
    Case {
        purpose: at,
        party,
        form,
        fields,
        day,
    }
}

// --- ours ---------------------------------------------------------------------------------------------------------

/// The generated purposes, read as files over the shipped catalogue and organisations, as if all were signed.
pub fn ours(purposes: &[Purpose]) -> Policies {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies");
    let read = |name: &str| {
        let path = root.join(name);
        std::fs::read_to_string(&path).unwrap_or_else(|why| panic!("{}: {why}", path.display()))
    };
    let mut catalogue = Vec::new();
    for part in ["datasets", "hierarchies", "maps", "populations"] {
        let entries = std::fs::read_dir(root.join(part)).unwrap_or_else(|why| panic!("{part}: {why}"));
        for entry in entries.flatten() {
            let name = format!("{part}/{}", entry.file_name().to_string_lossy());
            catalogue.push((name.clone(), read(&name)));
        }
    }
    catalogue.sort();
    let files = PolicyFiles {
        catalogue,
        organisations: ("organisations.toml".to_owned(), read("organisations.toml")),
        purposes: purposes
            .iter()
            .map(|one| (format!("purposes/{}.toml", one.id), toml(one)))
            .collect(),
        ..PolicyFiles::default()
    };
    match Draft::read(&files) {
        Ok(draft) => Policies::as_if_signed(&draft),
        Err(errors) => panic!(
            "{}",
            errors
                .iter()
                .map(|error| format!("{error}\n"))
                .collect::<String>()
        ),
    }
}

fn toml(purpose: &Purpose) -> String {
    let mut text = format!(
        r#"
purpose = "{}"
version = 1
title = {{ nl = "x" }}
why = {{ nl = "x" }}
contact = "x"
retention = "P1Y"
valid = {{ from = {}, until = {} }}
basis = {{ avg = "6(1)(e)", special = "none" }}
dpia = {{ reference = "x", date = 2026-03-12 }}
controllers = [{{ organisation = "swv-po", law = "x" }}]
"#,
        purpose.id, purpose.from, purpose.until
    );
    for grant in &purpose.grants {
        let parties = grant
            .parties
            .iter()
            .map(|(slug, role)| format!("{{ organisation = \"{slug}\", role = \"{role}\" }}"));
        let parties = parties.collect::<Vec<_>>().join(", ");
        let fields = format!("{:?}", grant.fields);
        let _ = write!(
            text,
            "[[grant]]\nform = \"{}\"\nrecipient = [{parties}]\nholders = \"all\"\ndataset = \"enrolment\"\n",
            grant.form
        );
        text += &match grant.form {
            "figures" => format!(
                "group_by = {fields}\nmeasures = [\"pupils\"]\npopulation = \"children\"\nepochs = \"count-dates\"\n\
                 protect = {{ mechanism = \"cell-key\" }}\nmax_dimensions = 4\n"
            ),
            "facts" => format!("identifiers = [\"eckId\"]\nfields = {fields}\nscope = \"everything\"\n"),
            _ => format!("fields = {fields}\nscope = \"everything\"\n"),
        };
        text += "limit = { requests = \"600/h\" }\n";
    }
    text
}

/// A program whose token names these purposes.
pub fn caller<'n>(
    policies: &Policies,
    (slug, role): (&str, &str),
    purposes: impl IntoIterator<Item = &'n str>,
) -> Caller {
    let found = slug
        .parse()
        .ok()
        .and_then(|slug| policies.organisations.by_slug(&slug));
    let party = found.unwrap_or_else(|| panic!("no {slug}"));
    let named = purposes.into_iter().filter_map(|id| {
        let (id, standing) = policies.purposes.get_key_value(&id.parse().ok()?)?;
        Some(TokenPurpose {
            id: id.clone(),
            manifest_digest: standing.manifest_digest,
        })
    });
    Caller {
        organisation: party.oin.clone(),
        slug: party.slug.clone(),
        client: format!("{slug}-{role}")
            .parse()
            .unwrap_or_else(|_| panic!("no client id")),
        roles: vec![role.to_owned()],
        acting_for: Vec::new(),
        purposes: named.collect(),
    }
}

/// A person, proved, with a case.
pub fn staff() -> Staff {
    Staff {
        subject: "s".to_owned(),
        proved: true,
        case: Some("c".to_owned()),
    }
}

/// The case as a request of our API.
pub fn request(policies: &Policies, purpose: &Purpose, case: &Case, caller: &Caller) -> Request {
    let read = match case.form {
        "facts" => {
            let body = json!({
                "purpose": purpose.id, "fields": case.fields, "pupils": [{ "ref": "1", "eckId": "0".repeat(64) }]
            });
            Request::facts(
                &policies.catalogue,
                &caller.organisation,
                body.to_string().as_bytes(),
            )
        }
        "figures" => query(
            policies,
            &json!({
                "purpose": purpose.id, "form": "figures", "groupBy": case.fields, "measures": ["pupils"]
            }),
        ),
        _ => query(
            policies,
            &json!({ "purpose": purpose.id, "form": "records", "fields": case.fields }),
        ),
    };
    read.unwrap_or_else(|errors| panic!("{errors:?}"))
}

fn query(policies: &Policies, body: &Value) -> Result<Request, Vec<doelpoort_core::request::InputError>> {
    Request::query(&policies.catalogue, body.to_string().as_bytes())
}

/// Noon of the day.
pub fn at(day: Date) -> Timestamp {
    let noon = day.at(12, 0, 0, 0).to_zoned(jiff::tz::TimeZone::UTC);
    noon.map_or(Timestamp::MIN, |noon| noon.timestamp())
}

/// Whether we allow it.
pub fn allowed(policies: &Policies, caller: &Caller, request: &Request, now: Timestamp) -> bool {
    decide(policies, caller, Some(&staff()), request, now).is_ok()
}

// --- Cedar --------------------------------------------------------------------------------------------------------

/// The purposes as Cedar policies: a permit for each grant and party.
pub fn cedar(purposes: &[Purpose]) -> PolicySet {
    let mut text = String::new();
    for purpose in purposes {
        for grant in &purpose.grants {
            for (slug, role) in &grant.parties {
                let _ = writeln!(
                    text,
                    "permit(principal == Program::\"{slug}/{role}\", action == Action::\"{}\", resource == Purpose::\"{}\") \
                     when {{ {:?}.containsAll(context.fields) && {} <= context.day && context.day <= {} }};",
                    grant.form,
                    purpose.id,
                    grant.fields,
                    number(purpose.from),
                    number(purpose.until),
                );
            }
        }
    }
    PolicySet::from_str(&text).unwrap_or_else(|why| panic!("{why}"))
}

/// A day as Cedar compares it: 20261122.
fn number(day: Date) -> i64 {
    i64::from(day.year()) * 10_000 + i64::from(day.month()) * 100 + i64::from(day.day())
}

/// The case as a request of Cedar's.
pub fn cedar_request(purpose: &Purpose, case: &Case) -> CedarRequest {
    let (slug, role) = case.party;
    let uid = |text: String| EntityUid::from_str(&text).unwrap_or_else(|why| panic!("{why}"));
    let context = json!({ "fields": case.fields, "day": number(case.day) });
    let context = Context::from_json_value(context, None).unwrap_or_else(|why| panic!("{why}"));
    CedarRequest::new(
        uid(format!("Program::\"{slug}/{role}\"")),
        uid(format!("Action::\"{}\"", case.form)),
        uid(format!("Purpose::\"{}\"", purpose.id)),
        context,
        None,
    )
    .unwrap_or_else(|why| panic!("{why}"))
}

/// Whether Cedar allows it.
pub fn cedar_allowed(policies: &PolicySet, request: &CedarRequest) -> bool {
    let response = Authorizer::new().is_authorized(request, policies, &Entities::empty());
    response.decision() == Decision::Allow
}
