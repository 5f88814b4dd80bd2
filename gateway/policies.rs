//! Reads a policies folder and makes policies of it: whole, or not at all with every mistake.
//!
//! | in the folder | what |
//! |---|---|
//! | `organisations.toml` | who takes part |
//! | `datasets/` `hierarchies/` `maps/` `populations/` | the catalogue, `.toml` |
//! | `reference/` | public rows, `.csv` |
//! | `approvers/` | the approvers' keys: the first list and each signed change, `.json` |
//! | `purposes/` | purposes, `.toml`; their decision tables, `.test.toml`, are not read here |
//! | `approvals/` | `<purpose>.<organisation>.<role>.jws`, role `fg` or `holder` |
//! | `mandates/` | `.jws`, one a file |
//!
//! Files are read with blocking calls: this happens at start and in commands, never within a request.

use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};

use doelpoort_core::figures::bound::Former;
use doelpoort_core::policy::history::Regression;
use doelpoort_core::policy::load::{NamedText, digest};
use doelpoort_core::policy::tools::check::{self, bound};
use doelpoort_core::policy::tools::tables;
use doelpoort_core::policy::{Draft, History, Policies, PolicyError, PolicyFiles, sha256};
use jiff::Timestamp;

/// Largest file, in bytes.
const FILE_BYTES_MAX: u64 = 4_194_304;
/// Most files in one folder.
const FOLDER_FILES_MAX: usize = 20_000;
/// The folders within the policies folder.
const FOLDERS: [&str; 9] = [
    "approvals",
    "approvers",
    "datasets",
    "hierarchies",
    "mandates",
    "maps",
    "populations",
    "purposes",
    "reference",
];
/// How the name of a decision table ends.
const TABLE_ENDING: &str = ".test.toml";

/// Why a policies folder is not accepted: every mistake that was found.
#[derive(Debug)]
pub struct PoliciesError(Vec<Mistake>);

