//! Subjects become pseudonyms of this recipient, purpose and period, and rows lose the order in which they were found.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};

use crate::catalogue::{Name, school_year};
use crate::extract::{EpochCells, Extract, FactRow, Former, Held, RawRow};
use crate::lp::PartText;
use crate::party::Oin;
use crate::plan::{Aim, MeantPlan, Plan};
use crate::policy::decide::{Permit, Right};
use crate::pseudonym::{DomainKey, ExitRoot, KeyVersion, Pseudonym, SubjectId};
use crate::purpose::KeyPeriod;
use crate::request::TRANSLATED_MIN;

/// The active exit root, as the key store holds it, and those that issued before.
pub struct ExitKey<'k> {
    /// The root.
    pub root: &'k ExitRoot,
    /// Its version, which the pseudonym's text carries.
    pub version: KeyVersion,
    /// The tenant, from the configuration.
    pub tenant: &'k PartText,
    /// Since when this root issues; none for the first.
    pub since: Option<Timestamp>,
    /// Roots that issued before and are still accepted, the latest first.
    pub former: Vec<(KeyVersion, &'k ExitRoot)>,
}

impl ExitKey<'_> {
    /// The former roots whose pseudonyms rows still carry on this day, `overlap_days` after the last rotation.
    fn overlapping(&self, day: Date, overlap_days: u32) -> &[(KeyVersion, &ExitRoot)] {
        match self.since {
            Some(since) if overlaps(since, day, overlap_days) => &self.former,
            _ => &[],
        }
    }
}

/// Whether on this day what ended at a moment is still told, for so many days from that of its end.
fn overlaps(ended: Timestamp, day: Date, overlap_days: u32) -> bool {
    let last = utc_day(ended).checked_add(i64::from(overlap_days).days());
    last.is_ok_and(|last| day < last)
}

fn utc_day(moment: Timestamp) -> Date {
    moment.to_zoned(TimeZone::UTC).date()
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
    /// Pseudonyms for another; none where its holder is asked, or too few are known.
    Meant(Vec<Pseudonym>),
    Records {
        rows: Vec<PseudonymRow>,
        next: Option<Pseudonym>,
        /// The epoch that released them; none where they were read as they are now.
        epoch: Option<Date>,
    },
}

/// A row under a pseudonym.
pub(crate) struct PseudonymRow {
    pub(crate) pseudonym: Pseudonym,
    /// What the same pupil was called before in this domain, the latest first; empty outside of an overlap.
    pub(crate) previous: Vec<Pseudonym>,
    pub(crate) raw: RawRow,
}

