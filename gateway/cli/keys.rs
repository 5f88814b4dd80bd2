//! `keys`: makes the gateway's own secret keys.

use std::error::Error;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Subcommand;
use doelpoort_core::audit::note::Verifier;
use ring::rand::SystemRandom;

use crate::identity::{Jwk, Jwks};
use crate::keys::file::{NewKeys, PublicKeys};

/// The log's verifier key, to hand to whoever checks the log.
const LOG_KEY_FILE: &str = "log.vkey";
/// The public key of access tokens, a JWK Set.
const TOKEN_KEY_FILE: &str = "token-jwks.json";

/// `doelpoort keys`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a fresh set of keys; nothing that exists is overwritten
    New(New),
}

#[derive(Debug, clap::Args)]
struct New {
    /// The directory to write to; it is made, and must be outside the data directory
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// The log's origin, as in `deployment.origin` of gateway.toml
    #[arg(long, value_name = "NAME")]
    origin: String,
    /// Derive the pseudonym and figure roots from this number; for the demo only, refused elsewhere
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Mark the keys as a published example; refused outside tests
    #[arg(long, hide = true)]
    example: bool,
}

/// Runs the command.
#[expect(clippy::unused_async, reason = "all commands have the same shape")]
pub(crate) async fn run(args: Args) -> Result<ExitCode, Box<dyn Error>> {
    match args.command {
        Command::New(new) => new.run(),
    }
}

impl New {
    fn run(&self) -> Result<ExitCode, Box<dyn Error>> {
        // The name is checked before there are keys that it would belong to.
        Verifier::new(&self.origin, [0; 32])?;
        let what = NewKeys {
            seed: self.seed,
            example: self.example,
        };
        let public = what.write(&self.out, &SystemRandom::new())?;
        let verifier = Verifier::new(&self.origin, public.log)?.to_text();
        publish(&self.out, &public, &verifier)?;
        self.tell(&verifier)?;
        Ok(ExitCode::SUCCESS)
    }

    fn tell(&self, verifier: &str) -> io::Result<()> {
        let mut out = io::stdout().lock();
        let folder = self.out.display();
        writeln!(
            out,
            "wrote {folder}/keys.toml and {folder}/kek; keep the two apart, in no backup together"
        )?;
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

fn publish(folder: &Path, public: &PublicKeys, verifier: &str) -> Result<(), Box<dyn Error>> {
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

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::keys::{KeyFileError, KeyFiles, KeyUse};

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        args: Args,
    }

    async fn keys(line: &[&str]) -> Result<ExitCode, Box<dyn Error>> {
        run(Cli::try_parse_from([&["keys"], line].concat())?.args).await
    }

    #[tokio::test]
    async fn new_writes_keys_that_load_and_their_public_halves() {
        let directory = tempfile::tempdir().unwrap();
        let out = directory.path().join("keys");
        let folder = out.to_str().unwrap();
        keys(&["new", "--out", folder, "--origin", "example.org/audit/2026"])
            .await
            .unwrap();

        let keyring = KeyFiles::in_directory(&out).load(KeyUse::Production).unwrap();
        let signer = doelpoort_core::audit::note::Signer::from_seed(
            "example.org/audit/2026",
            keyring.log.active().expose(),
        );
        let published = fs::read_to_string(out.join("log.vkey")).unwrap();
        assert_eq!(published.trim_end(), signer.unwrap().verifier().to_text());
        let published: serde_json::Value =
            serde_json::from_slice(&fs::read(out.join("token-jwks.json")).unwrap()).unwrap();
        let tokens = crate::identity::TokenKeys::from_seeds(keyring.token.active().expose(), &[]).unwrap();
        assert_eq!(published, serde_json::to_value(tokens.jwks()).unwrap());

        assert!(
            keys(&["new", "--out", folder, "--origin", "example.org/audit/2026"])
                .await
                .is_err()
        );
    }

    #[tokio::test]
    async fn a_seeded_set_is_marked_and_a_bad_origin_makes_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let out = directory.path().join("keys");
        let folder = out.to_str().unwrap();
        assert!(
            keys(&["new", "--out", folder, "--origin", "not a name"])
                .await
                .is_err()
        );
        assert!(!out.exists());
        keys(&["new", "--out", folder, "--origin", "example.org/a", "--seed", "1"])
            .await
            .unwrap();
        let refused = KeyFiles::in_directory(&out).load(KeyUse::Production);
        assert!(matches!(refused, Err(KeyFileError::Seeded { .. })));
    }
}
