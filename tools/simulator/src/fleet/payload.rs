//! Report payloads, made once and patched per report.
//!
//! In: a seed, a boot, a sequence number, a time. Out: CBOR of one 30-quantity reading, about 150 bytes. The cost per
//! report is a copy and a few stores, so that the machine's time goes to the server that is measured.

use wire::{BootId, Condition, Quality, Quantity, Reading, Report, Serial, UtcMs};

use crate::model::{Inverter, Parameters};

/// Sequences and uptimes start here: CBOR then writes each of them with the same number of bytes (five) to the end.
pub(super) const FIRST: u64 = 0x0001_0000;
/// Different sets of values that take turns.
const VARIANTS: u64 = 16;

/// Ready-made reports of one reading.
#[derive(Debug)]
pub(super) struct Templates {
    well: Vec<Template>,
    /// The same with a condition that holds.
    faulty: Vec<Template>,
}

#[derive(Debug)]
struct Template {
    report: Report,
    bytes: Vec<u8>,
    /// Where boot, sequence, uptimes and times are; `None` if the encoding is not as expected, then each report is
    /// encoded anew.
    places: Option<Places>,
}

#[derive(Debug)]
struct Places {
    boot: usize,
    sequence: usize,
    uptimes: Vec<usize>,
    times: Vec<usize>,
}

/// What changes from report to report.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stamp {
    pub(super) boot: BootId,
    pub(super) sequence: u64,
    pub(super) uptime_ms: u64,
    pub(super) time: UtcMs,
    /// It tells of a condition that holds.
    pub(super) faulty: bool,
}

const MARK: Stamp = Stamp {
    boot: BootId(*b"\xb0\x07boot-id-mark\xb0\x07"),
    sequence: 0x5e9e_ce01,
    uptime_ms: 0x2b71_3e02,
    time: UtcMs(0x0000_0171_4e57_a303),
    faulty: false,
};

impl Templates {
    /// `fault`: what holds of those that are faulty.
    pub(super) fn new(seed: u64, start: UtcMs, fault: Option<Condition>) -> Self {
        let mut inverter = serial(seed).map(|serial| {
            let mut inverter = Inverter::new(Parameters::three_phase(serial, seed, start));
            inverter.step(3600.0);
            inverter
        });
        let sample = |_| {
            let mut sample = inverter.as_mut().map(|inverter| {
                inverter.step(10.0);
                inverter.observe().sample
            });
            let sample = sample.take().unwrap_or_default();
            let mut kept = wire::Sample { quantities: wire::Quantities::new(), ..sample };
            // The performance rows speak of thirty; the model has one more.
            for (quantity, value) in
                sample.quantities.iter().filter(|(q, _)| *q != Quantity::OUTPUT_POWERFACTOR)
            {
                kept.quantities.set(quantity, value);
            }
            kept
        };
        let well: Vec<wire::Sample> = (0..VARIANTS).map(sample).collect();
        let faulty = well.iter().cloned().map(|mut sample| {
            if let Some(condition) = fault {
                sample.conditions.set(condition, true);
            }
            Template::new(sample)
        });
        let faulty = faulty.collect();
        Self { well: well.into_iter().map(Template::new).collect(), faulty }
    }

    /// Appends the report of this stamp to `out`.
    pub(super) fn write(&self, stamp: &Stamp, out: &mut Vec<u8>) {
        let templates = if stamp.faulty { &self.faulty } else { &self.well };
        let variants = u64::try_from(templates.len().max(1)).unwrap_or(1);
        let index = usize::try_from(stamp.sequence % variants).unwrap_or(0);
        if let Some(template) = templates.get(index) {
            template.write(stamp, out);
        }
    }
}

fn serial(seed: u64) -> Option<Serial> {
    Serial::parse(&format!("SIM-{:08}", seed % 100_000_000)).ok()
}

