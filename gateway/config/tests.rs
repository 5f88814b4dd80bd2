use std::path::Path;

use super::*;

const LEAST: &str = "[deployment]\nname = \"almere\"\ntenant = \"almere\"\norigin = \"doelpoort.example/a\"\n[token]\nissuer = \"https://doelpoort.example\"\n";

fn parse(extra: &str) -> Result<Config, ConfigErrors> {
    Config::parse(
        "gateway.toml",
        &format!("{LEAST}{extra}"),
        &Environment::default(),
    )
}

#[test]
fn the_least_configuration_has_a_default_for_everything_else() {
    let config = parse("").unwrap();
    assert_eq!(config.limits.body_bytes_max, 1_048_576);
    assert_eq!(config.exchange.listen.port(), 8443);
    assert_eq!(config.token.audience, "https://doelpoort.example");
    assert_eq!(config.log.format, LogFormat::Json);
}

#[test]
fn each_mistake_has_its_line_and_a_hint() {
    let cases = [
        (
            "[limits]\nbody_byte_max = 1",
            "unknown key `body_byte_max` in `[limits]`; did you mean `body_bytes_max`?",
        ),
        (
            "[exchang]\nlisten = \"x\"",
            "unknown section `exchang`; did you mean `exchange`?",
        ),
        (
            "[limits]\nbody_bytes_max = \"much\"",
            "invalid type: string \"much\", expected u64",
        ),
        ("[limits]\nbody_bytes_max = 0", "a limit is at least 1"),
        (
            "[limits]\nconnections_max = -1",
            "invalid value: integer `-1`, expected u32",
        ),
        (
            "[log]\nformat = \"xml\"",
            "unknown variant `xml`, expected `json` or `human`",
        ),
        (
            "[exchange]\nlisten = \"localhost\"",
            "invalid socket address syntax",
        ),
        (
            "[admin]\nlisten = 9464",
            "invalid type: integer `9464`, expected socket address",
        ),
        ("[limits", "unclosed table"),
    ];
    for (text, expected) in cases {
        let message = parse(text).unwrap_err().to_string();
        assert!(message.contains(expected), "{text}\n→ {message}");
        assert!(message.starts_with("gateway.toml:"), "{message}");
        assert!(message.contains('^'), "{message}");
    }
}

#[test]
fn a_section_written_as_a_value_is_refused() {
    let error = Config::parse("gateway.toml", "limits = 3", &Environment::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "gateway.toml:1:10: `limits` is a section: write `[limits]`\n  |\n1 | limits = 3\n  |          ^"
    );
}

#[test]
fn all_mistakes_are_reported_at_once() {
    let error = parse("[limits]\nx = 1\nbody_bytes_max = true\n[lgo]\nformat = \"json\"").unwrap_err();
    assert_eq!(error.0.len(), 3, "{error}");
    let error = Config::parse("gateway.toml", "", &Environment::default()).unwrap_err();
    assert_eq!(error.0.len(), 4, "{error}");
    assert!(
        error
            .to_string()
            .contains("`deployment.tenant` is missing, and has no default")
    );
}

#[test]
fn impossible_values_are_refused() {
    for (text, expected) in [
        (
            "lifetime_s = 3601",
            "`token.lifetime_s` is outside 1 to 3600 seconds",
        ),
        ("lifetime_s = 0", "`token.lifetime_s` is outside"),
        (
            "[limits]\nheader_bytes_max = 100",
            "`limits.header_bytes_max` is below 8192 bytes",
        ),
        (
            "[database]\nurl = \"mysql://x\"",
            "`database.url` starts with neither",
        ),
        ("[publish]\nwitness_every_s = 0", "`publish.witness_every_s` is 0"),
        ("[publish]\nquorum_age_s_max = 0", "a limit is at least 1"),
        (
            "[publish]\ntimestamp_url = \"http://tsa.example\"",
            "`publish.timestamp_authorities` is missing",
        ),
        (
            "[publish]\ntimestamp_url = \"tsa.example\"\ntimestamp_authorities = \"ca.pem\"",
            "`publish.timestamp_url` starts with neither",
        ),
    ] {
        let message = parse(text).unwrap_err().to_string();
        assert!(message.contains(expected), "{text}\n→ {message}");
    }
}

