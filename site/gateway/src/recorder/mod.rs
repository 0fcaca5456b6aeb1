//! From the reader's bytes to records in the spool.
//!
//! In: chunks of bytes with their arrival. Out: readings and events appended to the spool, counters of the line, and
//! a nudge to the sender where something shall leave at once. Never waits for the network.

pub mod cadence;
pub mod changes;

use wire::stream::Decoder;
use wire::{BootId, EventKind, LinkCounts, Observation, Report, Serial, TestResult};

use crate::config::{Config, Protocol};
use crate::spool::record::Kind;
use crate::spool::{Spool, SpoolError};
use crate::state::Seen;
use crate::status;
use cadence::{Cadence, Kept};
use changes::Change;

/// The same wrong serial number is told again after this long.
const WRONG_AGAIN_MS: u64 = 10 * 60_000;
/// A line silent for this long lets the decoder hand out what waits for company.
const FLUSH_AFTER_MS: u64 = 1000;

/// See the module.
#[derive(Debug)]
pub struct Recorder {
    serial: Serial,
    decoder: Box<dyn Decoder + Send>,
    cadence: Cadence,
    /// What was last seen, for the next start.
    pub seen: Seen,
    testing: bool,
    wrong: Option<(Serial, u64)>,
    last_good_ms: Option<u64>,
    last_bytes_ms: Option<u64>,
    flushed: bool,
    started_ms: u64,
    /// Presses of the gateway's own button since this start.
    presses: u64,
}

/// What one call did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Recorded {
    /// Records appended.
    pub records: u64,
    /// One of them shall be on disk and on its way at once.
    pub at_once: bool,
}

impl Recorder {
    /// For one line; `seen` is what the last start saw.
    #[must_use]
    pub fn new(config: &Config, seen: Seen, now_ms: u64) -> Self {
        Self {
            serial: config.serial,
            decoder: decoder(config),
            cadence: Cadence::new(u64::from(config.report.interval_s) * 1000),
            seen,
            testing: false,
            wrong: None,
            last_good_ms: None,
            last_bytes_ms: None,
            flushed: true,
            started_ms: now_ms,
            presses: 0,
        }
    }

    /// The gateway's own button was pressed at `at_ms`. This start of the gateway is the press's boot: it counts from
    /// one as an inverter's button does.
    ///
    /// # Errors
    /// [`SpoolError`].
    pub fn press(&mut self, at_ms: u64, spool: &mut Spool) -> Result<Recorded, SpoolError> {
        self.presses += 1;
        let kind =
            EventKind::Button { boot: Some(own_boot(spool.settings().boot)), count: self.presses, age_ms: 0 };
        spool.append(Kind::Event, at_ms, changes::to_body(Change { kind, age_ms: None }))?;
        status::say("The push-button was pressed.");
        Ok(Recorded { records: 1, at_once: true })
    }

    /// Takes bytes that arrived at `arrived_ms`. `wanted`: the cloud has just been reached and wants the present level.
    ///
    /// # Errors
    /// [`SpoolError`].
    pub fn take(
        &mut self,
        bytes: &[u8],
        arrived_ms: u64,
        wanted: &mut bool,
        spool: &mut Spool,
    ) -> Result<Recorded, SpoolError> {
        let mut observations = Vec::new();
        self.decoder.push(bytes, arrived_ms, &mut |observation| observations.push(observation));
        (self.last_bytes_ms, self.flushed) = (Some(arrived_ms), false);
        self.observe(&observations, arrived_ms, wanted, spool)
    }

    /// Time passes.
    ///
    /// # Errors
    /// [`SpoolError`].
    pub fn tick(&mut self, now_ms: u64, spool: &mut Spool) -> Result<Recorded, SpoolError> {
        let mut observations = Vec::new();
        if !self.flushed && self.last_bytes_ms.is_some_and(|last| now_ms >= last + FLUSH_AFTER_MS) {
            self.flushed = true;
            self.decoder.flush(&mut |observation| observations.push(observation));
        }
        let mut recorded = self.observe(&observations, now_ms, &mut false, spool)?;
        for kept in self.cadence.due(now_ms) {
            recorded.add(keep(kept, spool)?);
        }
        Ok(recorded)
    }

    /// When [`Recorder::tick`] is next of use.
    #[must_use]
    pub fn due_ms(&self) -> Option<u64> {
        let flush = self.last_bytes_ms.filter(|_| !self.flushed).map(|last| last + FLUSH_AFTER_MS);
        [flush, self.cadence.due_ms()].into_iter().flatten().min()
    }

