//! How the log is published: who is asked to vouch for it, and how old their word may be.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use doelpoort_core::audit::note::Verifier;
use doelpoort_core::audit::quorum::{Policy, PolicyError};
use rustls::pki_types::CertificateDer;

use crate::config::Publish;
use crate::tls::{TlsError, certificates};

/// Whom to ask, and the limits.
#[derive(Clone, Debug)]
pub struct Publishing {
    /// The witnesses and their quorum.
    pub policy: Policy,
    /// How often a witness is asked.
    pub witness_every: Duration,
    /// After which time without a quorum nothing is answered.
    pub quorum_age_max: Duration,
    /// The time stamp authority.
    pub timestamps: Option<Timestamps>,
    /// Authorities of `https` addresses; those of the public web where there are none.
    pub tls_authorities: Vec<CertificateDer<'static>>,
    /// After which time without a checkpoint there is an alarm.
    pub checkpoint_alarm: Duration,
    /// After which time without a checkpoint nothing is answered.
    pub checkpoint_age_max: Duration,
    /// How old the last entry may be at a start before the clock is taken to be wrong.
    pub idle_max: Duration,
}

/// A time stamp authority.
#[derive(Clone, Debug)]
pub struct Timestamps {
    /// Its address.
    pub url: String,
    /// What its certificates lead to.
    pub authorities: Vec<CertificateDer<'static>>,
    /// How often it is asked.
    pub every: Duration,
    /// After which time without a stamp nothing is answered.
    pub age_max: Duration,
}

/// Why it cannot be published as configured.
#[derive(Debug, thiserror::Error)]
pub enum PublishingError {
    /// The policy cannot be read.
    #[error("cannot read `{}`: {why}", file.display())]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// The system's reason.
        why: std::io::Error,
    },
    /// The policy is none.
    #[error("`{}`: {why}", file.display())]
    Policy {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        why: PolicyError,
    },
    /// The policy is about other logs.
    #[error(
        "the witness policy names logs, but not this one: add a line `log {0}`, or leave the lines `log` out"
    )]
    OtherLog(String),
    /// A quorum can never be.
    #[error(
        "the witnesses with an address cannot make the quorum: add addresses to the lines `witness` of the policy"
    )]
    NoQuorum,
    /// An address that nobody can be asked at.
    #[error("the address of the witness `{0}` starts with neither `http://` nor `https://`")]
    Address(String),
    /// Certificates cannot be read.
    #[error(transparent)]
    Certificates(#[from] TlsError),
}

impl Publishing {
    /// Reads what the settings name, for the log of this key.
    pub fn load(settings: &Publish, log: Option<&Verifier>) -> Result<Self, PublishingError> {
        let timestamps = match &settings.timestamp_authorities {
            Some(file) if !settings.timestamp_url.is_empty() => Some(Timestamps {
                url: settings.timestamp_url.clone(),
                authorities: certificates("the time stamp authorities", file)?,
                every: Duration::from_secs(settings.timestamp_every_s),
                age_max: Duration::from_secs(settings.timestamp_age_s_max),
            }),
            _ => None,
        };
        let tls_authorities = match &settings.tls_authorities {
            Some(file) => certificates("the authorities of witnesses and time stamps", file)?,
            None => Vec::new(),
        };
        let policy = match &settings.witness_policy {
            Some(file) => policy(file, log)?,
            None => Policy::default(),
        };
        Ok(Self {
            policy,
            witness_every: Duration::from_secs(settings.witness_every_s),
            quorum_age_max: Duration::from_secs(settings.quorum_age_s_max),
            timestamps,
            tls_authorities,
            checkpoint_alarm: Duration::from_secs(settings.checkpoint_alarm_s_max),
            checkpoint_age_max: Duration::from_secs(settings.checkpoint_age_s_max),
            idle_max: Duration::from_secs(settings.idle_s_max),
        })
    }

    /// Whom it asks, for people.
    pub fn told(&self) -> String {
        let witnesses = self.policy.witnesses.len();
        match (self.policy.needs_witnesses(), &self.timestamps) {
            (true, Some(_)) => format!("{witnesses} witnesses and a time stamp authority vouch for the log"),
            (true, None) => {
                format!("{witnesses} witnesses vouch for the log; NO time stamps (`publish.timestamp_url`)")
            }
            (false, Some(_)) => {
                "a time stamp authority vouches for the log; NO witnesses (`publish.witness_policy`)"
                    .to_owned()
            }
            (false, None) => {
                "nobody outside vouches for the log: NO witnesses (`publish.witness_policy`), NO time stamps \
                 (`publish.timestamp_url`)"
                    .to_owned()
            }
        }
    }

    /// Does everybody outside vouch who can?
    pub fn is_whole(&self) -> bool {
        self.policy.needs_witnesses() && self.timestamps.is_some()
    }
}

impl Default for Publishing {
    /// Nobody is asked.
    fn default() -> Self {
        let settings = Publish::default();
        Self {
            policy: Policy::default(),
            witness_every: Duration::from_secs(settings.witness_every_s),
            quorum_age_max: Duration::from_secs(settings.quorum_age_s_max),
            timestamps: None,
            tls_authorities: Vec::new(),
            checkpoint_alarm: Duration::from_secs(settings.checkpoint_alarm_s_max),
            checkpoint_age_max: Duration::from_secs(settings.checkpoint_age_s_max),
            idle_max: Duration::from_secs(settings.idle_s_max),
        }
    }
}

/// A policy of witnesses who can be asked, and can be enough.
fn policy(file: &Path, log: Option<&Verifier>) -> Result<Policy, PublishingError> {
    let file_name = file.to_owned();
    let text = std::fs::read_to_string(file).map_err(|why| PublishingError::Unreadable {
        file: file_name.clone(),
        why,
    })?;
    let policy = Policy::parse(&text).map_err(|why| PublishingError::Policy { file: file_name, why })?;
    if let Some(log) = log.filter(|log| !policy.logs.is_empty() && !policy.logs.contains(log)) {
        return Err(PublishingError::OtherLog(log.to_text()));
    }
    let mut asked = BTreeSet::new();
    for (place, witness) in policy.witnesses.iter().enumerate() {
        let Some(url) = witness.url.as_deref() else {
            continue;
        };
        if !url.starts_with("http://") && !url.starts_with("https://") {
            return Err(PublishingError::Address(witness.name.clone()));
        }
        asked.insert(place);
    }
    if policy.is_met(&asked) {
        Ok(policy)
    } else {
        Err(PublishingError::NoQuorum)
    }
}
