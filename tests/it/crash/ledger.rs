//! What clients were given, held against what is left of the log.

use std::collections::BTreeMap;

use data_encoding::BASE64;
use doelpoort::log::{SHARD, verify};
use doelpoort::store::{Store, log as rows};
use doelpoort_core::audit::leaf::leaf_hash;
use doelpoort_core::audit::merkle::Frontier;
use doelpoort_core::audit::note::Verifier;
use doelpoort_core::audit::receipt::{self, Receipt};

/// One thing that may never be, whatever was killed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// `audit verify` finds something: a gap in a replica's numbers, a head that is not that of the entries, …
    NotIntact(String),
    /// A receipt proves nothing.
    ReceiptInvalid,
    /// An answer was acknowledged and its entry is not there, or another is.
    EntryMissing,
    /// A root was acknowledged which the entries do not give.
    RootNotReproduced,
}

/// All faults of a kind count once.
pub(super) async fn faults(store: &Store, key: &Verifier, ledger: &[Receipt]) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut find = |fault: Fault| {
        if !faults.contains(&fault) {
            faults.push(fault);
        }
    };
    let report = verify(store, key, None).await.unwrap();
    if !report.is_intact() {
        find(Fault::NotIntact(report.to_string()));
    }
    let leaves = leaves(store).await;
    let roots = roots(&leaves);
    for receipt in ledger {
        let json = serde_json::to_string(receipt).unwrap();
        if receipt::verify(&json, key, None).is_err() {
            find(Fault::ReceiptInvalid);
        }
        let leaf = usize::try_from(receipt.index)
            .ok()
            .and_then(|index| leaves.get(index));
        if leaf.map(|leaf| BASE64.encode(leaf)).as_ref() != Some(&receipt.leaf) {
            find(Fault::EntryMissing);
        }
        if roots.get(&receipt.size) != Some(&receipt.root) {
            find(Fault::RootNotReproduced);
        }
    }
    faults
}

async fn leaves(store: &Store) -> Vec<Vec<u8>> {
    let mut leaves = Vec::new();
    loop {
        let read = rows::entries(store, SHARD, leaves.len() as u64, 10_000)
            .await
            .unwrap();
        if read.is_empty() {
            return leaves;
        }
        leaves.extend(read.into_iter().map(|entry| entry.leaf));
    }
}

/// The root at every size.
fn roots(leaves: &[Vec<u8>]) -> BTreeMap<u64, String> {
    let mut tree = Frontier::empty();
    let each = leaves.iter().map(|leaf| {
        tree.push(leaf_hash(leaf));
        (tree.size(), BASE64.encode(&tree.root()))
    });
    each.collect()
}
