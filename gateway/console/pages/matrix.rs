//! Who may what: each field that an organisation can get or deliver, and when its purpose was last used.

use std::collections::BTreeMap;

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use doelpoort_core::policy::tools::matrix::{Row, matrix};
use jiff::{SignedDuration, Timestamp};
use maud::{Markup, html};

use super::super::guard::Visit;
use super::super::held::Held;
use super::super::page::page;
use super::super::say::moment;
use super::super::words::Word;
use super::{Console, Visited, held};

/// Not used for longer: perhaps it should be withdrawn.
const UNUSED: SignedDuration = SignedDuration::from_hours(90 * 24);

pub(in crate::console) async fn show(State(console): Console, Extension(visit): Visited) -> Response {
    let held = match held(&console, &visit) {
        Ok(held) => held,
        Err(page) => return *page,
    };
    let title = visit.say(Word::Matrix);
    let content = html! {
        h1 { (title) }
        p class="lead" { (visit.say(Word::MatrixLead)) }
        @match &held.policies {
            None => div class="message bad" { p { (visit.say(Word::NoPolicies)) } },
            Some(policies) => section class="card" { (rows(&visit, &held, &matrix(policies), console.now())) },
        }
    };
    page(&visit, title, &content)
}

/// Grants as a table, those of one purpose and dataset together.
pub(super) fn rows(visit: &Visit, held: &Held, rows: &[Row], now: Timestamp) -> Markup {
    let used = held.columns.last_granted();
    let used: BTreeMap<(&str, &str), i64> = used
        .map(|(oin, purpose, time)| ((held.slug(oin), purpose), time))
        .collect();
    let mut grouped: BTreeMap<(&str, &str, &str, &str), Vec<&Row>> = BTreeMap::new();
    for row in rows {
        let key = (
            row.recipient.as_str(),
            row.purpose.as_str(),
            row.dataset.as_str(),
            row.form,
        );
        grouped.entry(key).or_default().push(row);
    }
    html! {
        div class="scroll" tabindex="0" role="region" aria-label=(visit.say(Word::Matrix)) {
            table {
                caption { (visit.say(Word::Matrix)) }
                thead { tr { @for word in [Word::Organisation, Word::Purpose, Word::Dataset, Word::Field, Word::LastUsed] { th scope="col" { (visit.say(word)) } } } }
                tbody {
                    @for ((recipient, purpose, dataset, form), rows) in &grouped {
                        tr {
                            th scope="row" { (recipient) }
                            td { a href=(format!("/purposes/{purpose}")) { (held.purpose(purpose, visit.language)) } br; span class="small soft" { (form) } }
                            td { (held.dataset(dataset, visit.language)) }
                            td { (fields(visit, rows)) }
                            td { (last(visit, used.get(&(*recipient, *purpose)).copied(), now)) }
                        }
                    }
                }
            }
        }
    }
}

fn fields(visit: &Visit, rows: &[&Row]) -> String {
    let mut names: Vec<&str> = rows
        .iter()
        .map(|row| {
            row.field
                .as_ref()
                .map_or(visit.say(Word::WholeRow), |field| field.as_str())
        })
        .collect();
    names.sort_unstable();
    names.dedup();
    names.join(", ")
}

fn last(visit: &Visit, used: Option<i64>, now: Timestamp) -> Markup {
    let Some(used) = used else {
        return html! { span class="state note" { (visit.say(Word::Never)) } };
    };
    let since = now.as_microsecond().saturating_sub(used);
    html! {
        (moment(used, visit.language))
        @if since > i64::try_from(UNUSED.as_micros()).unwrap_or(i64::MAX) { " " span class="state note" { (visit.say(Word::LongAgo)) } }
    }
}
