//! The data protection officer (FG) looks at the log. First that is logged, then it is shown: an announcement gets its
//! receipt, a pupil's number the pupil's place in the log, sealed to the FG. Who asked, why and for which case is in the
//! private part; known and unknown numbers are answered alike.

use doelpoort_core::audit::Hash;
use doelpoort_core::audit::day::Month;
use doelpoort_core::audit::leaf::{self, Event, GRANTED, Kind, PurposeVersion, Value, extra};
use doelpoort_core::audit::place::Place;
use doelpoort_core::audit::private::{Private, StaffPart};
use doelpoort_core::audit::receipt::{Receipt, answer_digest};
use doelpoort_core::party::{Caller, Staff};
use doelpoort_core::policy::decide::decide_released;
use doelpoort_core::request::{InputError, LogLook, LookCommand, OnBehalfOf, Request, SearchRequest};
use doelpoort_core::request_digest::RequestDigest;
use jiff::Timestamp;
use serde_json::{Map, json};

use super::{Refusal, Trace};
use crate::gateway::{Current, Gateway};
use crate::identity::{Asking, ProvedOnce};
use crate::limit::{LimitScope, Limited};
use crate::log::sealing::{self, Context, Sealed};
use crate::log::{Entry, LogError};

/// The role of a program of the FG's.
pub(crate) const ROLE: &str = "fg";
/// Seconds of a day.
const DAY_S: i64 = 24 * 60 * 60;

/// A look that is in the log: what may be shown now, and the proof that it was logged first.
#[derive(Debug)]
pub struct Look {
    /// The answer's `data`, exact bytes; none where the receipt is all.
    pub data: Option<String>,
    /// The answer's `meta`, exact bytes.
    pub meta: String,
    /// The receipt.
    pub receipt: Receipt,
}

/// What is known of a look so far.
struct Looked {
    event: Event,
    private: Private,
    generation: i64,
}

impl Looked {
    fn new(caller: &Caller, trace: Trace, received: Timestamp, current: &Current) -> Self {
        let mut event = Event::new(Kind::LogRead, [0; 16]);
        event.requested_at = Some(received.as_microsecond());
        event.recipient = Some(caller.organisation.to_string());
        event.trace = Some(trace.trace_id);
        event.span = Some(trace.span_id);
        event.policy = Some(current.policies.digest);
        Self {
            event,
            private: Private::default(),
            generation: current.generation,
        }
    }

    fn says(&mut self, command: &str) {
        let command = Value::Text(command.to_owned());
        self.event.extra.insert(extra::COMMAND, command);
    }

    fn persons(&mut self, persons: &[Staff]) {
        let [first, others @ ..] = persons else { return };
        self.private.staff = Some(StaffPart {
            subject: first.subject.clone(),
            proved: first.proved,
            case: first.case.clone(),
            released_by: others.first().map(|other| other.subject.clone()),
        });
    }

    /// The entry of the outcome; with an answer, one that commits to it.
    fn entry(&self, refusal: Option<&Refusal>, answer: Option<Hash>) -> Result<Entry, LogError> {
        let mut entry = Entry::new(Kind::LogRead)?;
        entry.event = Event {
            entry_id: entry.event.entry_id,
            ..self.event.clone()
        };
        entry.private = self.private.clone();
        entry.event.decision = Some(refusal.map_or(GRANTED, Refusal::code).to_owned());
        if let Some(clause) = refusal.and_then(Refusal::clause) {
            entry.event.clause = Some(clause.to_owned());
        }
        match answer {
            Some(digest) => entry.answering(digest),
            None => Ok(entry),
        }
    }
}

/// The entry of a reading by a program, before it is decided.
///
/// # Errors
/// When there is no randomness.
pub(crate) fn reading(caller: &Caller, trace: Trace, received: Timestamp) -> Result<Entry, LogError> {
    let mut entry = Entry::new(Kind::LogRead)?;
    entry.event.requested_at = Some(received.as_microsecond());
    entry.event.recipient = Some(caller.organisation.to_string());
    entry.event.trace = Some(trace.trace_id);
    entry.event.span = Some(trace.span_id);
    Ok(entry)
}

impl Gateway {
    /// Takes note of what the FG's process is about to do. Its receipt is what the process needs before it looks.
    ///
    /// # Errors
    /// The refusal, once it is logged.
    pub async fn announce_look(
        &self,
        caller: &Caller,
        body: &[u8],
        trace: Trace,
        received: Timestamp,
    ) -> Result<Look, Refusal> {
        let current = self.policies.current();
        let mut looked = Looked::new(caller, trace, received, &current);
        let outcome = self.announced(&current, caller, body, &mut looked).await;
        let meta = json!({ "logged": looked.event.extra.contains_key(&extra::COMMAND) }).to_string();
        self.record_look(caller, &looked, outcome.map(|()| (None, meta)))
            .await
    }

