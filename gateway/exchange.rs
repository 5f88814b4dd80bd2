//! THE LINE: the only file that knows the order in which a request becomes an answer.
//!
//! [`Gateway::exchange`] records every outcome, then answers: for an identified caller there is no way out that is not
//! logged. Each step returns a value that only that step can make, so a step cannot be skipped or moved.

mod asked;
mod cells;
mod cursor;
mod look;
mod look_ups;
mod meant;
mod record;
pub mod recorded;
mod refusal;
mod steps;

use doelpoort_core::answer::Answer;
use doelpoort_core::party::Caller;
use doelpoort_core::plan::Plan;
use doelpoort_core::policy::decide::decide_released;
use doelpoort_core::protect::{Envelope, Release, protect};
use doelpoort_core::pseudonymise::pseudonymise;

use crate::gateway::{Current, Gateway};

pub use asked::{Asked, Question, Trace};
pub(crate) use cells::TakenCells;
pub use look::Look;
pub(crate) use look::{ROLE as FG_ROLE, reading};
pub(crate) use meant::{sealed_to, unknown_of};
pub use refusal::{NOT_DECISIONS, Refusal};

use cursor::Cursor;
use record::Circumstances;

/// How often a request is decided at the most, while policies change under it.
const DECISIONS_MAX: usize = 3;

impl Gateway {
    /// Answers one request of an identified caller, or refuses it; both are in the log before anything leaves.
    ///
    /// # Errors
    /// The refusal, once it is logged; [`Refusal::Log`] when it could not be.
    pub async fn exchange(&self, caller: &Caller, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let mut left = DECISIONS_MAX;
        loop {
            left -= 1;
            // On the heap, which is wiped when it is let go: a deeper stack is not.
            match Box::pin(self.decide_and_record(caller, asked)).await {
                // It is in the log that the policies changed meanwhile: by the new ones, then.
                Err(Refusal::PolicyChanged) if left > 0 => {}
                done => return done,
            }
        }
    }

    async fn decide_and_record(&self, caller: &Caller, asked: &Asked<'_>) -> Result<Answer, Refusal> {
        let current = self.policies.current();
        let mut circumstances = Circumstances::new(caller, asked, &current, self.clock.now());
        let outcome = self.evaluate(&current, caller, asked, &mut circumstances).await;
        let (outcome, receipt) = self.record(&circumstances, outcome).await?;
        outcome.map(|release| Answer::new(release, receipt))
    }

    async fn evaluate(
        &self,
        current: &Current,
        caller: &Caller,
        asked: &Asked<'_>,
        circumstances: &mut Circumstances,
    ) -> Result<Release, Refusal> {
        let (now, keyring) = (circumstances.now(), self.keyring());
        let policies = &current.policies;
        current.check_in_force()?;
        self.limits.check_client(caller)?;
        let request = match asked.parse(&policies.catalogue, caller) {
            Ok(request) => request,
            Err(errors) => {
                self.count_malformed(&policies.organisations, caller, asked, &errors, now)
                    .await?;
                return Err(asked.not_understood(policies, caller, errors, now));
            }
        };
        circumstances.asked_for(&request, asked.recorded(caller, now), policies);
        let cursor = Cursor::open(self, caller, policies, asked, &request, now)?;
        let staff = self.staff(policies, caller, asked, &request, cursor.as_ref(), now)?;
        let second = self.second_person(policies, caller, asked, &request, now)?;
        circumstances.asks(staff.as_ref(), second.as_ref());
        let persons: Vec<_> = staff.iter().chain(&second).collect();
        let permit = decide_released(policies, caller, &persons, &request, now)?;
        circumstances.permitted(&permit);
        self.limits.check(caller, permit.purpose(), &permit.limit())?;
        self.take_pseudonyms(&permit, &request, now).await?;
        let pupils = self.pupils(&permit, &request, now).await?;
        circumstances.names(&pupils);
        let plan = Plan::minimal(&permit, &request, pupils)?;
        let extract = self.source.fetch(&policies.catalogue, &plan, now).await;
        let extract = extract.map_err(|error| Refusal::by_source(error, &permit))?;
        circumstances.found(&plan, &extract);
        self.take_cells(&permit, &plan, &extract).await?;
        let reference = self.ask_holders(&permit, &plan, &extract, staff.as_ref(), circumstances)?;
        let known = extract.len();
        let after = cursor.as_ref().and_then(Cursor::last);
        let pseudonymised = pseudonymise(&permit, &plan, extract, &self.exit_key(&keyring)?, after);
        cursor
            .as_ref()
            .map_or(Ok(()), |cursor| cursor.leads_to(&pseudonymised))?;
        circumstances.answers(&permit, &pseudonymised);
        self.pass_on(&permit, &plan, &pseudonymised, known, circumstances)
            .await?;
        let next_cursor = Cursor::next(self, caller, policies, asked, staff.as_ref(), &pseudonymised, now)?;
        Ok(protect(
            &permit,
            &plan,
            pseudonymised,
            Envelope {
                next_cursor,
                format: asked.format(),
                reference,
            },
        )?)
    }
}
