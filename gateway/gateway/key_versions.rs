//! Which versions of the keys this replica has read, told to the others: a version that not all know may not issue.

use crate::keys::Keyring;
use crate::store::StoreError;

use super::Gateway;

impl Gateway {
    /// Tells which versions this replica reads, and forgets replicas that have long been silent.
    pub(super) async fn tell_key_versions(&self) -> Result<(), StoreError> {
        let now_us = self.clock.now().as_microsecond();
        self.store
            .tell_key_versions(self.keys.replica(), &versions(&self.keyring()), now_us)
            .await
    }
}

/// `index:1,2 exit:1 …`: the versions that are read.
fn versions(keyring: &Keyring) -> String {
    let list = |id: &str, versions: Vec<u32>| {
        let versions: Vec<_> = versions.iter().map(ToString::to_string).collect();
        format!("{id}:{}", versions.join(","))
    };
    [
        list("index", keyring.index.versions().collect()),
        list("exit", keyring.exit.iter().map(|(version, _)| version).collect()),
        list(
            "token",
            keyring.token.iter().map(|(version, _)| version).collect(),
        ),
        list("cursor", keyring.cursor.versions().collect()),
        list("digest", keyring.digest.versions().collect()),
        list("seal", keyring.seal.versions().collect()),
    ]
    .join(" ")
}
