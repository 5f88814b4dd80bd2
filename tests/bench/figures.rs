//! One grouping at the close of an epoch beside the same plain `GROUP BY`, over the same snapshot and in the same run.
//!
//! The snapshot is a table of the database that is named: a row a pupil, made by `tests/bench/figures.py`. Ours reads it
//! into memory, as a close does, and releases it: the grouping, all coarser ones, each holder's part, whether a field
//! repeats another, and the noise of every cell. Theirs only counts. Prints one line of JSON.

use std::error::Error;
use std::io::Write as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Parser;
use doelpoort::policies;
use doelpoort_core::catalogue::Name;
use doelpoort_core::figures::release::{Release, layout, release};
use doelpoort_core::figures::snapshot::{Layout, PupilKeys, Snapshot};
use doelpoort_core::figures::{FiguresRoot, QueryKey};
use doelpoort_core::policy::load::Draft;
use doelpoort_core::purpose::{Grant, Purpose};
use futures_util::TryStreamExt as _;
use mimalloc::MiMalloc;
use serde_json::json;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _, SqliteConnection};
use zeroizing_alloc::ZeroAlloc;

/// The program's allocator.
#[global_allocator]
static ALLOCATOR: ZeroAlloc<MiMalloc> = ZeroAlloc(MiMalloc);

type Failure = Box<dyn Error + Send + Sync>;

/// Each side is measured so often, in turns; the fastest counts, as the one that others disturbed least.
const TURNS: u32 = 5;

/// Measure one grouping
#[derive(Parser)]
struct Args {
    /// Where the snapshot is
    #[arg(long, value_name = "URL", required_unless_present = "columns")]
    database: Option<String>,
    /// The policies
    #[arg(long, value_name = "DIR", default_value = "policies")]
    policies: PathBuf,
    /// The purpose whose first grant is grouped
    #[arg(long, default_value = "youth-atlas")]
    purpose: Name,
    /// What is grouped by
    #[arg(long = "by", value_name = "DIMENSION", default_values = ["resident.neighbourhood@neighbourhood", "enrolment.sector@sector"])]
    by: Vec<String>,
    /// The count date
    #[arg(long, default_value = "2026-10-01")]
    epoch: String,
    /// Only print the columns that the snapshot needs
    #[arg(long)]
    columns: bool,
}

/// A connection of either engine.
enum Database {
    Postgres(PgConnection),
    Sqlite(SqliteConnection),
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let args = Args::parse();
    let draft = policies::draft(&args.policies)?;
    let purpose = one_grouping(&draft, &args)?;
    let population: Name = "children".parse()?;
    let (catalogue, organisations) = (&draft.catalogue, &draft.organisations);
    let layout = layout(catalogue, organisations, &population, std::iter::once(&purpose));
    let mut out = std::io::stdout().lock();
    let columns: Vec<String> = layout.fields.iter().map(ToString::to_string).collect();
    let Some(url) = args.database.filter(|_| !args.columns) else {
        writeln!(out, "{}", json!(columns))?;
        return Ok(());
    };

    let mut database = Database::open(&url).await?;
    let snapshot = database.snapshot(&layout).await?;
    let key = QueryKey::derive(&FiguresRoot::from_bytes([7; 32]));
    let of = Release {
        catalogue,
        organisations,
        population: catalogue.population(&population).ok_or("no population")?,
        epoch: &args.epoch,
        key: &key,
    };
    let by: Vec<String> = args
        .by
        .iter()
        .map(|dimension| quoted(field_of(dimension)))
        .collect();
    let plain = format!("SELECT {0}, COUNT(*) FROM snapshot GROUP BY {0}", by.join(", "));
    let (mut ours, mut theirs, mut cells) = (Duration::MAX, Duration::MAX, 0);
    for _ in 0..TURNS {
        let began = Instant::now();
        cells = release(of, std::iter::once(&purpose), &snapshot)?.cells.len();
        ours = ours.min(began.elapsed());
        let began = Instant::now();
        database.read_all(&plain).await?;
        theirs = theirs.min(began.elapsed());
    }
    let report = json!({
        "pupils": snapshot.len(), "cells": cells, "ours_s": ours.as_secs_f64(), "theirs_s": theirs.as_secs_f64(),
    });
    writeln!(out, "{report}")?;
    Ok(())
}

/// The purpose with nothing but its first grant, and of that one grouping of pupils.
fn one_grouping(draft: &Draft, args: &Args) -> Result<Purpose, Failure> {
    let (purpose, _) = draft.purposes.get(&args.purpose).ok_or("no such purpose")?;
    let Some(Grant::Figures(grant)) = purpose.grants.first() else {
        return Err("its first grant is of no figures".into());
    };
    let mut grant = grant.clone();
    let by = args
        .by
        .iter()
        .map(|dimension| draft.catalogue.dimension(dimension));
    grant.group_by = by
        .collect::<Result<_, _>>()
        .map_err(|error| format!("{error:?}"))?;
    grant.filter_by.clear();
    let mut purpose = purpose.clone();
    purpose.grants = vec![Grant::Figures(grant)];
    Ok(purpose)
}

fn field_of(dimension: &str) -> &str {
    dimension.split('@').next().unwrap_or(dimension)
}

fn quoted(name: &str) -> String {
    format!("\"{name}\"")
}

impl Database {
    async fn open(url: &str) -> Result<Self, Failure> {
        Ok(if url.starts_with("sqlite:") {
            Self::Sqlite(SqliteConnection::connect(url).await?)
        } else {
            Self::Postgres(PgConnection::connect(url).await?)
        })
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "names of the catalogue, in a table of our own"
    )]
    async fn snapshot(&mut self, layout: &Layout) -> Result<Snapshot, Failure> {
        let fields: Vec<String> = layout
            .fields
            .iter()
            .map(|field| quoted(&field.to_string()))
            .collect();
        let width = fields.len();
        let query = AssertSqlSafe(format!("SELECT rk, {} FROM snapshot", fields.join(", ")));
        let mut snapshot = Snapshot::new(layout.clone());
        let mut push = |key: i64, codes: Vec<Option<String>>| {
            let count = u32::try_from(key).unwrap_or_default();
            let keys = PupilKeys { count, sum: count };
            snapshot.push(keys, codes.iter().map(Option::as_deref), []);
        };
        match self {
            Self::Postgres(connection) => {
                let mut rows = sqlx::query(query).fetch(connection);
                while let Some(row) = rows.try_next().await? {
                    let codes = (1..=width).map(|place| PgRow::try_get(&row, place));
                    push(row.try_get(0)?, codes.collect::<Result<_, _>>()?);
                }
            }
            Self::Sqlite(connection) => {
                let mut rows = sqlx::query(query).fetch(connection);
                while let Some(row) = rows.try_next().await? {
                    let codes = (1..=width).map(|place| SqliteRow::try_get(&row, place));
                    push(row.try_get(0)?, codes.collect::<Result<_, _>>()?);
                }
            }
        }
        Ok(snapshot)
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "names of the catalogue, in a table of our own"
    )]
    async fn read_all(&mut self, query: &str) -> Result<(), Failure> {
        let query = AssertSqlSafe(query.to_owned());
        match self {
            Self::Postgres(connection) => drop(sqlx::query(query).fetch_all(connection).await?),
            Self::Sqlite(connection) => drop(sqlx::query(query).fetch_all(connection).await?),
        }
        Ok(())
    }
}
