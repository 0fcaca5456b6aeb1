//! What was read and is not acknowledged yet, on disk: bounded, ordered, safe against kill and power cut.
//!
//! In: records of readings and events. Out: the same in order, until the cloud has acknowledged them. Two series of
//! segment files, so that readings go first when the spool is full and events last; what goes is itself an event, a
//! gap with its bounds. Never holds records in memory, never appends to a file of an earlier start.

mod cursor;
mod intervals;
pub mod record;
pub mod segment;

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use wire::BootId;

pub use cursor::Cursor;
pub use intervals::Intervals;
use record::{Kind, Loss, Moment, Record};
use segment::{DISK_BLOCK_BYTES, Damage, Scanner, Segment, Stream};

use crate::dating::{Clock, Span};

/// Segments a full spool is made of: when it is full, 1/256 of it goes at once.
const SEGMENTS: u64 = 256;
/// Smallest segment: below this the header and the file system's block would dominate.
const MIN_SEGMENT_BYTES: u64 = 16 * 1024;
/// Kept free of the bound for the gap event that is written before the segment it tells of is deleted.
const RESERVE_BYTES: u64 = 2 * DISK_BLOCK_BYTES;
/// How often room is made for one record on a disk that others fill.
const MAX_ROOM_TRIES: usize = 16;

/// The spool cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// The folder cannot be made, listed or synchronised.
    #[error("the spool folder {} cannot be used; `data_dir` must be writable for the gateway's user", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A segment cannot be written.
    #[error("the spool cannot be written in {}; is the disk full or failing?", path.display())]
    Write {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// What a start of the gateway gives its spool.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Folder of the segments.
    pub folder: PathBuf,
    /// Most bytes on disk.
    pub limit_bytes: u64,
    /// This start of the gateway.
    pub boot: BootId,
    /// This start of the kernel.
    pub kernel: [u8; 16],
    /// The clock now.
    pub clock: Clock,
}

/// See the module.
#[derive(Debug)]
pub struct Spool {
    settings: Settings,
    segment_bytes: u64,
    streams: [Series; 2],
    next: u64,
    done: Intervals,
    pending: u64,
    /// What a full disk did not take, told as a gap as soon as it takes something again.
    unwritten: Option<Loss>,
}

/// One series of segments, oldest first; the last one may be open for appending.
#[derive(Debug, Default)]
struct Series {
    segments: VecDeque<Segment>,
    open: Option<Arc<File>>,
    /// First ordinal written since the last sync.
    dirty_from: Option<u64>,
}

impl Spool {
    /// Opens the folder, reads what earlier starts left, reports damage as gaps. `done`: what the cloud had
    /// acknowledged, as far as it was written down; what it has in excess of the truth must never be in it.
    ///
    /// # Errors
    /// [`SpoolError`].
    pub fn open(settings: Settings, done: Intervals, now_uptime_ms: u64) -> Result<Self, SpoolError> {
        let segment_bytes = (settings.limit_bytes / SEGMENTS).max(MIN_SEGMENT_BYTES);
        let folder = settings.folder.clone();
        let fail = |source| SpoolError::Folder { path: folder.clone(), source };
        std::fs::create_dir_all(&folder).map_err(fail)?;
        let mut spool = Self {
            settings,
            segment_bytes,
            streams: Default::default(),
            next: 1,
            done,
            pending: 0,
            unwritten: None,
        };
        let damages = spool.load(&folder).map_err(fail)?;
        let last = spool.segments().filter_map(|segment| segment.ordinals).map(|(_, last)| last).max();
        let bases = damages.iter().map(|(_, segment, _)| segment.base).max();
        // Two up: a torn record may have had the number after the last good one.
        spool.next = last.max(spool.done.last()).max(bases).map_or(1, |last| last + 2);
        for segment in spool.sweep() {
            spool.remove(&segment)?;
        }
        for loss in spool.losses(&damages) {
            spool.append(Kind::Gap, now_uptime_ms, loss.to_body())?;
        }
        let files = spool.unsynced();
        files.iter().try_for_each(|file| file.sync_data()).map_err(fail)?;
        // Told and on disk: the next start shall not tell it again.
        for (_, damaged, _) in damages {
            for segment in spool.streams.iter_mut().flat_map(|series| &mut series.segments) {
                if segment.path == damaged.path {
                    segment.repair().map_err(fail)?;
                }
            }
        }
        Ok(spool)
    }

