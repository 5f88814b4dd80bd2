//! `keys`: the gateway's own secret keys, made, looked at, rotated and ended.

mod ceremony;
mod change;
mod kek;
mod new;
mod rewrap;
mod status;

use std::error::Error;
use std::process::ExitCode;

use clap::{Subcommand, ValueEnum};

use crate::keys::{KeyPurpose, KeyUse};

/// `doelpoort keys`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a fresh set of keys; nothing that exists is overwritten
    New(new::New),
    /// The same, with two custodians, and a transcript without secrets
    Ceremony(ceremony::Ceremony),
    /// Open every key and hold it against its check value
    Check(status::Check),
    /// Show each version, which gateways know it, and what still depends on older ones
    Status(status::Status),
    /// Add a pending version; once every gateway has read it, make it the one that issues
    Rotate(change::Rotate),
    /// Stop reading a version that no longer issues
    Retire(change::Retire),
    /// Destroy a retired version: what it made can be linked to nothing, for good
    Destroy(change::Destroy),
    /// Wrap all keys under another KEK
    Rewrap(rewrap::Rewrap),
}

/// Runs the command.
pub(crate) async fn run(args: Args) -> Result<ExitCode, Box<dyn Error>> {
    match args.command {
        Command::New(new) => new.run(),
        Command::Ceremony(ceremony) => ceremony.run(),
        Command::Check(check) => check.run().await,
        Command::Status(status) => status.run().await,
        Command::Rotate(rotate) => rotate.run().await,
        Command::Retire(retire) => retire.run().await,
        Command::Destroy(destroy) => destroy.run().await,
        Command::Rewrap(rewrap) => rewrap.run().await,
    }?;
    Ok(ExitCode::SUCCESS)
}

/// A key by its id in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum KeyId {
    /// Identifiers to subjects, at the entrance
    Index,
    /// Subjects to pseudonyms, at the exit
    Exit,
    /// Noise of the figures
    Figures,
    /// Signs the log
    Log,
    /// Signs access tokens
    Token,
    /// Seals cursors
    Cursor,
    /// Digests of bodies and deliveries
    Digest,
    /// Seals holders' own references
    Seal,
}

impl From<KeyId> for KeyPurpose {
    fn from(id: KeyId) -> Self {
        match id {
            KeyId::Index => Self::Index,
            KeyId::Exit => Self::Exit,
            KeyId::Figures => Self::Figures,
            KeyId::Log => Self::Log,
            KeyId::Token => Self::Token,
            KeyId::Cursor => Self::Cursor,
            KeyId::Digest => Self::Digest,
            KeyId::Seal => Self::Seal,
        }
    }
}

fn usage(danger_example_keys: bool) -> KeyUse {
    if danger_example_keys {
        KeyUse::DemoOrTest
    } else {
        KeyUse::Production
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

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
