use super::*;
use proptest::prelude::*;
use serde_json::Value as Json;

fn vectors() -> Json {
    serde_json::from_str(include_str!("../../../../../tests/vectors/leaf.json")).unwrap()
}

fn hex(json: &Json) -> Vec<u8> {
    data_encoding::HEXLOWER
        .decode(json.as_str().unwrap().as_bytes())
        .unwrap()
}

fn fixed<const N: usize>(json: &Json) -> [u8; N] {
    hex(json).try_into().unwrap()
}

fn text(json: &Json) -> String {
    json.as_str().unwrap().to_owned()
}

fn time(json: &Json) -> Micros {
    json.as_i64().unwrap()
}

fn value(json: &Json) -> Value {
    match json.as_object().unwrap().iter().next().unwrap() {
        (kind, json) if kind == "number" => Value::Number(json.as_u64().unwrap()),
        (kind, json) if kind == "text" => Value::Text(text(json)),
        (_, json) => Value::Bytes(hex(json)),
    }
}

fn named<T: Copy>(all: &[T], name: impl Fn(T) -> &'static str, json: &Json) -> T {
    *all.iter()
        .find(|item| Some(name(**item)) == json.as_str())
        .unwrap()
}

/// The leaf a vector describes.
fn described(json: &Json) -> Leaf {
    let list = |key: &str| {
        json.get(key)
            .and_then(Json::as_array)
            .cloned()
            .unwrap_or_default()
    };
    let commitment = |key: &str| json.get("commitments")?.get(key).map(fixed);
    let event = Event {
        opening: json.get("opening").map(fixed),
        requested_at: json.get("requestedAt").map(time),
        recipient: json.get("recipient").map(text),
        acting_for: list("actingFor").iter().map(text).collect(),
        dataset: json.get("dataset").map(text),
        purpose: json.get("purpose").map(|p| PurposeVersion {
            id: text(&p["id"]),
            version: p["version"].as_u64().unwrap().try_into().unwrap(),
        }),
        decision: json.get("decision").map(text),
        clause: json.get("clause").map(text),
        policy: json.get("policy").map(fixed),
        trace: json.get("trace").map(fixed),
        span: json.get("span").map(fixed),
        commitments: Commitments {
            staff: commitment("staff"),
            subjects: commitment("subjects"),
            query: commitment("query"),
            result: commitment("result"),
        },
        tags: list("tags").iter().map(fixed).collect(),
        window: json.get("window").map(|w| Window {
            from: time(&w["from"]),
            until: w.get("until").map(time),
            count: w.get("count").and_then(Json::as_u64),
        }),
        extra: json
            .get("extra")
            .and_then(Json::as_object)
            .into_iter()
            .flatten()
            .map(|(key, json)| (key.parse().unwrap(), value(json)))
            .collect(),
        form: json.get("form").map(|form| named(Form::ALL, Form::name, form)),
        ..Event::new(
            named(Kind::ALL, Kind::name, &json["kind"]),
            fixed(&json["entryId"]),
        )
    };
    Leaf {
        time: time(&json["time"]),
        replica: fixed(&json["replica"]),
        sequence: json["sequence"].as_u64().unwrap(),
        event,
    }
}

#[test]
fn leaves_are_the_bytes_of_the_independent_encoder() {
    let vectors = vectors();
    let leaves = vectors["leaves"].as_array().unwrap();
    assert!(leaves.len() >= 28);
    for vector in leaves {
        let (name, leaf, bytes) = (&vector["name"], described(&vector["leaf"]), hex(&vector["cbor"]));
        assert_eq!(leaf.encode().as_deref(), Ok(bytes.as_slice()), "{name}");
        assert_eq!(Leaf::decode(&bytes), Ok(leaf), "{name}");
        assert_eq!(leaf_hash(&bytes), fixed::<32>(&vector["hash"]), "{name}");
    }
}

#[test]
fn a_glance_sees_what_a_reading_does() {
    for vector in vectors()["leaves"].as_array().unwrap() {
        let bytes = hex(&vector["cbor"]);
        let (leaf, glance) = (Leaf::decode(&bytes).unwrap(), Glance::at(&bytes).unwrap());
        assert_eq!(
            (glance.time, glance.replica, glance.entry_id),
            (leaf.time, leaf.replica, leaf.event.entry_id)
        );
        assert!(glance.tags().eq(leaf.event.tags.iter().map(<[u8; 16]>::as_slice)));
        assert_eq!(glance.has_tags(), !leaf.event.tags.is_empty());
        assert_eq!(glance.has_seed, leaf.event.extra.contains_key(&extra::TAG_SEED));
    }
}

#[test]
fn bytes_that_are_no_leaf_are_refused() {
    let vectors = vectors();
    let refused = vectors["refused"].as_array().unwrap();
    assert!(refused.len() == 30);
    for vector in refused {
        assert!(Leaf::decode(&hex(&vector["cbor"])).is_err(), "{}", vector["name"]);
    }
}

type Spoil = fn(&mut Leaf);

#[test]
fn what_is_refused_when_read_is_not_written_either() {
    let good = described(&vectors()["leaves"][3]["leaf"]);
    let spoiled: [(LeafError, Spoil); 6] = [
        (LeafError::Field("time"), |leaf| leaf.time = -1),
        (LeafError::Field("recipient"), |leaf| {
            leaf.event.recipient = Some("1".into());
        }),
        (LeafError::Field("tags"), |leaf| {
            leaf.event.tags = vec![[0; 16]; 3];
        }),
        (LeafError::Field("clause"), |leaf| {
            leaf.event.clause = Some("x".repeat(257));
        }),
        (LeafError::Missing("decision"), |leaf| leaf.event.decision = None),
        (LeafError::TooLong, |leaf| {
            leaf.event.extra = (0..17).map(|key| (key, Value::Bytes(vec![0; 4096]))).collect();
        }),
    ];
    for (error, spoil) in spoiled {
        let mut leaf = good.clone();
        spoil(&mut leaf);
        assert_eq!(leaf.encode(), Err(error));
    }
}

#[test]
fn the_most_tags_fit() {
    let mut leaf = described(&vectors()["leaves"][2]["leaf"]);
    leaf.event.tags = vec![[7; 16]; TAGS_MAX];
    assert!(leaf.encode().unwrap().len() <= LEAF_BYTES_MAX);
    leaf.event.tags = vec![[7; 16]; 2 * TAGS_MAX];
    assert_eq!(leaf.encode(), Err(LeafError::Field("tags")));
}

#[test]
fn code_lists_are_one_to_one() {
    for kind in Kind::ALL {
        assert_eq!(Kind::from_code(kind.code()), Some(*kind));
    }
    for form in Form::ALL {
        assert_eq!(Form::from_code(form.code()), Some(*form));
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic_and_what_it_reads_it_writes(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(leaf) = Leaf::decode(&bytes) {
            prop_assert_eq!(leaf.encode().unwrap(), bytes);
        }
    }

    #[test]
    fn a_changed_byte_is_another_leaf_or_none(which in 0_usize..28, place in any::<prop::sample::Index>(), flip in 1_u8..) {
        let vectors = vectors();
        let good = hex(&vectors["leaves"][which]["cbor"]);
        let mut bad = good.clone();
        let place = place.index(bad.len());
        bad[place] ^= flip;
        if let Ok(leaf) = Leaf::decode(&bad) {
            prop_assert!(Glance::at(&bad).is_ok());
            prop_assert_eq!(leaf.encode().unwrap(), bad);
        }
    }
}
