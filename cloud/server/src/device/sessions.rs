//! Who is connected: one session per inverter, the newer wins.
//!
//! In: CONNECTs that were read, sessions that ended, changes of the registry. Out: admissions, and orders to the
//! sessions that must end. Bounded by the number of registered devices. Never waits.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fleet::InverterKey;
use tokio::time::Instant;

use super::counters::count;
use super::rate::{Bucket, Rate};
use super::{Counters, House, Link, Order, limits};
use crate::registry::{Device, Fingerprint, Lookup, Registry};

const CONNECT_RATE: Rate = Rate::new(limits::CONNECTS_PER_S, limits::CONNECT_BURST);

/// Every live session, and how often each device connected lately.
#[derive(Debug)]
pub struct Sessions {
    registry: Arc<Registry>,
    counters: Arc<Counters>,
    places: Mutex<HashMap<InverterKey, Place>>,
}

#[derive(Debug)]
struct Place {
    connects: Bucket,
    live: Option<(Fingerprint, Arc<Link>)>,
}

impl Sessions {
    /// Nobody is connected.
    #[must_use]
    pub fn new(registry: Arc<Registry>, counters: Arc<Counters>) -> Self {
        Self { registry, counters, places: Mutex::default() }
    }

    /// Books the turn of a CONNECT: now or a little later.
    ///
    /// # Errors
    /// The certificate is not accepted, or the device connects so often that it would wait too long.
    pub fn book(&self, certificate: &Fingerprint, now: Instant) -> Result<(Device, Instant), House> {
        let device = self.device(certificate)?;
        let mut places = self.lock();
        let place =
            places.entry(device.key).or_insert_with(|| Place { connects: Bucket::full(now), live: None });
        let mut connects = place.connects;
        let turn = connects.book(CONNECT_RATE, now);
        if turn.saturating_duration_since(now) > limits::CONNECT_WAIT {
            return Err(House::CONNECT_RATE);
        }
        place.connects = connects;
        if turn > now {
            count(&self.counters.connects_delayed);
        }
        Ok((device, turn))
    }

    /// Lets a session in; the one before it is told to go.
    ///
    /// # Errors
    /// The certificate is no longer accepted.
    pub fn enter(
        &self,
        certificate: &Fingerprint,
        key: InverterKey,
        link: &Arc<Link>,
    ) -> Result<Device, House> {
        let now = Instant::now();
        let older = self
            .lock()
            .entry(key)
            .or_insert_with(|| Place { connects: Bucket::full(now), live: None })
            .live
            .replace((*certificate, Arc::clone(link)));
        if let Some((_, older)) = older {
            count(&self.counters.takeovers);
            older.order(Order::TakenOver);
        }
        // Looked up after entering: a revocation before this is seen here, one after it finds the session.
        self.device(certificate).inspect_err(|_| self.leave(key, link))
    }

    /// A session has ended.
    pub fn leave(&self, key: InverterKey, link: &Arc<Link>) {
        if let Some(place) = self.lock().get_mut(&key)
            && place.live.as_ref().is_some_and(|(_, live)| Arc::ptr_eq(live, link))
        {
            place.live = None;
        }
    }

    /// Ends every session whose certificate is no longer accepted.
    pub fn recheck(&self) {
        for (key, place) in self.lock().iter() {
            if let Some((certificate, link)) = &place.live
                && !matches!(self.registry.device(certificate), Lookup::Known(device) if device.key == *key)
            {
                link.order(Order::Revoked);
            }
        }
    }

    /// Ends every session.
    pub fn stop(&self) {
        for place in self.lock().values() {
            if let Some((_, link)) = &place.live {
                link.order(Order::Stop);
            }
        }
    }

    /// Sessions that are open.
    #[must_use]
    pub fn open(&self) -> usize {
        self.lock().values().filter(|place| place.live.is_some()).count()
    }

    /// The device that this certificate stands for.
    ///
    /// # Errors
    /// It is not accepted.
    pub fn device(&self, certificate: &Fingerprint) -> Result<Device, House> {
        match self.registry.device(certificate) {
            Lookup::Known(device) => Ok(device),
            Lookup::Revoked => Err(House::CERTIFICATE_REVOKED),
            Lookup::Unknown => Err(House::CERTIFICATE_UNKNOWN),
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<InverterKey, Place>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::Registered;

    #[test]
    fn the_burst_enters_at_once_then_one_a_second_and_beyond_the_wait_none() {
        let registry = Arc::new(Registry::default());
        let device = Device { key: InverterKey(1), serial: wire::Serial::parse("A1B2-0001").unwrap() };
        let certificate = [1; 32];
        let row = Registered { fingerprint: certificate, device, issued_at: wire::UtcMs(0), revoked: false };
        registry.replace(vec![row]);
        let sessions = Sessions::new(registry, Arc::default());
        let now = Instant::now();
        let waits: Vec<_> = (0..limits::CONNECT_BURST + 6)
            .map(|_| sessions.book(&certificate, now).map(|(_, turn)| (turn - now).as_secs()))
            .collect();
        let (burst, later) = waits.split_at(limits::CONNECT_BURST as usize);
        assert!(burst.iter().all(|wait| *wait == Ok(0)), "{burst:?}");
        assert_eq!(later, [Ok(1), Ok(2), Ok(3), Ok(4), Ok(5), Err(House::CONNECT_RATE)]);
        assert_eq!(limits::CONNECT_WAIT.as_secs(), 5);
        // Who is refused is not made to wait longer for having asked.
        let second = now + std::time::Duration::from_secs(1);
        assert_eq!(sessions.book(&certificate, second).map(|(_, turn)| (turn - second).as_secs()), Ok(5));
    }
}
