//! Reviews: a sample that nobody could choose, or entries that somebody picked, each signed off with a finding.

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use doelpoort_core::audit::base64;
use doelpoort_core::audit::sample::Population;
use maud::{Markup, html};

use super::super::guard::{Fields, Visit};
use super::super::held::Held;
use super::super::page::{page, problem};
use super::super::say::{date, number};
use super::super::words::{CaseWord, Word};
use super::cases::{ChangeError, failed, hidden, line as text_line, named, number_field, today, unreadable};
use super::entry::sentence;
use super::review_signing;
use super::{Console, FgConsole, Visited, held};
use crate::audit::Line;
use crate::fg::casework::review::{Content, Finding, InvalidReview, Review};
use crate::fg::casework::{CaseId, CaseworkError, Kept};

/// Entries of one sample here; a larger one is for `doelpoort audit sample`.
const SAMPLE_MAX: usize = 200;
/// Entries of a sample unless another number is given.
const SAMPLE: usize = 20;

pub(in crate::console) async fn list(State(console): Console, Extension(visit): Visited) -> Response {
    let held = match held(&console, &visit) {
        Ok(held) => held,
        Err(page) => return *page,
    };
    let title = visit.say(Word::Reviews);
    let content = html! {
        h1 { (title) }
        p class="lead" { (visit.say(CaseWord::ReviewsLead)) }
        (overview(&console, &visit, false))
        (form(&visit, &held))
        p class="small soft" { (visit.say(CaseWord::KeptSealed)) }
    };
    page(&visit, title, &content)
}

/// Every review with its progress; those that are not over where only these are `open`.
pub(super) fn overview(console: &FgConsole, visit: &Visit, open: bool) -> Markup {
    let listed = match console.fg.cases.list::<Review>(&console.fg.keys) {
        Ok(listed) => listed,
        Err(error) => return unreadable(visit, &[error]),
    };
    let mut reviews = listed.kept;
    reviews.retain(|kept| !open || kept.case.closing.is_none());
    reviews.sort_by_key(|kept| std::cmp::Reverse(kept.case.began));
    html! {
        (unreadable(visit, &listed.unreadable))
        @if !(open && reviews.is_empty()) {
            section class="card" {
                @if open { h2 { a href="/reviews" { (visit.say(Word::Reviews)) } } }
                @if reviews.is_empty() { p { (visit.say(CaseWord::Nothing)) } }
                ul {
                    @for kept in &reviews {
                        li { a href=(format!("/reviews/{}", kept.id)) { (kept.case.number) } ": " (progress(visit, &kept.case)) }
                    }
                }
            }
        }
    }
}

fn progress(visit: &Visit, review: &Review) -> Markup {
    let (signed, wrong) = review.progress();
    let all = review.lines().len() as u64;
    html! {
        @if matches!(review.content, Content::Announced(_)) { span class="state note" { (visit.say(CaseWord::Announce)) } }
        @else {
            (visit.say(CaseWord::Progress)) " " (number(signed, visit.language)) " " (visit.say(CaseWord::Of)) " " (number(all, visit.language))
            @if wrong > 0 { " " span class="state bad" { (number(wrong, visit.language)) " " (visit.say(CaseWord::NotInOrder)) } }
        }
        @if let Some(closing) = &review.closing {
            " " span class="state good" { "✓ " (visit.say(if closing.signature.is_some() { CaseWord::Signed } else { CaseWord::InOrder })) }
        }
    }
}

