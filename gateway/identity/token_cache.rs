//! Verified access tokens, so that a signature is checked once and not at every request: it is the largest
//! single cost of one.
//!
//! Only the signature and what a token says are remembered. Its times, its binding, the certificate and the
//! client's standing are checked at each request, purposes again when it is decided.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use doelpoort_core::party::Pin;
use ring::digest::{Context, SHA256};

use super::access_token::Verified;

/// SHA-256 of a token and of the certificate that it came with.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct CacheKey([u8; 32]);

impl CacheKey {
    pub(crate) fn of(token: &str, thumbprint: &Pin) -> Self {
        let mut context = Context::new(&SHA256);
        context.update(thumbprint.as_bytes());
        context.update(token.as_bytes());
        let mut key = [0; 32];
        key.copy_from_slice(context.finish().as_ref());
        Self(key)
    }
}

/// Two generations: what is used stays, what is not used goes when the young one is full.
pub(crate) struct TokenCache {
    entries_max: usize,
    generations: Mutex<Generations>,
}

#[derive(Default)]
struct Generations {
    young: HashMap<CacheKey, Arc<Verified>>,
    old: HashMap<CacheKey, Arc<Verified>>,
}

impl TokenCache {
    /// A cache of at most twice `entries_max` tokens.
    pub(crate) fn new(entries_max: usize) -> Self {
        Self {
            entries_max,
            generations: Mutex::default(),
        }
    }

    /// Forgets all: what they were verified with may no longer be accepted.
    pub(crate) fn clear(&self) {
        let mut generations = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        *generations = Generations::default();
    }

    pub(crate) fn find(&self, key: &CacheKey) -> Option<Arc<Verified>> {
        let mut generations = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(claims) = generations.young.get(key) {
            return Some(Arc::clone(claims));
        }
        let claims = generations.old.remove(key)?;
        self.insert(&mut generations, *key, Arc::clone(&claims));
        Some(claims)
    }

    pub(crate) fn keep(&self, key: CacheKey, claims: Arc<Verified>) {
        let mut generations = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        self.insert(&mut generations, key, claims);
    }

    fn insert(&self, generations: &mut Generations, key: CacheKey, claims: Arc<Verified>) {
        if generations.young.len() >= self.entries_max {
            generations.old = std::mem::take(&mut generations.young);
        }
        generations.young.insert(key, claims);
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        let generations = self.generations.lock().unwrap();
        generations.young.len() + generations.old.len()
    }
}
