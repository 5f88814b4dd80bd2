//! `keys ceremony`: a fresh set in front of witnesses, with a transcript that can be kept and published.

use std::error::Error;
use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;
use doelpoort_core::audit::note::Verifier;
use ring::rand::SystemRandom;

use super::kek::Hardware;
use super::new::publish;
use crate::cli::output::print;
use crate::clock::{Clock as _, SystemClock};
use crate::keys::file::{KekKind, Made, NewKeys};

#[derive(Debug, Args)]
pub(super) struct Ceremony {
    /// The directory to write to; it is made, and must be outside the data directory
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// The log's origin, as in `deployment.origin` of gateway.toml
    #[arg(long, value_name = "NAME")]
    origin: String,
    /// A custodian and the file that gets this half of the KEK, on a medium of their own; twice, without a module
    #[arg(long = "custodian", value_name = "NAME=FILE", value_parser = custodian)]
    custodians: Vec<(String, PathBuf)>,
    /// Who else is there
    #[arg(long = "witness", value_name = "NAME")]
    witnesses: Vec<String>,
    #[command(flatten)]
    hardware: Hardware,
}

impl Ceremony {
    pub(super) fn run(&self) -> Result<(), Box<dyn Error>> {
        // The name is checked before there are keys that it would belong to.
        Verifier::new(&self.origin, [0; 32])?;
        let kek = match (self.hardware.kek(), self.custodians.as_slice()) {
            (Some(kek), []) => kek,
            (None, [(one_name, one), (other_name, other)]) if one_name != other_name && one != other => {
                KekKind::Split {
                    one: one.clone(),
                    other: other.clone(),
                }
            }
            _ => return Err("give two `--custodian NAME=FILE` that differ, or a hardware module".into()),
        };
        let began = SystemClock.now();
        let made = NewKeys::default().write_under(&self.out, &kek, &SystemRandom::new())?;
        let verifier = Verifier::new(&self.origin, made.public.log)?.to_text();
        publish(&self.out, &made.public, &verifier)?;
        let transcript = self.transcript(&made, &verifier, &began.to_string());
        print(&transcript?)?;
        Ok(())
    }

    fn transcript(&self, made: &Made, verifier: &str, began: &str) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        writeln!(text, "doelpoort {} key ceremony", env!("CARGO_PKG_VERSION"))?;
        writeln!(text, "began       {began}")?;
        writeln!(text, "ended       {}", SystemClock.now())?;
        for ((name, file), check) in self.custodians.iter().zip(&made.halves) {
            writeln!(
                text,
                "custodian   {name}: {}, check value {check}",
                file.display()
            )?;
        }
        for name in &self.witnesses {
            writeln!(text, "witness     {name}")?;
        }
        writeln!(text, "KEK         {}", made.kek)?;
        for key in &made.keys {
            writeln!(
                text,
                "key         {:<8} version {}  {:<18}  check value {}",
                key.id, key.version, key.algorithm, key.check
            )?;
        }
        writeln!(text, "key file    {}/keys.toml", self.out.display())?;
        writeln!(text, "log key     {verifier}")?;
        let people = self
            .custodians
            .iter()
            .map(|(name, _)| name)
            .chain(&self.witnesses);
        for name in people {
            writeln!(text, "\nsigned      ______________________  {name}")?;
        }
        Ok(text)
    }
}

/// `name=file`.
fn custodian(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((name, file)) if !name.trim().is_empty() && !file.is_empty() => {
            Ok((name.trim().to_owned(), file.into()))
        }
        _ => Err("write it as `name=file`".to_owned()),
    }
}
