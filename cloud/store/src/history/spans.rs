//! When readings came, and when flags and conditions held: from many chunks to one timeline.
//!
//! In: times and runs of one chunk. Out: stretches covered by readings and spans that hold, which add up over chunks
//! in any order, overlapping or not.

use wire::{Condition, Conditions, Flags, UtcMs, flag};

use super::columns::Runs;
use super::query::{Episode, Span, Subject};

/// From a first reading to a last one, no two of them further apart than a gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stretch {
    pub(super) first: i64,
    pub(super) last: i64,
}

/// A span in which something held, within one chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) subject: Subject,
    from: i64,
    to: i64,
    /// Held in the chunk's first reading: may have begun in another chunk.
    open_begin: bool,
    /// Held in the chunk's last reading: may go on in another chunk.
    open_end: bool,
}

/// So many intervals of a chunk say at what pace its readings come; fewer are chance.
const TELLING_INTERVALS: usize = 4;
/// The slowest pace that counts as one, milliseconds: above it silence is worth seeing.
const SLOWEST_PACE_MS: i64 = 5 * 60_000;

/// Longest time between two readings that is not a gap: a device may be set to report less often than others, and its
/// usual pace is no gap. `gap_ms` at least; `gap_intervals` times what is usual in this chunk.
pub(super) fn tolerance(times: &[i64], gap_ms: i64, gap_intervals: i64) -> i64 {
    let pairs = times.windows(2);
    let mut apart: Vec<i64> =
        pairs.filter_map(|pair| if let [a, b] = pair { Some(b - a) } else { None }).collect();
    if apart.len() < TELLING_INTERVALS {
        return gap_ms;
    }
    let middle = apart.len() / 2;
    let (_, usual, _) = apart.select_nth_unstable(middle);
    gap_ms.max(gap_intervals * (*usual).min(SLOWEST_PACE_MS))
}

/// Rows before which there is a gap.
pub(super) fn gap_rows(times: &[i64], gap_ms: i64) -> Vec<usize> {
    let pairs = times.windows(2).enumerate();
    pairs.filter(|(_, pair)| matches!(pair, [a, b] if b - a > gap_ms)).map(|(row, _)| row + 1).collect()
}

/// The stretches of one chunk.
pub(super) fn stretches(times: &[i64], gap_rows: &[usize]) -> Vec<Stretch> {
    let begins = std::iter::once(0).chain(gap_rows.iter().copied());
    let ends = gap_rows.iter().copied().chain(std::iter::once(times.len()));
    begins
        .zip(ends)
        .filter_map(|(begin, end)| {
            Some(Stretch { first: *times.get(begin)?, last: *times.get(end.checked_sub(1)?)? })
        })
        .collect()
}

/// The spans of one chunk in which a flag or condition held.
pub(super) fn held(
    times: &[i64],
    gap_rows: &[usize],
    flags: &Runs<Flags>,
    conditions: &Runs<Conditions>,
) -> Vec<Held> {
    let mut all = Vec::new();
    for (flag, ..) in flag::TABLE {
        if flags.iter().any(|(_, value)| value.value(flag) == Some(true)) {
            let runs = flags.iter().map(|(count, value)| (*count as usize, value.value(flag) == Some(true)));
            hold(times, gap_rows, runs, Subject::Flag(flag), &mut all);
        }
    }
    for condition in Condition::all() {
        if conditions.iter().any(|(_, value)| value.value(condition) == Some(true)) {
            let runs = conditions
                .iter()
                .map(|(count, value)| (*count as usize, value.value(condition) == Some(true)));
            hold(times, gap_rows, runs, Subject::Condition(condition), &mut all);
        }
    }
    all
}

