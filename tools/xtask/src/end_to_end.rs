//! The browser flows of `e2e/` against a running demo.
//! In: built programs. Out: the closing lines of node's test runner.
//! Never leaves the demo running.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::place::Place;
use crate::running::Running;
use crate::shell;

/// The demo ends by itself after this, whatever happens here.
const DEMO_LASTS_S: u64 = 2_400;

/// Starts the demo, runs the flows, ends the demo.
pub fn run(place: &Place) -> Result<()> {
    let mut demo = Running::start(place, DEMO_LASTS_S)?;
    let flows = flows(place, demo.json());
    let ended = demo.end();
    if flows.is_err() {
        println!("the demo's last lines:\n{}", demo.last_lines());
    }
    flows.and(ended)
}

fn flows(place: &Place, json: &Path) -> Result<()> {
    let mut node = Command::new("node");
    node.args(["--test", "--test-concurrency=1", "--test-reporter=spec", "flows/"]);
    shell::run(node.current_dir(place.root.join("e2e")).env("DEMO_JSON", json))
}
