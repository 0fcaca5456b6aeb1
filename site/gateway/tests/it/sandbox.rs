//! The lock that each process puts on itself: what somebody who took it over would try, tried, with and without it; what
//! the kernel says of every thread; and that the gateway does not run when it cannot be had.

use std::net::TcpListener;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use driven_clock::Driver;
use gateway::sandbox::policy::{FILES, lines};
use rustix::process::geteuid;

use crate::button;
use crate::site::{Gateway, Inverter, Site, binary};

const SIGSYS: i32 = 31;
/// Exit codes of `inverter-gateway-hostile`.
const DONE: i32 = 0;
const DENIED: i32 = 13;

/// How an attempt ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ends {
    /// The kernel kills the process.
    Killed,
    /// The call is answered with EPERM or EACCES.
    Denied,
    /// The process needs it for its own work, or does not hold what it would take.
    Needed,
}

use Ends::{Denied as D, Killed as K, Needed as N};

const PROCESSES: [&str; 5] = ["supervisor", "starter", "reader", "button", "uplink"];
const ATTEMPTS: [(&str, [Ends; 5]); 22] = [
    // The port is standard input here, opened for writing too; only the reader and the button know which it is.
    ("write-port", [N, N, K, K, N]),
    ("set-port", [N, K, K, K, K]),
    ("break-port", [K, K, K, K, K]),
    ("open-port", [D, D, K, K, D]),
    ("listen", [D, K, D, D, K]),
    ("bind", [D, K, D, D, K]),
    ("bind-udp", [D, K, D, D, K]),
    ("udp", [D, K, D, D, K]),
    ("raw", [D, D, D, D, D]),
    ("packet", [D, D, D, D, D]),
    ("multipath", [D, D, D, D, D]),
    ("unix", [D, D, D, D, D]),
    ("elsewhere", [D, D, D, D, D]),
    ("io-uring", [K, K, K, K, K]),
    ("exec", [D, D, K, K, K]),
    ("thread", [N, N, K, K, K]),
    ("ptrace", [K, K, K, K, K]),
    ("memory", [D, D, K, K, D]),
    ("proc", [N, N, K, K, D]),
    ("key", [D, N, K, K, D]),
    ("file", [D, D, K, K, D]),
    ("kill", [N, D, K, K, K]),
];

/// Exit code, or minus the signal; and what was said.
fn attempt(site: &Site, config: &Path, process: &str, attempt: &str, locked: bool) -> (i32, String) {
    let elsewhere = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = rustix::fs::open(
        &site.line.path,
        rustix::fs::OFlags::RDWR | rustix::fs::OFlags::NOCTTY | rustix::fs::OFlags::CLOEXEC,
        rustix::fs::Mode::empty(),
    )
    .unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_inverter-gateway-hostile"));
    command.args(["--process", process, "--attempt", attempt, "--config"]).arg(config);
    command.arg("--elsewhere").arg(elsewhere.local_addr().unwrap().to_string());
    if !locked {
        command.arg("--unsandboxed");
    }
    let output = command.stdin(Stdio::from(port)).output().unwrap();
    let code = output.status.code().unwrap_or_else(|| -output.status.signal().unwrap());
    (code, String::from_utf8_lossy(&output.stderr).into_owned())
}

fn table() -> (Site, std::path::PathBuf) {
    let site = Site::new();
    std::fs::create_dir_all(site.data_dir()).unwrap();
    let config = site.config(443);
    (site, config)
}

#[test]
fn denied_is_what_a_process_that_was_taken_over_tries() {
    let (site, config) = table();
    for (name, ends) in ATTEMPTS {
        for (process, end) in PROCESSES.into_iter().zip(ends) {
            let expect = match end {
                K => -SIGSYS,
                D => DENIED,
                N => continue,
            };
            let (code, said) = attempt(&site, &config, process, name, true);
            assert_eq!(code, expect, "{name} in the {process}: {said}");
        }
    }
    assert_eq!(site.line.drain(50), b"", "a byte reached the inverter");
}

#[test]
fn the_same_without_the_lock_is_not_denied() {
    if !geteuid().is_root() {
        println!("Left out: without root the kernel denies some of it anyway.");
        return;
    }
    let (site, config) = table();
    for (name, _) in ATTEMPTS {
        let (code, said) = attempt(&site, &config, "uplink", name, false);
        println!("{name}: {code} {said}");
        let works = code == DONE || name == "multipath" && code != DENIED;
        assert!(works, "{name}: {code}, {said}: then the lock proves nothing here");
    }
}

