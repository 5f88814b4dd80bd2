//! How often a caller may ask: per client, and per client and purpose (GCRA, by governor).
//!
//! In memory and per replica. What must hold across replicas (cells, look-ups, token ids) is counted in the
//! database.

use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use doelpoort_core::catalogue::Name;
use doelpoort_core::party::{Caller, ClientId, Oin};
use doelpoort_core::purpose::{Limit, Per, Rate};
use governor::clock::{Clock, DefaultClock};
use governor::middleware::{StateInformationMiddleware, StateSnapshot};
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};

/// Keys that one limiter remembers before those that are idle are forgotten; after that, whenever their number
/// has doubled, so that a flood of new keys pays for its own sweeping.
const KEYS_MAX: usize = 16_384;
/// Different rates that are remembered; when policies changed so often that there are more, all start anew.
const RATES_MAX: usize = 256;
/// Withdrawals of one organisation: each has everybody's policies made anew, and one does for everything.
const WITHDRAWALS: Rate = Rate {
    count: 30,
    per: Per::Minute,
};

/// Rates that no purpose sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rates {
    /// Requests of one client, whatever it asks.
    pub client_requests: Rate,
    /// Requests of one address to routes that need no token.
    pub address_requests: Rate,
}

impl Default for Rates {
    fn default() -> Self {
        Self {
            client_requests: Rate {
                count: 6_000,
                per: Per::Minute,
            },
            address_requests: Rate {
                count: 600,
                per: Per::Minute,
            },
        }
    }
}

/// What is left, for the `RateLimit` header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateState {
    /// Requests at once, when nothing was used.
    pub limit: u32,
    /// Requests that are left now.
    pub remaining: u32,
    /// Seconds until all are there again.
    pub reset_s: u64,
}

/// Too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("too many requests: limit `{limit}`, again in `{retry_after_s}` s")]
pub struct Limited {
    /// What was exceeded.
    pub scope: LimitScope,
    /// Requests at once, when nothing was used.
    pub limit: u32,
    /// Seconds to wait; at least 1.
    pub retry_after_s: u64,
}

/// Which limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LimitScope {
    /// The client's own, over all purposes.
    Client,
    /// That of the grant.
    Purpose,
    /// That of a network address.
    Address,
    /// A daily allowance, counted in the database.
    Day,
}

impl LimitScope {
    /// Its name, for clients and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Purpose => "purpose",
            Self::Address => "address",
            Self::Day => "day",
        }
    }
}

/// A limit that a request counted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Noted {
    /// Which.
    pub scope: LimitScope,
    /// What is left of it.
    pub state: RateState,
    /// Seconds in which all of it comes back.
    pub window_s: u64,
    /// Whether it was exceeded.
    pub exceeded: bool,
}

tokio::task_local! {
    /// What the request of this task counted for.
    static NOTED: RefCell<Vec<Noted>>;
}

/// Runs a request and tells the limits that it counted for, in their order. Limits are checked deep in the line; what is
/// left of them concerns the client and nobody in between.
pub async fn noting<T>(request: impl Future<Output = T>) -> (T, Vec<Noted>) {
    NOTED
        .scope(RefCell::default(), async {
            let done = request.await;
            (done, NOTED.with(RefCell::take))
        })
        .await
}

fn note(noted: Noted) {
    // Outside of a request nobody listens.
    let _ = NOTED.try_with(|all| all.borrow_mut().push(noted));
}

/// All limiters of a running gateway.
pub struct Limiter<C: Clock = DefaultClock> {
    clock: C,
    clients: Keyed<ClientId, C>,
    addresses: Keyed<IpAddr, C>,
    withdrawals: Keyed<Oin, C>,
    /// One limiter a rate; the keys in it are client and purpose.
    purposes: RwLock<HashMap<RateKey, PurposeLimiter<C>>>,
}

type PurposeLimiter<C> = Arc<Keyed<(ClientId, Name), C>>;

/// A rate as `(count, seconds)`.
type RateKey = (u32, u64);

impl Limiter {
    /// Limiters on the machine's monotonic clock.
    pub fn new(rates: Rates) -> Self {
        Self::with_clock(rates, DefaultClock::default())
    }
}

impl<C: Clock + Clone> Limiter<C> {
    fn with_clock(rates: Rates, clock: C) -> Self {
        Self {
            clients: Keyed::new(rates.client_requests, clock.clone()),
            addresses: Keyed::new(rates.address_requests, clock.clone()),
            withdrawals: Keyed::new(WITHDRAWALS, clock.clone()),
            purposes: RwLock::default(),
            clock,
        }
    }

