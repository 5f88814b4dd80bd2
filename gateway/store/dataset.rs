//! Tables made from the catalogue: `ds_<dataset>` with a column `f_<field>` for each stored field.
//!
//! The one place, besides the renderer of plans, where SQL is made at run time. The only text that goes into it
//! are catalogue names, whose type admits nothing but lower-case letters, digits and hyphens.
//!
//! | column | meaning |
//! |---|---|
//! | `row` | `delivery · 2^32 + row number`: unique without a counter that deliveries would wait for |
//! | `holder`, `delivery` | whose row it is, and since which delivery; visible while that delivery is `active` |
//! | `row_key` | 32 bytes that name the row within its holder, dataset and period |
//! | `subject` | the pupil, as this holder's own links have it; NULL in datasets that are not about pupils |
//! | `canonical` | `subject.canonical` of that subject, kept here for what reads: see [`canonical`](mod@canonical) |
//! | `first_us` | when the holder first delivered this row, kept over snapshots; µs UTC |
//! | `reference` | the holder's own name for the pupil, sealed; NULL where it sent none |
//! | `f_…` | dates as days since 1970-01-01, Booleans as 0 and 1, integers; everything else as text |

pub(super) mod canonical;
pub(super) mod former;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use doelpoort_core::catalogue::{About, Catalogue, Dataset, Field, FieldType, Name};
use sqlx::{AssertSqlSafe, SqlStr};

use super::resealing::Statements;
use super::{Schema, Sql, Statement, Store, StoreError, TypeClass};

/// Row numbers of one delivery fit below this.
pub const ROWS_PER_DELIVERY_MAX: i64 = 1 << 32;

/// The table of a dataset: `ds_` and the name with `_` for `-`.
pub fn table_name(dataset: &Name) -> String {
    format!("ds_{}", dataset.as_str().replace('-', "_"))
}

/// The column of a field: `f_` and the name with `_` for `-`.
pub fn column_name(field: &Name) -> String {
    format!("f_{}", field.as_str().replace('-', "_"))
}

/// How the values of a field are stored.
pub fn type_class(field_type: FieldType) -> TypeClass {
    match field_type {
        FieldType::Bool | FieldType::Date | FieldType::Integer { .. } => TypeClass::Int,
        FieldType::Brin6 | FieldType::Code | FieldType::Text { .. } | FieldType::Pc4 | FieldType::StaffId => {
            TypeClass::Text
        }
    }
}

pub(crate) const ALL: &[(&str, Sql)] = &[
    ("dataset::canonical::AGAINST_MERGES", canonical::AGAINST_MERGES),
    ("dataset::former::FORGET", former::FORGET),
];

/// SQL rendered for each engine from catalogue names only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rendered {
    sqlite: String,
    postgres: String,
}

impl Rendered {
    pub(super) fn same(text: String) -> Self {
        Self {
            sqlite: text.clone(),
            postgres: text,
        }
    }

    pub(super) fn pair(sqlite: String, postgres: String) -> Self {
        Self { sqlite, postgres }
    }
}

impl Statement for &Rendered {
    fn sqlite(self) -> SqlStr {
        catalogue_names_only(&self.sqlite)
    }

    fn postgres(self) -> SqlStr {
        catalogue_names_only(&self.postgres)
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "made of constants and of catalogue names, which cannot hold SQL"
)]
fn catalogue_names_only(text: &str) -> SqlStr {
    sqlx::SqlSafeStr::into_sql_str(AssertSqlSafe(text.to_owned()))
}

/// A dataset's table, and the statements that fill it.
#[derive(Clone, Debug)]
pub struct DatasetTable {
    pub(super) dataset: Name,
    pub(super) fields: Vec<(Name, TypeClass)>,
    pub(super) insert: Rendered,
    pub(super) staged: Rendered,
    pub(super) repoint: Option<Rendered>,
    pub(super) resealing: Statements,
}

impl DatasetTable {
    /// The dataset.
    pub fn dataset(&self) -> &Name {
        &self.dataset
    }

    /// The stored fields, in the order in which a staged row gives their values.
    pub fn fields(&self) -> impl Iterator<Item = (&Name, TypeClass)> {
        self.fields.iter().map(|(name, class)| (name, *class))
    }

