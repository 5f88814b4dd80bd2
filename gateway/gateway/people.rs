//! People at the console: how they sign in, what they may be, and that each sign-in and look is in the log before
//! anything is shown.

use std::path::Path;

use data_encoding::{BASE32_NOPAD, BASE64URL_NOPAD};
use doelpoort_core::audit::leaf::{GRANTED, Kind, Value, extra};
use doelpoort_core::audit::private::StaffPart;
use doelpoort_core::party::{Caller, ClientId, Oin};
use doelpoort_core::policy::sha256;
use doelpoort_core::policy::withdrawal::ROLE;
use doelpoort_core::request::WithdrawalRequest;
use doelpoort_core::text::Language;
use jiff::{SignedDuration, Timestamp};
use ring::rand::{SecureRandom as _, SystemRandom};
use serde_json::json;
use zeroize::Zeroizing;

use super::{Gateway, StartError, Withdrawn};
use crate::config::Console;
use crate::exchange::{Refusal, Trace, sealed_to};
use crate::identity::{Person, Provider, ProviderError, ProviderSettings, Returned, SignIn};
use crate::keys::file::secret_text;
use crate::log::{Entry, LogError};
use crate::outside::Outside;
use crate::store::console::{Begun, Digest, Roles, StoredSession};
use crate::store::{Store, StoreError};
use crate::tls::certificates;

/// Where the browser comes back to.
pub const RETURN_PATH: &str = "/login/return";
/// A session ends when nothing was asked for so long.
const IDLE_MAX: SignedDuration = SignedDuration::from_mins(20);
/// A session ends after so long in any case.
const LIFE_MAX: SignedDuration = SignedDuration::from_hours(8);
/// How long somebody may take to sign in at the provider.
const SIGN_IN_MAX: SignedDuration = SignedDuration::from_mins(10);
/// How long a step-up counts.
const STEPPED_UP_MAX: SignedDuration = SignedDuration::from_mins(5);
/// How long a one-time link works.
pub const LINK_MAX: SignedDuration = SignedDuration::from_mins(10);
/// Bytes of the code of a one-time link.
const CODE_LEN: usize = 20;
/// The program in whose name the console asks.
const CLIENT: &str = "gateway-console";
/// What the log's private part says of who came by a one-time link.
const BY_LINK: &str = "one-time link of the operator";

/// Somebody who is signed in. Its `Debug` shows nothing of the person.
#[derive(Clone)]
pub struct Session {
    id: Digest,
    person: Zeroizing<String>,
    proved: bool,
    stepped_up: bool,
    /// An operator.
    pub operator: bool,
    /// The holder that the person speaks for.
    pub holder: Option<Oin>,
    /// The language of the pages.
    pub language: Language,
}

/// What a person does at the console.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// Signs in.
    SignIn,
    /// Signs in anew, for what needs it.
    StepUp,
    /// Looks at what may be asked of the holder.
    Grants,
    /// Looks at who asked.
    Requests,
    /// Looks at the inbox.
    Inbox,
    /// Withdraws; the withdrawal itself is an entry of its own.
    Withdraw,
    /// Looks at the operator's page.
    Operator,
}

/// Why somebody is not signed in.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// There is no provider; or there is one, and links do not work.
    #[error("people do not sign in this way here")]
    NotThisWay,
    /// No sign-in of this browser waits for this answer: it was used, is too old, or is somebody else's.
    #[error("no sign-in of this browser waits for this answer")]
    Unknown,
    /// The provider says no, or vouches for nobody.
    #[error(transparent)]
    Provider(#[from] ProviderError),
    /// The person has no role here.
    #[error("the person has no role here")]
    NoRole,
    /// Another person than the one of the session stepped up.
    #[error("another person stepped up")]
    OtherPerson,
    /// It cannot be logged.
    #[error(transparent)]
    Log(#[from] LogError),
    /// It cannot be kept.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no randomness, or it cannot be sealed.
    #[error("something of ours failed")]
    Internal,
}

impl From<Refusal> for SignInError {
    fn from(_: Refusal) -> Self {
        Self::Internal
    }
}

/// A request of a browser.
#[derive(Clone, Copy, Debug)]
pub struct Visit {
    /// Its trace.
    pub trace: Trace,
    /// When it came in.
    pub received: Timestamp,
}

/// Somebody signed in.
pub struct SignedIn {
    /// The value of the session's cookie; none where a session stepped up.
    pub cookie: Option<Zeroizing<String>>,
    /// The page that was asked for.
    pub next: String,
    /// Whether the person speaks for a holder.
    pub is_holder: bool,
    /// Whether the person is an operator.
    pub is_operator: bool,
}

impl Look {
    /// Its name in the log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SignIn => "console/sign-in",
            Self::StepUp => "console/step-up",
            Self::Grants => "console/grants",
            Self::Requests => "console/requests",
            Self::Inbox => "console/inbox",
            Self::Withdraw => "console/withdraw",
            Self::Operator => "console/operator",
        }
    }
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