fn form(visit: &Visit, held: &Held) -> Markup {
    let purposes = held
        .policies
        .iter()
        .flat_map(|policies| policies.purposes.values());
    let last = held.end().saturating_sub(1);
    html! {
        section class="card" {
            h2 { (visit.say(CaseWord::NewReview)) }
            @if visit.why.is_none() { p { a class="button quiet" href="/step-up?next=/reviews" { (visit.say(Word::StepUp)) } } }
            @else {
                form method="post" action="/reviews" {
                    (visit.token())
                    div class="fields" {
                        (text_line(visit, "n", CaseWord::SampleSize, "number", &SAMPLE.to_string()))
                        (text_line(visit, "first", CaseWord::SampleFrom, "number", "0"))
                        (text_line(visit, "last", CaseWord::SampleUntil, "number", &last.to_string()))
                        div {
                            label for="purpose" { (visit.say(Word::Purpose)) }
                            select id="purpose" name="purpose" {
                                option value="" { (visit.say(Word::All)) }
                                @for standing in purposes { option value=(standing.purpose.id) { (standing.purpose.title.in_language(visit.language)) } }
                            }
                        }
                    }
                    button { (visit.say(CaseWord::Announce)) }
                }
            }
        }
    }
}

pub(in crate::console) async fn announce(
    State(console): Console,
    Extension(visit): Visited,
    Extension(fields): Extension<Fields>,
) -> Response {
    let held = match held(&console, &visit) {
        Ok(held) => held,
        Err(page) => return *page,
    };
    let Some(why) = &visit.why else {
        return Redirect::to("/step-up?next=/reviews").into_response();
    };
    let whole = |name| fields.one(name).parse::<u64>().ok();
    let n = fields.one("n").parse().ok();
    let n = n.filter(|n: &usize| (1..=SAMPLE_MAX).contains(n));
    let (Some(n), Some(from), Some(last)) = (n, whole("first"), whole("last")) else {
        return problem(&visit, StatusCode::BAD_REQUEST, CaseWord::SampleWrong);
    };
    if from > last || last >= held.end() {
        return problem(&visit, StatusCode::BAD_REQUEST, CaseWord::SampleWrong);
    }
    let purpose = fields.one("purpose");
    let population = Population {
        from,
        until: last + 1,
        purpose: (!purpose.is_empty()).then(|| purpose.to_owned()),
        ..Population::default()
    };
    let announced = match console.announce_sample(&held, (n, population), why).await {
        Ok(announced) => announced,
        Err(error) => return failed(&visit, &error.into()),
    };
    let review = Review::announced(&why.case, announced, console.now());
    let keys = (&console.fg.keys, console.month());
    let kept = review
        .map_err(ChangeError::from)
        .and_then(|review| Ok(console.fg.cases.add(keys, review)?));
    match kept {
        Ok(kept) => {
            // What is drawn later is no error here: the page says so, and asks again.
            let drawn = drawn(&console, &kept).await;
            if let Err(error) = drawn {
                tracing::warn!(?error, "the sample is not drawn yet");
            }
            Redirect::to(&format!("/reviews/{}", kept.id)).into_response()
        }
        Err(error) => failed(&visit, &error),
    }
}

/// Draws what was announced, if the checkpoint that draws is there.
async fn drawn(console: &FgConsole, kept: &Kept<Review>) -> Result<(), ChangeError> {
    let Content::Announced(announced) = &kept.case.content else {
        return Ok(());
    };
    let Some(sample) = console.draw(announced).await? else {
        return Ok(());
    };
    let keys = (&console.fg.keys, console.month());
    let revision = (&kept.id, kept.revision);
    console.fg.cases.change(keys, revision, |review: &mut Review| {
        review.draw(sample).map_err(ChangeError::from)
    })?;
    Ok(())
}

pub(in crate::console) async fn draw(
    State(console): Console,
    Extension(visit): Visited,
    Path(id): Path<String>,
) -> Response {
    let done = match read(&console, &id) {
        Ok(kept) => drawn(&console, &kept).await,
        Err(error) => Err(error.into()),
    };
    match done {
        Ok(()) => Redirect::to(&format!("/reviews/{id}")).into_response(),
        Err(error) => failed(&visit, &error),
    }
}

pub(super) fn read(console: &FgConsole, id: &str) -> Result<Kept<Review>, CaseworkError> {
    let id = CaseId::parse(id).ok_or(CaseworkError::Unknown)?;
    console.fg.cases.read(&console.fg.keys, &id)
}

