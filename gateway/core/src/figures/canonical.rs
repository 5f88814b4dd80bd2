//! From the nodes a question names to those that name the cell: what goes without saying drops out.
//!
//! Two names for the same pupils would have two draws of the second layer, and their mean less noise. So a node
//! that is its parent's only child becomes the parent, and a node that another one implies is left out: by
//! declaration in the catalogue, or because whoever has a value of a dataset is present in it.

use std::collections::{BTreeMap, BTreeSet};

use thiserror::Error;

use crate::catalogue::{Catalogue, Dimension, FieldName, Name};

/// One node: a dimension and a code of it.
pub type Node = (Dimension, String);

/// The catalogue's rules for naming cells, prepared once for many cells.
#[derive(Debug)]
pub struct Canonical<'c> {
    catalogue: &'c Catalogue,
    declared: BTreeMap<(&'c Dimension, &'c str), Vec<(&'c Dimension, &'c str)>>,
}

impl<'c> Canonical<'c> {
    /// Prepares the implications of all datasets.
    pub fn new(catalogue: &'c Catalogue) -> Self {
        let mut declared: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for implication in catalogue.datasets().flat_map(|dataset| &dataset.implications) {
            for (when, then) in &implication.pairs {
                let implied = declared.entry((&implication.when, when.as_str())).or_default();
                implied.push((&implication.then, then.as_str()));
            }
        }
        Self { catalogue, declared }
    }

    /// The nodes that name the cell, sorted. The same pupils by metadata give the same nodes.
    /// Errors when a dimension or a code is not in the catalogue.
    pub fn nodes(&self, named: impl IntoIterator<Item = Node>) -> Result<Vec<Node>, UnknownNode> {
        let lifted = named
            .into_iter()
            .map(|node| self.lifted(node))
            .collect::<Result<_, _>>()?;
        Ok(without_implied(lifted, |node| self.facts(node)))
    }

    /// The node, or the nearest ancestor that is more than the parent of an only child.
    fn lifted(&self, (dimension, code): Node) -> Result<Node, UnknownNode> {
        let hierarchy = self.catalogue.hierarchy_of(&dimension.field);
        let canonical = hierarchy.and_then(|hierarchy| hierarchy.canonical(&dimension.level, &code));
        let Some((level, node)) = canonical else {
            return Err(UnknownNode { dimension });
        };
        Ok((
            Dimension {
                field: dimension.field,
                level: level.clone(),
            },
            node.code.clone(),
        ))
    }

    /// Everything that holds for whoever is in the node, itself included.
    fn facts(&self, node: &Node) -> BTreeSet<Node> {
        closure(node, |(dimension, code)| {
            let declared = self
                .declared
                .get(&(dimension, code.as_str()))
                .into_iter()
                .flatten();
            let declared = declared.map(|(dimension, code)| ((*dimension).clone(), (*code).to_owned()));
            declared
                .chain(self.line(dimension, code))
                .chain(self.presence(&dimension.field))
                .collect()
        })
    }

    /// The node's ancestors, and the descendants that hold exactly its values.
    fn line(&self, dimension: &Dimension, code: &str) -> Vec<Node> {
        let Some(hierarchy) = self.catalogue.hierarchy_of(&dimension.field) else {
            return Vec::new();
        };
        let Some((finest, node)) = hierarchy.narrowest(&dimension.level, code) else {
            return Vec::new();
        };
        let at = |level: &Name| {
            let ancestor = hierarchy.ancestor(&node.code, finest, level)?;
            Some((
                Dimension {
                    field: dimension.field.clone(),
                    level: level.clone(),
                },
                ancestor.code.clone(),
            ))
        };
        hierarchy.levels.iter().filter_map(at).collect()
    }

    /// Whoever has a value of a dataset has a row in it.
    fn presence(&self, field: &FieldName) -> Option<Node> {
        let present = FieldName::new(field.dataset.clone(), Name::present());
        self.catalogue.field(&present)?;
        let node = (
            Dimension {
                field: present,
                level: Name::code(),
            },
            "true".to_owned(),
        );
        (field.field != Name::present()).then_some(node)
    }
}

