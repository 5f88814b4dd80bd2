use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const FIELDS: [&str; 3] = ["a.x", "a.y", "b.z"];
const CODES: [&str; 3] = ["p", "q", "r"];

type Row = (u32, [Option<&'static str>; 3], i64);

fn fields(places: &[usize]) -> Vec<FieldName> {
    places
        .iter()
        .map(|place| FIELDS[*place].parse().unwrap())
        .collect()
}

fn hours() -> FieldName {
    "a.hours".parse().unwrap()
}

fn rows() -> impl Strategy<Value = Vec<Row>> {
    let code = prop::option::of(prop::sample::select(CODES.to_vec()));
    let codes = [code.clone(), code.clone(), code];
    prop::collection::vec((any::<u32>(), codes, 0_i64..4), 0..60)
}

fn frozen(rows: &[Row]) -> Snapshot {
    let mut snapshot = Snapshot::new(Layout {
        fields: fields(&[0, 1, 2]),
        amounts: vec![hours()],
    });
    for (key, codes, amount) in rows {
        let keys = PupilKeys {
            count: *key,
            sum: key.wrapping_mul(3),
        };
        snapshot.push(keys, *codes, [*amount]);
    }
    snapshot
}

proptest! {
    #[test]
    fn groups_are_what_counting_by_hand_gives(
        rows in rows(),
        by in prop::sample::subsequence(vec![0_usize, 1, 2], 0..=3),
        fixed in 0_usize..3,
        wanted in prop::sample::subsequence(CODES.to_vec(), 1..=3),
    ) {
        let mut expected: BTreeMap<Vec<Option<&str>>, (i64, u64, i64)> = BTreeMap::new();
        for (key, codes, amount) in rows.iter().filter(|(_, codes, _)| codes[fixed].is_some_and(|c| wanted.contains(&c))) {
            let group = expected.entry(by.iter().map(|place| codes[*place]).collect()).or_default();
            group.0 += 1;
            group.1 += u64::from(*key);
            group.2 += i64::from(*amount > 0);
        }
        let snapshot = frozen(&rows);
        let filter = [(fields(&[fixed]).remove(0), wanted)];
        let found = snapshot.group(&fields(&by), &filter, &[hours()]);
        let count = found.groups.len();
        let text = |place: usize, code: Option<u32>| {
            code.map(|code| snapshot.codes(&found.fields[place])[usize::try_from(code).unwrap()].as_str())
        };
        let found: BTreeMap<_, _> = found
            .groups
            .iter()
            .map(|group| {
                let codes: Vec<_> = group.codes.iter().enumerate().map(|(place, code)| text(place, *code)).collect();
                (codes, (group.pupils, group.keys, group.amounts[0].contributors))
            })
            .collect();
        prop_assert_eq!(found.len(), count, "a group is given once");
        prop_assert_eq!(found, expected);
    }
}

#[test]
fn a_filter_on_a_field_or_code_that_nobody_has_selects_nobody() {
    let snapshot = frozen(&[(1, [Some("p"), None, None], 0)]);
    let count = |field: &str, codes: Vec<&'static str>| {
        let filter = [(field.parse().unwrap(), codes)];
        snapshot.group(&[], &filter, &[]).groups.len()
    };
    assert_eq!(count("a.x", vec!["p"]), 1);
    assert_eq!(count("a.x", vec!["q"]), 0);
    assert_eq!(count("a.x", Vec::new()), 0);
    assert_eq!(count("a.y", vec!["p"]), 0);
    assert_eq!(count("c.unknown", vec!["p"]), 0);
}

#[test]
fn it_prints_how_many_and_nothing_else() {
    assert_eq!(
        format!("{:?}", frozen(&[(1, [Some("p"), None, None], 0)])),
        "Snapshot(1 pupils)"
    );
}
