//! `keys rotate`, `retire`, `destroy`: an entry in the log first, then the file.

use std::error::Error;
use std::sync::Arc;

use clap::Args;
use ring::rand::SystemRandom;

use super::{KeyId, usage};
use crate::cli::ConfigArgs;
use crate::cli::output::print;
use crate::cli::serve::start;
use crate::clock::{Clock as _, SystemClock};
use crate::gateway::{Gateway, KeyChange, key_files};
use crate::keys::KeyPurpose;
use crate::keys::file::{OpenKeys, State, VersionStatus};
use crate::telemetry::Metrics;

/// What every change needs.
#[derive(Debug, Args)]
struct Common {
    #[command(flatten)]
    config: ConfigArgs,
    /// Why, as the log will say it: a ground or a decision's reference, never a person
    #[arg(long, value_name = "TEXT", value_parser = ground)]
    ground: String,
    /// Accept the keys of the demo and of tests
    #[arg(long, hide = true)]
    danger_example_keys: bool,
}

#[derive(Debug, Args)]
pub(super) struct Rotate {
    /// Which key
    key: KeyId,
    /// Make the new version inside the hardware module (`index` only): it never leaves
    #[arg(long)]
    inside: bool,
    /// Rotate the figures' root: a cell that did not change gets other noise in the next epoch, so that two epochs
    /// together tell more of it than one
    #[arg(long)]
    danger_other_noise: bool,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
pub(super) struct Retire {
    /// Which key
    key: KeyId,
    /// Which version
    version: u32,
    /// Although something was made under it that is not made anew: it becomes unreadable
    #[arg(long)]
    danger_lose_what_is_left: bool,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, Args)]
pub(super) struct Destroy {
    /// Which key
    key: KeyId,
    /// Which version
    version: u32,
    #[command(flatten)]
    common: Common,
}

/// A running gateway, to write the log with, and the opened key file.
struct Change {
    gateway: Arc<Gateway>,
    keys: OpenKeys,
    ground: String,
}

impl Change {
    async fn begin(common: Common) -> Result<Self, Box<dyn Error>> {
        let (config, usage) = (common.config.load()?, usage(common.danger_example_keys));
        let files = key_files(&config);
        let keys = tokio::task::spawn_blocking(move || OpenKeys::open(&files, usage)).await??;
        let gateway = start(config, usage, Arc::new(SystemClock), Arc::new(Metrics::new())).await?;
        Ok(Self {
            gateway,
            keys,
            ground: common.ground,
        })
    }

    /// Says it in the log, then replaces the file.
    async fn finish(self, change: KeyChange, version: VersionStatus) -> Result<String, Box<dyn Error>> {
        let told = self
            .gateway
            .record_key_change(change, Some(&version), &self.ground)
            .await?;
        let keys = self.keys;
        tokio::task::spawn_blocking(move || keys.save()).await??;
        self.gateway.close().await;
        Ok(format!(
            "key `{}` version `{}` is {}; log entry {}",
            version.id,
            version.version,
            version.state.name(),
            told.index
        ))
    }
}

impl Rotate {
    pub(super) async fn run(self) -> Result<(), Box<dyn Error>> {
        let purpose = KeyPurpose::from(self.key);
        refuse(purpose, self.inside, self.danger_other_noise)?;
        let mut change = Change::begin(self.common).await?;
        let pending = change
            .keys
            .status()
            .into_iter()
            .find(|one| one.id == purpose.id() && one.state == State::Pending);
        let random = SystemRandom::new();
        let Some(pending) = pending else {
            let added = change.keys.add(purpose, self.inside, &random)?;
            let told = change.finish(KeyChange::Added, added).await?;
            print(&told)?;
            return Ok(print(
                "bring the key file to every gateway; each reads it within seconds. Then run this again",
            )?);
        };
        known_by_all(&change.gateway, &pending).await?;
        let active = change.keys.activate(purpose, SystemClock.now(), &random)?;
        let told = change.finish(KeyChange::Activated, active).await?;
        print(&told)?;
        Ok(print("bring the key file to every gateway")?)
    }
}

