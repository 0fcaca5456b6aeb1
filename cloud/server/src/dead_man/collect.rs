//! Facts, from the parts.
//!
//! In: marks, counters, the disk, files of certificates. Out: [`Facts`]. Reads memory and asks the kernel; waits for no
//! lock that a part may hold for long, and for no database.

use std::sync::atomic::{AtomicU64, Ordering};

use fleet::dead_man::{Disk, Door, Facts, Lag, Watched};
use wire::UtcMs;

use super::beat::passed_ms;
use super::clocks::Clocks;
use super::watcher::Sources;

/// What is remembered from look to look.
#[derive(Debug, Default)]
pub struct Collector {
    commits: Lag,
    applied: Lag,
    clocks: Clocks,
}

impl Collector {
    /// What is so now.
    pub fn look(&mut self, sources: &Sources, now: UtcMs) -> Facts {
        let at_ms = i64::try_from(passed_ms()).unwrap_or(i64::MAX);
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let (beats, pipeline) = (&sources.beats, &sources.pipeline);
        // What is done is read before what came: the other way round a busy moment would look as if all were done.
        let (applied, committed) = (load(&pipeline.entries), load(&beats.committed));
        let came = sources.ingest.entries();
        let commit_ms = self.commits.look(at_ms, came, committed);
        let apply_ms = self.applied.look(at_ms, committed, applied);
        let follows = load(&pipeline.following) == 1;
        let mut ages = vec![
            (Watched::Commit, commit_ms),
            (Watched::Ticker, beats.ticker.age_ms()),
            (Watched::Registry, beats.registry.age_ms()),
            (Watched::Announcer, sources.announcer.looked.age_ms()),
            (Watched::Notifier, sources.messages.surveyed.age_ms()),
            (Watched::History, beats.history.age_ms()),
            (Watched::Forgetting, beats.forgetting.age_ms()),
        ];
        // What comes during a replay waits for it, rightly.
        if follows {
            ages.extend([(Watched::Apply, apply_ms), (Watched::Snapshot, pipeline.saved.age_ms())]);
        }
        let (clock_ahead_ms, days_without_key) = sources.retention.trouble();
        Facts {
            ages,
            replaying_ms: (!follows).then(|| at_ms.saturating_sub(sources.started_ms)),
            disk: disk(sources),
            clock_set_ms: self.clocks.look(now, at_ms),
            sending: sources.messages.sending(),
            sends_mail: sources.sends_mail,
            watchdog_failing_ms: sources.watchdog.as_ref().and_then(|watchdog| watchdog.failing_ms()),
            clock_ahead_ms,
            days_without_key,
            doors: sources.doors.iter().map(|(name, ends_at)| door(name, *ends_at, now)).collect(),
        }
    }
}

fn disk(sources: &Sources) -> Option<Disk> {
    let disk = rustix::fs::statvfs(&sources.data_dir).ok()?;
    let bytes = |blocks: u64| blocks.saturating_mul(disk.f_frsize);
    Some(Disk { free: bytes(disk.f_bavail), size: bytes(disk.f_blocks) })
}

fn door(name: &'static str, ends_at: Option<UtcMs>, now: UtcMs) -> Door {
    Door { name, left_ms: ends_at.map(|ends_at| ends_at.since(now)) }
}
