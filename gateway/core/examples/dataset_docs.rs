//! Writes `docs/datasets/` and `docs/purposes.md` from `policies/`. Run after a change of them; a test tells when.

use std::error::Error;
use std::fs;
use std::path::Path;

use doelpoort_core::catalogue::{Catalogue, docs};
use doelpoort_core::party::Organisations;
use doelpoort_core::purpose::Purpose;
use doelpoort_core::purpose::docs as purpose_docs;

fn main() -> Result<(), Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let catalogue = Catalogue::parse(&files(&root)?).map_err(|errors| all(&errors))?;
    let folder = root.join("docs/datasets");
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("README.md"), docs::index(&catalogue))?;
    for dataset in catalogue.datasets() {
        fs::write(
            folder.join(format!("{}.md", dataset.name)),
            docs::markdown(dataset, &catalogue),
        )?;
    }
    let purposes = purposes(&root, &catalogue)?;
    fs::write(
        root.join("docs/purposes.md"),
        purpose_docs::index(purposes.iter()),
    )?;
    Ok(())
}

/// How the name of a decision table ends.
const TABLE_ENDING: &str = ".test.toml";

/// All purposes, by name.
fn purposes(root: &Path, catalogue: &Catalogue) -> Result<Vec<Purpose>, Box<dyn Error>> {
    let file = "policies/organisations.toml";
    let text = fs::read_to_string(root.join(file))?;
    let organisations = Organisations::parse(file, &text, catalogue).map_err(|errors| all(&errors))?;
    let mut purposes = Vec::new();
    for entry in fs::read_dir(root.join("policies/purposes"))? {
        let path = entry?.path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let is_toml = path.extension().is_some_and(|ending| ending == "toml");
        if !is_toml || name.ends_with(TABLE_ENDING) {
            continue;
        }
        let text = fs::read_to_string(&path)?;
        let read = Purpose::parse(
            &format!("policies/purposes/{name}"),
            &text,
            catalogue,
            &organisations,
        );
        purposes.push(read.map_err(|errors| all(&errors))?);
    }
    purposes.sort_by(|one, other| one.id.cmp(&other.id));
    Ok(purposes)
}

fn all(errors: &[impl ToString]) -> String {
    errors
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("\n\n")
}

fn files(root: &Path) -> Result<Vec<(String, String)>, Box<dyn Error>> {
    let mut files = Vec::new();
    for folder in ["datasets", "hierarchies", "maps", "populations"] {
        for entry in fs::read_dir(root.join("policies").join(folder))? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            files.push((format!("policies/{folder}/{name}"), fs::read_to_string(&path)?));
        }
    }
    files.sort();
    Ok(files)
}
