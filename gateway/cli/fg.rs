//! `fg`: what the data protection officer (FG) does on their own machine. None of it runs in a gateway.

use std::error::Error;
use std::io::{Write as _, stdout};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Subcommand, ValueHint};
use doelpoort_core::audit::day::Month;
use doelpoort_core::audit::merge_undo::MergeUndo;
use doelpoort_core::audit::retention::RetentionOrder;
use doelpoort_core::audit::review_statement::ReviewStatement;
use doelpoort_core::party::{ApproverRole, Oin, Slug};
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
    /// Sign what `doelpoort audit retain` (private parts of the log), `doelpoort merges undo` or a review in the console
    /// drafted; read it first
    Order(Order),
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
struct Order {
    /// The policies folder, with the approvers' keys
    #[arg(long, value_name = "DIR", default_value = "policies", value_hint = ValueHint::DirPath)]
    policies: PathBuf,
    /// The deployment's name, as in `deployment.name` of gateway.toml
    #[arg(long)]
    deployment: String,
    /// The FG's approval key: a private key in PKCS#8 PEM
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    key: PathBuf,
    /// The drafted orders
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    draft: PathBuf,
    /// Where the signed ones go
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    output: PathBuf,
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
        Command::Order(order) => order.sign()?,
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

impl Order {
    fn sign(&self) -> Result<(), Box<dyn Error>> {
        let now = SystemClock.now();
        let draft = policies::draft(&self.policies)?;
        let key = ApproverKey::read(&self.key)?;
        let text = std::fs::read_to_string(&self.draft)
            .map_err(|error| format!("cannot read `{}`: {error}", self.draft.display()))?;
        let kid = |organisation: &Oin| {
            let known = draft.organisations.by_oin(organisation);
            let known = known.ok_or_else(|| format!("there is no organisation `{organisation}`"))?;
            Ok::<_, Box<dyn Error>>(key_id(&draft.keys, known, key.signing_key(), ApproverRole::Fg)?)
        };
        let (mut signed, mut told) = (String::new(), stdout().lock());
        for line in text.lines() {
            let (text, what) = if let Ok(order) = serde_json::from_str::<MergeUndo>(line) {
                let kid = kid(&order.organisation)?;
                let text = order.sign(&self.deployment, now, kid, key.signing_key())?;
                (text, of_merges(&order))
            } else if let Ok(statement) = serde_json::from_str::<ReviewStatement>(line) {
                let kid = kid(&statement.organisation)?;
                let text = statement.sign(&self.deployment, now, kid, key.signing_key())?;
                (text, of_review(&statement))
            } else {
                let order: RetentionOrder = serde_json::from_str(line)?;
                let kid = kid(&order.organisation)?;
                let text = order.sign(&self.deployment, now, kid, key.signing_key())?;
                (text, of_private_parts(&order))
            };
            signed.push_str(&text);
            signed.push('\n');
            writeln!(told, "signed: {what}")?;
        }
        std::fs::write(&self.output, signed)
            .map_err(|error| format!("cannot write `{}`: {error}", self.output.display()))?;
        Ok(())
    }
}

fn of_merges(order: &MergeUndo) -> String {
    let which = order
        .pair
        .map_or_else(|| "all merges".to_owned(), |pair| format!("merge {pair}"));
    format!(
        "undo {which} of entry {} of {}: {}",
        order.index, order.origin, order.ground
    )
}

fn of_review(statement: &ReviewStatement) -> String {
    let ReviewStatement {
        review,
        signed_off,
        not_in_order,
        ..
    } = statement;
    format!("review {review}: {signed_off} entries, {not_in_order} not in order")
}

fn of_private_parts(order: &RetentionOrder) -> String {
    let what = order
        .month
        .map_or_else(|| "one entry".to_owned(), |month| month.to_string());
    let RetentionOrder {
        from,
        until,
        count,
        ground,
        ..
    } = order;
    format!("{count} private parts of {what}, {from}..{until}: {ground}")
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
