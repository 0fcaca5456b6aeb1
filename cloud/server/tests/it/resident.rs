//! Memory of a process, as the kernel counts it (proc_pid_status(5)).

/// Bytes in memory now.
pub fn now(process: u32) -> u64 {
    line(process, "VmRSS:")
}

/// The most that there were since [`forget_peak`].
pub fn peak(process: u32) -> u64 {
    line(process, "VmHWM:")
}

/// Begins a new peak at what is in memory now (proc_pid_clear_refs(5)).
pub fn forget_peak(process: u32) {
    std::fs::write(format!("/proc/{process}/clear_refs"), "5").unwrap();
}

/// For people.
pub fn mebibytes(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}

fn line(process: u32, name: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
}
