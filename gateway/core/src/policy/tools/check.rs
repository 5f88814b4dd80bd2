//! What is worth a second look in policies that load: warnings, each with its place, and the explanation that the
//! purpose gives for it.
//!
//! What may never be is refused when the files are read; see the hard rules of [`HardRule`](crate::purpose::HardRule).

pub mod bound;
mod join;
mod live;
mod marks;
mod places;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use serde::Serialize;

use super::tables::{self, GRANTED};
use super::words::{self, both, day, list};
use crate::catalogue::{FieldName, Name, ProtectionClass};
use crate::figures::bound::{Coming, Former, Past};
use crate::party::Slug;
use crate::policy::decide::civil_day;
use crate::policy::{Draft, Policies, PolicyFiles, StandingState};
use crate::purpose::{Explanation, Grant, Purpose, Warning};
use crate::source_text::SourceError;
use crate::text::Text;

use places::Places;

/// How long before an end somebody should prepare what comes after.
const ENDS_WITHIN_DAYS: i64 = 60;

/// What the folder does not say.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The moment of the check.
    pub now: Timestamp,
    /// How many pupils there are, for the bound of [`Warning::JointUniqueness`].
    pub pupils: u64,
    /// Holders that keep their rows of a dataset at home and are asked live.
    pub live: Vec<(Slug, Name)>,
    /// What is released already, where that is known.
    pub former: Option<Vec<Former>>,
}

impl Settings {
    /// What counts besides the policies themselves in the bound of figures.
    pub fn past(&self) -> Option<Past<'_>> {
        self.former.as_deref().map(|former| Past {
            former,
            coming: Coming::After(civil_day(self.now)),
        })
    }
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// The purpose file.
    pub file: String,
    /// The line of the grant, or of what is meant; from 1.
    pub line: usize,
    /// The purpose.
    pub purpose: Name,
    /// The grant, counted from 0; none: the purpose as a whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grant: Option<usize>,
    /// Which warning.
    #[serde(serialize_with = "name")]
    pub warning: Warning,
    /// `error`, `warning` or `explained`.
    pub severity: Severity,
    /// What is the matter.
    pub message: Text,
    /// Why it is in order, as the purpose says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub because: Option<Text>,
}

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// The policies should not be signed like this.
    Error,
    /// Somebody should look.
    Warning,
    /// The purpose says why it is in order.
    Explained,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn name<S: serde::Serializer>(warning: &Warning, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(warning.name())
}

/// What was found of a grant, or of a purpose as a whole.
struct Found {
    purpose: Name,
    grant: Option<usize>,
    warning: Warning,
    message: Text,
}

/// Everything worth a look: errors first, then warnings, then what is explained; each in order of file and line.
/// `policies`: with their approvals, where the deployment is known.
///
/// # Errors
/// What is wrong with the decision tables.
pub fn check(
    files: &PolicyFiles,
    draft: &Draft,
    policies: Option<&Policies>,
    settings: &Settings,
) -> Result<Vec<Finding>, Vec<SourceError>> {
    let used = used(files, draft)?;
    let mut found = Vec::new();
    for (purpose, _) in draft.purposes.values() {
        found.extend(of_purpose(purpose, civil_day(settings.now)));
        for (position, grant) in purpose.grants.iter().enumerate() {
            let at = |(warning, message)| Found {
                purpose: purpose.id.clone(),
                grant: Some(position),
                warning,
                message,
            };
            found.extend(sensitive(draft, grant).map(at));
            found.extend(unused(purpose, position, &used).map(at));
            found.extend(marks::watermark(draft, grant).map(at));
            found.extend(live::leak(draft, grant, &settings.live).map(at));
        }
    }
    found.extend(join::joint(draft, settings.pupils));
    found.extend(bound::over(draft, settings.past()));
    found.extend(
        policies
            .into_iter()
            .flat_map(|policies| approvals(policies, settings.now)),
    );
    found.extend(idle(draft, &found));
    let mut findings: Vec<Finding> = found
        .into_iter()
        .map(|found| finding(found, files, draft))
        .collect();
    findings.sort_by(|one, other| {
        (one.severity, &one.file, one.line, one.warning).cmp(&(
            other.severity,
            &other.file,
            other.line,
            other.warning,
        ))
    });
    Ok(findings)
}

fn finding(found: Found, files: &PolicyFiles, draft: &Draft) -> Finding {
    let places = Places::of(files, &found.purpose);
    let explanation = explanation(draft, &found);
    let severity = match &explanation {
        Some(_) => Severity::Explained,
        None if found.warning.is_grave() => Severity::Error,
        None => Severity::Warning,
    };
    Finding {
        line: places.line(found.grant),
        file: places.file,
        purpose: found.purpose,
        grant: found.grant,
        warning: found.warning,
        severity,
        message: found.message,
        because: explanation.map(|one| one.because.clone()),
    }
}

/// The purpose's own words about a finding; nothing explains an explanation of nothing.
fn explanation<'d>(draft: &'d Draft, found: &Found) -> Option<&'d Explanation> {
    let (purpose, _) = draft.purposes.get(&found.purpose)?;
    if found.warning == Warning::IdleExplanation {
        return None;
    }
    purpose.explanations.iter().find(|one| covers(one, found))
}

fn covers(explanation: &Explanation, found: &Found) -> bool {
    explanation.warning == found.warning && (explanation.grant.is_none() || explanation.grant == found.grant)
}

