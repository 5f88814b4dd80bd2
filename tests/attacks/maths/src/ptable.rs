//! The tables of noise, which are public: an attacker has them, but not the keys.

/// How likely each noise is, by the size of a cell.
#[derive(Clone, Debug)]
pub struct PTable {
    /// For each class `i`, pairs of noise and the first key beyond it.
    classes: Vec<Vec<(i64, u64)>>,
}

impl PTable {
    /// Layer 1 of the class `normal`.
    pub fn d5_v1() -> Self {
        Self::parse(include_str!(
            "../../../../gateway/core/src/figures/tables/ptable_int_D5_V1_js0.csv"
        ))
    }

    /// Layer 2 of the class `normal`.
    pub fn d8_v3() -> Self {
        Self::parse(include_str!(
            "../../../../gateway/core/src/figures/tables/ptable_int_D8_V3_js0.csv"
        ))
    }

    /// Layer 1 of the class `sensitive`.
    pub fn d9_v4() -> Self {
        Self::parse(include_str!(
            "../../../../gateway/core/src/figures/tables/ptable_int_D9_V4_js0.csv"
        ))
    }

    /// Layer 2 of the class `sensitive`.
    pub fn d16_v12() -> Self {
        Self::parse(include_str!(
            "../../../../gateway/core/src/figures/tables/ptable_int_D16_V12_js0.csv"
        ))
    }

    /// No noise.
    pub fn none() -> Self {
        Self {
            classes: vec![vec![(0, 1 << 32)]; 2],
        }
    }

    fn parse(text: &str) -> Self {
        let mut classes: Vec<Vec<(i64, u64)>> = Vec::new();
        for line in text.lines().skip(1) {
            let mut fields = line.split(',');
            let mut next = || fields.next().and_then(|field| field.trim().parse::<i64>().ok());
            let (Some(class), Some(noise), Some(upper)) = (next(), next(), next()) else {
                continue;
            };
            let class = usize::try_from(class).unwrap_or(0);
            if classes.len() <= class {
                classes.resize(class + 1, Vec::new());
            }
            if let Some(class) = classes.get_mut(class) {
                class.push((noise, u64::try_from(upper).unwrap_or(1 << 32)));
            }
        }
        Self { classes }
    }

    fn class(&self, size: i64) -> &[(i64, u64)] {
        let last = self.classes.len().saturating_sub(1);
        let class = usize::try_from(size.max(0)).unwrap_or(last).min(last);
        self.classes.get(class).map_or(&[], Vec::as_slice)
    }

    /// The noise that a key draws for a cell of this size.
    pub fn look(&self, size: i64, key: u32) -> i64 {
        if size <= 0 {
            return 0;
        }
        let found = self.class(size).iter().find(|(_, upper)| u64::from(key) < *upper);
        found.map_or(0, |(noise, _)| *noise)
    }

    /// Each noise with its probability, for a cell of this size.
    pub fn law(&self, size: i64) -> Vec<(i64, f64)> {
        if size <= 0 {
            return vec![(0, 1.0)];
        }
        let mut from = 0_u64;
        self.class(size)
            .iter()
            .map(|(noise, upper)| {
                let width = upper.saturating_sub(from);
                from = *upper;
                (*noise, width as f64 / f64::from(u32::MAX))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_law_sums_to_one_with_mean_zero() {
        for table in [
            PTable::d5_v1(),
            PTable::d8_v3(),
            PTable::d9_v4(),
            PTable::d16_v12(),
        ] {
            for size in [1, 3, 20, 400] {
                let law = table.law(size);
                let total: f64 = law.iter().map(|(_, p)| p).sum();
                let mean: f64 = law.iter().map(|(v, p)| *v as f64 * p).sum();
                assert!(
                    (total - 1.0).abs() < 1e-6 && mean.abs() < 1e-4,
                    "{size}: {total} {mean}"
                );
            }
        }
    }
}
