//! A withdrawal: what an organisation approved no longer holds, from the commit of its entry on, on every replica.

use doelpoort_core::audit::leaf::{Kind, PurposeVersion, Value, extra};
use doelpoort_core::audit::receipt::Receipt;
use doelpoort_core::party::Caller;
use doelpoort_core::policy::decide::{Denial, DenialCode};
use doelpoort_core::policy::history::WITHDRAWN;
use doelpoort_core::purpose::Purpose;
use doelpoort_core::request::{InputError, WithdrawalRequest};
use jiff::Timestamp;

use super::activation::{ATTEMPTS_MAX, Ledger};
use super::{Current, Gateway};
use crate::exchange::{Refusal, Trace};
use crate::log::{Effect, Entry, LogError};

/// The role of a program that may withdraw for its organisation.
const ROLE: &str = "policy";

/// A withdrawal that holds.
#[derive(Debug)]
pub struct Withdrawn {
    /// What was withdrawn.
    pub request: WithdrawalRequest,
    /// The policy generation from here on.
    pub generation: i64,
    /// That it was logged.
    pub receipt: Receipt,
}

impl Gateway {
    /// Withdraws what the caller's own organisation approved. It holds on every replica once its entry is durable; this
    /// one already acts on it when this returns.
    ///
    /// # Errors
    /// The refusal, once it is logged.
    pub async fn withdraw(
        &self,
        caller: &Caller,
        body: &[u8],
        trace: Trace,
        received: Timestamp,
    ) -> Result<Withdrawn, Refusal> {
        let entry = || -> Result<Entry, LogError> {
            let mut entry = Entry::new(Kind::Withdrawal)?;
            entry.event.requested_at = Some(received.as_microsecond());
            entry.event.recipient = Some(caller.organisation.to_string());
            entry.event.trace = Some(trace.trace_id);
            entry.event.span = Some(trace.span_id);
            Ok(entry)
        };
        match self.check_withdrawal(caller, body) {
            Ok(request) => self.log_withdrawal(caller, request, entry).await,
            Err(refusal) => {
                let mut entry = entry()?;
                entry.event.decision = Some(refusal.code().to_owned());
                self.log.append_refusal(&caller.client, entry).await?;
                Err(refusal)
            }
        }
    }

    fn check_withdrawal(&self, caller: &Caller, body: &[u8]) -> Result<WithdrawalRequest, Refusal> {
        self.limits.check_client(caller)?;
        if !caller.roles.iter().any(|role| role == ROLE) {
            return Err(Refusal::Role);
        }
        let request = WithdrawalRequest::parse(body)?;
        let current = self.policies.current();
        let unknown = || Refusal::from(Denial::new(DenialCode::NoSuchPurpose));
        if let WithdrawalRequest::Purpose(id) | WithdrawalRequest::Grant(id, _) = &request {
            let standing = current.policies.purposes.get(id).ok_or_else(unknown)?;
            if !takes_part(&current, &standing.purpose, caller) {
                return Err(unknown());
            }
            if let WithdrawalRequest::Grant(_, grant) = &request
                && *grant >= standing.purpose.grants.len()
            {
                return Err(Refusal::Invalid(vec![no_such_grant(
                    standing.purpose.grants.len(),
                )]));
            }
        }
        Ok(request)
    }

    async fn log_withdrawal(
        &self,
        caller: &Caller,
        request: WithdrawalRequest,
        entry: impl Fn() -> Result<Entry, LogError>,
    ) -> Result<Withdrawn, Refusal> {
        let mut ledger = self.ledger.lock().await;
        for _ in 0..ATTEMPTS_MAX {
            self.hear(&mut ledger).await?;
            let generation = ledger.generation() + 1;
            let mut entry = entry()?;
            self.describe(&mut entry, caller, &request, &ledger);
            let digest = ledger.history().policies.ok_or(Refusal::Internal)?;
            let appended = self
                .log
                .append(entry.with_effect(Effect::SetPolicyGeneration { generation, digest }))
                .await;
            // Also when nobody knows what became of the entry: if it is in the log, it holds.
            let heard = self.hear(&mut ledger).await;
            match appended {
                Ok(receipt) => {
                    heard?;
                    return Ok(Withdrawn {
                        request,
                        generation,
                        receipt,
                    });
                }
                Err(LogError::PolicyChanged) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Refusal::PolicyChanged)
    }

    fn describe(&self, entry: &mut Entry, caller: &Caller, request: &WithdrawalRequest, ledger: &Ledger) {
        let event = &mut entry.event;
        event.decision = Some(WITHDRAWN.to_owned());
        event.policy = ledger.history().policies;
        event
            .extra
            .insert(extra::HOLDER, Value::Text(caller.organisation.to_string()));
        event
            .extra
            .insert(extra::GENERATION, Value::Number(ledger.history().generation + 1));
        if let WithdrawalRequest::Purpose(id) | WithdrawalRequest::Grant(id, _) = request {
            let current = self.policies.current();
            event.purpose = current.policies.purposes.get(id).map(|standing| PurposeVersion {
                id: id.to_string(),
                version: standing.purpose.version,
            });
        }
        if let WithdrawalRequest::Grant(id, grant) = request {
            event.clause = Some(format!("{id}/grant/{grant}"));
        }
    }
}

/// Whether the caller's organisation has approved the purpose, or must: as controller or as holder.
pub(super) fn takes_part(current: &Current, purpose: &Purpose, caller: &Caller) -> bool {
    let policies = &current.policies;
    let controls = purpose
        .controllers
        .iter()
        .any(|one| one.organisation == caller.slug);
    let holds = |grant: &doelpoort_core::purpose::Grant| {
        let touched = grant.touched(&policies.catalogue, &policies.organisations);
        touched.iter().any(|party| party.slug == caller.slug)
    };
    controls || purpose.grants.iter().any(holds)
}

fn no_such_grant(grants: usize) -> InputError {
    InputError {
        part: "body",
        location: "/grant".to_owned(),
        code: "out-of-range",
        detail: format!("the purpose has {grants} grants, counted from 0"),
    }
}
