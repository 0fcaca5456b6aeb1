//! What the demo's programs wrote while all this was done to them.
//! In: their logs. Out: each panic, by where it happened; a guard that answers 500 would hide it from the scanners.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

use super::report::{Finding, Outcome, Seen, Severity};
use super::scene::Scene;
use super::tool::Raw;

/// Says it of itself: Rust's own words.
const PANIC: &str = "panicked at ";

/// Reads all logs; the last check, so that it sees what the others did.
pub fn run(scene: &Scene<'_>, raw: &mut Raw) -> Result<Outcome> {
    let folder = scene.demo()?.folder.join("logs");
    let mut seen = Seen::default();
    let mut lines = 0;
    for file in std::fs::read_dir(&folder).with_context(|| format!("reading {}", folder.display()))? {
        let path = file?.path();
        let text = String::from_utf8_lossy(&std::fs::read(&path)?).into_owned();
        lines += text.lines().count();
        seen.findings.extend(verdict(&name(&path), &text));
        if name(&path) == "cloud" {
            std::fs::write(raw.file("cloud.log"), &text)?;
        }
    }
    if lines == 0 {
        bail!("the demo's programs wrote no line");
    }
    if seen.findings.is_empty() {
        seen.held.push(format!("{lines} lines of cloud, gateways and inverters, no panic"));
    }
    Ok(Outcome::Ran(seen))
}

fn name(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

fn verdict(program: &str, log: &str) -> Vec<Finding> {
    let mut places: BTreeMap<&str, (usize, &str)> = BTreeMap::new();
    let lines: Vec<&str> = log.lines().collect();
    for (at, line) in lines.iter().enumerate() {
        let Some((_, place)) = line.split_once(PANIC) else { continue };
        // From the crate on: what lies before is true on one machine only.
        let place = place.rsplit_once("/src/").map_or(place, |(before, _)| {
            let from = before.rfind('/').map_or(0, |slash| slash + 1);
            place.get(from..).unwrap_or(place)
        });
        places
            .entry(place.trim_end_matches(':'))
            .or_insert((0, lines.get(at + 1).copied().unwrap_or_default()))
            .0 += 1;
    }
    let told = |(place, (times, words)): (&str, (usize, &str))| {
        let what = format!("{program} panicked {times} times at {place}: {words}");
        Finding::new(format!("{program} {place}"), Severity::High, what)
    };
    places.into_iter().map(told).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_place_of_a_panic_is_one_finding() {
        let log = "INFO ready\n\nthread 'people' (7) panicked at /registry/futures-util-0.3.34/src/stream/unfold.rs:108:21:\nmust not be polled\nstack backtrace:\n";
        assert_eq!(verdict("cloud", "INFO ready\n"), []);
        let found = verdict("cloud", &log.repeat(3));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].id, "cloud futures-util-0.3.34/src/stream/unfold.rs:108:21");
        assert!(
            found[0].what.contains("3 times") && found[0].what.ends_with("must not be polled"),
            "{found:?}"
        );
    }
}
