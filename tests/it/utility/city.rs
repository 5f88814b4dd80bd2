//! The demo population as the parties would deliver it, and what an epoch's close makes of it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use doelpoort::demo::population::Population;
use doelpoort_core::catalogue::{Dataset, Dimension, Field, FieldName, Name, Raw, Row, RowReader, Value};
use doelpoort_core::figures::cell_id::{CellId, CellKey};
use doelpoort_core::figures::release::{Release, Released, layout, release};
use doelpoort_core::figures::snapshot::{PupilKeys, Snapshot};
use doelpoort_core::figures::{FiguresRoot, QueryKey, RecordKey, record_key, sum_record_key};
use doelpoort_core::policy::Draft;
use doelpoort_core::pseudonym::SubjectId;
use jiff::civil::Date;
use ring::digest;
use serde::Serialize;

const EPOCH: &str = "2026-10-01";
/// The day of the demo.
const TODAY: &str = "2026-11-22";
/// The first day of the year before the epoch, for datasets that tell of a school year.
const YEAR_BEFORE: &str = "2025-10-01";
const POPULATION: &str = "children";
const MUNICIPALITY: &str = "municipality";
/// What identifies a pupil, in a delivered row.
const PUPIL: &str = "pupil";

/// A pupil's rows of one dataset that hold at the epoch.
struct Rows {
    /// The latest, with its first day and who delivered it.
    latest: Row,
    since: Date,
    holder: String,
    /// Of all of them.
    amounts: BTreeMap<Name, i64>,
}

/// A pupil, by dataset.
#[derive(Default)]
pub(super) struct Pupil(HashMap<Name, Rows>);

/// Everybody with the rows that hold at the epoch.
pub(super) struct City {
    pub(super) draft: Draft,
    pupils: HashMap<String, Pupil>,
    same: HashMap<String, String>,
}

pub(super) fn name(text: &str) -> Name {
    text.parse().unwrap()
}

fn draft() -> Draft {
    doelpoort::policies::draft(&Path::new(env!("CARGO_MANIFEST_DIR")).join("policies")).unwrap()
}

impl City {
    /// The population of the demo.
    pub(super) fn of_the_demo() -> Self {
        let population = Population::generate(1, None, TODAY.parse().unwrap(), &mut |_, _| {}).unwrap();
        let mut city = Self {
            draft: draft(),
            pupils: HashMap::new(),
            same: HashMap::new(),
        };
        for row in population.enrolments.values().flatten() {
            if let (Some(bsn), Some(eck)) = (&row.pupil.bsn, &row.pupil.eck_id) {
                city.same.insert(eck.clone(), bsn.clone());
            }
        }
        for (board, rows) in &population.enrolments {
            city.add("enrolment", &city.board(board.as_str()), rows);
        }
        for (board, rows) in &population.absences {
            city.add("absence", &city.board(board.as_str()), rows);
        }
        let municipality = city.slug(MUNICIPALITY);
        city.add("resident", &municipality, &population.residents);
        city.add("youth-care", &municipality, &population.youth_care);
        city.add("exemption", &municipality, &population.exemptions);
        for (number, slug) in [("PO2401", "swv-po"), ("VO2401", "swv-vo")] {
            let (number, holder) = (number.parse().unwrap(), city.slug(slug));
            city.add("admissibility", &holder, &population.admissibility[&number]);
            city.add("funded", &holder, &population.funded[&number]);
            city.add("support", &holder, &population.support[&number]);
        }
        city.pupils.retain(|_, pupil| {
            pupil.0.contains_key(&name("enrolment")) || pupil.0.contains_key(&name("resident"))
        });
        city
    }

    fn board(&self, board: &str) -> String {
        let board = self.draft.organisations.by_board(board);
        board.map(|board| board.oin.to_string()).unwrap_or_default()
    }

    fn slug(&self, slug: &str) -> String {
        let mut all = self.draft.organisations.iter();
        all.find(|one| one.slug.as_str() == slug).unwrap().oin.to_string()
    }