pub(in crate::console) async fn show(
    State(console): Console,
    Extension(visit): Visited,
    Path(id): Path<String>,
) -> Response {
    let held = match held(&console, &visit) {
        Ok(held) => held,
        Err(page) => return *page,
    };
    let kept = match read(&console, &id) {
        Ok(kept) => kept,
        Err(error) => return failed(&visit, &error.into()),
    };
    let review = &kept.case;
    let title = format!("{} {}", visit.say(CaseWord::Review), review.number);
    let content = html! {
        h1 { (visit.say(CaseWord::Review)) " " (review.number) }
        p { (progress(&visit, review)) }
        (origin(&visit, &kept))
        @for line in review.lines() { (entry(&visit, &held, &kept, line)) }
        (review_signing::ending(&visit, &kept))
    };
    page(&visit, &title, &content)
}

/// How the entries came to be in it.
fn origin(visit: &Visit, kept: &Kept<Review>) -> Markup {
    let (entry, announcement, drawn) = match &kept.case.content {
        Content::Picked(_) => return html! { p class="lead" { (visit.say(CaseWord::Picked)) } },
        Content::Announced(announced) => (announced.entry, &announced.announcement, None),
        Content::Drawn(drawn) => (drawn.entry, &drawn.sample.announcement, Some(&drawn.sample)),
    };
    html! {
        section class="card" {
            dl {
                dt { (visit.say(CaseWord::AnnouncedIn)) } dd { a href=(format!("/log/{entry}")) { (number(entry, visit.language)) } }
                dt { (visit.say(CaseWord::AnnouncementDigest)) } dd { code { (base64(&announcement.digest())) } }
                @if let Some(sample) = drawn {
                    dt { (visit.say(Word::Checkpoint)) } dd { pre tabindex="0" { (sample.checkpoint) } }
                    dt { (visit.say(Word::Size)) } dd { (number(sample.lines.len() as u64, visit.language)) " " (visit.say(CaseWord::DrawnFrom)) " " (number(sample.candidates, visit.language)) }
                }
            }
            @if drawn.is_none() {
                p { (visit.say(CaseWord::NotDrawnYet)) }
                form method="post" action=(format!("/reviews/{}/draw", kept.id)) { (visit.token()) button { (visit.say(CaseWord::DrawNow)) } }
            }
        }
    }
}

/// One entry with its finding, or the form for it.
fn entry(visit: &Visit, held: &Held, kept: &Kept<Review>, line: &Line) -> Markup {
    let index = line.index;
    let remark = format!("remark-{index}");
    html! {
        section class="card keep" {
            h2 { a href=(format!("/log/{index}")) { (visit.say(Word::Entry)) " " (number(index, visit.language)) } }
            @if let Some(entry) = held.entry(index) { p { (sentence(visit, held, &entry)) } }
            @if line.is_signed_off() {
                p {
                    @if line.in_order == Some(true) { span class="state good" { "✓ " (visit.say(CaseWord::InOrder)) } }
                    @else { span class="state bad" { (visit.say(CaseWord::NotInOrder)) } }
                    " " (visit.say(CaseWord::SignedOffBy)) " " (line.reviewer.as_deref().unwrap_or_default())
                    @if let Some(day) = line.reviewed_on { ", " (date(day, visit.language)) }
                }
                @if let Some(text) = &line.remark { p { (visit.say(CaseWord::Remark)) ": " (text) } }
            }
            @if kept.case.closing.is_none() {
                details class="no-print" open[!line.is_signed_off()] {
                    summary { (visit.say(CaseWord::Finding)) }
                    form method="post" action=(format!("/reviews/{}/sign-off", kept.id)) {
                        (hidden(visit, kept.revision))
                        input type="hidden" name="entry" value=(index);
                        fieldset {
                            legend { (visit.say(CaseWord::Finding)) }
                            label { input type="radio" name="order" value="yes" required; span { (visit.say(CaseWord::InOrder)) } }
                            label { input type="radio" name="order" value="no"; span { (visit.say(CaseWord::NotInOrder)) } }
                        }
                        div class="field" {
                            label for=(remark) { (visit.say(CaseWord::Remark)) }
                            textarea id=(remark) name="remark" rows="2" maxlength="4000" { (line.remark.as_deref().unwrap_or_default()) }
                        }
                        button class="quiet" { (visit.say(CaseWord::SignOff)) }
                    }
                }
            }
        }
    }
}

