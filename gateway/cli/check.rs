//! `check`: what is wrong, before the gateway starts. One line a check; systemd runs it first.

use std::path::Path;
use std::sync::Arc;

use clap::Args;
use doelpoort_core::audit::day::Month;

use super::{CliError, ConfigArgs, print};
use crate::clock::{Clock as _, SystemClock};
use crate::config::Config;
use crate::log::Publishing;
use crate::store::{Store, StoreOptions};
use crate::tls::{Examples, Tls};

/// Fewer days than this until a certificate ends are worth a word.
const CERTIFICATE_DAYS_WARN: i64 = 30;

/// `doelpoort check`.
#[derive(Debug, Args)]
pub(super) struct Check {
    #[command(flatten)]
    config: ConfigArgs,
}

/// What one check found.
enum Found {
    Good(String),
    Warning(String),
    Wrong(String),
}

impl Check {
    pub(super) async fn run(self) -> Result<(), CliError> {
        let config = self.config.load()?;
        let file = self.config.config.display().to_string();
        let checks = [
            ("configuration", Found::Good(file)),
            ("certificates", certificates(&config)),
            ("FG's keys", fg_keys(&config)),
            ("admin listener", admin(&config)),
            ("database", database(&config).await),
            ("publishing", publishing(&config)),
        ];
        let mut wrong = 0;
        for (what, found) in &checks {
            let (mark, text) = match found {
                Found::Good(text) => ("ok     ", text),
                Found::Warning(text) => ("warning", text),
                Found::Wrong(text) => ("WRONG  ", text),
            };
            wrong += usize::from(matches!(found, Found::Wrong(_)));
            print(&format!("{mark}  {what}: {text}"))?;
        }
        if wrong == 0 {
            Ok(())
        } else {
            Err(CliError::Told(format!(
                "{wrong} of {} checks failed",
                checks.len()
            )))
        }
    }
}

fn certificates(config: &Config) -> Found {
    match Tls::load(&config.exchange, Examples::Refuse, Arc::new(SystemClock)) {
        Err(why) => Found::Wrong(why.to_string()),
        Ok(tls) if tls.days_left() < 0 => Found::Wrong("the server certificate has ended".to_owned()),
        Ok(tls) if tls.days_left() < CERTIFICATE_DAYS_WARN => {
            Found::Warning(format!("the server certificate ends in {} days", tls.days_left()))
        }
        Ok(tls) => Found::Good(format!("{} days left", tls.days_left())),
    }
}

/// Who outside vouches for the log. That nobody does is allowed, and said.
fn publishing(config: &Config) -> Found {
    match Publishing::load(&config.publish, None) {
        Err(why) => Found::Wrong(why.to_string()),
        Ok(publishing) if publishing.is_whole() => Found::Good(publishing.told()),
        Ok(publishing) => Found::Warning(publishing.told()),
    }
}

/// The keys that private parts of the log are sealed to: without one for the month nothing is answered.
fn fg_keys(config: &Config) -> Found {
    let now = SystemClock.now();
    match crate::gateway::fg_keys(config, now) {
        Err(why) => Found::Wrong(why.to_string()),
        Ok(keys) => {
            let month = Month::of(now.as_microsecond());
            match keys.last() {
                Some(last) if last > month.next() => Found::Good(format!("until {last}")),
                _ => {
                    Found::Warning("there is none for the month after next; have new ones signed".to_owned())
                }
            }
        }
    }
}

fn admin(config: &Config) -> Found {
    let address = config.admin.listen;
    if address.ip().is_loopback() {
        Found::Good(address.to_string())
    } else {
        Found::Warning(format!(
            "`{address}` is not loopback; health and metrics have no authentication"
        ))
    }
}

/// Opens the database. A SQLite file that is not there yet is made by `serve`, not by a check.
async fn database(config: &Config) -> Found {
    let url = config.database.url.expose();
    if let Some(file) = url
        .strip_prefix("sqlite://")
        .filter(|file| !Path::new(file).exists())
    {
        return Found::Warning(format!("`{file}` does not exist yet; `serve` makes it"));
    }
    let options = StoreOptions {
        connections_max: 1,
        ..StoreOptions::default()
    };
    match Store::open(url, options).await {
        Ok(_) => Found::Good("opened".to_owned()),
        Err(why) => Found::Wrong(why.to_string()),
    }
}
