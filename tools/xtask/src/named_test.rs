//! A test that a table names as "path below the root: its name".
//! In: the sources. Out: why it does not count, what is said above it, a link to it. Never trusts the table: a test is looked
//! for in the file that is named, and one that does not run by itself is none.

use std::path::Path;

/// What a test's line or the lines above it say when it does not run by itself.
const SET_ASIDE: &str = "#[ignore";

/// A line of a list; `up`: from the page to the root.
pub fn link(test: &str, up: &str) -> String {
    let (path, name) = test.split_once(": ").unwrap_or((test, ""));
    format!("`{name}` in [{path}]({up}/{path})")
}

/// Whether a test that is there has the words in a comment above it.
pub fn cites(root: &Path, test: &str, words: &str, id: &str) -> bool {
    let Some((path, name)) = test.split_once(": ") else { return false };
    std::fs::read_to_string(root.join(path)).is_ok_and(|source| cited_above(&source, name, words, id))
}

fn cited_above(source: &str, name: &str, words: &str, id: &str) -> bool {
    let declared = |line: &str| {
        line.contains(&format!("fn {name}(")) || browser(name).iter().any(|named| line.starts_with(named))
    };
    let mut cited = false;
    for line in source.lines().map(str::trim) {
        if let Some(said) = line.strip_prefix("//").and_then(|line| line.split_once(words)) {
            // Ids have full stops in them: what ends a sentence is no part of one.
            cited |= said.1.split([',', ' ', ';', ':']).any(|part| part.trim_end_matches('.') == id);
        } else if declared(line) {
            return cited;
        } else if !line.starts_with("#[") && !line.starts_with("//") {
            cited = false;
        }
    }
    false
}

/// Why a test does not count, if so.
pub fn missing(root: &Path, test: &str) -> Option<&'static str> {
    let Some((path, name)) = test.split_once(": ") else { return Some("write \"path: name\"") };
    let Ok(source) = std::fs::read_to_string(root.join(path)) else { return Some("there is no such file") };
    if path.ends_with(".mjs") { missing_in_browser(&source, name) } else { missing_in_rust(&source, name) }
}

fn missing_in_browser(source: &str, name: &str) -> Option<&'static str> {
    let named = browser(name);
    let there = source.lines().any(|line| named.iter().any(|named| line.trim_start().starts_with(named)));
    (!there).then_some("there is no such test in the file")
}

/// How a test's first line begins.
fn browser(name: &str) -> [String; 3] {
    ["'", "\"", "`"].map(|quote| format!("test({quote}{name}{quote}"))
}

fn missing_in_rust(source: &str, name: &str) -> Option<&'static str> {
    let declared = format!("fn {name}(");
    let mut attributes: Vec<&str> = Vec::new();
    for line in source.lines().map(str::trim) {
        if line.starts_with("#[") {
            attributes.push(line);
            continue;
        }
        if line.contains(&declared) && !line.starts_with("//") {
            let is_test = attributes.iter().any(|line| line.contains("test]") || line.contains("::test("));
            let set_aside = attributes.iter().any(|line| line.starts_with(SET_ASIDE));
            return match (is_test, set_aside) {
                (false, _) => Some("that function is no test"),
                (true, true) => Some("that test is set aside by #[ignore]"),
                (true, false) => None,
            };
        }
        attributes.clear();
    }
    Some("there is no such test in the file")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::place::Place;

    #[test]
    fn a_test_counts_when_it_is_there_and_runs() {
        let source = "#[test]\nfn there() {}\n#[tokio::test(flavor = \"x\")]\n#[cfg(unix)]\nasync fn later() {}\n\
            #[test]\n#[ignore = \"slow\"]\nfn aside() {}\nfn helper() {}\n// fn said() {}\n";
        let check = |name: &str, good: bool| {
            assert_eq!(missing_in_rust(source, name).is_none(), good, "{name}");
        };
        check("there", true);
        check("later", true);
        check("aside", false);
        check("helper", false);
        check("said", false);
        check("nowhere", false);
        assert!(missing_in_browser("  test('a thing', { timeout: 1 }, async", "a thing").is_none());
        assert!(missing_in_browser("// a thing", "a thing").is_some());
    }

    #[test]
    fn what_is_not_in_the_sources_is_missing() {
        let place = Place::find().unwrap();
        assert!(missing(&place.root, "cloud/server/tests/it/door.rs: no_such_test").is_some());
        assert!(missing(&place.root, "cloud/server/tests/it/nowhere.rs: x").is_some());
    }

    #[test]
    fn an_id_counts_in_a_comment_right_above_its_test() {
        let source = "// ASVS 5.0: 1.2.3\nfn other() {}\n/// Words. ASVS 5.0: 2.1.1, 6.2.12.\n#[test]\nfn there() {}\n\
            // ASVS 5.0: 3.4.5\ntest('a thing', async () => {\n";
        let check = |name: &str, id: &str, good: bool| {
            assert_eq!(cited_above(source, name, "ASVS 5.0:", id), good, "{name} {id}");
        };
        check("there", "2.1.1", true);
        check("there", "6.2.12", true);
        check("there", "6.2.1", false);
        check("there", "1.2.3", false);
        check("a thing", "3.4.5", true);
        check("nowhere", "2.1.1", false);
    }
}
