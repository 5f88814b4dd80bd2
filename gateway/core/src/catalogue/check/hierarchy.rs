//! Checks of hierarchies and maps.

use std::collections::{BTreeMap, BTreeSet};

use super::Known;
use super::reporter::Reporter;
use crate::catalogue::file::{HierarchyFile, LevelFile, MapFile, MapRow, NodeFile};
use crate::catalogue::hierarchy::{Hierarchy, Node, Source};
use crate::catalogue::mapping::Mapping;
use crate::text::Text;

/// A hierarchy in which every node below the coarsest level has a parent that exists.
pub(super) fn hierarchy(report: &mut Reporter<'_>, file: HierarchyFile) -> Hierarchy {
    check_levels(report, &file);
    let parents: Vec<BTreeSet<String>> = file.level.get_ref().iter().skip(1).map(codes_of).collect();
    let mut levels = Vec::new();
    let mut nodes = Vec::new();
    for (depth, level) in file.level.into_inner().into_iter().enumerate() {
        check_nodes(report, &level, parents.get(depth));
        levels.push((level.name.into_inner(), level.title));
        nodes.push(level.nodes.into_iter().map(node).collect());
    }
    let source = Source {
        name: file.source,
        licence: file.licence,
    };
    Hierarchy::new(
        file.hierarchy.into_inner(),
        file.version,
        file.title,
        source,
        levels,
        nodes,
    )
}

fn check_levels(report: &mut Reporter<'_>, file: &HierarchyFile) {
    let mut seen = BTreeSet::new();
    if file.level.get_ref().is_empty() {
        report.at(file.level.span(), "a hierarchy has at least one level");
    }
    for level in file.level.get_ref() {
        if !seen.insert(level.name.get_ref()) {
            report.at(
                level.name.span(),
                format!("level `{}` occurs twice", level.name.get_ref()),
            );
        }
    }
}

fn check_nodes(report: &mut Reporter<'_>, level: &LevelFile, above: Option<&BTreeSet<String>>) {
    let mut seen = BTreeSet::new();
    for node in &level.nodes {
        report.new_code(&node.code, &mut seen);
        match (&node.parent, above) {
            (Some(parent), Some(above)) if !above.contains(parent.get_ref()) => {
                report.unknown(
                    "parent",
                    parent.span(),
                    parent.get_ref(),
                    above.iter().map(String::as_str),
                );
            }
            (Some(parent), None) => report.at(parent.span(), "a node of the coarsest level has no parent"),
            (None, Some(_)) => {
                let message = format!(
                    "node `{}` has no parent, and there is a coarser level",
                    node.code.get_ref()
                );
                report.at(node.code.span(), message);
            }
            _ => {}
        }
    }
}

fn codes_of(level: &LevelFile) -> BTreeSet<String> {
    level
        .nodes
        .iter()
        .map(|node| node.code.get_ref().clone())
        .collect()
}

fn node(file: NodeFile) -> Node {
    let en = file.en.unwrap_or_else(|| file.nl.clone());
    let parent = file.parent.map(toml::Spanned::into_inner);
    Node {
        code: file.code.into_inner(),
        label: Text { nl: file.nl, en },
        parent,
    }
}

/// A map whose every code is at the finest level of its hierarchy.
pub(super) fn mapping(report: &mut Reporter<'_>, file: MapFile, known: &Known<'_>) -> Mapping {
    let hierarchy = known.hierarchy(report, &file.to);
    let nodes = hierarchy.and_then(|h| Some(h.nodes_at(h.finest()?)));
    if let Some(nodes) = nodes {
        let codes: BTreeSet<&str> = nodes.iter().map(|node| node.code.as_str()).collect();
        for code in file.rows.iter().map(|row| &row.to).chain([&file.other]) {
            if !codes.contains(code.get_ref().as_str()) {
                report.unknown("code", code.span(), code.get_ref(), codes.iter().copied());
            }
        }
    }
    Mapping {
        heaviest: heaviest(file.rows),
        name: file.map.into_inner(),
        version: file.version,
        title: file.title,
        source: Source {
            name: file.source,
            licence: file.licence,
        },
        to: file.to.into_inner(),
        other: file.other.into_inner(),
    }
}

/// For each value the code with the largest weight; of equals, the first code in alphabetical order.
fn heaviest(rows: Vec<MapRow>) -> BTreeMap<String, String> {
    let mut best: BTreeMap<String, (u32, String)> = BTreeMap::new();
    for row in rows {
        let candidate = (row.weight, row.to.into_inner());
        best.entry(row.from.into_inner())
            .and_modify(|found| {
                if candidate.0 > found.0 || (candidate.0 == found.0 && candidate.1 < found.1) {
                    found.clone_from(&candidate);
                }
            })
            .or_insert(candidate);
    }
    best.into_iter().map(|(from, (_, to))| (from, to)).collect()
}
