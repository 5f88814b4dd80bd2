//! Numbers that are the same in every run.

/// A stream of random numbers (`SplitMix64`): for worlds and for coins, not for secrets.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// The stream of a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.0)
    }

    /// Below `bound`, uniform enough for bounds far below 2^32.
    pub fn below(&mut self, bound: u32) -> u32 {
        let high = (self.bits() >> 32) * u64::from(bound);
        u32::try_from(high >> 32).unwrap_or(0)
    }

    /// True with this probability.
    pub fn chance(&mut self, probability: f64) -> bool {
        f64::from(self.below(1 << 30)) < probability * f64::from(1 << 30)
    }

    /// One of the places of `weights`, which sum to 1.
    pub fn weighted(&mut self, weights: &[f64]) -> u16 {
        let mut left = f64::from(self.below(1 << 30)) / f64::from(1 << 30);
        let mut place = 0;
        for weight in weights {
            if left < *weight {
                return place;
            }
            left -= weight;
            place += 1;
        }
        place.saturating_sub(1)
    }
}

/// A hash of 64 bits: every bit of the input moves every bit of the output.
pub fn mix(bits: u64) -> u64 {
    let bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    bits ^ (bits >> 31)
}
