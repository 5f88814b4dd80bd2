//! `doelpoort policy keys`: the approvers' key list, where each change is signed by those who may.

use std::error::Error;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::{Parser, Subcommand};
use doelpoort_core::catalogue::Catalogue;
use doelpoort_core::party::{ApproverRole, Oin, Organisations, Slug};
use doelpoort_core::policy::key_list::{Added, Change, InvalidKeyList, KeyList, KeySigner, Removed};
use doelpoort_core::policy::load::NamedText;
use doelpoort_core::policy::manifest::digest_text;
use serde_json::Value;

use super::key::ApproverKey;
use crate::client::PrivateKey;
use crate::policies;

/// The keys with which purposes are approved and mandates signed.
#[derive(Debug, Parser)]
pub(super) struct Keys {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Makes a private key for an approver and prints its public half, which goes into the list.
    New {
        /// Where the private key goes; nothing is overwritten.
        key: PathBuf,
    },
    /// Lists the keys, the digest of the list, and what a change still lacks.
    Show(Folder),
    /// Writes the first list, or the next change, to be signed.
    Change(ChangeArgs),
    /// Signs the newest change, for the organisation whose key it is.
    Sign(SignArgs),
}

#[derive(Debug, Parser)]
struct Folder {
    /// The policies folder.
    #[arg(long)]
    policies: PathBuf,
}

#[derive(Debug, Parser)]
struct ChangeArgs {
    #[command(flatten)]
    folder: Folder,
    /// Name of the gateway's deployment, as in its configuration.
    #[arg(long)]
    deployment: String,
    /// A key that comes: `organisation:role,role=FILE`, the file with its public JWK; may be given several times.
    #[arg(long, value_name = "ORGANISATION:ROLES=FILE")]
    add: Vec<AddArg>,
    /// A key that goes: `organisation:kid`; may be given several times.
    #[arg(long, value_name = "ORGANISATION:KID")]
    remove: Vec<RemoveArg>,
}

#[derive(Debug, Parser)]
struct SignArgs {
    #[command(flatten)]
    folder: Folder,
    /// Short name of the organisation that signs.
    #[arg(long)]
    organisation: Slug,
    /// Its private key, PKCS#8 in PEM: Ed25519 or P-256. It must be in the list as it was before the change.
    #[arg(long)]
    key: PathBuf,
}

#[derive(Clone, Debug)]
struct AddArg {
    organisation: Slug,
    roles: Vec<ApproverRole>,
    file: PathBuf,
}

#[derive(Clone, Debug)]
struct RemoveArg {
    organisation: Slug,
    kid: String,
}

/// Why nothing is changed or signed.
#[derive(Debug, thiserror::Error)]
enum KeysError {
    #[error("{file}: {error}")]
    List { file: String, error: InvalidKeyList },
    #[error("no organisation is called `{0}`")]
    UnknownOrganisation(Slug),
    #[error("`{0}` has no such key in the list as it was before this change")]
    NotListed(Slug),
    #[error("there is no change to sign; make one with `doelpoort policy keys change`")]
    NothingToSign,
    #[error("`{}`: not a public JWK: {why}", file.display())]
    Jwk { file: PathBuf, why: String },
    #[error("nothing to change: give `--add` or `--remove`")]
    Nothing,
    #[error("`{}` exists; nothing is overwritten", .0.display())]
    Exists(PathBuf),
}

/// A folder's list: what was followed, and the newest file, which may still lack signatures.
struct Opened {
    organisations: Organisations,
    files: Vec<NamedText>,
}

pub(super) fn run(args: &Keys, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    match &args.command {
        Command::New { key } => new(key, out),
        Command::Show(folder) => show(folder, out),
        Command::Change(args) => change(args, out),
        Command::Sign(args) => sign(args, out),
    }
}

fn new(file: &Path, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    use std::os::unix::fs::OpenOptionsExt as _;
    let (key, text) = PrivateKey::generate()?;
    let mut options = std::fs::OpenOptions::new();
    let opened = options.write(true).create_new(true).mode(0o600).open(file);
    let mut opened = opened.map_err(|error| match error.kind() {
        std::io::ErrorKind::AlreadyExists => KeysError::Exists(file.to_owned()).into(),
        _ => Box::<dyn Error>::from(format!("{}: {error}", file.display())),
    })?;
    opened.write_all(text.as_bytes())?;
    writeln!(out, "{}", key.signing_key().public_key().to_jwk(&key.kid()))?;
    Ok(())
}

fn show(folder: &Folder, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let opened = Opened::read(&folder.policies)?;
    let (list, lacks) = match opened.list(opened.files.len()) {
        Ok(list) => (list, None),
        Err(error) => (opened.list(opened.files.len().saturating_sub(1))?, Some(error)),
    };
    for (oin, key) in list.iter() {
        let name = opened
            .organisations
            .by_oin(oin)
            .map_or("(unknown)", |party| party.slug.as_str());
        let roles: Vec<&str> = key.roles.iter().map(|role| role.name()).collect();
        writeln!(out, "{oin} {name}: {} ({})", key.kid, roles.join(", "))?;
    }
    let digest = |digest: Option<[u8; 32]>| digest.map_or("none".to_owned(), |digest| digest_text(&digest));
    writeln!(out, "first list {}", digest(list.first()))?;
    writeln!(
        out,
        "newest     {} after {} changes",
        digest(list.head()),
        list.next_sequence().saturating_sub(1)
    )?;
    match lacks {
        None => Ok(()),
        Some(lacks) => Err(lacks.into()),
    }
}

