//! How many connections are open, in all and from one address.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The places for connections of one listener.
#[derive(Clone, Debug)]
pub(super) struct Slots {
    total_max: u32,
    per_address_max: u32,
    open: Arc<Mutex<Open>>,
}

#[derive(Debug, Default)]
struct Open {
    total: u32,
    by_address: HashMap<IpAddr, u32>,
}

/// A place that is taken; free again when dropped.
#[derive(Debug)]
pub(super) struct Slot {
    address: IpAddr,
    open: Arc<Mutex<Open>>,
}

impl Slots {
    pub(super) fn new(total_max: u32, per_address_max: u32) -> Self {
        Self {
            total_max,
            per_address_max,
            open: Arc::default(),
        }
    }

    /// A place for a connection from this address, if there is one.
    pub(super) fn try_take(&self, address: IpAddr) -> Option<Slot> {
        let address = network(address);
        let mut open = locked(&self.open);
        let from_address = open.by_address.get(&address).copied().unwrap_or(0);
        if open.total >= self.total_max || from_address >= self.per_address_max {
            return None;
        }
        open.total += 1;
        open.by_address.insert(address, from_address + 1);
        drop(open);
        Some(Slot {
            address,
            open: Arc::clone(&self.open),
        })
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let mut open = locked(&self.open);
        open.total = open.total.saturating_sub(1);
        match open.by_address.get_mut(&self.address) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(open.by_address.remove(&self.address)),
        }
    }
}

/// The counts stay right even if a thread panicked while it held them: each change is one step.
fn locked(open: &Mutex<Open>) -> MutexGuard<'_, Open> {
    open.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One IPv6 subscriber has a /64; it counts as one address.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64))),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_slot_is_free_again_when_dropped() {
        let slots = Slots::new(2, 2);
        let first = slots.try_take(address("127.0.0.1")).unwrap();
        let _second = slots.try_take(address("127.0.0.2")).unwrap();
        assert!(slots.try_take(address("127.0.0.3")).is_none());
        drop(first);
        assert!(slots.try_take(address("127.0.0.3")).is_some());
    }

    #[test]
    fn one_address_cannot_take_all() {
        let slots = Slots::new(10, 1);
        let _one = slots.try_take(address("2001:db8::1")).unwrap();
        assert!(slots.try_take(address("2001:db8::2")).is_none(), "same /64");
        assert!(slots.try_take(address("2001:db8:0:1::1")).is_some());
        let _four = slots.try_take(address("192.0.2.1")).unwrap();
        assert!(
            slots.try_take(address("::ffff:192.0.2.1")).is_none(),
            "the same address, mapped"
        );
    }

    #[test]
    fn nothing_is_remembered_of_addresses_that_left() {
        let slots = Slots::new(10, 10);
        drop([
            slots.try_take(address("192.0.2.1")),
            slots.try_take(address("192.0.2.1")),
        ]);
        assert!(locked(&slots.open).by_address.is_empty());
        assert_eq!(locked(&slots.open).total, 0);
    }
}
