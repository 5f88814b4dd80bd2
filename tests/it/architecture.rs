//! The rules of the house that the compiler cannot keep: who may name what, read from the sources.

mod code;

use std::fs;
use std::path::Path;

use code::{code, names};

/// What some files may not name.
struct Rule {
    what: &'static str,
    /// Whether a file, by its path under `gateway/`, must keep the rule.
    binds: fn(&str) -> bool,
    forbidden: &'static [&'static str],
    /// A file and a line that break it, which the check must find.
    planted: (&'static str, &'static str),
}

const RULES: &[Rule] = &[
    Rule {
        what: "core does no I/O, waits for nothing, reads no clock, draws no chance, logs nothing",
        binds: |path| path.starts_with("core/src/"),
        forbidden: &[
            "tokio",
            "axum",
            "sqlx",
            "rustls",
            "tracing",
            "hyper",
            "reqwest",
            "std::fs",
            "std::net",
            "std::env",
            "std::process",
            "std::thread",
            "SystemTime",
            "Instant",
            "Timestamp::now",
            "Zoned::now",
            "SystemRandom",
            "async",
            "println",
            "eprintln",
        ],
        planted: ("core/src/plan.rs", "let now = jiff::Timestamp::now();"),
    },
    Rule {
        what: "axum is named only where requests are served",
        binds: |path| !within(path, &["http", "console", "serve"]),
        forbidden: &["axum"],
        planted: ("exchange.rs", "use axum::http::StatusCode;"),
    },
    Rule {
        what: "sqlx is named only where rows are kept or fetched",
        binds: |path| !within(path, &["store", "source"]),
        forbidden: &["sqlx"],
        planted: ("http/log.rs", "async fn rows(pool: &sqlx::SqlitePool) {}"),
    },
    Rule {
        what: "the store is the floor: it imports no other part",
        binds: |path| within(path, &["store"]),
        forbidden: &[
            "crate::source",
            "crate::identity",
            "crate::limit",
            "crate::keys",
            "crate::http",
            "crate::log",
            "crate::exchange",
            "crate::delivery",
            "crate::epoch",
            "crate::gateway",
            "crate::policies",
            "crate::serve",
        ],
        planted: ("store/replay.rs", "use crate::identity::Identity;"),
    },
    Rule {
        what: "source knows the store and no other part",
        binds: |path| within(path, &["source"]),
        forbidden: &[
            "crate::identity",
            "crate::limit",
            "crate::keys",
            "crate::http",
            "crate::exchange",
            "crate::delivery",
            "crate::epoch",
            "crate::gateway",
            "crate::serve",
            "crate::log",
        ],
        planted: (
            "source/delivered.rs",
            "use crate::{identity::Identity, store::Store};",
        ),
    },
    Rule {
        what: "identity knows the store and no other part",
        binds: |path| within(path, &["identity"]),
        forbidden: &[
            "crate::source",
            "crate::limit",
            "crate::keys",
            "crate::http",
            "crate::exchange",
            "crate::delivery",
            "crate::epoch",
            "crate::gateway",
            "crate::serve",
            "crate::log",
        ],
        planted: ("identity/staff.rs", "use crate::limit::Limited;"),
    },
    Rule {
        what: "limits know the store and no other part",
        binds: |path| within(path, &["limit"]),
        forbidden: &[
            "crate::source",
            "crate::identity",
            "crate::keys",
            "crate::http",
            "crate::exchange",
            "crate::delivery",
            "crate::epoch",
            "crate::gateway",
            "crate::serve",
            "crate::log",
        ],
        planted: ("limit.rs", "use crate::http::problem::Problem;"),
    },
    Rule {
        what: "keys know the store and no other part",
        binds: |path| within(path, &["keys"]),
        forbidden: &[
            "crate::source",
            "crate::identity",
            "crate::limit",
            "crate::http",
            "crate::exchange",
            "crate::delivery",
            "crate::epoch",
            "crate::gateway",
            "crate::serve",
            "crate::log",
        ],
        planted: ("keys/file.rs", "use crate::source::Delivered;"),
    },
    Rule {
        what: "only exchange, delivery and epoch know an order of steps",
        binds: |path| !path.starts_with("core/") && !within(path, &["exchange", "delivery", "epoch"]),
        forbidden: &[
            "decide::decide",
            "decide::decide_delivery",
            "decide_delivery",
            "Plan::minimal",
            "pseudonymise::pseudonymise",
            "protect::protect",
            "Answer::new",
            "figures::release::release",
        ],
        planted: (
            "http/queries.rs",
            "use doelpoort_core::policy::decide::{Denial, decide};",
        ),
    },
    Rule {
        what: "only the composition root makes the parts",
        binds: |path| !path.starts_with("core/") && !within(path, &["gateway"]),
        forbidden: &[
            "Identity::new",
            "Limiter::new",
            "Delivered::new",
            "Log::open",
            "Log::open_published",
        ],
        planted: ("http/facts.rs", "let source = Delivered::new(store);"),
    },
    Rule {
        what: "only clock.rs reads the clock",
        binds: |path| path != "clock.rs",
        forbidden: &["Timestamp::now", "Zoned::now", "SystemTime"],
        planted: ("epoch.rs", "let today = jiff::Zoned::now().date();"),
    },
    Rule {
        what: "the environment is read once, in the configuration",
        binds: |path| !within(path, &["config", "cli"]),
        forbidden: &["env::var", "env::vars", "env::var_os", "env::vars_os"],
        planted: ("tls.rs", "let level = std::env::var(\"LEVEL\");"),
    },
    Rule {
        what: "SQL is built at run time only where catalogue names are rendered",
        binds: |path| !["store/dataset.rs", "store/render.rs", "store/sql.rs"].contains(&path),
        forbidden: &["AssertSqlSafe"],
        planted: (
            "store/subjects.rs",
            "query(AssertSqlSafe(format!(\"SELECT {x}\")))",
        ),
    },
    Rule {
        what: "what becomes visible becomes so in the transaction of its log entry",
        binds: |path| !within(path, &["log/committer"]),
        forbidden: &["delivery::activate", "released::release"],
        planted: (
            "delivery/receive.rs",
            "use crate::store::delivery::{Finished, activate};",
        ),
    },
];

