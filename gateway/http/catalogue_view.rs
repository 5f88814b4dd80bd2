//! The caller's view of policies and catalogue: its own grants, and no one else's.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use doelpoort_core::catalogue::{Catalogue, Dimension, Name};
use doelpoort_core::figures::release::{self, cells_digest};
use doelpoort_core::party::Caller;
use doelpoort_core::policy::Standing;
use doelpoort_core::policy::decide::Allowed;
use doelpoort_core::purpose::{FiguresGrant, Grant, Purpose};
use serde::Serialize;
use utoipa::ToSchema;

use crate::gateway::{Current, Gateway};
use crate::store::released::EpochPurpose;
use crate::store::{Store, StoreError};

/// What a caller may ask.
#[derive(Serialize, ToSchema)]
pub(crate) struct CatalogueDocument {
    /// The purposes that act and grant this caller something.
    purposes: Vec<PurposeDocument>,
    /// The dimensions that their figures use, with their codes.
    dimensions: Vec<DimensionDocument>,
}

/// One purpose.
#[derive(Serialize, ToSchema)]
struct PurposeDocument {
    id: String,
    version: u32,
    #[schema(value_type = Object)]
    title: doelpoort_core::text::Text,
    #[schema(value_type = Object)]
    why: doelpoort_core::text::Text,
    /// Its last day.
    until: String,
    /// How long you may keep what you get, as an ISO 8601 duration.
    retention: String,
    grants: Vec<GrantDocument>,
    questions: Vec<QuestionDocument>,
    /// The count dates for which it answers, latest first.
    epochs: Vec<String>,
}

/// One grant of the caller.
#[derive(Serialize, ToSchema)]
struct GrantDocument {
    dataset: String,
    #[serde(flatten)]
    #[schema(value_type = Object)]
    allowed: Allowed,
}

/// One named question.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct QuestionDocument {
    name: String,
    #[schema(value_type = Object)]
    title: doelpoort_core::text::Text,
    group_by: Vec<String>,
    measures: Vec<String>,
    /// Where it is asked.
    path: String,
}

/// One dimension at one level.
#[derive(Serialize, ToSchema)]
struct DimensionDocument {
    name: String,
    codes: Vec<CodeDocument>,
}

/// One code.
#[derive(Serialize, ToSchema)]
struct CodeDocument {
    code: String,
    #[schema(value_type = Object)]
    label: doelpoort_core::text::Text,
}

impl CatalogueDocument {
    /// The caller's view.
    ///
    /// # Errors
    /// When the closed epochs cannot be read.
    pub(crate) async fn of(gateway: &Gateway, caller: &Caller) -> Result<Self, StoreError> {
        let current = gateway.policies.current();
        let now = gateway.clock.now();
        let mut purposes = Vec::new();
        let mut used = BTreeSet::new();
        let mut closed = ClosedEpochs::default();
        for standing in current
            .policies
            .purposes
            .values()
            .filter(|standing| standing.acts(now).is_ok())
        {
            let granted = granted(&current, caller, standing);
            if granted.is_empty() {
                continue;
            }
            used.extend(
                granted
                    .iter()
                    .filter_map(|(_, grant)| figures(grant))
                    .flat_map(|grant| levels(&current, grant)),
            );
            purposes.push(purpose(gateway, &current, standing, &granted, &mut closed).await?);
        }
        let catalogue = &current.policies.catalogue;
        let dimensions = used.iter().map(|one| dimension(catalogue, one)).collect();
        Ok(Self { purposes, dimensions })
    }
}

/// The grants of a purpose that name this caller, itself or for a board that it acts for.
fn granted<'p>(current: &'p Current, caller: &Caller, standing: &'p Standing) -> Vec<(usize, &'p Grant)> {
    let principals = std::iter::once(&caller.organisation).chain(&caller.acting_for);
    let principals: Vec<_> = principals
        .filter_map(|oin| current.policies.organisations.by_oin(oin))
        .collect();
    let grants = standing.purpose.grants.iter().enumerate();
    grants
        .filter(|(_, grant)| {
            principals
                .iter()
                .any(|principal| grant.is_for(principal, &caller.roles))
        })
        .collect()
}

fn figures(grant: &Grant) -> Option<&FiguresGrant> {
    match grant {
        Grant::Figures(grant) => Some(grant),
        Grant::Delivery(_)
        | Grant::Facts(_)
        | Grant::Records(_)
        | Grant::Resolve(_)
        | Grant::Restrict(_)
        | Grant::Search(_)
        | Grant::Translate(_) => None,
    }
}

