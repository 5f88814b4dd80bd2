//! Freezes the population: one row a pupil, without the pupil. The latest row of each dataset gives the codes, all that
//! hold give the amounts.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use doelpoort_core::catalogue::{Catalogue, Dataset, Field, FieldName, Name, Population};
use doelpoort_core::figures::release::layout;
use doelpoort_core::figures::snapshot::{Layout, PupilKeys, Snapshot};
use doelpoort_core::figures::{RecordKey, record_key, sum_record_key};
use doelpoort_core::plan::LeftOut;
use doelpoort_core::policy::Policies;
use doelpoort_core::policy::decide::civil_day;
use doelpoort_core::pseudonym::SubjectId;
use doelpoort_core::purpose::{Grant, Purpose};
use jiff::civil::Date;

use super::CloseError;
use crate::gateway::Gateway;
use crate::source::stored_value;
use crate::store::render::{self, Selection};
use crate::store::{Row, StoreError, Tx};

/// What a pupil's rows of one dataset come to.
struct Reduced {
    /// Of the latest row, in the order of the dataset's codes; numbers of [`Interned`].
    codes: Vec<Option<u32>>,
    /// Of all rows, in the order of the dataset's amounts; not yet bounded.
    amounts: Vec<i64>,
}

/// The codes of one dataset, each once.
#[derive(Default)]
struct Interned {
    numbers: HashMap<String, u32>,
    codes: Vec<String>,
}

/// What is wanted of one dataset.
#[derive(Default)]
struct Wanted {
    codes: Vec<Name>,
    amounts: Vec<Name>,
}

/// All that one dataset adds to the snapshot.
struct Part {
    wanted: Wanted,
    interned: Interned,
    pupils: HashMap<[u8; 16], Reduced>,
}

impl Gateway {
    /// Reads the population as it stands at `date`, all in one transaction, without pupils who object today.
    pub(super) async fn freeze(
        &self,
        policies: &Policies,
        population: &Population,
        date: Date,
        purposes: &[&Purpose],
        key: &RecordKey,
    ) -> Result<Snapshot, CloseError> {
        let catalogue = &policies.catalogue;
        let layout = layout(
            catalogue,
            &policies.organisations,
            &population.name,
            purposes.iter().copied(),
        );
        // One cell is one figure for all purposes, so who objects to one of them is in none of them.
        let left_out = LeftOut {
            purposes: purposes.iter().map(|purpose| purpose.id.clone()).collect(),
            on: civil_day(self.clock.now()),
        };
        let mut wanted = by_dataset(&layout);
        for dataset in &population.datasets {
            wanted.entry(dataset.clone()).or_default();
        }
        let mut tx = self.store.begin_read().await?;
        let mut members: BTreeSet<[u8; 16]> = BTreeSet::new();
        let mut parts: BTreeMap<Name, Part> = BTreeMap::new();
        for (name, wanted) in wanted {
            let part = reduce(&mut tx, catalogue, &name, wanted, date, &left_out).await?;
            if population.datasets.contains(&name) {
                members.extend(part.pupils.keys());
            }
            parts.insert(name, part);
        }
        tx.rollback().await?;

        let bounds = layout
            .amounts
            .iter()
            .map(|amount| bound(catalogue, amount))
            .collect::<Vec<_>>();
        let mut snapshot = Snapshot::new(layout.clone());
        for member in members {
            let subject = SubjectId::from_bytes(member);
            let keys = PupilKeys {
                count: record_key(key, &population.name, &subject),
                sum: sum_record_key(key, &population.name, &subject),
            };
            let codes = layout.fields.iter().map(|field| code(&parts, &member, field));
            let amounts = layout.amounts.iter().zip(&bounds);
            let amounts = amounts.map(|(amount, bound)| summed(&parts, &member, amount).clamp(0, *bound));
            snapshot.push(keys, codes, amounts);
        }
        Ok(snapshot)
    }
}

/// The datasets that figures over a population rest on.
pub(super) fn datasets(population: &Population, purposes: &[&Purpose]) -> BTreeSet<Name> {
    let grants = purposes.iter().flat_map(|purpose| &purpose.grants);
    let figures =
        grants.filter(|grant| matches!(grant, Grant::Figures(one) if one.population == population.name));
    let named = figures.flat_map(|grant| grant.named_datasets().into_iter().cloned());
    population.datasets.iter().cloned().chain(named).collect()
}

