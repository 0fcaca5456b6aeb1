//! One device's connection: MQTT in, reports out to the journal, acknowledgements back.
//!
//! In: bytes of an authenticated connection, plain or in WebSocket frames. Out: submissions to the journal, and
//! CONNACK, PUBACK, PINGRESP, refusing SUBACK or DISCONNECT to the device. Never sends a PUBLISH, never
//! acknowledges before the journal says durable.

mod acks;

pub use acks::{AckTicket, Link, Order, RECEIVE_MAXIMUM};
