//! `demo`: the whole product on one machine, on real input.

use std::path::PathBuf;

use clap::Args;

use super::CliError;
use crate::config::{Log, LogFormat};
use crate::demo::{self, Options};

/// `doelpoort demo`.
#[derive(Debug, Args)]
pub(super) struct Demo {
    /// The folder for everything it makes
    #[arg(long, value_name = "DIR", default_value = "./demo")]
    dir: PathBuf,
    /// The policies that it copies
    #[arg(long, value_name = "DIR", default_value = "policies")]
    policies: PathBuf,
    /// The port of the exchange; the admin listener and the console get the next two
    #[arg(long, value_name = "PORT", default_value_t = 8443)]
    port: u16,
    /// An empty database, in place of an embedded one: `postgres://USER@HOST/NAME`
    #[arg(long, value_name = "URL")]
    database: Option<String>,
    /// What the population, the subjects and the roots of pseudonyms and figures come from
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// How many resident pupils; all 35,394 where left out
    #[arg(long, value_name = "N")]
    pupils: Option<usize>,
    /// Stop when all is done, instead of serving on
    #[arg(long)]
    once: bool,
}

impl Demo {
    pub(super) async fn run(self) -> Result<(), CliError> {
        let log = Log {
            format: LogFormat::Human,
            filter: "warn".to_owned(),
        };
        crate::telemetry::start(&log).map_err(|why| CliError::Told(why.to_string()))?;
        let Self {
            dir,
            policies,
            port,
            database,
            seed,
            pupils,
            once,
        } = self;
        let options = Options {
            dir,
            policies,
            port,
            database,
            seed,
            pupils,
            once,
        };
        demo::run(&options)
            .await
            .map_err(|why| CliError::Told(why.to_string()))
    }
}
