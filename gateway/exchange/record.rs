//! What the log's entry of a request says: who, why, what kind, and how it was decided; never a person.

use doelpoort_core::audit::leaf::{self, Event, GRANTED, Kind, PurposeVersion, Value, extra};
use doelpoort_core::audit::private::{Private, ResultPart, StaffPart};
use doelpoort_core::catalogue::{About, Name};
use doelpoort_core::extract::{Extract, FactRow};
use doelpoort_core::party::{Caller, ClientId, Staff};
use doelpoort_core::plan::{AskedPupil, Plan, ReleasedRecords, RestrictPlan};
use doelpoort_core::policy::Policies;
use doelpoort_core::policy::decide::Permit;
use doelpoort_core::protect::Release;
use doelpoort_core::pseudonymise::Pseudonymised;
use doelpoort_core::purpose::Grant;
use doelpoort_core::request::{Form, Request, RestrictAction};
use jiff::Timestamp;

use super::{Asked, Refusal};
use crate::gateway::Current;
use crate::log::{Effect, Entry, LogError};
use crate::store::render::days;
use crate::store::restrictions::{Change, Restriction};

/// What is known of a request so far; each step adds what it learned.
pub(crate) struct Circumstances {
    client: ClientId,
    now: Timestamp,
    generation: i64,
    event: Event,
    private: Private,
    restricts: Option<Restriction>,
    effects: Vec<Effect>,
}

impl Circumstances {
    /// What is known before anything is parsed.
    pub(crate) fn new(caller: &Caller, asked: &Asked<'_>, current: &Current, now: Timestamp) -> Self {
        let trace = asked.trace();
        let mut event = Event::new(Kind::AccessDecided, [0; 16]);
        event.requested_at = Some(asked.received().as_microsecond());
        event.recipient = Some(caller.organisation.to_string());
        event.policy = Some(current.policies.digest);
        event.trace = Some(trace.trace_id);
        event.span = Some(trace.span_id);
        event.form = asked.form().map(leaf_form);
        Self {
            client: caller.client.clone(),
            now,
            generation: current.generation,
            event,
            private: Private::default(),
            restricts: None,
            effects: Vec::new(),
        }
    }

    /// Which program asks.
    pub(crate) fn client(&self) -> &ClientId {
        &self.client
    }

    /// The moment of the decision.
    pub(crate) fn now(&self) -> Timestamp {
        self.now
    }

    /// The request was understood. A purpose that exists is named, whatever is decided; other text never is. What was
    /// asked, without any identifier, is for the data protection officer, who can have it decided again.
    pub(crate) fn asked_for(
        &mut self,
        request: &Request,
        recorded: Option<serde_json::Value>,
        policies: &Policies,
    ) {
        self.private.query = recorded;
        self.event.form = Some(leaf_form(request.form()));
        self.event.purpose = policies
            .purposes
            .get(request.purpose())
            .map(|standing| PurposeVersion {
                id: standing.purpose.id.to_string(),
                version: standing.purpose.version,
            });
    }

