//! Approving a purpose: what is signed, by which command, and a check of the signature before it goes to the operator. The
//! FG's approval key is never here.

use axum::Extension;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use doelpoort_core::catalogue::Name;
use doelpoort_core::party::Organisation;
use doelpoort_core::policy::approval::{self, Required};
use doelpoort_core::policy::load::approval_file;
use doelpoort_core::policy::manifest::digest_text;
use doelpoort_core::policy::{ApprovalRole, Draft, Manifest};
use doelpoort_core::purpose::Purpose;
use maud::html;

use super::super::guard::Fields;
use super::super::page::{page, problem, problem_with};
use super::super::words::{PolicyWord, Word};
use super::{Console, FgConsole, Visited, failed, file, held};

/// The purpose that is approved and the organisation that is asked to.
struct Asked<'d> {
    purpose: &'d Purpose,
    manifest: &'d Manifest,
    /// None where the FG's organisation is not asked.
    organisation: Option<&'d Organisation>,
}

fn asked<'d>(console: &FgConsole, draft: &'d Draft, id: &str) -> Option<Asked<'d>> {
    let name: Name = id.parse().ok()?;
    let (purpose, manifest) = draft.purposes.get(&name)?;
    let ours = &console.fg.keys.organisation;
    let is_ours =
        |(party, role): &(&Organisation, ApprovalRole)| party.oin == *ours && *role == ApprovalRole::Fg;
    let organisation = draft.required(purpose).into_iter().find(is_ours);
    Some(Asked {
        purpose,
        manifest,
        organisation: organisation.map(|(party, _)| party),
    })
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
    let draft = match console.to_approve(&held).await {
        Ok(draft) => draft,
        Err(error) => return failed(&visit, PolicyWord::NotArchived, &error),
    };
    let Some(asked) = asked(&console, &draft, &id) else {
        return problem(&visit, StatusCode::NOT_FOUND, Word::Missing);
    };
    let (purpose, language) = (asked.purpose, visit.language);
    let title = visit.say(PolicyWord::Approve);
    let content = html! {
        h1 { (title) ": " (purpose.title.in_language(language)) }
        p { (visit.say(Word::Version)) " " (purpose.version) }
        section class="card" {
            p { (visit.say(PolicyWord::Digest)) ": " code { (digest_text(&asked.manifest.digest())) } }
            @match asked.organisation {
                None => p { (visit.say(PolicyWord::NotAsked)) },
                Some(organisation) => {
                    @let file = approval_file(&purpose.id, &organisation.slug, ApprovalRole::Fg);
                    p { (visit.say(PolicyWord::ApproveLead)) }
                    pre id="command" tabindex="0" { "doelpoort policy sign " (purpose.id) " --policies policies --organisation " (organisation.slug) " --role fg --key fg.pem --deployment " (console.fg.deployment) " --until " (purpose.valid.until) }
                    p { (visit.say(PolicyWord::Place)) " " code { "approvals/" (file) } "." }
                    @if visit.why.is_none() { p { a class="button quiet" href=(format!("/step-up?next=/purposes/{id}/approve")) { (visit.say(Word::StepUp)) } } }
                    @else {
                        form method="post" action=(format!("/purposes/{id}/approve")) {
                            (visit.token())
                            div class="field" {
                                label for="approval" { (visit.say(PolicyWord::Paste)) }
                                textarea id="approval" name="approval" rows="4" maxlength="16384" required spellcheck="false" {}
                            }
                            button { (visit.say(PolicyWord::Verify)) }
                        }
                    }
                }
            }
        }
    };
    page(&visit, title, &content)
}

pub(in crate::console) async fn verify(
    State(console): Console,
    Extension(visit): Visited,
    Path(id): Path<String>,
    Extension(fields): Extension<Fields>,
) -> Response {
    let held = match held(&console, &visit) {
        Ok(held) => held,
        Err(page) => return *page,
    };
    let draft = match console.to_approve(&held).await {
        Ok(draft) => draft,
        Err(error) => return failed(&visit, PolicyWord::NotArchived, &error),
    };
    let Some(asked) = asked(&console, &draft, &id) else {
        return problem(&visit, StatusCode::NOT_FOUND, Word::Missing);
    };
    let Some(organisation) = asked.organisation else {
        return problem(&visit, StatusCode::BAD_REQUEST, PolicyWord::NotAsked);
    };
    let required = Required {
        deployment: &console.fg.deployment,
        purpose: &asked.purpose.id,
        version: asked.purpose.version,
        role: ApprovalRole::Fg,
        organisation,
    };
    let text = fields.one("approval");
    let verified = approval::verify(text, &required, asked.manifest, &draft.keys)
        .and_then(|term| term.check(console.now()));
    match verified {
        Ok(()) => {
            let name = approval_file(&asked.purpose.id, &organisation.slug, ApprovalRole::Fg);
            file(&name, "application/jose", format!("{text}\n"))
        }
        Err(error) => {
            let said = format!("{}: {error}", visit.say(PolicyWord::ApproveWrong));
            problem_with(&visit, StatusCode::BAD_REQUEST, &said)
        }
    }
}
