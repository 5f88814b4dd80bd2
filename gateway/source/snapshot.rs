//! Freezes who is counted: one row a pupil, without the pupil. The latest row of each dataset gives the codes, all that
//! hold give the amounts.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use doelpoort_core::catalogue::{Catalogue, Dataset, Field, FieldName, Name};
use doelpoort_core::figures::snapshot::{Layout, PupilKeys, Snapshot};
use doelpoort_core::party::Oin;
use doelpoort_core::plan::LeftOut;
use doelpoort_core::pseudonym::SubjectId;
use jiff::civil::Date;

use super::{SourceError, stored_value};
use crate::store::render::{self, Selection};
use crate::store::{Row, Store, StoreError, Tx};

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

/// Who is counted, by which columns, of whose rows.
pub(crate) struct Census<'c> {
    /// What is kept of each pupil.
    pub(crate) layout: Layout,
    /// Pupils with a row in one of these are counted.
    pub(crate) members: Vec<Name>,
    /// As rows stood on this date.
    pub(crate) date: Date,
    /// Without these.
    pub(crate) left_out: &'c LeftOut,
    /// Whose rows of a dataset; all of them where it is not named.
    pub(crate) holders: &'c [(Name, Vec<Oin>)],
    /// Whether what one pupil adds to an amount is limited as the catalogue says.
    pub(crate) bounded: bool,
}

/// Freezes who is counted, all in one transaction: `keys` gives each pupil's part in the keys of cells.
///
/// # Errors
/// When the layout names what the catalogue does not have, or the store fails.
pub(crate) async fn freeze(
    store: &Store,
    catalogue: &Catalogue,
    census: Census<'_>,
    keys: impl Fn(&SubjectId) -> PupilKeys,
) -> Result<Snapshot, SourceError> {
    let mut wanted = by_dataset(&census.layout);
    for dataset in &census.members {
        wanted.entry(dataset.clone()).or_default();
    }
    let mut tx = store.begin_read().await?;
    let mut members: BTreeSet<[u8; 16]> = BTreeSet::new();
    let mut parts: BTreeMap<Name, Part> = BTreeMap::new();
    for (name, wanted) in wanted {
        let part = reduce(&mut tx, catalogue, &name, wanted, &census).await?;
        if census.members.contains(&name) {
            members.extend(part.pupils.keys());
        }
        parts.insert(name, part);
    }
    tx.rollback().await?;

    let Census { layout, bounded, .. } = census;
    let bounds = layout.amounts.iter().map(|amount| {
        if bounded {
            bound(catalogue, amount)
        } else {
            i64::MAX
        }
    });
    let bounds: Vec<i64> = bounds.collect();
    let mut snapshot = Snapshot::new(layout.clone());
    for member in members {
        let codes = layout.fields.iter().map(|field| code(&parts, &member, field));
        let amounts = layout.amounts.iter().zip(&bounds);
        let amounts = amounts.map(|(amount, bound)| summed(&parts, &member, amount).clamp(0, *bound));
        snapshot.push(keys(&SubjectId::from_bytes(member)), codes, amounts);
    }
    Ok(snapshot)
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
    census: &Census<'_>,
) -> Result<Part, SourceError> {
    let missing = || SourceError::NotInCatalogue(name.to_string());
    let dataset = catalogue.dataset(name).ok_or_else(missing)?;
    let reading = Reading::new(catalogue, dataset, &wanted, census.date)?;
    let held = census.holders.iter().find(|(dataset, _)| dataset == name);
    let selection = Selection {
        dataset,
        columns: reading.columns.iter().map(|field| &field.name).collect(),
        only: Vec::new(),
        holders: held.map(|(_, holders)| holders.as_slice()),
        at: census.date,
        within: Vec::new(),
        left_out: Some(census.left_out),
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
    ) -> Result<Self, SourceError> {
        let field = |name: &Name| {
            let missing = || SourceError::NotInCatalogue(format!("{}.{name}", dataset.name));
            dataset.field(name).ok_or_else(missing)
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
