//! How large the rooms are: lines per file, lines per function, and the limits at which CI stops.
//! In: the tracked files. Out: a printed distribution, and a finding for each that is past a limit.
//! Past the limit there is a second thing inside: give it its own room.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::Finding;
use super::source::Source;
use crate::place::Place;

/// Lines of a product file; with its unit tests it may have `FILE_WITH_TESTS`.
const FILE: usize = 600;
/// Lines of a test file, or of a product file together with its unit tests.
const FILE_WITH_TESTS: usize = 900;
/// Lines of a product function.
const FUNCTION: usize = 80;
/// Lines of a test function: a story told in order.
const TEST_FUNCTION: usize = 160;
/// What else people read and edit by hand.
const OTHERS: &[&str] = &["ts", "css", "html", "js", "mjs", "sh"];

/// Prints the distributions and returns what is past a limit.
pub fn check(place: &Place, files: &[PathBuf], sources: &[Source]) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    let mut file_lines = Vec::new();
    let mut function_lines = Vec::new();
    for source in sources {
        let limit = if source.is_test() { FILE_WITH_TESTS } else { FILE };
        let product = if source.is_test() { source.code.len() } else { source.tests_from };
        file_lines.push((product, source.path.display().to_string()));
        findings.extend(past(&source.path, product, limit));
        findings.extend(past(&source.path, source.code.len(), FILE_WITH_TESTS));
        for function in &source.functions {
            let in_tests = source.is_test() || function.line > source.tests_from;
            let limit = if in_tests { TEST_FUNCTION } else { FUNCTION };
            let name = format!("{}:{} {}", source.path.display(), function.line, function.name);
            if function.lines > limit {
                findings.push(format!("{name}: {} lines, the limit is {limit}: split it", function.lines));
            }
            function_lines.push((function.lines, name));
        }
    }
    for file in files.iter().filter(|file| by_hand(file)) {
        let full = place.root.join(file);
        let text = std::fs::read_to_string(&full).with_context(|| format!("reading {}", full.display()))?;
        findings.extend(past(file, text.lines().count(), FILE));
    }
    distribution("lines per Rust file, tests aside", file_lines);
    distribution("lines per function", function_lines);
    Ok(findings)
}

fn by_hand(file: &Path) -> bool {
    file.extension().is_some_and(|extension| OTHERS.iter().any(|other| extension == *other))
}

fn past(path: &Path, lines: usize, limit: usize) -> Option<Finding> {
    (lines > limit).then(|| {
        format!("{}: {lines} lines, the limit is {limit}: give part of it its own room", path.display())
    })
}

fn distribution(what: &str, mut sizes: Vec<(usize, String)>) {
    sizes.sort();
    let at = |share: usize| sizes.get(sizes.len() * share / 100).map_or(0, |(lines, _)| *lines);
    let total: usize = sizes.iter().map(|(lines, _)| lines).sum();
    let largest: Vec<_> = sizes.iter().rev().take(3).map(|(lines, name)| format!("{lines} {name}")).collect();
    println!(
        "{what}: {} of them, {total} lines, median {}, 90 % {}, 99 % {}; largest: {}",
        sizes.len(),
        at(50),
        at(90),
        at(99),
        largest.join(", ")
    );
}