/// One mistake in a policies folder.
#[derive(Debug, thiserror::Error)]
pub enum Mistake {
    /// A file or folder that cannot be read.
    #[error("{}: {source}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file that is longer than policies are.
    #[error("{}: longer than {FILE_BYTES_MAX} bytes", path.display())]
    TooLong {
        /// Which.
        path: PathBuf,
    },
    /// A folder with more files than policies have.
    #[error("{}: more than {FOLDER_FILES_MAX} files", path.display())]
    TooMany {
        /// Which.
        path: PathBuf,
    },
    /// Something else than a file, such as a pipe or a link: reading it could take for ever, or end anywhere.
    #[error("{}: not a regular file; links are not followed", path.display())]
    NoFile {
        /// Which.
        path: PathBuf,
    },
    /// A file that has no place in its folder; it may be a misspelt one.
    #[error("{}: only `{ending}` files belong here", path.display())]
    Unexpected {
        /// Which.
        path: PathBuf,
        /// The ending that was expected.
        ending: &'static str,
    },
    /// What the files say.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// A case of a decision table that came out otherwise.
    #[error("{0}")]
    Table(String),
    /// Figures would tell too much of one pupil.
    #[error("{0}")]
    Bound(String),
    /// What the log says of those before them.
    #[error(transparent)]
    Regression(#[from] Regression),
}

/// Why a folder may not come into force, and the digest of its files where they could be read.
#[derive(Debug)]
pub struct Unfit {
    /// SHA-256 over the files.
    pub digest: Option<[u8; 32]>,
    /// Every mistake.
    pub error: PoliciesError,
}

/// Checks and verifies files, and holds them against what the log knows: what they say when nothing keeps them from
/// coming into force, without what was withdrawn. `former`: what is released already, where these would be new.
///
/// # Errors
/// All that is wrong with them.
pub fn candidate(
    files: &PolicyFiles,
    deployment: &str,
    now: Timestamp,
    history: &History,
    former: Option<Vec<Former>>,
) -> Result<Policies, Unfit> {
    let digest = Some(digest(files, deployment));
    let unfit = |error| Unfit { digest, error };
    let draft = Draft::read(files).map_err(|errors| unfit(PoliciesError::of(errors)))?;
    let mut failed = failed_tables(&draft, files);
    let settings = settings(&draft, now, former);
    failed.extend(grave_findings(&draft, files, &settings));
    if !failed.is_empty() {
        return Err(unfit(PoliciesError(failed)));
    }
    let over: Vec<Mistake> = bound::refusals(&draft, settings.past())
        .into_iter()
        .map(Mistake::Bound)
        .collect();
    if !over.is_empty() {
        return Err(unfit(PoliciesError(over)));
    }
    let policies = Policies::of(draft, files, deployment, now);
    let policies = policies.map_err(|errors| unfit(PoliciesError::of(errors)))?;
    let policies = policies.after(&history.withdrawals, now);
    let regressions = history.regressions(&policies, now);
    if regressions.is_empty() {
        Ok(policies)
    } else {
        let mistakes = regressions.into_iter().map(Mistake::Regression).collect();
        Err(unfit(PoliciesError(mistakes)))
    }
}

/// What `policy check` finds and no purpose explains in words that are signed with it: marks by which a recipient knows
/// its own rows again, and fields by which two recipients could join what they hold without the pseudonym.
fn grave_findings(draft: &Draft, files: &PolicyFiles, settings: &check::Settings) -> Vec<Mistake> {
    match check::check(files, draft, None, settings) {
        Ok(findings) => findings
            .into_iter()
            .filter(|finding| finding.severity == check::Severity::Error)
            .map(|finding| {
                let place = format!("{}:{}", finding.file, finding.line);
                Mistake::Table(format!(
                    "{place}: {}: {}",
                    finding.warning.name(),
                    finding.message.en
                ))
            })
            .collect(),
        // Told by the decision tables already.
        Err(_) => Vec::new(),
    }
}

fn settings(draft: &Draft, now: Timestamp, former: Option<Vec<Former>>) -> check::Settings {
    let pupils = draft.organisations.iter().filter_map(|party| party.pupils).max();
    check::Settings {
        now,
        // Without a count everybody may be unique.
        pupils: pupils.unwrap_or(0).into(),
        live: Vec::new(),
        former,
    }
}

/// The cases of the purposes' own decision tables that do not come out as their authors expect.
fn failed_tables(draft: &Draft, files: &PolicyFiles) -> Vec<Mistake> {
    match tables::run(draft, &files.tables) {
        Ok(outcomes) => outcomes
            .iter()
            .filter(|outcome| !outcome.passed())
            .map(|outcome| Mistake::Table(outcome.to_string()))
            .collect(),
        Err(errors) => errors
            .into_iter()
            .map(|error| Mistake::Policy(PolicyError::Source(error)))
            .collect(),
    }
}

/// Tells whether any file of the folder was written since: a digest of names, lengths and times of change.
pub fn fingerprint(folder: &Path) -> [u8; 32] {
    let mut lines = Vec::new();
    for part in FOLDERS.iter().copied().chain(["."]) {
        let entries = std::fs::read_dir(folder.join(part))
            .into_iter()
            .flatten()
            .take(FOLDER_FILES_MAX);
        for entry in entries.flatten() {
            let Ok(metadata) = entry.metadata() else { continue };
            if metadata.is_file() {
                let name = entry.file_name();
                lines.push(format!(
                    "{part}/{} {} {:?}\n",
                    name.display(),
                    metadata.len(),
                    metadata.modified()
                ));
            }
        }
    }
    lines.sort();
    sha256(lines.concat().as_bytes())
}

/// Reads, checks and verifies the folder as it stands at `now` for this deployment.
pub fn load(folder: &Path, deployment: &str, now: Timestamp) -> Result<Policies, PoliciesError> {
    Policies::load(&read(folder)?, deployment, now).map_err(PoliciesError::of)
}

/// Reads and checks the folder, without a look at approvals and mandates.
pub fn draft(folder: &Path) -> Result<Draft, PoliciesError> {
    draft_of(&read(folder)?)
}

/// Checks files that were read, without a look at approvals and mandates.
pub fn draft_of(files: &PolicyFiles) -> Result<Draft, PoliciesError> {
    Draft::read(files).map_err(PoliciesError::of)
}

/// Reads the files of the folder. A folder that is missing has no files; `organisations.toml` must exist.
pub fn read(folder: &Path) -> Result<PolicyFiles, PoliciesError> {
    let mut reader = Reader {
        root: folder,
        mistakes: Vec::new(),
    };
    let mut catalogue = Vec::new();
    for part in ["datasets", "hierarchies", "maps", "populations"] {
        catalogue.extend(reader.folder(part, ".toml"));
    }
    let organisations = PathBuf::from("organisations.toml");
    let files = PolicyFiles {
        catalogue,
        reference: reader.folder("reference", ".csv"),
        organisations: reader.file(&organisations).unwrap_or_default(),
        approvers: reader.folder("approvers", ".json"),
        purposes: reader.folder("purposes", ".toml"),
        tables: reader.tables(),
        approvals: reader.folder("approvals", ".jws"),
        mandates: reader.folder("mandates", ".jws"),
    };
    if reader.mistakes.is_empty() {
        Ok(files)
    } else {
        Err(PoliciesError(reader.mistakes))
    }
}

struct Reader<'a> {
    root: &'a Path,
    mistakes: Vec<Mistake>,
}

