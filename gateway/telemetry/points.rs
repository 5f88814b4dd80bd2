//! The counters as points of the protocol's metrics, from the page that Prometheus reads: one registry, two ways out.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::span::text;

/// Counts since the start, not since the last time (`AGGREGATION_TEMPORALITY_CUMULATIVE`).
const CUMULATIVE: u8 = 2;

/// One line of the page: what it is of, its labels and its value.
#[derive(Debug, PartialEq)]
struct Sample {
    name: String,
    labels: BTreeMap<String, String>,
    value: String,
}

/// A metric of the page.
#[derive(Debug, Default)]
struct Family {
    name: String,
    kind: String,
    help: String,
    samples: Vec<Sample>,
}

/// The metrics of an `OpenMetrics` page; `since` is when counting began.
pub(super) fn of(page: &str, since: Timestamp, now: Timestamp) -> Vec<Value> {
    let times = Times {
        since: since.as_nanosecond().to_string(),
        now: now.as_nanosecond().to_string(),
    };
    families(page)
        .iter()
        .filter_map(|family| family.metric(&times))
        .collect()
}

struct Times {
    since: String,
    now: String,
}

fn families(page: &str) -> Vec<Family> {
    let mut families: Vec<Family> = Vec::new();
    for line in page.lines() {
        if let Some(told) = line.strip_prefix("# HELP ") {
            let (name, help) = told.split_once(' ').unwrap_or((told, ""));
            families.push(Family {
                name: name.to_owned(),
                help: help.trim_end_matches('.').to_owned(),
                ..Family::default()
            });
        } else if let Some(told) = line.strip_prefix("# TYPE ") {
            if let (Some(family), Some((_, kind))) = (families.last_mut(), told.split_once(' ')) {
                kind.clone_into(&mut family.kind);
            }
        } else if let (Some(family), Some(sample)) = (families.last_mut(), sample(line)) {
            family.samples.push(sample);
        }
    }
    families
}

/// A line with a value; none for what only speaks of others.
fn sample(line: &str) -> Option<Sample> {
    if line.starts_with('#') {
        return None;
    }
    let (what, value) = line.rsplit_once(' ')?;
    let (name, labels) = match what.split_once('{') {
        None => (what, BTreeMap::new()),
        Some((name, labels)) => (name, read_labels(labels.strip_suffix('}')?)?),
    };
    Some(Sample {
        name: name.to_owned(),
        labels,
        value: value.to_owned(),
    })
}

/// `name="value",…`; in a value a quote, a backslash and a line end are escaped.
fn read_labels(mut text: &str) -> Option<BTreeMap<String, String>> {
    let mut labels = BTreeMap::new();
    while !text.is_empty() {
        let (name, rest) = text.split_once("=\"")?;
        let mut value = String::new();
        let mut characters = rest.char_indices();
        let end = loop {
            match characters.next()? {
                (at, '"') => break at,
                (_, '\\') => match characters.next()?.1 {
                    'n' => value.push('\n'),
                    other => value.push(other),
                },
                (_, other) => value.push(other),
            }
        };
        labels.insert(name.to_owned(), value);
        text = rest.get(end + 1..)?;
        text = text.strip_prefix(',').unwrap_or(text);
    }
    Some(labels)
}

impl Family {
    fn metric(&self, times: &Times) -> Option<Value> {
        let (key, data) = match self.kind.as_str() {
            "counter" => ("sum", self.sum(times)),
            "gauge" => ("gauge", json!({ "dataPoints": self.points(times) })),
            "histogram" => ("histogram", self.histogram(times)),
            _ => return None,
        };
        let mut metric = Map::new();
        metric.insert("name".to_owned(), self.name.clone().into());
        metric.insert("description".to_owned(), self.help.clone().into());
        metric.insert(key.to_owned(), data);
        Some(Value::Object(metric))
    }

    fn sum(&self, times: &Times) -> Value {
        json!({ "aggregationTemporality": CUMULATIVE, "isMonotonic": true, "dataPoints": self.points(times) })
    }

    fn points(&self, times: &Times) -> Vec<Value> {
        self.samples
            .iter()
            .map(|sample| {
                json!({
                    "attributes": attributes(&sample.labels),
                    "startTimeUnixNano": times.since, "timeUnixNano": times.now,
                    "asInt": sample.value,
                })
            })
            .collect()
    }