#[test]
fn the_environment_overrides() {
    let environment = Environment::of([
        ("DOELPOORT__LIMITS__BODY_BYTES_MAX", "2048"),
        ("DOELPOORT__EXCHANGE__LISTEN", "127.0.0.1:0"),
        ("DOELPOORT__DEPLOYMENT__NAME", "2026"),
        ("DOELPOORT__EXCHANGE__CRLS", "[\"a.crl\", \"b.crl\"]"),
    ]);
    let config = Config::parse("gateway.toml", LEAST, &environment).unwrap();
    assert_eq!(config.limits.body_bytes_max, 2048);
    assert_eq!(config.exchange.listen.port(), 0);
    assert_eq!(config.deployment.name, "2026");
    assert_eq!(config.exchange.crls.len(), 2);
}

#[test]
fn a_wrong_override_is_refused_by_its_name() {
    for (name, value, expected) in [
        (
            "DOELPOORT__LIMITS__BODY_BYTE_MAX",
            "1",
            "did you mean `DOELPOORT__LIMITS__BODY_BYTES_MAX`?",
        ),
        (
            "DOELPOORT__LIMITS__BODY_BYTES_MAX",
            "many",
            "invalid type: string \"many\"",
        ),
        (
            "DOELPOORT__DATABASE__URL",
            "postgres://a:b@host/c",
            "a password does not belong in the environment",
        ),
    ] {
        let environment = Environment::of([(name, value)]);
        let message = Config::parse("gateway.toml", LEAST, &environment)
            .unwrap_err()
            .to_string();
        assert!(message.contains(name) && message.contains(expected), "{message}");
    }
}

#[test]
fn paths_are_relative_to_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("gateway.toml");
    std::fs::write(folder.path().join("url"), "postgres://a:secret@host/c\n").unwrap();
    std::fs::write(
        &file,
        format!("{LEAST}[keys]\nkek = \"/run/kek\"\n[exchange]\ncrls = [\"x.crl\"]"),
    )
    .unwrap();
    let config = Config::load(&file, &Environment::default()).unwrap();
    assert_eq!(config.policies.dir, folder.path().join("policies"));
    assert_eq!(config.keys.kek, Path::new("/run/kek"));
    assert_eq!(config.exchange.crls, [folder.path().join("x.crl")]);
    let database = format!("sqlite://{}/doelpoort.db", folder.path().display());
    assert_eq!(config.database.url.expose(), database);

    std::fs::write(&file, format!("{LEAST}[database]\nurl_file = \"url\"")).unwrap();
    let config = Config::load(&file, &Environment::default()).unwrap();
    assert_eq!(config.database.url.expose(), "postgres://a:secret@host/c");
    assert!(!format!("{config:?}").contains(":secret"));
}

#[test]
fn a_credential_needs_the_folder_of_systemd() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("gateway.toml");
    std::fs::write(&file, format!("{LEAST}[keys]\nkek = \"credential:kek\"")).unwrap();
    let error = Config::load(&file, &Environment::default()).unwrap_err();
    assert!(error.to_string().starts_with("`credential:kek` needs systemd's"));
    let environment = Environment {
        credentials: Some("/run/c".into()),
        ..Environment::default()
    };
    let config = Config::load(&file, &environment).unwrap();
    assert_eq!(config.keys.kek, Path::new("/run/c/kek"));
}

#[test]
fn the_documentation_names_every_setting() {
    let page = include_str!("../../docs/configuration.md");
    assert!(
        page.ends_with(&reference()),
        "docs/configuration.md differs; it should end with:\n{}",
        reference()
    );
}

