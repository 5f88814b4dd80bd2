//! Writes a log of many entries, published and cosigned, as a folder of files: what the gateway serves below
//! `/v1/log/`, with proofs. For other implementations to read (`tests/tlog/run`).

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use doelpoort::clock::{Clock as _, SystemClock};
use doelpoort::config::Publish;
use doelpoort::fg::FgPrivateKeys;
use doelpoort::log::{Entry, Log, Publishing};
use doelpoort::store::{Store, StoreOptions};
use doelpoort_core::audit::checkpoint::Checkpoint;
use doelpoort_core::audit::day::Month;
use doelpoort_core::audit::leaf::{GRANTED, Kind};
use doelpoort_core::audit::note::Signer;
use doelpoort_core::audit::tile::Tile;

type Failure = Box<dyn Error + Send + Sync>;

/// Entries that are appended at once.
const AT_ONCE: u64 = 4_000;
/// How long a checkpoint and its cosignatures may take.
const PUBLISHED_MAX: Duration = Duration::from_mins(1);
/// How many entries get a proof in a file of their own.
const PROOFS: u64 = 60;

/// Writes a log as files
#[derive(Parser)]
struct Args {
    /// The folder to write to
    #[arg(long, value_name = "DIR")]
    dir: PathBuf,
    /// The log's name
    #[arg(long, value_name = "NAME")]
    origin: String,
    /// Its entries, at least
    #[arg(long, value_name = "N")]
    entries: u64,
    /// Who cosigns; only the log's public key is written where it is left out
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let args = Args::parse();
    std::fs::create_dir_all(&args.dir)?;
    let signer = Signer::from_seed(&args.origin, &[42; 32])?;
    let key = signer.verifier().clone();
    std::fs::write(args.dir.join("log.vkey"), key.to_text() + "\n")?;
    let Some(policy) = args.policy else {
        return Ok(());
    };
    let settings = Publish {
        witness_policy: Some(policy),
        witness_every_s: 1,
        ..Publish::default()
    };
    let publishing = Publishing::load(&settings, Some(&key))?;
    let url = format!("sqlite://{}", args.dir.join("log.db").display());
    let store = Store::open(&url, StoreOptions::default()).await?;
    store.migrate().await?;
    let month = Month::of(SystemClock.now().as_microsecond());
    let (_, fg_keys) = FgPrivateKeys::generate("00000099000000072001".parse()?, month, 2)?;
    let log = Log::open_published(store, signer, fg_keys, Arc::new(SystemClock), publishing).await?;
    let mut sizes = Vec::new();
    while sizes.last().is_none_or(|size| *size < args.entries) {
        let missing = args.entries.saturating_sub(sizes.last().copied().unwrap_or(0));
        let size = append(&log, missing.min(AT_ONCE)).await?;
        sizes.push(published(&log, size).await?);
    }
    witnessed(&log).await?;
    write(&log, &args.dir, &sizes).await?;
    log.close().await;
    Ok(())
}

/// Appends entries, and gives the size of the log with the last of them.
async fn append(log: &Log, count: u64) -> Result<u64, Failure> {
    let appends = (0..count).map(|_| async {
        let mut entry = Entry::new(Kind::AccessDecided)?;
        entry.event.decision = Some(GRANTED.to_owned());
        entry.event.recipient = Some("00000099000000072001".to_owned());
        log.append_within(entry, PUBLISHED_MAX).await
    });
    let receipts = futures_util::future::try_join_all(appends).await?;
    let last = receipts.iter().map(|receipt| receipt.index).max();
    last.map(|index| index + 1)
        .ok_or_else(|| "nothing to append".into())
}

/// The size of a checkpoint note.
fn size_of(log: &Log, note: Option<String>) -> Result<u64, Failure> {
    Ok(Checkpoint::open(&note.ok_or("no checkpoint")?, log.verifier())?.size)
}

/// The size of the newest checkpoint, once it holds so many entries: an older one may be as young as the last second.
async fn published(log: &Log, entries: u64) -> Result<u64, Failure> {
    for _ in 0..PUBLISHED_MAX.as_secs() * 10 {
        if let Ok(size) = size_of(log, log.checkpoint().await?)
            && size >= entries
        {
            return Ok(size);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Err(format!("no checkpoint of {entries} entries in time").into())
}

/// Waits until the newest checkpoint is the witnessed one: proofs are given under the newest.
async fn witnessed(log: &Log) -> Result<(), Failure> {
    for _ in 0..PUBLISHED_MAX.as_secs() * 10 {
        let newest = size_of(log, log.checkpoint().await?)?;
        if size_of(log, log.witnessed().await?).is_ok_and(|size| size == newest) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Err("no cosignatures in time".into())
}

async fn write(log: &Log, dir: &Path, sizes: &[u64]) -> Result<(), Failure> {
    let file = |path: &str, content: &[u8]| -> Result<(), Failure> {
        let path = dir.join("log").join(path);
        std::fs::create_dir_all(path.parent().unwrap_or(dir))?;
        Ok(std::fs::write(path, content)?)
    };
    // A log that was written here before had another size, and proofs under it.
    let _ = std::fs::remove_dir_all(dir.join("log"));
    let note = log.witnessed().await?.ok_or("no checkpoint")?;
    let size = Checkpoint::open(&note, log.verifier())?.size;
    file("checkpoint", note.as_bytes())?;
    for tile in Tile::all(size) {
        let hashes = log.tile(tile).await?.ok_or("a tile is missing")?;
        file(&format!("tile/{}", tile.path()), &hashes)?;
        if tile.level == 0 {
            let entries = log.entries(tile).await?.ok_or("entries are missing")?;
            file(&format!("tile/{}", tile.entries_path()), &entries)?;
        }
    }
    for number in 0..PROOFS {
        // The first, the last, and some between.
        let index = (size - 1) * number / (PROOFS - 1);
        let proof = log.inclusion(index).await?.ok_or("no proof")?;
        file(&format!("proof/{index}"), proof.to_text().as_bytes())?;
    }
    for old in sizes {
        let grown = log.consistency(*old).await?.ok_or("no proof")?;
        file(&format!("consistency/{old}"), grown.to_text().as_bytes())?;
    }
    Ok(())
}