#[test]
fn every_thread_of_every_process_is_locked_and_without_rights() {
    let site = Site::new();
    let cloud = site.cloud();
    let gateway = site.gateway(cloud.address.port());
    gateway.wait_for("Every process is locked: seccomp, and Landlock for files and TCP ports.", 1, 10);
    gateway.wait_for("is raw", 1, 10);
    gateway.wait_for("Connected", 1, 10);
    let mut threads = 0;
    let pids = gateway.pids();
    assert_eq!(pids.len(), 4);
    for pid in pids {
        for task in std::fs::read_dir(format!("/proc/{}/task", pid.as_raw_pid())).unwrap() {
            let status = std::fs::read_to_string(task.unwrap().path().join("status")).unwrap();
            let of = |key: &str| {
                let line = status.lines().find_map(|line| line.strip_prefix(key));
                line.unwrap_or_else(|| panic!("{key} in {status}")).trim().to_owned()
            };
            assert_eq!((of("NoNewPrivs:"), of("Seccomp:")), ("1".to_owned(), "2".to_owned()), "{status}");
            for set in ["CapInh:", "CapPrm:", "CapEff:", "CapAmb:"] {
                assert_eq!(of(set).trim_matches('0'), "", "{set} in {status}");
            }
            if geteuid().is_root() {
                assert_eq!(of("CapBnd:").trim_matches('0'), "", "{status}");
            }
            threads += 1;
        }
    }
    assert_eq!(threads, 5, "the uplink has two");
}

/// The gateway under strace, which answers calls in the kernel's place.
fn lied_to(site: &Site, lies: &[&str]) -> Option<Gateway> {
    if std::env::var("INVERTER_CONNECT_TESTS").is_ok_and(|only| only == "core") {
        return None;
    }
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-o", "/dev/null"]);
    command.args(lies.iter().map(|lie| format!("--inject={lie}")));
    command.arg(binary()).arg("--config").arg(site.config(1));
    Some(Gateway::start_command(command.stderr(Stdio::piped()).stdin(Stdio::null())))
}

#[test]
fn a_lock_that_cannot_be_had_or_does_not_hold_ends_the_gateway_which_says_so() {
    let lies: [(&[&str], &str); 5] = [
        (&["seccomp:error=ENOSYS"], "cannot be locked (seccomp"),
        (&["seccomp:retval=0"], "the kernel says that no filter holds"),
        (&["landlock_restrict_self:retval=0"], "a folder that no rule names can still be opened"),
        (&["capset:retval=0"], "capabilities are still held"),
        (&["capset:error=EPERM"], "capabilities cannot be given up"),
    ];
    for (lie, expect) in lies {
        if lie[0].contains("capset") && !geteuid().is_root() {
            continue;
        }
        let site = Site::new();
        let Some(mut gateway) = lied_to(&site, lie) else { return };
        assert_eq!(gateway.wait_for_end(20), Some(5), "{lie:?}: {:#?}", gateway.lines());
        let said = gateway.wait_for("cannot be locked", 1, 1);
        assert!(said.contains(expect) && said.contains("--unsandboxed"), "{lie:?}: {said}");
        assert!(!gateway.lines().iter().any(|line| line.contains("is raw")), "{lie:?}: it ran");
    }
}

fn simulated(site: &Site, port: u16, more: &[&str]) -> Gateway {
    let mut command = Command::new(env!("CARGO_BIN_EXE_inverter-gateway-simulated"));
    command.arg("--config").arg(site.config(port)).args(more);
    Gateway::start_command(command.stderr(Stdio::piped()).stdin(Stdio::null()))
}

#[test]
fn what_an_older_kernel_cannot_hold_is_said_by_name_at_start_and_each_hour() {
    let expect =
        [("0", "seccomp alone"), ("3", "not as to TCP ports"), ("4", "Landlock for files and TCP ports")];
    for (abi, sentence) in expect {
        let site = Site::new();
        let cloud = site.cloud();
        let (mut clock, path) = driven(&site);
        let gateway = simulated(&site, cloud.address.port(), &["--landlock", abi, "--clock", &path]);
        gateway.wait_for(sentence, 1, 10);
        gateway.wait_for("Connected", 1, 20);
        gateway.wait_for("is raw", 1, 10);
        an_hour_passes(&mut clock);
        if abi == "4" {
            std::thread::sleep(Duration::from_millis(300));
            assert_eq!(gateway.lines().iter().filter(|line| line.contains(sentence)).count(), 1);
        } else {
            gateway.wait_for(sentence, 2, 10);
        }
    }
}