fn hold(
    times: &[i64],
    gap_rows: &[usize],
    runs: impl Iterator<Item = (usize, bool)>,
    subject: Subject,
    out: &mut Vec<Held>,
) {
    let mut row = 0;
    let mut begin = None;
    let mut stretches = Vec::new();
    for (count, value) in runs {
        match (value, begin) {
            (true, None) => begin = Some(row),
            (false, Some(from)) => {
                stretches.push((from, row));
                begin = None;
            }
            _ => {}
        }
        row += count;
    }
    stretches.extend(begin.map(|from| (from, times.len())));
    for (from, to) in stretches {
        let cuts = gap_rows.iter().copied().filter(|cut| (from + 1..to).contains(cut));
        let begins = std::iter::once(from).chain(cuts.clone());
        for (begin, end) in begins.zip(cuts.chain(std::iter::once(to))) {
            let at = |row: usize| times.get(row).copied();
            let (Some(first), Some(last)) = (at(begin), end.checked_sub(1).and_then(at)) else { continue };
            // To the first reading that says otherwise, unless a gap lies before it.
            let next = at(end).filter(|_| !gap_rows.contains(&end));
            let (open_begin, open_end) = (begin == 0, end == times.len());
            out.push(Held { subject, from: first, to: next.unwrap_or(last), open_begin, open_end });
        }
    }
}

/// Stretches of all chunks as one list, ascending, joined where no gap is between.
pub(super) fn join_stretches(mut all: Vec<Stretch>, gap_ms: i64) -> Vec<Stretch> {
    all.sort_unstable_by_key(|stretch| stretch.first);
    let mut joined: Vec<Stretch> = Vec::new();
    for stretch in all {
        match joined.last_mut() {
            Some(last) if stretch.first - last.last <= gap_ms => last.last = last.last.max(stretch.last),
            _ => joined.push(stretch),
        }
    }
    joined
}

/// What lies between joined stretches and is longer than a gap, within `from..to`.
pub(super) fn gaps(joined: &[Stretch], from: i64, to: i64, gap_ms: i64) -> Vec<Span> {
    let mut gaps = Vec::new();
    let mut covered = from;
    let within = joined.iter().filter(|stretch| stretch.last >= from && stretch.first < to);
    for (first, last) in within.map(|stretch| (stretch.first, stretch.last)).chain(std::iter::once((to, to)))
    {
        if first - covered > gap_ms {
            gaps.push(Span { from: UtcMs(covered), to: UtcMs(first) });
        }
        covered = covered.max(last);
    }
    gaps
}

/// Spans of all chunks as episodes within `from..to`. `begins`: where each chunk's stretches begin, ascending.
pub(super) fn episodes(mut all: Vec<Held>, begins: &[i64], from: i64, to: i64, gap_ms: i64) -> Vec<Episode> {
    all.sort_unstable_by_key(|held| (rank(held.subject), held.from, held.to));
    let mut joined: Vec<Held> = Vec::new();
    for held in all {
        match joined.last_mut() {
            Some(last)
                if last.subject == held.subject
                    && (held.from <= last.to
                        || (last.open_end && held.open_begin && held.from - last.to <= gap_ms)) =>
            {
                last.open_end = if held.to >= last.to { held.open_end } else { last.open_end };
                last.to = last.to.max(held.to);
            }
            _ => joined.push(held),
        }
    }
    let clipped = joined.into_iter().filter_map(|held| {
        let next = begins.get(begins.partition_point(|begin| *begin <= held.to)).copied();
        let end = next.filter(|next| held.open_end && next - held.to <= gap_ms).unwrap_or(held.to);
        let span = Span { from: UtcMs(held.from.max(from)), to: UtcMs(end.min(to)) };
        (span.from < span.to || held.from == end && (from..to).contains(&end))
            .then_some(Episode { subject: held.subject, span })
    });
    clipped.collect()
}

