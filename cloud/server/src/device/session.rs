//! The state of one MQTT connection, without I/O.
//!
//! In: bytes as they arrived, the present instant, and a [`Host`] that knows devices and the journal. Out: one
//! [`Step`] per packet and the bytes to send back. The first broken rule ends it; nothing after it is looked at.

use std::time::Duration;

use tokio::time::Instant;
use wire::mqtt::{
    self, Connect, Delivery, Disconnect, Framing, FromClient, PacketId, Properties, Property, Publish,
    Refusal, Sender, SubAck, Version,
};
use wire::{Serial, UtcMs};

use super::rate::{Bucket, Rate};
use super::{House, Refused, answer, limits};

/// What a session needs from outside.
pub trait Host {
    /// A CONNECT asks to come in.
    fn admit(&mut self, now: Instant, connect: &Connect<'_>) -> Admission;
    /// The wall clock, for CONNACK.
    fn wall_clock(&self) -> UtcMs;
    /// How many reports one session may send.
    fn report_rate(&self) -> Rate;
    /// A report on the right topic; `None` for QoS 0.
    fn report(&mut self, payload: &[u8], packet_id: Option<PacketId>, dup: bool) -> Taken;
    /// Filters of a SUBSCRIBE were refused.
    fn filters_refused(&mut self, count: u64);
}

/// The answer to a CONNECT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// Come in as this inverter.
    Granted(Serial),
    /// Not before this instant; ask again then.
    Later(Instant),
    /// No.
    Refused(House),
}

/// What became of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It is on its way to the journal.
    Submitted,
    /// No memory for it now: offer it again later.
    NoRoom,
    /// As many wait for their acknowledgement as may.
    Full,
    /// Its identifier waits for an acknowledgement already.
    IdentifierInUse,
}

/// What happened to the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The next packet is not complete.
    Wait,
    /// The first `0` bytes are done with.
    Took(usize),
    /// Nothing may be taken before this instant.
    NotBefore(Instant),
    /// Nothing may be taken before there is room in the journal's queue.
    NoRoom,
    /// Nothing may be taken before an acknowledgement has left.
    Full,
    /// The connection ends, once what is to be sent has left.
    End(End),
}

/// How a connection ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The client said so, or hung up.
    Goodbye,
    /// We refused something; it is to be counted.
    Refused(Refused),
}

/// One MQTT connection.
#[derive(Debug)]
pub struct Session {
    state: State,
    /// When the last complete packet arrived; before CONNECT, when the connection was accepted.
    last_packet: Instant,
}

#[derive(Debug)]
enum State {
    Arriving,
    Open(Open),
    Ended,
}

#[derive(Debug)]
struct Open {
    version: Version,
    serial: Serial,
    packets: Bucket,
    idle: Duration,
    /// The largest packet the client takes.
    maximum: u32,
    /// DISCONNECT may not set a session expiry if CONNECT had none.
    session_expiry: bool,
}

impl Session {
    /// A connection accepted at this instant.
    #[must_use]
    pub const fn new(accepted: Instant) -> Self {
        Self { state: State::Arriving, last_packet: accepted }
    }

    /// True once CONNECT was accepted.
    #[must_use]
    pub const fn is_open(&self) -> bool {
        matches!(self.state, State::Open(_))
    }

    /// The instant at which the connection ends if no packet arrives, and why.
    #[must_use]
    pub fn deadline(&self) -> (Instant, Refused) {
        match &self.state {
            State::Open(open) => (self.last_packet + open.idle, Refusal::KEEP_ALIVE.into()),
            State::Arriving | State::Ended => {
                (self.last_packet + limits::CONNECT_TIME, House::CONNECT_TIME.into())
            }
        }
    }

    /// The peer was not read for a while, by our choice: its silence does not count.
    pub fn excuse(&mut self, now: Instant) {
        if self.is_open() {
            self.last_packet = now;
        }
    }

