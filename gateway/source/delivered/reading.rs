//! A part of a plan as the store holds it: which columns are read, and how values are made of them.

use doelpoort_core::catalogue::{Catalogue, Dataset, Derive, Field, FieldType, Name, Value};
use doelpoort_core::plan::{LeftOut, Part};
use jiff::civil::Date;

use super::{SourceError, Values};
use crate::store::dataset::type_class;
use crate::store::render::{self, Selection, Within};
use crate::store::table::Cells;
use crate::store::{StoreError, TypeClass};

/// A part of a plan as the store holds it: stored columns, and fields computed from them.
pub(super) struct Reading<'a> {
    part: &'a Part,
    dataset: &'a Dataset,
    fields: Vec<&'a Field>,
    columns: Vec<&'a Field>,
    at: Date,
}

impl<'a> Reading<'a> {
    pub(super) fn of(catalogue: &'a Catalogue, part: &'a Part, at: Date) -> Result<Self, SourceError> {
        let missing = || SourceError::NotInCatalogue(part.dataset.to_string());
        let dataset = catalogue.dataset(&part.dataset).ok_or_else(missing)?;
        let mut fields = Vec::with_capacity(part.fields.len());
        let mut columns: Vec<&Field> = Vec::with_capacity(part.fields.len());
        for wanted in &part.fields {
            let field = dataset.field(wanted).ok_or_else(missing)?;
            fields.push(field);
            for source in field.columns() {
                let column = dataset.field(source).ok_or_else(missing)?;
                if !columns.iter().any(|known| known.name == column.name) {
                    columns.push(column);
                }
            }
        }
        Ok(Self {
            part,
            dataset,
            fields,
            columns,
            at,
        })
    }

    pub(super) fn selection(&self, within: Vec<Within<'a>>, left_out: Option<&'a LeftOut>) -> Selection<'a> {
        Selection {
            dataset: self.dataset,
            columns: self.columns.iter().map(|field| &field.name).collect(),
            only: self
                .part
                .only
                .iter()
                .map(|(field, value)| (field, value))
                .collect(),
            holders: self.part.holders.as_deref(),
            at: self.at,
            within,
            left_out,
        }
    }

    /// How its columns are stored, after the subject's.
    pub(super) fn classes(&self) -> Vec<TypeClass> {
        self.columns
            .iter()
            .map(|field| type_class(field.field_type))
            .collect()
    }

    /// The values of the part's fields, in order. Column 0 is the subject.
    pub(super) fn values(&self, row: &impl Cells) -> Result<Values, StoreError> {
        self.values_after(0, row)
    }

    /// The same where the last column before them is this one.
    pub(super) fn values_after(&self, last: usize, row: &impl Cells) -> Result<Values, StoreError> {
        self.fields
            .iter()
            .map(|field| match &field.derive {
                Some(derive) if derive.is_when_asked() => self.derived(last, row, derive),
                _ => self.stored(last, row, &field.name),
            })
            .collect()
    }

    fn stored(&self, last: usize, row: &impl Cells, wanted: &Name) -> Result<Option<Value>, StoreError> {
        match self
            .columns
            .iter()
            .enumerate()
            .find(|(_, field)| field.name == *wanted)
        {
            Some((place, field)) => stored_value(row, last + 1 + place, field),
            None => Ok(None),
        }
    }

    fn derived(&self, last: usize, row: &impl Cells, derive: &Derive) -> Result<Option<Value>, StoreError> {
        let mut from: Vec<(&Name, Option<Value>)> = Vec::new();
        for source in derive.sources() {
            from.push((source, self.stored(last, row, source)?));
        }
        let of = |wanted: &Name| {
            from.iter()
                .find(|(name, _)| *name == wanted)
                .and_then(|(_, value)| value.as_ref())
        };
        Ok(derive.on(self.at, of))
    }
}

pub(crate) fn stored_value(
    row: &impl Cells,
    place: usize,
    field: &Field,
) -> Result<Option<Value>, StoreError> {
    Ok(match field.field_type {
        FieldType::Bool => row.int_opt(place)?.map(|flag| Value::Bool(flag != 0)),
        FieldType::Date => row.int_opt(place)?.and_then(render::date).map(Value::Date),
        FieldType::Integer { .. } => row.int_opt(place)?.map(Value::Integer),
        FieldType::Brin6 | FieldType::Code | FieldType::Pc4 | FieldType::StaffId | FieldType::Text { .. } => {
            row.text_opt(place)?.map(Value::Text)
        }
    })
}
