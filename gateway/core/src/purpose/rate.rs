//! Rates: `600/h`.

use std::fmt;
use std::str::FromStr;

use super::{Per, Rate};

/// A text that is no rate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRate {
    /// Not a number, a slash and a unit.
    #[error("a rate is a number from 1, a slash and a unit, such as `600/h`")]
    Shape,
    /// Another unit.
    #[error("unknown unit `{0}`, expected one of `s`, `min`, `h`, `d`")]
    Unit(String),
}

impl Per {
    /// Length in seconds.
    pub fn seconds(self) -> u64 {
        match self {
            Self::Second => 1,
            Self::Minute => 60,
            Self::Hour => 3_600,
            Self::Day => 86_400,
        }
    }
}

impl FromStr for Rate {
    type Err = InvalidRate;

    fn from_str(text: &str) -> Result<Self, InvalidRate> {
        let (count, unit) = text.split_once('/').ok_or(InvalidRate::Shape)?;
        let digits = !count.is_empty() && count.bytes().all(|byte| byte.is_ascii_digit());
        let count = count
            .parse()
            .ok()
            .filter(|count| digits && *count > 0)
            .ok_or(InvalidRate::Shape)?;
        let per = match unit {
            "s" => Per::Second,
            "min" => Per::Minute,
            "h" => Per::Hour,
            "d" => Per::Day,
            _ => return Err(InvalidRate::Unit(unit.to_owned())),
        };
        Ok(Self { count, per })
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.per {
            Per::Second => "s",
            Per::Minute => "min",
            Per::Hour => "h",
            Per::Day => "d",
        };
        write!(f, "{}/{unit}", self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_a_number_and_a_unit() {
        for (text, count, seconds) in [
            ("600/h", 600, 3600),
            ("1/s", 1, 1),
            ("20/min", 20, 60),
            ("5/d", 5, 86_400),
        ] {
            let rate: Rate = text.parse().unwrap();
            assert_eq!(
                (rate.count, rate.per.seconds(), rate.to_string()),
                (count, seconds, text.to_owned())
            );
        }
        for wrong in ["", "600", "/h", "0/h", "-1/h", "+1/h", "1.5/h", "99999999999/h"] {
            assert_eq!(wrong.parse::<Rate>(), Err(InvalidRate::Shape), "{wrong}");
        }
        assert_eq!(
            "1/hour".parse::<Rate>(),
            Err(InvalidRate::Unit("hour".to_owned()))
        );
    }
}
