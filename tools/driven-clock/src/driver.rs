//! The test's end: writes the file.
//!
//! In: rates and instants. Out: lines. Each takes effect a moment later, so that all readers change at one instant;
//! the calls return when it has.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;

use wire::UtcMs;

use crate::line::{self, Line};
use crate::{LOOK_EVERY, real_uptime_ms};

/// From the writing of a line to its effect: every reader has looked by then.
const NOTICE: Duration = LOOK_EVERY.saturating_mul(5);

/// See the module.
#[derive(Debug)]
pub struct Driver {
    file: File,
    lines: Vec<Line>,
}

impl Driver {
    /// Makes the file: the clock stands at `now` and goes at the real pace.
    ///
    /// # Errors
    /// The file cannot be written, or is there already.
    pub fn create(path: &Path, now: UtcMs) -> io::Result<Self> {
        let file = File::options().append(true).create_new(true).open(path)?;
        let mut driver = Self { file, lines: Vec::new() };
        driver.append(Line { uptime_ms: real_uptime_ms(), utc: now, rate: 1.0 })?;
        Ok(driver)
    }

    /// What the clock says.
    #[must_use]
    pub fn now(&self) -> UtcMs {
        line::read(&self.lines, real_uptime_ms()).map_or(UtcMs(0), |reading| reading.utc)
    }

    /// From now on `rate` times as fast as the real clock; 0 stops it.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn set_rate(&mut self, rate: f64) -> io::Result<()> {
        let uptime_ms = effect_ms();
        let utc = line::read(&self.lines, uptime_ms).map_or(UtcMs(0), |reading| reading.utc);
        self.append(Line { uptime_ms, utc, rate })?;
        await_real(uptime_ms);
        Ok(())
    }

    /// Puts the clock at `utc`, its rate unchanged.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn jump_to(&mut self, utc: UtcMs) -> io::Result<()> {
        let uptime_ms = effect_ms();
        let rate = self.lines.last().map_or(1.0, |line| line.rate);
        self.append(Line { uptime_ms, utc, rate })?;
        await_real(uptime_ms);
        Ok(())
    }

    /// Waits until the clock has reached `utc`; for ever if it stands still.
    pub fn wait_until(&self, utc: UtcMs) {
        while self.now() < utc {
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn append(&mut self, line: Line) -> io::Result<()> {
        self.file.write_all(format!("{line}\n").as_bytes())?;
        self.lines.push(line);
        Ok(())
    }
}

fn effect_ms() -> i64 {
    real_uptime_ms().saturating_add(i64::try_from(NOTICE.as_millis()).unwrap_or(0))
}

fn await_real(uptime_ms: i64) {
    while real_uptime_ms() < uptime_ms {
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::DrivenClock;

    #[test]
    fn readers_follow_rates_and_jumps_and_agree_with_the_driver() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("clock");
        assert!(DrivenClock::open(&path).unwrap_err().to_string().contains("cannot be read"));
        let start = UtcMs(1_800_000_000_000);
        let mut driver = Driver::create(&path, start).unwrap();
        let clock = DrivenClock::open(&path).unwrap();
        let uptime_ms = clock.uptime_ms();
        assert!(clock.now().since(start) < 5_000);

        driver.set_rate(100.0).unwrap();
        let before = clock.now();
        clock.sleep(Duration::from_secs(20));
        let slept_ms = clock.now().since(before);
        // 20 s are 200 ms; a busy machine wakes us later.
        assert!((20_000..200_000).contains(&slept_ms), "{slept_ms}");
        assert!(clock.real(Duration::from_secs(1)) <= Duration::from_millis(10));

        driver.set_rate(0.0).unwrap();
        let there = start.plus_ms(29 * wire::time::DAY_MS);
        driver.jump_to(there).unwrap();
        // What a reader has seen is at most 20 ms old, which the notice covers.
        assert_eq!((clock.now(), driver.now()), (there, there));
        let passed_ms = i64::try_from(clock.uptime_ms() - uptime_ms).unwrap();
        assert!((there.since(start) - 5_000..=there.since(start)).contains(&passed_ms), "{passed_ms}");
    }

    #[test]
    fn half_a_line_and_nonsense_do_not_count() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("clock");
        std::fs::write(&path, "soon\n").unwrap();
        assert!(DrivenClock::open(&path).unwrap_err().to_string().contains("UPTIME_MS UTC_MS RATE"));
        std::fs::write(&path, "soon\n0 1000 0\n0 2000").unwrap();
        let clock = DrivenClock::open(&path).unwrap();
        assert_eq!(clock.now(), UtcMs(1000));
        File::options().append(true).open(&path).unwrap().write_all(b" 0\n").unwrap();
        std::thread::sleep(LOOK_EVERY * 2);
        assert_eq!(clock.now(), UtcMs(2000));
    }
}
