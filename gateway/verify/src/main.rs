//! `doelpoort-verify`: is the log in this bundle what it was? Needs the file and the log's public key, and nothing else:
//! no gateway, no database, no network.

use std::error::Error;
use std::fs::File;
use std::io::{BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use doelpoort_core::audit::note::Verifier;
use doelpoort_verify::verify;
use lexopt::prelude::*;

/// Exit code: something was found that is not as it should be.
const NOT_INTACT: u8 = 3;
const HELP: &str = "\
Checks a bundle of the audit log, offline and with the public key alone

Usage: doelpoort-verify --bundle FILE --key FILE [--against FILE]

  --bundle FILE   what `doelpoort audit export --format bundle` made
  --key FILE      the log's public key: one line `origin+id+key`; get it from the gateway's owner, not from the bundle
  --against FILE  a checkpoint that was kept elsewhere: shows that the log only grew since

Exit code 0 if the log is intact, 3 if it is not, 1 if it cannot be checked.
";

struct Options {
    bundle: PathBuf,
    key: PathBuf,
    against: Option<PathBuf>,
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
    let bundle = File::open(&options.bundle).map_err(|error| unreadable(&options.bundle, &error))?;
    let report = verify(BufReader::new(bundle), &key, against.as_deref())?;
    write!(out, "{report}")?;
    Ok(if report.is_intact() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(NOT_INTACT)
    })
}

/// `None` where help was asked for.
fn options() -> Result<Option<Options>, Box<dyn Error>> {
    let (mut bundle, mut key, mut against) = (None, None, None);
    let mut parser = lexopt::Parser::from_env();
    while let Some(option) = parser.next()? {
        match option {
            Long("bundle") => bundle = Some(parser.value()?.into()),
            Long("key") => key = Some(parser.value()?.into()),
            Long("against") => against = Some(parser.value()?.into()),
            Short('h') | Long("help") => return Ok(None),
            other => return Err(other.unexpected().into()),
        }
    }
    Ok(Some(Options {
        bundle: bundle.ok_or("give --bundle FILE; --help explains")?,
        key: key.ok_or("give --key FILE; --help explains")?,
        against,
    }))
}

fn read(file: &Path) -> Result<String, String> {
    std::fs::read_to_string(file).map_err(|error| unreadable(file, &error))
}

fn unreadable(file: &Path, error: &std::io::Error) -> String {
    format!("cannot read `{}`: {error}", file.display())
}
