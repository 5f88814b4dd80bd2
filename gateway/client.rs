//! The other side: what a party's program does, so that nobody has to sign a JWT by hand.
//!
//! A client is a folder: `client.toml`, its certificate and keys. The command line, the demo and the tests
//! call the gateway through it and through nothing else.

mod answer;
mod assertion;
mod bring;
mod call;
mod error;
mod folder;
mod key;
mod transport;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Map, Value};
use tokio::sync::Mutex;

use crate::clock::{Clock, SystemClock};

pub use answer::{Answer, Row};
pub use bring::bring_withdrawal;
pub use call::{Ask, Delivery, Media, Mode};
pub use error::{ClientError, Problem};
pub use folder::{ClientSettings, StaffSettings, file_names};
pub use key::{KeyError, PrivateKey};

use assertion::Token;
use call::{Call, JSON};

/// A party's program, ready to call the gateway.
pub struct Client {
    settings: ClientSettings,
    http: reqwest::Client,
    assertion_key: PrivateKey,
    staff_key: Option<PrivateKey>,
    /// The folder of the person who releases what one alone may not ask, read each time.
    colleague: Option<PathBuf>,
    clock: Arc<dyn Clock>,
    token: Mutex<Option<Token>>,
}

impl Client {
    /// Opens a client's folder.
    ///
    /// Errors: a file is missing, or holds something else; one clear line each.
    pub fn open(folder: &Path) -> Result<Self, ClientError> {
        Self::open_with_clock(folder, Arc::new(SystemClock))
    }

    /// Opens a client's folder under another clock, which dates its assertions and judges certificates.
    pub fn open_with_clock(folder: &Path, clock: Arc<dyn Clock>) -> Result<Self, ClientError> {
        let settings = ClientSettings::read(folder)?;
        let http = transport::connect(folder, &clock)?;
        let assertion_key = PrivateKey::read(&folder.join(file_names::ASSERTION_KEY))?;
        let staff_key = match &settings.staff {
            Some(staff) => Some(PrivateKey::read(&folder.join(&staff.key))?),
            None => None,
        };
        Ok(Self {
            settings,
            http,
            assertion_key,
            staff_key,
            colleague: None,
            clock,
            token: Mutex::new(None),
        })
    }

    /// The same with a second person, whose folder has a `client.toml` with `[staff]` and their key: on a medium of their
    /// own, as it is read each time that two persons are asked for, and needed at no other.
    #[must_use]
    pub fn with_colleague(mut self, folder: PathBuf) -> Self {
        self.colleague = Some(folder);
        self
    }

    /// Whether one folder signs for two persons, as that of the demo does.
    pub fn signs_for_two(&self) -> bool {
        let released_by = self
            .settings
            .staff
            .as_ref()
            .and_then(|staff| staff.released_by.as_ref());
        self.colleague.is_none() && released_by.is_some()
    }

    /// What `client.toml` says.
    pub fn settings(&self) -> &ClientSettings {
        &self.settings
    }

    /// The connection with this client's certificate, for calls that this library does not know.
    pub fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// The address of a path at the gateway.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.settings.gateway)
    }

    /// An access token, from memory while it lasts.
    pub async fn token(&self) -> Result<String, ClientError> {
        let mut cached = self.token.lock().await;
        let now = self.clock.now();
        if let Some(token) = cached.as_ref().filter(|token| token.lasts_at(now)) {
            return Ok(token.text().to_owned());
        }
        let token = self.fresh_token(now).await?;
        let text = token.text().to_owned();
        *cached = Some(token);
        Ok(text)
    }

    /// Forgets the token in memory, so that the next call asks for another.
    pub async fn forget_token(&self) {
        *self.token.lock().await = None;
    }

    /// What this client may ask: `GET /v1/catalogue`.
    pub async fn catalogue(&self) -> Result<Answer, ClientError> {
        self.get("/v1/catalogue").await
    }

    /// Any path, with the token: `GET path`.
    pub async fn get(&self, path: &str) -> Result<Answer, ClientError> {
        self.call(Call::get(self.url(path))).await
    }

    /// Any path, with the token, as it comes: what is no JSON.
    pub async fn bytes(&self, path: &str) -> Result<Vec<u8>, ClientError> {
        self.raw(&self.url(path)).await
    }

    /// A named question's figures: `GET /v1/purposes/{p}/questions/{q}`.
    pub async fn ask(&self, ask: &Ask) -> Result<Answer, ClientError> {
        self.call(Call::get(ask.url(&self.settings.gateway)?)).await
    }

    /// A composed question: `POST /v1/queries`. A body with `onBehalfOf` gets the person's assertion.
    pub async fn query(&self, body: Map<String, Value>) -> Result<Answer, ClientError> {
        self.post("/v1/queries", body).await
    }

    /// Facts about named pupils: `POST /v1/facts`. A body with `onBehalfOf` gets the person's assertion.
    pub async fn facts(&self, body: Map<String, Value>) -> Result<Answer, ClientError> {
        self.post("/v1/facts", body).await
    }

    /// Any path, with the token and a JSON body: `POST path`.
    pub async fn post(&self, path: &str, body: Map<String, Value>) -> Result<Answer, ClientError> {
        let body = Value::Object(self.signed(body)?);
        self.call(Call::post(self.url(path), JSON, body.to_string()))
            .await
    }

    /// Delivers rows as a stream: `POST /v1/deliveries/{dataset}`; then waits until the delivery is decided.
    pub async fn deliver(&self, delivery: &Delivery, rows: reqwest::Body) -> Result<Answer, ClientError> {
        let token = self.token().await?;
        let request = self
            .http
            .post(delivery.url(&self.settings)?)
            .bearer_auth(token)
            .header("content-type", delivery.media.content_type())
            .body(rows);
        let request = if delivery.gzip {
            request.header("content-encoding", "gzip")
        } else {
            request
        };
        let accepted = self.read(request.send().await).await?;
        self.decided(accepted).await
    }

    /// Deliveries from a file: NDJSON or CSV by its name, gzip when it ends in `.gz`.
    pub async fn deliver_file(&self, delivery: &Delivery, file: &Path) -> Result<Answer, ClientError> {
        let rows = call::file_stream(file).await?;
        self.deliver(
            &Delivery {
                gzip: call::is_gzip(file),
                ..delivery.clone()
            },
            rows,
        )
        .await
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client")
            .field("client_id", &self.settings.client_id)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
