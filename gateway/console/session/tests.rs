//! A session begins with a code that works once, and ends.

use std::sync::Mutex;

use super::*;

fn at(minutes: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minutes)
}

fn sessions() -> (Sessions, Arc<Mutex<Vec<String>>>) {
    let printed = Arc::new(Mutex::new(Vec::new()));
    let terminal = Arc::clone(&printed);
    let sessions = Sessions::new(Box::new(move |told| {
        let (Told::Login(code) | Told::StepUp(code)) = told;
        terminal.lock().unwrap().push(code.to_owned());
    }));
    (sessions.unwrap_or_else(|_| panic!("no randomness")), printed)
}

fn begun(sessions: &Sessions, printed: &Mutex<Vec<String>>, minute: i64) -> String {
    sessions.offer_login(at(minute)).unwrap();
    let code = printed.lock().unwrap().last().unwrap().clone();
    sessions.begin(&code, Language::Dutch, at(minute)).unwrap()
}

#[test]
fn a_code_works_once_and_for_ten_minutes() {
    let (sessions, printed) = sessions();
    assert!(sessions.begin("", Language::Dutch, at(0)).is_err());
    sessions.offer_login(at(0)).unwrap();
    let code = printed.lock().unwrap()[0].clone();
    assert!(sessions.begin(&code, Language::Dutch, at(10)).is_err());
    sessions.offer_login(at(11)).unwrap();
    let code = printed.lock().unwrap()[1].clone();
    assert!(
        sessions
            .begin(&code.to_lowercase(), Language::Dutch, at(11))
            .is_ok()
    );
    assert!(sessions.begin(&code, Language::Dutch, at(11)).is_err());
}

#[test]
fn guessing_uses_a_code_up() {
    let (sessions, printed) = sessions();
    sessions.offer_login(at(0)).unwrap();
    for _ in 0..TRIES_MAX {
        assert!(sessions.begin("GUESS", Language::Dutch, at(0)).is_err());
    }
    let code = printed.lock().unwrap()[0].clone();
    assert!(sessions.begin(&code, Language::Dutch, at(0)).is_err());
}

#[test]
fn a_session_ends_when_nothing_happens_and_after_a_day_of_work() {
    let (sessions, printed) = sessions();
    let value = begun(&sessions, &printed, 0);
    for minute in (0..8 * 60).step_by(19) {
        assert!(sessions.find(&value, at(minute)).is_some(), "{minute}");
    }
    assert!(sessions.find(&value, at(8 * 60)).is_none());
    let value = begun(&sessions, &printed, 600);
    assert!(sessions.find(&value, at(620)).is_none());
    assert!(sessions.find("chosen by somebody else", at(600)).is_none());
}

#[test]
fn the_second_code_counts_for_a_quarter_of_an_hour() {
    let (sessions, printed) = sessions();
    let value = begun(&sessions, &printed, 0);
    let (id, _) = sessions.find(&value, at(0)).unwrap();
    let why = || Why {
        reason: "review".to_owned(),
        case: "1".to_owned(),
    };
    assert!(sessions.step_up(&id, "", why(), at(0)).is_err());
    sessions.offer_step_up(&id, at(0)).unwrap();
    let code = printed.lock().unwrap().last().unwrap().clone();
    sessions.step_up(&id, &code, why(), at(0)).unwrap();
    assert!(sessions.find(&value, at(14)).unwrap().1.why(at(14)).is_some());
    assert!(sessions.find(&value, at(15)).unwrap().1.why(at(15)).is_none());
    sessions.end(&id);
    assert!(sessions.find(&value, at(15)).is_none());
}
