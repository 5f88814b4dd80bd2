//! The keys of purposes and of their decision tables.

use super::{DIMENSION, FIELD, Key, NAME, Shape, list, may, must, words};

const RATE: Shape = Shape::Pattern("^[1-9][0-9]*/(s|min|h|d)$");
const DURATION: Shape = Shape::Pattern("^P");
const WARNINGS: &[&str] = &[
    "approval-ends",
    "dpia-older",
    "idle-explanation",
    "joint-uniqueness",
    "live-source-leak",
    "sensitive-fields",
    "unused-grant",
    "validity-ends",
    "watermark",
];

pub(super) fn purpose() -> Shape {
    Shape::Table(vec![
        must("purpose", NAME, "Name; the file's name"),
        must(
            "version",
            Shape::Integer(1, u32::MAX.into()),
            "Counts up with every change",
        ),
        must("title", words(), "What it is called"),
        must("why", words(), "Why it is needed, for a parent to read"),
        must(
            "controllers",
            list(Shape::Table(vec![
                must("organisation", NAME, "Short name"),
                must("law", Shape::Text, "Law and article that give it this task"),
            ])),
            "Who decides on it (AVG 4(7)); the FG of each signs",
        ),
        must(
            "basis",
            Shape::Table(vec![
                must(
                    "avg",
                    Shape::Choice(&["6(1)(a)", "6(1)(b)", "6(1)(c)", "6(1)(d)", "6(1)(e)", "6(1)(f)"]),
                    "Point of AVG 6(1)",
                ),
                must(
                    "special",
                    Shape::Text,
                    "Exception of AVG 9(2) with its national law, or `none`",
                ),
            ]),
            "Legal basis",
        ),
        may(
            "dpia",
            Shape::Table(vec![
                must("reference", Shape::Text, "Its reference at the controller"),
                must("date", Shape::Date, "The day it was adopted"),
            ]),
            "Impact assessment (AVG 35); compulsory where something sensitive is granted",
        ),
        must(
            "valid",
            Shape::Table(vec![
                must("from", Shape::Date, "First day"),
                must("until", Shape::Date, "Last day"),
            ]),
            "The days on which it acts",
        ),
        may("changed", Shape::Date, "The day of its last change of substance"),
        must(
            "retention",
            DURATION,
            "How long a recipient may keep what it gets (ISO 8601)",
        ),
        must("contact", Shape::Text, "Where to ask about it"),
        may(
            "exceptions",
            list(Shape::Table(vec![
                must(
                    "rule",
                    Shape::Choice(&[
                        "no-bsn-to-swv",
                        "swv-data-to-own-school",
                        "swv-data-three-years",
                        "dpia-where-sensitive",
                        "youth-care-as-figures",
                        "staff-proved",
                    ]),
                    "The hard rule",
                ),
                must("article", Shape::Text, "Law and article that allow it"),
            ])),
            "Hard rules that a named article sets aside",
        ),
        may(
            "explain",
            list(Shape::Table(vec![
                must(
                    "warning",
                    Shape::Choice(WARNINGS),
                    "The warning of `policy check`",
                ),
                may(
                    "grant",
                    Shape::Integer(0, u32::MAX.into()),
                    "The grant, from 0; left out: the whole purpose",
                ),
                must(
                    "because",
                    Shape::OneOf(vec![Shape::Text, words()]),
                    "Why it is in order",
                ),
            ])),
            "Warnings that are in order, and why",
        ),
        must(
            "grant",
            list(Shape::OneOf(vec![delivery(), facts(), figures(), records()])),
            "What it allows; nothing else is",
        ),
        may("question", list(question()), "Named questions, for dashboards"),
    ])
}

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
    must(
        "limit",
        Shape::Table(vec![must(
            "requests",
            RATE,
            "Requests of a client, such as `600/h`",
        )]),
        "How much",
    )
}

fn fields() -> Shape {
    list(Shape::OneOf(vec![
        FIELD,
        Shape::Table(vec![
            must("field", FIELD, "The field"),
            must(
                "as",
                NAME,
                "How it is made coarser: `year`, `month`, or a level of its hierarchy",
            ),
        ]),
    ]))
}

fn codes() -> Shape {
    Shape::Map(Box::new(Shape::OneOf(vec![
        Shape::Text,
        Shape::Boolean,
        Shape::Integer(i64::MIN, i64::MAX),
    ])))
}

fn delivery() -> Shape {
    Shape::Table(vec![
        form(&["delivery"]),
        recipients("deliverer", "Who delivers its own rows"),
        dataset(),
        limit(),
    ])
}

fn facts() -> Shape {
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
        scope(),
        staff(),
        limit(),
    ])
}

fn figures() -> Shape {
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
        must("measures", list(Shape::Choice(&["pupils"])), "What is counted"),
        must("epochs", NAME, "The population's calendar of count dates"),
        must(
            "protect",
            Shape::Table(vec![
                must(
                    "mechanism",
                    Shape::Choice(&["cell-key"]),
                    "How figures are protected",
                ),
                may("round", Shape::Integer(1, 100), "Rounded to a multiple of this"),
            ]),
            "Protection",
        ),
        may(
            "max_dimensions",
            Shape::Integer(0, 4),
            "How many dimensions may be crossed besides the place",
        ),
        must(
            "limit",
            Shape::Table(vec![
                must("requests", RATE, "Requests of a client, such as `600/h`"),
                may(
                    "cells",
                    Shape::Integer(1, u32::MAX.into()),
                    "Cells of a recipient and epoch",
                ),
            ]),
            "How much",
        ),
    ])
}

fn records() -> Shape {
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
        may("page_max", Shape::Integer(1, 1_000), "Rows a page"),
        limit(),
    ])
}

fn question() -> Shape {
    Shape::Table(vec![
        must("name", NAME, "Name, unique in the purpose"),
        must("title", words(), "What it is called"),
        must(
            "grant",
            Shape::Integer(0, u32::MAX.into()),
            "The figures grant that it asks under, from 0",
        ),
        must("group_by", list(DIMENSION), "Dimensions"),
        may("only", codes(), "Filters, besides those of the grant"),
        must("measures", list(Shape::Choice(&["pupils"])), "What is counted"),
    ])
}

/// A decision table.
pub(super) fn table() -> Shape {
    Shape::Table(vec![
        may("date", Shape::Date, "The day of the cases"),
        must(
            "case",
            list(Shape::Table(vec![
                must("name", Shape::Text, "What it shows"),
                must("caller", caller(), "Who asks"),
                must(
                    "request",
                    Shape::OneOf(vec![Shape::Text, Shape::Map(Box::new(Shape::Any))]),
                    "What is asked: the body of the API, without `purpose`",
                ),
                must(
                    "expect",
                    NAME,
                    "`granted`, the code of a denial, or `invalid-input`",
                ),
                may(
                    "clause",
                    Shape::Text,
                    "The clause that decides; compulsory for `granted`",
                ),
                may("date", Shape::Date, "The day of this case"),
            ])),
            "The cases",
        ),
    ])
}

fn caller() -> Shape {
    Shape::Table(vec![
        must("organisation", NAME, "Whose program"),
        must("role", NAME, "Its role"),
        may("for", NAME, "The board that it acts for"),
        may("mandate", list(NAME), "The datasets of that board's mandate"),
        may(
            "staff",
            Shape::Choice(&["proved", "stated"]),
            "How the person who asks is known; left out: nobody is named",
        ),
        may(
            "case",
            Shape::Boolean,
            "Whether the person names a case; left out: yes",
        ),
    ])
}
