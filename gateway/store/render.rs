//! From a plan to SQL text: the one place that builds queries at run time, from catalogue names only.
//!
//! Values are always bound. The text is the same for both engines, and snapshot-tested.

use std::fmt::Write as _;

use doelpoort_core::catalogue::{About, Dataset, DatasetPeriod, Name, Value};
use doelpoort_core::party::Oin;
use jiff::civil::Date;
use jiff::{Span, ToSpan as _};

use super::dataset::{Rendered, column_name as column, table_name as table};
use super::{Row, SqlValue, Store, StoreError, Tx};

/// How far back a dataset of reports is read from a date: a school year's worth.
const PERIOD_MONTHS: i32 = 12;

/// A rendered query and its values, in order.
#[derive(Debug)]
pub(crate) struct Query {
    /// The text; its names come from the catalogue.
    pub(crate) text: String,
    /// The values of `$1`, `$2` …
    pub(crate) values: Vec<SqlValue>,
}

/// The rows of one dataset that a plan reads.
#[derive(Debug)]
pub(crate) struct Selection<'a> {
    /// The dataset.
    pub(crate) dataset: &'a Dataset,
    /// Stored fields to read, after the subject.
    pub(crate) columns: Vec<&'a Name>,
    /// Equal to these.
    pub(crate) only: Vec<(&'a Name, &'a Value)>,
    /// Of these holders; none for all.
    pub(crate) holders: Option<&'a [Oin]>,
    /// As they stood on this date.
    pub(crate) at: Date,
    /// About these pupils.
    pub(crate) within: Within<'a>,
}

