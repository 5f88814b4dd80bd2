//! What a purpose names, looked up in the catalogue and among the organisations.

use std::cell::RefCell;

use super::{Exception, HardRule, Holders, InvalidMeasure, Limit, Measure, Party, Rate, Recipient};
use crate::catalogue::{Catalogue, Dataset, Dimension, FieldName, Name};
use crate::document::{Table, Value};
use crate::party::parse::{KINDS, role};
use crate::party::{Organisation, Organisations, Slug};
use crate::text::Text;

/// Where names are looked up, and which hard rules the purpose sets aside.
pub(super) struct Names<'c> {
    pub(super) catalogue: &'c Catalogue,
    pub(super) organisations: &'c Organisations,
    pub(super) exceptions: RefCell<Vec<Exception>>,
}

impl<'c> Names<'c> {
    /// Whether a hard rule holds for this purpose.
    pub(super) fn holds(&self, rule: HardRule) -> bool {
        !self
            .exceptions
            .borrow()
            .iter()
            .any(|exception| exception.rule == rule)
    }

    /// A dataset that exists.
    pub(super) fn dataset(&self, value: Value<'_, '_>) -> Option<&'c Dataset> {
        let name: Name = value.parse()?;
        let dataset = self.catalogue.dataset(&name);
        if dataset.is_none() {
            let known = self.catalogue.datasets().map(|dataset| dataset.name.as_str());
            value.unknown(format!("unknown dataset `{name}`"), name.as_str(), known);
        }
        dataset
    }

    /// A field that exists.
    pub(super) fn field(&self, value: Value<'_, '_>) -> Option<FieldName> {
        self.catalogue
            .field_name(value.text()?)
            .map_err(|error| value.error(error.to_string()))
            .ok()
    }

    /// A dimension that exists, of a dataset about pupils.
    pub(super) fn dimension(&self, value: Value<'_, '_>) -> Option<Dimension> {
        let dimension = self
            .catalogue
            .dimension(value.text()?)
            .map_err(|error| value.error(error.to_string()))
            .ok()?;
        self.about_pupils(value, &dimension.field.dataset)?;
        Some(dimension)
    }

    fn about_pupils(&self, value: Value<'_, '_>, dataset: &Name) -> Option<()> {
        use crate::catalogue::About;
        let about = self.catalogue.dataset(dataset)?.about;
        if about != About::Pupil {
            value.error(format!("dataset `{dataset}` is not about pupils"));
            return None;
        }
        Some(())
    }

    /// Dimensions without repetition of a field.
    pub(super) fn dimensions(&self, list: Value<'_, '_>) -> Option<Vec<Dimension>> {
        let seen = RefCell::new(Vec::new());
        list.each(|value| {
            let dimension = self.dimension(value)?;
            if seen.borrow().contains(&dimension.field) {
                value.error(format!("`{}` is named twice", dimension.field));
                return None;
            }
            seen.borrow_mut().push(dimension.field.clone());
            Some(dimension)
        })
    }

    /// Filters on dimensions, each with a code that exists.
    pub(super) fn filters(&self, value: Value<'_, '_>) -> Option<Vec<(Dimension, String)>> {
        let table = value.table()?;
        let filters: Vec<_> = table
            .entries()
            .map(|(key, code)| self.filter(key, code))
            .collect();
        filters.into_iter().collect()
    }

    fn filter(&self, key: Value<'_, '_>, value: Value<'_, '_>) -> Option<(Dimension, String)> {
        let dimension = self.dimension(key)?;
        let code = value.code()?;
        let nodes = self.catalogue.codes(&dimension);
        if !nodes.iter().any(|node| node.code == code) {
            let message = format!("`{}` has no code `{code}`", self.catalogue.display(&dimension));
            value.unknown(message, &code, nodes.iter().map(|node| node.code.as_str()));
            return None;
        }
        Some((dimension, code))
    }

    /// An organisation that exists.
    pub(super) fn organisation(&self, value: Value<'_, '_>) -> Option<&'c Organisation> {
        let slug: Slug = value.parse()?;
        let organisation = self.organisations.by_slug(&slug);
        if organisation.is_none() {
            let known = self
                .organisations
                .iter()
                .map(|organisation| organisation.slug.as_str());
            value.unknown(format!("unknown organisation `{slug}`"), slug.as_str(), known);
        }
        organisation
    }

    /// `{ organisation = "…", role = "…" }` or `{ kind = "…", role = "…" }`.
    pub(super) fn recipient(&self, value: Value<'_, '_>) -> Option<Recipient> {
        let table = value.table()?;
        let organisation = table.optional("organisation");
        let kind = table.optional("kind");
        let who = match (organisation, kind) {
            (Some(slug), None) => self
                .organisation(slug)
                .map(|found| Party::Organisation(found.slug.clone())),
            (None, Some(kind)) => kind.choice("kind of organisation", &KINDS).map(Party::Kind),
            _ => {
                table.error("needs either `organisation` or `kind`");
                None
            }
        };
        let role = table.required("role").and_then(role);
        table.finish();
        Some(Recipient {
            who: who?,
            role: role?,
        })
    }

    /// `"all"`, or a list of organisations of the kind that holds the dataset.
    pub(super) fn holders(&self, value: Value<'_, '_>, dataset: Option<&Dataset>) -> Option<Holders> {
        if let Some(text) = value.as_text() {
            return value
                .choice("holders", &[("all", ())])
                .map(|()| Holders::All)
                .filter(|_| text == "all");
        }
        let slugs = value.some(|item| {
            let organisation = self.organisation(item)?;
            if dataset.is_some_and(|dataset| dataset.holder_kind != organisation.kind) {
                item.error(format!(
                    "`{}` is not of the kind that holds this dataset",
                    organisation.slug
                ));
                return None;
            }
            Some(organisation.slug.clone())
        })?;
        Some(Holders::Listed(slugs))
    }
}

/// `{ nl = "…", en = "…" }`; English may be left out.
pub(super) fn text(value: Value<'_, '_>) -> Option<Text> {
    let table = value.table()?;
    let nl = table.required("nl").and_then(|value| value.words());
    let en = table.if_there("en", |value| value.words());
    table.finish();
    let nl = nl?;
    Some(Text {
        en: en.ok()?.unwrap_or_else(|| nl.clone()),
        nl,
    })
}

/// A measure; whether it fits the grant is told by [`Measure::unfit`].
pub(super) fn measure(value: Value<'_, '_>) -> Option<Measure> {
    let text = value.text()?;
    let measure = text.parse();
    measure
        .map_err(|error: InvalidMeasure| value.error(error.to_string()))
        .ok()
}

/// `{ requests = "600/h", cells = 5000 }`; `cells` for figures only.
pub(super) fn limit(value: Value<'_, '_>, with_cells: bool) -> Option<Limit> {
    let table = value.table()?;
    let requests: Option<Rate> = table.required("requests").and_then(|value| value.parse());
    let cells = if with_cells {
        table.if_there("cells", |value| value.integer(1..=u32::MAX))
    } else {
        Ok(None)
    };
    table.finish();
    Some(Limit {
        requests: requests?,
        cells: cells.ok()?,
    })
}

/// Reads a key that may be left out, with a default; nothing where it is there but wrong.
pub(super) fn or_default<'d, 'a, T>(
    table: &Table<'d, 'a>,
    key: &'static str,
    default: T,
    read: impl FnOnce(Value<'d, 'a>) -> Option<T>,
) -> Option<T> {
    table.optional(key).map_or(Some(default), read)
}
