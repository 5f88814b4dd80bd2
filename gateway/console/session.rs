//! Who is at the screen. A session begins with a code that the terminal of the process printed, works once, and ends by
//! itself; what opens private data asks for a second code, which the terminal prints then.
//!
//! The console is served to this machine alone, over plain HTTP: a certificate that nobody vouches for would only teach
//! people to click warnings away. Browsers do not agree on `Secure` cookies (and so on `__Host-`) there, and cookies do
//! not know ports. So the cookie's name is random for each start, it is `HttpOnly` and `SameSite=Strict`, its value is
//! never taken from a request, and the `Host` must be ours (docs/decisions/0034).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use data_encoding::{BASE32_NOPAD, BASE64URL_NOPAD};
use doelpoort_core::policy::sha256;
use doelpoort_core::text::Language;
use jiff::{SignedDuration, Timestamp};
use ring::rand::{SecureRandom, SystemRandom};

use super::fg::Case;

/// How long a code of the terminal works.
const CODE_LIFE: SignedDuration = SignedDuration::from_mins(10);
/// A session ends when nothing was asked for so long.
const IDLE_MAX: SignedDuration = SignedDuration::from_mins(20);
/// A session ends after so long in any case.
const LIFE_MAX: SignedDuration = SignedDuration::from_hours(8);
/// How long a second code counts.
const STEPPED_UP_LIFE: SignedDuration = SignedDuration::from_mins(15);
/// Wrong codes, after which the code no longer works.
const TRIES_MAX: u32 = 5;
/// A new code is printed no sooner than this after the last.
const CODE_PAUSE: SignedDuration = SignedDuration::from_secs(3);
/// Sessions at once; the oldest ends.
const SESSIONS_MAX: usize = 8;

