//! Records of the spool packed into one report.
//!
//! In: a cursor, the packet limit, the clocks. Out: a payload near the limit, of one start of the gateway, dated as
//! well as is known now (decision 5), and the range of ordinals it settles. Ages grow with the time a record waited.

use std::ops::ControlFlow;

use wire::{BootId, Event, EventKind, LinkCounts, Quality, Reading, Report, UtcMs};

use crate::dating::Dating;
use crate::recorder::changes;
use crate::spool::record::{Kind, Loss, Moment, Record};
use crate::spool::{Cursor, Spool};

/// Most records of one report: half of what the cloud's decoder takes, so that both lists together stay below it.
pub const MAX_RECORDS: usize = 2000;
/// What dating and numbering add to a record's body, at most: sequence, uptime and time of nine bytes each with their
/// keys, quality, and the map around them. The body brings at least as much envelope that goes away.
const DATING_BYTES: usize = 32;
/// The report around the records: version, boot, uptime, time, link, and the lengths of both lists.
const ENVELOPE_BYTES: usize = 128;

/// The age of a press that waited nobody knows how long: a day, which no pairing takes.
const UNKNOWN_HOLDING_MS: u64 = 24 * 3_600_000;

/// A report ready to be published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// CBOR.
    pub payload: Vec<u8>,
    /// First ordinal it settles.
    pub first: u64,
    /// Last ordinal it settles; below `first` where the report carries no record.
    pub last: u64,
    /// Records in it.
    pub records: u64,
    /// Ordinals of the first and the last of them.
    pub ordinals: (u64, u64),
}

/// What packing needs to know.
#[derive(Debug)]
pub struct Packing<'a> {
    /// Repaired clocks.
    pub dating: &'a Dating,
    /// This start of the gateway.
    pub boot: BootId,
    /// Starts of the gateway within this start of the machine: their uptimes are comparable with ours.
    pub same_uptime: &'a [BootId],
    /// Uptime now.
    pub now_uptime_ms: u64,
    /// Most bytes of a payload.
    pub limit_bytes: usize,
    /// Most records of a report.
    pub limit_records: usize,
    /// How the line is doing.
    pub link: LinkCounts,
}

