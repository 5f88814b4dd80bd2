//! What runs on the machine of the data protection officer (FG), never in a gateway: the private keys that open the
//! private parts of the log, one a month. Destroying a month's key destroys what was sealed to it, backups included.

pub mod follow;
pub mod keys;
pub mod monitor;
pub mod reading;
pub mod replay;

pub use keys::{FgKeyError, FgPrivateKeys};
pub use reading::{Opened, Reader, ReadingError};
