//! `client.toml`: where the gateway is and who calls.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::ClientError;

/// What the files of a client's folder are called.
pub mod file_names {
    /// The settings.
    pub const SETTINGS: &str = "client.toml";
    /// The client certificate, PEM, leaf first.
    pub const CERTIFICATE: &str = "client.crt";
    /// Its private key, PEM.
    pub const CERTIFICATE_KEY: &str = "client.key";
    /// The authority of the gateway's certificate, PEM.
    pub const AUTHORITY: &str = "ca.crt";
    /// The key that signs for the client at the token endpoint.
    pub const ASSERTION_KEY: &str = "assertion.key";
    /// The key that signs for a person, where the folder has one.
    pub const STAFF_KEY: &str = "staff.key";
}

/// What `client.toml` says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientSettings {
    /// The gateway: `https://host:port`.
    pub gateway: String,
    /// Our client id, as in `organisations.toml`.
    pub client_id: String,
    /// `iss` of the gateway's tokens and `aud` of our assertions; the gateway's address where left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// Key id of `assertion.key`; its thumbprint (RFC 7638) where left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kid: Option<String>,
    /// For whom we deliver and ask when nothing else is said: an OIN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<String>,
    /// The person who asks; a real client gets this from its own identity provider.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub staff: Option<StaffSettings>,
}

/// A person at the recipient, and the key of the identity provider that vouches for them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StaffSettings {
    /// `iss` of the assertions, as in `organisations.toml`.
    pub issuer: String,
    /// `sub`: the person at the identity provider.
    pub subject: String,
    /// `sub` of the person who releases what one alone may not ask. Only for the demo and tests: two persons do not share
    /// a folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub released_by: Option<String>,
    /// The provider's key, beside `client.toml`.
    #[serde(default = "staff_key")]
    pub key: PathBuf,
    /// Its key id; its thumbprint where left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kid: Option<String>,
}

fn staff_key() -> PathBuf {
    PathBuf::from(file_names::STAFF_KEY)
}

impl ClientSettings {
    /// Reads `client.toml` of a folder.
    pub fn read(folder: &Path) -> Result<Self, ClientError> {
        let file = folder.join(file_names::SETTINGS);
        let name = file.display().to_string();
        let error = |file: String, message: String| ClientError::Folder { file, message };
        let text = std::fs::read_to_string(&file)
            .map_err(|why| error(name.clone(), format!("not a client's folder: {why}")))?;
        let mut settings: Self = toml::from_str(&text).map_err(|why| {
            let line = why.span().map_or(1, |span| {
                text.get(..span.start).unwrap_or_default().matches('\n').count() + 1
            });
            error(format!("{name}:{line}"), why.message().replace('\n', ", "))
        })?;
        settings.gateway = settings.gateway.trim_end_matches('/').to_owned();
        if !settings.gateway.starts_with("https://") {
            return Err(error(name, "`gateway` does not start with `https://`".to_owned()));
        }
        Ok(settings)
    }

    /// `aud` of our assertions.
    pub fn audience(&self) -> &str {
        self.issuer.as_deref().unwrap_or(&self.gateway)
    }

    /// The text of `client.toml`.
    pub fn to_toml(&self) -> String {
        toml::to_string(self).unwrap_or_default()
    }
}
