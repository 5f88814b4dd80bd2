//! The decision again: from the recorded request, under the policies that were in force, or under others.

use std::collections::HashMap;

use doelpoort_core::audit::leaf::{Event, GRANTED, Kind, Leaf};
use doelpoort_core::audit::private::{Private, PrivateError};
use doelpoort_core::party::Staff;
use doelpoort_core::policy::{History, Policies, PolicyFiles};

use crate::client::Client;
use crate::exchange::NOT_DECISIONS;
use crate::exchange::recorded::{Recorded, ReplayError, decide_again};
use crate::store::archive;
use crate::store::{Store, StoreError};

/// How a decision came out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// `granted`, or the code of the denial.
    pub decision: String,
    /// The clause that decided.
    pub clause: Option<String>,
}

/// What a replay came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Replayed {
    /// Decided again.
    Decided {
        /// What the log says.
        logged: Outcome,
        /// What comes out now.
        now: Outcome,
    },
    /// Nothing was decided by policies: the request was refused before or after that.
    NotADecision(String),
}

/// Why a decision cannot be made again.
#[derive(Debug, thiserror::Error)]
pub enum ReplayFailure {
    /// The private part cannot be read.
    #[error("{0}")]
    Unreadable(String),
    /// It is not what the leaf commits to: what would be decided again is not what was asked.
    #[error("the private part is not that of the entry: {0}")]
    NotHonest(#[from] PrivateError),
    /// The recorded request cannot be understood.
    #[error(transparent)]
    Request(#[from] ReplayError),
    /// The entry has no recorded request: erased, or about something else.
    #[error("the entry has no recorded request")]
    NoRequest,
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The gateway refused.
    #[error("{0}")]
    Gateway(String),
    /// The policies of that time are not in the archive.
    #[error("the policies with digest `{0}` are not in the archive")]
    NotArchived(String),
    /// The archived policies cannot be read; that they were changed shows in their digest.
    #[error("the archived policies are not those that were in force")]
    Archive,
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.clause {
            Some(clause) => write!(f, "{} ({clause})", self.decision),
            None => f.write_str(&self.decision),
        }
    }
}

impl Replayed {
    /// Does the same come out?
    pub fn is_same(&self) -> bool {
        match self {
            Self::Decided { logged, now } => logged == now,
            Self::NotADecision(_) => true,
        }
    }
}

/// Where the files of earlier policies are.
#[derive(Clone, Copy)]
pub enum Archived<'s> {
    /// In a gateway's database.
    Store(&'s Store),
    /// At a gateway.
    Exchange(&'s Client),
    /// Nowhere at hand.
    Nowhere,
}

impl Archived<'_> {
    async fn files(self, digest: &[u8; 32]) -> Result<Option<String>, ReplayFailure> {
        match self {
            Self::Store(store) => Ok(archive::policies(store, digest).await?),
            Self::Exchange(client) => {
                let path = format!("/v1/log/policies/{}", data_encoding::HEXLOWER.encode(digest));
                let files = client.bytes(&path).await;
                let files = files.map_err(|error| ReplayFailure::Gateway(error.to_string()))?;
                Ok(String::from_utf8(files).ok())
            }
            Self::Nowhere => Ok(None),
        }
    }
}

/// The policies of each time, as the archive holds them, each verified by its digest.
pub struct Archive<'s> {
    from: Archived<'s>,
    deployment: String,
    read: HashMap<[u8; 32], PolicyFiles>,
}

impl<'s> Archive<'s> {
    /// The archive of a deployment.
    pub fn new(from: Archived<'s>, deployment: &str) -> Self {
        Self {
            from,
            deployment: deployment.to_owned(),
            read: HashMap::new(),
        }
    }

    /// The policies with this digest as they stood at a moment, without what was withdrawn by then.
    ///
    /// # Errors
    /// When they are not there, or not what they were.
    pub async fn policies(
        &mut self,
        digest: [u8; 32],
        history: &History,
        now: jiff::Timestamp,
    ) -> Result<Policies, ReplayFailure> {
        let deployment = self.deployment.clone();
        let files = self.files(digest).await?;
        let policies = Policies::load(files, &deployment, now).map_err(|_| ReplayFailure::Archive)?;
        Ok(policies.after(&history.withdrawals, now))
    }

