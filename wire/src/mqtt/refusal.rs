//! Every rule of the two specifications that a received byte can break, by name.
//!
//! In: nothing. Out: the table: name, the rules' ids (the two specifications number them differently; a section
//! stands where a rule has no id), the reason code for a 5.0 peer, what a 3.1.1 peer gets, and plain words.

use core::fmt;

use super::Reason;

/// One broken rule; a row of [`Refusal::TABLE`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Refusal(u8);

/// What the table says of one refusal.
#[derive(Clone, Copy, Debug)]
pub struct Rule {
    /// Name in counters and logs.
    pub name: &'static str,
    /// Ids in the 3.1.1 specification, or `v3.1.1 §section`.
    pub v311_ids: &'static [&'static str],
    /// Ids in the 5.0 specification, or `v5.0 §section`.
    pub v5_ids: &'static [&'static str],
    /// Reason code in a 5.0 CONNACK or DISCONNECT.
    pub reason: Reason,
    /// What a 3.1.1 client gets.
    pub v311: Answer311,
    /// One sentence without a full stop.
    pub text: &'static str,
}

/// What a 3.1.1 client gets before the connection closes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer311 {
    /// Nothing.
    Close,
    /// In answer to CONNECT, this return code; later, nothing.
    Return(u8),
}

macro_rules! refusals {
    ($($constant:ident $name:literal $v311:tt $v5:tt $reason:ident $answer:expr, $text:literal;)*) => {
        #[allow(non_camel_case_types, clippy::upper_case_acronyms, reason = "the row's number, from its constant's name")]
        enum Row { $($constant),* }
        #[allow(missing_docs, reason = "the table's text is the documentation")]
        impl Refusal {
            $(#[doc = $text] pub const $constant: Self = Self(Row::$constant as u8);)*
            /// Every refusal, in the order of [`Refusal::index`].
            pub const TABLE: &'static [Rule] = &[$(Rule {
                name: $name, v311_ids: &$v311, v5_ids: &$v5, reason: Reason::$reason, v311: $answer, text: $text,
            }),*];
        }
    };
}

use Answer311::{Close, Return};

