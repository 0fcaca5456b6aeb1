//! How many connections there may be, in all and from one address, and how fast one address may open them.
//!
//! In: addresses of accepted connections. Out: a place each, given back when dropped, and the instant at which its
//! handshake may begin. An IPv6 address counts by its /64, which is what one customer has.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use super::Doors;
use crate::config::Limits;
use crate::device::{Bucket, House, Rate, limits};

/// Places and who has them.
#[derive(Debug)]
pub struct Caps {
    limits: Limits,
    open: Mutex<Open>,
}

#[derive(Debug, Default)]
struct Open {
    all: usize,
    by_address: HashMap<IpAddr, Address>,
}

#[derive(Debug)]
struct Address {
    open: usize,
    handshakes: Bucket,
}

/// A place; dropping it gives it back.
pub struct Entry {
    /// When the handshake may begin.
    pub turn: Instant,
    doors: Arc<Doors>,
    address: IpAddr,
}

impl Caps {
    pub fn new(limits: Limits) -> Self {
        Self { limits, open: Mutex::default() }
    }

    /// Takes a place.
    pub fn enter(doors: &Arc<Doors>, address: IpAddr, now: Instant) -> Result<Entry, House> {
        let address = customer(address);
        let turn = doors.caps.take(address, now)?;
        doors.shared.counters.connections.fetch_add(1, Ordering::Relaxed);
        Ok(Entry { turn, doors: Arc::clone(doors), address })
    }

    fn take(&self, address: IpAddr, now: Instant) -> Result<Instant, House> {
        let mut open = self.lock();
        if open.all >= self.limits.connections {
            return Err(House::CONNECTIONS);
        }
        let place =
            open.by_address.entry(address).or_insert(Address { open: 0, handshakes: Bucket::full(now) });
        let rate = self.limits.handshakes_per_second_per_address;
        let mut handshakes = place.handshakes;
        let turn = handshakes.book(Rate::new(rate, rate), now);
        // A turn so late that CONNECT could not be in time is no turn.
        if place.open >= self.limits.connections_per_address || turn > now + limits::CONNECT_TIME / 2 {
            return Err(House::CONNECTIONS_PER_ADDRESS);
        }
        place.handshakes = handshakes;
        place.open += 1;
        open.all += 1;
        Ok(turn)
    }

    fn give_back(&self, address: IpAddr, now: Instant) {
        let mut open = self.lock();
        open.all = open.all.saturating_sub(1);
        if let Some(place) = open.by_address.get_mut(&address) {
            place.open = place.open.saturating_sub(1);
            if place.open == 0 && place.handshakes.is_full(now) {
                open.by_address.remove(&address);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        self.doors.caps.give_back(self.address, Instant::now());
        self.doors.shared.counters.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

fn customer(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const HERE: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);

    #[test]
    fn caps_hold_at_n_and_n_plus_1() {
        let now = Instant::now();
        let limits = Limits {
            connections: 3,
            connections_per_address: 2,
            handshakes_per_second_per_address: 1_000,
            ..Limits::default()
        };
        let caps = Caps::new(limits);
        let there: IpAddr = "192.0.2.1".parse().unwrap();
        assert!(caps.take(HERE, now).is_ok());
        assert!(caps.take(HERE, now).is_ok());
        assert_eq!(caps.take(HERE, now), Err(House::CONNECTIONS_PER_ADDRESS));
        assert!(caps.take(there, now).is_ok());
        assert_eq!(caps.take("192.0.2.2".parse().unwrap(), now), Err(House::CONNECTIONS));
        caps.give_back(HERE, now);
        assert!(caps.take(there, now).is_ok());
        for address in [HERE, there, there] {
            caps.give_back(address, now + Duration::from_secs(5));
        }
        assert!(caps.lock().by_address.is_empty() && caps.lock().all == 0);
    }

    #[test]
    fn handshakes_beyond_the_rate_wait_their_turn_and_then_are_refused() {
        let now = Instant::now();
        let limits = Limits {
            connections: 99,
            connections_per_address: 99,
            handshakes_per_second_per_address: 2,
            ..Limits::default()
        };
        let caps = Caps::new(limits);
        let turns: Vec<_> = (0..13).map(|_| caps.take(HERE, now)).collect();
        let waits: Vec<_> =
            turns.iter().filter_map(|turn| turn.ok()).map(|turn| (turn - now).as_millis()).collect();
        assert_eq!(waits, [0, 0, 500, 1_000, 1_500, 2_000, 2_500, 3_000, 3_500, 4_000, 4_500, 5_000]);
        assert_eq!(turns[12], Err(House::CONNECTIONS_PER_ADDRESS));
    }

    #[test]
    fn one_customer_is_one_address() {
        let check = |text: &str, expect: &str| {
            assert_eq!(customer(text.parse().unwrap()), expect.parse::<IpAddr>().unwrap());
        };
        check("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::");
        check("::ffff:192.0.2.7", "192.0.2.7");
        check("192.0.2.7", "192.0.2.7");
    }
}
