//! A file and its schema, walked side by side: which table of the schema stands where.

use std::collections::BTreeSet;
use std::ops::Range;

use toml::de::{DeTable, DeValue};

use super::super::{Key, Shape};

/// A table of a schema as it is met in a file.
pub(super) struct Met<'s> {
    /// Where in the schema: keys, and the number of the alternative.
    pub(super) schema: String,
    /// Where in the file: keys and positions.
    pub(super) path: Vec<Step>,
    pub(super) place: Range<usize>,
    pub(super) keys: &'s [Key],
    /// The alternatives beside it, where a single key chooses among tables.
    pub(super) variants: BTreeSet<&'static str>,
}

#[derive(Clone, Debug)]
pub(super) enum Step {
    Key(String),
    At(usize),
}

/// Walks a file and its schema side by side; a value that does not fit is a failure.
pub(super) fn walk<'s>(
    shape: &'s Shape,
    value: &DeValue<'_>,
    place: Range<usize>,
    at: (String, Vec<Step>),
    met: &mut Vec<Met<'s>>,
) {
    let (schema, path) = at;
    match (shape, value) {
        (Shape::Table(keys), DeValue::Table(table)) => {
            table_of(keys, table, place, (schema, path), BTreeSet::new(), met);
        }
        (Shape::Map(inner), DeValue::Table(table)) => {
            for (key, value) in table {
                let mut path = path.clone();
                path.push(Step::Key(key.get_ref().to_string()));
                walk(
                    inner,
                    value.get_ref(),
                    value.span(),
                    (format!("{schema}.*"), path),
                    met,
                );
            }
        }
        (Shape::List(inner), DeValue::Array(items)) => {
            for (position, item) in items.iter().enumerate() {
                let mut path = path.clone();
                path.push(Step::At(position));
                walk(
                    inner,
                    item.get_ref(),
                    item.span(),
                    (format!("{schema}[]"), path),
                    met,
                );
            }
        }
        (Shape::OneOf(shapes), value) => {
            let fitting = shapes.iter().position(|shape| fits(shape, value));
            let Some(index) = fitting else {
                panic!("{schema}: nothing fits")
            };
            let shape = &shapes[index];
            match (shape, value) {
                (Shape::Table(keys), DeValue::Table(table)) => {
                    let variants = singles(shapes);
                    table_of(
                        keys,
                        table,
                        place,
                        (format!("{schema}|{index}"), path),
                        variants,
                        met,
                    );
                }
                _ => walk(shape, value, place, (format!("{schema}|{index}"), path), met),
            }
        }
        (shape, value) => assert!(fits(shape, value), "{schema}: {value:?} is not {shape:?}"),
    }
}

fn table_of<'s>(
    keys: &'s [Key],
    table: &DeTable<'_>,
    place: Range<usize>,
    (schema, path): (String, Vec<Step>),
    variants: BTreeSet<&'static str>,
    met: &mut Vec<Met<'s>>,
) {
    for (name, value) in table {
        let name = name.get_ref().as_ref();
        let key = keys.iter().find(|key| key.name == name);
        let Some(key) = key else {
            panic!("{schema}: the schema has no `{name}`")
        };
        let mut path = path.clone();
        path.push(Step::Key(name.to_owned()));
        walk(
            &key.shape,
            value.get_ref(),
            value.span(),
            (format!("{schema}.{name}"), path),
            met,
        );
    }
    for key in keys.iter().filter(|key| key.required) {
        assert!(
            table.contains_key(key.name),
            "{schema}: `{}` is compulsory",
            key.name
        );
    }
    met.push(Met {
        schema,
        path,
        place,
        keys,
        variants,
    });
}

/// The names of alternatives of which one is chosen by its word, or by the only key of its table.
fn singles(shapes: &[Shape]) -> BTreeSet<&'static str> {
    let single = |shape: &Shape| match shape {
        Shape::Table(keys) => match keys.as_slice() {
            [only] => Some(vec![only.name]),
            _ => None,
        },
        Shape::Choice(words) => Some(words.to_vec()),
        _ => None,
    };
    let names: Option<Vec<_>> = shapes.iter().map(single).collect();
    names.into_iter().flatten().flatten().collect()
}

