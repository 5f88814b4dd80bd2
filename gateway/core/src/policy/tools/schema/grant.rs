//! The keys of grants, one form each.

use super::purpose::DURATION;
use super::{DIMENSION, FIELD, Key, MEASURE, NAME, Shape, list, may, must};

const RATE: Shape = Shape::Pattern("^[1-9][0-9]*/(s|min|h|d)$");

fn form(name: &'static [&'static str]) -> Key {
    must("form", Shape::Choice(name), "In which form it is given")
}

fn recipients(key: &'static str, about: &'static str) -> Key {
    must(
        key,
        list(Shape::Table(vec![
            may("organisation", NAME, "One organisation, by its short name"),
            may(
                "kind",
                Shape::Choice(&["municipality", "school-board", "swv", "vendor", "public"]),
                "Every organisation of this kind",
            ),
            must("role", NAME, "The role that the program must have"),
        ])),
        about,
    )
}

fn holders() -> Key {
    must(
        "holders",
        Shape::OneOf(vec![Shape::Choice(&["all"]), list(NAME)]),
        "Whose rows; each holder signs",
    )
}

fn dataset() -> Key {
    must("dataset", NAME, "The base dataset")
}

fn scope() -> Key {
    must(
        "scope",
        Shape::Choice(&["caseload", "own-board", "own-school", "own-site", "everything"]),
        "About which pupils",
    )
}

fn staff() -> Key {
    may(
        "staff",
        Shape::Choice(&["none", "proved", "stated"]),
        "How the person who asks is known; left out: proved",
    )
}

fn limit() -> Key {
    limit_with(None)
}

fn limit_with(besides: Option<Key>) -> Key {
    let requests = must("requests", RATE, "Requests of a client, such as `600/h`");
    let keys = std::iter::once(requests).chain(besides);
    must("limit", Shape::Table(keys.collect()), "How much")
}

fn fields() -> Shape {
    list(Shape::OneOf(vec![
        FIELD,
        Shape::Table(vec![
            must("field", FIELD, "The field"),
            must(
                "as",
                NAME,
                "How it is made coarser: `year`, `month`, `band`, or a level of its hierarchy",
            ),
            may(
                "width",
                Shape::Integer(2, 1_000_000),
                "How many numbers a band holds; compulsory for `band`",
            ),
        ]),
    ]))
}

pub(super) fn codes() -> Shape {
    Shape::Map(Box::new(Shape::OneOf(vec![
        Shape::Text,
        Shape::Boolean,
        Shape::Integer(i64::MIN, i64::MAX),
    ])))
}

pub(super) fn delivery() -> Shape {
    Shape::Table(vec![
        form(&["delivery"]),
        recipients("deliverer", "Who delivers its own rows"),
        dataset(),
        limit(),
    ])
}

pub(super) fn facts() -> Shape {
    Shape::Table(vec![
        form(&["facts"]),
        recipients("recipient", "Who may ask"),
        dataset(),
        holders(),
        must(
            "identifiers",
            list(Shape::Choice(&["bsn", "eckId", "local"])),
            "By which numbers a pupil may be named",
        ),
        may("fields", fields(), "Fields that may be asked"),
        may(
            "exists",
            Shape::Boolean,
            "Whether \"is there a row\" may be asked",
        ),
        may("only", codes(), "Filters that always apply"),
        scope(),
        staff(),
        may(
            "break_glass",
            NAME,
            "The reason's code, where this is the emergency procedure: marked in the log and always looked at",
        ),
        kept(),
        partial(),
        may("holder_rule", list(holder_rule(&[])), HOLDER_RULE),
        limit(),
    ])
}

pub(super) fn figures() -> Shape {
    Shape::Table(vec![
        form(&["figures"]),
        recipients("recipient", "Who may ask"),
        dataset(),
        holders(),
        must("population", NAME, "Who is counted"),
        must(
            "group_by",
            list(DIMENSION),
            "Dimensions that may be grouped by, each with its finest level",
        ),
        may(
            "filter_by",
            list(DIMENSION),
            "Dimensions that may be narrowed by, besides those of `group_by`",
        ),
        may("only", codes(), "Filters that always apply"),
        must("measures", list(MEASURE), "What is counted"),
        must("epochs", NAME, "The population's calendar of count dates"),
        must(
            "protect",
            Shape::Table(vec![
                must(
                    "mechanism",
                    Shape::Choice(&["cell-key", "exact", "suppress-round"]),
                    "How figures are protected; `exact`: not, for they are the recipient's own or a law gives them",
                ),
                may(
                    "article",
                    Shape::Text,
                    "Of `exact` over others' rows: the article that gives the recipient the exact figure",
                ),
                may("round", Shape::Integer(1, 100), "Rounded to a multiple of this"),
                may(
                    "k",
                    Shape::Integer(5, 100),
                    "Of `suppress-round`: smaller cells are hidden, with others",
                ),
                may(
                    "base",
                    Shape::Integer(1, 100),
                    "Of `suppress-round`: what is shown is rounded to a multiple of this",
                ),
                may(
                    "show_from",
                    Shape::Integer(1, 10_000),
                    "Figures below this are hidden",
                ),
            ]),
            "Protection",
        ),
        may(
            "max_dimensions",
            Shape::Integer(0, 4),
            "How many dimensions may be crossed besides the place",
        ),
        kept(),
        partial(),
        may(
            "holder_rule",
            list(holder_rule(&["round", "show_from"])),
            HOLDER_RULE,
        ),
        limit_with(Some(may(
            "cells",
            Shape::Integer(1, u32::MAX.into()),
            "Cells of a recipient and epoch",
        ))),
    ])
}

