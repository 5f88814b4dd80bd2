//! Checks of one field: its type and what belongs to it.

use std::collections::BTreeSet;

use toml::Spanned;

use super::Known;
use super::reporter::Reporter;
use crate::catalogue::dataset::{CodeEntry, Derive, Field, FieldType, ProtectionClass};
use crate::catalogue::file::{DeriveFile, FieldFile, TypeFile};

/// Names that mean something else in a question, a row or a cell.
const RESERVED: [&str; 5] = ["holder", "present", "pseudonym", "pupil", "rows"];
/// The longest free text, in characters.
const TEXT_CHARS_MAX: u32 = 1000;
/// The most that one pupil adds to a sum: sums over all pupils of the country fit in 63 bits with room.
const BOUND_MAX: i64 = 1_000_000_000;
/// The most bins of a distribution after the first.
const BINS_MAX: usize = 20;

/// A field by itself; what it says about other fields is checked with the dataset.
pub(super) fn field(
    report: &mut Reporter<'_>,
    file: &FieldFile,
    class: ProtectionClass,
    known: &Known<'_>,
) -> Field {
    if RESERVED.contains(&file.name.get_ref().as_str()) {
        report.at(
            file.name.span(),
            format!("`{}` cannot be the name of a field", file.name.get_ref()),
        );
    }
    if let Some(own) = file.class.as_ref().filter(|own| *own.get_ref() < class) {
        report.at(own.span(), "a field is never less protected than its dataset");
    }
    check_hierarchy(report, file, known);
    if file.required && file.derive.is_some() {
        report.at(
            file.name.span(),
            format!(
                "field `{}` is derived, so it cannot be required",
                file.name.get_ref()
            ),
        );
    }
    Field {
        name: file.name.get_ref().clone(),
        field_type: field_type(report, file),
        required: file.required,
        class: file.class.as_ref().map_or(class, |own| class.max(*own.get_ref())),
        hierarchy: file
            .hierarchy
            .as_ref()
            .map(|hierarchy| hierarchy.get_ref().clone()),
        codes: codes(report, file),
        bound: bound(report, file),
        bins: bins(report, file),
        derive: file.derive.as_ref().map(|derive| derived(derive.get_ref())),
        title: file.title.clone(),
        description: file.description.clone(),
    }
}

fn field_type(report: &mut Reporter<'_>, file: &FieldFile) -> FieldType {
    let declared = *file.field_type.get_ref();
    only_for(
        report,
        declared == TypeFile::Integer,
        file.min.as_ref(),
        "`min` belongs to an integer",
    );
    only_for(
        report,
        declared == TypeFile::Integer,
        file.max.as_ref(),
        "`max` belongs to an integer",
    );
    only_for(
        report,
        declared == TypeFile::Text,
        file.max_chars.as_ref(),
        "`max_chars` belongs to a text",
    );
    match declared {
        TypeFile::Bool => FieldType::Bool,
        TypeFile::Brin6 => FieldType::Brin6,
        TypeFile::Code => FieldType::Code,
        TypeFile::Date => FieldType::Date,
        TypeFile::Pc4 => FieldType::Pc4,
        TypeFile::StaffId => FieldType::StaffId,
        TypeFile::Integer => integer(report, file),
        TypeFile::Text => text(report, file),
    }
}

fn integer(report: &mut Reporter<'_>, file: &FieldFile) -> FieldType {
    let (min, max) = (
        file.min.as_ref().map(Spanned::get_ref),
        file.max.as_ref().map(Spanned::get_ref),
    );
    match (min, max) {
        (Some(min), Some(max)) if min <= max => FieldType::Integer { min: *min, max: *max },
        (Some(_), Some(_)) => {
            report.at(file.field_type.span(), "`min` is greater than `max`");
            FieldType::Integer { min: 0, max: 0 }
        }
        _ => {
            report.at(file.field_type.span(), "an integer needs `min` and `max`");
            FieldType::Integer { min: 0, max: 0 }
        }
    }
}

/// What one pupil adds to a sum at most.
fn bound(report: &mut Reporter<'_>, file: &FieldFile) -> Option<i64> {
    let bound = file.bound.as_ref()?;
    if *file.field_type.get_ref() != TypeFile::Integer
        || file.min.as_ref().is_some_and(|min| *min.get_ref() < 0)
    {
        report.at(bound.span(), "only an amount has a `bound`: an integer from 0");
    }
    if !(1..=BOUND_MAX).contains(bound.get_ref()) {
        report.at(bound.span(), format!("a `bound` is from 1 to {BOUND_MAX}"));
        return None;
    }
    Some(*bound.get_ref())
}

