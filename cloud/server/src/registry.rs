//! Which certificate is which inverter, in memory.
//!
//! In: rows of the state store, looked at again when its change counter moves (≤ 500 ms after an `admin` command).
//! Out: a lookup for each handshake, and a signal on which sessions look again, so that a revocation closes them
//! within a second. Never touches the disk on a lookup.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use fleet::InverterKey;
use tokio::sync::watch;
use wire::Serial;

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
    /// No longer to be accepted.
    pub revoked: bool,
}

/// All certificates, in memory. 64 bytes each.
#[derive(Debug)]
pub struct Registry {
    certificates: RwLock<HashMap<Fingerprint, (Device, bool)>>,
    changes: watch::Sender<u64>,
}

impl Default for Registry {
    fn default() -> Self {
        Self { certificates: RwLock::default(), changes: watch::Sender::new(0) }
    }
}

impl Registry {
    /// What is known of the certificate with this SHA-256.
    #[must_use]
    pub fn device(&self, fingerprint: &Fingerprint) -> Lookup {
        let certificates = self.certificates.read().unwrap_or_else(PoisonError::into_inner);
        match certificates.get(fingerprint) {
            Some((_, true)) => Lookup::Revoked,
            Some((device, false)) => Lookup::Known(*device),
            None => Lookup::Unknown,
        }
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
        certificates.values().filter(|(_, revoked)| !revoked).count()
    }

    /// Takes what the store says now; tells subscribers if it differs from before. Returns whether it does.
    pub fn replace(&self, rows: impl IntoIterator<Item = Registered>) -> bool {
        let fresh: HashMap<_, _> =
            rows.into_iter().map(|row| (row.fingerprint, (row.device, row.revoked))).collect();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revocation_is_seen_and_told_once() {
        let registry = Registry::default();
        let mut changes = registry.subscribe();
        let device = Device { key: InverterKey(7), serial: Serial::parse("2311-00421").unwrap() };
        let row = |revoked| Registered { fingerprint: [1; 32], device, revoked };
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
