use super::*;
use crate::audit::from_base64;
use proptest::prelude::*;
use serde::Deserialize;

/// The definitions of RFC 6962 section 2.1, word for word.
mod naive {
    use super::*;

    fn split(n: usize) -> usize {
        n.next_power_of_two() / 2
    }
    pub(super) fn root(d: &[Hash]) -> Hash {
        match d {
            [] => empty_root(),
            [one] => *one,
            _ => node_hash(&root(&d[..split(d.len())]), &root(&d[split(d.len())..])),
        }
    }
    pub(super) fn path(m: usize, d: &[Hash]) -> Vec<Hash> {
        let k = split(d.len());
        let (mut proof, sibling) = match d.len() {
            1 => return Vec::new(),
            _ if m < k => (path(m, &d[..k]), root(&d[k..])),
            _ => (path(m - k, &d[k..]), root(&d[..k])),
        };
        proof.push(sibling);
        proof
    }
    pub(super) fn consistency(m: usize, d: &[Hash], whole: bool) -> Vec<Hash> {
        let k = split(d.len());
        let (mut proof, sibling) = match (m, whole) {
            (m, true) if m == d.len() => return Vec::new(),
            (m, false) if m == d.len() => return vec![root(d)],
            (m, _) if m <= k => (consistency(m, &d[..k], whole), root(&d[k..])),
            _ => (consistency(m - k, &d[k..], false), root(&d[..k])),
        };
        proof.push(sibling);
        proof
    }
}

fn leaves(n: usize) -> Vec<Hash> {
    (0..n).map(|i| leaf_hash(&i.to_be_bytes())).collect()
}

fn held(leaves: &[Hash]) -> impl Fn(usize, u64) -> Option<Hash> + use<> {
    let levels = complete_nodes(leaves.to_vec());
    move |level, index| levels.get(level)?.get(usize::try_from(index).ok()?).copied()
}

fn hex(text: &str) -> Hash {
    data_encoding::HEXLOWER
        .decode(text.as_bytes())
        .unwrap()
        .try_into()
        .unwrap()
}

#[test]
fn hashes_are_those_of_the_reference_implementation() {
    assert_eq!(
        empty_root(),
        hex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    );
    assert_eq!(
        leaf_hash(b""),
        hex("6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d")
    );
    assert_eq!(
        leaf_hash(b"L123456"),
        hex("395aa064aa4c29f7010acfe3f25db9485bbd4b91897b6ad7ad547639252b4d56")
    );
    assert_eq!(
        sha256(&[&[1], b"N123", b"N456"]),
        hex("aa217fe888e47007fa15edab33c2b492a722cb106c64667fc2b044444de66bbb")
    );
}

#[test]
fn roots_are_those_of_the_reference_implementation() {
    let inputs: [&[u8]; 8] = [
        b"",
        b"\x00",
        b"\x10",
        b"\x20\x21",
        b"\x30\x31",
        b"\x40\x41\x42\x43",
        b"\x50\x51\x52\x53\x54\x55\x56\x57",
        b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
    ];
    let roots = [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];
    let mut frontier = Frontier::empty();
    for (input, root) in inputs.iter().zip(roots) {
        frontier.push(leaf_hash(input));
        assert_eq!(frontier.root(), hex(root), "size {}", frontier.size());
    }
}

