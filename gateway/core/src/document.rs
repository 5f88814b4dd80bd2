//! Reads a TOML document that people write: each mistake is noted at its place and reading goes on, so
//! that all mistakes are told at once.

use std::cell::RefCell;
use std::fmt::Display;
use std::ops::{Range, RangeInclusive};
use std::str::FromStr;

use jiff::civil::Date;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::source_text::{SourceError, SourceText};

/// The text and the mistakes found so far.
pub(crate) struct Document<'a> {
    source: SourceText<'a>,
    errors: RefCell<Vec<SourceError>>,
}

/// A table and the keys that were asked of it.
pub(crate) struct Table<'d, 'a> {
    document: &'d Document<'a>,
    members: &'d DeTable<'a>,
    place: Range<usize>,
    asked: RefCell<Vec<&'static str>>,
}

/// A mistake was noted; there is nothing more to tell.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Noted;

/// A value, or a key, and its place.
#[derive(Clone, Copy)]
pub(crate) struct Value<'d, 'a> {
    document: &'d Document<'a>,
    content: Content<'d, 'a>,
}

#[derive(Clone, Copy)]
enum Content<'d, 'a> {
    Key(&'d Spanned<std::borrow::Cow<'a, str>>),
    Value(&'d Spanned<DeValue<'a>>),
}

/// Reads `text` with `read`, which returns nothing where it noted a mistake.
pub(crate) fn read<T>(
    file: &str,
    text: &str,
    read: impl FnOnce(&Table<'_, '_>) -> Option<T>,
) -> Result<T, Vec<SourceError>> {
    let source = SourceText::new(file, text);
    let (root, syntax) = DeTable::parse_recoverable(text);
    if !syntax.is_empty() {
        return Err(syntax.iter().map(|error| source.toml_error(error)).collect());
    }
    let document = Document {
        source,
        errors: RefCell::default(),
    };
    let found = read(&Table::new(&document, root.get_ref(), 0..0));
    let mut errors = document.errors.into_inner();
    match found {
        Some(found) if errors.is_empty() => Ok(found),
        _ => {
            if errors.is_empty() {
                errors.push(source.error(0..0, "the file could not be read"));
            }
            errors.sort();
            errors.dedup();
            Err(errors)
        }
    }
}

impl<'d, 'a> Table<'d, 'a> {
    fn new(document: &'d Document<'a>, members: &'d DeTable<'a>, place: Range<usize>) -> Self {
        Self {
            document,
            members,
            place,
            asked: RefCell::default(),
        }
    }

    /// The value of a key that may be left out.
    pub(crate) fn optional(&self, key: &'static str) -> Option<Value<'d, 'a>> {
        self.asked.borrow_mut().push(key);
        self.members.get(key).map(|value| Value {
            document: self.document,
            content: Content::Value(value),
        })
    }

    /// What a key that may be left out holds, read with `read`.
    pub(crate) fn if_there<T>(
        &self,
        key: &'static str,
        read: impl FnOnce(Value<'d, 'a>) -> Option<T>,
    ) -> Result<Option<T>, Noted> {
        self.optional(key)
            .map(|value| read(value).ok_or(Noted))
            .transpose()
    }

    /// The value of a key that must be there.
    pub(crate) fn required(&self, key: &'static str) -> Option<Value<'d, 'a>> {
        let value = self.optional(key);
        if value.is_none() {
            self.error(format!("missing key `{key}`"));
        }
        value
    }

    /// All keys with their values, for a table whose keys are names.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (Value<'d, 'a>, Value<'d, 'a>)> {
        let document = self.document;
        self.members.iter().map(move |(key, value)| {
            (
                Value {
                    document,
                    content: Content::Key(key),
                },
                Value {
                    document,
                    content: Content::Value(value),
                },
            )
        })
    }

    /// Refuses every key that was not asked.
    pub(crate) fn finish(&self) {
        let asked = self.asked.borrow();
        #[cfg(test)]
        asked::note(&self.place, &asked);
        for (key, _) in self.entries() {
            if let Some(name) = key.as_text().filter(|name| !asked.contains(name)) {
                key.unknown(format!("unknown key `{name}`"), name, asked.iter().copied());
            }
        }
    }

    /// Notes a mistake about the table as a whole.
    pub(crate) fn error(&self, message: impl Into<String>) {
        self.document
            .note(self.document.source.error(self.place.clone(), message));
    }
}

