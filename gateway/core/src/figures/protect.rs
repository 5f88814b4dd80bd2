//! Two layers of keyed noise, and which figures may be shown.

use std::fmt;
use std::sync::LazyLock;

use ring::hmac;
use zeroize::{Zeroize, Zeroizing};

use super::CellName;
use super::ptable::{D5_V1, D8_V3, D9_V4, D16_V12, PTable};
use crate::catalogue::{Name, ProtectionClass};
use crate::kdf;
use crate::lp::Part;
use crate::pseudonym::SubjectId;

const SALT: &str = "dsg/fig/root/v1";

/// `R_fig`, the root of all noise. Rotating it gives an attacker a second sample of every cell: only after a
/// leak. Wiped on drop.
///
/// ```compile_fail,E0599
/// fn clone(root: doelpoort_core::figures::FiguresRoot) {
///     let _ = root.clone();
/// }
/// ```
pub struct FiguresRoot(Zeroizing<[u8; 32]>);

impl FiguresRoot {
    /// The root as it was generated: 32 random bytes.
    pub fn from_bytes(mut bytes: [u8; 32]) -> Self {
        let root = Self(Zeroizing::new(bytes));
        bytes.zeroize();
        root
    }
}

/// `K_rec`: draws the record key of each pupil.
pub struct RecordKey(hmac::Key);

impl RecordKey {
    /// `HKDF-Expand(HKDF-Extract("dsg/fig/root/v1", R_fig), "ckm-rec" ‖ 0x01, 32)`.
    pub fn derive(root: &FiguresRoot) -> Self {
        Self(kdf::hmac_key(SALT, &root.0, &[b"ckm-rec\x01"]))
    }
}

/// `K_cell`: draws the key of a cell's name.
pub struct QueryKey(hmac::Key);

impl QueryKey {
    /// `HKDF-Expand(HKDF-Extract("dsg/fig/root/v1", R_fig), "ckm-cell" ‖ 0x01, 32)`.
    pub fn derive(root: &FiguresRoot) -> Self {
        Self(kdf::hmac_key(SALT, &root.0, &[b"ckm-cell\x01"]))
    }
}

macro_rules! redacted {
    ($($secret:ident)*) => {$(
        impl fmt::Debug for $secret {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($secret), "(…)"))
            }
        }
    )*};
}
redacted!(FiguresRoot RecordKey QueryKey);

/// `rk`: one pupil's part in the key of every cell that the pupil is in. Secret; lives only in the snapshot.
/// `BE_u32(HMAC-SHA256(K_rec, "dsg-rk1" ‖ LP(population) ‖ LP(subject_id))[0..4])`.
pub fn record_key(key: &RecordKey, population: &Name, subject: &SubjectId) -> u32 {
    let mut message = b"dsg-rk1".to_vec();
    Part::from(population).append_to(&mut message);
    Part::from(subject.as_bytes()).append_to(&mut message);
    u32::from_be_bytes(kdf::mac(&key.0, &message))
}

/// One pupil's part in the key of every sum that the pupil adds to: as [`record_key`], under `"dsg-rk1/sum"`.
pub fn sum_record_key(key: &RecordKey, population: &Name, subject: &SubjectId) -> u32 {
    let mut message = b"dsg-rk1/sum".to_vec();
    Part::from(population).append_to(&mut message);
    Part::from(subject.as_bytes()).append_to(&mut message);
    u32::from_be_bytes(kdf::mac(&key.0, &message))
}

/// `ck`: the sum modulo 2^32 of the record keys of the cell's distinct pupils.
pub fn cell_key(record_keys: impl IntoIterator<Item = u32>) -> u32 {
    record_keys.into_iter().fold(0, u32::wrapping_add)
}

/// `ck` from a sum that the database made, reduced modulo 2^32 or not yet.
pub fn cell_key_of_sum(sum: i64) -> u32 {
    let [.., a, b, c, d] = sum.to_be_bytes();
    u32::from_be_bytes([a, b, c, d])
}

/// `qk`: `BE_u32(HMAC-SHA256(K_cell, message)[0..4])` of the cell's name.
pub fn query_key(key: &QueryKey, name: &CellName) -> u32 {
    u32::from_be_bytes(kdf::mac(&key.0, &name.message()))
}

/// The figure of a cell with `n` pupils, not yet rounded; none when it must stay hidden.
/// `y1 = n + look(T1, n, ck)`, `y = y1 + look(T2, y1, qk)`, visible when `n ≥ k_min` and `y ≥ k_show`.
pub fn protect(class: ProtectionClass, n: i64, ck: u32, qk: u32) -> Option<i64> {
    let rule = rule(class);
    let y = rule.noisy(n, ck, qk);
    (n >= rule.k_min && y >= rule.k_show).then_some(y)
}

/// Half up to a multiple of `base`; a base of 0 or 1 rounds nothing. A purpose may only round more coarsely,
/// always from the one stored `y`.
pub fn round(y: i64, base: u32) -> i64 {
    let base = i64::from(base.max(1));
    let up = i64::from(2 * y.rem_euclid(base) >= base && base > 1);
    (y.div_euclid(base) + up).saturating_mul(base)
}

/// The lowest noisy count that is shown of a class.
pub fn shows_from(class: ProtectionClass) -> i64 {
    rule(class).k_show
}

/// One protection class.
pub(super) struct Rule {
    layer1: &'static LazyLock<PTable>,
    layer2: &'static LazyLock<PTable>,
    /// Fewest true pupils in a visible cell.
    pub(super) k_min: i64,
    /// Lowest noisy count that is shown.
    pub(super) k_show: i64,
}

static NORMAL: Rule = Rule {
    layer1: &D5_V1,
    layer2: &D8_V3,
    k_min: 5,
    k_show: 10,
};
static SENSITIVE: Rule = Rule {
    layer1: &D9_V4,
    layer2: &D16_V12,
    k_min: 5,
    k_show: 15,
};

pub(super) fn rule(class: ProtectionClass) -> &'static Rule {
    match class {
        ProtectionClass::Normal => &NORMAL,
        ProtectionClass::Sensitive => &SENSITIVE,
    }
}

impl Rule {
    /// `y`, whether or not it may be shown.
    pub(super) fn noisy(&self, n: i64, ck: u32, qk: u32) -> i64 {
        let y1 = n + self.layer1.look(n, ck);
        y1 + self.layer2.look(y1, qk)
    }
}
