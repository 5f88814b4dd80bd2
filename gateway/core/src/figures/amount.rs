//! Sums of bounded amounts: who gives most is flattened, and the noise is as large as what one pupil can add.

use super::ptable::{EIGHTHS, look_eighths};
use crate::catalogue::ProtectionClass;

/// How many of the largest amounts decide the noise.
const TOP: usize = 5;
/// Fraction bits of sums while they are computed.
const FRACTION: u32 = 20;
/// Fraction bits of the square root.
const ROOT_FRACTION: u32 = 16;
/// Significant digits of a shown sum.
const DIGITS: u32 = 3;

/// What pupils add up to: partial totals of parts add to that of the whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AmountTotal {
    /// How many pupils have any of it: a true count, for protection only.
    pub contributors: i64,
    /// The sum of their record keys for counts.
    pub keys: u64,
    /// The sum of their record keys for sums.
    pub sum_keys: u64,
    sum: i128,
    largest: [i64; TOP],
}

impl AmountTotal {
    /// Adds one pupil, who counts if there is any.
    pub fn add(&mut self, amount: i64, key: u32, sum_key: u32) {
        if amount <= 0 {
            return;
        }
        self.contributors += 1;
        self.keys = self.keys.wrapping_add(key.into());
        self.sum_keys = self.sum_keys.wrapping_add(sum_key.into());
        self.sum += i128::from(amount);
        self.place(amount);
    }

    /// Adds other pupils.
    pub fn merge(&mut self, other: &Self) {
        self.contributors += other.contributors;
        self.keys = self.keys.wrapping_add(other.keys);
        self.sum_keys = self.sum_keys.wrapping_add(other.sum_keys);
        self.sum += other.sum;
        other.largest.iter().for_each(|amount| self.place(*amount));
    }

    /// The true sum.
    pub fn sum(&self) -> i64 {
        i64::try_from(self.sum).unwrap_or(i64::MAX)
    }

    /// The sum of keys by which the first layer of a sum's noise is drawn.
    pub fn cell_key(&self) -> u32 {
        let [.., a, b, c, d] = self.sum_keys.to_be_bytes();
        u32::from_be_bytes([a, b, c, d])
    }

    fn place(&mut self, mut amount: i64) {
        for place in &mut self.largest {
            if amount > *place {
                std::mem::swap(&mut amount, place);
            }
        }
    }
}

/// The sum as it may be shown, where the number of contributors may be: `top = (x3+x4+x5)/3`,
/// `flat = Σ_{i≥3} x_i + min(x1,top) + min(x2,top)`, `δ = max(flat/n_c, top/2)`, and
/// `max(0, flat + δ·√(V/2)·(v1+v2)/8)` to three digits. Integers only, so that it is the same on every machine.
pub(super) fn protect_sum(class: ProtectionClass, total: &AmountTotal, qk: u32) -> i64 {
    let [x1, x2, x3, x4, x5] = total.largest.map(i128::from);
    // Three times as large as it is, so that thirds are whole.
    let top = x3 + x4 + x5;
    let flat = 3 * (total.sum - x1 - x2) + (3 * x1).min(top) + (3 * x2).min(top);
    let contributors = i128::from(total.contributors.max(1));
    let spread = ((flat << FRACTION) / (3 * contributors)).max((top << FRACTION) / 6);
    let noise = look_eighths(total.cell_key()) + look_eighths(qk);
    let noise = (spread * root(class) * i128::from(noise)).div_euclid(i128::from(EIGHTHS) << ROOT_FRACTION);
    let shown = ((flat << FRACTION) / 3 + noise).max(0);
    let whole = (shown + (1 << (FRACTION - 1))) >> FRACTION;
    significant(i64::try_from(whole).unwrap_or(i64::MAX))
}

/// `√(V/2)` with 16 fraction bits: `√2` and `√8`.
fn root(class: ProtectionClass) -> i128 {
    match class {
        ProtectionClass::Normal => 92_682,
        ProtectionClass::Sensitive => 185_364,
    }
}

/// Rounded half up to three significant digits.
pub fn significant(amount: i64) -> i64 {
    let digits = amount.checked_ilog10().map_or(1, |log| log + 1);
    let base = 10_i64.pow(digits.saturating_sub(DIGITS));
    amount.saturating_add(base / 2) / base * base
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn total(amounts: &[i64]) -> AmountTotal {
        let mut total = AmountTotal::default();
        for (amount, key) in amounts.iter().zip(1..) {
            total.add(*amount, key, 7 * key);
        }
        total
    }

    /// A key whose noise is none.
    fn still() -> u32 {
        (0..=u32::MAX)
            .step_by(1 << 20)
            .find(|key| look_eighths(*key) == 0)
            .unwrap()
    }

    fn without_noise(amounts: &[i64]) -> i64 {
        let mut total = total(amounts);
        total.sum_keys = still().into();
        protect_sum(ProtectionClass::Normal, &total, still())
    }

    #[test]
    fn the_two_largest_are_flattened_to_the_next_three() {
        assert_eq!(without_noise(&[10; 12]), 120);
        // 900 and 500 become (30 + 20 + 10) / 3 = 20.
        assert_eq!(without_noise(&[900, 500, 30, 20, 10, 4]), 20 + 20 + 64);
        assert_eq!(without_noise(&[]), 0);
        assert_eq!(without_noise(&[0, 0, -3]), 0);
    }

    #[test]
    fn noise_grows_with_what_one_pupil_can_add() {
        let small = total(&[1; 20]);
        let large = total(&[1_000; 20]);
        let differs = |total: &AmountTotal, flat: i64| {
            (0..64_u32)
                .map(move |step| (protect_sum(ProtectionClass::Normal, total, step << 26) - flat).abs())
                .max()
        };
        assert!(differs(&small, 20) <= Some(17));
        assert!(differs(&large, 20_000) > Some(1_000));
    }

    #[test]
    fn three_digits_are_shown() {
        for (amount, shown) in [
            (0, 0),
            (7, 7),
            (999, 999),
            (1_004, 1_000),
            (1_005, 1_010),
            (123_456, 123_000),
            (99_960, 100_000),
        ] {
            assert_eq!(significant(amount), shown, "{amount}");
        }
    }

    proptest! {
        #[test]
        fn parts_add_up_to_the_whole(amounts in prop::collection::vec(-2_i64..500, 0..40), cut in 0_usize..40) {
            let cut = cut.min(amounts.len());
            let mut parts = AmountTotal::default();
            for (amount, key) in amounts.iter().zip(1..).take(cut) {
                parts.add(*amount, key, 7 * key);
            }
            let mut rest = AmountTotal::default();
            for (amount, key) in amounts.iter().zip(1..).skip(cut) {
                rest.add(*amount, key, 7 * key);
            }
            parts.merge(&rest);
            prop_assert_eq!(parts, total(&amounts));
        }

        #[test]
        fn the_largest_amount_does_not_matter(
            mut amounts in prop::collection::vec(1_i64..500, 6..40), largest in 500_i64..1_000_000, qk in any::<u32>(),
        ) {
            amounts.push(500);
            let one = protect_sum(ProtectionClass::Sensitive, &total(&amounts), qk);
            *amounts.last_mut().unwrap() = largest;
            prop_assert_eq!(protect_sum(ProtectionClass::Sensitive, &total(&amounts), qk), one);
        }
    }
}
