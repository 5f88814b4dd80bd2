//! The schemas and the parser know the same keys, the same compulsory ones and the same choices; every table of a
//! schema is met in a shipped file or in the samples here.

mod meet;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use toml::de::{DeTable, DeValue};

use self::meet::{Met, Step, declared, walk};
use super::*;
use crate::catalogue::Catalogue;
use crate::document::asked;
use crate::party::Organisations;
use crate::policy::Draft;
use crate::policy::tests::shipped;
use crate::policy::tools::tables;
use crate::purpose::{Measure, Purpose};

/// Purposes and tables with every key that there is; each must be one that the parser takes.
const SAMPLES: [(&str, &str); 4] = [
    ("purposes/sample.toml", include_str!("samples/sample.toml")),
    (
        "purposes/sample.test.toml",
        include_str!("samples/sample.test.toml"),
    ),
    ("datasets/sample.toml", include_str!("samples/dataset.toml")),
    ("organisations.toml", include_str!("samples/organisations.toml")),
];

/// Keys that are compulsory in some cases only, which a schema does not say.
const CONDITIONAL: [&str; 5] = ["board", "clause", "date", "dpia", "swv"];

static PARTIES: LazyLock<(Catalogue, Organisations)> = LazyLock::new(|| {
    let files = shipped();
    let catalogue = Catalogue::parse(&files.catalogue).unwrap();
    let organisations = Organisations::parse("o", &files.organisations.1, &catalogue).unwrap();
    (catalogue, organisations)
});

/// The shipped policies and the sample.
static DRAFT: LazyLock<Draft> = LazyLock::new(|| {
    let mut files = shipped();
    files.purposes = vec![(SAMPLES[0].0.to_owned(), SAMPLES[0].1.to_owned())]
        .into_iter()
        .chain(files.purposes)
        .collect();
    Draft::read(&files).unwrap_or_else(|errors| panic!("{errors:#?}"))
});

/// All files of a kind, samples first.
fn files(kind: &str) -> Vec<(String, String)> {
    let shipped = shipped();
    let sampled = |files: Vec<(String, String)>, name: &str| {
        let sample = SAMPLES.iter().filter(|(file, _)| *file == name);
        let sample = sample.map(|(file, text)| ((*file).to_owned(), (*text).to_owned()));
        sample.chain(files).collect()
    };
    let of = |folder: &str| {
        let prefix = format!("{folder}/");
        let files = shipped
            .catalogue
            .iter()
            .filter(|(name, _)| name.starts_with(&prefix));
        files.cloned().collect::<Vec<_>>()
    };
    match kind {
        "purpose" => sampled(shipped.purposes.clone(), "purposes/sample.toml"),
        "test" => sampled(shipped.tables.clone(), "purposes/sample.test.toml"),
        "dataset" => sampled(of("datasets"), "datasets/sample.toml"),
        "hierarchy" => of("hierarchies"),
        "map" => of("maps"),
        "population" => of("populations"),
        _ => sampled(vec![shipped.organisations.clone()], "organisations.toml"),
    }
}

/// What the parser says of one file of a kind among the others that are shipped: messages, without places.
fn messages(kind: &str, file: &str, text: &str) -> Vec<String> {
    let one = (file.to_owned(), text.to_owned());
    let told = |errors: Vec<crate::source_text::SourceError>| {
        errors.into_iter().map(|error| error.message).collect()
    };
    let replaced = |files: &mut Vec<(String, String)>| {
        files.retain(|(name, _)| name != file);
        files.push(one.clone());
    };
    match kind {
        "purpose" => {
            let (catalogue, organisations) = &*PARTIES;
            asked::take();
            Purpose::parse(file, text, catalogue, organisations)
                .err()
                .map(told)
                .unwrap_or_default()
        }
        "test" => {
            let draft = &*DRAFT;
            asked::take();
            tables::run(draft, &[one]).err().map(told).unwrap_or_default()
        }
        "organisations" => {
            let (catalogue, _) = &*PARTIES;
            asked::take();
            Organisations::parse(file, text, catalogue)
                .err()
                .map(told)
                .unwrap_or_default()
        }
        _ => {
            let mut files = shipped();
            replaced(&mut files.catalogue);
            Catalogue::parse(&files.catalogue)
                .err()
                .map(told)
                .unwrap_or_default()
        }
    }
}

