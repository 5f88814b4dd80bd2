//! `doelpoort receipt verify`: does a receipt prove that this answer was logged? Offline, with the public key alone.

use std::error::Error;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Subcommand, ValueHint};
use doelpoort_core::audit::leaf::Leaf;
use doelpoort_core::audit::note::Verifier;
use doelpoort_core::audit::receipt::{self, AnswerProof, Proven};

use super::audit::read;

/// Exit code: the receipt proves nothing, or the contrary.
const NOT_PROVEN: u8 = 3;

/// Check a receipt
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Verify a receipt, or a whole answer with its receipt; exit code 0 if it holds, 3 if it does not
    Verify(Verify),
}

#[derive(Debug, clap::Args)]
struct Verify {
    /// A JSON file: a receipt, or an answer as it came, byte for byte
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    file: PathBuf,
    /// The log's public key: a file with one line `origin+id+key`
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    key: PathBuf,
}

/// Runs the command.
#[expect(clippy::unused_async, reason = "every command is run in the same way")]
pub(crate) async fn run(args: Args) -> Result<ExitCode, Box<dyn Error>> {
    let Command::Verify(args) = args.command;
    let key = Verifier::parse(&read(&args.key)?)?;
    let json = read(&args.file)?;
    let verified = receipt::verify_file(&json, &key);
    let mut out = std::io::stdout().lock();
    match verified {
        Ok(proven) => {
            let Proven {
                origin,
                leaf,
                index,
                size,
                answer,
                ..
            } = &proven;
            write!(out, "{}", told(leaf, *index, *size, origin, Some(*answer)))?;
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => {
            writeln!(out, "NOT PROVEN: {error}")?;
            Ok(ExitCode::from(NOT_PROVEN))
        }
    }
}

/// What is proven of an entry, for people; of a receipt also how far it was compared with an answer.
pub(super) fn told(leaf: &Leaf, index: u64, size: u64, origin: &str, answer: Option<AnswerProof>) -> String {
    let event = &leaf.event;
    let time = jiff::Timestamp::from_microsecond(leaf.time)
        .map(|time| time.to_string())
        .unwrap_or_default();
    let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let purpose = event.purpose.as_ref();
    let purpose = purpose.map_or_else(|| "-".to_owned(), |p| format!("{} version {}", p.id, p.version));
    let answer = answer.map(|answer| match answer {
        AnswerProof::Matches => "is the one that was logged, byte for byte",
        AnswerProof::NotGiven => "not compared: give the whole answer, not the receipt alone",
        AnswerProof::None => "the entry is about no answer",
    });
    let answer = answer.map(|answer| ("answer", answer.to_owned()));
    let lines = [
        ("log", origin.to_owned()),
        ("entry", format!("{index} of {size}")),
        ("what", event.kind.name().to_owned()),
        ("when", time),
        ("recipient", or_none(&event.recipient)),
        ("purpose", purpose),
        ("dataset", or_none(&event.dataset)),
        ("decision", or_none(&event.decision)),
    ];
    let end = [
        ("result", "PROVEN: signed by the log, and in it".to_owned()),
        (
            "not shown",
            "that the signed log is the one everybody sees: compare with a witnessed checkpoint".to_owned(),
        ),
    ];
    lines
        .into_iter()
        .chain(answer)
        .chain(end)
        .map(|(name, text)| format!("{name:<10} {text}\n"))
        .collect::<Vec<String>>()
        .concat()
}
