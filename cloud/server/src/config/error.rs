//! What can be wrong with a configuration, and what to write instead.

use std::path::PathBuf;

/// What is wrong with a configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration {}: {source}. Write one and name it with --config FILE", file.display())]
    Read {
        /// Which.
        file: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is not TOML of this shape; the text names line and key.
    #[error("{}: {text}", file.display())]
    Toml {
        /// Which.
        file: PathBuf,
        /// What the parser says.
        text: String,
    },
    /// A key is missing.
    #[error("{}: `{key}` is missing. Write for example: {example}", file.display())]
    Missing {
        /// Which.
        file: PathBuf,
        /// Dotted.
        key: &'static str,
        /// A line that would do.
        example: &'static str,
    },
    /// A value does not fit.
    #[error("{}: `{key}` = {value:?} does not fit: {why}. Write for example: {example}", file.display())]
    Value {
        /// Which.
        file: PathBuf,
        /// Dotted.
        key: &'static str,
        /// As written.
        value: String,
        /// What is wrong with it.
        why: String,
        /// A line that would do.
        example: &'static str,
    },
}
