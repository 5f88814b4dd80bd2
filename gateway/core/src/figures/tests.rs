use ring::digest;
use serde::Deserialize;

use super::protect::rule;
use super::*;
use crate::catalogue::ProtectionClass::{self, Normal, Sensitive};
use crate::pseudonym::SubjectId;

const VECTORS: &str = include_str!(concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../tests/vectors/figures.json"
));

#[derive(Deserialize)]
struct Vectors {
    root: String,
    records: Vec<Record>,
    sums: Vec<Sum>,
    names: Vec<Named>,
    figures: Vec<Figure>,
    rounded: Vec<Rounded>,
}

#[derive(Deserialize)]
struct Record {
    population: String,
    subject: String,
    rk: u32,
}

#[derive(Deserialize)]
struct Sum {
    size: usize,
    total: i64,
    ck: u32,
}

#[derive(Deserialize)]
struct Named {
    population: String,
    epoch: String,
    measure: String,
    dimensions: Vec<(String, String)>,
    message: String,
    qk: u32,
}

#[derive(Deserialize)]
struct Figure {
    class: String,
    n: i64,
    ck: u32,
    qk: u32,
    y: i64,
    visible: bool,
}

#[derive(Deserialize)]
struct Rounded {
    y: i64,
    base: u32,
    shown: i64,
}

fn vectors() -> Vectors {
    serde_json::from_str(VECTORS).unwrap()
}

fn bytes<const N: usize>(hex: &str) -> [u8; N] {
    data_encoding::HEXLOWER
        .decode(hex.as_bytes())
        .unwrap()
        .try_into()
        .unwrap()
}

#[test]
fn record_keys_and_their_sums_are_known() {
    let vectors = vectors();
    let key = RecordKey::derive(&FiguresRoot::from_bytes(bytes(&vectors.root)));
    let drawn: Vec<u32> = vectors
        .records
        .iter()
        .map(|record| {
            let subject = SubjectId::from_bytes(bytes(&record.subject));
            record_key(&key, &record.population.parse().unwrap(), &subject)
        })
        .collect();
    assert_eq!(
        drawn,
        vectors.records.iter().map(|record| record.rk).collect::<Vec<_>>()
    );
    for Sum { size, total, ck } in vectors.sums {
        assert_eq!(cell_key(drawn[..size].iter().copied()), ck);
        assert_eq!(cell_key_of_sum(total), ck);
        assert_eq!(cell_key_of_sum(total & 4_294_967_295), ck);
    }
}

#[test]
fn cell_names_and_their_keys_are_known() {
    let vectors = vectors();
    let key = QueryKey::derive(&FiguresRoot::from_bytes(bytes(&vectors.root)));
    for named in vectors.names {
        let dimensions = named.dimensions.iter().map(|(d, v)| (d.as_str(), v.as_str()));
        let population = named.population.parse().unwrap();
        let name = CellName::new(&population, &named.epoch, &named.measure, dimensions).unwrap();
        assert_eq!(data_encoding::HEXLOWER.encode(&name.message()), named.message);
        assert_eq!(query_key(&key, &name), named.qk);
    }
}

#[test]
fn noise_and_visibility_are_known() {
    for Figure {
        class,
        n,
        ck,
        qk,
        y,
        visible,
    } in vectors().figures
    {
        let class = if class == "normal" { Normal } else { Sensitive };
        assert_eq!(rule(class).noisy(n, ck, qk), y, "{class:?} {n} {ck} {qk}");
        assert_eq!(
            protect(class, n, ck, qk),
            visible.then_some(y),
            "{class:?} {n} {ck} {qk}"
        );
    }
}

#[test]
fn rounding_is_half_up() {
    for Rounded { y, base, shown } in vectors().rounded {
        assert_eq!(round(y, base), shown, "{y} to {base}");
    }
    assert_eq!(
        [
            round(7, 0),
            round(7, 2),
            round(i64::MAX, 1),
            round(12, 5),
            round(13, 5)
        ],
        [7, 8, i64::MAX, 10, 15]
    );
}

/// A stream of uniform keys, the same in every run.
fn keys(label: &str) -> impl Iterator<Item = u32> + use<> {
    let label = label.to_owned();
    (0_u32..).map(move |i| {
        let hash = digest::digest(&digest::SHA256, format!("{label} {i}").as_bytes());
        u32::from_be_bytes(hash.as_ref()[..4].try_into().unwrap())
    })
}

/// Mean and variance of the noise on `n`, over `draws` pairs of keys.
fn moments(class: ProtectionClass, n: i64, draws: u32) -> (f64, f64) {
    let label = format!("{class:?} {n}");
    let noise = keys(&format!("{label} ck"))
        .zip(keys(&format!("{label} qk")))
        .take(usize::try_from(draws).unwrap())
        .map(|(ck, qk)| f64::from(i32::try_from(rule(class).noisy(n, ck, qk) - n).unwrap()));
    let (sum, squares) = noise.fold((0.0, 0.0), |(sum, squares), v| (sum + v, squares + v * v));
    let mean = sum / f64::from(draws);
    (mean, squares / f64::from(draws) - mean * mean)
}

