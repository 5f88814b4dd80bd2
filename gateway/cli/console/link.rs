//! `doelpoort console link`: a one-time link to the gateway's own console, printed on the operator's terminal.

use std::error::Error;
use std::process::ExitCode;

use clap::ValueEnum;
use doelpoort_core::party::Oin;

use crate::cli::{ConfigArgs, print};
use crate::clock::{Clock as _, SystemClock};
use crate::gateway::{LINK_MAX, offer_link};
use crate::policies;
use crate::store::{Store, StoreOptions};

#[derive(Debug, clap::Args)]
pub(super) struct Link {
    #[command(flatten)]
    config: ConfigArgs,
    /// What the person may be
    #[arg(long, value_enum)]
    role: Role,
    /// The holder that the person speaks for: its OIN
    #[arg(long, value_name = "OIN", required_if_eq("role", "holder"))]
    organisation: Option<Oin>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Role {
    /// Sees how the gateway is
    Operator,
    /// Sees what is asked of a holder, and withdraws for it
    Holder,
}

impl Link {
    pub(super) async fn run(self) -> Result<ExitCode, Box<dyn Error>> {
        let config = self.config.load()?;
        if !config.console.issuer.is_empty() {
            return Err(
                "people sign in at the identity provider (`console.issuer`); links work only without one"
                    .into(),
            );
        }
        let holder = self.organisation.filter(|_| self.role == Role::Holder);
        if let Some(oin) = &holder {
            let known = policies::draft(&config.policies.dir)?;
            if known.organisations.by_oin(oin).is_none() {
                return Err(format!(
                    "no organisation of `organisations.toml` has the OIN `{}`",
                    oin.as_str()
                )
                .into());
            }
        }
        let options = StoreOptions {
            connections_max: 1,
            ..StoreOptions::default()
        };
        let store = Store::open(config.database.url.expose(), options).await?;
        let now = SystemClock.now();
        let offered = offer_link(&store, self.role == Role::Operator, holder.as_ref(), now).await;
        store.close().await;
        let (code, url) = (offered?, &config.console.url);
        let base = if url.is_empty() {
            format!("https://{}", config.console.listen)
        } else {
            url.clone()
        };
        let minutes = LINK_MAX.as_mins();
        print(&format!(
            "open {base}/login?code={} (works once, for {minutes} minutes)",
            code.as_str()
        ))?;
        Ok(ExitCode::SUCCESS)
    }
}
