//! nmap on a gateway, from a neighbour on its network: nothing of it may be open.
//! In: a namespace that holds a working gateway and nothing else. Out: each open port. A port that is opened there on
//! purpose must be seen first, else the scan says nothing.

use std::io::ErrorKind;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::report::{Finding, Outcome, Seen, Severity};
use super::scene::{Demo, Scene};
use super::session::Client;
use super::tool::Raw;
use crate::shell;

const HERE: &str = "10.213.77.1";
const THERE: &str = "10.213.77.2";
/// Opened there for the scanner to find.
const CONTROL_PORT: &str = "8099";
/// Every TCP port.
const TCP_PORTS: u64 = 65_535;
/// The most usual UDP ports; closed ones answer slowly.
const UDP_PORTS: u64 = 200;
const LIMIT: Duration = Duration::from_secs(180);
const CONNECTED_WITHIN: Duration = Duration::from_secs(60);

/// Makes the namespace, starts the gateway in it, waits until the cloud has a reading of it, scans.
pub fn run(scene: &Scene<'_>, raw: &mut Raw) -> Result<Outcome> {
    if !scene.cut_off {
        return Ok(Outcome::NotRun(
            "needs network namespaces: root, or a system that gives them to people".to_owned(),
        ));
    }
    let demo = scene.demo()?;
    let folder = tempfile::tempdir()?;
    let there = Namespace::make(folder.path())?;
    relay(demo.port)?;
    let _inverter = inverter(scene, folder.path())?;
    let _gateway = gateway(scene, &there, folder.path())?;
    connected(demo)?;
    control(&there, raw)?;
    let mut seen = Seen::default();
    for (name, options, ports) in [("tcp", vec!["-sS", "-p-"], TCP_PORTS), ("udp", udp_options(), UDP_PORTS)]
    {
        let out = scan(raw, &format!("nmap-{name}"), &options)?;
        let one = verdict(&out, name, ports)?;
        seen.version = version(&out);
        seen.held.extend(one.held);
        seen.findings.extend(one.findings);
    }
    seen.held.push(
        "the gateway had delivered readings to the cloud from there, and a port opened on purpose was seen"
            .to_owned(),
    );
    Ok(Outcome::Ran(seen))
}

fn udp_options() -> Vec<&'static str> {
    vec!["-sU", "--top-ports", "200", "--min-rate", "50"]
}

fn scan(raw: &mut Raw, name: &str, options: &[&str]) -> Result<String> {
    let mut nmap = Command::new("nmap");
    nmap.args(["-n", "-Pn", "--max-retries", "2", "-oG", "-"]).args(options).arg(THERE);
    Ok(raw.run(name, LIMIT, &mut nmap)?.out)
}

/// One greppable line of nmap: `Ports: 22/open/tcp//ssh///, …`, a tab, `Ignored State: closed (65534)`.
fn verdict(out: &str, kind: &str, ports: u64) -> Result<Seen> {
    let line = out.lines().find(|line| line.contains("Ports:")).context("nmap scanned nothing")?;
    let mut seen = Seen::default();
    let mut told = 0;
    let listed = line.split("Ports:").nth(1).unwrap_or_default().split('\t').next().unwrap_or_default();
    for port in listed.split(',').map(str::trim).filter(|port| !port.is_empty()) {
        told += 1;
        let mut parts = port.split('/');
        let (number, state) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        if state != "closed" {
            let what = format!("{kind} port {number} is {state}; every port of a gateway is to be closed");
            seen.findings.push(Finding::new(format!("{kind} {number}"), Severity::High, what));
        }
    }
    let ignored = line.split("Ignored State: ").nth(1).unwrap_or_default();
    let (state, number) = ignored.split_once(" (").unwrap_or_default();
    let number: u64 = number.trim_end().trim_end_matches(')').parse().unwrap_or_default();
    if number > 0 && state != "closed" {
        seen.findings.push(Finding::new(
            format!("{kind} {state}"),
            Severity::High,
            format!("{number} {kind} ports are {state}"),
        ));
    }
    if told + number != ports {
        bail!("nmap told of {} {kind} ports, not of {ports}", told + number);
    }
    if seen.findings.is_empty() {
        seen.held.push(format!("{ports} {kind} ports, all closed"));
    }
    Ok(seen)
}

