//! Appending to the audit log, at 1, 16, 64 and 256 requests at once, by one replica and by three, beside one plain INSERT
//! and commit per request: rows of the same size, a connection each, the same database, in the same run.
//!
//! Prints a table of requests a second and latencies, with ratios. Fails where a goal is not met; `--report-only` does not.
//!
//! `--paced` appends at a rate that is given instead, and tells what an entry costs there: what the log takes of a
//! request's time (`tests/bench/run`).

use std::error::Error;
use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Parser;
use doelpoort::audit::Entries;
use doelpoort::clock::{Clock, SystemClock};
use doelpoort::fg::FgPrivateKeys;
use doelpoort::fg::search::search;
use doelpoort::log::{Entry, Log, SHARD, verify};
use doelpoort::store::{Store, StoreOptions, log as rows};
use doelpoort_core::audit::leaf::{GRANTED, Kind, PurposeVersion};
use doelpoort_core::audit::note::Signer;
use doelpoort_core::audit::private::StaffPart;
use doelpoort_core::audit::tag::Tagged;
use doelpoort_core::policy::FgKeys;
use doelpoort_core::pseudonym::SubjectId;
use mimalloc::MiMalloc;
use ring::rand::{SecureRandom as _, SystemRandom};
use sqlx::{ConnectOptions as _, Connection as _};
use tokio::task::JoinSet;
use zeroizing_alloc::ZeroAlloc;

/// The program's allocator.
#[global_allocator]
static ALLOCATOR: ZeroAlloc<MiMalloc> = ZeroAlloc(MiMalloc);

type Failure = Box<dyn Error + Send + Sync>;

/// Requests at once.
const CONCURRENT: [usize; 4] = [1, 16, 64, 256];
/// Connections of a replica, as a gateway has them.
const CONNECTIONS: u32 = 8;
/// How many entries are appended at once to fill a log.
const FILLERS: usize = 1_000;
/// The longest a whole log of a million may take to verify.
const VERIFY_MAX: Duration = Duration::from_secs(10);
/// The longest it may take to find a pupil's entries among a million.
const SEARCH_MAX: Duration = Duration::from_secs(2);
/// Every so many entries of a whole log one is about the pupil who is looked for.
const SOUGHT_EVERY: usize = 25;
/// By how much ours is to be faster: on SQLite or not, at how many at once, how many times.
const GOALS: [(bool, usize, f64); 3] = [(false, 64, 1.5), (false, 256, 3.0), (true, 64, 5.0)];

/// Measure how fast entries are appended
#[derive(Parser)]
struct Args {
    /// An empty database: `sqlite:///path` or `postgres://…`
    #[arg(long, value_name = "URL")]
    database: String,
    /// How long each measurement lasts
    #[arg(long, default_value_t = 4)]
    seconds: u64,
    /// Also fill the log up to this many entries and time how long all of it takes to verify
    #[arg(long, default_value_t = 0)]
    verify: u64,
    /// Measure the whole log alone: no appending at different loads
    #[arg(long, requires = "verify")]
    only_whole: bool,
    /// Append so many a second instead, and print the entries and the CPU time they took, in microseconds, as JSON
    #[arg(long, value_name = "RATE", conflicts_with = "verify")]
    paced: Option<f64>,
    /// How many at once where they are paced
    #[arg(long, default_value_t = 16, requires = "paced")]
    at_once: u32,
    /// How many of them come together
    #[arg(long, default_value_t = 1, requires = "paced", value_parser = clap::value_parser!(u32).range(1..))]
    bunch: u32,
    /// Do not fail where a goal is not met
    #[arg(long)]
    report_only: bool,
}

/// What one measurement saw.
struct Seen {
    rate: f64,
    p50_us: u128,
    p99_us: u128,
}

