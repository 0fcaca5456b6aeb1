//! Tests found in what an inverter shows and tells.
//!
//! In: moments, and the test last told of. Out: a [`Found`] when a test is over, and again when its own result comes later. A discharge
//! without utility power is never a test: it interrupts one.

use minicbor::{Decode, Encode};
use wire::{Flag, TestKind, TestResult, UtcMs};

use crate::event::TestRecord;
use crate::inverter::InverterState;
use crate::readiness::{Bank, Moment, Source};

/// What was tested.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum Kind {
    /// The short one.
    #[n(0)]
    Monthly,
    /// The one of full length.
    #[n(1)]
    Annual,
    /// One that a person started.
    #[n(2)]
    Manual,
}

/// How it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum SeenBy {
    /// Readings were there while it ran.
    #[n(0)]
    Telemetry,
    /// The inverter told of it; no reading was there.
    #[n(1)]
    Word,
}

/// A test that is over.
#[derive(Clone, Debug, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct Found {
    /// What was tested.
    #[n(0)]
    pub kind: Kind,
    /// How it is known.
    #[n(1)]
    pub seen_by: SeenBy,
    /// When it began.
    #[n(2)]
    pub started: UtcMs,
    /// How long it lasted as seen, seconds; as told where nothing was seen.
    #[n(3)]
    pub length_s: f32,
    /// Utility power failed within it.
    #[n(4)]
    pub interrupted: bool,
    /// The battery gave up with nothing else there: the lights went out.
    #[n(5)]
    pub gave_up: bool,
    /// The battery was full at its start; `None`: nothing told.
    #[n(6)]
    pub charged: Option<bool>,
    /// Volts per cell above the cut-off at its end.
    #[n(7)]
    pub above_cutoff_v: Option<f32>,
    /// Mean load, in the unit that the inverter tells it in.
    #[n(8)]
    pub load: Option<f32>,
    /// The inverter's own record of it.
    #[n(9)]
    pub own: Option<TestRecord>,
    /// It was seen to end with the battery at the cut-off, and the inverter went back to utility power.
    #[n(10)]
    #[cbor(default)]
    pub at_cutoff: bool,
}

impl Found {
    /// Length by the inverter's own record, seconds.
    #[must_use]
    pub fn own_length_s(&self) -> Option<f32> {
        #[expect(clippy::cast_precision_loss, reason = "seconds of hours at most")]
        let length = |seconds: u64| seconds as f32;
        self.own.as_ref()?.length_s.map(length)
    }
}

/// Whether tests and outages can be told apart on this stream: it reports line presence, or tells of its tests. That it told of one outlives
/// what it told (decision 25): a test would be due just when the last one is forgotten.
#[must_use]
pub fn recognises(state: &InverterState) -> bool {
    let told = || state.test.is_some() || state.tests.monthly().is_some() || state.tests.annual().is_some();
    state.flag(Flag::LinePresent).is_some() || told()
}

/// A test of at least this long is one of full length where the inverter does not say, seconds.
const LONG_S: f32 = 1_800.0;
/// One that ended at the cut-off after at least this long was to go on: it was none of half a minute, seconds.
const EMPTIED_S: f32 = 60.0;
/// What is over was seen to end by the next reading where that comes as soon as this, milliseconds.
const SEEN_MS: i64 = 60_000;
/// Shorter is a flicker of the flags, seconds.
const SHORTEST_S: f32 = 3.0;
/// A silence longer than this within a test ends it where it was last seen, milliseconds.
const LOST_MS: i64 = 30 * 60_000;
/// A result belongs to a test that ended no longer ago, milliseconds.
const LATE_MS: i64 = wire::time::DAY_MS;

/// What is remembered between moments.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct Recogniser {
    #[n(0)]
    running: Option<Running>,
    /// The last test that was over, until its own result is known.
    #[n(1)]
    open: Option<Found>,
    /// Counter and result of the last own record that was used.
    #[n(2)]
    used: Option<u64>,
    /// The last moment.
    #[n(3)]
    at: Option<UtcMs>,
    /// The battery feeds since utility power failed. Power that comes back is waited on for some seconds, with the line there
    /// and the battery feeding, as in a test: that is the end of the outage.
    #[n(4)]
    #[cbor(default)]
    outage: bool,
    /// Contact was lost before the next moment.
    #[n(5)]
    #[cbor(default)]
    silent: bool,
}

#[derive(Clone, Debug, PartialEq, Encode, Decode)]
#[cbor(map)]
struct Running {
    #[n(0)]
    started: UtcMs,
    #[n(1)]
    last: UtcMs,
    #[n(2)]
    charged: Option<bool>,
    #[n(3)]
    volts: Option<f32>,
    #[n(4)]
    load: f32,
    #[n(5)]
    count: u32,
    /// It may have begun in a silence, of which a backlog will tell: how long it was is not known yet.
    #[n(6)]
    #[cbor(default)]
    after_silence: bool,
}

