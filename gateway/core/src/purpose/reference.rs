//! What a purpose names of other purposes: whose pseudonyms are translated or resolved; and what two purposes may not
//! have together.

use crate::catalogue::{Catalogue, Name, ProtectionClass};
use crate::party::{Organisation, Organisations};

use super::{
    Entitlement, FieldGrant, FiguresGrant, Grant, KAnonymous, KeyPeriod, LinkScope, Mechanism, Purpose,
    RecordsGrant,
};

impl Purpose {
    /// Whether this purpose gives an organisation rows of a dataset under pseudonyms.
    pub fn gives_pseudonyms(&self, organisation: &Organisation, dataset: &Name) -> bool {
        self.grants.iter().any(|grant| match grant {
            Grant::Records(records) => records.names_pupils_to(organisation, dataset),
            _ => false,
        })
    }

    /// The purposes that its grants name: whose pseudonyms are resolved or translated.
    pub fn named_purposes(&self) -> std::collections::BTreeSet<&Name> {
        let named = self.grants.iter().flat_map(|grant| match grant {
            Grant::Resolve(resolve) => vec![&resolve.of],
            Grant::Translate(translate) => vec![&translate.from, &translate.to_purpose],
            _ => Vec::new(),
        });
        named.collect()
    }

    /// For how long a pseudonym of this purpose lasts that an organisation gets with rows of a dataset, and whether each
    /// dataset has its own.
    pub fn pseudonyms_last(&self, organisation: &Organisation, dataset: &Name) -> Option<(KeyPeriod, bool)> {
        self.grants.iter().find_map(|grant| match grant {
            Grant::Records(records) if records.names_pupils_to(organisation, dataset) => {
                Some((records.key_period, records.link == LinkScope::Dataset))
            }
            _ => None,
        })
    }

    /// What its grants name of other purposes and those do not give, a sentence each. To be asked when all purposes
    /// are read.
    pub fn unmet<'p>(
        &self,
        purpose: impl Fn(&Name) -> Option<&'p Purpose>,
        organisations: &Organisations,
    ) -> Vec<String> {
        let mut unmet = Vec::new();
        let mut needs = |of: &Name, party: &Organisation, dataset: &Name| {
            let Some(found) = purpose(of) else {
                unmet.push(format!("unknown purpose `{of}`"));
                return;
            };
            if !found.gives_pseudonyms(party, dataset) {
                unmet.push(format!(
                    "purpose `{of}` gives `{}` no records of `{dataset}`, so it has no pseudonyms of it",
                    party.slug
                ));
            }
        };
        for grant in &self.grants {
            let receiving = grant.receiving(organisations);
            match grant {
                Grant::Resolve(resolve) => {
                    for party in receiving {
                        needs(&resolve.of, party, &resolve.dataset);
                    }
                }
                Grant::Translate(translate) => {
                    for party in receiving {
                        needs(&translate.from, party, &translate.dataset);
                    }
                    if let Some(party) = organisations.by_slug(&translate.to) {
                        needs(&translate.to_purpose, party, &translate.dataset);
                    }
                }
                Grant::Delivery(_)
                | Grant::Facts(_)
                | Grant::Figures(_)
                | Grant::Records(_)
                | Grant::Restrict(_)
                | Grant::Search(_) => {}
            }
        }
        unmet.dedup();
        unmet
    }

    /// Its static tables that share a dataset with other figures of the population, a sentence each: two mechanisms over
    /// one cell would be two figures of it.
    #[expect(clippy::needless_pass_by_value, reason = "an iterator is cheap to clone")]
    pub fn two_mechanisms<'p>(&self, all: impl Iterator<Item = &'p Self> + Clone) -> Vec<String> {
        let tables = figures(self).filter(|grant| grant.publishes_table());
        let clash = |table: &FiguresGrant| {
            let datasets = named(table);
            let mut others = all
                .clone()
                .flat_map(|other| figures(other).map(move |grant| (other, grant)));
            let (other, _) = others.find(|(other, grant)| {
                let itself = other.id == self.id && *grant == table;
                let shared = named(grant).iter().any(|dataset| datasets.contains(dataset));
                !itself
                    && grant.is_released()
                    && grant.population == table.population
                    && (shared || other.id == self.id)
            })?;
            Some(format!(
                "a `suppress-round` table of `{}` stands beside other figures of the same datasets in purpose `{}`: one \
                 cell would have two figures",
                table.dataset, other.id
            ))
        };
        tables.filter_map(clash).collect()
    }
}

