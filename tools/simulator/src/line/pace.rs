//! Keeps bytes to the pace of a UART: start bit, eight data bits, stop bit, no gaps, no bursts.
//!
//! In: frames. Out: the bytes that are due. Never holds more than a second's worth: a frame that finds the line so
//! far behind is dropped whole and counted.

use std::collections::VecDeque;
use std::time::Duration;

/// Bits on the wire per byte at 8N1.
const BITS_PER_BYTE: u32 = 10;
/// Bytes handed over at a time, as from a UART's buffer; also the longest burst.
const CHUNK: usize = 8;

/// The queue of one line.
#[derive(Debug)]
pub struct Pace {
    queue: VecDeque<u8>,
    byte_time: Duration,
    free_at: Duration,
    capacity: usize,
    dropped: u64,
}

impl Pace {
    /// A silent line of `baud` bits per second, at least 50.
    #[must_use]
    pub fn new(baud: u32) -> Self {
        let baud = baud.max(50);
        Self {
            queue: VecDeque::new(),
            byte_time: Duration::from_secs(u64::from(BITS_PER_BYTE)) / baud,
            free_at: Duration::ZERO,
            capacity: usize::try_from(baud / BITS_PER_BYTE).unwrap_or(usize::MAX).max(256),
            dropped: 0,
        }
    }

    /// Queues one frame, all of it or nothing.
    pub fn push(&mut self, frame: &[u8]) -> bool {
        let fits = self.queue.len() + frame.len() <= self.capacity.max(frame.len());
        if fits {
            self.queue.extend(frame);
        } else {
            self.dropped += 1;
        }
        fits
    }

    /// Moves what is due at `now` (time since the start) to `out`: bytes whose last bit would be on the wire by then.
    pub fn due(&mut self, now: Duration, out: &mut Vec<u8>) {
        // A line that was idle, or a caller that slept, does not earn a burst.
        let oldest = now.saturating_sub(self.byte_time * 4 * CHUNK as u32);
        self.free_at = self.free_at.max(oldest);
        while !self.queue.is_empty() && self.free_at + self.byte_time <= now {
            self.free_at += self.byte_time;
            out.extend(self.queue.pop_front());
        }
        if self.queue.is_empty() {
            self.free_at = self.free_at.max(now);
        }
    }

    /// When to ask again; `None` while the line is idle.
    #[must_use]
    pub fn next(&self) -> Option<Duration> {
        let bytes = u32::try_from(self.queue.len().min(CHUNK)).unwrap_or(1);
        (bytes > 0).then(|| self.free_at + self.byte_time * bytes)
    }

    /// Frames dropped because the line was too far behind.
    #[must_use]
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Bytes waiting.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.queue.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nineteen_two_hundred_baud_is_1920_bytes_a_second() {
        let mut pace = Pace::new(19_200);
        assert!(pace.push(&[0x55; 1920]));
        assert!(!pace.push(&[0x55; 1]), "a second behind: dropped");
        assert_eq!(pace.dropped(), 1);
        let (mut now, mut out) = (Duration::ZERO, vec![]);
        while let Some(next) = pace.next() {
            now = next;
            pace.due(now, &mut out);
        }
        assert_eq!(out.len(), 1920);
        assert!((now.as_secs_f64() - 1.0).abs() < 0.001, "{now:?}");
    }

    #[test]
    fn an_idle_line_does_not_earn_a_burst() {
        let mut pace = Pace::new(19_200);
        pace.due(Duration::from_secs(100), &mut vec![]);
        pace.push(&[1; 100]);
        let mut out = vec![];
        pace.due(Duration::from_secs(100), &mut out);
        assert_eq!(out.len(), 0);
    }

    proptest! {
        #[test]
        fn never_faster_than_the_baud_and_never_reordered(waits in prop::collection::vec(0_u64..50, 1..200)) {
            let mut pace = Pace::new(9600);
            let bytes: Vec<u8> = (0..=255).cycle().take(960).collect();
            pace.push(&bytes);
            let (mut now, mut out) = (Duration::ZERO, vec![]);
            for wait in waits {
                now += Duration::from_millis(wait);
                pace.due(now, &mut out);
                prop_assert!(out.len() as f64 <= now.as_secs_f64() * 960.0 + 1.0);
            }
            prop_assert_eq!(&bytes[..out.len()], &out[..]);
        }
    }
}
