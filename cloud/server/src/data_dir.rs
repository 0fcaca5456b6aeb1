//! The folder that everything is kept in.
//!
//! In: the configuration. Out: the folder, readable by its owner alone, and the state store in it, opened by one
//! process at a time: a server and an `admin` command that both find it new would both make its tables.

use std::fs::File;
use std::os::unix::fs::DirBuilderExt;

use anyhow::Context;
use store::state::StateStore;

use crate::config::Config;

/// Makes the data folder if it is missing.
///
/// # Errors
/// It cannot be made.
pub fn make(config: &Config) -> anyhow::Result<()> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&config.data_dir).with_context(|| {
        format!("{}: cannot make `data_dir` {}", config.file.display(), config.data_dir.display())
    })
}

/// Opens the state store; while another process does so, waits.
///
/// # Errors
/// The folder or the store cannot be used.
pub async fn open_state(config: &Config) -> anyhow::Result<StateStore> {
    make(config)?;
    let path = config.data_dir.join("state.lock");
    let opening = tokio::task::spawn_blocking(move || {
        let locked = File::options().create(true).truncate(false).write(true).open(&path);
        let locked = locked.and_then(|file| file.lock().map(|()| file));
        locked.with_context(|| format!("cannot lock {}", path.display()))
    });
    let opening = opening.await.context("cannot wait for the lock of the state store")??;
    let state = StateStore::open(&config.state_file()).await;
    drop(opening);
    Ok(state?)
}
