//! How much of the backlog is under way at a time, by what the line has shown.
//!
//! In: how long acknowledgements took. Out: bytes. It begins small and doubles with each round trip while they come soon, as
//! TCP's slow start does, and shrinks when they come late: behind half a megabyte in the socket's buffer, a change and a
//! ping would wait for minutes on a slow line, and the session would be held dead and its backlog sent again, for ever.

/// At 9,600 bits a second this takes seven seconds.
const FIRST_BYTES: usize = 8 * 1024;
/// Never less: a dozen readings.
const LEAST_BYTES: usize = 2 * 1024;
/// Eight full reports are enough for any line.
const MOST_BYTES: usize = 512 * 1024;
/// An acknowledgement within this time says that the line takes more.
const SOON_MS: u64 = 2000;
/// One after this time says that it takes less.
const LATE_MS: u64 = 10_000;

/// See the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    window_bytes: usize,
}

impl Default for Pace {
    fn default() -> Self {
        Self { window_bytes: FIRST_BYTES }
    }
}

impl Pace {
    /// Most bytes of the next report of the backlog while so many are under way; `None`: none now. There are two in a
    /// window, so that the line does not stand still between them.
    #[must_use]
    pub fn next_bytes(&self, under_way_bytes: usize) -> Option<usize> {
        let half = self.window_bytes / 2;
        (under_way_bytes == 0 || under_way_bytes + half <= self.window_bytes).then_some(half)
    }

    /// A report of the backlog was acknowledged.
    pub fn acknowledged(&mut self, bytes: usize, took_ms: u64) {
        self.window_bytes = match took_ms {
            ..=SOON_MS => self.window_bytes.saturating_add(bytes).min(MOST_BYTES),
            LATE_MS.. => (self.window_bytes / 2).max(LEAST_BYTES),
            _ => self.window_bytes,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A line that takes so many bytes a second, full reports, for an hour: what the window comes to, and the longest that
    /// a packet waited behind it.
    fn settles(bytes_a_second: usize) -> (usize, u64) {
        let (mut pace, mut queue, mut longest_ms) = (Pace::default(), std::collections::VecDeque::new(), 0);
        let (mut now_ms, mut free_at_ms) = (0_u64, 0_u64);
        while now_ms < 3_600_000 {
            let under_way = queue.iter().map(|(_, bytes, _)| *bytes).sum();
            if let Some(bytes) = pace.next_bytes(under_way).map(|bytes| bytes.min(64_000)) {
                free_at_ms = free_at_ms.max(now_ms) + u64::try_from(bytes * 1000 / bytes_a_second).unwrap();
                queue.push_back((now_ms, bytes, free_at_ms + 50));
                longest_ms = longest_ms.max(free_at_ms - now_ms);
                continue;
            }
            let (sent_ms, bytes, done_ms) = queue.pop_front().unwrap();
            now_ms = done_ms;
            pace.acknowledged(bytes, now_ms - sent_ms);
        }
        (pace.window_bytes, longest_ms)
    }

    #[test]
    fn a_slow_line_gets_little_and_a_fast_one_all() {
        for (bytes_a_second, window, longest_ms) in [
            (120, 2048..=4096, 75_000),
            (1200, 4096..=8192, 7500),
            (12_000, 8192..=65_536, 6000),
            (1_000_000, MOST_BYTES..=MOST_BYTES, 2000),
        ] {
            let (settled, waited_ms) = settles(bytes_a_second);
            println!(
                "{bytes_a_second} bytes a second: a window of {settled}, a packet waits {waited_ms} ms at most"
            );
            assert!(window.contains(&settled), "{bytes_a_second}: {settled}");
            assert!(waited_ms <= longest_ms, "{bytes_a_second}: {waited_ms} ms");
        }
    }

    #[test]
    fn there_is_always_one_under_way_and_never_more_than_the_window() {
        let pace = Pace::default();
        assert_eq!(pace.next_bytes(0), Some(FIRST_BYTES / 2));
        assert_eq!(pace.next_bytes(FIRST_BYTES / 2), Some(FIRST_BYTES / 2));
        assert_eq!(pace.next_bytes(FIRST_BYTES / 2 + 1), None);
        let mut late = pace;
        (0..20).for_each(|_| late.acknowledged(1000, LATE_MS));
        assert_eq!(late, Pace { window_bytes: LEAST_BYTES });
    }
}