    /// How the line is doing.
    #[must_use]
    pub fn link(&self, now_ms: u64) -> LinkCounts {
        let counts = self.decoder.counts();
        let silent_ms = now_ms.saturating_sub(self.last_good_ms.unwrap_or(self.started_ms));
        LinkCounts { frames_good: counts.good, frames_bad: counts.bad, silent_ms }
    }

    fn observe(
        &mut self,
        observations: &[Observation],
        at_ms: u64,
        wanted: &mut bool,
        spool: &mut Spool,
    ) -> Result<Recorded, SpoolError> {
        let mut recorded = Recorded::default();
        for observation in observations {
            self.last_good_ms = Some(at_ms);
            match observation.serial.filter(|found| *found != self.serial) {
                Some(found) => recorded.add(self.wrong_inverter(found, at_ms, spool)?),
                None => {
                    recorded.add(self.right_inverter(observation, at_ms, std::mem::take(wanted), spool)?)
                }
            }
        }
        Ok(recorded)
    }

    fn right_inverter(
        &mut self,
        observation: &Observation,
        at_ms: u64,
        wanted: bool,
        spool: &mut Spool,
    ) -> Result<Recorded, SpoolError> {
        if self.wrong.take().is_some() {
            status::say(format_args!("The line carries {} again.", self.serial));
        }
        let mut recorded = Recorded::default();
        let changes = changes::changes(&mut self.seen, observation);
        let event = !changes.is_empty();
        for change in changes {
            spool.append(Kind::Event, at_ms, changes::to_body(change))?;
            recorded.add(Recorded { records: 1, at_once: true });
        }
        if let Some(test) = &observation.test {
            self.testing = test.result == TestResult::InProgress;
        }
        for kept in self.cadence.frame(at_ms, &observation.sample, self.testing, event, wanted) {
            recorded.add(keep(kept, spool)?);
        }
        Ok(recorded)
    }

    fn wrong_inverter(
        &mut self,
        found: Serial,
        at_ms: u64,
        spool: &mut Spool,
    ) -> Result<Recorded, SpoolError> {
        if self.wrong.is_some_and(|(known, told_ms)| known == found && at_ms < told_ms + WRONG_AGAIN_MS) {
            return Ok(Recorded::default());
        }
        self.wrong = Some((found, at_ms));
        status::say(format_args!(
            "The line carries inverter {found}, this gateway is for {}: its readings are not sent. Connect the right inverter, or give the gateway {found}'s certificate and `serial`.",
            self.serial
        ));
        let kind = EventKind::WrongInverter { found: found.as_str().to_owned() };
        spool.append(Kind::Event, at_ms, changes::to_body(Change { kind, age_ms: None }))?;
        Ok(Recorded { records: 1, at_once: true })
    }
}

impl Recorded {
    const fn add(&mut self, other: Self) {
        self.records += other.records;
        self.at_once |= other.at_once;
    }
}

/// Appends a reading, and in front of it the number of changes that were too fast to be kept one by one.
fn keep(kept: Kept, spool: &mut Spool) -> Result<Recorded, SpoolError> {
    let Kept { uptime_ms, sample, at_once, skipped_edges } = kept;
    let mut records = 1;
    if skipped_edges > 0 {
        let kind = EventKind::Other(format!("state_changes_skipped={skipped_edges}"));
        spool.append(Kind::Event, uptime_ms, changes::to_body(Change { kind, age_ms: None }))?;
        records += 1;
    }
    let reading = wire::Reading { sample, ..wire::Reading::default() };
    let mut body = Vec::new();
    wire::report::cbor::encode(&Report { readings: vec![reading], ..Report::default() }, &mut body);
    spool.append(Kind::Reading, uptime_ms, body)?;
    Ok(Recorded { records, at_once })
}

/// As much of the start's random id as every reader of JSON takes for a whole number.
fn own_boot(boot: BootId) -> u64 {
    boot.0.iter().take(6).fold(0, |number, byte| (number << 8) | u64::from(*byte))
}

fn decoder(config: &Config) -> Box<dyn Decoder + Send> {
    match config.port.protocol {
        Protocol::Native => Box::new(wire::native::NativeDecoder::new()),
        Protocol::VeDirect => Box::new(wire::ve_direct::VeDirectDecoder::new()),
        Protocol::Mate => {
            let addresses =
                config.port.mate_addresses.iter().copied().filter_map(wire::mate::Address::from_char);
            Box::new(wire::mate::MateDecoder::new(&addresses.collect::<Vec<_>>()))
        }
    }
}
