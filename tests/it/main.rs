//! Integration tests: one binary, real databases.

#[cfg(test)]
mod store;
#[cfg(test)]
mod support;
