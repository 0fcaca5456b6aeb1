//! Where things are: the workspace's root, its target folder, the tools kept in it.
//! In: `cargo metadata`. Out: paths. Never a path that is true on one machine only.

use std::path::PathBuf;

use anyhow::{Context, Result};
use cargo_metadata::{Metadata, MetadataCommand};

/// The workspace as cargo sees it, with the folders that every command needs.
pub struct Place {
    /// The folder that holds the root `Cargo.toml`.
    pub root: PathBuf,
    /// Cargo's target folder; `tools/` below it holds what `install` fetches.
    pub target: PathBuf,
    /// The resolved graph of all crates.
    pub metadata: Metadata,
}

impl Place {
    /// Asks cargo; needs a `Cargo.lock` that matches the manifests.
    pub fn find() -> Result<Self> {
        let metadata = MetadataCommand::new()
            .manifest_path(concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.toml"))
            .exec()
            .context("`cargo metadata` failed: run it by hand in the repository's root to see why")?;
        Ok(Self {
            root: metadata.workspace_root.clone().into_std_path_buf(),
            target: metadata.target_directory.clone().into_std_path_buf(),
            metadata,
        })
    }

    /// The folder of the Python environment that holds linters and foreign clients.
    pub fn venv(&self) -> PathBuf {
        self.target.join("tools/venv")
    }

    /// A program of that environment.
    pub fn venv_program(&self, name: &str) -> PathBuf {
        self.venv().join("bin").join(name)
    }

    /// This program, to be started again. Where a build has put a new one in its place since, that one.
    pub fn xtask(&self) -> Result<PathBuf> {
        let own = std::env::current_exe().context("where this program lies")?;
        Ok(if own.is_file() { own } else { self.binary("debug", "xtask") })
    }

    /// A binary of ours in a profile's folder (`debug` or `release`).
    pub fn binary(&self, profile: &str, name: &str) -> PathBuf {
        self.target.join(profile).join(name)
    }
}
