mod tools;

use std::path::Path;

use ring::rand::SystemRandom;
use ring::signature::Ed25519KeyPair;

use super::*;
use doelpoort_core::policy::jws::SigningKey;

/// A copy of the shipped policies in which one key approves for everybody.
struct World {
    folder: tempfile::TempDir,
}

impl World {
    fn new() -> Self {
        let world = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
        copy(&shipped, &world.policies());
        let pkcs8 = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        let pair = Ed25519KeyPair::from_pkcs8(pkcs8.as_ref()).unwrap();
        let base64 = data_encoding::BASE64.encode(pkcs8.as_ref());
        let pem = format!("-----BEGIN PRIVATE KEY-----\n{base64}\n-----END PRIVATE KEY-----\n");
        std::fs::write(world.key(), pem).unwrap();
        owner_only(&world.key(), 0o600);
        let jwk = SigningKey::EdDsa(&pair).public_key().to_jwk("1");
        std::fs::write(world.folder.path().join("key.jwk"), jwk.to_string()).unwrap();
        let organisations = crate::policies::draft(&world.policies()).unwrap().organisations;
        let add = organisations
            .iter()
            .map(|party| format!("--add {}:fg,holder,mandate=JWK", party.slug));
        let add = add.collect::<Vec<_>>().join(" ");
        world
            .run(&format!(
                "keys change --policies POLICIES --deployment almere {add}"
            ))
            .unwrap();
        world
    }

    fn policies(&self) -> PathBuf {
        self.folder.path().join("policies")
    }

    fn key(&self) -> PathBuf {
        self.folder.path().join("key.pem")
    }

    fn run(&self, line: &str) -> Result<(ExitCode, String), String> {
        let line = line
            .replace("POLICIES", self.policies().to_str().unwrap())
            .replace("JWK", self.folder.path().join("key.jwk").to_str().unwrap())
            .replace("KEY", self.key().to_str().unwrap());
        let args = Args::try_parse_from(["policy"].into_iter().chain(line.split_whitespace()))
            .map_err(|error| error.to_string())?;
        let mut out = Vec::new();
        let now = "2026-11-22T12:00:00Z".parse().unwrap();
        let code = execute(&args, now, &mut out).map_err(|error| error.to_string())?;
        Ok((code, String::from_utf8(out).unwrap()))
    }

    fn sign(&self, purpose: &str, organisation: &str, role: &str) -> Result<(ExitCode, String), String> {
        self.run(&format!(
            "sign {purpose} --policies POLICIES --organisation {organisation} --role {role} --key KEY \
             --deployment almere --until 2027-07-31"
        ))
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to.join(entry.file_name()));
        } else {
            std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
}

