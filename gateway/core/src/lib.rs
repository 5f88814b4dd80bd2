//! The pure half of Doelpoort, in the order of a request.

pub mod anonymity;
pub mod answer;
pub mod audit;
pub mod catalogue;
mod document;
pub mod extract;
pub mod figures;
#[cfg(test)]
mod fixture;
pub mod identifier;
mod kdf;
pub mod lp;
pub mod party;
pub mod plan;
pub mod policy;
pub mod protect;
pub mod pseudonym;
pub mod pseudonymise;
pub mod purpose;
pub mod request;
pub mod request_digest;
pub mod scope;
pub mod source_text;
pub mod strict_json;
pub mod text;
