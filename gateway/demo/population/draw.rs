//! Chance that does not depend on order: each stream is HMAC-SHA256 in counter mode, keyed by the
//! seed and named by a label and a cell or pupil number, so a new dataset changes no other one.

use ring::hmac;

/// Labels and cell names longer than this are cut; the longest in use is far shorter (bytes).
const NAME_BYTES_MAX: usize = 63;

/// The source of all streams of one seed.
pub(crate) struct Chance {
    key: hmac::Key,
}

impl Chance {
    /// All streams of `seed`.
    pub(crate) fn new(seed: u64) -> Self {
        let root = hmac::Key::new(hmac::HMAC_SHA256, b"doelpoort demo population 1");
        let tag = hmac::sign(&root, &seed.to_be_bytes());
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, tag.as_ref()),
        }
    }

    /// The stream of pupil `number` for the subject `label`.
    pub(crate) fn pupil(&self, label: &str, number: u32) -> Draws<'_> {
        self.stream(&[label.as_bytes(), &number.to_be_bytes()])
    }

    /// The stream of the cell named by `parts`.
    pub(crate) fn cell(&self, label: &str, parts: &[&str]) -> Draws<'_> {
        let mut name = vec![label.as_bytes()];
        name.extend(parts.iter().map(|part| part.as_bytes()));
        self.stream(&name)
    }

    fn stream(&self, parts: &[&[u8]]) -> Draws<'_> {
        let mut name = Vec::with_capacity(NAME_BYTES_MAX);
        for part in parts {
            let part = part.get(..NAME_BYTES_MAX).unwrap_or(part);
            name.push(u8::try_from(part.len()).unwrap_or(u8::MAX));
            name.extend_from_slice(part);
        }
        Draws {
            key: &self.key,
            name,
            counter: 0,
            words: [0; 8],
            used: 8,
        }
    }
}

/// One stream of draws.
pub(crate) struct Draws<'a> {
    key: &'a hmac::Key,
    name: Vec<u8>,
    counter: u32,
    words: [u32; 8],
    used: usize,
}

impl Draws<'_> {
    /// 32 random bytes: the next whole block.
    pub(crate) fn block(&mut self) -> [u8; 32] {
        let mut context = hmac::Context::with_key(self.key);
        context.update(&self.counter.to_be_bytes());
        context.update(&self.name);
        self.counter += 1;
        let mut block = [0; 32];
        block.copy_from_slice(context.sign().as_ref());
        block
    }

    /// 32 random bits.
    pub(crate) fn bits(&mut self) -> u32 {
        if let Some(&word) = self.words.get(self.used) {
            self.used += 1;
            return word;
        }
        let block = self.block();
        for (word, bytes) in self.words.iter_mut().zip(block.as_chunks::<4>().0) {
            *word = u32::from_be_bytes(*bytes);
        }
        self.used = 1;
        let [first, ..] = self.words;
        first
    }

    /// A number in `[0, 1)`, with 32 random bits.
    pub(crate) fn unit(&mut self) -> f64 {
        f64::from(self.bits()) / 4_294_967_296.0
    }

    /// A number below `bound`; 0 when `bound` is 0. The bias is below `bound / 2^32`.
    pub(crate) fn below(&mut self, bound: u32) -> u32 {
        let scaled = (u64::from(self.bits()) * u64::from(bound)) >> 32;
        u32::try_from(scaled).unwrap_or(0)
    }

    /// Whether something of this probability happens.
    pub(crate) fn happens(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// One of `options` by weight; none when no weight is positive.
    pub(crate) fn pick<T: Copy>(&mut self, options: impl Iterator<Item = (T, f64)> + Clone) -> Option<T> {
        let total: f64 = options.clone().map(|(_, weight)| weight).sum();
        let mut left = self.unit() * total;
        let mut last = None;
        for (option, weight) in options.filter(|(_, weight)| *weight > 0.0) {
            last = Some(option);
            left -= weight;
            if left < 0.0 {
                break;
            }
        }
        last
    }

    /// A whole number with this expectation: its floor, or one more.
    pub(crate) fn rounded(&mut self, expected: f64) -> u32 {
        let more = u32::from(self.happens(expected.fract()));
        whole(expected) + more
    }

    /// A draw from the lognormal distribution, as whole days; the normal is a sum of twelve uniforms,
    /// so that it is the same on every platform.
    pub(crate) fn lognormal_days(&mut self, median_days: f64, sigma: f64) -> i32 {
        let normal: f64 = (0..12).map(|_| self.unit()).sum::<f64>() - 6.0;
        i32::try_from(whole(median_days * (sigma * normal).exp() + 0.5)).unwrap_or(i32::MAX)
    }
}

/// The whole part of a number that is not negative.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "clamped first"
)]
pub(crate) fn whole(number: f64) -> u32 {
    number.clamp(0.0, f64::from(u32::MAX)) as u32
}
