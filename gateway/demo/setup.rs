//! The demo's folder: keys, certificates, policies with fresh pins and approvals, a configuration, clients' folders.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use doelpoort_core::audit::day::Month;
use doelpoort_core::audit::note::Verifier;
use doelpoort_core::party::{ClientId, Organisation, OrganisationKind, Organisations, Slug};
use doelpoort_core::policy::Mandate;
use jiff::civil::{Date, date};
use jiff::{SignedDuration, Timestamp};
use ring::rand::SystemRandom;

use super::Options;
use super::pki::{ApproverKeys, FolderOptions, PkiError, Plan, Validity};
use crate::fg::keys::{FgKeyError, FgPrivateKeys, PRIVATE_FILE, PUBLIC_FILE};
use crate::keys::file::NewKeys;
use crate::policies;

/// The deployment's name, which approvals and mandates bear.
pub const DEPLOYMENT: &str = "almere-demo";
/// The origin of the demo's log.
pub const ORIGIN: &str = "localhost/doelpoort-demo/audit";
/// Days that the demo's certificates and approvals last.
const DAYS: u32 = 365;
/// The common name of the demo's authority.
const AUTHORITY: &str = "Doelpoort demo authority";
/// The year in which the school year begins that the shipped purposes and their decision tables are written for.
const WRITTEN_FOR: i16 = 2026;
/// The board whose school asks in the demo.
const LARGEST_BOARD: &str = "board-41676";
/// The compulsory education officer of the demo.
const OFFICER: &str = "leerplicht-01";
/// Whose data protection officer reads the private parts of the demo's log.
const FG: &str = "swv-po";
/// Months for which the FG has keys: as long as the approvals hold.
const FG_MONTHS: u32 = 14;
/// Marks a folder whose story was told.
const READY: &str = "ready";
/// What a vendor does for a board under its mandate.
const MANDATED: [&str; 4] = ["absence", "admissibility", "enrolment", "support"];

