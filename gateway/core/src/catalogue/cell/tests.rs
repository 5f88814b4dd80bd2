use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::catalogue::tests::shipped;

fn coordinates(catalogue: &Catalogue, text: &str) -> Vec<Coordinate> {
    let one = |pair: &str| {
        let (dimension, code) = pair.split_once('=').unwrap();
        (catalogue.dimension(dimension).unwrap(), code.to_owned())
    };
    text.split_whitespace().map(one).collect()
}

fn named(catalogue: &Catalogue, cell: &Cell) -> String {
    match cell {
        Cell::Impossible => "impossible".to_owned(),
        Cell::Named(coordinates) => {
            let shown = coordinates
                .iter()
                .map(|(d, code)| format!("{}={code}", catalogue.display(d)));
            shown.collect::<Vec<_>>().join(" ")
        }
    }
}

/// What is asked, and the name of that group.
const GROUPS: &[(&str, &str)] = &[
    ("", ""),
    (
        "enrolment.sector=BO enrolment.neighbourhood=WK003401",
        "enrolment.neighbourhood@neighbourhood=WK003401 enrolment.sector@sector=BO",
    ),
    // an ancestor, and a dataset's presence, say nothing more
    (
        "enrolment.neighbourhood@district=ALM-HAVEN enrolment.neighbourhood=WK003401",
        "enrolment.neighbourhood@neighbourhood=WK003401",
    ),
    (
        "enrolment.present=true enrolment.sector=BO",
        "enrolment.sector@sector=BO",
    ),
    (
        "enrolment.present=true resident.present=true",
        "enrolment.present=true resident.present=true",
    ),
    (
        "enrolment.sector=BO enrolment.sector=BO",
        "enrolment.sector@sector=BO",
    ),
    // only children
    (
        "enrolment.neighbourhood=WK003496",
        "enrolment.neighbourhood@district=ALM-PAMPUS",
    ),
    (
        "enrolment.neighbourhood=ELSEWHERE",
        "enrolment.neighbourhood@city=ELSEWHERE",
    ),
    ("enrolment.site=32GE00", "enrolment.site@board=20041"),
    // a site of one sector; a board of which all sites are; an only child by either name
    (
        "enrolment.site=06RM00 enrolment.sector=BO",
        "enrolment.site@site=06RM00",
    ),
    (
        "enrolment.site=06RM00 enrolment.sector@phase=PO",
        "enrolment.site@site=06RM00",
    ),
    (
        "enrolment.site@board=40950 enrolment.sector=BO",
        "enrolment.site@board=40950",
    ),
    (
        "enrolment.site@board=41676 enrolment.sector=BO",
        "enrolment.sector@sector=BO enrolment.site@board=41676",
    ),
    (
        "enrolment.site@board=20041 enrolment.sector=VO",
        "enrolment.site@board=20041",
    ),
    (
        "enrolment.site=30EF00 enrolment.sector=SO",
        "enrolment.sector@sector=SO enrolment.site@site=30EF00",
    ),
    (
        "enrolment.year-group=3 enrolment.sector@phase=PO",
        "enrolment.year-group@year-group=3",
    ),
    (
        "enrolment.year-group=V enrolment.sector=VSO enrolment.sector@phase=VO",
        "enrolment.year-group@phase=SPECIAL-VO",
    ),
    (
        "absence.stay-at-home=true absence.kind=unauthorised absence.present=true",
        "absence.stay-at-home=true",
    ),
    (
        "absence.stay-at-home=false absence.kind=unauthorised",
        "absence.kind=unauthorised absence.stay-at-home=false",
    ),
    // nobody, by definition
    ("enrolment.sector=BO enrolment.sector=VO", "impossible"),
    ("enrolment.sector=BO enrolment.sector@phase=VO", "impossible"),
    ("enrolment.site=06RM00 enrolment.sector=VO", "impossible"),
    ("enrolment.site=06RM00 enrolment.year-group=12", "impossible"),
    ("enrolment.present=false enrolment.sector=BO", "impossible"),
    ("absence.stay-at-home=true absence.kind=authorised", "impossible"),
];

#[test]
fn a_group_has_one_name() {
    let catalogue = shipped();
    for (asked, expected) in GROUPS {
        let cell = catalogue.cell(&coordinates(catalogue, asked)).unwrap();
        assert_eq!(named(catalogue, &cell), *expected, "{asked}");
    }
}

#[test]
fn a_code_that_does_not_exist_names_no_cell() {
    let catalogue = shipped();
    let dimension = catalogue.dimension("enrolment.sector").unwrap();
    assert_eq!(
        catalogue.cell(&[(dimension.clone(), "XX".to_owned())]),
        Err(UnknownCode { dimension })
    );
}

proptest! {
    #[test]
    fn naming_is_stable_and_ignores_order_and_repetition(
        picks in proptest::collection::vec((select(DIMENSIONS), any::<proptest::sample::Index>()), 1..4)
    ) {
        let catalogue = shipped();
        let mut asked: Vec<Coordinate> = picks.iter().map(|(text, pick)| {
            let dimension = catalogue.dimension(text).unwrap();
            let code = pick.get(&catalogue.codes(&dimension)).code.clone();
            (dimension, code)
        }).collect();
        let cell = catalogue.cell(&asked).unwrap();
        asked.reverse();
        asked.extend(asked.clone());
        prop_assert_eq!(&catalogue.cell(&asked).unwrap(), &cell);
        if let Cell::Named(coordinates) = &cell {
            prop_assert_eq!(&catalogue.cell(coordinates).unwrap(), &cell);
        }
    }
}

const DIMENSIONS: &[&str] = &[
    "enrolment.neighbourhood@neighbourhood",
    "enrolment.neighbourhood@district",
    "enrolment.neighbourhood@city",
    "enrolment.site@site",
    "enrolment.site@board",
    "enrolment.sector@sector",
    "enrolment.sector@phase",
    "enrolment.year-group@year-group",
    "enrolment.year-group@phase",
    "enrolment.present",
    "absence.kind",
    "absence.stay-at-home",
    "resident.attends",
];
