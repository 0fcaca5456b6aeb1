//! A cabinet: a simulated inverter on a pseudo-terminal and the real gateway that sends what it says.
//!
//! Both are the programs of this workspace, which `cargo xtask test` builds beside this one.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::cloud::Cloud;
use crate::door_setup::eventually;
use crate::programs::{Running, sibling};

/// Inverter and gateway, running.
pub struct Cabinet {
    control: PathBuf,
    folder: PathBuf,
    _gateway: Running,
    _inverter: Running,
}

impl Cabinet {
    /// Registers the device and switches everything on. `None` where the programs are not there and need not be.
    pub fn new(cloud: &Cloud, serial: &str) -> Option<Self> {
        Self::with(cloud, serial, "native", "", &[])
    }

    /// The same with a gateway whose time is driven.
    pub fn driven(cloud: &Cloud, serial: &str, clock: &Path) -> Option<Self> {
        Self::with(cloud, serial, "native", "", &["--clock", clock.to_str().unwrap()])
    }

    /// `arguments` are those of the simulated gateway; without any, the gateway is the one that is shipped.
    pub fn with(cloud: &Cloud, serial: &str, protocol: &str, more: &str, arguments: &[&str]) -> Option<Self> {
        let name = if arguments.is_empty() { "inverter-gateway" } else { "inverter-gateway-simulated" };
        let (gateway, simulator) = (sibling(name)?, sibling("inverter-simulator")?);
        cloud.device(serial);
        let folder = cloud.path(&format!("cabinet-{serial}"));
        std::fs::create_dir(&folder).unwrap();
        let (pty, control) = (folder.join("pty"), folder.join("control"));
        let mut inverter = Command::new(simulator);
        inverter.args(["inverter", "--serial", serial, "--protocol", protocol, "--end-with-input"]);
        inverter.arg("--pty").arg(&pty).arg("--control").arg(&control);
        // Its input stays open for as long as this process lives.
        inverter.stdin(Stdio::piped()).stdout(Stdio::null());
        let inverter = Running(inverter.spawn().unwrap());
        eventually("the simulated inverter is there", || pty.exists() && control.exists());
        let bundle = |name: &str| cloud.path(&format!("bundle-{serial}/{name}")).display().to_string();
        let text = format!(
            "serial = \"{serial}\"\ndata_dir = \"{}\"\n[port]\npath = \"{}\"\nprotocol = \"{protocol}\"\n{more}\n\
             [cloud]\nurl = \"mqtts://127.0.0.1:{}\"\ncertificate = \"{}\"\nkey = \"{}\"\nroots = [\"{}\"]\n",
            folder.join("data").display(),
            pty.display(),
            cloud.address.port(),
            bundle("device.crt"),
            bundle("device.key"),
            bundle("cloud-ca.crt"),
        );
        let config = folder.join("gateway.toml");
        std::fs::write(&config, text).unwrap();
        let log = std::fs::File::create(folder.join("gateway.log")).unwrap();
        let mut command = Command::new(gateway);
        command.arg("--config").arg(config).args(arguments).stderr(log);
        let gateway = Running(command.spawn().unwrap());
        let cabinet = Self { control, folder, _gateway: gateway, _inverter: inverter };
        Some(cabinet)
    }

    /// What the gateway said.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("gateway.log")).unwrap_or_default()
    }

    /// Waits until the gateway has connected so often.
    pub fn connected(&self, times: usize) {
        let began = std::time::Instant::now();
        while self.log().matches("Connected").count() < times {
            assert!(began.elapsed().as_secs() < 60, "not connected {times} times:\n{}", self.log());
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    }

    /// Somebody presses the button.
    pub fn press(&self) {
        let answer = self.tell("button");
        assert!(answer.contains("button pressed"), "{answer}");
    }

    /// Something happens to the inverter, in the words of its console; what it answers.
    pub fn tell(&self, words: &str) -> String {
        let mut tell = Command::new(sibling("inverter-simulator").unwrap());
        let answer = tell.arg("tell").arg(&self.control).args(words.split(' ')).output().unwrap();
        assert!(answer.status.success(), "{words}: {answer:?}");
        String::from_utf8_lossy(&answer.stdout).into_owned()
    }
}