impl Reader<'_> {
    /// All files of a folder in order of name; dot files, decision tables and `README.md` are passed over.
    fn folder(&mut self, name: &'static str, ending: &'static str) -> Vec<NamedText> {
        let path = self.root.join(name);
        let names = match list(&path) {
            Ok(names) => names,
            Err(source) if source.kind() == std::io::ErrorKind::NotFound => return Vec::new(),
            Err(source) => {
                self.mistakes.push(Mistake::Read { path, source });
                return Vec::new();
            }
        };
        if names.len() > FOLDER_FILES_MAX {
            self.mistakes.push(Mistake::TooMany { path });
            return Vec::new();
        }
        let passed_over =
            |file: &str| file.starts_with('.') || file == "README.md" || file.ends_with(TABLE_ENDING);
        let mut texts = Vec::new();
        for file in names.into_iter().filter(|file| !passed_over(file)) {
            if file.ends_with(ending) {
                texts.extend(self.file(&Path::new(name).join(file)));
            } else {
                self.mistakes.push(Mistake::Unexpected {
                    path: path.join(file),
                    ending,
                });
            }
        }
        texts
    }

    /// The decision tables, in order of name; what is wrong with their folder is told by [`Self::folder`].
    fn tables(&mut self) -> Vec<NamedText> {
        let folder = Path::new("purposes");
        let names = list(&self.root.join(folder)).unwrap_or_default();
        let tables = names
            .into_iter()
            .filter(|file| file.ends_with(TABLE_ENDING) && !file.starts_with('.'));
        tables.filter_map(|file| self.file(&folder.join(file))).collect()
    }

    fn file(&mut self, name: &Path) -> Option<NamedText> {
        let path = self.root.join(name);
        let is_file = std::fs::symlink_metadata(&path).map(|metadata| metadata.is_file());
        if matches!(is_file, Ok(false)) {
            self.mistakes.push(Mistake::NoFile { path });
            return None;
        }
        let mut text = String::new();
        let read = std::fs::File::open(&path)
            .and_then(|file| file.take(FILE_BYTES_MAX + 1).read_to_string(&mut text));
        match read {
            Err(source) => self.mistakes.push(Mistake::Read { path, source }),
            Ok(_) if text.len() as u64 > FILE_BYTES_MAX => self.mistakes.push(Mistake::TooLong { path }),
            Ok(_) => return Some((name.to_string_lossy().into_owned(), text)),
        }
        None
    }
}

