//! What is fuzzed: each file that people write is read without a panic, whatever it holds, and whatever is wrong is
//! told with its file and line.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use doelpoort_core::catalogue::Catalogue;
use doelpoort_core::party::Organisations;
use doelpoort_core::policy::tools::tables;
use doelpoort_core::policy::{Draft, PolicyFiles};
use doelpoort_core::purpose::Purpose;
use doelpoort_core::source_text::SourceError;

type NamedText = (String, String);

/// The shipped policies, against which each text is read.
pub(crate) static SHIPPED: LazyLock<PolicyFiles> = LazyLock::new(|| {
    let mut catalogue = Vec::new();
    for part in ["datasets", "hierarchies", "maps", "populations"] {
        catalogue.extend(folder(part));
    }
    let (tables, purposes) = folder("purposes")
        .into_iter()
        .partition(|(name, _)| name.ends_with(".test.toml"));
    PolicyFiles {
        catalogue,
        reference: folder("reference"),
        organisations: file(
            &root().join("organisations.toml"),
            "organisations.toml".to_owned(),
        ),
        purposes,
        tables,
        ..PolicyFiles::default()
    }
});

static DRAFT: LazyLock<Draft> = LazyLock::new(|| match Draft::read(&SHIPPED) {
    Ok(draft) => draft,
    Err(errors) => panic!("{errors:?}"),
});

fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    [here.join("policies"), here.join("../policies")]
        .into_iter()
        .find(|path| path.is_dir())
        .unwrap_or_default()
}

fn folder(name: &str) -> Vec<NamedText> {
    let entries = std::fs::read_dir(root().join(name))
        .into_iter()
        .flatten()
        .flatten();
    let texts = entries.filter(|entry| {
        let path = entry.path();
        path.extension()
            .is_some_and(|ending| ending == "toml" || ending == "csv")
    });
    let mut files: Vec<NamedText> = texts
        .map(|entry| {
            let file = entry.file_name().to_string_lossy().into_owned();
            self::file(&entry.path(), format!("{name}/{file}"))
        })
        .collect();
    files.sort();
    files
}

fn file(path: &Path, name: String) -> NamedText {
    (name, std::fs::read_to_string(path).unwrap_or_default())
}

/// A purpose file.
pub(crate) fn purpose(text: &str) {
    let read = Purpose::parse(
        "purposes/youth-atlas.toml",
        text,
        &DRAFT.catalogue,
        &DRAFT.organisations,
    );
    told(read.err(), text, "purposes/youth-atlas.toml");
}

/// A dataset file, among the others.
pub(crate) fn dataset(text: &str) {
    const FILE: &str = "datasets/absence.toml";
    let others = SHIPPED.catalogue.iter().filter(|(name, _)| name != FILE);
    let mut files: Vec<NamedText> = others.cloned().collect();
    files.push((FILE.to_owned(), text.to_owned()));
    let Err(errors) = Catalogue::parse(&files) else {
        return;
    };
    assert!(!errors.is_empty());
    for error in errors {
        let (_, text) = files
            .iter()
            .find(|(name, _)| *name == error.file)
            .unwrap_or_else(|| panic!("a mistake without a file"));
        placed(&error, text);
    }
}

/// `organisations.toml`.
pub(crate) fn organisations(text: &str) {
    let read = Organisations::parse("organisations.toml", text, &DRAFT.catalogue);
    told(read.err(), text, "organisations.toml");
}

/// A decision table.
pub(crate) fn table(text: &str) {
    const FILE: &str = "purposes/youth-atlas.test.toml";
    let read = tables::run(&DRAFT, &[(FILE.to_owned(), text.to_owned())]);
    told(read.err(), text, FILE);
}

/// `gateway.toml`: read, or told with its file; and what is shown of it is read again as the same.
pub(crate) fn config(text: &str) {
    let environment = doelpoort::config::Environment::default();
    match doelpoort::config::Config::parse("gateway.toml", text, &environment) {
        Err(errors) => {
            assert!(!errors.0.is_empty());
            for error in errors.0 {
                assert!(error.to_string().starts_with("gateway.toml:"), "{error}");
            }
        }
        Ok(config) => {
            let all = doelpoort::config::Show::All;
            let shown = doelpoort::config::shown(&config, all);
            // A password that is blotted out does not come back.
            if !shown.contains('…') {
                match doelpoort::config::Config::parse("shown.toml", &shown, &environment) {
                    Ok(again) => assert_eq!(doelpoort::config::shown(&again, all), shown),
                    Err(errors) => panic!("{errors}\n{shown}"),
                }
            }
        }
    }
}

/// A client certificate in DER: whoever it names has an OIN in `subject.serialNumber`, exactly one.
pub(crate) fn certificate(der: &[u8]) {
    if let Ok(certificate) = doelpoort::identity::PeerCertificate::from_der(der) {
        assert_eq!(certificate.oin.as_str().len(), 20);
        assert!(
            der.windows(20)
                .any(|part| part == certificate.oin.as_str().as_bytes())
        );
    }
}

fn told(errors: Option<Vec<SourceError>>, text: &str, file: &str) {
    let Some(errors) = errors else { return };
    assert!(!errors.is_empty());
    for error in errors {
        assert_eq!(error.file, file);
        placed(&error, text);
    }
}

fn placed(error: &SourceError, text: &str) {
    assert!(error.line >= 1 && error.line <= text.matches('\n').count() + 1);
    assert!(error.column >= 1 && !error.message.is_empty());
    assert!(
        error
            .to_string()
            .starts_with(&format!("{}:{}:", error.file, error.line))
    );
}
