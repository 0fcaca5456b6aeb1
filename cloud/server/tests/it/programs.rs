//! The other programs of this workspace, as processes beside the server.

use std::path::{Path, PathBuf};
use std::process::Child;

use crate::cloud::Cloud;

/// A program of this workspace. A missing one fails the test, unless only the core's tests are wanted.
#[expect(clippy::disallowed_methods, reason = "the test's own knob")]
pub fn sibling(name: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_BIN_EXE_inverter-connect")).with_file_name(name);
    let core_only = std::env::var("INVERTER_CONNECT_TESTS").is_ok_and(|wanted| wanted == "core");
    assert!(
        path.is_file() || core_only,
        "{name} is not built; run `cargo test --workspace --no-run` first, which builds all programs"
    );
    path.is_file().then_some(path)
}

/// The gateway's end of a line.
pub struct Line<'a> {
    pub port: &'a Path,
    pub protocol: &'a str,
    pub baud: u32,
}

/// A gateway's configuration with the bundle that [`Cloud::device`] made.
pub fn gateway_configuration(cloud: &Cloud, serial: &str, line: &Line<'_>) -> String {
    let bundle = |name: &str| cloud.path(&format!("bundle-{serial}/{name}")).display().to_string();
    let data = cloud.path(&format!("gateway-{serial}"));
    let addresses = if line.protocol == "mate" { "mate_addresses = [\"C\", \"0\", \"c\"]" } else { "" };
    format!(
        "serial = \"{serial}\"\ndata_dir = \"{}\"\n\
         [port]\npath = \"{}\"\nprotocol = \"{}\"\nbaud = {}\n{addresses}\n\
         [cloud]\nurl = \"mqtts://127.0.0.1:{}\"\ncertificate = \"{}\"\nkey = \"{}\"\nroots = [\"{}\"]\n",
        data.display(),
        line.port.display(),
        line.protocol,
        line.baud,
        cloud.address.port(),
        bundle("device.crt"),
        bundle("device.key"),
        bundle("cloud-ca.crt"),
    )
}

/// A process, ended when dropped.
pub struct Running(pub Child);

impl Drop for Running {
    fn drop(&mut self) {
        crate::cloud::terminate(self.0.id());
        let _ = self.0.wait();
    }
}