    /// Counts one request of a client before it is known what it asks.
    ///
    /// # Errors
    /// [`Limited`].
    pub fn check_client(&self, caller: &Caller) -> Result<RateState, Limited> {
        self.clients
            .check(&caller.client, LimitScope::Client, &self.clock)
    }

    /// Counts one withdrawal of an organisation, by whichever of its programs.
    ///
    /// # Errors
    /// [`Limited`].
    pub fn check_withdrawal(&self, caller: &Caller) -> Result<RateState, Limited> {
        self.withdrawals
            .check(&caller.organisation, LimitScope::Client, &self.clock)
    }

    /// Counts one request of a client under a grant of a purpose.
    ///
    /// # Errors
    /// [`Limited`].
    pub fn check(&self, caller: &Caller, purpose: &Name, limit: &Limit) -> Result<RateState, Limited> {
        let key = (caller.client.clone(), purpose.clone());
        self.of_rate(limit.requests)
            .check(&key, LimitScope::Purpose, &self.clock)
    }

    /// Counts one request of an address to a route that needs no token. An IPv6 caller has a whole /64.
    ///
    /// # Errors
    /// [`Limited`].
    pub fn check_address(&self, address: IpAddr) -> Result<RateState, Limited> {
        self.addresses
            .check(&network(address), LimitScope::Address, &self.clock)
    }

    /// Forgets who has been idle long enough to have everything left. Call it once a minute.
    pub fn sweep(&self) {
        self.clients.sweep();
        self.addresses.sweep();
        self.withdrawals.sweep();
        let purposes = self.purposes.read().unwrap_or_else(PoisonError::into_inner);
        for limiter in purposes.values() {
            limiter.sweep();
        }
    }

    fn of_rate(&self, rate: Rate) -> PurposeLimiter<C> {
        let key = (rate.count, rate.per.seconds());
        let known = self
            .purposes
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&key)
            .cloned();
        known.unwrap_or_else(|| {
            let mut purposes = self.purposes.write().unwrap_or_else(PoisonError::into_inner);
            if purposes.len() >= RATES_MAX {
                purposes.clear();
            }
            let fresh = || Arc::new(Keyed::new(rate, self.clock.clone()));
            Arc::clone(purposes.entry(key).or_insert_with(fresh))
        })
    }
}

type Governor<K, C> = RateLimiter<K, DashMapStateStore<K>, C, StateInformationMiddleware>;

struct Keyed<K: Clone + Eq + Hash, C: Clock> {
    governor: Governor<K, C>,
    limit: u32,
    full_after: Duration,
    sweep_at: AtomicUsize,
}

impl<K: Clone + Eq + Hash, C: Clock> Keyed<K, C> {
    /// A rate of none is a rate of one: governor cannot count to zero, and a policy that names zero is refused
    /// when it is read.
    fn new(rate: Rate, clock: C) -> Self {
        let burst = NonZeroU32::new(rate.count).unwrap_or(NonZeroU32::MIN);
        let full_after = Duration::from_secs(rate.per.seconds());
        let quota = Quota::with_period(full_after / burst.get())
            .unwrap_or_else(|| Quota::per_second(burst))
            .allow_burst(burst);
        let governor = RateLimiter::dashmap_with_clock(quota, clock).with_middleware();
        Self {
            governor,
            limit: burst.get(),
            full_after,
            sweep_at: AtomicUsize::new(KEYS_MAX),
        }
    }

    fn check(&self, key: &K, scope: LimitScope, clock: &C) -> Result<RateState, Limited> {
        if self.governor.len() >= self.sweep_at.load(Ordering::Relaxed) {
            self.sweep();
        }
        let checked = match self.governor.check_key(key) {
            Ok(snapshot) => Ok(self.state(&snapshot)),
            Err(not_until) => {
                let wait = not_until.wait_time_from(clock.now());
                Err(Limited {
                    scope,
                    limit: self.limit,
                    retry_after_s: whole_seconds(wait).max(1),
                })
            }
        };
        note(self.noted(scope, checked));
        checked
    }

    fn noted(&self, scope: LimitScope, checked: Result<RateState, Limited>) -> Noted {
        Noted {
            scope,
            window_s: self.full_after.as_secs(),
            exceeded: checked.is_err(),
            state: checked.unwrap_or_else(|limited| RateState {
                limit: self.limit,
                remaining: 0,
                reset_s: limited.retry_after_s,
            }),
        }
    }

    fn state(&self, snapshot: &StateSnapshot) -> RateState {
        let remaining = snapshot.remaining_burst_capacity();
        let used = self.limit.saturating_sub(remaining);
        let reset_s = whole_seconds(self.full_after / self.limit * used);
        RateState {
            limit: self.limit,
            remaining,
            reset_s,
        }
    }