    fn add(&mut self, dataset: &str, holder: &str, rows: &[impl Serialize]) {
        let Self { draft, pupils, same } = self;
        let reader = RowReader::new(&draft.catalogue, &name(dataset)).unwrap();
        let dataset = reader.dataset();
        let (epoch, year_before): (Date, Date) = (EPOCH.parse().unwrap(), YEAR_BEFORE.parse().unwrap());
        for row in rows {
            let sent = serde_json::to_value(row).unwrap();
            let cells = sent
                .as_object()
                .unwrap()
                .iter()
                .filter(|(field, _)| *field != PUPIL);
            let row = reader
                .read(cells.map(|(field, value)| (field.as_str(), Raw::Json(value))))
                .unwrap_or_else(|errors| panic!("{}: {errors:?}", dataset.name));
            let day = |field: &Option<Name>| row.value(dataset, field.as_ref()?).and_then(Value::as_date);
            let since = day(&dataset.since).unwrap_or(Date::MIN);
            let after = if dataset.name == name("absence") {
                year_before
            } else {
                epoch
            };
            if since > epoch || day(&dataset.until).is_some_and(|until| until <= after) {
                continue;
            }
            let number = |kind: &str| sent[PUPIL][kind].as_str();
            let bsn = number("bsn").or_else(|| same.get(number("eckId")?).map(String::as_str));
            let Some(bsn) = bsn else { continue };
            let pupil = pupils.entry(bsn.to_owned()).or_default();
            let rows = pupil.0.entry(dataset.name.clone()).or_insert_with(|| Rows {
                latest: row.clone(),
                since,
                holder: holder.to_owned(),
                amounts: BTreeMap::new(),
            });
            for field in dataset.fields.iter().filter(|field| field.bound.is_some()) {
                let amount = value(dataset, field, &row).and_then(|value| value.as_integer());
                *rows.amounts.entry(field.name.clone()).or_default() += amount.unwrap_or(0);
            }
            if rows.since < since {
                (rows.latest, rows.since, rows.holder) = (row, since, holder.to_owned());
            }
        }
    }

    /// What an epoch's close releases of all this under the shipped purposes.
    pub(super) fn released(&self) -> Released {
        let root = || FiguresRoot::from_bytes([9; 32]);
        let (records, key) = (RecordKey::derive(&root()), QueryKey::derive(&root()));
        let purposes = || self.draft.purposes.values().map(|(purpose, _)| purpose);
        let (catalogue, organisations) = (&self.draft.catalogue, &self.draft.organisations);
        let layout = layout(catalogue, organisations, &name(POPULATION), purposes());
        let mut snapshot = Snapshot::new(layout.clone());
        for (bsn, pupil) in &self.pupils {
            let digest = digest::digest(&digest::SHA256, bsn.as_bytes());
            let subject = SubjectId::from_bytes(digest.as_ref()[..16].try_into().unwrap());
            let keys = PupilKeys {
                count: record_key(&records, &name(POPULATION), &subject),
                sum: sum_record_key(&records, &name(POPULATION), &subject),
            };
            let codes: Vec<Option<String>> = layout
                .fields
                .iter()
                .map(|field| self.code(pupil, field))
                .collect();
            let amounts = layout.amounts.iter().map(|field| self.amount(pupil, field));
            snapshot.push(keys, codes.iter().map(Option::as_deref), amounts);
        }
        let of = Release {
            catalogue,
            organisations,
            population: catalogue.population(&name(POPULATION)).unwrap(),
            epoch: EPOCH,
            key: &key,
        };
        release(of, purposes(), &snapshot).unwrap()
    }