    fn load(&mut self, folder: &Path) -> io::Result<Vec<(Stream, Segment, Damage)>> {
        let mut paths = Vec::new();
        for entry in std::fs::read_dir(folder)? {
            paths.push(entry?.path());
        }
        // Names hold the base ordinal with leading zeros: their order is the order of writing.
        paths.sort();
        let (mut all_damages, mut pending) = (Vec::new(), 0);
        for path in paths {
            let done = &self.done;
            let mut count = |record: &Record| pending += u64::from(is_pending(record, done));
            let Some((stream, segment, damages)) = Segment::scan(&path, &mut count)? else { continue };
            all_damages.extend(damages.into_iter().map(|damage| (stream, segment.clone(), damage)));
            if segment.ordinals.is_none() {
                std::fs::remove_file(&path)?;
            } else {
                self.series_mut(stream).segments.push_back(segment);
            }
        }
        self.pending = pending;
        Ok(all_damages)
    }

    /// What damaged places cost: ordinals that are nowhere else.
    fn losses(&self, damages: &[(Stream, Segment, Damage)]) -> Vec<Loss> {
        let newest =
            self.segments().filter_map(|segment| segment.ordinals).map(|(_, last)| last).max().unwrap_or(0);
        let mut losses = Vec::new();
        for (stream, segment, damage) in damages {
            let first = damage.after.map_or(segment.base, |after| after + 1);
            let follower = self.series(*stream).segments.iter().find(|other| other.base > segment.base);
            let end = damage.before.or(follower.map(|other| other.base)).unwrap_or(newest + 1);
            let (mut first, mut last) = (first, end.saturating_sub(1));
            let mut count = (last + 1).saturating_sub(first).saturating_sub(self.present(first, last));
            if count == 0 && damage.before.is_none() && follower.is_none() {
                // Torn while it was written: it would have had the next number of all.
                (first, last, count) = (newest + 1, newest + 1, 1);
            }
            if count > 0 && !self.done.covers(first, last) {
                let to = Some(moment(segment, segment.last_uptime_ms));
                losses.push(Loss { first, last, count, from: None, to });
            }
        }
        losses
    }

    /// How many ordinals of a range are on disk.
    fn present(&self, first: u64, last: u64) -> u64 {
        let touches =
            |segment: &&Segment| segment.ordinals.is_some_and(|(from, to)| from <= last && to >= first);
        let inside = |record: &Record| record.kind != Kind::Clock && (first..=last).contains(&record.ordinal);
        let count = |segment| records(segment).filter(|item| inside(&item.record)).count() as u64;
        self.segments().filter(touches).map(count).sum()
    }

    /// Appends a record and gives its ordinal. It is in the kernel's hands when this returns (a kill does not lose
    /// it) and on the disk after [`Spool::unsynced`]'s files are synchronised (a power cut does not either). A record
    /// that a disk filled by others does not take is counted ([`Spool::unwritten`]) and told as a gap later.
    ///
    /// # Errors
    /// [`SpoolError::Write`] when the disk fails.
    pub fn append(&mut self, kind: Kind, uptime_ms: u64, body: Vec<u8>) -> Result<u64, SpoolError> {
        if let Some(loss) = self.unwritten.take()
            && self.try_append(Kind::Gap, uptime_ms, loss.to_body())?.is_none()
        {
            self.not_written(loss);
        }
        if let Some(ordinal) = self.try_append(kind, uptime_ms, body)? {
            return Ok(ordinal);
        }
        let Settings { boot, clock, .. } = self.settings;
        let here = Some(Moment { boot, uptime_ms, wall: clock.wall(uptime_ms) });
        let ordinal = self.next;
        let loss = Loss { first: ordinal, last: ordinal, count: 1, from: here, to: here };
        self.not_written(loss);
        self.next += 1;
        Ok(ordinal)
    }

    fn not_written(&mut self, loss: Loss) {
        self.unwritten = Some(self.unwritten.map_or(loss, |before| before.and(loss)));
    }

    /// `None`: the disk is full, and dropping old records did not help.
    fn try_append(&mut self, kind: Kind, uptime_ms: u64, body: Vec<u8>) -> Result<Option<u64>, SpoolError> {
        let stream = if kind == Kind::Reading { Stream::Readings } else { Stream::Events };
        let mut record = Record { kind, ordinal: self.next, uptime_ms, body };
        self.make_room(record.bytes() as u64, uptime_ms)?;
        for _ in 0..MAX_ROOM_TRIES {
            // Making room may have written a gap: the ordinal is taken only now.
            record.ordinal = self.next;
            match self.write(stream, &record) {
                Ok(()) => {
                    self.next += 1;
                    self.pending += 1;
                    return Ok(Some(record.ordinal));
                }
                Err(error) if is_full(&error) => {
                    if !self.drop_oldest(uptime_ms)? {
                        break;
                    }
                }
                Err(error) => return Err(self.write_error(error)),
            }
        }
        Ok(None)
    }

    /// Records that a full disk did not take and that no gap tells of yet.
    #[must_use]
    pub fn unwritten(&self) -> u64 {
        self.unwritten.map_or(0, |loss| loss.count)
    }

