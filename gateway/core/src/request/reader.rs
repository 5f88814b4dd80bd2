//! Reads a JSON object key by key and collects every mistake.

use jiff::civil::Date;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::catalogue::{Catalogue, Dimension, FieldName, Name, NameError, is_brin6};
use crate::party::Oin;
use crate::strict_json::{self, StrictJsonError};

use super::{OnBehalfOf, date};

/// One mistake in what was sent.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct InputError {
    /// Where it stands: `body`, `query`, `path` or `header`.
    #[serde(rename = "in")]
    pub part: &'static str,
    /// The JSON pointer (RFC 6901), parameter, or row.
    pub location: String,
    /// The stable kebab-case code.
    pub code: &'static str,
    /// What is wrong and how to mend it; never the value that was sent.
    pub detail: String,
}

/// Parses bytes as one JSON value.
pub(super) fn json(body: &[u8]) -> Result<Value, Vec<InputError>> {
    strict_json::value(body).map_err(|error| {
        let code = match error {
            StrictJsonError::Malformed { .. } | StrictJsonError::NoObject => "malformed-json",
            StrictJsonError::Twice { .. } => "duplicate-key",
            StrictJsonError::TooDeep => "too-deep",
        };
        vec![InputError {
            part: "body",
            location: String::new(),
            code,
            detail: error.to_string(),
        }]
    })
}

