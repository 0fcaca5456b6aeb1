//! The folder that everything is kept in.
//!
//! In: the configuration. Out: the folder, readable by its owner alone.

use std::os::unix::fs::DirBuilderExt;

use anyhow::Context;

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