/// The table or value at a path, to be changed.
fn at<'v>(value: &'v mut toml::Value, path: &[Step]) -> &'v mut toml::Value {
    path.iter().fold(value, |value, step| match step {
        Step::Key(key) => value.get_mut(key).unwrap(),
        Step::At(position) => value.get_mut(*position).unwrap(),
    })
}

/// The file with a change.
fn altered(text: &str, path: &[Step], change: impl FnOnce(&mut toml::Value)) -> String {
    let mut value: toml::Value = toml::from_str(text).unwrap();
    change(at(&mut value, path));
    toml::to_string(&value).unwrap()
}

/// The names in a message: between backticks, or after the words of the TOML reader.
fn backticked(message: &str) -> BTreeSet<&str> {
    if let Some(keys) = message.strip_prefix("unexpected keys in table: ") {
        return keys
            .split(", ")
            .map(|key| key.trim_start_matches("available keys: "))
            .collect();
    }
    message.split('`').skip(1).step_by(2).collect()
}

fn shape_of(kind: &str) -> Shape {
    match kind {
        "purpose" => purpose::purpose(),
        "test" => purpose::table(),
        "dataset" => catalogue::dataset(),
        "hierarchy" => catalogue::hierarchy(),
        "map" => catalogue::map(),
        "population" => catalogue::population(),
        _ => organisations::organisations(),
    }
}

/// Whether files of this kind are read by serde, which tells all keys when it meets an unknown one.
fn by_serde(kind: &str) -> bool {
    ["dataset", "hierarchy", "map", "population"].contains(&kind)
}

fn agrees(kind: &str) {
    let shape = shape_of(kind);
    let mut met_before = BTreeSet::new();
    for (file, text) in files(kind) {
        assert_eq!(messages(kind, &file, &text), Vec::<String>::new(), "{file}");
        let asked = asked::take();
        let root = DeTable::parse(&text).unwrap();
        let mut met = Vec::new();
        let value = DeValue::Table(root.get_ref().clone());
        walk(&shape, &value, 0..0, (String::new(), Vec::new()), &mut met);
        for table in met {
            if !by_serde(kind) {
                let keys = asked.get(&(table.place.start, table.place.end));
                let keys: BTreeSet<&str> = keys
                    .unwrap_or_else(|| panic!("{file}{}: not read", table.schema))
                    .iter()
                    .copied()
                    .collect();
                let known: BTreeSet<&str> = table.keys.iter().map(|key| key.name).collect();
                assert_eq!(keys, known, "{file}{}: keys", table.schema);
            }
            if met_before.insert(table.schema.clone()) {
                told(kind, (&file, &text), &table);
            }
        }
    }
    let mut all = BTreeSet::new();
    declared(&shape, String::new(), &mut all);
    assert_eq!(all, met_before, "each table of the schema is in a file");
}

/// What the parser says when the table has an unknown key, lacks a compulsory one, or has another choice.
fn told(kind: &str, (file, text): (&str, &str), table: &Met<'_>) {
    let place = format!("{file}{}", table.schema);
    let says = |change: &dyn Fn(&mut toml::Value)| messages(kind, file, &altered(text, &table.path, change));
    if !table.variants.is_empty() {
        let only = table.keys[0].name;
        let messages = says(&|value| {
            let inner = value.as_table_mut().unwrap().remove(only).unwrap();
            value.as_table_mut().unwrap().insert("zzzz".to_owned(), inner);
        });
        let expected: BTreeSet<_> = table.variants.iter().copied().chain(["zzzz"]).collect();
        assert!(
            messages.iter().any(|message| backticked(message) == expected),
            "{place}: {messages:?}"
        );
        return;
    }
    let unknown = says(&|value| {
        value
            .as_table_mut()
            .unwrap()
            .insert("zzzz".to_owned(), true.into());
    });
    if by_serde(kind) {
        let expected: BTreeSet<_> = table.keys.iter().map(|key| key.name).chain(["zzzz"]).collect();
        assert!(
            unknown.iter().any(|message| backticked(message) == expected),
            "{place}: {unknown:?}"
        );
    } else {
        assert!(
            unknown
                .iter()
                .any(|message| message.starts_with("unknown key `zzzz`")),
            "{place}: {unknown:?}"
        );
    }
    let present: toml::Value = toml::from_str(text).unwrap();
    let mut present = present;
    let present = at(&mut present, &table.path).clone();
    for key in table.keys.iter().filter(|key| present.get(key.name).is_some()) {
        let without = says(&|value| {
            value.as_table_mut().unwrap().remove(key.name);
        });
        let missed = without
            .iter()
            .any(|message| message.starts_with(&format!("missing key `{}`", key.name)));
        let expected = key.required || missed && CONDITIONAL.contains(&key.name);
        assert_eq!(missed, expected, "{place}: `{}`: {without:?}", key.name);
        choice(&place, key, &says);
    }
}

