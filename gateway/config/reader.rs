//! From text and overrides to a [`Config`], collecting every mistake on the way.

use std::ops::Range;

use serde::Deserialize as _;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::{at, hint};
use super::settings::{Setting, all};
use super::{Config, ConfigError, ConfigErrors, OVERRIDE_PREFIX};

/// The longest life of an access token (parties, "Access token").
const TOKEN_LIFETIME_S_MAX: u32 = 3600;
/// hyper's smallest read buffer; a lower header limit could not be kept.
const HEADER_BYTES_MIN: u32 = 8192;

/// Parses, overrides, checks; all errors at once.
pub(super) fn read(file: &str, text: &str, overrides: &[(String, String)]) -> Result<Config, ConfigErrors> {
    let syntax = |error: toml::de::Error| {
        ConfigErrors(vec![at(
            file,
            text,
            error.span().unwrap_or(0..0),
            error.message().to_owned(),
        )])
    };
    let spanned = DeTable::parse(text).map_err(syntax)?;
    let mut values: toml::Table = toml::from_str(text).map_err(syntax)?;

    let mut errors = Vec::new();
    check_tables(spanned.get_ref(), &values, &mut |span, message| {
        errors.push(at(file, text, span, message));
    });
    for (name, value) in overrides {
        if let Err(message) = override_value(&mut values, name, value) {
            errors.push(ConfigError::Override {
                name: name.clone(),
                message,
            });
        }
    }
    if !errors.is_empty() {
        return Err(ConfigErrors(errors));
    }
    let mut config = Config::deserialize(values).map_err(syntax)?;
    if config.token.audience.is_empty() {
        config.token.audience.clone_from(&config.token.issuer);
    }
    match impossible_values(file, &config) {
        none if none.is_empty() => Ok(config),
        errors => Err(ConfigErrors(errors)),
    }
}

/// Every section and key against the declared ones.
fn check_tables(sections: &DeTable<'_>, values: &toml::Table, wrong: &mut impl FnMut(Range<usize>, String)) {
    for (section, keys) in sections {
        let name = section.get_ref().as_ref();
        if !all().any(|setting| setting.section == name) {
            let hint = hint(name, all().map(|setting| setting.section));
            wrong(section.span(), format!("unknown section `{name}`{hint}"));
        } else if let (Some(keys), Some(toml::Value::Table(values))) =
            (keys.get_ref().as_table(), values.get(name))
        {
            check_keys(name, keys, values, wrong);
        } else {
            wrong(keys.span(), format!("`{name}` is a section: write `[{name}]`"));
        }
    }
}

fn check_keys(
    section: &str,
    keys: &DeTable<'_>,
    values: &toml::Table,
    wrong: &mut impl FnMut(Range<usize>, String),
) {
    for (key, spanned) in keys {
        let name = key.get_ref().as_ref();
        match (find(section, name), values.get(name)) {
            (Some(setting), Some(value)) => {
                if let Err(message) = fits(setting, value) {
                    wrong(value_span(spanned), message);
                }
            }
            _ => wrong(key.span(), unknown_key(section, name)),
        }
    }
}

fn value_span(value: &Spanned<DeValue<'_>>) -> Range<usize> {
    value.span()
}

fn find(section: &str, key: &str) -> Option<&'static Setting> {
    all().find(|setting| setting.section == section && setting.key == key)
}

fn unknown_key(section: &str, key: &str) -> String {
    let known = all()
        .filter(|setting| setting.section == section)
        .map(|setting| setting.key);
    format!("unknown key `{key}` in `[{section}]`{}", hint(key, known))
}

/// Whether the value has the setting's type, and is no zero where a limit is meant.
fn fits(setting: &Setting, value: &toml::Value) -> Result<(), String> {
    (setting.accepts)(value.clone())?;
    let counts = setting.section == "limits" || setting.key.ends_with("_max");
    match value {
        toml::Value::Integer(0) if counts => Err("a limit is at least 1".to_owned()),
        _ => Ok(()),
    }
}

/// Puts one override into the table; text that is no TOML value of the right type is a string.
fn override_value(values: &mut toml::Table, name: &str, text: &str) -> Result<(), String> {
    let path = name
        .strip_prefix(OVERRIDE_PREFIX)
        .unwrap_or(name)
        .to_ascii_lowercase();
    let (section, key) = path.split_once("__").unwrap_or((&path, ""));
    let setting = find(section, key).ok_or_else(|| {
        let known: Vec<_> = all().map(override_name).collect();
        let hint = hint(name, known.iter().map(String::as_str));
        format!("there is no setting of this name{hint}")
    })?;
    if setting.section == "keys" {
        return Err("keys are named in the file only, never in the environment".into());
    }
    if super::DatabaseUrl::new(text).has_password() {
        return Err("a password does not belong in the environment; use `database.url_file`".into());
    }
    let value = parsed(text)
        .filter(|value| fits(setting, value).is_ok())
        .unwrap_or_else(|| toml::Value::String(text.to_owned()));
    fits(setting, &value)?;
    let table = values.entry(section).or_insert_with(|| toml::Table::new().into());
    if let toml::Value::Table(table) = table {
        table.insert(key.to_owned(), value);
    }
    Ok(())
}

/// The text as a TOML value, if it is one.
fn parsed(text: &str) -> Option<toml::Value> {
    toml::from_str::<toml::Table>(&format!("value = {text}"))
        .ok()?
        .remove("value")
}

/// `DOELPOORT__SECTION__KEY`.
fn override_name(setting: &Setting) -> String {
    format!("{OVERRIDE_PREFIX}{}__{}", setting.section, setting.key).to_ascii_uppercase()
}

