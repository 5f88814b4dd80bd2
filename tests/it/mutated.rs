//! Files that people write, changed at random: the entries of the fuzz targets (fuzz/), on the shipped files.

use proptest::prelude::*;
use proptest::sample::Index;

#[path = "../../fuzz/entries.rs"]
mod entries;

use entries::SHIPPED;

/// One change of a text.
#[derive(Clone, Debug)]
enum Change {
    Cut(Index, Index),
    Insert(Index, String),
    SwapLines(Index, Index),
    RepeatLine(Index),
    /// A word of the text in the place of another.
    Word(Index, Index),
}

fn change() -> impl Strategy<Value = Change> {
    let index = any::<Index>;
    let inserted = prop_oneof![
        "[\\[\\]{}=\"',#.@ \\n\\\\]{1,3}",
        "\\PC{1,4}",
        Just("[[grant]]\n".to_owned()),
        Just("99999999999999999999".to_owned()),
        Just("\u{feff}\r\n\0".to_owned()),
    ];
    prop_oneof![
        (index(), index()).prop_map(|(from, to)| Change::Cut(from, to)),
        (index(), inserted).prop_map(|(at, text)| Change::Insert(at, text)),
        (index(), index()).prop_map(|(one, other)| Change::SwapLines(one, other)),
        index().prop_map(Change::RepeatLine),
        (index(), index()).prop_map(|(from, to)| Change::Word(from, to)),
    ]
}

fn changed(text: &str, changes: &[Change]) -> String {
    changes.iter().fold(text.to_owned(), apply)
}

fn apply(text: String, change: &Change) -> String {
    if text.is_empty() {
        return text;
    }
    let letters: Vec<char> = text.chars().collect();
    let mut lines: Vec<&str> = text.lines().collect();
    match change {
        Change::Cut(from, to) => {
            let (from, to) = (from.index(letters.len()), to.index(letters.len()));
            let kept = letters[..from.min(to)].iter().chain(&letters[from.max(to)..]);
            kept.collect()
        }
        Change::Insert(at, inserted) => {
            let at = at.index(letters.len());
            let head: String = letters[..at].iter().collect();
            let tail: String = letters[at..].iter().collect();
            format!("{head}{inserted}{tail}")
        }
        Change::SwapLines(one, other) => {
            let count = lines.len();
            lines.swap(one.index(count), other.index(count));
            lines.join("\n")
        }
        Change::RepeatLine(at) => {
            let at = at.index(lines.len());
            lines.insert(at, lines[at]);
            lines.join("\n")
        }
        Change::Word(from, to) => {
            let words: Vec<&str> = text.split_whitespace().collect();
            if words.is_empty() {
                return text.clone();
            }
            let (from, to) = (words[from.index(words.len())], words[to.index(words.len())]);
            text.replacen(to, from, 1)
        }
    }
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    prop::collection::vec(change(), 1..4)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_purpose_file_is_read_or_told_with_its_place(file in any::<Index>(), changes in changes()) {
        let (_, text) = file.get(&SHIPPED.purposes);
        entries::purpose(&changed(text, &changes));
    }

    #[test]
    fn an_organisations_file_is_read_or_told_with_its_place(changes in changes()) {
        entries::organisations(&changed(&SHIPPED.organisations.1, &changes));
    }

    #[test]
    fn a_decision_table_is_read_or_told_with_its_place(file in any::<Index>(), changes in changes()) {
        let (_, text) = file.get(&SHIPPED.tables);
        entries::table(&changed(text, &changes));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_dataset_file_is_read_or_told_with_its_place(file in any::<Index>(), changes in changes()) {
        let datasets: Vec<_> = SHIPPED.catalogue.iter().filter(|(name, _)| name.starts_with("datasets/")).collect();
        let (_, text) = file.get(&datasets);
        entries::dataset(&changed(text, &changes));
    }
}
