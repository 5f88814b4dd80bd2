//! `serve`: the gateway in production.

use std::sync::Arc;
use std::time::Duration;

use clap::Args;

use super::{CliError, ConfigArgs};
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::gateway::{Gateway, SubjectIds};
use crate::http;
use crate::keys::KeyUse;
use crate::serve::{self, Shutdown, Sockets, notify};
use crate::telemetry::Metrics;
use crate::tls::{Examples, Tls};

/// How often what is due between requests is done.
const TIDY_EVERY: Duration = Duration::from_mins(1);

/// `doelpoort serve`.
#[derive(Debug, Args)]
pub(super) struct Serve {
    #[command(flatten)]
    config: ConfigArgs,
    /// Accept the published example keys: for tests only
    #[arg(long, hide = true)]
    danger_example_keys: bool,
}

impl Serve {
    pub(super) async fn run(self) -> Result<(), CliError> {
        let config = self.config.load()?;
        let told = |why: &dyn std::fmt::Display| CliError::Told(why.to_string());
        crate::telemetry::start(&config.log).map_err(|why| told(&why))?;
        let (usage, examples) = if self.danger_example_keys {
            (KeyUse::DemoOrTest, Examples::Accept)
        } else {
            (KeyUse::Production, Examples::Refuse)
        };
        let locked = crate::process::lock_memory();
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let metrics = Arc::new(Metrics::new());
        let tls = Tls::load(&config, examples, Arc::clone(&clock)).map_err(|why| told(&why))?;
        let sockets = Sockets::passed_or_bound(&config)
            .await
            .map_err(|why| told(&why))?;
        let gateway = start(config.clone(), usage, clock, Arc::clone(&metrics)).await?;
        let shutdown = Shutdown::on_signals().map_err(|why| told(&why))?;
        let routes = http::listeners(&gateway);
        let tls = Arc::new(tls);
        let running = serve::run_on(sockets, routes, &config.limits, &tls, &metrics, &shutdown);
        if !locked {
            tracing::warn!(
                "memory may be swapped out, with keys in it: set LimitMEMLOCK=infinity, or have no swap"
            );
        }
        notify::ready();
        tokio::select! {
            () = tidy(&gateway) => {}
            () = reload_on_hangup(&gateway) => {}
            () = notify::alive(&shutdown) => {}
            () = crate::epoch::schedule::follow(Arc::downgrade(&gateway)) => {}
            () = shutdown.draining() => {}
        }
        let never = Shutdown::new();
        notify::stopping(config.limits.drain_time_s_max);
        tokio::select! {
            () = running.finished() => {}
            // While connections drain it is still alive.
            () = notify::alive(&never) => {}
        }
        gateway.close().await;
        Ok(())
    }
}

/// A gateway on random subject ids.
pub(super) async fn start(
    config: Config,
    usage: KeyUse,
    clock: Arc<dyn Clock>,
    metrics: Arc<Metrics>,
) -> Result<Arc<Gateway>, CliError> {
    let gateway = Gateway::start(config, usage, SubjectIds::Random, clock, metrics).await;
    gateway.map_err(|why| CliError::Told(format!("the gateway did not start: {why}")))
}

async fn tidy(gateway: &Gateway) {
    loop {
        tokio::time::sleep(TIDY_EVERY).await;
        if let Err(error) = gateway.tidy().await {
            tracing::warn!(%error, "what was due could not be done; it is tried again");
        }
    }
}

/// Reads keys, policies and the FG's public keys again at each SIGHUP. Why they are refused is told where that is decided.
async fn reload_on_hangup(gateway: &Gateway) {
    let hangup = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup());
    let Ok(mut hangup) = hangup else {
        tracing::warn!("cannot wait for SIGHUP; keys and policies are read again when their files change");
        return std::future::pending().await;
    };
    while hangup.recv().await.is_some() {
        if let Err(error) = gateway.reload_keys().await {
            tracing::error!(%error, "keys not read again; the old ones stay");
        }
        notify::reloading();
        match gateway.reload_policies().await {
            Ok(changed) => tracing::info!(changed, "policies read again"),
            Err(error) => tracing::error!(%error, "policies not read again; the old ones stay"),
        }
        if let Err(error) = gateway.reload_fg_keys() {
            tracing::error!(%error, "the FG's keys not read again; the old ones stay");
        }
        notify::ready();
    }
}
