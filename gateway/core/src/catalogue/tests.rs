//! The shipped catalogue, and files with mistakes.

use std::sync::LazyLock;

use super::*;

/// The files under `policies/` that belong to the catalogue.
pub(crate) fn shipped_files() -> Vec<(String, String)> {
    let policies = concat!(env!("CARGO_MANIFEST_DIR"), "/../../policies");
    let mut files = Vec::new();
    for folder in ["datasets", "hierarchies", "maps", "populations"] {
        for entry in std::fs::read_dir(format!("{policies}/{folder}")).unwrap() {
            let entry = entry.unwrap();
            let name = format!("policies/{folder}/{}", entry.file_name().into_string().unwrap());
            files.push((name, std::fs::read_to_string(entry.path()).unwrap()));
        }
    }
    files.sort();
    files
}

/// The shipped catalogue.
pub(crate) fn shipped() -> &'static Catalogue {
    static SHIPPED: LazyLock<Catalogue> = LazyLock::new(|| {
        Catalogue::parse(&shipped_files()).unwrap_or_else(|errors| {
            let errors: Vec<_> = errors.iter().map(ToString::to_string).collect();
            panic!("{}", errors.join("\n\n"))
        })
    });
    &SHIPPED
}

#[test]
fn the_shipped_files_are_a_catalogue() {
    let catalogue = shipped();
    let names: Vec<_> = catalogue
        .datasets()
        .map(|dataset| dataset.name.as_str())
        .collect();
    assert_eq!(
        names,
        [
            "absence",
            "admissibility",
            "caseload",
            "enrolment",
            "resident",
            "site"
        ]
    );
}
