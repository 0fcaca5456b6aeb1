//! What the kernel is asked to do, as strace sees it: on the port nothing but settings, control lines and reading; no
//! socket that anyone could connect to.
//!
//! Needs `strace`; left out where `INVERTER_CONNECT_TESTS=core`.

use std::collections::HashMap;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::site::{Gateway, Inverter, Site, binary};

#[test]
fn the_port_sees_settings_control_lines_and_reads_alone_and_nothing_ever_listens() {
    if std::env::var("INVERTER_CONNECT_TESTS").is_ok_and(|only| only == "core") {
        return;
    }
    let found = Command::new("strace").arg("-V").stdout(Stdio::null()).status();
    assert!(found.is_ok_and(|status| status.success()), "strace is missing: apt-get install strace");
    let mut site = Site::new();
    let cloud = site.cloud();
    site.control_lines = "dtr";
    let config = site.config(cloud.address.port());
    let trace = site.folder.path().join("trace");
    let script = site.folder.path().join("traced");
    let calls = "trace=ioctl,open,openat,write,writev,pwrite64,sendto,sendmsg,socket,bind,listen,accept,accept4,io_uring_setup";
    // strace follows the children and says what each descriptor is (-y); it ends when they do.
    let line = format!(
        "#!/bin/sh\nexec strace -f -y -e {calls} -o {} {} \"$@\"\n",
        trace.display(),
        binary().display()
    );
    std::fs::write(&script, line).unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&script, mode).unwrap();
    let gateway = Gateway::start_binary(&script, &config);
    gateway.wait_for("is raw", 1, 30);
    gateway.wait_for("Connected", 1, 30);
    let mut inverter = Inverter::new();
    for _ in 0..4 {
        site.line.write_all(&inverter.frame());
        std::thread::sleep(Duration::from_millis(500));
    }
    cloud.wait_until("a reading", 10, |received| received.iter().any(|r| !r.report.readings.is_empty()));
    let port = site.line.path.display().to_string();
    let own = std::fs::read_to_string(format!("/proc/{}/task/{0}/children", gateway.process.id())).unwrap();
    let supervisor = own.split_whitespace().next().unwrap().parse().unwrap();
    rustix::process::kill_process(
        rustix::process::Pid::from_raw(supervisor).unwrap(),
        rustix::process::Signal::TERM,
    )
    .unwrap();
    let end = Instant::now() + Duration::from_secs(10);
    let mut gateway = gateway;
    while gateway.process.try_wait().unwrap().is_none() {
        assert!(Instant::now() < end, "the traced gateway does not end");
        std::thread::sleep(Duration::from_millis(20));
    }
    let trace = whole_calls(&std::fs::read_to_string(trace).unwrap());
    let on_port: Vec<&String> = trace.iter().filter(|line| line.contains(&format!("<{port}"))).collect();
    assert!(on_port.len() >= 8, "{trace:#?}");
    let allowed = [
        "TCGETS",
        "TCSETS",
        "TCFLSH, TCIOFLUSH",
        "TIOCEXCL",
        "TIOCMBIS, [TIOCM_DTR]",
        "TIOCMBIC, [TIOCM_RTS]",
    ];
    for line in &on_port {
        let opens = line.contains("openat(") || line.contains("open(");
        let read_only =
            ["O_RDONLY|O_NOCTTY|O_NONBLOCK", "O_CLOEXEC"].iter().all(|flags| line.contains(flags));
        assert!(if opens { read_only } else { line.contains("ioctl(") }, "{line}");
        assert!(opens || allowed.iter().any(|ioctl| line.contains(ioctl)), "{line}");
    }
    assert!(
        on_port.iter().any(|line| line.contains("TIOCMBIS, [TIOCM_DTR]")),
        "DTR is never raised: {on_port:#?}"
    );
    let listens = |line: &&String| {
        let netlink = line.contains("NETLINK");
        [" listen(", " accept(", " accept4(", " io_uring_setup("].iter().any(|call| line.contains(call))
            || (line.contains(" bind(") && !netlink)
            || (line.contains(" socket(AF_INET")
                && !line.contains("SOCK_STREAM")
                && !line.contains("SOCK_DGRAM"))
    };
    assert_eq!(trace.iter().filter(listens).collect::<Vec<_>>(), [""; 0]);
}

/// The calls, each on one line: one that another process interrupted is written in two parts, which its process's number
/// puts together.
fn whole_calls(trace: &str) -> Vec<String> {
    const CUT: &str = " <unfinished ...>";
    let mut begun: HashMap<&str, &str> = HashMap::new();
    let mut calls = Vec::new();
    for line in trace.lines() {
        let (process, said) = line.split_once(' ').unwrap();
        let resumed = said.trim_start().strip_prefix("<... ").and_then(|rest| rest.split_once(" resumed>"));
        if let Some(begin) = line.strip_suffix(CUT) {
            assert_eq!(begun.insert(process, begin), None, "two calls at once: {line}");
        } else if let Some((_, rest)) = resumed {
            calls.push(format!("{}{rest}", begun.remove(process).unwrap()));
        } else {
            calls.push(line.to_owned());
        }
    }
    // What never came back was called all the same.
    calls.extend(begun.into_values().map(str::to_owned));
    calls
}

#[test]
fn a_call_in_two_parts_is_looked_at_as_one() {
    let trace = "7 openat(AT_FDCWD, \"/dev/pts/3\", O_RDONLY <unfinished ...>\n8 socket(AF_INET, SOCK_STREAM, 0) = 3\n\
                 7 <... openat resumed>) = 4</dev/pts/3>\n9 listen(3 <unfinished ...>\n";
    let whole = [
        "8 socket(AF_INET, SOCK_STREAM, 0) = 3",
        "7 openat(AT_FDCWD, \"/dev/pts/3\", O_RDONLY) = 4</dev/pts/3>",
        "9 listen(3",
    ];
    assert_eq!(whole_calls(trace), whole);
}