impl Pseudonymised {
    /// Whose rows this page holds, for the sealed part of the log's entry; nobody's for figures and facts.
    pub fn subjects(&self) -> impl Iterator<Item = SubjectId> + '_ {
        let rows = match &self.0 {
            Content::Records { rows, .. } => rows.as_slice(),
            Content::Cells(_) | Content::Facts(_) | Content::Meant(_) => &[],
        };
        rows.iter().map(|row| row.raw.subject)
    }

    /// How many rows or cells there are, or how many of the named pupils were found.
    pub fn count(&self) -> usize {
        match &self.0 {
            Content::Cells(cells) => cells.values.len(),
            Content::Facts(rows) => rows.iter().filter(|row| row.values.is_some()).count(),
            Content::Meant(pseudonyms) => pseudonyms.len(),
            Content::Records { rows, .. } => rows.len(),
        }
    }

    /// The pseudonyms that another gets, in their own order, which says nothing of the order asked.
    pub fn translated(&self) -> &[Pseudonym] {
        match &self.0 {
            Content::Meant(pseudonyms) => pseudonyms,
            Content::Cells(_) | Content::Facts(_) | Content::Records { .. } => &[],
        }
    }

    /// The epoch that released its rows, where one did.
    pub fn epoch(&self) -> Option<Date> {
        match &self.0 {
            Content::Records { epoch, .. } => *epoch,
            Content::Cells(_) | Content::Facts(_) | Content::Meant(_) => None,
        }
    }

    /// The last pseudonym of this page, if more rows follow.
    pub fn next(&self) -> Option<&Pseudonym> {
        match &self.0 {
            Content::Records { next, .. } => next.as_ref(),
            Content::Cells(_) | Content::Facts(_) | Content::Meant(_) => None,
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
        (Extract::Held(held), Plan::Meant(plan)) => Content::Meant(translated(&held, plan, key)),
        (Extract::Anonymous(released), Plan::Records(plan)) => {
            let whose = (permit.principal(), permit.purpose());
            let names = Names::of_epoch(key, whose, released.epoch);
            page(
                released.rows,
                &names,
                after,
                plan.page_limit(),
                Some(released.epoch),
            )
        }
        (Extract::Rows(rows), Plan::Records(plan)) => {
            // A vendor that asks for two boards gets two domains, as the boards would themselves.
            let (recipient, purpose) = (permit.principal(), permit.purpose());
            let domain = |version, root| {
                let lasting = Lasting {
                    period: plan.key_period(),
                    dataset: plan.link_scope(),
                };
                domain(
                    key.tenant,
                    (version, root),
                    (recipient, purpose),
                    lasting,
                    permit.day(),
                )
            };
            let former = key
                .overlapping(permit.day(), plan.overlap_days())
                .iter()
                .map(|(version, root)| domain(*version, root));
            let names = Names {
                current: domain(key.version, key.root),
                since: key.since,
                former: former.collect(),
                day: permit.day(),
                overlap_days: plan.overlap_days(),
                period: plan.key_period(),
            };
            page(rows, &names, after, plan.page_limit(), None)
        }
        // Rows belong to a records plan; without one there is no row to give.
        (Extract::Held(_), _) => Content::Meant(Vec::new()),
        (Extract::Anonymous(_) | Extract::Rows(_), _) => Content::Records {
            rows: Vec::new(),
            next: None,
            epoch: None,
        },
    })
}

/// The domains in which the caller was given the pseudonyms that it names, under one version of the root: of this school
/// year and of the last, where they last a school year.
pub fn issued(permit: &Permit<'_>, key: &ExitKey<'_>) -> Vec<DomainKey> {
    let (of, dataset) = match permit.right() {
        Right::Resolve(grant) => (&grant.of, &grant.dataset),
        Right::Translate(grant) => (&grant.from, &grant.dataset),
        _ => return Vec::new(),
    };
    let policies = permit.policies();
    let recipient = policies.organisations.by_oin(permit.principal());
    let lasting = recipient
        .zip(policies.purposes.get(of))
        .and_then(|(recipient, standing)| standing.purpose.pseudonyms_last(recipient, dataset));
    let Some((period, by_dataset)) = lasting else {
        return Vec::new();
    };
    let lasting = Lasting {
        period,
        dataset: by_dataset.then_some(dataset),
    };
    let last_year = permit.day().saturating_sub(1.year());
    let days = match period {
        KeyPeriod::None => vec![permit.day()],
        KeyPeriod::SchoolYear => vec![permit.day(), last_year],
    };
    let (root, whose) = ((key.version, key.root), (permit.principal(), of));
    days.into_iter()
        .map(|day| domain(key.tenant, root, whose, lasting, day))
        .collect()
}

/// For how long pseudonyms last, and whether each dataset has its own.
#[derive(Clone, Copy)]
struct Lasting<'n> {
    period: KeyPeriod,
    dataset: Option<&'n Name>,
}

/// The domain of a recipient and a purpose on a day, under one version of the root.
fn domain(
    tenant: &PartText,
    (version, root): (KeyVersion, &ExitRoot),
    (recipient, purpose): (&Oin, &Name),
    lasting: Lasting<'_>,
    day: Date,
) -> DomainKey {
    let epoch = match lasting.period {
        KeyPeriod::None => PartText::default(),
        // `2026-2027` always fits a part.
        KeyPeriod::SchoolYear => school_year(day).parse().unwrap_or_default(),
    };
    // The name of a dataset always fits a part.
    let link_scope = lasting
        .dataset
        .and_then(|dataset| dataset.as_str().parse().ok())
        .unwrap_or_default();
    DomainKey::derive(root, version, tenant, recipient, purpose, &link_scope, &epoch)
}

