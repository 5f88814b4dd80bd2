//! The holder's inbox: how each item stands, and nothing of whom it is about. It is read and answered by the holder's own
//! program over the exchange.

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use maud::html;

use super::words::Word;
use super::{Console, Visited, names};
use crate::console::say::when;
use crate::gateway::Look;
use crate::store::inbox::{ItemKind, ItemState};

pub(in crate::console) async fn show(State(gateway): Console, Extension(visitor): Visited) -> Response {
    if let Err(page) = visitor.looks(&gateway, Look::Inbox).await {
        return *page;
    }
    let holder = visitor
        .session
        .as_ref()
        .and_then(|session| session.holder.as_ref());
    let Some(holder) = holder else {
        return visitor.problem(axum::http::StatusCode::FORBIDDEN, Word::NotYours);
    };
    let items = match gateway.store().inbox(holder).await {
        Ok(items) => items,
        Err(error) => {
            tracing::warn!(%error, "an inbox cannot be read");
            return visitor.unavailable();
        }
    };
    let current = gateway.policies().current();
    let (title, language) = (visitor.say(Word::Inbox), visitor.language);
    let content = html! {
        h1 { (title) }
        p class="lead" { (visitor.say(Word::InboxLead)) }
        @if items.is_empty() { p { (visitor.say(Word::InboxEmpty)) } }
        @else {
            div class="card scroll" tabindex="0" role="region" aria-label=(title) {
                table {
                    caption { (title) }
                    thead { tr { @for word in [Word::Kind, Word::Dataset, Word::Arrived, Word::Closes, Word::State] { th scope="col" { (visitor.say(word)) } } } }
                    tbody {
                        @for item in &items {
                            tr {
                                th scope="row" { (visitor.say(kind(item.kind))) }
                                td { (names::dataset(&current.policies, &item.dataset, language)) }
                                td { (when(item.created_us, language)) }
                                td { (when(item.closes_us, language)) }
                                td { (visitor.say(state(item.state))) }
                            }
                        }
                    }
                }
            }
        }
    };
    visitor.page(title, &content)
}

fn kind(kind: ItemKind) -> Word {
    match kind {
        ItemKind::Resolution => Word::KindResolution,
        ItemKind::Link => Word::KindLink,
        ItemKind::Conflict => Word::KindConflict,
    }
}

fn state(state: ItemState) -> Word {
    match state {
        ItemState::Open => Word::StateOpen,
        ItemState::Answered => Word::StateAnswered,
        ItemState::Declined => Word::StateDeclined,
        ItemState::Confirmed => Word::StateConfirmed,
    }
}
