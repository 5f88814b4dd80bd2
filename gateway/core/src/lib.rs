//! The pure half of Doelpoort, in the order of a request.

pub mod catalogue;
mod document;
pub mod party;
pub mod policy;
pub mod purpose;
pub mod source_text;
pub mod text;
