//! What an attacker on figures computes, and the mechanisms that ours is compared with.
//!
//! A crate of its own, since it is built with optimisation where the rest of the tests is not. It knows nothing of the
//! gateway: the attacks see what was published and what an attacker may know, and nothing else.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::float_cmp,
    reason = "statistics of counts far below 2^52, in the letters of the formulas"
)]

pub mod cell;
pub mod differencing;
pub mod linear;
pub mod mechanism;
pub mod omniscient;
pub mod partition;
pub mod ptable;
pub mod random;
pub mod score;
pub mod small;
pub mod squares;
pub mod sums;
pub mod unpick;
pub mod world;
