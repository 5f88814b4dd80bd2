//! The shards of a log, held together: each goes on from the one before, and from no other.

use std::collections::BTreeMap;

use super::link::{Link, Opening};
use super::report::{Finding, Report};
use super::{Check, Head};
use crate::policy::LoggedPurpose;

/// The checks of the shards of a log, in their order.
#[derive(Default)]
pub struct Chain {
    report: Option<Report>,
    last: Option<Link>,
    /// The shard that the first one here goes on from.
    before: Option<String>,
    /// Links that could not be looked at.
    skipped: Vec<String>,
    /// Was something kept beside the entries, so that a missing shard is one that is gone?
    has_heads: bool,
    findings: Vec<Finding>,
}

impl Chain {
    /// Takes the next shard, once all its entries were taken.
    pub fn take(&mut self, check: Check, head: Option<&Head<'_>>) {
        self.has_heads |= head.is_some();
        let (report, link) = check.examined(head);
        let (origin, size) = (link.log.name().to_owned(), report.size);
        let mut lost = None;
        if let Some(before) = self.last.as_ref().filter(|_| !link.is_whole) {
            let name = before.log.name().to_owned();
            self.unsigned();
            self.skipped.push(format!(
                "how `{origin}` goes on from `{name}`: its first entry is not here"
            ));
        }
        #[expect(clippy::single_match_else, reason = "two cases of one question")]
        match (&self.last, &self.report) {
            (Some(before), Some(told)) => {
                let before_size = told.shards.last().map_or(0, |shard| shard.size);
                let before_root = told.shards.last().map(|shard| shard.root);
                let mut found = Vec::new();
                lost = tied((before, before_size, before_root), &link, &mut found);
                for (index, what) in found {
                    self.find(&origin, index, what);
                }
            }
            _ => {
                self.before = link.opening.as_ref().map(|opening| opening.key.name().to_owned());
                if let (Some(before), true) = (&self.before, self.has_heads) {
                    let what = format!("the shard before, `{before}`, is missing");
                    self.find(&origin, Some(0), what);
                }
            }
        }
        let named = link.ending.as_ref().and_then(|ending| ending.next.clone());
        if size == 0 && self.report.is_some() {
            self.find(&origin, None, "the shard is empty".to_owned());
        }
        self.last = Some(link);
        match &mut self.report {
            None => self.report = Some(report),
            Some(told) => told.go_on(report, lost),
        }
        if let Some(told) = &mut self.report {
            told.next = named;
        }
    }

    /// The purposes at the end of the last shard, and whether they are all known.
    pub(super) fn purposes(&self) -> Option<(&BTreeMap<String, LoggedPurpose>, bool)> {
        let last = self.last.as_ref()?;
        Some((&last.policies.purposes, last.knows_purposes))
    }

    /// What was found in all of them.
    pub fn finish(mut self) -> Report {
        self.unsigned();
        let mut report = self.report.take().unwrap_or_else(Report::of_nothing);
        report.before = self.before.take();
        report.skipped = std::mem::take(&mut self.skipped);
        if let (Some(next), true) = (&report.next, self.has_heads) {
            let origin = report.origin.clone();
            let next = next.split('+').next().unwrap_or_default().to_owned();
            self.find(
                &origin,
                None,
                format!("the shard that follows, `{next}`, is missing"),
            );
        }
        report.findings.append(&mut self.findings);
        report.arrange();
        report
    }

    /// The end of the last shard, where nothing vouches for it.
    fn unsigned(&mut self) {
        let unsigned = self
            .last
            .as_ref()
            .and_then(|last| Some((last.unsigned_from?, last.log.name().to_owned())));
        if let Some((from, origin)) = unsigned {
            let what = "no signed checkpoint covers the entries from here on".to_owned();
            self.find(&origin, Some(from), what);
        }
    }

    /// Something else that is not as it should be in a shard.
    pub fn find(&mut self, origin: &str, index: Option<u64>, what: String) {
        self.findings.push(Finding {
            shard: Some(origin.to_owned()),
            index,
            what,
        });
    }
}

type Found = Vec<(Option<u64>, String)>;

/// What does not fit between two shards; tells which entries were lost, where a restore says that some were.
fn tied(
    (before, size, root): (&Link, u64, Option<crate::audit::Hash>),
    link: &Link,
    found: &mut Found,
) -> Option<String> {
    let name = before.log.name();
    match &before.ending {
        None => found.push((None, format!("the shard before, `{name}`, was not closed"))),
        Some(ending) => {
            if ending
                .next
                .as_ref()
                .is_some_and(|next| *next != link.log.to_text())
            {
                let next = ending.next.as_deref().unwrap_or_default();
                found.push((
                    None,
                    format!("the shard before, `{name}`, names another one as the next: `{next}`"),
                ));
            }
        }
    }
    let Some(opening) = &link.opening else {
        if link.is_whole {
            found.push((Some(0), format!("it does not say that it goes on from `{name}`")));
        }
        return None;
    };
    if opening.key != before.log {
        let other = opening.key.to_text();
        found.push((
            Some(0),
            format!("it goes on from `{other}`, and not from `{name}`"),
        ));
        return None;
    }
    if (opening.size, Some(opening.root)) != (size, root) {
        let told = opening.size;
        found.push((
            Some(0),
            format!("it says that `{name}` ended with `{told}` entries of another root; here are `{size}`"),
        ));
    }
    let policies = &before.policies;
    if before.is_whole && (opening.generation, opening.policies) != (policies.generation, policies.policies) {
        let what = format!("it goes on with other policies than `{name}` ended with");
        found.push((Some(0), what));
    }
    if before.last_time > link.last_time {
        found.push((Some(0), format!("it is older than the end of `{name}`")));
    }
    embedded(before, opening, found)
}

/// The embedded checkpoint must be signed, and over a tree that the shard before had; unless a restore lost it.
fn embedded(before: &Link, opening: &Opening, found: &mut Found) -> Option<String> {
    let name = before.log.name();
    let restored = before.ending.as_ref().and_then(|ending| ending.restored);
    let lost = restored.filter(|_| opening.restored).map(|(here, signed)| {
        format!(
            "`{name}` was restored with {here} entries, when {signed} had been signed: the others are lost"
        )
    });
    let checkpoint = match opening.embedded() {
        None => return lost,
        Some(Ok(checkpoint)) => checkpoint,
        Some(Err(error)) => {
            let what = format!("the checkpoint of `{name}` that it embeds: {error}");
            found.push((Some(0), what));
            return lost;
        }
    };
    let fits = before.fitted.get(&checkpoint.size) == Some(&checkpoint.root);
    if lost.is_none() && !(fits && checkpoint.origin == name) {
        let size = checkpoint.size;
        let what = format!(
            "it embeds a checkpoint of `{name}` at size `{size}`, and that is not among those that fit"
        );
        found.push((Some(0), what));
    }
    lost
}
