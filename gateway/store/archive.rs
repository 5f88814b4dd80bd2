//! The files of all policies that were ever in force. Their digest is in the log; what is read here is held against it.

use doelpoort_core::audit::Hash;

use super::{Sql, Store, StoreError, sql};

const PUT: Sql = sql!("INSERT INTO policy_archive (digest, files) VALUES ($1, $2) ON CONFLICT DO NOTHING");
const POLICIES: Sql = sql!("SELECT files FROM policy_archive WHERE digest = $1");

pub(crate) const ALL: &[(&str, Sql)] = &[("archive::PUT", PUT), ("archive::POLICIES", POLICIES)];

/// Keeps the files of policies, as JSON; those of a digest once.
pub async fn put(store: &Store, digest: &Hash, files: &str) -> Result<(), StoreError> {
    store
        .execute(PUT, vec![digest.as_slice().into(), files.into()])
        .await?;
    Ok(())
}

/// The files of the policies with this digest.
pub async fn policies(store: &Store, digest: &Hash) -> Result<Option<String>, StoreError> {
    let row = store
        .fetch_optional(POLICIES, vec![digest.as_slice().into()])
        .await?;
    row.map(|row| row.text(0)).transpose()
}
