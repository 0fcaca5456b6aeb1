//! What crosses a boundary of Inverter Connect, as bytes and as types.
//!
//! In: bytes from a serial line or an MQTT connection. Out: typed readings, reports and packets, and back.
//! Never does I/O, reads a clock, or allocates in proportion to hostile input.
#![no_std]

extern crate alloc;

mod cbor;
pub mod condition;
pub mod flag;
pub mod mate;
pub mod mqtt;
pub mod native;
pub mod observation;
pub mod quantity;
pub mod report;
pub mod sample;
pub mod serial_number;
pub mod stream;
pub mod time;
pub mod ve_direct;

pub use condition::{Condition, Conditions};
pub use flag::{Flag, Flags};
pub use observation::{Button, Observation, SelfTest, TestKind, TestResult};
pub use quantity::{Quantities, Quantity, Scaled};
pub use report::{BootId, Event, EventKind, LinkCounts, Quality, Reading, Report, ReportError};
pub use sample::Sample;
pub use serial_number::{InvalidSerial, Serial};
pub use stream::{Decoder, StreamCounts};
pub use time::UtcMs;
