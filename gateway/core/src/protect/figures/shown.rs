//! From released cells to what is shown: everything that is divided is divided from shown figures.

use serde_json::{Number, Value, json};

use crate::figures::round;
use crate::plan::{FigureColumn, FiguresPlan, PlannedFigure};

/// The smallest shown whole of which a share is given.
const WHOLE_MIN: i64 = 20;
/// Shares outside these per cents are told as bands.
const SHARE_MIN_THOUSANDTHS: i64 = 5_000;
const SHARE_MAX_THOUSANDTHS: i64 = 95_000;
/// Per cents of the pupils below which a quantile lies.
const QUANTILES: [i64; 3] = [25, 50, 75];

/// The released cells of an answer, as its terms show them.
pub(super) struct Shown<'e> {
    values: &'e [Option<i64>],
    base: u32,
    from: i64,
    /// Whether they are true counts, of which nothing has to be hidden.
    exact: bool,
}

/// One figure as it is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Told {
    Hidden,
    /// There is no such number: what it would be divided by is nobody.
    Undefined,
    Whole(i64),
    /// A number with a fraction, in thousandths.
    Thousandths(i64),
    /// `<5` or `>95` per cent.
    Band(&'static str),
    Distribution(Vec<Bin>, [Option<i64>; 3]),
}

/// One bin: its first and last value, and its pupils if they may be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bin {
    first: i64,
    last: i64,
    pupils: Option<i64>,
}

impl<'e> Shown<'e> {
    pub(super) fn new(plan: &FiguresPlan, values: &'e [Option<i64>]) -> Self {
        Self {
            values,
            base: plan.round(),
            from: plan.show_from(),
            exact: plan.live().is_some(),
        }
    }

    /// One figure.
    pub(super) fn figure(&self, column: &FigureColumn, figure: &PlannedFigure) -> Told {
        match figure {
            // By metadata nobody can be there.
            PlannedFigure::Pupils(None) | PlannedFigure::Sum(None) => Told::Whole(0),
            PlannedFigure::Pupils(key) => self.count(*key).map_or(Told::Hidden, Told::Whole),
            PlannedFigure::Sum(keys) => {
                let shown = keys.and_then(|(sum, givers)| self.count(Some(givers)).and(self.raw(Some(sum))));
                shown.map_or(Told::Hidden, Told::Whole)
            }
            PlannedFigure::Mean(keys) => {
                let known = keys.and_then(|(sum, givers)| self.raw(Some(sum)).zip(self.count(Some(givers))));
                match known {
                    None => self.unknown(keys.is_some()),
                    Some((_, givers)) if givers <= 0 => self.unknown(false),
                    Some((sum, givers)) => Told::Thousandths(self.precise(thousandths(sum, givers))),
                }
            }
            PlannedFigure::Bins(keys, shows_from) => self.distribution(column, keys, *shows_from),
            PlannedFigure::Share {
                part,
                whole,
                rest,
                shows_from,
            } => self.share(*part, *whole, *rest, *shows_from),
            PlannedFigure::Ratio {
                per,
                share,
                numerator,
                denominator,
                shows_from,
            } => self.ratio(*per, *share, numerator, denominator, *shows_from),
        }
    }

    /// Where there is no number: hidden as small ones are, unless nothing is hidden.
    fn unknown(&self, hidden: bool) -> Told {
        if hidden || !self.exact {
            Told::Hidden
        } else {
            Told::Undefined
        }
    }

    /// A quotient with as many digits as it may have.
    fn precise(&self, quotient: i64) -> i64 {
        if self.exact {
            quotient
        } else {
            significant(quotient)
        }
    }

    /// A per cent, as a band where the ends would tell too much.
    fn per_cent(&self, quotient: i64) -> Told {
        if self.exact {
            Told::Thousandths(quotient)
        } else {
            banded(quotient)
        }
    }

