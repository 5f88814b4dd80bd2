//! The pure half of Doelpoort, in the order of a request.

pub mod audit;
pub mod catalogue;
mod document;
pub mod figures;
pub mod identifier;
mod kdf;
pub mod lp;
pub mod party;
pub mod policy;
pub mod pseudonym;
pub mod purpose;
pub mod request_digest;
pub mod source_text;
pub mod text;
