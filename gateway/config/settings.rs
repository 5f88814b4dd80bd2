//! Every setting of `gateway.toml`: its section, key, default and meaning, said once.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Deserialize;

use super::DatabaseUrl;

/// One setting, as the reader and the documentation see it.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// The table in `gateway.toml`.
    pub section: &'static str,
    /// The key in that table.
    pub key: &'static str,
    /// What it means, with its unit.
    pub meaning: &'static str,
    /// The default as TOML text; empty where the setting must be given or may be left out.
    pub default: fn() -> String,
    /// What a configuration says, as TOML text; empty where it says nothing.
    value: fn(&Config) -> String,
    /// Whether a value fits the setting; the error is serde's sentence.
    pub(super) accepts: fn(toml::Value) -> Result<(), String>,
}

/// Declares one section: its struct, its defaults and its list of settings, from one text.
macro_rules! section {
    ($(#[doc = $about:literal])+ $name:ident [$section:literal] $of:ident {
        $( $(#[doc = $meaning:literal])+ $key:ident: $type:ty = $default:expr, )+
    }) => {
        $(#[doc = $about])+
        #[derive(Debug, Clone, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct $name { $( $(#[doc = $meaning])+ pub $key: $type, )+ }

        impl Default for $name {
            fn default() -> Self {
                Self { $( $key: $default, )+ }
            }
        }

        impl $name {
            const SETTINGS: &'static [Setting] = &[ $( Setting {
                section: $section,
                key: stringify!($key),
                meaning: concat!($($meaning),+),
                default: || written(&Self::default().$key),
                value: |config| written(&config.$of.$key),
                accepts: |value| <$type>::deserialize(value).map(drop).map_err(|e| e.to_string()),
            } ),+ ];
        }
    };
}

section! {
    /// Which deployment this is. Approvals, pseudonyms and the log are bound to these names.
    Deployment ["deployment"] deployment {
        /// Name of the deployment, as the approvals under the purposes say it. Required.
        name: String = String::new(),
        /// Tenant in the derivation of pseudonyms; changing it changes every pseudonym. Required.
        tenant: String = String::new(),
        /// Origin line of the log's checkpoints, such as `doelpoort.example/almere/audit/2026`. Required.
        origin: String = String::new(),
    }
}

section! {
    /// Our own database.
    Database ["database"] database {
        /// `sqlite://FILE` or `postgres://USER@HOST/NAME`; a password belongs in `url_file`.
        url: DatabaseUrl = DatabaseUrl::new("sqlite://doelpoort.db"),
        /// A file with the URL in it, in place of `url`; the place for a URL with a password.
        url_file: Option<PathBuf> = None,
        /// Connections to the database that are open at once (readers, on SQLite).
        connections_max: u32 = 8,
    }
}

section! {
    /// The agreements that the gateway acts on.
    Policies ["policies"] policies {
        /// Folder with `organisations.toml`, `approvers/`, `datasets/`, `hierarchies/`, `purposes/` and `approvals/`.
        dir: PathBuf = PathBuf::from("policies"),
    }
}

section! {
    /// The gateway's own keys.
    Keys ["keys"] keys {
        /// The key file, every key in it wrapped; mode 0400 or 0600.
        file: PathBuf = PathBuf::from("keys.toml"),
        /// The key that unwraps them: a file with mode 0400, or `credential:NAME` for systemd's.
        kek: PathBuf = PathBuf::from("kek"),
        /// The second custodian's half, where the KEK is split: `kek` is then the first, and both are needed.
        kek_other_half: Option<PathBuf> = None,
        /// The PKCS#11 library of a hardware module that holds the KEK, in place of `kek`.
        pkcs11_module: Option<PathBuf> = None,
        /// Label of the token. Required with `pkcs11_module`.
        pkcs11_token: String = String::new(),
        /// The token's PIN: a file with mode 0400, or `credential:NAME` for systemd's.
        pkcs11_pin: PathBuf = PathBuf::from("pkcs11-pin"),
        /// Label of the KEK in the token.
        pkcs11_kek: String = "doelpoort-kek".to_owned(),
    }
}

section! {
    /// The audit log.
    Audit ["audit"] audit {
        /// The signed public keys of the data protection officer (FG), to whom private parts are sealed: `doelpoort fg new`.
        fg_keys: PathBuf = PathBuf::from("fg-keys.jws"),
        /// Months after which the private parts of a month may be destroyed by `doelpoort audit retain`; not before.
        retention_months_min: u32 = 60,
    }
}

