//! What is remembered of one battery between readings.
//!
//! In: moments, in order. Out: the running discharge, the evidence of those that are over, how full the battery is. Small and bounded, and
//! kept in the inverter's snapshot: a CBOR map, whose keys are added to and never renumbered.

use minicbor::{Decode, Encode};
use wire::UtcMs;

use super::bank::Bank;
use super::charge::Charge;
use super::episode::Episode;
use super::estimate;
use super::evidence::{End, Evidence, Kind};
use super::keep::keep;
use super::moment::{Moment, Source};
use super::steady::Steady;

/// A discharge shorter than this tells nothing, seconds.
const SHORTEST_S: f64 = 5.0;
/// What a battery is taken to last where nothing told, seconds: those of emergency lights are made for 90 minutes.
const UNTOLD_S: f64 = 5_400.0;
/// A test at least this long is of full length where the kind was not told, seconds.
const ANNUAL_S: f64 = 3_600.0;
/// Without a word of the discharge for this long it is over, milliseconds.
const LOST_MS: i64 = 2 * wire::time::HOUR_MS;

/// What is remembered of one battery.
#[derive(Clone, Debug, Default, PartialEq, Encode, Decode)]
#[cbor(map)]
pub struct Readiness {
    /// The string, once a float voltage was seen.
    #[n(0)]
    pub bank: Option<Bank>,
    /// The discharge that goes on.
    #[n(1)]
    pub running: Option<Episode>,
    /// Of discharges that are over, oldest first.
    #[n(2)]
    #[cbor(default)]
    pub evidence: Vec<Evidence>,
    /// How full it is.
    #[n(3)]
    #[cbor(default)]
    pub charge: Charge,
    /// Since when the voltage is about the same.
    #[n(4)]
    #[cbor(default)]
    pub steady: Steady,
}

impl Readiness {
    /// Takes the next moment. `kind`: what the running test is said to be. Gives the evidence of a discharge that ended with it.
    pub fn take(&mut self, moment: &Moment, kind: Option<Kind>) -> Option<Evidence> {
        if moment.is_feeding() {
            self.feed(moment);
            return None;
        }
        let ended = self.running.take().and_then(|episode| self.close(&episode, moment, kind));
        self.charge.take(moment, self.bank.as_ref());
        let steady_ms = self.steady.take(moment);
        if moment.source == Source::Line {
            self.count_cells(moment, steady_ms);
        }
        ended
    }

    /// Counts the cells, and again where the voltage says that they were counted wrongly.
    fn count_cells(&mut self, moment: &Moment, steady_ms: i64) {
        let Some(known) = self.bank else {
            self.bank = Bank::first(moment, steady_ms).filter(|_| self.charge.is_full());
            return;
        };
        if let Some(bank) = known.instead(moment, steady_ms) {
            self.evidence.iter_mut().for_each(|one| one.recount(bank.cells / known.cells));
            self.bank = Some(bank);
        }
    }

    fn feed(&mut self, moment: &Moment) {
        self.charge.feeds();
        self.steady.take(moment);
        let lost = self.running.as_ref().is_some_and(|episode| moment.at.since(episode.last) > LOST_MS);
        if lost {
            self.running = None;
            self.charge.unknown();
        }
        match &mut self.running {
            Some(episode) => episode.push(moment),
            None => self.running = Episode::begin(moment, self.charge.share()),
        }
        if let (Some(bank), Some(volts)) = (&mut self.bank, moment.volts) {
            bank.feeds_at(volts);
        }
    }

