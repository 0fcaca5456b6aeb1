//! Live updates: fragments of pages as server-sent events.
//!
//! In: pulses from the pipeline, ends of sessions. Out: one event stream per open page, at most ten an account, each
//! fragment rendered once per change however many pages show it. The change counter of the store is asked once per
//! batch of pulses, not per stream; a stream whose grants may have changed asks again before it says anything. A live
//! stream is not activity: it never keeps a session alive.

pub mod alarm;
pub mod alarms;
pub mod events;
pub mod fleet;
mod hub;
pub mod inverter;
pub mod pairing;
mod rendered;
mod watch;

pub use hub::Hub;
