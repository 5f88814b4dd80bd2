//! Claims that every token of ours carries, and the checks that `jsonwebtoken` leaves to us (RFC 7519
//! section 4.1).

use std::fmt;

use jiff::Timestamp;
use serde::de::{DeserializeOwned, Deserializer, Error, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::IdentityError;

/// How far the clocks of two parties may differ, in seconds.
pub(crate) const LEEWAY_S: i64 = 5;

/// Last second of the year 9999.
const SECOND_MAX: i64 = 253_402_300_799;

/// Reads claims into their type; names that it does not know are left alone (RFC 7519 section 4).
///
/// # Errors
/// [`IdentityError::ClaimsMalformed`].
pub(crate) fn read<T: DeserializeOwned>(claims: Map<String, Value>) -> Result<T, IdentityError> {
    serde_json::from_value(Value::Object(claims)).map_err(|_| IdentityError::ClaimsMalformed)
}

/// Seconds since 1970-01-01 UTC (`NumericDate`); a fraction is dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct NumericDate(pub(crate) i64);

/// When a token may be used.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) struct Times {
    exp: NumericDate,
    iat: NumericDate,
    #[serde(default)]
    nbf: Option<NumericDate>,
}

impl Times {
    /// Checks all three against the clock. `ahead_max_s`: how far `exp` may lie ahead, in seconds.
    ///
    /// # Errors
    /// [`IdentityError::Expired`], [`NotYetValid`](IdentityError::NotYetValid),
    /// [`IssuedInFuture`](IdentityError::IssuedInFuture),
    /// [`LifetimeTooLong`](IdentityError::LifetimeTooLong).
    pub(crate) fn check(&self, now: Timestamp, ahead_max_s: i64) -> Result<(), IdentityError> {
        let now = now.as_second();
        if now >= self.exp.0 + LEEWAY_S {
            return Err(IdentityError::Expired);
        }
        if self.iat.0 > now + LEEWAY_S {
            return Err(IdentityError::IssuedInFuture);
        }
        if self.nbf.is_some_and(|nbf| nbf.0 > now + LEEWAY_S) {
            return Err(IdentityError::NotYetValid);
        }
        if self.exp.0 > now + ahead_max_s + LEEWAY_S {
            return Err(IdentityError::LifetimeTooLong);
        }
        Ok(())
    }

    /// When the token was made.
    pub(crate) fn issued_at(&self) -> NumericDate {
        self.iat
    }

    /// The moment after which nobody accepts the token any more.
    pub(crate) fn forgotten_after(&self) -> NumericDate {
        NumericDate(self.exp.0 + LEEWAY_S)
    }
}

impl NumericDate {
    /// As an instant.
    pub(crate) fn instant(self) -> Timestamp {
        Timestamp::from_second(self.0).unwrap_or(Timestamp::MAX)
    }
}

/// `aud`: one name, or a list. Only a list of exactly one is accepted, as a token that also suits another
/// audience could be replayed there or come from there.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Audience {
    One(String),
    List(Vec<String>),
}

impl Audience {
    /// Whether the token is for this audience and no other.
    pub(crate) fn is(&self, expected: &str) -> bool {
        match self {
            Self::One(audience) => audience == expected,
            Self::List(list) => matches!(list.as_slice(), [audience] if audience == expected),
        }
    }
}

impl<'de> Deserialize<'de> for NumericDate {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Seconds)
    }
}

struct Seconds;

impl Visitor<'_> for Seconds {
    type Value = NumericDate;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("seconds since 1970-01-01 UTC")
    }

    fn visit_i64<E: Error>(self, seconds: i64) -> Result<NumericDate, E> {
        if (0..=SECOND_MAX).contains(&seconds) {
            Ok(NumericDate(seconds))
        } else {
            Err(E::custom("out of range"))
        }
    }

    fn visit_u64<E: Error>(self, seconds: u64) -> Result<NumericDate, E> {
        self.visit_i64(i64::try_from(seconds).map_err(E::custom)?)
    }

    #[expect(
        clippy::cast_possible_truncation,
        reason = "dropping the fraction is meant; the range is checked"
    )]
    #[expect(clippy::cast_precision_loss, reason = "the bound is far below 2^53")]
    fn visit_f64<E: Error>(self, seconds: f64) -> Result<NumericDate, E> {
        if (0.0..=SECOND_MAX as f64).contains(&seconds) {
            Ok(NumericDate(seconds as i64))
        } else {
            Err(E::custom("out of range"))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn times(claims: Value) -> Result<Times, IdentityError> {
        let Value::Object(map) = claims else {
            unreachable!("an object was given")
        };
        read(map)
    }

    #[test]
    fn each_side_of_each_limit() {
        let now = Timestamp::from_second(1_000).unwrap();
        let cases = [
            (json!({"exp": 996, "iat": 900}), Ok(())),
            (json!({"exp": 995, "iat": 900}), Err(IdentityError::Expired)),
            (json!({"exp": 1305, "iat": 1000}), Ok(())),
            (
                json!({"exp": 1306, "iat": 1000}),
                Err(IdentityError::LifetimeTooLong),
            ),
            (json!({"exp": 1100, "iat": 1005}), Ok(())),
            (
                json!({"exp": 1100, "iat": 1006}),
                Err(IdentityError::IssuedInFuture),
            ),
            (json!({"exp": 1100, "iat": 1000, "nbf": 1005}), Ok(())),
            (
                json!({"exp": 1100, "iat": 1000, "nbf": 1006}),
                Err(IdentityError::NotYetValid),
            ),
            (json!({"exp": 1100.9, "iat": 1000.5}), Ok(())),
        ];
        for (claims, expected) in cases {
            assert_eq!(
                times(claims.clone()).unwrap().check(now, 300),
                expected,
                "{claims}"
            );
        }
    }

    #[test]
    fn times_that_are_none_are_refused() {
        let cases = [
            json!({"iat": 1}),
            json!({"exp": 1}),
            json!({"exp": "1", "iat": 1}),
            json!({"exp": null, "iat": 1}),
            json!({"exp": -1, "iat": 1}),
            json!({"exp": 1e300, "iat": 1}),
            json!({"exp": u64::MAX, "iat": 1}),
            json!({"exp": [1], "iat": 1}),
            json!({"exp": 1, "iat": 1, "nbf": "0"}),
        ];
        for claims in cases {
            assert_eq!(
                times(claims.clone()).map(|_| ()),
                Err(IdentityError::ClaimsMalformed),
                "{claims}"
            );
        }
    }

    #[test]
    fn an_audience_is_one() {
        let cases = [
            (json!("a"), true),
            (json!(["a"]), true),
            (json!("b"), false),
            (json!("A"), false),
            (json!("a "), false),
            (json!(["a", "b"]), false),
            (json!(["a", "a"]), false),
            (json!([]), false),
        ];
        for (text, expected) in cases {
            let audience: Audience = serde_json::from_value(text.clone()).unwrap();
            assert_eq!(audience.is("a"), expected, "{text}");
        }
        assert!(serde_json::from_value::<Audience>(json!({"a": 1})).is_err());
    }
}
