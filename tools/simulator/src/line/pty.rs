//! A pseudo-terminal that stands for the RS-232 cable, with a symbolic link as its name.
//!
//! In: bytes to put on the wire. Out: how many were taken, and how many bytes came back. While nobody has the other
//! end open, bytes are lost, as they are on a cable.

use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::pty::OpenptFlags;
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};

/// Why there is no line.
#[derive(Debug, thiserror::Error)]
pub enum PtyError {
    /// The kernel gave no pseudo-terminal.
    #[error("the system gives no pseudo-terminal ({0}); is /dev/pts mounted?")]
    Open(#[source] Errno),
    /// Something that is not a symbolic link has the wanted name.
    #[error("{0} exists and is not a symbolic link; remove it or choose another --pty")]
    Taken(PathBuf),
    /// The link cannot be made.
    #[error("cannot link {path} to {target}: {source}; does the folder exist, and may you write there?")]
    Link {
        /// The wanted name.
        path: PathBuf,
        /// The terminal.
        target: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The line broke.
    #[error("the pseudo-terminal failed: {0}")]
    Broken(#[source] Errno),
}

/// The sending end.
#[derive(Debug)]
pub struct Pty {
    master: OwnedFd,
    link: PathBuf,
    target: PathBuf,
    heard: u64,
}

impl Pty {
    /// Makes a pair, sets the other end raw at `baud`, and links `path` to it.
    ///
    /// A new terminal echoes what it is sent until someone sets it raw, which a cable does not: so it is done here,
    /// before anyone has it open. The setting stays while this end lives.
    ///
    /// # Errors
    /// [`PtyError`] when there is no terminal or no link to be had.
    pub fn open(path: &Path, baud: u32) -> Result<Self, PtyError> {
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let master = rustix::pty::openpt(flags).map_err(PtyError::Open)?;
        rustix::pty::grantpt(&master).map_err(PtyError::Open)?;
        rustix::pty::unlockpt(&master).map_err(PtyError::Open)?;
        rustix::fs::fcntl_setfl(&master, OFlags::RDWR | OFlags::NONBLOCK).map_err(PtyError::Open)?;
        let name = rustix::pty::ptsname(&master, Vec::new()).map_err(PtyError::Open)?;
        let target = PathBuf::from(std::ffi::OsStr::from_bytes(name.to_bytes()));
        let other = rustix::fs::open(&target, OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC, Mode::empty())
            .map_err(PtyError::Open)?;
        let mut settings = tcgetattr(&other).map_err(PtyError::Open)?;
        settings.make_raw();
        // A pseudo-terminal keeps no pace; the number is for whoever looks with stty. Odd speeds are not settable.
        let _ = settings.set_speed(baud);
        tcsetattr(&other, OptionalActions::Now, &settings).map_err(PtyError::Open)?;
        link(path, &target)?;
        Ok(Self { master, link: path.to_owned(), target, heard: 0 })
    }

    /// Puts bytes on the wire. All are gone afterwards: those that nobody could take are counted in the answer.
    ///
    /// # Errors
    /// [`PtyError::Broken`] for anything but a reader that is away or slow.
    pub fn send(&mut self, bytes: &[u8]) -> Result<Sent, PtyError> {
        self.listen()?;
        if self.is_alone()? {
            return Ok(Sent { taken: 0, unheard: bytes.len() });
        }
        let mut taken = 0;
        while let Some(rest) = bytes.get(taken..).filter(|rest| !rest.is_empty()) {
            match rustix::io::write(&self.master, rest) {
                Ok(count) => taken += count,
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN | Errno::IO) => break,
                Err(error) => return Err(PtyError::Broken(error)),
            }
        }
        Ok(Sent { taken, unheard: bytes.len() - taken })
    }

    /// Counts what came from the other side since the last call.
    ///
    /// # Errors
    /// [`PtyError::Broken`] for anything but silence.
    pub fn listen(&mut self) -> Result<(), PtyError> {
        let mut buffer = [0_u8; 256];
        loop {
            match rustix::io::read(&self.master, &mut buffer) {
                Ok(0) | Err(Errno::AGAIN | Errno::IO) => return Ok(()),
                Ok(count) => self.heard += count as u64,
                Err(Errno::INTR) => {}
                Err(error) => return Err(PtyError::Broken(error)),
            }
        }
    }

    /// Waits until the other side has read everything, two seconds at most: what a terminal still holds is lost with
    /// it, which a cable's last bytes are not.
    ///
    /// # Errors
    /// [`PtyError::Broken`] when the terminal cannot be asked.
    pub fn drain(&self) -> Result<(), PtyError> {
        if self.is_alone()? {
            return Ok(());
        }
        let flags = OFlags::RDONLY | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let other = rustix::fs::open(&self.target, flags, Mode::empty()).map_err(PtyError::Broken)?;
        for _ in 0..100 {
            // Before the first look too: the kernel hands bytes over in its own time.
            std::thread::sleep(Duration::from_millis(20));
            if rustix::io::ioctl_fionread(&other).map_err(PtyError::Broken)? == 0 {
                break;
            }
        }
        Ok(())
    }

    /// Whether nobody has the other end open.
    fn is_alone(&self) -> Result<bool, PtyError> {
        let mut fds = [PollFd::new(&self.master, PollFlags::OUT)];
        match poll(&mut fds, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })) {
            Ok(_) => Ok(fds.iter().any(|fd| fd.revents().contains(PollFlags::HUP))),
            Err(Errno::INTR) => Ok(false),
            Err(error) => Err(PtyError::Broken(error)),
        }
    }

    /// Bytes that came from the other side since the start. On a one-way line this is 0.
    #[must_use]
    pub const fn heard(&self) -> u64 {
        self.heard
    }

    /// The terminal that the link names.
    #[must_use]
    pub fn target(&self) -> &Path {
        &self.target
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        if fs::read_link(&self.link).is_ok_and(|target| target == self.target) {
            let _ = fs::remove_file(&self.link);
        }
    }
}

/// What became of some bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sent {
    /// Taken by the line.
    pub taken: usize,
    /// Lost, because nobody listens or the listener is slow.
    pub unheard: usize,
}

fn link(path: &Path, target: &Path) -> Result<(), PtyError> {
    let error = |source| PtyError::Link { path: path.to_owned(), target: target.to_owned(), source };
    match fs::symlink_metadata(path) {
        Ok(found) if !found.is_symlink() => return Err(PtyError::Taken(path.to_owned())),
        Ok(_) => fs::remove_file(path).map_err(error)?,
        Err(_) => {}
    }
    std::os::unix::fs::symlink(target, path).map_err(error)
}
