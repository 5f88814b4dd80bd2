//! How the database of each engine is copied while it is in use, and brought back: `SQLite` by itself, PostgreSQL by its
//! own programs.

use std::fmt;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use reqwest::Url;
use serde::{Deserialize, Serialize};

use super::{BackupError, folder};
use crate::store::{Store, StoreOptions, sqlite_file};

/// The copy of a `SQLite` database.
const SQLITE_FILE: &str = "database.sqlite";
/// The archive of a PostgreSQL schema, in the custom format of `pg_dump`.
const POSTGRES_FILE: &str = "database.dump";
/// Where Debian keeps the programs of each version that is installed.
const DEBIAN_PROGRAMS: &str = "/usr/lib/postgresql";
/// What libpq knows of what a URL of ours may say; by the driver's other spelling of it.
const PARAMETERS: [(&str, &str); 12] = [
    ("host", "host"),
    ("port", "port"),
    ("dbname", "dbname"),
    ("user", "user"),
    ("options", "options"),
    ("sslmode", "sslmode"),
    ("ssl-mode", "sslmode"),
    ("sslrootcert", "sslrootcert"),
    ("ssl-root-cert", "sslrootcert"),
    ("ssl-ca", "sslrootcert"),
    ("sslcert", "sslcert"),
    ("sslkey", "sslkey"),
];

/// Which engine a database is of.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Engine {
    Sqlite,
    Postgres,
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        })
    }
}

impl Engine {
    pub(super) fn of(url: &str) -> Result<Self, BackupError> {
        match url.split_once(':') {
            Some(("sqlite", _)) => Ok(Self::Sqlite),
            Some(("postgres" | "postgresql", _)) => Ok(Self::Postgres),
            _ => Err(BackupError::Engine(
                "the database url begins with neither `sqlite:` nor `postgres:`".to_owned(),
            )),
        }
    }

    /// Opening a `SQLite` database would make one.
    pub(super) fn must_exist(self, url: &str) -> Result<(), BackupError> {
        match self {
            Self::Sqlite if !sqlite_file(url)?.exists() => Err(BackupError::NoLog),
            _ => Ok(()),
        }
    }

    /// Copies the database as it stands into the folder. On PostgreSQL: the schema whose tables they are.
    pub(super) async fn copy(
        self,
        store: &Store,
        url: &str,
        folder: &Path,
    ) -> Result<Option<String>, BackupError> {
        match self {
            Self::Sqlite => {
                let file = folder.join(SQLITE_FILE);
                folder::create(&file)?;
                store.copy_into(&file).await?;
                Ok(None)
            }
            Self::Postgres => {
                let schema = store.schema_name().await?.ok_or(BackupError::NoLog)?;
                let file = folder.join(POSTGRES_FILE);
                folder::create(&file)?;
                let quoted = format!("--schema=\"{}\"", schema.replace('"', "\"\""));
                let arguments = [quoted, format!("--file={}", file.display())];
                postgres("pg_dump", url, &["--format=custom"], arguments).await?;
                Ok(Some(schema))
            }
        }
    }

    /// Brings it back into an empty one.
    pub(super) async fn restore(
        self,
        url: &str,
        folder: &Path,
        schema: Option<&str>,
    ) -> Result<(), BackupError> {
        match self {
            Self::Sqlite => {
                let target = sqlite_file(url)?;
                let part = target.with_added_extension("part");
                if target.exists() {
                    return Err(BackupError::Exists { path: target });
                }
                folder::copy(&folder.join(SQLITE_FILE), &part)?;
                std::fs::rename(&part, &target).map_err(|source| BackupError::file(&target, source))
            }
            Self::Postgres => {
                empty(url, schema.unwrap_or_default()).await?;
                let file = folder.join(POSTGRES_FILE).display().to_string();
                let options = [
                    "--no-owner",
                    "--no-privileges",
                    "--exit-on-error",
                    "--single-transaction",
                ];
                postgres("pg_restore", url, &options, [file]).await
            }
        }
    }
}

/// Refuses a database that has anything where the tables will be.
async fn empty(url: &str, schema: &str) -> Result<(), BackupError> {
    let store = Store::open(url, StoreOptions::default()).await?;
    let free = store.is_free(schema).await;
    store.close().await;
    if !free? {
        return Err(BackupError::Engine(format!(
            "the database is not empty: it has the schema `{schema}`; name a new one (`createdb`)"
        )));
    }
    Ok(())
}

