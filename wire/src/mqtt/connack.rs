//! CONNACK, section 3.2 of both specifications.

use alloc::vec::Vec;

use super::read::Reader;
use super::reason::ReasonPlace;
use super::{Place, Properties, Property, Reason, Refusal, Version, frame, write};

/// Highest return code of 3.1.1.
const LAST_RETURN_CODE: u8 = 5;

/// The answer to CONNECT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnAck<'a> {
    /// The server kept a session.
    pub session_present: bool,
    /// 0: accepted. Else a return code (3.1.1, 1 to 5) or a reason code (5.0, 0x80 and above).
    pub code: u8,
    /// Empty in 3.1.1.
    pub properties: Properties<'a>,
}

impl<'a> ConnAck<'a> {
    /// A refusal without properties.
    #[must_use]
    pub const fn refuse(code: u8) -> Self {
        Self { session_present: false, code, properties: Properties::EMPTY }
    }

    pub(super) fn decode(body: &'a [u8], version: Version) -> Result<Self, Refusal> {
        let mut reader = Reader(body);
        let flags = reader.byte()?;
        if flags > 1 {
            return Err(Refusal::CONNACK_FLAGS);
        }
        let code = reader.byte()?;
        let properties = match version {
            Version::V311 => Properties::EMPTY,
            Version::V5 => Properties::read(&mut reader, Place::ConnAck)?,
        };
        reader.end()?;
        let ack = Self { session_present: flags == 1, code, properties };
        ack.check(version)?;
        Ok(ack)
    }

    /// Appends the packet.
    ///
    /// # Errors
    /// The rule its fields break; `out` is then as it was.
    pub fn encode(&self, version: Version, out: &mut Vec<u8>) -> Result<(), Refusal> {
        write::packet(out, frame::CONNACK << 4, |out| {
            self.check(version)?;
            out.extend_from_slice(&[u8::from(self.session_present), self.code]);
            match version {
                Version::V311 => Ok(()),
                Version::V5 => self.properties.write(out, Place::ConnAck),
            }
        })
    }

    /// True if the connection stands.
    #[must_use]
    pub const fn is_accepted(&self) -> bool {
        self.code == 0
    }

    /// The code's name in its specification.
    #[must_use]
    pub fn code_name(&self, version: Version) -> &'static str {
        match version {
            Version::V311 => Reason::return_code_name(self.code),
            Version::V5 => Reason(self.code).name(),
        }
    }

    /// The server's clock, RFC 3339: our user property `server-time`.
    #[must_use]
    pub fn server_time(&self) -> Option<&'a str> {
        self.properties.user().find(|(name, _)| *name == SERVER_TIME).map(|(_, value)| value)
    }

    /// QoS 1 publishes that may be in flight.
    #[must_use]
    pub fn receive_maximum(&self) -> u16 {
        self.properties
            .number(Property::RECEIVE_MAXIMUM)
            .and_then(|maximum| u16::try_from(maximum).ok())
            .unwrap_or(u16::MAX)
    }

    /// Bytes of the largest packet the server takes, if it says.
    #[must_use]
    pub fn maximum_packet_size(&self) -> Option<u32> {
        self.properties.number(Property::MAXIMUM_PACKET_SIZE)
    }

    /// The keep alive to use instead of one's own, seconds, if the server says.
    #[must_use]
    pub fn server_keep_alive_s(&self) -> Option<u16> {
        self.properties.number(Property::SERVER_KEEP_ALIVE).and_then(|seconds| u16::try_from(seconds).ok())
    }

    /// Words for a person, if the server sent any.
    #[must_use]
    pub fn reason_string(&self) -> Option<&'a str> {
        self.properties.text(Property::REASON_STRING)
    }

    fn check(&self, version: Version) -> Result<(), Refusal> {
        let known = match version {
            Version::V311 => self.code <= LAST_RETURN_CODE,
            Version::V5 => Reason(self.code).fits(ReasonPlace::CONNACK),
        };
        if !known {
            return Err(Refusal::REASON_CODE);
        }
        if self.session_present && self.code != 0 {
            return Err(Refusal::SESSION_PRESENT_REFUSED);
        }
        Ok(())
    }
}

/// Name of the user property in CONNACK that carries the server's clock.
pub const SERVER_TIME: &str = "server-time";
