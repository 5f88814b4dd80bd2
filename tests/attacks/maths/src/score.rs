//! How an attack is scored.

use std::collections::HashMap;

/// One case that an attacker decides: what it saw, and the truth.
#[derive(Clone, Debug)]
pub struct Case {
    /// What the attacker computed of what it saw, one number a source; none where that was hidden.
    pub seen: Vec<Option<i64>>,
    /// Whether the pupil has the attribute.
    pub truth: bool,
}

/// The balanced accuracy of the likelihood-ratio rule, and how many cases were decided by something seen.
///
/// The rule is learnt on half of the cases and scored on the other, both ways round, so that it is nobody's luck.
pub fn balanced_accuracy(cases: &[Case]) -> (f64, usize) {
    let cases: Vec<&Case> = cases
        .iter()
        .filter(|case| case.seen.iter().any(Option::is_some))
        .collect();
    let half = |rest: usize| -> Vec<&Case> { cases.iter().copied().skip(rest).step_by(2).collect() };
    let (even, odd) = (half(0), half(1));
    let halves = [(learn(&even), &odd), (learn(&odd), &even)];
    let mut right = [0.0; 2];
    let mut all = [0.0; 2];
    for (rule, half) in &halves {
        for case in *half {
            let side = usize::from(case.truth);
            let guess = rule.score(case);
            if let (Some(right), Some(all)) = (right.get_mut(side), all.get_mut(side)) {
                *all += 1.0;
                *right += if guess == 0.0 {
                    0.5
                } else {
                    f64::from(u8::from((guess > 0.0) == case.truth))
                };
            }
        }
    }
    let [no, yes] = [0, 1].map(|side: usize| {
        let of = |sums: &[f64; 2]| sums.get(side).copied().unwrap_or(0.0);
        if of(&all) == 0.0 {
            0.5
        } else {
            of(&right) / of(&all)
        }
    });
    (f64::midpoint(no, yes), cases.len())
}

/// The log-likelihood ratio of each value seen, smoothed.
struct Rule(Vec<HashMap<Option<i64>, [f64; 2]>>, [f64; 2]);

fn learn(cases: &[&Case]) -> Rule {
    let width = cases.first().map_or(0, |case| case.seen.len());
    let mut counts = vec![HashMap::new(); width];
    let mut totals = [0.0; 2];
    for case in cases {
        let side = usize::from(case.truth);
        if let Some(total) = totals.get_mut(side) {
            *total += 1.0;
        }
        for (seen, counts) in case.seen.iter().zip(&mut counts) {
            let entry: &mut [f64; 2] = counts.entry(*seen).or_default();
            if let Some(count) = entry.get_mut(side) {
                *count += 1.0;
            }
        }
    }
    Rule(counts, totals)
}

impl Rule {
    /// Rare values are drawn towards what both sides have in common, so that chance alone decides nothing.
    fn score(&self, case: &Case) -> f64 {
        let Self(counts, [no, yes]) = self;
        let mut score = 0.0;
        for (seen, counts) in case.seen.iter().zip(counts) {
            let [no_here, yes_here] = counts.get(seen).copied().unwrap_or_default();
            let pooled = COMMON * (no_here + yes_here + 0.1) / (no + yes);
            score += ((yes_here + pooled) / (yes + COMMON)).ln();
            score -= ((no_here + pooled) / (no + COMMON)).ln();
        }
        score
    }
}

/// Cases of the common law that are mixed into each side's.
const COMMON: f64 = 20.0;

/// The chance that a case that is true scores higher than one that is not; ties count half.
pub fn area_under_curve(scores: &[(f64, bool)]) -> f64 {
    let mut sorted = scores.to_vec();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut below, mut won, mut pairs_yes) = (0.0, 0.0, 0.0);
    for ties in sorted.chunk_by(|a, b| a.0 == b.0) {
        let yes = ties.iter().filter(|(_, truth)| *truth).count() as f64;
        let no = ties.len() as f64 - yes;
        won += yes * (below + no / 2.0);
        below += no;
        pairs_yes += yes;
    }
    if below == 0.0 || pairs_yes == 0.0 {
        0.5
    } else {
        won / (below * pairs_yes)
    }
}

/// The distribution function of the normal law (Abramowitz and Stegun 7.1.26, within 2·10⁻⁷).
pub fn phi(x: f64) -> f64 {
    let z = x.abs() / std::f64::consts::SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * z);
    let series = [
        0.254_829_592,
        -0.284_496_736,
        1.421_413_741,
        -1.453_152_027,
        1.061_405_429,
    ];
    let tail = series.iter().rev().fold(0.0, |sum, factor| (sum + factor) * t) * (-z * z).exp();
    if x >= 0.0 { 1.0 - tail / 2.0 } else { tail / 2.0 }
}

/// How far two samples' distributions are apart, as the probability of such a distance among equals (two-sample test of
/// Kolmogorov and Smirnov, asymptotic).
pub fn same_distribution(one: &[f64], other: &[f64]) -> f64 {
    let mut all: Vec<(f64, bool)> = one.iter().map(|x| (*x, true)).collect();
    all.extend(other.iter().map(|x| (*x, false)));
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (n, m) = (one.len() as f64, other.len() as f64);
    let (mut gap, mut distance) = (0.0_f64, 0.0_f64);
    for ties in all.chunk_by(|a, b| a.0 == b.0) {
        for (_, first) in ties {
            gap += if *first { 1.0 / n } else { -1.0 / m };
        }
        distance = distance.max(gap.abs());
    }
    let size = (n * m / (n + m)).sqrt();
    let lambda = (size + 0.12 + 0.11 / size) * distance;
    let terms = (1..100).map(|k| {
        let k = f64::from(k);
        let sign = if k % 2.0 == 1.0 { 2.0 } else { -2.0 };
        sign * (-2.0 * k * k * lambda * lambda).exp()
    });
    if lambda < 0.3 {
        1.0
    } else {
        terms.sum::<f64>().clamp(0.0, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    #[test]
    fn phi_is_known() {
        for (x, expected) in [
            (0.0, 0.5),
            (0.25, 0.598_706),
            (1.0, 0.841_345),
            (-1.96, 0.024_998),
        ] {
            assert!((phi(x) - expected).abs() < 1e-5, "{x}: {}", phi(x));
        }
    }

    #[test]
    fn a_sure_sign_is_found_and_none_where_there_is_none() {
        let mut random = Random::new(3);
        let cases = |sign: bool, random: &mut Random| -> Vec<Case> {
            (0..4_000)
                .map(|_| {
                    let truth = random.chance(0.5);
                    let noise = i64::from(random.below(5));
                    let seen = if sign && truth { noise + 10 } else { noise };
                    Case {
                        seen: vec![Some(seen)],
                        truth,
                    }
                })
                .collect()
        };
        assert!(balanced_accuracy(&cases(true, &mut random)).0 > 0.999);
        assert!((balanced_accuracy(&cases(false, &mut random)).0 - 0.5).abs() < 0.03);
    }

    #[test]
    fn the_area_and_the_distance_are_known() {
        assert_eq!(area_under_curve(&[(1.0, false), (2.0, true), (3.0, true)]), 1.0);
        assert_eq!(area_under_curve(&[(1.0, false), (1.0, true)]), 0.5);
        let one: Vec<f64> = (0..200).map(f64::from).collect();
        let shifted: Vec<f64> = one.iter().map(|x| x + 60.0).collect();
        let beside: Vec<f64> = one.iter().map(|x| x + 0.5).collect();
        assert!(same_distribution(&one, &shifted) < 1e-6);
        assert!(same_distribution(&one, &beside) > 0.9);
    }
}
