//! One file of the spool: a header that names the start it belongs to, then records.
//!
//! In: a folder and records. Out: the same records, whatever happened to the file in between. A segment is only ever
//! appended to by the start that made it; after that it is read and deleted whole.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use wire::{BootId, Quality, UtcMs};

use super::record::{self, Found, Record};
use crate::dating::Clock;

/// Header: magic, boot, kernel start, clock, CRC.
pub const HEADER_BYTES: u64 = 64;
const MAGIC: &[u8; 8] = b"ICSPOOL1";
/// Bytes read at once while scanning.
const BLOCK_BYTES: usize = 16 * 1024;
/// Least space a file takes on disk.
pub const DISK_BLOCK_BYTES: u64 = 4096;

/// Which records a segment holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Readings: dropped first when the spool is full.
    Readings = 0,
    /// Events and gaps: dropped last.
    Events = 1,
}

impl Stream {
    /// Both, in the order of their numbers.
    pub const ALL: [Self; 2] = [Self::Readings, Self::Events];

    const fn prefix(self) -> &'static str {
        match self {
            Self::Readings => "readings",
            Self::Events => "events",
        }
    }
}

/// What is known of a segment without reading it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Its file.
    pub path: PathBuf,
    /// Every ordinal in it is at least this; unique within its stream.
    pub base: u64,
    /// The gateway's start that wrote it.
    pub boot: BootId,
    /// The kernel's start.
    pub kernel: [u8; 16],
    /// The best clock it knows.
    pub clock: Clock,
    /// Length of the file.
    pub bytes: u64,
    /// First and last ordinal, where it holds records.
    pub ordinals: Option<(u64, u64)>,
    /// Uptime of the last record.
    pub last_uptime_ms: u64,
}

impl Segment {
    /// Makes the file and writes its header.
    ///
    /// # Errors
    /// What the file system says.
    pub fn create(
        folder: &Path,
        stream: Stream,
        base: u64,
        boot: BootId,
        kernel: [u8; 16],
        clock: Clock,
    ) -> io::Result<(Self, File)> {
        let path = folder.join(format!("{}-{base:020}-{boot}.spool", stream.prefix()));
        let file = File::options().read(true).write(true).create_new(true).open(&path)?;
        let segment =
            Self { path, base, boot, kernel, clock, bytes: HEADER_BYTES, ordinals: None, last_uptime_ms: 0 };
        if let Err(error) = file.write_all_at(&segment.header(), 0) {
            let _ = std::fs::remove_file(&segment.path);
            return Err(error);
        }
        Ok((segment, file))
    }

    fn header(&self) -> Vec<u8> {
        let mut header = Vec::with_capacity(64);
        header.extend_from_slice(MAGIC);
        header.extend_from_slice(&self.boot.0);
        header.extend_from_slice(&self.kernel);
        header.extend_from_slice(&record::clock_body(self.clock.wall_at_zero, self.clock.quality));
        header.resize(60, 0);
        header.extend_from_slice(&crc32(&header).to_le_bytes());
        header
    }

    /// Writes the file anew with its good records alone, synchronised, in the old one's place.
    ///
    /// # Errors
    /// What the file system says.
    pub fn repair(&mut self) -> io::Result<()> {
        let mut bytes = self.header();
        for item in Scanner::new(File::open(&self.path)?, HEADER_BYTES, self.bytes) {
            item.record.encode(&mut bytes);
        }
        let new = self.path.with_extension("repaired");
        let file = File::create(&new)?;
        file.write_all_at(&bytes, 0)?;
        file.sync_data()?;
        std::fs::rename(new, &self.path)?;
        self.bytes = bytes.len() as u64;
        Ok(())
    }

    /// The stream, base and boot in a file's name; `None` for files that are not ours.
    #[must_use]
    pub fn parse_name(path: &Path) -> Option<(Stream, u64, BootId)> {
        let name = path.file_name()?.to_str()?.strip_suffix(".spool")?;
        let mut parts = name.splitn(3, '-');
        let prefix = parts.next()?;
        let stream = Stream::ALL.into_iter().find(|stream| stream.prefix() == prefix)?;
        Some((stream, parts.next()?.parse().ok()?, BootId::parse_hex(parts.next()?)?))
    }

    /// Reads a file left by an earlier start, record by record; `each` sees every good one. Also says how many
    /// places are damaged, with the last good ordinal before each and the first after.
    ///
    /// # Errors
    /// When the file cannot be opened at all.
    pub fn scan(
        path: &Path,
        each: &mut dyn FnMut(&Record),
    ) -> io::Result<Option<(Stream, Self, Vec<Damage>)>> {
        let Some((stream, base, boot)) = Self::parse_name(path) else { return Ok(None) };
        let file = File::open(path)?;
        let bytes = file.metadata()?.len();
        let (kernel, clock) =
            header(&file).unwrap_or(([0; 16], Clock { wall_at_zero: UtcMs(0), quality: Quality::Estimated }));
        let mut segment = Self {
            path: path.to_owned(),
            base,
            boot,
            kernel,
            clock,
            bytes,
            ordinals: None,
            last_uptime_ms: 0,
        };
        let mut damages = Vec::new();
        let mut scanner = Scanner::new(file, HEADER_BYTES, bytes);
        for item in scanner.by_ref() {
            if item.damaged_bytes > 0 {
                let after = segment.ordinals.map(|(_, last)| last);
                damages.push(Damage { after, before: Some(item.record.ordinal) });
            }
            segment.note(&item.record);
            each(&item.record);
        }
        if scanner.trailing_damage() {
            damages.push(Damage { after: segment.ordinals.map(|(_, last)| last), before: None });
        }
        Ok(Some((stream, segment, damages)))
    }

