//! The pure half of Doelpoort, in the order of a request.

mod document;
pub mod party;
pub mod policy;
pub mod purpose;
