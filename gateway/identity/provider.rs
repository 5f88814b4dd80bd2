//! The identity provider that people of the console sign in at: where it is, its keys, and what it says of who comes
//! back with a code (OpenID Connect Core 1.0 section 3.1, Discovery 1.0, RFC 9207).
//!
//! Its metadata and keys are fetched when they are needed, kept an hour, and fetched anew for a key that is not known,
//! at most once a minute. While it cannot be asked nobody signs in.

mod documents;

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::Mutex;
use zeroize::Zeroizing;

use super::id_token::{self, Expected, IdTokenError, Person};
use super::sign_in::SignIn;
use super::{IdentityError, key_set::KeySet};
use crate::outside::Outside;
use documents::{Metadata, Tokens, form, keys_of};

/// How long metadata and keys are kept.
const KEPT_MAX: SignedDuration = SignedDuration::from_hours(1);
/// How soon they are fetched again for a key that is not among them.
const REFETCH_PAUSE: SignedDuration = SignedDuration::from_mins(1);
/// How soon a provider that could not be asked is asked again.
const RETRY_PAUSE: SignedDuration = SignedDuration::from_secs(5);
/// Bytes of a document of the provider.
const DOCUMENT_BYTES_MAX: usize = 256 * 1_024;
/// Bytes of a code or another parameter that comes back with the browser.
const PARAMETER_BYTES_MAX: usize = 4_096;

/// How people sign in.
pub struct ProviderSettings {
    /// Its issuer, exactly as its tokens say it.
    pub issuer: String,
    /// Our name there.
    pub client_id: String,
    /// Our secret there; none: a public client, which PKCE protects.
    pub client_secret: Option<Zeroizing<String>>,
    /// Where the browser comes back to.
    pub redirect_uri: String,
    /// What is asked for.
    pub scope: String,
    /// The claim with the roles.
    pub role_claim: String,
    /// The claim with the organisation.
    pub organisation_claim: String,
    /// The authentication class of a step-up; empty: any.
    pub step_up_acr: String,
}

/// The provider.
pub struct Provider {
    settings: ProviderSettings,
    outside: Outside,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    known: Option<Arc<Known>>,
    failed: Option<Timestamp>,
}

/// What the provider told of itself.
struct Known {
    metadata: Metadata,
    keys: KeySet,
    fetched: Timestamp,
}

/// What came back with the browser.
#[derive(Clone, Copy, Debug, Default)]
pub struct Returned<'r> {
    /// The code.
    pub code: &'r str,
    /// Who says that it answers (RFC 9207); empty where it did not say.
    pub issuer: &'r str,
    /// Whether the sign-in is a step-up.
    pub is_step_up: bool,
}

