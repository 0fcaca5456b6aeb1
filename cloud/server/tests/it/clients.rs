//! Other people's MQTT clients at the device door: mosquitto, paho-mqtt, MQTT.js; by ALPN and by WebSocket.
//!
//! What they need and how it is installed: tests/clients/README.md.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::{Value, json};
use server::device::House as Rule;
use wire::mqtt::Refusal;
use wire::{BootId, Quality, Quantity, Reading, Report, Sample, UtcMs};

use crate::door_setup::{Device, House, eventually};

/// Files of one device, as a person would have them.
struct Bundle {
    folder: tempfile::TempDir,
    device: Device,
    port: u16,
}

/// One way in: host, ALPN, WebSocket.
type Way = (&'static str, Option<&'static str>, bool);

const WAYS: [Way; 6] = [
    ("127.0.0.1", Some("mqtt"), false),
    ("localhost", Some("mqtt"), false),
    ("127.0.0.1", Some("x-amzn-mqtt-ca"), false),
    ("localhost", Some("x-amzn-mqtt-ca"), false),
    ("127.0.0.1", None, true),
    ("localhost", None, true),
];

impl Bundle {
    fn new(house: &House, serial: &str) -> Self {
        Self::of(house, house.device(serial))
    }

    fn of(house: &House, device: Device) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, bytes: &[u8]| std::fs::write(folder.path().join(name), bytes).unwrap();
        write("ca.pem", house.authority_pem().as_bytes());
        write("device.crt", device.certificate_pem.as_bytes());
        write("device.key", device.private_key_pem.as_bytes());
        let report = report();
        let mut bytes = Vec::new();
        wire::report::cbor::encode(&report, &mut bytes);
        write("report.cbor", &bytes);
        bytes.clear();
        wire::report::json::encode(&report, &mut bytes);
        write("report.json", &bytes);
        write("large", &vec![b'x'; 64_001]);
        Self { folder, device, port: house.address.port() }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn payload(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.file(name)).unwrap()
    }

    fn topic(&self) -> String {
        format!("inverters/{}/reports", self.device.serial)
    }

    fn task(&self, way: Way, version: u8, qos: u8, payload: &str) -> Value {
        let (host, alpn, websocket) = way;
        json!({
            "host": host, "port": self.port, "alpn": alpn, "websocket": websocket, "version": version,
            "ca": self.file("ca.pem"), "certificate": self.file("device.crt"), "key": self.file("device.key"),
            "do": "publish", "topic": self.topic(), "qos": qos, "payload": self.file(payload),
        })
    }

    /// mosquitto_pub or mosquitto_sub with this device's certificate.
    fn mosquitto(&self, program: &str, host: &str, alpn: &str, version: u8, rest: &[&str]) -> Output {
        let mut command = Command::new(program);
        command.args(["-h", host, "-p", &self.port.to_string(), "--tls-alpn", alpn]);
        command.args(["-V", if version == 5 { "mqttv5" } else { "mqttv311" }]);
        command.arg("--cafile").arg(self.file("ca.pem"));
        command.arg("--cert").arg(self.file("device.crt")).arg("--key").arg(self.file("device.key"));
        command.args(rest);
        command.output().unwrap_or_else(|error| missing(program, &error))
    }
}

fn report() -> Report {
    let mut sample = Sample::default();
    sample.quantities.insert(Quantity::BATTERY_VOLTAGE, 13_642);
    let time = Some(UtcMs(1_790_000_000_000));
    let reading =
        Reading { sequence: Some(1), uptime_ms: Some(5), time, quality: Quality::Synchronised, sample };
    Report {
        boot: Some(BootId([7; 16])),
        uptime_ms: Some(9),
        time,
        readings: vec![reading],
        ..Report::default()
    }
}

fn missing(program: &str, error: &std::io::Error) -> ! {
    panic!("{program} cannot be started ({error}): run `cargo xtask test`, or see tests/clients/README.md")
}

/// True if only what needs no other programs is to be tested.
fn skipped() -> bool {
    std::env::var_os("INVERTER_CONNECT_TESTS").is_some_and(|much| much == "core")
}

