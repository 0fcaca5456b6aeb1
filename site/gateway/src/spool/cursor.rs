//! Reads the two series as one, in the order of their ordinals.
//!
//! In: a place. Out: the records after it that are not acknowledged, and the place after them. Holds one block of
//! each series while it reads and nothing between calls; segments may come and go in between.

use std::ops::ControlFlow;

use wire::BootId;

use super::record::{Kind, Record};
use super::segment::{HEADER_BYTES, Item, Scanner, Stream};
use super::{Series, Spool};

/// A place between two records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The next ordinal to be looked at; everything below is behind the cursor.
    pub next: u64,
    places: [Place; 2],
}

/// Where one series goes on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Place {
    /// Base of the segment.
    base: u64,
    offset: u64,
}

impl Spool {
    /// Before everything.
    #[must_use]
    pub fn start(&self) -> Cursor {
        let next = self.segments().map(|segment| segment.base).min().unwrap_or(self.next);
        Cursor { next, places: [Place::default(); 2] }
    }

    /// After everything.
    #[must_use]
    pub fn end(&self) -> Cursor {
        let place = |stream| {
            let last = self.series(stream).segments.back();
            last.map_or(Place::default(), |segment| Place { base: segment.base, offset: segment.bytes })
        };
        Cursor { next: self.next, places: Stream::ALL.map(place) }
    }

    /// Hands the records from `cursor` up to (not including) ordinal `until` to `take`, which breaks when it has
    /// enough; the record it breaks at is not consumed. The cursor then stands before that record, or at `until`.
    pub fn read(
        &self,
        cursor: &mut Cursor,
        until: u64,
        mut take: impl FnMut(BootId, &Record) -> ControlFlow<()>,
    ) {
        let Cursor { next, places: [readings_place, events_place] } = cursor;
        let mut readings = Reading::new(self.series(Stream::Readings), readings_place);
        let mut events = Reading::new(self.series(Stream::Events), events_place);
        loop {
            let heads = [&mut readings, &mut events].map(|reading| {
                let ordinal = reading.peek().map(|(_, record)| record.ordinal);
                (ordinal, reading)
            });
            let head = heads
                .into_iter()
                .filter(|(ordinal, _)| ordinal.is_some())
                .min_by_key(|(ordinal, _)| *ordinal);
            let Some((_, reading)) = head else { break };
            let Some((boot, record)) = reading.peek() else { break };
            if record.ordinal >= until {
                break;
            }
            if record.kind != Kind::Clock && record.ordinal >= *next && !self.done.contains(record.ordinal) {
                if take(boot, record).is_break() {
                    *next = record.ordinal;
                    return;
                }
                *next = record.ordinal + 1;
            }
            reading.advance();
        }
        *next = (*next).max(until);
    }
}

/// One series while it is read.
struct Reading<'a> {
    series: &'a Series,
    place: &'a mut Place,
    open: Option<(BootId, Scanner)>,
    item: Option<Item>,
}

impl<'a> Reading<'a> {
    fn new(series: &'a Series, place: &'a mut Place) -> Self {
        Self { series, place, open: None, item: None }
    }

    /// The next record and its boot.
    fn peek(&mut self) -> Option<(BootId, &Record)> {
        while self.item.is_none() {
            if self.open.is_none() {
                self.open = Some(self.open_segment(0)?);
            }
            self.item = self.open.as_mut().and_then(|(_, scanner)| scanner.next());
            if self.item.is_none() {
                self.open = Some(self.open_segment(1)?);
            }
        }
        let boot = self.open.as_ref().map(|(boot, _)| *boot)?;
        self.item.as_ref().map(|item| (boot, &item.record))
    }

    /// The segment of the place, or (`beyond` 1) the one after it.
    fn open_segment(&mut self, beyond: u64) -> Option<(BootId, Scanner)> {
        let wanted = self.place.base + beyond;
        let at = self.series.segments.partition_point(|segment| segment.base < wanted);
        for segment in self.series.segments.range(at..) {
            let same = segment.base == self.place.base;
            let offset = if same { self.place.offset.max(HEADER_BYTES) } else { HEADER_BYTES };
            // Gone since the table was read: its records were acknowledged or dropped.
            let Ok(file) = std::fs::File::open(&segment.path) else { continue };
            *self.place = Place { base: segment.base, offset };
            return Some((segment.boot, Scanner::new(file, offset, segment.bytes)));
        }
        None
    }

    fn advance(&mut self) {
        if let Some(item) = self.item.take() {
            self.place.offset = item.next_offset;
        }
    }
}