/// What is wanted of each dataset. `present` and `rows` need no column.
fn by_dataset(layout: &Layout) -> BTreeMap<Name, Wanted> {
    let mut wanted: BTreeMap<Name, Wanted> = BTreeMap::new();
    for field in &layout.fields {
        let of_dataset = wanted.entry(field.dataset.clone()).or_default();
        if field.field != Name::present() {
            of_dataset.codes.push(field.field.clone());
        }
    }
    for amount in &layout.amounts {
        let of_dataset = wanted.entry(amount.dataset.clone()).or_default();
        of_dataset.amounts.push(amount.field.clone());
    }
    wanted
}

/// The most that one pupil adds to an amount.
fn bound(catalogue: &Catalogue, amount: &FieldName) -> i64 {
    let bound = if amount.field == Name::rows() {
        catalogue
            .dataset(&amount.dataset)
            .and_then(|dataset| dataset.rows_bound)
    } else {
        catalogue.field(amount).and_then(|(_, field)| field.bound)
    };
    bound.unwrap_or(0)
}

/// Each pupil's rows of one dataset as they stand at the date: they come sorted, so the latest is the first.
async fn reduce(
    tx: &mut Tx,
    catalogue: &Catalogue,
    name: &Name,
    wanted: Wanted,
    date: Date,
    left_out: &LeftOut,
) -> Result<Part, CloseError> {
    let dataset = catalogue
        .dataset(name)
        .ok_or(CloseError::Rows("a dataset is not in the catalogue"))?;
    let reading = Reading::new(catalogue, dataset, &wanted, date)?;
    let selection = Selection {
        dataset,
        columns: reading.columns.iter().map(|field| &field.name).collect(),
        only: Vec::new(),
        holders: None,
        at: date,
        within: Vec::new(),
        left_out: Some(left_out),
    };
    let mut interned = Interned::default();
    let mut pupils: HashMap<[u8; 16], Reduced> = HashMap::new();
    tx.for_each_rendered(&render::held_rows(&selection), |row| {
        let subject = row.array(0)?;
        let amounts = reading.amounts(&row)?;
        if let Some(reduced) = pupils.get_mut(&subject) {
            for (sum, amount) in reduced.amounts.iter_mut().zip(amounts) {
                *sum = sum.saturating_add(amount);
            }
        } else {
            let codes = reading.codes(&row, &mut interned)?;
            pupils.insert(subject, Reduced { codes, amounts });
        }
        Ok(())
    })
    .await?;
    Ok(Part {
        wanted,
        interned,
        pupils,
    })
}

/// How one row becomes codes and amounts.
struct Reading<'c> {
    catalogue: &'c Catalogue,
    dataset: &'c Dataset,
    date: Date,
    /// The stored fields that are read, after the subject and the holder.
    columns: Vec<&'c Field>,
    codes: Vec<Code<'c>>,
    amounts: Vec<Option<&'c Field>>,
}

/// Where a code comes from.
enum Code<'c> {
    Holder,
    /// A field with codes, or the bin of a number.
    Field(&'c Field),
}

impl<'c> Reading<'c> {
    fn new(
        catalogue: &'c Catalogue,
        dataset: &'c Dataset,
        wanted: &Wanted,
        date: Date,
    ) -> Result<Self, CloseError> {
        let field = |name: &Name| {
            let field = dataset.field(name);
            field.ok_or(CloseError::Rows("a field is not in the catalogue"))
        };
        let code = |name: &Name| {
            if *name == Name::holder() {
                return Ok(Code::Holder);
            }
            field(name).map(Code::Field)
        };
        let amount = |name: &Name| {
            if *name == Name::rows() {
                return Ok(None);
            }
            field(name).map(Some)
        };
        let codes = wanted.codes.iter().map(code).collect::<Result<Vec<_>, _>>()?;
        let amounts = wanted.amounts.iter().map(amount).collect::<Result<Vec<_>, _>>()?;
        let coded = codes.iter().filter_map(|code| match code {
            Code::Field(field) => Some(*field),
            Code::Holder => None,
        });
        let mut columns: Vec<&Field> = Vec::new();
        for one in coded.chain(amounts.iter().flatten().copied()) {
            for source in one.columns() {
                let source = field(source)?;
                if !columns.iter().any(|column| column.name == source.name) {
                    columns.push(source);
                }
            }
        }
        Ok(Self {
            catalogue,
            dataset,
            date,
            columns,
            codes,
            amounts,
        })
    }

