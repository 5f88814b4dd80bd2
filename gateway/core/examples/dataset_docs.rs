//! Writes `docs/datasets/` from `policies/`. Run after a change of the catalogue; a test tells when.

use std::error::Error;
use std::fs;
use std::path::Path;

use doelpoort_core::catalogue::{Catalogue, docs};

fn main() -> Result<(), Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let catalogue = Catalogue::parse(&files(&root)?).map_err(|errors| {
        errors
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("\n\n")
    })?;
    let folder = root.join("docs/datasets");
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("README.md"), docs::index(&catalogue))?;
    for dataset in catalogue.datasets() {
        fs::write(
            folder.join(format!("{}.md", dataset.name)),
            docs::markdown(dataset, &catalogue),
        )?;
    }
    Ok(())
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
