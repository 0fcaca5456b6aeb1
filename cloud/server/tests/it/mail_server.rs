//! A real mail server (Exim) in a folder of its own, and a relay that can lose its answers.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use crate::cloud::{free_address, needs};
use crate::door_setup::{Authority, PATIENCE};

/// Who a mail server started by root runs as: the user that its package made.
const EXIM_USER: &str = "Debian-exim";
pub const USERNAME: &str = "inverter-connect";
pub const PASSWORD: &str = "correct horse battery";

/// How one is set up.
pub struct Setup<'a> {
    /// Certificate and key, or no TLS at all.
    pub tls: Option<(String, String)>,
    /// Takes mails only from who signed in.
    pub login: bool,
    /// The port for STARTTLS; any that is free unless said.
    pub address: Option<SocketAddr>,
    pub authority: &'a Authority,
}

impl<'a> Setup<'a> {
    /// With a certificate of `authority` for localhost.
    pub fn trusted(authority: &'a Authority) -> Self {
        Self { tls: Some(authority.server_pem("localhost")), login: false, address: None, authority }
    }
}

/// Exim, ended when dropped.
pub struct MailServer {
    folder: tempfile::TempDir,
    /// Clear at first, then STARTTLS.
    pub address: SocketAddr,
    /// TLS from the first byte.
    pub tls_address: SocketAddr,
    child: Child,
}

