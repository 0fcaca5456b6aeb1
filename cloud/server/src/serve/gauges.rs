//! What the watcher sees, as gauges for Prometheus, with units in their names; and the process itself, under the names that
//! Prometheus' own clients use.
//!
//! In: a report of the watcher, the process. Out: lines. Numbers of the whole service, never of one inverter or person.

use std::fmt::Write as _;

use fleet::dead_man::{Grade, Watched};
use wire::UtcMs;

use crate::dead_man::Report;

/// Names of parts, as in `/health`.
const PARTS: [(Watched, &str); 9] = [
    (Watched::Commit, "journal"),
    (Watched::Apply, "pipeline"),
    (Watched::Snapshot, "snapshots"),
    (Watched::Ticker, "ticker"),
    (Watched::Registry, "registry"),
    (Watched::Announcer, "announcer"),
    (Watched::Notifier, "notifier"),
    (Watched::History, "history"),
    (Watched::Forgetting, "forgetting"),
];

/// Lines of a report. Without one the service is not known to be well.
pub(super) fn of_report(report: Option<&Report>, text: &mut String) {
    let healthy = report.is_some_and(Report::is_healthy);
    line(text, "healthy", "", u64::from(healthy));
    let Some(report) = report else { return };
    seconds(text, "watcher_last_look_age_seconds", "", millis(report.looked.elapsed()));
    for finding in &report.findings {
        let grade = match finding.check.grade {
            Grade::Well => 0,
            Grade::Warn => 1,
            Grade::Bad => 2,
        };
        line(text, "check_grade", &format!("check=\"{}\"", finding.check.name), grade);
    }
    let facts = &report.facts;
    for (part, age_ms) in &facts.ages {
        let Some((_, name)) = PARTS.iter().find(|(known, _)| known == part) else { continue };
        seconds(text, "part_age_seconds", &format!("part=\"{name}\""), *age_ms);
    }
    if let Some(disk) = facts.disk {
        line(text, "disk_free_bytes", "", disk.free);
        line(text, "disk_size_bytes", "", disk.size);
    }
    seconds(text, "clock_step_seconds", "", facts.clock_set_ms);
    for sending in &facts.sending {
        let channel = format!("channel=\"{}\"", sending.channel.name());
        seconds(text, "outbox_untried_age_seconds", &channel, sending.untried_ms.unwrap_or(0));
        line(text, "outbox_failures_in_a_row", &channel, u64::from(sending.failures));
        seconds(text, "outbox_in_hand_age_seconds", &channel, sending.in_hand_ms.unwrap_or(0));
    }
    seconds(text, "watchdog_failing_seconds", "", facts.watchdog_failing_ms.unwrap_or(0));
}

/// Lines of the process.
pub(super) fn of_process(started_at: UtcMs, text: &mut String) {
    let started_s = started_at.0.div_euclid(1000);
    // Writing to a string cannot fail.
    let _ = writeln!(text, "process_start_time_seconds {started_s}");
    if let Some(bytes) = resident_bytes() {
        let _ = writeln!(text, "process_resident_memory_bytes {bytes}");
    }
}

fn line(text: &mut String, name: &str, labels: &str, value: u64) {
    let labels = if labels.is_empty() { String::new() } else { format!("{{{labels}}}") };
    let _ = writeln!(text, "inverter_connect_{name}{labels} {value}");
}

/// Milliseconds as seconds, exact.
fn seconds(text: &mut String, name: &str, labels: &str, ms: i64) {
    let labels = if labels.is_empty() { String::new() } else { format!("{{{labels}}}") };
    let (sign, ms) = (if ms < 0 { "-" } else { "" }, ms.unsigned_abs());
    let _ = writeln!(text, "inverter_connect_{name}{labels} {sign}{}.{:03}", ms / 1000, ms % 1000);
}

fn millis(time: std::time::Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

/// `VmRSS` of `/proc/self/status` (proc_pid_status(5)), which is in kB and means KiB.
fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_exact_and_the_process_has_memory() {
        let mut text = String::new();
        seconds(&mut text, "a_seconds", "", 12_034);
        seconds(&mut text, "b_seconds", "part=\"x\"", -5);
        line(&mut text, "c", "", 7);
        assert_eq!(
            text,
            "inverter_connect_a_seconds 12.034\ninverter_connect_b_seconds{part=\"x\"} -0.005\n\
             inverter_connect_c 7\n"
        );
        assert!(resident_bytes().unwrap() > 1 << 20);
        let mut text = String::new();
        of_report(None, &mut text);
        assert_eq!(text, "inverter_connect_healthy 0\n", "what is not known is not well");
    }
}