/// Whether a value has a shape, as the JSON Schema says it.
fn fits(shape: &Shape, value: &DeValue<'_>) -> bool {
    match (shape, value) {
        (Shape::Any, _) | (Shape::Text, DeValue::String(_)) | (Shape::Boolean, DeValue::Boolean(_)) => true,
        (Shape::Pattern(pattern), DeValue::String(text)) => has_pattern(pattern, text),
        (Shape::Choice(words), DeValue::String(text)) => words.contains(&text.as_ref()),
        (Shape::Integer(least, greatest), DeValue::Integer(number)) => {
            let number: i64 = number.as_str().parse().unwrap();
            (*least..=*greatest).contains(&number)
        }
        (Shape::Date, DeValue::Datetime(date)) => date.time.is_none(),
        (Shape::List(inner), DeValue::Array(items)) => items.iter().all(|item| fits(inner, item.get_ref())),
        (Shape::Map(inner), DeValue::Table(table)) => {
            table.values().all(|value| fits(inner, value.get_ref()))
        }
        (Shape::OneOf(shapes), value) => shapes.iter().any(|shape| fits(shape, value)),
        (Shape::Table(keys), DeValue::Table(table)) => {
            let known = table.iter().all(|(name, value)| {
                let key = keys.iter().find(|key| key.name == name.get_ref().as_ref());
                key.is_some_and(|key| fits(&key.shape, value.get_ref()))
            });
            known
                && keys
                    .iter()
                    .all(|key| !key.required || table.contains_key(key.name))
        }
        _ => false,
    }
}

/// The parsers that the patterns stand for; a pattern that none is written for fails.
fn has_pattern(pattern: &str, text: &str) -> bool {
    let digits = |text: &str, count| text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    match pattern {
        "^[a-z][a-z0-9-]{0,47}$" => text.parse::<crate::catalogue::Name>().is_ok(),
        "^[a-z][a-z0-9-]{0,47}\\.[a-z][a-z0-9-]{0,47}$" => {
            text.parse::<crate::catalogue::FieldName>().is_ok()
        }
        "^[a-z][a-z0-9-]{0,47}\\.[a-z][a-z0-9-]{0,47}(@[a-z][a-z0-9-]{0,47})?$" => text
            .split('@')
            .next()
            .unwrap()
            .parse::<crate::catalogue::FieldName>()
            .is_ok(),
        "^[a-z][a-z0-9-]{0,47}(@[a-z][a-z0-9-]{0,47})?$" => text
            .split('@')
            .all(|part| part.parse::<crate::catalogue::Name>().is_ok()),
        pattern if pattern.starts_with("^(pupils|") => text.parse::<crate::purpose::Measure>().is_ok(),
        "^[1-9][0-9]*/(s|min|h|d)$" => text.parse::<crate::purpose::Rate>().is_ok(),
        "^P" => text.parse::<jiff::Span>().is_ok(),
        "^[0-9]{20}$" => digits(text, 20),
        "^[0-9]{5}$" => digits(text, 5),
        "^(PO|VO)[0-9]{4}$" => digits(&text[2..], 4),
        "^[0-9]{2}-[0-9]{2}$" => text.split('-').all(|part| digits(part, 2)),
        "^[a-z0-9._-]+$" => text.parse::<crate::party::ClientId>().is_ok(),
        other => panic!("no parser for the pattern {other}"),
    }
}

/// The tables of a schema, by where they are, in the same notation as [`Met::schema`].
pub(super) fn declared(shape: &Shape, at: String, found: &mut BTreeSet<String>) {
    match shape {
        Shape::Table(keys) => {
            for key in keys {
                declared(&key.shape, format!("{at}.{}", key.name), found);
            }
            found.insert(at);
        }
        Shape::List(inner) => declared(inner, format!("{at}[]"), found),
        Shape::Map(inner) => declared(inner, format!("{at}.*"), found),
        Shape::OneOf(shapes) => {
            for (index, shape) in shapes.iter().enumerate() {
                declared(shape, format!("{at}|{index}"), found);
            }
        }
        Shape::Text
        | Shape::Pattern(_)
        | Shape::Choice(_)
        | Shape::Boolean
        | Shape::Integer(..)
        | Shape::Date
        | Shape::Any => {}
    }
}