impl Purpose {
    /// Its k-anonymous records with something sensitive that figures of the population count as well, a sentence each: who
    /// counts the rows has true counts beside protected ones.
    #[expect(clippy::needless_pass_by_value, reason = "an iterator is cheap to clone")]
    pub fn true_counts_beside<'p>(
        &self,
        catalogue: &Catalogue,
        all: impl Iterator<Item = &'p Self> + Clone,
    ) -> Vec<String> {
        let clash = |(fields, anonymous): (&[FieldGrant], &KAnonymous)| {
            let sensitive = fields.iter().map(|granted| &granted.field);
            let mut sensitive = sensitive
                .filter(|field| catalogue.class_of(std::iter::once(*field)) == ProtectionClass::Sensitive);
            sensitive.find_map(|field| {
                let counted = |(_, grant): &(&Self, &FiguresGrant)| {
                    grant.is_released()
                        && grant.population == anonymous.population
                        && named(grant).contains(&field.dataset)
                };
                let grants = all.clone().flat_map(|other| figures(other).map(move |grant| (other, grant)));
                let (other, _) = grants.into_iter().find(counted)?;
                Some(format!(
                    "k-anonymous records give `{field}`, and purpose `{}` gives protected figures of `{}`: who counts \
                     the rows has the true ones",
                    other.id, field.dataset
                ))
            })
        };
        let anonymous = self.grants.iter().filter_map(|grant| match grant {
            Grant::Records(records) => Some((records.fields.as_slice(), records.anonymous.as_ref()?)),
            _ => None,
        });
        anonymous.filter_map(clash).collect()
    }
}

impl RecordsGrant {
    /// Whether it gives an organisation rows of a dataset under pseudonyms that lead back to the pupil. Those of
    /// k-anonymous records lead nowhere, not to the next epoch either.
    fn names_pupils_to(&self, organisation: &Organisation, dataset: &Name) -> bool {
        self.anonymous.is_none()
            && self.dataset == *dataset
            && self.recipients.iter().any(|one| one.names(organisation))
    }
}

impl FiguresGrant {
    /// Whether its figures are one table that is published once.
    pub fn publishes_table(&self) -> bool {
        matches!(self.mechanism, Mechanism::SuppressRound(_))
    }

    /// Whether its figures are computed when an epoch closes, once for everybody. Exact ones are counted when asked.
    pub fn is_released(&self) -> bool {
        !matches!(self.mechanism, Mechanism::Exact(_))
    }

    /// Whether it counts the asking organisation's own rows alone.
    pub fn counts_own_rows(&self) -> bool {
        self.mechanism == Mechanism::Exact(Entitlement::OwnRows)
    }
}

fn figures(purpose: &Purpose) -> impl Iterator<Item = &FiguresGrant> {
    purpose.grants.iter().filter_map(|grant| match grant {
        Grant::Figures(figures) => Some(figures),
        _ => None,
    })
}

/// The datasets whose rows decide who is in a cell.
fn named(grant: &FiguresGrant) -> Vec<Name> {
    let fields = grant.group_by.iter().chain(&grant.filter_by);
    let fields = fields.chain(grant.only.iter().map(|(dimension, _)| dimension));
    let datasets = fields.map(|dimension| dimension.field.dataset.clone());
    datasets.chain([grant.dataset.clone()]).collect()
}
