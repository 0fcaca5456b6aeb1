//! Arguments that say where the cloud is, and how a run is told.
//!
//! In: the command line. Out: [`Target`]; an [`Outcome`] as lines or as JSON.

use std::net::ToSocketAddrs as _;
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use simulator::fleet::{Outcome, Target, Version, identity};

/// Port of MQTT and of all else that goes through firewalls.
const PORT: u16 = 443;

#[derive(Debug, clap::Args)]
pub(super) struct CloudArgs {
    /// The device door, `mqtts://HOST[:PORT]`.
    #[arg(long)]
    url: String,
    /// Roots of the server's certificate, PEM. Default: `cloud-ca.crt` of the bundle.
    #[arg(long, value_name = "FILE")]
    pub(super) ca: Option<PathBuf>,
    /// MQTT version: 3.1.1 or 5.
    #[arg(long = "version", default_value = "5", value_parser = version)]
    pub(super) version: Version,
    /// Say what came of it as JSON.
    #[arg(long)]
    pub(super) json: bool,
}

impl CloudArgs {
    pub(super) fn target(&self, bundle_roots: Option<PathBuf>) -> anyhow::Result<Target> {
        let wrong = || format!("{:?} is not the address of a device door; write mqtts://HOST:PORT", self.url);
        let rest = self.url.strip_prefix("mqtts://").with_context(wrong)?.trim_end_matches('/');
        let (host, port) = match rest.rsplit_once(':') {
            Some((host, port)) if !host.ends_with(':') => (host, port.parse().ok().with_context(wrong)?),
            _ => (rest, PORT),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let address = (host.as_str(), port)
            .to_socket_addrs()
            .with_context(|| format!("cannot find {host:?}; check the name in --url"))?
            .next()
            .with_context(|| format!("{host:?} has no address"))?;
        let Some(ca) = self.ca.clone().or(bundle_roots.filter(|path| path.exists())) else {
            bail!("give the roots of the server's certificate with --ca FILE");
        };
        Ok(Target { address, host, roots: identity::certificates(&ca)? })
    }

    pub(super) fn tell(&self, outcome: &Outcome) -> anyhow::Result<()> {
        if self.json {
            println!("{}", serde_json::to_string_pretty(&json(outcome))?);
        } else {
            print!("{}", lines(outcome));
        }
        Ok(())
    }
}

fn version(text: &str) -> Result<Version, String> {
    match text {
        "5" | "5.0" => Ok(Version::V5),
        "3.1.1" | "4" => Ok(Version::V311),
        _ => Err("give 3.1.1 or 5".into()),
    }
}

const PERCENTILES: [(&str, f64); 3] = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99)];

fn json(outcome: &Outcome) -> serde_json::Value {
    let times = |histogram: &hdrhistogram::Histogram<u64>| {
        let mut map: serde_json::Map<String, serde_json::Value> = PERCENTILES
            .iter()
            .map(|(name, at)| ((*name).to_owned(), histogram.value_at_quantile(*at).into()))
            .collect();
        map.insert("max".into(), histogram.max().into());
        map.insert("count".into(), histogram.len().into());
        serde_json::Value::Object(map)
    };
    let seconds = outcome.elapsed.as_secs_f64();
    serde_json::json!({
        "sent": outcome.sent,
        "acked": outcome.acked,
        "refused": outcome.refused,
        "lost_in_flight": outcome.lost,
        "readings_acked": outcome.readings,
        "connects": outcome.connects,
        "connects_failed": outcome.connects_failed,
        "dropped": outcome.dropped,
        "elapsed_s": seconds,
        "acked_per_s": outcome.acked as f64 / seconds.max(1e-9),
        "latency_us": times(&outcome.latency_us),
        "connect_us": times(&outcome.connect_us),
        "errors": outcome.errors,
    })
}

fn lines(outcome: &Outcome) -> String {
    let seconds = outcome.elapsed.as_secs_f64();
    let times = |histogram: &hdrhistogram::Histogram<u64>| {
        let ms = |us: u64| us as f64 / 1000.0;
        let [p50, p90, p99] = PERCENTILES.map(|(_, at)| ms(histogram.value_at_quantile(at)));
        format!("p50 {p50:.2} ms, p90 {p90:.2} ms, p99 {p99:.2} ms, max {:.2} ms", ms(histogram.max()))
    };
    let mut text = format!(
        "sent {}, acknowledged {} ({} readings, {:.0} reports/s), refused {}, lost in flight {}\n\
         connections {}, failed {}, dropped {}, {seconds:.1} s\n\
         acknowledgement {}\n\
         connection      {}\n",
        outcome.sent,
        outcome.acked,
        outcome.readings,
        outcome.acked as f64 / seconds.max(1e-9),
        outcome.refused,
        outcome.lost,
        outcome.connects,
        outcome.connects_failed,
        outcome.dropped,
        times(&outcome.latency_us),
        times(&outcome.connect_us),
    );
    for error in &outcome.errors {
        text.push_str(&format!("error: {error}\n"));
    }
    text
}
