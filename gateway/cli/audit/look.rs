//! How a command gets at the log. Over the exchange the look is logged first, and without the gateway's receipt nothing is
//! looked at. With the FG's key there is no other way, but for who says aloud that nobody will know.

use std::error::Error;
use std::io::Write as _;
use std::path::PathBuf;

use clap::ValueHint;
use doelpoort_core::audit::day::Month;
use doelpoort_core::audit::note::Verifier;
use doelpoort_core::request::LookCommand;

use super::EntriesArgs;
use crate::audit::Entries;
use crate::client::Client;
use crate::clock::{Clock as _, SystemClock};
use crate::fg::FgPrivateKeys;
use crate::fg::copy::{LogCopy, Scratch, copy};
use crate::fg::look::Purpose;
use crate::fg::replay::Archived;

/// Who looks and why; and from where.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct LookArgs {
    /// The FG's client folder: the look is logged at its gateway first, and the log is fetched from there, unless
    /// a bundle or database is given
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    client: Option<PathBuf>,
    /// The folder of the second person, where two of you are asked for: a `client.toml` with `[staff]` and their key,
    /// best on a medium of their own
    #[arg(long, value_name = "DIR", requires = "client", value_hint = ValueHint::DirPath)]
    colleague: Option<PathBuf>,
    /// Why, as a code
    #[arg(long, value_name = "CODE", default_value = "review")]
    reason: String,
    /// The case, as your register names it
    #[arg(long)]
    case: Option<String>,
    /// With the FG's key, but without the log saying that you look: for a log that stopped, and for tests
    #[arg(long, conflicts_with = "client")]
    danger_unlogged: bool,
}

/// What a command is about to do.
pub(in crate::cli) struct Sought<'a> {
    pub(in crate::cli) command: LookCommand,
    /// What is sought, in words; only the FG can read it.
    pub(in crate::cli) what: String,
    /// The log's public key, which verifies the receipt.
    pub(in crate::cli) log: Option<&'a Verifier>,
    /// The FG's keys, where the command opens private parts.
    pub(in crate::cli) keys: Option<&'a FgPrivateKeys>,
}

/// The log, as this command may read it. What was fetched is removed when it is dropped.
pub(in crate::cli) struct Looking {
    pub(in crate::cli) entries: Entries,
    /// The FG's program at the gateway, where there is one.
    pub(in crate::cli) client: Option<Client>,
    _scratch: Option<Scratch>,
}

impl Looking {
    /// Where the files of earlier policies are.
    pub(in crate::cli) fn archived(&self) -> Archived<'_> {
        match (&self.entries, &self.client) {
            (Entries::Database(store), _) => Archived::Store(store),
            (Entries::Bundle(_), Some(client)) => Archived::Exchange(client),
            (Entries::Bundle(_), None) => Archived::Nowhere,
        }
    }
}

impl LookArgs {
    /// The FG's program and why it looks, where a client is given.
    pub(in crate::cli) fn client(&self) -> Result<Option<Client>, Box<dyn Error>> {
        let client = self.client.as_deref().map(Client::open).transpose()?;
        Ok(match &self.colleague {
            Some(folder) => client.map(|client| client.with_colleague(folder.clone())),
            None => client,
        })
    }

    pub(in crate::cli) fn purpose<'a>(&'a self, client: &'a Client, log: &'a Verifier) -> Purpose<'a> {
        Purpose {
            client,
            log,
            reason: &self.reason,
            case: self.case.as_deref(),
        }
    }
}

impl EntriesArgs {
    /// Opens the log for a look. Over the exchange it is logged before anything is read.
    pub(in crate::cli) async fn look(&self, sought: Sought<'_>) -> Result<Looking, Box<dyn Error>> {
        let Some(client) = self.look.client()? else {
            if sought.keys.is_some() && !self.look.danger_unlogged {
                return Err(
                    "with the FG's key a look is logged first: give --client DIR, the FG's folder, and --case; \
                     or --danger-unlogged"
                        .into(),
                );
            }
            let entries = self.open().await?;
            return Ok(Looking {
                entries,
                client: None,
                _scratch: None,
            });
        };
        let log = sought
            .log
            .ok_or("give --key FILE, the log's public key: it verifies the receipt")?;
        let month = Month::of(SystemClock.now().as_microsecond());
        let keys = sought.keys.map(|keys| (keys, month));
        let purpose = self.look.purpose(&client, log);
        let logged = purpose.announce(sought.command, &sought.what, keys).await?;
        writeln!(std::io::stderr().lock(), "{logged}")?;
        let look = sought.keys.map(|_| logged.index);
        self.read_by(client, log, look).await
    }

    /// Opens the log for a check that shows nothing of it; over the exchange the gateway logs what is read.
    pub(in crate::cli) async fn read(&self, log: &Verifier) -> Result<Looking, Box<dyn Error>> {
        if let Some(client) = self.look.client()? {
            return self.read_by(client, log, None).await;
        }
        let entries = self.open().await?;
        Ok(Looking {
            entries,
            client: None,
            _scratch: None,
        })
    }

    /// The log for a look that is logged: what is at hand, else what the exchange has.
    pub(in crate::cli) async fn read_by(
        &self,
        client: Client,
        log: &Verifier,
        look: Option<u64>,
    ) -> Result<Looking, Box<dyn Error>> {
        if self.bundle.is_some() || self.database.is_given() {
            return Ok(Looking {
                entries: self.open().await?,
                client: Some(client),
                _scratch: None,
            });
        }
        let LogCopy {
            entries,
            report,
            folder,
        } = copy(&client, log, look, &|_, _| None).await?;
        // It must be the log that its checkpoint signs: else a search could miss what was left out.
        if !report.is_intact() {
            return Err(format!("the gateway does not serve the log that it signed:\n{report}").into());
        }
        Ok(Looking {
            entries,
            client: Some(client),
            _scratch: Some(folder),
        })
    }
}