refusals! {
    // Fixed header.
    PACKET_TYPE_RESERVED "packet_type_reserved" ["v3.1.1 §2.2.1"] ["v5.0 §2.1.2"] MALFORMED_PACKET Close,
        "the packet type is reserved";
    FIXED_HEADER_FLAGS "fixed_header_flags"
        ["MQTT-2.2.2-1", "MQTT-2.2.2-2", "MQTT-3.6.1-1", "MQTT-3.8.1-1", "MQTT-3.10.1-1", "MQTT-3.14.1-1"]
        ["MQTT-2.1.3-1", "MQTT-3.6.1-1", "MQTT-3.8.1-1", "MQTT-3.10.1-1", "MQTT-3.14.1-1", "MQTT-3.15.1-1"]
        MALFORMED_PACKET Close, "the fixed header's flags are not those of the packet type";
    REMAINING_LENGTH_TOO_LONG "remaining_length_too_long" ["v3.1.1 §2.2.3"] ["v5.0 §1.5.5", "v5.0 §2.1.4"]
        MALFORMED_PACKET Close, "the remaining length takes more than four bytes";
    REMAINING_LENGTH_NOT_MINIMAL "remaining_length_not_minimal" ["v3.1.1 §2.2.3"] ["MQTT-1.5.5-1"]
        MALFORMED_PACKET Close, "the remaining length is not in its shortest form";
    PACKET_TOO_LARGE "packet_too_large" ["v3.1.1 §4.8"] ["v5.0 §3.2.2.3.6", "MQTT-3.2.2-15"]
        PACKET_TOO_LARGE Close, "the packet is larger than the maximum";
    SERVER_PACKET "server_packet" ["MQTT-4.8.0-1"] ["v5.0 §2.1.2", "MQTT-4.13.1-1"] PROTOCOL_ERROR Close,
        "only a server sends this packet, or only in answer to a PUBLISH that was never sent";
    CLIENT_PACKET "client_packet" ["MQTT-4.8.0-1"] ["v5.0 §2.1.2", "MQTT-4.13.1-1"] PROTOCOL_ERROR Close,
        "only a client sends this packet, or only in answer to one that was never sent";
    UNSUBSCRIBE "unsubscribe" ["v3.1.1 §3.10"] ["v5.0 §3.10"] IMPLEMENTATION_SPECIFIC Close,
        "UNSUBSCRIBE is not served: there is nothing to subscribe to";
    AUTH "auth" ["v3.1.1 §2.2.1"] ["MQTT-4.12.0-6"] PROTOCOL_ERROR Close,
        "AUTH without an authentication method in CONNECT";

    // Fields.
    TRUNCATED "truncated" ["v3.1.1 §2.2.3", "MQTT-4.8.0-1"] ["v5.0 §4.13.1"] MALFORMED_PACKET Close,
        "a field ends beyond the packet";
    TRAILING_BYTES "trailing_bytes" ["v3.1.1 §2.2.3", "MQTT-4.8.0-1"] ["v5.0 §4.13.1"] MALFORMED_PACKET Close,
        "bytes follow the last field";
    INTEGER_TOO_LONG "integer_too_long" ["v3.1.1 §2.2.3"] ["v5.0 §1.5.5"] MALFORMED_PACKET Close,
        "a variable byte integer takes more than four bytes";
    INTEGER_NOT_MINIMAL "integer_not_minimal" ["v3.1.1 §2.2.3"] ["MQTT-1.5.5-1"] MALFORMED_PACKET Close,
        "a variable byte integer is not in its shortest form";
    UTF8_MALFORMED "utf8_malformed" ["MQTT-1.5.3-1", "MQTT-3.1.3-4", "MQTT-3.1.3-10", "MQTT-3.1.3-11", "MQTT-3.3.2-1",
        "MQTT-3.8.3-1"] ["MQTT-1.5.4-1", "MQTT-1.5.7-1", "MQTT-3.1.3-4", "MQTT-3.1.3-11", "MQTT-3.1.3-12",
        "MQTT-3.3.2-1", "MQTT-3.3.2-13", "MQTT-3.3.2-19", "MQTT-3.8.3-1"]
        MALFORMED_PACKET Close, "a string is not well-formed UTF-8, or encodes a surrogate";
    UTF8_NULL "utf8_null" ["MQTT-1.5.3-2", "MQTT-4.7.3-2"] ["MQTT-1.5.4-2", "MQTT-4.7.3-2"] MALFORMED_PACKET Close,
        "a string contains U+0000";
    UTF8_CONTROL "utf8_control" ["v3.1.1 §1.5.3"] ["v5.0 §1.5.4"] MALFORMED_PACKET Close,
        "a string contains a control character, U+0001 to U+001F or U+007F to U+009F";
    UTF8_NON_CHARACTER "utf8_non_character" ["v3.1.1 §1.5.3"] ["v5.0 §1.5.4"] MALFORMED_PACKET Close,
        "a string contains a code point that is not a character, such as U+FFFF";
    PACKET_ID_ZERO "packet_id_zero" ["MQTT-2.3.1-1"] ["MQTT-2.2.1-3", "MQTT-2.2.1-4"] PROTOCOL_ERROR Close,
        "the packet identifier is zero";
    TOPIC_EMPTY "topic_empty" ["MQTT-4.7.3-1"] ["MQTT-4.7.3-1", "v5.0 §3.3.2.1"] PROTOCOL_ERROR Close,
        "the topic name is empty and no alias stands for it";
    TOPIC_WILDCARD "topic_wildcard" ["MQTT-3.3.2-2", "MQTT-4.7.1-1"] ["MQTT-3.3.2-2", "MQTT-4.7.0-1"]
        MALFORMED_PACKET Close, "the topic name contains a wildcard";

    // Properties (5.0 only).
    PROPERTY_LENGTH "property_length" [] ["MQTT-2.2.2-1", "v5.0 §2.2.2.1"] MALFORMED_PACKET Close,
        "the property length reaches beyond the packet, or cuts a property in two";
    PROPERTY_UNKNOWN "property_unknown" [] ["v5.0 §2.2.2.2"] MALFORMED_PACKET Close,
        "the property identifier is not defined";
    PROPERTY_NOT_ALLOWED "property_not_allowed" [] ["v5.0 §2.2.2.2", "MQTT-3.14.2-2"] MALFORMED_PACKET Close,
        "the property does not belong in this packet";
    PROPERTY_DUPLICATE "property_duplicate" [] ["v5.0 §2.2.2.2", "v5.0 §3.1.2.11"] PROTOCOL_ERROR Close,
        "a property appears twice";
    PROPERTY_VALUE "property_value" [] ["v5.0 §3.1.2.11", "v5.0 §3.2.2.3", "v5.0 §3.3.2.3.2", "v5.0 §3.8.2.1.2"]
        PROTOCOL_ERROR Close, "the property's value is out of its range";
    RESPONSE_TOPIC "response_topic" [] ["MQTT-3.3.2-14", "MQTT-4.7.3-1"] PROTOCOL_ERROR Close,
        "the response topic is empty or contains a wildcard";

    // CONNECT.
    FIRST_NOT_CONNECT "first_not_connect" ["MQTT-3.1.0-1"] ["MQTT-3.1.0-1"] PROTOCOL_ERROR Close,
        "the first packet is not CONNECT";
    SECOND_CONNECT "second_connect" ["MQTT-3.1.0-2"] ["MQTT-3.1.0-2"] PROTOCOL_ERROR Close,
        "a second CONNECT on the same connection";
    PROTOCOL_NAME "protocol_name" ["MQTT-3.1.2-1"] ["MQTT-3.1.2-1"] UNSUPPORTED_PROTOCOL_VERSION Close,
        "the protocol name is not MQTT";
    PROTOCOL_LEVEL "protocol_level" ["MQTT-3.1.2-2"] ["MQTT-3.1.2-2"] UNSUPPORTED_PROTOCOL_VERSION Return(1),
        "the protocol level is neither 4 (3.1.1) nor 5 (5.0)";
    CONNECT_RESERVED_FLAG "connect_reserved_flag" ["MQTT-3.1.2-3"] ["MQTT-3.1.2-3"] MALFORMED_PACKET Close,
        "the reserved connect flag is set";
    WILL_QOS_WITHOUT_WILL "will_qos_without_will" ["MQTT-3.1.2-11", "MQTT-3.1.2-13"] ["MQTT-3.1.2-11"]
        MALFORMED_PACKET Close, "a will QoS without a will";
    WILL_RETAIN_WITHOUT_WILL "will_retain_without_will" ["MQTT-3.1.2-11", "MQTT-3.1.2-15"] ["MQTT-3.1.2-13"]
        MALFORMED_PACKET Close, "a will retain flag without a will";
    WILL_QOS_3 "will_qos_3" ["MQTT-3.1.2-14"] ["MQTT-3.1.2-12"] MALFORMED_PACKET Close, "the will's QoS is 3";
    PASSWORD_WITHOUT_USER_NAME "password_without_user_name" ["MQTT-3.1.2-22"] [] MALFORMED_PACKET Close,
        "a password without a user name";
    CLIENT_ID_EMPTY "client_id_empty" ["MQTT-3.1.3-7", "MQTT-3.1.3-8", "MQTT-3.1.3-9"] ["MQTT-3.1.3-8"]
        CLIENT_IDENTIFIER_NOT_VALID Return(2), "an empty client identifier asks for a kept session";
    AUTH_DATA_WITHOUT_METHOD "auth_data_without_method" [] ["v5.0 §3.1.2.11.10"] PROTOCOL_ERROR Close,
        "authentication data without a method";
    AUTH_METHOD "auth_method" [] ["MQTT-4.12.0-1"] BAD_AUTHENTICATION_METHOD Close,
        "no authentication method is offered: the certificate is the identity";
    WILL_NOT_SUPPORTED "will_not_supported" ["v3.1.1 §3.1.2.5"] ["v5.0 §3.1.2.5", "MQTT-3.2.2-12", "MQTT-3.2.2-13"]
        IMPLEMENTATION_SPECIFIC Return(5), "wills are not supported";

    // PUBLISH.
    QOS_3 "qos_3" ["MQTT-3.3.1-4"] ["MQTT-3.3.1-4"] MALFORMED_PACKET Close, "the QoS is 3";
    DUP_WITH_QOS_0 "dup_with_qos_0" ["MQTT-3.3.1-2"] ["MQTT-3.3.1-2"] MALFORMED_PACKET Close, "DUP is set at QoS 0";
    QOS_NOT_SUPPORTED "qos_not_supported" ["v3.1.1 §4.3.3"] ["MQTT-3.2.2-11"] QOS_NOT_SUPPORTED Close,
        "QoS 2 is not supported";
    RETAIN_NOT_SUPPORTED "retain_not_supported" ["v3.1.1 §3.3.1.3"] ["MQTT-3.2.2-14"] RETAIN_NOT_SUPPORTED Close,
        "retained messages are not supported";
    TOPIC_ALIAS_ZERO "topic_alias_zero" [] ["MQTT-3.3.2-8"] TOPIC_ALIAS_INVALID Close, "the topic alias is zero";
    TOPIC_ALIAS_TOO_LARGE "topic_alias_too_large" [] ["MQTT-3.3.2-9", "MQTT-3.2.2-17"] TOPIC_ALIAS_INVALID Close,
        "the topic alias is above the announced maximum of 0";
    SUBSCRIPTION_ID_FROM_CLIENT "subscription_id_from_client" [] ["MQTT-3.3.4-6"] PROTOCOL_ERROR Close,
        "a subscription identifier in a client's PUBLISH";
    PAYLOAD_NOT_UTF8 "payload_not_utf8" [] ["v5.0 §3.3.2.3.2"] PAYLOAD_FORMAT_INVALID Close,
        "the payload format indicator says UTF-8 and the payload is not";
    PACKET_ID_IN_USE "packet_id_in_use" ["MQTT-2.3.1-2"] ["MQTT-2.2.1-3", "MQTT-4.4.0-1"] PROTOCOL_ERROR Close,
        "the packet identifier waits for its acknowledgement already";
    RECEIVE_MAXIMUM_EXCEEDED "receive_maximum_exceeded" [] ["MQTT-3.3.4-7", "v5.0 §4.9"] RECEIVE_MAXIMUM_EXCEEDED Close,
        "more publishes are in flight than the announced receive maximum";

    // SUBSCRIBE.
    SUBSCRIBE_EMPTY "subscribe_empty" ["MQTT-3.8.3-3"] ["MQTT-3.8.3-2"] PROTOCOL_ERROR Close,
        "SUBSCRIBE without a topic filter";
    SUBSCRIBE_OPTIONS "subscribe_options" ["MQTT-3-8.3-4"] ["MQTT-3.8.3-5", "v5.0 §3.8.3.1"] MALFORMED_PACKET Close,
        "the subscription options have reserved bits set, QoS 3 or retain handling 3";
    TOPIC_FILTER "topic_filter" ["MQTT-4.7.1-2", "MQTT-4.7.1-3", "MQTT-4.7.3-1"]
        ["MQTT-4.7.1-1", "MQTT-4.7.1-2", "MQTT-4.7.3-1"] TOPIC_FILTER_INVALID Close,
        "the topic filter is empty or has a misplaced wildcard";
    SHARE_NAME "share_name" [] ["MQTT-4.8.2-1", "MQTT-4.8.2-2"] TOPIC_FILTER_INVALID Close,
        "the shared subscription has no share name or no filter, or a wildcard in its name";
    NO_LOCAL_ON_SHARED "no_local_on_shared" [] ["MQTT-3.8.3-4"] PROTOCOL_ERROR Close,
        "no local on a shared subscription";

    // PINGREQ, DISCONNECT, and the keep alive.
    PING_BODY "ping_body" ["v3.1.1 §3.12.1"] ["v5.0 §3.12.1"] MALFORMED_PACKET Close, "a ping with a body";
    DISCONNECT_BODY "disconnect_body" ["v3.1.1 §3.14.1"] [] MALFORMED_PACKET Close, "a 3.1.1 DISCONNECT with a body";
    REASON_CODE "reason_code" ["v3.1.1 §3.2.2.3", "MQTT-3.9.3-2"]
        ["MQTT-3.2.2-8", "MQTT-3.4.2-1", "MQTT-3.9.3-2", "MQTT-3.14.2-1"] MALFORMED_PACKET Close,
        "the reason code is not one this packet may carry from this end";
    DISCONNECT_SESSION_EXPIRY "disconnect_session_expiry" [] ["v5.0 §3.14.2.2.2"] PROTOCOL_ERROR Close,
        "DISCONNECT sets a session expiry that CONNECT had as zero";
    KEEP_ALIVE "keep_alive" ["MQTT-3.1.2-24"] ["MQTT-3.1.2-22"] KEEP_ALIVE_TIMEOUT Close,
        "nothing was received for one and a half times the keep alive";

    // CONNACK, seen by a client.
    CONNACK_FLAGS "connack_flags" ["v3.1.1 §3.2.2.1"] ["MQTT-3.2.2-1"] MALFORMED_PACKET Close,
        "a reserved acknowledge flag is set";
    SESSION_PRESENT_REFUSED "session_present_refused" ["MQTT-3.2.2-4"] ["MQTT-3.2.2-6"] PROTOCOL_ERROR Close,
        "a refusing CONNACK says that a session is present";
}