    fn close(&mut self, episode: &Episode, moment: &Moment, kind: Option<Kind>) -> Option<Evidence> {
        let near = self.bank.is_some_and(|bank| bank.is_at_cutoff(episode.last_v));
        let end = if near || moment.source == Source::Nothing { End::GaveUp } else { End::Over };
        self.charge.drawn(self.share_used(episode, end), episode.drawn_ah);
        let bank = self.bank.as_mut()?;
        if episode.length_s() < SHORTEST_S {
            return None;
        }
        if moment.source == Source::Nothing {
            bank.gave_up_at(episode.last_v);
        }
        let kind = match kind {
            _ if !episode.test => Kind::Outage,
            Some(kind) => kind,
            None if episode.length_s() >= ANNUAL_S => Kind::Annual,
            None => Kind::Test,
        };
        let evidence = episode.end(bank, end, kind, moment.at);
        keep(&mut self.evidence, evidence);
        Some(evidence)
    }

    /// Share of the whole that a discharge used.
    fn share_used(&self, episode: &Episode, end: End) -> f32 {
        if end == End::GaveUp {
            return 1.0;
        }
        let known = estimate::whole(&self.evidence, &episode.as_moment()).map(|(time, _)| time);
        let whole = self.bank.and_then(|bank| episode.whole(&bank, known)).or(known);
        let whole_s = whole.map_or(UNTOLD_S, |time| time.ln_s.exp());
        #[expect(clippy::cast_possible_truncation, reason = "a share")]
        let share = (f64::from(episode.used_s) / whole_s) as f32;
        share.min(1.0)
    }

    /// What a backlog told, which began as a copy of this: evidence that is new or better, and how full the battery was where the
    /// backlog ended, if it is `complete`.
    pub(crate) fn adopt(&mut self, earlier: Self, complete: bool) {
        for one in earlier.evidence {
            match self.evidence.iter_mut().find(|known| known.at == one.at) {
                Some(known) => *known = one,
                None => keep(&mut self.evidence, one),
            }
        }
        self.bank = earlier.bank.or(self.bank);
        if !complete {
            return;
        }
        match (&self.running, &earlier.running) {
            (None, None) => self.charge = earlier.charge,
            // It goes on. What ran before the silence need not be what runs now, and only the backlog knows how full the battery was.
            (Some(running), Some(known)) if running.started <= known.last => {
                (self.running, self.charge) = (earlier.running, earlier.charge);
            }
            // Over since, or begun since: this one counted it.
            _ => {}
        }
    }

