//! Under which subjects the selected rows stood before, as far as they are the same pupil's still.

use jiff::civil::Date;

use super::{Query, Selection, bind, days, from, push, table};
use crate::store::SqlValue;

const DAY_US: i64 = 24 * 60 * 60 * 1_000_000;

/// For each pupil of a selection: what its rows carried before, if that ended on this day or later, and when it ended. What
/// is another pupil again since a merge was undone, or not agreed to be the same, is not told.
pub(crate) fn formerly(selection: &Selection<'_>, since: Date) -> Query {
    let mut query = Query {
        text: String::from(
            "SELECT r.canonical, f.canonical, MAX(f.until_us) FROM (SELECT r.canonical, r.holder, r.subject",
        ),
        values: Vec::new(),
    };
    from(&mut query, selection);
    let since = bind(&mut query, SqlValue::Int(days(since).saturating_mul(DAY_US)));
    let table = table(&selection.dataset.name);
    push(
        &mut query,
        format_args!(
            ") AS r JOIN former_canonical f ON f.dataset_table = '{table}' AND f.holder = r.holder \
             AND f.subject = r.subject AND f.canonical <> r.canonical AND f.until_us >= {since} \
             JOIN subject s ON s.subject = f.canonical AND s.canonical = r.canonical \
             GROUP BY r.canonical, f.canonical"
        ),
    );
    query
}

/// One more column: 1 where any row of the dataset stood under another subject on this day or later. It depends on no row,
/// so it is looked up once.
pub(super) fn whether_formerly(query: &mut Query, selection: &Selection<'_>, since: Date) {
    let since = bind(query, SqlValue::Int(days(since).saturating_mul(DAY_US)));
    let table = table(&selection.dataset.name);
    push(
        query,
        format_args!(
            ", CAST(CASE WHEN EXISTS (SELECT 1 FROM former_canonical f WHERE f.dataset_table = '{table}' \
             AND f.until_us >= {since}) THEN 1 ELSE 0 END AS BIGINT)"
        ),
    );
}
