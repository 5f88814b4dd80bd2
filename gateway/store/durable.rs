//! Does this database keep what it has acknowledged? The settings that decide it can be weakened for one role, one
//! database or one session; so a session of ours is asked.

use super::{Engine, Sql, Store, StoreError, sql};

const SETTINGS: Sql = sql!(
    sqlite = "SELECT 'journal_mode', journal_mode FROM pragma_journal_mode",
    postgres = "SELECT name, current_setting(name) FROM unnest(CAST('{fsync,full_page_writes,synchronous_commit,\
                data_sync_retry,transaction_read_only}' AS TEXT[])) AS s (name)"
);

pub(crate) const ALL: &[(&str, Sql)] = &[("durable::SETTINGS", SETTINGS)];

/// A setting under which an acknowledged commit may be lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Weakness {
    /// The setting's name.
    pub setting: String,
    /// What it is set to.
    pub value: String,
}

impl Store {
    /// The first setting found under which a commit could be lost; `None` if all are sound.
    pub async fn weakness(&self) -> Result<Option<Weakness>, StoreError> {
        for (setting, value) in self.durability_settings().await? {
            if !is_sound(&setting, &value) {
                return Ok(Some(Weakness { setting, value }));
            }
        }
        Ok(None)
    }

    async fn durability_settings(&self) -> Result<Vec<(String, String)>, StoreError> {
        let mut tx = self.begin_write().await?;
        let rows = tx.fetch_all(SETTINGS, vec![]).await?;
        let mut settings = rows
            .iter()
            .map(|row| Ok((row.text(0)?, row.text(1)?)))
            .collect::<Result<Vec<_>, StoreError>>()?;
        if matches!(tx, Engine::Sqlite(_)) {
            // A setting of the connection: the writer's is the one that counts.
            let row = tx.fetch_optional("PRAGMA synchronous", vec![]).await?;
            let level = row.map(|row| row.int(0)).transpose()?.unwrap_or(0);
            settings.push(("synchronous".to_owned(), level.to_string()));
        }
        tx.rollback().await?;
        Ok(settings)
    }
}

fn is_sound(setting: &str, value: &str) -> bool {
    match setting {
        "journal_mode" => value == "wal",
        // FULL or EXTRA.
        "synchronous" => matches!(value, "2" | "3"),
        "synchronous_commit" => value != "off",
        "data_sync_retry" | "transaction_read_only" => value == "off",
        _ => value == "on",
    }
}

#[cfg(test)]
mod tests {
    use super::is_sound;

    #[test]
    fn each_setting_has_its_unsound_values() {
        for (setting, sound, unsound) in [
            ("journal_mode", "wal", "delete"),
            ("synchronous", "2", "1"),
            ("synchronous_commit", "remote_apply", "off"),
            ("data_sync_retry", "off", "on"),
            ("transaction_read_only", "off", "on"),
            ("fsync", "on", "off"),
            ("full_page_writes", "on", "off"),
        ] {
            assert!(is_sound(setting, sound), "{setting}");
            assert!(!is_sound(setting, unsound), "{setting}");
        }
    }
}