impl Recogniser {
    /// Takes the next moment; `told` is the test last told of, `charged` whether the battery was full before.
    pub fn take(
        &mut self,
        moment: &Moment,
        told: Option<&TestRecord>,
        charged: Option<bool>,
        bank: Option<&Bank>,
    ) -> Option<Found> {
        if told.is_some_and(|told| told.in_progress() && self.used == Some(told.count)) {
            // The inverter counts anew.
            self.used = None;
        }
        let over = told.filter(|told| !told.in_progress() && told.result != TestResult::None.name());
        let fresh = over.filter(|told| self.used != Some(told.count));
        self.outage = moment.is_feeding() && (self.outage || moment.source == Source::Outage);
        let testing = moment.source == Source::Test && !self.outage;
        let first = self.at.is_none();
        self.at = Some(moment.at);
        let after_silence = std::mem::take(&mut self.silent);
        if first && self.running.is_none() && !testing {
            // What was over before anybody looked is no news.
            self.used = over.map(|told| told.count);
            return None;
        }
        let lost = self.running.as_ref().is_some_and(|running| moment.at.since(running.last) > LOST_MS);
        if testing && !lost {
            self.go_on(moment, charged, after_silence);
            return None;
        }
        match self.running.take() {
            Some(running) => {
                let found = close(&running, moment, fresh, bank, lost)?;
                self.settle(found)
            }
            None => self.by_word(moment, fresh),
        }
    }

    /// Contact was lost: whether what ran goes on, a backlog will tell that began as a copy of this.
    pub(crate) fn cut(&mut self) {
        (self.running, self.outage, self.silent) = (None, false, true);
    }

    /// What a backlog told, which began as a copy of this.
    pub(crate) fn adopt(&mut self, earlier: Self) {
        self.used = earlier.used.or(self.used);
        let since = |open: &Found| earlier.at.is_none_or(|at| open.started >= at);
        if !self.open.as_ref().is_some_and(since) {
            self.open = earlier.open;
        }
    }

    /// Whether the battery feeds since utility power failed: what looks like a test is the end of an outage.
    pub(crate) const fn in_outage(&self) -> bool {
        self.outage
    }

    /// What went on at `at` began when `earlier`, which a backlog followed up to there, says.
    pub(crate) fn join(&mut self, at: UtcMs, earlier: &Self) {
        if earlier.outage {
            self.outage |= self.running.take_if(|running| running.started <= at).is_some();
            self.open.take_if(|open| open.started == at);
        }
        if let Some(running) = self.running.as_mut().filter(|running| running.started == at) {
            running.after_silence = false;
            if let Some(before) = earlier.running.as_ref().filter(|before| before.started <= at) {
                running.join(before);
            }
        }
        if let Some(open) = self.open.take_if(|open| open.started == at) {
            self.open = Some(earlier.joined(open));
        }
    }

    /// A test that is over, with what was before it was seen.
    pub(crate) fn joined(&self, later: Found) -> Found {
        let before = self.running.as_ref().filter(|running| running.started <= later.started);
        let Some(running) = before else { return later };
        let before_s = seconds(later.started.since(running.started));
        let length_s = before_s + later.length_s;
        let load = match (running.mean(), later.load) {
            (Some(one), Some(other)) if length_s > 0.0 => {
                Some((one * before_s + other * later.length_s) / length_s)
            }
            (one, other) => other.or(one),
        };
        Found {
            kind: kind(later.own.as_ref(), length_s, later.at_cutoff),
            started: running.started,
            length_s,
            charged: running.charged,
            load,
            ..later
        }
    }

    /// Whether it holds what [`Recogniser::forget_before`] would take.
    pub(crate) fn holds_before(&self, before: UtcMs) -> bool {
        self.open.as_ref().is_some_and(|open| open.started < before)
    }

    /// Forgets a test from before an instant whose own result never came.
    pub(crate) fn forget_before(&mut self, before: UtcMs) {
        self.open.take_if(|open| open.started < before);
    }

    fn go_on(&mut self, moment: &Moment, charged: Option<bool>, after_silence: bool) {
        let running = self.running.get_or_insert(Running {
            started: moment.at,
            last: moment.at,
            charged,
            volts: None,
            load: 0.0,
            count: 0,
            after_silence,
        });
        running.last = moment.at;
        running.volts = moment.volts.or(running.volts);
        if let Some(load) = moment.load {
            running.count = running.count.saturating_add(1);
            #[expect(clippy::cast_precision_loss, reason = "a mean")]
            let count = running.count as f32;
            running.load += (load.value - running.load) / count;
        }
    }

    fn settle(&mut self, found: Found) -> Option<Found> {
        match &found.own {
            Some(own) => {
                self.used = Some(own.count);
                self.open = None;
            }
            None => self.open = Some(found.clone()),
        }
        Some(found)
    }

