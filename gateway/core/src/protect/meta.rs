//! What every answer says of itself: its purpose, how long it may be kept, whose rules limited it, whose rows are
//! missing.

use serde::Serialize;

use crate::party::{Oin, Slug};
use crate::plan::Part;
use crate::policy::decide::{LimitedBy, Permit};

/// Which purpose an answer was given under.
#[derive(Serialize)]
pub(super) struct PurposeMeta {
    id: String,
    version: u32,
    digest: String,
}

/// What holds for whoever gets an answer.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct TermsMeta {
    /// How long it may be kept, an ISO 8601 duration.
    retention: String,
    /// Whose rules limited it: who sets the retention, and what is stricter than the grant.
    limited_by: Vec<LimitedByMeta>,
}

#[derive(Serialize)]
struct LimitedByMeta {
    limit: &'static str,
    value: String,
    clause: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    holder: Option<HolderMeta>,
}

/// One holder's part in one dataset.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SourceMeta {
    pub(super) dataset: String,
    pub(super) holder: HolderMeta,
    pub(super) status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) as_of: Option<String>,
}

/// A holder by its number, with its short name beside it.
#[derive(Serialize)]
pub(super) struct HolderMeta {
    oin: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    slug: Option<String>,
}

impl PurposeMeta {
    pub(super) fn of(permit: &Permit<'_>) -> Self {
        let standing = permit.standing();
        Self {
            id: standing.purpose.id.to_string(),
            version: standing.purpose.version,
            digest: format!(
                "sha256:{}",
                data_encoding::HEXLOWER.encode(&standing.manifest_digest)
            ),
        }
    }
}

impl TermsMeta {
    pub(super) fn of(permit: &Permit<'_>) -> Self {
        let terms = permit.terms();
        Self {
            retention: terms.retention().to_owned(),
            limited_by: terms.limited_by().iter().map(LimitedByMeta::of).collect(),
        }
    }
}

impl LimitedByMeta {
    fn of(by: &LimitedBy) -> Self {
        let holder = by.holder.as_ref();
        Self {
            limit: by.limit,
            value: by.value.clone(),
            clause: by.clause.clone(),
            holder: holder.map(|(oin, slug)| HolderMeta::new(oin.to_string(), Some(slug))),
        }
    }
}

impl HolderMeta {
    pub(super) fn new(oin: String, slug: Option<&Slug>) -> Self {
        Self {
            oin,
            slug: slug.map(ToString::to_string),
        }
    }
}

/// The sleeping holders of the datasets that were read: their rows are not in the answer.
pub(super) fn asleep<'a>(permit: &Permit<'_>, parts: impl Iterator<Item = &'a Part>) -> Vec<SourceMeta> {
    let policies = permit.policies();
    let of_part = |part: &'a Part| {
        let kind = policies
            .catalogue
            .dataset(&part.dataset)
            .map(|dataset| dataset.holder_kind);
        let holds = move |oin: &&Oin| {
            let holder = policies.organisations.by_oin(oin);
            holder.is_some_and(|holder| Some(holder.kind) == kind)
        };
        permit.asleep().iter().filter(holds).map(|oin| SourceMeta {
            dataset: part.dataset.to_string(),
            holder: HolderMeta::new(
                oin.to_string(),
                policies.organisations.by_oin(oin).map(|holder| &holder.slug),
            ),
            status: "asleep",
            as_of: None,
        })
    };
    parts.flat_map(of_part).collect()
}
