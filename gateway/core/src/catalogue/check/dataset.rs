//! Checks of a dataset: what its parts say about each other.

use std::collections::BTreeSet;

use toml::Spanned;

use super::codes::{code_lists, present};
use super::reporter::Reporter;
use super::{Known, field};
use crate::catalogue::dataset::{
    About, Dataset, DatasetPeriod, ErrorPolicy, Field, FieldType, Retention, Rule,
};
use crate::catalogue::file::{Code, DatasetFile, FieldFile, Reference, RuleFile};
use crate::catalogue::hierarchy::Hierarchy;
use crate::catalogue::name::{FieldName, Name};
use crate::party::OrganisationKind;

/// The most rows of one pupil that may be counted.
const ROWS_BOUND_MAX: i64 = 1_000;

/// The code lists of a dataset's fields.
pub(super) type CodeLists = Vec<(FieldName, Hierarchy)>;

/// A dataset of which every part fits the others, and the code lists of its fields.
pub(super) fn dataset(
    report: &mut Reporter<'_>,
    file: DatasetFile,
    known: &Known<'_>,
) -> (Dataset, CodeLists) {
    let name = file.dataset.get_ref().clone();
    let fields: Vec<Field> = file
        .field
        .iter()
        .map(|one| field::field(report, one, file.class, known))
        .collect();
    let present = (file.about == About::Pupil).then(|| present(file.class));
    let code_lists = code_lists(&name, fields.iter().chain(&present));
    let mut check = Check {
        report,
        name: &name,
        fields: &fields,
        known,
        code_lists: &code_lists,
    };
    check.unique_fields(&file.field);
    check.derivations(&file.field);
    check.holder(&file);
    check.row_key(&file);
    check.dates(&file);
    check.errors(&file.errors);
    let retention = check.retention(&file);
    let rows_bound = check.rows_bound(&file);
    let rules = file.rule.into_iter().map(|rule| check.rule(rule)).collect();
    let implications = file
        .implication
        .iter()
        .filter_map(|one| check.implication(one))
        .collect();
    let dataset = Dataset {
        name,
        version: file.version,
        title: file.title,
        description: file.description,
        about: file.about,
        holder_kind: file.holder,
        class: file.class,
        row_key: file
            .row_key
            .into_inner()
            .into_iter()
            .map(Spanned::into_inner)
            .collect(),
        since: file.since.map(Spanned::into_inner),
        until: file.until.map(Spanned::into_inner),
        period: file.period.into_inner(),
        errors: file.errors.into_inner(),
        retention,
        rows_bound,
        rules,
        implications,
        fields,
        present,
    };
    (dataset, code_lists)
}

/// A dataset being checked.
pub(super) struct Check<'c, 'a> {
    pub(super) report: &'c mut Reporter<'a>,
    pub(super) name: &'c Name,
    pub(super) fields: &'c [Field],
    pub(super) known: &'c Known<'c>,
    pub(super) code_lists: &'c [(FieldName, Hierarchy)],
}

