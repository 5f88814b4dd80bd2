//! The hard rules, each with a file that breaks it: its first line is what is said about it.

use std::path::Path;

use super::{World, shown};
use crate::purpose::HardRule;

fn broken() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/purpose/tests/rules");
    let mut files: Vec<(String, String)> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            (name, std::fs::read_to_string(&path).unwrap())
        })
        .collect();
    files.sort();
    files
}

#[test]
fn each_broken_file_is_refused_for_its_one_reason() {
    let world = World::new();
    for (name, text) in broken() {
        let (expected, _) = text.split_once('\n').unwrap();
        let errors = world.parse(&text).err().unwrap_or_default();
        let messages: Vec<_> = errors.iter().map(|error| error.message.as_str()).collect();
        assert_eq!(messages, [expected.trim_start_matches("# ")], "{name}");
    }
}

#[test]
fn every_hard_rule_is_broken_by_a_file_and_set_aside_by_an_article() {
    let world = World::new();
    let files = broken();
    for rule in HardRule::ALL {
        let mark = format!("(hard rule `{}`: {})", rule.name(), rule.article());
        let breaking: Vec<_> = files.iter().filter(|(_, text)| text.contains(&mark)).collect();
        assert!(!breaking.is_empty(), "{}", rule.name());
        let exception = format!(
            "exceptions = [{{ rule = \"{}\", article = \"Wet art. 1\" }}]\n\n[[grant]]",
            rule.name()
        );
        for (name, text) in breaking {
            let excused = world.parse(&text.replacen("\n[[grant]]", &exception, 1));
            assert!(excused.is_ok(), "{name}: {:#?}", shown(&excused.unwrap_err()));
        }
    }
}