impl MailServer {
    /// Starts one and waits until it listens. None where only the core's tests are wanted and it is not installed.
    pub fn start(setup: &Setup<'_>) -> Option<Self> {
        if !needs("exim4") {
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let (address, tls_address) = (setup.address.unwrap_or_else(free_address), free_address());
        let user = User::find();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("root.crt"), &setup.authority.pem).unwrap();
        let (certificate, key) = setup.tls.clone().unwrap_or_default();
        std::fs::write(at("server.crt"), certificate).unwrap();
        std::fs::write(at("server.key"), key).unwrap();
        std::fs::write(
            at("exim.conf"),
            configuration(folder.path(), setup, address, tls_address, &user.name),
        )
        .unwrap();
        for name in ["spool", "log", "box"] {
            std::fs::create_dir(at(name)).unwrap();
        }
        let mut command = Command::new("exim4");
        command.arg("-C").arg(at("exim.conf")).arg("-bdf").stdin(Stdio::null());
        // Its children outlive it by a moment and would hold the test's own outputs.
        command.stdout(Stdio::null()).stderr(Stdio::null());
        if let Some((uid, gid)) = user.becomes {
            let all = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
            for path in all.chain([folder.path().to_owned()]) {
                std::os::unix::fs::chown(path, Some(uid), Some(gid)).unwrap();
            }
            command.uid(uid).gid(gid);
        }
        let mut child = command.spawn().unwrap();
        let began = Instant::now();
        while TcpStream::connect(address).is_err() {
            assert_eq!(child.try_wait().unwrap(), None, "the mail server ended: {}", log(folder.path()));
            assert!(
                began.elapsed() < 9 * PATIENCE,
                "the mail server does not listen: {}",
                log(folder.path())
            );
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        Some(Self { folder, address, tls_address, child })
    }

    /// What it has delivered, in no order: whole mails as text.
    pub fn delivered(&self) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(self.folder.path().join("box/new")) else { return Vec::new() };
        entries.map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap()).collect()
    }

    pub fn log(&self) -> String {
        log(self.folder.path())
    }

    /// From now on it takes mails for `later@…`, which it puts off before.
    pub fn open_for_later(&self) {
        std::fs::write(self.folder.path().join("open"), "").unwrap();
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn log(folder: &Path) -> String {
    let read = |name: &str| std::fs::read_to_string(folder.join("log").join(name)).unwrap_or_default();
    ["mainlog", "rejectlog", "paniclog"].map(read).concat()
}

/// Whom the mail server runs as.
struct User {
    name: String,
    /// Ids to change to, as root.
    becomes: Option<(u32, u32)>,
}

impl User {
    fn find() -> Self {
        let ask = |arguments: &[&str]| {
            let output = Command::new("id").args(arguments).output().unwrap();
            String::from_utf8(output.stdout).unwrap().trim().to_owned()
        };
        if ask(&["-u"]) != "0" {
            return Self { name: ask(&["-un"]), becomes: None };
        }
        let number = |what: &str| ask(&[what, EXIM_USER]).parse().unwrap();
        Self { name: EXIM_USER.to_owned(), becomes: Some((number("-u"), number("-g"))) }
    }
}

fn configuration(
    folder: &Path,
    setup: &Setup<'_>,
    address: SocketAddr,
    tls_address: SocketAddr,
    user: &str,
) -> String {
    let folder = folder.display();
    let (port, tls_port) = (address.port(), tls_address.port());
    let tls = match &setup.tls {
        Some(_) => format!(
            "daemon_smtp_ports = {port} : {tls_port}\ntls_on_connect_ports = {tls_port}\n\
             tls_advertise_hosts = *\ntls_certificate = {folder}/server.crt\ntls_privatekey = {folder}/server.key"
        ),
        None => format!("daemon_smtp_ports = {port}\ntls_advertise_hosts ="),
    };
    let only = if setup.login { "deny !authenticated = *" } else { "" };
    format!(
        "primary_hostname = localhost
spool_directory = {folder}/spool
log_file_path = {folder}/log/%slog
pid_file_path = {folder}/pid
keep_environment =
local_interfaces = 127.0.0.1
{tls}
domainlist local_domains = *
deliver_drop_privilege = true
host_lookup =
never_users =
acl_smtp_mail = sender
acl_smtp_rcpt = recipient
acl_smtp_data = message
begin acl
sender:
  {only}
  accept
recipient:
  deny local_parts = nobody
  defer local_parts = later
        !condition = ${{if exists{{{folder}/open}}}}
  accept
message:
  accept
begin routers
all:
  driver = accept
  transport = box
begin transports
box:
  driver = appendfile
  directory = {folder}/box
  maildir_format
  envelope_to_add
  user = {user}
begin authenticators
plain:
  driver = plaintext
  public_name = PLAIN
  server_advertise_condition = ${{if def:tls_in_cipher}}
  server_condition = ${{if and{{{{eq{{$auth2}}{{{USERNAME}}}}}{{eq{{$auth3}}{{{PASSWORD}}}}}}}}}
"
    )
}

/// Passes bytes both ways, until so many have gone to the server: from then on the server's are lost.
pub struct Relay {
    pub address: SocketAddr,
    honest: Arc<AtomicBool>,
}

impl Relay {
    /// Loses answers after `limit` bytes of one connection, as long as it is not honest.
    pub fn start(to: SocketAddr, limit: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let honest = Arc::new(AtomicBool::new(false));
        let switch = Arc::clone(&honest);
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let (client, server) = (client.unwrap(), TcpStream::connect(to).unwrap());
                let sent = Arc::new(AtomicUsize::new(0));
                let up = (client.try_clone().unwrap(), server.try_clone().unwrap());
                let count = Arc::clone(&sent);
                std::thread::spawn(move || {
                    pass(up.0, up.1, |bytes| {
                        count.fetch_add(bytes, Ordering::SeqCst);
                        true
                    });
                });
                let switch = Arc::clone(&switch);
                std::thread::spawn(move || {
                    pass(server, client, |_| {
                        switch.load(Ordering::SeqCst) || sent.load(Ordering::SeqCst) < limit
                    });
                });
            }
        });
        Self { address, honest }
    }

    pub fn be_honest(&self) {
        self.honest.store(true, Ordering::SeqCst);
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, mut may: impl FnMut(usize) -> bool) {
    let mut bytes = [0; 16 * 1024];
    while let Ok(count @ 1..) = from.read(&mut bytes) {
        if may(count) && to.write_all(&bytes[..count]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}

/// Files of a maildir.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder.join("new")).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}
