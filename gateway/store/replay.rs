//! A token id works once, also across replicas.

use super::{Sql, Store, StoreError, sql};

const USE: Sql = sql!("INSERT INTO token_jti (jti, expires_us) VALUES ($1, $2) ON CONFLICT (jti) DO NOTHING");
const FORGET: Sql = sql!("DELETE FROM token_jti WHERE expires_us < $1");

pub(crate) const ALL: &[(&str, Sql)] = &[("replay::USE", USE), ("replay::FORGET", FORGET)];

impl Store {
    /// Uses up a token id, given as a hash over the client and the id; `false` when it was used before. The
    /// memory must last until the token expires at `expires_us`.
    pub async fn use_once(&self, jti_hash: &[u8; 32], expires_us: i64) -> Result<bool, StoreError> {
        let values = vec![jti_hash.as_slice().into(), expires_us.into()];
        Ok(self.execute(USE, values).await? == 1)
    }

    /// Forgets the ids of tokens that expired before `now_us`; returns how many.
    pub async fn forget_expired_tokens(&self, now_us: i64) -> Result<u64, StoreError> {
        self.execute(FORGET, vec![now_us.into()]).await
    }
}