impl Retire {
    pub(super) async fn run(self) -> Result<(), Box<dyn Error>> {
        let purpose = KeyPurpose::from(self.key);
        let mut change = Change::begin(self.common).await?;
        let retired = change.keys.retire(purpose, self.version, &SystemRandom::new())?;
        let left = left(&change.gateway, purpose).await?;
        if let Some(left) = left
            && !self.danger_lose_what_is_left
        {
            change.gateway.close().await;
            return Err(left.into());
        }
        let told = change.finish(KeyChange::Retired, retired).await?;
        Ok(print(&told)?)
    }
}

impl Destroy {
    pub(super) async fn run(self) -> Result<(), Box<dyn Error>> {
        let mut change = Change::begin(self.common).await?;
        let destroyed = change.keys.destroy(self.key.into(), self.version)?;
        let told = change.finish(KeyChange::Destroyed, destroyed).await?;
        print(&told)?;
        Ok(print(
            "copies of the key file in backups still hold it: destroy them, or the KEK that opens them",
        )?)
    }
}

/// What cannot be rotated while gateways run, or not without saying so.
fn refuse(purpose: KeyPurpose, inside: bool, other_noise: bool) -> Result<(), String> {
    match purpose {
        KeyPurpose::Log => {
            Err("the log is signed by one key as long as it lasts; a new key begins a new log".into())
        }
        KeyPurpose::Figures if !other_noise => Err(
            "another root gives an unchanged cell other noise in the next epoch; \
             if that must be, say `--danger-other-noise`"
                .into(),
        ),
        _ if inside && purpose != KeyPurpose::Index => {
            Err("only the `index` key can be kept inside the hardware module".into())
        }
        _ => Ok(()),
    }
}

/// A version that a running gateway does not know must not issue: that gateway would take pupils for new ones, and
/// refuse tokens and cursors.
async fn known_by_all(gateway: &Gateway, pending: &VersionStatus) -> Result<(), Box<dyn Error>> {
    let now_us = SystemClock.now().as_microsecond();
    let told = gateway.store().told_key_versions(now_us).await?;
    let tells = matches!(
        pending.id.as_str(),
        "index" | "exit" | "token" | "cursor" | "digest" | "seal"
    );
    let unaware = told
        .iter()
        .filter(|versions| tells && !knows(versions, pending))
        .count();
    if unaware == 0 {
        return Ok(());
    }
    gateway.close().await;
    Err(format!(
        "{unaware} of {} running gateways have not read key `{}` version `{}`; bring them the key file first",
        told.len(),
        pending.id,
        pending.version
    )
    .into())
}

/// Whether `index:1,2 exit:1 …` names the version.
fn knows(versions: &str, pending: &VersionStatus) -> bool {
    let wanted = pending.version.to_string();
    versions
        .split(' ')
        .filter_map(|one| one.split_once(':'))
        .any(|(id, list)| id == pending.id && list.split(',').any(|version| version == wanted))
}

/// What would be lost.
async fn left(gateway: &Gateway, purpose: KeyPurpose) -> Result<Option<String>, Box<dyn Error>> {
    let (count, what) = match purpose {
        KeyPurpose::Seal => (
            gateway.references_left().await?,
            "references and items of inboxes are still sealed under older versions; the gateways seal references anew by \
             themselves, and items are forgotten after they close",
        ),
        KeyPurpose::Index => (
            gateway
                .store()
                .subjects_unseen_under(gateway.keyring().index.active_version())
                .await?,
            "identifiers were not delivered since the rotation; they would be taken for new pupils",
        ),
        _ => (0, ""),
    };
    let told = || format!("{count} {what}. Wait, or say `--danger-lose-what-is-left`");
    Ok((count > 0).then(told))
}

fn ground(text: &str) -> Result<String, String> {
    let fits = !text.trim().is_empty() && text.len() <= 256 && !text.chars().any(char::is_control);
    if fits {
        Ok(text.to_owned())
    } else {
        Err("must be 1 to 256 bytes on one line".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_known_by_its_whole_number() {
        let pending = VersionStatus {
            id: "exit".to_owned(),
            version: 2,
            state: State::Pending,
            since: None,
            algorithm: String::new(),
            check: String::new(),
        };
        assert!(knows("index:1 exit:1,2 token:1", &pending));
        for unaware in ["", "index:2 exit:1", "exit:12", "exit:1,20,22", "xexit:2"] {
            assert!(!knows(unaware, &pending), "{unaware}");
        }
    }
}
