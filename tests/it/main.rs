//! Integration tests: one binary, real databases, real TLS.

#[cfg(test)]
mod anonymous;
#[cfg(test)]
mod architecture;
#[cfg(test)]
#[path = "../attacks/main.rs"]
#[expect(
    clippy::cast_precision_loss,
    clippy::float_cmp,
    clippy::needless_pass_by_value,
    reason = "statistics of counts far below 2^52"
)]
mod attacks;
#[cfg(test)]
mod audit;
#[cfg(test)]
mod backup;
#[cfg(test)]
mod bad_input;
#[cfg(test)]
mod break_glass;
#[cfg(test)]
mod console;
#[cfg(test)]
mod crash;
#[cfg(test)]
mod delivery;
#[cfg(test)]
mod denial;
#[cfg(test)]
mod exchange;
#[cfg(test)]
mod fail_closed;
#[cfg(test)]
mod figures;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod identity;
#[cfg(test)]
mod keys;
#[cfg(test)]
mod linking;
#[cfg(test)]
mod listeners;
#[cfg(test)]
mod log;
#[cfg(test)]
mod log_of_requests;
#[cfg(test)]
mod log_reading;
#[cfg(test)]
mod look_ups;
#[cfg(test)]
mod looks;
#[cfg(test)]
mod measures;
#[cfg(test)]
mod merged;
#[cfg(test)]
mod mutated;
#[cfg(test)]
mod openapi;
#[cfg(test)]
mod operator;
#[cfg(test)]
mod packaging;
#[cfg(test)]
mod people;
#[cfg(test)]
mod policy_tools;
#[cfg(test)]
mod privacy;
#[cfg(test)]
mod private;
#[cfg(test)]
mod provisions;
#[cfg(test)]
mod pseudonym_attacks;
#[cfg(test)]
mod pseudonyms;
#[cfg(test)]
mod published;
#[cfg(test)]
mod released;
#[cfg(test)]
mod resolutions;
#[cfg(test)]
mod restored;
#[cfg(test)]
mod restrictions;
#[cfg(test)]
mod rotation;
#[cfg(test)]
mod scopes;
#[cfg(test)]
mod store;
#[cfg(test)]
mod streams;
#[cfg(test)]
mod support;
#[cfg(test)]
mod tables;
#[cfg(test)]
mod telemetry;
#[cfg(test)]
mod tokens;
#[cfg(test)]
mod translations;
#[cfg(test)]
mod trust;
#[cfg(test)]
mod utility;
