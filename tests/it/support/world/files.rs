//! What a gateway reads at its start: policies with the example keys' pins, approvals, mandates, its own keys.

use std::path::{Path, PathBuf};

use doelpoort::config::Config;
use doelpoort::demo::pki;
use doelpoort::fg::FgPrivateKeys;
use doelpoort::fg::keys::PUBLIC_FILE;
use doelpoort::keys::file::{KEK_FILE, KEYS_FILE, NewKeys};
use doelpoort_core::policy::Mandate;
use jiff::Timestamp;
use tempfile::TempDir;

/// The issuer of the tokens, whatever port the tests get.
const ISSUER: &str = "https://localhost:8443";
/// The folder of a gateway's keys.
pub(crate) const KEYS_FOLDER: &str = "keys";
pub(crate) const DEPLOYMENT: &str = "almere-test";
/// Boards for which a vendor may act; the first is the one that its deliveries are of.
pub(crate) const MANDATES: [(&str, &[&str]); 2] = [
    ("vendor-alpha", &["board-41676", "board-62584"]),
    ("vendor-beta", &["board-20041"]),
];

/// A folder with all of it.
pub(crate) struct Files {
    pub(crate) config: Config,
    /// The FG's private keys: 2026-10 and the year after it.
    pub(crate) fg: FgPrivateKeys,
    folder: TempDir,
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The OIN of the board that a vendor's program delivers for.
pub(crate) fn board_of(client: &str) -> String {
    let mandates = MANDATES.iter().find(|(vendor, _)| client.starts_with(vendor));
    let (_, boards) = mandates.unwrap();
    format!("000000990000000{}", boards[0].strip_prefix("board-").unwrap())
}

impl Files {
    /// The shipped policies, changed by `prepare` before they are signed.
    pub(crate) fn prepared(now: Timestamp, seed: u64, prepare: impl FnOnce(&Path)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let policies = folder.path().join("policies");
        copy(&root().join("policies"), &policies);
        prepare(&policies);
        sign(&policies, now);
        let keys = folder.path().join("keys");
        let new = NewKeys {
            seed: Some(seed),
            example: false,
        };
        new.write(&keys, &ring::rand::SystemRandom::new()).unwrap();
        let fg = fg(&policies, now);
        std::fs::write(folder.path().join(PUBLIC_FILE), &fg.1).unwrap();
        let mut config = Config::default();
        config.audit.fg_keys = folder.path().join(PUBLIC_FILE);
        config.deployment.name = DEPLOYMENT.to_owned();
        config.deployment.tenant = "almere".to_owned();
        config.deployment.origin = "doelpoort.example/test/audit/2026".to_owned();
        config.policies.dir = policies;
        (config.keys.file, config.keys.kek) = (keys.join(KEYS_FILE), keys.join(KEK_FILE));
        let tls = root().join("keys-example/gateway/tls");
        config.exchange.certificate = tls.join("server.crt");
        config.exchange.key = tls.join("server.key");
        config.exchange.client_ca = tls.join("client-ca.crt");
        config.exchange.listen = ([127, 0, 0, 1], 0).into();
        config.console.listen = ([127, 0, 0, 1], 0).into();
        config.admin.listen = ([127, 0, 0, 1], 0).into();
        config.token.issuer = ISSUER.to_owned();
        config.limits.drain_time_s_max = 1;
        // Tests let days pass at once: the publisher cannot have signed meanwhile.
        config.publish.checkpoint_age_s_max = 10 * 365 * 24 * 3600;
        Self {
            config,
            folder,
            fg: fg.0,
        }
    }

    /// Changes the policies and has them signed again by all.
    pub(crate) fn change(&self, now: Timestamp, change: impl FnOnce(&Path)) {
        change(&self.config.policies.dir);
        sign(&self.config.policies.dir, now);
    }

