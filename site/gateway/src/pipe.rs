//! The pipe from reader to uplink: what arrived on the line, and presses of the push-button, with the uptime at which
//! each arrived.
//!
//! In: chunks of bytes. Out: packets of whole chunks, each at most [`PACKET_BYTES`], each one write and one read of a
//! packet pipe (`O_DIRECT`), so a process killed half-way leaves no torn packet behind, and two may write. Never blocks.

use std::collections::VecDeque;
use std::os::fd::{AsFd, OwnedFd};

use rustix::io::Errno;
use rustix::pipe::PipeFlags;

/// Largest packet: `PIPE_BUF` of Linux, up to which a write is all or nothing (pipe(7)).
pub const PACKET_BYTES: usize = 4096;
/// Uptime and length in front of each chunk.
const HEAD_BYTES: usize = 10;
/// Largest chunk.
pub const CHUNK_BYTES: usize = PACKET_BYTES - HEAD_BYTES;
/// Pipe capacity asked for: 64 packets. The kernel takes pages only as they fill.
const CAPACITY_BYTES: usize = 64 * PACKET_BYTES;
/// Packets that wait in the reader when the pipe is full: with the pipe, four minutes of 19,200 baud.
const MAX_WAITING: usize = 64;

/// In place of a chunk's length: the button was pressed. Longer than any chunk.
const PRESS: u16 = u16::MAX;

/// What came through the pipe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chunk<'a> {
    /// Bytes of the line.
    Bytes(&'a [u8]),
    /// A press of the gateway's own button.
    Press,
}

/// Makes the pipe; both ends close on exec and do not block.
///
/// # Errors
/// What the kernel says.
pub fn make() -> Result<(OwnedFd, OwnedFd), Errno> {
    let (read, write) =
        rustix::pipe::pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK | PipeFlags::DIRECT)?;
    // A smaller pipe works as well, only with less patience.
    let _ = rustix::pipe::fcntl_setpipe_size(&write, CAPACITY_BYTES);
    Ok((read, write))
}

/// The reader's end: gathers chunks into packets and sends what the pipe takes.
#[derive(Debug, Default)]
pub struct Sender {
    waiting: VecDeque<Vec<u8>>,
    dropped_bytes: u64,
}

impl Sender {
    /// Takes bytes that arrived at `uptime_ms`, at most [`CHUNK_BYTES`] (more is cut into several chunks).
    pub fn push(&mut self, uptime_ms: u64, bytes: &[u8]) {
        for chunk in bytes.chunks(CHUNK_BYTES) {
            let room = self.waiting.back().map_or(0, |last| PACKET_BYTES - last.len());
            if room < HEAD_BYTES + chunk.len() {
                if self.waiting.len() >= MAX_WAITING {
                    let lost = self.waiting.pop_front().map_or(0, |packet| packet.len());
                    self.dropped_bytes = self.dropped_bytes.saturating_add(lost as u64);
                }
                self.waiting.push_back(Vec::new());
            }
            if let (Some(packet), Ok(length)) = (self.waiting.back_mut(), u16::try_from(chunk.len())) {
                packet.extend_from_slice(&uptime_ms.to_le_bytes());
                packet.extend_from_slice(&length.to_le_bytes());
                packet.extend_from_slice(chunk);
            }
        }
    }

    /// Takes a press of the button at `uptime_ms`.
    pub fn press(&mut self, uptime_ms: u64) {
        let mut packet = uptime_ms.to_le_bytes().to_vec();
        packet.extend_from_slice(&PRESS.to_le_bytes());
        self.waiting.push_back(packet);
    }