/// What the parser says after a change.
type Says<'s> = &'s dyn Fn(&dyn Fn(&mut toml::Value)) -> Vec<String>;

/// A word that is none of the choices is refused with all of them.
fn choice(place: &str, key: &Key, says: Says<'_>) {
    let (words, wrong): (&[&str], toml::Value) = match &key.shape {
        Shape::Choice(words) => (words, "zzzz".into()),
        Shape::List(inner) => match inner.as_ref() {
            Shape::Choice(words) => (words, vec!["zzzz"].into()),
            _ => return,
        },
        _ => return,
    };
    if key.name == "measures" {
        assert!(words.iter().all(|name| Measure::from_name(name).is_some()));
        return;
    }
    let messages = says(&|value| {
        value
            .as_table_mut()
            .unwrap()
            .insert(key.name.to_owned(), wrong.clone());
    });
    let all: BTreeSet<&str> = words.iter().copied().chain(["zzzz"]).collect();
    let listed = messages.iter().any(|message| {
        let named = backticked(message);
        // A form chooses among tables; each names its own alone.
        if key.name == "form" {
            all.is_subset(&named)
        } else {
            named == all
        }
    });
    assert!(listed, "{place}: `{}`: {messages:?}", key.name);
}

#[test]
fn purposes_agree() {
    agrees("purpose");
}

#[test]
fn every_form_is_an_alternative() {
    let broken = SAMPLES[0].1.replacen("form = \"delivery\"", "form = \"zzzz\"", 1);
    let messages = messages("purpose", SAMPLES[0].0, &broken);
    let told = messages.iter().find(|message| message.contains("zzzz")).unwrap();
    let Shape::Table(keys) = purpose::purpose() else {
        panic!()
    };
    let grant = keys.into_iter().find(|key| key.name == "grant").unwrap();
    let Shape::List(forms) = grant.shape else { panic!() };
    let Shape::OneOf(forms) = *forms else { panic!() };
    let name = |shape: &Shape| match shape {
        Shape::Table(keys) => match keys[0].shape {
            Shape::Choice([form]) => *form,
            _ => panic!(),
        },
        _ => panic!(),
    };
    let forms: BTreeSet<&str> = forms.iter().map(name).chain(["zzzz"]).collect();
    assert_eq!(backticked(told), forms);
}

#[test]
fn decision_tables_agree() {
    agrees("test");
}

#[test]
fn organisations_agree() {
    agrees("organisations");
}

#[test]
fn the_catalogue_agrees() {
    for kind in ["dataset", "hierarchy", "map", "population"] {
        agrees(kind);
    }
}

#[test]
fn the_committed_schemas_are_these() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/schema");
    let committed: BTreeMap<String, String> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ending| ending == "json"))
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, std::fs::read_to_string(path).unwrap())
        })
        .collect();
    let made = schemas().into_iter();
    let made: BTreeMap<String, String> = made
        .map(|schema| (format!("{}.schema.json", schema.name), schema.text()))
        .collect();
    assert!(
        committed == made,
        "`doelpoort policy schema --to docs/schema` writes them anew"
    );
}
