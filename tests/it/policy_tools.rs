//! The tools on policies, where they meet the running gateway.

use std::collections::BTreeSet;

use doelpoort::client::{Answer, Client, ClientError, Delivery, Mode};
use doelpoort_core::catalogue::{About, DatasetPeriod, Dimension, FieldName, FieldType};
use doelpoort_core::identifier::IdentifierKind;
use doelpoort_core::party::Slug;
use doelpoort_core::policy::Policies;
use doelpoort_core::policy::tools::matrix::{Row, matrix};
use doelpoort_core::purpose::Grant;
use futures_util::StreamExt as _;
use serde_json::{Map, Value, json};

use crate::support::database::Backend;
use crate::support::world::World;
use crate::support::world::ask::{body, send_plain};
use crate::support::world::pupils::{bsn, eck_id};

/// The programs that ask, with the board that one acts for.
const ASKING: [(&str, Option<&str>); 5] = [
    ("swv-po-dashboard", None),
    ("swv-vo-consulent", None),
    ("municipality-dashboard", None),
    ("vendor-alpha-school", Some("board-41676")),
    ("vendor-beta-school", Some("board-41676")),
];
/// The programs that deliver.
const DELIVERING: [(&str, Option<&str>); 3] = [
    ("municipality-delivery", None),
    ("swv-po-delivery", None),
    ("vendor-alpha-delivery", Some("board-41676")),
];
const AT_ONCE: usize = 24;

/// Purpose, use, dataset, field, level, code.
type Right = (String, &'static str, String, String, String, String);

enum Body {
    Query(Map<String, Value>),
    Facts(Map<String, Value>),
}

fn right(purpose: &str, action: &'static str, field: Option<&FieldName>, level: &str, code: &str) -> Right {
    let (dataset, field) = field.map_or((String::new(), String::new()), |name| {
        (name.dataset.to_string(), name.field.to_string())
    });
    (
        purpose.to_owned(),
        action,
        dataset,
        field,
        level.to_owned(),
        code.to_owned(),
    )
}

fn fields(policies: &Policies) -> Vec<(FieldName, FieldType)> {
    let datasets = policies.catalogue.datasets();
    datasets
        .flat_map(|dataset| {
            let of = |field: &doelpoort_core::catalogue::Field| {
                let name = FieldName::new(dataset.name.clone(), field.name.clone());
                (name, field.field_type)
            };
            dataset.fields.iter().map(of)
        })
        .collect()
}

fn dimensions(policies: &Policies) -> Vec<Dimension> {
    let levels = |field: FieldName| {
        let hierarchy = policies.catalogue.hierarchy_of(&field);
        let levels = hierarchy
            .map(|hierarchy| hierarchy.levels.clone())
            .unwrap_or_default();
        levels.into_iter().map(move |level| Dimension {
            field: field.clone(),
            level,
        })
    };
    fields(policies)
        .into_iter()
        .flat_map(|(field, _)| levels(field))
        .collect()
}

/// The first code, and those that a grant fixes.
fn codes(policies: &Policies, rows: &[Row], dimension: &Dimension) -> BTreeSet<String> {
    let fixed = rows.iter().filter(|row| {
        row.dataset == dimension.field.dataset && row.field.as_ref() == Some(&dimension.field.field)
    });
    let first = policies
        .catalogue
        .codes(dimension)
        .first()
        .map(|node| node.code.clone());
    let here = |code: &String| policies.catalogue.code(dimension, code).is_some();
    first
        .into_iter()
        .chain(fixed.filter_map(|row| row.value.clone()))
        .filter(here)
        .collect()
}

/// A value that a field can have.
fn value(policies: &Policies, field: &FieldName, kind: FieldType) -> Option<String> {
    let coded = policies.catalogue.hierarchy_of(field).and_then(|hierarchy| {
        let finest = hierarchy.finest()?;
        Some(hierarchy.nodes_at(finest).first()?.code.clone())
    });
    let tried = [
        Some("2026-09-01"),
        Some("true"),
        Some("1"),
        Some("1311"),
        Some("x"),
        coded.as_deref(),
    ];
    let text = tried
        .into_iter()
        .flatten()
        .find(|text| policies.catalogue.value(field, text).is_some());
    (kind != FieldType::StaffId).then_some(text?.to_owned())
}

/// A question of each form, which tell whether a purpose has anything for a program at all.
fn first_questions(policies: &Policies, purpose: &str, board: Option<&str>) -> Vec<(Right, Body)> {
    vec![
        (
            right(purpose, "exists", None, "", ""),
            facts(policies, purpose, board, json!({ "exists": true })),
        ),
        (
            right(purpose, "see", None, "pseudonym", ""),
            rows(purpose, json!({ "fields": ["pseudonym"] })),
        ),
        (
            right(purpose, "count", None, "pupils", ""),
            figures(purpose, json!({})),
        ),
    ]
}

/// Everything else that may be asked under a purpose, and what its being allowed would show.
fn questions(policies: &Policies, listed: &[Row], purpose: &str, board: Option<&str>) -> Vec<(Right, Body)> {
    let mut asked = Vec::new();
    for (field, kind) in fields(policies) {
        let name = field.to_string();
        asked.push((
            right(purpose, "see", Some(&field), "", "facts"),
            facts(policies, purpose, board, json!({ "fields": [name] })),
        ));
        asked.push((
            right(purpose, "see", Some(&field), "", "records"),
            rows(purpose, json!({ "fields": [name] })),
        ));
        // What is about no pupil has no pseudonym to show.
        let about = policies.catalogue.dataset(&field.dataset).unwrap().about;
        let shown = if about == About::Provision {
            "provision.code"
        } else {
            "pseudonym"
        };
        if let Some(value) = value(policies, &field, kind) {
            asked.push((
                right(purpose, "filter", Some(&field), "exact", ""),
                rows(purpose, json!({ "fields": [shown], "only": { name: value } })),
            ));
        }
    }
    for dimension in dimensions(policies) {
        let (name, level) = (dimension.to_string(), dimension.level.as_str());
        asked.push((
            right(purpose, "group", Some(&dimension.field), level, ""),
            figures(purpose, json!({ "groupBy": [name] })),
        ));
        for code in codes(policies, listed, &dimension) {
            asked.push((
                right(purpose, "filter", Some(&dimension.field), level, &code),
                figures(purpose, json!({ "only": { name.clone(): code } })),
            ));
        }
    }
    asked
}

fn facts(policies: &Policies, purpose: &str, board: Option<&str>, what: Value) -> Body {
    let by_bsn = |grant: &Grant| matches!(grant, Grant::Facts(facts) if facts.identifiers.contains(&IdentifierKind::Bsn));
    let known = policies.purposes.get(&purpose.parse().unwrap());
    let pupil = if known.is_some_and(|known| known.purpose.grants.iter().any(by_bsn)) {
        json!({ "ref": "1", "bsn": bsn(1) })
    } else {
        json!({ "ref": "1", "eckId": eck_id(1) })
    };
    let mut asked = body(json!({
        "purpose": purpose, "pupils": [pupil], "onBehalfOf": { "case": "matrix" }
    }));
    let party = board.map(|slug| policies.organisations.by_slug(&slug.parse().unwrap()).unwrap());
    asked.extend(party.map(|party| ("actingFor".to_owned(), party.oin.to_string().into())));
    asked.extend(body(what));
    Body::Facts(asked)
}

fn rows(purpose: &str, what: Value) -> Body {
    let mut asked =
        body(json!({ "purpose": purpose, "form": "records", "onBehalfOf": { "case": "matrix" } }));
    asked.extend(body(what));
    Body::Query(asked)
}

fn figures(purpose: &str, what: Value) -> Body {
    let mut asked = body(json!({ "purpose": purpose, "form": "figures", "measures": ["pupils"] }));
    asked.extend(body(what));
    Body::Query(asked)
}

/// What the gateway decided. Whatever is found after the decision (no closed epoch) does not count; a request that is no
/// request would, so it fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Decided {
    Allowed,
    Denied,
    /// The purpose has nothing at all for this program, whatever it asks.
    NoSuchPurpose,
}

