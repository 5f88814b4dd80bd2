//! Exports: every form from a real log; a collector that fails, refuses and takes a part.

use axum::http::StatusCode;
use doelpoort::audit::{AuditError, Entries, Export, Form, Opened};
use doelpoort::otlp::{Collector, CollectorError};
use doelpoort_core::audit::filter::{Decided, Filter};
use doelpoort_core::audit::ldv::{Register, SubjectKey};
use doelpoort_core::audit::private::Private;
use doelpoort_core::pseudonym::SubjectId;
use serde_json::{Value, json};

use super::*;
use crate::support::collector::Received;

fn export(entries: &Entries) -> Export<'_> {
    Export {
        entries,
        filter: Filter::default(),
        register: Register {
            url: "https://example.nl/v1/register".to_owned(),
            origin: "example.nl/audit/2026".to_owned(),
        },
        opened: None,
    }
}

async fn written(entries: &Entries, form: Form, filter: Filter) -> String {
    let mut out = Vec::new();
    let export = Export {
        filter,
        ..export(entries)
    };
    export.write(form, &mut out).await.unwrap();
    String::from_utf8(out).unwrap()
}

fn refused() -> Entry {
    let mut entry = entry();
    entry.event.decision = Some("no-such-purpose".to_owned());
    entry
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn every_form_says_what_is_in_the_log(#[case] backend: Backend) {
    let Some(world) = World::with(backend, 3).await else {
        return;
    };
    world.append(vec![refused()]).await;
    let entries = Entries::Database(world.store.clone());
    let lines = |text: &str| text.lines().count();
    // Two that open the log, three grants, the second start, the refusal.
    assert_eq!(
        lines(&written(&entries, Form::Csv, Filter::default()).await),
        1 + 7
    );
    assert_eq!(
        lines(&written(&entries, Form::Ndjson, Filter::default()).await),
        7
    );
    for form in [Form::Ldv, Form::Adl, Form::Nen7513] {
        let text = written(&entries, form, Filter::default()).await;
        assert_eq!(lines(&text), 4, "{form:?}");
        for line in text.lines() {
            serde_json::from_str::<Value>(line).unwrap();
        }
    }
    let only = Filter {
        decision: Some(Decided::Refused),
        ..Filter::default()
    };
    let refusals = written(&entries, Form::Ndjson, only).await;
    assert_eq!(lines(&refusals), 1);
    assert!(refusals.contains("no-such-purpose"));
}

#[tokio::test]
async fn a_period_is_cut_out_of_database_and_bundle_alike() {
    let world = World::with(Backend::Sqlite, 300).await.unwrap();
    let begin = world.clock.now().as_microsecond();
    world.clock.advance(jiff::SignedDuration::from_hours(1));
    let noon = world.clock.now().as_microsecond();
    world.append(vec![entry(), entry()]).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("log.tar");
    let out = std::fs::File::create(&file).unwrap();
    doelpoort::audit::write_bundle(&world.store, out, None, None)
        .await
        .unwrap();
    let (database, bundle) = (Entries::Database(world.store.clone()), Entries::Bundle(file));
    for (since, until, count) in [
        (Some(noon), None, 3),
        (None, Some(noon), 302),
        (Some(begin), Some(begin), 0),
    ] {
        let filter = Filter {
            since,
            until,
            ..Filter::default()
        };
        let told = written(&database, Form::Ndjson, filter.clone()).await;
        assert_eq!(told.lines().count(), count);
        assert_eq!(told, written(&bundle, Form::Ndjson, filter).await);
    }
}

#[tokio::test]
async fn persons_are_in_it_only_where_somebody_opened_them() {
    let world = World::with(Backend::Sqlite, 1).await.unwrap();
    let entries = Entries::Database(world.store.clone());
    let closed = written(&entries, Form::Ldv, Filter::default()).await;
    assert!(!closed.contains("data_subject_id"));
    let mut open = |_: &doelpoort::audit::Entry| {
        let mut private = Private::default();
        private.subjects = vec![SubjectId::from_bytes([1; 16]), SubjectId::from_bytes([2; 16])];
        Ok(Some(private))
    };
    let mut out = Vec::new();
    let opened = Export {
        opened: Some(Opened {
            open: &mut open,
            subjects: SubjectKey::from_bytes(&[7; 32]),
        }),
        ..export(&entries)
    };
    opened.write(Form::Ldv, &mut out).await.unwrap();
    let text = String::from_utf8(out).unwrap();
    assert_eq!(text.matches("dpl.core.data_subject_id\"").count(), 2);
}

/// A collector of records on this machine that gives these answers, one after the other, and then confirms.
async fn collector(answers: Vec<(StatusCode, Value)>) -> (Collector, Received) {
    let received = Received::listen(answers).await;
    let collector = Collector::new(&received.url, None, "authorization: Bearer x\n").unwrap();
    (collector, received)
}

fn spans(taken: &Received) -> usize {
    let taken = taken.at("/v1/traces");
    let spans = |request: &Value| {
        request["resourceSpans"][0]["scopeSpans"][0]["spans"]
            .as_array()
            .unwrap()
            .len()
    };
    taken.iter().map(spans).sum()
}

#[tokio::test]
async fn a_collector_gets_every_record_once_also_after_it_was_busy() {
    let world = World::with(Backend::Sqlite, 700).await.unwrap();
    let entries = Entries::Database(world.store.clone());
    let (collector, taken) = collector(vec![(StatusCode::SERVICE_UNAVAILABLE, json!({}))]).await;
    let count = export(&entries).send(&collector).await.unwrap();
    assert_eq!(
        (count, spans(&taken), taken.at("/v1/traces").len()),
        (700, 700, 2)
    );
}

#[tokio::test]
async fn what_a_collector_does_not_confirm_is_said() {
    let world = World::with(Backend::Sqlite, 600).await.unwrap();
    let entries = Entries::Database(world.store.clone());
    let (refusing, _) = collector(vec![
        (StatusCode::OK, json!({})),
        (StatusCode::BAD_REQUEST, json!({})),
    ])
    .await;
    let refused = export(&entries).send(&refusing).await;
    // The first 512 records are of the entries 2..514.
    let Err(AuditError::Collector {
        error: CollectorError::Refused(status),
        before,
    }) = refused
    else {
        panic!("{refused:?}");
    };
    assert_eq!((status, before), (StatusCode::BAD_REQUEST, 514));
    let partial = json!({ "partialSuccess": { "rejectedSpans": "3" } });
    let (partly, _) = collector(vec![(StatusCode::OK, partial)]).await;
    let taken = export(&entries).send(&partly).await;
    assert!(matches!(
        taken,
        Err(AuditError::Collector {
            error: CollectorError::Partial(3),
            before: 2
        })
    ));
}

#[test]
fn records_leave_this_machine_by_tls_only() {
    for (url, allowed) in [
        ("http://localhost:4318", true),
        ("http://127.0.0.1:4318/", true),
        ("http://collector.example", false),
        ("https://collector.example", false),
        ("ftp://collector.example", false),
        ("collector", false),
    ] {
        assert_eq!(Collector::new(url, None, "").is_ok(), allowed, "{url}");
    }
    let header = Collector::new("http://localhost", None, "no header");
    assert!(matches!(header, Err(CollectorError::Header)));
}
