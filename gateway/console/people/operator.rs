//! For an operator: whether the gateway is well, what came in, its keys by version and its certificates. Nothing is about
//! persons: rows are counted in classes, since how many rows a dataset has is a true count of pupils.

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use doelpoort_core::policy::Policies;
use maud::{Markup, html};

use super::guard::Visitor;
use super::words::Word;
use super::{Console, Visited, names};
use crate::console::say::{date, number, when};
use crate::gateway::{Gateway, Look};
use crate::store::StoreError;
use crate::store::delivery::{State as DeliveryState, Summary};
use crate::tls::Ending;

/// Fewer deliveries than this are not counted out.
const COUNT_MIN: u64 = 10;
/// Fewer days than this until a certificate ends are shown as a warning.
const DAYS_WARN: i64 = 30;
/// The classes of numbers of rows: each from its number on.
const CLASSES: [(i64, &str); 6] = [
    (1_000_000, "≥ 1.000.000"),
    (100_000, "100.000–999.999"),
    (10_000, "10.000–99.999"),
    (1_000, "1.000–9.999"),
    (100, "100–999"),
    (10, "10–99"),
];

pub(in crate::console) async fn show(State(gateway): Console, Extension(visitor): Visited) -> Response {
    if let Err(page) = visitor.looks(&gateway, Look::Operator).await {
        return *page;
    }
    let stored = match stored(&gateway, &visitor).await {
        Ok(stored) => stored,
        Err(error) => {
            tracing::warn!(%error, "the operator's page cannot be read");
            return visitor.unavailable();
        }
    };
    let current = gateway.policies().current();
    let title = visitor.say(Word::Operator);
    let content = html! {
        h1 { (title) }
        p class="lead" { (visitor.say(Word::OperatorLead)) }
        (health(&gateway, &visitor))
        (deliveries(&visitor, &current.policies, &stored.0))
        (keys(&visitor, &stored.1))
        (certificates(&gateway, &visitor))
        (policies(&visitor, &current.policies))
    };
    visitor.page(title, &content)
}

async fn stored(gateway: &Gateway, visitor: &Visitor) -> Result<(Vec<Summary>, Vec<String>), StoreError> {
    let now_us = visitor.visit.received.as_microsecond();
    Ok((
        gateway.store().delivery_summary().await?,
        gateway.store().told_key_versions(now_us).await?,
    ))
}

fn health(gateway: &Gateway, visitor: &Visitor) -> Markup {
    let freshness = gateway.log().freshness();
    let checks = [
        (Word::LogWrites, gateway.log().is_ready()),
        (Word::LogFresh, freshness.stale.is_none()),
        (Word::InForce, gateway.policies().current().in_force),
    ];
    let ages = [
        (Word::CheckpointAge, Some(freshness.checkpoint_age_s)),
        (Word::QuorumAge, freshness.quorum_age_s),
        (Word::StampAge, freshness.stamp_age_s),
    ];
    html! {
        section class="card" {
            h2 { (visitor.say(Word::Health)) }
            dl {
                @for (word, is_well) in checks {
                    dt { (visitor.say(word)) }
                    dd { @if is_well { span class="state good" { "✓ " (visitor.say(Word::Yes)) } } @else { span class="state bad" { "✗ " (visitor.say(Word::No)) } } }
                }
                @for (word, age) in ages {
                    dt { (visitor.say(word)) }
                    dd { @match age { Some(age) => (age), None => (visitor.say(Word::None)) } }
                }
            }
        }
    }
}