/// An object being read: what was not asked for by the end is an unknown key.
pub(super) struct Reader<'a> {
    object: &'a Map<String, Value>,
    prefix: String,
    known: Vec<&'static str>,
    errors: Vec<InputError>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(value: &'a Value) -> Result<Self, Vec<InputError>> {
        Self::at(value, String::new())
    }

    /// A reader for an object inside the body.
    pub(super) fn at(value: &'a Value, prefix: String) -> Result<Self, Vec<InputError>> {
        match value {
            Value::Object(object) => Ok(Self {
                object,
                prefix,
                known: Vec::new(),
                errors: Vec::new(),
            }),
            _ => Err(vec![InputError {
                part: "body",
                location: prefix,
                code: "wrong-type",
                detail: "must be an object".to_owned(),
            }]),
        }
    }

    pub(super) fn value(&mut self, key: &'static str) -> Option<&'a Value> {
        self.known.push(key);
        self.object.get(key).filter(|value| !value.is_null())
    }

    pub(super) fn text(&mut self, key: &'static str) -> Option<String> {
        let text = self.value(key)?.as_str();
        if text.is_none() {
            self.wrong(key, "wrong-type", "must be a string");
        }
        text.map(str::to_owned)
    }

    pub(super) fn number(&mut self, key: &'static str) -> Option<u64> {
        let value = self.value(key)?;
        let number = value.as_u64();
        if number.is_none() {
            self.wrong(key, "wrong-type", "must be a whole number, 0 or more");
        }
        number
    }

    pub(super) fn flag(&mut self, key: &'static str) -> Option<bool> {
        let value = self.value(key)?;
        let flag = value.as_bool();
        if flag.is_none() {
            self.wrong(key, "wrong-type", "must be `true` or `false`");
        }
        flag
    }

    /// An array of strings, each with its JSON pointer.
    pub(super) fn texts(&mut self, key: &'static str) -> Option<Vec<(String, String)>> {
        let Value::Array(items) = self.value(key)? else {
            self.wrong(key, "wrong-type", "must be an array of strings");
            return None;
        };
        let mut texts = Vec::with_capacity(items.len());
        for (position, item) in items.iter().enumerate() {
            match item {
                Value::String(text) => texts.push((self.pointer(&format!("{key}/{position}")), text.clone())),
                _ => self.wrong(&format!("{key}/{position}"), "wrong-type", "must be a string"),
            }
        }
        Some(texts)
    }

    /// An object of scalars, as text, each with its JSON pointer; a key that names no field is not repeated in it.
    pub(super) fn scalars(
        &mut self,
        catalogue: &Catalogue,
        key: &'static str,
    ) -> Vec<(String, String, String)> {
        let Some(value) = self.value(key) else {
            return Vec::new();
        };
        let Value::Object(members) = value else {
            self.wrong(key, "wrong-type", "must be an object of field and value");
            return Vec::new();
        };
        let mut scalars = Vec::with_capacity(members.len());
        for (name, value) in members {
            let location = self.pointer(&format!("{key}/{}", harmless(catalogue, name)));
            match value {
                Value::String(text) => scalars.push((location, name.clone(), text.clone())),
                Value::Bool(flag) => scalars.push((location, name.clone(), flag.to_string())),
                Value::Number(number) => scalars.push((location, name.clone(), number.to_string())),
                _ => self.error(location, "wrong-type", "must be one code, `true` or `false`"),
            }
        }
        scalars
    }

    /// The purpose: mandatory, and a well-formed name.
    pub(super) fn purpose(&mut self) -> Option<Name> {
        let Some(text) = self.text("purpose") else {
            self.missing("purpose", "the id of a purpose, see `GET /v1/catalogue`");
            return None;
        };
        let name = text.parse().ok();
        if name.is_none() {
            self.wrong(
                "purpose",
                "malformed-name",
                "a purpose is a kebab-case name such as `youth-atlas`",
            );
        }
        name
    }

    /// The board that the caller acts for.
    pub(super) fn acting_for(&mut self) -> Option<Oin> {
        let text = self.text("actingFor")?;
        let oin = text.parse().ok();
        if oin.is_none() {
            self.wrong("actingFor", "malformed-oin", "an OIN has 20 digits");
        }
        oin
    }

    /// A school site, BRIN6.
    pub(super) fn site(&mut self) -> Option<String> {
        let text = self.text("site")?;
        if is_brin6(&text) {
            return Some(text);
        }
        self.wrong(
            "site",
            "not-a-brin6",
            "must be two digits, two capitals, two digits",
        );
        None
    }

    /// An ISO date.
    pub(super) fn date(&mut self, key: &'static str) -> Option<Date> {
        let text = self.text(key)?;
        let found = date(&text);
        if found.is_none() {
            self.wrong(key, "bad-date", "must be a date such as `2026-10-01`");
        }
        found
    }

    pub(super) fn on_behalf_of(&mut self) -> Option<OnBehalfOf> {
        self.person("onBehalfOf")
    }

    /// Why: one of the reasons that the purpose names.
    pub(super) fn reason(&mut self) -> Option<Name> {
        let Some(text) = self.text("reason") else {
            self.missing("reason", "one of the reasons that the purpose names");
            return None;
        };
        let reason = text.parse().ok();
        if reason.is_none() {
            self.wrong("reason", "malformed-name", "is no name such as `contact-school`");
        }
        reason
    }

    /// A person who asks or releases.
    pub(super) fn person(&mut self, key: &'static str) -> Option<OnBehalfOf> {
        let value = self.value(key)?;
        let location = self.pointer(key);
        match Reader::at(value, location) {
            Ok(mut inner) => {
                let behalf = OnBehalfOf {
                    assertion: inner.text("assertion"),
                    case: inner.text("case"),
                };
                if behalf
                    .case
                    .as_ref()
                    .is_some_and(|case| case.is_empty() || case.chars().count() > 128)
                {
                    inner.wrong("case", "out-of-range", "must have 1 to 128 characters");
                }
                self.absorb(inner);
                Some(behalf)
            }
            Err(errors) => {
                self.errors.extend(errors);
                None
            }
        }
    }

    pub(super) fn dimension(
        &mut self,
        catalogue: &Catalogue,
        location: String,
        text: &str,
    ) -> Option<Dimension> {
        match catalogue.dimension(text) {
            Ok(dimension) => Some(dimension),
            Err(error) => {
                self.error(location, name_error_code(&error), &name_error_detail(&error));
                None
            }
        }
    }

    pub(super) fn field(&mut self, catalogue: &Catalogue, location: String, text: &str) -> Option<FieldName> {
        match catalogue.field_name(text) {
            Ok(field) => Some(field),
            Err(error) => {
                self.error(location, name_error_code(&error), &name_error_detail(&error));
                None
            }
        }
    }

    pub(super) fn wrong(&mut self, key: &str, code: &'static str, detail: &str) {
        let location = self.pointer(key);
        self.error(location, code, detail);
    }

    pub(super) fn missing(&mut self, key: &str, what: &str) {
        let location = self.pointer(key);
        if !self.errors.iter().any(|error| error.location == location) {
            self.error(location, "missing", &format!("is missing: {what}"));
        }
    }

    pub(super) fn error(&mut self, location: String, code: &'static str, detail: &str) {
        self.errors.push(InputError {
            part: "body",
            location,
            code,
            detail: detail.to_owned(),
        });
    }

    /// The JSON pointer of a key; of the object itself for an empty one.
    pub(super) fn pointer(&self, key: &str) -> String {
        if key.is_empty() {
            self.prefix.clone()
        } else {
            format!("{}/{key}", self.prefix)
        }
    }

    /// Takes over what an inner reader found, its unknown keys included.
    pub(super) fn absorb(&mut self, inner: Reader<'_>) {
        self.errors.extend(inner.into_errors());
    }

    /// The mistakes found where reading cannot go on: which keys are known is not known yet.
    pub(super) fn into_errors_so_far(self) -> Vec<InputError> {
        self.errors
    }

    pub(super) fn into_errors(mut self) -> Vec<InputError> {
        let unknown: Vec<&String> = self
            .object
            .keys()
            .filter(|key| !self.known.contains(&key.as_str()))
            .collect();
        for key in unknown {
            let near = crate::source_text::closest(key, self.known.iter().copied());
            let hint = near.map_or_else(
                || format!("known here: {}", self.known.join(", ")),
                |near| format!("did you mean `{near}`?"),
            );
            self.errors.push(InputError {
                part: "body",
                location: self.prefix.clone(),
                code: "unknown-key",
                detail: format!("has a key that is not known; {hint}"),
            });
        }
        self.errors
    }

    /// The parsed value, if nothing at all was wrong.
    pub(super) fn finish<T>(self, parsed: Option<T>) -> Result<T, Vec<InputError>> {
        let errors = self.into_errors();
        match parsed {
            Some(value) if errors.is_empty() => Ok(value),
            _ => Err(errors),
        }
    }
}

