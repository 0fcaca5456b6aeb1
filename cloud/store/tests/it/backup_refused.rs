//! What is not a whole backup of these keys is refused, in words, before anything is written.

use std::path::Path;

use store::backup::{BackupError, Missing};

use crate::backup_house::{House, INVERTER, day, reading, report, restored};

/// A backup of some readings, and its keys.
async fn house() -> House {
    let house = House::new().await;
    let position = house.journal(report(1, day(0), "x"), day(0));
    let readings: Vec<_> = (0..50).map(|n| reading(n, day(0), "x")).collect();
    house.history.append(INVERTER, &readings, position);
    house.history.checkpoint(position).unwrap();
    house.back_up("b", day(0)).unwrap();
    house.copy_keys("copy", day(0));
    house
}

fn copied(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for file in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        std::fs::copy(file.path(), to.join(file.file_name())).unwrap();
    }
}

/// ASVS 5.0: 1.2.4, 5.3.2.
#[tokio::test]
async fn a_changed_cut_halved_mixed_or_foreign_backup_is_refused() {
    let house = house().await;
    let place = |name: &str| house.folder.path().join(name);
    let refused = |backup: &str, copy: &str, now| {
        restored(&place(backup), &place(copy), now, Missing::Refuse).map(drop).unwrap_err().to_string()
    };
    let mut number = 0;
    let mut check = |change: &dyn Fn(&Path), expect: &[&str]| {
        number += 1;
        let name = format!("changed-{number}");
        copied(&place("b"), &place(&name));
        change(&place(&name));
        let error = refused(&name, "copy", day(0));
        for part in expect {
            assert!(error.contains(part), "{error}\ndoes not say {part}");
        }
    };
    let write = |path: &Path, at: usize| {
        let mut bytes = std::fs::read(path).unwrap();
        let at = at.min(bytes.len() - 1);
        bytes[at] ^= 1;
        std::fs::write(path, bytes).unwrap();
    };
    let day_file = "2026-01-01.sealed";
    check(&|b| write(&b.join(day_file), 40), &[day_file, "was changed", "Nothing was written"]);
    check(&|b| write(&b.join("people.sealed"), usize::MAX), &["people.sealed", "was changed"]);
    check(&|b| std::fs::remove_file(b.join(day_file)).unwrap(), &[day_file, "missing"]);
    check(&|b| std::fs::remove_file(b.join("manifest")).unwrap(), &["not finished"]);
    check(&|b| write(&b.join("manifest"), 45), &["Nothing was written"]);
    check(
        &|b| {
            let file = std::fs::File::options().write(true).open(b.join(day_file)).unwrap();
            file.set_len(100).unwrap();
        },
        &[day_file, "has 100 bytes of"],
    );
    check(
        &|b| {
            let text = std::fs::read_to_string(b.join("manifest")).unwrap();
            std::fs::write(b.join("manifest"), text.replace("format 1", "format 2")).unwrap();
        },
        &["another version", "format 2"],
    );
    check(
        &|b| {
            // A day is taken out of the list with its file.
            std::fs::remove_file(b.join(day_file)).unwrap();
            let text = std::fs::read_to_string(b.join("manifest")).unwrap();
            let kept: Vec<_> = text.lines().filter(|line| !line.contains(day_file)).collect();
            std::fs::write(b.join("manifest"), kept.join("\n") + "\n").unwrap();
        },
        &["was changed, or it was made under another key"],
    );
    check(
        &|b| {
            let text = std::fs::read_to_string(b.join("manifest")).unwrap();
            std::fs::write(b.join("manifest"), text.replace(day_file, "../2026-01-01.sealed")).unwrap();
        },
        &["malformed"],
    );
    check(
        &|b| {
            std::fs::rename(b.join(day_file), b.join("elsewhere")).unwrap();
            std::os::unix::fs::symlink(b.join("elsewhere"), b.join(day_file)).unwrap();
        },
        &[day_file, "not a file of its own"],
    );
    // Files of two backups do not mix.
    house.back_up("c", day(0)).unwrap();
    let other = place("c");
    check(
        &|b| {
            std::fs::copy(other.join("people.sealed"), b.join("people.sealed")).unwrap();
        },
        &["people.sealed"],
    );
}

#[tokio::test]
async fn other_keys_a_clock_before_the_backup_and_places_that_do_not_do_are_refused() {
    let house = house().await;
    let place = |name: &str| house.folder.path().join(name);
    let refused =
        |copy: &str, now| restored(&place("b"), &place(copy), now, Missing::Refuse).map(drop).unwrap_err();
    assert!(matches!(refused("none", day(0)), BackupError::NoKey(_)));
    copied(&place("copy/days"), &place("days"));
    std::fs::create_dir(place("other")).unwrap();
    std::fs::write(place("other/backup.key"), "0".repeat(64)).unwrap();
    assert!(matches!(refused("other", day(0)), BackupError::Foreign(_)));
    std::fs::copy(place("copy/backup.key"), place("other/backup.key")).unwrap();
    assert!(matches!(refused("other", day(0)), BackupError::MissingKeys(_)), "no keys of days");
    let early = refused("copy", day(-2)).to_string();
    assert!(early.contains("2026-01-01") && early.contains("set the clock"), "{early}");
    restored(&place("b"), &place("copy"), day(0), Missing::Refuse).unwrap();

    let again = house.back_up("b", day(0)).unwrap_err().to_string();
    assert!(again.contains("exists already") && again.contains("name a new folder"), "{again}");
    assert!(matches!(house.back_up("data/b", day(0)), Err(BackupError::Within { .. })));
    assert!(matches!(house.back_up("keys/days/b", day(0)), Err(BackupError::Within { .. })));
    assert!(matches!(house.back_up("nowhere/b", day(0)), Err(BackupError::Io { .. })));
    assert_eq!(
        std::fs::read_dir(house.folder.path())
            .unwrap()
            .filter(|f| { f.as_ref().unwrap().file_name().to_string_lossy().contains("partial") })
            .count(),
        0,
        "nothing is left of what was refused"
    );
}
