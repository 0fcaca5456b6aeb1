//! The only place of the gateway that reads a clock.
//!
//! Out: the machine's uptime, its system clock, the id of the kernel's start, and how long to wait for some uptime to
//! pass. Everything else takes time as a parameter. Never trusts the system clock: `dating` judges it. In tests the
//! time may be driven (`inverter-gateway-simulated --clock FILE`); no release build can.

use std::time::Duration;

use rustix::time::{ClockId, Timespec, clock_gettime};
use wire::UtcMs;

/// Milliseconds since the machine started, sleep included (`CLOCK_BOOTTIME`); goes on through restarts of the
/// gateway, so a record's age is exact as long as the machine stays up.
#[must_use]
pub fn uptime_ms() -> u64 {
    #[cfg(feature = "simulated")]
    if let Some(clock) = crate::simulated::clock() {
        return clock.uptime_ms();
    }
    let time = clock_gettime(ClockId::Boottime);
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    let milliseconds = u64::try_from(time.tv_nsec / 1_000_000).unwrap_or(0);
    seconds.saturating_mul(1000).saturating_add(milliseconds)
}

/// What the machine's own clock says, right or wrong.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this is the gateway's one clock room")]
pub fn system_time() -> UtcMs {
    #[cfg(feature = "simulated")]
    if let Some(clock) = crate::simulated::clock() {
        return clock.now();
    }
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    UtcMs(i64::try_from(since.as_millis()).unwrap_or(0))
}

/// What a system call is told in order to wait for `ms` of uptime. It may end earlier: look at the clock again.
#[must_use]
pub fn wait(ms: u64) -> Timespec {
    let wait = Duration::from_millis(ms);
    #[cfg(feature = "simulated")]
    let wait = crate::simulated::clock().map_or(wait, |clock| clock.real(wait));
    // Longer than the machine will run.
    Timespec::try_from(wait).unwrap_or(Timespec { tv_sec: i64::MAX, tv_nsec: 0 })
}

/// Lets the thread sleep.
pub fn sleep(wait: Duration) {
    #[cfg(feature = "simulated")]
    if let Some(clock) = crate::simulated::clock() {
        return clock.sleep(wait);
    }
    std::thread::sleep(wait);
}

/// 128 bits that name this start of the kernel; zeros where the kernel does not say, and then nothing is taken over
/// from an earlier start of the gateway.
#[must_use]
pub fn kernel_boot() -> [u8; 16] {
    let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let digits: String = text.chars().filter(char::is_ascii_hexdigit).collect();
    wire::BootId::parse_hex(&digits).map_or([0; 16], |id| id.0)
}

/// When this binary was built (or its last commit made); no certificate that ended before is ever accepted.
#[must_use]
pub fn built_at() -> UtcMs {
    UtcMs(env!("INVERTER_GATEWAY_BUILT_AT_MS").parse().unwrap_or(0))
}
