//! Which certificate is which inverter, in memory.
//!
//! In: rows of the state store, looked at again when its change counter moves (≤ 500 ms after an `admin` command).
//! Out: a lookup for each handshake, and a signal on which sessions look again, so that a revocation closes them
//! within a second; and when a newer certificate of an inverter is used for the first time, word of it, so that the
//! older ones are revoked (decision 14). Never touches the disk on a lookup.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use fleet::InverterKey;
use tokio::sync::watch;
use wire::{Serial, UtcMs};

/// A registered device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Device {
    /// Its number in the store.
    pub key: InverterKey,
    /// The inverter's serial number; the certificate's subject and the topic must name it.
    pub serial: Serial,
}

/// What is known of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lookup {
    /// It stands for this device.
    Known(Device),
    /// It did; it was revoked.
    Revoked,
    /// Never issued here, or its device was removed.
    Unknown,
}

/// SHA-256 of a certificate in DER.
pub type Fingerprint = [u8; 32];

/// One certificate as the store tells of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Registered {
    /// Of the certificate.
    pub fingerprint: Fingerprint,
    /// Whose.
    pub device: Device,
    /// When it was issued.
    pub issued_at: UtcMs,
    /// No longer to be accepted.
    pub revoked: bool,
}

/// A newer certificate was used: the inverter's others are to be revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Superseded {
    /// Whose.
    pub inverter: InverterKey,
    /// The one that was used.
    pub by: Fingerprint,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Known {
    device: Device,
    issued_at: UtcMs,
    revoked: bool,
    /// The newest of several that are accepted.
    supersedes: bool,
}

/// All certificates, in memory. 64 bytes each.
#[derive(Debug)]
pub struct Registry {
    certificates: RwLock<HashMap<Fingerprint, Known>>,
    changes: watch::Sender<u64>,
    superseded: watch::Sender<Option<Superseded>>,
}

impl Default for Registry {
    fn default() -> Self {
        Self {
            certificates: RwLock::default(),
            changes: watch::Sender::new(0),
            superseded: watch::Sender::new(None),
        }
    }
}

impl Registry {
    /// What is known of the certificate with this SHA-256. To be asked only once its holder has proved to have the
    /// key: the first use of a newer one ends the older ones.
    #[must_use]
    pub fn device(&self, fingerprint: &Fingerprint) -> Lookup {
        let certificates = self.certificates.read().unwrap_or_else(PoisonError::into_inner);
        match certificates.get(fingerprint) {
            Some(known) if known.revoked => Lookup::Revoked,
            Some(known) => {
                if known.supersedes {
                    let superseded = Superseded { inverter: known.device.key, by: *fingerprint };
                    self.superseded.send_replace(Some(superseded));
                }
                Lookup::Known(known.device)
            }
            None => Lookup::Unknown,
        }
    }

    /// Tells the newest use of a certificate that supersedes others. One that is missed is told again at its next use.
    #[must_use]
    pub fn superseded(&self) -> watch::Receiver<Option<Superseded>> {
        self.superseded.subscribe()
    }

    /// Changes its value each time a certificate was added, revoked or removed.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Certificates that are accepted.
    #[must_use]
    pub fn accepted(&self) -> usize {
        let certificates = self.certificates.read().unwrap_or_else(PoisonError::into_inner);
        certificates.values().filter(|known| !known.revoked).count()
    }

    /// Takes what the store says now; tells subscribers if it differs from before. Returns whether it does.
    pub fn replace(&self, rows: impl IntoIterator<Item = Registered>) -> bool {
        let fresh = index(rows);
        let mut certificates = self.certificates.write().unwrap_or_else(PoisonError::into_inner);
        if *certificates == fresh {
            return false;
        }
        *certificates = fresh;
        drop(certificates);
        self.changes.send_modify(|generation| *generation += 1);
        true
    }
}

fn index(rows: impl IntoIterator<Item = Registered>) -> HashMap<Fingerprint, Known> {
    let known = |Registered { fingerprint, device, issued_at, revoked }: Registered| {
        (fingerprint, Known { device, issued_at, revoked, supersedes: false })
    };
    let mut all: HashMap<_, _> = rows.into_iter().map(known).collect();
    // Per inverter: how many are accepted, and the newest of them.
    let mut accepted: HashMap<InverterKey, (u32, UtcMs, Fingerprint)> = HashMap::new();
    for (fingerprint, known) in all.iter().filter(|(_, known)| !known.revoked) {
        let entry = accepted.entry(known.device.key).or_insert((0, known.issued_at, *fingerprint));
        entry.0 += 1;
        if (known.issued_at, fingerprint) > (entry.1, &entry.2) {
            (entry.1, entry.2) = (known.issued_at, *fingerprint);
        }
    }
    for (_, _, newest) in accepted.into_values().filter(|(count, ..)| *count > 1) {
        if let Some(known) = all.get_mut(&newest) {
            known.supersedes = true;
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_use_of_the_newest_of_several_certificates_ends_the_others() {
        let registry = Registry::default();
        let device = Device { key: InverterKey(7), serial: Serial::parse("2311-00421").unwrap() };
        let row =
            |n: u8, revoked| Registered { fingerprint: [n; 32], device, issued_at: UtcMs(n.into()), revoked };
        registry.replace([row(1, false), row(2, false), row(3, true)]);
        let told = registry.superseded();
        assert_eq!(registry.device(&[1; 32]), Lookup::Known(device));
        assert_eq!(*told.borrow(), None);
        assert_eq!(registry.device(&[2; 32]), Lookup::Known(device));
        assert_eq!(*told.borrow(), Some(Superseded { inverter: InverterKey(7), by: [2; 32] }));
        registry.replace([row(1, true), row(2, false), row(3, true)]);
        let told = registry.superseded();
        let _ = registry.device(&[2; 32]);
        assert!(!told.has_changed().unwrap(), "nothing left to end");
    }

    #[test]
    fn a_revocation_is_seen_and_told_once() {
        let registry = Registry::default();
        let mut changes = registry.subscribe();
        let device = Device { key: InverterKey(7), serial: Serial::parse("2311-00421").unwrap() };
        let row = |revoked| Registered { fingerprint: [1; 32], device, issued_at: UtcMs(0), revoked };
        assert_eq!(registry.device(&[1; 32]), Lookup::Unknown);
        assert!(registry.replace([row(false)]));
        assert_eq!(registry.device(&[1; 32]), Lookup::Known(device));
        changes.mark_unchanged();
        assert!(!registry.replace([row(false)]));
        assert!(!changes.has_changed().unwrap());
        assert!(registry.replace([row(true)]));
        assert!(changes.has_changed().unwrap());
        assert_eq!(registry.device(&[1; 32]), Lookup::Revoked);
        assert_eq!(registry.accepted(), 0);
        assert!(registry.replace([]));
        assert_eq!(registry.device(&[1; 32]), Lookup::Unknown);
    }
}
