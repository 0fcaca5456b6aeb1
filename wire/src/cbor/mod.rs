//! What the report and the native frame share of CBOR (RFC 8949): a reader that names key and byte in its errors; the
//! sample's maps and masks in a room of their own.
//!
//! In: bytes from outside. Out: typed values. Nesting is bounded by [`MAX_DEPTH`], memory by the input; a single pass,
//! nothing is looked at twice.

mod sample;

use alloc::format;
use alloc::string::String;
use core::convert::Infallible;
use core::fmt;

use minicbor::data::Type;
use minicbor::{Decoder, Encoder, decode, encode};

pub(crate) use sample::{put_sample, sample_entries};

use crate::quantity::{SCALED_LIMIT, Scaled};
use crate::report::ReportError;

/// Deepest nesting that is skipped in a value nobody knows.
const MAX_DEPTH: u8 = 16;

/// Writing to a `Vec` cannot fail; the type says so.
pub(crate) type Written = Result<(), encode::Error<Infallible>>;
/// The encoder of both formats.
pub(crate) type Writer<'a> = Encoder<&'a mut alloc::vec::Vec<u8>>;

/// A key of a map.
#[derive(Clone, Copy)]
pub(crate) enum Key<'b> {
    /// The normal case.
    Code(u64),
    /// A name, which no key of ours is.
    Text(&'b str),
    /// Negative integers, arrays, …
    Other,
}

impl fmt::Display for Key<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "{code}"),
            Self::Text(text) => f.write_str(text),
            Self::Other => f.write_str("?"),
        }
    }
}

/// An integer as CBOR has it: majors 0 and 1 with their argument.
#[derive(Clone, Copy)]
enum Integer {
    Unsigned(u64),
    /// -1 less the argument.
    Negative(u64),
}

impl Integer {
    /// As a scaled value, where it is small enough.
    fn scaled(self) -> Option<Scaled> {
        let (Self::Unsigned(argument) | Self::Negative(argument)) = self;
        let value = i64::try_from(argument).ok()?;
        let value = if matches!(self, Self::Negative(_)) { -1 - value } else { value };
        (value.unsigned_abs() < SCALED_LIMIT.unsigned_abs()).then_some(value)
    }
}

/// A cursor over the input that knows which key it is at.
pub(crate) struct Reader<'b> {
    decoder: Decoder<'b>,
    key: &'static str,
}

impl<'b> Reader<'b> {
    pub(crate) fn new(bytes: &'b [u8]) -> Self {
        Self { decoder: Decoder::new(bytes), key: "" }
    }

    /// An error at the present byte.
    pub(crate) fn error(&self, problem: String) -> ReportError {
        ReportError { offset: self.decoder.position(), key: self.key, problem }
    }

    /// Nothing may follow.
    pub(crate) fn end(&self) -> Result<(), ReportError> {
        match self.decoder.input().len().saturating_sub(self.decoder.position()) {
            0 => Ok(()),
            left => Err(self.error(format!("nothing may follow the report, {left} bytes do"))),
        }
    }

