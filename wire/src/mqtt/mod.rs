//! MQTT 3.1.1 and 5.0 as far as this project speaks it: publish-only, both ends, no I/O.
//!
//! In: bytes of a connection. Out: packets that borrow from them, or a [`Refusal`] that names the rule they broke;
//! and packets back to bytes. Decoding never allocates, never waits, never accepts what either OASIS specification
//! forbids; what it accepts and we do not serve (QoS 2, a will, a subscription) is for the session to refuse.
//!
//! ```
//! use wire::mqtt::{self, Connect, Delivery, Framing, FromServer, Publish, Sender, Version};
//!
//! let mut out = Vec::new();
//! Connect::new(Version::V5, "box-1").encode(&mut out)?;
//! let delivery = Delivery::AtLeastOnce { packet_id: core::num::NonZeroU16::MIN, dup: false };
//! Publish::new("inverters/A1B2/reports", delivery, b"{}").encode(Version::V5, &mut out)?;
//!
//! let answer = [0x40, 2, 0, 1];
//! let Framing::Complete { length } = mqtt::frame(&answer, Sender::Server, mqtt::MAX_PACKET_BYTES)? else { panic!() };
//! let FromServer::PubAck(ack) = mqtt::from_server(Version::V5, &answer[..length])? else { panic!() };
//! assert_eq!(ack.packet_id.get(), 1);
//! # Ok::<(), mqtt::Refusal>(())
//! ```

mod connack;
mod connect;
mod decode;
mod disconnect;
mod frame;
mod property;
mod publish;
mod read;
mod reason;
mod refusal;
mod subscribe;
mod text;
mod write;

pub use connack::{ConnAck, SERVER_TIME};
pub use connect::{Connect, Will, connect_version};
pub use decode::{FromClient, FromServer, from_client, from_server};
pub use disconnect::Disconnect;
pub use frame::{Framing, Sender, frame};
pub use property::{Place, Properties, Property, PropertyList, Value};
pub use publish::{Delivery, PacketId, PubAck, Publish};
pub use reason::Reason;
pub use refusal::{Answer311, Refusal, Rule};
pub use subscribe::{Filter, SubAck, Subscribe};
pub use write::{ping_request, ping_response};

pub use crate::report::MAX_PACKET_BYTES;

/// Which of the two specifications a connection follows; CONNECT says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Version {
    /// MQTT 3.1.1, OASIS Standard of 29 October 2014.
    V311,
    /// MQTT 5.0, OASIS Standard of 7 March 2019.
    V5,
}

impl Version {
    /// The protocol level in CONNECT.
    #[must_use]
    pub const fn level(self) -> u8 {
        match self {
            Self::V311 => 4,
            Self::V5 => 5,
        }
    }

    /// By protocol level.
    #[must_use]
    pub const fn from_level(level: u8) -> Option<Self> {
        match level {
            4 => Some(Self::V311),
            5 => Some(Self::V5),
            _ => None,
        }
    }
}
