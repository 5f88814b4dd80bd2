//! Whatever the order in which deliveries bring links, the same numbers are one pupil's, under the same subject; a merge
//! leaves the survivor's where they were, and undoing it gives back what was. Random worlds, held against a model.

use std::collections::{BTreeMap, BTreeSet};

use doelpoort::store::delivery::Mode;
use doelpoort::store::subjects::{Assertion, Sighting, VersionedIndex, ask_to_undo};
use doelpoort_core::identifier::{Index, IndexOrigin};
use doelpoort_core::pseudonym::SubjectId;
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use rstest::rstest;

use super::world::{CITY, DAY, NOW, OTHER_SCHOOL, Row, SCHOOL, World, id_of, oin, subject};
use crate::support::database::Backend;

const HOLDERS: [&str; 3] = [SCHOOL, OTHER_SCHOOL, CITY];
/// BSN, onderwijsnummer, ECK iD.
const KINDS: [u8; 3] = [1, 2, 4];
const PUPILS: u8 = 5;
const DELIVERIES: usize = 7;
const WORLDS: u8 = 6;

/// A number: whose it is in truth, and of which kind.
type Number = (u8, u8);
/// What one row says: these numbers are one pupil's.
type Pair = (Number, Number);
/// Who delivers which pairs.
type Delivery = (usize, Vec<Pair>);

/// Pairs of numbers of one pupil mostly, and now and then of two.
fn pair() -> impl Strategy<Value = Pair> {
    let kinds = prop_oneof![Just((1, 2)), Just((1, 4)), Just((2, 4))];
    (0..PUPILS, kinds, 0..12_u8, 0..PUPILS).prop_map(|(pupil, (one, other), luck, stranger)| {
        let partner = if luck == 0 { stranger } else { pupil };
        ((pupil, one), (partner, other))
    })
}

fn deliveries() -> impl Strategy<Value = (Vec<Delivery>, Vec<usize>, u8)> {
    let delivery = (0..HOLDERS.len(), prop::collection::vec(pair(), 1..6));
    let order = Just((0..DELIVERIES).collect::<Vec<_>>()).prop_shuffle();
    (prop::collection::vec(delivery, DELIVERIES), order, 0..PUPILS)
}

/// A number in one run of one world, so that all share a database and nothing else.
fn sighting(run: u8, (pupil, kind): Number) -> Sighting {
    let mut bytes = [0x5a; 32];
    bytes[..3].copy_from_slice(&[run, pupil, kind]);
    let index = VersionedIndex {
        version: 1,
        index: Index::from_bytes(bytes),
    };
    Sighting::ready_made(kind, IndexOrigin::Gateway, index)
}

fn numbers() -> impl Iterator<Item = Number> {
    (0..PUPILS).flat_map(|pupil| KINDS.map(|kind| (pupil, kind)))
}

/// What must come of it, told without any order: pairs that two holders brought, unless a number of theirs was brought
/// with two partners of a kind; and of pupils that would have two numbers of a kind, nothing.
fn model(deliveries: &[Delivery]) -> BTreeMap<Number, Number> {
    let mut said: BTreeMap<Pair, BTreeSet<usize>> = BTreeMap::new();
    let mut partners: BTreeMap<(Number, u8), BTreeSet<Number>> = BTreeMap::new();
    for (holder, pairs) in deliveries {
        for (one, other) in pairs {
            said.entry((*one, *other)).or_default().insert(*holder);
            partners.entry((*one, other.1)).or_default().insert(*other);
            partners.entry((*other, one.1)).or_default().insert(*one);
        }
    }
    let sure = |(one, other): &Pair| {
        let only = |number: &Number, kind| partners[&(*number, kind)].len() == 1;
        only(one, other.1) && only(other, one.1)
    };
    let agreed: Vec<Pair> = said
        .iter()
        .filter(|(pair, holders)| holders.len() > 1 && sure(pair))
        .map(|(pair, _)| *pair)
        .collect();
    let mut pupil: BTreeMap<Number, Number> = numbers().map(|number| (number, number)).collect();
    for (one, other) in &agreed {
        let (one, other) = (pupil[one], pupil[other]);
        let (low, high) = (one.min(other), one.max(other));
        pupil
            .values_mut()
            .filter(|now| **now == high)
            .for_each(|now| *now = low);
    }
    let mut kinds: BTreeMap<(Number, u8), usize> = BTreeMap::new();
    for (number, now) in &pupil {
        *kinds.entry((*now, number.1)).or_default() += 1;
    }
    let clash: BTreeSet<Number> = kinds
        .into_iter()
        .filter(|(_, count)| *count > 1)
        .map(|((now, _), _)| now)
        .collect();
    pupil
        .into_iter()
        .map(|(number, now)| (number, if clash.contains(&now) { number } else { now }))
        .collect()
}

