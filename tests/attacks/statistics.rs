//! Attacks that are scored over many cells: what the gateway published beside what the comparisons would have.

use doelpoort_attacks::cell::{Cell, Dimension, Table, YES};
use doelpoort_attacks::differencing::{arrival, differencing, tracker};
use doelpoort_attacks::linear::{Recovered, complement, program};
use doelpoort_attacks::mechanism::{Mechanism, noise_of_name};
use doelpoort_attacks::omniscient::{Law, Question};
use doelpoort_attacks::partition::partition;
use doelpoort_attacks::small::{shown, whole_group, zeros};
use doelpoort_attacks::squares::lattice;
use doelpoort_attacks::sums;
use doelpoort_attacks::unpick::unpick;
use doelpoort_attacks::world::{Counts, EPOCHS, Shape};

use super::laboratory::{DATES, Laboratory, table};
use super::report::{Limit, Report, Row};

const CARE: [(Dimension, u16); 1] = [(Dimension::Care, YES)];
/// V of the classes.
const NORMAL: f64 = 4.0;
const SENSITIVE: f64 = 16.0;

/// Everything that was published, by each mechanism, and the truth.
struct Published {
    counts: [Counts; EPOCHS],
    asked: Vec<Cell>,
    ours: [Table; EPOCHS],
    compared: [[Table; EPOCHS]; 3],
}

impl Published {
    async fn collect(laboratory: &Laboratory, tables: &[(&str, Vec<Shape>)]) -> Self {
        let client = laboratory.attacker();
        let (mut asked, mut ours) = (Vec::new(), [Table::new(), Table::new()]);
        for (purpose, shape) in tables
            .iter()
            .flat_map(|(purpose, shapes)| shapes.iter().map(move |s| (purpose, s)))
        {
            for (date, ours) in DATES.iter().zip(&mut ours) {
                let (cells, found) = table(&client, purpose, shape, date).await;
                if *date == DATES[0] {
                    asked.extend(cells);
                }
                ours.extend(found);
            }
        }
        asked.sort();
        asked.dedup();
        let shapes: Vec<Shape> = tables.iter().flat_map(|(_, shapes)| shapes.clone()).collect();
        let shapes: Vec<Shape> = distinct(shapes);
        let counts = [0, 1].map(|epoch| laboratory.city.count(epoch, &shapes));
        let compared = Mechanism::COMPARED
            .map(|mechanism| [0, 1].map(|epoch: usize| mechanism.publish(&counts[epoch], &asked)));
        Self {
            counts,
            asked,
            ours,
            compared,
        }
    }

    /// An attack on each of them, as a row of the table.
    fn row(
        &self,
        attack: &str,
        limit: Limit,
        run: impl Fn(&[Table; EPOCHS], Mechanism) -> (f64, usize),
    ) -> Row {
        let (ours, cases) = run(&self.ours, Mechanism::TwoLayers);
        let [naive, rounded, one] =
            [0, 1, 2].map(|place| run(&self.compared[place], Mechanism::COMPARED[place]).0);
        Row {
            attack: attack.to_owned(),
            cases,
            limit,
            ours,
            compared: [Some(naive), Some(rounded), Some(one)],
            weakened: None,
        }
    }
}

fn distinct(shapes: Vec<Shape>) -> Vec<Shape> {
    shapes.into_iter().fold(Vec::new(), |mut kept, shape| {
        if !kept.contains(&shape) {
            kept.push(shape);
        }
        kept
    })
}

pub(super) async fn run(laboratory: &Laboratory, report: &mut Report) {
    let split = |attribute| Shape::all(&[Dimension::Lone, attribute], 3, &[]);
    let third = split(Dimension::Third);
    let care = Shape::all(&[Dimension::Lone, Dimension::Kind], 2, &CARE);
    let published = Published::collect(
        laboratory,
        &[
            ("lab-first", split(Dimension::First)),
            ("lab-second", split(Dimension::Second)),
            ("lab-third", third.clone()),
            ("lab-whole", Shape::all(&[Dimension::Fourth], 2, &[])),
            (
                "lab-parts",
                Shape::all(&[Dimension::Fifth, Dimension::Sixth], 3, &[]),
            ),
            (
                "lab-small",
                Shape::all(&[Dimension::Kind, Dimension::Band], 3, &[]),
            ),
            ("lab-care", care.clone()),
        ],
    )
    .await;
    differences(laboratory, &published, report);
    reconstructions(laboratory, &published, report);
    omniscience(laboratory, &published, &third, &care, report);
    small_cells(&published, report);
    noise(&published, report);
    amounts(laboratory, report).await;
}

