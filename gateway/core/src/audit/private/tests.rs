use super::*;
use crate::audit::day::Day;
use crate::audit::leaf::Kind;

fn subject(byte: u8) -> SubjectId {
    SubjectId::from_bytes([byte; 16])
}

fn private() -> Private {
    let mut private = Private {
        staff: Some(StaffPart {
            subject: "j.jansen@swv.example".to_owned(),
            proved: true,
            case: Some("2026-17".to_owned()),
            released_by: None,
        }),
        subjects: vec![subject(1), subject(2), subject(3)],
        query: Some(serde_json::json!({ "route": "facts", "fields": ["enrolment.site"] })),
        result: Some(
            ResultPart {
                rows: 3,
                ..ResultPart::default()
            }
            .with_answer(&[9; 32]),
        ),
        salts: Salts::default(),
    };
    let mut next = 0;
    private
        .salt(|| {
            next += 1;
            Ok::<_, ()>([next; 32])
        })
        .unwrap();
    private
}

fn key() -> DayKey {
    DayKey::seed(Day::of(0), &[7; 32])
}

fn event(private: &Private) -> Event {
    let mut event = Event::new(Kind::AccessDecided, [5; 16]);
    event.commitments = private.commitments();
    event.tags = private.tags(&key(), &[5; 16]);
    event
}

#[test]
fn what_is_encoded_is_decoded() {
    let bytes = private().encode();
    assert_eq!(bytes.len(), 1024);
    assert!(Private::decode(&bytes).unwrap() == private());
    assert!(Private::decode(&Private::default().encode()).unwrap().is_empty());
}

#[test]
fn the_length_tells_little() {
    let mut other = private();
    other.subjects = vec![subject(9); 2];
    assert_eq!(private().encode().len(), other.encode().len());
}

#[test]
fn anything_else_is_refused() {
    let bytes = private().encode();
    for wrong in [&bytes[..3], &bytes[..100], &[0xff; 600], b"\0\0\0\x0212"] {
        assert_eq!(Private::decode(wrong).err(), Some(PrivateError::Malformed));
    }
    let mut hidden = bytes.to_vec();
    *hidden.last_mut().unwrap() = 1;
    assert_eq!(Private::decode(&hidden).err(), Some(PrivateError::Malformed));
}

#[test]
fn the_leaf_binds_every_part() {
    let event = event(&private());
    assert_eq!(private().verify(&event, &key()), Ok(()));

    let mut other = private();
    other.staff.as_mut().unwrap().case = None;
    assert_eq!(
        other.verify(&event, &key()),
        Err(PrivateError::Commitment("staff"))
    );
    let mut other = private();
    other.subjects.swap(0, 1);
    assert_eq!(
        other.verify(&event, &key()),
        Err(PrivateError::Commitment("subjects"))
    );
    let mut other = private();
    other.query = None;
    assert_eq!(
        other.verify(&event, &key()),
        Err(PrivateError::Commitment("query"))
    );
    let mut other = private();
    other.result = Some(ResultPart::default().with_answer(&[8; 32]));
    assert_eq!(
        other.verify(&event, &key()),
        Err(PrivateError::Commitment("result"))
    );
}

#[test]
fn a_pupil_who_was_not_tagged_is_noticed() {
    let mut event = event(&private());
    *event.tags.get_mut(1).unwrap() = [0; 16];
    assert_eq!(private().verify(&event, &key()), Err(PrivateError::Tags));
    let mut short = self::event(&private());
    short.tags.pop();
    assert_eq!(private().verify(&short, &key()), Err(PrivateError::Tags));
}

#[test]
fn debug_shows_nobody() {
    let shown = format!("{:?}", private());
    assert!(!shown.contains("jansen") && !shown.contains("2026-17"), "{shown}");
}