fn decided(outcome: Result<Answer, ClientError>) -> Decided {
    match outcome {
        Ok(_) => Decided::Allowed,
        Err(ClientError::Refused(problem)) => match (problem.status, problem.code.as_str()) {
            (404, "no-such-epoch") | (409, _) => Decided::Allowed,
            (403, _) => Decided::Denied,
            (404, "no-such-purpose") => Decided::NoSuchPurpose,
            other => panic!("no decision: {other:?}: {}", problem.document),
        },
        Err(error) => panic!("{error}"),
    }
}

async fn asked(client: &Client, questions: Vec<(Right, Body)>) -> Vec<(Right, Decided)> {
    let answers = questions.into_iter().map(|(right, body)| async move {
        let outcome = match body {
            Body::Query(body) => client.query(body).await,
            Body::Facts(body) => client.facts(body).await,
        };
        (right, decided(outcome))
    });
    let answers = futures_util::stream::iter(answers).buffer_unordered(AT_ONCE);
    answers.collect().await
}

/// Everything that one program gets under one purpose, beside what the matrix lists of it.
async fn brute_force(
    world: &World,
    all: &[Row],
    (id, board): (&str, Option<&str>),
    purpose: &str,
) -> (BTreeSet<Right>, BTreeSet<Right>) {
    let current = world.gateway.policies().current();
    let client = world.client(id);
    let of = |row: &&Row| {
        row.clients.iter().any(|client| client == id) && row.acting_for.as_ref().map(Slug::as_str) == board
    };
    let own: Vec<Row> = all.iter().filter(of).cloned().collect();
    // Figures and records cannot be asked for somebody else.
    let askable = |(_, body): &(Right, Body)| board.is_none() || matches!(body, Body::Facts(_));
    let mut first = first_questions(&current.policies, purpose, board);
    first.retain(askable);
    let mut listed = in_matrix(&own, &first);
    let mut found = asked(&client, first).await;
    if found
        .iter()
        .any(|(_, decided)| *decided != Decided::NoSuchPurpose)
    {
        let mut rest = questions(&current.policies, all, purpose, board);
        rest.retain(askable);
        listed.extend(in_matrix(&own, &rest));
        found.extend(asked(&client, rest).await);
    } else {
        let nothing = own
            .iter()
            .all(|row| row.purpose.as_str() != purpose || row.action == "deliver");
        assert!(nothing, "{id}: {purpose}");
    }
    let allowed = found
        .into_iter()
        .filter(|(_, decided)| *decided == Decided::Allowed);
    (allowed.map(|(right, _)| right).collect(), listed)
}