    /// What takes place together with its entry, if it is granted.
    pub(crate) fn brings(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    /// For whom it is asked, and who releases it besides.
    pub(crate) fn asks(&mut self, staff: Option<&Staff>, second: Option<&Staff>) {
        self.private.staff = staff.map(|staff| StaffPart {
            subject: staff.subject.clone(),
            proved: staff.proved,
            case: staff.case.clone(),
            released_by: second.map(|second| second.subject.clone()),
        });
    }

    /// About whom it is asked. A number that nobody has counts as somebody, as it does for the answer.
    pub(crate) fn names(&mut self, pupils: &[AskedPupil]) {
        self.private.subjects = pupils.iter().map(|pupil| pupil.subject).collect();
    }

    /// What is about to be answered: how many rows of which fields, about whom.
    pub(crate) fn answers(&mut self, permit: &Permit<'_>, answer: &Pseudonymised) {
        let dataset = permit.policies().catalogue.dataset(permit.dataset());
        if dataset.is_some_and(|dataset| dataset.about == About::Pupil) {
            self.private.subjects.extend(answer.subjects());
        }
        self.private.result = Some(ResultPart {
            rows: u64::try_from(answer.count()).unwrap_or(u64::MAX),
            ..ResultPart::default()
        });
    }

    /// The request was granted by a clause.
    pub(crate) fn permitted(&mut self, permit: &Permit<'_>) {
        let standing = permit.standing();
        self.event.purpose = Some(PurposeVersion {
            id: standing.purpose.id.to_string(),
            version: standing.purpose.version,
        });
        self.event.policy = Some(standing.manifest_digest);
        self.event.clause = Some(permit.clause().to_owned());
        self.event.dataset = Some(permit.dataset().to_string());
        if let Some(code) = emergency(permit) {
            let code = Value::Text(code.to_string());
            self.event.extra.insert(extra::BREAK_GLASS, code);
        }
        self.event.acting_for = permit.acting_for().map(ToString::to_string).into_iter().collect();
    }

    /// The rows or cells were read. Figures name their population, epoch and number of cells; they concern nobody.
    pub(crate) fn found(&mut self, plan: &Plan, extract: &Extract) {
        let (plan, cells) = match (plan, extract) {
            (Plan::Figures(plan), Extract::Cells(cells)) => (plan, cells),
            (Plan::Records(plan), Extract::Anonymous(released)) => {
                let population = plan.released().map(ReleasedRecords::population);
                let say = population.map(|population| (extra::POPULATION, population.to_string()));
                let say = say
                    .into_iter()
                    .chain([(extra::EPOCH, released.epoch.to_string())]);
                self.event
                    .extra
                    .extend(say.map(|(key, text)| (key, Value::Text(text))));
                return;
            }
            (Plan::Restrict(plan), Extract::Facts(rows)) => return self.restricts(plan, rows),
            _ => return,
        };
        let count = u64::try_from(cells.values.len()).unwrap_or(u64::MAX);
        self.event
            .extra
            .insert(extra::POPULATION, Value::Text(plan.population().to_string()));
        self.event
            .extra
            .insert(extra::EPOCH, Value::Text(cells.epoch.to_string()));
        self.event.extra.insert(extra::CELLS, Value::Number(count));
        if let Some(earlier) = &cells.earlier {
            let epoch = Value::Text(earlier.epoch.to_string());
            self.event.extra.insert(extra::EARLIER_EPOCH, epoch);
        }
    }

    /// What is entered or lifted, for those of the named pupils that are the board's own. The log says what and for how
    /// many, never for whom.
    fn restricts(&mut self, plan: &RestrictPlan, rows: &[FactRow]) {
        let own = plan
            .pupils()
            .iter()
            .zip(rows)
            .filter(|(_, row)| row.values.is_some());
        let subjects: Vec<_> = own.map(|(pupil, _)| pupil.subject).collect();
        let mut say = |key, value| drop(self.event.extra.insert(key, value));
        say(
            extra::ROWS,
            Value::Number(u64::try_from(subjects.len()).unwrap_or(u64::MAX)),
        );
        say(extra::MODE, Value::Text(plan.action().as_str().to_owned()));
        say(extra::OUTCOME, Value::Text(plan.kind().as_str().to_owned()));
        if let Some(against) = plan.against() {
            say(extra::AGAINST, Value::Text(against.to_string()));
        }
        let change = match plan.action() {
            RestrictAction::Enter => Change::Enter {
                holder: plan.board().clone(),
                from_day: days(plan.from()),
                until_day: plan.until().map(days),
                entry: [0; 16],
            },
            RestrictAction::Lift => Change::Lift,
        };
        self.restricts = Some(Restriction {
            subjects,
            against: plan.against().cloned(),
            kind: plan.kind(),
            change,
        });
    }

    /// The entry of the outcome. A grant is refused by the log when the policies have changed since.
    ///
    /// # Errors
    /// When there is no randomness for its id and salts.
    pub(crate) fn entry(&self, outcome: Result<&Release, &Refusal>) -> Result<Entry, LogError> {
        let mut entry = Entry::new(Kind::AccessDecided)?;
        entry.event = Event {
            entry_id: entry.event.entry_id,
            ..self.event.clone()
        };
        entry.private = self.private.clone();
        match outcome {
            Ok(release) => {
                entry.event.decision = Some(GRANTED.to_owned());
                if release.is_sent_in_pieces() {
                    entry
                        .event
                        .extra
                        .insert(extra::BODY, Value::Number(release.bytes()));
                }
                let id = entry.event.entry_id;
                let entry = entry.answering(release.digest())?.decided_under(self.generation);
                let entry = self
                    .effects
                    .iter()
                    .fold(entry, |entry, effect| entry.with_effect(effect.clone()));
                Ok(match self.restricts.clone() {
                    None => entry,
                    Some(restriction) => entry.with_effect(Effect::Restrict(restriction.entered_by(id))),
                })
            }
            Err(refusal) => {
                // Nothing was given.
                entry.private.result = None;
                entry.event.decision = Some(refusal.code().to_owned());
                if let Some(clause) = refusal.clause() {
                    entry.event.clause = Some(clause.to_owned());
                }
                Ok(entry)
            }
        }
    }
}

/// The reason's code, where the grant that decided is an emergency procedure.
fn emergency<'p>(permit: &'p Permit<'_>) -> Option<&'p Name> {
    let position: usize = permit.clause().rsplit('/').next()?.parse().ok()?;
    match permit.standing().purpose.grants.get(position)? {
        Grant::Facts(facts) => facts.break_glass.as_ref(),
        _ => None,
    }
}

pub(crate) fn leaf_form(form: Form) -> leaf::Form {
    match form {
        Form::Delivery => leaf::Form::Delivery,
        Form::Facts => leaf::Form::Facts,
        Form::Figures => leaf::Form::Figures,
        Form::Records => leaf::Form::Records,
        Form::Resolve => leaf::Form::Resolve,
        Form::Restrict => leaf::Form::Restrict,
        Form::Search => leaf::Form::Search,
        Form::Translate => leaf::Form::Translate,
    }
}
