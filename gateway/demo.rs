//! The demo: the whole product on one machine, on real input, through the real API.
//!
//! It makes fresh keys, certificates and approvals once, starts a gateway on loopback, and then four parties deliver, an
//! epoch closes, and clients ask. Nothing of the gateway is bypassed: every step is a call that a client could make.

pub mod deliveries;
pub mod pki;
pub mod population;
pub mod setup;
pub mod story;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use jiff::SignedDuration;
use ring::hmac;

use crate::clock::{Clock as _, OffsetClock, SystemClock};
use crate::config::{Config, Environment};
use crate::gateway::{Gateway, SubjectIds};
use crate::http;
use crate::keys::KeyUse;
use crate::serve::{self, Running, Shutdown};
use crate::telemetry::Metrics;
use crate::tls::{Examples, Tls};

use setup::Setup;
use story::Story;

/// What the demo is asked to do.
#[derive(Clone, Debug)]
pub struct Options {
    /// The folder that gets `gateway/` and `clients/`.
    pub dir: PathBuf,
    /// The policies that it copies.
    pub policies: PathBuf,
    /// The port of the exchange; the admin listener's and the console's are the next two.
    pub port: u16,
    /// The database; an embedded one where absent.
    pub database: Option<String>,
    /// What population, subject ids and roots come from.
    pub seed: u64,
    /// How many resident pupils; all of Almere where absent.
    pub pupils: Option<usize>,
    /// Stop when the story is told.
    pub once: bool,
}

/// Why the demo stopped.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// A client's call failed.
    #[error("{0}")]
    Client(#[from] crate::client::ClientError),
    /// The epoch did not close.
    #[error("the epoch did not close: {0}")]
    Close(#[from] crate::epoch::CloseError),
    /// The configuration that the demo made is not readable.
    #[error("{0}")]
    Config(#[from] crate::config::ConfigErrors),
    /// The population could not be made.
    #[error("{0}")]
    Population(#[from] population::PopulationError),
    /// The listeners could not start.
    #[error("{0}")]
    Serve(#[from] serve::ServeError),
    /// The folder could not be made.
    #[error("{0}")]
    Setup(#[from] setup::SetupError),
    /// The gateway did not start.
    #[error("the gateway did not start: {0}")]
    Start(#[from] crate::gateway::StartError),
    /// Something was not as the demo promises.
    #[error("{0}")]
    Story(String),
    /// Certificates could not be loaded.
    #[error("{0}")]
    Tls(#[from] crate::tls::TlsError),
    /// The log could not be checked.
    #[error("{0}")]
    Verify(#[from] crate::log::VerifyError),
    /// The terminal could not be written to.
    #[error("cannot write: {0}")]
    Write(#[from] std::io::Error),
}

/// A demo gateway that runs.
struct Demo {
    clock: Arc<OffsetClock>,
    gateway: Arc<Gateway>,
    running: Running,
    shutdown: Shutdown,
}

/// Runs the demo.
///
/// # Errors
/// The first thing that went wrong, in one sentence.
pub async fn run(options: &Options) -> Result<(), DemoError> {
    let began = Instant::now();
    let mut story = Story::new();
    let now = SystemClock.now();
    let setup = Setup::new(options, now);
    let fresh = !setup.is_ready();
    Story::begin(options, fresh)?;
    let population = if fresh {
        Some(story.generating(options, now)?)
    } else {
        None
    };
    if let Some(population) = &population {
        setup.make(&story::consulents(population), now)?;
    }
    let demo = Demo::start(&setup, options.seed, fresh).await?;
    if let Some(population) = &population {
        deliveries::deliver(&setup, population, &demo.clock, &mut story).await?;
        demo.clock.move_to_real_time();
        story.tell(&setup, &demo.gateway, population, &demo.clock).await?;
        setup.finished()?;
        Story::took(began.elapsed())?;
    }
    Story::next_steps(&setup, options.once)?;
    if !options.once {
        demo.shutdown.draining().await;
    }
    demo.shutdown.drain();
    demo.running.finished().await;
    demo.gateway.close().await;
    Ok(())
}

impl Demo {
    /// Starts the gateway; a fresh one on a clock that is a day behind, so that what is delivered is of yesterday.
    async fn start(setup: &Setup, seed: u64, fresh: bool) -> Result<Self, DemoError> {
        let back = if fresh {
            SignedDuration::from_hours(24)
        } else {
            SignedDuration::ZERO
        };
        let clock = Arc::new(OffsetClock::set_back(back));
        let config = Config::load(&setup.config_file(), &Environment::of_process())?;
        let metrics = Arc::new(Metrics::new());
        let shutdown = Shutdown::on_signals()?;
        let as_clock: Arc<dyn crate::clock::Clock> = Arc::<OffsetClock>::clone(&clock);
        let tls = Arc::new(Tls::load(&config, Examples::Accept, Arc::clone(&as_clock))?);
        let gateway = Gateway::start(
            config.clone(),
            KeyUse::DemoOrTest,
            subject_ids(seed),
            as_clock,
            Arc::clone(&metrics),
        )
        .await?;
        let routes = http::listeners(&gateway);
        let running = serve::run(routes, &config, tls, metrics, shutdown.clone()).await?;
        Ok(Self {
            clock,
            gateway,
            running,
            shutdown,
        })
    }
}

/// Subject ids from the seed and the pupil, not from the order of arrival.
fn subject_ids(seed: u64) -> SubjectIds {
    let key = hmac::Key::new(hmac::HMAC_SHA256, &seed.to_be_bytes());
    let tag = hmac::sign(&key, b"doelpoort demo: subject ids");
    let mut bytes = [0; 32];
    bytes
        .iter_mut()
        .zip(tag.as_ref())
        .for_each(|(to, from)| *to = *from);
    SubjectIds::Seeded(bytes)
}
