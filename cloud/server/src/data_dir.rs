//! The folder that everything is kept in.
//!
//! In: the configuration. Out: the folder, readable by its owner alone; the state store in it, the keys of second factors,
//! push messages and logbooks, opened by one process at a time: a server and an `admin` command that both find them new would
//! both make them.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, bail};
use fleet::logbook::{Hash, Signer};
use store::day_keys::DayKeys;
use store::history::{History, HistoryError};
use store::state::StateStore;
use web::sign_in::vault::FactorsKey;
use wire::UtcMs;

use crate::config::Config;
use crate::notifier::push::Vapid;
use crate::secret_file;

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
    let opening = locked(config).await?;
    if restoring(config).exists() {
        bail!(
            "{} is there: a restore was begun and not finished, and {} holds half of a backup. Say `admin restore` again; it begins \
             anew",
            restoring(config).display(),
            config.data_dir.display()
        );
    }
    let state = StateStore::open(&config.state_file()).await;
    drop(opening);
    Ok(state?)
}

/// The file that is there while a backup is restored.
#[must_use]
pub fn restoring(config: &Config) -> PathBuf {
    config.data_dir.join("restoring")
}

/// The file that whoever opens the state store locks meanwhile.
#[must_use]
pub fn opening(config: &Config) -> PathBuf {
    config.data_dir.join("state.lock")
}

/// The keys of days.
#[must_use]
pub fn day_keys(config: &Config) -> DayKeys {
    DayKeys::at(&config.day_keys, || web::random_bytes().ok())
}

/// Opens the history.
///
/// # Errors
/// Its folder cannot be used.
pub fn open_history(config: &Config) -> Result<History, HistoryError> {
    History::open(&config.history_dir(), day_keys(config), store::history::Config::default())
}

/// The key of second factors; made at the first start.
///
/// # Errors
/// It cannot be read or made, or it is gone while something is sealed under it.
pub async fn factors_key(config: &Config, state: &StateStore) -> anyhow::Result<FactorsKey> {
    let _opening = locked(config).await?;
    let path = &config.factors_key;
    if !path.exists() {
        let void = state.under_factors_key().await?;
        if !void.is_empty() {
            bail!(
                "{} is gone, and what stands in the tables {} is void without it. Bring it back from its copy. If there is \
                 none, remove the rows of these tables from {}: owners of authenticator apps then sign in without a code \
                 and set up new ones, recovery codes are made anew, and webhooks are added anew",
                path.display(),
                void.join(", "),
                config.state_file().display()
            );
        }
        let key = FactorsKey::new()?.reveal();
        write_key(path, &key).with_context(|| format!("cannot make `factors_key` {}", path.display()))?;
    }
    FactorsKey::parse(&read_key(config, FACTORS, path)?)
        .with_context(|| format!("`factors_key` {} is not a key of this program", path.display()))
}

/// The key of push messages; made at the first start. Under another one no browser that subscribed gets anything.
///
/// # Errors
/// It cannot be read or made.
pub async fn push_key(config: &Config, origin: &str) -> anyhow::Result<Vapid> {
    let _opening = locked(config).await?;
    let path = &config.push_key;
    if !path.exists() {
        let key = Vapid::new_key()?;
        write_key(path, &key).with_context(|| format!("cannot make the key {}", path.display()))?;
    }
    let text = read_key(config, PUSH, path)?;
    Vapid::parse(&text, origin).with_context(|| format!("{} is not a key of this program", path.display()))
}

/// The key that logbooks and reports are signed with; made at the first start. Its public key is noted in the state store, so that what it
/// signed can be checked for years, whatever becomes of the key. Where it is gone another one is made: from then on that one signs.
///
/// # Errors
/// It cannot be read, made or noted.
pub async fn logbook_key(config: &Config, state: &StateStore, now: UtcMs) -> anyhow::Result<Signer> {
    let _opening = locked(config).await?;
    let path = config.logbook_key();
    if !path.exists() {
        if !state.logbook_keys().await?.is_empty() {
            tracing::warn!(
                path = %path.display(),
                "the key of logbooks is gone, and another one signs from now on; what was signed is checked by the old one's public key, \
                 which is kept. If there is a copy of the old key, stop the server, bring it back and start again"
            );
        }
        let seed = web::random_bytes().context("the system gives no random bytes")?;
        write_key(&path, &Hash(seed).to_string())
            .with_context(|| format!("cannot make the key {}", path.display()))?;
    }
    let text = read_key(config, LOGBOOK, &path)?;
    let signer = Hash::parse(text.trim()).and_then(|seed| Signer::from_seed(&seed.0).ok());
    let signer = signer.with_context(|| format!("{} is not a key of this program", path.display()))?;
    state.note_logbook_key(signer.public(), now).await?;
    Ok(signer)
}

/// Whether the keys that are there are for this program's user alone; makes none.
///
/// # Errors
/// Which is not, and what to do.
pub fn check_keys(config: &Config) -> anyhow::Result<()> {
    let logbook = config.logbook_key();
    for (named, path) in [(FACTORS, &config.factors_key), (PUSH, &config.push_key), (LOGBOOK, &logbook)] {
        if path.exists() {
            read_key(config, named, path)?;
        }
    }
    Ok(())
}

const FACTORS: &str = "`factors_key`";
const PUSH: &str = "the key of push messages";
const LOGBOOK: &str = "the key of logbooks";

fn read_key(config: &Config, named: &str, path: &Path) -> anyhow::Result<String> {
    let named = format!("{}: {named} = {:?}", config.file.display(), path.display().to_string());
    secret_file::read(path).map_err(|error| anyhow!("{named} {:#}", anyhow::Error::new(error)))
}

/// Written whole beside its place, then put there: a start that is cut short leaves no half of a key.
fn write_key(path: &Path, key: &str) -> anyhow::Result<()> {
    let folder = path.parent().context("it has no folder")?;
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    let beside = PathBuf::from(format!("{}.new", path.display()));
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    writeln!(file, "{key}")?;
    file.sync_all()?;
    std::fs::rename(&beside, path)?;
    File::open(folder)?.sync_all()?;
    Ok(())
}

/// While another process opens or makes something here, waits; until the file is dropped, others wait.
async fn locked(config: &Config) -> anyhow::Result<File> {
    let path = opening(config);
    let opening = tokio::task::spawn_blocking(move || {
        let locked = File::options().create(true).truncate(false).write(true).open(&path);
        let locked = locked.and_then(|file| file.lock().map(|()| file));
        locked.with_context(|| format!("cannot lock {}", path.display()))
    });
    opening.await.context("cannot wait for the lock of the state store")?
}