pub(super) fn records() -> Shape {
    Shape::Table(vec![
        form(&["records"]),
        recipients("recipient", "Who may ask"),
        dataset(),
        holders(),
        must("fields", fields(), "Fields that may be asked, beside a pseudonym"),
        may("filter_by", list(FIELD), "Fields that may be narrowed by"),
        may("only", codes(), "Filters that always apply"),
        scope(),
        staff(),
        may(
            "key_period",
            Shape::Choice(&["none", "school-year"]),
            "How long a pseudonym lasts",
        ),
        may(
            "overlap_days",
            Shape::Integer(1, 366),
            "Days after a rotation of the key or a merge of two numbers during which rows also carry `previousPseudonyms`; left out: none",
        ),
        may(
            "link",
            Shape::Choice(&["purpose", "dataset"]),
            "Across what a pseudonym stays the same; left out: purpose",
        ),
        may(
            "k_anonymity",
            Shape::Integer(5, 1_000),
            "How many pupils are alike at least in all that is not sensitive, 10 or more where anything is; rows are \
             released when an epoch closes, and `population` and `epochs` are compulsory",
        ),
        may("population", NAME, "The population whose epochs they are"),
        may("epochs", NAME, "Its calendar"),
        may("page_max", Shape::Integer(1, 1_000), "Rows a page"),
        kept(),
        partial(),
        may("holder_rule", list(holder_rule(&[])), HOLDER_RULE),
        limit(),
    ])
}

const HOLDER_RULE: &str = "Conditions of single holders";

fn kept() -> Key {
    may(
        "retention",
        DURATION,
        "How long answers may be kept, where shorter than the purpose's",
    )
}

fn partial() -> Key {
    may(
        "partial",
        Shape::Boolean,
        "Whether it answers without the rows of a holder that has not signed; left out: no",
    )
}

/// A condition of one holder; some keys are for figures only.
fn holder_rule(numbers: &[&'static str]) -> Shape {
    let mut keys = vec![
        must("holder", NAME, "The holder"),
        may("without", list(FIELD), "Fields that it does not give"),
        may("retention", DURATION, "How long answers may be kept"),
    ];
    if numbers.contains(&"round") {
        keys.push(may(
            "round",
            Shape::Integer(2, 100),
            "Rounded to a multiple of this at least",
        ));
    }
    if numbers.contains(&"show_from") {
        keys.push(may(
            "show_from",
            Shape::Integer(2, 10_000),
            "Figures below this are hidden",
        ));
    }
    Shape::Table(keys)
}

fn pseudonyms_a_day(most: i64) -> Key {
    a_day(most, "Pseudonyms that they may name together in a day")
}

fn a_day(most: i64, told: &'static str) -> Key {
    limit_with(Some(must("per_day", Shape::Integer(1, most), told)))
}

pub(super) fn resolve() -> Shape {
    Shape::Table(vec![
        form(&["resolve"]),
        recipients("recipient", "Who may ask"),
        dataset(),
        holders(),
        must(
            "of",
            NAME,
            "The purpose under which the recipient got the pseudonyms",
        ),
        must("reasons", list(NAME), "Reasons that may be given, as codes"),
        may(
            "shows",
            Shape::Table(vec![
                may("purpose", Shape::Boolean, "Whether the holder reads the purpose"),
                may("case", Shape::Boolean, "Whether the holder reads the case"),
            ]),
            "What the holder reads besides the reason",
        ),
        must(
            "deadline_days",
            Shape::Integer(1, 60),
            "Days until a request is closed",
        ),
        may(
            "persons",
            Shape::Integer(2, 4),
            "Persons who release a request together",
        ),
        pseudonyms_a_day(1_000),
    ])
}

pub(super) fn restrict() -> Shape {
    Shape::Table(vec![
        form(&["restrict"]),
        recipients("recipient", "Who may enter and lift"),
        dataset(),
        holders(),
        must(
            "identifiers",
            list(Shape::Choice(&["bsn", "eckId", "local"])),
            "By which numbers a pupil may be named",
        ),
        scope(),
        staff(),
        limit(),
    ])
}

pub(super) fn search() -> Shape {
    Shape::Table(vec![
        form(&["search"]),
        recipients("recipient", "Who may search: the data protection officer"),
        dataset(),
        must(
            "identifiers",
            list(Shape::Choice(&["bsn", "eckId", "local"])),
            "By which numbers a pupil may be named",
        ),
        must("reasons", list(NAME), "Reasons that may be given, as codes"),
        may(
            "persons",
            Shape::Integer(2, 4),
            "Persons who release a request together",
        ),
        a_day(1_000, "Pupils that may be looked for in a day"),
    ])
}

pub(super) fn translate() -> Shape {
    Shape::Table(vec![
        form(&["translate"]),
        recipients("recipient", "Who may send pseudonyms"),
        dataset(),
        holders(),
        must("from", NAME, "The purpose under which the recipient got them"),
        must(
            "to",
            Shape::Table(vec![
                must("organisation", NAME, "Who gets the translated ones"),
                must("purpose", NAME, "Its purpose"),
            ]),
            "Whose they become",
        ),
        staff(),
        pseudonyms_a_day(100_000),
    ])
}
