//! What the k-anonymous grants of an epoch release: one table with a row a pupil, the same for all of them.
//!
//! The columns are those of **all** these grants together. With a table for each, who has two of them would lay classes
//! beside classes and find a pupil where they cross.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::json;
use zeroize::Zeroize;

use super::{Anonymity, Member};
use crate::catalogue::{Catalogue, FieldName, Name, Population, ProtectionClass, Value};
use crate::figures::release::versions;
use crate::plan::Part;
use crate::policy::sha256;
use crate::protect::coarsen;
use crate::purpose::{FieldGrant, Generalise, Grant, Purpose, RecordsGrant};

/// How a column is called whose values are given as they are.
const EXACT: &str = "exact";

/// What is released, and how classes are formed. It is kept with its rows.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct RecordsTable {
    k: u32,
    /// Who has a row in one of these is in the table.
    bases: Vec<Name>,
    columns: Vec<TableColumn>,
}

/// A column: a field in one form.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, PartialOrd, Ord, Serialize)]
pub(super) struct TableColumn {
    field: FieldName,
    form: String,
    sensitive: bool,
}

/// A pupil's row of a table, as it is kept.
#[derive(Deserialize, Serialize)]
pub struct TableRow {
    /// A value for each column, as coarse as it leaves; none where the pupil has none.
    pub values: Vec<Option<String>>,
    /// Who holds the pupil's latest row of each base dataset; none where there is no row.
    pub holders: Vec<Option<String>>,
}

impl Drop for TableRow {
    fn drop(&mut self) {
        self.values.iter_mut().flatten().for_each(Zeroize::zeroize);
    }
}

/// The table of these purposes over a population, and each column's field with the form that it is given in; none where
/// none of them releases records.
pub fn table<'p>(
    catalogue: &Catalogue,
    population: &Population,
    purposes: impl Iterator<Item = &'p Purpose>,
) -> Option<(RecordsTable, Vec<FieldGrant>)> {
    let grants: Vec<&RecordsGrant> = purposes
        .flat_map(|purpose| released(purpose, &population.name))
        .collect();
    let k = grants.iter().filter_map(|grant| grant.anonymous.as_ref());
    let k = k.map(|anonymous| anonymous.k.k()).max()?;
    let mut columns: Vec<(TableColumn, FieldGrant)> = grants
        .iter()
        .flat_map(|grant| &grant.fields)
        .map(|field| (TableColumn::of(catalogue, field), field.clone()))
        .collect();
    columns.sort_by(|(one, _), (other, _)| one.cmp(other));
    columns.dedup_by(|(later, _), (first, _)| later == first);
    let bases: BTreeSet<Name> = grants.iter().map(|grant| grant.dataset.clone()).collect();
    let (columns, fields) = columns.into_iter().unzip();
    let bases = bases.into_iter().collect();
    Some((RecordsTable { k, bases, columns }, fields))
}

/// The k-anonymous grants of a purpose over a population.
fn released<'p>(purpose: &'p Purpose, population: &Name) -> impl Iterator<Item = &'p RecordsGrant> {
    purpose.grants.iter().filter_map(move |grant| match grant {
        Grant::Records(grant) if grant.anonymous.as_ref()?.population == *population => Some(grant),
        _ => None,
    })
}

impl Purpose {
    /// Whether it releases k-anonymous records over a population.
    pub fn releases_records(&self, population: &Name) -> bool {
        released(self, population).next().is_some()
    }

    /// A digest of which records of a population it shows; none where it shows none. A later version with the same one,
    /// in the same catalogue, reads what was released for an earlier one.
    pub fn records_digest(&self, catalogue: &Catalogue, population: &Name) -> Option<[u8; 32]> {
        let mut datasets: BTreeSet<Name> = BTreeSet::new();
        let mut shown = Vec::new();
        for grant in released(self, population) {
            datasets.extend(
                Grant::Records(grant.clone())
                    .named_datasets()
                    .into_iter()
                    .cloned(),
            );
            let columns = grant.fields.iter().map(|field| TableColumn::of(catalogue, field));
            let columns: BTreeSet<TableColumn> = columns.collect();
            let anonymous = grant.anonymous.as_ref()?;
            let (k, epochs) = (anonymous.k.k(), &anonymous.epochs);
            shown.push(json!([
                grant.dataset,
                k,
                epochs,
                columns,
                grant.filter_by,
                grant.only
            ]));
        }
        if shown.is_empty() {
            return None;
        }
        let version = catalogue
            .population(population)
            .map(|population| population.version);
        let all = json!([population, version, shown, versions(catalogue, &datasets)]);
        Some(sha256(all.to_string().as_bytes()))
    }
}

