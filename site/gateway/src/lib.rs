//! The box in the cabinet: one inverter's serial line in, MQTT in TLS out.
//!
//! In: bytes on a port that is opened for reading only. Out: reports to the one configured cloud. Processes
//! joined by a pipe: `supervisor` (holds the port, starts the others), `reader` (reads the port), `uplink` (decodes,
//! keeps, sends; a `starter` does nothing but start it); and where it has a push-button of its own, `button`, which watches
//! that. Each locks itself (`sandbox`) before it works. It never binds, listens, subscribes, writes to the port, or acts on what the cloud sends.

pub mod button;
pub mod check;
pub mod child;
pub mod cli;
pub mod clock;
pub mod config;
pub mod dating;
pub mod exit;
pub mod pack;
pub mod pipe;
pub mod port;
pub mod reader;
pub mod recorder;
pub mod sandbox;
#[cfg(feature = "simulated")]
mod simulated;
pub mod spool;
pub mod starter;
pub mod state;
pub mod status;
pub mod supervisor;
pub mod uplink;