    /// A result without a test that runs: that of the last one, or of one that nobody saw.
    fn by_word(&mut self, moment: &Moment, fresh: Option<&TestRecord>) -> Option<Found> {
        let own = fresh?;
        let ended = |found: &Found| found.started.plus_ms(ms(found.length_s));
        let open = self.open.take().filter(|found| moment.at.since(ended(found)) <= LATE_MS);
        let found = match open {
            Some(found) => Found {
                kind: kind(Some(own), found.length_s, found.at_cutoff),
                own: Some(own.clone()),
                ..found
            },
            None => unseen(own),
        };
        self.settle(found)
    }
}

impl Found {
    /// Of full length, or as good as: a failure of it is made good by another of those only. By hand a test is long by its length.
    pub(crate) fn is_long(&self) -> bool {
        self.kind == Kind::Annual || self.longest_s() >= LONG_S
    }

    /// Length as seen or as told, whichever is more: readings may have been missing, seconds.
    pub(crate) fn longest_s(&self) -> f32 {
        self.own_length_s().unwrap_or(0.0).max(self.length_s)
    }

    /// A flicker of the flags is no test.
    pub(crate) fn is_long_enough(&self) -> bool {
        self.length_s >= SHORTEST_S || self.own.is_some()
    }
}

impl Running {
    fn mean(&self) -> Option<f32> {
        (self.count > 0).then_some(self.load)
    }

    /// It goes on from one that a backlog followed.
    fn join(&mut self, earlier: &Self) {
        let count = self.count.saturating_add(earlier.count);
        if count > 0 {
            #[expect(clippy::cast_precision_loss, reason = "a mean")]
            let share = self.count as f32 / count as f32;
            self.load = earlier.load + (self.load - earlier.load) * share;
        }
        (self.started, self.charged, self.count) = (earlier.started, earlier.charged, count);
    }
}

fn close(
    running: &Running,
    moment: &Moment,
    own: Option<&TestRecord>,
    bank: Option<&Bank>,
    lost: bool,
) -> Option<Found> {
    // After a silence it is known only until it was last seen.
    let seen = moment.at.since(running.last) <= SEEN_MS;
    let until = if seen { moment.at } else { running.last };
    let length_s = seconds(until.since(running.started));
    if length_s < SHORTEST_S && own.is_none() && !running.after_silence {
        return None;
    }
    let above = |volts: f32| bank.map(|bank| volts / bank.cells - bank.cutoff_cell_v);
    let emptied = bank.zip(running.volts).is_some_and(|(bank, volts)| bank.is_at_cutoff(volts));
    let at_cutoff = emptied && seen && moment.source == Source::Line;
    let own = own.filter(|_| !lost || own.is_some_and(|own| own.told >= running.started));
    Some(Found {
        kind: kind(own, length_s, at_cutoff),
        seen_by: SeenBy::Telemetry,
        started: running.started,
        length_s,
        interrupted: moment.source == Source::Outage,
        gave_up: moment.source == Source::Nothing,
        charged: running.charged,
        above_cutoff_v: running.volts.and_then(above),
        load: running.mean(),
        own: own.cloned(),
        at_cutoff,
    })
}

/// As told; where nothing is told, by length.
fn kind(own: Option<&TestRecord>, length_s: f32, at_cutoff: bool) -> Kind {
    let told = own.map(|own| own.kind.as_str());
    let table = [
        (TestKind::Monthly, Kind::Monthly),
        (TestKind::Annual, Kind::Annual),
        (TestKind::Manual, Kind::Manual),
    ];
    let known = table.iter().find(|(name, _)| Some(name.name()) == told).map(|(_, kind)| *kind);
    let long = length_s >= LONG_S || (at_cutoff && length_s >= EMPTIED_S);
    known.unwrap_or(if long { Kind::Annual } else { Kind::Monthly })
}

fn unseen(own: &TestRecord) -> Found {
    let told_ms = i64::try_from(own.length_s.unwrap_or(0)).unwrap_or(i64::MAX).saturating_mul(1000);
    Found {
        kind: kind(Some(own), seconds(told_ms), false),
        seen_by: SeenBy::Word,
        started: own.started.unwrap_or(own.told.plus_ms(-told_ms)),
        length_s: seconds(told_ms),
        interrupted: false,
        gave_up: false,
        charged: None,
        above_cutoff_v: None,
        load: None,
        own: Some(own.clone()),
        at_cutoff: false,
    }
}

#[expect(clippy::cast_precision_loss, reason = "hours at most")]
fn seconds(ms: i64) -> f32 {
    ms as f32 / 1000.0
}

#[expect(clippy::cast_possible_truncation, reason = "hours at most")]
fn ms(seconds: f32) -> i64 {
    (seconds * 1000.0) as i64
}
