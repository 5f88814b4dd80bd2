//! The catalogue's files as they are written. Every key is known; every reference keeps its place.

use serde::Deserialize;
use toml::Spanned;

use super::dataset::{About, DatasetPeriod, ErrorPolicy, ProtectionClass};
use super::name::Name;
use super::population::{Bound, MonthDay};
use crate::party::OrganisationKind;
use crate::text::Text;

/// A reference to something by name, with its place in the file.
pub(super) type Reference = Spanned<Name>;
/// A code, with its place in the file.
pub(super) type Code = Spanned<String>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DatasetFile {
    pub(super) dataset: Reference,
    pub(super) version: u32,
    pub(super) title: Text,
    pub(super) description: Text,
    pub(super) about: About,
    pub(super) holder: OrganisationKind,
    #[serde(default)]
    pub(super) class: ProtectionClass,
    pub(super) row_key: Spanned<Vec<Reference>>,
    pub(super) since: Option<Reference>,
    pub(super) until: Option<Reference>,
    pub(super) period: Spanned<DatasetPeriod>,
    pub(super) errors: Spanned<ErrorPolicy>,
    pub(super) retention: Option<RetentionFile>,
    pub(super) rows_bound: Option<Spanned<i64>>,
    #[serde(default)]
    pub(super) rule: Vec<RuleFile>,
    #[serde(default)]
    pub(super) implication: Vec<ImplicationFile>,
    pub(super) field: Vec<FieldFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RetentionFile {
    pub(super) from: Spanned<Vec<Reference>>,
    pub(super) keep: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum RuleFile {
    Before(Reference, Reference),
    NotAfter(Reference, Reference),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ImplicationFile {
    pub(super) when: Spanned<String>,
    pub(super) then: Spanned<String>,
    pub(super) pairs: Vec<(Code, Code)>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FieldFile {
    pub(super) name: Reference,
    #[serde(rename = "type")]
    pub(super) field_type: Spanned<TypeFile>,
    #[serde(default)]
    pub(super) required: bool,
    pub(super) class: Option<Spanned<ProtectionClass>>,
    pub(super) hierarchy: Option<Reference>,
    pub(super) codes: Option<Spanned<Vec<CodeFile>>>,
    pub(super) derive: Option<Spanned<DeriveFile>>,
    pub(super) min: Option<Spanned<i64>>,
    pub(super) max: Option<Spanned<i64>>,
    pub(super) max_chars: Option<Spanned<u32>>,
    pub(super) bound: Option<Spanned<i64>>,
    pub(super) bins: Option<Spanned<Vec<i64>>>,
    pub(super) title: Text,
    pub(super) description: Text,
}

#[derive(Deserialize, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(super) enum TypeFile {
    Bool,
    Brin6,
    Code,
    Date,
    Integer,
    Text,
    Pc4,
    StaffId,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CodeFile {
    pub(super) code: Code,
    pub(super) nl: String,
    pub(super) en: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum DeriveFile {
    Age {
        of: Reference,
    },
    WholeDays {
        since: Reference,
        until: Reference,
    },
    WholeWeeks {
        since: Reference,
        until: Reference,
    },
    Membership {
        of: Reference,
        hierarchy: Reference,
        member: Code,
        other: Code,
        empty: Code,
    },
    Mapped {
        of: Reference,
        table: Reference,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HierarchyFile {
    pub(super) hierarchy: Reference,
    pub(super) version: u32,
    pub(super) title: Text,
    pub(super) source: String,
    pub(super) licence: String,
    pub(super) level: Spanned<Vec<LevelFile>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LevelFile {
    pub(super) name: Reference,
    pub(super) title: Text,
    pub(super) nodes: Vec<NodeFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NodeFile {
    pub(super) code: Code,
    pub(super) nl: String,
    pub(super) en: Option<String>,
    pub(super) parent: Option<Code>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MapFile {
    pub(super) map: Reference,
    pub(super) version: u32,
    pub(super) title: Text,
    pub(super) source: String,
    pub(super) licence: String,
    pub(super) to: Reference,
    pub(super) other: Code,
    pub(super) rows: Vec<MapRow>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MapRow {
    pub(super) from: Code,
    pub(super) to: Code,
    /// Share of the value's inhabitants, in thousandths.
    pub(super) weight: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PopulationFile {
    pub(super) population: Reference,
    pub(super) version: u32,
    pub(super) title: Text,
    pub(super) datasets: Spanned<Vec<Reference>>,
    pub(super) calendar: Vec<CalendarFile>,
    #[serde(default)]
    pub(super) sole_holder: Vec<SoleHolderFile>,
    #[serde(default)]
    pub(super) bound: Option<Spanned<Bound>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SoleHolderFile {
    pub(super) when: Spanned<String>,
    pub(super) pairs: Vec<(Code, Code)>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CalendarFile {
    pub(super) name: Reference,
    pub(super) title: Text,
    pub(super) days: Spanned<Vec<MonthDay>>,
}
