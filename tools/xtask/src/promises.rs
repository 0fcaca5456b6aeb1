//! `cargo xtask promises`: docs/PROMISES.md, made from the table that `inverter-connect admin proof` prints.
//! In: the table and the sources. Out: the page; for `tidy`, each named test that is not there, does not run, or a page
//! that is not what would be made. Never trusts a row: a test is looked for in the file that the row names.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result, anyhow};

use crate::named_test;
use crate::place::Place;

/// The table, below the root.
const TABLE: &str = "cloud/server/src/admin/proof/promises.toml";
/// The page, below the root.
const PAGE: &str = "docs/PROMISES.md";
const HEAD: &str = "\
# Promises, and how they are shown

Made by `cargo xtask promises` from [the table](../cloud/server/src/admin/proof/promises.toml) that
`inverter-connect admin proof` prints: do not edit it here. `cargo xtask tidy` stops at a test that is not in the sources or
does not run. `cargo xtask test` runs them all; one alone: `cargo nextest run --workspace -E 'test(NAME)'`.
What remains is said in [SECURITY.md](../SECURITY.md).
";
const SECTIONS: [(&str, &str); 2] =
    [("promise", "What is promised"), ("happened", "What has happened to others, and must not to us")];

struct Row {
    promise: String,
    mechanism: String,
    tests: Vec<String>,
}

/// Writes the page; an error if a named test is not there.
pub fn run(place: &Place) -> Result<()> {
    let page = page(&place.root)?;
    std::fs::write(place.root.join(PAGE), page).with_context(|| format!("writing {PAGE}"))?;
    let findings = check(place)?;
    anyhow::ensure!(findings.is_empty(), "{}", findings.join("\n"));
    println!("{PAGE} is written");
    Ok(())
}

/// What is wrong with the table and its page.
pub fn check(place: &Place) -> Result<Vec<String>> {
    let mut findings = Vec::new();
    for (section, _) in SECTIONS {
        for row in rows(&place.root, section)? {
            if row.tests.is_empty() {
                findings.push(format!("{TABLE}: no test for \"{}\"", row.promise));
            }
            for test in &row.tests {
                findings.extend(
                    named_test::missing(&place.root, test).map(|why| format!("{TABLE}: {test}: {why}")),
                );
            }
        }
    }
    let written = std::fs::read_to_string(place.root.join(PAGE)).unwrap_or_default();
    if written != page(&place.root)? {
        findings.push(format!("{PAGE} is not what the table says: run `cargo xtask promises`"));
    }
    Ok(findings)
}

fn rows(root: &Path, section: &str) -> Result<Vec<Row>> {
    let text = std::fs::read_to_string(root.join(TABLE)).with_context(|| format!("reading {TABLE}"))?;
    let table: toml::Table = text.parse().with_context(|| format!("{TABLE} is no TOML"))?;
    let rows = table.get(section).and_then(toml::Value::as_array);
    rows.with_context(|| format!("{TABLE} has no [[{section}]]"))?.iter().map(row).collect()
}

fn row(value: &toml::Value) -> Result<Row> {
    let text = |key: &str| {
        let text = value.get(key).and_then(toml::Value::as_str);
        text.map(str::to_owned).ok_or_else(|| anyhow!("{TABLE}: a row has no `{key}`: {value}"))
    };
    let tests = value.get("tests").and_then(toml::Value::as_array);
    let tests = tests.into_iter().flatten().filter_map(toml::Value::as_str).map(str::to_owned).collect();
    Ok(Row { promise: text("promise")?, mechanism: text("mechanism")?, tests })
}

fn page(root: &Path) -> Result<String> {
    let mut page = HEAD.to_owned();
    for (section, title) in SECTIONS {
        let _ = write!(page, "\n## {title}\n");
        for row in rows(root, section)? {
            let _ = write!(page, "\n### {}\n\n{}.\n\n", row.promise, row.mechanism);
            for test in &row.tests {
                let _ = writeln!(page, "- {}", named_test::link(test, ".."));
            }
        }
    }
    Ok(page)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_named_test_of_this_table_is_there_and_the_page_is_made_from_it() {
        let place = Place::find().unwrap();
        assert_eq!(check(&place).unwrap(), Vec::<String>::new());
    }
}
