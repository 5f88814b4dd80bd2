//! Two deliveries of one holder bring the same pair at the same time: what becomes of one says nothing of the other.

use doelpoort::store::delivery::Mode;
use rstest::rstest;

use super::world::{NOW, OTHER_SCHOOL, SCHOOL, World, bsn, eck, row};
use crate::support::database::Backend;

const LINKS: &str = "SELECT COUNT(*) FROM subject_link";

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_refused_delivery_takes_no_link_of_another_with_it(
    #[case] backend: Backend,
    #[values(true, false)] first_is_refused: bool,
) {
    let Some(world) = World::new(backend).await else {
        return;
    };
    let rows = |key| [row(key, &[bsn(1), eck(1)])];
    let first = world.open("enrolment", SCHOOL, Mode::Changes).await;
    world.stage(first, "enrolment", SCHOOL, &rows(1)).await;
    let second = world.open("enrolment", SCHOOL, Mode::Changes).await;
    world.stage(second, "enrolment", SCHOOL, &rows(2)).await;
    let (refused, kept) = if first_is_refused {
        (first, second)
    } else {
        (second, first)
    };

    world.store.reject(refused, NOW).await.unwrap();
    world.store.sweep(NOW).await.unwrap();
    assert_eq!(world.count(LINKS).await, 1);
    world.store.finish(kept, &[1; 32], NOW).await.unwrap();
    world.activate(kept, NOW).await;

    world.deliver("enrolment", OTHER_SCHOOL, &rows(3)).await;
    let agreed = world.store.agree_merges(&[], NOW).await.unwrap();
    assert_eq!(agreed, 1, "two holders say so");
    world
        .deliver_as(Mode::Changes, "enrolment", SCHOOL, &rows(4))
        .await;
    assert_eq!(world.count(LINKS).await, 2, "what is known is not written again");
}
