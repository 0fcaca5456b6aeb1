//! Backups and restores in the way, cut short, on a full disk, into the wrong place: refused in words, and never half.

use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use server::clock;
use wire::BootId;

use crate::backup::{another, text};
use crate::cloud::{Cloud, Publisher, needs, reports};
use crate::door_setup::eventually;

/// A cloud that has some thousand readings in its history.
fn cloud() -> Cloud {
    let mut cloud = Cloud::new();
    let bundle = cloud.device("HOSTILE-1");
    cloud.start();
    let mut link = Publisher::connect(cloud.address, &bundle).unwrap();
    for part in 0..20_u64 {
        let now = clock::now();
        link.publish(&reports(BootId([1; 16]), (1..=200).map(|n| (part * 200 + n, now)))).unwrap();
    }
    eventually("all of it is stored", || cloud.counter("pipeline_readings_stored_total") >= 4_000);
    cloud
}

fn refused(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn says(output: &Output, parts: &[&str]) {
    let said = refused(output);
    for part in parts {
        assert!(said.contains(part), "{said}\ndoes not say {part}");
    }
}

fn entries(folder: &Path) -> usize {
    std::fs::read_dir(folder).unwrap().count()
}

#[test]
fn what_would_write_over_data_keys_or_a_backup_is_refused_and_says_what_to_do() {
    let mut cloud = cloud();
    let (backup, copy) = (cloud.path("b/1"), cloud.path("copy"));
    says(&cloud.try_admin(&["backup", text(&backup)]), &["open", "b"]);
    std::fs::create_dir(cloud.path("b")).unwrap();
    cloud.admin(&["backup", text(&backup), "--keys", text(&copy)]);
    says(&cloud.try_admin(&["backup", text(&backup)]), &["exists already", "name a new folder"]);
    says(&cloud.try_admin(&["backup", "data/b"]), &["is within", "another disk"]);
    says(&cloud.try_admin(&["keys", "copy", "data/keys/copy"]), &["is within", "another disk"]);
    says(&cloud.try_admin(&["keys", "copy", text(&backup)]), &["is a backup", "no key"]);
    says(&cloud.try_admin(&["keys", "copy", "b/1/keys"]), &["is a backup", "no key"]);
    says(&cloud.try_admin(&["backup", "b/2", "--keys", "b/2/keys"]), &["is within"]);
    assert_eq!(entries(&cloud.path("b")), 1, "nothing is left of what was refused");
    // A server that runs, and one that ran.
    let restore = ["restore", text(&backup), "--keys", text(&copy)];
    says(
        &cloud.try_admin(&restore),
        &["state.sqlite is there", "Stop the server", "`data_dir`", "new folder"],
    );
    cloud.stop();
    says(&cloud.try_admin(&restore), &["state.sqlite is there", "nothing is written over"]);
    // A copy of other keys is not brought over those that are in use.
    let other = another(&cloud);
    says(&other.try_admin(&["restore", text(&backup)]), &["backup.key is missing", "--keys FOLDER"]);
    std::fs::create_dir_all(other.path("data/keys")).unwrap();
    std::fs::write(other.path("data/keys/push.key"), "another\n").unwrap();
    says(&other.try_admin(&restore), &["push.key", "another key", "not written over"]);
    std::fs::remove_file(other.path("data/keys/push.key")).unwrap();
    says(
        &other.try_admin(&["restore", text(&cloud.path("b")), "--keys", text(&copy)]),
        &["no list of files"],
    );
    assert!(!other.path("data/state.sqlite").exists() && !other.path("data/restoring").exists());
    other.admin(&restore);
}

#[test]
fn a_backup_that_is_killed_or_finds_the_disk_full_leaves_nothing_that_looks_like_one() {
    let cloud = cloud();
    std::fs::create_dir(cloud.path("b")).unwrap();
    let place = cloud.path("b/1");
    // As long as a whole one takes on this machine, in twenty pieces.
    let began = Instant::now();
    cloud.admin(&["backup", text(&place)]);
    let (whole, mut killed) = (began.elapsed(), 0);
    std::fs::remove_dir_all(&place).unwrap();
    for twentieth in 0..20 {
        let mut command = cloud.command(&["admin", "backup", text(&place)]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(whole * twentieth / 20);
        child.kill().unwrap();
        killed += usize::from(!child.wait().unwrap().success());
        // Whole, or not there under its name.
        assert_eq!(place.exists(), place.join("manifest").exists(), "{twentieth}");
        if place.exists() {
            std::fs::remove_dir_all(&place).unwrap();
        }
    }
    assert!(killed > 3, "{killed}");
    if needs("unshare") {
        // A disk of 16 KiB.
        let script = "mount -t tmpfs -o size=16k tmpfs b && { \"$@\"; code=$?; echo left: $(ls -A b) >&2; exit $code; }";
        let program = cloud.command(&["admin", "backup", text(&place)]);
        let mut command = Command::new("unshare");
        command.args(["--map-root-user", "--mount", "bash", "-c", script, "bash"]).arg(program.get_program());
        let full = command.args(program.get_args()).current_dir(cloud.folder.path()).output().unwrap();
        let said = refused(&full);
        assert!(said.contains("No space left") && said.contains("check the disk"), "{said}");
        assert!(said.trim_end().ends_with("left:"), "{said}");
    }
    assert!(!place.exists());
    // The server went on, and the next one is whole.
    cloud.admin(&["backup", text(&place), "--keys", text(&cloud.path("copy"))]);
    assert_eq!(entries(&cloud.path("b")), 1);
    let mut other = another(&cloud);
    other.admin(&["restore", text(&place), "--keys", text(&cloud.path("copy"))]);
    other.start();
    eventually("the journal is replayed", || other.counter("pipeline_following") == 1);
    other.stop();
    assert_eq!(other.ledger().len(), 4_000);
}

#[test]
fn a_restore_that_is_killed_is_opened_by_nobody_and_begins_anew() {
    let cloud = cloud();
    let (backup, copy) = (cloud.path("b"), cloud.path("copy"));
    cloud.admin(&["backup", text(&backup), "--keys", text(&copy)]);
    let restore = ["restore", text(&backup), "--keys", text(&copy)];
    let mut other = another(&cloud);
    let mut halves = 0;
    for ms in (0..1_200).step_by(5) {
        let arguments = [&["admin"], &restore[..]].concat();
        let mut child =
            other.command(&arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(ms));
        child.kill().unwrap();
        child.wait().unwrap();
        if other.path("data/restoring").exists() {
            halves += 1;
            let said = other.try_admin(&["device", "list"]);
            says(&said, &["restoring is there", "half of a backup", "`admin restore` again"]);
            let serve = other.command(&["serve"]).output().unwrap();
            says(&serve, &["restoring is there", "`admin restore` again"]);
        } else if other.path("data/state.sqlite").exists() {
            break;
        }
    }
    assert!(halves > 2, "{halves}");
    if other.path("data/restoring").exists() || !other.path("data/state.sqlite").exists() {
        other.admin(&restore);
    }
    other.start();
    eventually("the journal is replayed", || other.counter("pipeline_following") == 1);
    other.stop();
    assert_eq!(other.ledger().len(), 4_000);
}
