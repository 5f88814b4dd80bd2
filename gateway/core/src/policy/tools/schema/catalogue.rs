//! The keys of datasets, hierarchies, maps and populations.

use super::{DIMENSION, NAME, Shape, list, may, must, words};

/// A field of the same dataset, with or without a level.
const OWN_DIMENSION: Shape = Shape::Pattern("^[a-z][a-z0-9-]{0,47}(@[a-z][a-z0-9-]{0,47})?$");
const VERSION: Shape = Shape::Integer(1, u32::MAX as i64);

pub(super) fn dataset() -> Shape {
    Shape::Table(vec![
        must("dataset", NAME, "Name; the file's name"),
        must("version", VERSION, "Counts up with every change"),
        must("title", words(), "What it is called"),
        must("description", words(), "What one row is"),
        must(
            "about",
            Shape::Choice(&["provision", "pupil", "site", "staff"]),
            "Whom or what a row is about",
        ),
        must(
            "holder",
            Shape::Choice(&["municipality", "school-board", "swv", "vendor", "public"]),
            "What kind of organisation owns the rows",
        ),
        may(
            "class",
            class(),
            "Protection class of the fact that there is a row",
        ),
        must(
            "row_key",
            list(NAME),
            "What identifies a row within its holder: `pupil` or fields",
        ),
        may("since", NAME, "The date field from which a row holds"),
        may("until", NAME, "The date field from which a row no longer holds"),
        must(
            "period",
            Shape::Choice(&["none", "school-year"]),
            "Which rows a snapshot replaces",
        ),
        must(
            "errors",
            Shape::OneOf(vec![
                Shape::Choice(&["refuse-all"]),
                Shape::Table(vec![must(
                    "accept_up_to_percent",
                    Shape::Integer(0, 100),
                    "The correct rows are accepted while at most so many are wrong",
                )]),
            ]),
            "What a delivery with mistakes does",
        ),
        may(
            "rows_bound",
            Shape::Integer(1, 1_000),
            "The most rows of one pupil that a figure counts; left out: rows are not counted",
        ),
        may(
            "retention",
            Shape::Table(vec![
                must("from", list(NAME), "Date fields; the first with a date counts"),
                must("keep", Shape::Pattern("^P"), "How long after that (ISO 8601)"),
            ]),
            "How long rows are kept; left out: public reference",
        ),
        may("rule", list(rule()), "Plausibility within a row"),
        may(
            "implication",
            list(implication()),
            "Codes that go together by definition",
        ),
        must("field", list(field()), "The fields"),
    ])
}

fn rule() -> Shape {
    Shape::OneOf(vec![
        Shape::Table(vec![must(
            "before",
            list(NAME),
            "The first date lies before the second",
        )]),
        Shape::Table(vec![must("not_after", list(NAME), "Before it, or on it")]),
    ])
}

fn implication() -> Shape {
    Shape::Table(vec![
        must("when", OWN_DIMENSION, "The implying dimension"),
        must("then", OWN_DIMENSION, "The implied one"),
        must("pairs", list(list(Shape::Text)), "From a code to a code"),
    ])
}

fn class() -> Shape {
    Shape::Choice(&["normal", "sensitive"])
}

fn code() -> Shape {
    Shape::Table(vec![
        must("code", Shape::Text, "The code"),
        must("nl", Shape::Text, "Label in Dutch"),
        may("en", Shape::Text, "Label in English"),
    ])
}

fn field() -> Shape {
    Shape::Table(vec![
        must("name", NAME, "Name"),
        must(
            "type",
            Shape::Choice(&[
                "bool", "brin6", "code", "date", "integer", "text", "pc4", "staff-id",
            ]),
            "What a value is",
        ),
        may("required", Shape::Boolean, "Whether each row must have it"),
        may("class", class(), "Protection class; never below the dataset's"),
        may(
            "hierarchy",
            NAME,
            "The hierarchy whose finest level has its codes",
        ),
        may("codes", list(code()), "Its codes, where it has no hierarchy"),
        may("derive", derive(), "How it follows from other fields"),
        may("min", Shape::Integer(i64::MIN, i64::MAX), "Least value"),
        may("max", Shape::Integer(i64::MIN, i64::MAX), "Greatest value"),
        may(
            "bound",
            Shape::Integer(1, 1_000_000_000),
            "The most that one pupil adds to a sum",
        ),
        may(
            "bins",
            list(Shape::Integer(i64::MIN, i64::MAX)),
            "Where each bin after the first begins",
        ),
        may("max_chars", Shape::Integer(1, u32::MAX.into()), "Greatest length"),
        must("title", words(), "What it is called"),
        must("description", words(), "One sentence"),
    ])
}

