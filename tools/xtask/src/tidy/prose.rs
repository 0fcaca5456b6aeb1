//! What must not stand in a published file: paths of one machine, conflict marks, links to nowhere.
//! In: the tracked files. Out: each line that has such a thing.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::Finding;
use crate::place::Place;

/// Endings of files that are read as text here.
const TEXT: &[&str] =
    &["rs", "md", "toml", "ts", "js", "mjs", "css", "html", "sh", "py", "service", "cddl", "json", "txt"];
/// Beginnings of paths that are true on one machine only. Written in two parts, so that this file is not found.
const MACHINE_PATHS: &[[&str; 2]] = &[["/wo", "rk/"], ["/tmp", "/t/"], ["/ho", "me/"], ["/root", "/."]];

/// Checks every text file, and the links between the Markdown ones.
pub fn check(place: &Place, files: &[PathBuf]) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    let texts = files.iter().filter(|file| {
        let ending = file.extension().map(|ending| ending.to_string_lossy().into_owned()).unwrap_or_default();
        TEXT.contains(&&*ending) || file.starts_with(".ci")
    });
    for file in texts {
        let full = place.root.join(file);
        let text =
            std::fs::read_to_string(&full).with_context(|| format!("{} is not UTF-8", full.display()))?;
        let markdown = file.extension().is_some_and(|ending| ending == "md");
        for (index, line) in text.lines().enumerate() {
            let here = format!("{}:{}", file.display(), index + 1);
            if MACHINE_PATHS.iter().any(|parts| line.contains(&parts.concat())) {
                findings.push(format!("{here}: a path of one machine"));
            }
            if line.starts_with("<<<<<<< ") || line.starts_with(">>>>>>> ") {
                findings.push(format!("{here}: a conflict mark"));
            }
            if markdown {
                findings.extend(links(&place.root, file, line).map(|finding| format!("{here}: {finding}")));
            }
        }
    }
    Ok(findings)
}

/// Links of one Markdown line to files that are not there.
fn links<'a>(root: &'a Path, file: &'a Path, line: &'a str) -> impl Iterator<Item = Finding> + 'a {
    line.split("](").skip(1).filter_map(move |rest| {
        let target = rest.split([')', '#', ' ']).next().unwrap_or_default();
        let elsewhere = target.is_empty() || target.contains("://") || target.starts_with("mailto:");
        let folder = root.join(file.parent().unwrap_or(Path::new("")));
        let outside = target.starts_with("../shared");
        (!elsewhere && (outside || !folder.join(target).exists()))
            .then(|| format!("link to {target}, which is not there"))
    })
}