    /// Writes as many packets as the pipe takes; the rest waits.
    ///
    /// # Errors
    /// When the pipe is broken: the other end is gone for good.
    pub fn flush(&mut self, pipe: impl AsFd) -> Result<(), Errno> {
        while let Some(packet) = self.waiting.front() {
            match rustix::io::write(&pipe, packet) {
                Ok(_) => drop(self.waiting.pop_front()),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => break,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Whether packets wait for room in the pipe.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Bytes thrown away since the last call because nobody took them.
    pub const fn take_dropped_bytes(&mut self) -> u64 {
        std::mem::replace(&mut self.dropped_bytes, 0)
    }
}

/// The uplink's end: the chunks of one packet, oldest first. Stops at the first one that makes no sense.
pub fn chunks(mut packet: &[u8]) -> impl Iterator<Item = (u64, Chunk<'_>)> {
    std::iter::from_fn(move || {
        let (uptime_ms, rest) = packet.split_first_chunk::<8>()?;
        let (length, rest) = rest.split_first_chunk::<2>()?;
        let uptime_ms = u64::from_le_bytes(*uptime_ms);
        let length = u16::from_le_bytes(*length);
        if length == PRESS {
            packet = rest;
            return Some((uptime_ms, Chunk::Press));
        }
        let (bytes, rest) = rest.split_at_checked(usize::from(length))?;
        packet = rest;
        Some((uptime_ms, Chunk::Bytes(bytes)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(chunk: Chunk<'_>) -> &[u8] {
        if let Chunk::Bytes(bytes) = chunk { bytes } else { b"press" }
    }

    fn drain(read: &OwnedFd) -> Vec<(u64, Vec<u8>)> {
        let (mut all, mut buffer) = (Vec::new(), [0; PACKET_BYTES]);
        while let Ok(length) = rustix::io::read(read, &mut buffer[..]) {
            all.extend(chunks(&buffer[..length]).map(|(at, chunk)| (at, bytes(chunk).to_vec())));
        }
        all
    }

    #[test]
    fn chunks_arrive_whole_in_order_and_dated() {
        let (read, write) = make().unwrap();
        let mut sender = Sender::default();
        sender.push(7, b"abc");
        sender.push(8, &[9; 5000]);
        sender.push(9, b"z");
        sender.flush(&write).unwrap();
        let all = drain(&read);
        assert_eq!(
            all.iter().map(|(at, b)| (*at, b.len())).collect::<Vec<_>>(),
            [(7, 3), (8, 4086), (8, 914), (9, 1)]
        );
    }

    #[test]
    fn a_full_pipe_waits_bounded_and_counts_what_it_drops() {
        let (read, write) = make().unwrap();
        let mut sender = Sender::default();
        for at in 0..300 {
            sender.push(at, &[1; 4000]);
            sender.flush(&write).unwrap();
        }
        assert!(sender.is_waiting());
        let dropped = sender.take_dropped_bytes();
        let mut all = drain(&read);
        while sender.is_waiting() {
            sender.flush(&write).unwrap();
            all.extend(drain(&read));
        }
        assert_eq!(all.len() as u64 + dropped / 4010, 300);
        assert!(all.len() >= 100 && all.is_sorted());
    }

    #[test]
    fn a_press_comes_between_the_bytes_of_another_process() {
        let (read, write) = make().unwrap();
        let (mut reader, mut button) = (Sender::default(), Sender::default());
        reader.push(7, b"abc");
        reader.flush(&write).unwrap();
        button.press(8);
        button.flush(&write).unwrap();
        reader.push(9, b"z");
        reader.flush(&write).unwrap();
        let expect: [(u64, &[u8]); 3] = [(7, b"abc"), (8, b"press"), (9, b"z")];
        assert_eq!(drain(&read), expect.map(|(at, bytes)| (at, bytes.to_vec())));
    }

    proptest::proptest! {
        #[test]
        fn any_packet_is_survived(packet: Vec<u8>) {
            let length = |chunk| if let Chunk::Bytes(bytes) = chunk { bytes.len() } else { 0 };
            let total: usize = chunks(&packet).map(|(_, chunk)| length(chunk) + HEAD_BYTES).sum();
            proptest::prop_assert!(total <= packet.len());
        }
    }
}