/// Sums of a bounded amount, of a block and of the block without one pupil.
async fn amounts(laboratory: &Laboratory, report: &mut Report) {
    let client = laboratory.attacker();
    let mut ours = [Table::new(), Table::new()];
    for (date, ours) in DATES.iter().zip(&mut ours) {
        for shape in Shape::all(&[Dimension::Lone], 2, &[]) {
            ours.extend(table(&client, "lab-hours", &shape, date).await.1);
        }
    }
    let city = &laboratory.city;
    let of = |tables: &[Table; EPOCHS]| sums::differencing(city, tables);
    let told = of(&ours);
    let compared =
        Mechanism::COMPARED.map(|mechanism| of(&[0, 1].map(|epoch| sums::publish(city, epoch, mechanism))));
    report.add(Row {
        attack: "sum differencing: amounts within 20 %, share".to_owned(),
        cases: told.pupils,
        limit: Limit::AtMost(0.12),
        ours: told.near,
        compared: compared.map(|told| Some(told.near)),
        weakened: None,
    });
    report.add(Row {
        attack: "sum differencing: zero by equality, points beyond chance".to_owned(),
        cases: told.pupils,
        limit: Limit::AtMost(5.0),
        ours: told.equal,
        compared: compared.map(|told| Some(told.equal)),
        weakened: None,
    });
}

fn differences(laboratory: &Laboratory, published: &Published, report: &mut Report) {
    let city = &laboratory.city;
    let most = Limit::AtMost(0.64);
    report.add(published.row(
        "differencing: G and G without one, accuracy",
        most,
        |tables, _| differencing(city, tables),
    ));
    report.add(
        published.row("tracker: padded and taken off, accuracy", most, |tables, _| {
            tracker(city, tables)
        }),
    );
    let most = Limit::AtMost(0.62);
    report.add(published.row(
        "arrival and departure between epochs, accuracy",
        most,
        |tables, _| arrival(city, tables),
    ));
}

fn reconstructions(laboratory: &Laboratory, published: &Published, report: &mut Report) {
    let gain = |found: Recovered| (100.0 * (found.share - found.constant), found.cells);
    let most = Limit::AtMost(12.0);
    report.add(published.row(
        "complement, points above the constant guess",
        most,
        |tables, _| gain(complement(&published.counts, tables)),
    ));
    report.add(published.row(
        "linear program, points above the constant guess",
        most,
        |tables, mechanism| gain(program(&published.counts, tables, mechanism)),
    ));
    report.add(published.row(
        "lattice least squares, area under the curve",
        Limit::AtMost(0.66),
        |tables, mechanism| lattice(&laboratory.city, tables, mechanism.variance()),
    ));
    let averaged = partition(&published.counts, &published.ours);
    let least = 0.85 * (NORMAL / averaged.gain).sqrt();
    report.add(published.row(
        "averaging over partitions, error left",
        Limit::AtLeast(least),
        |tables, _| {
            let averaged = partition(&published.counts, tables);
            (averaged.error, averaged.totals)
        },
    ));
}

fn omniscience(
    laboratory: &Laboratory,
    published: &Published,
    third: &[Shape],
    care: &[Shape],
    report: &mut Report,
) {
    let city = &laboratory.city;
    let with_third: Vec<Shape> = third
        .iter()
        .filter(|shape| shape.crossed.contains(&Dimension::Third))
        .cloned()
        .collect();
    let normal = Question {
        attribute: Dimension::Third,
        has: |pupil| pupil.attributes[2],
        shapes: &with_third,
        both_sides: true,
    };
    let bound = normal.bound(NORMAL);
    let attack = format!(
        "omniscient, normal: C {}, bound {bound:.3}, accuracy",
        normal.cells()
    );
    report.add(
        published.row(&attack, Limit::AtMost(bound + 0.03), |tables, mechanism| {
            normal.attack(city, &published.counts, tables, &mut Law::of(mechanism))
        }),
    );
    let sensitive = Question {
        attribute: Dimension::Care,
        has: |pupil| pupil.care,
        shapes: care,
        both_sides: false,
    };
    let bound = sensitive.bound(SENSITIVE);
    let attack = format!(
        "omniscient, sensitive: C {}, bound {bound:.3}, accuracy",
        sensitive.cells()
    );
    report.add(
        published.row(&attack, Limit::AtMost(bound + 0.03), |tables, mechanism| {
            let mut law = if mechanism == Mechanism::TwoLayers {
                Law::sensitive()
            } else {
                Law::of(mechanism)
            };
            sensitive.attack(city, &published.counts, tables, &mut law)
        }),
    );
}

