mod broken;
mod language;
mod rules;

use super::*;
use crate::catalogue::Catalogue;
use crate::identifier::IdentifierKind;
use crate::party::Organisations;
use crate::policy::tests::shipped_catalogue;
use crate::source_text::SourceError;

const ORGANISATIONS: &str = include_str!("../../../../policies/organisations.toml");

const SOUND: &str = r#"purpose = "trial"
version = 3
title = { nl = "Proef", en = "Trial" }
why = { nl = "Om te toetsen." }
controllers = [{ organisation = "swv-po", law = "WPO art. 18a" }]
basis = { avg = "6(1)(e)", special = "none" }
dpia = { reference = "DPIA-1", date = 2026-03-12 }
valid = { from = 2026-08-01, until = 2027-07-31 }
retention = "P1Y"
contact = "privacy@swv.example"

[[grant]]
form = "figures"
recipient = [{ organisation = "municipality", role = "dashboard" }]
dataset = "absence"
holders = "all"
population = "children"
group_by = ["enrolment.neighbourhood@district", "enrolment.sector"]
filter_by = ["absence.stay-at-home"]
only = { "absence.kind" = "unauthorised" }
measures = ["pupils"]
epochs = "count-dates"
protect = { mechanism = "cell-key", round = 5 }
limit = { requests = "600/h", cells = 5000 }

[[grant]]
form = "records"
recipient = [{ organisation = "swv-po", role = "consulent" }]
dataset = "enrolment"
holders = ["board-41676"]
fields = ["enrolment.site", { field = "absence.since", as = "month" }, { field = "enrolment.neighbourhood", as = "district" }]
scope = "caseload"
limit = { requests = "10/min" }

[[grant]]
form = "facts"
recipient = [{ kind = "school-board", role = "school" }]
dataset = "admissibility"
holders = "all"
identifiers = ["bsn", "eckId"]
fields = ["admissibility.kind"]
scope = "own-school"
limit = { requests = "600/h" }

[[grant]]
form = "delivery"
deliverer = [{ kind = "school-board", role = "delivery" }]
dataset = "enrolment"
limit = { requests = "5/d" }

[[question]]
name = "stay-at-homes"
title = { nl = "Thuiszitters" }
grant = 0
group_by = ["enrolment.neighbourhood@district"]
only = { "absence.stay-at-home" = true }
measures = ["pupils"]
"#;

struct World {
    catalogue: Catalogue,
    organisations: Organisations,
}

impl World {
    fn new() -> Self {
        let catalogue = shipped_catalogue();
        let organisations = Organisations::parse("organisations.toml", ORGANISATIONS, &catalogue).unwrap();
        Self {
            catalogue,
            organisations,
        }
    }

    fn parse(&self, text: &str) -> Result<Purpose, Vec<SourceError>> {
        Purpose::parse("purposes/trial.toml", text, &self.catalogue, &self.organisations)
    }
}

fn shown(errors: &[SourceError]) -> Vec<String> {
    errors
        .iter()
        .map(|error| error.to_string().lines().next().unwrap().to_owned())
        .collect()
}

#[test]
fn a_sound_file_is_read_whole() {
    let purpose = World::new()
        .parse(SOUND)
        .unwrap_or_else(|errors| panic!("{:#?}", shown(&errors)));
    assert_eq!(
        (purpose.id.as_str(), purpose.version, purpose.why.en.as_str()),
        ("trial", 3, "Om te toetsen.")
    );
    assert_eq!(purpose.basis.special, None);
    let [
        Grant::Figures(figures),
        Grant::Records(records),
        Grant::Facts(facts),
        Grant::Delivery(delivery),
    ] = purpose.grants.as_slice()
    else {
        panic!("other grants")
    };
    let group_by: Vec<_> = figures.group_by.iter().map(ToString::to_string).collect();
    assert_eq!(
        group_by,
        ["enrolment.neighbourhood@district", "enrolment.sector@sector"]
    );
    assert_eq!(
        figures.only,
        [("absence.kind@code".parse().unwrap(), "unauthorised".to_owned())]
    );
    assert_eq!(
        (figures.round, figures.max_dimensions, figures.limit.cells),
        (5, 2, Some(5000))
    );
    let coarser: Vec<_> = records
        .fields
        .iter()
        .map(|grant| grant.generalise.clone())
        .collect();
    assert_eq!(
        coarser,
        [
            None,
            Some(Generalise::Month),
            Some(Generalise::Level("district".parse().unwrap()))
        ]
    );
    assert_eq!(
        (records.staff, records.key_period, records.page_max),
        (StaffRule::Proved, KeyPeriod::None, 1000)
    );
    assert_eq!((facts.exists, facts.scope), (false, Scope::OwnSchool));
    assert_eq!(facts.identifiers, [IdentifierKind::Bsn, IdentifierKind::EckId]);
    assert_eq!(
        delivery.limit.requests,
        Rate {
            count: 5,
            per: Per::Day
        }
    );
    assert_eq!(
        purpose.questions[0].only,
        [("absence.stay-at-home@code".parse().unwrap(), "true".to_owned())]
    );
}

