//! The open chunks: what was read lately, in memory.
//!
//! In: readings with their journal positions. Out: chunks that are due to be sealed, and what the file of open chunks
//! does not have yet. Never does I/O.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use fleet::{InverterKey, StoredReading};
use wire::UtcMs;
use wire::time::HOUR_MS;

use super::row;
use crate::Position;

/// Which chunk: an inverter and an hour (hours since 1970).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) inverter: InverterKey,
    pub(super) hour: i64,
}

impl Key {
    /// Days since 1970.
    pub(super) const fn day(self) -> i64 {
        self.hour.div_euclid(24)
    }
}

/// Readings of one inverter and hour, as [`row`] writes them.
#[derive(Clone, Debug, Default)]
pub(super) struct OpenChunk {
    pub(super) bytes: Vec<u8>,
    pub(super) newest: Position,
    /// The reading written last; `None` after loading, until it is needed.
    last: Option<StoredReading>,
    /// How much of `bytes` the file of open chunks has.
    pub(super) persisted: usize,
    /// Rows of that file which hold a piece of it.
    pub(super) pieces: Vec<i64>,
    /// When the clock first saw it.
    opened_at: Option<UtcMs>,
}

/// A piece of an open chunk that the file does not have yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) key: Key,
    pub(super) newest: Position,
    /// Begins a chunk: its first reading is told whole, not as a difference.
    pub(super) fresh: bool,
    pub(super) bytes: Vec<u8>,
}

/// A chunk that is on its way into a day file.
#[derive(Clone, Debug)]
pub(super) struct Sealing {
    pub(super) key: Key,
    pub(super) chunk: Arc<OpenChunk>,
    /// Rows of the file of open chunks which hold a piece of it.
    pub(super) pieces: Vec<i64>,
    /// The file of open chunks has all of it: only then may it go into a day file.
    persisted: bool,
}

/// Beside its bytes a chunk takes about this much: its last reading with thirty quantities, map entries.
const OVERHEAD_BYTES: usize = 1_000;
/// After its hour a chunk stays open this long for stragglers.
const GRACE_MS: i64 = 60_000;
/// Sealing is spread over this much time, so that a thousand inverters do not all compress at the full hour.
const SPREAD_MS: i64 = 240_000;
/// A chunk of an hour long past (late data) is sealed after this long.
const LATE_MS: i64 = 600_000;

/// All open chunks.
#[derive(Debug, Default)]
pub(super) struct OpenChunks {
    chunks: HashMap<Key, OpenChunk>,
    /// On their way into a day file; still here for readers until they are there.
    sealing: Vec<Sealing>,
    changed: HashSet<Key>,
    newest: Position,
    bytes: usize,
}

impl OpenChunks {
    pub(super) fn append(&mut self, inverter: InverterKey, readings: &[StoredReading], position: Position) {
        self.newest = self.newest.max(position);
        for reading in readings {
            let key = Key { inverter, hour: reading.time.0.div_euclid(HOUR_MS) };
            let mut added = 0;
            let chunk = self.chunks.entry(key).or_insert_with(|| {
                added = OVERHEAD_BYTES;
                OpenChunk::default()
            });
            let before = chunk.bytes.len();
            chunk.push(reading);
            chunk.newest = position;
            self.bytes += added + chunk.bytes.len() - before;
            self.changed.insert(key);
        }
    }

    /// Takes in a chunk from the file of open chunks.
    pub(super) fn load(&mut self, key: Key, chunk: OpenChunk) {
        self.newest = self.newest.max(chunk.newest);
        self.bytes += OVERHEAD_BYTES + chunk.bytes.len();
        self.chunks.insert(key, chunk);
    }

    /// Memory taken, about.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The position of the newest reading taken in.
    pub(super) fn newest(&self) -> Position {
        self.newest
    }

    /// What the file does not have yet. Mark it with [`OpenChunks::persisted`] once it does.
    pub(super) fn pieces(&self) -> Vec<Piece> {
        let mut keys: Vec<_> = self.changed.iter().copied().collect();
        keys.sort_unstable();
        let piece = |key: Key, chunk: &OpenChunk| {
            let bytes = chunk.bytes.get(chunk.persisted..)?.to_vec();
            Some(Piece { key, newest: chunk.newest, fresh: chunk.persisted == 0, bytes })
        };
        // A chunk being sealed comes first: its hour may have been opened anew already.
        let sealing = self.sealing.iter().filter(|s| !s.persisted).filter_map(|s| piece(s.key, &s.chunk));
        sealing.chain(keys.into_iter().filter_map(|key| piece(key, self.chunks.get(&key)?))).collect()
    }

    /// Notes that `pieces` are row `row` of the file. Returns how many of them are of chunks still here.
    pub(super) fn persisted(&mut self, pieces: &[Piece], row: i64) -> u32 {
        let mut kept = 0;
        for piece in pieces {
            if let Some(sealing) = self.sealing.iter_mut().find(|s| s.key == piece.key && !s.persisted) {
                sealing.pieces.push(row);
                sealing.persisted = true;
                kept += 1;
            } else if let Some(chunk) = self.chunks.get_mut(&piece.key) {
                chunk.persisted += piece.bytes.len();
                chunk.pieces.push(row);
                kept += 1;
                if chunk.persisted == chunk.bytes.len() {
                    self.changed.remove(&piece.key);
                }
            }
        }
        kept
    }

