//! `doelpoort audit verify`: is the log what it was?

use std::error::Error;
use std::fs::File;
use std::io::{BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::ValueHint;
use doelpoort_core::audit::checkpoint::Checkpoint;
use doelpoort_core::audit::leaf::{Leaf, leaf_hash};
use doelpoort_core::audit::note::Verifier;
use doelpoort_core::audit::proof::Proof;
use doelpoort_core::audit::quorum::Policy;
use doelpoort_core::audit::receipt::{self, Proven};
use doelpoort_core::audit::verify::Report;
use doelpoort_core::policy::KeyList;

use super::{EntriesArgs, FOUND, approvers, read};
use crate::audit::{AuditError, Entries};
use crate::cli::receipt::told;
use crate::log::{Evidence, Vouched, vouched};
use crate::tls::certificates;

#[derive(Debug, clap::Args)]
pub(super) struct Verify {
    #[command(flatten)]
    entries: EntriesArgs,
    /// A proof of one entry (`.tlog-proof`), instead of a whole log
    #[arg(long, value_name = "FILE", conflicts_with_all = ["config", "database", "bundle", "against", "policy", "timestamp_authorities"], value_hint = ValueHint::FilePath)]
    proof: Option<PathBuf>,
    /// The leaf that the proof is about, where it does not carry it
    #[arg(long, value_name = "FILE", requires = "proof", value_hint = ValueHint::FilePath)]
    leaf: Option<PathBuf>,
    /// The log's public key: a file with one line `origin+id+key`
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    key: PathBuf,
    /// A checkpoint that was kept elsewhere: shows that the log only grew since
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    against: Option<PathBuf>,
    /// A receipt, or an answer as it came: its entry must be in the log; more than once for several
    #[arg(long, value_name = "FILE", conflicts_with = "proof", value_hint = ValueHint::FilePath)]
    receipt: Vec<PathBuf>,
    /// The policies folder, with the approvers' list: verifies that the FG signed for what was destroyed
    #[arg(long, value_name = "DIR", conflicts_with_all = ["bundle", "proof"], value_hint = ValueHint::DirPath)]
    approvers: Option<PathBuf>,
    #[command(flatten)]
    others: Others,
}

/// What others said of the log, as far as the database has it.
#[derive(Debug, clap::Args)]
pub(super) struct Others {
    /// The trust policy (C2SP tlog-policy) that names the witnesses: verifies their cosignatures and wants a quorum
    #[arg(long, value_name = "FILE", conflicts_with = "bundle", value_hint = ValueHint::FilePath)]
    policy: Option<PathBuf>,
    /// Certificates of the time stamp authorities, PEM: verifies the time stamps
    #[arg(long, value_name = "FILE", conflicts_with = "bundle", value_hint = ValueHint::FilePath)]
    timestamp_authorities: Option<PathBuf>,
}

impl Others {
    /// Was anything of it asked for?
    pub(super) fn is_asked(&self) -> bool {
        self.policy.is_some() || self.timestamp_authorities.is_some()
    }

    /// What they vouch for, and whether it is all that was asked for; `None` for a bundle, which has nothing of it.
    pub(super) async fn verify(
        &self,
        entries: &Entries,
        key: &Verifier,
    ) -> Result<Option<(Vouched, bool)>, Box<dyn Error>> {
        let Entries::Database(store) = entries else {
            return Ok(None);
        };
        let policy = match &self.policy {
            Some(file) => {
                Policy::parse(&read(file)?).map_err(|error| format!("`{}`: {error}", file.display()))?
            }
            None => Policy::default(),
        };
        let authorities = match &self.timestamp_authorities {
            Some(file) => certificates("the time stamp authorities", file)?,
            None => Vec::new(),
        };
        let vouched = vouched(store, key, &policy, &authorities).await?;
        let intact = vouched.is_intact(&policy);
        Ok(Some((vouched, intact)))
    }
}

impl Verify {
    pub(super) async fn run(self) -> Result<ExitCode, Box<dyn Error>> {
        let key = key(&self.key)?;
        let against = self.against.as_deref().map(read).transpose()?;
        if let Some(proof) = &self.proof {
            return self.proof(proof, &key);
        }
        let receipts = self.receipt.iter().map(|file| receipt(file, &key));
        let receipts = receipts.collect::<Result<Vec<_>, _>>()?;
        let log = self.entries.read(&key).await?;
        let entries = &log.entries;
        let approvers = self.approvers.as_deref().map(approvers).transpose()?;
        let mut report = whole_with(entries, &key, against.as_deref(), receipts, approvers).await?;
        let others = self.others.verify(entries, &key).await?;
        entries.close().await;
        let mut out = std::io::stdout().lock();
        let mut intact = report.is_intact();
        if let Some((vouched, fits)) = others {
            report.vouched = self.others.policy.is_some() && self.others.timestamp_authorities.is_some();
            intact &= fits;
            write!(out, "{vouched}")?;
        }
        write!(out, "{report}")?;
        Ok(code(intact))
    }

    fn proof(&self, file: &Path, key: &Verifier) -> Result<ExitCode, Box<dyn Error>> {
        let proof = Proof::parse(&read(file)?)?;
        let beside = self.leaf.as_deref().map(std::fs::read).transpose()?;
        let leaf = beside
            .as_deref()
            .or(proof.extra.as_deref())
            .ok_or("the proof carries no leaf: give it with --leaf FILE")?;
        let mut out = std::io::stdout().lock();
        // Of whichever shard: the key is the same.
        let origin = proof.note.lines().next().unwrap_or_default();
        let shard = key.of_shard(origin);
        match proof.verify(&leaf_hash(leaf), shard.as_ref().unwrap_or(key)) {
            Ok(checkpoint) => {
                let leaf = Leaf::decode(leaf)?;
                write!(
                    out,
                    "{}",
                    told(&leaf, proof.index, checkpoint.size, &checkpoint.origin, None)
                )?;
                Ok(ExitCode::SUCCESS)
            }
            Err(error) => {
                writeln!(out, "NOT PROVEN: {error}")?;
                Ok(code(false))
            }
        }
    }
}

/// The report on a whole log, wherever it is.
pub(super) async fn whole(
    entries: &Entries,
    key: &Verifier,
    against: Option<&str>,
) -> Result<Report, Box<dyn Error>> {
    whole_with(entries, key, against, Vec::new(), None).await
}

/// The same, held against receipts that the log signed, and the approvers' list where it is a database.
async fn whole_with(
    entries: &Entries,
    key: &Verifier,
    against: Option<&str>,
    receipts: Vec<Proven>,
    approvers: Option<KeyList>,
) -> Result<Report, Box<dyn Error>> {
    Ok(match entries {
        Entries::Database(store) => {
            let against = against.map(|note| Checkpoint::open_of_log(note, key)).transpose();
            let given = Evidence {
                against,
                receipts,
                approvers,
            };
            crate::log::verify_with(store, key, given).await?
        }
        Entries::Bundle(file) => {
            let bundle = File::open(file).map_err(|error| AuditError::File {
                file: file.display().to_string(),
                error,
            })?;
            doelpoort_verify::verify_with(BufReader::new(bundle), key, against, &receipts)?
        }
    })
}

/// What a receipt proves of the log that signed it.
fn receipt(file: &Path, key: &Verifier) -> Result<Proven, Box<dyn Error>> {
    receipt::verify_file(&read(file)?, key).map_err(|error| format!("`{}`: {error}", file.display()).into())
}

/// A log's public key.
pub(in crate::cli) fn key(file: &Path) -> Result<Verifier, Box<dyn Error>> {
    Verifier::parse(&read(file)?).map_err(|error| format!("`{}`: {error}", file.display()).into())
}

fn code(intact: bool) -> ExitCode {
    if intact {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(FOUND)
    }
}
