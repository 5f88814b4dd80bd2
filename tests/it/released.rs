//! Released figures are held to the log: its entry has a digest of all cells, so who changes one afterwards, or releases an
//! epoch again, is found by whoever has the database.

use doelpoort::log::Entry;
use doelpoort_core::audit::leaf::{Kind, Value, extra};
use rstest::rstest;

use crate::support::database::Backend;
use crate::support::world::World;

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_figure_that_was_changed_after_its_release_is_found(#[case] backend: Backend) {
    let Some(world) = World::new(backend).await else {
        return;
    };
    world.deliver_city().await;
    let closed = world.close_epoch().await;
    let report = world.report().await;
    assert!(report.is_intact(), "{report}");
    let one = async |sql: &'static str| {
        assert_eq!(world.gateway.store().execute(sql, vec![]).await.unwrap(), 1);
        world.report().await.first_bad()
    };
    let more = "UPDATE released_cell SET y = y + 1 WHERE cell = (SELECT MIN(cell) FROM released_cell)";
    assert_eq!(one(more).await, Some(closed.index));
    let less = "UPDATE released_cell SET y = y - 1 WHERE cell = (SELECT MIN(cell) FROM released_cell)";
    assert_eq!(one(less).await, None);

    // Once more, in the log alone: the same epoch, with whatever figures.
    let mut again = Entry::new(Kind::EpochReleased).unwrap();
    let leaf = &world.last_entries(1).await[0];
    again.event.extra.clone_from(&leaf.event.extra);
    assert!(matches!(
        again.event.extra.get(&extra::CELLS_DIGEST),
        Some(Value::Bytes(_))
    ));
    let again = world.gateway.log().append(again).await.unwrap();
    assert_eq!(world.report().await.first_bad(), Some(again.index));

    // Without the entry's own cell.
    let gone = one("DELETE FROM released_cell WHERE cell = (SELECT MIN(cell) FROM released_cell)").await;
    assert_eq!(gone, Some(closed.index));
}
