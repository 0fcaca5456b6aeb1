//! P9 and P10: what a person waits for when a chart of thirty days is asked for, over HTTP.
//!
//! In: options. Out: rows. One inverter, six quantities of thirty, every ten seconds for thirty days, 1,000 points with
//! least, mean and greatest value; the same data and question to VictoriaMetrics. Ours answers over TLS 1.3, with a
//! token checked; VictoriaMetrics answers in clear to anyone.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use fleet::{InverterKey, StoredReading};
use rustls::crypto::aws_lc_rs;
use simulator::fleet::{Version, Work};
use store::Position;
use store::history::{Config, History};
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use wire::{Quality, Quantity, Sample, UtcMs};

use crate::Options;
use crate::cloud::{Cloud, bearer, public_id};
use crate::devices::Identities;
use crate::history::day_keys;
use crate::history_data::{FIRST_MS, Telemetry, telemetry};
use crate::load::{Load, as_f64, now};
use crate::peers::victoria::{Victoria, folder_bytes};
use crate::rows::{Bound, Rows, median, percentile, ratios};

const DAYS: usize = 30;
const DAY_MS: i64 = 86_400_000;
const POINTS: i64 = 1_000;
/// Fields drawn: input voltage, power, load, battery voltage, battery current, battery temperature.
const DRAWN: [usize; 6] = [0, 12, 15, 18, 19, 21];
/// Requests of one repeat: a hundredth of them is ten, and under load they last over a snapshot and a checkpoint.
const REQUESTS: usize = 1_000;
/// Requests to the peer, of which the median is taken.
const PEER_REQUESTS: usize = 200;
/// Requests before them that warm the caches up.
const WARM_UP: usize = 20;
/// P10: 500 devices, each publishing every 50 ms.
const PUBLISHING: usize = 500;
const PUBLISHES_EVERY: Duration = Duration::from_millis(50);

/// Fills the store and the peer once, then asks.
///
/// # Errors
/// When the server or its API cannot be reached.
pub fn run(options: &Options) -> Result<()> {
    let folder = crate::scratch()?;
    let identities = Identities::make(&folder.path().join("identities"), PUBLISHING)?;
    let cloud = Cloud::prepare(&folder.path().join("cloud"), &identities, Duration::ZERO)?;
    let data = telemetry(1, 0, DAYS);
    // Ends a minute ago, so that all of it is within the thirty days that readers see.
    let shift = now().0 - 60_000 - DAY_MS * i64::try_from(DAYS)? - FIRST_MS;
    let first = FIRST_MS + shift;
    fill(&cloud, &data, shift)?;
    let ours_bytes = folder_bytes(&cloud.data().join("history"))?;
    let (process, _) = cloud.start()?;
    let ours = Asker::new(&cloud, &identities, first, first + DAY_MS * i64::try_from(DAYS)?)?;
    let victoria = (!options.no_peers).then(|| Victoria::start(folder.path())).transpose();
    let victoria = victoria.unwrap_or_else(|error| {
        println!("      peer VictoriaMetrics left out: {error:#}");
        None
    });
    if let Some(victoria) = &victoria {
        println!("      peer VictoriaMetrics: {}", victoria.version);
        import(victoria, &data, shift)?;
    }

    let mut rows = Rows::default();
    sizes(&data, ours_bytes, victoria.as_ref(), &mut rows)?;
    let (mut p50, mut p99, mut theirs, mut loaded) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..options.repeats {
        let times = repeat(REQUESTS, || ours.ask())?;
        p50.push(percentile(&times, 0.5));
        p99.push(percentile(&times, 0.99));
        if let Some(victoria) = &victoria {
            theirs.push(percentile(&repeat(PEER_REQUESTS, || ask_victoria(victoria, first))?, 0.5));
        }
        if options.wants("P10") {
            loaded.push(percentile(&under_load(&cloud, &identities, process.pid(), &ours)?, 0.99));
        }
    }
    rows.note("P9", "answer, as sent", &[as_f64(ours.ask()?) / 1e3], "KB");
    rows.note("P9", "ours, warm p50", &p50, "ms");
    rows.judge("P9", "ours, p99", &p99, "ms", Bound::AtMost(25.0), Bound::AtMost(12.0));
    if !theirs.is_empty() {
        rows.note("P9", "VictoriaMetrics, warm p50", &theirs, "ms");
        let (floor, target) = (Bound::AtMost(0.7), Bound::AtMost(0.3));
        rows.judge("P9", "ours ÷ VictoriaMetrics, p50", &ratios(&p50, &theirs), "×", floor, target);
    }
    if options.wants("P10") {
        rows.note("P10", "p99 while 10,000 reports/s come in", &loaded, "ms");
        let (floor, target) = (Bound::AtMost(3.0), Bound::AtMost(1.5));
        rows.judge(
            "P10",
            "p99 under load ÷ idle",
            &ratios(&loaded, &[median(&p99)].repeat(loaded.len())),
            "×",
            floor,
            target,
        );
    }
    rows.save(options.json.as_deref())
}

/// P6 for this data: bytes per field and sample on disk, merged.
fn sizes(data: &Telemetry, ours: u64, victoria: Option<&Victoria>, rows: &mut Rows) -> Result<()> {
    let samples = as_f64(data.times.len() as u64) * as_f64(data.fields.len() as u64);
    let ours = as_f64(ours) / samples;
    let (floor, target) = (Bound::AtMost(0.36), Bound::AtMost(0.29));
    rows.judge("P6", "bytes per field-sample, day chunks", &[ours], "B", floor, target);
    if let Some(victoria) = victoria {
        let theirs = as_f64(victoria.bytes()?) / samples;
        rows.note("P6", "VictoriaMetrics", &[theirs], "B");
        let (floor, target) = (Bound::AtMost(0.55), Bound::AtMost(0.55));
        rows.judge("P6", "ours ÷ VictoriaMetrics", &[ours / theirs], "×", floor, target);
    }
    Ok(())
}