#[test]
fn a_console_that_nobody_could_sign_in_at_is_refused() {
    let whole = "[console]\nissuer = \"https://id.example/realm\"\nclient_id = \"doelpoort\"\nurl = \"https://doelpoort.example:8444\"\n";
    let environment = Environment::default();
    let parsed = |console: &str| Config::parse("gateway.toml", &format!("{LEAST}{console}"), &environment);
    assert!(parsed(whole).is_ok());
    for (from, to, told) in [
        (
            "https://id.example",
            "http://id.example",
            "`console.issuer` is not `https://`",
        ),
        (
            "id.example/realm",
            "id.example?a=b",
            "`console.issuer` is not `https://`",
        ),
        (
            "example:8444",
            "example:8444/",
            "`console.url` is not `https://host[:port]`",
        ),
        (
            "url = \"https://doelpoort.example:8444\"",
            "",
            "`console.url` is missing: `issuer` needs it",
        ),
        (
            "client_id = \"doelpoort\"",
            "",
            "`console.client_id` is missing: `issuer` needs it",
        ),
        (
            "[console]",
            "[console]\nscope = \"profile\"",
            "`console.scope` has no `openid`",
        ),
        (
            "[console]",
            "[console]\nrole_claim = \"\"",
            "`console.role_claim` is empty",
        ),
        (
            "[console]",
            "[console]\nholder_role = \"operator\"",
            "`console.holder_role` is that of an operator",
        ),
        (
            "issuer = \"https://id.example/realm\"",
            "client_secret = \"s\"",
            "`console.client_secret` stands alone",
        ),
    ] {
        let errors = parsed(&whole.replacen(from, to, 1)).unwrap_err().to_string();
        assert!(errors.contains(told), "{told}: {errors}");
    }
}

#[test]
fn what_holds_is_shown_and_secrets_are_not() {
    let config = parse(
        "[database]\nurl = \"postgres://gateway:s3cret@db/almere?password=s3cret\"\n[limits]\nheaders_max = 50\n",
    )
    .unwrap();
    assert_eq!(
        shown(&config, Show::Own),
        "[deployment]\nname = \"almere\"\ntenant = \"almere\"\norigin = \"doelpoort.example/a\"\n\n\
         [database]\nurl = \"postgres://gateway:…@db/almere?…\"\n\n\
         [token]\nissuer = \"https://doelpoort.example\"\naudience = \"https://doelpoort.example\"\n\n\
         [limits]\nheaders_max = 50\n"
    );
    let all = shown(&config, Show::All);
    for line in [
        "listen = \"127.0.0.1:8444\" # default",
        "# url_file is not set",
        "headers_max = 50",
        "tls_min = \"1.3\" # default",
    ] {
        assert!(all.lines().any(|this| this == line), "{line}\n{all}");
    }
    let again = Config::parse("again.toml", &all, &Environment::default()).unwrap();
    assert_eq!(
        shown(&again, Show::All),
        all,
        "it is a configuration that says the same"
    );
}

#[test]
fn what_must_be_escaped_is_shown_escaped() {
    let config = parse("[policies]\ndir = 'a\\b\"c'\n[database]\nurl = 'sqlite://a\\b'\n").unwrap();
    let all = shown(&config, Show::All);
    let again = Config::parse("again.toml", &all, &Environment::default()).unwrap();
    assert_eq!(again.policies.dir, config.policies.dir);
    assert_eq!(again.database.url, config.database.url);
}

#[test]
fn the_console_has_a_certificate_and_a_key_or_neither() {
    let error = parse("[console]\ncertificate = \"x\"").unwrap_err().to_string();
    assert_eq!(
        error,
        "gateway.toml: `console.certificate` stands alone: give `certificate` and `key`, or neither"
    );
    let error = parse("[exchange]\ntls_min = \"1.1\"").unwrap_err().to_string();
    assert!(
        error.contains("unknown variant `1.1`, expected `1.2` or `1.3`"),
        "{error}"
    );
}
