//! `admin restore`: a data folder made of a backup.
//!
//! In: a backup, the copy of the keys. Out: the stores, as if the server had been killed when the backup was made; without the days
//! that lapsed since. It refuses a folder that has data and one in use. While it writes, a file `restoring` is there: nobody opens
//! such a folder, and the next restore begins anew.

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use fleet::audit::Verb;
use store::backup::{self, BackupKey, Folders, Missing, Verified};
use store::state::StateStore;
use wire::UtcMs;

use super::{act, keys_copy};
use crate::config::Config;
use crate::data_dir;

/// `admin restore …`
#[derive(Debug, Args)]
pub struct Arguments {
    /// The backup.
    #[arg(value_name = "DIR")]
    place: PathBuf,
    /// The copy of the keys; those that are in place unless set.
    #[arg(long, value_name = "FOLDER")]
    keys: Option<PathBuf>,
    /// Leave out days whose keys are missing though they are not 30 days old.
    #[arg(long)]
    without_missing_days: bool,
}

/// Restores.
///
/// # Errors
/// What is wrong with the backup, the keys or the folder.
pub async fn run(arguments: &Arguments, config: &Config, now: UtcMs) -> anyhow::Result<()> {
    let missing = if arguments.without_missing_days { Missing::LeaveOut } else { Missing::Refuse };
    let (days, key) = match &arguments.keys {
        Some(folder) => (keys_copy::of_days(folder), folder.join("backup.key")),
        None => (data_dir::day_keys(config), config.backup_key()),
    };
    let backups = BackupKey::read(&key)?;
    // Before anything is written.
    let verified = backup::verify(&arguments.place, (&days, &backups), now, missing)?;
    data_dir::make(config)?;
    let _opening = nobody_opens(config)?;
    refuse_data(config)?;
    let _writing = store::journal::hold(&config.journal_dir())?;
    if let Some(folder) = &arguments.keys {
        keys_copy::bring_back(folder, config, now)?;
    }
    begin(config)?;
    let (state, history, journal) = (config.state_file(), config.history_dir(), config.journal_dir());
    let folders = Folders { data: &config.data_dir, state: &state, history: &history, journal: &journal };
    let restored = backup::restore(&verified, &data_dir::day_keys(config), &backups, folders)?;
    settle(&arguments.place, &verified, config, now).await?;
    end(config)?;
    say(&verified, restored, config);
    Ok(())
}

/// The store is brought up to date, forgets what is too old by now, and knows that it was restored.
async fn settle(place: &Path, verified: &Verified, config: &Config, now: UtcMs) -> anyhow::Result<()> {
    let state = StateStore::open(&config.state_file()).await?;
    state.sweep(now).await?;
    let act = act::on_the_command_line(Verb::BackupRestore, now)?;
    let detail = format!("{}, made at {}", place.display(), verified.made());
    state.record_act(&act.with_detail(detail)).await?;
    state.close().await?;
    Ok(())
}

fn say(verified: &Verified, restored: backup::Restored, config: &Config) {
    println!(
        "{} holds what was kept at {}: {} day(s), {} entries of the journal, which the server applies when it starts.",
        config.data_dir.display(),
        verified.made(),
        restored.days,
        restored.entries
    );
    if !verified.lapsed.is_empty() {
        println!("{} day(s) lapsed since, and are not restored.", verified.lapsed.len());
    }
    if !verified.missing.is_empty() {
        println!("{} day(s) have no key, and are not restored.", verified.missing.len());
    }
    println!(
        "What was done after the backup is not in it: do it again, above all certificates revoked, shares ended, passwords changed, \
         accounts disabled or deleted. Everybody signs in anew. Readings that devices sent since then are not in it."
    );
    println!(
        "Put certificates and their keys (tls, ca) in place, start the server, and if it says that the clock is ahead: admin clock \
         confirm."
    );
}

/// Until it is dropped, a server or command that wants to open this folder waits.
fn nobody_opens(config: &Config) -> anyhow::Result<File> {
    let path = data_dir::opening(config);
    let file = File::options().create(true).truncate(false).write(true).open(&path);
    let file = file.with_context(|| format!("cannot open {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(_) => {
            bail!("{} is being opened by another process; wait until it ends", config.data_dir.display())
        }
    }
}

fn refuse_data(config: &Config) -> anyhow::Result<()> {
    if data_dir::restoring(config).exists() {
        // What is here is of a restore that did not end.
        return Ok(());
    }
    let history = config.history_dir();
    let has_history = history.exists() && history.read_dir()?.next().is_some();
    let found = if config.state_file().exists() {
        config.state_file()
    } else if has_history {
        history
    } else if !store::journal::is_empty(&config.journal_dir())? {
        config.journal_dir()
    } else {
        return Ok(());
    };
    bail!(
        "{} is there, and nothing is written over. Stop the server if it runs, and either move {} away or set `data_dir` in {} to a \
         new folder",
        found.display(),
        config.data_dir.display(),
        config.file.display()
    )
}

/// Says on disk that this folder is not whole; takes away what an earlier restore left.
fn begin(config: &Config) -> anyhow::Result<()> {
    let mark = data_dir::restoring(config);
    File::create(&mark).and_then(|file| file.sync_all()).with_context(|| mark.display().to_string())?;
    durable(&config.data_dir)?;
    for folder in [config.history_dir(), config.journal_dir()] {
        let files = if folder.exists() { folder.read_dir()?.collect::<Result<Vec<_>, _>>()? } else { vec![] };
        for file in files.into_iter().filter(|file| file.file_name() != "lock") {
            std::fs::remove_file(file.path())
                .with_context(|| format!("cannot remove {}", file.path().display()))?;
        }
    }
    for suffix in ["", "-wal", "-shm", "-journal"] {
        let path = PathBuf::from(format!("{}{suffix}", config.state_file().display()));
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("cannot remove {}", path.display()));
            }
            _ => {}
        }
    }
    Ok(())
}

fn end(config: &Config) -> anyhow::Result<()> {
    let mark = data_dir::restoring(config);
    std::fs::remove_file(&mark).with_context(|| format!("cannot remove {}", mark.display()))?;
    durable(&config.data_dir)
}

fn durable(folder: &Path) -> anyhow::Result<()> {
    File::open(folder).and_then(|folder| folder.sync_all()).with_context(|| folder.display().to_string())
}