/// Why the provider vouches for nobody.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// It cannot be asked.
    #[error("the identity provider cannot be asked: {0}")]
    Unreachable(String),
    /// What it tells of itself cannot be used.
    #[error("the identity provider's metadata or keys cannot be used: {0}")]
    Metadata(&'static str),
    /// It does not take the code.
    #[error("the identity provider refused the code with status {0}")]
    Refused(u16),
    /// Its answer is none.
    #[error("the identity provider's answer cannot be used: {0}")]
    Answer(&'static str),
    /// The ID token proves nobody.
    #[error("the ID token was not accepted: {0}")]
    IdToken(#[from] IdTokenError),
}

/// What the provider asks of the person (OpenID Connect Core 3.1.2.1, `prompt`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prompt {
    /// What it finds right.
    Whatever,
    /// To sign in anew.
    Login,
    /// Nothing: it answers by whom it knows, or not at all.
    None,
}

impl ProviderError {
    /// Whether it said nothing at all, which is no word against anybody.
    pub fn is_away(&self) -> bool {
        matches!(self, Self::Unreachable(_) | Self::Metadata(_))
    }
}

impl Provider {
    /// A provider that nobody was sent to yet.
    pub(crate) fn new(settings: ProviderSettings, outside: Outside) -> Self {
        Self {
            settings,
            outside,
            state: Mutex::default(),
        }
    }

    /// Where the browser goes to sign in.
    ///
    /// # Errors
    /// [`ProviderError::Unreachable`], [`ProviderError::Metadata`].
    pub async fn address(
        &self,
        begun: &SignIn,
        prompt: Prompt,
        now: Timestamp,
    ) -> Result<String, ProviderError> {
        let known = self.known(now).await?;
        let mut url = documents::url(&known.metadata.authorization_endpoint).ok_or(
            ProviderError::Metadata("its authorization endpoint is no address"),
        )?;
        let settings = &self.settings;
        {
            let mut query = url.query_pairs_mut();
            query
                .append_pair("response_type", "code")
                .append_pair("client_id", &settings.client_id)
                .append_pair("redirect_uri", &settings.redirect_uri)
                .append_pair("scope", &settings.scope)
                .append_pair("state", &begun.state())
                .append_pair("nonce", &begun.nonce())
                .append_pair("code_challenge", &begun.challenge())
                .append_pair("code_challenge_method", "S256");
            match prompt {
                Prompt::Whatever => {}
                Prompt::Login => {
                    query.append_pair("prompt", "login").append_pair("max_age", "0");
                    if !settings.step_up_acr.is_empty() {
                        query.append_pair("acr_values", &settings.step_up_acr);
                    }
                }
                Prompt::None => drop(query.append_pair("prompt", "none")),
            }
        }
        Ok(url.into())
    }

    /// The person who came back with this code.
    ///
    /// # Errors
    /// [`ProviderError`].
    pub async fn person(
        &self,
        begun: &SignIn,
        returned: Returned<'_>,
        now: Timestamp,
    ) -> Result<Person, ProviderError> {
        let known = self.known(now).await?;
        let says_issuer = !returned.issuer.is_empty();
        if says_issuer && returned.issuer != self.settings.issuer
            || !says_issuer && known.metadata.authorization_response_iss_parameter_supported
        {
            return Err(IdTokenError::Token(IdentityError::IssuerWrong).into());
        }
        if returned.code.is_empty() || returned.code.len() > PARAMETER_BYTES_MAX {
            return Err(ProviderError::Answer("it gave no code"));
        }
        let tokens = self.tokens(&known.metadata, begun, returned.code).await?;
        let nonce = begun.nonce();
        let expected = Expected {
            issuer: &self.settings.issuer,
            client_id: &self.settings.client_id,
            nonce: &nonce,
            access_token: &tokens.access_token,
            is_step_up: returned.is_step_up,
            acr: &self.settings.step_up_acr,
            role_claim: &self.settings.role_claim,
            organisation_claim: &self.settings.organisation_claim,
        };
        let verified = id_token::verify(&tokens.id_token, &known.keys, &expected, now);
        if verified.as_ref().err() != Some(&IdTokenError::Token(IdentityError::KeyUnknown)) {
            return Ok(verified?);
        }
        // It may have a new key.
        let known = self.fresher(&known, now).await?;
        Ok(id_token::verify(&tokens.id_token, &known.keys, &expected, now)?)
    }

    async fn tokens(&self, metadata: &Metadata, begun: &SignIn, code: &str) -> Result<Tokens, ProviderError> {
        let settings = &self.settings;
        let verifier = begun.verifier();
        let mut fields = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &settings.redirect_uri),
            ("code_verifier", &verifier),
        ];
        let mut basic = None;
        let encoded = |text: &str| form(&[("", text)]).split_off(1);
        match &settings.client_secret {
            None => fields.push(("client_id", &settings.client_id)),
            Some(secret) if metadata.takes_secret_in_body() => {
                fields.push(("client_id", &settings.client_id));
                fields.push(("client_secret", secret));
            }
            Some(secret) => basic = Some((encoded(&settings.client_id), Zeroizing::new(encoded(secret)))),
        }
        let basic = basic
            .as_ref()
            .map(|(name, secret)| (name.as_str(), secret.as_str()));
        let answer = self
            .outside
            .post_form(&metadata.token_endpoint, form(&fields), basic, DOCUMENT_BYTES_MAX)
            .await
            .map_err(ProviderError::Unreachable)?;
        if answer.status != 200 {
            return Err(ProviderError::Refused(answer.status));
        }
        Tokens::parse(&answer.body)
    }

    /// What the provider told of itself, not longer ago than it is kept.
    async fn known(&self, now: Timestamp) -> Result<Arc<Known>, ProviderError> {
        let mut state = self.state.lock().await;
        if let Some(known) = state
            .known
            .as_ref()
            .filter(|known| is_within(known.fetched, now, KEPT_MAX))
        {
            return Ok(Arc::clone(known));
        }
        self.fetch(&mut state, now).await
    }

    /// The same, fetched again if that is due.
    async fn fresher(&self, known: &Arc<Known>, now: Timestamp) -> Result<Arc<Known>, ProviderError> {
        let mut state = self.state.lock().await;
        if let Some(newer) = state.known.as_ref().filter(|newer| !Arc::ptr_eq(newer, known)) {
            return Ok(Arc::clone(newer));
        }
        if is_within(known.fetched, now, REFETCH_PAUSE) {
            return Err(IdTokenError::Token(IdentityError::KeyUnknown).into());
        }
        self.fetch(&mut state, now).await
    }

    async fn fetch(&self, state: &mut State, now: Timestamp) -> Result<Arc<Known>, ProviderError> {
        if state
            .failed
            .is_some_and(|failed| is_within(failed, now, RETRY_PAUSE))
        {
            return Err(ProviderError::Unreachable(
                "it could not be a moment ago".to_owned(),
            ));
        }
        match self.documents(now).await {
            Ok(known) => {
                let known = Arc::new(known);
                *state = State {
                    known: Some(Arc::clone(&known)),
                    failed: None,
                };
                Ok(known)
            }
            Err(error) => {
                state.failed = Some(now);
                Err(error)
            }
        }
    }

    async fn documents(&self, now: Timestamp) -> Result<Known, ProviderError> {
        let issuer = self.settings.issuer.trim_end_matches('/');
        let metadata = self
            .document(&format!("{issuer}/.well-known/openid-configuration"))
            .await?;
        let metadata = Metadata::parse(&metadata, &self.settings.issuer)?;
        let keys = keys_of(&self.document(&metadata.jwks_uri).await?)?;
        Ok(Known {
            metadata,
            keys,
            fetched: now,
        })
    }

    async fn document(&self, url: &str) -> Result<Vec<u8>, ProviderError> {
        let answer = self.outside.get(url, DOCUMENT_BYTES_MAX).await;
        let answer = answer.map_err(ProviderError::Unreachable)?;
        match answer.status {
            200 => Ok(answer.body),
            status => Err(ProviderError::Unreachable(format!("it answered {status}"))),
        }
    }
}

/// Whether `now` lies within a span after a moment; not where the clock went back.
fn is_within(then: Timestamp, now: Timestamp, span: SignedDuration) -> bool {
    then <= now && now.duration_since(then) < span
}

impl std::fmt::Debug for Provider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Provider({})", self.settings.issuer)
    }
}