/// Where bins begin.
fn bins(report: &mut Reporter<'_>, file: &FieldFile) -> Vec<i64> {
    let Some(bins) = &file.bins else {
        return Vec::new();
    };
    let starts = bins.get_ref();
    let (min, max) = match (&file.min, &file.max) {
        (Some(min), Some(max)) if *file.field_type.get_ref() == TypeFile::Integer => {
            (*min.get_ref(), *max.get_ref())
        }
        _ => {
            report.at(bins.span(), "only an integer with `min` and `max` has `bins`");
            return Vec::new();
        }
    };
    let ascending =
        starts.is_sorted_by(|a, b| a < b) && starts.iter().all(|start| (min + 1..=max).contains(start));
    if starts.is_empty() || starts.len() > BINS_MAX || !ascending {
        report.at(
            bins.span(),
            format!("`bins` are 1 to {BINS_MAX} ascending numbers above `min`: where each bin after the first begins"),
        );
        return Vec::new();
    }
    starts.clone()
}

fn text(report: &mut Reporter<'_>, file: &FieldFile) -> FieldType {
    let max_chars = file.max_chars.as_ref().map_or(0, |max| *max.get_ref());
    if max_chars == 0 || max_chars > TEXT_CHARS_MAX {
        let place = file
            .max_chars
            .as_ref()
            .map_or_else(|| file.field_type.span(), Spanned::span);
        report.at(
            place,
            format!("a text needs `max_chars`, from 1 to {TEXT_CHARS_MAX}"),
        );
    }
    FieldType::Text { max_chars }
}

fn only_for<T>(report: &mut Reporter<'_>, fits: bool, key: Option<&Spanned<T>>, message: &str) {
    if let Some(key) = key.filter(|_| !fits) {
        report.at(key.span(), message);
    }
}

fn check_hierarchy(report: &mut Reporter<'_>, file: &FieldFile, known: &Known<'_>) {
    let declared = *file.field_type.get_ref();
    let may_have = matches!(declared, TypeFile::Code | TypeFile::Brin6 | TypeFile::Pc4);
    only_for(
        report,
        may_have,
        file.hierarchy.as_ref(),
        "only a code, a brin6 or a pc4 has a hierarchy",
    );
    only_for(
        report,
        declared == TypeFile::Code,
        file.codes.as_ref(),
        "`codes` belong to a code",
    );
    if let Some(reference) = &file.hierarchy {
        known.hierarchy(report, reference);
    }
    if declared == TypeFile::Code && file.hierarchy.is_some() == file.codes.is_some() {
        report.at(
            file.field_type.span(),
            "a code needs either `codes` or a `hierarchy`",
        );
    }
}

fn codes(report: &mut Reporter<'_>, file: &FieldFile) -> Vec<CodeEntry> {
    let mut seen = BTreeSet::new();
    let listed = file.codes.as_ref().map_or(&[][..], |codes| codes.get_ref());
    if let Some(codes) = file.codes.as_ref().filter(|codes| codes.get_ref().is_empty()) {
        report.at(codes.span(), "`codes` is empty");
    }
    let entry = |code: &crate::catalogue::file::CodeFile| {
        report.new_code(&code.code, &mut seen);
        let en = code.en.clone().unwrap_or_else(|| code.nl.clone());
        CodeEntry {
            code: code.code.get_ref().clone(),
            nl: code.nl.clone(),
            en,
        }
    };
    listed.iter().map(entry).collect()
}

fn derived(file: &DeriveFile) -> Derive {
    match file {
        DeriveFile::Age { of } => Derive::Age {
            of: of.get_ref().clone(),
        },
        DeriveFile::WholeDays { since, until } => Derive::WholeDays {
            since: since.get_ref().clone(),
            until: until.get_ref().clone(),
        },
        DeriveFile::WholeWeeks { since, until } => Derive::WholeWeeks {
            since: since.get_ref().clone(),
            until: until.get_ref().clone(),
        },
        DeriveFile::Membership {
            of,
            hierarchy,
            member,
            other,
            empty,
        } => Derive::Membership {
            of: of.get_ref().clone(),
            hierarchy: hierarchy.get_ref().clone(),
            member: member.get_ref().clone(),
            other: other.get_ref().clone(),
            empty: empty.get_ref().clone(),
        },
        DeriveFile::Mapped { of, table } => Derive::Mapped {
            of: of.get_ref().clone(),
            table: table.get_ref().clone(),
        },
    }
}
