//! Where the keys are by the configuration, and reading them again while the gateway runs.

use std::path::Path;

use crate::config::Config;
use crate::identity::TokenKeys;
use crate::keys::store::HsmSettings;
use crate::keys::{KekSource, KeyFileError, KeyFiles, Keyring};

use super::Gateway;

/// Where the keys are; they may not lie where an embedded database lies, which is what gets backed up.
pub fn key_files(config: &Config) -> KeyFiles {
    let file = config.database.url.expose().strip_prefix("sqlite://");
    KeyFiles {
        keys: config.keys.file.clone(),
        kek: kek_source(config),
        data_dir: file.and_then(|file| Path::new(file).parent()).map(Path::to_owned),
    }
}

fn kek_source(config: &Config) -> KekSource {
    let keys = &config.keys;
    match (&keys.pkcs11_module, &keys.kek_other_half) {
        (Some(module), _) => KekSource::Pkcs11(HsmSettings {
            module: module.clone(),
            token: keys.pkcs11_token.clone(),
            pin: keys.pkcs11_pin.clone(),
            kek: keys.pkcs11_kek.clone(),
        }),
        (None, Some(other)) => KekSource::Split(keys.kek.clone(), other.clone()),
        (None, None) => KekSource::File(keys.kek.clone()),
    }
}

impl Gateway {
    /// Reads the keys again and puts them in use, all or none.
    ///
    /// # Errors
    /// [`KeyFileError`]; the old ones stay.
    pub async fn reload_keys(&self) -> Result<(), KeyFileError> {
        let keyring = self.keys.reload().await?;
        let tokens = token_keys(&keyring).ok_or(KeyFileError::NeedsStart("token"))?;
        self.identity.replace_keys(tokens);
        tracing::info!(keys = ?keyring, "keys read again");
        if let Err(error) = self.tell_key_versions().await {
            tracing::warn!(%error, "which keys this replica has could not be told; it is tried again");
        }
        Ok(())
    }

    /// Reads them again where their file changed. A failure is told once; the old ones stay, and it is tried again.
    pub(super) async fn follow_keys(&self) {
        if !self.keys.changed() {
            return;
        }
        if let Err(error) = self.reload_keys().await
            && !self.keys.told_before()
        {
            tracing::error!(%error, "keys not read again; the old ones stay");
        }
    }
}

/// The keys that sign and verify access tokens. None: one of them cannot be used.
pub(super) fn token_keys(keyring: &Keyring) -> Option<TokenKeys> {
    let active = keyring.token.active_version();
    let read: Vec<_> = keyring
        .token
        .iter()
        .filter(|(version, _)| *version != active)
        .map(|(_, seed)| seed.expose())
        .collect();
    TokenKeys::from_seeds(keyring.token.active().expose(), &read).ok()
}