impl TableColumn {
    fn of(catalogue: &Catalogue, granted: &FieldGrant) -> Self {
        let class = catalogue.class_of(std::iter::once(&granted.field));
        Self {
            field: granted.field.clone(),
            form: form(granted.generalise.as_ref()),
            sensitive: class == ProtectionClass::Sensitive,
        }
    }
}

fn form(generalise: Option<&Generalise>) -> String {
    generalise.map_or_else(|| EXACT.to_owned(), Generalise::name)
}

impl RecordsTable {
    /// How many pupils are alike at least.
    pub fn k(&self) -> u32 {
        self.k
    }

    /// The base datasets: who has a row in one of them is in the table.
    pub fn bases(&self) -> &[Name] {
        &self.bases
    }

    /// What a pupil's values come from: of each dataset its fields, the bases first. The second is where each column
    /// stands: the place of its part, and its place in that.
    pub fn parts(&self) -> (Vec<Part>, Vec<(usize, usize)>) {
        let mut parts: Vec<Part> = self.bases.iter().map(|base| Part::of(base, [], None)).collect();
        let places = self.columns.iter().map(|column| {
            let dataset = &column.field.dataset;
            let part = parts.iter().position(|part| part.dataset == *dataset);
            let part = part.unwrap_or_else(|| {
                parts.push(Part::of(dataset, [], None));
                parts.len() - 1
            });
            let fields = parts.get_mut(part).map(|part| &mut part.fields);
            let place = fields.map_or(0, |fields| {
                let known = fields.iter().position(|field| *field == column.field.field);
                known.unwrap_or_else(|| {
                    fields.push(column.field.field.clone());
                    fields.len() - 1
                })
            });
            (part, place)
        });
        let places = places.collect();
        (parts, places)
    }

    /// Where the column of a field in a form stands; none where the table has none.
    pub fn place(&self, field: &FieldName, generalise: Option<&Generalise>) -> Option<usize> {
        let form = form(generalise);
        let is_it = |column: &TableColumn| column.field == *field && column.form == form;
        self.columns.iter().position(is_it)
    }

    /// Where a base dataset stands.
    pub fn base(&self, dataset: &Name) -> Option<usize> {
        self.bases.iter().position(|base| base == dataset)
    }

    /// Which columns a row of the table says something of a dataset by: by itself where it is a base.
    pub fn tells_of(&self, row: &TableRow, dataset: &Name) -> bool {
        let of_base = self.base(dataset).and_then(|base| row.holders.get(base));
        let mut values = self.columns.iter().zip(&row.values);
        of_base.is_some_and(Option::is_some)
            || values.any(|(column, value)| column.field.dataset == *dataset && value.is_some())
    }

    /// Which rows may be shown, by their place: classes are formed over all columns, whoever asks for which.
    pub fn released(&self, rows: &[TableRow]) -> Vec<bool> {
        let members: Vec<_> = rows.iter().map(|row| self.member(row)).collect();
        Anonymity(self.k).released(&members)
    }

    /// Which rows go when these are gone, by their place: these, and where anything is sensitive all of their classes. Whoever
    /// had one row taken out would else see which it was, and read off what is sensitive of that pupil.
    pub fn lost(&self, rows: &[TableRow], gone: &[bool]) -> Vec<bool> {
        if !self.columns.iter().any(|column| column.sensitive) {
            return gone.to_vec();
        }
        let members: Vec<_> = rows.iter().map(|row| self.member(row)).collect();
        let of_gone = members.iter().zip(gone).filter(|(_, gone)| **gone);
        let broken: BTreeSet<&[Option<&str>]> = of_gone.map(|(member, _)| member.open.as_slice()).collect();
        let lost = members
            .iter()
            .map(|member| broken.contains(member.open.as_slice()));
        lost.collect()
    }

    fn member<'r>(&self, row: &'r TableRow) -> Member<Option<&'r str>> {
        let of_class = |wanted: bool| {
            let columns = self.columns.iter().zip(&row.values);
            let columns = columns.filter(move |(column, _)| column.sensitive == wanted);
            columns.map(|(_, value)| value.as_deref())
        };
        // To be in a base is known of a pupil, or not, as any open value is.
        let present = row.holders.iter().map(|holder| holder.as_ref().map(|_| EXACT));
        Member {
            open: of_class(false).chain(present).collect(),
            sensitive: of_class(true).collect(),
            holders: row
                .holders
                .iter()
                .map(|holder| Some(holder.as_deref()).filter(Option::is_some))
                .collect(),
        }
    }
}