/// The bytes of a row: hash and leaf, replica, sealed private part.
struct RowSize {
    leaf: usize,
    sealed: usize,
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let args = Args::parse();
    let is_sqlite = args.database.starts_with("sqlite:");
    let out = &mut std::io::stdout().lock();
    let mut missed = Vec::new();
    let bench = Bench::new(&args.database, args.seconds).await?;
    if let Some(rate) = args.paced {
        let (entries, cpu_us) = bench.paced(rate, args.at_once, args.bunch).await?;
        writeln!(out, "{{\"entries\": {entries}, \"cpu_us\": {cpu_us}}}")?;
        return Ok(());
    }
    writeln!(out, "rows of {} + {} bytes", bench.row.leaf, bench.row.sealed)?;
    writeln!(out, "{HEADER}")?;
    bench.plain_table().await?;
    let loads = if args.only_whole { &[][..] } else { &CONCURRENT[..] };
    for concurrent in loads.iter().copied() {
        let plain = bench.plain(concurrent).await?;
        // SQLite has one process, and so one replica.
        for replicas in if is_sqlite { &[1][..] } else { &[1, 3] } {
            let ours = bench.ours(concurrent, *replicas).await?;
            let ratio = ours.rate / plain.rate;
            writeln!(out, "{}", line(concurrent, *replicas, &ours, &plain, ratio))?;
            let goal = GOALS
                .iter()
                .find(|goal| (goal.0, goal.1) == (is_sqlite, concurrent));
            if let Some((.., goal)) = goal.filter(|goal| *replicas == 1 && ratio < goal.2) {
                missed.push(format!("at {concurrent} at once: {ratio:.2} times, not {goal}"));
            }
        }
    }
    if args.verify > 0 {
        let (entries, took) = bench.verify(args.verify).await?;
        writeln!(out, "\n{entries} entries verified in {:.2} s", took.as_secs_f64())?;
        if entries <= 1_000_000 && took > VERIFY_MAX {
            missed.push(format!(
                "{entries} entries verified in {took:?}, not {VERIFY_MAX:?}"
            ));
        }
        let (found, took) = bench.search().await?;
        writeln!(
            out,
            "{found} entries about one pupil found in {:.2} s",
            took.as_secs_f64()
        )?;
        if entries <= 1_000_000 && took > SEARCH_MAX {
            missed.push(format!("a pupil found in {took:?}, not {SEARCH_MAX:?}"));
        }
    }
    if missed.is_empty() || args.report_only {
        return Ok(());
    }
    Err(format!("goals not met: {}", missed.join("; ")).into())
}

const HEADER: &str =
    "at once  replicas |  ours req/s   p50 ms   p99 ms | plain req/s   p50 ms   p99 ms | ratio";

fn line(concurrent: usize, replicas: usize, ours: &Seen, plain: &Seen, ratio: f64) -> String {
    let seen = |seen: &Seen| {
        let (p50, p99) = (milliseconds(seen.p50_us), milliseconds(seen.p99_us));
        format!("{:11.0} {p50:8.2} {p99:8.2}", seen.rate)
    };
    format!(
        "{concurrent:7} {replicas:9} | {} | {} | {ratio:5.2}",
        seen(ours),
        seen(plain)
    )
}

fn milliseconds(us: u128) -> f64 {
    f64::from(u32::try_from(us).unwrap_or(u32::MAX)) / 1_000.0
}

struct Bench {
    url: String,
    seconds: u64,
    row: RowSize,
    fg: FgKeys,
    keys: FgPrivateKeys,
}

impl Bench {
    async fn new(url: &str, seconds: u64) -> Result<Self, Failure> {
        let month = SystemClock.now().strftime("%Y-%m").to_string();
        let (keys, fg) = FgPrivateKeys::generate("00000099000000072001".parse()?, month.parse()?, 2)?;
        let row = RowSize { leaf: 0, sealed: 0 };
        let url = url.to_owned();
        let mut bench = Self {
            url,
            seconds,
            row,
            fg,
            keys,
        };
        let store = bench.store().await?;
        store.migrate().await?;
        let log = bench.log().await?;
        let receipt = log.append(entry()?).await?;
        log.close().await;
        let stored = rows::entries(&store, SHARD, receipt.index, 1).await?;
        bench.row.leaf = stored.first().map_or(0, |entry| entry.leaf.len());
        let sealed = "SELECT CAST(COALESCE(MAX(length(sealed)), 0) AS BIGINT) FROM log_private";
        if let Some(row) = store.fetch_optional(sealed, vec![]).await? {
            bench.row.sealed = usize::try_from(row.int(0)?)?;
        }
        store.close().await;
        Ok(bench)
    }

    async fn store(&self) -> Result<Store, Failure> {
        let options = StoreOptions {
            connections_max: CONNECTIONS,
            ..StoreOptions::default()
        };
        Ok(Store::open(&self.url, options).await?)
    }

    async fn log(&self) -> Result<Log, Failure> {
        let signer = Signer::from_seed("bench.example/audit/2026", &[7; 32])?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        Ok(Log::open(self.store().await?, signer, self.fg.clone(), clock).await?)
    }

    /// Makes the table of plain rows.
    async fn plain_table(&self) -> Result<(), Failure> {
        let store = self.store().await?;
        store.execute(PLAIN_TABLE, vec![]).await?;
        store.close().await;
        Ok(())
    }

