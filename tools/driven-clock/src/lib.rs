//! A clock that a test drives: any rate, jumps, and the same instant in every process that reads the same file.
//!
//! In: a file of lines, each `UPTIME_MS UTC_MS RATE`: from this uptime of the machine on (`CLOCK_BOOTTIME`, what
//! `/proc/uptime` shows) the clock stands at that instant and goes this many times as fast as the real one. Lines are
//! only appended; one that takes effect in the future is obeyed by all readers at once. Out: the driven time, and how
//! long to really wait for some of it to pass. No program that is shipped links this crate.

mod driver;
mod line;
mod reader;

pub use driver::Driver;
pub use reader::{DrivenClock, OpenError};

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// The longest real wait before the file is looked at again.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// The machine's uptime, sleep included: the one clock that all processes share and nobody sets.
fn real_uptime_ms() -> i64 {
    let time = clock_gettime(ClockId::Boottime);
    time.tv_sec.saturating_mul(1000).saturating_add(time.tv_nsec / 1_000_000)
}