    fn sweep(&self) {
        self.governor.retain_recent();
        self.governor.shrink_to_fit();
        self.sweep_at
            .store(KEYS_MAX.max(2 * self.governor.len()), Ordering::Relaxed);
    }
}

fn whole_seconds(span: Duration) -> u64 {
    span.as_secs() + u64::from(span.subsec_nanos() > 0)
}

fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => IpAddr::V4(v4),
            None => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use governor::clock::FakeRelativeClock;

    use super::*;

    const HOURLY: Limit = Limit {
        requests: Rate {
            count: 4,
            per: Per::Hour,
        },
        cells: None,
    };

    fn caller(client: &str) -> Caller {
        Caller {
            organisation: "00000099000000041676".parse().unwrap(),
            slug: "board-41676".parse().unwrap(),
            client: client.parse().unwrap(),
            roles: vec![],
            acting_for: vec![],
            purposes: vec![],
        }
    }

    fn limiter() -> (Limiter<FakeRelativeClock>, FakeRelativeClock) {
        let clock = FakeRelativeClock::default();
        (Limiter::with_clock(Rates::default(), clock.clone()), clock)
    }

    #[test]
    fn a_purpose_counts_down_refuses_and_recovers() {
        let (limiter, clock) = limiter();
        let (caller, purpose) = (caller("dashboard"), "youth-atlas".parse().unwrap());
        let states: Vec<RateState> = (0..4)
            .map(|_| limiter.check(&caller, &purpose, &HOURLY).unwrap())
            .collect();
        assert_eq!(
            states[0],
            RateState {
                limit: 4,
                remaining: 3,
                reset_s: 900
            }
        );
        assert_eq!(
            states[3],
            RateState {
                limit: 4,
                remaining: 0,
                reset_s: 3_600
            }
        );

        let refused = limiter.check(&caller, &purpose, &HOURLY).unwrap_err();
        assert_eq!(
            refused,
            Limited {
                scope: LimitScope::Purpose,
                limit: 4,
                retry_after_s: 900
            }
        );

        clock.advance(Duration::from_mins(15));
        assert!(limiter.check(&caller, &purpose, &HOURLY).is_ok());
        assert!(limiter.check(&caller, &purpose, &HOURLY).is_err());
    }

    #[test]
    fn clients_purposes_and_rates_do_not_share() {
        let (limiter, _) = limiter();
        let (one, two) = ("one".parse().unwrap(), "two".parse().unwrap());
        for _ in 0..4 {
            limiter.check(&caller("a"), &one, &HOURLY).unwrap();
        }
        assert!(limiter.check(&caller("a"), &one, &HOURLY).is_err());
        assert!(limiter.check(&caller("b"), &one, &HOURLY).is_ok());
        assert!(limiter.check(&caller("a"), &two, &HOURLY).is_ok());
        let other = Limit {
            requests: Rate {
                count: 5,
                per: Per::Hour,
            },
            cells: None,
        };
        assert!(limiter.check(&caller("a"), &one, &other).is_ok());
    }

    #[test]
    fn an_address_is_its_network() {
        let (limiter, _) = limiter();
        let left = |text: &str| limiter.check_address(text.parse().unwrap()).unwrap().remaining;
        assert_eq!(left("2001:db8::1"), 599);
        assert_eq!(left("2001:db8::2"), 598);
        assert_eq!(left("2001:db8:0:1::1"), 599);
        assert_eq!(left("192.0.2.1"), 599);
        assert_eq!(left("::ffff:192.0.2.1"), 598);
        assert_eq!(left("192.0.2.2"), 599);
    }

    #[test]
    fn who_is_idle_is_forgotten() {
        let (limiter, clock) = limiter();
        for number in 0..KEYS_MAX {
            let address = Ipv4Addr::from_bits(u32::try_from(number).unwrap());
            limiter.check_address(IpAddr::V4(address)).unwrap();
        }
        assert_eq!(limiter.addresses.governor.len(), KEYS_MAX);
        clock.advance(Duration::from_mins(2));
        limiter.check_address("192.0.2.1".parse().unwrap()).unwrap();
        assert!(limiter.addresses.governor.len() <= 1);
        limiter
            .check(&caller("a"), &"one".parse().unwrap(), &HOURLY)
            .unwrap();
        clock.advance(Duration::from_hours(2));
        limiter.sweep();
        let purposes = limiter.purposes.read().unwrap();
        assert!(purposes.values().all(|keyed| keyed.governor.is_empty()));
    }
}
