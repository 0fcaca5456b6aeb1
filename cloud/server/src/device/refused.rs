//! Why a connection or a packet was refused: a broken rule of MQTT, or a rule of this house.
//!
//! In: nothing. Out: one name per cause, for counters and logs, and what the peer is told.

use std::fmt;

use wire::mqtt::{Answer311, Reason, Refusal};

/// Why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The specifications forbid it.
    Rule(Refusal),
    /// We do.
    House(House),
}

/// A rule of this house; a row of [`House::TABLE`].
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct House(u8);

/// What the table says of one.
#[derive(Clone, Copy, Debug)]
pub struct HouseRule {
    /// Name in counters and logs.
    pub name: &'static str,
    /// Reason code in a 5.0 CONNACK or DISCONNECT.
    pub reason: Reason,
    /// Return code in a 3.1.1 CONNACK.
    pub return_code: u8,
    /// What happened and what to do, without a full stop.
    pub text: &'static str,
}

/// 3.1.1 CONNACK return codes.
const UNAVAILABLE: u8 = 3;
const NOT_AUTHORISED: u8 = 5;

macro_rules! house_rules {
    ($($constant:ident $name:literal $reason:ident $code:ident $text:literal;)*) => {
        #[allow(non_camel_case_types, clippy::upper_case_acronyms, reason = "the row's number, from its constant's name")]
        enum Row { $($constant),* }
        impl House {
            $(#[doc = $text] pub const $constant: Self = Self(Row::$constant as u8);)*
            /// Every rule, in the order of [`House::index`].
            pub const TABLE: &'static [HouseRule] = &[$(HouseRule {
                name: $name, reason: Reason::$reason, return_code: $code, text: $text,
            }),*];
        }
    };
}

house_rules! {
    CERTIFICATE_UNKNOWN "certificate_unknown" NOT_AUTHORISED NOT_AUTHORISED
        "this certificate is not registered: issue one with `admin device add`";
    CERTIFICATE_REVOKED "certificate_revoked" NOT_AUTHORISED NOT_AUTHORISED
        "this certificate was revoked: carry a new bundle to the gateway";
    TOPIC "topic" NOT_AUTHORISED NOT_AUTHORISED
        "the topic must be inverters/SERIAL/reports with the certificate's serial number";
    USER_PROPERTIES "user_properties" QUOTA_EXCEEDED UNAVAILABLE
        "at most 8 user properties of 1,024 bytes together are accepted";
    CONNECT_RATE "connect_rate" CONNECTION_RATE_EXCEEDED UNAVAILABLE
        "this device connects too often: are two gateways using one certificate?";
    CLIENT_PACKET_LIMIT "client_packet_limit" PACKET_TOO_LARGE UNAVAILABLE
        "the client's maximum packet size is too small for our CONNACK";
    CONNECT_TIME "connect_time" KEEP_ALIVE_TIMEOUT UNAVAILABLE
        "no complete CONNECT within 10 s of the connection's start";
    TAKEN_OVER "taken_over" SESSION_TAKEN_OVER UNAVAILABLE
        "a newer connection of the same device took over";
    STOPPING "stopping" SERVER_SHUTTING_DOWN UNAVAILABLE
        "the server is stopping: connect again in a moment";
    WRITE_STALL "write_stall" UNSPECIFIED UNAVAILABLE
        "the peer took no bytes for 30 s";
    HTTP_REQUEST "http_request" UNSPECIFIED UNAVAILABLE
        "not a WebSocket request for /mqtt with subprotocol mqtt";
    WEB_SOCKET "web_socket" UNSPECIFIED UNAVAILABLE
        "a WebSocket frame broke RFC 6455, was not binary [MQTT-6.0.0-1], or was too large";
    TLS_HANDSHAKE "tls_handshake" UNSPECIFIED UNAVAILABLE
        "the TLS handshake failed";
    TLS_CERTIFICATE "tls_certificate" UNSPECIFIED UNAVAILABLE
        "no client certificate, or none of our device CA";
    TLS_SERVER_NAME "tls_server_name" UNSPECIFIED UNAVAILABLE
        "the ClientHello asks for a server name that is not ours";
    TLS_BROKEN "tls_broken" UNSPECIFIED UNAVAILABLE
        "a TLS record could not be read";
    CONNECTIONS "connections" SERVER_BUSY UNAVAILABLE
        "the limit of connections is reached";
    CONNECTIONS_PER_ADDRESS "connections_per_address" QUOTA_EXCEEDED UNAVAILABLE
        "the limit of connections from one address is reached";
}

impl House {
    /// Position in [`Self::TABLE`], for counters.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    /// The row.
    #[must_use]
    pub fn rule(self) -> &'static HouseRule {
        const FIRST: &HouseRule = match House::TABLE.first() {
            Some(rule) => rule,
            None => unreachable!(),
        };
        Self::TABLE.get(self.index()).unwrap_or(FIRST)
    }
}

impl Refused {
    /// Name in counters and logs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Rule(rule) => rule.name(),
            Self::House(house) => house.rule().name,
        }
    }

    /// Reason code for a 5.0 peer.
    #[must_use]
    pub fn reason(self) -> Reason {
        match self {
            Self::Rule(rule) => rule.reason(),
            Self::House(house) => house.rule().reason,
        }
    }

    /// Return code of a 3.1.1 CONNACK; none: close without one.
    #[must_use]
    pub fn return_code(self) -> Option<u8> {
        match self {
            Self::Rule(rule) => match rule.rule().v311 {
                Answer311::Close => None,
                Answer311::Return(code) => Some(code),
            },
            Self::House(house) => Some(house.rule().return_code),
        }
    }

    /// What happened, for the peer's log.
    #[must_use]
    pub fn text(self) -> &'static str {
        match self {
            Self::Rule(rule) => rule.rule().text,
            Self::House(house) => house.rule().text,
        }
    }
}

impl From<Refusal> for Refused {
    fn from(rule: Refusal) -> Self {
        Self::Rule(rule)
    }
}

impl From<House> for Refused {
    fn from(house: House) -> Self {
        Self::House(house)
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl fmt::Debug for House {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.rule().name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_across_both_tables() {
        let names: Vec<_> = House::TABLE
            .iter()
            .map(|rule| rule.name)
            .chain(Refusal::TABLE.iter().map(|rule| rule.name))
            .collect();
        for name in &names {
            assert_eq!(names.iter().filter(|other| *other == name).count(), 1, "{name}");
        }
    }
}
