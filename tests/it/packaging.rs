//! What is shipped beside the program names what the program has.

use std::collections::BTreeSet;
use std::path::Path;

use doelpoort::telemetry::{AccessOutcome, ConnectionEnd, Metrics, RowOutcome};

fn shipped(file: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging").join(file);
    std::fs::read_to_string(&path).unwrap_or_else(|why| panic!("{}: {why}", path.display()))
}

/// The names that begin with `doelpoort_`, without what Prometheus adds to a histogram's.
fn metrics(text: &str) -> BTreeSet<String> {
    let words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    words
        .filter(|word| word.starts_with("doelpoort_"))
        .map(|word| word.trim_end_matches("_bucket").to_owned())
        .collect()
}

#[test]
fn alerts_and_dashboard_ask_only_for_metrics_that_there_are() {
    let all = Metrics::new();
    all.request("/v1/queries", 200, std::time::Duration::from_millis(1));
    all.connection(ConnectionEnd::Full);
    all.unidentified("token-missing");
    all.limited("client");
    all.log_entry(AccessOutcome::Granted);
    all.delivery_rows("absence", RowOutcome::Accepted, 1);
    let page = all.encode();
    let known: BTreeSet<String> = page
        .lines()
        .filter(|line| !line.starts_with('#'))
        .flat_map(|line| metrics(line.split([' ', '{']).next().unwrap_or_default()))
        .chain(["doelpoort_certificate_days_left".to_owned()])
        .collect();
    for file in [
        "prometheus/doelpoort.rules.yml",
        "prometheus/doelpoort.test.yml",
        "grafana/doelpoort.json",
    ] {
        let asked = metrics(&shipped(file));
        let unknown: Vec<_> = asked.difference(&known).collect();
        assert!(unknown.is_empty(), "{file}: {unknown:?}; there are {known:?}");
        assert!(asked.len() > 5, "{file}: {asked:?}");
    }
}

#[test]
fn each_alert_is_tried_in_a_test_of_the_rules_and_says_what_to_do() {
    let (rules, test) = (
        shipped("prometheus/doelpoort.rules.yml"),
        shipped("prometheus/doelpoort.test.yml"),
    );
    let alerts: Vec<&str> = rules
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- alert: "))
        .collect();
    assert!(alerts.len() > 8);
    for alert in &alerts {
        assert!(
            test.contains(&format!("alertname: {alert} ")),
            "{alert} is not tried"
        );
    }
    let actions = rules
        .lines()
        .filter(|line| line.trim().starts_with("action: "))
        .count();
    assert_eq!(actions, alerts.len());
}

#[test]
fn the_unit_runs_check_first_and_the_sockets_have_the_names_of_listeners() {
    let unit = shipped("systemd/doelpoort.service");
    for line in [
        "Type=notify",
        "ExecStartPre=/usr/bin/doelpoort check --config /etc/doelpoort/gateway.toml",
        "ExecStart=/usr/bin/doelpoort serve --config /etc/doelpoort/gateway.toml",
        "WatchdogSec=30",
        "LimitCORE=0",
    ] {
        assert!(unit.lines().any(|this| this == line), "{line}");
    }
    for (file, name) in [
        ("doelpoort.socket", "exchange"),
        ("doelpoort-console.socket", "console"),
    ] {
        let socket = shipped(&format!("systemd/{file}"));
        let line = format!("FileDescriptorName={name}");
        assert!(socket.lines().any(|this| this == line), "{file}");
    }
}
