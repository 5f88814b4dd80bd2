//! The tables again, from their definition: maximum entropy on `-min(i, D) … D` under mean 0, variance at most
//! `V`, and probabilities that never decrease up to 0.
//!
//! The problem is convex. With multipliers `a` (mean) and `b ≥ 0` (variance) the solution is `p(v) ∝ exp(η(v))`
//! with `η(v) = -a·v - b·v²`; where the order up to 0 binds, `η` is replaced by its isotonic regression (pool
//! adjacent violators). The mean falls in `a`, the variance in `b`, so two nested bisections find both; where
//! the variance stays below `V` without being asked to, `b = 0`.

use super::{D5_V1, D8_V3, D9_V4, D16_V12, EIGHTHS, PTable, SUM_V1, look_eighths};

const TOLERANCE: f64 = 2e-5;
const BISECTIONS: u32 = 100;

#[test]
fn tables_follow_from_their_definition() {
    for (table, d, variance) in [
        (&D5_V1, 5, 1.0),
        (&D8_V3, 8, 3.0),
        (&D9_V4, 9, 4.0),
        (&D16_V12, 16, 12.0),
    ] {
        assert_eq!(
            table.classes.len(),
            usize::try_from(d + 1).unwrap(),
            "classes 0 to {d}"
        );
        for (i, class) in (0..).zip(&table.classes) {
            let support: Vec<i32> = (-i.min(d)..=if i == 0 { 0 } else { d }).collect();
            let listed: Vec<i32> = class.iter().map(|step| i32::try_from(step.v).unwrap()).collect();
            assert_eq!(listed, support, "support of class {i} of D{d}");
            agrees(table, usize::try_from(i).unwrap(), &solve(&support, variance));
        }
    }
}

/// The noise of sums: the maximum entropy on eighths up to 6 either way, under mean 0 and variance 1.
#[test]
fn the_table_of_sums_follows_from_its_definition() {
    let most = i32::try_from(6 * EIGHTHS).unwrap();
    let support: Vec<i32> = (-most..=most).collect();
    let listed: Vec<i32> = SUM_V1.classes[0]
        .iter()
        .map(|step| i32::try_from(step.v).unwrap())
        .collect();
    assert_eq!((SUM_V1.classes.len(), listed), (1, support.clone()));
    let rebuilt = solve(&support, f64::from(i32::try_from(EIGHTHS * EIGHTHS).unwrap()));
    agrees(&SUM_V1, 0, &rebuilt);

    let (mean, second) = moments(&masses(&SUM_V1, 0), &support);
    assert!(
        mean.abs() < 1e-4 && (second / 64.0 - 1.0).abs() < 1e-3,
        "mean {mean}, variance {second}"
    );
    assert!(
        rebuilt
            .iter()
            .zip(rebuilt.iter().rev())
            .all(|(one, other)| (one - other).abs() < 1e-12)
    );
    for (key, v) in [(0, -most), (2, -most), (3, 1 - most), (u32::MAX, most)] {
        assert_eq!(look_eighths(key), i64::from(v), "key {key}");
    }
}

#[test]
fn each_class_has_mean_0_and_variance_within_v_and_its_order() {
    for (table, variance) in [(&D5_V1, 1.0), (&D8_V3, 3.0), (&D9_V4, 4.0), (&D16_V12, 12.0)] {
        for (i, class) in table.classes.iter().enumerate() {
            let support: Vec<i32> = class.iter().map(|step| i32::try_from(step.v).unwrap()).collect();
            let p = masses(table, i);
            let (mean, second) = moments(&p, &support);
            assert!(mean.abs() < 1e-4, "mean {mean} of class {i}");
            assert!(second < variance + 1e-3, "variance {second} of class {i}");
            let up_to_0 = &p[..=support.iter().position(|v| *v == 0).unwrap()];
            assert!(
                up_to_0.is_sorted_by(|a, b| a <= &(b + TOLERANCE)),
                "order of class {i}: {up_to_0:?}"
            );
        }
    }
}

fn agrees(table: &PTable, class: usize, rebuilt: &[f64]) {
    let mut below = 0.0;
    for ((step, p), mass) in table.classes[class].iter().zip(rebuilt).zip(masses(table, class)) {
        below += p;
        let listed = as_f64(step.upper) / as_f64(1 << 32);
        assert!(
            (below - listed).abs() < TOLERANCE,
            "class {class}, v {}: {below} {listed}",
            step.v
        );
        assert!(
            (p - mass).abs() < TOLERANCE,
            "class {class}, v {}: {p} {mass}",
            step.v
        );
    }
    assert!((below - 1.0).abs() < 1e-12);
}

fn masses(table: &PTable, class: usize) -> Vec<f64> {
    let mut before = 0;
    let mass = |upper: u64| as_f64(upper - std::mem::replace(&mut before, upper)) / as_f64(1 << 32);
    table.classes[class]
        .iter()
        .map(|step| step.upper)
        .map(mass)
        .collect()
}

fn solve(support: &[i32], variance: f64) -> Vec<f64> {
    let at = |b| {
        let a = bisect(-60.0, 60.0, |a| {
            moments(&distribution(support, a, b), support).0 > 0.0
        });
        distribution(support, a, b)
    };
    let free = at(0.0);
    if moments(&free, support).1 <= variance {
        return free;
    }
    at(bisect(0.0, 20.0, |b| moments(&at(b), support).1 > variance))
}

/// The point where `too_low` turns from true to false.
fn bisect(mut low: f64, mut high: f64, too_low: impl Fn(f64) -> bool) -> f64 {
    for _ in 0..BISECTIONS {
        let middle = f64::midpoint(low, high);
        if too_low(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    f64::midpoint(low, high)
}

fn distribution(support: &[i32], a: f64, b: f64) -> Vec<f64> {
    let eta = |v: &i32| -a * f64::from(*v) - b * f64::from(v * v);
    let mut exponents = non_decreasing(support.iter().filter(|v| **v <= 0).map(eta));
    exponents.extend(support.iter().filter(|v| **v > 0).map(eta));
    let highest = exponents.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let weights: Vec<f64> = exponents.iter().map(|e| (e - highest).exp()).collect();
    let total: f64 = weights.iter().sum();
    weights.iter().map(|weight| weight / total).collect()
}

/// Isotonic regression: neighbours in the wrong order are pooled at their mean.
fn non_decreasing(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut pools: Vec<(f64, u32)> = Vec::new();
    for value in values {
        let mut pool = (value, 1);
        while let Some((mean, count)) = pools.pop_if(|(mean, _)| *mean > pool.0) {
            let both = count + pool.1;
            pool = (
                (mean * f64::from(count) + pool.0 * f64::from(pool.1)) / f64::from(both),
                both,
            );
        }
        pools.push(pool);
    }
    pools
        .iter()
        .flat_map(|(mean, count)| (0..*count).map(move |_| *mean))
        .collect()
}

fn moments(p: &[f64], support: &[i32]) -> (f64, f64) {
    p.iter().zip(support).fold((0.0, 0.0), |(mean, second), (p, v)| {
        (mean + p * f64::from(*v), second + p * f64::from(v * v))
    })
}

fn as_f64(number: u64) -> f64 {
    f64::from(u32::try_from(number >> 16).unwrap()) * 65_536.0
        + f64::from(u16::try_from(number & 0xffff).unwrap())
}
