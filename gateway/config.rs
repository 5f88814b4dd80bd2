//! `gateway.toml`: read once at the start, every mistake reported at once.
//!
//! Each setting is declared exactly once, in [`settings`], with its default and its meaning; the
//! reader, the environment overrides and `docs/configuration.md` are made from that declaration.

mod error;
mod reader;
mod settings;

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Deserialize;

pub use error::{ConfigError, ConfigErrors};
pub use settings::{
    Admin, Config, Console, Database, Deployment, Exchange, Keys, Limits, Log, LogFormat, Policies, Publish,
    Setting, Show, Telemetry, TlsVersion, Token, reference, shown,
};

/// What an environment variable starts with to override a setting: `DOELPOORT__SECTION__KEY`.
const OVERRIDE_PREFIX: &str = "DOELPOORT__";
/// A path that names a systemd credential instead of a file beside the configuration.
const CREDENTIAL_PREFIX: &str = "credential:";

/// The part of the process environment that configures the gateway.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    overrides: Vec<(String, String)>,
    credentials: Option<PathBuf>,
}

impl Environment {
    /// Reads the overrides and systemd's credentials folder from this process's environment.
    #[expect(
        clippy::disallowed_methods,
        reason = "configuration is the one place that reads the environment"
    )]
    pub fn of_process() -> Self {
        let credentials = std::env::var("CREDENTIALS_DIRECTORY").ok().map(PathBuf::from);
        let mut overrides: Vec<_> = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .filter(|(name, _)| name.starts_with(OVERRIDE_PREFIX))
            .collect();
        overrides.sort();
        Self {
            overrides,
            credentials,
        }
    }

    /// An environment with these variables only, for tests.
    pub fn of<'a>(variables: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let overrides = variables
            .into_iter()
            .map(|(n, v)| (n.to_owned(), v.to_owned()))
            .collect();
        Self {
            overrides,
            credentials: None,
        }
    }
}

impl Config {
    /// Reads the file, applies the overrides and resolves every path against the file's folder.
    ///
    /// Errors: all unknown keys, wrong types and missing values at once, each with its line.
    pub fn load(file: &Path, environment: &Environment) -> Result<Self, ConfigErrors> {
        let text = std::fs::read_to_string(file).map_err(|why| ConfigError::Unreadable {
            file: file.to_owned(),
            why: why.to_string(),
        })?;
        let mut config = Self::parse(&file.display().to_string(), &text, environment)?;
        let folder = file.parent().unwrap_or(Path::new("."));
        let folder = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
        config.resolve(&folder, environment)?;
        Ok(config)
    }

    /// Reads the text of a configuration; paths stay as they are written.
    pub fn parse(file_name: &str, text: &str, environment: &Environment) -> Result<Self, ConfigErrors> {
        reader::read(file_name, text, &environment.overrides)
    }

    /// Makes every path absolute and reads the database URL's file, if it has one.
    fn resolve(&mut self, folder: &Path, environment: &Environment) -> Result<(), ConfigError> {
        let credentials = environment.credentials.as_deref();
        for path in self.paths_mut() {
            *path = resolved(path, folder, credentials)?;
        }
        if let Some(file) = &self.database.url_file {
            let url = std::fs::read_to_string(file).map_err(|why| ConfigError::Unreadable {
                file: file.clone(),
                why: why.to_string(),
            })?;
            self.database.url = DatabaseUrl(url.trim().to_owned());
        }
        self.database.url = self.database.url.relative_to(folder);
        Ok(())
    }

    fn paths_mut(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        let single = [
            &mut self.policies.dir,
            &mut self.keys.file,
            &mut self.keys.kek,
            &mut self.keys.pkcs11_pin,
            &mut self.audit.fg_keys,
            &mut self.exchange.certificate,
            &mut self.exchange.key,
            &mut self.exchange.client_ca,
        ];
        single
            .into_iter()
            .chain(&mut self.exchange.crls)
            .chain(&mut self.console.certificate)
            .chain(&mut self.console.key)
            .chain(&mut self.console.client_secret)
            .chain(&mut self.console.provider_authorities)
            .chain(&mut self.database.url_file)
            .chain(&mut self.keys.kek_other_half)
            .chain(&mut self.keys.pkcs11_module)
            .chain(&mut self.publish.witness_policy)
            .chain(&mut self.publish.timestamp_authorities)
            .chain(&mut self.publish.tls_authorities)
            .chain(&mut self.telemetry.otlp_authorities)
            .chain(&mut self.telemetry.otlp_headers)
    }
}

/// A path of the configuration, absolute; `credential:NAME` is a file in systemd's folder.
fn resolved(path: &Path, folder: &Path, credentials: Option<&Path>) -> Result<PathBuf, ConfigError> {
    match path
        .to_str()
        .and_then(|text| text.strip_prefix(CREDENTIAL_PREFIX))
    {
        None => Ok(folder.join(path)),
        Some(name) => credentials
            .map(|folder| folder.join(name))
            .ok_or_else(|| ConfigError::NoCredentials {
                name: name.to_owned(),
            }),
    }
}

/// Where our database is, possibly with a password in it: never printed.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct DatabaseUrl(String);

impl DatabaseUrl {
    /// A URL as text: `sqlite://file.db` or `postgres://user@host/name`.
    pub fn new(url: impl Into<String>) -> Self {
        Self(url.into())
    }

    /// The whole URL, for opening the database and for nothing else.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether a password stands in the URL.
    fn has_password(&self) -> bool {
        let after_scheme = self.0.split_once("://").map_or("", |(_, rest)| rest);
        let authority = after_scheme.split(['/', '?']).next().unwrap_or_default();
        authority
            .rsplit_once('@')
            .is_some_and(|(user, _)| user.contains(':'))
            || self.0.contains("password=")
    }

    /// The URL with its password and its parameters blotted out.
    fn redacted(&self) -> String {
        let (plain, parameters) = match self.0.split_once('?') {
            Some((plain, _)) => (plain, "?…"),
            None => (self.0.as_str(), ""),
        };
        let Some((scheme, rest)) = plain.split_once("://") else {
            return "…".to_owned();
        };
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let authority = match authority.rsplit_once('@') {
            Some((user, host)) => match user.split_once(':') {
                Some((user, _)) => format!("{user}:…@{host}"),
                None => authority.to_owned(),
            },
            None => authority.to_owned(),
        };
        format!("{scheme}://{authority}{path}{parameters}")
    }

    fn relative_to(&self, folder: &Path) -> Self {
        match self.0.strip_prefix("sqlite://") {
            Some(path) if !path.starts_with('/') && !path.starts_with(':') => {
                Self(format!("sqlite://{}", folder.join(path).display()))
            }
            _ => self.clone(),
        }
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = self.0.split_once("://").map_or("?", |(scheme, _)| scheme);
        write!(f, "DatabaseUrl({scheme}://…)")
    }
}

#[cfg(test)]
mod tests;
