//! One device's connection: MQTT in, reports out to the journal, acknowledgements back.
//!
//! In: bytes of an authenticated connection, plain or in WebSocket frames. Out: submissions to the journal, and
//! CONNACK, PUBACK, PINGRESP, refusing SUBACK or DISCONNECT to the device. Never sends a PUBLISH, never
//! acknowledges before the journal says durable.

mod acks;
mod answer;
mod counters;
mod driver;
mod farewell;
mod gate;
pub mod limits;
mod rate;
mod refused;
mod session;
#[cfg(test)]
mod session_tests;
mod sessions;
mod websocket;
mod wire_tls;

pub use acks::{AckTicket, Link, Order, RECEIVE_MAXIMUM};
pub use counters::Counters;
pub use refused::{House, HouseRule, Refused};
pub use sessions::Sessions;

pub(crate) use counters::count;
pub(crate) use driver::{Speaks, serve};
pub(crate) use farewell::read_away;
pub(crate) use gate::Shared;
pub(crate) use rate::{Bucket, Rate};
pub(crate) use wire_tls::{Tls, Tried};
