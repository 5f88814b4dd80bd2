//! The keys of purposes and of their decision tables; grants have a file of their own.

use super::grant::{codes, delivery, facts, figures, records, resolve, restrict, search, translate};
use super::{DIMENSION, MEASURE, NAME, Shape, list, may, must, words};

pub(super) const DURATION: Shape = Shape::Pattern("^P");
const WARNINGS: &[&str] = &[
    "approval-ends",
    "dpia-older",
    "figure-bound",
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
            controllers(),
            "Who decides on it (AVG 4(7)); the FG of each signs",
        ),
        must("basis", basis(), "Legal basis"),
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
            exceptions(),
            "Hard rules that a named article sets aside",
        ),
        may("explain", explanations(), "Warnings that are in order, and why"),
        must(
            "grant",
            list(Shape::OneOf(vec![
                delivery(),
                facts(),
                figures(),
                records(),
                resolve(),
                restrict(),
                search(),
                translate(),
            ])),
            "What it allows; nothing else is",
        ),
        may("question", list(question()), "Named questions, for dashboards"),
    ])
}

fn controllers() -> Shape {
    list(Shape::Table(vec![
        must("organisation", NAME, "Short name"),
        must("law", Shape::Text, "Law and article that give it this task"),
    ]))
}

fn basis() -> Shape {
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
    ])
}

fn exceptions() -> Shape {
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
    ]))
}

fn explanations() -> Shape {
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
    ]))
}

fn indicator() -> Shape {
    let terms = || {
        list(Shape::Table(vec![
            must(
                "grant",
                Shape::Integer(0, u32::MAX.into()),
                "The figures grant, from 0",
            ),
            may("only", codes(), "Filters, besides those of the grant"),
        ]))
    };
    Shape::Table(vec![
        must(
            "per",
            Shape::Integer(1, 1_000),
            "100, 1000, or 1 for the plain ratio",
        ),
        must("numerator", terms(), "Cells that are added up above the line"),
        must("denominator", terms(), "Cells that are added up below it"),
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
        must(
            "measures",
            list(MEASURE),
            "What is counted; an empty list for an indicator",
        ),
        may(
            "indicator",
            indicator(),
            "A ratio of cells that the purpose's grants show",
        ),
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
            "persons",
            Shape::Integer(1, 4),
            "How many persons release the request together; left out: one",
        ),
        may(
            "case",
            Shape::Boolean,
            "Whether the person names a case; left out: yes",
        ),
    ])
}