    /// Whether a share of so many may be told, with so many in the rest.
    fn tells_share(&self, whole: i64, rest: i64, shows_from: i64) -> bool {
        self.exact || (whole >= WHOLE_MIN && rest >= shows_from.max(self.from))
    }

    /// What is known of a cell, not rounded. Where by metadata nobody can be, a true count is 0.
    fn raw(&self, key: Option<usize>) -> Option<i64> {
        match key {
            None => self.exact.then_some(0),
            Some(key) => self.values.get(key).copied().flatten(),
        }
    }

    /// A count as it is shown.
    fn count(&self, key: Option<usize>) -> Option<i64> {
        self.raw(key)
            .filter(|y| *y >= self.from)
            .map(|y| round(y, self.base))
    }

    fn share(&self, part: Option<usize>, whole: Option<usize>, rest: Option<usize>, shows_from: i64) -> Told {
        let (Some(part), Some(whole)) = (self.count(part), self.count(whole)) else {
            return Told::Hidden;
        };
        // The rest must be large enough too: as a cell where it is one, and from what is shown in any case.
        let rest_shown = rest.is_none_or(|rest| self.count(Some(rest)).is_some());
        if !rest_shown || !self.tells_share(whole, whole - part, shows_from) {
            return Told::Hidden;
        }
        if whole <= 0 {
            return Told::Undefined;
        }
        self.per_cent(thousandths(part * 100, whole))
    }

    fn ratio(
        &self,
        per: u32,
        share: bool,
        numerator: &[Option<usize>],
        denominator: &[Option<usize>],
        shows_from: i64,
    ) -> Told {
        let side = |keys: &[Option<usize>]| keys.iter().map(|key| self.count(*key)).sum::<Option<i64>>();
        let (Some(above), Some(below)) = (side(numerator), side(denominator)) else {
            return Told::Hidden;
        };
        if below < WHOLE_MIN && !self.exact {
            return Told::Hidden;
        }
        if below <= 0 {
            return Told::Undefined;
        }
        let ratio = thousandths(above.saturating_mul(per.into()), below);
        if !share {
            return Told::Thousandths(self.precise(ratio));
        }
        if !self.tells_share(below, below - above, shows_from) {
            return Told::Hidden;
        }
        self.per_cent(ratio)
    }

    fn distribution(&self, column: &FigureColumn, keys: &[Option<usize>], shows_from: i64) -> Told {
        let FigureColumn::Measure(_, bins) = column else {
            return Told::Hidden;
        };
        let bins: Vec<Bin> = bins
            .iter()
            .zip(keys)
            .map(|((first, last), key)| Bin {
                first: *first,
                last: *last,
                pupils: self.count(*key),
            })
            .collect();
        let hidden_max = if self.exact {
            0
        } else {
            shows_from.max(self.from) - 1
        };
        let quantiles = QUANTILES.map(|per_cent| quantile(&bins, per_cent, hidden_max));
        Told::Distribution(bins, quantiles)
    }
}

impl Told {
    pub(super) fn is_hidden(&self) -> bool {
        match self {
            Self::Hidden => true,
            Self::Undefined | Self::Whole(_) | Self::Thousandths(_) | Self::Band(_) => false,
            Self::Distribution(bins, _) => bins.iter().any(|bin| bin.pupils.is_none()),
        }
    }

    /// How much more this is than an earlier figure: the difference of what is shown of both, and of nothing else.
    pub(super) fn since(&self, earlier: &Self) -> Self {
        match (self, earlier) {
            (Self::Whole(now), Self::Whole(before)) => Self::Whole(now - before),
            (Self::Thousandths(now), Self::Thousandths(before)) => Self::Thousandths(now - before),
            (Self::Undefined, Self::Undefined | Self::Whole(_) | Self::Thousandths(_))
            | (Self::Whole(_) | Self::Thousandths(_), Self::Undefined) => Self::Undefined,
            _ => Self::Hidden,
        }
    }

