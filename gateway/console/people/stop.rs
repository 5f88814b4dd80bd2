//! Stop now: a holder withdraws a grant, its part in a purpose, or everything. The same withdrawal as over the exchange.

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use doelpoort_core::catalogue::Name;
use doelpoort_core::party::Organisation;
use doelpoort_core::policy::{Policies, Standing};
use doelpoort_core::request::WithdrawalRequest;
use maud::{Markup, html};

use super::guard::Visitor;
use super::holder::{is_withdrawn, touching};
use super::words::Word;
use super::{Console, Visited, names};
use crate::console::guard::Fields;
use crate::console::say::number;
use crate::gateway::Gateway;

pub(in crate::console) async fn ask(State(gateway): Console, Extension(visitor): Visited) -> Response {
    page(&gateway, &visitor, None)
}

/// What is told above the form.
struct Told {
    is_good: bool,
    text: String,
}

pub(in crate::console) async fn withdraw(
    State(gateway): Console,
    Extension(visitor): Visited,
    Extension(fields): Extension<Fields>,
) -> Response {
    let bad = |word: Word| Told {
        is_good: false,
        text: visitor.say(word).to_owned(),
    };
    let request = asked_for(fields.one("what")).filter(|_| fields.one("sure") == "yes");
    let (Some(request), Some(session)) = (request, &visitor.session) else {
        let again = page(&gateway, &visitor, Some(&bad(Word::StopMissing)));
        return (StatusCode::BAD_REQUEST, again).into_response();
    };
    match gateway.withdraw_by(session, &request, visitor.visit).await {
        Ok(withdrawn) => {
            let index = withdrawn.receipt.map_or(0, |receipt| receipt.index);
            let told = Told {
                is_good: true,
                text: format!(
                    "{} {}.",
                    visitor.say(Word::Stopped),
                    number(index, visitor.language)
                ),
            };
            page(&gateway, &visitor, Some(&told))
        }
        Err(refusal) => {
            tracing::warn!(reason = refusal.code(), "a withdrawal at the console was refused");
            let again = page(&gateway, &visitor, Some(&bad(Word::StopFailed)));
            (StatusCode::CONFLICT, again).into_response()
        }
    }
}

/// `all`, `youth-atlas` or `youth-atlas/0`.
fn asked_for(text: &str) -> Option<WithdrawalRequest> {
    if text == "all" {
        return Some(WithdrawalRequest::All);
    }
    let (purpose, grant) = match text.split_once('/') {
        Some((purpose, grant)) => (purpose, Some(grant.parse().ok()?)),
        None => (text, None),
    };
    let purpose: Name = purpose.parse().ok()?;
    Some(match grant {
        Some(grant) => WithdrawalRequest::Grant(purpose, grant),
        None => WithdrawalRequest::Purpose(purpose),
    })
}

fn page(gateway: &Gateway, visitor: &Visitor, told: Option<&Told>) -> Response {
    let current = gateway.policies().current();
    let policies = &current.policies;
    let Some(organisation) = visitor.organisation(policies) else {
        return visitor.problem(StatusCode::FORBIDDEN, Word::NotYours);
    };
    let title = visitor.say(Word::Stop);
    let asked = policies
        .purposes
        .values()
        .filter(|standing| standing.asks(&organisation.oin));
    let content = html! {
        h1 { (title) }
        @if let Some(told) = told {
            div class=(if told.is_good { "message good" } else { "message bad" }) role=(if told.is_good { "status" } else { "alert" }) { p { (told.text) } }
        }
        p class="lead" { strong { (names::organisation(organisation)) } ". " (visitor.say(Word::StopLead)) }
        form method="post" action="/holder/stop" class="card" {
            (visitor.token())
            fieldset {
                legend { (visitor.say(Word::StopWhat)) }
                @for standing in asked { (choices(visitor, policies, standing, organisation)) }
                label { input type="radio" name="what" value="all" required; strong { (visitor.say(Word::StopAll)) } }
            }
            fieldset {
                label { input type="checkbox" name="sure" value="yes" required; span { (visitor.say(Word::StopSure)) } }
            }
            button { (visitor.say(Word::StopButton)) }
        }
    };
    visitor.page(title, &content)
}

fn choices(
    visitor: &Visitor,
    policies: &Policies,
    standing: &Standing,
    organisation: &Organisation,
) -> Markup {
    let (purpose, language) = (&standing.purpose, visitor.language);
    let title = purpose.title.in_language(language);
    html! {
        label { input type="radio" name="what" value=(purpose.id) required; span { strong { (title) } ", " (visitor.say(Word::StopAllOf)) " " (names::state(visitor, standing, visitor.visit.received)) } }
        details {
            summary { (visitor.say(Word::StopPartOf)) " " (title) }
            @for (position, grant) in touching(policies, standing, organisation) {
                @if is_withdrawn(standing, position, organisation) {
                    p class="small" { (visitor.say(Word::Grant)) " " (position + 1) ": " span class="state bad" { (visitor.say(Word::WithdrawnHere)) } }
                } @else {
                    label {
                        input type="radio" name="what" value=(format!("{}/{position}", purpose.id)) required;
                        span {
                            (visitor.say(Word::Grant)) " " (position + 1) ": " (visitor.say(names::form(grant))) ", "
                            (names::dataset(policies, grant.dataset().as_str(), language)) " → " (names::recipients(policies, grant, language))
                        }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_can_be_withdrawn_is_asked_for() {
        let atlas: Name = "youth-atlas".parse().unwrap();
        assert_eq!(asked_for("all"), Some(WithdrawalRequest::All));
        assert_eq!(
            asked_for("youth-atlas"),
            Some(WithdrawalRequest::Purpose(atlas.clone()))
        );
        assert_eq!(
            asked_for("youth-atlas/1"),
            Some(WithdrawalRequest::Grant(atlas, 1))
        );
        for text in [
            "",
            "youth-atlas/",
            "youth-atlas/-1",
            "youth-atlas/1/2",
            "<b>",
            "Youth",
        ] {
            assert_eq!(asked_for(text), None, "{text}");
        }
    }
}
