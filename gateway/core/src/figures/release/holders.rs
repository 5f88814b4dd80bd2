//! Who knows part of a cell exactly: each holder of some, but not all, of the rows that decide who is in it. What the
//! others hold must be large enough by itself, or the holder subtracts its own pupils.

use std::collections::BTreeSet;

use crate::catalogue::{Catalogue, Dimension, FieldName, Name};
use crate::figures::snapshot::Snapshot;
use crate::party::{Organisation, OrganisationKind, Organisations};

use super::Release;
use super::part::Part;

/// The hierarchy whose nodes are held by one board.
const SITE: &str = "site";
const BOARD: &str = "board";

/// The column of a snapshot that says who holds a pupil's row of a dataset.
pub fn holder_column(dataset: &Name) -> FieldName {
    FieldName::new(dataset.clone(), Name::holder())
}

/// Whether by metadata more than one organisation holds rows of a dataset. One that holds all has no others' part.
pub(super) fn shared(catalogue: &Catalogue, organisations: &Organisations, dataset: &Name) -> bool {
    catalogue
        .dataset(dataset)
        .is_some_and(|dataset| organisations.of_kind(dataset.holder_kind).nth(1).is_some())
}

/// A code at which the catalogue says that one organisation holds all, and a row of a dataset says otherwise.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ContradictedHolder {
    /// The dimension; no code, for that would name a cell.
    pub dimension: Dimension,
    /// Whose rows say so.
    pub dataset: Name,
}

/// Declarations of a sole holder that the snapshot contradicts, each for the rows of one dataset. They are not relied on
/// for this epoch in any cell that rests on that dataset.
pub fn contradicted(of: &Release<'_>, snapshot: &Snapshot) -> BTreeSet<ContradictedHolder> {
    let mut found = BTreeSet::new();
    for sole in &of.population.sole_holders {
        for (code, slug) in &sole.pairs {
            let Some(holder) = of.organisations.iter().find(|one| one.slug.as_str() == slug) else {
                continue;
            };
            let within = of.catalogue.finest_under(&sole.when, code);
            for dataset in of
                .catalogue
                .datasets()
                .filter(|one| one.holder_kind == holder.kind)
            {
                let column = holder_column(&dataset.name);
                let groups = snapshot.group(
                    std::slice::from_ref(&column),
                    &[(sole.when.field.clone(), within.clone())],
                    &[],
                );
                let names = snapshot.codes(&column);
                let other = |group: &crate::figures::snapshot::Group| {
                    let code = group.codes.first().copied().flatten();
                    let name = code.and_then(|code| names.get(usize::try_from(code).ok()?));
                    name.is_some_and(|name| *name != holder.oin.to_string())
                };
                if groups.groups.iter().any(other) {
                    found.insert(ContradictedHolder {
                        dimension: sole.when.clone(),
                        dataset: dataset.name.clone(),
                    });
                }
            }
        }
    }
    found
}

/// The holders that may know part of a part's cells.
pub(super) struct Holders<'r> {
    /// None where nothing is taken away for anybody.
    of: Option<Release<'r>>,
    /// The part's datasets that several organisations hold.
    pub(super) datasets: Vec<Name>,
    known: Vec<&'r Organisation>,
    contradicted: BTreeSet<ContradictedHolder>,
}

impl<'r> Holders<'r> {
    pub(super) fn new(of: &Release<'r>, part: &Part, contradicted: &BTreeSet<ContradictedHolder>) -> Self {
        let datasets: Vec<Name> = part
            .datasets()
            .into_iter()
            .filter(|dataset| shared(of.catalogue, of.organisations, dataset))
            .cloned()
            .collect();
        let kinds: Vec<OrganisationKind> = datasets
            .iter()
            .filter_map(|dataset| of.catalogue.dataset(dataset))
            .map(|dataset| dataset.holder_kind)
            .collect();
        let known = of.organisations.iter().filter(|one| kinds.contains(&one.kind));
        Self {
            of: Some(*of),
            datasets,
            known: known.collect(),
            contradicted: contradicted.clone(),
        }
    }

    /// For counts that are not protected.
    pub(super) fn none() -> Self {
        Self {
            of: None,
            datasets: Vec::new(),
            known: Vec::new(),
            contradicted: BTreeSet::new(),
        }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.known.len()
    }

    /// The place of the holder with this OIN.
    pub(super) fn place(&self, oin: &str) -> Option<usize> {
        self.known.iter().position(|one| one.oin.to_string() == oin)
    }

    /// For each holder whether its own part is taken away from a cell with these coordinates: not where by metadata
    /// all of the cell is one organisation's of its kind. `named`: on which of the datasets the cell rests.
    pub(super) fn counted(&self, coordinates: &[(Dimension, String)], named: &[bool]) -> Vec<bool> {
        let rests_on: Vec<&Name> = self
            .datasets
            .iter()
            .zip(named)
            .filter_map(|(dataset, named)| named.then_some(dataset))
            .collect();
        let of = self.of.iter();
        let sole: Vec<OrganisationKind> = of
            .flat_map(|of| coordinates.iter().flat_map(|one| self.sole(of, one, &rests_on)))
            .collect();
        self.known.iter().map(|one| !sole.contains(&one.kind)).collect()
    }

    /// The kinds of organisation of which one holds all of a node.
    fn sole(
        &self,
        of: &Release<'_>,
        (dimension, code): &(Dimension, String),
        rests_on: &[&Name],
    ) -> Vec<OrganisationKind> {
        let catalogue = of.catalogue;
        let Some(hierarchy) = catalogue.hierarchy_of(&dimension.field) else {
            return Vec::new();
        };
        let mut kinds = Vec::new();
        if hierarchy.name.as_str() == SITE
            && let Ok(board) = BOARD.parse()
            && let Some(node) = hierarchy.ancestor(code, &dimension.level, &board)
        {
            let board = of.organisations.by_board(&node.code);
            kinds.extend(board.map(|board| board.kind));
        }
        let declared = of.population.sole_holders.iter();
        let here = declared.filter(|sole| sole.when.field == dimension.field);
        kinds.extend(here.filter_map(|sole| {
            let above = catalogue.ancestor(dimension, code, &sole.when.level)?;
            let (_, slug) = sole.pairs.iter().find(|(code, _)| code == above)?;
            let holder = of.organisations.iter().find(|one| one.slug.as_str() == slug)?;
            let mut against = self.contradicted.iter();
            let is_contradicted =
                against.any(|one| one.dimension == sole.when && rests_on.contains(&&one.dataset));
            (!is_contradicted).then_some(holder.kind)
        }));
        kinds
    }
}
