//! The other side: what a party's program does, so that nobody has to sign a JWT by hand.
//!
//! A client is a folder: `client.toml`, its certificate and keys. The command line, the demo and the tests
//! call the gateway through it and through nothing else.

mod key;

pub use key::{KeyError, PrivateKey};
