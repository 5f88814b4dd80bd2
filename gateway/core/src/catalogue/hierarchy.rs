//! Hierarchies: trees of codes with named levels, such as neighbourhood → district → city.

use std::collections::BTreeMap;

use super::name::Name;
use crate::text::Text;

/// A tree of codes. Every node above the coarsest level has a parent at the next, so every value has
/// exactly one ancestor at every level.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hierarchy {
    /// `neighbourhood`.
    pub name: Name,
    /// Grows with every change; fixed per epoch.
    pub version: u32,
    /// Short title.
    pub title: Text,
    /// Where it comes from and under which licence; empty for a field's own code list.
    pub source: Source,
    /// Names of the levels, finest first.
    pub levels: Vec<Name>,
    /// Titles of the levels, finest first.
    pub level_titles: Vec<Text>,
    tree: Vec<Level>,
}

/// Where reference data comes from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Source {
    /// Publisher and publication.
    pub name: String,
    /// Its licence.
    pub licence: String,
}

/// The nodes of one level, in the order of the file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Level {
    nodes: Vec<Node>,
    places: BTreeMap<String, usize>,
    /// For each node, the places of its children one level down.
    children: Vec<Vec<usize>>,
}

/// One value of a hierarchy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// The code, unique within its level.
    pub code: String,
    /// Its label.
    pub label: Text,
    /// The code of its parent, one level up; none at the coarsest level.
    pub parent: Option<String>,
}

impl Hierarchy {
    /// A hierarchy of checked nodes, finest level first: codes unique within a level, parents existing.
    pub(super) fn new(
        name: Name,
        version: u32,
        title: Text,
        source: Source,
        levels: Vec<(Name, Text)>,
        nodes: Vec<Vec<Node>>,
    ) -> Self {
        let mut tree: Vec<Level> = nodes.into_iter().map(Level::new).collect();
        for lower in 0..tree.len() {
            let (below, above) = tree.split_at_mut(lower + 1);
            if let (Some(below), Some(above)) = (below.last(), above.first_mut()) {
                above.adopt(below);
            }
        }
        let (levels, level_titles) = levels.into_iter().unzip();
        Self {
            name,
            version,
            title,
            source,
            levels,
            level_titles,
            tree,
        }
    }

    /// A code list as a hierarchy of one level, named `code`.
    pub(super) fn of_codes(name: Name, version: u32, title: Text, nodes: Vec<Node>) -> Self {
        Self::new(
            name,
            version,
            title.clone(),
            Source::default(),
            vec![(Name::code(), title)],
            vec![nodes],
        )
    }

    /// The finest level.
    pub fn finest(&self) -> Option<&Name> {
        self.levels.first()
    }

    /// The node with this code at this level.
    pub fn node(&self, level: &Name, code: &str) -> Option<&Node> {
        self.level(self.depth(level)?)?.node(code)
    }

    /// All nodes of a level, in order; none for an unknown level.
    pub fn nodes_at(&self, level: &Name) -> &[Node] {
        self.depth(level)
            .and_then(|depth| self.level(depth))
            .map_or(&[], |level| &level.nodes)
    }

    /// The ancestor at level `to` of the node `code` at level `from`; the node itself where they are equal,
    /// none where `to` is finer.
    pub fn ancestor(&self, code: &str, from: &Name, to: &Name) -> Option<&Node> {
        let (from, to) = (self.depth(from)?, self.depth(to)?);
        let mut node = self.level(from)?.node(code)?;
        for depth in from..to {
            node = self.level(depth + 1)?.node(node.parent.as_deref()?)?;
        }
        (from <= to).then_some(node)
    }

    /// The children of a node, one level down.
    pub fn children(&self, level: &Name, code: &str) -> Vec<&Node> {
        let places = || {
            let depth = self.depth(level)?;
            let below = self.level(depth.checked_sub(1)?)?;
            let parent = self.level(depth)?;
            let children = parent.children.get(*parent.places.get(code)?)?;
            Some(
                children
                    .iter()
                    .filter_map(|place| below.nodes.get(*place))
                    .collect(),
            )
        };
        places().unwrap_or_default()
    }

    /// The name under which figures know a node: a node that is its parent's only child is its parent.
    /// Metadata alone decides, never rows.
    pub fn canonical(&self, level: &Name, code: &str) -> Option<(&Name, &Node)> {
        let mut depth = self.depth(level)?;
        let mut node = self.level(depth)?.node(code)?;
        while let Some(parent) = node.parent.as_deref() {
            let above = self.level(depth + 1)?;
            if above.children_count(parent) != 1 {
                break;
            }
            node = above.node(parent)?;
            depth += 1;
        }
        Some((self.levels.get(depth)?, node))
    }

