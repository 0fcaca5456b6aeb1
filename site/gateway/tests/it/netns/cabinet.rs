//! The gateway in its namespace, as its unit file runs it: under a user of its own, without rights.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use rustix::fs::{Gid, Uid};

use super::{Namespace, Network};
use crate::site::{Gateway, Site, binary};

/// No account of this machine has it.
pub const USER: u32 = 64_911;

/// A binary that nobody else runs and that [`USER`] may: pages are not shared with the other tests' gateways.
fn own_binary(site: &Site, binary: &Path) -> PathBuf {
    let copy = site.folder.path().join("binary").join(binary.file_name().unwrap());
    if !copy.exists() {
        std::fs::create_dir_all(copy.parent().unwrap()).unwrap();
        std::fs::copy(binary, &copy).unwrap();
    }
    copy
}

impl Network {
    /// The shipped program.
    pub fn gateway(&self, site: &Site, port: u16) -> Gateway {
        self.gateway_with(site, port, &binary(), &[])
    }

    /// Another one, with more arguments.
    pub fn gateway_with(&self, site: &Site, port: u16, binary: &Path, more: &[&str]) -> Gateway {
        let config = site.config(port);
        let copy = own_binary(site, binary);
        give(site);
        let mut command = self.site.command("setpriv");
        command.args(as_user()).arg(copy).arg("--config").arg(config).args(more);
        Gateway::start_command(command.stderr(Stdio::piped()).stdin(Stdio::null()))
    }
}

impl Namespace {
    /// A program that is not the gateway, but under its user: what it tries is counted as the gateway's.
    pub fn try_as_gateway(&self, site: &Site, binary: &Path, arguments: &[&str]) -> Option<i32> {
        let copy = own_binary(site, binary);
        give(site);
        let mut command = self.command("setpriv");
        command.args(as_user()).arg(copy).args(arguments);
        command.stdin(Stdio::null()).status().unwrap().code()
    }
}

fn as_user() -> [String; 3] {
    [format!("--reuid={USER}"), format!("--regid={USER}"), "--clear-groups".to_owned()]
}

/// The folder and the port are the user's.
fn give(site: &Site) {
    let mut all = vec![site.folder.path().to_owned()];
    while let Some(path) = all.pop() {
        own(&path);
        if path.is_dir() {
            all.extend(std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        }
    }
    own(&site.line.path);
}

fn own(path: &Path) {
    rustix::fs::chown(path, Some(Uid::from_raw(USER)), Some(Gid::from_raw(USER))).unwrap();
}
