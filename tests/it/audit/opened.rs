//! What the FG's process adds: rules about persons, and records about pupils, from what a gateway really sealed.

use doelpoort::audit::{Entries, Export, Form, Opened, alerts, opening};
use doelpoort::fg::Reader;
use doelpoort_core::audit::alert::{Code, Thresholds};
use doelpoort_core::audit::filter::Filter;
use doelpoort_core::audit::ldv::{Register, SubjectKey};

use super::*;
use crate::support::world::World as Gateway;
use crate::support::world::ask::records;
use crate::support::world::pupils::{CONSULENT, SITE, bsn, caseload, enrolment};

const ORIGIN: &str = "doelpoort.example/test/audit/2026";

/// A consulent has opened twelve pupils.
async fn opened(backend: Backend) -> Option<Gateway> {
    let world = Gateway::new(backend).await?;
    let enrolments: Vec<_> = (0..12).map(enrolment).collect();
    world
        .deliver("vendor-alpha-delivery", "enrolment", &enrolments)
        .await;
    let cases = [caseload(CONSULENT, SITE)];
    world.deliver("swv-po-delivery", "caseload", &cases).await;
    let consulent = world.client("swv-po-consulent");
    consulent.query(records(&["pseudonym"])).await.unwrap();
    Some(world)
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn one_person_who_opens_too_many_is_found_by_the_fg_alone(#[case] backend: Backend) {
    let Some(world) = opened(backend).await else {
        return;
    };
    let entries = Entries::Database(world.gateway.store().clone());
    let now = world.clock.now().as_microsecond();
    for (limit, fires) in [(11, true), (12, false)] {
        let limits = Thresholds {
            person_pupils_a_day_max: limit,
            ..Thresholds::default()
        };
        let mut open = opening(Reader::new(ORIGIN, &world.files.fg));
        let found = alerts(&entries, limits.clone(), None, now, Some(&mut open))
            .await
            .unwrap();
        let person = found.iter().find(|alert| alert.code == Code::PersonMany);
        assert_eq!(person.is_some(), fires);
        if let Some(alert) = person {
            assert_eq!(alert.person.as_ref().unwrap().0, CONSULENT);
            assert_eq!(alert.found, 12);
        }
        let sealed = alerts(&entries, limits, None, now, None).await.unwrap();
        assert!(sealed.iter().all(|alert| alert.code != Code::PersonMany));
    }
}

#[tokio::test]
async fn records_about_pupils_have_codes_and_never_numbers_or_ids() {
    let world = opened(Backend::Sqlite).await.unwrap();
    let entries = Entries::Database(world.gateway.store().clone());
    let mut texts = Vec::new();
    for form in [Form::Ldv, Form::Ndjson, Form::Csv, Form::Adl, Form::Nen7513] {
        let mut open = opening(Reader::new(ORIGIN, &world.files.fg));
        let export = Export {
            entries: &entries,
            filter: Filter {
                purpose: Some("case-consultation".to_owned()),
                kinds: vec![Kind::AccessDecided],
                ..Filter::default()
            },
            register: Register {
                url: "https://example.nl/v1/register".to_owned(),
                origin: ORIGIN.to_owned(),
            },
            opened: Some(Opened {
                open: &mut open,
                subjects: SubjectKey::from_bytes(&[7; 32]),
            }),
        };
        let mut out = Vec::new();
        assert_eq!(export.write(form, &mut out).await.unwrap(), 1);
        texts.push(String::from_utf8(out).unwrap());
    }
    assert_eq!(texts[0].matches("\"dpl.core.data_subject_id\"").count(), 12);
    assert!(
        !texts[0].contains(CONSULENT),
        "the standard wants no user in its records"
    );
    for text in &texts[1..] {
        assert!(text.contains(CONSULENT), "{text}");
    }
    for text in &texts {
        assert!((0..12).all(|pupil| !text.contains(&bsn(pupil))));
    }
}
