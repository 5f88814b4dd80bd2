//! Integration tests: one binary, real databases, real TLS.

#[cfg(test)]
mod delivery;
#[cfg(test)]
mod denial;
#[cfg(test)]
mod exchange;
#[cfg(test)]
mod figures;
#[cfg(test)]
mod log;
#[cfg(test)]
mod pseudonyms;
#[cfg(test)]
mod store;
#[cfg(test)]
mod support;