    /// A pupil's place in the log, sealed to the keys of the FG that are asked for: nobody else can read it, and nobody
    /// can tell from the answer whether the number is known.
    ///
    /// # Errors
    /// The refusal, once it is logged.
    pub async fn find_place(
        &self,
        caller: &Caller,
        body: &[u8],
        trace: Trace,
        received: Timestamp,
    ) -> Result<Look, Refusal> {
        let current = self.policies.current();
        let mut looked = Looked::new(caller, trace, received, &current);
        looked.event.form = Some(leaf::Form::Search);
        let outcome = self.sought(&current, caller, body, &mut looked).await;
        self.record_look(caller, &looked, outcome.map(|(data, meta)| (Some(data), meta)))
            .await
    }

    async fn record_look(
        &self,
        caller: &Caller,
        looked: &Looked,
        outcome: Result<(Option<String>, String), Refusal>,
    ) -> Result<Look, Refusal> {
        let refusal = match outcome {
            Ok((data, meta)) => {
                let digest = data
                    .as_ref()
                    .map(|data| answer_digest(data.as_bytes(), meta.as_bytes()));
                let entry = looked.entry(None, digest)?.decided_under(looked.generation);
                match self.log.append(entry).await {
                    Ok(receipt) => return Ok(Look { data, meta, receipt }),
                    Err(LogError::PolicyChanged) => {
                        self.hear_now().await;
                        Refusal::PolicyChanged
                    }
                    Err(error) => error.into(),
                }
            }
            Err(refusal) => refusal,
        };
        let entry = looked.entry(Some(&refusal), None)?;
        self.log.append_refusal(&caller.client, entry).await?;
        Err(refusal)
    }

    /// May this program read as the FG: in that role, at the organisation whose FG the private parts are sealed to?
    pub(crate) fn check_fg(&self, caller: &Caller) -> Result<(), Refusal> {
        self.limits.check_client(caller)?;
        let ours = self.log.fg_keys().organisation == caller.organisation;
        if ours && caller.roles.iter().any(|role| role == ROLE) {
            Ok(())
        } else {
            Err(Refusal::Role)
        }
    }

    async fn announced(
        &self,
        current: &Current,
        caller: &Caller,
        body: &[u8],
        looked: &mut Looked,
    ) -> Result<(), Refusal> {
        current.check_in_force()?;
        self.check_fg(caller)?;
        let look = LogLook::parse(body)?;
        looked.says(look.command.as_str());
        let commitment = Value::Bytes(look.commitment.to_vec());
        looked.event.extra.insert(extra::SOUGHT, commitment);
        looked.private.query = Some(json!({
            "command": look.command.as_str(), "reason": look.reason.as_str(), "sought": look.sought,
        }));
        let named = [look.on_behalf_of.as_ref(), look.released_by.as_ref()];
        let proved = self.proved(current, caller, body, named)?;
        let persons: Vec<Staff> = proved.iter().map(|proved| proved.staff.clone()).collect();
        looked.persons(&persons);
        check_persons(look.command, &persons)?;
        self.use_up(&proved).await
    }

    async fn sought(
        &self,
        current: &Current,
        caller: &Caller,
        body: &[u8],
        looked: &mut Looked,
    ) -> Result<(String, String), Refusal> {
        let now = self.clock.now();
        let policies = &current.policies;
        current.check_in_force()?;
        self.check_fg(caller)?;
        let request = Request::search(&caller.organisation, body)?;
        let Request::Search(search) = &request else {
            return Err(Refusal::Internal);
        };
        looked.says(LookCommand::SearchPupil.as_str());
        looked.private.query = Some(recorded(search));
        looked.event.purpose = policies
            .purposes
            .get(&search.purpose)
            .map(|standing| PurposeVersion {
                id: standing.purpose.id.to_string(),
                version: standing.purpose.version,
            });
        let named = [search.on_behalf_of.as_ref(), search.released_by.as_ref()];
        let proved = self.proved(current, caller, body, named)?;
        let persons: Vec<Staff> = proved.iter().map(|proved| proved.staff.clone()).collect();
        looked.persons(&persons);
        let persons: Vec<&Staff> = persons.iter().collect();
        let permit = decide_released(policies, caller, &persons, &request, now)?;
        looked.event.policy = Some(permit.standing().manifest_digest);
        looked.event.clause = Some(permit.clause().to_owned());
        self.limits.check(caller, permit.purpose(), &permit.limit())?;
        let keys = self.keys_of(search)?;
        self.use_up(&proved).await?;
        self.take_search(caller, permit.searches_a_day().unwrap_or(0), now)
            .await?;
        let pupils = self.pupils(&permit, &request, now).await?;
        let subject = pupils.first().ok_or(Refusal::Internal)?.subject;
        let (merged, unconfirmed) = self.store.merged_into(&subject).await?;
        looked.private.subjects = vec![subject];
        let place = if unconfirmed {
            Place::Unconfirmed
        } else {
            Place::Subjects(std::iter::once(subject).chain(merged).collect())
        };
        let data = self.sealed_place(&place, &keys)?;
        let meta = json!({ "purpose": search.purpose.as_str(), "origin": self.log.verifier().name() });
        Ok((data, meta.to_string()))
    }