    /// A pupil's code of a field at its finest level.
    pub(super) fn code(&self, pupil: &Pupil, field: &FieldName) -> Option<String> {
        let rows = pupil.0.get(&field.dataset);
        match field.field.as_str() {
            "present" => return Some(rows.is_some().to_string()),
            "holder" => return rows.map(|rows| rows.holder.clone()),
            _ => {}
        }
        let (dataset, known) = self.draft.catalogue.field(field)?;
        let value = value(dataset, known, &rows?.latest)?;
        if known.bins.is_empty() {
            value.as_code().map(str::to_owned)
        } else {
            let bin = self.draft.catalogue.bin(field, value.as_integer()?)?;
            Some(bin.to_string())
        }
    }

    /// What a pupil gives to an amount.
    pub(super) fn amount(&self, pupil: &Pupil, field: &FieldName) -> i64 {
        let amounts = pupil.0.get(&field.dataset).map(|rows| &rows.amounts);
        let amount = amounts.and_then(|amounts| amounts.get(&field.field).copied());
        let known = self.draft.catalogue.field(field);
        let bound = known.and_then(|(_, field)| field.bound).unwrap_or(0);
        amount.unwrap_or(0).clamp(0, bound)
    }

    /// The pupils present in `base` within `only`, by the nodes of some dimensions, each under its cell.
    pub(super) fn cells(
        &self,
        base: &Name,
        only: &[(Dimension, String)],
        dimensions: &[Dimension],
    ) -> BTreeMap<CellId, Vec<&Pupil>> {
        let catalogue = &self.draft.catalogue;
        let above = |pupil: &Pupil, dimension: &Dimension| {
            let code = self.code(pupil, &dimension.field)?;
            let above = catalogue.ancestor_of_finest(&dimension.field, &code, &dimension.level);
            above.map(str::to_owned)
        };
        let mut cells: BTreeMap<CellId, Vec<&Pupil>> = BTreeMap::new();
        for pupil in self.pupils.values().filter(|pupil| pupil.0.contains_key(base)) {
            let within =
                |(dimension, code): &(Dimension, String)| above(pupil, dimension).as_ref() == Some(code);
            if !only.iter().all(within) {
                continue;
            }
            let nodes = dimensions
                .iter()
                .map(|dimension| Some((dimension.clone(), above(pupil, dimension)?)));
            let Some(mut nodes) = nodes.collect::<Option<Vec<_>>>() else {
                continue;
            };
            nodes.extend(only.iter().cloned());
            if let Some(cell) = CellId::new(catalogue, base, &nodes) {
                cells.entry(cell).or_default().push(pupil);
            }
        }
        cells
    }

    pub(super) fn dimension(&self, text: &str) -> Dimension {
        self.draft.catalogue.dimension(text).unwrap()
    }
}

/// The fewest of these pupils that remain when any one holder takes away those whose rows of these datasets it
/// delivered; all of them where one holder has all.
pub(super) fn others(pupils: &[&Pupil], datasets: &BTreeSet<Name>) -> i64 {
    let mut known: BTreeMap<&str, i64> = BTreeMap::new();
    for pupil in pupils {
        let holders: BTreeSet<&str> = datasets
            .iter()
            .filter_map(|dataset| pupil.0.get(dataset).map(|rows| rows.holder.as_str()))
            .collect();
        for holder in holders {
            *known.entry(holder).or_default() += 1;
        }
    }
    let all = i64::try_from(pupils.len()).unwrap();
    known.values().map(|known| all - known).min().unwrap_or(all)
}

/// The value of a field of a row, at the epoch.
fn value(dataset: &Dataset, field: &Field, row: &Row) -> Option<Value> {
    match &field.derive {
        Some(derive) if derive.is_when_asked() => {
            derive.on(EPOCH.parse().unwrap(), |name| row.value(dataset, name))
        }
        _ => row.value(dataset, &field.name).cloned(),
    }
}

/// The figures that are shown, by their cells.
pub(super) fn shown(released: &Released) -> HashMap<&CellKey, i64> {
    released.cells.iter().map(|cell| (&cell.cell, cell.y)).collect()
}
