//! Freezes the population: one row a pupil, the latest row of each dataset, without the pupil.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use doelpoort_core::catalogue::{Catalogue, FieldName, Name, Population};
use doelpoort_core::figures::release::fields;
use doelpoort_core::figures::snapshot::Snapshot;
use doelpoort_core::figures::{RecordKey, record_key};
use doelpoort_core::plan::LeftOut;
use doelpoort_core::policy::decide::civil_day;
use doelpoort_core::pseudonym::SubjectId;
use doelpoort_core::purpose::{Grant, Purpose};
use jiff::civil::Date;

use super::CloseError;
use crate::gateway::Gateway;
use crate::source::stored_value;
use crate::store::Tx;
use crate::store::render::{self, Selection};

/// The codes of one pupil's latest row of a dataset, in the order of the fields wanted of it.
type Codes = Vec<Option<String>>;

impl Gateway {
    /// Reads the population as it stands at `date`, all in one transaction, without pupils who object today.
    pub(super) async fn freeze(
        &self,
        catalogue: &Catalogue,
        population: &Population,
        date: Date,
        purposes: &[&Purpose],
        key: &RecordKey,
    ) -> Result<Snapshot, CloseError> {
        let wanted = by_dataset(&fields(&population.name, purposes.iter().copied()));
        // One cell is one figure for all purposes, so who objects to one of them is in none of them.
        let left_out = LeftOut {
            purposes: purposes.iter().map(|purpose| purpose.id.clone()).collect(),
            on: civil_day(self.clock.now()),
        };
        let mut tx = self.store.begin_read().await?;
        let mut members: BTreeSet<[u8; 16]> = BTreeSet::new();
        let mut rows: BTreeMap<Name, HashMap<[u8; 16], Codes>> = BTreeMap::new();
        let datasets: BTreeSet<&Name> = population.datasets.iter().chain(wanted.keys()).collect();
        for dataset in datasets {
            let none = Vec::new();
            let fields = wanted.get(dataset).unwrap_or(&none);
            let found = latest(&mut tx, catalogue, dataset, fields, date, &left_out).await?;
            if population.datasets.contains(dataset) {
                members.extend(found.keys());
            }
            rows.insert(dataset.clone(), found);
        }
        tx.rollback().await?;

        let columns = columns(&wanted);
        let mut snapshot = Snapshot::new(columns.clone());
        for member in members {
            let subject = SubjectId::from_bytes(member);
            let values = columns.iter().map(|column| code(&rows, &wanted, &member, column));
            snapshot.push(record_key(key, &population.name, &subject), values);
        }
        Ok(snapshot)
    }
}

/// The datasets that figures over a population rest on.
pub(super) fn datasets(population: &Population, purposes: &[&Purpose]) -> BTreeSet<Name> {
    let wanted = by_dataset(&fields(&population.name, purposes.iter().copied()));
    let bases = purposes
        .iter()
        .flat_map(|purpose| &purpose.grants)
        .filter_map(|grant| match grant {
            Grant::Figures(grant) if grant.population == population.name => Some(grant.dataset.clone()),
            _ => None,
        });
    population
        .datasets
        .iter()
        .cloned()
        .chain(wanted.into_keys())
        .chain(bases)
        .collect()
}

/// The stored fields wanted of each dataset; `present` needs none.
fn by_dataset(fields: &[FieldName]) -> BTreeMap<Name, Vec<Name>> {
    let mut wanted: BTreeMap<Name, Vec<Name>> = BTreeMap::new();
    for field in fields {
        let of_dataset = wanted.entry(field.dataset.clone()).or_default();
        if field.field != Name::present() {
            of_dataset.push(field.field.clone());
        }
    }
    wanted
}

/// All columns of the snapshot: each field wanted, and `present` of each dataset.
fn columns(wanted: &BTreeMap<Name, Vec<Name>>) -> Vec<FieldName> {
    wanted
        .iter()
        .flat_map(|(dataset, fields)| {
            fields
                .iter()
                .cloned()
                .chain([Name::present()])
                .map(|field| FieldName::new(dataset.clone(), field))
        })
        .collect()
}

/// The latest row of each pupil, as it stands at the date: rows come sorted, so it is the first.
async fn latest(
    tx: &mut Tx,
    catalogue: &Catalogue,
    dataset: &Name,
    fields: &[Name],
    date: Date,
    left_out: &LeftOut,
) -> Result<HashMap<[u8; 16], Codes>, CloseError> {
    let dataset = catalogue
        .dataset(dataset)
        .ok_or(CloseError::Rows("a dataset is not in the catalogue"))?;
    let definitions: Option<Vec<_>> = fields.iter().map(|field| dataset.field(field)).collect();
    let definitions = definitions.ok_or(CloseError::Rows("a field is not in the catalogue"))?;
    if definitions.iter().any(|field| !field.is_stored()) {
        return Err(CloseError::Rows(
            "a field that is computed when asked cannot be counted by",
        ));
    }
    let selection = Selection {
        dataset,
        columns: fields.iter().collect(),
        only: Vec::new(),
        holders: None,
        at: date,
        within: Vec::new(),
        left_out: Some(left_out),
    };
    let mut found: HashMap<[u8; 16], Codes> = HashMap::new();
    let query = render::rows(&selection, u32::MAX);
    tx.for_each_rendered(&query, |row| {
        let mut codes = Vec::with_capacity(definitions.len());
        for (place, field) in definitions.iter().enumerate() {
            let value = stored_value(&row, place + 1, field)?;
            codes.push(value.and_then(|value| value.as_code().map(str::to_owned)));
        }
        found.entry(row.array(0)?).or_insert(codes);
        Ok(())
    })
    .await?;
    Ok(found)
}

fn code<'r>(
    rows: &'r BTreeMap<Name, HashMap<[u8; 16], Codes>>,
    wanted: &BTreeMap<Name, Vec<Name>>,
    member: &[u8; 16],
    column: &FieldName,
) -> Option<&'r str> {
    let row = rows.get(&column.dataset).and_then(|found| found.get(member));
    if column.field == Name::present() {
        return Some(if row.is_some() { "true" } else { "false" });
    }
    let place = wanted
        .get(&column.dataset)?
        .iter()
        .position(|field| *field == column.field)?;
    row?.get(place)?.as_deref()
}
