//! What people do at the console, each of it in the log before anything is shown.

use doelpoort_core::audit::leaf::{GRANTED, Kind, Value, extra};
use doelpoort_core::audit::private::StaffPart;
use doelpoort_core::party::{Caller, ClientId};
use doelpoort_core::policy::withdrawal::ROLE;
use doelpoort_core::request::WithdrawalRequest;
use serde_json::json;

use super::{CLIENT, Session, Visit};
use crate::exchange::Refusal;
use crate::gateway::{Gateway, Withdrawn};
use crate::log::{Entry, LogError};
use crate::store::console::Roles;

/// What a person does at the console.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// Signs in.
    SignIn,
    /// Signs in anew, for what needs it.
    StepUp,
    /// Looks at what may be asked of the holder.
    Grants,
    /// Looks at who asked.
    Requests,
    /// Looks at the inbox.
    Inbox,
    /// Withdraws; the withdrawal itself is an entry of its own.
    Withdraw,
    /// Looks at a page of a holder, which it is not shown.
    Holder,
    /// Looks at the operator's page.
    Operator,
}

impl Look {
    /// Its name in the log.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SignIn => "console/sign-in",
            Self::StepUp => "console/step-up",
            Self::Grants => "console/grants",
            Self::Requests => "console/requests",
            Self::Inbox => "console/inbox",
            Self::Withdraw => "console/withdraw",
            Self::Holder => "console/holder",
            Self::Operator => "console/operator",
        }
    }
}

impl Gateway {
    /// Says in the log that this person looks; only then is anything shown.
    ///
    /// # Errors
    /// When it cannot be logged.
    pub async fn log_look(&self, session: &Session, look: Look, visit: Visit) -> Result<(), LogError> {
        let entry = look_entry((&session.person, session.proved), &session.roles(), look, visit)?;
        self.log.append(entry).await.map(drop)
    }

    /// Says in the log that this person asked for a page that is not theirs.
    ///
    /// # Errors
    /// When it cannot be logged.
    pub async fn log_refused_look(
        &self,
        session: &Session,
        look: Look,
        visit: Visit,
    ) -> Result<(), LogError> {
        let who = (session.person.as_str(), session.proved);
        self.refuse_look(who, &session.roles(), look, visit).await
    }

    pub(super) async fn refuse_look(
        &self,
        who: (&str, bool),
        roles: &Roles,
        look: Look,
        visit: Visit,
    ) -> Result<(), LogError> {
        let mut entry = look_entry(who, roles, look, visit)?;
        entry.event.decision = Some(Refusal::Role.code().to_owned());
        self.log.append_refusal(&console()?, entry).await.map(drop)
    }

    /// Withdraws in the name of the holder that the person speaks for, as its program does over the exchange. That this
    /// person does it is in the log first, under the same trace.
    ///
    /// # Errors
    /// The refusal, once it is logged.
    pub async fn withdraw_by(
        &self,
        session: &Session,
        request: &WithdrawalRequest,
        visit: Visit,
    ) -> Result<Withdrawn, Refusal> {
        let holder = session.holder.as_ref().ok_or(Refusal::Role)?;
        let current = self.policies.current();
        let organisation = current.policies.organisations.by_oin(holder);
        let slug = organisation.ok_or(Refusal::Role)?.slug.clone();
        self.log_look(session, Look::Withdraw, visit).await?;
        let caller = Caller {
            organisation: holder.clone(),
            client: console()?,
            roles: vec![ROLE.to_owned()],
            acting_for: Vec::new(),
            purposes: Vec::new(),
            slug,
        };
        let body = match request {
            WithdrawalRequest::All => json!({ "all": true }),
            WithdrawalRequest::Purpose(purpose) => json!({ "purpose": purpose.as_str() }),
            WithdrawalRequest::Grant(purpose, grant) => {
                json!({ "purpose": purpose.as_str(), "grant": grant })
            }
        };
        self.withdraw(&caller, body.to_string().as_bytes(), visit.trace, visit.received)
            .await
    }
}

/// The program in whose name the console asks.
fn console() -> Result<ClientId, LogError> {
    CLIENT.parse().map_err(|_| LogError::Unavailable)
}

/// The entry of what a person does: who it is, only the data protection officer reads.
pub(super) fn look_entry(
    (person, proved): (&str, bool),
    roles: &Roles,
    look: Look,
    visit: Visit,
) -> Result<Entry, LogError> {
    let mut entry = Entry::new(Kind::LogRead)?;
    let event = &mut entry.event;
    event.requested_at = Some(visit.received.as_microsecond());
    let organisation = Some(roles.organisation.clone());
    event.recipient = organisation.filter(|organisation| !organisation.is_empty());
    (event.trace, event.span) = (Some(visit.trace.trace_id), Some(visit.trace.span_id));
    event.decision = Some(GRANTED.to_owned());
    let what = Value::Text(look.as_str().to_owned());
    event.extra.insert(extra::COMMAND, what);
    entry.private.staff = Some(StaffPart {
        subject: person.to_owned(),
        proved,
        case: None,
        released_by: None,
    });
    Ok(entry)
}