/// Explanations of what was not found: the purpose changed, and its words did not.
fn idle(draft: &Draft, found: &[Found]) -> Vec<Found> {
    let mut idle = Vec::new();
    for (purpose, _) in draft.purposes.values() {
        let of = |explanation: &Explanation| {
            found
                .iter()
                .any(|found| found.purpose == purpose.id && covers(explanation, found))
        };
        // Ends come and go with the days, and live sources with the question that was asked.
        let lasting = |explanation: &&Explanation| {
            !matches!(
                explanation.warning,
                Warning::ApprovalEnds | Warning::ValidityEnds | Warning::LiveSourceLeak
            )
        };
        for explanation in purpose.explanations.iter().filter(lasting).filter(|one| !of(one)) {
            let warning = explanation.warning.name();
            idle.push(Found {
                purpose: purpose.id.clone(),
                grant: explanation.grant,
                warning: Warning::IdleExplanation,
                message: both(
                    format!("de uitleg bij `{warning}` verklaart niets meer"),
                    format!("the explanation of `{warning}` explains nothing any more"),
                ),
            });
        }
    }
    idle
}

/// Clauses that a case of a decision table is granted by.
fn used(files: &PolicyFiles, draft: &Draft) -> Result<BTreeSet<String>, Vec<SourceError>> {
    let outcomes = tables::run(draft, &files.tables)?;
    let granted = outcomes
        .into_iter()
        .filter(|outcome| outcome.passed() && outcome.found.outcome == GRANTED);
    Ok(granted.filter_map(|outcome| outcome.found.clause).collect())
}

fn unused(purpose: &Purpose, position: usize, used: &BTreeSet<String>) -> Option<(Warning, Text)> {
    let asked = purpose
        .questions
        .iter()
        .any(|question| question.grant == position);
    let tested = used.contains(&format!("{}/grant/{position}", purpose.id));
    let message = || {
        both(
            "geen vraag en geen geval in de beslistabel gebruikt deze toestemming",
            "no question and no case of the decision table uses this grant",
        )
    };
    (!asked && !tested).then(|| (Warning::UnusedGrant, message()))
}

/// Sensitive fields that a grant names, or the sensitive rows as such.
fn sensitive(draft: &Draft, grant: &Grant) -> Option<(Warning, Text)> {
    if grant.class(&draft.catalogue) != ProtectionClass::Sensitive {
        return None;
    }
    let is_sensitive = |name: &&FieldName| {
        let field = draft.catalogue.field(name);
        field.is_some_and(|(_, field)| field.class == ProtectionClass::Sensitive)
    };
    let fields: Vec<Text> = grant
        .fields()
        .into_iter()
        .filter(is_sensitive)
        .map(|name| words::field(&draft.catalogue, name))
        .collect();
    let named = if fields.is_empty() {
        words::dataset(&draft.catalogue, grant.dataset())
    } else {
        list(&fields)
    };
    let form = words::form(grant);
    Some((
        Warning::SensitiveFields,
        both(
            format!("{} is gevoelig ({})", named.nl, form.nl),
            format!("{} is sensitive ({})", named.en, form.en),
        ),
    ))
}

/// What the purpose's own dates say.
fn of_purpose(purpose: &Purpose, today: Date) -> Vec<Found> {
    let mut found = Vec::new();
    let mut note = |warning, message| {
        found.push(Found {
            purpose: purpose.id.clone(),
            grant: None,
            warning,
            message,
        });
    };
    let soon = today.saturating_add(ENDS_WITHIN_DAYS.days());
    let until = day(purpose.valid.until);
    if purpose.valid.until < today {
        note(
            Warning::ValidityEnds,
            both(
                format!("gold tot en met {}", until.nl),
                format!("held until {}", until.en),
            ),
        );
    } else if purpose.valid.until < soon {
        note(
            Warning::ValidityEnds,
            both(
                format!("geldt nog maar tot en met {}", until.nl),
                format!("holds only until {}", until.en),
            ),
        );
    }
    if let Some(dpia) = &purpose.dpia
        && let Some(changed) = purpose.changed.filter(|changed| dpia.date < *changed)
    {
        let (dpia, changed) = (day(dpia.date), day(changed));
        note(
            Warning::DpiaOlder,
            both(
                format!(
                    "de DPIA is van {}, het doel veranderde op {}",
                    dpia.nl, changed.nl
                ),
                format!(
                    "the impact assessment is of {}, the purpose changed on {}",
                    dpia.en, changed.en
                ),
            ),
        );
    }
    found
}

/// Approvals that end soon. Missing ones are told with each purpose's state, which is not for the purpose to explain.
fn approvals(policies: &Policies, now: Timestamp) -> Vec<Found> {
    let soon = now.saturating_add(jiff::SignedDuration::from_hours(24 * ENDS_WITHIN_DAYS));
    let Ok(soon) = soon else { return Vec::new() };
    let ending = policies
        .purposes
        .values()
        .filter_map(|standing| match standing.state {
            StandingState::Active { until } if until < soon => Some((standing, until)),
            StandingState::Active { .. } | StandingState::Asleep { .. } => None,
        });
    let found = ending.map(|(standing, until)| {
        let until = day(civil_day(until));
        Found {
            purpose: standing.purpose.id.clone(),
            grant: None,
            warning: Warning::ApprovalEnds,
            message: both(
                format!("een akkoord eindigt op {}", until.nl),
                format!("an approval ends on {}", until.en),
            ),
        }
    });
    found.collect()
}