    /// So many requests at once over so many replicas, each a log with connections of its own.
    async fn ours(&self, concurrent: usize, replicas: usize) -> Result<Seen, Failure> {
        let mut logs = Vec::new();
        for _ in 0..replicas {
            logs.push(self.log().await?);
        }
        let mut running = JoinSet::new();
        let until = Instant::now() + Duration::from_secs(self.seconds);
        for log in logs.iter().cycle().take(concurrent) {
            let log = log.clone();
            running.spawn(async move {
                let mut latencies = Vec::new();
                while Instant::now() < until {
                    let began = Instant::now();
                    log.append(entry()?).await?;
                    latencies.push(began.elapsed().as_micros());
                }
                Ok::<_, Failure>(latencies)
            });
        }
        let seen = self.seen(running).await;
        for log in logs {
            log.close().await;
        }
        seen
    }

    /// So many requests at once that together append at a rate, as those of a gateway do between their other work: in
    /// bunches, since those that one commit answered go on together.
    async fn paced(&self, rate: f64, at_once: u32, bunch: u32) -> Result<(u64, u64), Failure> {
        let log = self.log().await?;
        let mut running = JoinSet::new();
        let each = Duration::from_secs_f64(f64::from(at_once) / rate);
        let (before, begin) = (cpu_us()?, Instant::now());
        let until = begin + Duration::from_secs(self.seconds);
        for number in 0..at_once {
            let log = log.clone();
            let mut next = begin + each * (number / bunch * bunch) / at_once;
            running.spawn(async move {
                let mut appended = 0_u64;
                while next < until {
                    tokio::time::sleep_until(next.into()).await;
                    log.append(entry()?).await?;
                    appended += 1;
                    next += each;
                }
                Ok::<_, Failure>(appended)
            });
        }
        let mut entries = 0;
        while let Some(appended) = running.join_next().await {
            entries += appended??;
        }
        let spent = cpu_us()? - before;
        log.close().await;
        Ok((entries, spent))
    }

    /// So many connections, each with one INSERT and commit at a time.
    async fn plain(&self, concurrent: usize) -> Result<Seen, Failure> {
        let mut running = JoinSet::new();
        let mut connections = Vec::new();
        for number in 0..concurrent {
            connections.push((i64::try_from(number)?, Plain::connect(&self.url).await?));
        }
        let from = SystemClock.now().as_microsecond() * 1_000;
        let until = Instant::now() + Duration::from_secs(self.seconds);
        for (number, mut connection) in connections {
            let (leaf, sealed) = (vec![7; self.row.leaf], vec![7; self.row.sealed]);
            let step = i64::try_from(concurrent)?;
            running.spawn(async move {
                let (mut latencies, mut id) = (Vec::new(), from + number);
                while Instant::now() < until {
                    let began = Instant::now();
                    connection.insert(id, &leaf, &sealed).await?;
                    latencies.push(began.elapsed().as_micros());
                    id += step;
                }
                connection.close().await?;
                Ok::<_, Failure>(latencies)
            });
        }
        self.seen(running).await
    }

    async fn seen(&self, mut running: JoinSet<Result<Vec<u128>, Failure>>) -> Result<Seen, Failure> {
        let mut latencies = Vec::new();
        while let Some(seen) = running.join_next().await {
            latencies.extend(seen??);
        }
        latencies.sort_unstable();
        let percentile = |percent: usize| {
            let at = latencies.len().saturating_sub(1) * percent / 100;
            latencies.get(at).copied().unwrap_or_default()
        };
        let seconds = Duration::from_secs(self.seconds).as_secs_f64();
        Ok(Seen {
            rate: f64::from(u32::try_from(latencies.len())?) / seconds,
            p50_us: percentile(50),
            p99_us: percentile(99),
        })
    }

    /// Fills the log up to so many entries, and times a verification of all.
    async fn verify(&self, entries: u64) -> Result<(u64, Duration), Failure> {
        let (log, store) = (self.log().await?, self.store().await?);
        let size = rows::head(&store, SHARD).await?.map_or(0, |head| head.size);
        let missing = usize::try_from(entries.saturating_sub(size))?;
        let mut running = JoinSet::new();
        for filler in 0..FILLERS {
            let log = log.clone();
            let share = missing / FILLERS + usize::from(filler < missing % FILLERS);
            running.spawn(async move {
                for number in 0..share {
                    let subject = if filler == 0 && number % SOUGHT_EVERY == 0 {
                        SOUGHT
                    } else {
                        random()?
                    };
                    let mut entry = entry()?;
                    entry.private.subjects =
                        vec![SubjectId::from_bytes(subject), SubjectId::from_bytes(random()?)];
                    log.append_within(entry, Duration::from_mins(1)).await?;
                }
                Ok::<_, Failure>(())
            });
        }
        while let Some(filled) = running.join_next().await {
            filled??;
        }
        log.close().await;
        let key = log.verifier().clone();
        let began = Instant::now();
        let report = verify(&store, &key, None).await?;
        let took = began.elapsed();
        if !report.is_intact() {
            return Err(report.to_string().into());
        }
        Ok((report.size, took))
    }