    /// The persons who stand for a look, each by an assertion that works once.
    fn proved(
        &self,
        current: &Current,
        caller: &Caller,
        body: &[u8],
        named: [Option<&OnBehalfOf>; 2],
    ) -> Result<Vec<ProvedOnce>, Refusal> {
        let body: Map<String, serde_json::Value> =
            serde_json::from_slice(body).map_err(|_| Refusal::Internal)?;
        let digest = RequestDigest::of(&body).map_err(|_| Refusal::Internal)?;
        let asking = Asking {
            caller,
            recipient: &caller.organisation,
        };
        let organisations = &current.policies.organisations;
        let mut proved = Vec::new();
        for person in named.into_iter().flatten() {
            if let Some(assertion) = &person.assertion {
                let (case, now) = (person.case.clone(), self.clock.now());
                let once = self
                    .identity
                    .staff_once(organisations, asking, assertion, &digest, case, now)?;
                proved.push(once);
            }
        }
        Ok(proved)
    }

    async fn use_up(&self, proved: &[ProvedOnce]) -> Result<(), Refusal> {
        for one in proved {
            let until = one.remember_until.as_microsecond();
            if !self.store.use_once(&one.id, until).await? {
                tracing::info!(reason = "replayed", "staff assertion refused");
                return Err(Refusal::Staff);
            }
        }
        Ok(())
    }

    async fn take_search(&self, caller: &Caller, most: u32, now: Timestamp) -> Result<(), Refusal> {
        let second = now.as_second();
        let day = second.div_euclid(DAY_S);
        if self.store.take_search(&caller.organisation, day, most).await? {
            return Ok(());
        }
        Err(Refusal::Limited(Limited {
            scope: LimitScope::Purpose,
            limit: most,
            retry_after_s: u64::try_from(DAY_S - second.rem_euclid(DAY_S)).unwrap_or(1),
        }))
    }

    /// The public keys that the answer is to be sealed to.
    fn keys_of(&self, search: &SearchRequest) -> Result<Vec<(Month, [u8; 32])>, Refusal> {
        let keys = self.log.fg_keys();
        let found = search.months.iter().enumerate().map(|(place, month)| {
            let key = keys.of(*month).map(|key| (*month, *key));
            key.ok_or_else(|| InputError {
                part: "body",
                location: format!("/months/{place}"),
                code: "no-such-key",
                detail: "the gateway has no public key of yours for this month".to_owned(),
            })
        });
        let (mut known, mut errors) = (Vec::new(), Vec::new());
        for one in found {
            match one {
                Ok(key) => known.push(key),
                Err(error) => errors.push(error),
            }
        }
        if errors.is_empty() {
            Ok(known)
        } else {
            Err(errors.into())
        }
    }

    fn sealed_place(&self, place: &Place, keys: &[(Month, [u8; 32])]) -> Result<String, Refusal> {
        let plain = place.encode().map_err(|_| Refusal::Internal)?;
        let mut sealed = Vec::new();
        for (month, key) in keys {
            let context = Context {
                origin: self.log.verifier().name(),
                month: *month,
                what: Sealed::Subject,
            };
            let bytes = sealing::seal(key, context, &plain).map_err(|_| Refusal::Internal)?;
            sealed.push(json!({ "month": month, "place": doelpoort_core::audit::base64(&bytes) }));
        }
        Ok(json!({ "sealed": sealed }).to_string())
    }
}

/// What the private part keeps of it: everything but the number.
fn recorded(search: &SearchRequest) -> serde_json::Value {
    json!({
        "command": LookCommand::SearchPupil.as_str(),
        "purpose": search.purpose.as_str(),
        "reason": search.reason.as_str(),
        "pupil": search.pupil.kind.as_str(),
        "months": search.months,
    })
}

/// Enough different persons, each proved; a case is asked for where the request is read.
fn check_persons(command: LookCommand, persons: &[Staff]) -> Result<(), Refusal> {
    let mut subjects: Vec<&str> = persons.iter().map(|person| person.subject.as_str()).collect();
    subjects.sort_unstable();
    subjects.dedup();
    if subjects.len() >= command.persons() {
        Ok(())
    } else {
        Err(Refusal::Persons)
    }
}
