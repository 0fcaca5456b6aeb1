//! One key, and how a piece is sealed under it: AES-256-GCM, the nonce derived, the tag alone stored.
//!
//! In: a piece, its place, the stamp of the transaction. Out: ciphertext and tag; or the piece. The place and the stamp are
//! associated data: a piece that was moved elsewhere does not open.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};

use super::{DayKeyError, Stamp};

/// What sealing adds to a piece.
pub const TAG_BYTES: usize = 16;

/// Which piece of a day: a chunk by its number (seven bytes of it), and a column of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Hour, inverter and part, as the day file numbers its chunks.
    pub chunk: u64,
    /// Which column.
    pub column: u16,
}

/// The key. The library wipes its memory when it is dropped.
pub(super) struct DayKey {
    key: LessSafeKey,
    #[cfg(test)]
    fingerprint: [u8; 32],
}

impl std::fmt::Debug for DayKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DayKey")
    }
}

impl DayKey {
    pub(super) fn new(secret: &[u8; 32]) -> Result<Self, DayKeyError> {
        let key = UnboundKey::new(&AES_256_GCM, secret).map_err(|_| DayKeyError::Cipher)?;
        Ok(Self {
            key: LessSafeKey::new(key),
            #[cfg(test)]
            fingerprint: *secret,
        })
    }

    pub(super) fn seal(
        &self,
        place: Place,
        stamp: Stamp,
        piece: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), DayKeyError> {
        let begin = out.len();
        out.extend_from_slice(piece);
        let sealed = out.get_mut(begin..).ok_or(DayKeyError::Cipher)?;
        let nonce = Nonce::assume_unique_for_key(nonce(place, stamp));
        let tag = self.key.seal_in_place_separate_tag(nonce, Aad::from(identity(place, stamp)), sealed);
        out.extend_from_slice(tag.map_err(|_| DayKeyError::Cipher)?.as_ref());
        Ok(())
    }

    pub(super) fn open(&self, place: Place, stamp: Stamp, sealed: &[u8]) -> Option<Vec<u8>> {
        let (content, tag) = sealed.split_last_chunk::<TAG_BYTES>()?;
        let mut piece = vec![0; content.len()];
        let nonce = Nonce::assume_unique_for_key(nonce(place, stamp));
        let identity = Aad::from(identity(place, stamp));
        self.key.open_separate_gather(nonce, identity, content, tag, &mut piece).ok()?;
        Some(piece)
    }

    #[cfg(test)]
    pub(super) fn fingerprint(&self) -> [u8; 32] {
        self.fingerprint
    }
}

/// Chunk (7 bytes), column (2), rewrite counter (3). The counter comes once in the key's only writer, and a sealer is given
/// each place once: so the whole comes once.
fn nonce(place: Place, stamp: Stamp) -> [u8; NONCE_LEN] {
    let [_, c0, c1, c2, c3, c4, c5, c6] = place.chunk.to_be_bytes();
    let [k0, k1] = place.column.to_be_bytes();
    let [_, r0, r1, r2] = stamp.counter.to_be_bytes();
    [c0, c1, c2, c3, c4, c5, c6, k0, k1, r0, r1, r2]
}

/// Day (8 bytes), chunk (8), column (2), key (4), counter (4).
fn identity(place: Place, stamp: Stamp) -> [u8; 26] {
    let mut all = [0; 26];
    let parts: [&[u8]; 5] = [
        &stamp.day.to_be_bytes(),
        &place.chunk.to_be_bytes(),
        &place.column.to_be_bytes(),
        &stamp.key.to_be_bytes(),
        &stamp.counter.to_be_bytes(),
    ];
    for (to, from) in all.iter_mut().zip(parts.into_iter().flatten()) {
        *to = *from;
    }
    all
}
