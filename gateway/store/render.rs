//! From a plan to SQL text: the one place that builds queries at run time, from catalogue names only.
//!
//! Values are always bound. The text is the same for both engines, and snapshot-tested.

mod formerly;

use std::fmt::Write as _;

use doelpoort_core::catalogue::{About, Dataset, DatasetPeriod, Name, Value};
use doelpoort_core::party::Oin;
use doelpoort_core::plan::LeftOut;
use jiff::civil::Date;
use jiff::{Span, ToSpan as _};

use super::dataset::{Rendered, column_name as column, table_name as table};
use super::{Row, SqlValue, Store, StoreError, Tx};

pub(crate) use formerly::formerly;
use formerly::whether_formerly;

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
    /// About these pupils: all of it must hold; empty for everybody.
    pub(crate) within: Vec<Within<'a>>,
    /// Without these; none only where rows decide a scope and are never given.
    pub(crate) left_out: Option<&'a LeftOut>,
}

/// About which pupils rows are read.
#[derive(Debug)]
pub(crate) enum Within<'a> {
    /// Enrolled at this board on this day, at this site if one is named. It narrows what is read: whether the board's
    /// claim counts is decided over all that is known of each pupil.
    Enrolled {
        board: &'a Oin,
        site: Option<&'a str>,
        on: Date,
    },
    /// Those that another selection finds.
    Selected(&'a Selection<'a>),
    /// At the sites of a person's caseload, as its controller delivered it.
    Caseload {
        controller: &'a Oin,
        staff: &'a str,
        sites: &'a [String],
        on: Date,
    },
    /// These subjects.
    Subjects(&'a [[u8; 16]]),
}

/// What rows say beside the fields of their selection.
#[derive(Clone, Copy)]
enum Beside {
    Nothing,
    /// Their holder, after the key.
    Holder,
    /// At the end whether rows of the dataset stood under another subject on this day or later.
    Formerly(Date),
}

/// The latest row of a subject comes first: by `since`, then by row key.
pub(crate) fn rows(selection: &Selection<'_>, limit: u32) -> Query {
    ordered(selection, Beside::Nothing, limit)
}

/// The same rows, and at the end of each whether any row of its dataset stood under another subject on this day or later:
/// 0 where [`formerly`](fn@formerly) finds nothing.
pub(crate) fn rows_and_whether_formerly(selection: &Selection<'_>, since: Date, limit: u32) -> Query {
    ordered(selection, Beside::Formerly(since), limit)
}

/// The same rows, each with its holder after the subject: for the close of an epoch, which takes them all.
pub(crate) fn held_rows(selection: &Selection<'_>) -> Query {
    ordered(selection, Beside::Holder, u32::MAX)
}

fn ordered(selection: &Selection<'_>, beside: Beside, limit: u32) -> Query {
    let mut query = Query {
        text: String::new(),
        values: Vec::new(),
    };
    let key = key(selection.dataset);
    push(&mut query, format_args!("SELECT {key}"));
    if let Beside::Holder = beside {
        query.text.push_str(", r.holder");
    }
    stored(&mut query, selection);
    if let Beside::Formerly(since) = beside {
        whether_formerly(&mut query, selection, since);
    }
    from(&mut query, selection);
    push(&mut query, format_args!(" ORDER BY {key}"));
    if let Some(since) = &selection.dataset.since {
        push(&mut query, format_args!(", r.{} DESC", column(since)));
    }
    push(&mut query, format_args!(", r.row_key DESC LIMIT {limit}"));
    query
}

fn stored(query: &mut Query, selection: &Selection<'_>) {
    for field in &selection.columns {
        push(query, format_args!(", r.{}", column(field)));
    }
}

/// The latest row of each subject and no other, so that nothing need be cut off.
pub(crate) fn latest(selection: &Selection<'_>) -> Query {
    let mut query = Query {
        text: String::from("SELECT subject"),
        values: Vec::new(),
    };
    for field in &selection.columns {
        push(&mut query, format_args!(", {}", column(field)));
    }
    query.text.push_str(" FROM (SELECT r.canonical AS subject");
    stored(&mut query, selection);
    query
        .text
        .push_str(", ROW_NUMBER() OVER (PARTITION BY r.canonical ORDER BY ");
    if let Some(since) = &selection.dataset.since {
        push(&mut query, format_args!("r.{} DESC, ", column(since)));
    }
    query.text.push_str("r.row_key DESC) AS place");
    from(&mut query, selection);
    query.text.push_str(") AS ranked WHERE place = 1");
    query
}

/// Who holds the rows, by which row and under which reference of its own; the latest row of a pupil first.
pub(crate) fn held(selection: &Selection<'_>, limit: u32) -> Query {
    let mut query = Query {
        text: String::from("SELECT r.canonical, r.holder, r.\"row\", r.reference"),
        values: Vec::new(),
    };
    from(&mut query, selection);
    query.text.push_str(" ORDER BY r.canonical");
    if let Some(since) = &selection.dataset.since {
        push(&mut query, format_args!(", r.{} DESC", column(since)));
    }
    push(&mut query, format_args!(", r.row_key DESC LIMIT {limit}"));
    query
}

/// Enrolments of these subjects with holder, site, dates and first sight, for deciding scope.
pub(crate) fn enrolment_claims(subjects: &[[u8; 16]], limit: u32) -> Query {
    let mut query = Query {
        text: String::from(
            "SELECT r.canonical, r.holder, r.f_site, r.f_from, r.f_until, r.first_us FROM ds_enrolment r \
             JOIN delivery d ON d.id = r.delivery AND d.state = 'active' WHERE TRUE",
        ),
        values: Vec::new(),
    };
    among(
        &mut query,
        "r.canonical",
        subjects.iter().map(|subject| SqlValue::Bytes(subject.to_vec())),
    );
    push(&mut query, format_args!(" LIMIT {limit}"));
    query
}