    fn write_error(&self, source: io::Error) -> SpoolError {
        SpoolError::Write { path: self.settings.folder.clone(), source }
    }

    fn write(&mut self, stream: Stream, record: &Record) -> io::Result<()> {
        let (segment_bytes, settings, next) = (self.segment_bytes, &self.settings, self.next);
        let series = self.streams.get_mut(stream as usize).ok_or(io::ErrorKind::Other)?;
        let mut bytes = Vec::with_capacity(record.bytes());
        record.encode(&mut bytes);
        let fits = |segment: &Segment| {
            segment.ordinals.is_none() || segment.bytes + bytes.len() as u64 <= segment_bytes
        };
        if series.open.is_none() || !series.segments.back().is_some_and(fits) {
            let (segment, file) = Segment::create(
                &settings.folder,
                stream,
                next,
                settings.boot,
                settings.kernel,
                settings.clock,
            )?;
            // The old one is closed: its bytes must not depend on a handle that nobody syncs any more.
            if let Some(old) = series.open.replace(Arc::new(file)).filter(|_| series.dirty_from.is_some()) {
                old.sync_data()?;
            }
            series.segments.push_back(segment);
            sync_folder(&settings.folder)?;
        }
        if let (Some(file), Some(segment)) = (&series.open, series.segments.back_mut()) {
            if let Err(error) = file.write_all_at(&bytes, segment.bytes) {
                // Leave no half record; if even that fails, the scan cuts it.
                let _ = file.set_len(segment.bytes);
                return Err(error);
            }
            segment.bytes += bytes.len() as u64;
            segment.note(record);
            series.dirty_from.get_or_insert(record.ordinal);
        }
        Ok(())
    }

    fn make_room(&mut self, bytes: u64, uptime_ms: u64) -> Result<(), SpoolError> {
        let need = bytes + segment::HEADER_BYTES + DISK_BLOCK_BYTES + RESERVE_BYTES;
        while self.disk_bytes() + need > self.settings.limit_bytes {
            if !self.drop_oldest(uptime_ms)? {
                break;
            }
        }
        Ok(())
    }

    /// Drops the oldest readings, or the oldest events where no readings are left, after writing down the gap.
    /// `false`: there is nothing left to drop.
    fn drop_oldest(&mut self, uptime_ms: u64) -> Result<bool, SpoolError> {
        let victim = Stream::ALL.into_iter().find(|stream| !self.series(*stream).segments.is_empty());
        let Some(stream) = victim else { return Ok(false) };
        let series = self.series_mut(stream);
        if series.segments.len() == 1 {
            series.open = None;
            series.dirty_from = None;
        }
        let Some(segment) = series.segments.pop_front() else { return Ok(false) };
        if let Some((loss, records)) = self.loss(&segment) {
            self.pending = self.pending.saturating_sub(records);
            let gap = Record { kind: Kind::Gap, ordinal: self.next, uptime_ms, body: loss.to_body() };
            match self.write(Stream::Events, &gap) {
                Ok(()) => {
                    self.next += 1;
                    self.pending += 1;
                }
                // No room even for this: the gap is told after the deletion.
                Err(error) if is_full(&error) => self.not_written(loss),
                Err(error) => return Err(self.write_error(error)),
            }
        }
        self.remove(&segment)?;
        Ok(true)
    }

    fn remove(&self, segment: &Segment) -> Result<(), SpoolError> {
        match std::fs::remove_file(&segment.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(self.write_error(error)),
            _ => Ok(()),
        }
    }

    /// What goes with a segment, and how many records that are. A gap that goes hands its own loss on.
    fn loss(&self, segment: &Segment) -> Option<(Loss, u64)> {
        let mut total: Option<(Loss, u64)> = None;
        for item in records(segment).filter(|item| is_pending(&item.record, &self.done)) {
            let Record { kind, ordinal, uptime_ms, body } = item.record;
            let here = Some(moment(segment, uptime_ms));
            let own = Loss { first: ordinal, last: ordinal, count: 1, from: here, to: here };
            let told = if kind == Kind::Gap { Loss::from_body(&body) } else { None };
            let more = told.unwrap_or(own);
            total = Some(match total {
                None => (more, 1),
                Some((loss, records)) => (loss.and(more), records + 1),
            });
        }
        total
    }

    /// The cloud has these: `first..=last` of a batch read through a [`Cursor`], which held `records` records.
    ///
    /// # Errors
    /// [`SpoolError::Write`] when a segment that is done cannot be deleted.
    pub fn acknowledge(&mut self, first: u64, last: u64, records: u64) -> Result<(), SpoolError> {
        self.done.insert(first, last);
        self.pending = self.pending.saturating_sub(records);
        for segment in self.sweep() {
            self.remove(&segment)?;
        }
        Ok(())
    }