impl Gateway {
    /// Whether people sign in at a provider; else by one-time links.
    pub fn has_provider(&self) -> bool {
        self.provider.is_some()
    }

    /// Begins a sign-in: where the browser goes, and what it keeps until it comes back.
    ///
    /// # Errors
    /// [`SignInError`].
    pub async fn begin_sign_in(
        &self,
        next: &str,
        step_up: Option<&Session>,
        now: Timestamp,
    ) -> Result<(String, SignIn), SignInError> {
        let provider = self.provider.as_ref().ok_or(SignInError::NotThisWay)?;
        let begun = SignIn::begin(&self.random).ok_or(SignInError::Internal)?;
        let address = provider.address(&begun, step_up.is_some(), now).await?;
        let waits = Begun {
            next: next.to_owned(),
            session: step_up.map(|session| session.id),
        };
        let ends = now
            .saturating_add(SIGN_IN_MAX)
            .map_err(|_| SignInError::Internal)?;
        self.store
            .begin_sign_in(&begun.digest(), &waits, ends.as_microsecond())
            .await?;
        Ok((address, begun))
    }

    /// The browser came back with a code: opens a session, or steps one up.
    ///
    /// # Errors
    /// [`SignInError`]; the sign-in is used up in any case.
    pub async fn end_sign_in(
        &self,
        begun: &SignIn,
        returned: Returned<'_>,
        language: Language,
        visit: Visit,
    ) -> Result<SignedIn, SignInError> {
        let provider = self.provider.as_ref().ok_or(SignInError::NotThisWay)?;
        let now = visit.received;
        let waits = self
            .store
            .return_sign_in(&begun.digest(), now.as_microsecond())
            .await?
            .ok_or(SignInError::Unknown)?;
        let returned = Returned {
            is_step_up: waits.session.is_some(),
            ..returned
        };
        let person = provider.person(begun, returned, now).await?;
        let roles = self.roles_of(&person);
        let next = waits.next;
        let (is_holder, is_operator) = (!roles.organisation.is_empty(), roles.operator);
        let cookie = match waits.session {
            Some(id) => {
                self.step_up(&id, &person.subject, &roles, visit).await?;
                None
            }
            None => Some(
                self.open_session((&person.subject, true), roles, language, visit)
                    .await?,
            ),
        };
        Ok(SignedIn {
            cookie,
            next,
            is_holder,
            is_operator,
        })
    }

