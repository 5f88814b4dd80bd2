use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;

use doelpoort_core::party::{Client, Organisation, OrganisationKind, Organisations, StaffProvider};

use super::*;

const NOW: &str = "2026-11-22T10:00:00Z";

pub(crate) fn organisations() -> Organisations {
    let organisation = |slug: &str, oin: &str, kind, client: &str, staff: Option<&str>| Organisation {
        slug: slug.parse().unwrap(),
        oin: oin.parse().unwrap(),
        kind,
        name: None,
        board: None,
        swv: None,
        pupils: None,
        identifiers: Vec::new(),
        clients: vec![Client {
            id: client.parse().unwrap(),
            roles: vec!["dashboard".to_owned()],
            thumbprints: Vec::new(),
            key_pins: Vec::new(),
            jwks: None,
        }],
        staff: staff.map(|issuer| StaffProvider {
            issuer: issuer.to_owned(),
            jwks: None,
        }),
        tokens: None,
    };
    let (swv, board) = (OrganisationKind::Swv, OrganisationKind::SchoolBoard);
    Organisations::new(
        vec![
            organisation(
                "swv-po",
                "00000099000000240101",
                swv,
                "swv-po-consulent",
                Some("https://login.swv.example"),
            ),
            organisation("board-1", "00000099000000041676", board, "board-1-school", None),
        ],
        Vec::new(),
    )
}

fn made(folder: &Path) -> (Organisations, ApproverKeys) {
    let mut organisations = organisations();
    let staff = Some(("swv-po".parse().unwrap(), "consulent-07".to_owned()));
    let options = FolderOptions {
        staff,
        ..FolderOptions::default()
    };
    let options = BTreeMap::from([("swv-po-consulent".parse().unwrap(), options)]);
    let plan = Plan {
        folder,
        gateway: "https://localhost:8443",
        authority: "test",
        validity: Validity::around(NOW.parse().unwrap(), 30),
        options: &options,
    };
    let (_, approvers) = plan.make(&mut organisations).unwrap();
    (organisations, approvers)
}

#[test]
fn each_client_gets_a_folder_that_opens() {
    let folder = tempfile::tempdir().unwrap();
    made(folder.path());
    for client in ["swv-po-consulent", "board-1-school"] {
        let client = crate::client::Client::open(&folder.path().join("clients").join(client)).unwrap();
        assert_eq!(client.url("/v1/queries"), "https://localhost:8443/v1/queries");
    }
}

#[test]
fn private_keys_are_their_owners_alone() {
    let folder = tempfile::tempdir().unwrap();
    made(folder.path());
    for (file, mode) in [
        ("clients/swv-po-consulent/client.key", 0o600),
        ("clients/swv-po-consulent/assertion.key", 0o600),
        ("clients/swv-po-consulent/staff.key", 0o600),
        ("clients/swv-po-consulent/client.crt", 0o644),
        ("gateway/tls/server.key", 0o600),
        ("approvers/board-1.mandate.key", 0o600),
        ("identity-providers/swv-po.key", 0o600),
    ] {
        let metadata = std::fs::metadata(folder.path().join(file)).unwrap();
        assert_eq!(metadata.permissions().mode() & 0o777, mode, "{file}");
    }
}

#[test]
fn the_organisations_get_pins_and_keys_that_can_be_filled_again() {
    let folder = tempfile::tempdir().unwrap();
    let (filled, approvers) = made(folder.path());
    let swv = filled.by_slug(&"swv-po".parse().unwrap()).unwrap();
    let client = &swv.clients[0];
    assert_eq!((client.thumbprints.len(), client.key_pins.len()), (1, 1));
    assert!(client.jwks.is_some() && swv.staff.as_ref().unwrap().jwks.is_some());
    let (_, list) = approvers.first_list(&filled, "test");
    assert_eq!(list.matches(swv.oin.as_str()).count(), 2);

    let mut again = organisations();
    fill(folder.path(), &mut again).unwrap();
    assert_eq!(again, filled);
}

#[test]
fn a_certificate_names_its_organisation() {
    let authority = Authority::new("test", Validity::around(NOW.parse().unwrap(), 30)).unwrap();
    let issued = authority
        .client("a", &"00000099000000041676".parse().unwrap())
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.crt");
    std::fs::write(&file, &issued.certificate).unwrap();
    let chain = crate::tls::certificates("a certificate", &file).unwrap();
    let peer = crate::identity::PeerCertificate::from_der(&chain[0]).unwrap();
    assert_eq!(
        (peer.thumbprint, peer.key_pin),
        (issued.thumbprint, issued.key_pin)
    );
    assert_eq!(peer.oin.as_str(), "00000099000000041676");
    assert_eq!(peer.not_before.to_string(), "2026-11-20T10:00:00Z");
    assert_eq!(peer.not_after.to_string(), "2026-12-22T10:00:00Z");
}

#[test]
fn a_mandate_is_signed_by_its_board_and_by_nobody_else() {
    let folder = tempfile::tempdir().unwrap();
    let (organisations, approvers) = made(folder.path());
    let board = organisations.by_slug(&"board-1".parse().unwrap()).unwrap();
    let swv = organisations.by_slug(&"swv-po".parse().unwrap()).unwrap();
    let mandate = doelpoort_core::policy::Mandate {
        vendor: swv.oin.clone(),
        board: board.oin.clone(),
        datasets: Vec::new(),
        from: "2026-08-01".parse().unwrap(),
        until: "2027-07-31".parse().unwrap(),
        agreement: "VWO-1".to_owned(),
    };
    let now = NOW.parse().unwrap();
    let (name, text) = approvers.sign_mandate(&mandate, board, swv, "test", now).unwrap();
    assert_eq!(name, "mandates/swv-po.board-1.jws");
    assert_eq!(text.split('.').count(), 3);
    let refused = approvers
        .sign_mandate(&mandate, swv, board, "test", now)
        .unwrap_err();
    assert_eq!(
        refused.to_string(),
        "there is no key of `swv-po` for the role `mandate`"
    );
}

/// Fails after a change of `policies/organisations.toml`: `keys-example/README.md` says how to make them anew.
#[test]
fn the_example_keys_fit_the_organisations_that_are_shipped() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(root.join("policies/organisations.toml")).unwrap();
    let organisations: toml::Table = toml::from_str(&text).unwrap();
    let clients = organisations["organisation"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|one| one.get("client"));
    for client in clients.flat_map(|clients| clients.as_array().unwrap()) {
        let id = client["id"].as_str().unwrap();
        let folder = root.join("keys-example/clients").join(id);
        let opened = crate::client::Client::open(&folder);
        assert_eq!(opened.unwrap().settings().client_id, id);
        let chain = crate::tls::certificates("a certificate", &folder.join("client.crt")).unwrap();
        let peer = crate::identity::PeerCertificate::from_der(&chain[0]).unwrap();
        assert_eq!(peer.not_before.to_string(), "2026-08-01T00:00:00Z", "{id}");
    }
    assert!(root.join("keys-example/gateway/tls/server.key").exists());
}
