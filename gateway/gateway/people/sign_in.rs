//! How people sign in: at their provider, or by a one-time link; and how a session is stepped up.

use std::path::Path;

use data_encoding::{BASE32_NOPAD, BASE64URL_NOPAD};
use doelpoort_core::party::Oin;
use doelpoort_core::policy::sha256;
use doelpoort_core::text::Language;
use jiff::{SignedDuration, Timestamp};
use ring::rand::{SecureRandom as _, SystemRandom};
use zeroize::Zeroizing;

use super::looks::{Look, look_entry};
use super::sessions::{code_of, lives, short};
use super::{Session, Visit};
use crate::config::Console;
use crate::exchange::Refusal;
use crate::gateway::{Gateway, StartError};
use crate::identity::{Person, Prompt, Provider, ProviderError, ProviderSettings, Returned, SignIn};
use crate::keys::file::secret_text;
use crate::log::LogError;
use crate::outside::Outside;
use crate::store::console::{Begun, Digest, Roles, StoredSession};
use crate::store::{Store, StoreError};
use crate::tls::certificates;

/// Where the browser comes back to.
pub const RETURN_PATH: &str = "/login/return";
/// How long somebody may take to sign in at the provider.
const SIGN_IN_MAX: SignedDuration = SignedDuration::from_mins(10);
/// How long a one-time link works.
pub const LINK_MAX: SignedDuration = SignedDuration::from_mins(10);
/// Bytes of the code of a one-time link.
const CODE_LEN: usize = 20;
/// What the log's private part says of who came by a one-time link.
const BY_LINK: &str = "one-time link of the operator";

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
    /// The provider no longer says of the person of a session what it said; the session is ended.
    #[error("the provider no longer vouches for the person of a session")]
    NoLongerVouched,
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

/// What somebody is sent to the provider for.
#[derive(Clone, Copy)]
pub enum Sending<'s> {
    /// To sign in.
    SignIn,
    /// To sign in anew in this session, for what needs it.
    StepUp(&'s Session),
    /// For the provider to say again, without asking the person anything, which roles the person of this session has.
    RolesOf(&'s Session),
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
        sending: Sending<'_>,
        now: Timestamp,
    ) -> Result<(String, SignIn), SignInError> {
        let provider = self.provider.as_ref().ok_or(SignInError::NotThisWay)?;
        let begun = SignIn::begin(&self.random).ok_or(SignInError::Internal)?;
        let (prompt, session) = match sending {
            Sending::SignIn => (Prompt::Whatever, None),
            Sending::StepUp(session) => (Prompt::Login, Some(session.id)),
            Sending::RolesOf(session) => (Prompt::None, Some(session.id)),
        };
        let address = provider.address(&begun, prompt, now).await?;
        let waits = Begun {
            next: next.to_owned(),
            session,
            again: matches!(sending, Sending::RolesOf(_)),
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
            is_step_up: waits.session.is_some() && !waits.again,
            ..returned
        };
        let person = provider.person(begun, returned, now).await;
        let person = match (person, waits.session.filter(|_| waits.again)) {
            (Err(error), Some(id)) if !error.is_away() => {
                tracing::warn!(%error, "the provider does not vouch for a session any longer");
                self.store.end_session(&id).await?;
                return Err(SignInError::NoLongerVouched);
            }
            (person, _) => person?,
        };
        let roles = self.roles_of(&person);
        let next = waits.next;
        let (is_holder, is_operator) = (!roles.organisation.is_empty(), roles.operator);
        let cookie = match waits.session {
            Some(id) if waits.again => {
                self.vouched_again(&id, &person.subject, &roles, visit).await?;
                None
            }
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

    async fn open_session(
        &self,
        (person, proved): (&str, bool),
        roles: Roles,
        language: Language,
        visit: Visit,
    ) -> Result<Zeroizing<String>, SignInError> {
        if roles == Roles::default() {
            self.refuse_look((person, proved), &Roles::default(), Look::SignIn, visit)
                .await?;
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
            vouched_us: 0,
        };
        self.log.append(entry).await?;
        let now_us = visit.received.as_microsecond();
        self.store.open_session(&id, &stored, now_us).await?;
        Ok(cookie)
    }

    /// The provider said again who the person of a session is and which roles that one has: the same as before, or the
    /// session is over.
    async fn vouched_again(
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
        if *session.person != person || session.roles() != *roles {
            self.refuse_look((person, true), roles, Look::SignIn, visit)
                .await?;
            self.store.end_session(id).await?;
            return Err(SignInError::NoLongerVouched);
        }
        if self.store.vouch_for_session(id, now_us).await? {
            Ok(())
        } else {
            Err(SignInError::Unknown)
        }
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
            self.refuse_look(who, &Roles::default(), Look::StepUp, visit)
                .await?;
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

fn code_digest(code: &str) -> Digest {
    sha256(code.trim().to_ascii_uppercase().as_bytes())
}
