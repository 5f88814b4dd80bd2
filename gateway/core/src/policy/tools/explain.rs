//! Why a request is granted or denied: the decision, and each clause of the purpose in turn, in sentences.

#[cfg(test)]
mod tests;

use jiff::Timestamp;
use serde::Serialize;

use super::items::for_nobody;
use super::tables::{self, Ask, GRANTED, INVALID_INPUT, TestCaller};
use super::terms::terms;
use super::words::{self, both, day, list, sentence};
use crate::policy::Policies;
use crate::policy::decide::{Allowed, Denial, civil_day};
use crate::purpose::{Grant, Purpose};
use crate::request::InputError;
use crate::text::Text;

pub use super::tables::noon;

/// A decision with its reasons.
#[derive(Clone, Debug, Serialize)]
pub struct Explanation {
    /// `granted`, a denial's code, or `invalid-input`.
    pub outcome: String,
    /// The clause that decided.
    pub clause: Option<String>,
    /// What would have been allowed, where that is what the denial is about.
    pub allowed: Option<Box<Allowed>>,
    /// The reasons, in order.
    pub sentences: Vec<Text>,
}

/// Names a code of a denial: the words that a client reads.
pub type Title<'t> = &'t dyn Fn(&str) -> Option<Text>;

/// Explains the decision on the body of a request (or of a case of a decision table), as if everything were signed.
///
/// # Errors
/// Why the body asks nothing at all.
pub fn explain(
    policies: &Policies,
    caller: &TestCaller,
    body: &str,
    now: Timestamp,
    title: Title<'_>,
) -> Result<Explanation, String> {
    let body = serde_json::from_str(body).map_err(|error| {
        format!(
            "not JSON: it goes wrong at line {}, column {}",
            error.line(),
            error.column()
        )
    })?;
    let mut policies = policies.clone();
    policies.mandates = caller.mandates(civil_day(now));
    let policies = &policies;
    let ask = tables::ask(body, None, caller, policies)?;
    let mut sentences = vec![asker(caller, now)];
    let purpose = ask.purpose().and_then(|name| policies.purposes.get(&name));
    sentences.extend(purpose.map(|standing| headline(&standing.purpose)));
    let explanation = match tables::judge(policies, caller, &ask, now) {
        Ok(Ok(permit)) => {
            let clause = permit.clause().to_owned();
            sentences.push(both(
                format!("Toegestaan door `{clause}`."),
                format!("Granted by `{clause}`."),
            ));
            Explanation {
                outcome: GRANTED.to_owned(),
                clause: Some(clause),
                allowed: None,
                sentences,
            }
        }
        Ok(Err(denial)) => {
            sentences.push(sentence(&denied(&denial, title)));
            Explanation {
                outcome: denial.code.as_str().to_owned(),
                clause: denial.clause,
                allowed: denial.allowed,
                sentences,
            }
        }
        Err(errors) => return Ok(invalid(sentences, &errors)),
    };
    let Some(standing) = purpose else {
        return Ok(explanation);
    };
    let grants = standing.purpose.grants.iter().enumerate();
    let clauses =
        grants.flat_map(|(position, grant)| clause(policies, caller, &ask, now, (position, grant), title));
    let mut explanation = explanation;
    explanation.sentences.extend(clauses);
    Ok(explanation)
}

fn asker(caller: &TestCaller, now: Timestamp) -> Text {
    let (who, on) = (words::organisation(&caller.organisation), day(civil_day(now)));
    let role = &caller.role;
    both(
        format!(
            "{who} vraagt met de rol `{role}` op {}, alsof alles is ondertekend.",
            on.nl
        ),
        format!(
            "{who} asks with the role `{role}` on {}, as if everything were signed.",
            on.en
        ),
    )
}

fn headline(purpose: &Purpose) -> Text {
    let Purpose {
        id, version, title, ..
    } = purpose;
    let (from, until) = (day(purpose.valid.from), day(purpose.valid.until));
    both(
        format!(
            "Het doel `{id}`, versie {version} ({}), geldt van {} tot en met {}.",
            title.nl, from.nl, until.nl
        ),
        format!(
            "The purpose `{id}`, version {version} ({}), holds from {} to {}.",
            title.en, from.en, until.en
        ),
    )
}

