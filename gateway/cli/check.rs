//! `check`: what is wrong, before the gateway starts. One line a check; systemd runs it first.

use std::path::Path;
use std::sync::Arc;

use clap::Args;
use doelpoort_core::audit::day::Month;
use doelpoort_core::audit::leaf::Leaf;
use doelpoort_core::policy::History;
use jiff::{SignedDuration, Timestamp};

use super::{CliError, ConfigArgs, print};
use crate::clock::{Clock as _, SystemClock};
use crate::config::Config;
use crate::keys::KeyUse;
use crate::log::{Publishing, SHARD};
use crate::policies;
use crate::store::{Store, StoreError, StoreOptions, log};
use crate::tls::{Ending, Examples, Tls};

/// Fewer days than this until a certificate or revocation list ends are worth a word.
const CERTIFICATE_DAYS_WARN: i64 = 30;
/// A revocation list lives shorter.
const REVOCATION_DAYS_WARN: i64 = 1;
/// How far the log may be ahead of the clock: replicas do not agree to the millisecond.
const CLOCK_BEHIND_MAX: SignedDuration = SignedDuration::from_secs(10);

/// `doelpoort check`.
#[derive(Debug, Args)]
pub(super) struct Check {
    #[command(flatten)]
    config: ConfigArgs,
    /// Accept the published example keys: for tests only
    #[arg(long, hide = true)]
    danger_example_keys: bool,
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
        let (usage, examples) = if self.danger_example_keys {
            (KeyUse::DemoOrTest, Examples::Accept)
        } else {
            (KeyUse::Production, Examples::Refuse)
        };
        let (database, clock) = database_and_clock(&config).await;
        let checks = [
            ("configuration", Found::Good(file)),
            ("certificates", certificates(&config, examples)),
            ("keys", keys(&config, usage)),
            ("FG's keys", fg_keys(&config)),
            ("policies", policies(&config)),
            ("admin listener", admin(&config)),
            ("console", console(&config)),
            ("database", database),
            ("clock", clock),
            ("publishing", publishing(&config)),
            ("telemetry", telemetry(&config)),
        ];
        let mut wrong = 0;
        for (what, found) in &checks {
            let (mark, text) = match found {
                Found::Good(text) => ("ok     ", text),
                Found::Warning(text) => ("warning", text),
                Found::Wrong(text) => ("WRONG  ", text),
            };
            wrong += usize::from(matches!(found, Found::Wrong(_)));
            print(&format!("{mark}  {what}: {}", one_line(text)))?;
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

/// A list of mistakes on one line: the first, and how many there are.
fn one_line(text: &str) -> String {
    let lines: Vec<&str> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    match lines.as_slice() {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [first, rest @ ..] => format!("{first} (and {} more lines)", rest.len()),
    }
}

/// What ends first is told; what has ended, or is not valid yet, is wrong.
fn certificates(config: &Config, examples: Examples) -> Found {
    let tls = match Tls::load(config, examples, Arc::new(SystemClock)) {
        Err(why) => return Found::Wrong(why.to_string()),
        Ok(tls) => tls,
    };
    if let Some(from) = tls.not_yet_valid() {
        return Found::Wrong(format!(
            "not valid before {from}, and now is {}: is the clock right (`timedatectl`)?",
            SystemClock.now()
        ));
    }
    let left = tls.days_left();
    let told: Vec<String> = left
        .iter()
        .map(|(ending, days)| format!("{} {days} days left", ending.as_str()))
        .collect();
    let told = told.join(", ");
    let warn = |ending| match ending {
        Ending::RevocationList => REVOCATION_DAYS_WARN,
        _ => CERTIFICATE_DAYS_WARN,
    };
    if left.iter().any(|(_, days)| *days < 0) {
        Found::Wrong(format!("{told}; put a new one in the place of what has ended"))
    } else if left.iter().any(|(ending, days)| *days < warn(*ending)) {
        Found::Warning(told)
    } else {
        Found::Good(told)
    }
}

/// That the keys open with the KEK, and nobody else can read them.
fn keys(config: &Config, usage: KeyUse) -> Found {
    match crate::gateway::keyring(config, usage) {
        Err(why) => Found::Wrong(why.to_string().trim_start_matches("keys: ").to_owned()),
        Ok(_) => Found::Good("they open".to_owned()),
    }
}

/// That the folder could come into force: what the log says of those before is looked at by `serve`.
fn policies(config: &Config) -> Found {
    let now = SystemClock.now();
    let read = policies::read(&config.policies.dir);
    let candidate = read.and_then(|files| {
        let candidate = policies::candidate(&files, &config.deployment.name, now, &History::default(), None);
        candidate.map_err(|unfit| unfit.error)
    });
    match candidate {
        Err(error) => Found::Wrong(error.to_string()),
        Ok(policies) => {
            let all = policies.purposes.len();
            let asleep = policies
                .purposes
                .values()
                .filter(|standing| standing.acts(now).is_err())
                .count();
            let told = format!("{all} purposes, {asleep} of them asleep (`doelpoort policy check` says why)");
            if all == asleep {
                Found::Warning(told)
            } else {
                Found::Good(told)
            }
        }
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

/// How people sign in at the console, and that the files for it can be used. The provider itself is not asked.
fn console(config: &Config) -> Found {
    let console = &config.console;
    match crate::gateway::provider(console) {
        Err(why) => Found::Wrong(why.to_string()),
        Ok(Some(_)) if console.step_up_acr.is_empty() => Found::Warning(format!(
            "people sign in at {}; `console.step_up_acr` is not set, so a password alone may withdraw",
            console.issuer
        )),
        Ok(Some(_)) => Found::Good(format!("people sign in at {}", console.issuer)),
        Ok(None) => Found::Warning(
            "no identity provider (`console.issuer`): people sign in by `doelpoort console link`".to_owned(),
        ),
    }
}

/// Opens the database, and holds the clock against the last entry of the log. A SQLite file that is not there yet is
/// made by `serve`, not by a check.
async fn database_and_clock(config: &Config) -> (Found, Found) {
    let now = SystemClock.now();
    let unknown = || Found::Good(format!("{now}; there is no log yet to hold it against"));
    let url = config.database.url.expose();
    if let Some(file) = url
        .strip_prefix("sqlite://")
        .filter(|file| !Path::new(file).exists())
    {
        let folder = Path::new(file).parent().is_some_and(Path::is_dir);
        let found = if folder {
            Found::Warning(format!("`{file}` does not exist yet; `serve` makes it"))
        } else {
            Found::Wrong(format!(
                "the folder of `{file}` does not exist: make it, for the user of the service"
            ))
        };
        return (found, unknown());
    }
    let options = StoreOptions {
        connections_max: 1,
        ..StoreOptions::default()
    };
    let store = match Store::open(url, options).await {
        Ok(store) => store,
        Err(why) => return (Found::Wrong(why.to_string()), unknown()),
    };
    // A database without a log has no table for it.
    let last = last_entry(&store).await.unwrap_or_default();
    store.close().await;
    let clock = match last {
        Some(last) if last > now + CLOCK_BEHIND_MAX => Found::Wrong(format!(
            "now is {now}, and the last entry of the log is of {last}: set the clock (`timedatectl set-ntp true`)"
        )),
        Some(last) => Found::Good(format!("{now}; the last entry of the log is of {last}")),
        None => unknown(),
    };
    (Found::Good("opened".to_owned()), clock)
}

/// That spans and metrics could be sent. The collector is not asked: the gateway serves without it.
fn telemetry(config: &Config) -> Found {
    let settings = &config.telemetry;
    if settings.otlp_url.is_empty() {
        return Found::Good("no collector".to_owned());
    }
    match crate::telemetry::collector(settings) {
        Err(why) => Found::Wrong(why),
        Ok(_) => Found::Good(format!("spans and metrics go to {}", settings.otlp_url)),
    }
}

async fn last_entry(store: &Store) -> Result<Option<Timestamp>, StoreError> {
    let Some(head) = log::head(store, SHARD).await?.filter(|head| head.size > 0) else {
        return Ok(None);
    };
    let last = log::entries(store, SHARD, head.size - 1, 1).await?;
    let leaf = last.first().and_then(|entry| Leaf::decode(&entry.leaf).ok());
    Ok(leaf.and_then(|leaf| Timestamp::from_microsecond(leaf.time).ok()))
}
