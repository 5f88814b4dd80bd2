//! The frame of each page.

use axum::http::{HeaderName, StatusCode};
use axum::response::{Html, IntoResponse, Response};
use doelpoort_core::text::Language;
use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::guard::Visit;
use super::words::{Said, Word};

/// The pages in the menu.
const MENU: [(&str, Word); 11] = [
    ("/", Word::Overview),
    ("/log", Word::Log),
    ("/integrity", Word::Integrity),
    ("/access", Word::Access),
    ("/requests", Word::Requests),
    ("/reviews", Word::Reviews),
    ("/breaches", Word::Breaches),
    ("/purposes", Word::Purposes),
    ("/matrix", Word::Matrix),
    ("/alerts", Word::Alerts),
    ("/month/now", Word::MonthReport),
];
/// A gate with a keyhole; ours, and nobody's mark.
const MARK: PreEscaped<&str> = PreEscaped(
    "<svg viewBox=\"0 0 32 32\" aria-hidden=\"true\"><path fill=\"currentColor\" d=\"M4 29V15a12 12 0 0 1 24 0v14h-5V15a7 7 0 0 0-14 0v14z\"/><circle fill=\"currentColor\" cx=\"16\" cy=\"18\" r=\"3\"/><path fill=\"currentColor\" d=\"M14.5 20h3l1.5 9h-6z\"/></svg>",
);

impl Visit {
    pub(super) fn say(&self, word: impl Said) -> &'static str {
        word.said(self.language)
    }

    /// What each form carries.
    pub(super) fn token(&self) -> Markup {
        html! { input type="hidden" name="csrf" value=(self.csrf); }
    }
}

/// A page with a title.
pub(super) fn page(visit: &Visit, title: &str, content: &Markup) -> Response {
    Html(framed(&visit.frame(), title, content).into_string()).into_response()
}

/// The same, asked for again each second until what it waits for is there.
pub(super) fn waiting(visit: &Visit, title: &str, content: &Markup) -> Response {
    let mut response = page(visit, title, content);
    let second = axum::http::HeaderValue::from_static("1");
    response
        .headers_mut()
        .insert(HeaderName::from_static("refresh"), second);
    response
}

/// What went wrong, in a sentence.
pub(super) fn problem(visit: &Visit, status: StatusCode, word: impl Said) -> Response {
    problem_with(visit, status, visit.say(word))
}

/// The same with words of its own.
pub(super) fn problem_with(visit: &Visit, status: StatusCode, text: &str) -> Response {
    let title = visit.say(Word::Problem);
    let content = html! {
        h1 { (title) }
        div class="message bad" role="alert" { p { (text) } }
        p { a href="/" { (visit.say(Word::BackToOverview)) } }
    };
    (status, page(visit, title, &content)).into_response()
}

/// What stands around a page, for who sees it.
pub(super) struct Frame<'f> {
    pub(super) language: Language,
    /// The path of the page.
    pub(super) path: &'f str,
    /// What the console is, beneath its name.
    pub(super) about: &'static str,
    pub(super) foot: &'static str,
    pub(super) skip: &'static str,
    /// The menu's name and its pages; none where nobody is signed in.
    pub(super) menu: (&'static str, Vec<(&'static str, &'static str)>),
    /// What stands at the right in the head.
    pub(super) head: Markup,
}

/// The other language: its code and its name.
pub(super) const fn other_language(language: Language) -> (&'static str, &'static str) {
    match language {
        Language::Dutch => ("en", "English"),
        Language::English => ("nl", "Nederlands"),
    }
}

/// The buttons of who is signed in: another language, and out.
pub(super) fn session_buttons(
    language: Language,
    token: &Markup,
    (path, sign_out): (&str, &'static str),
) -> Markup {
    let (code, name) = other_language(language);
    html! {
        form method="post" action="/language" {
            (token)
            input type="hidden" name="language" value=(code);
            input type="hidden" name="next" value=(path);
            button lang=(code) { (name) }
        }
        form method="post" action="/logout" { (token) button { (sign_out) } }
    }
}

impl Visit {
    fn frame(&self) -> Frame<'_> {
        let (head, pages) = if self.session.is_some() {
            let buttons = session_buttons(self.language, &self.token(), (&self.path, self.say(Word::Logout)));
            (
                buttons,
                MENU.iter().map(|(path, word)| (*path, self.say(*word))).collect(),
            )
        } else {
            (html! {}, Vec::new())
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
}

/// The whole document.
pub(super) fn framed(frame: &Frame<'_>, title: &str, content: &Markup) -> Markup {
    let code = match frame.language {
        Language::Dutch => "nl",
        Language::English => "en",
    };
    let has_menu = !frame.menu.1.is_empty();
    html! {
        (DOCTYPE)
        html lang=(code) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) " – Doelpoort" }
                link rel="stylesheet" href="/style.css";
                link rel="icon" href="/icon.svg" type="image/svg+xml";
                script src="/script.js" defer {}
            }
            body {
                a class="skip" href="#main" { (frame.skip) }
                header class="top" {
                    div class="top-inner" {
                        a class="mark" href="/" { (MARK) span { "Doelpoort" small { (frame.about) } } }
                        (frame.head)
                    }
                }
                div class=(if has_menu { "frame" } else { "frame alone" }) {
                    @if has_menu { (menu(frame)) }
                    main id="main" tabindex="-1" { (content) }
                }
                footer class="foot" { (frame.foot) }
            }
        }
    }
}

fn menu(frame: &Frame<'_>) -> Markup {
    let (label, pages) = &frame.menu;
    let longest = pages
        .iter()
        .map(|(path, _)| *path)
        .filter(|path| is_within(frame.path, path.trim_end_matches("/now")))
        .max_by_key(|path| path.len());
    html! {
        nav class="side" aria-label=(label) {
            ul {
                @for (path, word) in pages {
                    li { a href=(path) aria-current=[(longest == Some(*path)).then_some("page")] { (word) } }
                }
            }
        }
    }
}

/// Whether a page lies in that part of the console; the first page is no part of another.
fn is_within(page: &str, part: &str) -> bool {
    match part {
        "/" => page == "/",
        part => page
            .strip_prefix(part)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/')),
    }
}
