//! The shards of a log: one a year, and one more after each restore. Each is a tree of its own under a name of its own,
//! signed by the same key; its first entry embeds the last checkpoint of the one before, and the last entry of that one
//! names it. Whoever has the public key of one shard has that of all.

use super::note::Verifier;

/// The name of the log that a shard belongs to: `example.nl/audit` of `example.nl/audit/2027` and of
/// `example.nl/audit/2027-2`; the name itself where a log was named without a year.
pub fn base(origin: &str) -> &str {
    match origin.rsplit_once('/') {
        Some((base, label)) if !base.is_empty() && is_label(label) => base,
        _ => origin,
    }
}

/// What tells a shard from the others of its log: `2027`, or `2027-2`; `None` in a name without a year.
pub fn label(origin: &str) -> Option<&str> {
    let label = origin.strip_prefix(base(origin))?.strip_prefix('/')?;
    (!label.is_empty()).then_some(label)
}

/// The name of the `nth` shard of a year, from 1.
pub fn name(base: &str, year: i16, nth: u32) -> String {
    match nth {
        ..=1 => format!("{base}/{year:04}"),
        nth => format!("{base}/{year:04}-{nth}"),
    }
}

/// A year of four digits, and from the second shard of it on a number without leading zeros.
fn is_label(text: &str) -> bool {
    let (year, nth) = text
        .split_once('-')
        .map_or((text, None), |(year, nth)| (year, Some(nth)));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_nth = |nth: &str| digits(nth) && nth.len() <= 6 && !nth.starts_with('0') && nth != "1";
    year.len() == 4 && digits(year) && nth.is_none_or(is_nth)
}

impl Verifier {
    /// The key of a shard of the same log; `None` where `origin` is another log's.
    pub fn of_shard(&self, origin: &str) -> Option<Self> {
        if base(origin) != base(self.name()) {
            return None;
        }
        Self::new(origin, *self.key()).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_year_at_the_end_is_the_shard() {
        for (origin, of, told) in [
            ("example.nl/audit/2026", "example.nl/audit", Some("2026")),
            ("example.nl/audit/2026-2", "example.nl/audit", Some("2026-2")),
            ("example.nl/audit", "example.nl/audit", None),
            ("example.nl/2026/audit", "example.nl/2026/audit", None),
            ("example.nl/audit/2026-1", "example.nl/audit/2026-1", None),
            ("example.nl/audit/2026-02", "example.nl/audit/2026-02", None),
            ("example.nl/audit/20266", "example.nl/audit/20266", None),
            ("/2026", "/2026", None),
            ("2026", "2026", None),
        ] {
            assert_eq!((base(origin), label(origin)), (of, told), "{origin}");
        }
        assert_eq!(name("a/audit", 2027, 1), "a/audit/2027");
        assert_eq!(name("a/audit", 2027, 2), "a/audit/2027-2");
    }

    #[test]
    fn one_key_is_that_of_every_shard_and_of_no_other_log() {
        let key = Verifier::new("example.nl/audit", [7; 32]).unwrap();
        let later = key.of_shard("example.nl/audit/2027").unwrap();
        assert_eq!((later.name(), later.key()), ("example.nl/audit/2027", key.key()));
        assert_ne!(later.id(), key.id());
        assert_eq!(later.of_shard("example.nl/audit"), Some(key.clone()));
        assert_eq!(key.of_shard("example.nl/other/2027"), None);
        assert_eq!(key.of_shard("other.nl/audit/2027"), None);
    }
}
