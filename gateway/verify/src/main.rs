//! `doelpoort-verify`: is the log in this bundle what it was? Needs the file and the log's public key, and nothing else:
//! no gateway, no database, no network.

use std::error::Error;
use std::fs::File;
use std::io::{BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use doelpoort_core::audit::note::Verifier;
use doelpoort_core::audit::receipt::{self, Proven};
use doelpoort_verify::{verify_hand_out, verify_with};
use lexopt::prelude::*;

/// Exit code: something was found that is not as it should be.
const NOT_INTACT: u8 = 3;
const HELP: &str = "\
Checks a bundle or a hand-out of the audit log, offline and with the public key alone

Usage: doelpoort-verify --bundle FILE --key FILE [--against FILE] [--receipt FILE]...
       doelpoort-verify --hand-out FILE --key FILE [--bundle FILE]

  --bundle FILE   what `doelpoort audit export --format bundle` made
  --hand-out FILE what a data protection officer gave a parent; with a bundle of the same log, its tags are compared too
  --key FILE      the log's public key: one line `origin+id+key`; get it from the gateway's owner, not from the bundle
                  (of any shard of the log: the key is the same)
  --against FILE  a checkpoint that was kept elsewhere: shows that the log only grew since
  --receipt FILE  a receipt, or an answer as it came: shows that its entry is in the log; more than once for several

Exit code 0 if the log is intact and the hand-out complete, 3 if it is not, 1 if it cannot be checked.
";

struct Options {
    bundle: Option<PathBuf>,
    hand_out: Option<PathBuf>,
    key: PathBuf,
    against: Option<PathBuf>,
    receipts: Vec<PathBuf>,
}

fn main() -> ExitCode {
    match run() {
        Ok(code) => code,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<ExitCode, Box<dyn Error>> {
    let mut out = std::io::stdout().lock();
    let Some(options) = options()? else {
        out.write_all(HELP.as_bytes())?;
        return Ok(ExitCode::SUCCESS);
    };
    let key = Verifier::parse(&read(&options.key)?)?;
    let against = options.against.as_deref().map(read).transpose()?;
    let mut bundle = options.bundle.as_deref().map(open).transpose()?;
    let intact = if let Some(hand_out) = &options.hand_out {
        let bundle = bundle.as_mut().map(|bundle| bundle as &mut dyn std::io::Read);
        let checked = verify_hand_out(open(hand_out)?, &key, bundle)?;
        write!(out, "{checked}")?;
        checked.is_complete()
    } else {
        let bundle = bundle.ok_or("give --bundle FILE or --hand-out FILE; --help explains")?;
        let receipts = options.receipts.iter().map(|file| receipt(file, &key));
        let receipts = receipts.collect::<Result<Vec<_>, _>>()?;
        let report = verify_with(bundle, &key, against.as_deref(), &receipts)?;
        write!(out, "{report}")?;
        report.is_intact()
    };
    Ok(if intact {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(NOT_INTACT)
    })
}

/// `None` where help was asked for.
fn options() -> Result<Option<Options>, Box<dyn Error>> {
    let (mut bundle, mut hand_out, mut key, mut against) = (None, None, None, None);
    let mut receipts = Vec::new();
    let mut parser = lexopt::Parser::from_env();
    while let Some(option) = parser.next()? {
        match option {
            Long("bundle") => bundle = Some(parser.value()?.into()),
            Long("hand-out") => hand_out = Some(parser.value()?.into()),
            Long("key") => key = Some(parser.value()?.into()),
            Long("against") => against = Some(parser.value()?.into()),
            Long("receipt") => receipts.push(parser.value()?.into()),
            Short('h') | Long("help") => return Ok(None),
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(Some(Options {
        bundle,
        hand_out,
        key: key.ok_or("give --key FILE; --help explains")?,
        against,
        receipts,
    }))
}

fn open(file: &Path) -> Result<BufReader<File>, String> {
    File::open(file)
        .map(BufReader::new)
        .map_err(|error| unreadable(file, &error))
}

fn read(file: &Path) -> Result<String, String> {
    std::fs::read_to_string(file).map_err(|error| unreadable(file, &error))
}

/// What a receipt proves of the log that signed it.
fn receipt(file: &Path, key: &Verifier) -> Result<Proven, Box<dyn Error>> {
    receipt::verify_file(&read(file)?, key).map_err(|error| format!("`{}`: {error}", file.display()).into())
}

fn unreadable(file: &Path, error: &std::io::Error) -> String {
    format!("cannot read `{}`: {error}", file.display())
}