    /// A copy of an example client's folder that calls the gateway at `base`.
    pub(crate) fn client_folder(&self, id: &str, base: &str) -> TempDir {
        let copied = tempfile::tempdir_in(self.folder.path()).unwrap();
        copy(&root().join("keys-example/clients").join(id), copied.path());
        let file = copied.path().join("client.toml");
        let settings = std::fs::read_to_string(&file).unwrap();
        let here = format!("gateway = \"{base}\"\nissuer = \"{ISSUER}\"");
        let settings = settings.replace(&format!("gateway = \"{ISSUER}\""), &here);
        std::fs::write(&file, settings).unwrap();
        copied
    }
}

/// Keys of the FG of swv-po, and the signed file of their public halves.
pub(crate) fn fg(policies: &Path, now: Timestamp) -> (FgPrivateKeys, String) {
    let draft = doelpoort::policies::draft(policies).unwrap_or_else(|error| panic!("{error}"));
    let slug = "swv-po".parse().unwrap();
    let organisation = draft.organisations.by_slug(&slug).unwrap().oin.clone();
    let (private, public) = FgPrivateKeys::generate(organisation, "2026-10".parse().unwrap(), 13).unwrap();
    let approvers = pki::fill(&root().join("keys-example"), &mut draft.organisations.clone()).unwrap();
    let from = now - jiff::SignedDuration::from_hours(24);
    (
        private,
        approvers.sign_fg_keys(&public, &slug, DEPLOYMENT, from).unwrap(),
    )
}

/// Fills in the example keys' public halves and signs every purpose and mandate.
fn sign(policies: &Path, now: Timestamp) {
    let draft = doelpoort::policies::draft(policies).unwrap_or_else(|error| panic!("{error}"));
    let mut organisations = draft.organisations.clone();
    let approvers = pki::fill(&root().join("keys-example"), &mut organisations).unwrap();
    std::fs::write(policies.join("organisations.toml"), organisations.to_toml()).unwrap();
    let (name, text) = approvers.first_list(&organisations, DEPLOYMENT);
    std::fs::create_dir_all(policies.join("approvers")).unwrap();
    std::fs::write(policies.join(name), text).unwrap();

    let day = jiff::SignedDuration::from_hours(24);
    approve(policies, now - day, now + day * 365);
    let mut texts = Vec::new();
    let from = now - day;
    for (vendor, boards) in MANDATES {
        let vendor = organisations.by_slug(&vendor.parse().unwrap()).unwrap();
        for board in boards {
            let board = organisations.by_slug(&board.parse().unwrap()).unwrap();
            let mandate = Mandate {
                vendor: vendor.oin.clone(),
                board: board.oin.clone(),
                datasets: ["enrolment", "absence", "admissibility"]
                    .map(|name| name.parse().unwrap())
                    .to_vec(),
                from: "2026-08-01".parse().unwrap(),
                until: "2027-07-31".parse().unwrap(),
                agreement: "VWO-TEST-1".to_owned(),
            };
            let signed = approvers.sign_mandate(&mandate, board, vendor, DEPLOYMENT, from);
            texts.push(signed.unwrap());
        }
    }
    for (name, text) in texts {
        let file = policies.join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    }
}

/// Signs every purpose of the folder for everybody who must, with the example keys.
pub(crate) fn approve(policies: &Path, from: Timestamp, until: Timestamp) {
    approve_with(&root().join("keys-example"), policies, from, until);
}

/// The same with the keys of a folder like that of the example keys.
pub(crate) fn approve_with(keys: &Path, policies: &Path, from: Timestamp, until: Timestamp) {
    let draft = doelpoort::policies::draft(policies).unwrap_or_else(|error| panic!("{error}"));
    let approvers = pki::fill(keys, &mut draft.organisations.clone()).unwrap();
    for (name, text) in approvers.sign_purposes(&draft, DEPLOYMENT, from, until).unwrap() {
        std::fs::create_dir_all(policies.join("approvals")).unwrap();
        std::fs::write(policies.join(name), text).unwrap();
    }
}

/// The private key of an organisation's approver.
pub(crate) fn approver(organisation: &str, role: &str) -> doelpoort::client::PrivateKey {
    let file = format!("keys-example/approvers/{organisation}.{role}.key");
    doelpoort::client::PrivateKey::read(&root().join(file)).unwrap()
}

pub(crate) fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
