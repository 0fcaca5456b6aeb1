//! Wall time for records: best known now, repaired for earlier starts of the machine.
//!
//! In: what each start of the kernel knew of its clock, oldest first. Out: a time and its quality for any record.
//! Uptime runs through restarts of the gateway, so every start of the gateway within one start of the kernel shares
//! the best clock any of them had. A start that never knew lies between its neighbours' bounds.

use wire::{BootId, Quality, UtcMs};

/// The present clock: wall time = uptime + offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clock {
    /// Wall time at uptime 0.
    pub wall_at_zero: UtcMs,
    /// How good it is.
    pub quality: Quality,
}

/// What the last start of the gateway wrote down each minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Persisted {
    /// The kernel's start.
    pub kernel: [u8; 16],
    /// Uptime when it was written.
    pub uptime_ms: u64,
    /// The clock then.
    pub clock: Clock,
}

impl Clock {
    /// The best clock before the cloud has told the time. `floor` is a time that is certainly past: the build.
    ///
    /// Same kernel start: what was known goes on. Else the system clock, if it is not before the last time that was
    /// written down (a machine with a battery-backed clock). Else the last time written down: the machine was
    /// switched on at that moment at the earliest.
    #[must_use]
    pub fn initial(
        persisted: Option<Persisted>,
        kernel: [u8; 16],
        uptime_ms: u64,
        system: UtcMs,
        floor: UtcMs,
    ) -> Self {
        let same = persisted.filter(|p| p.kernel == kernel && kernel != [0; 16] && p.uptime_ms <= uptime_ms);
        if let Some(same) = same.filter(|p| p.clock.quality == Quality::Synchronised) {
            return same.clock;
        }
        let last_known = persisted.map_or(floor, |p| p.clock.wall(p.uptime_ms).max(floor));
        if system >= last_known {
            return Self { wall_at_zero: minus_uptime(system, uptime_ms), quality: Quality::Aged };
        }
        same.map_or(Self { wall_at_zero: last_known, quality: Quality::Estimated }, |p| p.clock)
    }

    /// The clock after an authenticated source said that it is `now`.
    #[must_use]
    pub fn synchronised(now: UtcMs, uptime_ms: u64) -> Self {
        Self { wall_at_zero: minus_uptime(now, uptime_ms), quality: Quality::Synchronised }
    }

    /// Wall time at an uptime.
    #[must_use]
    pub fn wall(&self, uptime_ms: u64) -> UtcMs {
        self.wall_at_zero.plus_ms(i64::try_from(uptime_ms).unwrap_or(i64::MAX))
    }
}

fn minus_uptime(wall: UtcMs, uptime_ms: u64) -> UtcMs {
    wall.plus_ms(i64::try_from(uptime_ms).map_or(i64::MIN, |ms| -ms))
}

/// What one start of the gateway knew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The start of the gateway.
    pub boot: BootId,
    /// The start of the kernel it ran in; zeros where unknown.
    pub kernel: [u8; 16],
    /// The best clock it had.
    pub clock: Clock,
    /// Uptime of its last record.
    pub last_uptime_ms: u64,
}

/// Repaired clocks of all starts that still have records.
#[derive(Clone, Debug, Default)]
pub struct Dating {
    clocks: Vec<(BootId, Clock)>,
}

impl Dating {
    /// Repairs. `spans` are in the order in which they happened; the present start is the last.
    #[must_use]
    pub fn new(spans: &[Span]) -> Self {
        let mut kernels = by_kernel(spans);
        bound(&mut kernels);
        let clocks =
            kernels.iter().flat_map(|kernel| kernel.boots.iter().map(|boot| (*boot, kernel.clock))).collect();
        Self { clocks }
    }

    /// Time and quality of a record; `None` for a start of which nothing is known.
    #[must_use]
    pub fn date(&self, boot: BootId, uptime_ms: u64) -> Option<(UtcMs, Quality)> {
        let (_, clock) = self.clocks.iter().rev().find(|(known, _)| *known == boot)?;
        Some((clock.wall(uptime_ms), clock.quality))
    }
}

struct Kernel {
    id: [u8; 16],
    boots: Vec<BootId>,
    clock: Clock,
    last_uptime_ms: u64,
}

fn by_kernel(spans: &[Span]) -> Vec<Kernel> {
    let mut kernels: Vec<Kernel> = Vec::new();
    for span in spans {
        match kernels.last_mut().filter(|kernel| kernel.id == span.kernel && span.kernel != [0; 16]) {
            Some(kernel) => {
                kernel.boots.push(span.boot);
                kernel.last_uptime_ms = kernel.last_uptime_ms.max(span.last_uptime_ms);
                // Of equal quality the later one knows more.
                if span.clock.quality <= kernel.clock.quality {
                    kernel.clock = span.clock;
                }
            }
            None => kernels.push(Kernel {
                id: span.kernel,
                boots: vec![span.boot],
                clock: span.clock,
                last_uptime_ms: span.last_uptime_ms,
            }),
        }
    }
    kernels
}

