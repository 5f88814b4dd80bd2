//! People at the console: how they sign in, what they may be, and that each sign-in and look is in the log before
//! anything is shown.

mod looks;
mod sessions;
mod sign_in;

use data_encoding::BASE64URL_NOPAD;
use doelpoort_core::party::Oin;
use doelpoort_core::policy::sha256;
use doelpoort_core::text::Language;
use jiff::Timestamp;
use zeroize::Zeroizing;

use crate::exchange::Trace;
use crate::store::console::{Digest, Roles};

pub use looks::Look;
pub use sign_in::{LINK_MAX, RETURN_PATH, Sending, SignInError, SignedIn, offer_link, provider};

/// The program in whose name the console asks.
const CLIENT: &str = "gateway-console";

/// Somebody who is signed in. Its `Debug` shows nothing of the person.
#[derive(Clone)]
pub struct Session {
    id: Digest,
    person: Zeroizing<String>,
    proved: bool,
    stepped_up: bool,
    vouched: Timestamp,
    /// An operator.
    pub operator: bool,
    /// The holder that the person speaks for.
    pub holder: Option<Oin>,
    /// The language of the pages.
    pub language: Language,
}

/// A request of a browser.
#[derive(Clone, Copy, Debug)]
pub struct Visit {
    /// Its trace.
    pub trace: Trace,
    /// When it came in.
    pub received: Timestamp,
}

impl Session {
    /// What each form of this session must carry; nobody without the cookie can make it.
    pub fn csrf(cookie: &str) -> String {
        BASE64URL_NOPAD.encode(&sha256(format!("doelpoort-csrf\n{cookie}").as_bytes()))
    }

    /// Whether the person signed in anew, not long ago.
    pub fn stepped_up(&self) -> bool {
        self.stepped_up
    }

    /// What the person may be.
    fn roles(&self) -> Roles {
        Roles {
            operator: self.operator,
            organisation: self.holder.as_ref().map(ToString::to_string).unwrap_or_default(),
        }
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session")
            .field("operator", &self.operator)
            .field("holder", &self.holder)
            .finish_non_exhaustive()
    }
}
