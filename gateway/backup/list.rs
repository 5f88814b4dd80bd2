//! The list of a backup: what is in it, and how far the log was when it was taken.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::Path;

use data_encoding::HEXLOWER;
use jiff::Timestamp;
use ring::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};

use super::BackupError;
use super::engine::Engine;
use super::folder;

/// Its name.
pub(super) const FILE: &str = "backup.json";
/// The version of its form.
const FORMAT: u32 = 1;
/// How much of a file is read at once.
const CHUNK_BYTES: usize = 1 << 20;

/// What a backup says of itself.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct List {
    format: u32,
    /// When it was taken.
    pub made_at: Timestamp,
    /// By which version of this program.
    pub program: String,
    pub(super) engine: Engine,
    /// The schema of the tables, on PostgreSQL.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) schema: Option<String>,
    /// The log's shards, oldest first.
    pub shards: Vec<Shard>,
    /// SHA-256 of each file, in lower-case hexadecimal.
    pub files: BTreeMap<String, String>,
}

/// A shard of the log, as it was before the copy.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub struct Shard {
    /// Its name.
    pub origin: String,
    /// Its public key.
    pub verifier: String,
    /// Its newest checkpoint.
    pub checkpoint: Option<String>,
}

impl List {
    pub(super) fn of(
        folder: &Path,
        engine: Engine,
        schema: Option<String>,
        shards: Vec<Shard>,
        made_at: Timestamp,
    ) -> Result<Self, BackupError> {
        Ok(Self {
            format: FORMAT,
            made_at,
            program: env!("CARGO_PKG_VERSION").to_owned(),
            engine,
            schema,
            shards,
            files: digests(folder)?,
        })
    }

    pub(super) fn write(&self, folder: &Path) -> Result<(), BackupError> {
        let path = folder.join(FILE);
        let failed = |source| BackupError::file(&path, source);
        let mut text = serde_json::to_string_pretty(self).map_err(|error| failed(error.into()))?;
        text.push('\n');
        let mut file = folder::create(&path)?;
        file.write_all(text.as_bytes())
            .and_then(|()| file.sync_all())
            .map_err(failed)
    }

    pub(super) fn read(folder: &Path) -> Result<Self, BackupError> {
        let not = |why: String| BackupError::NotABackup {
            folder: folder.to_owned(),
            why,
        };
        let text =
            std::fs::read_to_string(folder.join(FILE)).map_err(|error| not(format!("`{FILE}`: {error}")))?;
        let list: Self = serde_json::from_str(&text).map_err(|error| not(format!("`{FILE}`: {error}")))?;
        if list.format != FORMAT {
            return Err(not(format!(
                "its form has version {}, and this program knows {FORMAT}",
                list.format
            )));
        }
        Ok(list)
    }

    /// All that the list names is there as it was, and nothing else.
    pub(super) fn verify(&self, folder: &Path) -> Result<(), BackupError> {
        let found = digests(folder)?;
        let changed = |file: &str, how| BackupError::Changed {
            file: file.to_owned(),
            how,
        };
        for (file, digest) in &self.files {
            match found.get(file) {
                None => return Err(changed(file, "is missing")),
                Some(other) if other != digest => return Err(changed(file, "is not what it was")),
                Some(_) => {}
            }
        }
        match found.keys().find(|file| !self.files.contains_key(*file)) {
            Some(file) => Err(changed(file, "is not in its list")),
            None => Ok(()),
        }
    }
}

/// The digest of each file below a folder but the list, by its path within it.
fn digests(folder: &Path) -> Result<BTreeMap<String, String>, BackupError> {
    let mut digests = BTreeMap::new();
    for path in folder::files(folder)? {
        let name = path
            .strip_prefix(folder)
            .unwrap_or(&path)
            .to_string_lossy()
            .into_owned();
        if name != FILE {
            digests.insert(name, digest(&path)?);
        }
    }
    Ok(digests)
}

fn digest(path: &Path) -> Result<String, BackupError> {
    let failed = |source| BackupError::file(path, source);
    let mut file = File::open(path).map_err(failed)?;
    let (mut context, mut chunk) = (Context::new(&SHA256), vec![0; CHUNK_BYTES]);
    loop {
        let read = file.read(&mut chunk).map_err(failed)?;
        match chunk.get(..read) {
            None | Some([]) => return Ok(HEXLOWER.encode(context.finish().as_ref())),
            Some(bytes) => context.update(bytes),
        }
    }
}