#[test]
fn the_two_layers_have_mean_0_and_the_variance_of_their_class() {
    const DRAWS: u32 = 40_000;
    for (class, variance, smallest) in [(Normal, 4.0, 14), (Sensitive, 16.0, 26)] {
        for n in [smallest, 100, 35_400] {
            let (mean, measured) = moments(class, n, DRAWS);
            // Five standard errors of the mean; the variance within 5 %.
            assert!(
                mean.abs() < 5.0 * (variance / f64::from(DRAWS)).sqrt(),
                "{class:?} {n}: mean {mean}"
            );
            assert!(
                (measured / variance - 1.0).abs() < 0.05,
                "{class:?} {n}: variance {measured}"
            );
        }
    }
}

#[test]
fn small_cells_are_not_biased_either() {
    for class in [Normal, Sensitive] {
        for n in 1..14 {
            let (mean, _) = moments(class, n, 10_000);
            assert!(mean.abs() < 0.2, "{class:?} {n}: mean {mean}");
        }
    }
}

#[test]
fn noise_stays_on_its_support() {
    for (class, d1, d2) in [(Normal, 5, 8), (Sensitive, 9, 16)] {
        for n in [1, 2, 5, 9, 20, 100] {
            let extremes = [(0, 0), (u32::MAX, u32::MAX), (0, u32::MAX), (u32::MAX, 0)];
            let drawn = keys("support").zip(keys("support too")).take(2_000);
            for (ck, qk) in extremes.into_iter().chain(drawn) {
                let y = rule(class).noisy(n, ck, qk);
                assert!(
                    (0.max(n - d1 - d2)..=n + d1 + d2).contains(&y),
                    "{class:?} {n}: {y}"
                );
            }
        }
    }
}

#[test]
fn nobody_is_never_shown() {
    for class in [Normal, Sensitive] {
        for (ck, qk) in keys("nobody").zip(keys("nobody too")).take(500) {
            for n in [i64::MIN, -20, -1, 0] {
                assert_eq!(rule(class).noisy(n, ck, qk), n);
                assert_eq!(protect(class, n, ck, qk), None);
            }
        }
    }
}

#[test]
fn fewer_than_five_are_never_shown_and_five_hardly_ever() {
    const DRAWS: usize = 20_000;
    for (class, k_show) in [(Normal, 10), (Sensitive, 15)] {
        let pairs = || keys("few").zip(keys("few too")).take(DRAWS);
        for n in 1..5 {
            assert!(
                pairs().all(|(ck, qk)| protect(class, n, ck, qk).is_none()),
                "{class:?} {n}"
            );
        }
        let shown = pairs()
            .filter_map(|(ck, qk)| protect(class, 5, ck, qk))
            .collect::<Vec<_>>();
        assert!(
            shown.len() < DRAWS / 50,
            "{class:?}: {} of {DRAWS} visible at five",
            shown.len()
        );
        assert!(shown.iter().all(|y| *y >= k_show));
        assert!(
            pairs().all(|(ck, qk)| protect(class, 60, ck, qk).is_some()),
            "{class:?} 60"
        );
    }
}

#[test]
fn the_same_pupils_under_another_name_have_other_noise() {
    let root = || FiguresRoot::from_bytes([3; 32]);
    let population = "children".parse().unwrap();
    let subjects = (0..100_u8).map(|i| SubjectId::from_bytes([i; 16]));
    let record = RecordKey::derive(&root());
    let ck = cell_key(subjects.map(|subject| record_key(&record, &population, &subject)));
    let shown = |i: u32| {
        let code = i.to_string();
        let name = CellName::new(
            &population,
            "2026-10-01",
            "pupils",
            [("site.brin6@site", code.as_str())],
        );
        protect(
            Normal,
            100,
            ck,
            query_key(&QueryKey::derive(&root()), &name.unwrap()),
        )
        .unwrap()
    };
    let figures: Vec<i64> = (0..200).map(shown).collect();
    assert_eq!(figures, (0..200).map(shown).collect::<Vec<_>>());
    let distinct: std::collections::BTreeSet<_> = figures.iter().collect();
    assert!(distinct.len() > 5, "{distinct:?}");
}

#[test]
fn nothing_is_shown_of_keys() {
    let root = FiguresRoot::from_bytes([1; 32]);
    let shown = format!(
        "{root:?} {:?} {:?}",
        RecordKey::derive(&root),
        QueryKey::derive(&root)
    );
    assert_eq!(shown, "FiguresRoot(…) RecordKey(…) QueryKey(…)");
}