    /// The files of the policies with this digest.
    ///
    /// # Errors
    /// When they are not there, or not what they were.
    pub async fn files(&mut self, digest: [u8; 32]) -> Result<&PolicyFiles, ReplayFailure> {
        if !self.read.contains_key(&digest) {
            let text = self.from.files(&digest).await?;
            let text =
                text.ok_or_else(|| ReplayFailure::NotArchived(data_encoding::HEXLOWER.encode(&digest)))?;
            let files: PolicyFiles = serde_json::from_str(&text).map_err(|_| ReplayFailure::Archive)?;
            if doelpoort_core::policy::load::digest(&files, &self.deployment) != digest {
                return Err(ReplayFailure::Archive);
            }
            self.read.insert(digest, files);
        }
        self.read.get(&digest).ok_or(ReplayFailure::Archive)
    }
}

/// Decides the request of an entry again under the policies of its time; `history` is that up to the entry.
///
/// # Errors
/// When it cannot be.
pub async fn again(
    archive: &mut Archive<'_>,
    leaf: &Leaf,
    private: &Private,
    history: &History,
) -> Result<Replayed, ReplayFailure> {
    let (at, digest) = decided(leaf, private, history)?;
    let digest = digest.ok_or(ReplayFailure::NoRequest)?;
    let policies = archive.policies(digest, history, at).await?;
    decide(&policies, leaf, private)
}

/// Is this an entry of a request that policies decided?
pub fn is_decision(event: &Event) -> bool {
    event.kind == Kind::AccessDecided
        && event
            .decision
            .as_deref()
            .is_some_and(|decision| !NOT_DECISIONS.contains(&decision))
}

/// Decides the request of an entry again under `policies`.
///
/// # Errors
/// When it cannot be.
pub fn decide(policies: &Policies, leaf: &Leaf, private: &Private) -> Result<Replayed, ReplayFailure> {
    judge(policies, leaf, private, |recorded| recorded)
}

fn judge(
    policies: &Policies,
    leaf: &Leaf,
    private: &Private,
    prepare: impl FnOnce(Recorded) -> Recorded,
) -> Result<Replayed, ReplayFailure> {
    let event = &leaf.event;
    let logged = Outcome {
        decision: event.decision.clone().unwrap_or_default(),
        clause: event.clause.clone(),
    };
    if !is_decision(event) {
        return Ok(Replayed::NotADecision(logged.decision));
    }
    let recorded = prepare(Recorded::read(
        private.query.as_ref().ok_or(ReplayFailure::NoRequest)?,
    )?);
    let staff = private.staff.as_ref().map(|staff| Staff {
        subject: staff.subject.clone(),
        proved: staff.proved,
        case: staff.case.clone(),
    });
    let second = private
        .staff
        .as_ref()
        .and_then(|staff| staff.released_by.as_ref());
    let second = second.map(|subject| Staff {
        subject: subject.clone(),
        proved: true,
        case: None,
    });
    let persons: Vec<_> = staff.iter().chain(&second).collect();
    let now = match decide_again(policies, &recorded, &persons)? {
        Ok(permit) => Outcome {
            decision: GRANTED.to_owned(),
            clause: Some(permit.clause().to_owned()),
        },
        Err(denial) => Outcome {
            decision: denial.code.as_str().to_owned(),
            clause: denial.clause,
        },
    };
    Ok(Replayed::Decided { logged, now })
}

/// The same under policies that were never in force: who asked is taken to have a token for what they asked before.
///
/// # Errors
/// When it cannot be.
pub fn simulate(policies: &Policies, leaf: &Leaf, private: &Private) -> Result<Replayed, ReplayFailure> {
    judge(policies, leaf, private, |recorded| {
        recorded.with_token_for(policies)
    })
}

/// When the request of an entry was decided, and under which policies the log says it was: for a refusal the entry has
/// their digest, for a grant the history up to the entry has.
///
/// # Errors
/// When the entry has no recorded request.
pub fn decided(
    leaf: &Leaf,
    private: &Private,
    history: &History,
) -> Result<(jiff::Timestamp, Option<[u8; 32]>), ReplayFailure> {
    let recorded = Recorded::read(private.query.as_ref().ok_or(ReplayFailure::NoRequest)?)?;
    let granted = leaf.event.decision.as_deref() == Some(GRANTED);
    let digest = if granted {
        history.policies
    } else {
        leaf.event.policy
    };
    Ok((recorded.decided_at(), digest))
}
