//! Self-tests: 30 seconds monthly, 90 minutes annually, on the battery with the utility there.
//!
//! In: commands, a schedule, how the output does. Out: the record that each frame repeats.

use wire::{Quantity, SelfTest, TestKind, TestResult};

use super::parameters::Schedule;

/// Seconds of a monthly test and of a manual one (NFPA 101 7.9.3: not less than 30 s).
pub const MONTHLY_S: f64 = 30.0;
/// Volts per cell at the end below which a passed test carries a remark.
const REMARK_CELL_V: f64 = 1.83;
const DAY_S: f64 = 86_400.0;

/// The test that runs, and the last.
#[derive(Debug, Clone)]
pub struct Tests {
    annual_s: f64,
    monthly_s: f64,
    schedule: Option<Schedule>,
    running: Option<Running>,
    last: Option<SelfTest>,
    count: u64,
}

#[derive(Debug, Clone)]
struct Running {
    kind: TestKind,
    length_s: f64,
    elapsed_s: f64,
}

/// Why a running test ends now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It lasted its time.
    Complete,
    /// The battery or the output gave up.
    Gave,
    /// Utility failed, or a person stopped it.
    Stopped,
}

impl Tests {
    /// None yet; annual tests last `required_minutes`, monthly and manual ones `monthly_s`.
    #[must_use]
    pub fn new(required_minutes: f64, monthly_s: f64, schedule: Option<Schedule>) -> Self {
        Self { annual_s: required_minutes * 60.0, monthly_s, schedule, running: None, last: None, count: 0 }
    }

    /// Starts one. The caller has made sure that the inverter can.
    pub fn start(&mut self, kind: TestKind, uptime_ms: u64) {
        let length_s = if kind == TestKind::Annual { self.annual_s } else { self.monthly_s };
        self.count += 1;
        self.last = Some(SelfTest {
            count: self.count,
            kind: kind.clone(),
            result: TestResult::InProgress,
            started: None,
            started_uptime_ms: Some(uptime_ms),
            length_s: Some(0),
            end_voltage: None,
        });
        self.running = Some(Running { kind, length_s, elapsed_s: 0.0 });
    }

    /// The kind that is due at `now_s` seconds after the start by the schedule; moves the schedule on.
    pub fn due(&mut self, now_s: f64) -> Option<TestKind> {
        let schedule = self.schedule.as_mut()?;
        if now_s >= schedule.first_annual_s {
            schedule.first_annual_s += 365.0 * DAY_S;
            return Some(TestKind::Annual);
        }
        if now_s >= schedule.first_monthly_s {
            schedule.first_monthly_s += 30.0 * DAY_S;
            return Some(TestKind::Monthly);
        }
        None
    }

    /// Seconds until the schedule's next test, from `now_s` seconds after the start.
    #[must_use]
    pub fn next_in(&self, now_s: f64) -> Option<f64> {
        self.schedule.map(|schedule| schedule.first_annual_s.min(schedule.first_monthly_s) - now_s)
    }

    /// Moves a running test on; says when it is complete.
    pub fn step(&mut self, dt_s: f64) -> Option<Ending> {
        let running = self.running.as_mut()?;
        running.elapsed_s += dt_s;
        let seconds = whole_seconds(running.elapsed_s.min(running.length_s));
        if let Some(last) = &mut self.last {
            last.length_s = Some(seconds);
        }
        (running.elapsed_s >= running.length_s).then_some(Ending::Complete)
    }

    /// Ends the running test and grades it.
    pub fn end(&mut self, ending: Ending, battery_v: f64, cell_v: f64) {
        if self.running.take().is_none() {
            return;
        }
        if let Some(last) = &mut self.last {
            last.result = match ending {
                Ending::Complete if cell_v < REMARK_CELL_V => TestResult::Warning,
                Ending::Complete => TestResult::Passed,
                Ending::Gave => TestResult::Failed,
                Ending::Stopped => TestResult::Aborted,
            };
            last.end_voltage = Quantity::BATTERY_VOLTAGE.to_scaled(battery_v);
        }
    }

    /// The kind that runs now.
    #[must_use]
    pub fn running(&self) -> Option<&TestKind> {
        self.running.as_ref().map(|running| &running.kind)
    }

    /// The record for the frame: the running test, or the last.
    #[must_use]
    pub const fn record(&self) -> Option<&SelfTest> {
        self.last.as_ref()
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 5,400")]
fn whole_seconds(seconds: f64) -> u64 {
    seconds as u64
}