/// A node is not in the catalogue. The code is left out: it may come from a request.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("a code of `{dimension}` is not in the catalogue")]
pub struct UnknownNode {
    /// The dimension.
    pub dimension: Dimension,
}

/// What follows from `start`, step by step.
fn closure<N: Ord + Clone>(start: &N, follows: impl Fn(&N) -> Vec<N>) -> BTreeSet<N> {
    let mut known = BTreeSet::from([start.clone()]);
    let mut open = vec![start.clone()];
    while let Some(node) = open.pop() {
        for next in follows(&node) {
            if known.insert(next.clone()) {
                open.push(next);
            }
        }
    }
    known
}

/// Leaves out, in order, each node that follows from one still there; of two that imply each other, one stays.
fn without_implied<N: Ord + Clone>(nodes: BTreeSet<N>, facts: impl Fn(&N) -> BTreeSet<N>) -> Vec<N> {
    let mut kept: Vec<(N, BTreeSet<N>)> = nodes
        .into_iter()
        .map(|node| (node.clone(), facts(&node)))
        .collect();
    let all: Vec<N> = kept.iter().map(|(node, _)| node.clone()).collect();
    for node in all {
        if kept
            .iter()
            .any(|(other, facts)| *other != node && facts.contains(&node))
        {
            kept.retain(|(other, _)| *other != node);
        }
    }
    kept.into_iter().map(|(node, _)| node).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ENROLMENT: &str = r#"
dataset = "enrolment"
version = 1
title = { nl = "Inschrijving" }
description = { nl = "Een leerling." }
about = "pupil"
holder = "school-board"
class = "normal"
row_key = ["pupil"]
period = "none"
errors = "refuse-all"
retention = { from = ["from"], keep = "P3Y" }

[[field]]
name = "from"
type = "date"
required = true
title = { nl = "Van" }
description = { nl = "Eerste dag." }

[[field]]
name = "sector"
type = "code"
required = true
hierarchy = "sector"
title = { nl = "Soort" }
description = { nl = "Soort." }

[[field]]
name = "group"
type = "code"
required = true
codes = [{ code = "1", nl = "Een" }, { code = "V", nl = "Speciaal" }]
title = { nl = "Groep" }
description = { nl = "Groep." }

[[implication]]
when = "group"
then = "sector"
pairs = [["V", "VSO"]]
"#;

    const SECTOR: &str = r#"
hierarchy = "sector"
version = 1
title = { nl = "Soort" }
source = "a test"
licence = "none"

[[level]]
name = "sector"
title = { nl = "Soort" }
nodes = [
  { code = "BO", nl = "Basis", parent = "PO" },
  { code = "VO", nl = "Voortgezet", parent = "VO" },
  { code = "VSO", nl = "Speciaal", parent = "VO" },
]

[[level]]
name = "phase"
title = { nl = "Fase" }
nodes = [{ code = "PO", nl = "Primair" }, { code = "VO", nl = "Voortgezet" }]
"#;

    fn catalogue() -> Catalogue {
        let file = |name: &str, text: &str| (format!("policies/{name}.toml"), text.to_owned());
        let files = [
            file("datasets/enrolment", ENROLMENT),
            file("hierarchies/sector", SECTOR),
        ];
        Catalogue::parse(&files).unwrap_or_else(|errors| {
            panic!(
                "{}",
                errors
                    .iter()
                    .map(ToString::to_string)
                    .collect::<Vec<_>>()
                    .join("\n")
            )
        })
    }

    fn node((dimension, code): &(&str, &str)) -> Node {
        (
            format!("enrolment.{dimension}").parse().unwrap(),
            (*code).to_owned(),
        )
    }

    #[test]
    fn the_same_pupils_by_metadata_have_one_name() {
        let catalogue = catalogue();
        let canonical = Canonical::new(&catalogue);
        for (named, expected) in [
            (&[][..], &[][..]),
            (&[("present@code", "true")], &[("present@code", "true")]),
            (&[("present@code", "false")], &[("present@code", "false")]),
            // BO is all there is of PO.
            (&[("sector@sector", "BO")], &[("sector@phase", "PO")]),
            (&[("sector@sector", "VO")], &[("sector@sector", "VO")]),
            // Whoever has a sector is present.
            (
                &[("present@code", "true"), ("sector@phase", "VO")],
                &[("sector@phase", "VO")],
            ),
            // Declared, and what follows from it.
            (
                &[("group@code", "V"), ("sector@sector", "VSO")],
                &[("group@code", "V")],
            ),
            (
                &[("group@code", "V"), ("sector@phase", "VO")],
                &[("group@code", "V")],
            ),
            // What contradicts a declaration is named as it is: a cell with nobody in it.
            (
                &[("group@code", "V"), ("sector@sector", "VO")],
                &[("group@code", "V"), ("sector@sector", "VO")],
            ),
            (
                &[
                    ("sector@sector", "BO"),
                    ("group@code", "1"),
                    ("present@code", "true"),
                ],
                &[("group@code", "1"), ("sector@phase", "PO")],
            ),
        ] {
            let nodes = canonical.nodes(named.iter().map(node)).unwrap();
            assert_eq!(nodes, expected.iter().map(node).collect::<Vec<_>>(), "{named:?}");
        }
    }

    #[test]
    fn a_code_outside_the_catalogue_is_refused() {
        let catalogue = catalogue();
        for unknown in [
            ("sector@sector", "XX"),
            ("sector@city", "VO"),
            ("from@code", "1"),
            ("x@code", "1"),
        ] {
            let dimension = node(&unknown).0;
            let refused = Canonical::new(&catalogue).nodes([node(&unknown)]);
            assert_eq!(refused, Err(UnknownNode { dimension }));
        }
    }

    fn reduced(nodes: &[u8], arrows: &[(u8, u8)]) -> Vec<u8> {
        let follows = |from: &u8| {
            arrows
                .iter()
                .filter(|(a, _)| a == from)
                .map(|(_, b)| *b)
                .collect::<Vec<_>>()
        };
        without_implied(nodes.iter().copied().collect(), |node| closure(node, follows))
    }

    #[test]
    fn implied_nodes_drop_out() {
        for (nodes, arrows, kept) in [
            (&[1, 2, 3][..], &[][..], &[1, 2, 3][..]),
            (&[1, 2], &[(1, 2)], &[1]),
            (&[1, 2], &[(2, 1)], &[2]),
            (&[1, 2, 3], &[(1, 2), (2, 3)], &[1]),
            (&[1, 3], &[(1, 2), (2, 3)], &[1]),
            (&[1, 2], &[(1, 2), (2, 1)], &[2]),
            (&[1, 2, 3], &[(1, 2), (2, 1), (2, 3)], &[2]),
        ] {
            assert_eq!(reduced(nodes, arrows), kept, "{nodes:?} {arrows:?}");
        }
    }

    proptest! {
        #[test]
        fn what_drops_out_still_follows_and_what_stays_does_not(
            nodes in prop::collection::btree_set(0u8..8, 0..6),
            arrows in prop::collection::vec((0u8..8, 0u8..8), 0..10),
        ) {
            let nodes: Vec<u8> = nodes.into_iter().collect();
            let kept = reduced(&nodes, &arrows);
            let follows = |from: &u8| arrows.iter().filter(|(a, _)| a == from).map(|(_, b)| *b).collect::<Vec<_>>();
            let from_others = |node: &u8| kept.iter().any(|k| k != node && closure(k, follows).contains(node));
            for node in &nodes {
                prop_assert_eq!(from_others(node), !kept.contains(node));
            }
            prop_assert_eq!(reduced(&kept, &arrows), kept);
        }
    }
}