/// Why the demo's folder could not be made.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// A file cannot be read or written.
    #[error("`{path}`: {why}")]
    File {
        /// The file.
        path: String,
        /// The system's reason.
        why: std::io::Error,
    },
    /// Keys could not be made.
    #[error("keys: {0}")]
    Keys(#[from] crate::keys::file::CreateError),
    /// The FG's keys.
    #[error("{0}")]
    FgKeys(#[from] FgKeyError),
    /// A certificate, key or signature could not be made.
    #[error("{0}")]
    Pki(#[from] PkiError),
    /// The policies are not valid.
    #[error("{0}")]
    Policies(#[from] policies::PoliciesError),
    /// The folder is from a run that did not end.
    #[error("`{0}` is from a run that broke off; remove it and start again")]
    Unfinished(String),
    /// A name that should be valid is not.
    #[error("`{0}` cannot be used")]
    Value(&'static str),
}

/// The members of staff who ask in the demo, by their partnership.
#[derive(Clone, Debug)]
pub struct Consulents {
    /// Of primary education.
    pub primary: String,
    /// Of secondary education.
    pub secondary: String,
}

/// The demo's folder.
#[derive(Clone, Debug)]
pub struct Setup {
    dir: PathBuf,
    policies: PathBuf,
    database: String,
    port: u16,
    seed: u64,
    year: Date,
}

impl Setup {
    /// The folder that these options name, for the school year of `now`.
    pub fn new(options: &Options, now: Timestamp) -> Self {
        let today = now.to_zoned(jiff::tz::TimeZone::UTC).date();
        let first = if today.month() >= 8 {
            today.year()
        } else {
            today.year() - 1
        };
        Self {
            dir: options.dir.clone(),
            policies: options.policies.clone(),
            database: options
                .database
                .clone()
                .unwrap_or_else(|| "sqlite://data/gateway.db".to_owned()),
            port: options.port,
            seed: options.seed,
            year: date(first, 8, 1),
        }
    }

    /// The gateway's configuration.
    pub fn config_file(&self) -> PathBuf {
        self.gateway("gateway.toml")
    }

    /// A file of the gateway.
    pub fn gateway(&self, name: &str) -> PathBuf {
        self.dir.join("gateway").join(name)
    }

    /// A client's folder.
    pub fn client(&self, id: &str) -> PathBuf {
        self.dir.join("clients").join(id)
    }

    /// The whole folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The vendors and the boards that each acts for.
    pub fn vendors(boards: &[String]) -> [(&'static str, Vec<String>); 2] {
        let (alpha, beta): (Vec<_>, Vec<_>) = boards
            .iter()
            .cloned()
            .enumerate()
            .partition(|(position, _)| position % 2 == 0);
        let strip = |boards: Vec<(usize, String)>| boards.into_iter().map(|(_, board)| board).collect();
        [("vendor-alpha", strip(alpha)), ("vendor-beta", strip(beta))]
    }

    /// Whether an earlier run made everything and told its story to the end.
    pub fn is_ready(&self) -> bool {
        self.dir.join(READY).exists()
    }

    /// Makes everything. A run that broke off is not continued.
    ///
    /// # Errors
    /// When a file cannot be written, or the folder is half made.
    pub fn make(&self, consulents: &Consulents, now: Timestamp) -> Result<(), SetupError> {
        if self.dir.join("gateway").exists() {
            return Err(SetupError::Unfinished(self.dir.display().to_string()));
        }
        self.copy_policies()?;
        let folder = self.gateway("policies");
        let mut organisations = policies::draft(&folder)?.organisations;
        let approvers = self.parties(&mut organisations, consulents, now)?;
        write(&folder.join("organisations.toml"), &organisations.to_toml())?;
        let (name, text) = approvers.first_list(&organisations, DEPLOYMENT);
        write(&folder.join(name), &text)?;
        self.mandates(&organisations, &approvers, now)?;
        let from = now.saturating_sub(SignedDuration::from_hours(48)).unwrap_or(now);
        let until = now
            .saturating_add(SignedDuration::from_hours(24 * i64::from(DAYS)))
            .unwrap_or(now);
        for (name, text) in approvers.sign_purposes(&policies::draft(&folder)?, DEPLOYMENT, from, until)? {
            write(&folder.join(name), &text)?;
        }
        self.keys()?;
        self.fg(&approvers, &organisations, now)?;
        make_dir(&self.gateway("data"))?;
        write(&self.config_file(), &self.config())
    }

    /// The story was told to its end: the next start only serves.
    ///
    /// # Errors
    /// When the mark cannot be written.
    pub fn finished(&self) -> Result<(), SetupError> {
        write(&self.dir.join(READY), "")
    }

    /// The policies, with the purposes' days taken from the clock.
    fn copy_policies(&self) -> Result<(), SetupError> {
        copy(&self.policies, &self.gateway("policies"))?;
        let folder = self.gateway("policies/purposes");
        let valid = format!(
            "valid = {{ from = {}, until = {} }}",
            self.year.saturating_sub(jiff::Span::new().years(1)),
            self.year
                .saturating_add(jiff::Span::new().years(1))
                .yesterday()
                .unwrap_or(self.year)
        );
        for entry in list(&folder)? {
            let text = read(&entry)?;
            let lines = text.lines().map(|line| {
                if line.starts_with("valid") {
                    valid.clone()
                } else {
                    self.moved(line).unwrap_or_else(|| line.to_owned())
                }
            });
            let mut dated = lines.collect::<Vec<_>>().join("\n");
            dated.push('\n');
            write(&entry, &dated)?;
        }
        Ok(())
    }

    /// The day of a decision table or of one of its cases, as many years on as the purposes' days are.
    fn moved(&self, line: &str) -> Option<String> {
        let day: Date = line.strip_prefix("date = ")?.parse().ok()?;
        let years = i64::from(self.year.year() - WRITTEN_FOR);
        let day = day.checked_add(jiff::Span::new().years(years)).ok()?;
        Some(format!("date = {day}"))
    }

    /// Certificates and keys of everyone, and the pins in the organisations.
    fn parties(
        &self,
        organisations: &mut Organisations,
        consulents: &Consulents,
        now: Timestamp,
    ) -> Result<ApproverKeys, SetupError> {
        let mut options: BTreeMap<ClientId, FolderOptions> = BTreeMap::new();
        let client = |id: &str| id.parse::<ClientId>().map_err(|_| SetupError::Value("client id"));
        let slug = |text: &str| text.parse().map_err(|_| SetupError::Value("slug"));
        for (swv, staff) in [("swv-po", &consulents.primary), ("swv-vo", &consulents.secondary)] {
            let staff = Some((slug(swv)?, staff.clone()));
            options.insert(
                client(&format!("{swv}-consulent"))?,
                FolderOptions {
                    staff,
                    ..FolderOptions::default()
                },
            );
        }
        options.insert(
            client("municipality-dashboard")?,
            FolderOptions {
                staff: Some((slug("municipality")?, OFFICER.to_owned())),
                ..FolderOptions::default()
            },
        );
        options.insert(
            client(&format!("{FG}-fg"))?,
            FolderOptions {
                staff: Some((slug(FG)?, "fg-01".to_owned())),
                released_by: Some("fg-02".to_owned()),
                ..FolderOptions::default()
            },
        );
        for (vendor, boards) in Self::vendors(&boards(organisations)) {
            let largest = boards.iter().find(|board| *board == LARGEST_BOARD);
            let Some(board) = largest.or(boards.first()) else {
                continue;
            };
            let holder = organisations
                .by_slug(&slug(board)?)
                .map(|board| board.oin.clone());
            let staff = Some((slug(board)?, "intern-begeleider-01".to_owned()));
            options.insert(
                client(&format!("{vendor}-school"))?,
                FolderOptions {
                    holder,
                    staff,
                    ..FolderOptions::default()
                },
            );
        }
        let plan = Plan {
            folder: &self.dir,
            gateway: &format!("https://localhost:{}", self.port),
            authority: AUTHORITY,
            validity: Validity::around(now, DAYS),
            options: &options,
        };
        let (_, approvers) = plan.make(organisations)?;
        Ok(approvers)
    }

    /// Each board gives its vendor a mandate.
    fn mandates(
        &self,
        organisations: &Organisations,
        approvers: &ApproverKeys,
        now: Timestamp,
    ) -> Result<(), SetupError> {
        let of = |slug: &str| -> Option<&Organisation> { organisations.by_slug(&slug.parse().ok()?) };
        let datasets = MANDATED
            .iter()
            .map(|dataset| dataset.parse())
            .collect::<Result<Vec<_>, _>>();
        let datasets = datasets.map_err(|_| SetupError::Value("dataset"))?;
        for (vendor, boards) in Self::vendors(&boards(organisations)) {
            for board in boards {
                let (Some(vendor), Some(board)) = (of(vendor), of(&board)) else {
                    continue;
                };
                let mandate = Mandate {
                    vendor: vendor.oin.clone(),
                    board: board.oin.clone(),
                    datasets: datasets.clone(),
                    from: self.year.saturating_sub(jiff::Span::new().years(1)),
                    until: self.year.saturating_add(jiff::Span::new().years(1)),
                    agreement: format!("example-agreement-{}", board.slug),
                };
                let issued = now.saturating_sub(SignedDuration::from_hours(48)).unwrap_or(now);
                let (name, text) = approvers.sign_mandate(&mandate, board, vendor, DEPLOYMENT, issued)?;
                write(&self.gateway("policies").join(name), &text)?;
            }
        }
        Ok(())
    }

    /// The gateway's own keys, the three roots from the seed.
    fn keys(&self) -> Result<(), SetupError> {
        let folder = self.gateway("keys");
        let public = NewKeys {
            seed: Some(self.seed),
            example: false,
        }
        .write(&folder, &SystemRandom::new())?;
        let verifier = Verifier::new(ORIGIN, public.log).map_err(|_| SetupError::Value("origin"))?;
        write(&folder.join("log.vkey"), &format!("{}\n", verifier.to_text()))
    }

    /// The keys of the partnership's FG, for as long as the approvals hold.
    fn fg(
        &self,
        approvers: &ApproverKeys,
        organisations: &Organisations,
        now: Timestamp,
    ) -> Result<(), SetupError> {
        let slug: Slug = FG.parse().map_err(|_| SetupError::Value("FG"))?;
        let organisation = organisations.by_slug(&slug).ok_or(SetupError::Value("FG"))?;
        // The demo begins a day back, on a clock of its own.
        let issued = now - SignedDuration::from_hours(48);
        let first = Month::of(issued.as_microsecond());
        let (private, public) = FgPrivateKeys::generate(organisation.oin.clone(), first, FG_MONTHS + 1)?;
        let folder = self.dir.join("fg");
        make_dir(&folder)?;
        private.write_new(&folder.join(PRIVATE_FILE))?;
        let signed = approvers.sign_fg_keys(&public, &slug, DEPLOYMENT, issued)?;
        write(&self.gateway(PUBLIC_FILE), &signed)
    }

    fn config(&self) -> String {
        let (port, database) = (self.port, &self.database);
        let (admin, console) = (port + 1, port + 2);
        format!(
            "# Made by `doelpoort demo`. Its keys come from a seed, so only the demo accepts them.\n\
             [deployment]\nname = \"{DEPLOYMENT}\"\ntenant = \"almere\"\norigin = \"{ORIGIN}\"\n\n\
             [database]\nurl = \"{database}\"\n\n\
             [policies]\ndir = \"policies\"\n\n\
             [keys]\nfile = \"keys/keys.toml\"\nkek = \"keys/kek\"\n\n\
             [audit]\nfg_keys = \"{PUBLIC_FILE}\"\n\n\
             [exchange]\nlisten = \"127.0.0.1:{port}\"\n\n\
             [console]\nlisten = \"127.0.0.1:{console}\"\n\n\
             [admin]\nlisten = \"127.0.0.1:{admin}\"\n\n\
             [token]\nissuer = \"https://localhost:{port}\"\n\n\
             [log]\nformat = \"human\"\nfilter = \"warn\"\n"
        )
    }
}

/// The slugs of the school boards, in the order of the organisations.
fn boards(organisations: &Organisations) -> Vec<String> {
    organisations
        .of_kind(OrganisationKind::SchoolBoard)
        .map(|board| board.slug.to_string())
        .collect()
}

fn copy(from: &Path, to: &Path) -> Result<(), SetupError> {
    make_dir(to)?;
    for entry in list(from)? {
        let Some(name) = entry.file_name() else { continue };
        let target = to.join(name);
        if entry.is_dir() {
            copy(&entry, &target)?;
        } else {
            fs::copy(&entry, &target).map_err(|why| file(&entry, why))?;
        }
    }
    Ok(())
}

fn list(folder: &Path) -> Result<Vec<PathBuf>, SetupError> {
    let entries = fs::read_dir(folder).map_err(|why| file(folder, why))?;
    let mut paths = entries
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|why| file(folder, why))?;
    paths.sort();
    Ok(paths)
}

fn read(path: &Path) -> Result<String, SetupError> {
    fs::read_to_string(path).map_err(|why| file(path, why))
}

fn write(path: &Path, text: &str) -> Result<(), SetupError> {
    if let Some(folder) = path.parent() {
        make_dir(folder)?;
    }
    fs::write(path, text).map_err(|why| file(path, why))
}

fn make_dir(folder: &Path) -> Result<(), SetupError> {
    fs::create_dir_all(folder).map_err(|why| file(folder, why))
}

fn file(path: &Path, why: std::io::Error) -> SetupError {
    SetupError::File {
        path: path.display().to_string(),
        why,
    }
}