impl Packing<'_> {
    /// Packs what follows the cursor, up to (not including) ordinal `until`. `None`: nothing is there; the cursor
    /// then stands at `until`.
    pub fn pack(&self, spool: &Spool, cursor: &mut Cursor, until: u64) -> Option<Batch> {
        let first = cursor.next;
        let mut boot = None;
        let mut report = Report::default();
        let (mut bytes, mut records, mut ordinals) = (ENVELOPE_BYTES, 0, (0, 0));
        spool.read(cursor, until, |record_boot, record| {
            let more = bytes + record.body.len() + DATING_BYTES;
            let full = more > self.limit_bytes || records >= self.limit_records;
            if *boot.get_or_insert(record_boot) != record_boot || (records > 0 && full) {
                return ControlFlow::Break(());
            }
            ordinals = (if records == 0 { record.ordinal } else { ordinals.0 }, record.ordinal);
            (bytes, records) = (more, records + 1);
            self.add(&mut report, record_boot, record);
            ControlFlow::Continue(())
        });
        let boot = boot?;
        let payload = self.finish(report, boot);
        Some(Batch { payload, first, last: cursor.next.saturating_sub(1), records: records as u64, ordinals })
    }

    /// A report without records: the line's counters, and that the gateway lives.
    #[must_use]
    pub fn heartbeat(&self) -> Batch {
        Batch {
            payload: self.finish(Report::default(), self.boot),
            first: 1,
            last: 0,
            records: 0,
            ordinals: (0, 0),
        }
    }

    fn finish(&self, mut report: Report, boot: BootId) -> Vec<u8> {
        report.boot = Some(boot);
        // Another machine start's uptime says nothing about now.
        if self.comparable(boot) {
            report.uptime_ms = Some(self.now_uptime_ms);
            report.time = self.now();
        }
        // The counters are of this start.
        report.link = (boot == self.boot).then_some(self.link);
        let mut payload = Vec::new();
        wire::report::cbor::encode(&report, &mut payload);
        payload
    }

    fn comparable(&self, boot: BootId) -> bool {
        boot == self.boot || self.same_uptime.contains(&boot)
    }

    fn now(&self) -> Option<UtcMs> {
        self.dating.date(self.boot, self.now_uptime_ms).map(|(time, _)| time)
    }

    fn add(&self, report: &mut Report, boot: BootId, record: &Record) {
        let (sequence, uptime_ms) = (Some(record.ordinal), Some(record.uptime_ms));
        let (time, quality) = match self.dating.date(boot, record.uptime_ms) {
            Some((time, quality)) => (Some(time), quality),
            None => (None, Quality::Estimated),
        };
        let kind = match record.kind {
            Kind::Clock => return,
            Kind::Reading => {
                if let Some(reading) =
                    wire::report::cbor::decode(&record.body).ok().and_then(|mut r| r.readings.pop())
                {
                    report.readings.push(Reading {
                        sequence,
                        uptime_ms,
                        time,
                        quality,
                        sample: reading.sample,
                    });
                    return;
                }
                None
            }
            Kind::Event => {
                changes::from_body(&record.body).map(|change| self.aged(change, boot, record.uptime_ms))
            }
            Kind::Gap => Loss::from_body(&record.body).map(|loss| self.gap(loss)),
        };
        // A good CRC around a body that another version wrote: told, not dropped.
        let kind = kind.unwrap_or_else(|| EventKind::Other("unreadable_record".to_owned()));
        report.events.push(Event { sequence, uptime_ms, time, kind });
    }

    /// Adds the time a press waited here to its age, and turns a test's age into its start.
    fn aged(&self, change: changes::Change, boot: BootId, uptime_ms: u64) -> EventKind {
        let noticed = self.dating.date(boot, uptime_ms).map(|(time, _)| time);
        match change.kind {
            EventKind::Button { boot: inverter_boot, count, age_ms } => {
                let held_ms = if self.comparable(boot) {
                    self.now_uptime_ms.saturating_sub(uptime_ms)
                } else {
                    self.held_through_a_restart_ms(boot, uptime_ms)
                };
                EventKind::Button { boot: inverter_boot, count, age_ms: age_ms.saturating_add(held_ms) }
            }
            EventKind::Test { count, test, result, started, length_s, end_voltage } => {
                let by_age = || {
                    let age_ms = i64::try_from(change.age_ms?).ok()?;
                    Some(noticed?.plus_ms(age_ms.saturating_neg()))
                };
                EventKind::Test {
                    count,
                    test,
                    result,
                    started: started.or_else(by_age),
                    length_s,
                    end_voltage,
                }
            }
            other => other,
        }
    }

    /// A press from before the machine was switched off has waited for an unknown time where either clock was a guess:
    /// it must not pass for a fresh one.
    fn held_through_a_restart_ms(&self, boot: BootId, uptime_ms: u64) -> u64 {
        let sure =
            |dated: Option<(UtcMs, Quality)>| dated.filter(|(_, quality)| *quality != Quality::Estimated);
        let (now, then) =
            (self.dating.date(self.boot, self.now_uptime_ms), self.dating.date(boot, uptime_ms));
        let held_ms = sure(now).zip(sure(then)).map(|((now, _), (then, _))| now.since(then));
        held_ms.and_then(|held_ms| u64::try_from(held_ms).ok()).unwrap_or(UNKNOWN_HOLDING_MS)
    }

    fn gap(&self, loss: Loss) -> EventKind {
        let date = |moment: Option<Moment>| {
            moment.map(|m| self.dating.date(m.boot, m.uptime_ms).map_or(m.wall, |(time, _)| time))
        };
        EventKind::Gap {
            first_sequence: loss.first,
            last_sequence: loss.last,
            count: loss.count,
            from: date(loss.from),
            to: date(loss.to),
        }
    }
}
