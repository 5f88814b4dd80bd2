//! Purposes in the console: their versions, what a proposal changes and would have changed, and an approval that is verified
//! before anybody places it.

use super::*;
use crate::support::world::files::copy;

/// A later version of the purpose that the facts were asked under.
fn later(policies: &std::path::Path, change: (&str, &str)) {
    let file = policies.join("purposes/admissibility-status.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let later = text
        .replacen("version = 1", "version = 2", 1)
        .replacen(change.0, change.1, 1);
    assert_ne!(text, later);
    std::fs::write(&file, later).unwrap();
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn the_versions_of_a_purpose_say_what_changed(#[case] backend: Backend) {
    let Some(mut world) = school(backend).await else {
        return;
    };
    world
        .change_policies(|policies| later(policies, ("retention = \"P1Y\"", "retention = \"P3M\"")))
        .await;
    let mut browser = console_of(&world).await;
    browser.sign_in().await;
    let page = browser.get("/purposes/admissibility-status").await.text();
    assert!(
        page.contains("versie 2, werkt") && page.contains("versie 1, werkt"),
        "{page}"
    );
    let link = page
        .split("/purposes/admissibility-status/changes/")
        .nth(1)
        .unwrap();
    let index = link.split('"').next().unwrap();
    let page = browser
        .get(&format!("/purposes/admissibility-status/changes/{index}"))
        .await;
    let text = page.text();
    assert!(
        page.status == 200 && text.contains("Bewaartermijn: eerst 1 jaar, nu 3 maanden"),
        "{text}"
    );
    let missing = browser.get("/purposes/admissibility-status/changes/0").await;
    assert_eq!(missing.status, 404);
    for form in ["html", "csv", "json"] {
        let register = browser.get(&format!("/register/{form}")).await;
        assert!(
            register.header("content-disposition").contains("attachment")
                && register.text().contains("admissibility"),
            "{form}"
        );
    }
    assert_eq!(browser.get("/register/exe").await.status, 404);
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_proposal_is_told_tried_and_approved_by_a_verified_signature(#[case] backend: Backend) {
    let Some(world) = school(backend).await else {
        return;
    };
    ask_about(&world, 1).await;
    let folder = tempfile::tempdir().unwrap();
    let proposal = folder.path().join("policies");
    copy(world.policies(), &proposal);
    later(&proposal, ("\"admissibility.outcome\", ", ""));
    let mut browser = console_with(&world, Some(proposal.clone())).await;
    browser.sign_in().await;
    let page = browser.get("/proposal").await.text();
    assert!(
        page.contains("krapper") && page.contains("admissibility.outcome"),
        "{page}"
    );
    browser.step_up().await;
    let page = browser.post("/proposal", &[]).await.text();
    assert!(
        page.contains("<strong>1</strong> met een andere uitkomst") && page.contains("granted"),
        "{page}"
    );

    let address = "/purposes/admissibility-status/approve";
    let page = browser.get(address).await.text();
    assert!(
        page.contains("doelpoort policy sign admissibility-status"),
        "{page}"
    );
    let name = "admissibility-status.swv-po.fg.jws";
    assert!(page.contains(name), "{page}");
    // An approval of what is in force is none of the proposal.
    let old = std::fs::read_to_string(world.policies().join("approvals").join(name)).unwrap();
    for wrong in [old.trim(), "nonsense", ""] {
        let refused = browser.post(address, &[("approval", wrong)]).await;
        assert_eq!(refused.status, 400, "{}", refused.text());
    }
    let now = world.clock_now();
    crate::support::world::files::approve(&proposal, now, now + jiff::SignedDuration::from_hours(24));
    let signed = std::fs::read_to_string(proposal.join("approvals").join(name)).unwrap();
    let verified = browser.post(address, &[("approval", signed.trim())]).await;
    assert_eq!(verified.status, 200, "{}", verified.text());
    assert!(verified.header("content-disposition").contains(name));
    assert_eq!(verified.text().trim(), signed.trim());
    assert_eq!(browser.get("/purposes/nothing/approve").await.status, 404);
}

/// Two persons out of two folders: the second is read at the look, and must be another.
#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn the_second_person_signs_out_of_a_folder_of_their_own(#[case] backend: Backend) {
    let Some(world) = school(backend).await else {
        return;
    };
    let folder = world.client_folder("swv-po-fg");
    let file = folder.path().join("client.toml");
    let alone = std::fs::read_to_string(&file).unwrap();
    let alone = alone
        .lines()
        .filter(|line| !line.starts_with("released_by"))
        .collect::<Vec<_>>()
        .join("\n");
    std::fs::write(&file, &alone).unwrap();
    let client = || doelpoort::client::Client::open_with_clock(folder.path(), world.clock.clone()).unwrap();
    let colleague = tempfile::tempdir().unwrap();
    let asked = serde_json::json!({
        "command": "search-staff", "reason": "review",
        "commitment": data_encoding::BASE64.encode(&[7; 32]),
        "onBehalfOf": { "case": "1" }, "releasedBy": { "case": "1" },
    });
    let ask = async |client: doelpoort::client::Client| {
        let body = crate::support::world::ask::body(asked.clone());
        client.post("/v1/log/readings", body).await
    };
    // Alone it is refused; with a folder that is not there too; and one person is not two.
    assert!(ask(client()).await.is_err());
    assert!(
        ask(client().with_colleague(colleague.path().join("stick")))
            .await
            .is_err()
    );
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let entry = entry.unwrap();
        std::fs::copy(entry.path(), colleague.path().join(entry.file_name())).unwrap();
    }
    let with_colleague = || client().with_colleague(colleague.path().to_owned());
    let same = ask(with_colleague()).await.unwrap_err().to_string();
    assert!(same.contains("the second person is the first"), "{same}");
    let second = alone.replace("fg-01", "fg-02");
    assert_ne!(alone, second);
    std::fs::write(colleague.path().join("client.toml"), second).unwrap();
    ask(with_colleague()).await.unwrap();
    let looked = world.last_entries(1).await.remove(0).event;
    assert_eq!(looked.decision.as_deref(), Some(GRANTED));
    assert!(!with_colleague().signs_for_two());
}