    /// Keeps count of a record that was appended or read.
    pub fn note(&mut self, record: &Record) {
        self.last_uptime_ms = self.last_uptime_ms.max(record.uptime_ms);
        if record.kind == record::Kind::Clock {
            if let Some((wall_at_zero, quality)) = record::clock_from_body(&record.body) {
                self.clock = Clock { wall_at_zero, quality };
            }
            return;
        }
        let first = self.ordinals.map_or(record.ordinal, |(first, _)| first);
        self.ordinals = Some((first, record.ordinal));
    }

    /// What it takes on disk.
    #[must_use]
    pub const fn disk_bytes(&self) -> u64 {
        self.bytes.next_multiple_of(DISK_BLOCK_BYTES)
    }
}

/// A place where bytes were no record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Damage {
    /// Last good ordinal before it in this segment.
    pub after: Option<u64>,
    /// First good ordinal after it; `None`: the tail is torn, as a power cut leaves it.
    pub before: Option<u64>,
}

fn header(file: &File) -> Option<([u8; 16], Clock)> {
    let mut bytes = [0; 64];
    file.read_exact_at(&mut bytes, 0).ok()?;
    let (content, crc) = bytes.split_at_checked(60)?;
    if !content.starts_with(MAGIC) || crc != crc32(content).to_le_bytes() {
        return None;
    }
    let kernel = content.get(24..40)?.try_into().ok()?;
    let (wall_at_zero, quality) = record::clock_from_body(content.get(40..)?)?;
    Some((kernel, Clock { wall_at_zero, quality }))
}

fn crc32(bytes: &[u8]) -> u32 {
    crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC).checksum(bytes)
}

/// Reads records one after the other, through damage.
#[derive(Debug)]
pub struct Scanner {
    file: File,
    /// Where `buffer` starts.
    offset: u64,
    end: u64,
    buffer: Vec<u8>,
    used: usize,
    damaged: bool,
}

/// One record with its place.
#[derive(Debug)]
pub struct Item {
    /// The record.
    pub record: Record,
    /// Where the next one starts.
    pub next_offset: u64,
    /// Bytes skipped before it.
    pub damaged_bytes: u64,
}

impl Scanner {
    /// From `offset` to `end`.
    #[must_use]
    pub const fn new(file: File, offset: u64, end: u64) -> Self {
        Self { file, offset, end, buffer: Vec::new(), used: 0, damaged: false }
    }

    /// Whether the last bytes were no record. Meaningful after the last item.
    #[must_use]
    pub const fn trailing_damage(&self) -> bool {
        self.damaged
    }

    fn rest(&self) -> &[u8] {
        self.buffer.get(self.used..).unwrap_or_default()
    }

    /// Makes at least `wanted` bytes available; `false` when the file ends before.
    fn fill(&mut self, wanted: usize) -> bool {
        while self.rest().len() < wanted {
            self.buffer.drain(..self.used);
            self.offset += self.used as u64;
            self.used = 0;
            let at = self.offset + self.buffer.len() as u64;
            let left = usize::try_from(self.end.saturating_sub(at)).unwrap_or(usize::MAX);
            if left == 0 {
                return false;
            }
            let (old, block) = (self.buffer.len(), left.min(BLOCK_BYTES));
            self.buffer.resize(old + block, 0);
            let target = self.buffer.get_mut(old..).unwrap_or_default();
            match self.file.read_at(target, at) {
                Ok(0) => {
                    self.end = at;
                    self.buffer.truncate(old);
                    return false;
                }
                Ok(length) => self.buffer.truncate(old + length),
                // A sector that cannot be read is damage like any other: zeros, which no record starts with.
                Err(_) => {}
            }
        }
        true
    }
}

impl Iterator for Scanner {
    type Item = Item;

    fn next(&mut self) -> Option<Item> {
        let mut damaged_bytes = 0;
        loop {
            let enough = self.fill(record::HEAD_BYTES);
            if !enough && self.rest().is_empty() {
                self.damaged = damaged_bytes > 0;
                return None;
            }
            let mut found = record::decode(self.rest());
            if let Found::NeedMore(wanted) = found {
                // What the file cannot hold is not a record, whatever its length says.
                found = if self.fill(wanted) { record::decode(self.rest()) } else { Found::Damage };
            }
            match found {
                Found::Record(record, bytes) => {
                    self.used += bytes;
                    let next_offset = self.offset + self.used as u64;
                    return Some(Item { record, next_offset, damaged_bytes });
                }
                Found::NeedMore(_) | Found::Damage => {
                    let skipped = record::skip(self.rest());
                    self.used += skipped;
                    damaged_bytes += skipped as u64;
                }
            }
        }
    }
}