    /// Signs in, or steps a session up, with the code of a one-time link.
    ///
    /// # Errors
    /// [`SignInError`].
    pub async fn sign_in_by_link(
        &self,
        code: &str,
        session: Option<&Session>,
        language: Language,
        visit: Visit,
    ) -> Result<SignedIn, SignInError> {
        if self.provider.is_some() {
            return Err(SignInError::NotThisWay);
        }
        let digest = code_digest(code);
        let taken = self
            .store
            .take_link(&digest, visit.received.as_microsecond())
            .await?;
        let roles = taken.ok_or(SignInError::Unknown)?;
        let (is_holder, is_operator) = (!roles.organisation.is_empty(), roles.operator);
        let cookie = match session {
            Some(session) => {
                self.step_up(&session.id, BY_LINK, &roles, visit).await?;
                None
            }
            None => Some(
                self.open_session((BY_LINK, false), roles, language, visit)
                    .await?,
            ),
        };
        Ok(SignedIn {
            cookie,
            next: String::new(),
            is_holder,
            is_operator,
        })
    }

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
    fn opened_session(&self, id: Digest, stored: &StoredSession, now: Timestamp) -> Option<Session> {
        let sealed_to = sealed_to("console", &short(&id), 0).ok()?;
        let person = self.keyring().seal.open(&sealed_to, &stored.person).ok()?;
        let person = std::str::from_utf8(&person).ok()?.to_owned();
        let stepped_up = Timestamp::from_microsecond(stored.stepped_up_us).ok()?;
        Some(Session {
            id,
            person: Zeroizing::new(person),
            proved: stored.proved,
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

    /// Says in the log that this person looks; only then is anything shown.
    ///
    /// # Errors
    /// When it cannot be logged.
    pub async fn log_look(&self, session: &Session, look: Look, visit: Visit) -> Result<(), LogError> {
        let entry = look_entry((&session.person, session.proved), &session.roles(), look, visit)?;
        self.log.append(entry).await.map(drop)
    }

    /// Withdraws in the name of the holder that the person speaks for, as its program does over the exchange. That this
    /// person does it is in the log first, under the same trace.
    ///
    /// # Errors
    /// The refusal, once it is logged.
    pub async fn withdraw_by(
        &self,
        session: &Session,
        request: &WithdrawalRequest,
        visit: Visit,
    ) -> Result<Withdrawn, Refusal> {
        let holder = session.holder.as_ref().ok_or(Refusal::Role)?;
        let current = self.policies.current();
        let organisation = current.policies.organisations.by_oin(holder);
        let slug = organisation.ok_or(Refusal::Role)?.slug.clone();
        self.log_look(session, Look::Withdraw, visit).await?;
        let caller = Caller {
            organisation: holder.clone(),
            client: CLIENT.parse().map_err(|_| Refusal::Internal)?,
            roles: vec![ROLE.to_owned()],
            acting_for: Vec::new(),
            purposes: Vec::new(),
            slug,
        };
        let body = match request {
            WithdrawalRequest::All => json!({ "all": true }),
            WithdrawalRequest::Purpose(purpose) => json!({ "purpose": purpose.as_str() }),
            WithdrawalRequest::Grant(purpose, grant) => {
                json!({ "purpose": purpose.as_str(), "grant": grant })
            }
        };
        self.withdraw(&caller, body.to_string().as_bytes(), visit.trace, visit.received)
            .await
    }

    /// Forgets sessions, sign-ins and links that ended.
    pub(super) async fn forget_sign_ins(&self, now_us: i64) -> Result<(), StoreError> {
        self.store.forget_sign_ins(now_us, lives()).await
    }

    async fn open_session(
        &self,
        (person, proved): (&str, bool),
        roles: Roles,
        language: Language,
        visit: Visit,
    ) -> Result<Zeroizing<String>, SignInError> {
        if roles == Roles::default() {
            self.refuse_sign_in((person, proved), Look::SignIn, visit).await?;
            return Err(SignInError::NoRole);
        }
        let mut drawn = Zeroizing::new([0; 32]);
        self.random
            .fill(drawn.as_mut_slice())
            .map_err(|_| SignInError::Internal)?;
        let cookie = Zeroizing::new(BASE64URL_NOPAD.encode(drawn.as_slice()));
        let id = sha256(cookie.as_bytes());
        let entry = look_entry((person, proved), &roles, Look::SignIn, visit)?;
        let stored = StoredSession {
            person: self.sealed("console", &short(&id), 0, person.as_bytes())?,
            proved,
            roles,
            language: code_of(language).to_owned(),
            stepped_up_us: 0,
        };
        self.log.append(entry).await?;
        let now_us = visit.received.as_microsecond();
        self.store.open_session(&id, &stored, now_us).await?;
        Ok(cookie)
    }

    /// The same person, with no less right, signed in anew.
    async fn step_up(
        &self,
        id: &Digest,
        person: &str,
        roles: &Roles,
        visit: Visit,
    ) -> Result<(), SignInError> {
        let now_us = visit.received.as_microsecond();
        let stored = self.store.see_session(id, now_us, lives()).await?;
        let session = stored.and_then(|stored| self.opened_session(*id, &stored, visit.received));
        let session = session.ok_or(SignInError::Unknown)?;
        let who = (person, session.proved);
        if *session.person != person || session.roles() != *roles {
            self.refuse_sign_in(who, Look::StepUp, visit).await?;
            return Err(SignInError::OtherPerson);
        }
        let entry = look_entry(who, roles, Look::StepUp, visit)?;
        self.log.append(entry).await?;
        if self.store.step_up_session(id, now_us).await? {
            Ok(())
        } else {
            Err(SignInError::Unknown)
        }
    }

    async fn refuse_sign_in(&self, who: (&str, bool), look: Look, visit: Visit) -> Result<(), SignInError> {
        let mut entry = look_entry(who, &Roles::default(), look, visit)?;
        entry.event.decision = Some(Refusal::Role.code().to_owned());
        let client: ClientId = CLIENT.parse().map_err(|_| SignInError::Internal)?;
        self.log.append_refusal(&client, entry).await?;
        Ok(())
    }

    /// What the provider's roles make of a person here.
    fn roles_of(&self, person: &Person) -> Roles {
        let console = &self.config.console;
        let has = |role: &str| person.roles.iter().any(|one| one == role);
        let organisation = person.organisation.as_deref().unwrap_or_default();
        let holder = self.holder_of(organisation).filter(|_| has(&console.holder_role));
        Roles {
            operator: has(&console.operator_role),
            organisation: holder.as_ref().map(ToString::to_string).unwrap_or_default(),
        }
    }

    /// The organisation that takes part under this number.
    fn holder_of(&self, oin: &str) -> Option<Oin> {
        let oin: Oin = oin.parse().ok()?;
        let current = self.policies.current();
        current.policies.organisations.by_oin(&oin).map(|_| oin)
    }
}

/// Offers a one-time link: keeps its digest and tells its code.
///
/// # Errors
/// When the store fails, or there is no randomness.
pub async fn offer_link(
    store: &Store,
    operator: bool,
    holder: Option<&Oin>,
    now: Timestamp,
) -> Result<Zeroizing<String>, SignInError> {
    let mut drawn = Zeroizing::new([0; CODE_LEN]);
    SystemRandom::new()
        .fill(drawn.as_mut_slice())
        .map_err(|_| SignInError::Internal)?;
    let code = Zeroizing::new(BASE32_NOPAD.encode(drawn.as_slice()));
    let roles = Roles {
        operator,
        organisation: holder.map(ToString::to_string).unwrap_or_default(),
    };
    let ends = now.saturating_add(LINK_MAX).map_err(|_| SignInError::Internal)?;
    let digest = code_digest(&code);
    store.offer_link(&digest, &roles, ends.as_microsecond()).await?;
    Ok(code)
}

/// The provider that the settings name; none where people sign in by one-time links.
///
/// # Errors
/// A file that cannot be used.
pub fn provider(settings: &Console) -> Result<Option<Provider>, StartError> {
    if settings.issuer.is_empty() {
        return Ok(None);
    }
    let client_secret = settings.client_secret.as_deref().map(secret_text).transpose()?;
    let authorities = |file: &Path| certificates("the authorities of the identity provider", file);
    let authorities = settings
        .provider_authorities
        .as_deref()
        .map(authorities)
        .transpose();
    let wrong = |why: String| StartError::Provider(why);
    let authorities = authorities
        .map_err(|error| wrong(error.to_string()))?
        .unwrap_or_default();
    let outside = Outside::new(&authorities).map_err(|error| wrong(error.to_string()))?;
    let settings = ProviderSettings {
        issuer: settings.issuer.clone(),
        client_id: settings.client_id.clone(),
        client_secret,
        redirect_uri: format!("{}{RETURN_PATH}", settings.url),
        scope: settings.scope.clone(),
        role_claim: settings.role_claim.clone(),
        organisation_claim: settings.organisation_claim.clone(),
        step_up_acr: settings.step_up_acr.clone(),
    };
    Ok(Some(Provider::new(settings, outside)))
}

/// The entry of what a person does: who it is, only the data protection officer reads.
fn look_entry(
    (person, proved): (&str, bool),
    roles: &Roles,
    look: Look,
    visit: Visit,
) -> Result<Entry, LogError> {
    let mut entry = Entry::new(Kind::LogRead)?;
    let event = &mut entry.event;
    event.requested_at = Some(visit.received.as_microsecond());
    let organisation = Some(roles.organisation.clone());
    event.recipient = organisation.filter(|organisation| !organisation.is_empty());
    (event.trace, event.span) = (Some(visit.trace.trace_id), Some(visit.trace.span_id));
    event.decision = Some(GRANTED.to_owned());
    let what = Value::Text(look.as_str().to_owned());
    event.extra.insert(extra::COMMAND, what);
    entry.private.staff = Some(StaffPart {
        subject: person.to_owned(),
        proved,
        case: None,
        released_by: None,
    });
    Ok(entry)
}

/// How long a session may be idle, and how long it lasts, in µs.
fn lives() -> (i64, i64) {
    let micros = |span: SignedDuration| i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
    (micros(IDLE_MAX), micros(LIFE_MAX))
}

/// What a sealed person is bound to.
fn short(id: &Digest) -> [u8; 16] {
    let (first, _) = id.split_first_chunk().unwrap_or((&[0; 16], &[]));
    *first
}

fn code_digest(code: &str) -> Digest {
    sha256(code.trim().to_ascii_uppercase().as_bytes())
}

fn code_of(language: Language) -> &'static str {
    match language {
        Language::Dutch => "nl",
        Language::English => "en",
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