fn change(args: &ChangeArgs, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    if args.add.is_empty() && args.remove.is_empty() {
        return Err(KeysError::Nothing.into());
    }
    let opened = Opened::read(&args.folder.policies)?;
    let mut list = opened.list(opened.files.len())?;
    let mut add = Vec::new();
    for one in &args.add {
        add.push(Added {
            organisation: opened.oin(&one.organisation)?.to_string(),
            roles: one.roles.clone(),
            jwk: jwk(&one.file)?,
        });
    }
    let mut remove = Vec::new();
    for one in &args.remove {
        remove.push(Removed {
            organisation: opened.oin(&one.organisation)?.to_string(),
            kid: one.kid.clone(),
        });
    }
    let change = Change::after(&list, &args.deployment, remove, add);
    let file = format!("{:04}.json", change.sequence);
    // All that is wrong with it is told now; signatures come later.
    match list.append(&change, change.sequence) {
        Ok(()) | Err(InvalidKeyList::NotSigned { .. }) => {}
        Err(error) => return Err(KeysError::List { file, error }.into()),
    }
    super::sign::write(
        &args.folder.policies.join("approvers"),
        &file,
        change.to_text().trim_end(),
    )?;
    writeln!(out, "approvers/{file} {}", digest_text(&change.digest()?))?;
    if change.sequence > 0 {
        writeln!(
            out,
            "now `doelpoort policy keys sign`: the organisation itself with a key of the same role, or two other holders"
        )?;
    }
    Ok(())
}

fn sign(args: &SignArgs, out: &mut impl Write) -> Result<(), Box<dyn Error>> {
    let opened = Opened::read(&args.folder.policies)?;
    let before = opened.list(opened.files.len().saturating_sub(1))?;
    let Some((name, text)) = opened.files.last() else {
        return Err(KeysError::NothingToSign.into());
    };
    let file = name.rsplit('/').next().unwrap_or(name);
    let failed = |error| KeysError::List {
        file: name.clone(),
        error,
    };
    let mut change = Change::parse(text).map_err(failed)?;
    if change.sequence == 0 {
        return Err(KeysError::NothingToSign.into());
    }
    let key = ApproverKey::read(&args.key)?;
    let public = key.signing_key().public_key();
    let organisation = opened.oin(&args.organisation)?;
    let listed = before.keys(&organisation).iter().find(|one| one.key == public);
    let kid = &listed
        .ok_or_else(|| KeysError::NotListed(args.organisation.clone()))?
        .kid;
    change.sign(KeySigner {
        organisation: &organisation,
        kid,
        key: key.signing_key(),
    })?;
    super::sign::write(
        &args.folder.policies.join("approvers"),
        file,
        change.to_text().trim_end(),
    )?;
    let mut list = before;
    let sequence = list.next_sequence();
    match list.append(&change, sequence) {
        Ok(()) => writeln!(out, "{name}: signed by all who must")?,
        Err(lacks @ InvalidKeyList::NotSigned { .. }) => writeln!(out, "{name}: signed; still: {lacks}")?,
        Err(error) => return Err(failed(error).into()),
    }
    Ok(())
}

impl Opened {
    fn read(folder: &Path) -> Result<Self, Box<dyn Error>> {
        let mut files = policies::read(folder)?;
        let together = |errors: Vec<doelpoort_core::source_text::SourceError>| {
            errors
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join("\n")
        };
        let catalogue = Catalogue::parse(&files.catalogue).map_err(together)?;
        let (name, text) = &files.organisations;
        let organisations = Organisations::parse(name, text, &catalogue).map_err(together)?;
        files.approvers.sort();
        Ok(Self {
            organisations,
            files: files.approvers,
        })
    }

    /// The list of the first so many files.
    fn list(&self, count: usize) -> Result<KeyList, KeysError> {
        let files = self.files.get(..count).unwrap_or_default();
        KeyList::follow(files).map_err(|(file, error)| KeysError::List { file, error })
    }

    fn oin(&self, slug: &Slug) -> Result<Oin, KeysError> {
        let party = self.organisations.by_slug(slug);
        party
            .map(|party| party.oin.clone())
            .ok_or_else(|| KeysError::UnknownOrganisation(slug.clone()))
    }
}

fn jwk(file: &Path) -> Result<Value, Box<dyn Error>> {
    let text = std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let jwk = serde_json::from_str(&text).map_err(|error| KeysError::Jwk {
        file: file.to_owned(),
        why: error.to_string(),
    })?;
    Ok(jwk)
}

impl FromStr for AddArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let form = || "write it as `organisation:role,role=FILE`".to_owned();
        let (key, file) = text.split_once('=').ok_or_else(form)?;
        let (organisation, roles) = key.split_once(':').ok_or_else(form)?;
        let role = |text: &str| {
            let all = [ApproverRole::Fg, ApproverRole::Holder, ApproverRole::Mandate];
            let found = all.into_iter().find(|role| role.name() == text);
            found.ok_or_else(|| format!("unknown role `{text}`: `fg`, `holder` or `mandate`"))
        };
        Ok(Self {
            organisation: organisation.parse().map_err(|_| form())?,
            roles: roles.split(',').map(role).collect::<Result<_, _>>()?,
            file: PathBuf::from(file),
        })
    }
}

impl FromStr for RemoveArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let form = || "write it as `organisation:kid`".to_owned();
        let (organisation, kid) = text.split_once(':').ok_or_else(form)?;
        Ok(Self {
            organisation: organisation.parse().map_err(|_| form())?,
            kid: kid.to_owned(),
        })
    }
}
