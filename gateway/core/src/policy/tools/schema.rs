//! JSON Schemas (2020-12) of the files of a policies folder, so that editors complete and check them.
//!
//! The parser refuses more than a schema can say. A test proves that both know the same keys, which of them are
//! compulsory, and the same choices.

mod catalogue;
mod grant;
mod organisations;
mod purpose;
#[cfg(test)]
mod tests;

use serde_json::{Map, Value, json};

/// What a value looks like.
#[derive(Clone, Debug)]
pub(in crate::policy::tools) enum Shape {
    /// Any text.
    Text,
    /// A text of this pattern.
    Pattern(&'static str),
    /// One of these words.
    Choice(&'static [&'static str]),
    /// `true` or `false`.
    Boolean,
    /// A whole number in these bounds.
    Integer(i64, i64),
    /// A date of TOML, which editors show the schema as a text.
    Date,
    /// A list.
    List(Box<Shape>),
    /// A table with these keys and no others.
    Table(Vec<Key>),
    /// A table whose keys are names, with values of this shape.
    Map(Box<Shape>),
    /// One of several shapes.
    OneOf(Vec<Shape>),
    /// Anything: what another standard describes.
    Any,
}

/// A key of a table.
#[derive(Clone, Debug)]
pub(in crate::policy::tools) struct Key {
    name: &'static str,
    required: bool,
    shape: Shape,
    about: &'static str,
}

/// A key that must be there.
fn must(name: &'static str, shape: Shape, about: &'static str) -> Key {
    Key {
        name,
        required: true,
        shape,
        about,
    }
}

/// A key that may be left out.
fn may(name: &'static str, shape: Shape, about: &'static str) -> Key {
    Key {
        required: false,
        ..must(name, shape, about)
    }
}

fn list(shape: Shape) -> Shape {
    Shape::List(Box::new(shape))
}

/// A kebab-case name.
const NAME: Shape = Shape::Pattern("^[a-z][a-z0-9-]{0,47}$");
/// `dataset.field`.
const FIELD: Shape = Shape::Pattern("^[a-z][a-z0-9-]{0,47}\\.[a-z][a-z0-9-]{0,47}$");
/// `dataset.field` or `dataset.field@level`.
const MEASURE: Shape = Shape::Pattern(
    "^(pupils|(rows|per-1000)\\([a-z][a-z0-9-]{0,47}\\)|(sum|mean|distribution|share)\\([a-z][a-z0-9-]{0,47}\\.[a-z][a-z0-9-]{0,47}\\))$",
);
const DIMENSION: Shape =
    Shape::Pattern("^[a-z][a-z0-9-]{0,47}\\.[a-z][a-z0-9-]{0,47}(@[a-z][a-z0-9-]{0,47})?$");

/// `{ nl = "…", en = "…" }`.
fn words() -> Shape {
    Shape::Table(vec![
        must("nl", Shape::Text, "Dutch"),
        may("en", Shape::Text, "English; left out: the Dutch"),
    ])
}

/// Each kind of file: its name, which files it is for, and its schema.
pub fn schemas() -> Vec<Schema> {
    let schema = |name, files, title, shape: Shape| Schema {
        name,
        files,
        document: document(name, title, &shape),
    };
    vec![
        schema("purpose", "purposes/*.toml", "A purpose", purpose::purpose()),
        schema(
            "test",
            "purposes/*.test.toml",
            "A decision table of a purpose",
            purpose::table(),
        ),
        schema("dataset", "datasets/*.toml", "A dataset", catalogue::dataset()),
        schema(
            "hierarchy",
            "hierarchies/*.toml",
            "A hierarchy of codes",
            catalogue::hierarchy(),
        ),
        schema(
            "map",
            "maps/*.toml",
            "A table from codes to codes",
            catalogue::map(),
        ),
        schema(
            "population",
            "populations/*.toml",
            "Who is counted, and when",
            catalogue::population(),
        ),
        schema(
            "organisations",
            "organisations.toml",
            "Who takes part",
            organisations::organisations(),
        ),
    ]
}

/// The schema of one kind of file.
#[derive(Clone, Debug)]
pub struct Schema {
    /// `purpose`: the schema's file is `purpose.schema.json`.
    pub name: &'static str,
    /// Which files of a policies folder it is for.
    pub files: &'static str,
    /// The schema.
    pub document: Value,
}

impl Schema {
    /// The text of its file.
    pub fn text(&self) -> String {
        format!("{:#}\n", self.document)
    }
}

fn document(name: &str, title: &str, shape: &Shape) -> Value {
    let mut schema = Map::new();
    schema.insert(
        "$schema".to_owned(),
        "https://json-schema.org/draft/2020-12/schema".into(),
    );
    schema.insert(
        "$id".to_owned(),
        format!("https://doelpoort.example/schema/{name}.schema.json").into(),
    );
    schema.insert("title".to_owned(), title.into());
    if let Value::Object(members) = shape.schema() {
        schema.extend(members);
    }
    schema.into()
}

impl Shape {
    fn schema(&self) -> Value {
        match self {
            Self::Text => json!({ "type": "string" }),
            Self::Pattern(pattern) => json!({ "type": "string", "pattern": pattern }),
            Self::Choice(words) => json!({ "enum": words }),
            Self::Boolean => json!({ "type": "boolean" }),
            Self::Integer(least, greatest) => {
                json!({ "type": "integer", "minimum": least, "maximum": greatest })
            }
            Self::Date => json!({ "type": "string", "format": "date" }),
            Self::List(items) => json!({ "type": "array", "items": items.schema() }),
            Self::Table(keys) => {
                let properties: Map<String, Value> = keys
                    .iter()
                    .map(|key| (key.name.to_owned(), key.schema()))
                    .collect();
                let required: Vec<&str> = keys
                    .iter()
                    .filter(|key| key.required)
                    .map(|key| key.name)
                    .collect();
                json!({
                    "type": "object",
                    "properties": properties,
                    "required": required,
                    "additionalProperties": false,
                })
            }
            Self::Map(values) => json!({ "type": "object", "additionalProperties": values.schema() }),
            Self::OneOf(shapes) => {
                let shapes: Vec<Value> = shapes.iter().map(Self::schema).collect();
                json!({ "anyOf": shapes })
            }
            Self::Any => json!({}),
        }
    }
}

impl Key {
    fn schema(&self) -> Value {
        let mut schema = Map::new();
        schema.insert("description".to_owned(), self.about.into());
        if let Value::Object(members) = self.shape.schema() {
            schema.extend(members);
        }
        schema.into()
    }
}