    fn new(dataset: &Dataset) -> Self {
        let stored = |field: &Field| (field.name.clone(), type_class(field.field_type));
        let fields: Vec<_> = dataset.stored_fields().map(stored).collect();
        let table = table_name(&dataset.name);
        Self {
            insert: insert(&table, &fields),
            staged: Rendered::same(format!(
                "SELECT \"row\" FROM {table} WHERE delivery = $1 AND \"row\" BETWEEN $2 AND $3"
            )),
            repoint: (dataset.about == About::Pupil).then(|| repoint(&table, "delivery")),
            resealing: Statements::new(&table),
            dataset: dataset.name.clone(),
            fields,
        }
    }
}

/// The tables of all datasets.
#[derive(Clone, Debug, Default)]
pub struct DatasetTables(BTreeMap<Name, DatasetTable>);

impl DatasetTables {
    /// The table of a dataset.
    pub fn table(&self, dataset: &Name) -> Option<&DatasetTable> {
        self.0.get(dataset)
    }

    /// All tables, by name of the dataset.
    pub fn iter(&self) -> impl Iterator<Item = &DatasetTable> {
        self.0.values()
    }
}

impl Store {
    /// Makes what the catalogue asks for and is not there: tables, columns of new fields, indexes. Columns of
    /// fields that are gone stay until their rows are. Run at start, after [`Store::migrate`].
    ///
    /// # Errors
    /// [`StoreError::FieldType`] when a field is now stored as another type than its column.
    pub async fn prepare_datasets(&self, catalogue: &Catalogue) -> Result<DatasetTables, StoreError> {
        let mut tx = self.begin_write().await?;
        // Replicas that start together must not both make the same table.
        tx.take("delivery", 0).await?;
        let schema = self.schema().await?;
        let mut tables = BTreeMap::new();
        for dataset in catalogue.datasets() {
            for statement in definitions(dataset, &schema)? {
                tx.execute(&statement, vec![]).await?;
            }
            tables.insert(dataset.name.clone(), DatasetTable::new(dataset));
        }
        tx.commit().await?;
        for dataset in catalogue
            .datasets()
            .filter(|dataset| dataset.about == About::Pupil)
        {
            self.mend_canonical(&table_name(&dataset.name)).await?;
        }
        Ok(DatasetTables(tables))
    }
}

/// The statements that bring a dataset's table from what `schema` says to what the catalogue asks.
fn definitions(dataset: &Dataset, schema: &Schema) -> Result<Vec<Rendered>, StoreError> {
    let table = table_name(&dataset.name);
    let mut statements = Vec::new();
    let Some(columns) = schema.get(&table) else {
        statements.push(create(&table, dataset));
        statements.extend(indexes(&table, dataset));
        return Ok(statements);
    };
    let add = |column: &str, class: TypeClass| {
        let add = |int, bytes| {
            format!(
                "ALTER TABLE {table} ADD COLUMN {column} {}",
                class.name(int, bytes)
            )
        };
        Rendered::pair(add("INTEGER", "BLOB"), add("BIGINT", "BYTEA"))
    };
    if !columns.contains_key(canonical::COLUMN) {
        statements.push(add(canonical::COLUMN, TypeClass::Bytes));
    }
    for field in dataset.stored_fields() {
        let (column, class) = (column_name(&field.name), type_class(field.field_type));
        match columns.get(&column) {
            Some((found, _)) if *found == class => {}
            Some(_) => {
                return Err(StoreError::FieldType {
                    dataset: dataset.name.to_string(),
                    field: field.name.to_string(),
                });
            }
            None => statements.push(add(&column, class)),
        }
    }
    statements.extend(indexes(&table, dataset));
    Ok(statements)
}

fn create(table: &str, dataset: &Dataset) -> Rendered {
    let render = |int: &str, bytes: &str, end: &str| {
        let mut text = format!(
            "CREATE TABLE {table} (\"row\" {int} NOT NULL PRIMARY KEY, holder TEXT NOT NULL, \
             row_key {bytes} NOT NULL, subject {bytes}, canonical {bytes}, delivery {int} NOT NULL, \
             first_us {int} NOT NULL, reference {bytes}"
        );
        for field in dataset.stored_fields() {
            let (column, class) = (column_name(&field.name), type_class(field.field_type));
            // A write to a String cannot fail.
            let _ = write!(text, ", {column} {}", class.name(int, bytes));
        }
        text + end
    };
    Rendered::pair(
        render("INTEGER", "BLOB", ") STRICT"),
        render("BIGINT", "BYTEA", ")"),
    )
}