    /// Looks at the first packet of `input`; appends answers to `out`.
    pub fn step(&mut self, input: &[u8], now: Instant, host: &mut impl Host, out: &mut Vec<u8>) -> Step {
        let result = match &self.state {
            State::Arriving => self.arrive(input, now, host, out),
            State::Open(_) => self.packet(input, now, host, out),
            State::Ended => Ok(Step::End(End::Goodbye)),
        };
        result.unwrap_or_else(|refused| self.refuse(refused, input, out))
    }

    /// Ends the connection for a reason that is not in the input; appends DISCONNECT where the protocol has one.
    pub fn end(&mut self, refused: impl Into<Refused>, out: &mut Vec<u8>) -> End {
        let refused = refused.into();
        if let State::Open(open) = &self.state {
            answer::disconnect(open.version, open.maximum, refused, out);
        }
        self.state = State::Ended;
        End::Refused(refused)
    }

    fn arrive(
        &mut self,
        input: &[u8],
        now: Instant,
        host: &mut impl Host,
        out: &mut Vec<u8>,
    ) -> Result<Step, Refused> {
        // Not a CONNECT: no need to wait for the rest of it.
        if input.first().is_some_and(|first| first >> 4 != 1) {
            return Err(Refusal::FIRST_NOT_CONNECT.into());
        }
        let Framing::Complete { length } = mqtt::frame(input, Sender::Client, limits::CONNECT_BYTES)? else {
            return Ok(Step::Wait);
        };
        let packet = input.get(..length).unwrap_or_default();
        let FromClient::Connect(connect) = mqtt::from_client(Version::V5, packet)? else {
            return Err(Refusal::FIRST_NOT_CONNECT.into());
        };
        check_connect(&connect)?;
        let serial = match host.admit(now, &connect) {
            Admission::Granted(serial) => serial,
            Admission::Later(instant) => return Ok(Step::NotBefore(instant)),
            Admission::Refused(house) => return Err(house.into()),
        };
        answer::accept(&connect, &serial, host.wall_clock(), out)?;
        self.last_packet = now;
        self.state = State::Open(Open {
            version: connect.version,
            serial,
            packets: Bucket::full(now),
            idle: idle(&connect),
            maximum: answer::maximum_packet_size(&connect),
            session_expiry: connect.properties.number(Property::SESSION_EXPIRY_INTERVAL).unwrap_or(0) != 0,
        });
        Ok(Step::Took(length))
    }

    fn packet(
        &mut self,
        input: &[u8],
        now: Instant,
        host: &mut impl Host,
        out: &mut Vec<u8>,
    ) -> Result<Step, Refused> {
        let State::Open(open) = &mut self.state else {
            return Ok(Step::End(End::Goodbye));
        };
        // A second CONNECT ends it whatever the rest of it says.
        if input.first().is_some_and(|first| first >> 4 == 1) {
            return Err(Refusal::SECOND_CONNECT.into());
        }
        let Framing::Complete { length } = mqtt::frame(input, Sender::Client, limits::PACKET_BYTES)? else {
            return Ok(Step::Wait);
        };
        let packet = mqtt::from_client(open.version, input.get(..length).unwrap_or_default())?;
        // Every packet counts, so that neither pings nor SUBSCRIBEs can be had faster than reports.
        let mut packets = open.packets;
        if let Err(instant) = packets.take(host.report_rate(), now) {
            return Ok(Step::NotBefore(instant));
        }
        match packet {
            FromClient::Publish(publish) => {
                if let Some(step) = open.publish(&publish, host)? {
                    return Ok(step);
                }
            }
            FromClient::PingReq => mqtt::ping_response(out),
            FromClient::Subscribe(subscribe) => {
                host.filters_refused(subscribe.filters().count() as u64);
                check_user_properties(subscribe.properties)?;
                SubAck::refuse(&subscribe, open.version, out)?;
            }
            FromClient::Disconnect(disconnect) => {
                open.check_disconnect(&disconnect)?;
                self.state = State::Ended;
                return Ok(Step::End(End::Goodbye));
            }
            FromClient::Connect(_) => return Err(Refusal::SECOND_CONNECT.into()),
        }
        open.packets = packets;
        self.last_packet = now;
        Ok(Step::Took(length))
    }

