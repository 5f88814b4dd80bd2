//! The pure half of Doelpoort, in the order of a request.

pub mod party;
pub mod policy;
pub mod purpose;