    /// Finds every entry about one pupil, and times that.
    async fn search(&self) -> Result<(usize, Duration), Failure> {
        let log = self.log().await?;
        let origin = log.verifier().name().to_owned();
        log.close().await;
        let entries = Entries::Database(self.store().await?);
        let subject = SubjectId::from_bytes(SOUGHT);
        let began = Instant::now();
        let found = search(&entries, &origin, &self.keys, &[Tagged::Subject(&subject)]).await?;
        let took = began.elapsed();
        entries.close().await;
        if found.unread > 0 || found.entries.is_empty() {
            return Err(format!("{} found, {} unread", found.entries.len(), found.unread).into());
        }
        Ok((found.entries.len(), took))
    }
}

/// The CPU time of this process up to now, in microseconds; of a hundredth of a second each.
fn cpu_us() -> Result<u64, Failure> {
    const US_PER_TICK: u64 = 10_000;
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let (_, fields) = stat.rsplit_once(')').ok_or("no process")?;
    // User and system time, the 14th and 15th of all fields.
    let ticks = fields.split_whitespace().skip(11).take(2).map(str::parse::<u64>);
    let ticks: Vec<u64> = ticks.collect::<Result<_, _>>()?;
    Ok(ticks.iter().sum::<u64>() * US_PER_TICK)
}

/// The pupil who is looked for.
const SOUGHT: [u8; 16] = [5; 16];

fn random() -> Result<[u8; 16], Failure> {
    let mut bytes = [0; 16];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| "no randomness")?;
    Ok(bytes)
}

const PLAIN_TABLE: &str =
    "CREATE TABLE plain (id BIGINT NOT NULL PRIMARY KEY, hash BYTEA NOT NULL, leaf BYTEA NOT NULL,
                                              replica BYTEA NOT NULL, sealed BYTEA NOT NULL)";
const PLAIN: &str = "INSERT INTO plain (id, hash, leaf, replica, sealed) VALUES ($1, $2, $3, $4, $5)";

/// A connection of its own.
enum Plain {
    Sqlite(sqlx::SqliteConnection),
    Postgres(sqlx::PgConnection),
}

impl Plain {
    async fn connect(url: &str) -> Result<Self, Failure> {
        if url.starts_with("sqlite:") {
            let options: sqlx::sqlite::SqliteConnectOptions = url.parse()?;
            let options = options
                .journal_mode(sqlx::sqlite::SqliteJournalMode::Wal)
                .synchronous(sqlx::sqlite::SqliteSynchronous::Full)
                .busy_timeout(Duration::from_mins(1));
            return Ok(Self::Sqlite(options.connect().await?));
        }
        let options: sqlx::postgres::PgConnectOptions = url.parse()?;
        Ok(Self::Postgres(options.connect().await?))
    }

    async fn insert(&mut self, id: i64, leaf: &[u8], sealed: &[u8]) -> sqlx::Result<()> {
        let (hash, replica) = ([7_u8; 32].as_slice(), [7_u8; 16].as_slice());
        macro_rules! insert {
            ($connection:expr) => {
                sqlx::query(PLAIN)
                    .bind(id)
                    .bind(hash)
                    .bind(leaf)
                    .bind(replica)
                    .bind(sealed)
                    .execute($connection)
                    .await
                    .map(drop)
            };
        }
        match self {
            Self::Sqlite(connection) => insert!(connection),
            Self::Postgres(connection) => insert!(connection),
        }
    }

    async fn close(self) -> sqlx::Result<()> {
        match self {
            Self::Sqlite(connection) => connection.close().await,
            Self::Postgres(connection) => connection.close().await,
        }
    }
}

/// An access as a gateway records it, with its private part.
fn entry() -> Result<Entry, Failure> {
    let mut entry = Entry::new(Kind::AccessDecided)?;
    let event = &mut entry.event;
    event.decision = Some(GRANTED.to_owned());
    event.recipient = Some("00000099000000240101".to_owned());
    event.clause = Some("case-consultation/grant/0".to_owned());
    event.dataset = Some("enrolment".to_owned());
    event.policy = Some([7; 32]);
    event.trace = Some([7; 16]);
    event.span = Some([7; 8]);
    event.requested_at = Some(SystemClock.now().as_microsecond());
    event.purpose = Some(PurposeVersion {
        id: "case-consultation".to_owned(),
        version: 1,
    });
    entry.private.staff = Some(StaffPart {
        subject: "consulent-01".to_owned(),
        proved: true,
        case: Some("bench".to_owned()),
        released_by: None,
    });
    Ok(entry.answering([7; 32])?)
}
