//! `doelpoort console`: the pages of the data protection officer (FG), on the FG's own machine; and `console link`, with
//! which an operator lets somebody in at the gateway's own console where there is no identity provider.

mod link;

use std::error::Error;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Subcommand, ValueHint};

use super::audit::verify;
use super::print;
use crate::client::Client;
use crate::clock::SystemClock;
use crate::config::{Limits, Log as LogLines};
use crate::console::{Fg, FgConsole, Told};
use crate::fg::{Casework, FgPrivateKeys};
use crate::serve::{self, Shutdown};

/// The folder of the FG's cases, beside the keys.
const CASES: &str = "cases";

/// `doelpoort console`.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    pages: Option<Pages>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Let somebody sign in once at the gateway's own console, where it has no identity provider
    Link(link::Link),
}

/// The FG's pages.
#[derive(Debug, clap::Args)]
struct Pages {
    /// The FG's private keys, made by `doelpoort fg new`
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    fg_key: PathBuf,
    /// The FG's client folder: each look is logged at its gateway first
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    client: PathBuf,
    /// The folder of the second person, where two of you are asked for: a `client.toml` with `[staff]` and their key. Put
    /// it on a medium of their own: it is read each time, and needed at no other
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    colleague: Option<PathBuf>,
    /// The log's public key: a file with one line `origin+id+key`
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    key: PathBuf,
    /// The deployment's name, as in `deployment.name` of gateway.toml
    #[arg(long)]
    deployment: String,
    /// The folder of your own cases: requests, reviews, data breaches, each sealed with your key. Made where there is none;
    /// `cases` beside the keys unless given
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    cases: Option<PathBuf>,
    /// A folder of policies that you are asked to approve: what it changes, tried on the last 30 days
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    proposal: Option<PathBuf>,
    /// Where to listen; this machine only
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7443")]
    listen: SocketAddr,
}

impl Args {
    pub(crate) async fn run(self) -> Result<ExitCode, Box<dyn Error>> {
        match (self.command, self.pages) {
            (Some(Command::Link(link)), _) => link.run().await,
            (None, Some(pages)) => pages.run().await,
            (None, None) => Err("give --fg-key, --client, --key and --deployment, or `link`".into()),
        }
    }
}

impl Pages {
    async fn run(self) -> Result<ExitCode, Box<dyn Error>> {
        crate::telemetry::start(&LogLines::default())?;
        let log = verify::key(&self.key)?;
        let client = Client::open(&self.client)?;
        let client = match self.colleague {
            Some(folder) => client.with_colleague(folder),
            None => client,
        };
        let cases = self.cases.unwrap_or_else(|| self.fg_key.with_file_name(CASES));
        let fg = Fg {
            keys: FgPrivateKeys::read(&self.fg_key)?,
            client,
            proposal: self.proposal,
            cases: Casework::open(&cases, doelpoort_core::audit::shard::base(log.name()))?,
            log,
            deployment: self.deployment,
            clock: Arc::new(SystemClock),
        };
        let address = self.listen;
        let console = FgConsole::new(fg, address, Box::new(move |told| tell(address, told)))?;
        let shutdown = Shutdown::on_signals()?;
        let routes = Arc::clone(&console).routes();
        let (_, mut tasks) = serve::run_plain(routes, address, Limits::default(), shutdown).await?;
        console.offer_login();
        while tasks.join_next().await.is_some() {}
        Ok(ExitCode::SUCCESS)
    }
}

/// On the terminal of the FG, and nowhere else.
fn tell(address: SocketAddr, told: Told<'_>) {
    let text = match told {
        Told::Login(code) => format!("open http://{address}/login?code={code} (works once, for 10 minutes)"),
        Told::StepUp(code) => format!("confirmation code: {code}"),
    };
    if let Err(error) = print(&text) {
        tracing::error!(%error, "the terminal cannot be written");
    }
}