impl<'c> Check<'c, '_> {
    fn unique_fields(&mut self, files: &[FieldFile]) {
        let mut seen = BTreeSet::new();
        for file in files {
            if !seen.insert(file.name.get_ref()) {
                self.report.at(
                    file.name.span(),
                    format!("field `{}` occurs twice", file.name.get_ref()),
                );
            }
        }
    }

    fn rows_bound(&mut self, file: &DatasetFile) -> Option<i64> {
        let bound = file.rows_bound.as_ref()?;
        if file.about != About::Pupil || !(1..=ROWS_BOUND_MAX).contains(bound.get_ref()) {
            let message = format!("`rows_bound` is from 1 to {ROWS_BOUND_MAX}, of a dataset about pupils");
            self.report.at(bound.span(), message);
            return None;
        }
        Some(*bound.get_ref())
    }

    fn holder(&mut self, file: &DatasetFile) {
        if file.holder == OrganisationKind::Vendor {
            self.report.at(
                file.dataset.span(),
                "a vendor holds no data; it delivers for a holder",
            );
        }
        if file.about != About::Site && file.holder == OrganisationKind::Public {
            self.report
                .at(file.dataset.span(), "data about people has a holder");
        }
    }

    fn row_key(&mut self, file: &DatasetFile) {
        let key = &file.row_key;
        let mut seen = BTreeSet::new();
        for part in key.get_ref() {
            if !seen.insert(part.get_ref().as_str()) {
                self.report.at(
                    part.span(),
                    format!("`{}` occurs twice in the row key", part.get_ref()),
                );
            }
            if part.get_ref().as_str() == "pupil" && file.about == About::Pupil {
                continue;
            }
            if self.field(part).is_some_and(|field| !field.required) {
                self.report.at(
                    part.span(),
                    format!("a field of the row key is required, `{}` is not", part.get_ref()),
                );
            }
        }
        if file.about == About::Pupil && !seen.contains("pupil") {
            self.report
                .at(key.span(), "the row key of a dataset about pupils has `pupil`");
        }
        if key.get_ref().is_empty() {
            self.report.at(key.span(), "the row key is empty");
        }
    }

    fn dates(&mut self, file: &DatasetFile) {
        for reference in file.since.iter().chain(&file.until) {
            self.date(reference);
        }
        if let (None, Some(until)) = (&file.since, &file.until) {
            self.report.at(until.span(), "`until` without `since`");
        }
        let since = file
            .since
            .as_ref()
            .and_then(|since| self.fields.iter().find(|field| field.name == *since.get_ref()));
        if *file.period.get_ref() == DatasetPeriod::SchoolYear && !since.is_some_and(|since| since.required) {
            self.report.at(
                file.period.span(),
                "a dataset with a period has a required `since`",
            );
        }
    }

    fn errors(&mut self, errors: &Spanned<ErrorPolicy>) {
        const PERCENT_MAX: u8 = 50;
        if matches!(errors.get_ref(), ErrorPolicy::AcceptUpToPercent(percent) if *percent > PERCENT_MAX) {
            self.report.at(
                errors.span(),
                format!("a delivery with more than {PERCENT_MAX} % mistakes is not accepted"),
            );
        }
    }

    fn retention(&mut self, file: &DatasetFile) -> Option<Retention> {
        let Some(retention) = &file.retention else {
            if file.about != About::Site {
                self.report
                    .at(file.dataset.span(), "data about people has a `retention`");
            }
            return None;
        };
        for reference in retention.from.get_ref() {
            self.date(reference);
        }
        if retention.from.get_ref().is_empty() {
            self.report.at(
                retention.from.span(),
                "a retention starts from at least one date field",
            );
        }
        let months = months(retention.keep.get_ref());
        if months.is_none() {
            self.report.at(
                retention.keep.span(),
                "not a period of whole years and months such as `P3Y` or `P1Y6M`",
            );
        }
        let from = retention
            .from
            .get_ref()
            .iter()
            .map(|name| name.get_ref().clone())
            .collect();
        Some(Retention {
            from,
            months: months?,
        })
    }

    fn rule(&mut self, rule: RuleFile) -> Rule {
        let (RuleFile::Before(first, second) | RuleFile::NotAfter(first, second)) = &rule;
        self.date(first);
        self.date(second);
        match rule {
            RuleFile::Before(first, second) => Rule::Before(first.into_inner(), second.into_inner()),
            RuleFile::NotAfter(first, second) => Rule::NotAfter(first.into_inner(), second.into_inner()),
        }
    }

    pub(super) fn code_among<'k>(&mut self, code: &Code, known: impl Iterator<Item = &'k str> + Clone) {
        if !known.clone().any(|known| known == code.get_ref()) {
            self.report.unknown("code", code.span(), code.get_ref(), known);
        }
    }

    pub(super) fn date(&mut self, reference: &Reference) {
        if self
            .field(reference)
            .is_some_and(|field| field.field_type != FieldType::Date)
        {
            self.report.at(
                reference.span(),
                format!("field `{}` is not a date", reference.get_ref()),
            );
        }
    }

    pub(super) fn field(&mut self, reference: &Reference) -> Option<&'c Field> {
        let fields = self.fields;
        let found = fields.iter().find(|field| field.name == *reference.get_ref());
        if found.is_none() {
            let names = fields.iter().map(|field| field.name.as_str());
            self.report
                .unknown("field", reference.span(), reference.get_ref().as_str(), names);
        }
        found
    }
}

/// Whole months of an ISO 8601 duration in years and months.
fn months(text: &str) -> Option<u32> {
    let span: jiff::Span = text.starts_with('P').then(|| text.parse().ok())??;
    let months = u32::try_from(span.get_years()).ok()? * 12 + u32::try_from(span.get_months()).ok()?;
    let whole = jiff::Span::new()
        .try_years(span.get_years())
        .ok()?
        .try_months(span.get_months())
        .ok()?;
    (months > 0 && span.fieldwise() == whole.fieldwise()).then_some(months)
}
