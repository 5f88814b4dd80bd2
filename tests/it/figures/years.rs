//! The bound over three years counts what is released already, under whatever purposes that was.

use doelpoort::epoch::CloseError;
use doelpoort::epoch::former::former;
use doelpoort::gateway::ReloadError;
use doelpoort_core::figures::bound::{Coming, Past};
use doelpoort_core::policy::decide::civil_day;
use doelpoort_core::policy::tools::check::bound;
use rstest::rstest;

use crate::support::database::Backend;
use crate::support::world::World;
use crate::support::world::files::DEPLOYMENT;

/// The purposes that tell of absence in October.
const PURPOSES: [&str; 3] = ["accountability", "board-report", "neighbourhood-absence"];
const OCTOBER: &str = "epochs = \"october\"";
const OTHER: &str = "epochs = \"other\"";

/// A gateway whose children may be counted on another day too.
async fn with_another_day(backend: Backend, day: &str) -> Option<World> {
    let add = |policies: &std::path::Path| {
        let file = policies.join("populations/children.toml");
        let text = std::fs::read_to_string(&file).unwrap();
        let calendar = format!(
            "[[calendar]]\nname = \"other\"\ntitle = {{ nl = \"Anders\", en = \"Other\" }}\ndays = [\"{day}\"]\n\n"
        );
        std::fs::write(
            &file,
            text.replacen("[[calendar]]", &format!("{calendar}[[calendar]]"), 1),
        )
        .unwrap();
    };
    World::prepared(backend, add, |_| ()).await
}

/// Absence is counted on other days from now on.
async fn count_on(world: &World, from: &str, to: &str) -> Result<bool, ReloadError> {
    for purpose in PURPOSES {
        let file = world.policies().join(format!("purposes/{purpose}.toml"));
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, text.replace(from, to)).unwrap();
    }
    world.raise_versions();
    world.approve();
    world.gateway.reload_policies().await
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn another_calendar_does_not_begin_three_years_anew(#[case] backend: Backend) {
    let Some(world) = with_another_day(backend, "05-01").await else {
        return;
    };
    world.close_epoch().await;
    // Alone it is within its bound, as it was; with the October that is released there are four in three years.
    let error = count_on(&world, OCTOBER, OTHER).await.unwrap_err().to_string();
    assert!(
        error.contains("what is released already counts too: 1 epochs for `accountability`, `board-report`, `neighbourhood-absence`"),
        "{error}"
    );
    // `policy check --config` says the same.
    let day = civil_day(world.clock_now());
    let former = former(world.gateway.store(), DEPLOYMENT, day).await.unwrap();
    let past = Past {
        former: &former,
        coming: Coming::After(day),
    };
    let draft = doelpoort::policies::draft(world.policies()).unwrap();
    let over = |past| {
        let lines = bound::lines(&draft, past);
        let over = lines
            .iter()
            .filter(|line| line.starts_with("bound of `children`, over: "));
        over.count()
    };
    assert_eq!((over(None), over(Some(past)) > 0), (0, true));
    // What was in force may come back.
    assert!(count_on(&world, OTHER, OCTOBER).await.unwrap());
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_close_adds_up_what_stood_before(#[case] backend: Backend) {
    let Some(world) = with_another_day(backend, "05-01").await else {
        return;
    };
    let close = async |date: &str| {
        let date = Some(date.parse().unwrap());
        world.gateway.close_epoch("children", date).await
    };
    assert!(count_on(&world, OCTOBER, OTHER).await.unwrap());
    for date in ["2020-05-01", "2021-05-01", "2022-05-01"] {
        close(date).await.unwrap();
    }
    // Too long ago for the epochs to come, not for one that was left open.
    assert!(count_on(&world, OTHER, OCTOBER).await.unwrap());
    let error = close("2022-10-01").await.unwrap_err();
    assert!(matches!(error, CloseError::Bound(_)), "{error}");
    let told = error.to_string();
    assert!(
        told.contains("3 epochs for `accountability`, `board-report`, `neighbourhood-absence`")
            && told.contains("the epoch would tell too much"),
        "{told}"
    );
    close("2026-10-01").await.unwrap();
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn nothing_is_released_while_it_is_unknown_what_was(#[case] backend: Backend) {
    let Some(world) = with_another_day(backend, "05-01").await else {
        return;
    };
    world.close_epoch().await;
    let gone = "DELETE FROM policy_archive";
    world.gateway.store().execute(gone, vec![]).await.unwrap();
    let date = Some("2026-02-01".parse().unwrap());
    let error = world.gateway.close_epoch("children", date).await.unwrap_err();
    assert!(matches!(error, CloseError::Former(_)), "{error}");
    let error = count_on(&world, OCTOBER, OTHER).await.unwrap_err().to_string();
    assert!(error.contains("cannot be read from the archive"), "{error}");
}