impl Template {
    fn new(sample: wire::Sample) -> Self {
        let mut report = Report {
            readings: vec![Reading { quality: Quality::Synchronised, sample, ..Reading::default() }],
            ..Report::default()
        };
        MARK.put(&mut report);
        let mut bytes = Vec::new();
        wire::report::cbor::encode(&report, &mut bytes);
        let find = |bytes: &[u8], mark: &[u8]| -> Vec<usize> {
            let windows = bytes.windows(mark.len()).enumerate();
            windows.filter(|(_, window)| *window == mark).map(|(at, _)| at).collect()
        };
        let boot = find(&bytes, &MARK.boot.0);
        let sequence = find(&bytes, &low_four(MARK.sequence));
        let uptimes = find(&bytes, &low_four(MARK.uptime_ms));
        let times = find(&bytes, &MARK.time.0.to_be_bytes());
        let places = match (boot.as_slice(), sequence.as_slice()) {
            ([boot], [sequence]) if uptimes.len() == 2 && times.len() == 2 => {
                Some(Places { boot: *boot, sequence: *sequence, uptimes, times })
            }
            _ => None,
        };
        Self { report, bytes, places }
    }

    fn write(&self, stamp: &Stamp, out: &mut Vec<u8>) {
        let fits = stamp.sequence >= FIRST
            && stamp.uptime_ms >= FIRST
            && stamp.sequence.max(stamp.uptime_ms) <= u64::from(u32::MAX)
            && stamp.time.0 > i64::from(u32::MAX);
        let Some(places) = self.places.as_ref().filter(|_| fits) else {
            let mut report = self.report.clone();
            stamp.put(&mut report);
            return wire::report::cbor::encode(&report, out);
        };
        let start = out.len();
        out.extend_from_slice(&self.bytes);
        let Some(copy) = out.get_mut(start..) else { return };
        patch(copy, places.boot, &stamp.boot.0);
        patch(copy, places.sequence, &low_four(stamp.sequence));
        for at in &places.uptimes {
            patch(copy, *at, &low_four(stamp.uptime_ms));
        }
        for at in &places.times {
            patch(copy, *at, &stamp.time.0.to_be_bytes());
        }
    }
}

impl Stamp {
    fn put(&self, report: &mut Report) {
        report.boot = Some(self.boot);
        report.uptime_ms = Some(self.uptime_ms);
        report.time = Some(self.time);
        for reading in &mut report.readings {
            reading.sequence = Some(self.sequence);
            reading.uptime_ms = Some(self.uptime_ms);
            reading.time = Some(self.time);
        }
    }
}

fn patch(bytes: &mut [u8], at: usize, with: &[u8]) {
    if let Some(place) = bytes.get_mut(at..at + with.len()) {
        place.copy_from_slice(with);
    }
}

fn low_four(number: u64) -> [u8; 4] {
    let [_, _, _, _, low @ ..] = number.to_be_bytes();
    low
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(stamp: Stamp) {
        let templates = Templates::new(7, UtcMs(1_767_225_600_000), Some(Condition::CHARGER_FAULT));
        let mut bytes = vec![];
        templates.write(&stamp, &mut bytes);
        let report = wire::report::decode(&bytes).unwrap();
        assert_eq!(
            (report.boot, report.uptime_ms, report.time),
            (Some(stamp.boot), Some(stamp.uptime_ms), Some(stamp.time))
        );
        let reading = &report.readings[0];
        assert_eq!(reading.sequence, Some(stamp.sequence));
        assert_eq!((reading.uptime_ms, reading.time), (Some(stamp.uptime_ms), Some(stamp.time)));
        assert_eq!(reading.sample.quantities.len(), 30);
        let fault = reading.sample.conditions.value(Condition::CHARGER_FAULT);
        assert_eq!(fault == Some(true), stamp.faulty);
        assert!((120..=220).contains(&bytes.len()), "{} bytes", bytes.len());
    }

    #[test]
    fn a_patched_report_decodes_to_what_was_stamped() {
        let templates = Templates::new(7, UtcMs(1_767_225_600_000), Some(Condition::CHARGER_FAULT));
        let mut all = templates.well.iter().chain(&templates.faulty);
        assert!(all.all(|template| template.places.is_some()), "patching does not work");
        let (boot, time) = (BootId([9; 16]), UtcMs(1_767_225_600_123));
        for faulty in [false, true] {
            check(Stamp { boot, sequence: FIRST, uptime_ms: FIRST + 5, time, faulty });
            check(Stamp { boot, sequence: 0xffff_ffff, uptime_ms: 123_456, time, faulty });
            // Beyond what can be patched it is encoded anew.
            check(Stamp { boot, sequence: 3, uptime_ms: 1 << 40, time, faulty });
        }
    }
}
