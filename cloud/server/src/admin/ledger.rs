//! `admin ledger`: every stored reading, for audits and for the test that kills the server.
//!
//! In: the history's files. Out: one line per reading, `serial boot sequence time`, `-` where there is none. On
//! standard error how many there are, beside how many the snapshots say were stored: history gives one number of one
//! boot only once, so that a reading taken twice by `fleet` would show there.

use std::io::{BufWriter, Write};

use store::state::StateStore;
use wire::{UtcMs, time::DAY_MS};

use crate::config::Config;
use crate::data_dir;

/// Prints.
///
/// # Errors
/// The stores cannot be read.
pub fn run(
    config: &Config,
    runtime: &tokio::runtime::Runtime,
    state: &StateStore,
    now: UtcMs,
) -> anyhow::Result<()> {
    let history = data_dir::open_history(config)?;
    let (from, to) = (now.plus_ms(-31 * DAY_MS), now.plus_ms(DAY_MS));
    let mut out = BufWriter::new(std::io::stdout().lock());
    let mut found = 0_u64;
    for inverter in runtime.block_on(state.inverters())? {
        for reading in history.raw(inverter.key, from, to, now)? {
            let reading = reading?;
            found += 1;
            let boot = reading.boot.map_or_else(|| "-".to_owned(), |boot| boot.to_string());
            let sequence = reading.sequence.map_or_else(|| "-".to_owned(), |sequence| sequence.to_string());
            writeln!(out, "{} {boot} {sequence} {}", inverter.serial, reading.time)?;
        }
    }
    out.flush()?;
    let mut counted = 0;
    for (_, snapshot) in runtime.block_on(state.load_snapshots())?.states {
        counted += fleet::InverterState::from_snapshot(&snapshot)?.counters.stored;
    }
    eprintln!("{found} readings in history, {counted} stored by the states' count (since registration)");
    Ok(())
}
