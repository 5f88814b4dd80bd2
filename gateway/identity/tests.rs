//! A small world with real keys and certificates, and what hostile callers try in it.

mod access;
mod cases;
mod endpoint;
mod foreign;
mod hostile;
mod id_token;
mod staff;
mod world;
mod wycheproof;