    fn codes(&self, row: &Row, interned: &mut Interned) -> Result<Vec<Option<u32>>, StoreError> {
        let mut codes = Vec::with_capacity(self.codes.len());
        for code in &self.codes {
            let text = match code {
                Code::Holder => Some(row.text(1)?),
                Code::Field(field) => self.code(row, field)?,
            };
            codes.push(text.map(|text| interned.number(text)));
        }
        Ok(codes)
    }

    fn code(&self, row: &Row, field: &Field) -> Result<Option<String>, StoreError> {
        let Some(value) = self.value(row, field)? else {
            return Ok(None);
        };
        if field.bins.is_empty() {
            return Ok(value.as_code().map(str::to_owned));
        }
        let name = FieldName::new(self.dataset.name.clone(), field.name.clone());
        let bin = value
            .as_integer()
            .and_then(|number| self.catalogue.bin(&name, number));
        Ok(bin.map(|bin| bin.to_string()))
    }

    /// One row's amounts; a row itself is one.
    fn amounts(&self, row: &Row) -> Result<Vec<i64>, StoreError> {
        let mut amounts = Vec::with_capacity(self.amounts.len());
        for field in &self.amounts {
            amounts.push(match field {
                None => 1,
                Some(field) => {
                    let value = self.value(row, field)?;
                    value.and_then(|value| value.as_integer()).unwrap_or(0)
                }
            });
        }
        Ok(amounts)
    }

    fn value(
        &self,
        row: &Row,
        field: &Field,
    ) -> Result<Option<doelpoort_core::catalogue::Value>, StoreError> {
        let stored = |name: &Name| {
            let place = self.columns.iter().position(|column| column.name == *name);
            match place.and_then(|place| self.columns.get(place).map(|column| (place, column))) {
                Some((place, column)) => stored_value(row, place + 2, column),
                None => Ok(None),
            }
        };
        match &field.derive {
            Some(derive) if derive.is_when_asked() => {
                let mut from = Vec::new();
                for source in derive.sources() {
                    from.push((source, stored(source)?));
                }
                let of = |name: &Name| {
                    let found = from.iter().find(|(source, _)| *source == name);
                    found.and_then(|(_, value)| value.as_ref())
                };
                Ok(derive.on(self.date, of))
            }
            _ => stored(&field.name),
        }
    }
}

impl Interned {
    fn number(&mut self, code: String) -> u32 {
        if let Some(number) = self.numbers.get(&code) {
            return *number;
        }
        let number = u32::try_from(self.codes.len()).unwrap_or(u32::MAX);
        self.codes.push(code.clone());
        self.numbers.insert(code, number);
        number
    }
}

fn code<'p>(parts: &'p BTreeMap<Name, Part>, member: &[u8; 16], field: &FieldName) -> Option<&'p str> {
    let part = parts.get(&field.dataset);
    let found = part.and_then(|part| part.pupils.get(member));
    if field.field == Name::present() {
        return Some(if found.is_some() { "true" } else { "false" });
    }
    let part = part?;
    let place = part.wanted.codes.iter().position(|name| *name == field.field)?;
    let number = found?.codes.get(place).copied().flatten()?;
    part.interned
        .codes
        .get(usize::try_from(number).ok()?)
        .map(String::as_str)
}

fn summed(parts: &BTreeMap<Name, Part>, member: &[u8; 16], amount: &FieldName) -> i64 {
    let of = |part: &Part| {
        let place = part
            .wanted
            .amounts
            .iter()
            .position(|name| *name == amount.field)?;
        part.pupils.get(member)?.amounts.get(place).copied()
    };
    parts.get(&amount.dataset).and_then(of).unwrap_or(0)
}