    fn histogram(&self, times: &Times) -> Value {
        let mut series: BTreeMap<BTreeMap<String, String>, Series> = BTreeMap::new();
        for sample in &self.samples {
            let mut labels = sample.labels.clone();
            let bound = labels.remove("le");
            let one = series.entry(labels).or_default();
            match (sample.name.strip_prefix(&self.name), bound) {
                (Some("_sum"), _) => one.sum = sample.value.parse().unwrap_or(0.0),
                (Some("_count"), _) => one.count = sample.value.parse().unwrap_or(0),
                (Some("_bucket"), Some(bound)) => one.add(&bound, &sample.value),
                _ => {}
            }
        }
        let points: Vec<Value> = series
            .iter()
            .map(|(labels, one)| {
                json!({
                    "attributes": attributes(labels),
                    "startTimeUnixNano": times.since, "timeUnixNano": times.now,
                    "count": one.count.to_string(), "sum": one.sum,
                    "bucketCounts": one.counts.iter().map(ToString::to_string).collect::<Vec<_>>(),
                    "explicitBounds": one.bounds,
                })
            })
            .collect();
        json!({ "aggregationTemporality": CUMULATIVE, "dataPoints": points })
    }
}

/// One histogram. The page counts what is at most a bound; the protocol what is between two.
#[derive(Default)]
struct Series {
    sum: f64,
    count: u64,
    below: u64,
    bounds: Vec<f64>,
    counts: Vec<u64>,
}

impl Series {
    fn add(&mut self, bound: &str, count: &str) {
        let count = count.parse().unwrap_or(self.below);
        self.counts.push(count.saturating_sub(self.below));
        self.below = count;
        if bound != "+Inf" {
            self.bounds.extend(bound.parse::<f64>());
        }
    }
}

fn attributes(labels: &BTreeMap<String, String>) -> Vec<Value> {
    labels.iter().map(|(key, value)| text(key, value)).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::telemetry::{AccessOutcome, Metrics};

    fn points() -> Vec<Value> {
        let metrics = Metrics::new();
        metrics.log_entry(AccessOutcome::Granted);
        metrics.policies_in_force(true);
        for millis in [2, 20, 400_000] {
            metrics.request("/v1/query", 200, Duration::from_millis(millis));
        }
        let (since, now) = ("2026-10-01T12:00:00Z", "2026-10-01T12:01:00Z");
        of(&metrics.encode(), since.parse().unwrap(), now.parse().unwrap())
    }

    fn named<'p>(points: &'p [Value], name: &str) -> &'p Value {
        points.iter().find(|one| one["name"] == name).unwrap()
    }

    #[test]
    fn counters_and_gauges_keep_their_labels() {
        let points = points();
        let counter = named(&points, "doelpoort_log_entries");
        assert_eq!(
            *counter,
            json!({
                "name": "doelpoort_log_entries",
                "description": "Entries in the log by outcome",
                "sum": { "aggregationTemporality": 2, "isMonotonic": true, "dataPoints": [{
                    "attributes": [{ "key": "outcome", "value": { "stringValue": "Granted" } }],
                    "startTimeUnixNano": "1790856000000000000",
                    "timeUnixNano": "1790856060000000000",
                    "asInt": "1",
                }] },
            })
        );
        let gauge = named(&points, "doelpoort_policies_in_force");
        assert_eq!(gauge["gauge"]["dataPoints"][0]["asInt"], "1");
    }

    #[test]
    fn a_histogram_counts_between_its_bounds() {
        let points = points();
        let point = &named(&points, "doelpoort_request_seconds")["histogram"]["dataPoints"][0];
        assert_eq!((&point["count"], &point["sum"]), (&json!("3"), &json!(400.022)));
        let counts = point["bucketCounts"].as_array().unwrap();
        let bounds = point["explicitBounds"].as_array().unwrap();
        assert_eq!(counts.len(), bounds.len() + 1);
        let total: u64 = counts
            .iter()
            .map(|count| count.as_str().unwrap().parse::<u64>().unwrap())
            .sum();
        assert_eq!((total, counts.last()), (3, Some(&json!("1"))));
    }

    #[test]
    fn every_metric_of_the_page_but_the_version_is_there() {
        let page = Metrics::new().encode();
        let told = page.matches("# TYPE ").count();
        assert_eq!(
            of(&page, Timestamp::UNIX_EPOCH, Timestamp::UNIX_EPOCH).len() + 1,
            told
        );
    }

    #[test]
    fn labels_are_read_as_they_are_escaped() {
        let labels = read_labels(r#"a="b\"c\\d\ne",f="""#).unwrap();
        assert_eq!((labels["a"].as_str(), labels["f"].as_str()), ("b\"c\\d\ne", ""));
        assert!(sample("x{a=\"b} 1").is_none());
    }
}
