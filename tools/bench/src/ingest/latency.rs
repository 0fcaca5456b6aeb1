//! P4: how long an acknowledgement takes at 5,000 reports a second from 500 devices.

use std::time::Duration;

use anyhow::Result;

use super::{Run, Running};
use crate::rows::{Bound, Rows, ratios};

/// Devices, each publishing every [`INTERVAL`]: 5,000 a second together.
const DEVICES: usize = 500;
const INTERVAL: Duration = Duration::from_millis(100);

/// Ours against NATS, which syncs each write, and mosquitto, which keeps nothing.
pub fn run(run: &Run<'_>, rows: &mut Rows) -> Result<()> {
    let (mut ours, mut nats, mut mosquitto) = (Vec::new(), Vec::new(), Vec::new());
    let mut medians = Vec::new();
    for _ in 0..run.options.repeats {
        let stretch = run.stretch(&run.cloud(Duration::ZERO)?, DEVICES, INTERVAL)?;
        ours.push(stretch.latency_ms(0.99));
        medians.push(stretch.latency_ms(0.5));
        nats.extend(run.peer("nats always").and_then(|peer| p99(run, &peer, "NATS")));
        mosquitto.extend(run.peer("mosquitto").and_then(|peer| p99(run, &peer, "mosquitto")));
    }
    rows.note("P4", "ours, p50", &medians, "ms");
    rows.note("P4", "ours, p99", &ours, "ms");
    if !nats.is_empty() {
        rows.note("P4", "NATS always, p99", &nats, "ms");
        let (floor, target) = (Bound::AtMost(0.6), Bound::AtMost(0.6));
        rows.judge("P4", "ours ÷ NATS always, p99", &ratios(&ours, &nats), "×", floor, target);
    }
    if !mosquitto.is_empty() {
        rows.note("P4", "mosquitto, p99", &mosquitto, "ms");
        rows.aim("P4", "ours ÷ mosquitto, p99", &ratios(&ours, &mosquitto), "×", Bound::AtMost(1.7));
    }
    Ok(())
}

fn p99(run: &Run<'_>, peer: &Running, name: &str) -> Option<f64> {
    match run.stretch(peer, DEVICES, INTERVAL) {
        Ok(stretch) => Some(stretch.latency_ms(0.99)),
        Err(error) => {
            println!("      {name} not measured: {error:#}");
            None
        }
    }
}
