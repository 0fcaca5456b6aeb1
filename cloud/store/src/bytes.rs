//! Numbers and pieces in bytes, as batches, rows and chunk headers use them.
//!
//! In: values. Out: LEB128 (unsigned), zigzag LEB128 (signed), length-prefixed pieces; and back, `None` where the
//! bytes end early or make no sense. Never allocates in proportion to a length it reads.

/// Appends `value` as LEB128.
pub(crate) fn write_unsigned(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(low_byte(value) | 0x80);
        value >>= 7;
    }
    out.push(low_byte(value));
}

/// Appends `value` as zigzag LEB128: small magnitudes of either sign are short.
pub(crate) fn write_signed(out: &mut Vec<u8>, value: i64) {
    write_unsigned(out, zigzag(value));
}

/// Appends the length of `piece` and `piece`.
pub(crate) fn write_prefixed(out: &mut Vec<u8>, piece: &[u8]) {
    write_unsigned(out, piece.len() as u64);
    out.extend_from_slice(piece);
}

fn low_byte(value: u64) -> u8 {
    value.to_le_bytes()[0]
}

const fn zigzag(value: i64) -> u64 {
    (value.wrapping_shl(1) ^ (value >> 63)).cast_unsigned()
}

const fn unzigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -((value & 1).cast_signed())
}

/// Reads what the functions above wrote.
#[derive(Clone, Debug)]
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    length: usize,
}

impl<'a> Reader<'a> {
    pub(crate) const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, length: bytes.len() }
    }

    /// Bytes read so far.
    pub(crate) const fn at(&self) -> usize {
        self.length - self.bytes.len()
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub(crate) fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.bytes.split_first()?;
        self.bytes = rest;
        Some(*first)
    }

    pub(crate) fn unsigned(&mut self) -> Option<u64> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                return None;
            }
            value |= bits << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    pub(crate) fn signed(&mut self) -> Option<i64> {
        self.unsigned().map(unzigzag)
    }

    pub(crate) fn size(&mut self) -> Option<usize> {
        usize::try_from(self.unsigned()?).ok()
    }

    pub(crate) fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (piece, rest) = self.bytes.split_at_checked(length)?;
        self.bytes = rest;
        Some(piece)
    }

    pub(crate) fn prefixed(&mut self) -> Option<&'a [u8]> {
        let length = self.size()?;
        self.take(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_and_pieces_come_back(unsigned: u64, signed: i64, piece: Vec<u8>) {
            let mut bytes = Vec::new();
            write_unsigned(&mut bytes, unsigned);
            write_signed(&mut bytes, signed);
            write_prefixed(&mut bytes, &piece);
            let mut reader = Reader::new(&bytes);
            prop_assert_eq!(reader.unsigned(), Some(unsigned));
            prop_assert_eq!(reader.signed(), Some(signed));
            prop_assert_eq!(reader.prefixed(), Some(piece.as_slice()));
            prop_assert!(reader.is_empty() && reader.at() == bytes.len());
        }

        #[test]
        fn any_bytes_are_survived(bytes: Vec<u8>) {
            let mut reader = Reader::new(&bytes);
            while reader.unsigned().is_some() {}
            let _ = Reader::new(&bytes).prefixed();
        }
    }

    #[test]
    fn overlong_numbers_are_refused() {
        assert_eq!(Reader::new(&[0xff; 9]).unsigned(), None);
        assert_eq!(Reader::new(&[0xff; 11]).unsigned(), None);
        let mut most = [0xff; 10];
        most[9] = 1;
        assert_eq!(Reader::new(&most).unsigned(), Some(u64::MAX));
        most[9] = 2;
        assert_eq!(Reader::new(&most).unsigned(), None);
    }
}
