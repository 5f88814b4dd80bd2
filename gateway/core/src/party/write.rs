//! Writes `organisations.toml`, so that fresh keys can be filled in by a program.

use std::fmt::Write as _;

use serde_json::Value as Json;

use super::parse::KINDS;
use super::{Client, Organisation, Organisations, Pin};

impl Organisations {
    /// The organisations and rules of a program's own making.
    pub fn new(organisations: Vec<Organisation>, linking: Vec<super::LinkingRule>) -> Self {
        Self {
            organisations,
            linking,
        }
    }

    /// The organisations, to fill in keys and pins.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Organisation> {
        self.organisations.iter_mut()
    }

    /// The file's text, which [`Organisations::parse`] reads back as the same value.
    pub fn to_toml(&self) -> String {
        let mut text = String::new();
        for rule in &self.linking {
            let (one, other) = &rule.when_equal;
            let kind = word(&KINDS, rule.asserted_by);
            text.push_str("[[linking]]\n");
            line(&mut text, "asserted_by", &quoted(kind));
            line(
                &mut text,
                "when_equal",
                &quoted_list([one.to_string(), other.to_string()]),
            );
            if rule.confirmed {
                line(&mut text, "confirmed", "true");
            }
            text.push('\n');
        }
        for organisation in &self.organisations {
            write_organisation(&mut text, organisation);
        }
        text
    }
}

fn write_organisation(text: &mut String, organisation: &Organisation) {
    text.push_str("[[organisation]]\n");
    line(text, "slug", &quoted(organisation.slug.as_str()));
    line(text, "oin", &quoted(organisation.oin.as_str()));
    line(text, "kind", &quoted(word(&KINDS, organisation.kind)));
    for (key, value) in [
        ("name", &organisation.name),
        ("board", &organisation.board),
        ("swv", &organisation.swv),
    ] {
        if let Some(value) = value {
            line(text, key, &quoted(value));
        }
    }
    if let Some(pupils) = organisation.pupils {
        line(text, "pupils", &pupils.to_string());
    }
    if !organisation.identifiers.is_empty() {
        line(
            text,
            "identifiers",
            &quoted_list(organisation.identifiers.iter().map(ToString::to_string)),
        );
    }
    if let Some(staff) = &organisation.staff {
        text.push_str("[organisation.staff]\n");
        line(text, "issuer", &quoted(&staff.issuer));
        write_json(text, "jwks", staff.jwks.as_ref());
    }
    if let Some(tokens) = &organisation.tokens {
        text.push_str("[organisation.tokens]\n");
        line(text, "issuer", &quoted(&tokens.issuer));
        write_json(text, "jwks", Some(&tokens.jwks));
    }
    for client in &organisation.clients {
        write_client(text, client);
    }
    text.push('\n');
}

fn write_client(text: &mut String, client: &Client) {
    text.push_str("[[organisation.client]]\n");
    line(text, "id", &quoted(client.id.as_str()));
    line(text, "roles", &quoted_list(client.roles.iter().cloned()));
    for (key, pins) in [
        ("x5t_s256", &client.thumbprints),
        ("spki_sha256", &client.key_pins),
    ] {
        if !pins.is_empty() {
            line(text, key, &quoted_list(pins.iter().map(Pin::to_string)));
        }
    }
    write_json(text, "jwks", client.jwks.as_ref());
}

fn write_json(text: &mut String, key: &str, json: Option<&Json>) {
    if let Some(json) = json {
        line(text, key, &quoted(&json.to_string()));
    }
}

fn line(text: &mut String, key: &str, value: &str) {
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{key} = {value}");
}

fn quoted(value: &str) -> String {
    toml::Value::String(value.to_owned()).to_string()
}

fn quoted_list(values: impl IntoIterator<Item = String>) -> String {
    let items: Vec<String> = values.into_iter().map(|value| quoted(&value)).collect();
    format!("[{}]", items.join(", "))
}

fn word<T: PartialEq + Copy>(words: &[(&'static str, T)], of: T) -> &'static str {
    words
        .iter()
        .find(|(_, value)| *value == of)
        .map_or("", |(word, _)| word)
}
