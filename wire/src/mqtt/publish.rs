//! PUBLISH and PUBACK, sections 3.3 and 3.4 of both specifications.

use alloc::vec::Vec;
use core::num::NonZeroU16;

use super::connect::check_payload;
use super::read::Reader;
use super::reason::ReasonPlace;
use super::{Place, Properties, Property, Reason, Refusal, Version, frame, text, write};

/// A packet identifier; zero is not one.
pub type PacketId = NonZeroU16;

const RETAIN: u8 = 0b0001;
const DUP: u8 = 0b1000;

/// One message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Publish<'a> {
    /// How it is acknowledged.
    pub delivery: Delivery,
    /// Keep it on the topic.
    pub retain: bool,
    /// Where to; empty only in 5.0 with a topic alias.
    pub topic: &'a str,
    /// Empty in 3.1.1.
    pub properties: Properties<'a>,
    /// What.
    pub payload: &'a [u8],
}

/// Quality of service, and what belongs to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// QoS 0.
    AtMostOnce,
    /// QoS 1: PUBACK carries the same identifier.
    AtLeastOnce {
        /// Identifier.
        packet_id: PacketId,
        /// Sent before.
        dup: bool,
    },
    /// QoS 2: read so that it can be refused.
    ExactlyOnce {
        /// Identifier.
        packet_id: PacketId,
        /// Sent before.
        dup: bool,
    },
}

impl Delivery {
    const fn flags(self) -> u8 {
        let (qos, dup) = match self {
            Self::AtMostOnce => (0, false),
            Self::AtLeastOnce { dup, .. } => (1, dup),
            Self::ExactlyOnce { dup, .. } => (2, dup),
        };
        (qos << 1) | if dup { DUP } else { 0 }
    }

    /// The packet identifier, where there is one.
    #[must_use]
    pub const fn packet_id(self) -> Option<PacketId> {
        match self {
            Self::AtMostOnce => None,
            Self::AtLeastOnce { packet_id, .. } | Self::ExactlyOnce { packet_id, .. } => Some(packet_id),
        }
    }
}

impl<'a> Publish<'a> {
    /// A message without properties, not retained.
    #[must_use]
    pub const fn new(topic: &'a str, delivery: Delivery, payload: &'a [u8]) -> Self {
        Self { delivery, retain: false, topic, properties: Properties::EMPTY, payload }
    }

    /// `first`: the packet's first byte, whose flags [`super::frame`] has checked; `body`: what follows the fixed header.
    pub(super) fn decode(first: u8, body: &'a [u8], version: Version) -> Result<Self, Refusal> {
        let mut reader = Reader(body);
        let topic = reader.text()?;
        let dup = first & DUP != 0;
        let delivery = match (first >> 1) & 0b11 {
            0 if dup => return Err(Refusal::DUP_WITH_QOS_0),
            0 => Delivery::AtMostOnce,
            1 => Delivery::AtLeastOnce { packet_id: reader.packet_id()?, dup },
            2 => Delivery::ExactlyOnce { packet_id: reader.packet_id()?, dup },
            _ => return Err(Refusal::QOS_3),
        };
        let properties = match version {
            Version::V311 => Properties::EMPTY,
            Version::V5 => Properties::read(&mut reader, Place::Publish)?,
        };
        let publish = Self { delivery, retain: first & RETAIN != 0, topic, properties, payload: reader.0 };
        publish.check()?;
        Ok(publish)
    }

    /// Appends the packet.
    ///
    /// # Errors
    /// The rule its fields break; `out` is then as it was.
    pub fn encode(&self, version: Version, out: &mut Vec<u8>) -> Result<(), Refusal> {
        let retain = if self.retain { RETAIN } else { 0 };
        write::packet(out, (frame::PUBLISH << 4) | self.delivery.flags() | retain, |out| {
            self.check()?;
            write::string(out, self.topic)?;
            if let Some(packet_id) = self.delivery.packet_id() {
                write::two_bytes(out, packet_id.get());
            }
            if version == Version::V5 {
                self.properties.write(out, Place::Publish)?;
            }
            out.extend_from_slice(self.payload);
            Ok(())
        })
    }

    /// The alias that stands for the topic, if any.
    #[must_use]
    pub fn topic_alias(&self) -> Option<u32> {
        self.properties.number(Property::TOPIC_ALIAS)
    }

    fn check(&self) -> Result<(), Refusal> {
        if !(self.topic.is_empty() && self.topic_alias().is_some()) {
            text::topic_name(self.topic)?;
        }
        if self.properties.is_empty() {
            return Ok(());
        }
        if self.properties.has(Property::SUBSCRIPTION_IDENTIFIER) {
            return Err(Refusal::SUBSCRIPTION_ID_FROM_CLIENT);
        }
        check_payload(self.properties, self.payload)
    }
}

/// The acknowledgement of a QoS 1 PUBLISH.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PubAck<'a> {
    /// The PUBLISH's.
    pub packet_id: PacketId,
    /// Success in 3.1.1.
    pub reason: Reason,
    /// Empty in 3.1.1.
    pub properties: Properties<'a>,
}

impl<'a> PubAck<'a> {
    /// "It is on disk."
    #[must_use]
    pub const fn success(packet_id: PacketId) -> Self {
        Self { packet_id, reason: Reason::SUCCESS, properties: Properties::EMPTY }
    }

    pub(super) fn decode(body: &'a [u8], version: Version) -> Result<Self, Refusal> {
        let mut reader = Reader(body);
        let mut ack = Self::success(reader.packet_id()?);
        if version == Version::V5 && !reader.0.is_empty() {
            ack.reason = Reason(reader.byte()?);
            if !ack.reason.fits(ReasonPlace::PUBACK) {
                return Err(Refusal::REASON_CODE);
            }
            if !reader.0.is_empty() {
                ack.properties = Properties::read(&mut reader, Place::PubAck)?;
            }
        }
        reader.end()?;
        Ok(ack)
    }

    /// Appends the packet, in its shortest form.
    ///
    /// # Errors
    /// The rule its fields break; `out` is then as it was.
    pub fn encode(&self, version: Version, out: &mut Vec<u8>) -> Result<(), Refusal> {
        let [high, low] = self.packet_id.get().to_be_bytes();
        if version == Version::V311 || (self.reason == Reason::SUCCESS && self.properties.is_empty()) {
            out.extend_from_slice(&[frame::PUBACK << 4, 2, high, low]);
            return Ok(());
        }
        write::packet(out, frame::PUBACK << 4, |out| {
            if !self.reason.fits(ReasonPlace::PUBACK) {
                return Err(Refusal::REASON_CODE);
            }
            out.extend_from_slice(&[high, low, self.reason.0]);
            if self.properties.is_empty() { Ok(()) } else { self.properties.write(out, Place::PubAck) }
        })
    }
}
