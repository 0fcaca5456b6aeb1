//! What a release build of a shipped program holds: nothing that a test drives (decision 34).
//! In: cargo's own tree of each program without dev-dependencies, as `cargo build --release` resolves it. Out: each
//! test crate in it.

use anyhow::Result;

use super::Finding;
use crate::place::Place;
use crate::shell;

/// Crates that are shipped as programs.
const SHIPPED: [&str; 2] = ["gateway", "server"];
/// Crates for tests alone.
const TEST_ONLY: [&str; 2] = ["driven-clock", "simulator"];

/// Test crates that a shipped program would link.
pub fn check(place: &Place) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for program in SHIPPED {
        let mut cargo = shell::cargo(&place.root);
        cargo.args(["tree", "--locked", "--package", program, "--edges", "no-dev", "--prefix", "none"]);
        let tree = shell::output(cargo.args(["--format", "{p}"]))?;
        findings.extend(test_only(program, &tree));
    }
    Ok(findings)
}

fn test_only(program: &str, tree: &str) -> Vec<Finding> {
    let linked = |name: &&str| tree.lines().any(|line| line.split(' ').next() == Some(name));
    let told = |name| format!("a release build of `{program}` links `{name}`, which is for tests alone");
    TEST_ONLY.into_iter().filter(linked).map(told).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// ASVS 5.0: 13.4.2, 15.2.3.
    #[test]
    fn release_builds_have_no_driven_clock_and_one_with_the_feature_is_found() {
        let place = Place::find().unwrap();
        assert_eq!(check(&place).unwrap(), Vec::<Finding>::new());
        let mut cargo = shell::cargo(&place.root);
        cargo.args(["tree", "--package", "server", "--edges", "no-dev", "--prefix", "none"]);
        let tree = shell::output(cargo.args(["--format", "{p}", "--features", "driven-clock"])).unwrap();
        assert_eq!(test_only("server", &tree).len(), 1);
    }
}