fn derive() -> Shape {
    let of = || must("of", NAME, "The field that it follows from");
    let one = |name, keys, about| Shape::Table(vec![must(name, Shape::Table(keys), about)]);
    Shape::OneOf(vec![
        one(
            "age",
            vec![of()],
            "Whole years from a date to the day of the question",
        ),
        one(
            "whole_days",
            vec![
                must("since", NAME, "A date field"),
                must("until", NAME, "A date field"),
            ],
            "Days between two dates that are both past",
        ),
        one(
            "whole_weeks",
            vec![
                must("since", NAME, "A date field"),
                must("until", NAME, "A date field"),
            ],
            "Whole weeks between two dates",
        ),
        one(
            "membership",
            vec![
                of(),
                must("hierarchy", NAME, "Where it is looked up"),
                must("member", Shape::Text, "Code if it is there"),
                must("other", Shape::Text, "Code if it is not"),
                must("empty", Shape::Text, "Code if there is no value"),
            ],
            "Whether a value is in a hierarchy",
        ),
        one(
            "mapped",
            vec![of(), must("table", NAME, "The map")],
            "Looked up in a map, where no value was sent",
        ),
    ])
}

pub(super) fn hierarchy() -> Shape {
    Shape::Table(vec![
        must("hierarchy", NAME, "Name; the file's name"),
        must("version", VERSION, "Counts up with every change"),
        must("title", words(), "What it is called"),
        must("source", Shape::Text, "Publisher and publication"),
        must("licence", Shape::Text, "Its licence"),
        must(
            "level",
            list(Shape::Table(vec![
                must("name", NAME, "Name"),
                must("title", words(), "What it is called"),
                must(
                    "nodes",
                    list(Shape::Table(vec![
                        must("code", Shape::Text, "The code"),
                        must("nl", Shape::Text, "Label in Dutch"),
                        may("en", Shape::Text, "Label in English"),
                        may(
                            "parent",
                            Shape::Text,
                            "The code above it; at every level but the coarsest",
                        ),
                    ])),
                    "Its codes",
                ),
            ])),
            "The levels, finest first",
        ),
    ])
}

pub(super) fn map() -> Shape {
    Shape::Table(vec![
        must("map", NAME, "Name; the file's name"),
        must("version", VERSION, "Counts up with every change"),
        must("title", words(), "What it is called"),
        must("source", Shape::Text, "Publisher and publication"),
        must("licence", Shape::Text, "Its licence"),
        must("to", NAME, "The hierarchy of the codes that it gives"),
        must("other", Shape::Text, "The code of whatever is not in it"),
        must(
            "rows",
            list(Shape::Table(vec![
                must("from", Shape::Text, "The value"),
                must("to", Shape::Text, "The code"),
                must(
                    "weight",
                    Shape::Integer(0, u32::MAX.into()),
                    "Share of the value, in thousandths",
                ),
            ])),
            "The rows",
        ),
    ])
}

pub(super) fn population() -> Shape {
    Shape::Table(vec![
        must("population", NAME, "Name; the file's name"),
        must("version", VERSION, "Counts up with every change"),
        must("title", words(), "What it is called"),
        must(
            "datasets",
            list(NAME),
            "A row in one of them makes somebody a member",
        ),
        must(
            "calendar",
            list(Shape::Table(vec![
                must("name", NAME, "Name"),
                must("title", words(), "What it is called"),
                must(
                    "days",
                    list(Shape::Pattern("^[0-9]{2}-[0-9]{2}$")),
                    "Days of the year, such as `10-01`",
                ),
            ])),
            "Calendars of count dates",
        ),
        may(
            "sole_holder",
            list(Shape::Table(vec![
                must("when", DIMENSION, "The dimension"),
                must(
                    "pairs",
                    list(list(Shape::Text)),
                    "Pairs of a code and the organisation that holds all rows of its kind there",
                ),
            ])),
            "Where one organisation holds all rows of its kind",
        ),
        may(
            "bound",
            Shape::Table(vec![
                may(
                    "normal",
                    Shape::Integer(501, 999),
                    "In one epoch, of what is ordinary",
                ),
                may(
                    "sensitive",
                    Shape::Integer(501, 999),
                    "In one epoch, of what is sensitive",
                ),
                may("total", Shape::Integer(501, 999), "Over three years"),
            ]),
            "The greatest probability, in thousandths, of guessing one bit of one pupil",
        ),
    ])
}