    /// The finest node that holds exactly the values of this one: downwards along only children.
    pub fn narrowest(&self, level: &Name, code: &str) -> Option<(&Name, &Node)> {
        let mut level = self.levels.get(self.depth(level)?)?;
        let mut node = self.node(level, code)?;
        while let [only] = self.children(level, &node.code).as_slice() {
            node = only;
            level = self.finer(level)?;
        }
        Some((level, node))
    }

    /// The level below a level; none below the finest.
    pub fn finer(&self, level: &Name) -> Option<&Name> {
        self.levels.get(self.depth(level)?.checked_sub(1)?)
    }

    /// How many levels above the finest; none for an unknown level.
    pub fn depth(&self, level: &Name) -> Option<usize> {
        self.levels.iter().position(|known| known == level)
    }

    fn level(&self, depth: usize) -> Option<&Level> {
        self.tree.get(depth)
    }
}

impl Level {
    fn new(nodes: Vec<Node>) -> Self {
        let places = nodes
            .iter()
            .enumerate()
            .map(|(place, node)| (node.code.clone(), place))
            .collect();
        let children = vec![Vec::new(); nodes.len()];
        Self {
            nodes,
            places,
            children,
        }
    }

    fn adopt(&mut self, below: &Self) {
        for (place, node) in below.nodes.iter().enumerate() {
            let parent = node.parent.as_deref().and_then(|parent| self.places.get(parent));
            if let Some(siblings) = parent.and_then(|parent| self.children.get_mut(*parent)) {
                siblings.push(place);
            }
        }
    }

    fn node(&self, code: &str) -> Option<&Node> {
        self.nodes.get(*self.places.get(code)?)
    }

    fn children_count(&self, code: &str) -> usize {
        self.places
            .get(code)
            .and_then(|place| self.children.get(*place))
            .map_or(0, Vec::len)
    }
}

#[cfg(test)]
mod tests {
    use crate::catalogue::Hierarchy;
    use crate::catalogue::tests::shipped;

    #[test]
    fn every_node_has_one_ancestor_at_every_coarser_level() {
        let catalogue = shipped();
        for hierarchy in catalogue.hierarchies() {
            for (depth, level) in hierarchy.levels.iter().enumerate() {
                assert!(!hierarchy.nodes_at(level).is_empty());
                for node in hierarchy.nodes_at(level) {
                    for (above, coarser) in hierarchy.levels.iter().enumerate() {
                        let ancestor = hierarchy.ancestor(&node.code, level, coarser);
                        assert_eq!(
                            ancestor.is_some(),
                            above >= depth,
                            "{} {}",
                            hierarchy.name,
                            node.code
                        );
                    }
                    assert_eq!(
                        hierarchy.children(level, &node.code).is_empty(),
                        depth == 0,
                        "{}",
                        node.code
                    );
                }
            }
        }
    }

    #[test]
    fn the_shipped_trees_have_the_shape_of_almere() {
        let catalogue = shipped();
        let count = |name: &str, level: &str| {
            let hierarchy: &Hierarchy = catalogue.hierarchy(&name.parse().unwrap()).unwrap();
            hierarchy
                .nodes_at(&level.parse().unwrap())
                .iter()
                .filter(|node| node.code != "ELSEWHERE")
                .count()
        };
        assert_eq!(count("neighbourhood", "neighbourhood"), 71);
        assert_eq!(count("neighbourhood", "district"), 6);
        assert_eq!(count("neighbourhood", "city"), 1);
        assert_eq!(count("site", "site"), 105);
        assert_eq!(count("site", "board"), 13 + 1);
    }

    #[test]
    fn a_parent_has_its_children_and_an_only_child_is_its_parent() {
        let catalogue = shipped();
        let places = catalogue.hierarchy(&"neighbourhood".parse().unwrap()).unwrap();
        let [neighbourhood, district, _] = places.levels.as_slice() else {
            panic!("three levels")
        };
        let haven = places.children(district, "ALM-HAVEN");
        assert_eq!(haven.len(), 14);
        assert!(
            haven
                .iter()
                .all(|node| node.parent.as_deref() == Some("ALM-HAVEN"))
        );
        let (level, node) = places.canonical(neighbourhood, "WK003496").unwrap();
        assert_eq!((level, node.code.as_str()), (district, "ALM-PAMPUS"));
        let (level, node) = places.canonical(neighbourhood, "WK003401").unwrap();
        assert_eq!((level, node.code.as_str()), (neighbourhood, "WK003401"));
        assert!(places.canonical(neighbourhood, "WK999999").is_none());
    }
}