#[test]
fn the_sources_keep_the_rules_of_the_house() {
    let sources = sources();
    assert!(sources.len() > 150, "the sources were not found");
    let broken: Vec<String> = RULES
        .iter()
        .flat_map(|rule| sources.iter().flat_map(|(path, text)| broken(rule, path, text)))
        .collect();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn each_rule_finds_what_was_planted() {
    for rule in RULES {
        let (path, line) = rule.planted;
        let path_known = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("gateway")
            .join(path)
            .exists();
        assert!(path_known, "{path}");
        assert_eq!(broken(rule, path, line).len(), 1, "{}: {line}", rule.what);
        assert_eq!(
            broken(rule, path, &format!("// {line}")),
            Vec::<String>::new(),
            "{line}"
        );
        let quoted = format!("let text = {line:?};");
        assert_eq!(broken(rule, path, &quoted), Vec::<String>::new(), "{line}");
    }
}

#[test]
fn a_grouped_import_is_read_as_its_paths() {
    let names = names(&code(
        "use crate::{identity::{Identity, error as problem}, store::*};",
    ));
    for path in [
        "crate::identity::Identity",
        "crate::identity::error",
        "crate::store::*",
    ] {
        assert!(names.contains(&path.to_owned()), "{names:?}");
    }
}

#[test]
fn only_code_is_read() {
    let text = r##"
        // axum
        /* axum /* axum */ axum */
        let a = "axum \" axum"; let b = r#"axum " axum"#; let c = '"'; let d: &'static str = x; let axumen = 1;
        #[cfg(test)]
        mod tests { use axum::Router; }
    "##;
    assert!(
        !names(&code(text))
            .iter()
            .any(|name| name.split("::").any(|part| part == "axum"))
    );
    assert!(names(&code(text)).contains(&"axumen".to_owned()));
}

/// Whether a path is one of these modules, or in its folder.
fn within(path: &str, modules: &[&str]) -> bool {
    modules.iter().any(|module| {
        path.strip_prefix(module)
            .is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
    })
}

/// What a file names against a rule.
fn broken(rule: &Rule, path: &str, text: &str) -> Vec<String> {
    if !(rule.binds)(path) {
        return Vec::new();
    }
    let names = names(&code(text));
    let mut found: Vec<&str> = Vec::new();
    for forbidden in rule.forbidden {
        if names.iter().any(|name| holds(name, forbidden))
            && !found.iter().any(|other| holds(forbidden, other))
        {
            found.push(forbidden);
        }
    }
    let first = found
        .first()
        .map(|name| format!("{path} names `{name}`: {}", rule.what));
    first.into_iter().collect()
}

/// Whether a path holds another, segment by segment: `a::tokio::b` holds `tokio`.
fn holds(name: &str, part: &str) -> bool {
    let (name, part): (Vec<_>, Vec<_>) = (name.split("::").collect(), part.split("::").collect());
    name.windows(part.len()).any(|window| window == part)
}

/// The sources of the product, by their path under `gateway/`; unit tests in files of their own left out.
fn sources() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("gateway");
    let mut folders = vec![root.clone()];
    let mut sources = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if path.is_dir() && !["tests", "examples", "target"].contains(&name) {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs")
                && !["tests.rs", "fixture.rs"].contains(&name)
            {
                let text = fs::read_to_string(&path).unwrap();
                sources.push((
                    path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned(),
                    text,
                ));
            }
        }
    }
    sources
}