#[derive(Deserialize)]
struct Vectors<V> {
    vectors: Vec<V>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct InclusionVector {
    leaf_idx: u64,
    tree_size: u64,
    root: Option<String>,
    leaf_hash: Option<String>,
    proof: Option<Vec<String>>,
    desc: String,
    want_err: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ConsistencyVector {
    size1: u64,
    size2: u64,
    root1: Option<String>,
    root2: Option<String>,
    proof: Option<Vec<String>>,
    desc: String,
    want_err: bool,
}

/// A hash of another length than 32 bytes does not even parse.
fn hash(text: Option<&String>) -> Option<Hash> {
    from_base64(text?)
}

fn proof(texts: Option<&Vec<String>>) -> Option<Vec<Hash>> {
    texts.map_or(Some(Vec::new()), |texts| {
        texts.iter().map(|text| from_base64(text)).collect()
    })
}

#[test]
fn inclusion_vectors_of_transparency_dev() {
    let file = include_str!("../../../../../tests/vectors/merkle/inclusion.json");
    let file: Vectors<InclusionVector> = serde_json::from_str(file).unwrap();
    assert_eq!(file.vectors.len(), 98);
    for v in file.vectors {
        let accepted = (|| {
            let (leaf, root) = (hash(v.leaf_hash.as_ref())?, hash(v.root.as_ref())?);
            Some(verify_inclusion(
                v.leaf_idx,
                v.tree_size,
                &leaf,
                &proof(v.proof.as_ref())?,
                &root,
            ))
        })();
        assert_eq!(accepted.unwrap_or(false), !v.want_err, "{}", v.desc);
    }
}

#[test]
fn consistency_vectors_of_transparency_dev() {
    let file = include_str!("../../../../../tests/vectors/merkle/consistency.json");
    let file: Vectors<ConsistencyVector> = serde_json::from_str(file).unwrap();
    assert_eq!(file.vectors.len(), 98);
    for v in file.vectors {
        let accepted = (|| {
            let (old, new) = (hash(v.root1.as_ref())?, hash(v.root2.as_ref())?);
            Some(verify_consistency(
                v.size1,
                v.size2,
                &proof(v.proof.as_ref())?,
                &old,
                &new,
            ))
        })();
        // The one vector that is good with roots of 12 bytes: ours have 32 or do not exist.
        let odd = v.root1.as_ref().is_some_and(|root| root.len() != 44);
        assert_eq!(accepted.unwrap_or(false), !v.want_err && !odd, "{}", v.desc);
    }
}

#[test]
fn roots_and_proofs_equal_the_definition_for_every_small_tree() {
    for n in 1..=70 {
        let all = leaves(n);
        let tree = Tree::at(n as u64, held(&all)).unwrap();
        assert_eq!(tree.root(), naive::root(&all), "root at {n}");
        for i in 0..n {
            assert_eq!(
                tree.inclusion(i as u64).unwrap(),
                naive::path(i, &all),
                "{i} in {n}"
            );
        }
        for m in 1..=n {
            let proof = tree.consistency(m as u64).unwrap();
            assert_eq!(proof, naive::consistency(m, &all, true), "{m} to {n}");
            let old = naive::root(&all[..m]);
            assert!(
                verify_consistency(m as u64, n as u64, &proof, &old, &tree.root()),
                "{m} to {n}"
            );
        }
    }
}

#[test]
fn a_proof_of_nothing_does_not_exist() {
    let tree = Tree::at(3, held(&leaves(3))).unwrap();
    assert_eq!(tree.inclusion(3), None);
    assert_eq!(tree.consistency(0), None);
    assert_eq!(tree.consistency(4), None);
    assert_eq!(
        Tree::at(0, |_, _| None).map(|empty| empty.root()),
        Some(empty_root())
    );
    assert!(Tree::at(4, held(&leaves(3))).is_none());
}

#[test]
fn a_frontier_of_another_size_is_refused() {
    let mut frontier = Frontier::empty();
    frontier.append(&leaves(11));
    assert_eq!(
        Frontier::from_bytes(11, &frontier.to_bytes()),
        Ok(frontier.clone())
    );
    assert!(Frontier::from_bytes(12, &frontier.to_bytes()).is_err());
    assert!(Frontier::from_bytes(11, &frontier.to_bytes()[1..]).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn an_append_proves_each_new_leaf(old in 0_usize..150, new in 1_usize..80) {
        let all = leaves(old + new);
        let mut frontier = Frontier::empty();
        for leaf in &all[..old] {
            frontier.push(*leaf);
        }
        let proofs = frontier.append(&all[old..]);
        prop_assert_eq!(proofs.len(), new);
        prop_assert_eq!(frontier.root(), naive::root(&all));
        for (inclusion, i) in proofs.iter().zip(old..) {
            prop_assert_eq!(&inclusion.proof, &naive::path(i, &all));
            prop_assert!(verify_inclusion(
                inclusion.index, inclusion.size, &all[i], &inclusion.proof, &frontier.root()
            ));
        }
    }

    #[test]
    fn a_flipped_bit_is_found(n in 2_usize..300, i in 0_usize..300, bit in 0_usize..10_000) {
        let i = i % n;
        let all = leaves(n);
        let tree = Tree::at(n as u64, held(&all)).unwrap();
        let mut proof = tree.inclusion(i as u64).unwrap();
        let bit = bit % (proof.len() * 256);
        proof[bit / 256][bit % 256 / 8] ^= 1 << (bit % 8);
        prop_assert!(!verify_inclusion(i as u64, n as u64, &all[i], &proof, &tree.root()));
    }

    #[test]
    fn a_frontier_survives_storage(n in 0_u64..2_000) {
        let mut frontier = Frontier::empty();
        for i in 0..n { frontier.push(leaf_hash(&i.to_be_bytes())); }
        prop_assert_eq!(Frontier::from_bytes(n, &frontier.to_bytes()), Ok(frontier));
    }
}
