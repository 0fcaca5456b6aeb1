//! `admin keys copy`: the keys elsewhere, so that a lost disk does not take every day with it.
//!
//! In: a folder, the copy of before in it. Out: there, the keys of days that have not lapsed, those of backups, second factors, push
//! messages and logbooks; keys of days that lapsed are destroyed there. Never puts keys into what is backed up or into a backup, never writes
//! over a key that is another one.

use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use fleet::audit::Verb;
use fleet::retention::{Guard, Verdict};
use store::backup::first_day;
use store::day_keys::DayKeys;
use store::state::StateStore;
use wire::UtcMs;

use super::act;
use crate::config::Config;
use crate::data_dir;

/// The folder of days' keys within a copy.
const DAYS: &str = "days";

/// Copies.
///
/// # Errors
/// A folder that does not do, or a key that could not be copied.
pub async fn run(folder: &Path, config: &Config, state: &StateStore, now: UtcMs) -> anyhow::Result<()> {
    refuse(folder, config)?;
    refuse_clock(state, now).await?;
    let act = act::on_the_command_line(Verb::KeysCopy, now)?;
    state.record_act(&act.with_detail(folder.display().to_string())).await?;
    for (own, name) in whole(config) {
        copy_file(&own, &folder.join(name))?;
    }
    let copied = data_dir::day_keys(config).copy_to(&of_days(folder), first_day(now))?;
    println!(
        "{} holds the keys of {} day(s): {} new, {} day(s) lapsed and destroyed there.",
        folder.display(),
        copied.days,
        copied.added,
        copied.destroyed
    );
    for day in &copied.only_there {
        let (lost, copy) = (data_dir::day_keys(config).file(*day), of_days(folder).file(*day));
        eprintln!(
            "{} is not here, and the copy has it: cat {} >> {}",
            lost.display(),
            copy.display(),
            lost.display()
        );
    }
    println!(
        "Whoever has it and a backup can read both: keep them apart, and no older state of it anywhere."
    );
    Ok(())
}

/// Brings the keys of a copy to where the configuration wants them.
///
/// # Errors
/// As [`run`].
pub fn bring_back(folder: &Path, config: &Config, now: UtcMs) -> anyhow::Result<()> {
    for (own, name) in whole(config) {
        copy_file(&folder.join(name), &own)?;
    }
    of_days(folder).copy_to(&data_dir::day_keys(config), first_day(now))?;
    Ok(())
}

/// The keys of days in a copy.
pub fn of_days(folder: &Path) -> DayKeys {
    DayKeys::at(folder.join(DAYS), || web::random_bytes().ok())
}

/// Refuses a clock that is ahead: days would be left out or destroyed that have not lapsed.
///
/// # Errors
/// It is ahead by more than a day of what was believed last, or the store failed.
pub async fn refuse_clock(state: &StateStore, now: UtcMs) -> anyhow::Result<()> {
    let kept = state.kept_clock().await?;
    if let Verdict::Stop { .. } = Guard::default().look(kept, now, 0, false) {
        bail!(
            "the clock says {now}, more than a day after the last instant that was believed; by it, days would be taken for lapsed. If \
             it is right, as after a long outage: admin clock confirm. If not, set it"
        );
    }
    Ok(())
}

/// Refuses a folder that goes with the data.
///
/// # Errors
/// It is within the data folder, or holds a backup.
pub fn refuse(folder: &Path, config: &Config) -> anyhow::Result<()> {
    refuse_within(folder, &config.data_dir)?;
    if data_dir::day_keys(config).is_in(&resolved(folder)?) {
        bail!("{} is where the keys are; name a folder on another disk or machine", folder.display());
    }
    for beside in [Some(folder), folder.parent()].into_iter().flatten() {
        if beside.join("manifest").exists() {
            bail!("{} is a backup, which no key may be in; name a folder elsewhere", beside.display());
        }
    }
    Ok(())
}

/// Refuses a folder that is, or would be, within another.
///
/// # Errors
/// It is.
pub fn refuse_within(folder: &Path, other: &Path) -> anyhow::Result<()> {
    if resolved(folder)?.starts_with(resolved(other)?) {
        bail!(
            "{} is within {}: keys that lie there go with what they open; name a folder on another disk or machine",
            folder.display(),
            other.display()
        );
    }
    Ok(())
}

/// The path without links, as far as it is there.
fn resolved(path: &Path) -> anyhow::Result<PathBuf> {
    let absolute = std::path::absolute(path)?;
    for there in absolute.ancestors() {
        if let (Ok(real), Ok(rest)) = (there.canonicalize(), absolute.strip_prefix(there)) {
            return Ok(real.join(rest));
        }
    }
    Ok(absolute)
}

/// Keys that are a file each.
fn whole(config: &Config) -> [(PathBuf, &'static str); 4] {
    [
        (config.backup_key(), "backup.key"),
        (config.factors_key.clone(), "factors.key"),
        (config.push_key.clone(), "push.key"),
        (config.logbook_key(), "logbook.key"),
    ]
}

fn copy_file(from: &Path, to: &Path) -> anyhow::Result<()> {
    let key = match std::fs::read(from) {
        // It is made when it is first needed.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        key => key.with_context(|| format!("cannot read the key {}", from.display()))?,
    };
    match std::fs::read(to) {
        Ok(there) if there == key => return Ok(()),
        Ok(_) => bail!(
            "{} is another key than {}, and is not written over. Move away the one that is not in use",
            to.display(),
            from.display()
        ),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(error).with_context(|| format!("cannot read the key {}", to.display())),
    }
    write(to, &key).with_context(|| format!("cannot write the key {}", to.display()))
}

/// Whole or not at all.
fn write(to: &Path, key: &[u8]) -> anyhow::Result<()> {
    let folder = to.parent().context("it has no folder")?;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let beside = to.with_extension("key.new");
    let mut file =
        std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    file.write_all(key)?;
    file.sync_all()?;
    std::fs::rename(&beside, to)?;
    std::fs::File::open(folder)?.sync_all()?;
    Ok(())
}
