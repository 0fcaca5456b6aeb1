//! CONNECT, section 3.1 of both specifications.

use alloc::vec::Vec;

use super::read::Reader;
use super::{Place, Properties, Property, Refusal, Version, frame, text, write};

const USER_NAME: u8 = 0b1000_0000;
const PASSWORD: u8 = 0b0100_0000;
const WILL_RETAIN: u8 = 0b0010_0000;
const WILL_QOS: u8 = 0b0001_1000;
const WILL: u8 = 0b0000_0100;
const CLEAN_START: u8 = 0b0000_0010;
const RESERVED: u8 = 0b0000_0001;

/// A client's first packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connect<'a> {
    /// Which specification the connection follows from here on.
    pub version: Version,
    /// 3.1.1 calls it clean session.
    pub clean_start: bool,
    /// Seconds; 0 is none.
    pub keep_alive_s: u16,
    /// Empty in 3.1.1.
    pub properties: Properties<'a>,
    /// May be empty: then the server assigns one.
    pub client_id: &'a str,
    /// What to publish if the connection ends without DISCONNECT.
    pub will: Option<Will<'a>>,
    /// User name.
    pub user_name: Option<&'a str>,
    /// Password.
    pub password: Option<&'a [u8]>,
}

/// The will of a CONNECT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Will<'a> {
    /// 0, 1 or 2.
    pub qos: u8,
    /// Keep it on the topic.
    pub retain: bool,
    /// Empty in 3.1.1.
    pub properties: Properties<'a>,
    /// Where to.
    pub topic: &'a str,
    /// What.
    pub payload: &'a [u8],
}

/// The version a CONNECT names, even if the rest of the packet is refused: the refusal must speak its language.
#[must_use]
pub fn connect_version(packet: &[u8]) -> Option<Version> {
    let mut reader = Reader(packet);
    if reader.byte().ok()? >> 4 != frame::CONNECT {
        return None;
    }
    reader.variable().ok()?;
    let name = reader.binary().ok()?;
    if name != b"MQTT" {
        return None;
    }
    Version::from_level(reader.byte().ok()?)
}

impl<'a> Connect<'a> {
    /// A clean CONNECT with a keep alive of 60 s and nothing else.
    #[must_use]
    pub const fn new(version: Version, client_id: &'a str) -> Self {
        Self {
            version,
            clean_start: true,
            keep_alive_s: 60,
            properties: Properties::EMPTY,
            client_id,
            will: None,
            user_name: None,
            password: None,
        }
    }

    /// `body`: what follows the fixed header.
    pub(super) fn decode(body: &'a [u8]) -> Result<Self, Refusal> {
        let mut reader = Reader(body);
        if reader.text()? != "MQTT" {
            return Err(Refusal::PROTOCOL_NAME);
        }
        let version = Version::from_level(reader.byte()?).ok_or(Refusal::PROTOCOL_LEVEL)?;
        let flags = reader.byte()?;
        check_flags(flags, version)?;
        let keep_alive_s = reader.two_bytes()?;
        let properties = connect_properties(&mut reader, version)?;
        let client_id = reader.text()?;
        let clean_start = flags & CLEAN_START != 0;
        if client_id.is_empty() && !clean_start && version == Version::V311 {
            return Err(Refusal::CLIENT_ID_EMPTY);
        }
        let will = if flags & WILL == 0 { None } else { Some(Will::read(&mut reader, version, flags)?) };
        let user_name = if flags & USER_NAME == 0 { None } else { Some(reader.text()?) };
        let password = if flags & PASSWORD == 0 { None } else { Some(reader.binary()?) };
        reader.end()?;
        Ok(Self { version, clean_start, keep_alive_s, properties, client_id, will, user_name, password })
    }

