//! Fills the log of a gateway that stands still with as many entries as years of use make: each as one of those that are
//! there, with pupils, staff and a question sealed for the FG. What reads the log is then measured on a real one.

use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use doelpoort::audit::Entries;
use doelpoort::clock::{Clock as _, SystemClock};
use doelpoort::config::{Config, Environment};
use doelpoort::gateway::{fg_keys, keyring};
use doelpoort::keys::KeyUse;
use doelpoort::log::{Entry, Log};
use doelpoort::store::{Store, StoreOptions};
use doelpoort_core::audit::leaf::{Event, GRANTED, Kind};
use doelpoort_core::audit::note::Signer;
use doelpoort_core::audit::private::StaffPart;
use doelpoort_core::pseudonym::SubjectId;
use ring::rand::{SecureRandom as _, SystemRandom};
use tokio::task::JoinSet;

type Failure = Box<dyn Error + Send + Sync>;

/// How many entries are appended at once.
const AT_ONCE: u64 = 1_000;
/// How long one may take.
const APPENDED_WITHIN: Duration = Duration::from_mins(1);

/// Fill the log of a gateway that stands still
#[derive(Parser)]
struct Args {
    /// Its settings
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// How many entries the log is to have
    #[arg(long, value_name = "N")]
    entries: u64,
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let args = Args::parse();
    let config = Config::load(&args.config, &Environment::default())?;
    let keys = keyring(&config, KeyUse::DemoOrTest)?;
    let signer = Signer::from_seed(&config.deployment.origin, keys.log.active().expose())?;
    let fg = fg_keys(&config, SystemClock.now())?;
    let store = Store::open(config.database.url.expose(), StoreOptions::default()).await?;
    let (mut size, mut models) = (0, Vec::new());
    let entries = Entries::Database(store.clone());
    entries
        .each(0..u64::MAX, |entry| {
            size = entry.index + 1;
            if entry.leaf.event.kind == Kind::AccessDecided {
                models.push(entry.leaf.event);
            }
            Ok(())
        })
        .await?;
    let models: Arc<[Event]> = models.into();
    let log = Log::open(store.clone(), signer, fg, Arc::new(SystemClock)).await?;
    let missing = args.entries.saturating_sub(size);
    let mut running = JoinSet::new();
    for filler in 0..AT_ONCE {
        let (log, models) = (log.clone(), Arc::clone(&models));
        running.spawn(async move {
            for number in (filler..missing).step_by(usize::try_from(AT_ONCE)?) {
                let model = usize::try_from(number)? % models.len().max(1);
                let model = models.get(model).ok_or("the log has no request to go by")?;
                log.append_within(like(model)?, APPENDED_WITHIN).await?;
            }
            Ok::<_, Failure>(())
        });
    }
    while let Some(filled) = running.join_next().await {
        filled??;
    }
    log.close().await;
    store.close().await;
    Ok(())
}

/// Another entry that tells the same, about other pupils, in a trace of its own.
fn like(model: &Event) -> Result<Entry, Failure> {
    let mut entry = Entry::new(Kind::AccessDecided)?;
    let entry_id = entry.event.entry_id;
    entry.event = Event {
        requested_at: Some(SystemClock.now().as_microsecond()),
        trace: Some(random()?),
        tags: Vec::new(),
        window: None,
        commitments: doelpoort_core::audit::leaf::Commitments::default(),
        ..model.clone()
    };
    entry.event.entry_id = entry_id;
    for _ in &model.tags {
        entry.private.subjects.push(SubjectId::from_bytes(random()?));
    }
    if model.commitments.staff.is_some() {
        entry.private.staff = Some(StaffPart {
            subject: "consulent-01".to_owned(),
            proved: true,
            case: Some("2026-0417".to_owned()),
            released_by: None,
        });
    }
    if model.decision.as_deref() == Some(GRANTED) {
        return Ok(entry.answering(random_hash()?)?);
    }
    Ok(entry)
}

fn random() -> Result<[u8; 16], Failure> {
    let mut bytes = [0; 16];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| "no randomness")?;
    Ok(bytes)
}

fn random_hash() -> Result<[u8; 32], Failure> {
    Ok([random()?, random()?].concat().as_slice().try_into()?)
}