    /// Takes segments that are done out of the table.
    fn sweep(&mut self) -> Vec<Segment> {
        let mut gone = Vec::new();
        for series in &mut self.streams {
            let keep_last = series.open.is_some();
            let mut at = 0;
            while let Some(segment) = series.segments.get(at) {
                let is_open = keep_last && at + 1 == series.segments.len();
                let done = segment.ordinals.is_none_or(|(first, last)| self.done.covers(first, last));
                if done && !is_open {
                    gone.extend(series.segments.remove(at));
                } else {
                    at += 1;
                }
            }
        }
        let oldest = self.segments().map(|segment| segment.base).min();
        self.done.forget_below(oldest.unwrap_or(self.next.saturating_sub(1)));
        gone
    }

    /// Files to synchronise now (`fdatasync`), outside any lock. Empty when everything written is also acknowledged:
    /// then the cloud has it, and the flash is spared.
    pub fn unsynced(&mut self) -> Vec<Arc<File>> {
        let last = self.next.saturating_sub(1);
        let mut files = Vec::new();
        for series in &mut self.streams {
            if let Some(first) = series.dirty_from.take()
                && !self.done.covers(first, last)
            {
                files.extend(series.open.clone());
            }
        }
        files
    }

    /// The clock is better known: later segments carry it in their header, open ones get a record.
    ///
    /// # Errors
    /// [`SpoolError::Write`].
    pub fn set_clock(&mut self, clock: Clock, uptime_ms: u64) -> Result<(), SpoolError> {
        self.settings.clock = clock;
        for stream in Stream::ALL {
            if self.series(stream).open.is_some() {
                let body = record::clock_body(clock.wall_at_zero, clock.quality);
                let record =
                    Record { kind: Kind::Clock, ordinal: self.next.saturating_sub(1), uptime_ms, body };
                self.write(stream, &record).map_err(|error| self.write_error(error))?;
            }
        }
        Ok(())
    }

    /// What each start knew of its clock, in the order of the starts; the present one last.
    #[must_use]
    pub fn spans(&self, now_uptime_ms: u64) -> Vec<Span> {
        let mut segments: Vec<&Segment> = self.segments().collect();
        segments.sort_by_key(|segment| segment.base);
        let mut spans: Vec<Span> = Vec::new();
        for segment in segments.into_iter().filter(|segment| segment.boot != self.settings.boot) {
            let (boot, kernel, clock) = (segment.boot, segment.kernel, segment.clock);
            match spans.iter_mut().rev().find(|span| span.boot == boot) {
                Some(span) => {
                    span.last_uptime_ms = span.last_uptime_ms.max(segment.last_uptime_ms);
                    if clock.quality <= span.clock.quality {
                        span.clock = clock;
                    }
                }
                None => spans.push(Span { boot, kernel, clock, last_uptime_ms: segment.last_uptime_ms }),
            }
        }
        let Settings { boot, kernel, clock, .. } = self.settings;
        spans.push(Span { boot, kernel, clock, last_uptime_ms: now_uptime_ms });
        spans
    }

    /// Records not acknowledged yet.
    #[must_use]
    pub const fn pending(&self) -> u64 {
        self.pending
    }

    /// The ordinal of the next record.
    #[must_use]
    pub const fn next_ordinal(&self) -> u64 {
        self.next
    }

    /// What is acknowledged among what is still on disk, to be written down.
    #[must_use]
    pub const fn done(&self) -> &Intervals {
        &self.done
    }

    /// Bytes on disk, whole blocks.
    #[must_use]
    pub fn disk_bytes(&self) -> u64 {
        self.segments().map(Segment::disk_bytes).sum()
    }

    /// What this start gave it.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    fn segments(&self) -> impl Iterator<Item = &Segment> {
        self.streams.iter().flat_map(|series| &series.segments)
    }

    fn series(&self, stream: Stream) -> &Series {
        let [readings, events] = &self.streams;
        if stream == Stream::Readings { readings } else { events }
    }

    fn series_mut(&mut self, stream: Stream) -> &mut Series {
        let [readings, events] = &mut self.streams;
        if stream == Stream::Readings { readings } else { events }
    }
}

/// The disk, a quota or a file-size limit.
fn is_full(error: &io::Error) -> bool {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge)
}

fn moment(segment: &Segment, uptime_ms: u64) -> Moment {
    Moment { boot: segment.boot, uptime_ms, wall: segment.clock.wall(uptime_ms) }
}

fn is_pending(record: &Record, done: &Intervals) -> bool {
    record.kind != Kind::Clock && !done.contains(record.ordinal)
}

/// The records of a segment; none where the file is gone.
fn records(segment: &Segment) -> impl Iterator<Item = segment::Item> {
    let file = File::open(&segment.path).ok();
    file.into_iter().flat_map(move |file| Scanner::new(file, segment::HEADER_BYTES, segment.bytes))
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