section! {
    /// The listener for the parties: HTTPS, client certificates.
    Exchange ["exchange"] exchange {
        /// Address and port; `0.0.0.0:8443` to be reached by others.
        listen: SocketAddr = SocketAddr::from(([127, 0, 0, 1], 8443)),
        /// Server certificate chain, PEM, leaf first.
        certificate: PathBuf = PathBuf::from("tls/server.crt"),
        /// Private key of the server certificate, PEM.
        key: PathBuf = PathBuf::from("tls/server.key"),
        /// Certificates of the authorities whose client certificates are believed, PEM.
        client_ca: PathBuf = PathBuf::from("tls/client-ca.crt"),
        /// Revocation lists of those authorities, PEM; once one is named, each authority needs one that has not run out.
        crls: Vec<PathBuf> = Vec::new(),
        /// Oldest TLS that is spoken, here and on the console: `1.3`, or `1.2` (with AEAD and forward secrecy only) for clients that cannot yet.
        tls_min: TlsVersion = TlsVersion::Tls13,
    }
}

section! {
    /// The listener for people with a browser: HTTPS, no client certificates, never the exchange's routes.
    Console ["console"] console {
        /// Address and port; `0.0.0.0:8444` to be reached by others.
        listen: SocketAddr = SocketAddr::from(([127, 0, 0, 1], 8444)),
        /// Server certificate chain, PEM, leaf first. Left out: that of the exchange.
        certificate: Option<PathBuf> = None,
        /// Private key of that certificate, PEM. Left out: that of the exchange.
        key: Option<PathBuf> = None,
        /// Our address as browsers call it, `https://host[:port]`; requests to another name are refused. Required with `issuer`.
        url: String = String::new(),
        /// Issuer of the identity provider (OpenID Connect) that people sign in at, `https`. Left out: one-time links, `doelpoort console link`.
        issuer: String = String::new(),
        /// Our name at that provider. Required with `issuer`.
        client_id: String = String::new(),
        /// Our secret at that provider: a file with mode 0400, or `credential:NAME` for systemd's. Left out: the provider knows us as a public client.
        client_secret: Option<PathBuf> = None,
        /// Authorities of the provider's addresses, PEM; left out: those of the public web.
        provider_authorities: Option<PathBuf> = None,
        /// What is asked of the provider; `openid` must be in it.
        scope: String = "openid".to_owned(),
        /// The claim of the ID token that names the person's roles: text, or a list of texts.
        role_claim: String = "roles".to_owned(),
        /// The role that makes somebody an operator here.
        operator_role: String = "operator".to_owned(),
        /// The role that makes somebody speak for a holder here.
        holder_role: String = "holder".to_owned(),
        /// The claim with the OIN of the holder that the person speaks for.
        organisation_claim: String = "oin".to_owned(),
        /// The `acr` that a person must have to withdraw. Left out: having signed in anew is enough.
        step_up_acr: String = String::new(),
    }
}

section! {
    /// The listener for the operator: plain HTTP with health and metrics, never the exchange's routes.
    Admin ["admin"] admin {
        /// Address and port; keep it on loopback or on a network of your own.
        listen: SocketAddr = SocketAddr::from(([127, 0, 0, 1], 9464)),
    }
}

section! {
    /// The access tokens that the gateway issues.
    Token ["token"] token {
        /// `iss` of the tokens: the gateway's own https address. Required.
        issuer: String = String::new(),
        /// `aud` of the tokens; the issuer when empty.
        audience: String = String::new(),
        /// How long a token lasts, in seconds; at most 3600.
        lifetime_s: u32 = 600,
    }
}

