//! `fg`: what the data protection officer (FG) does on their own machine. None of it runs in a gateway.

use std::error::Error;
use std::io::{Write as _, stdout};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Subcommand, ValueHint};
use doelpoort_core::audit::day::Month;
use doelpoort_core::party::{ApproverRole, Slug};
use doelpoort_core::policy::FgKeys;

use super::policy::{ApproverKey, key_id};
use crate::clock::{Clock, SystemClock};
use crate::fg::FgPrivateKeys;
use crate::fg::keys::{PRIVATE_FILE, PUBLIC_FILE};
use crate::policies;

/// Months of keys that are made unless another number is asked.
const MONTHS: u32 = 14;

/// The FG's own keys
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make keys for the coming months and sign their public halves, which go to every gateway
    New(New),
    /// List the months of which there is a key
    Show(Show),
    /// Destroy the key of a month: what was sealed to it can never be read again
    Destroy(Destroy),
}

#[derive(Debug, clap::Args)]
struct New {
    /// The policies folder, with the approvers' keys
    #[arg(long, value_name = "DIR", default_value = "policies", value_hint = ValueHint::DirPath)]
    policies: PathBuf,
    /// The deployment's name, as in `deployment.name` of gateway.toml
    #[arg(long)]
    deployment: String,
    /// Whose FG
    #[arg(long, value_name = "SLUG")]
    organisation: Slug,
    /// The FG's approval key: a private key in PKCS#8 PEM
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    key: PathBuf,
    /// The first month; this one unless given
    #[arg(long, value_name = "YYYY-MM")]
    from: Option<Month>,
    /// For how many months
    #[arg(long, value_name = "N", default_value_t = MONTHS, value_parser = clap::value_parser!(u32).range(1..=120))]
    months: u32,
    /// The folder to write to; it is made
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    out: PathBuf,
}

#[derive(Debug, clap::Args)]
struct Show {
    /// The file of private keys
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    fg_key: PathBuf,
}

#[derive(Debug, clap::Args)]
struct Destroy {
    /// The file of private keys
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    fg_key: PathBuf,
    /// The month
    #[arg(long, value_name = "YYYY-MM")]
    month: Month,
}

/// Runs the command.
#[expect(clippy::unused_async, reason = "all commands have the same shape")]
pub(crate) async fn run(args: Args) -> Result<ExitCode, Box<dyn Error>> {
    match args.command {
        Command::New(new) => new.run()?,
        Command::Show(show) => {
            for month in FgPrivateKeys::read(&show.fg_key)?.months() {
                writeln!(stdout().lock(), "{month}")?;
            }
        }
        Command::Destroy(destroy) => {
            let keys = FgPrivateKeys::read(&destroy.fg_key)?;
            keys.destroy(destroy.month, &destroy.fg_key)?;
            writeln!(
                stdout().lock(),
                "the key of {} is gone from {}; destroy its copies too, and tell the log: doelpoort audit retain",
                destroy.month,
                destroy.fg_key.display()
            )?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

impl New {
    fn run(&self) -> Result<(), Box<dyn Error>> {
        let now = SystemClock.now();
        let draft = policies::draft(&self.policies)?;
        let key = ApproverKey::read(&self.key)?;
        let organisation = draft
            .organisations
            .by_slug(&self.organisation)
            .ok_or_else(|| format!("there is no organisation `{}`", self.organisation))?;
        let kid = key_id(&draft.keys, organisation, key.signing_key(), ApproverRole::Fg)?;
        let first = self.from.unwrap_or_else(|| Month::of(now.as_microsecond()));
        let (private, public) = FgPrivateKeys::generate(organisation.oin.clone(), first, self.months)?;
        std::fs::create_dir_all(&self.out)
            .map_err(|error| format!("cannot make `{}`: {error}", self.out.display()))?;
        let file = self.out.join(PUBLIC_FILE);
        if file.exists() {
            return Err(format!("`{}` is there already", file.display()).into());
        }
        private.write_new(&self.out.join(PRIVATE_FILE))?;
        let signed = public.sign(&self.deployment, now, kid, key.signing_key())?;
        std::fs::write(&file, signed)
            .map_err(|error| format!("cannot write `{}`: {error}", file.display()))?;
        self.tell(&public)
    }

    fn tell(&self, public: &FgKeys) -> Result<(), Box<dyn Error>> {
        let (out, last) = (self.out.display(), public.last());
        let mut told = stdout().lock();
        writeln!(
            told,
            "wrote {out}/{PRIVATE_FILE}: keep it with the FG alone, in no backup with the log"
        )?;
        writeln!(
            told,
            "wrote {out}/{PUBLIC_FILE}: for `audit.fg_keys` of every gateway"
        )?;
        if let Some(last) = last {
            writeln!(told, "the last month is {last}: make new ones before it ends")?;
        }
        Ok(())
    }
}
