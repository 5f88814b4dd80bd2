//! Subjects become pseudonyms of this recipient, purpose and period, and rows lose the order in which they were found.

use crate::catalogue::school_year;
use crate::extract::{EpochCells, Extract, FactRow, RawRow};
use crate::lp::PartText;
use crate::plan::Plan;
use crate::policy::decide::Permit;
use crate::pseudonym::{DomainKey, ExitRoot, KeyVersion, Pseudonym, SubjectId};
use crate::purpose::KeyPeriod;

/// The active exit root, as the key store holds it.
pub struct ExitKey<'k> {
    /// The root.
    pub root: &'k ExitRoot,
    /// Its version, which the pseudonym's text carries.
    pub version: KeyVersion,
    /// The tenant, from the configuration.
    pub tenant: &'k PartText,
}

/// Rows without subjects. Only [`pseudonymise`] makes them.
///
/// ```compile_fail,E0423
/// use doelpoort_core::{extract::Extract, pseudonymise::Pseudonymised};
/// fn skipped(extract: Extract) -> Pseudonymised {
///     Pseudonymised(extract)
/// }
/// ```
pub struct Pseudonymised(pub(crate) Content);

/// What a pseudonymised answer holds.
pub(crate) enum Content {
    Cells(EpochCells),
    Facts(Vec<FactRow>),
    Records {
        rows: Vec<PseudonymRow>,
        next: Option<Pseudonym>,
    },
}

/// A row under a pseudonym.
pub(crate) struct PseudonymRow {
    pub(crate) pseudonym: Pseudonym,
    pub(crate) raw: RawRow,
}

impl Pseudonymised {
    /// Whose rows this page holds, for the sealed part of the log's entry; nobody's for figures and facts.
    pub fn subjects(&self) -> impl Iterator<Item = SubjectId> + '_ {
        let rows = match &self.0 {
            Content::Records { rows, .. } => rows.as_slice(),
            Content::Cells(_) | Content::Facts(_) => &[],
        };
        rows.iter().map(|row| row.raw.subject)
    }

    /// How many rows or cells there are, or how many of the named pupils were found.
    pub fn count(&self) -> usize {
        match &self.0 {
            Content::Cells(cells) => cells.values.len(),
            Content::Facts(rows) => rows.iter().filter(|row| row.values.is_some()).count(),
            Content::Records { rows, .. } => rows.len(),
        }
    }

    /// The last pseudonym of this page, if more rows follow.
    pub fn next(&self) -> Option<&Pseudonym> {
        match &self.0 {
            Content::Records { next, .. } => next.as_ref(),
            Content::Cells(_) | Content::Facts(_) => None,
        }
    }
}

/// Turns the subjects of an extract into pseudonyms, sorts the rows by them, and keeps the page after `after`.
///
/// Recipient and purpose come from the permit, never from the request's body.
pub fn pseudonymise(
    permit: &Permit<'_>,
    plan: &Plan,
    extract: Extract,
    key: &ExitKey<'_>,
    after: Option<&Pseudonym>,
) -> Pseudonymised {
    Pseudonymised(match (extract, plan) {
        (Extract::Cells(cells), _) => Content::Cells(cells),
        (Extract::Facts(rows), _) => Content::Facts(rows),
        (Extract::Rows(rows), Plan::Records(plan)) => {
            let epoch = match plan.key_period() {
                KeyPeriod::None => PartText::default(),
                // `2026-2027` always fits a part.
                KeyPeriod::SchoolYear => school_year(permit.day()).parse().unwrap_or_default(),
            };
            // A vendor that asks for two boards gets two domains, as the boards would themselves.
            let (recipient, purpose) = (permit.principal(), permit.purpose());
            let link_scope = PartText::default();
            let domain = DomainKey::derive(
                key.root,
                key.version,
                key.tenant,
                recipient,
                purpose,
                &link_scope,
                &epoch,
            );
            page(rows, &domain, after, plan.page_limit())
        }
        // Rows belong to a records plan; without one there is no row to give.
        (Extract::Rows(_), _) => Content::Records {
            rows: Vec::new(),
            next: None,
        },
    })
}

fn page(rows: Vec<RawRow>, domain: &DomainKey, after: Option<&Pseudonym>, limit: u32) -> Content {
    let mut named: Vec<PseudonymRow> = rows
        .into_iter()
        .map(|raw| PseudonymRow {
            pseudonym: domain.pseudonym(&raw.subject),
            raw,
        })
        .filter(|row| after.is_none_or(|after| row.pseudonym > *after))
        .collect();
    named.sort_unstable_by(|a, b| a.pseudonym.cmp(&b.pseudonym));
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = named.len() > limit;
    named.truncate(limit);
    let next = named.last().filter(|_| more).map(|row| row.pseudonym.clone());
    Content::Records { rows: named, next }
}

#[cfg(test)]
mod tests;
