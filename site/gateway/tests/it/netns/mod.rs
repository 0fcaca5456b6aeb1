//! Networks of a test's own: two namespaces with a cable between them, and nothing else.
//!
//! In: a wish. Out: a place for the gateway (`10.77.0.2`) and one for all the rest of the world (`10.77.0.1`), with a
//! resolver, rules, a slow or a lossy line. Needs root, `ip`, `nft`, `tc` and `setpriv`; without them a test says so and is
//! left out, but never where `CI=true`. What a test makes goes when it ends, by a panic too; what a killed one left, the
//! next takes away.

mod cabinet;
pub mod line;
mod names;

use std::net::TcpListener;
use std::os::fd::AsFd;
use std::process::{Command, Output};
use std::sync::Once;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustix::process::geteuid;
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

pub use cabinet::USER;

pub const HERE: &str = "10.77.0.1";
pub const THERE: &str = "10.77.0.2";
/// The name that [`Names`] knows.
pub const CLOUD: &str = "device.example";

const PROGRAMS: [(&str, &str); 4] =
    [("ip", "-Version"), ("tc", "-Version"), ("nft", "--version"), ("setpriv", "--version")];

/// One network namespace. Its name says which process made it.
pub struct Namespace {
    name: String,
}

impl Namespace {
    fn new() -> Self {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let made = Self { name: format!("{PREFIX}{}-{number}", std::process::id()) };
        succeed(Command::new("ip").args(["netns", "add", &made.name]));
        made.ip("link set lo up");
        made
    }

    pub fn ip(&self, words: &str) {
        succeed(Command::new("ip").args(["-n", &self.name]).args(words.split(' ')));
    }

    pub fn tc(&self, words: &str) {
        succeed(Command::new("tc").args(["-n", &self.name]).args(words.split(' ')));
    }

    /// A command that runs there, with the names of there.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name, program]);
        command
    }

    /// A file below /proc/sys/net; each namespace has its own.
    pub fn set(&self, file: &str, value: &str) {
        self.within(|| std::fs::write(format!("/proc/sys/net/{file}"), value).unwrap());
    }

    /// Rules in nft's language.
    pub fn nft(&self, rules: &str) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("rules");
        std::fs::write(&file, rules).unwrap();
        succeed(self.command("nft").arg("-f").arg(file));
    }

    /// Packets that a named counter of table `inet watch` has seen.
    pub fn packets(&self, counter: &str) -> u64 {
        let told = succeed(self.command("nft").args(["list", "counter", "inet", "watch", counter]));
        let told = String::from_utf8(told.stdout).unwrap();
        let (_, after) = told.split_once("packets ").unwrap();
        after.split(' ').next().unwrap().parse().unwrap()
    }

    /// What the kernel shows there under /proc/net.
    pub fn proc_net(&self, table: &str) -> String {
        self.within(|| std::fs::read_to_string(format!("/proc/thread-self/net/{table}")).unwrap_or_default())
    }

    /// Works on a thread that is there. What it opens stays there; the thread ends.
    pub fn within<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        std::thread::scope(|scope| {
            let there = scope.spawn(|| {
                let file = std::fs::File::open(format!("{FOLDER}/{}", self.name)).unwrap();
                move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
                work()
            });
            there.join().unwrap()
        })
    }

    pub fn listen(&self, port: u16) -> TcpListener {
        self.within(|| TcpListener::bind(("0.0.0.0", port)).unwrap())
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        remove(&self.name);
    }
}

/// Two of them, joined. Dropped last: what runs there holds them open.
pub struct Network {
    /// The gateway's.
    pub site: Namespace,
    /// Everybody else's.
    pub world: Namespace,
}

impl Network {
    /// `None`, with a word, where this machine cannot.
    pub fn new() -> Option<Self> {
        if let Some(why) = cannot() {
            let must = std::env::var("CI").is_ok_and(|ci| ci == "true") && !is_core();
            assert!(!must, "CI must run this, and cannot: {why}");
            println!("LEFT OUT: {why}");
            return None;
        }
        static SWEPT: Once = Once::new();
        SWEPT.call_once(sweep);
        let made = Self { site: Namespace::new(), world: Namespace::new() };
        made.cable("cable");
        made.site.ip(&format!("addr add {THERE}/24 dev cable"));
        made.world.ip(&format!("addr add {HERE}/24 dev cable"));
        Some(made)
    }

    /// Joins both by one more cable, without addresses. Each packet on it is one of the line's: the kernel does not gather them.
    fn cable(&self, name: &str) {
        let one = ["name", name, "netns", &self.site.name];
        let other = ["name", name, "netns", &self.world.name];
        let (add, veth) = (["link", "add"], ["type", "veth", "peer"]);
        succeed(Command::new("ip").args(add).args(one).args(veth).args(other));
        for end in [&self.site, &self.world] {
            end.ip(&format!("link set {name} gso_max_segs 1"));
            end.ip(&format!("link set {name} up"));
        }
    }
}

const PREFIX: &str = "ic-test-";
const FOLDER: &str = "/run/netns";

fn is_core() -> bool {
    std::env::var("INVERTER_CONNECT_TESTS").is_ok_and(|only| only == "core")
}

fn cannot() -> Option<String> {
    if is_core() {
        return Some("the core tests use no program beside Rust's".to_owned());
    }
    if !geteuid().is_root() {
        return Some("network namespaces need root".to_owned());
    }
    let missing = |(program, ask): &(&str, &str)| Command::new(program).arg(ask).output().is_err();
    let missing: Vec<&str> =
        PROGRAMS.iter().filter(|one| missing(one)).map(|(program, _)| *program).collect();
    (!missing.is_empty()).then(|| format!("not here: {}; cargo xtask test installs them", missing.join(", ")))
}

/// Removes what processes made that are no longer there.
fn sweep() {
    let Ok(all) = std::fs::read_dir(FOLDER) else { return };
    for name in all.filter_map(|entry| entry.unwrap().file_name().into_string().ok()) {
        let process = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next());
        if process.is_some_and(|id| !std::path::Path::new("/proc").join(id).exists()) {
            remove(&name);
        }
    }
}

fn remove(name: &str) {
    let _ = std::fs::remove_dir_all(names::folder(name));
    let _ = Command::new("ip").args(["netns", "delete", name]).output();
}

fn succeed(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}
