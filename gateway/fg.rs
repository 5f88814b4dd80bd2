//! What runs on the machine of the data protection officer (FG), never in a gateway: the private keys that open the
//! private parts of the log, one a month. Destroying a month's key destroys what was sealed to it, backups included.

pub mod casework;
pub mod copy;
pub mod fetch;
pub mod follow;
pub mod hand_out;
pub mod keys;
pub mod look;
pub mod monitor;
pub mod reading;
pub mod replay;
pub mod search;

pub use casework::Casework;
pub use keys::{FgKeyError, FgPrivateKeys};
pub use reading::{Opened, Reader, ReadingError};