/// The quantity that carries a field of the telemetry.
fn quantity(field: usize) -> Result<Quantity> {
    Quantity::all().nth(field).context("as many quantities as fields")
}

/// Thirty days into the history of the first inverter, merged as the server would have.
fn fill(cloud: &Cloud, data: &Telemetry, shift: i64) -> Result<()> {
    let keys = day_keys(&cloud.data().join("keys/days"));
    let history = History::open(&cloud.data().join("history"), keys, Config::default())?;
    let quantities = (0..data.fields.len()).map(quantity).collect::<Result<Vec<_>>>()?;
    let readings: Vec<StoredReading> =
        (0..data.times.len()).map(|index| reading(data, &quantities, index, shift)).collect();
    for (batch, day) in (1..).zip(readings.chunks(crate::history_data::SAMPLES_A_DAY)) {
        history.append(InverterKey(1), day, Position { batch, index: 0 });
        history.seal_all()?;
    }
    history.merge_due(now())?;
    Ok(())
}

fn reading(data: &Telemetry, quantities: &[Quantity], index: usize, shift: i64) -> StoredReading {
    let mut sample = Sample::default();
    for (quantity, values) in quantities.iter().zip(&data.fields) {
        sample.quantities.set(*quantity, values.get(index).copied().unwrap_or(0));
    }
    let time = UtcMs(data.times.get(index).copied().unwrap_or(0) + shift);
    StoredReading { time, quality: Quality::Synchronised, sample, ..StoredReading::default() }
}

fn import(victoria: &Victoria, data: &Telemetry, shift: i64) -> Result<()> {
    let times: Vec<i64> = data.times.iter().map(|time| time + shift).collect();
    for (field, values) in data.fields.iter().enumerate() {
        let quantity = quantity(field)?;
        let values: Vec<f64> = values.iter().map(|value| quantity.to_f64(*value)).collect();
        victoria.import("BENCH-00000", quantity.name(), &times, &values)?;
    }
    victoria.settle()
}

fn ask_victoria(victoria: &Victoria, first: i64) -> Result<u64> {
    let names = DRAWN.iter().map(|field| Ok(quantity(*field)?.name())).collect::<Result<Vec<_>>>()?;
    let to = first + DAY_MS * i64::try_from(DAYS)?;
    let step_s = (to - first) / POINTS / 1000;
    Ok(victoria.query("BENCH-00000", &names, first, to, step_s)? as u64)
}

/// Asks our API as a client with a token does, on one kept connection.
struct Asker {
    agent: ureq::Agent,
    url: String,
}

impl Asker {
    fn new(cloud: &Cloud, identities: &Identities, from: i64, to: i64) -> Result<Self> {
        let names = DRAWN.iter().map(|field| Ok(quantity(*field)?.name())).collect::<Result<Vec<_>>>()?;
        let url = format!(
            "https://localhost:{}/api/v1/inverters/{}/history?quantities={}&from={}&to={}&points={POINTS}",
            cloud.address.port(),
            public_id(0),
            names.join(","),
            UtcMs(from).to_rfc3339(),
            UtcMs(to).to_rfc3339(),
        );
        let root = Certificate::from_der(identities.root.as_ref()).to_owned();
        let tls = TlsConfig::builder()
            .root_certs(RootCerts::Specific(Arc::new(vec![root])))
            .unversioned_rustls_crypto_provider(Arc::new(aws_lc_rs::default_provider()))
            .build();
        Ok(Self { agent: ureq::Agent::config_builder().tls_config(tls).build().into(), url })
    }

    /// One request; the bytes of its answer.
    fn ask(&self) -> Result<u64> {
        let answer = self
            .agent
            .get(&self.url)
            .header("Authorization", bearer())
            .call()
            .with_context(|| self.url.clone())?;
        let body = answer.into_body().with_config().limit(16 << 20).read_to_vec()?;
        ensure!(body.len() > 10_000, "the history is empty: {}", String::from_utf8_lossy(&body));
        Ok(body.len() as u64)
    }
}

/// Times of one repeat without its warm-up, milliseconds.
fn repeat(requests: usize, mut ask: impl FnMut() -> Result<u64>) -> Result<Vec<f64>> {
    let mut times = Vec::with_capacity(requests);
    for request in 0..WARM_UP + requests {
        let begin = Instant::now();
        ask()?;
        if request >= WARM_UP {
            times.push(begin.elapsed().as_secs_f64() * 1e3);
        }
    }
    Ok(times)
}

/// The same while 10,000 reports a second are made durable.
fn under_load(cloud: &Cloud, identities: &Identities, server: u32, ours: &Asker) -> Result<Vec<f64>> {
    let load = Load {
        address: cloud.address,
        root: &identities.root,
        version: Version::V5,
        devices: &identities.devices,
        work: Work::Live { interval: PUBLISHES_EVERY, count: None },
        duration: Duration::from_secs(20),
        reconnect: false,
        ledger: None,
    };
    std::thread::scope(|scope| {
        let publishing = scope.spawn(|| load.run(server));
        std::thread::sleep(Duration::from_secs(3));
        let times = repeat(REQUESTS, || ours.ask())?;
        let stretch = publishing.join().map_err(|_| anyhow::anyhow!("the load panicked"))??;
        println!("      meanwhile {:.0} reports/s were acknowledged", stretch.acked_per_s());
        Ok(times)
    })
}
