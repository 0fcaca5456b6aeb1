//! Properties of MQTT 5.0, section 2.2.2: one table, one parser.
//!
//! In: a property field and the packet it stands in. Out: [`Properties`], checked once and read by walking the bytes
//! again, so that nothing is allocated; and [`PropertyList`] to write them.

use alloc::vec::Vec;

use super::read::Reader;
use super::{Refusal, text, write};

/// A property identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Property(pub u8);

/// A packet, or part of one, that carries properties.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum Place {
    /// CONNECT.
    Connect = 1,
    /// The will in CONNECT.
    Will = 2,
    /// CONNACK.
    ConnAck = 4,
    /// PUBLISH.
    Publish = 8,
    /// PUBACK.
    PubAck = 16,
    /// SUBSCRIBE.
    Subscribe = 32,
    /// SUBACK.
    SubAck = 64,
    /// DISCONNECT sent by a client.
    DisconnectByClient = 128,
    /// DISCONNECT sent by a server.
    DisconnectByServer = 256,
}

/// A property's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// A byte, two or four byte integer, or variable byte integer.
    Number(u32),
    /// A UTF-8 string.
    Text(&'a str),
    /// Binary data.
    Binary(&'a [u8]),
    /// A user property: name and value.
    Pair(&'a str, &'a str),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A byte that is 0 or 1.
    Bool,
    Two,
    /// Two bytes, not zero.
    TwoNonZero,
    Four,
    /// Four bytes, not zero.
    FourNonZero,
    /// A variable byte integer, not zero.
    VariableNonZero,
    Text,
    /// A topic name that answers are sent to.
    Topic,
    Binary,
    Pair,
}

const CONNECT: u16 = Place::Connect as u16;
const WILL: u16 = Place::Will as u16;
const CONNACK: u16 = Place::ConnAck as u16;
const PUBLISH: u16 = Place::Publish as u16;
const PUBACK: u16 = Place::PubAck as u16;
const SUBSCRIBE: u16 = Place::Subscribe as u16;
const SUBACK: u16 = Place::SubAck as u16;
const BY_CLIENT: u16 = Place::DisconnectByClient as u16;
const BY_SERVER: u16 = Place::DisconnectByServer as u16;
const EVERYWHERE: u16 =
    CONNECT | WILL | CONNACK | PUBLISH | PUBACK | SUBSCRIBE | SUBACK | BY_CLIENT | BY_SERVER;

macro_rules! properties {
    ($($(#[$doc:meta])* $constant:ident = $id:literal, $kind:ident, $places:expr;)*) => {
        impl Property {
            $($(#[$doc])* pub const $constant: Self = Self($id);)*
        }
        const TABLE: &[(u8, Kind, u16)] = &[$(($id, Kind::$kind, $places)),*];
    };
}

properties! {
    /// 1: the payload is UTF-8.
    PAYLOAD_FORMAT_INDICATOR = 0x01, Bool, PUBLISH | WILL;
    /// Seconds after which the message lapses.
    MESSAGE_EXPIRY_INTERVAL = 0x02, Four, PUBLISH | WILL;
    /// Media type of the payload.
    CONTENT_TYPE = 0x03, Text, PUBLISH | WILL;
    /// Where an answer would go.
    RESPONSE_TOPIC = 0x08, Topic, PUBLISH | WILL;
    /// Ties an answer to its question.
    CORRELATION_DATA = 0x09, Binary, PUBLISH | WILL;
    /// Names a subscription.
    SUBSCRIPTION_IDENTIFIER = 0x0b, VariableNonZero, PUBLISH | SUBSCRIBE;
    /// Seconds that a session outlives its connection.
    SESSION_EXPIRY_INTERVAL = 0x11, Four, CONNECT | CONNACK | BY_CLIENT;
    /// The identifier given to a client that had none.
    ASSIGNED_CLIENT_IDENTIFIER = 0x12, Text, CONNACK;
    /// The keep alive that holds instead of the client's, seconds.
    SERVER_KEEP_ALIVE = 0x13, Two, CONNACK;
    /// Name of an authentication method.
    AUTHENTICATION_METHOD = 0x15, Text, CONNECT | CONNACK;
    /// Data of that method.
    AUTHENTICATION_DATA = 0x16, Binary, CONNECT | CONNACK;
    /// 0: no reason strings or user properties but in PUBLISH, CONNACK, DISCONNECT.
    REQUEST_PROBLEM_INFORMATION = 0x17, Bool, CONNECT;
    /// Seconds between the end of the connection and the will.
    WILL_DELAY_INTERVAL = 0x18, Four, WILL;
    /// 1: response information is wanted in CONNACK.
    REQUEST_RESPONSE_INFORMATION = 0x19, Bool, CONNECT;
    /// Basis for response topics.
    RESPONSE_INFORMATION = 0x1a, Text, CONNACK;
    /// Another server to use.
    SERVER_REFERENCE = 0x1c, Text, CONNACK | BY_SERVER;
    /// Words for a person.
    REASON_STRING = 0x1f, Text, CONNACK | PUBACK | SUBACK | BY_CLIENT | BY_SERVER;
    /// QoS 1 and 2 publishes in flight at most.
    RECEIVE_MAXIMUM = 0x21, TwoNonZero, CONNECT | CONNACK;
    /// Highest topic alias.
    TOPIC_ALIAS_MAXIMUM = 0x22, Two, CONNECT | CONNACK;
    /// A number that stands for a topic.
    TOPIC_ALIAS = 0x23, Two, PUBLISH;
    /// Highest QoS, 0 or 1.
    MAXIMUM_QOS = 0x24, Bool, CONNACK;
    /// Whether retained messages are kept.
    RETAIN_AVAILABLE = 0x25, Bool, CONNACK;
    /// Name and value of anyone's own.
    USER_PROPERTY = 0x26, Pair, EVERYWHERE;
    /// Bytes of a packet at most.
    MAXIMUM_PACKET_SIZE = 0x27, FourNonZero, CONNECT | CONNACK;
    /// Whether wildcards may be subscribed to.
    WILDCARD_SUBSCRIPTION_AVAILABLE = 0x28, Bool, CONNACK;
    /// Whether subscription identifiers are known.
    SUBSCRIPTION_IDENTIFIERS_AVAILABLE = 0x29, Bool, CONNACK;
    /// Whether shared subscriptions are known.
    SHARED_SUBSCRIPTION_AVAILABLE = 0x2a, Bool, CONNACK;
}

impl Property {
    fn row(self) -> Option<&'static (u8, Kind, u16)> {
        TABLE.iter().find(|row| row.0 == self.0)
    }
}

/// A checked property field; empty in 3.1.1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Properties<'a>(&'a [u8]);

impl<'a> Properties<'a> {
    /// No properties.
    pub const EMPTY: Self = Self(&[]);

    /// Checks the bytes of a property field, its length left out.
    ///
    /// # Errors
    /// The rule they break.
    pub fn parse(field: &'a [u8], place: Place) -> Result<Self, Refusal> {
        let mut reader = Reader(field);
        // Identifiers end at 0x2a, so that one bit for each fits.
        let mut seen = 0_u64;
        while !reader.0.is_empty() {
            let (property, _) = next(&mut reader, Some(place)).map_err(|refusal| match refusal {
                Refusal::TRUNCATED => Refusal::PROPERTY_LENGTH,
                other => other,
            })?;
            let bit = 1_u64 << (property.0 & 0x3f);
            if property != Property::USER_PROPERTY && seen & bit != 0 {
                return Err(Refusal::PROPERTY_DUPLICATE);
            }
            seen |= bit;
        }
        Ok(Self(field))
    }

    /// Reads the length and the field in front of the reader.
    pub(super) fn read(reader: &mut Reader<'a>, place: Place) -> Result<Self, Refusal> {
        let length = reader.variable()?;
        let length = usize::try_from(length).map_err(|_| Refusal::PROPERTY_LENGTH)?;
        let field = reader.take(length).map_err(|_| Refusal::PROPERTY_LENGTH)?;
        Self::parse(field, place)
    }

    /// Writes length and field.
    pub(super) fn write(self, out: &mut Vec<u8>, place: Place) -> Result<(), Refusal> {
        if !self.0.is_empty() {
            Self::parse(self.0, place)?;
        }
        write::variable(out, u32::try_from(self.0.len()).map_err(|_| Refusal::PACKET_TOO_LARGE)?)?;
        out.extend_from_slice(self.0);
        Ok(())
    }

    /// Bytes of the field.
    #[must_use]
    pub const fn len(self) -> usize {
        self.0.len()
    }

    /// True if there are none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// Every property in order.
    pub fn iter(self) -> impl Iterator<Item = (Property, Value<'a>)> {
        let mut reader = Reader(self.0);
        core::iter::from_fn(move || if reader.0.is_empty() { None } else { next(&mut reader, None).ok() })
    }

    /// A number, if the property is there.
    #[must_use]
    pub fn number(self, property: Property) -> Option<u32> {
        self.iter().find_map(|(found, value)| match value {
            Value::Number(number) if found == property => Some(number),
            _ => None,
        })
    }

    /// A string, if the property is there.
    #[must_use]
    pub fn text(self, property: Property) -> Option<&'a str> {
        self.iter().find_map(|(found, value)| match value {
            Value::Text(text) if found == property => Some(text),
            _ => None,
        })
    }

    /// True if the property is there.
    #[must_use]
    pub fn has(self, property: Property) -> bool {
        self.iter().any(|(found, _)| found == property)
    }

    /// User properties in order.
    pub fn user(self) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.iter().filter_map(|(_, value)| match value {
            Value::Pair(name, value) => Some((name, value)),
            _ => None,
        })
    }
}

/// Reads one property; with a place, checks that it belongs there and is in range.
fn next<'a>(reader: &mut Reader<'a>, place: Option<Place>) -> Result<(Property, Value<'a>), Refusal> {
    // Identifiers are variable byte integers; every defined one takes one byte.
    let identifier = reader.variable()?;
    let property = u8::try_from(identifier).map(Property).map_err(|_| Refusal::PROPERTY_UNKNOWN)?;
    let &(_, kind, places) = property.row().ok_or(Refusal::PROPERTY_UNKNOWN)?;
    if place.is_some_and(|place| places & place as u16 == 0) {
        return Err(Refusal::PROPERTY_NOT_ALLOWED);
    }
    let value = match kind {
        Kind::Bool => Value::Number(u32::from(reader.byte()?)),
        Kind::Two | Kind::TwoNonZero => Value::Number(u32::from(reader.two_bytes()?)),
        Kind::Four | Kind::FourNonZero => Value::Number(reader.four_bytes()?),
        Kind::VariableNonZero => Value::Number(reader.variable()?),
        Kind::Text | Kind::Topic => Value::Text(reader.text()?),
        Kind::Binary => Value::Binary(reader.binary()?),
        Kind::Pair => Value::Pair(reader.text()?, reader.text()?),
    };
    match (kind, value) {
        (Kind::Bool, Value::Number(2..)) => Err(Refusal::PROPERTY_VALUE),
        (Kind::TwoNonZero | Kind::FourNonZero | Kind::VariableNonZero, Value::Number(0)) => {
            Err(Refusal::PROPERTY_VALUE)
        }
        (Kind::Topic, Value::Text(topic)) if text::topic_name(topic).is_err() => Err(Refusal::RESPONSE_TOPIC),
        _ if property == Property::TOPIC_ALIAS && value == Value::Number(0) => Err(Refusal::TOPIC_ALIAS_ZERO),
        _ => Ok((property, value)),
    }
}

/// Properties being written; made once, it can be sent with many packets.
///
/// Each method appends; the place, the ranges and duplicates are checked by [`PropertyList::properties`] and again
/// when a packet is encoded.
#[derive(Clone, Debug, Default)]
pub struct PropertyList(Vec<u8>);

impl PropertyList {
    /// An empty list.
    #[must_use]
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Appends a number in the width of its property; what does not fit is cut and fails the later check.
    #[must_use]
    pub fn number(mut self, property: Property, value: u32) -> Self {
        self.0.push(property.0);
        let bytes = value.to_be_bytes();
        let width = match property.row().map(|row| row.1) {
            Some(Kind::Bool) => 1,
            Some(Kind::Two | Kind::TwoNonZero) => 2,
            Some(Kind::VariableNonZero) => {
                // Beyond 268,435,455 nothing is written, which the check finds.
                let _ = write::variable(&mut self.0, value);
                return self;
            }
            _ => 4,
        };
        self.0.extend(bytes.into_iter().skip(4 - width));
        self
    }

    /// Appends a string.
    #[must_use]
    pub fn text(self, property: Property, value: &str) -> Self {
        self.binary(property, value.as_bytes())
    }

    /// Appends binary data, at most 65,535 bytes; beyond, it is cut.
    #[must_use]
    pub fn binary(mut self, property: Property, value: &[u8]) -> Self {
        self.0.push(property.0);
        self.field(value);
        self
    }

    /// Appends a user property.
    #[must_use]
    pub fn user(mut self, name: &str, value: &str) -> Self {
        self.0.push(Property::USER_PROPERTY.0);
        self.field(name.as_bytes());
        self.field(value.as_bytes());
        self
    }

    fn field(&mut self, value: &[u8]) {
        let length = u16::try_from(value.len()).unwrap_or(u16::MAX);
        write::two_bytes(&mut self.0, length);
        self.0.extend(value.iter().take(usize::from(length)));
    }

    /// The list as a packet carries it.
    ///
    /// # Errors
    /// The rule that the list breaks in that place.
    pub fn properties(&self, place: Place) -> Result<Properties<'_>, Refusal> {
        Properties::parse(&self.0, place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_property_belongs_in_the_packets_of_the_table_alone() {
        let places = [
            Place::Connect,
            Place::Will,
            Place::ConnAck,
            Place::Publish,
            Place::PubAck,
            Place::Subscribe,
            Place::SubAck,
            Place::DisconnectByClient,
            Place::DisconnectByServer,
        ];
        let mut accepted = 0;
        for identifier in 0..=127_u8 {
            for place in places {
                let value: &[u8] = match Property(identifier).row().map(|row| row.1) {
                    Some(Kind::Bool | Kind::VariableNonZero) => &[1],
                    Some(Kind::Two | Kind::TwoNonZero) => &[0, 1],
                    Some(Kind::Four | Kind::FourNonZero) => &[0, 0, 0, 1],
                    Some(Kind::Text | Kind::Topic | Kind::Binary) => &[0, 1, b'a'],
                    Some(Kind::Pair) => &[0, 1, b'a', 0, 1, b'b'],
                    None => &[],
                };
                let field: Vec<u8> = [identifier].iter().chain(value).copied().collect();
                let answer = Properties::parse(&field, place);
                match TABLE.iter().find(|row| row.0 == identifier) {
                    None => assert_eq!(answer, Err(Refusal::PROPERTY_UNKNOWN)),
                    Some(row) if row.2 & place as u16 == 0 => {
                        assert_eq!(answer, Err(Refusal::PROPERTY_NOT_ALLOWED));
                    }
                    Some(_) => {
                        assert_eq!(answer, Ok(Properties(&field)));
                        accepted += 1;
                        for cut in 1..field.len() {
                            assert_eq!(
                                Properties::parse(&field[..cut], place),
                                Err(Refusal::PROPERTY_LENGTH)
                            );
                        }
                        let twice: Vec<u8> = field.iter().chain(&field).copied().collect();
                        let twice = Properties::parse(&twice, place);
                        let again = identifier == Property::USER_PROPERTY.0;
                        assert_eq!(twice.err(), (!again).then_some(Refusal::PROPERTY_DUPLICATE));
                    }
                }
            }
        }
        assert_eq!(accepted, TABLE.iter().map(|row| row.2.count_ones()).sum::<u32>());
    }

    #[test]
    fn values_out_of_range() {
        let check = |field: &[u8], place, refusal| assert_eq!(Properties::parse(field, place), Err(refusal));
        check(&[0x01, 2], Place::Publish, Refusal::PROPERTY_VALUE);
        check(&[0x17, 2], Place::Connect, Refusal::PROPERTY_VALUE);
        check(&[0x19, 2], Place::Connect, Refusal::PROPERTY_VALUE);
        check(&[0x21, 0, 0], Place::Connect, Refusal::PROPERTY_VALUE);
        check(&[0x27, 0, 0, 0, 0], Place::Connect, Refusal::PROPERTY_VALUE);
        check(&[0x23, 0, 0], Place::Publish, Refusal::TOPIC_ALIAS_ZERO);
        check(&[0x0b, 0], Place::Subscribe, Refusal::PROPERTY_VALUE);
        check(&[0x0b, 0x81, 0], Place::Subscribe, Refusal::INTEGER_NOT_MINIMAL);
        check(&[0x0b, 0xff, 0xff, 0xff, 0xff], Place::Subscribe, Refusal::INTEGER_TOO_LONG);
        check(&[0x08, 0, 2, b'a', b'#'], Place::Publish, Refusal::RESPONSE_TOPIC);
        check(&[0x08, 0, 0], Place::Publish, Refusal::RESPONSE_TOPIC);
        check(&[0x03, 0, 1, 0], Place::Publish, Refusal::UTF8_NULL);
        check(&[0x26, 0, 1, b'a', 0, 1, 0xff], Place::Publish, Refusal::UTF8_MALFORMED);
        check(&[0x81, 0x01], Place::Publish, Refusal::PROPERTY_UNKNOWN);
        check(&[0xa6, 0x00], Place::Publish, Refusal::INTEGER_NOT_MINIMAL);
    }
}