    pub(super) fn to_json(&self) -> Value {
        match self {
            Self::Hidden | Self::Undefined => Value::Null,
            Self::Whole(whole) => (*whole).into(),
            Self::Thousandths(thousandths) => number(*thousandths),
            Self::Band(band) => (*band).into(),
            Self::Distribution(bins, [p25, p50, p75]) => {
                let told = |quantile: &Option<i64>| quantile.map_or(Value::Null, number);
                let bin = |bin: &Bin| json!({ "from": bin.first, "to": bin.last, "pupils": bin.pupils });
                json!({
                    "bins": bins.iter().map(bin).collect::<Vec<_>>(),
                    "quantiles": { "p25": told(p25), "p50": told(p50), "p75": told(p75), "interpolated": true },
                })
            }
        }
    }

    /// One cell of a table, or those of a distribution.
    pub(super) fn cells(&self) -> Vec<String> {
        match self {
            Self::Hidden | Self::Undefined => vec![String::new()],
            Self::Whole(whole) => vec![whole.to_string()],
            Self::Thousandths(thousandths) => vec![number(*thousandths).to_string()],
            Self::Band(band) => vec![(*band).to_owned()],
            Self::Distribution(bins, quantiles) => {
                let pupils = bins.iter().map(|bin| bin.pupils.map(|pupils| pupils.to_string()));
                let quantiles = quantiles.iter().map(|one| one.map(|one| number(one).to_string()));
                pupils.chain(quantiles).map(Option::unwrap_or_default).collect()
            }
        }
    }
}

/// The columns of a table for one figure: one, or those of a distribution.
pub(super) fn header(column: &FigureColumn) -> Vec<String> {
    let name = column.name();
    match column {
        FigureColumn::Measure(_, bins) if !bins.is_empty() => {
            let bins = bins.iter().map(|(first, last)| format!("{name} {first}-{last}"));
            let quantiles = QUANTILES
                .iter()
                .map(|per_cent| format!("{name} p{per_cent} interpolated"));
            bins.chain(quantiles).collect()
        }
        _ => vec![name],
    }
}

/// Whether figures of two epochs can be set beside each other: a distribution is no number.
pub(super) fn is_number(column: &FigureColumn) -> bool {
    !matches!(column, FigureColumn::Measure(_, bins) if !bins.is_empty())
}

/// Where a quantile lies, in thousandths, straight between the ends of its bin. Only where it is in the same shown
/// bin whatever the hidden ones hold, and never in the last, which has no end to speak of.
fn quantile(bins: &[Bin], per_cent: i64, hidden_max: i64) -> Option<i64> {
    let hidden = |bin: &Bin| bin.pupils.is_none();
    let place = |counts: &[i64]| {
        let total: i64 = counts.iter().sum();
        let wanted = total * per_cent;
        let mut below = 0;
        let found = counts.iter().position(|count| {
            below += count * 100;
            below >= wanted && *count > 0
        });
        found.filter(|_| total >= WHOLE_MIN)
    };
    let least: Vec<i64> = bins.iter().map(|bin| bin.pupils.unwrap_or(0)).collect();
    let found = place(&least)?;
    // All that is hidden below it, or all above: the two ends of what may be.
    let with = |is_below: bool| -> Vec<i64> {
        let most = bins.iter().enumerate().map(|(number, bin)| {
            let filled = hidden(bin) && (number < found) == is_below;
            bin.pupils.unwrap_or(if filled { hidden_max } else { 0 })
        });
        most.collect()
    };
    let certain = [true, false]
        .into_iter()
        .all(|is_below| place(&with(is_below)) == Some(found));
    let bin = bins.get(found).filter(|_| certain && found + 1 < bins.len())?;
    let below: i64 = least.iter().take(found).sum();
    let total: i64 = least.iter().sum();
    let width = bin.last - bin.first + 1;
    // (wanted − below) / pupils of the way, in thousandths.
    let into = (total * per_cent - below * 100).max(0) * width * 10 / bin.pupils?.max(1);
    Some(significant(bin.first * 1_000 + into))
}

