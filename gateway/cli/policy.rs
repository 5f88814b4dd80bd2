//! `doelpoort policy`: check a policies folder, sign a purpose, sign a mandate, change the approvers' keys.

mod check;
mod key;
mod keys;
mod sign;
#[cfg(test)]
mod tests;

use std::error::Error;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};
use doelpoort_core::catalogue::Name;
use doelpoort_core::party::Slug;
use doelpoort_core::policy::ApprovalRole;
use jiff::Timestamp;
use jiff::civil::Date;

use crate::clock::{Clock, SystemClock};

/// Check, approve and mandate.
#[derive(Debug, Parser)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Says every mistake, or for each purpose whether it acts and until when.
    Check(Check),
    /// Approves a purpose: signs its manifest and writes the approval into the folder.
    Sign(Sign),
    /// Signs a mandate, as a board, for a vendor to act for it.
    Mandate(Mandate),
    /// Shows and changes the keys with which purposes are approved.
    Keys(keys::Keys),
}

#[derive(Debug, Parser)]
struct Check {
    /// The policies folder.
    policies: PathBuf,
    /// Name of the gateway's deployment, as in its configuration.
    #[arg(long)]
    deployment: String,
}

#[derive(Debug, Parser)]
struct Sign {
    /// The purpose.
    purpose: Name,
    /// The policies folder.
    #[arg(long)]
    policies: PathBuf,
    /// Short name of the organisation that approves.
    #[arg(long)]
    organisation: Slug,
    /// As data protection officer of a controller, or as holder.
    #[arg(long)]
    role: Role,
    /// Private key of the approver, PKCS#8 in PEM: Ed25519 or P-256.
    #[arg(long)]
    key: PathBuf,
    /// Name of the gateway's deployment, as in its configuration.
    #[arg(long)]
    deployment: String,
    /// Last day on which the approval counts.
    #[arg(long)]
    until: Date,
}

#[derive(Debug, Parser)]
struct Mandate {
    /// The policies folder.
    #[arg(long)]
    policies: PathBuf,
    /// Short name of the board that signs.
    #[arg(long)]
    board: Slug,
    /// Short name of the vendor.
    #[arg(long)]
    vendor: Slug,
    /// A dataset; may be given several times.
    #[arg(long = "dataset", required = true)]
    datasets: Vec<Name>,
    /// First day.
    #[arg(long)]
    from: Date,
    /// Last day.
    #[arg(long)]
    until: Date,
    /// Reference of the processing agreement (AVG 28).
    #[arg(long)]
    agreement: String,
    /// Private key of the board, PKCS#8 in PEM: Ed25519 or P-256.
    #[arg(long)]
    key: PathBuf,
    /// Name of the gateway's deployment, as in its configuration.
    #[arg(long)]
    deployment: String,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Role {
    Fg,
    Holder,
}

/// Runs the command; its answer goes to standard output. Mistakes in the policies exit with 1.
pub async fn run(args: Args) -> Result<ExitCode, Box<dyn Error>> {
    let done = tokio::task::spawn_blocking(move || {
        let mut out = Vec::new();
        let code = execute(&args, SystemClock.now(), &mut out).map_err(|error| error.to_string())?;
        std::io::stdout()
            .lock()
            .write_all(&out)
            .map_err(|error| error.to_string())?;
        Ok(code)
    });
    done.await?.map_err(|message: String| message.into())
}

fn execute(args: &Args, now: Timestamp, out: &mut impl Write) -> Result<ExitCode, Box<dyn Error>> {
    match &args.command {
        Command::Check(args) => check::check(args, now, out),
        Command::Sign(args) => sign::sign(args, now, out).map(|()| ExitCode::SUCCESS),
        Command::Mandate(args) => sign::mandate(args, now, out).map(|()| ExitCode::SUCCESS),
        Command::Keys(args) => keys::run(args, out).map(|()| ExitCode::SUCCESS),
    }
}

impl From<Role> for ApprovalRole {
    fn from(role: Role) -> Self {
        match role {
            Role::Fg => Self::Fg,
            Role::Holder => Self::Holder,
        }
    }
}