#[test]
fn without_the_lock_it_runs_only_when_told_to_and_says_so_each_hour() {
    let site = Site::new();
    let cloud = site.cloud();
    let (mut clock, path) = driven(&site);
    let gateway = simulated(&site, cloud.address.port(), &["--unsandboxed", "--clock", &path]);
    gateway.wait_for("NOTHING IS LOCKED", 1, 10);
    gateway.wait_for("Connected", 1, 20);
    for hour in 2..4 {
        an_hour_passes(&mut clock);
        gateway.wait_for("NOTHING IS LOCKED", hour, 10);
    }
}

/// A clock, and the file it is in.
fn driven(site: &Site) -> (Driver, String) {
    let path = site.folder.path().join("clock");
    (Driver::create(&path, crate::cloud::now()).unwrap(), path.display().to_string())
}

fn an_hour_passes(clock: &mut Driver) {
    let then = wire::UtcMs(clock.now().0 + 3_601_000);
    clock.jump_to(then).unwrap();
}

/// Takes each line of each policy away in turn: the gateway must then not get through this day's work.
#[test]
#[ignore = "each line of each policy in turn, by itself: its days have deadlines"]
fn every_line_is_needed() {
    let mut unneeded = Vec::new();
    for (file, _) in FILES {
        for line in lines(file).unwrap().into_iter().filter(|line| line.place.0 == file) {
            let here = line.only_on.is_none_or(|arch| arch == std::env::consts::ARCH);
            // An error in place of an end is what `denied` looks at; the shipped program on a line of its own, and lines that are
            // lowered at the beginning, this day has not.
            let elsewhere = ["sandbox::denied", "hostile_network"].contains(&line.test)
                || line.why.contains("(TIOCMBIC)");
            if line.test.starts_with('-') || elsewhere || !here {
                continue;
            }
            let place = format!("{}:{}", line.place.0, line.place.1);
            if works(&place, 12).is_ok() {
                unneeded.push(format!("{place} {} {} {}", line.verb, line.call, line.why));
            }
        }
    }
    assert!(unneeded.is_empty(), "nothing goes red without: {unneeded:#?}");
}

/// A start with a backlog and a name to resolve, a reading, a press, both children killed and back, an end.
///
/// # Errors
///
/// What kept it from that within so many seconds, and what the gateway said meanwhile.
fn works(without: &str, seconds: u64) -> Result<(), String> {
    let mut site = Site::new();
    (site.host, site.server_name, site.control_lines) = ("localhost", Some("device.example"), "dtr-rts");
    crate::spool::fill(&site.data_dir().join("spool"), site.spool_bytes, 1000);
    let cloud = site.cloud();
    let pipe = button::add(&mut site);
    let more = ["--without", without, "--button-pipe", pipe.to_str().unwrap()];
    let mut gateway = simulated(&site, cloud.address.port(), &more);
    let mut inverter = Inverter::new();
    let said = |gateway: &Gateway, text: &str| gateway.lines().iter().filter(|l| l.contains(text)).count();
    let end = Instant::now() + Duration::from_secs(seconds);
    let (mut killed, mut pressed) = (false, false);
    while !killed || said(&gateway, "Connected") < 2 || said(&gateway, "is raw") < 2 {
        let died = ["ended by signal 31", "ended with code", "cannot", "Cannot"];
        let died = died.iter().find(|text| said(&gateway, text) > 0);
        let late = Instant::now() > end;
        if died.is_some() || late || !matches!(gateway.process.try_wait(), Ok(None)) {
            gateway.kill_all();
            let presses = button::presses(&cloud.received()).len();
            return Err(format!(
                "died: {died:?}, late: {late}, killed: {killed}, pressed: {pressed}, presses: {presses}, said: {:#?}",
                gateway.lines()
            ));
        }
        site.line.write(&inverter.frame());
        if !pressed && said(&gateway, "The push-button is") > 0 {
            button::press(&pipe);
            pressed = true;
        }
        let received = cloud.received();
        let read = received.iter().any(|r| !r.report.readings.is_empty());
        // A press that the uplink has read and not yet written dies with it: a person presses once more, this day does not.
        if !killed && read && !button::presses(&received).is_empty() {
            // Without its line one may die right now: that is told below.
            ["reader", "uplink"].iter().for_each(|child| gateway.kill_child_if_there(child));
            killed = true;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    match gateway.stop() {
        Some(0) if said(&gateway, "ended by signal 31") == 0 => Ok(()),
        code => Err(format!("it ended with {code:?}, said: {:#?}", gateway.lines())),
    }
}

/// Else no line of a policy could be called needed.
#[test]
fn the_day_that_every_line_is_held_against_works_with_all_of_them() {
    // With time for a machine that runs all the other tests beside it.
    works("none:0", 60).unwrap();
}