    fn expect<T>(
        &mut self,
        what: &str,
        read: impl FnOnce(&mut Decoder<'b>) -> Result<T, decode::Error>,
    ) -> Result<T, ReportError> {
        let offset = self.decoder.position();
        read(&mut self.decoder).map_err(|error| {
            let problem = if error.is_end_of_input() {
                format!("expected {what}, but the input ends")
            } else {
                format!("expected {what}: {error}")
            };
            ReportError { offset, key: self.key, problem }
        })
    }

    /// The value of `key` as an unsigned integer.
    pub(crate) fn unsigned(&mut self, key: &'static str) -> Result<u64, ReportError> {
        self.key = key;
        let at = self.decoder.position();
        if let Some(Integer::Unsigned(number)) = self.integer() {
            return Ok(number);
        }
        self.decoder.set_position(at);
        self.expect("an unsigned integer", Decoder::u64)
    }

    /// The value of `key` as a signed integer.
    pub(crate) fn signed(&mut self, key: &'static str) -> Result<i64, ReportError> {
        self.key = key;
        self.expect("an integer", Decoder::i64)
    }

    /// The value of `key` as text of definite length.
    pub(crate) fn text(&mut self, key: &'static str) -> Result<&'b str, ReportError> {
        self.key = key;
        self.expect("text", Decoder::str)
    }

    /// The value of `key` as bytes of definite length.
    pub(crate) fn bytes(&mut self, key: &'static str) -> Result<&'b [u8], ReportError> {
        self.key = key;
        self.expect("bytes", Decoder::bytes)
    }

    /// The value of `key` as a code, or as text where the sender's word is not in the table.
    pub(crate) fn named<T>(
        &mut self,
        key: &'static str,
        by_code: fn(u64) -> T,
        by_name: fn(&str) -> T,
    ) -> Result<T, ReportError> {
        self.key = key;
        match self.decoder.datatype() {
            Ok(Type::String) => self.text(key).map(by_name),
            _ => self.expect("a code or a text", Decoder::u64).map(by_code),
        }
    }

    /// Reads a map, of definite or indefinite length; `each` must consume the value of the key it is given. Integer
    /// keys below 64 may come once.
    pub(crate) fn map(
        &mut self,
        name: &'static str,
        mut each: impl FnMut(&mut Self, Key<'b>) -> Result<(), ReportError>,
    ) -> Result<(), ReportError> {
        self.key = name;
        let length = self.expect("a map", Decoder::map)?;
        let mut seen = 0_u64;
        let mut left = length;
        while self.more(&mut left)? {
            self.key = name;
            let key = self.map_key()?;
            if let Key::Code(code @ 0..64) = key {
                if seen & (1 << code) != 0 {
                    return Err(self.error(format!("key {code} comes twice")));
                }
                seen |= 1 << code;
            }
            each(self, key)?;
        }
        Ok(())
    }

    /// Reads an array, of definite or indefinite length; `each` must consume one item.
    pub(crate) fn array(
        &mut self,
        name: &'static str,
        mut each: impl FnMut(&mut Self) -> Result<(), ReportError>,
    ) -> Result<(), ReportError> {
        self.key = name;
        let mut left = self.expect("an array", Decoder::array)?;
        while self.more(&mut left)? {
            self.key = name;
            each(self)?;
        }
        Ok(())
    }

    /// Whether another item follows in the container of which `left` items (or a break) are to come.
    fn more(&mut self, left: &mut Option<u64>) -> Result<bool, ReportError> {
        match left {
            Some(0) => Ok(false),
            Some(count) => {
                *count -= 1;
                Ok(true)
            }
            None if self.expect("an item or a break", |d| d.datatype())? == Type::Break => {
                // A break is the one byte 0xff; the decoder has no name for stepping over it.
                self.decoder.set_position(self.decoder.position().saturating_add(1));
                Ok(false)
            }
            None => Ok(true),
        }
    }

    /// Steps over one integer; `None`, and nothing happens, where something else stands. The decoder's own way, by a
    /// `Result` that can hold a message, takes twice the time, and integers are most of a report.
    fn integer(&mut self) -> Option<Integer> {
        let at = self.decoder.position();
        let (first, rest) = self.decoder.input().get(at..)?.split_first()?;
        let (argument, length) = match first & 0x1f {
            small @ 0..=23 => (u64::from(small), 0),
            24 => (u64::from(*rest.first()?), 1),
            25 => (u64::from(u16::from_be_bytes(*rest.first_chunk()?)), 2),
            26 => (u64::from(u32::from_be_bytes(*rest.first_chunk()?)), 4),
            27 => (u64::from_be_bytes(*rest.first_chunk()?), 8),
            _ => return None,
        };
        let integer = match first >> 5 {
            0 => Integer::Unsigned(argument),
            1 => Integer::Negative(argument),
            _ => return None,
        };
        self.decoder.set_position(at + 1 + length);
        Some(integer)
    }

    fn map_key(&mut self) -> Result<Key<'b>, ReportError> {
        let at = self.decoder.position();
        match self.integer() {
            Some(Integer::Unsigned(code)) => return Ok(Key::Code(code)),
            Some(Integer::Negative(_)) => return Ok(Key::Other),
            None => {}
        }
        if let Ok(text) = self.decoder.str() {
            return Ok(Key::Text(text));
        }
        self.decoder.set_position(at);
        self.skip(MAX_DEPTH)?;
        Ok(Key::Other)
    }

    /// Steps over one value nobody knows.
    pub(crate) fn ignore(&mut self) -> Result<(), ReportError> {
        self.skip(MAX_DEPTH)
    }

    fn skip(&mut self, depth: u8) -> Result<(), ReportError> {
        let Some(below) = depth.checked_sub(1) else {
            return Err(self.error(format!("values may nest {MAX_DEPTH} deep")));
        };
        match self.expect("a value", |d| d.datatype())? {
            Type::Array | Type::ArrayIndef => {
                let mut left = self.expect("an array", Decoder::array)?;
                while self.more(&mut left)? {
                    self.skip(below)?;
                }
                Ok(())
            }
            Type::Map | Type::MapIndef => {
                let mut left = self.expect("a map", Decoder::map)?;
                while self.more(&mut left)? {
                    self.skip(below)?;
                    self.skip(below)?;
                }
                Ok(())
            }
            Type::Tag => {
                self.expect("a tag", Decoder::tag)?;
                self.skip(below)
            }
            // A stray break, and head bytes that RFC 8949 reserves.
            Type::Break | Type::Unknown(_) => Err(self.error(String::from("expected a value"))),
            _ => self.expect("a value", Decoder::skip),
        }
    }
}