section! {
    /// What one request, connection or delivery may use.
    Limits ["limits"] limits {
        /// Bytes of a request body; deliveries have a limit of their own.
        body_bytes_max: u64 = 1024 * 1024,
        /// Bytes of a request's line and headers together; at least 8192.
        header_bytes_max: u32 = 32 * 1024,
        /// Header lines of a request.
        headers_max: u32 = 100,
        /// Seconds for the TLS handshake.
        handshake_time_s_max: u64 = 10,
        /// Seconds until a request's headers are in, and that a connection may lie idle between two requests.
        header_time_s_max: u64 = 30,
        /// Seconds for a request as a whole; deliveries have a limit of their own.
        request_time_s_max: u64 = 30,
        /// Connections that are open at once on each listener; one more is closed at once.
        connections_max: u32 = 4096,
        /// Connections that are open at once from one address.
        connections_per_address_max: u32 = 512,
        /// Requests that run at once on one HTTP/2 connection.
        streams_per_connection_max: u32 = 128,
        /// Requests that run at once on the whole exchange; one more is answered with 503.
        requests_at_once_max: u32 = 1024,
        /// Requests of one client a minute, whatever it asks; each grant has a rate of its own besides.
        client_requests_per_min_max: u32 = 6_000,
        /// Requests of one address a minute to routes that need no token.
        address_requests_per_min_max: u32 = 600,
        /// Seconds that running requests get to finish after SIGTERM.
        drain_time_s_max: u64 = 30,
        /// Bytes of a delivery, after unpacking.
        delivery_bytes_max: u64 = 4 * 1024 * 1024 * 1024,
        /// Rows of a delivery.
        delivery_rows_max: u64 = 5_000_000,
        /// Bytes of one row of a delivery.
        delivery_row_bytes_max: u64 = 64 * 1024,
        /// Seconds for a delivery as a whole.
        delivery_time_s_max: u64 = 3600,
        /// Pupils that one records request may span, before paging.
        records_rows_max: u32 = 100_000,
    }
}

section! {
    /// Who vouches for the audit log from outside, and how old what they said may be before nothing is answered.
    Publish ["publish"] publish {
        /// A trust policy (C2SP tlog-policy): the witnesses, their addresses, how many of them make a quorum. Left out: no witness is asked.
        witness_policy: Option<PathBuf> = None,
        /// Seconds between two checkpoints that a witness is asked to cosign; at least 1.
        witness_every_s: u64 = 60,
        /// Seconds since a quorum cosigned, after which nothing is answered.
        quorum_age_s_max: u64 = 86_400,
        /// Address of a time stamp authority (RFC 3161), `http` or `https`. Left out: none is asked.
        timestamp_url: String = String::new(),
        /// Authorities that the time stamps' certificates lead to, PEM. Required with `timestamp_url`.
        timestamp_authorities: Option<PathBuf> = None,
        /// Seconds between two time stamps; at least 1.
        timestamp_every_s: u64 = 3_600,
        /// Seconds since the last time stamp, after which nothing is answered.
        timestamp_age_s_max: u64 = 14_400,
        /// Authorities of the `https` addresses above, PEM; left out: those of the public web.
        tls_authorities: Option<PathBuf> = None,
        /// Seconds that entries may be without a signed checkpoint before there is an alarm.
        checkpoint_alarm_s_max: u64 = 10,
        /// Seconds that entries may be without a signed checkpoint before nothing is answered.
        checkpoint_age_s_max: u64 = 300,
        /// Seconds that the last entry may be old when the gateway starts; beyond it the clock is taken to be wrong. 90 days.
        idle_s_max: u64 = 7_776_000,
    }
}

section! {
    /// A collector of spans and metrics (OTLP over HTTP, JSON). They hold no personal data; records of the log leave by `doelpoort audit export`.
    Telemetry ["telemetry"] telemetry {
        /// Address of the collector without `/v1/traces`, such as `https://collector.example:4318`; plain `http` on this machine only. Left out: nothing is sent.
        otlp_url: String = String::new(),
        /// Authorities that vouch for the collector's certificate, PEM. Required with an `https` address.
        otlp_authorities: Option<PathBuf> = None,
        /// Headers of each request, such as an authorisation, one `Name: value` a line: a file with mode 0400, or `credential:NAME` for systemd's.
        otlp_headers: Option<PathBuf> = None,
        /// Seconds between two times that metrics are sent; at least 1.
        metrics_every_s: u64 = 60,
    }
}

section! {
    /// The log lines on standard error.
    Log ["log"] log {
        /// `human` for a terminal, `json` for a collector.
        format: LogFormat = LogFormat::Json,
        /// Which lines: a level (`error`, `warn`, `info`, `debug`), also per module (`info,doelpoort::delivery=debug`).
        filter: String = "info".to_owned(),
    }
}

/// A version of TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum TlsVersion {
    /// RFC 5246, with the cipher suites of RFC 9325 only.
    #[serde(rename = "1.2")]
    Tls12,
    /// RFC 8446.
    #[serde(rename = "1.3")]
    Tls13,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// Text, coloured on a terminal.
    Human,
}

