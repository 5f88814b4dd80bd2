//! Sessions: how long they live, and who they are of.

use doelpoort_core::party::Oin;
use doelpoort_core::policy::sha256;
use doelpoort_core::text::Language;
use jiff::{SignedDuration, Timestamp};
use zeroize::Zeroizing;

use super::Session;
use crate::exchange::sealed_to;
use crate::gateway::Gateway;
use crate::store::StoreError;
use crate::store::console::{Digest, StoredSession};

/// A session ends when nothing was asked for so long.
const IDLE_MAX: SignedDuration = SignedDuration::from_mins(20);
/// A session ends after so long in any case.
const LIFE_MAX: SignedDuration = SignedDuration::from_hours(8);
/// How long the provider's word on somebody's roles counts; after it the provider is asked again.
const VOUCHED_MAX: SignedDuration = SignedDuration::from_mins(15);
/// How long it counts for a form that is filled in already.
const VOUCHED_FORM_MAX: SignedDuration = SignedDuration::from_mins(30);
/// How long a step-up counts.
const STEPPED_UP_MAX: SignedDuration = SignedDuration::from_mins(5);

impl Session {
    /// Whether the provider is to be asked again which roles the person has. A form that is filled in is not lost to that
    /// at once. A one-time link has nobody to ask.
    pub fn is_to_be_asked_for(&self, now: Timestamp, fills_form: bool) -> bool {
        let counts = if fills_form { VOUCHED_FORM_MAX } else { VOUCHED_MAX };
        self.proved && (self.vouched > now || now.duration_since(self.vouched) >= counts)
    }
}

impl Gateway {
    /// The session of a cookie, which lives on by this.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn session(&self, cookie: &str, now: Timestamp) -> Result<Option<Session>, StoreError> {
        let (id, now_us) = (sha256(cookie.as_bytes()), now.as_microsecond());
        let stored = self.store.see_session(&id, now_us, lives()).await?;
        Ok(stored.and_then(|stored| self.opened_session(id, &stored, now)))
    }

    /// Sealed under a key that is gone, or of an organisation that no longer takes part: nobody.
    pub(super) fn opened_session(
        &self,
        id: Digest,
        stored: &StoredSession,
        now: Timestamp,
    ) -> Option<Session> {
        let sealed_to = sealed_to("console", &short(&id), 0).ok()?;
        let person = self.keyring().seal.open(&sealed_to, &stored.person).ok()?;
        let person = std::str::from_utf8(&person).ok()?.to_owned();
        let stepped_up = Timestamp::from_microsecond(stored.stepped_up_us).ok()?;
        Some(Session {
            id,
            person: Zeroizing::new(person),
            proved: stored.proved,
            vouched: Timestamp::from_microsecond(stored.vouched_us).ok()?,
            stepped_up: stepped_up <= now && now.duration_since(stepped_up) < STEPPED_UP_MAX,
            operator: stored.roles.operator,
            holder: self.holder_of(&stored.roles.organisation),
            language: match stored.language.as_str() {
                "en" => Language::English,
                _ => Language::Dutch,
            },
        })
    }

    /// The pages of a session are in this language.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn speak(&self, session: &Session, language: Language) -> Result<(), StoreError> {
        self.store.speak_in_session(&session.id, code_of(language)).await
    }

    /// Ends a session.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn sign_out(&self, session: &Session) -> Result<(), StoreError> {
        self.store.end_session(&session.id).await
    }

    /// Forgets sessions, sign-ins and links that ended.
    pub(in crate::gateway) async fn forget_sign_ins(&self, now_us: i64) -> Result<(), StoreError> {
        self.store.forget_sign_ins(now_us, lives()).await
    }

    /// The organisation that takes part under this number.
    pub(super) fn holder_of(&self, oin: &str) -> Option<Oin> {
        let oin: Oin = oin.parse().ok()?;
        let current = self.policies.current();
        current.policies.organisations.by_oin(&oin).map(|_| oin)
    }
}

/// How long a session may be idle, and how long it lasts, in µs.
pub(super) fn lives() -> (i64, i64) {
    let micros = |span: SignedDuration| i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
    (micros(IDLE_MAX), micros(LIFE_MAX))
}

/// What a sealed person is bound to.
pub(super) fn short(id: &Digest) -> [u8; 16] {
    let (first, _) = id.split_first_chunk().unwrap_or((&[0; 16], &[]));
    *first
}

pub(super) fn code_of(language: Language) -> &'static str {
    match language {
        Language::Dutch => "nl",
        Language::English => "en",
    }
}
