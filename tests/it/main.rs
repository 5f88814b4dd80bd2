//! Integration tests: one binary, real databases, real TLS.

#[cfg(test)]
mod architecture;
#[cfg(test)]
mod audit;
#[cfg(test)]
mod bad_input;
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
mod identity;
#[cfg(test)]
mod log;
#[cfg(test)]
mod log_of_requests;
#[cfg(test)]
mod log_reading;
#[cfg(test)]
mod measures;
#[cfg(test)]
mod mutated;
#[cfg(test)]
mod openapi;
#[cfg(test)]
mod policy_tools;
#[cfg(test)]
mod privacy;
#[cfg(test)]
mod private;
#[cfg(test)]
mod provisions;
#[cfg(test)]
mod pseudonyms;
#[cfg(test)]
mod published;
#[cfg(test)]
mod restrictions;
#[cfg(test)]
mod scopes;
#[cfg(test)]
mod store;
#[cfg(test)]
mod streams;
#[cfg(test)]
mod support;
#[cfg(test)]
mod trust;