fn version(out: &str) -> String {
    out.split_whitespace().nth(2).unwrap_or_default().to_owned()
}

/// The scanner sees a port that is open, and sees it gone.
fn control(there: &Namespace, raw: &mut Raw) -> Result<()> {
    let mut server = there.enter("python3");
    server.args(["-m", "http.server", CONTROL_PORT, "--bind", THERE]);
    let server = Started::start(&mut server)?;
    let begin = Instant::now();
    while TcpStream::connect(format!("{THERE}:{CONTROL_PORT}")).is_err() {
        if begin.elapsed() > CONNECTED_WITHIN {
            bail!("the port that was to be found does not open");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    let out = scan(raw, "nmap-control", &["-sS", "-p", CONTROL_PORT])?;
    drop(server);
    let found =
        verdict(&out, "tcp", 1)?.findings.iter().any(|finding| finding.id == format!("tcp {CONTROL_PORT}"));
    if found { Ok(()) } else { bail!("nmap does not see a port that is open") }
}

/// A network with one neighbour: us.
struct Namespace {
    holder: Started,
}

impl Namespace {
    fn make(folder: &Path) -> Result<Self> {
        let holder =
            Started::start(Command::new("unshare").args(["--net", "--mount", "--", "sleep", "900"]))?;
        let there = Self { holder };
        there.wait_until_apart()?;
        let pid = there.pid();
        let ip = |words: &[&str]| shell::output(Command::new("ip").args(words)).map(drop);
        ip(&["link", "add", "assess0", "type", "veth", "peer", "name", "assess1"])?;
        ip(&["link", "set", "assess1", "netns", &pid])?;
        ip(&["addr", "add", &format!("{HERE}/24"), "dev", "assess0"])?;
        ip(&["link", "set", "assess0", "up"])?;
        let inside = |words: &[&str]| shell::output(there.enter("ip").args(words)).map(drop);
        inside(&["addr", "add", &format!("{THERE}/24"), "dev", "assess1"])?;
        inside(&["link", "set", "assess1", "up"])?;
        inside(&["link", "set", "lo", "up"])?;
        // The kernel answers for closed UDP ports once a second otherwise.
        let _ = shell::output(there.enter("sysctl").args(["-w", "net.ipv4.icmp_ratelimit=0"]));
        // The cloud's name leads to us there, and nowhere else does anything.
        let hosts = folder.join("hosts");
        std::fs::write(&hosts, format!("{HERE} localhost\n"))?;
        shell::output(there.enter("mount").arg("--bind").arg(&hosts).arg("/etc/hosts"))?;
        Ok(there)
    }

    fn pid(&self) -> String {
        self.holder.0.id().to_string()
    }

    fn wait_until_apart(&self) -> Result<()> {
        let ours = std::fs::read_link("/proc/self/ns/net")?;
        let path = format!("/proc/{}/ns/net", self.pid());
        for _ in 0..200 {
            if std::fs::read_link(&path).is_ok_and(|theirs| theirs != ours) {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        bail!("no namespace was made")
    }

    /// A command that runs there.
    fn enter(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["--target", &self.pid(), "--net", "--mount", "--"]).arg(program);
        command
    }
}

/// Ends with its owner.
struct Started(Child);

impl Started {
    fn start(command: &mut Command) -> Result<Self> {
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let name = command.get_program().to_string_lossy().into_owned();
        Ok(Self(command.spawn().with_context(|| format!("cannot start {name}"))?))
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// From our end of that network to the demo, which listens on loopback alone. Goes with this program.
fn relay(port: u16) -> Result<()> {
    let listener = match TcpListener::bind((HERE, port)) {
        Err(error) if error.kind() == ErrorKind::AddrNotAvailable => bail!("{HERE} is not ours"),
        listener => listener?,
    };
    std::thread::spawn(move || {
        for near in listener.incoming().flatten() {
            if let Ok(far) = TcpStream::connect(("127.0.0.1", port)) {
                carry(&near, &far);
                carry(&far, &near);
            }
        }
    });
    Ok(())
}

fn carry(from: &TcpStream, to: &TcpStream) {
    if let (Ok(mut from), Ok(mut to)) = (from.try_clone(), to.try_clone()) {
        std::thread::spawn(move || {
            let _ = std::io::copy(&mut from, &mut to);
            let _ = to.shutdown(Shutdown::Both);
        });
    }
}

fn inverter(scene: &Scene<'_>, folder: &Path) -> Result<Started> {
    let mut command = Command::new(scene.place.binary("debug", "inverter-simulator"));
    let serial = &scene.demo()?.spare_serial;
    command.args([
        "inverter",
        "--serial",
        serial,
        "--protocol",
        "native",
        "--boot",
        "2",
        "--load",
        "40",
        "--pty",
    ]);
    let started =
        Started::start(command.arg(folder.join("port")).arg("--control").arg(folder.join("console")))?;
    for _ in 0..200 {
        if folder.join("port").exists() {
            return Ok(started);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    bail!("the simulated inverter does not start")
}

fn gateway(scene: &Scene<'_>, there: &Namespace, folder: &Path) -> Result<Started> {
    let demo = scene.demo()?;
    let (certificate, key) = &demo.device;
    let text = format!(
        "serial = \"{}\"\ndata_dir = {:?}\n[port]\npath = {:?}\nprotocol = \"native\"\n[cloud]\nurl = \"mqtts://localhost:{}\"\n\
         certificate = {certificate:?}\nkey = {key:?}\nroots = [{:?}]\n",
        demo.spare_serial,
        folder.join("data"),
        folder.join("port"),
        demo.port,
        demo.roots,
    );
    let config = folder.join("gateway.toml");
    std::fs::write(&config, text)?;
    let mut command = there.enter(scene.place.binary("debug", "inverter-gateway"));
    Started::start(command.arg("--config").arg(&config))
}

/// The cloud has a reading of it: it works there, it is not merely silent.
fn connected(demo: &Demo) -> Result<()> {
    let client = Client::new(demo)?;
    let authorization = format!("Bearer {}", demo.token);
    let begin = Instant::now();
    while begin.elapsed() < CONNECTED_WITHIN {
        let list: Value =
            serde_json::from_str(&client.text("/api/v1/inverters", &[("authorization", &authorization)])?)?;
        let items = list.get("items").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let ours =
            items.iter().find(|one| one.get("serial").and_then(Value::as_str) == Some(&demo.spare_serial));
        let values = ours.and_then(|one| one.get("latest")?.as_object());
        if values.is_some_and(|values| !values.is_empty()) {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(500));
    }
    bail!("the gateway in its namespace delivered nothing within {} s", CONNECTED_WITHIN.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLOSED: &str = "# Nmap 7.93 scan\nHost: 10.213.77.2 ()\tStatus: Up\nHost: 10.213.77.2 ()\tPorts: \tIgnored State: closed (65535)\n";

    #[test]
    fn an_open_port_is_a_finding_and_so_is_one_that_does_not_answer() {
        assert_eq!(verdict(CLOSED, "tcp", TCP_PORTS).unwrap().held, ["65535 tcp ports, all closed"]);
        let open = CLOSED.replace(
            "Ports: \tIgnored State: closed (65535)",
            "Ports: 22/open/tcp//ssh///, 80/closed/tcp//http///\tIgnored State: closed (65533)",
        );
        let seen = verdict(&open, "tcp", TCP_PORTS).unwrap();
        assert_eq!(seen.findings.len(), 1);
        assert_eq!(seen.findings[0].id, "tcp 22");
        let silent = CLOSED.replace("closed (", "open|filtered (");
        assert_eq!(verdict(&silent, "udp", TCP_PORTS).unwrap().findings[0].id, "udp open|filtered");
    }

    #[test]
    fn a_scan_of_fewer_ports_is_no_pass() {
        assert!(verdict("# Nmap done: 0 hosts up\n", "tcp", TCP_PORTS).is_err());
        assert!(verdict(&CLOSED.replace("65535", "1000"), "tcp", TCP_PORTS).is_err());
    }
}
