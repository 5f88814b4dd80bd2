//! Reads a purpose file.

use std::cell::RefCell;

use super::explain::explanation;
use super::grant::grant;
use super::names::{Names, or_default, text};
use super::question::questions;
use super::{Basis, Controller, Dpia, Exception, HardRule, Purpose, Validity};
use super::{rule, sound};
use crate::catalogue::{Catalogue, Name};
use crate::document::{self, Table, Value};
use crate::party::Organisations;
use crate::source_text::SourceError;

const AVG_BASES: [(&str, &str); 6] = [
    ("6(1)(a)", "6(1)(a)"),
    ("6(1)(b)", "6(1)(b)"),
    ("6(1)(c)", "6(1)(c)"),
    ("6(1)(d)", "6(1)(d)"),
    ("6(1)(e)", "6(1)(e)"),
    ("6(1)(f)", "6(1)(f)"),
];

impl Purpose {
    /// Reads `<id>.toml` against the catalogue and the organisations. All mistakes at once.
    pub fn parse(
        file: &str,
        text: &str,
        catalogue: &Catalogue,
        organisations: &Organisations,
    ) -> Result<Self, Vec<SourceError>> {
        let names = Names {
            catalogue,
            organisations,
            exceptions: RefCell::default(),
        };
        document::read(file, text, |table| purpose(table, file, &names))
    }
}

fn purpose(table: &Table<'_, '_>, file: &str, names: &Names<'_>) -> Option<Purpose> {
    let id = table.required("purpose").and_then(|value| id(value, file));
    let version = table
        .required("version")
        .and_then(|value| value.integer(1..=u32::MAX));
    let title = table.required("title").and_then(text);
    let why = table.required("why").and_then(text);
    let controllers = table
        .required("controllers")
        .and_then(|list| list.some(|item| controller(item, names)));
    let basis = table.required("basis").and_then(basis);
    let dpia = table.if_there("dpia", dpia);
    let valid = table.required("valid").and_then(valid);
    let changed = table.if_there("changed", |value| value.date());
    let retention = table.required("retention").and_then(retention);
    let contact = table.required("contact").and_then(|value| value.words());
    let exceptions = or_default(table, "exceptions", Vec::new(), |list| list.each(exception));
    names.exceptions.replace(exceptions.clone().unwrap_or_default());
    let explanations = or_default(table, "explain", Vec::new(), |list| {
        list.each(|item| explanation(&item.table()?))
    });
    let grants = table
        .required("grant")
        .and_then(|list| list.some(|item| grant(&item.table()?, names)));
    let questions = match (table.optional("question"), &grants) {
        (None, _) => Some(Vec::new()),
        (Some(list), Some(grants)) => questions(list, grants, names),
        (Some(_), None) => None,
    };
    table.finish();
    let purpose = Purpose {
        id: id?,
        version: version?,
        title: title?,
        why: why?,
        controllers: controllers?,
        basis: basis?,
        dpia: dpia.ok()?,
        valid: valid?,
        changed: changed.ok()?,
        retention: retention?,
        contact: contact?,
        exceptions: exceptions?,
        explanations: explanations?,
        grants: grants?,
        questions: questions?,
    };
    rule::check_whole(table, &purpose, names);
    sound::check_whole(table, &purpose.grants, names);
    Some(purpose)
}

fn id(value: Value<'_, '_>, file: &str) -> Option<Name> {
    let id: Name = value.parse()?;
    let name = file
        .rsplit('/')
        .next()
        .and_then(|name| name.strip_suffix(".toml"));
    if name != Some(id.as_str()) {
        value.error("must be the file's name");
        return None;
    }
    Some(id)
}

fn controller(value: Value<'_, '_>, names: &Names<'_>) -> Option<Controller> {
    let table = value.table()?;
    let organisation = table
        .required("organisation")
        .and_then(|value| names.organisation(value));
    let law = table.required("law").and_then(|value| value.words());
    table.finish();
    Some(Controller {
        organisation: organisation?.slug.clone(),
        law: law?,
    })
}

fn basis(value: Value<'_, '_>) -> Option<Basis> {
    let table = value.table()?;
    let avg = table
        .required("avg")
        .and_then(|value| value.choice("point of AVG 6(1)", &AVG_BASES));
    let special = table.required("special").and_then(|value| value.words());
    table.finish();
    Some(Basis {
        avg: avg?.to_owned(),
        special: special.map(|special| Some(special).filter(|text| text != "none"))?,
    })
}

fn dpia(value: Value<'_, '_>) -> Option<Dpia> {
    let table = value.table()?;
    let reference = table.required("reference").and_then(|value| value.words());
    let date = table.required("date").and_then(|value| value.date());
    table.finish();
    Some(Dpia {
        reference: reference?,
        date: date?,
    })
}

fn valid(value: Value<'_, '_>) -> Option<Validity> {
    let table = value.table()?;
    let from = table.required("from").and_then(|value| value.date());
    let until = table.required("until").and_then(|value| value.date());
    table.finish();
    let valid = Validity {
        from: from?,
        until: until?,
    };
    if valid.until < valid.from {
        value.error("`until` lies before `from`");
        return None;
    }
    Some(valid)
}

pub(super) fn retention(value: Value<'_, '_>) -> Option<String> {
    let text = value.text()?;
    if super::keep_days(text).is_none() {
        value.error("must be an ISO 8601 duration such as `P1Y`");
        return None;
    }
    Some(text.to_owned())
}

fn exception(value: Value<'_, '_>) -> Option<Exception> {
    let rules = HardRule::ALL.map(|rule| (rule.name(), rule));
    let table = value.table()?;
    let rule = table
        .required("rule")
        .and_then(|value| value.choice("hard rule", &rules));
    let article = table.required("article").and_then(|value| value.words());
    table.finish();
    Some(Exception {
        rule: rule?,
        article: article?,
    })
}