/// A value in the form that a column keeps; none where the pupil has none, or none that can be made so coarse.
pub fn kept(catalogue: &Catalogue, granted: &FieldGrant, value: Option<&Value>) -> Option<String> {
    match coarsen(catalogue, &granted.field, granted.generalise.as_ref(), value?)? {
        serde_json::Value::String(text) => Some(text),
        other => Some(other.to_string()),
    }
}

/// A kept value as the field has it; a coarser form is a text.
pub fn restored(
    catalogue: &Catalogue,
    field: &FieldName,
    generalise: Option<&Generalise>,
    text: &str,
) -> Option<Value> {
    match generalise {
        None => catalogue.value(field, text),
        Some(_) => Some(Value::Text(text.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows by place of living, with something sensitive.
    fn table(sensitive: bool) -> RecordsTable {
        let column = |field: &str, sensitive| TableColumn {
            field: field.parse().unwrap(),
            form: EXACT.to_owned(),
            sensitive,
        };
        RecordsTable {
            k: 5,
            bases: vec!["enrolment".parse().unwrap()],
            columns: vec![
                column("enrolment.neighbourhood", false),
                column("absence.stay-at-home", sensitive),
            ],
        }
    }

    fn row(place: &str, secret: Option<&str>, holder: &str) -> TableRow {
        TableRow {
            values: vec![Some(place.to_owned()), secret.map(str::to_owned)],
            holders: vec![Some(holder.to_owned())],
        }
    }

    fn rows() -> Vec<TableRow> {
        let secret = |number: usize| number.is_multiple_of(3).then_some("true");
        let haven = (0..6).map(|number| row("haven", secret(number), "board"));
        haven
            .chain((0..6).map(|number| row("stad", secret(number), "board")))
            .collect()
    }

    #[test]
    fn with_one_row_its_class_goes_where_anything_is_sensitive() {
        let gone: Vec<bool> = (0..12).map(|place| place == 3).collect();
        let haven: Vec<bool> = (0..12).map(|place| place < 6).collect();
        assert_eq!(table(true).lost(&rows(), &gone), haven);
        assert_eq!(table(false).lost(&rows(), &gone), gone);
        assert!(!table(true).lost(&rows(), &[false; 12]).contains(&true));
    }

    #[test]
    fn a_class_is_of_all_that_is_open_and_of_being_there() {
        assert!(!table(true).released(&rows()).contains(&false));
        // The same value is open: two classes of one place, each of too few.
        let released = table(false).released(&rows());
        assert!(!released.contains(&true), "{released:?}");
        // Six of one place, three of whom have no row in the base.
        let mut rows = rows();
        for row in rows.iter_mut().take(3) {
            row.holders = vec![None];
        }
        let released = table(true).released(&rows);
        assert_eq!(released, [[false; 6], [true; 6]].concat());
    }

    #[test]
    fn a_row_tells_of_the_datasets_that_it_has_something_of() {
        let (absence, enrolment): (Name, Name) = ("absence".parse().unwrap(), "enrolment".parse().unwrap());
        let table = table(true);
        assert!(table.tells_of(&row("haven", Some("true"), "board"), &absence));
        assert!(!table.tells_of(&row("haven", None, "board"), &absence));
        assert!(table.tells_of(&row("haven", None, "board"), &enrolment));
    }

    #[test]
    fn what_is_kept_comes_back_as_it_was() {
        let catalogue = &crate::fixture::policies().catalogue;
        let values = [
            ("enrolment.sector", None, Value::Text("VO".to_owned()), "VO"),
            ("enrolment.age", None, Value::Integer(12), "12"),
            ("absence.stay-at-home", None, Value::Bool(true), "true"),
            (
                "enrolment.birth-date",
                None,
                Value::Date(jiff::civil::date(2014, 3, 4)),
                "2014-03-04",
            ),
            (
                "enrolment.birth-date",
                Some(Generalise::Year),
                Value::Date(jiff::civil::date(2014, 3, 4)),
                "2014",
            ),
        ];
        for (field, generalise, value, text) in values {
            let granted = FieldGrant {
                field: field.parse().unwrap(),
                generalise,
            };
            let stored = kept(catalogue, &granted, Some(&value)).unwrap();
            assert_eq!(stored, text, "{field}");
            let form = granted.generalise.as_ref();
            let back = restored(catalogue, &granted.field, form, &stored).unwrap();
            let coarse = form.map_or(value, |_| Value::Text(text.to_owned()));
            assert!(back == coarse, "{field}");
        }
    }
}
