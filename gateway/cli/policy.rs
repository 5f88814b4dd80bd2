//! `doelpoort policy`: check, test, explain and compare policies; sign a purpose, sign a mandate, change the approvers'
//! keys.

mod activate;
mod check;
mod diff;
mod explain;
mod key;
mod keys;
mod matrix;
mod register;
mod schema;
mod sign;
mod simulate;
mod test;
#[cfg(test)]
mod tests;
mod withdraw;

pub(super) use key::ApproverKey;
pub(super) use sign::key_id;

use std::error::Error;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};
use doelpoort_core::catalogue::Name;
use doelpoort_core::party::Slug;
use doelpoort_core::policy::ApprovalRole;
use doelpoort_core::text::Language;
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
    /// Says every mistake and warning, and for each purpose whether it acts and until when.
    Check(check::Check),
    /// Runs the decision tables beside the purposes.
    Test(test::Test),
    /// Says why a request is granted or denied, clause by clause.
    Explain(explain::Explain),
    /// Lists everything that anyone can get.
    Matrix(matrix::Matrix),
    /// Says what changes between two policies folders, in sentences.
    Diff(diff::Diff),
    /// Decides the log's requests again under other policies: what would come out otherwise?
    Simulate(simulate::Simulate),
    /// Writes the register of processing activities (AVG art. 30).
    Register(register::Register),
    /// Writes JSON Schemas of the files, for editors.
    Schema(schema::Schema),
    /// Approves a purpose: signs its manifest and writes the approval into the folder.
    Sign(Sign),
    /// Signs a mandate, as a board, for a vendor to act for it.
    Mandate(Mandate),
    /// Withdraws what an organisation approved, signed with the key of its approver: no program of its own is needed.
    Withdraw(withdraw::Withdraw),
    /// Puts the policies of a gateway's folder in force for the whole deployment.
    Activate(activate::Activate),
    /// Shows and changes the keys with which purposes are approved.
    Keys(keys::Keys),
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

/// How a command tells what it found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Told {
    /// Lines, for people.
    Text,
    /// JSON, for programs.
    Json,
}

/// The language of sentences.
#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Lang {
    /// Nederlands.
    #[default]
    Nl,
    /// English.
    En,
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
        Command::Test(args) => test::test(args, out),
        Command::Explain(args) => explain::explain(args, now, out),
        Command::Matrix(args) => matrix::matrix(args, now, out).map(|()| ExitCode::SUCCESS),
        Command::Diff(args) => diff::diff(args, out).map(|()| ExitCode::SUCCESS),
        Command::Register(args) => register::register(args, now, out).map(|()| ExitCode::SUCCESS),
        Command::Schema(args) => schema::schema(args, out).map(|()| ExitCode::SUCCESS),
        Command::Sign(args) => sign::sign(args, now, out).map(|()| ExitCode::SUCCESS),
        Command::Mandate(args) => sign::mandate(args, now, out).map(|()| ExitCode::SUCCESS),
        Command::Keys(args) => keys::run(args, out).map(|()| ExitCode::SUCCESS),
        Command::Withdraw(args) => {
            let withdrawn = withdraw::withdraw(args, now, out);
            tokio::runtime::Handle::current().block_on(withdrawn)?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Activate(args) => {
            let activated = activate::activate(args, out);
            tokio::runtime::Handle::current().block_on(activated)?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Simulate(args) => {
            let simulated = simulate::simulate(args, now, out);
            tokio::runtime::Handle::current().block_on(simulated)?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

impl From<Lang> for Language {
    fn from(lang: Lang) -> Self {
        match lang {
            Lang::Nl => Self::Dutch,
            Lang::En => Self::English,
        }
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