fn list(folder: &Path) -> std::io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder)?.take(FOLDER_FILES_MAX + 1) {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

impl PoliciesError {
    fn of(errors: Vec<PolicyError>) -> Self {
        Self(errors.into_iter().map(Mistake::Policy).collect())
    }

    /// What is released already is not known, so neither is what these would add to it.
    pub(crate) fn former(error: &impl fmt::Display) -> Self {
        Self(vec![Mistake::Bound(error.to_string())])
    }

    /// The folder could not be read to its end.
    pub(crate) fn not_read(path: &Path) -> Self {
        let source = std::io::Error::other("reading broke off");
        Self(vec![Mistake::Read {
            path: path.to_owned(),
            source,
        }])
    }

    /// Every mistake, in order of file and line.
    pub fn mistakes(&self) -> &[Mistake] {
        &self.0
    }
}

impl fmt::Display for PoliciesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} in the policies",
            if self.0.len() == 1 {
                "a mistake"
            } else {
                "mistakes"
            }
        )?;
        self.0.iter().try_for_each(|mistake| write!(f, "\n{mistake}"))
    }
}

impl std::error::Error for PoliciesError {}

#[cfg(test)]
mod tests {
    use super::*;

    fn shipped() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("policies")
    }

    fn now() -> Timestamp {
        "2026-11-22T12:00:00Z".parse().unwrap()
    }

    #[test]
    fn the_shipped_folder_is_sound_and_sleeps_until_it_is_signed() {
        let policies = load(&shipped(), "almere", now()).unwrap_or_else(|error| panic!("{error}"));
        let files = std::fs::read_dir(shipped().join("purposes")).unwrap();
        let files = files.map(|file| file.unwrap().file_name().into_string().unwrap());
        let purposes = files.filter(|file| !file.ends_with(TABLE_ENDING));
        assert_eq!(policies.purposes.len(), purposes.count());
        assert!(
            policies
                .purposes
                .values()
                .all(|standing| standing.acts(now()).is_err())
        );
    }

    #[test]
    fn a_folder_without_organisations_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let error = load(folder.path(), "almere", now()).unwrap_err();
        assert!(
            matches!(error.mistakes(), [Mistake::Read { path, .. }] if path.ends_with("organisations.toml"))
        );
    }

    #[test]
    fn every_misplaced_file_is_told() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("purposes")).unwrap();
        let kept = [".gitkeep", "README.md", "x.test.toml", "a.tml", "b.toml~"];
        for file in kept {
            std::fs::write(folder.path().join("purposes").join(file), "").unwrap();
        }
        std::fs::write(folder.path().join("organisations.toml"), "organisation = []").unwrap();
        let error = load(folder.path(), "almere", now()).unwrap_err().to_string();
        assert!(error.starts_with("mistakes in the policies\n"), "{error}");
        assert_eq!(
            error.matches("only `.toml` files belong here").count(),
            2,
            "{error}"
        );
    }

    #[test]
    fn neither_pipes_nor_links_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = |file: &str| folder.path().join(file);
        std::fs::create_dir(path("mandates")).unwrap();
        std::fs::write(path("elsewhere.toml"), "organisation = []").unwrap();
        std::os::unix::fs::symlink(path("elsewhere.toml"), path("organisations.toml")).unwrap();
        let made = std::process::Command::new("mkfifo")
            .arg(path("mandates/a.jws"))
            .status();
        assert!(made.unwrap().success());
        let error = read(folder.path()).unwrap_err().to_string();
        assert_eq!(
            error
                .matches("not a regular file; links are not followed")
                .count(),
            2,
            "{error}"
        );
    }

    #[test]
    fn a_folder_with_nothing_in_it_grants_nothing() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("organisations.toml"), "organisation = []").unwrap();
        let policies = load(folder.path(), "almere", now()).unwrap();
        assert!(policies.purposes.is_empty());
    }
}
