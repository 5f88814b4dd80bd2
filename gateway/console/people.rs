//! The gateway's own pages: for everybody what data are shared for, for holders what is asked of them, for operators how
//! the gateway is. Who signs in does so at the organisation's identity provider, or by a one-time link of the operator's
//! terminal; what they see is in the log first.

mod guard;
mod holder;
mod inbox;
mod names;
mod operator;
mod public;
mod route;
mod sign_in;
mod stop;
mod words;

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse as _, Response};
use maud::{Markup, html};

use super::page::{Frame, framed, other_language, session_buttons};
use crate::gateway::{Gateway, Look};
use guard::Visitor;
use words::Word;

pub(super) use route::router as routes;
pub use route::{PEOPLE_ROUTES, PeopleNeed, PeopleRoute};

/// The gateway, as handlers get it.
type Console = State<Arc<Gateway>>;
/// Who asks, as handlers get it.
type Visited = Extension<Visitor>;

impl Visitor {
    fn say(&self, word: Word) -> &'static str {
        word.in_language(self.language)
    }

    /// What each form carries.
    fn token(&self) -> Markup {
        html! { input type="hidden" name="csrf" value=(self.csrf); }
    }

    fn frame(&self) -> Frame<'_> {
        let mut pages = Vec::new();
        let head = if let Some(session) = &self.session {
            let of_holder = [
                ("/holder", Word::HolderMenu),
                ("/holder/requests", Word::Requests),
                ("/holder/inbox", Word::Inbox),
                ("/holder/stop", Word::Stop),
            ];
            let of_holder = of_holder.into_iter().filter(|_| session.holder.is_some());
            let of_operator = session.operator.then_some(("/operator", Word::Operator));
            let all = of_holder.chain(of_operator).chain([("/", Word::Everybody)]);
            pages.extend(all.map(|(path, word)| (path, self.say(word))));
            session_buttons(self.language, &self.token(), (&self.path, self.say(Word::Logout)))
        } else {
            let (code, name) = other_language(self.language);
            html! {
                a lang=(code) href=(format!("{}?language={code}", self.path)) { (name) }
                @if self.path != "/login" { a href="/login" { (self.say(Word::Login)) } }
            }
        };
        Frame {
            language: self.language,
            path: &self.path,
            about: self.say(Word::Console),
            foot: self.say(Word::Foot),
            skip: self.say(Word::Skip),
            menu: (self.say(Word::Menu), pages),
            head,
        }
    }

    /// A page with a title.
    fn page(&self, title: &str, content: &Markup) -> Response {
        Html(framed(&self.frame(), title, content).into_string()).into_response()
    }

    /// What went wrong, in a sentence.
    fn problem(&self, status: StatusCode, word: Word) -> Response {
        let title = self.say(Word::Problem);
        let content = html! {
            h1 { (title) }
            div class="message bad" role="alert" { p { (self.say(word)) } }
            p { a href="/" { (self.say(Word::BackToStart)) } }
        };
        (status, self.page(title, &content)).into_response()
    }

    /// Says in the log that this person looks; if that cannot be, the page says so and shows nothing.
    async fn looks(&self, gateway: &Gateway, look: Look) -> Result<(), Box<Response>> {
        let Some(session) = &self.session else {
            return Err(Box::new(self.problem(StatusCode::FORBIDDEN, Word::NotYours)));
        };
        let logged = gateway.log_look(session, look, self.visit).await;
        logged.map_err(|error| {
            tracing::warn!(%error, "a look at the console could not be logged");
            Box::new(self.unavailable())
        })
    }

    fn unavailable(&self) -> Response {
        self.problem(StatusCode::SERVICE_UNAVAILABLE, Word::Unavailable)
    }
}