/// Each dimension of a grant at each level that may be asked.
fn levels(current: &Current, grant: &FiguresGrant) -> Vec<Dimension> {
    let catalogue = &current.policies.catalogue;
    grant
        .group_by
        .iter()
        .chain(&grant.filter_by)
        .flat_map(|granted| {
            let levels = release::levels(catalogue, grant.is_sensitive(catalogue), granted).into_iter();
            levels.map(|level| Dimension {
                field: granted.field.clone(),
                level,
            })
        })
        .collect()
}

/// The closed epochs of each population, with the purposes that answer for them; each read once.
#[derive(Default)]
struct ClosedEpochs(BTreeMap<Name, Vec<(String, Vec<EpochPurpose>)>>);

impl ClosedEpochs {
    async fn of(
        &mut self,
        store: &Store,
        population: &Name,
    ) -> Result<&[(String, Vec<EpochPurpose>)], StoreError> {
        Ok(match self.0.entry(population.clone()) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(unknown) => {
                let mut epochs = Vec::new();
                for epoch in store.closed_epochs(population).await? {
                    epochs.push((epoch.date, store.epoch_purposes(epoch.id).await?));
                }
                unknown.insert(epochs)
            }
        })
    }
}

/// What an epoch answers a grant by.
enum ReleasedGrant<'g> {
    Figures(&'g Name, [u8; 32]),
    Records(&'g Name, [u8; 32]),
}

impl<'g> ReleasedGrant<'g> {
    /// None where nothing is released for it.
    fn of(catalogue: &Catalogue, purpose: &Purpose, grant: &'g Grant) -> Option<Self> {
        match grant {
            Grant::Figures(figures) => {
                let population = &figures.population;
                let digest = cells_digest(catalogue, population, purpose);
                Some(Self::Figures(population, digest))
            }
            Grant::Records(records) => {
                let population = &records.anonymous.as_ref()?.population;
                let digest = purpose.records_digest(catalogue, population)?;
                Some(Self::Records(population, digest))
            }
            _ => None,
        }
    }

    fn population(&self) -> &'g Name {
        match self {
            Self::Figures(population, _) | Self::Records(population, _) => population,
        }
    }

    fn is_answered_by(&self, epoch: &EpochPurpose, standing: &Standing) -> bool {
        let purpose = &standing.purpose.id;
        match self {
            Self::Figures(_, cells) => epoch.answers(purpose, &standing.manifest_digest, cells),
            Self::Records(_, records) => epoch.answers_records(purpose, records),
        }
    }
}

async fn purpose(
    gateway: &Gateway,
    current: &Current,
    standing: &Standing,
    granted: &[(usize, &Grant)],
    closed: &mut ClosedEpochs,
) -> Result<PurposeDocument, StoreError> {
    let catalogue = &current.policies.catalogue;
    let purpose = &standing.purpose;
    let questions = purpose
        .questions
        .iter()
        .filter(|question| granted.iter().any(|(at, _)| *at == question.grant));
    let mut epochs = BTreeSet::new();
    for (_, grant) in granted {
        let Some(released) = ReleasedGrant::of(catalogue, purpose, grant) else {
            continue;
        };
        let answering = closed.of(&gateway.store, released.population()).await?.iter();
        epochs.extend(answering.filter_map(|(date, purposes)| {
            let answers = |one: &EpochPurpose| released.is_answered_by(one, standing);
            purposes.iter().any(answers).then(|| date.clone())
        }));
    }
    Ok(PurposeDocument {
        id: purpose.id.to_string(),
        version: purpose.version,
        title: purpose.title.clone(),
        why: purpose.why.clone(),
        until: purpose.valid.until.to_string(),
        retention: purpose.retention.clone(),
        grants: granted
            .iter()
            .map(|(_, grant)| GrantDocument {
                dataset: grant.dataset().to_string(),
                allowed: Allowed::of(grant),
            })
            .collect(),
        questions: questions
            .map(|question| QuestionDocument {
                name: question.name.to_string(),
                title: question.title.clone(),
                group_by: question
                    .group_by
                    .iter()
                    .map(|dimension| catalogue.display(dimension))
                    .collect(),
                measures: question
                    .measures
                    .iter()
                    .map(|measure| measure.name().clone())
                    .collect(),
                path: format!("/v1/purposes/{}/questions/{}", purpose.id, question.name),
            })
            .collect(),
        epochs: epochs.into_iter().rev().collect(),
    })
}

fn dimension(catalogue: &Catalogue, dimension: &Dimension) -> DimensionDocument {
    DimensionDocument {
        name: catalogue.display(dimension),
        codes: catalogue
            .codes(dimension)
            .into_iter()
            .map(|node| CodeDocument {
                code: node.code.clone(),
                label: node.label.clone(),
            })
            .collect(),
    }
}