fn deliveries(visitor: &Visitor, policies: &Policies, summaries: &[Summary]) -> Markup {
    let (title, language) = (visitor.say(Word::Sources), visitor.language);
    let columns = [
        Word::Dataset,
        Word::State,
        Word::Deliveries,
        Word::Rows,
        Word::RowsRejected,
        Word::LastTime,
    ];
    html! {
        section class="card" {
            h2 { (title) }
            p { (visitor.say(Word::SourcesLead)) }
            @if summaries.is_empty() { p { (visitor.say(Word::NoDeliveries)) } }
            @else {
                div class="scroll" tabindex="0" role="region" aria-label=(title) {
                    table {
                        caption { (title) }
                        thead { tr { @for word in columns { th scope="col" { (visitor.say(word)) } } } }
                        tbody {
                            @for one in summaries {
                                tr {
                                    th scope="row" { (names::dataset(policies, &one.dataset, language)) }
                                    td { (visitor.say(state(one.state))) }
                                    td { (counted(visitor, one.deliveries)) }
                                    td { (class(visitor, one.rows_accepted)) }
                                    td { (class(visitor, one.rows_rejected)) }
                                    td { (when(one.last_us, language)) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn state(state: DeliveryState) -> Word {
    match state {
        DeliveryState::Receiving => Word::DeliveryReceiving,
        DeliveryState::Ready => Word::DeliveryReady,
        DeliveryState::Active => Word::DeliveryActive,
        DeliveryState::Superseded => Word::DeliverySuperseded,
        DeliveryState::Rejected => Word::DeliveryRejected,
        DeliveryState::Failed => Word::DeliveryFailed,
    }
}

fn counted(visitor: &Visitor, count: i64) -> String {
    match u64::try_from(count) {
        Ok(count) if count >= COUNT_MIN => number(count, visitor.language),
        _ => visitor.say(Word::FewerThanTen).to_owned(),
    }
}

fn class(visitor: &Visitor, rows: i64) -> &'static str {
    let class = CLASSES.iter().find(|(from, _)| rows >= *from);
    class.map_or(visitor.say(Word::FewerThanTen), |(_, text)| text)
}

fn keys(visitor: &Visitor, replicas: &[String]) -> Markup {
    let title = visitor.say(Word::Keys);
    html! {
        section class="card" {
            h2 { (title) }
            p { (visitor.say(Word::KeysLead)) }
            table {
                caption { (title) }
                thead { tr { th scope="col" { (visitor.say(Word::Replica)) } th scope="col" { (visitor.say(Word::Versions)) } } }
                tbody { @for (place, versions) in replicas.iter().enumerate() { tr { th scope="row" { (place + 1) } td { (versions) } } } }
            }
        }
    }
}

fn certificates(gateway: &Gateway, visitor: &Visitor) -> Markup {
    let all = [
        Ending::Exchange,
        Ending::Console,
        Ending::ClientAuthority,
        Ending::RevocationList,
    ];
    let told = all
        .into_iter()
        .filter_map(|ending| Some((ending, gateway.metrics.told_days_left(ending)?)));
    let title = visitor.say(Word::Certificates);
    html! {
        section class="card" {
            h2 { (title) }
            table {
                caption { (title) }
                thead { tr { th scope="col" { (visitor.say(Word::Certificate)) } th scope="col" class="number" { (visitor.say(Word::DaysLeft)) } } }
                tbody {
                    @for (ending, days) in told {
                        tr {
                            th scope="row" { (ending.as_str()) }
                            td class="number" { @if days < DAYS_WARN { span class="state bad" { "! " (days) } } @else { (days) } }
                        }
                    }
                }
            }
        }
    }
}

fn policies(visitor: &Visitor, policies: &Policies) -> Markup {
    let (title, language, now) = (
        visitor.say(Word::Policies),
        visitor.language,
        visitor.visit.received,
    );
    html! {
        section class="card" {
            h2 { (title) }
            div class="scroll" tabindex="0" role="region" aria-label=(title) {
                table {
                    caption { (title) }
                    thead { tr { @for word in [Word::Purpose, Word::State, Word::Until, Word::MissingApprovals] { th scope="col" { (visitor.say(word)) } } } }
                    tbody {
                        @for standing in policies.purposes.values() {
                            @let purpose = &standing.purpose;
                            tr {
                                th scope="row" { (purpose.title.in_language(language)) " " span class="soft small" { (visitor.say(Word::Version)) " " (purpose.version) } }
                                td { (names::state(visitor, standing, now)) }
                                td { (date(purpose.valid.until, language)) }
                                td { @for one in standing.missing(now) { (one.organisation) " (" (one.reason.code()) ") " } }
                            }
                        }
                    }
                }
            }
        }
    }
}