/// Puts estimated clocks in the middle between what came before and what came after.
fn bound(kernels: &mut [Kernel]) {
    let mut latest_end: Option<UtcMs> = None;
    let mut highest = vec![None; kernels.len()];
    for (kernel, highest) in kernels.iter().zip(&mut highest).rev() {
        if kernel.clock.quality == Quality::Estimated {
            let zero = latest_end.map(|end| minus_uptime(end, kernel.last_uptime_ms));
            *highest = zero;
            latest_end = zero;
        } else {
            latest_end = Some(kernel.clock.wall_at_zero);
        }
    }
    let mut earliest: Option<UtcMs> = None;
    for (kernel, highest) in kernels.iter_mut().zip(highest) {
        if kernel.clock.quality == Quality::Estimated {
            let low = earliest.map_or(kernel.clock.wall_at_zero, |end| end.max(kernel.clock.wall_at_zero));
            let high = highest.unwrap_or(low).max(low);
            kernel.clock.wall_at_zero = low.plus_ms(high.since(low) / 2);
        }
        earliest = Some(kernel.clock.wall(kernel.last_uptime_ms));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLOOR: UtcMs = UtcMs(1_000_000);

    fn clock(wall_at_zero: i64, quality: Quality) -> Clock {
        Clock { wall_at_zero: UtcMs(wall_at_zero), quality }
    }

    #[test]
    fn the_first_clock_is_the_best_that_is_known() {
        let persisted = |kernel, quality| {
            Some(Persisted { kernel: [kernel; 16], uptime_ms: 50_000, clock: clock(5_000_000, quality) })
        };
        let initial = |persisted, system| Clock::initial(persisted, [1; 16], 60_000, UtcMs(system), FLOOR);
        // Never ran before, clock at 1970: the build time, estimated. Good clock: aged.
        assert_eq!(initial(None, 60_000), clock(1_000_000, Quality::Estimated));
        assert_eq!(initial(None, 9_000_000), clock(8_940_000, Quality::Aged));
        // Restarted without a restart of the machine: goes on.
        assert_eq!(initial(persisted(1, Quality::Synchronised), 0), clock(5_000_000, Quality::Synchronised));
        assert_eq!(initial(persisted(1, Quality::Estimated), 0), clock(5_000_000, Quality::Estimated));
        // Machine restarted without a clock: not before the last time written down.
        assert_eq!(initial(persisted(2, Quality::Synchronised), 0), clock(5_050_000, Quality::Estimated));
        assert_eq!(initial(persisted(2, Quality::Synchronised), 6_000_000), clock(5_940_000, Quality::Aged));
    }

    #[test]
    fn a_start_without_a_clock_lies_between_its_neighbours() {
        let span = |n, zero, quality, last_uptime_ms| Span {
            boot: BootId([n; 16]),
            kernel: [n; 16],
            clock: clock(zero, quality),
            last_uptime_ms,
        };
        let dating = Dating::new(&[
            span(1, 1_000, Quality::Synchronised, 500),
            span(2, 1_500, Quality::Estimated, 100),
            span(3, 1_600, Quality::Estimated, 200),
            span(4, 9_000, Quality::Synchronised, 50),
        ]);
        // After 1's end (1500) and, with 3's 200 ms, before 4's start (9000): 2 starts in 1500..=8700.
        assert_eq!(dating.date(BootId([2; 16]), 0), Some((UtcMs(5_100), Quality::Estimated)));
        assert_eq!(dating.date(BootId([3; 16]), 0), Some((UtcMs(7_000), Quality::Estimated)));
        assert_eq!(dating.date(BootId([4; 16]), 7), Some((UtcMs(9_007), Quality::Synchronised)));
        assert_eq!(dating.date(BootId([5; 16]), 7), None);
    }

    #[test]
    fn starts_within_one_kernel_start_share_the_best_clock() {
        let span = |n, zero, quality| Span {
            boot: BootId([n; 16]),
            kernel: [1; 16],
            clock: clock(zero, quality),
            last_uptime_ms: 10,
        };
        let dating = Dating::new(&[span(1, 7, Quality::Estimated), span(2, 5_000, Quality::Synchronised)]);
        assert_eq!(dating.date(BootId([1; 16]), 3), Some((UtcMs(5_003), Quality::Synchronised)));
    }

    proptest::proptest! {
        #[test]
        fn later_starts_are_never_dated_before_earlier_ones(
            starts in proptest::collection::vec((0_i64..10_000, 0_u64..10_000, 0_u64..3), 1..12)
        ) {
            // A true history: each start after the end of the one before; unknown clocks hold the last known time.
            let (mut now, mut last_known, mut spans) = (0_i64, 0_i64, Vec::new());
            for (n, (pause, length, quality)) in starts.into_iter().enumerate() {
                now += pause;
                let quality = Quality::from_code(quality);
                let zero = if quality == Quality::Estimated { last_known } else { now };
                let id = [u8::try_from(n + 1).unwrap(); 16];
                spans.push((now, Span { boot: BootId(id), kernel: id, clock: clock(zero, quality), last_uptime_ms: length }));
                now += i64::try_from(length).unwrap();
                last_known = zero + i64::try_from(length).unwrap();
            }
            let dating = Dating::new(&spans.iter().map(|(_, span)| *span).collect::<Vec<_>>());
            let mut before = UtcMs(i64::MIN);
            for (true_start, span) in &spans {
                let (time, quality) = dating.date(span.boot, 0).unwrap();
                proptest::prop_assert!(time >= before, "{:?} before {:?}", time, before);
                if quality != Quality::Estimated {
                    proptest::prop_assert_eq!(time, UtcMs(*true_start));
                }
                before = dating.date(span.boot, span.last_uptime_ms).unwrap().0;
            }
        }
    }
}
