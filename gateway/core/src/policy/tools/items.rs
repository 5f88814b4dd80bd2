//! What a grant gives, piece by piece. Exhaustive over the forms: a new form does not compile until it is told here.

use crate::catalogue::{About, Catalogue, Dimension, FieldName, Name};
use crate::figures::release::levels;
use crate::purpose::{FieldGrant, FiguresGrant, Generalise, Grant, RecordsGrant};

/// One thing that a grant gives.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Item {
    /// What may be done.
    pub action: Use,
    /// The dataset whose rows it is about.
    pub dataset: Name,
    /// The field; none where it is the row as a whole.
    pub field: Option<FieldName>,
    /// How coarse: `exact`, `month`, the level of a hierarchy; for a count, the measure.
    pub level: String,
    /// The only code, where the grant fixes one.
    pub value: Option<String>,
}

/// What may be done with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Use {
    /// Rows may be delivered.
    Deliver,
    /// The value is given, for one pupil.
    See,
    /// Whether there is a row is told, of one pupil.
    Exists,
    /// Figures are given for each code.
    Group,
    /// What is given may be narrowed to one code or value.
    Filter,
    /// It is counted.
    Count,
    /// The holder may be asked which pupil a pseudonym means.
    Resolve,
    /// Restrictions and objections may be entered and lifted.
    Restrict,
    /// The log may be searched for a pupil.
    Search,
    /// Pseudonyms become those of another recipient.
    Translate,
}

impl Use {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Deliver,
        Self::See,
        Self::Exists,
        Self::Group,
        Self::Filter,
        Self::Count,
        Self::Resolve,
        Self::Restrict,
        Self::Search,
        Self::Translate,
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Deliver => "deliver",
            Self::See => "see",
            Self::Exists => "exists",
            Self::Group => "group",
            Self::Filter => "filter",
            Self::Count => "count",
            Self::Resolve => "resolve",
            Self::Restrict => "restrict",
            Self::Search => "search",
            Self::Translate => "translate",
        }
    }
}

/// A value as it is.
pub(super) const EXACT: &str = "exact";
/// The pseudonym beside a row.
pub(super) const PSEUDONYM: &str = "pseudonym";

/// Everything that a grant gives, in a fixed order.
pub fn items(catalogue: &Catalogue, grant: &Grant) -> Vec<Item> {
    let mut items = match grant {
        Grant::Delivery(grant) => vec![whole(Use::Deliver, &grant.dataset, EXACT)],
        Grant::Facts(facts) => {
            let exists = facts.exists.then(|| whole(Use::Exists, &facts.dataset, EXACT));
            let fixed = facts.only.iter();
            let fixed = fixed.map(|(field, value)| of_field(Use::Filter, field, EXACT, Some(value)));
            seen(&facts.fields).chain(exists).chain(fixed).collect()
        }
        Grant::Figures(figures) => self::figures(catalogue, figures),
        Grant::Records(records) => self::records(catalogue, records),
        Grant::Resolve(grant) => vec![whole(Use::Resolve, &grant.dataset, EXACT)],
        Grant::Restrict(grant) => vec![whole(Use::Restrict, &grant.dataset, EXACT)],
        Grant::Search(grant) => vec![whole(Use::Search, &grant.dataset, EXACT)],
        Grant::Translate(grant) => vec![whole(Use::Translate, &grant.dataset, EXACT)],
    };
    items.sort();
    items.dedup();
    items
}

/// The grant without anyone who receives.
pub(super) fn for_nobody(grant: &Grant) -> Grant {
    let mut grant = grant.clone();
    match &mut grant {
        Grant::Delivery(grant) => grant.deliverers.clear(),
        Grant::Facts(grant) => grant.recipients.clear(),
        Grant::Figures(grant) => grant.recipients.clear(),
        Grant::Records(grant) => grant.recipients.clear(),
        Grant::Resolve(grant) => grant.recipients.clear(),
        Grant::Restrict(grant) => grant.recipients.clear(),
        Grant::Search(grant) => grant.recipients.clear(),
        Grant::Translate(grant) => grant.recipients.clear(),
    }
    grant
}

fn whole(action: Use, dataset: &Name, level: &str) -> Item {
    Item {
        action,
        dataset: dataset.clone(),
        field: None,
        level: level.to_owned(),
        value: None,
    }
}

fn of_field(action: Use, field: &FieldName, level: &str, value: Option<&String>) -> Item {
    Item {
        action,
        dataset: field.dataset.clone(),
        field: Some(field.clone()),
        level: level.to_owned(),
        value: value.cloned(),
    }
}

fn seen(fields: &[FieldGrant]) -> impl Iterator<Item = Item> {
    let seen = |granted: &FieldGrant| of_field(Use::See, &granted.field, &level(granted), None);
    fields.iter().map(seen)
}

/// How coarse a field is given.
pub(super) fn level(granted: &FieldGrant) -> String {
    granted
        .generalise
        .as_ref()
        .map_or_else(|| EXACT.to_owned(), Generalise::name)
}

fn records(catalogue: &Catalogue, grant: &RecordsGrant) -> Vec<Item> {
    let filter = |field: &FieldName| {
        let fixed = grant.only.iter().find(|(fixed, _)| fixed == field);
        of_field(Use::Filter, field, EXACT, fixed.map(|(_, value)| value))
    };
    // What is about no pupil has no pseudonym.
    let dataset = catalogue.dataset(&grant.dataset);
    let about_pupils = dataset.is_none_or(|dataset| dataset.about == About::Pupil);
    let pseudonym = about_pupils.then(|| whole(Use::See, &grant.dataset, PSEUDONYM));
    seen(&grant.fields)
        .chain(grant.filter_by.iter().map(filter))
        .chain(pseudonym)
        .collect()
}

fn figures(catalogue: &Catalogue, grant: &FiguresGrant) -> Vec<Item> {
    let crossable = |dimension: &Dimension| {
        grant.crossed(catalogue, std::iter::once(dimension)) <= grant.max_dimensions.into()
    };
    let sensitive = grant.is_sensitive(catalogue);
    let reached = |granted: &Dimension| -> Vec<Dimension> {
        let levels = levels(catalogue, sensitive, granted).into_iter();
        let dimensions = levels.map(|level| Dimension {
            field: granted.field.clone(),
            level,
        });
        dimensions.filter(crossable).collect()
    };
    let fixed = |dimension: &Dimension| grant.only.iter().any(|(fixed, _)| fixed.field == dimension.field);
    let grouped: Vec<Dimension> = grant.group_by.iter().flat_map(reached).collect();
    let filtered: Vec<Dimension> = grant.filter_by.iter().flat_map(reached).collect();
    let filters = grouped
        .iter()
        .chain(&filtered)
        .filter(|dimension| !fixed(dimension));
    let of = |action, dimension: &Dimension, value| {
        of_field(action, &dimension.field, dimension.level.as_str(), value)
    };
    grouped
        .iter()
        .map(|dimension| of(Use::Group, dimension, None))
        .chain(filters.map(|dimension| of(Use::Filter, dimension, None)))
        .chain(
            grant
                .only
                .iter()
                .map(|(dimension, code)| of(Use::Filter, dimension, Some(code))),
        )
        .chain(
            grant
                .measures
                .iter()
                .map(|measure| whole(Use::Count, &grant.dataset, &measure.name())),
        )
        .collect()
}
