//! `admin proof`: what is promised, what makes it true, and the tests that go red when it is not.
//!
//! In: the table that was built in (promises.toml). Out: text for people or JSON for programs. Needs no configuration
//! and runs no test: a release holds none. That every named test is there is held by `cargo xtask tidy`.

use std::fmt::Write as _;

use anyhow::Context;
use serde::{Deserialize, Serialize};

const TABLE: &str = include_str!("promises.toml");

/// `admin proof …`
#[derive(Debug, clap::Args)]
pub struct Arguments {
    /// For programs: one JSON document.
    #[arg(long)]
    pub json: bool,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Table {
    #[serde(rename(deserialize = "promise", serialize = "promises"))]
    promises: Vec<Row>,
    happened: Vec<Row>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Row {
    promise: String,
    mechanism: String,
    tests: Vec<String>,
}

/// Prints the table.
///
/// # Errors
/// The built-in table cannot be read, which a test excludes.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let table = table()?;
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&table)?);
    } else {
        print!("{}", text(&table));
    }
    Ok(())
}

fn table() -> anyhow::Result<Table> {
    toml::from_str(TABLE).context("the table of promises that was built in")
}

fn text(table: &Table) -> String {
    let mut text = format!("Inverter Connect {}: promise, mechanism, tests.\n", env!("CARGO_PKG_VERSION"));
    for (title, rows) in
        [("PROMISES", &table.promises), ("WHAT HAS HAPPENED TO OTHERS, AND MUST NOT TO US", &table.happened)]
    {
        let _ = write!(text, "\n{title}\n");
        for row in rows {
            let _ = write!(text, "\n{}\n  by    {}.\n", row.promise, row.mechanism);
            for test in &row.tests {
                let _ = writeln!(text, "  test  {test}");
            }
        }
    }
    let tests: usize = table.promises.iter().chain(&table.happened).map(|row| row.tests.len()).sum();
    let rows = table.promises.len() + table.happened.len();
    let _ = write!(text, "\n{rows} rows, {tests} tests. In the sources, `cargo xtask test` runs them all.\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_has_a_mechanism_and_a_test_and_is_printed() {
        let table = table().unwrap();
        let text = text(&table);
        for row in table.promises.iter().chain(&table.happened) {
            assert!(!row.mechanism.is_empty() && !row.tests.is_empty(), "{}", row.promise);
            for part in row.tests.iter().chain([&row.promise, &row.mechanism]) {
                assert!(text.contains(part), "{part}");
            }
        }
        let json = serde_json::to_value(&table).unwrap();
        assert_eq!(json["promises"].as_array().unwrap().len(), table.promises.len());
        assert_eq!(json["happened"].as_array().unwrap().len(), table.happened.len());
    }
}