impl<'d, 'a> Value<'d, 'a> {
    /// Notes a mistake about this value.
    pub(crate) fn error(&self, message: impl Into<String>) {
        self.document
            .note(self.document.source.error(self.place(), message));
    }

    /// Notes that this value is none of `known`.
    pub(crate) fn unknown<'k>(
        &self,
        message: impl Into<String>,
        given: &str,
        known: impl IntoIterator<Item = &'k str>,
    ) {
        self.document
            .note(self.document.source.unknown(self.place(), message, given, known));
    }

    /// A text.
    pub(crate) fn text(&self) -> Option<&'d str> {
        self.as_text().or_else(|| self.wrong("a text"))
    }

    /// A text with something in it.
    pub(crate) fn words(&self) -> Option<String> {
        let text = self.text()?;
        if text.trim().is_empty() {
            self.error("must not be empty");
            return None;
        }
        Some(text.to_owned())
    }

    /// A text that is the written form of something.
    pub(crate) fn parse<T: FromStr>(&self) -> Option<T>
    where
        T::Err: Display,
    {
        self.text()?
            .parse()
            .map_err(|error: T::Err| self.error(error.to_string()))
            .ok()
    }

    /// One of a few words.
    pub(crate) fn choice<T: Copy>(&self, what: &str, choices: &[(&str, T)]) -> Option<T> {
        let text = self.text()?;
        let chosen = choices
            .iter()
            .find(|(name, _)| *name == text)
            .map(|(_, choice)| *choice);
        if chosen.is_none() {
            let names: Vec<String> = choices.iter().map(|(name, _)| format!("`{name}`")).collect();
            let message = format!("unknown {what} `{text}`, expected one of {}", names.join(", "));
            self.unknown(message, text, choices.iter().map(|(name, _)| *name));
        }
        chosen
    }

    /// A whole number within bounds.
    pub(crate) fn integer(&self, bounds: RangeInclusive<u32>) -> Option<u32> {
        let Some(DeValue::Integer(written)) = self.inner() else {
            return self.wrong("a whole number");
        };
        let number = u32::from_str_radix(written.as_str(), written.radix()).ok();
        number.filter(|number| bounds.contains(number)).or_else(|| {
            self.error(format!("must be from {} to {}", bounds.start(), bounds.end()));
            None
        })
    }

    /// `true` or `false`.
    pub(crate) fn boolean(&self) -> Option<bool> {
        self.inner()
            .and_then(DeValue::as_bool)
            .or_else(|| self.wrong("`true` or `false`"))
    }

    /// A date without a time.
    pub(crate) fn date(&self) -> Option<Date> {
        let written = self
            .inner()
            .and_then(DeValue::as_datetime)
            .filter(|value| value.time.is_none());
        let date = written.and_then(|value| value.date).and_then(|date| {
            let (month, day) = (i8::try_from(date.month).ok()?, i8::try_from(date.day).ok()?);
            Date::new(i16::try_from(date.year).ok()?, month, day).ok()
        });
        date.or_else(|| self.wrong("a date such as 2027-07-31, without quotes"))
    }

    /// The code of a filter: a text, `true` or `false`, or a whole number, as text.
    pub(crate) fn code(&self) -> Option<String> {
        match self.inner() {
            Some(DeValue::String(text)) => Some(text.as_ref().to_owned()),
            Some(DeValue::Boolean(value)) => Some(value.to_string()),
            Some(DeValue::Integer(number)) if number.radix() == 10 => Some(number.as_str().to_owned()),
            _ => self.wrong("a code"),
        }
    }

    /// Each item of a list through `read`; nothing if one of them fails.
    pub(crate) fn each<T>(&self, read: impl Fn(Value<'d, 'a>) -> Option<T>) -> Option<Vec<T>> {
        let Some(items) = self.inner().and_then(DeValue::as_array) else {
            return self.wrong("a list");
        };
        let document = self.document;
        let all: Vec<Option<T>> = items
            .iter()
            .map(|item| {
                read(Value {
                    document,
                    content: Content::Value(item),
                })
            })
            .collect();
        all.into_iter().collect()
    }

    /// As [`Self::each`], with at least one item.
    pub(crate) fn some<T>(&self, read: impl Fn(Value<'d, 'a>) -> Option<T>) -> Option<Vec<T>> {
        let items = self.each(read)?;
        if items.is_empty() {
            self.error("must not be empty");
            return None;
        }
        Some(items)
    }

    /// A table.
    pub(crate) fn table(&self) -> Option<Table<'d, 'a>> {
        let table = self
            .inner()
            .and_then(DeValue::as_table)
            .or_else(|| self.wrong("a table"))?;
        Some(Table::new(self.document, table, self.place()))
    }

    /// The text, if it is one.
    pub(crate) fn as_text(&self) -> Option<&'d str> {
        match self.content {
            Content::Key(key) => Some(key.get_ref().as_ref()),
            Content::Value(value) => value.get_ref().as_str(),
        }
    }

    /// The line on which it stands, from 1.
    pub(crate) fn line(&self) -> usize {
        self.document.source.line(self.place().start)
    }

    /// The table or list in JSON: keys in JWK form, requests of decision tables.
    pub(crate) fn json(&self) -> Option<serde_json::Value> {
        if let Some(text) = self.as_text() {
            return serde_json::from_str(text)
                .map_err(|_| self.error("is not JSON"))
                .ok();
        }
        self.inner()
            .and_then(to_json)
            .or_else(|| self.wrong("JSON or a table"))
    }

    fn inner(&self) -> Option<&'d DeValue<'a>> {
        match self.content {
            Content::Key(_) => None,
            Content::Value(value) => Some(value.get_ref()),
        }
    }

    fn place(&self) -> Range<usize> {
        match self.content {
            Content::Key(key) => key.span(),
            Content::Value(value) => value.span(),
        }
    }

    fn wrong<T>(&self, expected: &str) -> Option<T> {
        self.error(format!("must be {expected}"));
        None
    }
}

