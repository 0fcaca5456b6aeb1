//! The logbook: tests and outages that an organization keeps for years, so that anybody can check them without us.
//!
//! In: records that are over, a key. Out: lines, each a JSON object that ends with an Ed25519 signature of all that stands before it;
//! each entry holds the SHA-256 of the line before it. What a file of such lines proves, and where it is broken, says [`Verifier`].
//! What they say and how to check them by openssl, sha256sum and Python is docs/logbook.md. Pure; holds no reading.

mod book;
mod check;
mod entry;
mod finding;
mod hex;
mod key;
mod line;
mod told;
mod verify;
mod what;

pub use book::{Checkpoint, Closing, Opening};
pub use check::{Check, with_trailer, without_trailer};
pub use entry::{Entry, Inverter, MOST_YEARS, Place, years};
pub use finding::Finding;
pub use hex::Hash;
pub use key::{Fingerprint, InvalidKey, PublicKey, Signer, Unsigned};
pub use line::{Flaw, MOST_LINE, Opened, Statement, open, seal};
pub use verify::{KeyUse, Verdict, Verifier};
pub use what::{Note, Outage, Own, Predicted, Test, What};