/// About which pupils rows are read.
#[derive(Debug)]
pub(crate) enum Within<'a> {
    /// All.
    Everybody,
    /// Held by this board.
    Holder(&'a Oin),
    /// Those that another selection finds.
    Selected(&'a Selection<'a>),
    /// At these sites.
    Sites(&'a [String]),
    /// These subjects.
    Subjects(&'a [[u8; 16]]),
}

/// The latest row of a subject comes first: by `since`, then by row key.
pub(crate) fn rows(selection: &Selection<'_>, limit: u32) -> Query {
    let key = key(selection.dataset);
    let mut query = Query {
        text: format!("SELECT {key}"),
        values: Vec::new(),
    };
    for field in &selection.columns {
        push(&mut query, format_args!(", r.{}", column(field)));
    }
    from(&mut query, selection);
    push(&mut query, format_args!(" ORDER BY {key}"));
    if let Some(since) = &selection.dataset.since {
        push(&mut query, format_args!(", r.{} DESC", column(since)));
    }
    push(&mut query, format_args!(", r.row_key DESC LIMIT {limit}"));
    query
}

/// The sites of a person's caseload, as its controller delivered it. Read before the rows, not as a sub-select: with
/// the sites bound, an index on them is the only plan that suggests itself.
pub(crate) fn caseload_sites(controller: &Oin, staff: &str, at: Date) -> Query {
    let values = vec![
        SqlValue::Text(staff.to_owned()),
        SqlValue::Text(controller.to_string()),
        SqlValue::Int(days(at)),
    ];
    let text = "SELECT DISTINCT c.f_site FROM ds_caseload c \
                JOIN delivery d ON d.id = c.delivery AND d.state = 'active' \
                WHERE c.f_staff = $1 AND c.holder = $2 AND c.f_from <= $3 \
                AND (c.f_until IS NULL OR c.f_until > $3) ORDER BY c.f_site";
    Query {
        text: text.to_owned(),
        values,
    }
}

/// Enrolments of these subjects with holder, site, dates and first sight, for deciding scope.
pub(crate) fn enrolment_claims(subjects: &[[u8; 16]]) -> Query {
    let mut query = Query {
        text: String::from(
            "SELECT s.canonical, r.holder, r.f_site, r.f_from, r.f_until, r.first_us FROM ds_enrolment r \
             JOIN delivery d ON d.id = r.delivery AND d.state = 'active' \
             JOIN subject s ON s.subject = r.subject WHERE TRUE",
        ),
        values: Vec::new(),
    };
    among(
        &mut query,
        "s.canonical",
        subjects.iter().map(|subject| SqlValue::Bytes(subject.to_vec())),
    );
    query
}

/// What tells rows apart: the pupil; where rows are about nobody, the first half of their key's digest.
fn key(dataset: &Dataset) -> &'static str {
    if dataset.about == About::Pupil {
        "s.canonical"
    } else {
        "substr(r.row_key, 1, 16)"
    }
}

fn from(query: &mut Query, selection: &Selection<'_>) {
    push(
        query,
        format_args!(
            " FROM {} r JOIN delivery d ON d.id = r.delivery AND d.state = 'active'",
            table(&selection.dataset.name)
        ),
    );
    if selection.dataset.about == About::Pupil {
        query.text.push_str(" JOIN subject s ON s.subject = r.subject");
    }
    query.text.push_str(" WHERE TRUE");
    holds_at(query, selection.dataset, "r", selection.at);
    for (field, value) in &selection.only {
        let place = bind(query, value_of(value));
        push(query, format_args!(" AND r.{} = {place}", column(field)));
    }
    if let Some(holders) = selection.holders {
        among(
            query,
            "r.holder",
            holders.iter().map(|holder| SqlValue::Text(holder.to_string())),
        );
    }
    within(query, &selection.within);
}

fn within(query: &mut Query, within: &Within<'_>) {
    match within {
        Within::Everybody => {}
        Within::Holder(holder) => {
            let place = bind(query, SqlValue::Text(holder.to_string()));
            push(query, format_args!(" AND r.holder = {place}"));
        }
        Within::Subjects(subjects) => {
            among(
                query,
                "s.canonical",
                subjects.iter().map(|subject| SqlValue::Bytes(subject.to_vec())),
            );
        }
        Within::Selected(selection) => {
            query.text.push_str(" AND s.canonical IN (SELECT s.canonical");
            from(query, selection);
            query.text.push(')');
        }
        Within::Sites(sites) => {
            among(
                query,
                "r.f_site",
                sites.iter().map(|site| SqlValue::Text(site.clone())),
            );
        }
    }
}

/// A row of state holds on the date; a report counts when it falls in the twelve months before it.
fn holds_at(query: &mut Query, dataset: &Dataset, alias: &str, at: Date) {
    if let Some(since) = &dataset.since {
        let place = bind(query, SqlValue::Int(days(at)));
        push(query, format_args!(" AND {alias}.{} <= {place}", column(since)));
    }
    if let Some(until) = &dataset.until {
        let from = match dataset.period {
            DatasetPeriod::None => at,
            DatasetPeriod::SchoolYear => at.saturating_sub(months(PERIOD_MONTHS)),
        };
        let place = bind(query, SqlValue::Int(days(from)));
        let until = column(until);
        push(
            query,
            format_args!(" AND ({alias}.{until} IS NULL OR {alias}.{until} > {place})"),
        );
    }
}

fn months(count: i32) -> Span {
    count.months()
}

fn among(query: &mut Query, expression: &str, values: impl Iterator<Item = SqlValue>) {
    let places: Vec<String> = values.map(|value| bind(query, value)).collect();
    if places.is_empty() {
        query.text.push_str(" AND FALSE");
    } else {
        push(
            query,
            format_args!(" AND {expression} IN ({})", places.join(", ")),
        );
    }
}

fn bind(query: &mut Query, value: SqlValue) -> String {
    query.values.push(value);
    format!("${}", query.values.len())
}

fn push(query: &mut Query, arguments: std::fmt::Arguments<'_>) {
    // Writing to a `String` cannot fail.
    let _ = query.text.write_fmt(arguments);
}

/// Days since 1970-01-01, as dates are stored.
pub(crate) fn days(date: Date) -> i64 {
    const EPOCH: Date = jiff::civil::date(1970, 1, 1);
    date.duration_since(EPOCH).as_hours() / 24
}

/// The date of stored days.
pub(crate) fn date(days: i64) -> Option<Date> {
    const EPOCH: Date = jiff::civil::date(1970, 1, 1);
    EPOCH
        .checked_add(jiff::SignedDuration::from_hours(days.checked_mul(24)?))
        .ok()
}

/// A catalogue value as it is stored.
pub(crate) fn value_of(value: &Value) -> SqlValue {
    match value {
        Value::Bool(flag) => SqlValue::Int(i64::from(*flag)),
        Value::Date(date) => SqlValue::Int(days(*date)),
        Value::Integer(number) => SqlValue::Int(*number),
        Value::Text(text) => SqlValue::Text(text.clone()),
    }
}

impl Store {
    /// Reads all rows of a rendered query.
    pub(crate) async fn fetch_rendered(&self, query: &Query) -> Result<Vec<Row>, StoreError> {
        self.fetch_all(&Rendered::same(query.text.clone()), query.values.clone())
            .await
    }
}

impl Tx {
    /// Reads the rows of a rendered query one by one; an error of `each` ends it.
    pub(crate) async fn for_each_rendered(
        &mut self,
        query: &Query,
        each: impl FnMut(Row) -> Result<(), StoreError> + Send,
    ) -> Result<(), StoreError> {
        self.for_each(&Rendered::same(query.text.clone()), query.values.clone(), each)
            .await
    }
}

#[cfg(test)]
mod tests;