    /// Notes that the clock stands at `now`, and tells which chunks are due: hour over, late and waited, or the
    /// largest while more than `budget` bytes are taken.
    pub(super) fn due(&mut self, now: UtcMs, budget: usize) -> Vec<Key> {
        let mut due = Vec::new();
        for (key, chunk) in &mut self.chunks {
            let opened = *chunk.opened_at.get_or_insert(now);
            let spread = i64::from(key.inverter.0.wrapping_mul(2_654_435_761)) % SPREAD_MS;
            let end = (key.hour + 1).saturating_mul(HOUR_MS).saturating_add(GRACE_MS + spread);
            let late = UtcMs(end).since(opened) < 0;
            if if late { now.since(opened) >= LATE_MS } else { now.0 >= end } {
                due.push(*key);
            }
        }
        due.sort_unstable();
        if self.bytes > budget {
            let mut sizes: Vec<_> =
                self.chunks.iter().map(|(key, chunk)| (chunk.bytes.len(), *key)).collect();
            sizes.sort_unstable();
            let mut over = self.bytes - budget;
            while let Some((bytes, key)) = sizes.pop().filter(|_| over > 0) {
                over = over.saturating_sub(bytes + OVERHEAD_BYTES);
                due.push(key);
            }
            due.sort_unstable();
            due.dedup();
        }
        due
    }

    /// Every open chunk that `wanted` accepts.
    pub(super) fn keys(&self, wanted: impl Fn(Key) -> bool) -> Vec<Key> {
        let mut keys: Vec<_> = self.chunks.keys().copied().filter(|key| wanted(*key)).collect();
        keys.sort_unstable();
        keys
    }

    /// Drops chunks of days before `day`, which nobody may see any more. The rows of the file which hold their pieces.
    pub(super) fn discard_before(&mut self, day: i64) -> Vec<i64> {
        let mut rows = Vec::new();
        for key in self.keys(|key| key.day() < day) {
            if let Some(chunk) = self.chunks.remove(&key) {
                self.changed.remove(&key);
                self.bytes = self.bytes.saturating_sub(OVERHEAD_BYTES + chunk.bytes.len());
                rows.extend(chunk.pieces);
            }
        }
        rows
    }

    /// Sets chunks apart for sealing; new readings of the same hour open a new chunk.
    pub(super) fn begin_sealing(&mut self, keys: &[Key]) {
        for key in keys {
            if let Some(mut chunk) = self.chunks.remove(key) {
                self.changed.remove(key);
                let persisted = chunk.persisted == chunk.bytes.len();
                let pieces = std::mem::take(&mut chunk.pieces);
                self.sealing.push(Sealing { key: *key, chunk: Arc::new(chunk), pieces, persisted });
            }
        }
    }

    /// What may go into day files now.
    pub(super) fn sealing(&self) -> Vec<Sealing> {
        self.sealing.iter().filter(|sealing| sealing.persisted).cloned().collect()
    }

    /// Drops chunks that are in a day file now.
    pub(super) fn sealed(&mut self, done: &[Sealing]) {
        self.sealing.retain(|sealing| !done.iter().any(|done| Arc::ptr_eq(&sealing.chunk, &done.chunk)));
        for done in done {
            self.bytes = self.bytes.saturating_sub(OVERHEAD_BYTES + done.chunk.bytes.len());
        }
    }

    /// Copies of an inverter's chunks in hours `from..=to`.
    pub(super) fn of(&self, inverter: InverterKey, from: i64, to: i64) -> Vec<(Key, Arc<OpenChunk>)> {
        let wanted = |key: &Key| key.inverter == inverter && (from..=to).contains(&key.hour);
        let sealing = self.sealing.iter().filter(|s| wanted(&s.key)).map(|s| (s.key, Arc::clone(&s.chunk)));
        let open = self.chunks.iter().filter(|(key, _)| wanted(key));
        sealing.chain(open.map(|(key, chunk)| (*key, Arc::new(chunk.copy())))).collect()
    }
}

impl OpenChunk {
    /// Adds a piece from the file of open chunks. `None` where it makes no sense.
    pub(super) fn add_loaded(&mut self, piece: &Piece, row: i64) -> Option<()> {
        if piece.fresh && !self.bytes.is_empty() {
            // The chunk before was on its way into a day file and did not get there: the two become one.
            row::read(&piece.bytes)?.iter().for_each(|reading| self.push(reading));
        } else {
            self.bytes.extend_from_slice(&piece.bytes);
            self.last = None;
        }
        self.persisted = self.bytes.len();
        self.newest = piece.newest;
        self.pieces.push(row);
        Some(())
    }

    pub(super) fn push(&mut self, reading: &StoredReading) {
        let bytes = &mut self.bytes;
        let last = self
            .last
            .get_or_insert_with(|| row::read(bytes).and_then(|mut all| all.pop()).unwrap_or_default());
        row::write(bytes, last, reading);
        last.clone_from(reading);
    }

    /// What readers need of it.
    fn copy(&self) -> Self {
        Self { bytes: self.bytes.clone(), newest: self.newest, ..Self::default() }
    }
}