pub(in crate::console) async fn sign_off(
    State(console): Console,
    Extension(visit): Visited,
    Path(id): Path<String>,
    Extension(fields): Extension<Fields>,
) -> Response {
    let changed = named(&id, &fields).and_then(|(id, revision)| {
        let index = fields.one("entry").parse().map_err(|_| InvalidReview::NotInIt)?;
        let finding = Finding {
            reviewer: reviewer(&console),
            on: today(&console),
            in_order: match fields.one("order") {
                "yes" => true,
                "no" => false,
                _ => return Err(ChangeError::Form(CaseWord::ReviewWrong)),
            },
            remark: fields.one("remark"),
        };
        let keys = (&console.fg.keys, console.month());
        console
            .fg
            .cases
            .change(keys, (&id, revision), |review: &mut Review| {
                review.sign_off(index, &finding).map_err(ChangeError::from)
            })
    });
    match changed {
        Ok(_) => Redirect::to(&format!("/reviews/{id}")).into_response(),
        Err(error) => failed(&visit, &error),
    }
}

/// Who signs off: the person for whom the FG's program speaks.
fn reviewer(console: &FgConsole) -> &str {
    let staff = console.fg.client.settings().staff.as_ref();
    staff.map_or("FG", |staff| staff.subject.as_str())
}

/// Puts an entry into a review that somebody picks, from the entry's own page.
pub(in crate::console) async fn pick(
    State(console): Console,
    Extension(visit): Visited,
    Extension(fields): Extension<Fields>,
) -> Response {
    match picked(&console, &fields) {
        Ok(id) => Redirect::to(&format!("/reviews/{id}")).into_response(),
        Err(error) => failed(&visit, &error),
    }
}

fn picked(console: &FgConsole, fields: &Fields) -> Result<CaseId, ChangeError> {
    let held = console.held();
    let index = fields.one("entry").parse().ok();
    let line = held
        .as_ref()
        .zip(index)
        .and_then(|(held, index)| held.entry(index));
    let line = line
        .as_ref()
        .map(Line::of)
        .ok_or(ChangeError::Form(CaseWord::InvalidEntry))?;
    let keys = (&console.fg.keys, console.month());
    if fields.one("review").is_empty() {
        let review = Review::picked(fields.one("number"), line, console.now())?;
        return Ok(console.fg.cases.add(keys, review)?.id);
    }
    let kept = read(console, fields.one("review"))?;
    let revision = (&kept.id, kept.revision);
    console.fg.cases.change(keys, revision, |review: &mut Review| {
        review.pick(line).map_err(ChangeError::from)
    })?;
    Ok(kept.id)
}

/// On the page of an entry: into a review that is going on, or into a new one.
pub(super) fn start(console: &FgConsole, visit: &Visit, index: u64) -> Markup {
    let listed = console.fg.cases.list::<Review>(&console.fg.keys);
    let kept = listed.map(|listed| listed.kept).unwrap_or_default();
    let is_picked =
        |kept: &&Kept<Review>| kept.case.closing.is_none() && matches!(kept.case.content, Content::Picked(_));
    html! {
        details class="card" {
            summary { (visit.say(CaseWord::StartReview)) }
            p { (visit.say(CaseWord::StartReviewLead)) }
            @for kept in kept.iter().filter(is_picked) {
                form method="post" action="/reviews/pick" {
                    (visit.token())
                    input type="hidden" name="entry" value=(index);
                    input type="hidden" name="review" value=(kept.id);
                    button class="quiet" { (visit.say(CaseWord::AddToReview)) " " (kept.case.number) }
                }
            }
            form method="post" action="/reviews/pick" autocomplete="off" {
                (visit.token())
                input type="hidden" name="entry" value=(index);
                (number_field(visit))
                button { (visit.say(CaseWord::StartReview)) }
            }
        }
    }
}