    fn refuse(&mut self, refused: Refused, input: &[u8], out: &mut Vec<u8>) -> Step {
        match &self.state {
            State::Open(open) => answer::disconnect(open.version, open.maximum, refused, out),
            State::Arriving | State::Ended => answer::refuse_connect(refused, input, out),
        }
        self.state = State::Ended;
        Step::End(End::Refused(refused))
    }
}

impl Open {
    /// Hands a report on; says what stands in its way, if anything.
    fn publish(&self, publish: &Publish<'_>, host: &mut impl Host) -> Result<Option<Step>, Refused> {
        let (packet_id, dup) = match publish.delivery {
            Delivery::AtMostOnce => (None, false),
            Delivery::AtLeastOnce { packet_id, dup } => (Some(packet_id), dup),
            Delivery::ExactlyOnce { .. } => return Err(Refusal::QOS_NOT_SUPPORTED.into()),
        };
        if publish.retain {
            return Err(Refusal::RETAIN_NOT_SUPPORTED.into());
        }
        if publish.topic_alias().is_some() {
            return Err(Refusal::TOPIC_ALIAS_TOO_LARGE.into());
        }
        check_user_properties(publish.properties)?;
        if !is_own_topic(publish.topic, &self.serial) {
            return Err(House::TOPIC.into());
        }
        // A 3.1.1 client may send again while it waits; a 5.0 client may not [MQTT-4.4.0-1].
        let resend = dup && self.version == Version::V311;
        match host.report(publish.payload, packet_id, resend) {
            Taken::Submitted => Ok(None),
            Taken::NoRoom => Ok(Some(Step::NoRoom)),
            Taken::Full if self.version == Version::V5 => Err(Refusal::RECEIVE_MAXIMUM_EXCEEDED.into()),
            Taken::Full => Ok(Some(Step::Full)),
            Taken::IdentifierInUse => Err(Refusal::PACKET_ID_IN_USE.into()),
        }
    }

    fn check_disconnect(&self, disconnect: &Disconnect<'_>) -> Result<(), Refused> {
        let expiry = disconnect.properties.number(Property::SESSION_EXPIRY_INTERVAL).unwrap_or(0);
        if expiry != 0 && !self.session_expiry {
            return Err(Refusal::DISCONNECT_SESSION_EXPIRY.into());
        }
        check_user_properties(disconnect.properties)
    }
}

/// `inverters/<serial>/reports`, nothing else.
fn is_own_topic(topic: &str, serial: &Serial) -> bool {
    topic.strip_prefix("inverters/").and_then(|rest| rest.strip_suffix("/reports")) == Some(serial.as_str())
}

fn check_connect(connect: &Connect<'_>) -> Result<(), Refused> {
    if connect.will.is_some() {
        return Err(Refusal::WILL_NOT_SUPPORTED.into());
    }
    if connect.properties.has(Property::AUTHENTICATION_METHOD) {
        return Err(Refusal::AUTH_METHOD.into());
    }
    check_user_properties(connect.properties)
}

fn check_user_properties(properties: Properties<'_>) -> Result<(), Refused> {
    if properties.is_empty() {
        return Ok(());
    }
    let (count, bytes) = properties
        .user()
        .fold((0, 0), |(count, bytes), (name, value)| (count + 1, bytes + name.len() + value.len()));
    if count > limits::USER_PROPERTIES || bytes > limits::USER_PROPERTY_BYTES {
        return Err(House::USER_PROPERTIES.into());
    }
    Ok(())
}

/// 5.0 clients are told our keep alive; a 3.1.1 client that asked for a shorter one is held to it.
fn idle(connect: &Connect<'_>) -> Duration {
    match (connect.version, connect.keep_alive_s) {
        (Version::V311, 1..) => {
            limits::IDLE.min(Duration::from_secs(u64::from(connect.keep_alive_s)) * 3 / 2)
        }
        _ => limits::IDLE,
    }
}
