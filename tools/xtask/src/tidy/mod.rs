//! `cargo xtask tidy`: tests the walls of the house and prints how large its rooms are.
//! In: cargo's graph and the tracked files. Out: a list of what is wrong, empty when all is well.
//! Never changes a file.

mod manifest;
mod prose;
mod shipped;
mod sizes;
mod source;
mod unsafety;
mod walls;

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::place::Place;
use crate::{promises, shell, standards};
use source::Source;

/// One thing that is wrong: where, what, and what to do.
pub(crate) type Finding = String;

/// Runs every check and prints the distribution of sizes; an error if anything is wrong.
pub fn run(place: &Place) -> Result<()> {
    let files = tracked(place)?;
    let sources: Vec<Source> = files
        .iter()
        .filter(|file| file.extension().is_some_and(|extension| extension == "rs"))
        .map(|file| Source::read(&place.root, file))
        .collect::<Result<_>>()?;

    let mut findings = walls::check_graph(&place.metadata);
    findings.extend(walls::check_words(&sources));
    findings.extend(shipped::check(place)?);
    findings.extend(manifest::check(place, &sources)?);
    findings.extend(sizes::check(place, &files, &sources)?);
    findings.extend(prose::check(place, &files)?);
    findings.extend(promises::check(place)?);
    findings.extend(standards::check(place)?);
    findings.extend(unsafety::check(place, &sources)?);

    if findings.is_empty() {
        println!("tidy: {} files, no wall broken", files.len());
        return Ok(());
    }
    for finding in &findings {
        println!("tidy: {finding}");
    }
    bail!("{} things are untidy", findings.len());
}

/// The files of the work tree that git would keep (tracked, or new and not ignored), as paths below the root.
fn tracked(place: &Place) -> Result<Vec<PathBuf>> {
    let mut git = Command::new("git");
    git.args(["ls-files", "--cached", "--others", "--exclude-standard", "-z"]).current_dir(&place.root);
    let listing = shell::output(&mut git).context("tidy reads the list of files from git")?;
    let names = listing.split('\0').filter(|name| !name.is_empty()).map(PathBuf::from);
    Ok(names.filter(|name| place.root.join(name).is_file()).collect())
}
