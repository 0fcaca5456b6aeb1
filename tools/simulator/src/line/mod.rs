//! One inverter on a serial line: a pseudo-terminal, a pace, an encoding, a console.
//!
//! In: the model, wall-clock steps, commands. Out: bytes at the true baud. Never sends anything because of what it
//! hears; it only counts it.

pub mod console;
pub mod inverter;
pub mod pace;
pub mod protocol;
pub mod pty;
pub mod replay;
mod sources;

pub use sources::{Request, Sources, tell};