/// Where codes are printed.
pub type Terminal = Box<dyn Fn(Told<'_>) + Send + Sync>;

/// What the terminal says.
#[derive(Clone, Copy, Debug)]
pub enum Told<'c> {
    /// The code with which a session begins.
    Login(&'c str),
    /// The code that a look at private data asks for.
    StepUp(&'c str),
}

/// Why somebody looks, as the log gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Why {
    pub(super) reason: String,
    pub(super) case: String,
}

/// What a session remembers.
#[derive(Clone)]
pub(super) struct Session {
    /// What each form of it carries.
    pub(super) csrf: String,
    pub(super) language: Language,
    /// The last subject access that was answered.
    pub(super) case: Option<Arc<Case>>,
    began: Timestamp,
    last: Timestamp,
    stepped_up: Option<(Timestamp, Why)>,
    code: Option<Code>,
}

#[derive(Clone)]
struct Code {
    digest: [u8; 32],
    at: Timestamp,
    tries: u32,
}

/// All that are open.
pub(super) struct Sessions {
    /// The name of the cookie, another one at each start.
    pub(super) cookie: String,
    open: Mutex<HashMap<[u8; 32], Session>>,
    login: Mutex<Option<Code>>,
    terminal: Terminal,
}

/// Chance failed, or the code is not right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refused;

/// What identifies a session: the digest of its cookie.
pub(super) type Id = [u8; 32];

impl Session {
    /// Why this person looks, while the second code counts.
    pub(super) fn why(&self, now: Timestamp) -> Option<&Why> {
        let (at, why) = self.stepped_up.as_ref()?;
        (now.duration_since(*at) < STEPPED_UP_LIFE).then_some(why)
    }

    fn lives(&self, now: Timestamp) -> bool {
        now.duration_since(self.last) < IDLE_MAX && now.duration_since(self.began) < LIFE_MAX
    }
}

impl Code {
    fn takes(&mut self, text: &str, now: Timestamp) -> bool {
        self.tries += 1;
        let given = sha256(text.trim().to_ascii_uppercase().as_bytes());
        self.tries <= TRIES_MAX
            && now.duration_since(self.at) < CODE_LIFE
            // Digests: how long it takes tells nothing of the code.
            && given == self.digest
    }
}

impl Sessions {
    pub(super) fn new(terminal: Terminal) -> Result<Self, Refused> {
        let cookie = format!(
            "doelpoort-{}",
            BASE32_NOPAD.encode(&random::<5>()?).to_ascii_lowercase()
        );
        Ok(Self {
            cookie,
            open: Mutex::default(),
            login: Mutex::default(),
            terminal,
        })
    }

    /// Prints a new code with which a session begins; the one before it works no longer.
    pub(super) fn offer_login(&self, now: Timestamp) -> Result<(), Refused> {
        let mut login = self.login.lock().unwrap_or_else(PoisonError::into_inner);
        if login.as_ref().is_some_and(|code| is_recent(code, now)) {
            return Ok(());
        }
        let (text, code) = new_code(16, now)?;
        *login = Some(code);
        (self.terminal)(Told::Login(&text));
        Ok(())
    }

    /// Begins a session with the code of the terminal; gives the value of its cookie, which is new.
    pub(super) fn begin(&self, code: &str, language: Language, now: Timestamp) -> Result<String, Refused> {
        let mut login = self.login.lock().unwrap_or_else(PoisonError::into_inner);
        if !login.as_mut().is_some_and(|wanted| wanted.takes(code, now)) {
            return Err(Refused);
        }
        *login = None;
        let value = BASE64URL_NOPAD.encode(&random::<32>()?);
        let session = Session {
            csrf: BASE64URL_NOPAD.encode(&random::<32>()?),
            language,
            case: None,
            began: now,
            last: now,
            stepped_up: None,
            code: None,
        };
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.retain(|_, session| session.lives(now));
        while open.len() >= SESSIONS_MAX {
            let oldest = open
                .iter()
                .min_by_key(|(_, session)| session.last)
                .map(|(id, _)| *id);
            oldest.and_then(|id| open.remove(&id));
        }
        open.insert(sha256(value.as_bytes()), session);
        Ok(value)
    }

    /// The session of a cookie, if it lives; asking for it keeps it alive.
    pub(super) fn find(&self, value: &str, now: Timestamp) -> Option<(Id, Session)> {
        let id = sha256(value.as_bytes());
        let session = self.change(&id, now, |session| {
            session.last = now;
            session.clone()
        })?;
        Some((id, session))
    }

    /// Changes a session that lives.
    pub(super) fn change<T>(
        &self,
        id: &Id,
        now: Timestamp,
        change: impl FnOnce(&mut Session) -> T,
    ) -> Option<T> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if open.get(id).is_some_and(|session| !session.lives(now)) {
            open.remove(id);
        }
        open.get_mut(id).map(change)
    }

    /// Ends a session.
    pub(super) fn end(&self, id: &Id) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.remove(id);
    }

    /// Prints the second code of a session.
    pub(super) fn offer_step_up(&self, id: &Id, now: Timestamp) -> Result<(), Refused> {
        let (text, code) = new_code(4, now)?;
        let printed = self.change(id, now, |session| {
            let recent = session.code.as_ref().is_some_and(|code| is_recent(code, now));
            if !recent {
                session.code = Some(code);
            }
            !recent
        });
        if printed == Some(true) {
            (self.terminal)(Told::StepUp(&text));
        }
        Ok(())
    }

    /// Opens private data for a while, for this reason.
    pub(super) fn step_up(&self, id: &Id, code: &str, why: Why, now: Timestamp) -> Result<(), Refused> {
        let done = self.change(id, now, |session| {
            let right = session
                .code
                .as_mut()
                .is_some_and(|wanted| wanted.takes(code, now));
            if right {
                session.code = None;
                session.stepped_up = Some((now, why));
            }
            right
        });
        if done == Some(true) { Ok(()) } else { Err(Refused) }
    }
}

fn is_recent(code: &Code, now: Timestamp) -> bool {
    now.duration_since(code.at) < CODE_PAUSE
}

fn new_code(bytes: usize, now: Timestamp) -> Result<(String, Code), Refused> {
    let drawn = random::<16>()?;
    let text = BASE32_NOPAD.encode(drawn.get(..bytes).unwrap_or(&drawn));
    let digest = sha256(text.as_bytes());
    let code = Code {
        digest,
        at: now,
        tries: 0,
    };
    Ok((text, code))
}

fn random<const N: usize>() -> Result<[u8; N], Refused> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).map_err(|_| Refused)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests;
