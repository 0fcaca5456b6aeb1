//! What the disk under a benchmark does, measured before and after, because it is shared.
//! In: a folder. Out: the median time of one fdatasync. Never touches anything outside the folder.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::Instant;

use anyhow::Result;

use crate::rows::median;

/// Appends of one page, each made durable.
const PROBES: usize = 60;

/// Median time of append + fdatasync in `folder`, milliseconds.
///
/// # Errors
/// When the folder cannot be written.
pub fn fdatasync_ms(folder: &Path) -> Result<f64> {
    let path = folder.join("probe");
    let mut file = File::create(&path)?;
    let mut times = Vec::with_capacity(PROBES);
    for _ in 0..PROBES {
        let begin = Instant::now();
        file.write_all(&[0x5a; 4096])?;
        file.sync_data()?;
        times.push(begin.elapsed().as_secs_f64() * 1e3);
    }
    std::fs::remove_file(path)?;
    Ok(median(&times))
}
