//! One normal form for each kind of identifier, before any cryptography.

use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use super::{InvalidIdentifier, Namespace};
use crate::lp::Part;
use crate::party::Oin;

/// The most bytes an identifier is read from, before and after normalisation.
pub(super) const INPUT_BYTES_MAX: usize = 256;

const KETENID: &str = "https://ketenid.nl/";
const ECK_ID_DIGITS: usize = 64;

/// A BSN or an onderwijsnummer: nine ASCII digits, and which of the two they are.
pub(super) fn number(text: &str) -> Result<(Namespace, Zeroizing<Vec<u8>>), InvalidIdentifier> {
    let mut digits = Zeroizing::new(Vec::with_capacity(INPUT_BYTES_MAX));
    for character in bounded(text)?
        .nfkc()
        .filter(|c| !matches!(c, ' ' | '\u{a0}' | '.' | '-'))
    {
        let digit = u8::try_from(character).ok().filter(u8::is_ascii_digit);
        digits.push(digit.ok_or(InvalidIdentifier::NotDigits)?);
    }
    match digits.len() {
        0 => return Err(InvalidIdentifier::Empty),
        8 => digits.insert(0, b'0'),
        9 => {}
        _ => return Err(InvalidIdentifier::WrongLength),
    }
    if digits.iter().all(|digit| *digit == b'0') {
        return Err(InvalidIdentifier::AllZeros);
    }
    match remainder(&digits) {
        0 => Ok((Namespace::Bsn, digits)),
        5 if digits.starts_with(b"10") => Ok((Namespace::Onderwijsnummer, digits)),
        _ => Err(InvalidIdentifier::CheckFailed),
    }
}

/// `(9d1+8d2+7d3+6d4+5d5+4d6+3d7+2d8−d9) mod 11`.
fn remainder(digits: &[u8]) -> i32 {
    let weights = [9, 8, 7, 6, 5, 4, 3, 2, -1];
    let sum: i32 = weights
        .iter()
        .zip(digits)
        .map(|(weight, digit)| weight * i32::from(digit - b'0'))
        .sum();
    sum.rem_euclid(11)
}

/// An ECK iD: 64 lower-case hex digits. The chain's address before it says who issued it and is not part of it.
pub(super) fn eck_id(text: &str) -> Result<Zeroizing<Vec<u8>>, InvalidIdentifier> {
    let lower = Zeroizing::new(bounded(text.trim())?.to_ascii_lowercase());
    let digits = match lower.strip_prefix(KETENID) {
        Some(path) => path
            .split_once('/')
            .filter(|(chain, _)| !chain.is_empty())
            .map(|(_, digits)| digits)
            .ok_or(InvalidIdentifier::NotAnEckId)?,
        None => lower.as_str(),
    };
    if digits.len() != ECK_ID_DIGITS || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Err(InvalidIdentifier::NotAnEckId);
    }
    Ok(Zeroizing::new(digits.as_bytes().to_vec()))
}

/// `LP(holder OIN) ‖ LP(local id)`, the local id in NFC and otherwise as the holder spells it.
pub(super) fn local(text: &str, holder: &Oin) -> Result<Zeroizing<Vec<u8>>, InvalidIdentifier> {
    let text = bounded(text)?;
    if text.trim() != text || text.chars().any(char::is_control) {
        return Err(InvalidIdentifier::NotPlain);
    }
    let mut composed = Zeroizing::new(String::with_capacity(INPUT_BYTES_MAX));
    composed.extend(text.nfc());
    let mut value = Zeroizing::new(Vec::with_capacity(2 * INPUT_BYTES_MAX));
    Part::from(holder).append_to(&mut value);
    Part::new(bounded(&composed)?.as_bytes())
        .map_err(|_| InvalidIdentifier::TooLong)?
        .append_to(&mut value);
    Ok(value)
}

fn bounded(text: &str) -> Result<&str, InvalidIdentifier> {
    match text.len() {
        0 => Err(InvalidIdentifier::Empty),
        1..=INPUT_BYTES_MAX => Ok(text),
        _ => Err(InvalidIdentifier::TooLong),
    }
}