/// Indexes: one row a key and delivery, which is also the way to a delivery's rows; rows by key; the pupil's rows, as
/// the holder has it and as all have it; and fields that tie a row to a site or a member of staff. None begins with
/// the holder: `SQLite`, which has no statistics, would take it before the pupil's and read all of a holder's rows for
/// each pupil. A field's index is named by a digest, for the names of a table and a field together may be too long for
/// PostgreSQL.
fn indexes(table: &str, dataset: &Dataset) -> Vec<Rendered> {
    let index = |kind: &str, name: &str, columns: &str| {
        Rendered::same(format!(
            "CREATE {kind} IF NOT EXISTS ix{name}_{table} ON {table} ({columns})"
        ))
    };
    let mut all = vec![
        index("UNIQUE INDEX", "d", "delivery, row_key"),
        index("INDEX", "k", "row_key"),
    ];
    if dataset.about == About::Pupil {
        all.push(index("INDEX", "s", "subject"));
        all.push(index("INDEX", "c", canonical::COLUMN));
    }
    for field in dataset.stored_fields() {
        if matches!(field.field_type, FieldType::Brin6 | FieldType::StaffId) {
            let column = column_name(&field.name);
            let digest = ring::digest::digest(&ring::digest::SHA256, column.as_bytes());
            let name = data_encoding::HEXLOWER.encode(digest.as_ref().get(..4).unwrap_or_default());
            all.push(index("INDEX", &name, &column));
        }
    }
    all
}

/// `$1` delivery, `$2` holder, `$3` now, then the batch: row, key, subject, reference, fields. A row that the holder
/// already has keeps the time at which it was first seen.
fn insert(table: &str, fields: &[(Name, TypeClass)]) -> Rendered {
    let mut columns = String::from("canonical, \"row\", row_key, subject, reference");
    let mut sqlite = String::from("value ->> 0, unhex(value ->> 1), unhex(value ->> 2), unhex(value ->> 3)");
    let mut arrays = String::from("$4::bigint[], $5::bytea[], $6::bytea[], $7::bytea[]");
    let mut names = String::from("n, k, s, c");
    for (place, (field, class)) in fields.iter().enumerate() {
        // Writes to a String cannot fail.
        let _ = write!(columns, ", {}", column_name(field));
        let _ = write!(sqlite, ", value ->> {}", place + 4);
        let _ = write!(arrays, ", ${}::{}[]", place + 8, class.name("bigint", "bytea"));
        let _ = write!(names, ", f{place}");
    }
    let end = "ON CONFLICT (delivery, row_key) DO NOTHING";
    let first = |key: &str| {
        format!(
            "COALESCE((SELECT MIN(o.first_us) FROM {table} o JOIN delivery d ON d.id = o.delivery AND d.state = 'active' \
             WHERE o.holder = $2 AND o.row_key = {key}), $3)"
        )
    };
    Rendered::pair(
        format!(
            "INSERT INTO {table} (delivery, holder, first_us, {columns}) \
             SELECT $1, $2, {}, {}, {sqlite} FROM json_each($4) WHERE TRUE {end}",
            first("unhex(value ->> 1)"),
            canonical::of("unhex(value ->> 2)")
        ),
        format!(
            "INSERT INTO {table} (delivery, holder, first_us, {columns}) \
             SELECT $1, $2, {}, {}, v.* FROM unnest({arrays}) AS v ({names}) {end}",
            first("v.k"),
            canonical::of("v.s")
        ),
    )
}

/// Moves rows of a holder (`$1`), then the batch: from, to.
pub(super) fn repoint_all(dataset: &Name) -> Rendered {
    repoint(&table_name(dataset), "holder")
}

/// `$1` what is in this column, then the batch: from, to.
fn repoint(table: &str, column: &str) -> Rendered {
    let update = |new: &str| {
        let canonical = canonical::of(new);
        format!("UPDATE {table} SET subject = {new}, canonical = {canonical}")
    };
    Rendered::pair(
        format!(
            "{} FROM json_each($2) AS v
             WHERE {table}.subject = unhex(v.value ->> 0) AND {table}.{column} = $1",
            update("unhex(v.value ->> 1)")
        ),
        format!(
            "{} FROM unnest($2::bytea[], $3::bytea[]) AS v (old, new)
             WHERE {table}.subject = v.old AND {table}.{column} = $1",
            update("v.new")
        ),
    )
}