/// What tells rows apart: the pupil; where rows are about nobody, the first half of their key's digest.
fn key(dataset: &Dataset) -> &'static str {
    if dataset.about == About::Pupil {
        "r.canonical"
    } else {
        "substr(r.row_key, 1, 16)"
    }
}

fn from(query: &mut Query, selection: &Selection<'_>) {
    let table = table(&selection.dataset.name);
    let caseload = selection
        .within
        .iter()
        .any(|within| matches!(within, Within::Caseload { .. }));
    query.text.push_str(" FROM ");
    selection.within.iter().for_each(|one| sites(query, one));
    push(query, format_args!("{table} r"));
    if !caseload {
        query
            .text
            .push_str(" JOIN delivery d ON d.id = r.delivery AND d.state = 'active'");
    }
    query.text.push_str(" WHERE TRUE");
    own_conditions(query, selection);
    for one in &selection.within {
        within(query, selection, one);
    }
    // Rows about nobody leave out nobody.
    if selection.dataset.about == About::Pupil
        && let Some(left_out) = selection.left_out
    {
        without(query, left_out);
    }
    if caseload {
        push(query, format_args!(" AND {}", visible("r")));
    }
}

/// The sites of a caseload, to which rows are joined. Written so that both engines read these few first and then each
/// site's rows by its index: `SQLite` keeps the order of a CROSS JOIN, and PostgreSQL sees that they are few.
fn sites(query: &mut Query, within: &Within<'_>) {
    let Within::Caseload {
        controller,
        staff,
        sites,
        on,
    } = within
    else {
        return;
    };
    let staff = bind(query, SqlValue::Text((*staff).to_owned()));
    let controller = bind(query, SqlValue::Text(controller.to_string()));
    let day = bind(query, SqlValue::Int(days(*on)));
    push(
        query,
        format_args!(
            "(SELECT DISTINCT c.f_site FROM ds_caseload c WHERE c.f_staff = {staff} AND c.holder = {controller} \
             AND c.f_from <= {day} AND (c.f_until IS NULL OR c.f_until > {day}) AND {}",
            visible("c")
        ),
    );
    among(query, "c.f_site", sites.iter().cloned().map(SqlValue::Text));
    query.text.push_str(") caseload CROSS JOIN ");
}

/// That a row is visible, for few rows: the double negation keeps PostgreSQL from joining the deliveries row by row.
fn visible(alias: &str) -> String {
    format!("NOT ({alias}.delivery NOT IN (SELECT id FROM delivery WHERE state = 'active'))")
}

/// What must hold of a row, whoever it is about.
fn own_conditions(query: &mut Query, selection: &Selection<'_>) {
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
}

/// Pupils with a restriction or objection are not there, whoever's rows these are.
fn without(query: &mut Query, left_out: &LeftOut) {
    let day = bind(query, SqlValue::Int(days(left_out.on)));
    push(
        query,
        format_args!(
            " AND r.canonical NOT IN (SELECT xs.canonical FROM restriction x \
             JOIN subject xs ON xs.subject = x.subject WHERE x.lifted_us IS NULL AND x.from_day <= {day} \
             AND (x.until_day IS NULL OR x.until_day > {day})"
        ),
    );
    let named = left_out.purposes.iter().map(ToString::to_string);
    let every = std::iter::once(String::new());
    among(query, "x.purpose", every.chain(named).map(SqlValue::Text));
    query.text.push(')');
}

/// A caseload is of today: whoever left its sites is not on it, whatever date the rows are asked for.
fn enrolled_at_caseload(query: &mut Query, on: Date) {
    let day = bind(query, SqlValue::Int(days(on)));
    push(
        query,
        format_args!(
            " AND EXISTS (SELECT 1 FROM ds_enrolment e WHERE e.canonical = r.canonical \
             AND e.f_site = caseload.f_site AND e.f_from <= {day} \
             AND (e.f_until IS NULL OR e.f_until > {day}) AND {})",
            visible("e")
        ),
    );
}

fn within(query: &mut Query, selection: &Selection<'_>, within: &Within<'_>) {
    match within {
        Within::Enrolled { board, site, on } => {
            let board = bind(query, SqlValue::Text(board.to_string()));
            let day = bind(query, SqlValue::Int(days(*on)));
            push(
                query,
                format_args!(
                    " AND r.canonical IN (SELECT e.canonical FROM ds_enrolment e \
                     JOIN delivery d ON d.id = e.delivery AND d.state = 'active' \
                     WHERE e.holder = {board} AND e.f_from <= {day} \
                     AND (e.f_until IS NULL OR e.f_until > {day})"
                ),
            );
            if let Some(site) = site {
                let site = bind(query, SqlValue::Text((*site).to_owned()));
                push(query, format_args!(" AND e.f_site = {site}"));
            }
            query.text.push(')');
        }
        Within::Subjects(subjects) => {
            among(
                query,
                "r.canonical",
                subjects.iter().map(|subject| SqlValue::Bytes(subject.to_vec())),
            );
        }
        Within::Selected(selection) => {
            query.text.push_str(" AND r.canonical IN (SELECT r.canonical");
            from(query, selection);
            query.text.push(')');
        }
        Within::Caseload { on, .. } => {
            query.text.push_str(" AND r.f_site = caseload.f_site");
            // Enrolments as they are on that day say it themselves.
            if selection.at != *on || selection.dataset.name.as_str() != "enrolment" {
                enrolled_at_caseload(query, *on);
            }
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
