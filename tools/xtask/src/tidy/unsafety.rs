//! Nothing here is unsafe Rust: the compiler forbids it in every crate, and the word stands nowhere.
//! In: the manifests and the sources, tests and fuzz targets too. Out: the count, printed, and each that is not 0.

use anyhow::{Context, Result};

use super::Finding;
use super::source::{Source, has_word};
use crate::place::Place;

/// Counts, and sees to it that no crate can have any unnoticed.
pub fn check(place: &Place, sources: &[Source]) -> Result<Vec<Finding>> {
    let mut findings: Vec<Finding> = sources.iter().flat_map(words).collect();
    println!("unsafe: {} in {} Rust files", findings.len(), sources.len());
    let read = |path: &std::path::Path| {
        std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))
    };
    if !read(&place.root.join("Cargo.toml"))?.contains("unsafe_code = \"forbid\"") {
        findings.push("Cargo.toml: [workspace.lints.rust] must say unsafe_code = \"forbid\"".to_owned());
    }
    for package in place.metadata.workspace_packages() {
        if !inherits(&read(package.manifest_path.as_std_path())?) {
            let name = &package.name;
            findings.push(format!(
                "crate `{name}` does not take the workspace's lints: [lints] workspace = true"
            ));
        }
    }
    Ok(findings)
}

fn words(source: &Source) -> Vec<Finding> {
    let lines = source.code.iter().enumerate().filter(|(_, line)| has_word(line, "unsafe"));
    lines.map(|(index, _)| format!("{}:{}: unsafe code", source.path.display(), index + 1)).collect()
}

fn inherits(manifest: &str) -> bool {
    let after = manifest.split_once("[lints]").map_or("", |(_, after)| after);
    after.trim_start().starts_with("workspace = true")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ASVS 5.0: 1.4.1, 1.4.3.
    #[test]
    fn a_block_is_found_wherever_it_is_and_words_about_it_are_not() {
        let place = Place::find().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let check = |text: &str, expect: usize| {
            std::fs::write(folder.path().join("a.rs"), text).unwrap();
            let source = Source::read(folder.path(), std::path::Path::new("a.rs")).unwrap();
            assert_eq!(words(&source).len(), expect, "{text}");
        };
        check("// unsafe\nfn a() { \"unsafe\"; }\n#![forbid(unsafe_code)]\n", 0);
        check("fn a() { unsafe { b() } }\n", 1);
        check("#[cfg(test)]\nmod tests {\n    unsafe fn a() {}\n}\n", 1);
        assert!(
            inherits("[lints]\nworkspace = true\n") && !inherits("[lints.rust]\nunsafe_code = \"allow\"\n")
        );
        assert_eq!(super::check(&place, &[]).unwrap(), Vec::<Finding>::new());
    }
}
