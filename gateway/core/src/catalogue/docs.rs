//! The catalogue in words: one page a dataset, for those who deliver and those who ask.

use std::fmt::Write;

use super::dataset::{
    About, Dataset, DatasetPeriod, Derive, ErrorPolicy, Field, FieldType, ProtectionClass, Rule,
};
use super::name::{FieldName, Name};
use super::{Catalogue, Hierarchy};

/// The page of a dataset: what a row is, its key, its fields with type, codes and class, its rules.
pub fn markdown(dataset: &Dataset, catalogue: &Catalogue) -> String {
    let mut page = format!(
        "<!-- made from policies/datasets/{name}.toml by `cargo run -p doelpoort-core --example dataset_docs` -->\n\
         # `{name}` {nl}\n\n{about_en} ({about_nl})\n\n",
        name = dataset.name,
        nl = dataset.title.nl,
        about_en = dataset.description.en,
        about_nl = dataset.description.nl,
    );
    table(
        &mut page,
        ["", ""],
        properties(dataset).map(|(what, says)| [what.to_owned(), says]),
    );
    page.push_str("\n## Fields\n\n");
    let rows = dataset
        .fields
        .iter()
        .map(|field| field_row(dataset, field, catalogue));
    table(
        &mut page,
        ["field", "type", "codes", "required", "class", "meaning"],
        rows,
    );
    let lists = dataset.fields.iter().filter(|field| !field.codes.is_empty());
    for field in lists {
        let _ = writeln!(page, "\n### Codes of `{}`\n", field.name);
        let rows = field
            .codes
            .iter()
            .map(|code| [format!("`{}`", code.code), code.nl.clone(), code.en.clone()]);
        table(&mut page, ["code", "Nederlands", "English"], rows);
    }
    let rules = rules(dataset, catalogue);
    if !rules.is_empty() {
        page.push_str("\n## A row is refused unless\n\n");
        for rule in rules {
            let _ = writeln!(page, "- {rule}");
        }
    }
    page
}

/// The page that lists all datasets.
pub fn index(catalogue: &Catalogue) -> String {
    let mut page =
        "<!-- made from policies/datasets by `cargo run -p doelpoort-core --example dataset_docs` -->\n\
                    # Datasets\n\n"
            .to_owned();
    let rows = catalogue.datasets().map(|dataset| {
        let link = format!(
            "[`{name}`]({name}.md) {nl}",
            name = dataset.name,
            nl = dataset.title.nl
        );
        [link, holder(dataset), dataset.description.en.clone()]
    });
    table(&mut page, ["dataset", "holder", "a row is"], rows);
    page
}

fn properties(dataset: &Dataset) -> impl Iterator<Item = (&'static str, String)> {
    let holds = match (&dataset.since, &dataset.until) {
        (Some(since), Some(until)) => format!("`{since}` ≤ date < `{until}`; no `{until}`: still"),
        (Some(since), None) => format!("from `{since}` on"),
        _ => "always".to_owned(),
    };
    let period = match dataset.period {
        DatasetPeriod::None => "all rows of the holder".to_owned(),
        DatasetPeriod::SchoolYear => "the holder's rows of one school year (1 August – 31 July)".to_owned(),
    };
    let errors = match dataset.errors {
        ErrorPolicy::RefuseAll => "one wrong row refuses the delivery".to_owned(),
        ErrorPolicy::AcceptUpToPercent(percent) => {
            format!("up to {percent} % wrong rows: the others are accepted")
        }
    };
    let kept = dataset.retention.as_ref().map_or_else(
        || "until replaced".to_owned(),
        |kept| {
            format!(
                "{} months after {}",
                kept.months,
                ticked(&kept.from, ", or else ")
            )
        },
    );
    let about = match dataset.about {
        About::Pupil => "a pupil, named by one or more identifiers",
        About::Provision => "a place of education or support; no person",
        About::Site => "a school site",
        About::Staff => "a member of staff; no pupil",
    };
    [
        ("about", about.to_owned()),
        ("holder", holder(dataset)),
        ("row key", ticked(&dataset.row_key, ", ")),
        ("holds", holds),
        ("a snapshot replaces", period),
        ("mistakes", errors),
        ("kept", kept),
        ("protection class", class(dataset.class).to_owned()),
        ("version", dataset.version.to_string()),
    ]
    .into_iter()
}

fn field_row(dataset: &Dataset, field: &Field, catalogue: &Catalogue) -> [String; 6] {
    let name = FieldName::new(dataset.name.clone(), field.name.clone());
    let codes = catalogue
        .hierarchy_of(&name)
        .map_or_else(String::new, |hierarchy| codes(field, hierarchy));
    let required = match (&field.derive, field.required) {
        (Some(derive), _) => derived(derive),
        (None, true) => "yes".to_owned(),
        (None, false) => "no".to_owned(),
    };
    let meaning = format!("{}. {}", field.title.nl, field.description.en);
    [
        format!("`{}`", field.name),
        kind(field.field_type),
        codes,
        required,
        class(field.class).to_owned(),
        meaning,
    ]
}

