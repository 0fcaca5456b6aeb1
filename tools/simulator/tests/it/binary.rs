//! The program itself: console, socket, one-way count, guard.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const PROGRAM: &str = env!("CARGO_BIN_EXE_inverter-simulator");

fn start(arguments: &[&str]) -> Child {
    let mut command = Command::new(PROGRAM);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

fn wait_for(path: &Path) {
    let begun = Instant::now();
    while !path.exists() {
        assert!(begun.elapsed() < Duration::from_secs(10), "{} does not appear", path.display());
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn rest(mut child: Child) -> (String, String) {
    let (mut out, mut error) = (String::new(), String::new());
    child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
    child.stderr.take().unwrap().read_to_string(&mut error).unwrap();
    child.wait().unwrap();
    (out, error)
}

#[test]
fn the_console_answers_and_reports_bytes_heard() {
    let folder = tempfile::tempdir().unwrap();
    let line = folder.path().join("line");
    let mut child = start(&["inverter", "--pty", line.to_str().unwrap()]);
    wait_for(&line);
    // A peer that talks back on a one-way line.
    let mut peer = std::fs::OpenOptions::new().write(true).open(&line).unwrap();
    peer.write_all(b"\x11\x13abc").unwrap();
    std::thread::sleep(Duration::from_millis(300));
    child.stdin.as_mut().unwrap().write_all(b"mains off\ndance\nquit\n").unwrap();
    let (out, _) = rest(child);
    assert!(out.contains("utility at 0 V"), "{out}");
    assert!(out.contains("not understood: \"dance\". Possible:"), "{out}");
    assert!(out.contains("bytes heard 5"), "{out}");
    assert!(!line.is_symlink());
}

#[test]
fn a_socket_takes_commands_of_several_people() {
    let folder = tempfile::tempdir().unwrap();
    let (line, socket) = (folder.path().join("line"), folder.path().join("console"));
    let (line, socket) = (line.to_str().unwrap(), socket.to_str().unwrap());
    let child = start(&["inverter", "--pty", line, "--control", socket]);
    wait_for(Path::new(socket));
    let tell = |command: &str| {
        let output = Command::new(PROGRAM).arg("tell").arg(socket).args(command.split(' ')).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(tell("fault charger"), "charger.fault caused\n");
    assert!(tell("status").contains("conditions: charger.fault"));
    assert!(tell("test monthly").contains("test started"));
    assert!(tell("load lots").contains("Usage: load PERCENT|usual"));
    assert_eq!(tell("quit"), "ending\n");
    rest(child);
    let output = Command::new(PROGRAM).args(["tell", socket, "status"]).output().unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("is that simulator running?"), "{output:?}");
}

#[test]
fn it_ends_with_its_input_where_told_to() {
    let folder = tempfile::tempdir().unwrap();
    let line = folder.path().join("line");
    let mut child = start(&["inverter", "--end-with-input", "--pty", line.to_str().unwrap()]);
    wait_for(&line);
    drop(child.stdin.take());
    let (out, _) = rest(child);
    assert!(out.contains("bytes heard 0"), "{out}");
}

#[test]
fn a_guarded_program_ends_when_its_parent_is_killed() {
    // A shell stands for the demo: it starts a guarded `sleep`, says its process id, and is killed.
    let script = format!("{PROGRAM} guard --parent $$ -- sleep 1000 & echo $!; wait");
    let mut parent = Command::new("sh").args(["-c", &script]).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(parent.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let status = format!("/proc/{}/comm", line.trim());
    let name = || std::fs::read_to_string(&status).unwrap_or_default();
    let begun = Instant::now();
    while name().trim() != "sleep" {
        assert!(begun.elapsed() < Duration::from_secs(10), "it became {:?}", name());
        std::thread::sleep(Duration::from_millis(5));
    }
    parent.kill().unwrap();
    parent.wait().unwrap();
    let begun = Instant::now();
    while name().trim() == "sleep" && !is_zombie(line.trim()) {
        assert!(begun.elapsed() < Duration::from_secs(10), "it outlives its parent");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Ended, and only waiting for whoever inherited it.
fn is_zombie(pid: &str) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| stat.contains(") Z "))
}

#[test]
fn mistakes_are_told_with_what_to_do() {
    fn check(arguments: &[&str], says: &str) {
        let output = Command::new(PROGRAM).args(arguments).stdin(Stdio::null()).output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && text.contains(says), "{arguments:?}: {text}");
    }
    check(&["inverter", "--pty", "/no/such/folder/line"], "does the folder exist");
    check(&["inverter", "--pty", "/dev/null"], "exists and is not a symbolic link");
    check(&["replay", "/no/such/recording", "--pty", "/tmp"], "not a symbolic link");
    check(
        &["fleet", "--url", "https://localhost", "--bundles", "/tmp", "--ca", "/dev/null"],
        "mqtts://HOST:PORT",
    );
    check(&["fleet", "--url", "mqtts://localhost:1", "--bundles", "/dev"], "--ca FILE");
    check(
        &["history", "--url", "mqtts://localhost:1", "--bundle", "/dev", "--at", "soon mains off"],
        "HOURS_AGO",
    );
}
