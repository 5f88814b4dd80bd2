//! What the log's entry of a request says: who, why, what kind, and how it was decided; never a person.

use doelpoort_core::audit::leaf::{self, Event, GRANTED, Kind, PurposeVersion, Value, extra};
use doelpoort_core::extract::Extract;
use doelpoort_core::party::Caller;
use doelpoort_core::plan::Plan;
use doelpoort_core::policy::Policies;
use doelpoort_core::policy::decide::Permit;
use doelpoort_core::protect::Release;
use doelpoort_core::request::{Form, Request};
use jiff::Timestamp;

use super::{Asked, Refusal};
use crate::gateway::Current;
use crate::log::{Entry, LogError};

/// What is known of a request so far; each step adds what it learned.
pub(crate) struct Circumstances {
    now: Timestamp,
    generation: i64,
    event: Event,
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
            now,
            generation: current.generation,
            event,
        }
    }

    /// The moment of the decision.
    pub(crate) fn now(&self) -> Timestamp {
        self.now
    }

    /// The request was understood. A purpose that exists is named, whatever is decided; other text never is.
    pub(crate) fn asked_for(&mut self, request: &Request, policies: &Policies) {
        self.event.form = Some(leaf_form(request.form()));
        self.event.purpose = policies
            .purposes
            .get(request.purpose())
            .map(|standing| PurposeVersion {
                id: standing.purpose.id.to_string(),
                version: standing.purpose.version,
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
        self.event.acting_for = permit.acting_for().map(ToString::to_string).into_iter().collect();
    }

    /// The rows or cells were read. Figures name their population, epoch and number of cells; they concern nobody.
    pub(crate) fn found(&mut self, plan: &Plan, extract: &Extract) {
        let (Plan::Figures(plan), Extract::Cells(cells)) = (plan, extract) else {
            return;
        };
        let count = u64::try_from(cells.values.len()).unwrap_or(u64::MAX);
        self.event
            .extra
            .insert(extra::POPULATION, Value::Text(plan.population().to_string()));
        self.event
            .extra
            .insert(extra::EPOCH, Value::Text(cells.epoch.to_string()));
        self.event.extra.insert(extra::CELLS, Value::Number(count));
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
        match outcome {
            Ok(release) => {
                entry.event.decision = Some(GRANTED.to_owned());
                Ok(entry.answering(release.digest())?.decided_under(self.generation))
            }
            Err(refusal) => {
                entry.event.decision = Some(refusal.code().to_owned());
                if let Some(clause) = refusal.clause() {
                    entry.event.clause = Some(clause.to_owned());
                }
                Ok(entry)
            }
        }
    }
}

pub(crate) fn leaf_form(form: Form) -> leaf::Form {
    match form {
        Form::Delivery => leaf::Form::Delivery,
        Form::Facts => leaf::Form::Facts,
        Form::Figures => leaf::Form::Figures,
        Form::Records => leaf::Form::Records,
    }
}
