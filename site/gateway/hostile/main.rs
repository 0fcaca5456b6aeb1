//! `inverter-gateway-hostile`: what somebody would try who took over a process of the gateway. For tests.
//!
//! In: which process, one attempt, a configuration. It locks itself by the same code as that process, then tries. Out: an
//! exit code: done, denied, failed for another reason; or the kernel kills it. Compiled only with the feature `simulated`.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use clap::Parser;
use gateway::config::Config;
use gateway::sandbox::{self, Access, Process};
use rustix::net::{AddressFamily, SocketType, ipproto, socket};
use rustix::process::{Pid, getppid, test_kill_process};

/// It worked.
const DONE: u8 = 0;
/// The kernel said no: EPERM or EACCES.
const DENIED: u8 = 13;
/// It failed for another reason, which proves nothing.
const FAILED: u8 = 14;

/// Its arguments.
#[derive(Debug, Parser)]
struct Arguments {
    /// The process whose lock it puts on.
    #[arg(long)]
    process: String,
    /// What it tries: a name of [`ATTEMPTS`].
    #[arg(long)]
    attempt: String,
    /// The gateway's configuration.
    #[arg(long)]
    config: PathBuf,
    /// A TCP and UDP port that is not the cloud's.
    #[arg(long)]
    elsewhere: SocketAddr,
    /// Without the lock: then the attempt must work, or the test proves nothing.
    #[arg(long)]
    unsandboxed: bool,
}

struct Target<'a> {
    config: &'a Config,
    elsewhere: SocketAddr,
    parent: Pid,
}

type Attempt = (&'static str, fn(&Target<'_>) -> io::Result<()>);

/// Every attempt. The port is standard input, opened for writing too, which the gateway's never is.
const ATTEMPTS: [Attempt; 22] = [
    ("write-port", |_| Ok(rustix::io::write(io::stdin(), b"reboot").map(drop)?)),
    ("set-port", |_| {
        let settings = rustix::termios::tcgetattr(io::stdin())?;
        Ok(rustix::termios::tcsetattr(io::stdin(), rustix::termios::OptionalActions::Now, &settings)?)
    }),
    ("break-port", |_| Ok(rustix::termios::tcsendbreak(io::stdin())?)),
    ("open-port", |target| open(&target.config.port.path, true)),
    ("listen", |_| {
        let unbound = socket(AddressFamily::INET, SocketType::STREAM, None)?;
        Ok(rustix::net::listen(unbound, 1)?)
    }),
    ("bind", |_| std::net::TcpListener::bind("127.0.0.1:0").map(drop)),
    ("bind-udp", |_| std::net::UdpSocket::bind("127.0.0.1:0").map(drop)),
    ("udp", |target| {
        let unconnected = socket(AddressFamily::INET, SocketType::DGRAM, None)?;
        Ok(rustix::net::sendto(unconnected, b"x", rustix::net::SendFlags::empty(), &target.elsewhere)
            .map(drop)?)
    }),
    ("raw", |_| Ok(socket(AddressFamily::INET, SocketType::RAW, Some(ipproto::ICMP)).map(drop)?)),
    ("packet", |_| Ok(socket(AddressFamily::PACKET, SocketType::RAW, None).map(drop)?)),
    ("multipath", |_| Ok(socket(AddressFamily::INET, SocketType::STREAM, Some(ipproto::MPTCP)).map(drop)?)),
    ("unix", |_| Ok(socket(AddressFamily::UNIX, SocketType::STREAM, None).map(drop)?)),
    ("elsewhere", |target| TcpStream::connect(target.elsewhere).map(drop)),
    ("io-uring", |_| io_uring::IoUring::new(2).map(drop)),
    ("exec", |_| Command::new("/bin/true").status().map(drop)),
    ("thread", |_| std::thread::Builder::new().spawn(|| ()).map(drop)),
    ("ptrace", |target| {
        let parent = nix::unistd::Pid::from_raw(target.parent.as_raw_pid());
        nix::sys::ptrace::seize(parent, nix::sys::ptrace::Options::empty()).map_err(io::Error::from)
    }),
    ("memory", |target| open(Path::new(&format!("/proc/{}/mem", target.parent.as_raw_pid())), true)),
    ("proc", |_| open(Path::new("/proc/self/status"), false)),
    ("key", |target| open(&target.config.cloud.key, false)),
    ("file", |target| std::fs::write(target.config.cloud.key.with_extension("new"), b"x")),
    ("kill", |target| Ok(test_kill_process(target.parent)?)),
];

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let process = Process::ALL.into_iter().find(|process| process.name() == arguments.process);
    let attempt = ATTEMPTS.iter().find(|(name, _)| *name == arguments.attempt);
    let (Some(process), Some((_, attempt)), Ok(config), Some(parent)) =
        (process, attempt, Config::load(&arguments.config), getppid())
    else {
        eprintln!("there is no such process, attempt, configuration or parent");
        return FAILED.into();
    };
    let access = match process {
        Process::Supervisor => Access::supervisor(),
        Process::Starter => Access::starter(&config, &arguments.config),
        Process::Reader | Process::Button => Access::nothing(),
        Process::Uplink => Access::uplink(&config),
    };
    if let Err(error) = sandbox::lock(process, &access, !arguments.unsandboxed) {
        eprintln!("{}", sandbox::refusal(process, &error));
        return FAILED.into();
    }
    match attempt(&Target { config: &config, elsewhere: arguments.elsewhere, parent }) {
        Ok(()) => DONE.into(),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => DENIED.into(),
        Err(error) => {
            eprintln!("{error}");
            FAILED.into()
        }
    }
}

fn open(path: &Path, write: bool) -> io::Result<()> {
    std::fs::File::options().read(!write).write(write).open(path).map(drop)
}
