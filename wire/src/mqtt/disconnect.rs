//! DISCONNECT, section 3.14: empty in 3.1.1, with a reason in 5.0, where the server may send it too.

use alloc::vec::Vec;

use super::read::Reader;
use super::reason::ReasonPlace;
use super::{Place, Properties, Property, Reason, Refusal, Sender, Version, frame, write};

/// The last packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disconnect<'a> {
    /// Why; success in 3.1.1.
    pub reason: Reason,
    /// Empty in 3.1.1.
    pub properties: Properties<'a>,
}

impl<'a> Disconnect<'a> {
    /// A normal end.
    pub const NORMAL: Self = Self { reason: Reason::SUCCESS, properties: Properties::EMPTY };

    pub(super) fn decode(body: &'a [u8], version: Version, sender: Sender) -> Result<Self, Refusal> {
        let mut reader = Reader(body);
        let mut disconnect = Disconnect::NORMAL;
        if version == Version::V311 {
            reader.end().map_err(|_| Refusal::DISCONNECT_BODY)?;
            return Ok(disconnect);
        }
        if !reader.0.is_empty() {
            disconnect.reason = Reason(reader.byte()?);
            if !disconnect.reason.fits(reason_place(sender)) {
                return Err(Refusal::REASON_CODE);
            }
        }
        if !reader.0.is_empty() {
            disconnect.properties = Properties::read(&mut reader, place(sender))?;
        }
        reader.end()?;
        Ok(disconnect)
    }

    /// Appends the packet; in 3.1.1 reason and properties are left out.
    ///
    /// # Errors
    /// The rule its fields break; `out` is then as it was.
    pub fn encode(&self, version: Version, sender: Sender, out: &mut Vec<u8>) -> Result<(), Refusal> {
        write::packet(out, frame::DISCONNECT << 4, |out| {
            let plain = self.reason == Reason::SUCCESS && self.properties.is_empty();
            if version == Version::V311 || plain {
                return Ok(());
            }
            if !self.reason.fits(reason_place(sender)) {
                return Err(Refusal::REASON_CODE);
            }
            out.push(self.reason.0);
            if self.properties.is_empty() { Ok(()) } else { self.properties.write(out, place(sender)) }
        })
    }

    /// Words for a person, if the peer sent any.
    #[must_use]
    pub fn reason_string(&self) -> Option<&'a str> {
        self.properties.text(Property::REASON_STRING)
    }
}

const fn place(sender: Sender) -> Place {
    match sender {
        Sender::Client => Place::DisconnectByClient,
        Sender::Server => Place::DisconnectByServer,
    }
}

const fn reason_place(sender: Sender) -> ReasonPlace {
    match sender {
        Sender::Client => ReasonPlace::DISCONNECT_BY_CLIENT,
        Sender::Server => ReasonPlace::DISCONNECT_BY_SERVER,
    }
}