fn small_cells(published: &Published, report: &mut Report) {
    let Published { counts, asked, .. } = published;
    let normal: Vec<Cell> = asked
        .iter()
        .filter(|cell| cell.code(Dimension::Care) == 0)
        .copied()
        .collect();
    let mut row = published.row(
        "threshold: cells of 1 to 4 that are shown",
        Limit::AtMost(0.0),
        |tables, _| {
            let (shown, all) = shown(counts, tables, asked, 1, 4);
            (shown as f64, all)
        },
    );
    assert!(row.cases >= 10_000, "only {} cells of 1 to 4", row.cases);
    let noisy_threshold = counts
        .each_ref()
        .map(|counts| Mechanism::noisy_threshold(counts, asked, 5));
    row.weakened = Some(shown(counts, &noisy_threshold, asked, 1, 4).0 as f64);
    report.add(row);
    report.add(published.row(
        "threshold: cells of 5 that are shown, share",
        Limit::AtMost(0.02),
        |tables, _| {
            let (shown, all) = shown(counts, tables, &normal, 5, 5);
            (shown as f64 / all as f64, all)
        },
    ));
    report.add(published.row(
        "zero disclosure: cells shown as 0",
        Limit::AtMost(0.0),
        |tables, _| (zeros(tables) as f64, asked.len() * EPOCHS),
    ));
    let (_, base) = whole_group(&published.ours);
    let most = Limit::AtMost(base + 0.25);
    report.add(
        published.row("whole group: `all of them`, precision", most, |tables, _| {
            (whole_group(tables).0, 480)
        }),
    );
}

fn noise(published: &Published, report: &mut Report) {
    let Published { counts, asked, .. } = published;
    let normal: Vec<Cell> = asked
        .iter()
        .filter(|cell| cell.code(Dimension::Care) == 0)
        .copied()
        .collect();
    let of = |tables: &[Table; EPOCHS]| unpick(counts, tables, &normal);
    let cells = of(&published.ours).cells;
    report.add(published.row(
        "unpicking: variance of the noise",
        Limit::Within(3.4, 4.6),
        |tables, _| (of(tables).variance, cells),
    ));
    let care: Vec<Cell> = asked
        .iter()
        .filter(|cell| cell.code(Dimension::Care) != 0)
        .copied()
        .collect();
    let of_care = |tables: &[Table; EPOCHS]| unpick(counts, tables, &care);
    let cells_of_care = of_care(&published.ours).cells;
    report.add(published.row(
        "unpicking: variance of the sensitive noise",
        Limit::Within(0.8 * SENSITIVE, 1.2 * SENSITIVE),
        |tables, _| (of_care(tables).variance, cells_of_care),
    ));
    let mut row = published.row(
        "unpicking: mean of the noise, absolute",
        Limit::AtMost(0.1),
        |tables, _| (of(tables).mean.abs(), cells),
    );
    row.weakened = Some(of(&upwards(published)).mean.abs());
    report.add(row);
    report.add(published.row(
        "unpicking: noise of both epochs, same pupils",
        Limit::AtMost(0.35),
        |tables, _| (of(tables).same, cells),
    ));
    let mut row = published.row(
        "unpicking: the same, one pupil apart",
        Limit::Within(-0.15, 0.15),
        |tables, _| (of(tables).changed, cells),
    );
    row.weakened = Some(of(&without_epochs(published)).changed);
    report.add(row);
}

/// What noise that is drawn by a cell's name without its epoch would publish.
fn without_epochs(published: &Published) -> [Table; EPOCHS] {
    published.counts.each_ref().map(|counts| {
        let noisy = counts
            .iter()
            .map(|(cell, (count, _))| (*cell, count + noise_of_name(*count, cell)));
        noisy.collect()
    })
}

/// What rounding up would publish.
fn upwards(published: &Published) -> [Table; EPOCHS] {
    published.ours.clone().map(|table| {
        let up = table.into_iter().map(|(cell, shown)| (cell, (shown + 4) / 5 * 5));
        up.collect()
    })
}
