//! Files that people write, and tokens, changed at random: the entries of the fuzz targets (fuzz/), on the shipped files.

use std::path::Path;
use std::sync::LazyLock;

use proptest::prelude::*;
use proptest::sample::Index;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

#[path = "../../fuzz/entries.rs"]
mod entries;
#[path = "../../fuzz/token.rs"]
mod token;

use entries::SHIPPED;

/// A configuration with a value of each kind.
const CONFIGURATION: &str = r#"
[deployment]
name = "almere"
tenant = "almere"
origin = "doelpoort.example/almere/audit/2026"

[database]
url = "postgres://gateway@db/almere"
connections_max = 16

[exchange]
listen = "0.0.0.0:8443"
crls = ["tls/one.crl", "tls/two.crl"]
tls_min = "1.2"

[console]
certificate = "tls/console.crt"
key = "tls/console.key"

[token]
issuer = "https://doelpoort.example"
lifetime_s = 300

[limits]
body_bytes_max = 2_000_000

[log]
format = "human"
filter = "info,doelpoort::delivery=debug"
"#;

/// The example clients' certificates, in DER.
static CERTIFICATES: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let clients = Path::new(env!("CARGO_MANIFEST_DIR")).join("keys-example/clients");
    let folders = std::fs::read_dir(clients).unwrap();
    let read =
        |folder: std::fs::DirEntry| CertificateDer::from_pem_file(folder.path().join("client.crt")).unwrap();
    folders.map(|folder| read(folder.unwrap()).to_vec()).collect()
});

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

#[test]
fn the_token_that_is_changed_is_good() {
    let (header, claims) = &*token::GOOD;
    assert!(token::token(header, claims));
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
    fn a_configuration_is_read_or_told_with_its_place(changes in changes()) {
        entries::config(&changed(CONFIGURATION, &changes));
    }

    #[test]
    fn a_certificate_names_one_organisation_or_nobody(client in any::<Index>(), changes in prop::collection::vec((any::<Index>(), any::<u8>()), 1..4)) {
        let mut der = client.get(&CERTIFICATES).clone();
        for (at, byte) in changes {
            let at = at.index(der.len());
            der[at] = byte;
        }
        entries::certificate(&der);
    }

    #[test]
    fn a_token_names_whom_it_was_made_for_or_nobody(header in prop::collection::vec(change(), 0..2), claims in changes()) {
        let (good_header, good_claims) = &*token::GOOD;
        token::token(&changed(good_header, &header), &changed(good_claims, &claims));
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
