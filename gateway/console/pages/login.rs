//! Signing in, with a code of the terminal; and saying why one looks, before private data open.

use axum::Extension;
use axum::extract::{Query, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use doelpoort_core::text::Language;
use maud::{Markup, html};
use serde::Deserialize;

use super::super::guard::{Fields, Visit};
use super::super::page::{page, problem, problem_with};
use super::super::session::Why;
use super::super::words::Word;
use super::{Console, Visited};

/// The reasons, as the log gets them.
const REASONS: [(&str, Word); 4] = [
    ("subject-access", Word::ReasonAccess),
    ("review", Word::ReasonReview),
    ("incident", Word::ReasonIncident),
    ("complaint", Word::ReasonComplaint),
];
const CASE_CHARS_MAX: usize = 64;
/// Digits in a row, as a number of a person has them.
const DIGITS_MAX: usize = 7;

#[derive(Default, Deserialize)]
#[serde(default)]
pub(in crate::console) struct Asked {
    code: String,
    next: String,
    case: String,
}

pub(in crate::console) async fn show(Extension(visit): Visited, Query(asked): Query<Asked>) -> Response {
    let title = visit.say(Word::Login);
    page(&visit, title, &form(&visit, &asked.code, None))
}

fn form(visit: &Visit, code: &str, wrong: Option<Word>) -> Markup {
    html! {
        h1 { (visit.say(Word::Login)) }
        @if let Some(wrong) = wrong { div class="message bad" role="alert" { p { (visit.say(wrong)) } } }
        p class="lead" { (visit.say(Word::LoginLead)) }
        div class="card" {
            form method="post" action="/login" {
                div class="field" {
                    label for="code" { (visit.say(Word::LoginCode)) }
                    p class="hint" id="code-hint" { (visit.say(Word::LoginHint)) }
                    input id="code" name="code" value=(code) required autocomplete="one-time-code" autocapitalize="characters" spellcheck="false" aria-describedby="code-hint";
                }
                button { (visit.say(Word::Login)) }
            }
        }
        form method="post" action="/login/code" { button class="quiet" { (visit.say(Word::LoginNew)) } }
    }
}

pub(in crate::console) async fn begin(
    State(console): Console,
    Extension(visit): Visited,
    Extension(fields): Extension<Fields>,
) -> Response {
    let begun = console
        .sessions
        .begin(fields.one("code"), visit.language, console.now());
    let Ok(value) = begun else {
        let content = form(&visit, "", Some(Word::WrongCode));
        return (
            StatusCode::FORBIDDEN,
            page(&visit, visit.say(Word::Login), &content),
        )
            .into_response();
    };
    if let Some(old) = visit.session {
        console.sessions.end(&old);
    }
    console.begin_refresh();
    with_cookie(&format!(
        "{}={value}; Path=/; HttpOnly; SameSite=Strict",
        console.sessions.cookie
    ))
}

pub(in crate::console) async fn code(State(console): Console) -> Response {
    console.offer_login();
    Redirect::to("/login").into_response()
}

pub(in crate::console) async fn end(State(console): Console, Extension(visit): Visited) -> Response {
    if let Some(session) = visit.session {
        console.sessions.end(&session);
    }
    let name = &console.sessions.cookie;
    with_cookie(&format!("{name}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0"))
}

fn with_cookie(cookie: &str) -> Response {
    let mut response = Redirect::to("/").into_response();
    if let Ok(cookie) = HeaderValue::from_str(cookie) {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}

pub(in crate::console) async fn language(
    State(console): Console,
    Extension(visit): Visited,
    Extension(fields): Extension<Fields>,
) -> Response {
    let language = match fields.one("language") {
        "en" => Language::English,
        _ => Language::Dutch,
    };
    if let Some(session) = visit.session {
        console
            .sessions
            .change(&session, console.now(), |session| session.language = language);
    }
    Redirect::to(ours(fields.one("next"))).into_response()
}

/// A path of this console; the first page for anything else.
fn ours(path: &str) -> &str {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/-".contains(&byte);
    let is_path = path.starts_with('/') && !path.starts_with("//") && path.bytes().all(plain);
    if is_path { path } else { "/" }
}

/// Where the second code is asked for, with the number of the case that it is for.
pub(super) fn step_up_address(next: &str, case: &str) -> String {
    let next = ours(next);
    if is_case(case) {
        format!("/step-up?next={next}&case={case}")
    } else {
        format!("/step-up?next={next}")
    }
}

pub(in crate::console) async fn show_step_up(
    Extension(visit): Visited,
    Query(asked): Query<Asked>,
) -> Response {
    let title = visit.say(Word::StepUp);
    let case = if is_case(&asked.case) {
        asked.case.as_str()
    } else {
        ""
    };
    page(&visit, title, &step_up_form(&visit, (&asked.next, case), None))
}

/// `case` is the number that is filled in already, where the FG comes from a case of their own.
fn step_up_form(visit: &Visit, (next, case): (&str, &str), wrong: Option<Word>) -> Markup {
    html! {
        h1 { (visit.say(Word::StepUp)) }
        @if let Some(wrong) = wrong { div class="message bad" role="alert" { p { (visit.say(wrong)) } } }
        p class="lead" { (visit.say(Word::StepUpLead)) }
        div class="card" {
            form method="post" action="/step-up/code" {
                (visit.token())
                input type="hidden" name="next" value=(ours(next));
                input type="hidden" name="case" value=(case);
                button class="quiet" { (visit.say(Word::StepUpAsk)) }
            }
        }
        div class="card" {
            form method="post" action="/step-up" {
                (visit.token())
                input type="hidden" name="next" value=(ours(next));
                fieldset {
                    legend { (visit.say(Word::Reason)) }
                    @for (place, (code, word)) in REASONS.iter().enumerate() {
                        label { input type="radio" name="reason" value=(code) checked[place == 0]; span { (visit.say(*word)) } }
                    }
                }
                div class="field" {
                    label for="case" { (visit.say(Word::CaseNumber)) }
                    p class="hint" id="case-hint" { (visit.say(Word::CaseHint)) }
                    input id="case" name="case" value=(case) required maxlength=(CASE_CHARS_MAX) autocomplete="off" aria-describedby="case-hint";
                }
                div class="field" {
                    label for="code" { (visit.say(Word::StepUpCode)) }
                    p class="hint" id="code-hint" { (visit.say(Word::StepUpHint)) }
                    input id="code" name="code" required autocomplete="one-time-code" autocapitalize="characters" spellcheck="false" aria-describedby="code-hint";
                }
                button { (visit.say(Word::StepUpGive)) }
            }
        }
    }
}

pub(in crate::console) async fn step_up_code(
    State(console): Console,
    Extension(visit): Visited,
    Extension(fields): Extension<Fields>,
) -> Response {
    if let Some(session) = visit.session
        && console.sessions.offer_step_up(&session, console.now()).is_err()
    {
        return problem(&visit, StatusCode::SERVICE_UNAVAILABLE, Word::Problem);
    }
    Redirect::to(&step_up_address(fields.one("next"), fields.one("case"))).into_response()
}

pub(in crate::console) async fn step_up(
    State(console): Console,
    Extension(visit): Visited,
    Extension(fields): Extension<Fields>,
) -> Response {
    let next = ours(fields.one("next"));
    let again = |word| {
        let content = step_up_form(&visit, (next, fields.one("case")), Some(word));
        (
            StatusCode::FORBIDDEN,
            page(&visit, visit.say(Word::StepUp), &content),
        )
            .into_response()
    };
    let reason = REASONS.iter().find(|(code, _)| *code == fields.one("reason"));
    let case = fields.one("case");
    let (Some((reason, _)), true) = (reason, is_case(case)) else {
        return again(Word::CaseWrong);
    };
    let why = Why {
        reason: (*reason).to_owned(),
        case: case.to_owned(),
    };
    let Some(session) = visit.session else {
        return Redirect::to("/login").into_response();
    };
    match console
        .sessions
        .step_up(&session, fields.one("code"), why, console.now())
    {
        Ok(()) => Redirect::to(next).into_response(),
        Err(_) => again(Word::WrongCode),
    }
}

/// A case number is in the log for years: nothing that looks like a person's number.
fn is_case(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-./".contains(&byte);
    let longest = text.split(|c: char| !c.is_ascii_digit()).map(str::len).max();
    !text.is_empty()
        && text.len() <= CASE_CHARS_MAX
        && text.bytes().all(plain)
        && longest.is_none_or(|digits| digits <= DIGITS_MAX)
}

/// What is no page. Tells the same to everybody.
pub(in crate::console) async fn missing() -> Response {
    let visit = Visit {
        session: None,
        csrf: String::new(),
        language: Language::Dutch,
        path: String::new(),
        why: None,
    };
    problem_with(&visit, StatusCode::NOT_FOUND, visit.say(Word::Missing))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_is_no_number_of_a_person() {
        for case in ["2026-17", "AVG/12.a", "1234567"] {
            assert!(is_case(case), "{case}");
        }
        for case in ["", "123456782", "jan jansen", "a\nb", "<b>", &"a".repeat(65)] {
            assert!(!is_case(case), "{case}");
        }
    }

    #[test]
    fn the_address_has_a_case_and_no_number_of_a_person() {
        assert_eq!(
            step_up_address("/access", "2026-17"),
            "/step-up?next=/access&case=2026-17"
        );
        for case in ["", "123456782", "a&b"] {
            assert_eq!(
                step_up_address("/access", case),
                "/step-up?next=/access",
                "{case}"
            );
        }
    }

    #[test]
    fn nothing_leads_elsewhere() {
        for path in [
            "//evil.example",
            "https://evil.example",
            "/\\evil",
            "/a?b",
            "javascript:x",
            "",
        ] {
            assert_eq!(ours(path), "/", "{path}");
        }
        assert_eq!(ours("/access/letter"), "/access/letter");
    }
}
