//! Recordings of real equipment through the whole path: pseudo-terminal, gateway, TLS, cloud, API.
//!
//! The recordings are not part of this repository: `INVERTER_CONNECT_CAPTURES` names their folder, else
//! `shared/captures` beside the workspace is looked at; absent, the test says so and passes. The gateway and the
//! simulator are the programs of this workspace, which `cargo xtask test` builds beside this one.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use wire::{Decoder, Observation, Quantity, Serial};

use crate::api::{fetch, token};
use crate::cloud::Cloud;
use crate::door_setup::eventually;
use crate::programs::{Line, Running, gateway_configuration, sibling};

/// Six times the true speed: the order and the values are the test, not the pace.
const BAUD: u32 = 115_200;
/// The longest recording takes 11 s at that speed; the machine may be busy.
const WITHIN: Duration = Duration::from_secs(120);

struct Recording {
    file: &'static str,
    protocol: &'static str,
    /// Where the recording itself says none.
    serial: &'static str,
    decoder: fn() -> Box<dyn Decoder + Send>,
}

const RECORDINGS: [Recording; 4] = [
    Recording {
        file: "vedirect-bluesolar_1.23.dump",
        protocol: "ve-direct",
        serial: "REC-0001",
        decoder: ve_direct,
    },
    Recording { file: "vedirect-bvm702.dump", protocol: "ve-direct", serial: "REC-0002", decoder: ve_direct },
    Recording {
        file: "vedirect-phoenix-inverter-frames.bin",
        protocol: "ve-direct",
        serial: "REC-0003",
        decoder: ve_direct,
    },
    Recording { file: "outback-mate-status-pages.bin", protocol: "mate", serial: "REC-0004", decoder: mate },
];

#[test]
fn the_last_frame_of_each_recording_is_on_the_api() {
    let folder = captures();
    if !folder.is_dir() {
        eprintln!("skipped: no recordings at {} (set INVERTER_CONNECT_CAPTURES)", folder.display());
        return;
    }
    let (Some(gateway), Some(simulator)) = (sibling("inverter-gateway"), sibling("inverter-simulator"))
    else {
        return;
    };
    let mut cloud = Cloud::new();
    let token = token(&cloud, "dana@example.com");
    let lasts = RECORDINGS.map(|recording| (last(&folder, &recording), recording));
    let serial = |last: &Observation, recording: &Recording| {
        last.serial.unwrap_or_else(|| Serial::parse(recording.serial).unwrap()).to_string()
    };
    for (last, recording) in &lasts {
        cloud.device(&serial(last, recording));
        cloud.admin(&["grant", "add", "dana@example.com", &serial(last, recording), "read-only"]);
    }
    cloud.start();
    let mut running = Vec::new();
    for (last, recording) in &lasts {
        let serial = serial(last, recording);
        let port = cloud.path(&format!("port-{serial}"));
        let mut replay = Command::new(&simulator);
        replay.arg("replay").arg(folder.join(recording.file)).arg("--pty").arg(&port);
        replay
            .args(["--wait", "4", "--linger", &WITHIN.as_secs().to_string(), "--baud", &BAUD.to_string()])
            .stdout(Stdio::null())
            .stdin(Stdio::null());
        let mut replay = replay.spawn().unwrap();
        eventually("the pseudo-terminal is there", || {
            let ended = replay.try_wait().unwrap();
            assert_eq!(ended, None, "the simulator ended; is it built from this tree?");
            port.exists()
        });
        running.push(Running(replay));
        let file = cloud.path(&format!("gateway-{serial}.toml"));
        let line = Line { port: &port, protocol: recording.protocol, baud: BAUD };
        std::fs::write(&file, gateway_configuration(&cloud, &serial, &line)).unwrap();
        let log = std::fs::File::create(cloud.path(&format!("gateway-{serial}.log"))).unwrap();
        let mut gateway = Command::new(&gateway);
        running.push(Running(gateway.arg("--config").arg(file).stderr(log).spawn().unwrap()));
    }
    for (last, recording) in &lasts {
        await_values(&cloud, &token, &serial(last, recording), last);
    }
}

/// Waits until the API shows every quantity of `last` with its value.
fn await_values(cloud: &Cloud, token: &str, serial: &str, last: &Observation) {
    let began = Instant::now();
    loop {
        let (_, body) = fetch(cloud, "/api/v1/inverters", token);
        let list: Value = serde_json::from_str(&body).unwrap();
        let item = list["items"].as_array().unwrap().iter().find(|item| item["serial"] == serial).unwrap();
        let shown = |quantity: Quantity| item["latest"][quantity.name()]["value"].as_f64();
        let differs: Vec<String> = (last.sample.quantities.iter())
            .map(|(quantity, scaled)| (quantity, quantity.to_f64(scaled), shown(quantity)))
            .filter(|(_, expect, shown)| shown.is_none_or(|shown| (shown - expect).abs() > 1e-9))
            .map(|(quantity, expect, shown)| {
                format!("{quantity}: {expect} on the line, {shown:?} on the API")
            })
            .collect();
        if differs.is_empty() {
            return;
        }
        let log = std::fs::read_to_string(cloud.path(&format!("gateway-{serial}.log"))).unwrap_or_default();
        assert!(began.elapsed() < WITHIN, "{serial}: {differs:#?}\n{log}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// What the decoder makes of the end of a recording.
fn last(folder: &Path, recording: &Recording) -> Observation {
    let bytes = std::fs::read(folder.join(recording.file)).unwrap();
    let (mut decoder, mut last) = ((recording.decoder)(), None);
    decoder.push(&bytes, 0, &mut |observation| last = Some(observation));
    decoder.flush(&mut |observation| last = Some(observation));
    last.unwrap()
}

fn ve_direct() -> Box<dyn Decoder + Send> {
    Box::new(wire::ve_direct::VeDirectDecoder::new())
}

fn mate() -> Box<dyn Decoder + Send> {
    let addresses = ['C', '0', 'c'].into_iter().filter_map(wire::mate::Address::from_char);
    Box::new(wire::mate::MateDecoder::new(&addresses.collect::<Vec<_>>()))
}

#[expect(clippy::disallowed_methods, reason = "a test finds its recordings by the environment")]
fn captures() -> PathBuf {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/captures");
    std::env::var("INVERTER_CONNECT_CAPTURES").map_or_else(|_| beside(), PathBuf::from)
}
