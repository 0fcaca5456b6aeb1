//! `admin backup`: everything that is kept, copied while the server runs.
//!
//! In: a folder that is not there yet. Out: a backup (`store::backup`), its act in the log before anything is read, what it took on
//! standard output. No key is in it, so that it says how to copy those, or does so.

use std::path::Path;
use std::time::Instant;

use fleet::audit::Verb;
use store::backup::{self, BackupKey, Folders};
use store::state::StateStore;
use wire::UtcMs;

use super::{act, keys_copy};
use crate::config::Config;
use crate::data_dir;

/// Backs up.
///
/// # Errors
/// What could not be done; then there is no backup.
pub async fn run(
    place: &Path,
    keys: Option<&Path>,
    config: &Config,
    state: &StateStore,
    now: UtcMs,
) -> anyhow::Result<()> {
    keys_copy::refuse_clock(state, now).await?;
    if let Some(keys) = keys {
        keys_copy::refuse(keys, config)?;
        keys_copy::refuse_within(keys, place)?;
    }
    let act = act::on_the_command_line(Verb::BackupMake, now)?;
    state.record_act(&act.with_detail(place.display().to_string())).await?;
    let began = Instant::now();
    let made = make(place, config, now)?;
    println!("{} is a backup of {}.", made.place.display(), config.data_dir.display());
    println!(
        "{} day(s), {} entries of the journal, {} bytes, in {} ms. The server's own writing waited {} ms.",
        made.days,
        made.entries,
        made.bytes,
        began.elapsed().as_millis(),
        made.held.as_millis()
    );
    match keys {
        Some(folder) => keys_copy::run(folder, config, state, now).await,
        None => {
            println!(
                "It opens with a copy of the keys that is made from now on: inverter-connect --config {} admin keys copy FOLDER",
                config.file.display()
            );
            Ok(())
        }
    }
}

fn make(place: &Path, config: &Config, now: UtcMs) -> anyhow::Result<backup::Made> {
    let fresh = || web::random_bytes().ok();
    let backups = BackupKey::read_or_make(&config.backup_key(), fresh)?;
    let days = data_dir::day_keys(config);
    let keys = backup::Keys { days: &days, backups: &backups, fresh };
    let (state, history, journal) = (config.state_file(), config.history_dir(), config.journal_dir());
    let folders = Folders { data: &config.data_dir, state: &state, history: &history, journal: &journal };
    Ok(backup::make(folders, keys, place, env!("CARGO_PKG_VERSION"), now)?)
}