/// The stable code of a name that names nothing.
pub(super) fn name_error_code(error: &NameError) -> &'static str {
    match error {
        NameError::NoCodes { .. } => "not-a-dimension",
        NameError::NotADimension | NameError::NotAField | NameError::NotAName => "malformed-name",
        NameError::UnknownDataset { .. } => "unknown-dataset",
        NameError::UnknownField { .. } => "unknown-field",
        NameError::UnknownLevel { .. } => "unknown-level",
    }
}

/// What is wrong with a name, without the name: what was sent in its place may be a person's.
pub(super) fn name_error_detail(error: &NameError) -> String {
    let (what, suggestion) = match error {
        NameError::NoCodes { .. } => ("has no codes, so it is not a dimension", None),
        NameError::NotADimension => ("is not written as `dataset.field@level`", None),
        NameError::NotAField => ("is not written as `dataset.field`", None),
        NameError::NotAName => (
            "is no name: lower case letters, digits and hyphens, beginning with a letter",
            None,
        ),
        NameError::UnknownDataset { suggestion, .. } => ("names an unknown dataset", suggestion.as_ref()),
        NameError::UnknownField { suggestion, .. } => ("names an unknown field", suggestion.as_ref()),
        NameError::UnknownLevel { suggestion, .. } => {
            ("names a level that the field does not have", suggestion.as_ref())
        }
    };
    let hint = suggestion.map_or_else(
        || "see `GET /v1/catalogue`".to_owned(),
        |near| format!("did you mean `{near}`?"),
    );
    format!("{what}; {hint}")
}

/// A key as it may stand in a JSON pointer: itself if the catalogue knows it, else `*`, for it may hold anything.
fn harmless<'k>(catalogue: &Catalogue, key: &'k str) -> &'k str {
    let known = catalogue.dimension(key).is_ok() || catalogue.field_name(key).is_ok();
    if known { key } else { "*" }
}