fn run(program: &str, script: &str, task: &Value) -> Value {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients");
    let mut child = Command::new(program)
        .arg(folder.join(script))
        .current_dir(&folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| missing(program, &error));
    child.stdin.take().unwrap().write_all(task.to_string().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{script}: {error}: {}", String::from_utf8_lossy(&output.stderr)))
}

fn paho(task: &Value) -> Value {
    run("python3", "publish.py", task)
}

fn mqtt_js(task: &Value) -> Value {
    run("node", "publish.mjs", task)
}

/// Publishes on every way with both versions, alternating QoS and payload; each is stored once.
fn publishes_everywhere(name: &str, client: fn(&Value) -> Value) {
    if skipped() {
        return;
    }
    let house = House::open();
    let mut turn = 0;
    for way in WAYS {
        for version in [4, 5] {
            for (qos, file) in
                [(0, "report.json"), (1, "report.cbor"), (1, "report.json"), (0, "report.cbor")]
            {
                // All four on the first way, then alternately: a client's start takes half a second.
                turn += 1;
                if turn > 8 && (turn + usize::from(version == 5)) % 2 == 0 {
                    continue;
                }
                let bundle = Bundle::new(&house, &format!("{name}-{turn:04}"));
                let result = client(&bundle.task(way, version, qos, file));
                let what = format!("{way:?}, version {version}, QoS {qos}, {file}: {result}");
                assert_eq!(result["connected"], 0, "{what}");
                assert_eq!(result["acknowledged"], true, "{what}");
                eventually(&what, || !house.stored(&bundle.device).is_empty());
                assert_eq!(house.stored(&bundle.device), [bundle.payload(file)], "{what}");
            }
        }
    }
    assert_eq!(house.counters.refused_in_all(), 0);
}

/// What must not work, and what the client is told.
fn is_refused_with_the_right_code(name: &str, client: fn(&Value) -> Value) {
    if skipped() {
        return;
    }
    let house = House::open();
    let other = Bundle::new(&house, "OTHER-0001");
    let way = WAYS[0];
    let serial = |what: &str| format!("{name}-{what}");

    for (version, code, what) in [(4, 0x80, "SUB4"), (5, 0x87, "SUB5")] {
        let bundle = Bundle::new(&house, &serial(what));
        let mut task = bundle.task(way, version, 0, "report.json");
        task["do"] = "subscribe".into();
        let result = client(&task);
        assert_eq!(result["granted"], json!([code, code]), "{result}");
    }

    let check = |what: &str, code: u8, refusal: &dyn Fn() -> u64, change: &dyn Fn(&mut Value)| {
        for version in [4, 5] {
            let bundle = Bundle::new(&house, &serial(&format!("{what}{version}")));
            let mut task = bundle.task(way, version, 1, "report.json");
            change(&mut task);
            let before = refusal();
            let result = client(&task);
            assert_eq!(result["connected"], 0, "{what}: {result}");
            assert_ne!(result["acknowledged"], true, "{what}: {result}");
            if version == 5 {
                // A client that heeds CONNACK refuses by itself what the server would.
                let told = result["disconnected"] == code || result["error"].is_string();
                assert!(told, "{what}: {result}");
            }
            eventually(what, || refusal() > before || result["error"].is_string());
            assert!(house.stored(&bundle.device).is_empty(), "{what}");
        }
        assert!(refusal() >= 1, "{what} was never counted");
    };
    let counters = &house.counters;
    check("TOPIC", 0x87, &|| counters.refused(Rule::TOPIC), &|task| task["topic"] = other.topic().into());
    check("QOS2", 0x9b, &|| counters.refused(Refusal::QOS_NOT_SUPPORTED), &|task| task["qos"] = 2.into());
    let large = other.file("large");
    check("LARGE", 0x95, &|| counters.refused(Refusal::PACKET_TOO_LARGE), &|task| {
        task["payload"] = json!(large)
    });

    let nobody = Bundle::new(&house, &serial("NOBODY"));
    let mut task = nobody.task(way, 5, 1, "report.json");
    task["certificate"] = Value::Null;
    let result = client(&task);
    assert_eq!(result["connected"], Value::Null, "{result}");
    eventually("no certificate", || counters.refused(Rule::TLS_CERTIFICATE) >= 1);

    let revoked = Bundle::new(&house, &serial("REVOKED"));
    house.revoke(&revoked.device);
    for (version, code) in [(4, 5), (5, 0x87)] {
        let result = client(&revoked.task(way, version, 1, "report.json"));
        // paho gives one vocabulary for both versions: its 3.1.1 code 5 is 0x87 too.
        assert!(result["connected"] == code || result["connected"] == 0x87, "{result}");
    }
    assert!(counters.refused(Rule::CERTIFICATE_REVOKED) >= 2);
    assert!(house.stored(&other.device).is_empty());
}

#[test]
fn paho_publishes_by_alpn_and_by_websocket() {
    publishes_everywhere("PAHO", paho);
}

#[test]
fn paho_is_refused_with_the_right_code() {
    is_refused_with_the_right_code("PAHO", paho);
}

#[test]
fn mqtt_js_publishes_by_alpn_and_by_websocket() {
    publishes_everywhere("JS", mqtt_js);
}

#[test]
fn mqtt_js_is_refused_with_the_right_code() {
    is_refused_with_the_right_code("JS", mqtt_js);
}

#[test]
fn mosquitto_publishes_by_alpn() {
    if skipped() {
        return;
    }
    let house = House::open();
    let mut turn = 0;
    for (host, alpn, _) in WAYS.into_iter().filter(|(_, alpn, _)| alpn.is_some()) {
        for version in [4, 5] {
            for (qos, file) in
                [("0", "report.json"), ("1", "report.cbor"), ("1", "report.json"), ("0", "report.cbor")]
            {
                turn += 1;
                let bundle = Bundle::new(&house, &format!("MOSQ-{turn:04}"));
                let path = bundle.file(file);
                let rest = ["-q", qos, "-t", &bundle.topic(), "-f", path.to_str().unwrap()];
                let output = bundle.mosquitto("mosquitto_pub", host, alpn.unwrap(), version, &rest);
                let what = format!("{host} {alpn:?}, version {version}, QoS {qos}, {file}: {output:?}");
                assert!(output.status.success(), "{what}");
                eventually(&what, || !house.stored(&bundle.device).is_empty());
                assert_eq!(house.stored(&bundle.device), [bundle.payload(file)], "{what}");
            }
        }
    }
    assert_eq!(house.counters.refused_in_all(), 0);
}

#[test]
fn mosquitto_is_refused() {
    if skipped() {
        return;
    }
    let house = House::open();
    let counters = &house.counters;
    for version in [4, 5] {
        let serial = |what: &str| format!("MOSQ-{what}-{version}");
        let bundle = Bundle::new(&house, &serial("SUB"));
        let before = counters.totals();
        let rest = ["-t", "#", "-t", "inverters/+/reports", "-W", "5"];
        let output = bundle.mosquitto("mosquitto_sub", "127.0.0.1", "mqtt", version, &rest);
        assert!(!output.status.success() || output.stdout.is_empty(), "{output:?}");
        assert_ne!(counters.totals(), before);
        assert!(counters.totals().contains(&("filters_refused", if version == 4 { 2 } else { 4 })));

        let check = |what: &str, refused: &dyn Fn() -> u64, rest: &[&str]| {
            let bundle = Bundle::new(&house, &serial(what));
            let before = refused();
            let file = bundle.file(if what == "LARGE" { "large" } else { "report.json" });
            let topic = if what == "TOPIC" { "inverters/OTHER-0001/reports".into() } else { bundle.topic() };
            let base = ["-t", &topic, "-f", file.to_str().unwrap()];
            let output =
                bundle.mosquitto("mosquitto_pub", "127.0.0.1", "mqtt", version, &[&base, rest].concat());
            // In 5.0 mosquitto heeds our maximum QoS and packet size, and does not send what we would refuse.
            if version == 4 || what == "TOPIC" {
                eventually(what, || refused() > before);
            }
            // It also clears a RETAIN that is not supported, and then there is nothing to refuse.
            let stored = usize::from(version == 5 && what == "RETAIN");
            assert_eq!(house.stored(&bundle.device).len(), stored, "{what}: {output:?}");
        };
        check("TOPIC", &|| counters.refused(Rule::TOPIC), &["-q", "1"]);
        check("QOS2", &|| counters.refused(Refusal::QOS_NOT_SUPPORTED), &["-q", "2"]);
        check("LARGE", &|| counters.refused(Refusal::PACKET_TOO_LARGE), &["-q", "1"]);
        check("RETAIN", &|| counters.refused(Refusal::RETAIN_NOT_SUPPORTED), &["-q", "1", "-r"]);
        let will = ["-q", "1", "--will-topic", "w", "--will-payload", "gone"];
        check("WILL", &|| counters.refused(Refusal::WILL_NOT_SUPPORTED), &will);

        let stranger = Bundle::of(&house, house.stranger(&serial("NEW")));
        let rest = ["-q", "1", "-t", &stranger.topic(), "-m", "{}"];
        let output = stranger.mosquitto("mosquitto_pub", "127.0.0.1", "mqtt", version, &rest);
        assert!(!output.status.success(), "{output:?}");
    }
    assert_eq!(counters.refused(Rule::CERTIFICATE_UNKNOWN), 2);
    for refusal in [Refusal::QOS_NOT_SUPPORTED, Refusal::PACKET_TOO_LARGE, Refusal::WILL_NOT_SUPPORTED] {
        assert!(counters.refused(refusal) >= 1, "{refusal:?}");
    }
    assert_eq!(counters.refused(Rule::TOPIC), 2);
}