/// What the matrix says of these questions.
fn in_matrix(rows: &[Row], questions: &[(Right, Body)]) -> BTreeSet<Right> {
    let says = |right: &Right, row: &Row| {
        let (purpose, action, dataset, field, level, code) = right;
        let same_field = row.field.as_ref().map(ToString::to_string).unwrap_or_default() == *field
            && (field.is_empty() || row.dataset.as_str() == dataset);
        let same = row.purpose.as_str() == purpose && row.action == *action && same_field;
        match *action {
            "see" if !field.is_empty() => same && row.form == code,
            "exists" => same,
            "filter" if level == "exact" => same && row.form == "records",
            "filter" => {
                same && row.form == "figures"
                    && row.level == *level
                    && row.value.as_ref().is_none_or(|only| only == code)
            }
            _ => same && row.level == *level,
        }
    };
    let listed = questions.iter().map(|(right, _)| right);
    listed
        .filter(|right| rows.iter().any(|row| says(right, row)))
        .cloned()
        .collect()
}

#[tokio::test]
async fn the_matrix_is_what_brute_force_over_the_api_finds() {
    let world = World::new(Backend::Sqlite).await.unwrap();
    let current = world.gateway.policies().current();
    let rows = matrix(&current.policies);
    let mut rights = 0;
    for asking in ASKING {
        for purpose in current.policies.purposes.keys() {
            let (found, listed) = brute_force(&world, &rows, asking, purpose.as_str()).await;
            assert_eq!(found, listed, "{asking:?}: {purpose}");
            rights += found.len();
        }
    }
    assert!(rights > 50, "{rights}");
}

#[tokio::test]
async fn the_matrix_lists_every_delivery_that_the_api_takes() {
    let world = World::new(Backend::Sqlite).await.unwrap();
    let current = world.gateway.policies().current();
    let rows = matrix(&current.policies);
    for (id, board) in DELIVERING {
        let client = world.client(id);
        let holder = board.map(|slug| {
            let party = current.policies.organisations.by_slug(&slug.parse().unwrap());
            party.unwrap().oin.to_string()
        });
        let (mut found, mut listed) = (BTreeSet::new(), BTreeSet::new());
        let datasets = current.policies.catalogue.datasets();
        for dataset in datasets.filter(|dataset| dataset.about != About::Site) {
            let delivery = Delivery {
                dataset: dataset.name.to_string(),
                mode: Mode::Changes,
                period: (dataset.period == DatasetPeriod::SchoolYear).then(|| "2026-2027".to_owned()),
                holder: holder.clone(),
                ..Delivery::default()
            };
            let outcome = client.deliver(&delivery, String::new().into()).await;
            if decided(outcome) == Decided::Allowed {
                found.insert(dataset.name.to_string());
            }
        }
        let of = |row: &&Row| {
            row.action == "deliver"
                && row.clients.iter().any(|client| client == id)
                && row.acting_for.as_ref().map(Slug::as_str) == board
        };
        listed.extend(rows.iter().filter(of).map(|row| row.dataset.to_string()));
        assert_eq!(found, listed, "{id}");
        assert!(!found.is_empty());
    }
}

#[tokio::test]
async fn anyone_may_read_the_register() {
    let world = World::new(Backend::Sqlite).await.unwrap();
    let http = world.client("municipality-dashboard");
    let get = |accept: &'static str, language: &'static str| {
        let request = http.http().get(world.url("/v1/register"));
        send_plain(
            request
                .header("accept", accept)
                .header("accept-language", language),
        )
    };
    let json = get("application/json", "nl").await;
    let activities = json.json()["processingActivities"].as_array().unwrap().clone();
    let purposes = world.gateway.policies().current().policies.purposes.len();
    assert_eq!((json.status, activities.len()), (200, purposes));
    assert!(activities.iter().all(|activity| activity["active"] == true));
    let csv = get("text/csv", "nl").await;
    assert_eq!(
        csv.header("content-type"),
        "text/csv; charset=utf-8; header=present"
    );
    assert_eq!(csv.text.lines().next().unwrap().split(',').next(), Some("id"));
    let page = get("text/html", "en").await;
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    assert_eq!(
        page.header("content-security-policy"),
        "default-src 'none'; frame-ancestors 'none'"
    );
    assert!(page.text.contains("<html lang=\"en\">") && !page.text.contains("<script"));
    assert_eq!(
        get("image/png", "nl").await.refusal(),
        "406 application/problem+json not-acceptable"
    );
}
