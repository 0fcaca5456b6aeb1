//! Where this version stands against standards of others, requirement by requirement: a page from each table.
//! In: the tables in docs/standards and the sources. Out: the pages; for `tidy`, each named test that is not there, does not
//! run or does not cite its requirement, and a page that is not what would be made. The words of a standard are its owners':
//! a table has ids and our own words alone.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result, anyhow};

use crate::named_test;
use crate::place::Place;

/// Below the root: table and page of each.
const FOLDER: &str = "docs/standards";

struct Standard {
    /// Of the table and the page.
    file: &'static str,
    title: &'static str,
    /// What is looked at, and what not.
    about: &'static str,
    /// What tests write before its ids, where they do.
    cited: Option<&'static str>,
}

const STANDARDS: [Standard; 3] = [
    Standard {
        file: "asvs",
        title: "OWASP ASVS 5.0.0, levels 1 and 2",
        about: "The web application, its API and the doors beside it, against the levels 1 and 2 of the \
            [Application Security Verification Standard](https://owasp.org/www-project-application-security-verification-standard/).",
        cited: Some("ASVS 5.0:"),
    },
    Standard {
        file: "en-303-645",
        title: "ETSI EN 303 645 V2.1.1",
        about: "The gateway and the cloud that it belongs to, against the baseline for connected devices. M: mandatory, \
            R: recommended, C: where its condition holds.",
        cited: None,
    },
    Standard {
        file: "iec-62443-4-2",
        title: "IEC 62443-4-2, security level 2",
        about: "The gateway as an embedded device (CR and EDR), with what the cloud does of it where people are concerned.",
        cited: None,
    },
];

const MADE: &str = "Nobody certified this: it is our own reading, made by `cargo xtask promises` from the table beside it \
    (do not edit it here). `cargo xtask tidy` stops at a test that is not in the sources or does not run.";

struct Row {
    id: String,
    level: String,
    verdict: Verdict,
}

enum Verdict {
    /// In our words, and the tests that show it; none where a document or a configuration does.
    Met { how: String, tests: Vec<String> },
    /// What the requirement is about is not there.
    Nothing(String),
    /// What is missing.
    Open(String),
}

/// Writes the pages.
pub fn write(place: &Place) -> Result<()> {
    for standard in &STANDARDS {
        let path = page_path(standard);
        let page = page(standard, &rows(&place.root, standard)?);
        std::fs::write(place.root.join(&path), page).with_context(|| format!("writing {path}"))?;
        println!("{path} is written");
    }
    Ok(())
}

/// What is wrong with the tables and their pages.
pub fn check(place: &Place) -> Result<Vec<String>> {
    let mut findings = Vec::new();
    for standard in &STANDARDS {
        let (table, path) = (table_path(standard), page_path(standard));
        let rows = rows(&place.root, standard)?;
        for pair in rows.windows(2).filter(|pair| order(&pair[0].id) >= order(&pair[1].id)) {
            findings.push(format!("{table}: {} stands before {}", pair[0].id, pair[1].id));
        }
        for row in &rows {
            let Verdict::Met { tests, .. } = &row.verdict else { continue };
            for test in tests {
                let why = named_test::missing(&place.root, test).map(str::to_owned);
                let why = why.or_else(|| uncited(&place.root, standard, test, &row.id));
                findings.extend(why.map(|why| format!("{table}: {}: {test}: {why}", row.id)));
            }
        }
        let written = std::fs::read_to_string(place.root.join(&path)).unwrap_or_default();
        if written != page(standard, &rows) {
            findings.push(format!("{path} is not what its table says: run `cargo xtask promises`"));
        }
    }
    Ok(findings)
}

fn uncited(root: &Path, standard: &Standard, test: &str, id: &str) -> Option<String> {
    let words = standard.cited?;
    (!named_test::cites(root, test, words, id)).then(|| format!("no comment above it says `{words} {id}`"))
}

fn table_path(standard: &Standard) -> String {
    format!("{FOLDER}/{}.toml", standard.file)
}

fn page_path(standard: &Standard) -> String {
    format!("{FOLDER}/{}.md", standard.file)
}

/// Numbers by their value: 6.2.10 comes after 6.2.9.
fn order(id: &str) -> Vec<(u32, &str)> {
    id.split(['.', '-', ' ']).map(|part| (part.parse().unwrap_or(0), part)).collect()
}