/// Values of the right type that still cannot be.
fn impossible_values(file: &str, config: &Config) -> Vec<ConfigError> {
    let mut errors = Vec::new();
    let mut require = |section, key, holds: bool, message: &str| {
        if !holds {
            let (file, message) = (file.to_owned(), message.to_owned());
            errors.push(ConfigError::Value {
                file,
                section,
                key,
                message,
            });
        }
    };
    let missing = "is missing, and has no default";
    require("deployment", "name", !config.deployment.name.is_empty(), missing);
    require(
        "deployment",
        "tenant",
        !config.deployment.tenant.is_empty(),
        missing,
    );
    require(
        "deployment",
        "origin",
        !config.deployment.origin.is_empty(),
        missing,
    );
    require("token", "issuer", !config.token.issuer.is_empty(), missing);
    let lifetime = config.token.lifetime_s;
    let lifetime_fits = (1..=TOKEN_LIFETIME_S_MAX).contains(&lifetime);
    require(
        "token",
        "lifetime_s",
        lifetime_fits,
        "is outside 1 to 3600 seconds",
    );
    require(
        "keys",
        "pkcs11_token",
        config.keys.pkcs11_module.is_none() || !config.keys.pkcs11_token.is_empty(),
        "is missing: which token of `pkcs11_module`?",
    );
    require(
        "keys",
        "kek_other_half",
        config.keys.pkcs11_module.is_none() || config.keys.kek_other_half.is_none(),
        "and `pkcs11_module` exclude each other",
    );
    let both = config.console.certificate.is_some() == config.console.key.is_some();
    let alone = "stands alone: give `certificate` and `key`, or neither";
    require("console", "certificate", both, alone);
    impossible_console(&config.console, &mut require);
    let headers_fit = config.limits.header_bytes_max >= HEADER_BYTES_MIN;
    require("limits", "header_bytes_max", headers_fit, "is below 8192 bytes");
    impossible_publishing(&config.publish, &mut require);
    let url = config.database.url.expose();
    let known_scheme = ["sqlite://", "postgres://", "postgresql://"]
        .iter()
        .any(|scheme| url.starts_with(scheme));
    require(
        "database",
        "url",
        known_scheme,
        "starts with neither `sqlite://` nor `postgres://`",
    );
    errors
}

/// People must be able to sign in at the provider, and come back.
fn impossible_console(
    console: &super::Console,
    require: &mut impl FnMut(&'static str, &'static str, bool, &str),
) {
    let has_provider = !console.issuer.is_empty();
    require(
        "console",
        "issuer",
        !has_provider || is_address(&console.issuer, Path::Any),
        "is not `https://`, a host and perhaps a path, without a query or fragment",
    );
    require(
        "console",
        "url",
        console.url.is_empty() || is_address(&console.url, Path::None),
        "is not `https://host[:port]` without a path or closing slash",
    );
    let missing = "is missing: `issuer` needs it";
    require(
        "console",
        "url",
        !has_provider || !console.url.is_empty(),
        missing,
    );
    require(
        "console",
        "client_id",
        !has_provider || !console.client_id.is_empty(),
        missing,
    );
    require(
        "console",
        "scope",
        console.scope.split(' ').any(|scope| scope == "openid"),
        "has no `openid`, without which the provider gives no ID token",
    );
    for (key, value) in [
        ("role_claim", &console.role_claim),
        ("operator_role", &console.operator_role),
        ("holder_role", &console.holder_role),
        ("organisation_claim", &console.organisation_claim),
    ] {
        require("console", key, !value.is_empty(), "is empty");
    }
    require(
        "console",
        "holder_role",
        console.holder_role != console.operator_role,
        "is that of an operator as well",
    );
    let alone = "stands alone: without `issuer` it says nothing";
    require(
        "console",
        "client_secret",
        has_provider || console.client_secret.is_none(),
        alone,
    );
    require(
        "console",
        "provider_authorities",
        has_provider || console.provider_authorities.is_none(),
        alone,
    );
}

/// Whether an address may have a path.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Path {
    Any,
    None,
}

/// `https://`, a host, and a path where it may be.
fn is_address(text: &str, path: Path) -> bool {
    let Some(rest) = text.strip_prefix("https://") else {
        return false;
    };
    let (host, tail) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let in_host = |byte: u8| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte);
    let in_path = |byte: u8| byte.is_ascii_alphanumeric() || b"/.-_~%".contains(&byte);
    !host.is_empty()
        && host.bytes().all(in_host)
        && tail.bytes().all(in_path)
        && (path == Path::Any || tail.is_empty())
}

/// Who vouches for the log must be askable.
fn impossible_publishing(
    publish: &super::Publish,
    require: &mut impl FnMut(&'static str, &'static str, bool, &str),
) {
    let every = "is 0; at least 1 second";
    require("publish", "witness_every_s", publish.witness_every_s > 0, every);
    require(
        "publish",
        "timestamp_every_s",
        publish.timestamp_every_s > 0,
        every,
    );
    let stamped = !publish.timestamp_url.is_empty();
    require(
        "publish",
        "timestamp_authorities",
        publish.timestamp_authorities.is_some() || !stamped,
        "is missing: without it no time stamp of `timestamp_url` can be believed",
    );
    let web = ["http://", "https://"];
    require(
        "publish",
        "timestamp_url",
        !stamped || web.iter().any(|scheme| publish.timestamp_url.starts_with(scheme)),
        "starts with neither `http://` nor `https://`",
    );
}
