//! Perturbation tables: how much noise a uniform 32-bit key stands for.

use std::sync::LazyLock;

use thiserror::Error;

#[cfg(test)]
mod rebuild;

/// At most 5 pupils up or down, variance at most 1.
pub(super) static D5_V1: LazyLock<PTable> =
    LazyLock::new(|| embedded(include_str!("tables/ptable_int_D5_V1_js0.csv")));
/// At most 8 pupils up or down, variance at most 3.
pub(super) static D8_V3: LazyLock<PTable> =
    LazyLock::new(|| embedded(include_str!("tables/ptable_int_D8_V3_js0.csv")));
/// At most 9 pupils up or down, variance at most 4.
pub(super) static D9_V4: LazyLock<PTable> =
    LazyLock::new(|| embedded(include_str!("tables/ptable_int_D9_V4_js0.csv")));
/// At most 16 pupils up or down, variance at most 12.
pub(super) static D16_V12: LazyLock<PTable> =
    LazyLock::new(|| embedded(include_str!("tables/ptable_int_D16_V12_js0.csv")));

/// Noise of sums in eighths: symmetric, variance 1, at most 6.
static SUM_V1: LazyLock<PTable> = LazyLock::new(|| {
    // One class for all, written as class 0 of a table of counts.
    let rows = include_str!("tables/ptable_int_sym_V1_D6_step8.csv")
        .lines()
        .skip(1);
    let rows: Vec<String> = rows.map(|row| format!("0,{row}")).collect();
    embedded(&format!("{HEADER}\n{}\n", rows.join("\n")))
});

/// Steps of the noise of sums in one unit.
pub(super) const EIGHTHS: i64 = 8;

/// The noise of a sum for a key, in eighths.
pub(super) fn look_eighths(key: u32) -> i64 {
    SUM_V1.step(0, key)
}

const HEADER: &str = "i,v,upper_exclusive_u32";
const KEYS: u64 = 1 << 32;

/// One table: class `i` is for counts of `i`, the last class for all larger ones.
#[derive(Debug)]
pub(super) struct PTable {
    classes: Vec<Vec<Step>>,
}

/// Noise `v` stands for the keys below `upper` that no earlier step took.
#[derive(Debug)]
struct Step {
    v: i64,
    upper: u64,
}

impl PTable {
    /// Reads a table and checks that every class covers every key.
    fn parse(text: &str) -> Result<Self, MalformedTable> {
        let mut lines = text.lines();
        if lines.next() != Some(HEADER) {
            return Err(MalformedTable { line: 1 });
        }
        let mut classes: Vec<Vec<Step>> = Vec::new();
        for (line, row) in (2..).zip(lines) {
            let (class, step) = read(row).ok_or(MalformedTable { line })?;
            if class == classes.len() && classes.last().is_none_or(|class| covers(class)) {
                classes.push(Vec::new());
            }
            let steps = classes.get_mut(class).ok_or(MalformedTable { line })?;
            if steps
                .last()
                .is_some_and(|last| last.v >= step.v || last.upper >= step.upper)
            {
                return Err(MalformedTable { line });
            }
            steps.push(step);
        }
        let complete = classes.last().is_some_and(|class| covers(class));
        if complete {
            Ok(Self { classes })
        } else {
            Err(MalformedTable {
                line: text.lines().count(),
            })
        }
    }

    /// The noise for a count of `m` pupils. None, so 0, when there are none.
    pub(super) fn look(&self, m: i64, key: u32) -> i64 {
        if m <= 0 {
            return 0;
        }
        let highest = self.classes.len().saturating_sub(1);
        self.step(usize::try_from(m).map_or(highest, |m| m.min(highest)), key)
    }

    fn step(&self, class: usize, key: u32) -> i64 {
        let steps = self.classes.get(class).into_iter().flatten();
        // There always is one: each class ends at 2^32.
        steps
            .into_iter()
            .find(|step| u64::from(key) < step.upper)
            .map_or(0, |step| step.v)
    }
}

/// A perturbation table cannot be read.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("line {line} of a perturbation table is malformed, or a class does not end at 2^32")]
struct MalformedTable {
    line: usize,
}

fn embedded(text: &str) -> PTable {
    #[expect(
        clippy::expect_used,
        reason = "part of the program; the tests read each of the five files"
    )]
    PTable::parse(text).expect("the embedded table is well-formed")
}

fn read(row: &str) -> Option<(usize, Step)> {
    let mut columns = row.split(',');
    let (class, v, upper) = (columns.next()?, columns.next()?, columns.next()?);
    let step = Step {
        v: v.parse().ok()?,
        upper: upper.parse().ok()?,
    };
    columns.next().is_none().then_some((class.parse().ok()?, step))
}

fn covers(class: &[Step]) -> bool {
    class.last().is_some_and(|step| step.upper == KEYS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_below_the_bound_takes_the_step() {
        // Class 1: -1 up to 1583241296, then 0.
        assert_eq!(D5_V1.look(1, 0), -1);
        assert_eq!(D5_V1.look(1, 1_583_241_295), -1);
        assert_eq!(D5_V1.look(1, 1_583_241_296), 0);
        assert_eq!(D5_V1.look(1, u32::MAX), 5);
    }

    #[test]
    fn nobody_gets_no_noise() {
        for table in [&D5_V1, &D8_V3, &D9_V4, &D16_V12] {
            for m in [i64::MIN, -7, -1, 0] {
                assert_eq!(table.look(m, 0), 0);
                assert_eq!(table.look(m, u32::MAX), 0);
            }
        }
    }

    #[test]
    fn large_counts_share_the_last_class() {
        for key in [0, 1 << 20, 1 << 31, u32::MAX] {
            assert_eq!(D8_V3.look(8, key), D8_V3.look(i64::MAX, key));
        }
    }

    #[test]
    fn a_malformed_table_is_refused_with_its_line() {
        let whole = "i,v,upper_exclusive_u32\n0,0,4294967296\n";
        for (text, line) in [
            ("i,v\n0,0,4294967296\n", 1),
            ("i,v,upper_exclusive_u32\n0,0,4294967295\n", 2),
            (&format!("{whole}1,-1,5\n1,-1,4294967296\n"), 4),
            (&format!("{whole}1,-1,5\n1,0,4\n1,1,4294967296\n"), 4),
            (&format!("{whole}1,-1,5\n2,0,4294967296\n"), 4),
            (&format!("{whole}2,0,4294967296\n"), 3),
            (&format!("{whole}1,x,4294967296\n"), 3),
            (&format!("{whole}1,0,4294967296,0\n"), 3),
            ("i,v,upper_exclusive_u32\n", 1),
        ] {
            assert_eq!(PTable::parse(text).err(), Some(MalformedTable { line }), "{text}");
        }
    }
}
