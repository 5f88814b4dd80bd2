//! What a dataset is: its fields, its key, its period, and who may hold it.

use serde::{Deserialize, Serialize};

use super::name::{Dimension, Name};
use crate::party::OrganisationKind;
use crate::text::Text;

/// A dataset: one table of rows that holders deliver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dataset {
    /// `enrolment`.
    pub name: Name,
    /// Grows with every change of the file.
    pub version: u32,
    /// Short title.
    pub title: Text,
    /// What one row is.
    pub description: Text,
    /// Whom or what a row is about.
    pub about: About,
    /// What kind of organisation owns the rows.
    pub holder_kind: OrganisationKind,
    /// Protection class of the fact that a row exists, and the least class of every field.
    pub class: ProtectionClass,
    /// What identifies a row within its holder: `pupil` or names of fields.
    pub row_key: Vec<Name>,
    /// The date field from which a row holds; none: always.
    pub since: Option<Name>,
    /// The date field from which a row no longer holds (half open: since ≤ date < until).
    pub until: Option<Name>,
    /// For which period a snapshot replaces rows.
    pub period: DatasetPeriod,
    /// What a delivery with mistakes does.
    pub errors: ErrorPolicy,
    /// How long rows are kept; none: public reference, kept until replaced.
    pub retention: Option<Retention>,
    /// The most rows of one pupil that a figure counts; none: rows are not counted.
    pub rows_bound: Option<i64>,
    /// Plausibility within one row.
    pub rules: Vec<Rule>,
    /// Codes that by definition go together; enforced on delivery, so always true of what is stored.
    pub implications: Vec<Implication>,
    /// The fields, in the order of the file.
    pub fields: Vec<Field>,
    /// The implicit field `present`, of datasets about pupils.
    pub present: Option<Field>,
}

impl Dataset {
    /// A declared field, or the implicit `present`.
    pub fn field(&self, name: &Name) -> Option<&Field> {
        self.fields
            .iter()
            .chain(&self.present)
            .find(|field| field.name == *name)
    }

    /// The fields that are stored as columns, in order: all but those that are computed when asked.
    pub fn stored_fields(&self) -> impl Iterator<Item = &Field> {
        self.fields.iter().filter(|field| field.is_stored())
    }
}

/// Whom or what the rows of a dataset are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum About {
    /// A pupil; rows carry identifiers on delivery and hang on a subject.
    Pupil,
    /// A place of education or support; no person.
    Provision,
    /// A school site; public reference.
    Site,
    /// A member of staff and the sites of their caseload.
    Staff,
}

/// How strongly figures are protected; the strictest over all fields involved counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProtectionClass {
    /// Ordinary data about pupils.
    #[default]
    Normal,
    /// Staying at home, admissibility, support, youth care.
    Sensitive,
}

/// Which rows a snapshot replaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DatasetPeriod {
    /// All rows of the holder.
    None,
    /// The rows of one school year (1 August – 31 July), by the dataset's `since`.
    SchoolYear,
}

/// What a delivery with mistakes does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ErrorPolicy {
    /// One mistake refuses the whole delivery.
    #[serde(rename = "refuse-all")]
    RefuseAll,
    /// The correct rows are accepted while at most this percentage of all rows is wrong.
    #[serde(rename = "accept_up_to_percent")]
    AcceptUpToPercent(u8),
}

impl ErrorPolicy {
    /// Whether a delivery with `wrong` of `rows` rows wrong is accepted.
    pub fn accepts(self, rows: u64, wrong: u64) -> bool {
        match self {
            Self::RefuseAll => wrong == 0,
            Self::AcceptUpToPercent(percent) => {
                u128::from(wrong) * 100 <= u128::from(rows) * u128::from(percent)
                    && (wrong == 0 || wrong < rows)
            }
        }
    }
}

/// How long a row is kept: whole months from a date in the row; a row without such a date is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retention {
    /// Date fields; the first that has a date counts.
    pub from: Vec<Name>,
    /// Months after that date.
    pub months: u32,
}