    /// Appends the packet.
    ///
    /// # Errors
    /// The rule its fields break; `out` is then as it was.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), Refusal> {
        write::packet(out, frame::CONNECT << 4, |out| {
            let flag = |set: bool, flag: u8| if set { flag } else { 0 };
            let will = self.will.map_or(0, |will| {
                WILL | flag(will.retain, WILL_RETAIN) | (will.qos.min(3) << WILL_QOS.trailing_zeros())
            });
            let flags = will
                | flag(self.user_name.is_some(), USER_NAME)
                | flag(self.password.is_some(), PASSWORD)
                | flag(self.clean_start, CLEAN_START);
            check_flags(flags, self.version)?;
            if self.client_id.is_empty() && !self.clean_start && self.version == Version::V311 {
                return Err(Refusal::CLIENT_ID_EMPTY);
            }
            write::string(out, "MQTT")?;
            out.extend_from_slice(&[self.version.level(), flags]);
            write::two_bytes(out, self.keep_alive_s);
            if self.version == Version::V5 {
                self.properties.write(out, Place::Connect)?;
            }
            write::string(out, self.client_id)?;
            if let Some(will) = self.will {
                will.write(out, self.version)?;
            }
            if let Some(user_name) = self.user_name {
                write::string(out, user_name)?;
            }
            self.password.map_or(Ok(()), |password| write::binary(out, password))
        })
    }
}

impl<'a> Will<'a> {
    fn read(reader: &mut Reader<'a>, version: Version, flags: u8) -> Result<Self, Refusal> {
        let properties = match version {
            Version::V311 => Properties::EMPTY,
            Version::V5 => Properties::read(reader, Place::Will)?,
        };
        let topic = reader.text()?;
        text::topic_name(topic)?;
        let payload = reader.binary()?;
        check_payload(properties, payload)?;
        let qos = (flags & WILL_QOS) >> WILL_QOS.trailing_zeros();
        Ok(Self { qos, retain: flags & WILL_RETAIN != 0, properties, topic, payload })
    }

    fn write(&self, out: &mut Vec<u8>, version: Version) -> Result<(), Refusal> {
        if version == Version::V5 {
            self.properties.write(out, Place::Will)?;
        }
        text::topic_name(self.topic)?;
        check_payload(self.properties, self.payload)?;
        write::string(out, self.topic)?;
        write::binary(out, self.payload)
    }
}

/// A payload that is announced as UTF-8 must be UTF-8; any code point may stand in it.
pub(super) fn check_payload(properties: Properties<'_>, payload: &[u8]) -> Result<(), Refusal> {
    let says_text = properties.number(Property::PAYLOAD_FORMAT_INDICATOR) == Some(1);
    if says_text && core::str::from_utf8(payload).is_err() {
        return Err(Refusal::PAYLOAD_NOT_UTF8);
    }
    Ok(())
}

fn check_flags(flags: u8, version: Version) -> Result<(), Refusal> {
    let has = |flag: u8| flags & flag != 0;
    let broken = [
        (has(RESERVED), Refusal::CONNECT_RESERVED_FLAG),
        (!has(WILL) && has(WILL_QOS), Refusal::WILL_QOS_WITHOUT_WILL),
        (!has(WILL) && has(WILL_RETAIN), Refusal::WILL_RETAIN_WITHOUT_WILL),
        (flags & WILL_QOS == WILL_QOS, Refusal::WILL_QOS_3),
        (version == Version::V311 && has(PASSWORD) && !has(USER_NAME), Refusal::PASSWORD_WITHOUT_USER_NAME),
    ];
    broken.iter().find(|(is, _)| *is).map_or(Ok(()), |(_, refusal)| Err(*refusal))
}

fn connect_properties<'a>(reader: &mut Reader<'a>, version: Version) -> Result<Properties<'a>, Refusal> {
    if version == Version::V311 {
        return Ok(Properties::EMPTY);
    }
    let properties = Properties::read(reader, Place::Connect)?;
    if properties.has(Property::AUTHENTICATION_DATA) && !properties.has(Property::AUTHENTICATION_METHOD) {
        return Err(Refusal::AUTH_DATA_WITHOUT_METHOD);
    }
    Ok(properties)
}
