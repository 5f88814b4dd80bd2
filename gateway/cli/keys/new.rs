//! `keys new`: a fresh set.

use std::error::Error;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use doelpoort_core::audit::note::Verifier;
use ring::rand::SystemRandom;

use super::kek::Hardware;
use crate::identity::{Jwk, Jwks};
use crate::keys::file::{KekKind, NewKeys, PublicKeys};

/// The log's verifier key, to hand to whoever checks the log.
const LOG_KEY_FILE: &str = "log.vkey";
/// The public key of access tokens, a JWK Set.
const TOKEN_KEY_FILE: &str = "token-jwks.json";

#[derive(Debug, clap::Args)]
pub(super) struct New {
    /// The directory to write to; it is made, and must be outside the data directory
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// The log's origin, as in `deployment.origin` of gateway.toml
    #[arg(long, value_name = "NAME")]
    origin: String,
    /// Derive the pseudonym and figure roots from this number; for the demo only, refused elsewhere
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    #[command(flatten)]
    hardware: Hardware,
    /// Mark the keys as a published example; refused outside tests
    #[arg(long, hide = true)]
    example: bool,
}

impl New {
    pub(super) fn run(&self) -> Result<(), Box<dyn Error>> {
        // The name is checked before there are keys that it would belong to.
        Verifier::new(&self.origin, [0; 32])?;
        let what = NewKeys {
            seed: self.seed,
            example: self.example,
        };
        let kek = self.hardware.kek().unwrap_or(KekKind::File);
        let made = what.write_under(&self.out, &kek, &SystemRandom::new())?;
        let public = made.public;
        let verifier = Verifier::new(&self.origin, public.log)?.to_text();
        publish(&self.out, &public, &verifier)?;
        self.tell(&verifier, &made.kek)?;
        Ok(())
    }

    fn tell(&self, verifier: &str, kek: &str) -> io::Result<()> {
        let mut out = io::stdout().lock();
        let folder = self.out.display();
        match self.hardware.kek() {
            None => writeln!(
                out,
                "wrote {folder}/keys.toml and {folder}/kek; keep the two apart, in no backup together"
            )?,
            Some(_) => writeln!(out, "wrote {folder}/keys.toml; the KEK is {kek}")?,
        }
        writeln!(
            out,
            "wrote {folder}/{LOG_KEY_FILE} and {folder}/{TOKEN_KEY_FILE}, which are public"
        )?;
        if self.seed.is_some() {
            writeln!(out, "these keys are made from a seed: they serve the demo only")?;
        }
        writeln!(out, "log key: {verifier}")
    }
}

pub(super) fn publish(folder: &Path, public: &PublicKeys, verifier: &str) -> Result<(), Box<dyn Error>> {
    fs::write(folder.join(LOG_KEY_FILE), format!("{verifier}\n"))?;
    let jwks = Jwks {
        keys: vec![Jwk::ed25519(&public.token)],
    };
    fs::write(
        folder.join(TOKEN_KEY_FILE),
        serde_json::to_string_pretty(&jwks)? + "\n",
    )?;
    Ok(())
}