fn banded(thousandths: i64) -> Told {
    if thousandths < SHARE_MIN_THOUSANDTHS {
        Told::Band("<5")
    } else if thousandths > SHARE_MAX_THOUSANDTHS {
        Told::Band(">95")
    } else {
        // One decimal: no finer than the noise.
        Told::Thousandths(round(thousandths, 100))
    }
}

/// A quotient in thousandths, half up.
fn thousandths(above: i64, below: i64) -> i64 {
    let doubled = i128::from(above) * 2_000 + i128::from(below);
    i64::try_from(doubled.div_euclid(i128::from(below.max(1)) * 2)).unwrap_or(i64::MAX)
}

/// Three significant digits.
fn significant(thousandths: i64) -> i64 {
    crate::figures::significant(thousandths)
}

fn number(thousandths: i64) -> Value {
    if thousandths % 1_000 == 0 {
        return (thousandths / 1_000).into();
    }
    let sign = if thousandths < 0 { "-" } else { "" };
    let size = thousandths.unsigned_abs();
    let text = format!("{sign}{}.{:03}", size / 1_000, size % 1_000);
    let parsed: Option<f64> = text.parse().ok();
    parsed
        .and_then(Number::from_f64)
        .map_or(Value::Null, Value::Number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bins(pupils: &[Option<i64>]) -> Vec<Bin> {
        let bin = |(number, pupils): (i64, &Option<i64>)| Bin {
            first: 10 * number,
            last: 10 * number + 9,
            pupils: *pupils,
        };
        (0..).zip(pupils).map(bin).collect()
    }

    #[test]
    fn a_quantile_lies_between_the_ends_of_its_bin() {
        let all = bins(&[Some(100), Some(100), Some(100), Some(100)]);
        assert_eq!(
            QUANTILES.map(|one| quantile(&all, one, 9)),
            [Some(10_000), Some(20_000), Some(30_000)]
        );
        let early = bins(&[Some(300), Some(100)]);
        assert_eq!(quantile(&early, 50, 9), Some(6_670));
        assert_eq!(quantile(&early, 95, 9), None, "the last bin has no end");
        assert_eq!(quantile(&bins(&[Some(10), None]), 50, 9), None, "too few");
    }

    #[test]
    fn a_quantile_that_hidden_bins_could_move_is_not_given() {
        let clear = bins(&[None, Some(200), Some(100), None]);
        assert!(quantile(&clear, 50, 9).is_some());
        let close = bins(&[Some(100), None, Some(100), Some(5), Some(1)]);
        assert_eq!(quantile(&close, 50, 14), None);
    }

    #[test]
    fn a_change_is_the_difference_of_shown_figures() {
        let told = |now: &Told, before: &Told| now.since(before).to_json().to_string();
        assert_eq!(told(&Told::Whole(31), &Told::Whole(43)), "-12");
        assert_eq!(told(&Told::Thousandths(1_500), &Told::Thousandths(2_700)), "-1.2");
        assert_eq!(told(&Told::Thousandths(2_000), &Told::Thousandths(2_500)), "-0.5");
        for unknown in [Told::Hidden, Told::Band("<5")] {
            assert_eq!(told(&Told::Whole(31), &unknown), "null");
            assert_eq!(told(&unknown, &Told::Whole(31)), "null");
        }
    }

    #[test]
    fn shares_near_the_ends_are_bands() {
        assert_eq!(banded(4_999), Told::Band("<5"));
        assert_eq!(banded(95_001), Told::Band(">95"));
        assert_eq!(banded(33_333), Told::Thousandths(33_300));
        assert_eq!(Told::Thousandths(33_300).to_json().to_string(), "33.3");
        assert_eq!(Told::Thousandths(33_000).to_json().to_string(), "33");
    }
}
