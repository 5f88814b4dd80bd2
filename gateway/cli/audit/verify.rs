//! `doelpoort audit verify`: is the log what it was?

use std::error::Error;
use std::fs::File;
use std::io::{BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::ValueHint;
use doelpoort_core::audit::leaf::{Leaf, leaf_hash};
use doelpoort_core::audit::note::Verifier;
use doelpoort_core::audit::proof::Proof;
use doelpoort_core::audit::quorum::Policy;
use doelpoort_core::audit::verify::Report;

use super::{EntriesArgs, FOUND, read};
use crate::audit::{AuditError, Entries};
use crate::cli::receipt::told;
use crate::log::{Vouched, vouched};
use crate::tls::certificates;

#[derive(Debug, clap::Args)]
pub(super) struct Verify {
    #[command(flatten)]
    entries: EntriesArgs,
    /// A proof of one entry (`.tlog-proof`), instead of a whole log
    #[arg(long, value_name = "FILE", conflicts_with_all = ["config", "database", "bundle", "against"], value_hint = ValueHint::FilePath)]
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
    #[command(flatten)]
    others: Others,
}

/// What others said of the log, as far as the database has it.
#[derive(Debug, clap::Args)]
struct Others {
    /// The trust policy (C2SP tlog-policy) that names the witnesses: verifies their cosignatures and wants a quorum
    #[arg(long, value_name = "FILE", conflicts_with_all = ["bundle", "proof"], value_hint = ValueHint::FilePath)]
    policy: Option<PathBuf>,
    /// Certificates of the time stamp authorities, PEM: verifies the time stamps
    #[arg(long, value_name = "FILE", conflicts_with_all = ["bundle", "proof"], value_hint = ValueHint::FilePath)]
    timestamp_authorities: Option<PathBuf>,
}

impl Others {
    /// What they vouch for, and whether it is all that was asked for; `None` for a bundle, which has nothing of it.
    async fn verify(
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
        let entries = self.entries.open().await?;
        let mut report = whole(&entries, &key, against.as_deref()).await?;
        let others = self.others.verify(&entries, &key).await?;
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
        match proof.verify(&leaf_hash(leaf), key) {
            Ok(checkpoint) => {
                let leaf = Leaf::decode(leaf)?;
                write!(out, "{}", told(&leaf, proof.index, checkpoint.size, key, None))?;
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
    Ok(match entries {
        Entries::Database(store) => crate::log::verify(store, key, against).await?,
        Entries::Bundle(file) => {
            let bundle = File::open(file).map_err(|error| AuditError::File {
                file: file.display().to_string(),
                error,
            })?;
            doelpoort_verify::verify(BufReader::new(bundle), key, against)?
        }
    })
}

/// A log's public key.
pub(super) fn key(file: &Path) -> Result<Verifier, Box<dyn Error>> {
    Verifier::parse(&read(file)?).map_err(|error| format!("`{}`: {error}", file.display()).into())
}

fn code(intact: bool) -> ExitCode {
    if intact {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(FOUND)
    }
}
