//! Manifests: versions and reasons in one place, names that say where a crate lies, nothing unused.
//! In: the manifests as text and the sources. Out: each row that breaks the rule.

use std::path::Path;

use anyhow::{Context, Result};

use super::Finding;
use super::source::{Source, has_word};
use crate::place::Place;

/// Dependencies that are used without being named: features or macros of others need them.
const USED_UNNAMED: &[&str] = &[];

/// Checks the root manifest's reasons and each member's names and dependencies.
pub fn check(place: &Place, sources: &[Source]) -> Result<Vec<Finding>> {
    let root = read(&place.root.join("Cargo.toml"))?;
    let mut findings = reasons(&root);
    for package in place.metadata.workspace_packages() {
        let Some(folder) = package.manifest_path.parent() else { continue };
        if folder.file_name() != Some(package.name.as_str()) {
            findings.push(format!("crate `{}` lies in {folder}: folder name = crate name", package.name));
        }
        let below = folder.as_std_path().strip_prefix(&place.root).unwrap_or(folder.as_std_path());
        findings.extend(member(below, &read(package.manifest_path.as_std_path())?, sources));
    }
    Ok(findings)
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))
}

/// Each foreign row of `[workspace.dependencies]` stands under a comment that gives its reason.
fn reasons(root: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut before = "";
    let rows = root.lines().skip_while(|line| *line != "[workspace.dependencies]").skip(1);
    for line in rows.take_while(|line| !line.starts_with('[')) {
        let name = line.split_once(" = ").map(|(name, _)| name).filter(|_| !line.starts_with('#'));
        if let Some(name) = name.filter(|_| !line.contains("path = \"") && !before.starts_with("# ")) {
            findings.push(format!("Cargo.toml: `{name}` has no comment above it that says why it is here"));
        }
        before = line;
    }
    findings
}

/// A member takes every version from the workspace and names every crate it asks for.
fn member(folder: &Path, manifest: &str, sources: &[Source]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut section = "";
    for line in manifest.lines() {
        if line.starts_with('[') {
            section = line;
            continue;
        }
        if !section.contains("dependencies") || line.starts_with('#') {
            continue;
        }
        let Some((key, value)) = line.split_once('=') else { continue };
        let name = key.trim().trim_end_matches(".workspace").to_owned();
        let shared = key.contains(".workspace") || value.contains("workspace = true");
        if !shared {
            findings.push(format!("{}/Cargo.toml: `{name}` must be `workspace = true`", folder.display()));
        }
        if !USED_UNNAMED.contains(&&*name) && !named(folder, &name.replace('-', "_"), sources) {
            findings.push(format!(
                "{}/Cargo.toml: `{name}` is named in no source of the crate",
                folder.display()
            ));
        }
    }
    findings
}

fn named(folder: &Path, name: &str, sources: &[Source]) -> bool {
    let own = sources.iter().filter(|source| source.path.starts_with(folder));
    own.flat_map(|source| &source.code).any(|line| has_word(line, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dependency_without_reason_is_found() {
        let root = "[workspace.dependencies]\n# why\na = \"1\"\nb = \"1\"\nours = { path = \"ours\" }\n\n[profile.dev]\nc = 1\n";
        let findings = reasons(root);
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert!(findings[0].contains("`b`"));
    }

    #[test]
    fn a_version_in_a_member_and_an_unused_crate_are_found() {
        let findings = member(Path::new("a"), "[dependencies]\nx-y = \"1\"\n", &[]);
        assert_eq!(findings.len(), 2, "{findings:?}");
    }
}