    /// Forgets evidence from before an instant: what is older than 30 days where no logbook is kept (decision 25), or from before
    /// the battery was replaced.
    pub fn forget_before(&mut self, at: UtcMs) {
        self.evidence.retain(|one| one.at >= at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::readiness::keep::MOST_EVIDENCE;
    use crate::readiness::moment::{Load, Unit};

    const T0: UtcMs = UtcMs(1_800_000_000_000);

    fn moment(seconds: i64, source: Source, volts: f32) -> Moment {
        Moment {
            at: T0.plus_ms(seconds * 1000),
            source,
            volts: Some(volts),
            amperes: Some(if source == Source::Line { 0.3 } else { -55.0 }),
            celsius: Some(25.0),
            load: Some(Load { value: 6_100.0, unit: Unit::Watt }),
            percent: None,
            charging: Some(false),
        }
    }

    /// A discharge of `seconds` that falls to `end` volts.
    fn discharge(
        readiness: &mut Readiness,
        from: i64,
        seconds: i64,
        source: Source,
        end: f32,
    ) -> Option<Evidence> {
        readiness.take(&moment(from, Source::Line, 136.4), None);
        for second in (0..seconds).step_by(10) {
            let way = second as f32 / seconds as f32;
            readiness
                .take(&moment(from + 1 + second, source, 122.0 + (end - 122.0) * way), Some(Kind::Annual));
        }
        readiness.take(&moment(from + seconds + 1, Source::Line, 128.0), Some(Kind::Annual))
    }

    #[test]
    fn a_discharge_becomes_evidence_of_its_kind_and_the_state_survives_its_bytes() {
        let mut readiness = Readiness::default();
        let test = discharge(&mut readiness, 0, 5_400, Source::Test, 112.8).unwrap();
        assert_eq!((test.kind, test.end), (Kind::Annual, End::Over));
        assert!((test.length_s - 5_400.0).abs() < 11.0 && test.whole.is_some(), "{test:?}");
        let outage = discharge(&mut readiness, 200_000, 600, Source::Outage, 118.0).unwrap();
        assert_eq!(outage.kind, Kind::Outage, "whatever kind of test was told of before");
        readiness.take(&moment(300_000, Source::Outage, 121.0), None);
        let bytes = minicbor::to_vec(&readiness).unwrap();
        assert_eq!(minicbor::decode::<Readiness>(&bytes).unwrap(), readiness);
        assert!(bytes.len() < 1_000, "{}", bytes.len());
    }

    #[test]
    fn what_nobody_may_keep_is_forgotten_and_what_is_kept_is_bounded() {
        let mut readiness = Readiness::default();
        for test in 0..40 {
            discharge(&mut readiness, test * 100_000, 30, Source::Test, 121.0);
        }
        assert_eq!(readiness.evidence.len(), MOST_EVIDENCE);
        let bytes = minicbor::to_vec(&readiness).unwrap();
        assert!(bytes.len() < 2_000, "{}", bytes.len());
        readiness.forget_before(T0.plus_ms(39 * 100_000_000));
        assert_eq!(readiness.evidence.len(), 1);
    }

    #[test]
    fn a_discharge_is_not_counted_as_charging() {
        let mut readiness = Readiness::default();
        readiness.take(&moment(0, Source::Line, 136.4), None);
        for second in 1..=5_400 {
            let volts = 122.0 - second as f32 / 600.0;
            readiness.take(&moment(second, Source::Test, volts), Some(Kind::Annual));
        }
        let back = |second| Moment { amperes: Some(10.0), ..moment(second, Source::Line, 128.0) };
        readiness.take(&back(5_401), Some(Kind::Annual));
        let first = readiness.charge.share().unwrap();
        assert!(first < 0.5, "{first}");
        // 10 A for an hour, nine tenths of them stored, in the place of 55 A for an hour and a half.
        for second in 5_402..=9_001 {
            readiness.take(&back(second), None);
        }
        let share = readiness.charge.share().unwrap();
        let expect = first + (1.0 - first) * 9.0 / 82.5;
        assert!((share - expect).abs() < 0.002, "{first} {share} {expect}");
        // The same where the inverter tells too little for a record of the discharge.
        let dark = Moment { load: None, ..moment(9_002, Source::Outage, 121.0) };
        readiness.take(&dark, None);
        readiness.take(&Moment { at: dark.at.plus_ms(3_000_000), ..dark }, None);
        readiness.take(&back(12_003), None);
        assert_eq!(readiness.charge.share(), Some(share));
    }

    #[test]
    fn a_snapshot_from_before_leads_back() {
        #[derive(Encode)]
        #[cbor(map)]
        struct Before {
            #[n(0)]
            bank: Option<Bank>,
            #[n(3)]
            charge: Charge,
        }
        let before = Before { bank: Bank::from_float(136.4), charge: Charge::default() };
        let after: Readiness = minicbor::decode(&minicbor::to_vec(&before).unwrap()).unwrap();
        assert_eq!(after, Readiness { bank: before.bank, ..Readiness::default() });
    }

    #[test]
    fn a_battery_that_gives_up_says_how_long_it_lasts() {
        let mut readiness = Readiness::default();
        readiness.take(&moment(0, Source::Line, 136.4), None);
        for second in 1..=3_600 {
            readiness.take(&moment(second, Source::Outage, 122.0 - second as f32 / 200.0), None);
        }
        let evidence = readiness.take(&moment(3_601, Source::Nothing, 110.0), None).unwrap();
        assert_eq!(evidence.end, End::GaveUp);
        let (ln_s, sigma) = evidence.whole.unwrap();
        assert!((ln_s.exp() - 3_599.0).abs() < 5.0 && sigma < 0.01, "{evidence:?}");
        assert_eq!(readiness.charge.share(), Some(0.0), "what it drew is missing");
    }
}