fn codes(field: &Field, hierarchy: &Hierarchy) -> String {
    if field.hierarchy.is_none() {
        let level = Name::code();
        let listed = hierarchy
            .nodes_at(&level)
            .iter()
            .map(|node| format!("`{}`", node.code));
        return listed.collect::<Vec<_>>().join(" ");
    }
    let levels: Vec<_> = hierarchy.levels.iter().map(Name::as_str).collect();
    let count = hierarchy
        .finest()
        .map_or(0, |level| hierarchy.nodes_at(level).len());
    let name = &hierarchy.name;
    format!(
        "[{count}](../../policies/hierarchies/{name}.toml): {}",
        levels.join(" → ")
    )
}

fn kind(field_type: FieldType) -> String {
    match field_type {
        FieldType::Bool => "bool".to_owned(),
        FieldType::Brin6 => "BRIN6, `06RM00`".to_owned(),
        FieldType::Code => "code".to_owned(),
        FieldType::Date => "date, `2026-10-01`".to_owned(),
        FieldType::Integer { min, max } => format!("integer, {min} to {max}"),
        FieldType::Text { max_chars } => format!("text, at most {max_chars} characters"),
        FieldType::Pc4 => "four digits, `1312`".to_owned(),
        FieldType::StaffId => "1 to 64 printable ASCII characters".to_owned(),
    }
}

fn derived(derive: &Derive) -> String {
    match derive {
        Derive::Age { of } => format!("not delivered: years since `{of}`"),
        Derive::WholeDays { since, until } => format!("not delivered: days from `{since}` to `{until}`"),
        Derive::WholeWeeks { since, until } => format!("not delivered: weeks from `{since}` to `{until}`"),
        Derive::Membership { of, hierarchy, .. } => {
            format!("not delivered: `{of}` looked up in `{hierarchy}`")
        }
        Derive::Mapped { of, table } => {
            format!("no; else from `{of}` by [`{table}`](../../policies/maps/{table}.toml)")
        }
    }
}

fn rules(dataset: &Dataset, catalogue: &Catalogue) -> Vec<String> {
    let order = dataset.rules.iter().map(|rule| match rule {
        Rule::Before(first, second) => format!("`{first}` lies before `{second}`"),
        Rule::NotAfter(first, second) => format!("`{first}` lies before `{second}` or on it"),
    });
    let implied = dataset.implications.iter().map(|implication| {
        let shown = |dimension| catalogue.display(dimension);
        let (when, then) = (shown(&implication.when), shown(&implication.then));
        match implication.pairs.as_slice() {
            [(from, to)] => format!("`{when}` is not `{from}`, or `{then}` is `{to}`"),
            pairs => format!(
                "`{then}` is the one that goes with `{when}`, for {} codes of it",
                pairs.len()
            ),
        }
    });
    order.chain(implied).collect()
}

fn holder(dataset: &Dataset) -> String {
    use crate::party::OrganisationKind as Kind;
    match dataset.holder_kind {
        Kind::Municipality => "municipality (gemeente)",
        Kind::SchoolBoard => "school board (schoolbestuur)",
        Kind::Swv => "SWV (samenwerkingsverband)",
        Kind::Vendor => "vendor (leverancier)",
        Kind::Public => "public reference (openbaar)",
    }
    .to_owned()
}

fn class(class: ProtectionClass) -> &'static str {
    match class {
        ProtectionClass::Normal => "normal",
        ProtectionClass::Sensitive => "sensitive",
    }
}

fn ticked(names: &[Name], between: &str) -> String {
    names
        .iter()
        .map(|name| format!("`{name}`"))
        .collect::<Vec<_>>()
        .join(between)
}

fn table<const N: usize>(page: &mut String, head: [&str; N], rows: impl Iterator<Item = [String; N]>) {
    let mut line = |cells: Vec<String>| {
        let _ = writeln!(page, "| {} |", cells.join(" | "));
    };
    line(head.iter().map(|&cell| cell.to_owned()).collect());
    line(vec!["---".to_owned(); N]);
    rows.for_each(|row| line(row.iter().map(|cell| cell.replace('|', "\\|")).collect()));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::tests::shipped;

    #[test]
    fn the_pages_in_docs_are_true() {
        let catalogue = shipped();
        let pages = catalogue
            .datasets()
            .map(|dataset| (dataset.name.to_string(), markdown(dataset, catalogue)));
        for (name, page) in pages.chain([("README".to_owned(), index(catalogue))]) {
            let path = format!("{}/../../docs/datasets/{name}.md", env!("CARGO_MANIFEST_DIR"));
            let written = std::fs::read_to_string(&path).unwrap_or_default();
            assert!(
                written == page,
                "run `cargo run -p doelpoort-core --example dataset_docs`: {name}.md is old"
            );
        }
    }
}