fn rank(subject: Subject) -> (u8, u8) {
    match subject {
        Subject::Flag(flag) => (0, flag.code()),
        Subject::Condition(condition) => (1, condition.code()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::Flag;

    const GAP: i64 = 30;

    #[test]
    fn stretches_break_at_gaps_and_join_over_chunks() {
        let times = [0, 10, 20, 60, 70];
        let stretch = |first, last| Stretch { first, last };
        let found = stretches(&times, &gap_rows(&times, GAP));
        assert_eq!(found, [stretch(0, 20), stretch(60, 70)]);
        // A late chunk fills the gap.
        let late = vec![stretch(30, 50), stretch(0, 20), stretch(60, 70)];
        assert_eq!(join_stretches(late, GAP), [stretch(0, 70)]);
        let spans = gaps(&found, -100, 75, GAP);
        let span = |from, to| Span { from: UtcMs(from), to: UtcMs(to) };
        assert_eq!(spans, [span(-100, 0), span(20, 60)]);
        assert_eq!(gaps(&[], 0, 100, GAP), [span(0, 100)]);
    }

    #[test]
    fn the_usual_pace_of_a_device_is_no_gap_and_a_long_silence_is() {
        let minutely: Vec<i64> = (0..10).map(|n| n * 60_000).collect();
        assert_eq!(tolerance(&minutely, 30_000, 3), 180_000);
        assert_eq!(tolerance(&minutely[..4], 30_000, 3), 30_000, "too few to tell");
        let each_second: Vec<i64> = (0..10).map(|n| n * 1_000).collect();
        assert_eq!(tolerance(&each_second, 30_000, 3), 30_000);
        let hourly: Vec<i64> = (0..10).map(|n| n * 3_600_000).collect();
        assert_eq!(tolerance(&hourly, 30_000, 3), 900_000);
        let with_an_outage = [0, 10_000, 20_000, 30_000, 7_230_000, 7_240_000];
        assert_eq!(tolerance(&with_an_outage, 30_000, 3), 30_000);
    }

    fn flags(on: bool) -> Flags {
        let mut flags = Flags::default();
        flags.set(Flag::BatteryPower, on);
        flags
    }

    /// A chunk: its times, and by run whether the flag held.
    type Told<'a> = (&'a [i64], &'a [(u32, bool)]);

    fn check(chunks: &[Told<'_>], expect: &[(i64, i64)]) {
        let mut all = Vec::new();
        let mut begins = Vec::new();
        for (times, runs) in chunks {
            let runs: Runs<_> = runs.iter().map(|(count, on)| (*count, flags(*on))).collect();
            let rows = gap_rows(times, GAP);
            begins.extend(stretches(times, &rows).iter().map(|s| s.first));
            all.extend(held(times, &rows, &runs, &Vec::new()));
        }
        begins.sort_unstable();
        let found = episodes(all, &begins, 0, 1_000, GAP);
        let found: Vec<_> = found.iter().map(|e| (e.span.from.0, e.span.to.0)).collect();
        assert_eq!(found, expect);
    }

    #[test]
    fn an_episode_lasts_to_the_first_reading_that_says_otherwise() {
        check(&[(&[0, 10, 20, 30], &[(1, false), (2, true), (1, false)])], &[(10, 30)]);
        check(&[(&[0, 10, 20], &[(3, true)])], &[(0, 20)]);
        check(&[(&[0, 10, 100, 110], &[(3, true), (1, false)])], &[(0, 10), (100, 110)]);
        check(&[(&[0, 10, 100, 110], &[(2, true), (2, false)])], &[(0, 10)]);
    }

    #[test]
    fn an_episode_goes_on_over_chunks_unless_one_says_otherwise() {
        check(&[(&[0, 10], &[(2, true)]), (&[20, 30], &[(1, true), (1, false)])], &[(0, 30)]);
        check(&[(&[0, 10], &[(2, true)]), (&[20, 30], &[(2, false)])], &[(0, 20)]);
        check(&[(&[0, 10], &[(2, true)]), (&[20, 30], &[(1, false), (1, true)])], &[(0, 20), (30, 30)]);
        check(&[(&[0, 10], &[(2, true)]), (&[70, 80], &[(2, true)])], &[(0, 10), (70, 80)]);
    }
}
