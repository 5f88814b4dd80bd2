//! A withdrawal: what an organisation approved no longer holds, from the commit of its entry on, on every replica.

use doelpoort_core::audit::leaf::{Kind, PurposeVersion, Value, extra};
use doelpoort_core::audit::receipt::Receipt;
use doelpoort_core::catalogue::Name;
use doelpoort_core::party::{Caller, Oin};
use doelpoort_core::policy::decide::{Denial, DenialCode};
use doelpoort_core::policy::history::WITHDRAWN;
use doelpoort_core::policy::withdrawal::{InvalidWithdrawal, ROLE};
use doelpoort_core::policy::{History, Standing, Withdrawal};
use doelpoort_core::request::{InputError, WithdrawalRequest};
use jiff::Timestamp;

use super::activation::{ATTEMPTS_MAX, Ledger};
use super::{Current, Gateway};
use crate::exchange::{Refusal, Trace};
use crate::log::{Effect, Entry, LogError};

/// A withdrawal that holds.
#[derive(Debug)]
pub struct Withdrawn {
    /// Whose.
    pub organisation: Oin,
    /// What was withdrawn.
    pub request: WithdrawalRequest,
    /// The policy generation in which it holds.
    pub generation: i64,
    /// That it was logged; none where the same signed one was before.
    pub receipt: Option<Receipt>,
}