/// A field of a dataset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// `year-group`.
    pub name: Name,
    /// What a value is.
    pub field_type: FieldType,
    /// Whether each row must have it.
    pub required: bool,
    /// Protection class; never below the dataset's.
    pub class: ProtectionClass,
    /// The hierarchy whose finest level has this field's codes.
    pub hierarchy: Option<Name>,
    /// The codes, of a field without hierarchy.
    pub codes: Vec<CodeEntry>,
    /// The most that one pupil adds to a sum of this field; none: it is not summed.
    pub bound: Option<i64>,
    /// Where the bins of a distribution begin, ascending, after the first, which begins at the least value; empty:
    /// there is no distribution.
    pub bins: Vec<i64>,
    /// How it follows from other fields.
    pub derive: Option<Derive>,
    /// Short title.
    pub title: Text,
    /// One sentence.
    pub description: Text,
}

impl Field {
    /// Whether the value is a column in the store; ages and durations are computed when asked.
    pub fn is_stored(&self) -> bool {
        !self.derive.as_ref().is_some_and(Derive::is_when_asked)
    }

    /// The columns that its value comes from: its own, or those that it is computed from when asked.
    pub fn columns(&self) -> Vec<&Name> {
        match &self.derive {
            Some(derive) if derive.is_when_asked() => derive.sources().collect(),
            _ => vec![&self.name],
        }
    }

    /// Whether a deliverer may send it. A mapped field is filled in where it is not sent.
    pub fn is_delivered(&self) -> bool {
        matches!(self.derive, None | Some(Derive::Mapped { .. }))
    }
}

/// One code of a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodeEntry {
    /// The code, as delivered and asked.
    pub code: String,
    /// Label in Dutch.
    pub nl: String,
    /// Label in English.
    pub en: String,
}

/// What the values of a field are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldType {
    /// `true` or `false`.
    Bool,
    /// BRIN with site number: two digits, two letters, two digits.
    Brin6,
    /// A code of the field's list, or of the finest level of its hierarchy.
    Code,
    /// A calendar date, 1900–2100.
    Date,
    /// A whole number from `min` to `max`.
    Integer {
        /// Least value.
        min: i64,
        /// Greatest value.
        max: i64,
    },
    /// Free text of at most `max_chars` characters, without control characters.
    Text {
        /// Greatest length in characters.
        max_chars: u32,
    },
    /// The four digits of a Dutch postcode.
    Pc4,
    /// A member of staff as the holder's identity provider names them: at most 64 printable ASCII characters.
    StaffId,
}

/// How a field follows from others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Derive {
    /// When asked: whole years from the date in `of` to the date of the question.
    Age {
        /// A date field.
        of: Name,
    },
    /// When asked: days from `since` to `until`; none where one is missing or later than the date of the question.
    WholeDays {
        /// A date field.
        since: Name,
        /// A date field.
        until: Name,
    },
    /// When asked: whole weeks from `since` to `until`, or to the date of the question if that is earlier.
    WholeWeeks {
        /// A date field.
        since: Name,
        /// A date field.
        until: Name,
    },
    /// On delivery: whether the value of `of` is at the finest level of `hierarchy`.
    Membership {
        /// The field that is looked up.
        of: Name,
        /// Where it is looked up.
        hierarchy: Name,
        /// Code if it is there.
        member: String,
        /// Code if it is not.
        other: String,
        /// Code if there is no value.
        empty: String,
    },
    /// On delivery, where no value was sent: the heaviest entry for `of` in a table.
    Mapped {
        /// The field that is looked up.
        of: Name,
        /// The table's name.
        table: Name,
    },
}

impl Derive {
    /// Whether it is computed when asked, rather than once on delivery.
    pub fn is_when_asked(&self) -> bool {
        match self {
            Self::Age { .. } | Self::WholeDays { .. } | Self::WholeWeeks { .. } => true,
            Self::Membership { .. } | Self::Mapped { .. } => false,
        }
    }

    /// The fields that it follows from.
    pub fn sources(&self) -> impl Iterator<Item = &Name> {
        let (first, second) = match self {
            Self::Age { of } | Self::Membership { of, .. } | Self::Mapped { of, .. } => (of, None),
            Self::WholeDays { since, until } | Self::WholeWeeks { since, until } => (since, Some(until)),
        };
        std::iter::once(first).chain(second)
    }
}

/// Plausibility of two dates in one row; says nothing where one is empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rule {
    /// The first lies before the second.
    Before(Name, Name),
    /// The first lies before the second or on it.
    NotAfter(Name, Name),
}

/// A code of one dimension that implies a code of another, within one dataset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Implication {
    /// The implying dimension.
    pub when: Dimension,
    /// The implied dimension.
    pub then: Dimension,
    /// From the code of `when` to the code of `then`, in the order of the codes.
    pub pairs: Vec<(String, String)>,
}
