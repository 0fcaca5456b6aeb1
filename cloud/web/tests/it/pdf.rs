//! Reads a PDF with an engine that is not ours.
//!
//! In: the bytes of a file. Out: its text as one line of words.

use std::io::Write as _;
use std::process::{Command, Stdio};

/// All that is written on the sheets, in the order in which it is drawn, a blank between words.
pub fn text(bytes: &[u8]) -> String {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/read_pdf.py");
    let child = Command::new("python3").arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
    let mut child = child.expect("python3 with pypdfium2 reads the files; `cargo xtask test` installs it");
    child.stdin.take().unwrap().write_all(bytes).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "pypdfium2 is installed by `cargo xtask test`");
    let read: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let pages = read["pages"].as_array().unwrap().iter().map(|page| page.as_str().unwrap());
    words(&pages.collect::<Vec<_>>().join(" "))
}

/// What is read in one run of words: lines are broken where they must be.
pub fn words(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ")
}