/// The whole of `gateway.toml`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Which deployment this is.
    pub deployment: Deployment,
    /// Our own database.
    pub database: Database,
    /// The agreements that the gateway acts on.
    pub policies: Policies,
    /// The gateway's own keys.
    pub keys: Keys,
    /// The audit log.
    pub audit: Audit,
    /// The listener for the parties.
    pub exchange: Exchange,
    /// The listener for people.
    pub console: Console,
    /// The listener for the operator.
    pub admin: Admin,
    /// The access tokens that the gateway issues.
    pub token: Token,
    /// What one request, connection or delivery may use.
    pub limits: Limits,
    /// Who vouches for the audit log from outside.
    pub publish: Publish,
    /// A collector of spans and metrics.
    pub telemetry: Telemetry,
    /// The log lines on standard error.
    pub log: Log,
}

/// All settings, in the order of the documentation.
pub(super) fn all() -> impl Iterator<Item = &'static Setting> {
    [
        Deployment::SETTINGS,
        Database::SETTINGS,
        Policies::SETTINGS,
        Keys::SETTINGS,
        Audit::SETTINGS,
        Exchange::SETTINGS,
        Console::SETTINGS,
        Admin::SETTINGS,
        Token::SETTINGS,
        Limits::SETTINGS,
        Publish::SETTINGS,
        Telemetry::SETTINGS,
        Log::SETTINGS,
    ]
    .into_iter()
    .flatten()
}

/// `docs/configuration.md`, the part with the tables; a test keeps the file equal to it.
pub fn reference() -> String {
    let mut page = String::new();
    let mut section = "";
    for setting in all() {
        if setting.section != section {
            section = setting.section;
            let _ = write!(
                page,
                "\n## [{section}]\n\n| key | default | meaning |\n|---|---|---|\n"
            );
        }
        let default = (setting.default)();
        let default = if default.is_empty() {
            "–".to_owned()
        } else {
            format!("`{default}`")
        };
        let _ = writeln!(
            page,
            "| `{}` | {default} | {} |",
            setting.key,
            setting.meaning.trim()
        );
    }
    page
}

/// Which settings are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Show {
    /// All, with those that have their default.
    All,
    /// Those that have another value than their default.
    Own,
}

/// The settings with the values that hold, as a `gateway.toml` that says the same; secrets are not in it.
pub fn shown(config: &Config, show: Show) -> String {
    let mut page = String::new();
    let mut section = "";
    for setting in all() {
        let (value, default) = ((setting.value)(config), (setting.default)());
        if show == Show::Own && value == default {
            continue;
        }
        if setting.section != section {
            let gap = if section.is_empty() { "" } else { "\n" };
            section = setting.section;
            let _ = writeln!(page, "{gap}[{section}]");
        }
        let _ = match (value.as_str(), value == default) {
            ("", _) => writeln!(page, "# {} is not set", setting.key),
            (value, true) => writeln!(page, "{} = {value} # default", setting.key),
            (value, false) => writeln!(page, "{} = {value}", setting.key),
        };
    }
    page
}

/// A value as TOML text.
fn written(value: &impl Shown) -> String {
    value.shown()
}

/// A text as TOML, with what must be escaped.
fn quoted(text: String) -> String {
    toml::Value::String(text).to_string()
}

/// How the value of a setting is written in TOML; an absent one is empty.
trait Shown {
    fn shown(&self) -> String;
}

macro_rules! shown_plain { ($($type:ty),+) => { $( impl Shown for $type {
    fn shown(&self) -> String { self.to_string() }
} )+ } }
shown_plain!(u32, u64);

impl Shown for String {
    fn shown(&self) -> String {
        if self.is_empty() {
            String::new()
        } else {
            quoted(self.clone())
        }
    }
}

impl Shown for SocketAddr {
    fn shown(&self) -> String {
        quoted(self.to_string())
    }
}

impl Shown for PathBuf {
    fn shown(&self) -> String {
        quoted(self.display().to_string())
    }
}

impl Shown for Option<PathBuf> {
    fn shown(&self) -> String {
        self.as_ref().map(Shown::shown).unwrap_or_default()
    }
}

impl Shown for Vec<PathBuf> {
    fn shown(&self) -> String {
        let paths: Vec<_> = self.iter().map(Shown::shown).collect();
        format!("[{}]", paths.join(", "))
    }
}

impl Shown for DatabaseUrl {
    fn shown(&self) -> String {
        quoted(self.redacted())
    }
}

impl Shown for TlsVersion {
    fn shown(&self) -> String {
        match self {
            Self::Tls12 => "\"1.2\"".to_owned(),
            Self::Tls13 => "\"1.3\"".to_owned(),
        }
    }
}

impl Shown for LogFormat {
    fn shown(&self) -> String {
        match self {
            Self::Json => "\"json\"".to_owned(),
            Self::Human => "\"human\"".to_owned(),
        }
    }
}
