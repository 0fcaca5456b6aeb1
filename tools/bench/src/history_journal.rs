//! The journal's committer alone: how many entries it makes durable per second.
//!
//! In: how long. Out: rows. A number of entries is always under way, as from that many devices with one report each;
//! every committed entry is replaced by a new one. The ceiling of P1 must lie elsewhere.

use std::path::Path;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use anyhow::Result;
use fleet::InverterKey;
use store::journal::{self, Body, Committed, Config, Entry};
use wire::UtcMs;

use crate::load::as_f64;
use crate::rows::Rows;

/// A report of thirty quantities.
const PAYLOAD_BYTES: usize = 150;
/// Entries under way.
const UNDER_WAY: [usize; 3] = [200, 1_000, 5_000];

/// Measures each number of entries under way.
///
/// # Errors
/// When the journal cannot be opened.
pub fn run(folder: &Path, length: Duration, rows: &mut Rows) -> Result<()> {
    for under_way in UNDER_WAY {
        let (entries, batches) = measure(&folder.join(format!("journal-{under_way}")), under_way, length)?;
        let what = format!("journal alone, {under_way} entries under way");
        rows.note("P1", &what, &[entries / length.as_secs_f64()], "entries/s");
        rows.note("P1", "of that, entries a commit", &[entries / batches.max(1.0)], "entries");
    }
    Ok(())
}

fn measure(folder: &Path, under_way: usize, length: Duration) -> Result<(f64, f64)> {
    let (sender, committed) = mpsc::channel();
    let on_commit = move |batch: Committed<()>| {
        // Nobody listens any more at the end of the measurement.
        let _ = sender.send(batch.entries.len());
    };
    let on_failure = |error| eprintln!("bench: the journal failed: {error}");
    let journal = journal::open(Config::new(folder), on_commit, on_failure)?;
    let append = || {
        let body = Body::Report { inverter: InverterKey(1), payload: vec![7; PAYLOAD_BYTES] };
        journal.append(Entry { received_at: UtcMs(0), body }, ());
    };
    (0..under_way).for_each(|_| append());
    let began = Instant::now();
    let (mut entries, mut batches) = (0, 0);
    while began.elapsed() < length {
        let count = committed.recv()?;
        entries += count as u64;
        batches += 1;
        (0..count).for_each(|_| append());
    }
    Ok((as_f64(entries), as_f64(batches)))
}
