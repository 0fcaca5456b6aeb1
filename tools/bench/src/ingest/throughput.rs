//! P1, P2 and P3: 200 devices, one report in flight each, as fast as they are acknowledged.

use std::time::Duration;

use anyhow::Result;

use super::Run;
use crate::load::Stretch;
use crate::rows::{Bound, Rows, ratios};

/// Devices, each with one report in flight.
const DEVICES: usize = 200;
/// What a cloud volume adds to a commit, over this disk.
const SLOW_DISK: Duration = Duration::from_millis(2);
/// The peers of P1 and P2.
const PEERS: [&str; 3] = ["mosquitto", "rabbitmq quorum", "nats always"];

/// Figures of one system over the repeats.
#[derive(Default)]
struct Figures {
    per_s: Vec<f64>,
    per_core_s: Vec<f64>,
    p99_ms: Vec<f64>,
}

impl Figures {
    fn push(&mut self, stretch: &Stretch) {
        self.per_s.push(stretch.acked_per_s());
        self.per_core_s.push(stretch.acked_per_core_s());
        self.p99_ms.push(stretch.latency_ms(0.99));
    }
}

/// P1 and P2: the sink before and after each stretch of the product, each peer once per repeat.
pub fn plain(run: &Run<'_>, rows: &mut Rows) -> Result<()> {
    let (mut sink, mut ours) = (Figures::default(), Figures::default());
    let mut peers = PEERS.map(|name| (name, Figures::default()));
    for _ in 0..run.options.repeats {
        sink.push(&run.stretch(&run.sink(Duration::ZERO)?, DEVICES, Duration::ZERO)?);
        ours.push(&run.stretch(&run.cloud(Duration::ZERO)?, DEVICES, Duration::ZERO)?);
        for (name, figures) in &mut peers {
            if let Some(peer) = run.peer(name) {
                match run.stretch(&peer, DEVICES, Duration::ZERO) {
                    Ok(stretch) => figures.push(&stretch),
                    Err(error) => println!("      {name} not measured: {error:#}"),
                }
            }
        }
    }
    sink.push(&run.stretch(&run.sink(Duration::ZERO)?, DEVICES, Duration::ZERO)?);

    rows.note("P1", "sink, durable", &sink.per_s, "reports/s");
    rows.note("P1", "ours, durable", &ours.per_s, "reports/s");
    let around: Vec<f64> = sink.per_s.windows(2).map(|pair| pair.iter().sum::<f64>() / 2.0).collect();
    let (floor, target) = (Bound::AtLeast(0.45), Bound::AtLeast(0.70));
    rows.judge("P1", "ours ÷ sink", &ratios(&ours.per_s, &around), "×", floor, target);
    rows.note("P2", "sink", &sink.per_core_s, "reports/core-s");
    rows.note("P2", "ours", &ours.per_core_s, "reports/core-s");
    for (name, figures) in &peers {
        rows.note("P1", name, &figures.per_s, "reports/s");
        rows.note("P2", name, &figures.per_core_s, "reports/core-s");
    }
    judge_peers(&ours, &peers, rows);
    Ok(())
}

fn judge_peers(ours: &Figures, peers: &[(&str, Figures); 3], rows: &mut Rows) {
    let [(_, mosquitto), (_, rabbitmq), (_, nats)] = peers;
    let mut judge = |id, what, ours: &[f64], theirs: &[f64], floor, target| {
        if !theirs.is_empty() {
            rows.judge(id, what, &ratios(ours, theirs), "×", Bound::AtLeast(floor), Bound::AtLeast(target));
        }
    };
    judge("P1", "ours ÷ RabbitMQ quorum", &ours.per_s, &rabbitmq.per_s, 2.0, 3.0);
    judge("P1", "ours ÷ NATS always", &ours.per_s, &nats.per_s, 6.0, 10.0);
    judge("P2", "ours ÷ RabbitMQ quorum, per core", &ours.per_core_s, &rabbitmq.per_core_s, 4.0, 4.0);
    judge("P2", "ours ÷ mosquitto, per core", &ours.per_core_s, &mosquitto.per_core_s, 0.5, 0.75);
}

/// P3: the same with 2 ms added to each commit, the sink and the product alike.
pub fn with_slow_disk(run: &Run<'_>, rows: &mut Rows) -> Result<()> {
    let (mut sink, mut ours) = (Figures::default(), Figures::default());
    for _ in 0..run.options.repeats {
        sink.push(&run.stretch(&run.sink(SLOW_DISK)?, DEVICES, Duration::ZERO)?);
        ours.push(&run.stretch(&run.cloud(SLOW_DISK)?, DEVICES, Duration::ZERO)?);
    }
    rows.note("P3", "sink, 2 ms per commit", &sink.per_s, "reports/s");
    let (floor, target) = (Bound::AtLeast(20_000.0), Bound::AtLeast(28_000.0));
    rows.judge("P3", "ours, 2 ms per commit", &ours.per_s, "reports/s", floor, target);
    rows.note("P3", "ours ÷ sink", &ratios(&ours.per_s, &sink.per_s), "×");
    let (floor, target) = (Bound::AtMost(25.0), Bound::AtMost(12.0));
    rows.judge("P3", "ours, p99 of the acknowledgement", &ours.p99_ms, "ms", floor, target);
    Ok(())
}