/// One grant: whether it comes into question, and what it says.
fn clause(
    policies: &Policies,
    caller: &TestCaller,
    ask: &Ask,
    now: Timestamp,
    (position, grant): (usize, &Grant),
    title: Title<'_>,
) -> Vec<Text> {
    let about = words::dataset(&policies.catalogue, grant.dataset());
    let form = words::form(grant);
    let name = both(
        format!("toestemming {position} ({}, {})", form.nl, about.nl),
        format!("grant {position} ({}, {})", form.en, about.en),
    );
    let verdict = match alone(policies, ask, position)
        .map(|alone| tables::judge(&alone, caller, ask, now).map(|decision| decision.map(|_| ())))
    {
        Some(Ok(Ok(()))) => both("staat dit toe", "allows this"),
        Some(Ok(Err(denial))) => {
            let why = denied(&denial, title);
            let other_form = ask.form().is_some_and(|form| form != grant.form());
            if other_form {
                both("is van een andere vorm", "is of another form")
            } else {
                both(
                    format!("staat dit niet toe: {}", why.nl),
                    format!("does not allow this: {}", why.en),
                )
            }
        }
        Some(Err(_)) | None => return Vec::new(),
    };
    let terms = terms(grant, &policies.catalogue, &policies.organisations);
    let terms: Vec<Text> = terms.into_iter().map(|(_, words)| words).collect();
    let terms = both(
        terms
            .iter()
            .map(|term| term.nl.as_str())
            .collect::<Vec<_>>()
            .join("; "),
        terms
            .iter()
            .map(|term| term.en.as_str())
            .collect::<Vec<_>>()
            .join("; "),
    );
    vec![sentence(&both(
        format!(
            "{} {}; zij geldt voor: {}; {}",
            name.nl,
            verdict.nl,
            receivers(policies, grant).nl,
            terms.nl
        ),
        format!(
            "{} {}; it is for {}; {}",
            name.en,
            verdict.en,
            receivers(policies, grant).en,
            terms.en
        ),
    ))]
}

fn receivers(policies: &Policies, grant: &Grant) -> Text {
    let named = grant.recipients().iter();
    list(
        &named
            .map(|one| words::recipient(one, &policies.organisations))
            .collect::<Vec<_>>(),
    )
}

/// The policies in which only one grant of the purpose has recipients; its number stays.
fn alone(policies: &Policies, ask: &Ask, position: usize) -> Option<Policies> {
    let mut alone = policies.clone();
    let standing = alone.purposes.get_mut(&ask.purpose()?)?;
    for (other, grant) in standing.purpose.grants.iter_mut().enumerate() {
        if other != position {
            *grant = for_nobody(grant);
        }
    }
    Some(alone)
}

fn denied(denial: &Denial, title: Title<'_>) -> Text {
    let code = denial.code.as_str();
    let words = title(code).unwrap_or_else(|| Text::same(code));
    let subjects = if denial.subjects.is_empty() {
        String::new()
    } else {
        format!(": `{}`", denial.subjects.join("`, `"))
    };
    both(
        format!("{} (`{code}`){subjects}", words.nl),
        format!("{} (`{code}`){subjects}", words.en),
    )
}

fn invalid(mut sentences: Vec<Text>, errors: &[InputError]) -> Explanation {
    sentences.push(both(
        "Het verzoek zelf klopt niet, dus er valt niets te beslissen.",
        "The request itself is wrong, so there is nothing to decide.",
    ));
    let told = errors.iter().map(|error| {
        Text::same(format!(
            "{}: {} (`{}`).",
            error.location, error.detail, error.code
        ))
    });
    sentences.extend(told);
    Explanation {
        outcome: INVALID_INPUT.to_owned(),
        clause: None,
        allowed: None,
        sentences,
    }
}