/// What an organisation withdraws, and by whose word.
struct Asked {
    organisation: Oin,
    request: WithdrawalRequest,
    /// The manifest of the purpose whose grant it is.
    manifest: Option<[u8; 32]>,
    /// As it was signed, and as of when.
    signed: Option<(String, Timestamp)>,
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
        let entry = || entry(&caller.organisation, trace, received);
        match self.check_withdrawal(caller, body) {
            Ok(asked) => self.log_withdrawal(asked, entry).await,
            Err(refusal) => {
                let mut entry = entry()?;
                entry.event.decision = Some(refusal.code().to_owned());
                self.log.append_refusal(&caller.client, entry).await?;
                Err(refusal)
            }
        }
    }

    /// The same by the word of an approver of the organisation, whoever brings it. What nobody signed is not logged; what
    /// was brought before holds already.
    ///
    /// # Errors
    /// The refusal.
    pub async fn withdraw_signed(
        &self,
        text: &str,
        trace: Trace,
        received: Timestamp,
    ) -> Result<Withdrawn, Refusal> {
        let (organisation, withdrawal) = self.check_signed(text, received).await?;
        let request = match (withdrawal.purpose, withdrawal.grant) {
            (None, _) => WithdrawalRequest::All,
            (Some(purpose), None) => WithdrawalRequest::Purpose(purpose),
            (Some(purpose), Some(grant)) => WithdrawalRequest::Grant(purpose, grant),
        };
        let asked = Asked {
            organisation: organisation.clone(),
            request,
            manifest: withdrawal.manifest,
            signed: Some((text.trim_end().to_owned(), withdrawal.at)),
        };
        self.log_withdrawal(asked, || entry(&organisation, trace, received))
            .await
    }

    async fn check_signed(&self, text: &str, now: Timestamp) -> Result<(Oin, Withdrawal), Refusal> {
        let current = self.policies.current();
        let keys = &current.policies.evidence.keys;
        if keys.head() != self.ledger.lock().await.history().keys {
            return Err(Refusal::NotInForce);
        }
        let withdrawal = Withdrawal::verify(text.trim_end(), &self.config.deployment.name, keys, now);
        let withdrawal = withdrawal.map_err(|invalid| Refusal::Invalid(vec![not_signed(&invalid)]))?;
        let organisation = withdrawal.organisation.clone().ok_or(Refusal::Internal)?;
        if let Some(id) = &withdrawal.purpose {
            let standing = asked_of(&current, id, &organisation)?;
            if let Some(grant) = withdrawal.grant_of(&standing.manifest_digest) {
                check_grant(standing, grant)?;
            }
        }
        Ok((organisation, withdrawal))
    }

    fn check_withdrawal(&self, caller: &Caller, body: &[u8]) -> Result<Asked, Refusal> {
        self.limits.check_client(caller)?;
        if !caller.roles.iter().any(|role| role == ROLE) {
            return Err(Refusal::Role);
        }
        self.limits.check_withdrawal(caller)?;
        let request = WithdrawalRequest::parse(body)?;
        let current = self.policies.current();
        let mut manifest = None;
        match &request {
            WithdrawalRequest::All => {
                if !current.policies.involve(&caller.organisation) {
                    return Err(unknown());
                }
            }
            WithdrawalRequest::Purpose(id) => {
                asked_of(&current, id, &caller.organisation)?;
            }
            WithdrawalRequest::Grant(id, grant) => {
                let standing = asked_of(&current, id, &caller.organisation)?;
                check_grant(standing, *grant)?;
                manifest = Some(standing.manifest_digest);
            }
        }
        Ok(Asked {
            organisation: caller.organisation.clone(),
            request,
            manifest,
            signed: None,
        })
    }

    /// Appends it. It takes a new generation only if something that stands no longer does; else it is kept for what is
    /// still to be read, such as an approval on its way.
    async fn log_withdrawal(
        &self,
        asked: Asked,
        entry: impl Fn() -> Result<Entry, LogError>,
    ) -> Result<Withdrawn, Refusal> {
        let mut ledger = self.ledger.lock().await;
        for _ in 0..ATTEMPTS_MAX {
            self.hear(&mut ledger).await?;
            let withdrawal = asked.withdrawal(self.clock.now());
            if asked.signed.is_some() && is_known(&ledger, &withdrawal) {
                return Ok(asked.holds(ledger.generation(), None));
            }
            let current = self.policies.current();
            let changes = !current.in_force || current.policies.are_changed_by(&withdrawal);
            let mut entry = entry()?;
            asked.describe(&mut entry, &current, ledger.history());
            if changes {
                let generation = ledger.generation() + 1;
                let digest = ledger.history().policies.ok_or(Refusal::Internal)?;
                let number = Value::Number(ledger.history().generation + 1);
                entry.event.extra.insert(extra::GENERATION, number);
                entry = entry.with_effect(Effect::SetPolicyGeneration { generation, digest });
            }
            let appended = self.log.append(entry).await;
            // Also when nobody knows what became of the entry: if it is in the log, it holds.
            let heard = self.hear(&mut ledger).await;
            match appended {
                Ok(receipt) => {
                    heard?;
                    ledger.known = self.log.history_since(&ledger.known).await?;
                    return Ok(asked.holds(ledger.generation(), Some(receipt)));
                }
                Err(LogError::PolicyChanged) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(Refusal::PolicyChanged)
    }
}

impl Asked {
    fn withdrawal(&self, now: Timestamp) -> Withdrawal {
        let (purpose, grant) = match &self.request {
            WithdrawalRequest::All => (None, None),
            WithdrawalRequest::Purpose(purpose) => (Some(purpose), None),
            WithdrawalRequest::Grant(purpose, grant) => (Some(purpose), Some(*grant)),
        };
        Withdrawal {
            organisation: Some(self.organisation.clone()),
            purpose: purpose.cloned(),
            grant,
            manifest: self.manifest,
            at: self.signed.as_ref().map_or(now, |(_, at)| *at),
        }
    }

    fn holds(&self, generation: i64, receipt: Option<Receipt>) -> Withdrawn {
        Withdrawn {
            organisation: self.organisation.clone(),
            request: self.request.clone(),
            generation,
            receipt,
        }
    }

    fn describe(&self, entry: &mut Entry, current: &Current, history: &History) {
        let event = &mut entry.event;
        event.decision = Some(WITHDRAWN.to_owned());
        event.policy = history.policies;
        let extras = &mut event.extra;
        extras.insert(extra::HOLDER, Value::Text(self.organisation.to_string()));
        if let Some(manifest) = self.manifest {
            extras.insert(extra::SUBJECT_DIGEST, Value::Bytes(manifest.to_vec()));
        }
        if let Some((text, at)) = &self.signed {
            let seconds = u64::try_from(at.as_second()).unwrap_or_default();
            extras.insert(extra::ISSUED_AT, Value::Number(seconds));
            extras.insert(extra::SIGNED, Value::Text(text.clone()));
        }
        if let WithdrawalRequest::Purpose(id) | WithdrawalRequest::Grant(id, _) = &self.request {
            let standing = current.policies.purposes.get(id);
            event.purpose = Some(PurposeVersion {
                id: id.to_string(),
                version: standing.map_or(0, |standing| standing.purpose.version),
            });
        }
        if let WithdrawalRequest::Grant(id, grant) = &self.request {
            event.clause = Some(format!("{id}/grant/{grant}"));
        }
    }
}

fn entry(organisation: &Oin, trace: Trace, received: Timestamp) -> Result<Entry, LogError> {
    let mut entry = Entry::new(Kind::Withdrawal)?;
    entry.event.requested_at = Some(received.as_microsecond());
    entry.event.recipient = Some(organisation.to_string());
    entry.event.trace = Some(trace.trace_id);
    entry.event.span = Some(trace.span_id);
    Ok(entry)
}

/// Whether the log has a withdrawal of the same that voids as much.
fn is_known(ledger: &Ledger, withdrawal: &Withdrawal) -> bool {
    let mut known = ledger.history().withdrawals.iter();
    known.any(|one| one.is_of_same(withdrawal) && one.at >= withdrawal.at)
}

/// The purpose, where it asks for the organisation's approval: as controller or as holder.
fn asked_of<'c>(current: &'c Current, id: &Name, organisation: &Oin) -> Result<&'c Standing, Refusal> {
    let standing = current.policies.purposes.get(id);
    standing
        .filter(|standing| standing.asks(organisation))
        .ok_or_else(unknown)
}

fn unknown() -> Refusal {
    Refusal::from(Denial::new(DenialCode::NoSuchPurpose))
}

fn check_grant(standing: &Standing, grant: usize) -> Result<(), Refusal> {
    let grants = standing.purpose.grants.len();
    if grant < grants {
        Ok(())
    } else {
        Err(Refusal::Invalid(vec![no_such_grant(grants)]))
    }
}

fn not_signed(invalid: &InvalidWithdrawal) -> InputError {
    InputError {
        part: "body",
        location: String::new(),
        code: "not-signed",
        detail: invalid.to_string(),
    }
}

fn no_such_grant(grants: usize) -> InputError {
    InputError {
        part: "body",
        location: "/grant".to_owned(),
        code: "out-of-range",
        detail: format!("the purpose has {grants} grants, counted from 0"),
    }
}
