//! Plays inverters, good and broken: one on a pseudo-terminal, or thousands over mutual TLS.
//!
//! In: a seed, a clock that the caller drives, and commands of a person or a test. Out: bytes on a wire. Never knows
//! how the gateway or the cloud work inside.

pub mod clock;
pub mod fleet;
pub mod line;
pub mod model;