#[test]
fn each_mistake_is_told_at_its_place() {
    let world = World::new();
    let mut wrong = Vec::new();
    for (from, to, expected) in broken::BROKEN {
        assert_eq!(SOUND.matches(from).count(), 1, "ambiguous: {from}");
        let errors = world.parse(&SOUND.replace(from, to)).err().unwrap_or_default();
        let found = shown(&errors);
        let expected = format!("purposes/trial.toml:{expected}");
        if found != [expected.clone()] {
            wrong.push((to, expected, found));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn all_mistakes_are_told_at_once_each_with_a_caret() {
    let text = SOUND
        .replace("version = 3", "verzion = 3")
        .replace("\"children\"", "\"child\"")
        .replace("600/h", "600/x");
    let errors = World::new().parse(&text).unwrap_err();
    let lines: Vec<_> = errors.iter().map(|error| (error.line, error.column)).collect();
    assert_eq!(lines, [(1, 1), (2, 1), (17, 14), (24, 22), (43, 22)]);
    assert_eq!(
        errors[2].to_string(),
        "purposes/trial.toml:17:14: unknown population `child`; did you mean `children`?\n\
         17 | population = \"child\"\n   |              ^^^^^^^"
    );
}

#[test]
fn hard_rules_hold_unless_an_article_is_named() {
    let cases: [(&str, &str, &str, &str); 5] = [
        (
            "{ kind = \"school-board\", role = \"school\" }",
            "{ organisation = \"swv-vo\", role = \"school\" }",
            "no-bsn-to-swv",
            "an SWV gets no BSN",
        ),
        (
            "{ kind = \"school-board\", role = \"school\" }",
            "{ organisation = \"municipality\", role = \"school\" }",
            "swv-data-to-own-school",
            "`admissibility` is held by the SWV and goes to the pupil's own school board only",
        ),
        (
            "scope = \"own-school\"",
            "scope = \"everything\"",
            "swv-data-to-own-school",
            "`admissibility` is held by the SWV and goes to the pupil's own school board only",
        ),
        (
            "scope = \"own-school\"",
            "scope = \"own-school\"\nstaff = \"stated\"",
            "staff-proved",
            "facts prove the person who asks",
        ),
        (
            "scope = \"caseload\"",
            "scope = \"caseload\"\nstaff = \"stated\"",
            "staff-proved",
            "records prove the person who asks",
        ),
    ];
    let world = World::new();
    for (from, to, rule, message) in cases {
        let text = SOUND.replace(from, to);
        let errors = world.parse(&text).unwrap_err();
        let article = HardRule::ALL.into_iter().find(|known| known.name() == rule);
        let article = article.map(HardRule::article).unwrap();
        let expected = format!("{message} (hard rule `{rule}`: {article})");
        assert!(
            errors.iter().any(|error| error.message == expected),
            "{:#?}",
            shown(&errors)
        );
        let exception = format!(
            "exceptions = [{{ rule = \"{rule}\", article = \"Wet art. 1\" }}]\n\n[[grant]]\nform = \"figures\""
        );
        let excused = world
            .parse(&text.replace("\n[[grant]]\nform = \"figures\"", &exception))
            .err()
            .unwrap_or_default();
        assert!(
            excused.iter().all(|error| error.message != expected),
            "{rule}: {:#?}",
            shown(&excused)
        );
    }
}

#[test]
fn a_recipient_may_not_mark_the_rows_it_gets() {
    let text = SOUND.replace(
        "recipient = [{ organisation = \"swv-po\", role = \"consulent\" }]",
        "recipient = [{ organisation = \"board-41676\", role = \"consulent\" }]",
    );
    let text = text.replace("scope = \"caseload\"", "scope = \"own-board\"");
    let errors = World::new().parse(&text).unwrap_err();
    let expected = "a recipient delivers `absence.since` itself, so it could mark rows and read them back";
    assert_eq!(
        errors
            .iter()
            .map(|error| error.message.as_str())
            .collect::<Vec<_>>(),
        [expected]
    );
}

#[test]
fn only_holders_deliver() {
    let text = SOUND.replace(
        "{ kind = \"school-board\", role = \"delivery\" }",
        "{ organisation = \"swv-po\", role = \"delivery\" }",
    );
    let errors = World::new().parse(&text).unwrap_err();
    assert_eq!(
        shown(&errors),
        ["purposes/trial.toml:45:1: `swv-po` is not of the kind that holds `enrolment`"]
    );
}

#[test]
fn a_question_crosses_no_more_than_its_grant_allows() {
    let text = SOUND
        .replace(
            "measures = [\"pupils\"]\nepochs",
            "max_dimensions = 1\nmeasures = [\"pupils\"]\nepochs",
        )
        .replace("hood@district\"]", "hood@district\", \"enrolment.sector\"]");
    let errors = World::new().parse(&text).unwrap_err();
    let expected = "crosses 2 dimensions besides geography; the grant allows 1";
    assert_eq!(
        errors
            .iter()
            .map(|error| error.message.as_str())
            .collect::<Vec<_>>(),
        [expected]
    );
}

#[test]
fn an_empty_file_names_every_missing_key() {
    let errors = World::new().parse("").unwrap_err();
    let missing: Vec<_> = errors
        .iter()
        .filter(|error| error.message.starts_with("missing key"))
        .collect();
    assert_eq!(missing.len(), errors.len());
    assert_eq!(missing.len(), 10);
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]
    #[test]
    fn no_text_makes_reading_panic(at in 0..SOUND.len(), with in "\\PC{0,4}") {
        proptest::prop_assume!(SOUND.is_char_boundary(at));
        let world = World { catalogue: Catalogue::default(), organisations: Organisations::default() };
        let (before, after) = SOUND.split_at(at);
        let _ = world.parse(&format!("{before}{with}{}", after.get(1..).unwrap_or_default()));
    }
}
