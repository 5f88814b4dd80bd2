//! Joining without the pseudonym: how many pupils could be unique on the fields that two records grants share.
//!
//! Pseudonyms of two recipients or two purposes do not join. Shared fields may: of `n` pupils, at most as many are
//! unique on some fields as these have combinations of values. That bound needs no data, and nobody can be wrong
//! about it.

use std::collections::BTreeMap;

use super::super::words::{self, both, list};
use super::Found;
use crate::catalogue::{About, Catalogue, FieldName, FieldType};
use crate::policy::Draft;
use crate::purpose::{FieldGrant, Generalise, Grant, Purpose, RecordsGrant, Warning};
use crate::text::Text;

/// The greatest share of pupils, in thousandths, that may be unique on shared fields.
const UNIQUE_THOUSANDTHS_MAX: u64 = 50;
/// Years that a date about a pupil may lie in: from birth to the eighteenth birthday, and one more.
const YEARS: u64 = 20;

/// A records grant and where it stands.
struct Site<'d> {
    purpose: &'d Purpose,
    position: usize,
    grant: &'d RecordsGrant,
}

/// Every two records grants whose pseudonyms differ; a grant of several recipients with itself.
pub(super) fn joint(draft: &Draft, pupils: u64) -> Vec<Found> {
    let sites: Vec<Site<'_>> = draft
        .purposes
        .values()
        .flat_map(|(purpose, _)| records(purpose))
        .filter(|site| is_about_pupils(draft, site))
        .collect();
    let mut found = Vec::new();
    for (at, one) in sites.iter().enumerate() {
        let recipients = Grant::Records(one.grant.clone())
            .receiving(&draft.organisations)
            .len();
        if recipients > 1 {
            found.extend(unique(draft, one, one, pupils));
        }
        let others = sites.iter().skip(at + 1);
        for other in others.filter(|other| other.purpose.id != one.purpose.id) {
            // Told at both: what an older purpose explained about others is no word about a new one.
            found.extend(unique(draft, one, other, pupils));
            found.extend(unique(draft, other, one, pupils));
        }
    }
    found
}

/// A table of places has nobody to be unique in it.
fn is_about_pupils(draft: &Draft, site: &Site<'_>) -> bool {
    let dataset = draft.catalogue.dataset(&site.grant.dataset);
    dataset.is_none_or(|dataset| dataset.about == About::Pupil)
}

fn records(purpose: &Purpose) -> impl Iterator<Item = Site<'_>> {
    let grants = purpose.grants.iter().enumerate();
    grants.filter_map(move |(position, grant)| match grant {
        // Nobody is unique among k-anonymous rows.
        Grant::Records(grant) if grant.anonymous.is_none() => Some(Site {
            purpose,
            position,
            grant,
        }),
        _ => None,
    })
}

fn unique(draft: &Draft, one: &Site<'_>, other: &Site<'_>, pupils: u64) -> Option<Found> {
    let shared = shared(&draft.catalogue, &one.grant.fields, &other.grant.fields);
    let combinations = shared
        .values()
        .try_fold(1_u64, |all, values| all.checked_mul(*values));
    let thousandths = combinations.map_or(1000, |combinations| {
        combinations
            .saturating_mul(1000)
            .checked_div(pupils)
            .unwrap_or(1000)
            .min(1000)
    });
    if shared.is_empty() || thousandths <= UNIQUE_THOUSANDTHS_MAX {
        return None;
    }
    let fields: Vec<Text> = shared
        .keys()
        .map(|name| words::field(&draft.catalogue, name))
        .collect();
    let (fields, percent) = (list(&fields), thousandths / 10);
    let with = if one.purpose.id == other.purpose.id {
        both(
            "twee ontvangers van deze toestemming",
            "two recipients of this grant",
        )
    } else {
        let clause = format!("`{}/grant/{}`", other.purpose.id, other.position);
        both(
            format!("deze toestemming en {clause}"),
            format!("this grant and {clause}"),
        )
    };
    Some(Found {
        purpose: one.purpose.id.clone(),
        grant: Some(one.position),
        warning: Warning::JointUniqueness,
        message: both(
            format!(
                "{} delen {}: daarop kan tot {percent}% van de leerlingen uniek zijn",
                with.nl, fields.nl
            ),
            format!(
                "{} share {}: up to {percent}% of the pupils may be unique on them",
                with.en, fields.en
            ),
        ),
    })
}

/// The fields that both give, or that have the same hierarchy, each with how many values it can have in the coarser
/// of the two forms. A hierarchy counts once.
fn shared(catalogue: &Catalogue, one: &[FieldGrant], other: &[FieldGrant]) -> BTreeMap<FieldName, u64> {
    let mut shared = BTreeMap::new();
    let mut hierarchies = Vec::new();
    for field in one {
        let alike = |candidate: &&FieldGrant| {
            candidate.field == field.field
                || hierarchy(catalogue, field)
                    .is_some_and(|name| Some(name) == hierarchy(catalogue, candidate))
        };
        let Some(match_) = other.iter().find(alike) else {
            continue;
        };
        let values = values(catalogue, field).min(values(catalogue, match_));
        if let Some(name) = hierarchy(catalogue, field) {
            if hierarchies.contains(&name) {
                continue;
            }
            hierarchies.push(name);
        }
        shared.insert(field.field.clone(), values);
    }
    shared
}

fn hierarchy<'c>(catalogue: &'c Catalogue, granted: &FieldGrant) -> Option<&'c str> {
    let (_, field) = catalogue.field(&granted.field)?;
    field.hierarchy.as_ref().map(crate::catalogue::Name::as_str)
}

/// How many values a field can have in the form in which it is given; no fewer where that is not known.
fn values(catalogue: &Catalogue, granted: &FieldGrant) -> u64 {
    let Some((_, field)) = catalogue.field(&granted.field) else {
        return u64::MAX;
    };
    let all = match field.field_type {
        FieldType::Bool => 2,
        FieldType::Date => YEARS * 366,
        FieldType::Integer { min, max } => max.abs_diff(min).saturating_add(1),
        FieldType::Pc4 => 9_000,
        FieldType::Brin6 | FieldType::Code => codes(catalogue, &granted.field, None),
        FieldType::Text { .. } | FieldType::StaffId => u64::MAX,
    };
    match &granted.generalise {
        None | Some(Generalise::Brin4 | Generalise::Pc4) => all,
        Some(Generalise::Band { width }) => all.div_ceil((*width).max(1).into()).saturating_add(1),
        Some(Generalise::Pc2) => all.min(90),
        Some(Generalise::Year | Generalise::SchoolYear) => all.min(YEARS),
        Some(Generalise::Quarter) => all.min(YEARS * 4),
        Some(Generalise::Month) => all.min(YEARS * 12),
        Some(Generalise::Level(level)) => codes(catalogue, &granted.field, Some(level)),
    }
    .saturating_add(u64::from(!field.required))
}

fn codes(catalogue: &Catalogue, field: &FieldName, level: Option<&crate::catalogue::Name>) -> u64 {
    let Some(hierarchy) = catalogue.hierarchy_of(field) else {
        return u64::MAX;
    };
    let level = level.or_else(|| hierarchy.finest());
    let nodes = level.map(|level| hierarchy.nodes_at(level).len());
    nodes
        .and_then(|count| u64::try_from(count).ok())
        .unwrap_or(u64::MAX)
}