impl Document<'_> {
    fn note(&self, error: SourceError) {
        self.errors.borrow_mut().push(error);
    }
}

fn to_json(value: &DeValue<'_>) -> Option<serde_json::Value> {
    match value {
        DeValue::String(text) => Some(text.as_ref().into()),
        DeValue::Array(items) => items.iter().map(|item| to_json(item.get_ref())).collect(),
        DeValue::Table(table) => {
            let members = table
                .iter()
                .map(|(key, value)| Some((key.get_ref().clone().into_owned(), to_json(value.get_ref())?)));
            Some(serde_json::Value::Object(members.collect::<Option<_>>()?))
        }
        DeValue::Boolean(value) => Some((*value).into()),
        DeValue::Integer(number) => {
            let number = i64::from_str_radix(number.as_str(), number.radix());
            number.ok().map(Into::into)
        }
        DeValue::Datetime(date) => Some(date.to_string().into()),
        DeValue::Float(_) => None,
    }
}

/// Which keys the reader asked of which table, for the proof that schemas know the same.
#[cfg(test)]
pub(crate) mod asked {
    use std::cell::RefCell;
    use std::collections::BTreeMap;
    use std::ops::Range;

    /// The keys that were asked of the table at each place.
    pub(crate) type Asked = BTreeMap<(usize, usize), Vec<&'static str>>;

    thread_local! {
        static ASKED: RefCell<Asked> = RefCell::default();
    }

    pub(super) fn note(place: &Range<usize>, keys: &[&'static str]) {
        ASKED.with_borrow_mut(|asked| asked.insert((place.start, place.end), keys.to_vec()));
    }

    /// What was asked since the last call.
    pub(crate) fn take() -> Asked {
        ASKED.take()
    }
}