impl World {
    /// Whom each number of a run stands for.
    async fn pupils(&self, run: u8) -> BTreeMap<Number, SubjectId> {
        let all: Vec<_> = numbers().map(|number| sighting(run, number)).collect();
        let found = self.store.lookup(None, &all).await.unwrap();
        let canonical = found.into_iter().map(|found| found.unwrap().canonical);
        numbers().zip(canonical).collect()
    }

    /// Numbers are seen first, in their own order, each alone; then the deliveries come, and pairs are agreed on after
    /// each, as the gateway does it.
    async fn receive<'d>(&self, run: u8, deliveries: impl Iterator<Item = &'d Delivery>, now_us: i64) {
        let by = Assertion {
            holder: &oin(CITY),
            delivery: 0,
            now_us: NOW,
        };
        let alone: Vec<_> = numbers().map(|number| vec![sighting(run, number)]).collect();
        self.store
            .resolve_rows(by, &alone, &id_of, &self.tables)
            .await
            .unwrap();
        for (holder, pairs) in deliveries {
            let rows: Vec<Row> = (0..)
                .zip(pairs)
                .map(|(place, (one, other))| Row {
                    pupil: vec![sighting(run, *one), sighting(run, *other)],
                    born: 15_000,
                    key: run.wrapping_mul(16) + place,
                })
                .collect();
            self.deliver_as(Mode::Changes, "enrolment", HOLDERS[*holder], &rows)
                .await;
            self.store.agree_merges(&[], now_us).await.unwrap();
        }
    }
}

const STALE: &str = "SELECT COUNT(*) FROM ds_enrolment r JOIN subject s ON s.subject = r.subject
                     WHERE r.canonical <> s.canonical";

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn the_order_of_arrival_changes_nothing_and_undoing_gives_back_what_was(#[case] backend: Backend) {
    let Some(world) = World::new(backend).await else {
        return;
    };
    let mut runner = TestRunner::deterministic();
    let (mut merged, mut refused) = (0, 0);
    for number in 0..WORLDS {
        let (deliveries, order, undone) = deliveries().new_tree(&mut runner).unwrap().current();
        let runs = [2 * number, 2 * number + 1];
        let today = NOW + DAY * 3 * i64::from(number);
        world.receive(runs[0], deliveries.iter(), today).await;
        let shuffled = order.iter().map(|place| &deliveries[*place]);
        world.receive(runs[1], shuffled, today).await;
        let rows = world.visible().await;
        world.apply(today + DAY).await;

        let model = model(&deliveries);
        let wrong = deliveries.iter().flat_map(|(_, pairs)| pairs);
        refused += wrong.filter(|(one, other)| one.0 != other.0).count();
        merged += model.iter().filter(|(number, pupil)| number != pupil).count();
        for run in runs {
            let expected: BTreeMap<_, _> = model
                .iter()
                .map(|(number, pupil)| (*number, subject(&sighting(run, *pupil))))
                .collect();
            assert_eq!(world.pupils(run).await, expected, "{deliveries:?} {order:?}");
        }
        assert_eq!(
            world.visible().await,
            rows,
            "rows keep their holder's own subject"
        );
        assert_eq!(world.count(STALE).await, 0);
        undo(&world, runs[0], undone, &model, today + DAY).await;
    }
    assert!(
        merged > 10 && refused > 3,
        "{merged} merged, {refused} wrong pairs"
    );
}

/// Ends the merges of one pupil: its numbers stand for themselves again, and all others for whom they did.
async fn undo(world: &World, run: u8, pupil: u8, model: &BTreeMap<Number, Number>, now_us: i64) {
    let pair = [(pupil, 1), (pupil, 4)].map(|number| subject(&sighting(run, number)));
    let before = world.pupils(run).await;
    let mut tx = world.store.begin_write().await.unwrap();
    ask_to_undo(&mut tx, &[(pair[0], pair[1])], now_us).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(world.pupils(run).await, before, "not the same day");
    world.apply(now_us + DAY).await;
    let together = model[&(pupil, 1)] == model[&(pupil, 4)];
    let concerned = |number: &Number| together && model[number] == model[&(pupil, 1)];
    let expected: BTreeMap<_, _> = before
        .into_iter()
        .map(|(number, now)| {
            let alone = subject(&sighting(run, number));
            (number, if concerned(&number) { alone } else { now })
        })
        .collect();
    assert_eq!(world.pupils(run).await, expected);
    world.store.agree_merges(&[], now_us + DAY).await.unwrap();
    world.apply(now_us + 2 * DAY).await;
    assert_eq!(
        world.pupils(run).await,
        expected,
        "what was undone is not agreed again"
    );
    assert_eq!(world.count(STALE).await, 0);
}
