//! From files to a catalogue, with every mistake of every file.

use std::collections::{BTreeMap, BTreeSet};

use serde::de::DeserializeOwned;

use self::reporter::Reporter;
use super::Catalogue;
use super::file::{DatasetFile, HierarchyFile, MapFile, PopulationFile, Reference};
use super::hierarchy::Hierarchy;
use super::mapping::Mapping;
use super::name::Name;
use crate::source_text::{SourceError, SourceText};

mod codes;
mod dataset;
mod field;
mod hierarchy;
mod laminar;
mod population;
mod relations;
mod reporter;

/// Reads and checks all files: hierarchies first, then what refers to them.
pub(super) fn catalogue(files: &[(String, String)]) -> Result<Catalogue, Vec<SourceError>> {
    let mut errors = Vec::new();
    let folders = sort_by_folder(files, &mut errors);
    let mut catalogue = Catalogue::default();

    for (mut report, file) in decoded::<HierarchyFile>(&folders.hierarchies, &mut errors) {
        report.named_after_file(&file.hierarchy);
        let hierarchy = hierarchy::hierarchy(&mut report, file);
        insert(
            &mut catalogue.hierarchies,
            hierarchy.name.clone(),
            hierarchy,
            report,
            &mut errors,
        );
    }
    let mut known = Known {
        names: &folders,
        hierarchies: catalogue.hierarchies,
        maps: BTreeMap::new(),
    };
    for (mut report, file) in decoded::<MapFile>(&folders.maps, &mut errors) {
        report.named_after_file(&file.map);
        let map = hierarchy::mapping(&mut report, file, &known);
        insert(&mut known.maps, map.name.clone(), map, report, &mut errors);
    }
    let mut divisions = laminar::Divisions::default();
    for (mut report, file) in decoded::<DatasetFile>(&folders.datasets, &mut errors) {
        report.named_after_file(&file.dataset);
        let places = laminar::places(&file.field);
        let (dataset, code_lists) = dataset::dataset(&mut report, file, &known);
        divisions.add(&mut report, &dataset, &places, &known);
        catalogue.code_lists.extend(code_lists);
        insert(
            &mut catalogue.datasets,
            dataset.name.clone(),
            dataset,
            report,
            &mut errors,
        );
    }
    (catalogue.hierarchies, catalogue.maps) = (known.hierarchies, known.maps);
    // A dataset that is broken is told once, not again by what refers to it.
    let sound = errors.is_empty();
    for (mut report, file) in decoded::<PopulationFile>(&folders.populations, &mut errors) {
        report.named_after_file(&file.population);
        let population = population::population(&mut report, file, &folders, &catalogue, sound);
        insert(
            &mut catalogue.populations,
            population.name.clone(),
            population,
            report,
            &mut errors,
        );
    }
    errors.sort();
    if !errors.is_empty() {
        return Err(errors);
    }
    catalogue.facts = catalogue.facts();
    Ok(catalogue)
}

/// What datasets may refer to. A name counts as known if there is a file for it, even a broken one, so that
/// one mistake is reported once.
struct Known<'a> {
    names: &'a Folders<'a>,
    hierarchies: BTreeMap<Name, Hierarchy>,
    maps: BTreeMap<Name, Mapping>,
}

/// The files by folder.
#[derive(Default)]
struct Folders<'a> {
    datasets: Files<'a>,
    hierarchies: Files<'a>,
    maps: Files<'a>,
    populations: Files<'a>,
}

/// The files of one folder: name without folder and ending, and text.
type Files<'a> = Vec<(&'a str, SourceText<'a>)>;

/// The names that files of a folder declare.
fn declared<'a>(files: &Files<'a>) -> BTreeSet<&'a str> {
    files.iter().map(|(stem, _)| *stem).collect()
}

fn sort_by_folder<'a>(files: &'a [(String, String)], errors: &mut Vec<SourceError>) -> Folders<'a> {
    let mut folders = Folders::default();
    for (name, text) in files {
        let source = SourceText::new(name, text);
        let (path, file) = name.rsplit_once('/').unwrap_or(("", name));
        let folder = match path.rsplit('/').next().unwrap_or_default() {
            "datasets" => &mut folders.datasets,
            "hierarchies" => &mut folders.hierarchies,
            "maps" => &mut folders.maps,
            "populations" => &mut folders.populations,
            _ => {
                errors.push(source.error(
                    0..0,
                    "a file of the catalogue is in `datasets`, `hierarchies`, `maps` or `populations`",
                ));
                continue;
            }
        };
        folder.push((file.strip_suffix(".toml").unwrap_or(file), source));
    }
    folders
}

fn decoded<'a, T: DeserializeOwned>(
    files: &Files<'a>,
    errors: &mut Vec<SourceError>,
) -> Vec<(Reporter<'a>, T)> {
    let mut read = Vec::new();
    for (stem, source) in files {
        match source.decode() {
            Ok(file) => read.push((Reporter::new(*source, stem), file)),
            Err(error) => errors.push(error),
        }
    }
    read
}

fn insert<T>(
    into: &mut BTreeMap<Name, T>,
    name: Name,
    value: T,
    mut report: Reporter<'_>,
    errors: &mut Vec<SourceError>,
) {
    if into.contains_key(&name) {
        report.at(0..0, format!("`{name}` is declared by another file too"));
    }
    into.insert(name, value);
    errors.append(&mut report.errors);
}

impl Known<'_> {
    /// A hierarchy by reference; reports an unknown one.
    fn hierarchy(&self, report: &mut Reporter<'_>, reference: &Reference) -> Option<&Hierarchy> {
        report.refers_to("hierarchy", reference, &declared(&self.names.hierarchies));
        self.hierarchies.get(reference.get_ref())
    }

    /// A map by reference; reports an unknown one.
    fn map(&self, report: &mut Reporter<'_>, reference: &Reference) -> Option<&Mapping> {
        report.refers_to("map", reference, &declared(&self.names.maps));
        self.maps.get(reference.get_ref())
    }
}