/// The other's pseudonyms of the pupils that are known, each once and sorted, which is an order of their own. Nothing
/// where they are so few that one could be told from another.
fn translated(held: &[Option<Held>], plan: &MeantPlan, key: &ExitKey<'_>) -> Vec<Pseudonym> {
    let Aim::Translate {
        to,
        purpose,
        period,
        by_dataset,
    } = plan.aim()
    else {
        return Vec::new();
    };
    let lasting = Lasting {
        period: *period,
        dataset: by_dataset.then(|| plan.dataset()),
    };
    let root = (key.version, key.root);
    let domain = domain(key.tenant, root, (to, purpose), lasting, plan.at());
    let known = plan.pupils().iter().zip(held).filter(|(_, held)| held.is_some());
    let pupils: BTreeSet<SubjectId> = known.map(|(pupil, _)| pupil.subject).collect();
    if pupils.len() < TRANSLATED_MIN {
        return Vec::new();
    }
    let mut pseudonyms: Vec<_> = pupils.iter().map(|pupil| domain.pseudonym(pupil)).collect();
    pseudonyms.sort_unstable();
    pseudonyms
}

/// What pupils are called in an answer, and what they were called before.
struct Names {
    current: DomainKey,
    /// Since when the current root issues.
    since: Option<Timestamp>,
    /// The domains under the roots of before that overlap, the latest first.
    former: Vec<DomainKey>,
    day: Date,
    overlap_days: u32,
    period: KeyPeriod,
}

impl Names {
    /// Pseudonyms of one epoch: the next one has others, and so has every other way to the same pupils.
    fn of_epoch(key: &ExitKey<'_>, (recipient, purpose): (&Oin, &Name), epoch: Date) -> Self {
        // A date always fits a part.
        let part = epoch.to_string().parse().unwrap_or_default();
        let (tenant, whole) = (key.tenant, PartText::default());
        Self {
            current: DomainKey::derive(key.root, key.version, tenant, recipient, purpose, &whole, &part),
            since: key.since,
            former: Vec::new(),
            day: epoch,
            overlap_days: 0,
            period: KeyPeriod::None,
        }
    }

    /// The pseudonyms that this recipient may have been given for the row before, the latest first: under the subjects of
    /// before a merge, and under roots of before. A subject of before that gave way before the root did was never called
    /// by the current one, and no pseudonym leads back into another school year where each has its own.
    fn previous(&self, row: &RawRow) -> Vec<Pseudonym> {
        let mut merged: Vec<_> = row.formerly.iter().filter(|former| self.tells(former)).collect();
        merged.sort_unstable_by_key(|former| (Reverse(former.until), former.subject));
        let so_called = |former: &&&Former| self.since.is_none_or(|since| former.until > since);
        let mut previous: Vec<_> = merged
            .iter()
            .filter(so_called)
            .map(|former| self.current.pseudonym(&former.subject))
            .collect();
        for domain in &self.former {
            previous.push(domain.pseudonym(&row.subject));
            previous.extend(merged.iter().map(|former| domain.pseudonym(&former.subject)));
        }
        previous
    }

    fn tells(&self, former: &Former) -> bool {
        let same_period = match self.period {
            KeyPeriod::None => true,
            KeyPeriod::SchoolYear => school_year(utc_day(former.until)) == school_year(self.day),
        };
        same_period && overlaps(former.until, self.day, self.overlap_days)
    }
}

fn page(
    rows: Vec<RawRow>,
    names: &Names,
    after: Option<&Pseudonym>,
    limit: u32,
    epoch: Option<Date>,
) -> Content {
    let mut named: Vec<PseudonymRow> = rows
        .into_iter()
        .map(|raw| PseudonymRow {
            pseudonym: names.current.pseudonym(&raw.subject),
            previous: Vec::new(),
            raw,
        })
        .filter(|row| after.is_none_or(|after| row.pseudonym > *after))
        .collect();
    named.sort_unstable_by(|a, b| a.pseudonym.cmp(&b.pseudonym));
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = named.len() > limit;
    named.truncate(limit);
    for row in &mut named {
        row.previous = names.previous(&row.raw);
    }
    let next = named.last().filter(|_| more).map(|row| row.pseudonym.clone());
    Content::Records {
        rows: named,
        next,
        epoch,
    }
}

#[cfg(test)]
mod tests;