fn owner_only(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_purpose_wakes_when_the_last_of_its_approvers_has_signed() {
    let world = World::new();
    world.sign("delivery-resident", "municipality", "fg").unwrap();
    let (_, before) = world.run("check POLICIES --deployment almere").unwrap();
    assert!(before.contains("delivery-resident 1: asleep; valid until 2027-07-31, not approved by:\n  municipality as holder: there is no approval\n"), "{before}");

    let (_, signed) = world.sign("delivery-resident", "municipality", "holder").unwrap();

    assert!(
        signed.starts_with(
            "approvals/delivery-resident.municipality.holder.jws\ndelivery-resident 1 manifest sha256:"
        ),
        "{signed}"
    );
    let (_, after) = world.run("check POLICIES --deployment almere").unwrap();
    let active = "delivery-resident 1: active; valid until 2027-07-31, approved until 2027-08-01T00:00:00Z\n";
    assert!(after.contains(active), "{after}");
    let (_, elsewhere) = world.run("check POLICIES --deployment other").unwrap();
    assert!(
        elsewhere.contains("approvers/: the key list is for the deployment `almere`, not for `other`\n"),
        "{elsewhere}"
    );
}

#[test]
fn who_is_not_asked_cannot_approve() {
    let world = World::new();
    let refused =
        |purpose: &str, organisation: &str, role: &str| world.sign(purpose, organisation, role).unwrap_err();
    assert_eq!(
        refused("youth-atlass", "municipality", "fg"),
        "unknown purpose `youth-atlass`"
    );
    assert_eq!(
        refused("delivery-resident", "swv-po", "fg"),
        "`swv-po` is not asked to approve `delivery-resident` as fg"
    );
    owner_only(&world.key(), 0o644);
    assert!(
        refused("delivery-resident", "municipality", "fg")
            .ends_with("others may read this key; allow its owner only")
    );
    std::fs::write(world.key(), "no key").unwrap();
    owner_only(&world.key(), 0o600);
    assert!(
        refused("delivery-resident", "municipality", "fg")
            .ends_with("not a private key in PKCS#8 PEM, Ed25519 or P-256")
    );
    std::fs::write(
        world.policies().join("purposes/delivery-resident.toml"),
        "purpose = 1",
    )
    .unwrap();
    let error = refused("delivery-resident", "municipality", "fg");
    assert!(
        error.contains("purposes/delivery-resident.toml:1:11: must be a text\n1 | purpose = 1\n"),
        "{error}"
    );
}

#[test]
fn a_board_mandates_a_vendor() {
    let world = World::new();
    let line = "mandate --policies POLICIES --board board-41676 --vendor vendor-alpha --dataset enrolment \
                --dataset absence --from 2026-08-01 --until 2027-07-31 --agreement VO-1 --key KEY --deployment almere";
    assert_eq!(
        world.run(line).unwrap().1,
        "mandates/board-41676.vendor-alpha.jws\n"
    );
    let (_, checked) = world.run("check POLICIES --deployment almere").unwrap();
    assert!(checked.contains(" purposes, 1 mandates\n"), "{checked}");
    let refused = |from: &str, to: &str| world.run(&line.replace(from, to)).unwrap_err();
    assert_eq!(
        refused("board-41676", "swv-po"),
        "no school board is called `swv-po`"
    );
    assert_eq!(refused("vendor-alpha", "swv-po"), "no vendor is called `swv-po`");
    assert_eq!(
        refused("dataset absence", "dataset absences"),
        "unknown dataset `absences`"
    );
    assert_eq!(
        refused("2027-07-31", "2026-07-31"),
        "the last day lies before the first"
    );
}

#[test]
fn mistakes_exit_with_one() {
    let world = World::new();
    std::fs::write(
        world.policies().join("purposes/broken.toml"),
        "purpose = \"broken\"",
    )
    .unwrap();
    let (code, said) = world.run("check POLICIES --deployment almere").unwrap();
    assert_eq!(format!("{code:?}"), format!("{:?}", ExitCode::FAILURE));
    assert!(
        said.contains("purposes/broken.toml:1:1: missing key `version`"),
        "{said}"
    );
}

#[test]
fn a_key_is_made_listed_signed_for_and_shown() {
    let world = World::new();
    let private = world.folder.path().join("new.pem");
    let (_, jwk) = world.run(&format!("keys new {}", private.display())).unwrap();
    let file = world.folder.path().join("new.jwk");
    std::fs::write(&file, &jwk).unwrap();
    let again = world.run(&format!("keys new {}", private.display())).unwrap_err();
    assert!(
        again.ends_with("new.pem` exists; nothing is overwritten"),
        "{again}"
    );

    let rotate = format!(
        "keys change --policies POLICIES --deployment almere --remove municipality:1 --add municipality:fg,holder={}",
        file.display()
    );
    let (_, made) = world.run(&rotate).unwrap();
    assert!(made.starts_with("approvers/0001.json sha256:"), "{made}");
    let unsigned = world.run("keys show --policies POLICIES").unwrap_err();
    assert!(
        unsigned.contains(
            "approvers/0001.json: the fg keys of `00000099000000000034` change without the signature"
        ),
        "{unsigned}"
    );
    let own = format!(
        "keys sign --policies POLICIES --organisation municipality --key {}",
        private.display()
    );
    assert_eq!(
        world.run(&own).unwrap_err(),
        "`municipality` has no such key in the list as it was before this change"
    );
    let (_, signed) = world
        .run("keys sign --policies POLICIES --organisation municipality --key KEY")
        .unwrap();
    assert_eq!(signed, "approvers/0001.json: signed by all who must\n");

    let (_, shown) = world.run("keys show --policies POLICIES").unwrap();
    assert!(
        shown.contains("00000099000000000034 municipality: ") && shown.contains(" after 1 changes\n"),
        "{shown}"
    );
    let refused = world.sign("delivery-resident", "municipality", "fg").unwrap_err();
    assert!(
        refused.starts_with("`municipality` has no such key for this in the approvers' key list"),
        "{refused}"
    );
}

#[test]
fn a_withdrawal_is_signed_with_an_approvers_key_alone() {
    let world = World::new();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let _entered = runtime.enter();
    let withdraw = |what: &str| {
        world.run(&format!(
            "withdraw {what} --policies POLICIES --organisation municipality --key KEY --deployment almere"
        ))
    };
    let draft = crate::policies::draft(&world.policies()).unwrap();
    let now = "2026-11-22T12:00:00Z".parse().unwrap();
    let read = |text: &str| {
        doelpoort_core::policy::Withdrawal::verify(text.trim_end(), "almere", &draft.keys, now).unwrap()
    };
    let (_, grant) = withdraw("youth-atlas --grant 0").unwrap();
    let manifest = draft.purposes[&"youth-atlas".parse().unwrap()].1.digest();
    assert_eq!(
        (read(&grant).grant, read(&grant).manifest),
        (Some(0), Some(manifest))
    );
    let (_, all) = withdraw("--all").unwrap();
    assert_eq!(read(&all).purpose, None);
    assert!(withdraw("youth-atlas --all").is_err() && withdraw("").is_err());
}