fn rows(root: &Path, standard: &Standard) -> Result<Vec<Row>> {
    let path = table_path(standard);
    let text = std::fs::read_to_string(root.join(&path)).with_context(|| format!("reading {path}"))?;
    let table: toml::Table = text.parse().with_context(|| format!("{path} is no TOML"))?;
    let rows = table.get("requirement").and_then(toml::Value::as_array);
    let rows = rows.with_context(|| format!("{path} has no [[requirement]]"))?;
    rows.iter()
        .map(|value| row(value).ok_or_else(|| anyhow!("{path}: a row is incomplete: {value}")))
        .collect()
}

fn row(value: &toml::Value) -> Option<Row> {
    let text = |key: &str| value.get(key).and_then(toml::Value::as_str).map(str::to_owned);
    let verdict = match (text("how"), text("nothing"), text("open")) {
        (Some(how), None, None) => {
            let tests = value.get("tests")?.as_array()?;
            let tests = tests.iter().map(|test| test.as_str().map(str::to_owned)).collect::<Option<_>>()?;
            Verdict::Met { how, tests }
        }
        (None, Some(why), None) => Verdict::Nothing(why),
        (None, None, Some(what)) => Verdict::Open(what),
        _ => return None,
    };
    let level = value.get("level")?;
    let level = level.as_str().map_or_else(|| level.to_string(), str::to_owned);
    Some(Row { id: text("id")?, level, verdict })
}

fn page(standard: &Standard, rows: &[Row]) -> String {
    let count = |of: fn(&Verdict) -> bool| rows.iter().filter(|row| of(&row.verdict)).count();
    let mut page = format!(
        "# {}\n\n{}\n{MADE}\n\n{} requirements: {} met, {} without an object here, {} open.\n",
        standard.title,
        standard.about,
        rows.len(),
        count(|verdict| matches!(verdict, Verdict::Met { .. })),
        count(|verdict| matches!(verdict, Verdict::Nothing(_))),
        count(|verdict| matches!(verdict, Verdict::Open(_))),
    );
    let mut chapter = None;
    for row in rows {
        let of = row.id.rsplit_once(['.', '-']).map(|(chapter, _)| chapter);
        if chapter != Some(of) {
            let _ = write!(page, "\n| {} | level | |\n| --- | --- | --- |\n", of.unwrap_or("id"));
            chapter = Some(of);
        }
        let _ = writeln!(page, "| {} | {} | {} |", row.id, row.level, said(&row.verdict));
    }
    page
}

/// One cell of a table.
fn said(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Met { how, tests } => {
            let tests: Vec<_> = tests.iter().map(|test| named_test::link(test, "../..")).collect();
            let tests = if tests.is_empty() { String::new() } else { format!("<br>{}", tests.join("<br>")) };
            format!("{how}{tests}")
        }
        Verdict::Nothing(why) => format!("*No object:* {why}"),
        Verdict::Open(what) => format!("**Open:** {what}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_holds_and_its_page_is_made_from_it() {
        assert_eq!(check(&Place::find().unwrap()).unwrap(), Vec::<String>::new());
    }

    #[test]
    fn a_row_says_one_thing() {
        let row = |text: &str| {
            row(&toml::Value::Table(format!("id = \"1.1.1\"\nlevel = 1\n{text}").parse().unwrap()))
        };
        assert!(matches!(row("how = \"so\"\ntests = []").unwrap().verdict, Verdict::Met { .. }));
        assert!(matches!(row("nothing = \"none\"").unwrap().verdict, Verdict::Nothing(_)));
        assert!(matches!(row("open = \"much\"").unwrap().verdict, Verdict::Open(_)));
        for wrong in ["", "how = \"so\"", "how = \"so\"\ntests = [1]", "nothing = \"x\"\nopen = \"y\""] {
            assert!(row(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn numbers_are_in_order_by_their_value() {
        assert!(order("6.2.9") < order("6.2.10"));
        assert!(order("5.3-2") < order("5.3-10"));
        assert!(order("CR 1.14") < order("CR 2.1"));
        assert!(order("CR 7.8") < order("EDR 2.4"));
    }
}
