//! Reason codes of MQTT 5.0, section 2.4, and what CONNACK may say in 3.1.1.
//!
//! In: the byte. Out: its name. The table says which packets may carry it and which end may send them.

use core::fmt;

/// A reason code: below 0x80 it went well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Reason(pub u8);

const CONNACK: u8 = 1;
const PUBACK: u8 = 2;
const SUBACK: u8 = 4;
const DISCONNECT_BY_CLIENT: u8 = 8;
const DISCONNECT_BY_SERVER: u8 = 16;

macro_rules! reasons {
    ($($(#[$doc:meta])* $constant:ident = $code:literal, $name:literal, $places:expr;)*) => {
        impl Reason {
            $($(#[$doc])* pub const $constant: Self = Self($code);)*
        }
        const TABLE: &[(u8, &str, u8)] = &[$(($code, $name, $places)),*];
    };
}

reasons! {
    /// Success; normal disconnection; granted QoS 0.
    SUCCESS = 0x00, "success", CONNACK | PUBACK | SUBACK | DISCONNECT_BY_CLIENT | DISCONNECT_BY_SERVER;
    /// Granted QoS 1.
    GRANTED_QOS_1 = 0x01, "granted QoS 1", SUBACK;
    /// Granted QoS 2.
    GRANTED_QOS_2 = 0x02, "granted QoS 2", SUBACK;
    /// Disconnect and publish the will.
    DISCONNECT_WITH_WILL = 0x04, "disconnect with will message", DISCONNECT_BY_CLIENT;
    /// Nobody subscribes to the topic.
    NO_MATCHING_SUBSCRIBERS = 0x10, "no matching subscribers", PUBACK;
    /// Unspecified error.
    UNSPECIFIED = 0x80, "unspecified error", CONNACK | PUBACK | SUBACK | DISCONNECT_BY_CLIENT | DISCONNECT_BY_SERVER;
    /// The packet could not be parsed.
    MALFORMED_PACKET = 0x81, "malformed packet", CONNACK | DISCONNECT_BY_CLIENT | DISCONNECT_BY_SERVER;
    /// The packet parsed and broke the protocol.
    PROTOCOL_ERROR = 0x82, "protocol error", CONNACK | DISCONNECT_BY_CLIENT | DISCONNECT_BY_SERVER;
    /// Valid, and not accepted by this implementation.
    IMPLEMENTATION_SPECIFIC = 0x83, "implementation specific error",
        CONNACK | PUBACK | SUBACK | DISCONNECT_BY_CLIENT | DISCONNECT_BY_SERVER;
    /// Neither 3.1.1 nor 5.0.
    UNSUPPORTED_PROTOCOL_VERSION = 0x84, "unsupported protocol version", CONNACK;
    /// The client identifier is valid and not allowed.
    CLIENT_IDENTIFIER_NOT_VALID = 0x85, "client identifier not valid", CONNACK;
    /// Wrong user name or password.
    BAD_USER_NAME_OR_PASSWORD = 0x86, "bad user name or password", CONNACK;
    /// Not authorised: the certificate, or the topic, is not this device's.
    NOT_AUTHORISED = 0x87, "not authorised", CONNACK | PUBACK | SUBACK | DISCONNECT_BY_SERVER;
    /// The server is not available.
    SERVER_UNAVAILABLE = 0x88, "server unavailable", CONNACK;
    /// The server is busy: try again later.
    SERVER_BUSY = 0x89, "server busy", CONNACK | DISCONNECT_BY_SERVER;
    /// Banned by an operator.
    BANNED = 0x8A, "banned", CONNACK;
    /// The server is shutting down.
    SERVER_SHUTTING_DOWN = 0x8B, "server shutting down", DISCONNECT_BY_SERVER;
    /// Authentication method not supported.
    BAD_AUTHENTICATION_METHOD = 0x8C, "bad authentication method", CONNACK;
    /// Nothing received for 1.5 times the keep alive.
    KEEP_ALIVE_TIMEOUT = 0x8D, "keep alive timeout", DISCONNECT_BY_SERVER;
    /// A newer session took over.
    SESSION_TAKEN_OVER = 0x8E, "session taken over", DISCONNECT_BY_SERVER;
    /// The topic filter is not valid.
    TOPIC_FILTER_INVALID = 0x8F, "topic filter invalid", SUBACK | DISCONNECT_BY_SERVER;
    /// The topic name is not accepted.
    TOPIC_NAME_INVALID = 0x90, "topic name invalid", CONNACK | PUBACK | DISCONNECT_BY_CLIENT | DISCONNECT_BY_SERVER;
    /// The packet identifier is in use.
    PACKET_IDENTIFIER_IN_USE = 0x91, "packet identifier in use", PUBACK | SUBACK;
    /// More in flight than the receive maximum.
    RECEIVE_MAXIMUM_EXCEEDED = 0x93, "receive maximum exceeded", DISCONNECT_BY_CLIENT | DISCONNECT_BY_SERVER;
    /// The topic alias is 0 or above the maximum.
    TOPIC_ALIAS_INVALID = 0x94, "topic alias invalid", DISCONNECT_BY_CLIENT | DISCONNECT_BY_SERVER;
    /// The packet is larger than the maximum.
    PACKET_TOO_LARGE = 0x95, "packet too large", CONNACK | DISCONNECT_BY_CLIENT | DISCONNECT_BY_SERVER;
    /// Too many messages.
    MESSAGE_RATE_TOO_HIGH = 0x96, "message rate too high", DISCONNECT_BY_CLIENT | DISCONNECT_BY_SERVER;
    /// A quota was exceeded.
    QUOTA_EXCEEDED = 0x97, "quota exceeded", CONNACK | PUBACK | SUBACK | DISCONNECT_BY_CLIENT | DISCONNECT_BY_SERVER;
    /// Closed by an administrator.
    ADMINISTRATIVE_ACTION = 0x98, "administrative action", DISCONNECT_BY_CLIENT | DISCONNECT_BY_SERVER;
    /// The payload is not of the announced format.
    PAYLOAD_FORMAT_INVALID = 0x99, "payload format invalid",
        CONNACK | PUBACK | DISCONNECT_BY_CLIENT | DISCONNECT_BY_SERVER;
    /// Retained messages are not supported.
    RETAIN_NOT_SUPPORTED = 0x9A, "retain not supported", CONNACK | DISCONNECT_BY_SERVER;
    /// The QoS is not supported.
    QOS_NOT_SUPPORTED = 0x9B, "QoS not supported", CONNACK | DISCONNECT_BY_SERVER;
    /// Use another server for now.
    USE_ANOTHER_SERVER = 0x9C, "use another server", CONNACK | DISCONNECT_BY_SERVER;
    /// Use another server from now on.
    SERVER_MOVED = 0x9D, "server moved", CONNACK | DISCONNECT_BY_SERVER;
    /// Shared subscriptions are not supported.
    SHARED_SUBSCRIPTIONS_NOT_SUPPORTED = 0x9E, "shared subscriptions not supported", SUBACK | DISCONNECT_BY_SERVER;
    /// Too many connections in a short time.
    CONNECTION_RATE_EXCEEDED = 0x9F, "connection rate exceeded", CONNACK | DISCONNECT_BY_SERVER;
    /// The maximum connection time is over.
    MAXIMUM_CONNECT_TIME = 0xA0, "maximum connect time", DISCONNECT_BY_SERVER;
    /// Subscription identifiers are not supported.
    SUBSCRIPTION_IDENTIFIERS_NOT_SUPPORTED = 0xA1, "subscription identifiers not supported",
        SUBACK | DISCONNECT_BY_SERVER;
    /// Wildcard subscriptions are not supported.
    WILDCARD_SUBSCRIPTIONS_NOT_SUPPORTED = 0xA2, "wildcard subscriptions not supported", SUBACK | DISCONNECT_BY_SERVER;
}

/// Return codes of a 3.1.1 CONNACK, section 3.2.2.3, by number.
const RETURN_CODES_311: [&str; 6] = [
    "accepted",
    "unacceptable protocol version",
    "identifier rejected",
    "server unavailable",
    "bad user name or password",
    "not authorised",
];

impl Reason {
    /// True below 0x80.
    #[must_use]
    pub const fn is_success(self) -> bool {
        self.0 < 0x80
    }

    /// The specification's name, lower case.
    #[must_use]
    pub fn name(self) -> &'static str {
        TABLE.iter().find(|row| row.0 == self.0).map_or("unknown reason", |row| row.1)
    }

    /// The name of a 3.1.1 CONNACK return code.
    #[must_use]
    pub fn return_code_name(code: u8) -> &'static str {
        RETURN_CODES_311.get(usize::from(code)).copied().unwrap_or("unknown return code")
    }

    pub(super) fn fits(self, place: ReasonPlace) -> bool {
        TABLE.iter().any(|row| row.0 == self.0 && row.2 & place.0 != 0)
    }
}

/// A packet that carries a reason code, and who sends it.
#[derive(Clone, Copy)]
pub(super) struct ReasonPlace(u8);

impl ReasonPlace {
    pub(super) const CONNACK: Self = Self(CONNACK);
    pub(super) const PUBACK: Self = Self(PUBACK);
    pub(super) const SUBACK: Self = Self(SUBACK);
    pub(super) const DISCONNECT_BY_CLIENT: Self = Self(DISCONNECT_BY_CLIENT);
    pub(super) const DISCONNECT_BY_SERVER: Self = Self(DISCONNECT_BY_SERVER);
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "0x{:02x} ({})", self.0, self.name())
    }
}