/// Runs one of PostgreSQL's own programs. The password goes by the environment: anybody may read arguments.
async fn postgres<const N: usize>(
    program: &'static str,
    url: &str,
    options: &[&str],
    arguments: [String; N],
) -> Result<(), BackupError> {
    let failed = |why: String| BackupError::Program { program, why };
    let (url, password) =
        for_libpq(url).ok_or_else(|| failed("the database url is not usable".to_owned()))?;
    let arguments: Vec<String> = options
        .iter()
        .map(ToString::to_string)
        .chain([format!("--dbname={url}")])
        .chain(arguments)
        .collect();
    let ran = tokio::task::spawn_blocking(move || {
        let mut places = places(program).into_iter();
        loop {
            let Some(place) = places.next() else {
                return Err(
                    "it is not here: install PostgreSQL's client programs, of the server's version or newer"
                        .to_owned(),
                );
            };
            let mut command = Command::new(place);
            command.args(&arguments).stdin(Stdio::null());
            command.envs(password.iter().map(|password| ("PGPASSWORD", password)));
            match command.output() {
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                output => return output.map_err(|error| error.to_string()),
            }
        }
    });
    let output = ran
        .await
        .map_err(|error| failed(error.to_string()))?
        .map_err(failed)?;
    if output.status.success() {
        return Ok(());
    }
    let told = String::from_utf8_lossy(&output.stderr);
    Err(failed(
        told.lines().next().unwrap_or("it said nothing").to_owned(),
    ))
}

/// The URL as libpq understands it, without its password.
fn for_libpq(url: &str) -> Option<(Url, Option<String>)> {
    let mut url = Url::parse(url).ok()?;
    let mut password = url.password().map(percent_decoded);
    url.set_password(None).ok()?;
    let given: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    url.set_query(None);
    for (name, value) in given {
        if name == "password" {
            password = Some(value);
        } else if let Some((_, name)) = PARAMETERS.iter().find(|(ours, _)| *ours == name) {
            url.query_pairs_mut().append_pair(name, &value);
        }
    }
    // A `+` for a space is what forms do; libpq takes it for itself.
    let query = url.query().map(|query| query.replace('+', "%20"));
    url.set_query(query.as_deref());
    Some((url, password))
}

fn percent_decoded(text: &str) -> String {
    // The query of a URL is decoded by the same rules, but for `+`.
    let pair = format!("p={}", text.replace('+', "%2B"));
    let query = Url::parse(&format!("x:?{pair}"));
    let decoded = query
        .ok()
        .and_then(|url| Some(url.query_pairs().next()?.1.into_owned()));
    decoded.unwrap_or_else(|| text.to_owned())
}

/// Where a program may be: on the path, or the newest that Debian installed.
fn places(program: &str) -> Vec<PathBuf> {
    let mut versions: Vec<(u32, PathBuf)> = std::fs::read_dir(DEBIAN_PROGRAMS)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let version = entry.file_name().to_str()?.parse().ok()?;
            Some((version, entry.path().join("bin").join(program)))
        })
        .collect();
    versions.sort();
    let installed = versions.into_iter().rev().map(|(_, path)| path);
    std::iter::once(PathBuf::from(program)).chain(installed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libpq_gets_no_password_in_its_arguments_and_no_word_that_it_does_not_know() {
        let url = "postgres://gate:p%40s+s@db.example:5433/doelpoort?ssl-mode=verify-full&statement-cache-capacity=9\
                   &options=-c%20search_path%3Dgate";
        let (told, password) = for_libpq(url).unwrap();
        assert_eq!(
            told.as_str(),
            "postgres://gate@db.example:5433/doelpoort?sslmode=verify-full&options=-c%20search_path%3Dgate"
        );
        assert_eq!(password.unwrap(), "p@s+s");
        let (told, password) =
            for_libpq("postgres://localhost/x?host=/run/postgresql&password=geheim").unwrap();
        assert_eq!(told.as_str(), "postgres://localhost/x?host=%2Frun%2Fpostgresql");
        assert_eq!(password.unwrap(), "geheim");
        assert!(for_libpq("postgres://localhost/x").unwrap().1.is_none());
    }

    #[test]
    fn a_url_of_another_engine_is_refused() {
        assert!(matches!(Engine::of("mysql://x"), Err(BackupError::Engine(_))));
        assert_eq!(Engine::of("postgresql://x").unwrap(), Engine::Postgres);
    }
}