impl Refusal {
    /// Position in [`Self::TABLE`], for counters.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    /// The row.
    #[must_use]
    pub fn rule(self) -> &'static Rule {
        // Every constant is a row's own number; the first row stands in for what cannot be.
        const FIRST: &Rule = match Refusal::TABLE.first() {
            Some(rule) => rule,
            None => unreachable!(),
        };
        Self::TABLE.get(self.index()).unwrap_or(FIRST)
    }

    /// Name in counters and logs.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.rule().name
    }

    /// Reason code for a 5.0 peer.
    #[must_use]
    pub fn reason(self) -> Reason {
        self.rule().reason
    }
}

impl fmt::Debug for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.rule().text)
    }
}

impl core::error::Error for Refusal {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_has_a_name_of_its_own_a_rule_and_a_failing_reason() {
        for (index, rule) in Refusal::TABLE.iter().enumerate() {
            assert_eq!(
                Refusal::TABLE.iter().filter(|other| other.name == rule.name).count(),
                1,
                "{}",
                rule.name
            );
            assert!(!rule.v311_ids.is_empty() || !rule.v5_ids.is_empty(), "{}", rule.name);
            assert!(!rule.reason.is_success(), "{}", rule.name);
            assert_eq!(Refusal(u8::try_from(index).unwrap()).name(), rule.name);
        }
    }
}
