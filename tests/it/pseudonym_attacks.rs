//! What somebody with real rights would try against pseudonyms, over HTTP, and what stops it.
//!
//! | attack | what stops it | in |
//! |---|---|---|
//! | a forced merge | another holder confirms a pair before it holds for others | `links` |
//! | an oracle of identifier pairs | every pair is answered alike; contradictions are told a day later, and count as misses | `links` |
//! | a claimed child | the municipality's register says whose pupil it is | `claims` |
//! | a watermark | such a purpose does not come into force | `marks` |
//! | joining without the pseudonym | the same, above a bound that is computed from the catalogue | `joins` |
//! | a translation of one value | many at once, each once a day, to the other party alone | `one_value` |
//! | a resolution as a test of membership | one answer for unknown, declined and expired, at a fixed moment | `membership` |
//! | a dictionary of numbers | a quota and an alarm | `dictionary` |
//! | a clock beside the answers | hit and miss take the same path | `timing` |
//!
//! Each has a control in the same test: with the rule off, or for somebody who has the right, the same steps succeed, so
//! that the attack fails for the reason that is claimed.

mod claims;
mod dictionary;
mod joins;
mod links;
mod marks;
mod membership;
mod one_value;
mod timing;

/// The board that vendor Alpha acts for.
const BOARD: &str = "00000099000000041676";
/// The board that vendor Beta acts for.
const OTHER_BOARD: &str = "00000099000000020041";
