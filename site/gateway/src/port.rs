//! The serial port: opened so that no byte can be written, raw before the first read, held exclusively.
//!
//! In: path, baud, control lines. Out: a descriptor with O_RDONLY. Never writes, never breaks, never turns flow
//! control on. A terminal in its default state echoes what it receives: that is why raw mode comes before reading and
//! is verified.

use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::termios::{
    ControlModes, InputModes, LocalModes, OptionalActions, OutputModes, QueueSelector, SpecialCodeIndex,
    Termios,
};

use crate::config::ControlLines;

/// The port cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PortError {
    /// It cannot be opened.
    #[error("the port {} cannot be opened: {}", path.display(), advice(*source))]
    Open {
        /// The device.
        path: PathBuf,
        /// Why.
        source: Errno,
    },
    /// It is not a terminal device.
    #[error("{} is not a serial port (or went away while it was set up)", path.display())]
    NotATerminal {
        /// The device.
        path: PathBuf,
        /// Why.
        source: Errno,
    },
    /// The driver did not take the line settings.
    #[error("the port did not take its settings: {0}")]
    Settings(&'static str),
    /// A call on the open port failed.
    #[error("{0} failed on the port")]
    Call(&'static str, #[source] Errno),
}

fn advice(error: Errno) -> String {
    let what = match error {
        Errno::NOENT | Errno::NXIO | Errno::NODEV => {
            "it is not there; plug the adapter in or correct `port.path`"
        }
        Errno::ACCESS | Errno::PERM => {
            "permission denied; let the gateway's user read it (group dialout, or the udev rule in deploy/)"
        }
        Errno::BUSY => "another program holds it; stop that program (ModemManager, getty) first",
        _ => return error.to_string(),
    };
    what.to_owned()
}

/// Opens the port read-only, makes it raw at once, throws away what came before (and with it the kernel's pending
/// echoes), takes it exclusively.
///
/// # Errors
/// [`PortError`].
pub fn open(path: &Path, baud: u32) -> Result<OwnedFd, PortError> {
    let flags = OFlags::RDONLY | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let port = rustix::fs::open(path, flags, Mode::empty())
        .map_err(|source| PortError::Open { path: path.to_owned(), source })?;
    make_raw(&port, baud).map_err(|error| match error {
        PortError::Call(_, source @ (Errno::NOTTY | Errno::IO)) => {
            PortError::NotATerminal { path: path.to_owned(), source }
        }
        other => other,
    })?;
    rustix::termios::tcflush(&port, QueueSelector::IOFlush).map_err(|e| PortError::Call("tcflush", e))?;
    if !is_pseudo_terminal(&port) {
        // Others (a getty, ModemManager) shall not open the port and write on it. Kept as long as anyone holds the port.
        rustix::termios::ioctl_tiocexcl(&port).map_err(|e| PortError::Call("TIOCEXCL", e))?;
    }
    Ok(port)
}

/// A pseudo-terminal stays exclusive after everybody closed it, as long as its other end lives: a gateway without rights
/// could not open it a second time. Nothing but a test or the demo is on its other end.
fn is_pseudo_terminal(port: &OwnedFd) -> bool {
    // Documentation/admin-guide/devices.txt: Unix98 PTY slaves.
    rustix::fs::fstat(port).is_ok_and(|meta| (136..=143).contains(&rustix::fs::major(meta.st_rdev)))
}

/// Sets raw mode, 8N1, `baud`, no flow control, and reads back that it holds.
///
/// # Errors
/// [`PortError::Settings`] when the driver keeps something else, [`PortError::Call`] when a call fails.
pub fn make_raw(port: impl AsFd, baud: u32) -> Result<(), PortError> {
    let mut settings = rustix::termios::tcgetattr(&port).map_err(|e| PortError::Call("tcgetattr", e))?;
    settings.input_modes = InputModes::IGNBRK;
    settings.output_modes = OutputModes::empty();
    settings.local_modes = LocalModes::empty();
    // CLOCAL: no modem lines needed. No HUPCL: a cable powered by DTR or RTS stays powered through a restart.
    settings.control_modes = ControlModes::CS8 | ControlModes::CREAD | ControlModes::CLOCAL;
    settings.special_codes[SpecialCodeIndex::VMIN] = 1;
    settings.special_codes[SpecialCodeIndex::VTIME] = 0;
    settings
        .set_speed(baud)
        .map_err(|_| PortError::Settings("the baud rate is out of range; correct `port.baud`"))?;
    rustix::termios::tcsetattr(&port, OptionalActions::Now, &settings)
        .map_err(|e| PortError::Call("tcsetattr", e))?;
    verify_raw(port, baud)
}

/// Fails unless the port is raw now.
///
/// # Errors
/// See [`make_raw`].
pub fn verify_raw(port: impl AsFd, baud: u32) -> Result<(), PortError> {
    let settings = rustix::termios::tcgetattr(&port).map_err(|e| PortError::Call("tcgetattr", e))?;
    unmet(&settings, baud).map_or(Ok(()), |what| Err(PortError::Settings(what)))
}

fn unmet(settings: &Termios, baud: u32) -> Option<&'static str> {
    let input = InputModes::IXON | InputModes::IXOFF | InputModes::IXANY | InputModes::IMAXBEL;
    [
        (settings.local_modes.is_empty(), "echo or line editing is still on"),
        (!settings.input_modes.intersects(input), "software flow control or the bell is still on"),
        (!settings.output_modes.contains(OutputModes::OPOST), "output processing is still on"),
        (!settings.control_modes.contains(ControlModes::CRTSCTS), "hardware flow control is still on"),
        (settings.control_modes.contains(ControlModes::CS8), "eight data bits are not set"),
        (settings.input_speed() == baud, "the baud rate was not taken; correct `port.baud`"),
    ]
    .into_iter()
    .find_map(|(met, what)| (!met).then_some(what))
}

/// Raises and lowers DTR and RTS. `false`: the port has no such lines (a pty), which is fine.
///
/// # Errors
/// [`PortError::Call`] for anything but "no such lines".
pub fn set_control_lines(port: OwnedFd, lines: ControlLines) -> Result<bool, PortError> {
    let port = serial2::SerialPort::from(port);
    let (dtr, rts) = lines.levels();
    match port.set_dtr(dtr).and_then(|()| port.set_rts(rts)) {
        Ok(()) => Ok(true),
        Err(error) => match Errno::from_io_error(&error) {
            Some(Errno::NOTTY | Errno::INVAL | Errno::OPNOTSUPP) => Ok(false),
            other => Err(PortError::Call("setting DTR and RTS", other.unwrap_or(Errno::IO))),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

    fn pty() -> (OwnedFd, PathBuf) {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        (master, PathBuf::from(name.to_str().unwrap()))
    }

    #[test]
    fn an_open_port_is_raw_and_takes_no_byte() {
        let (_master, path) = pty();
        let port = open(&path, 19_200).unwrap();
        verify_raw(&port, 19_200).unwrap();
        assert!(verify_raw(&port, 9600).is_err());
        assert_eq!(rustix::io::write(&port, b"x"), Err(Errno::BADF));
        let (dtr_rts, again) =
            (set_control_lines(port.try_clone().unwrap(), ControlLines::Dtr), make_raw(&port, 9600));
        assert!(!dtr_rts.unwrap(), "a pty has no control lines");
        again.unwrap();
    }

    #[test]
    fn echo_left_on_is_found() {
        let (_master, path) = pty();
        let port = open(&path, 19_200).unwrap();
        let mut settings = rustix::termios::tcgetattr(&port).unwrap();
        settings.local_modes |= LocalModes::ECHO;
        rustix::termios::tcsetattr(&port, OptionalActions::Now, &settings).unwrap();
        assert!(verify_raw(&port, 19_200).unwrap_err().to_string().contains("echo"));
    }

    #[test]
    fn what_is_no_port_is_named() {
        let error = open(Path::new("/dev/null"), 19_200).unwrap_err();
        assert!(error.to_string().contains("/dev/null is not a serial port"), "{error}");
        let error = open(Path::new("/dev/nowhere"), 19_200).unwrap_err();
        assert!(error.to_string().contains("`port.path`"), "{error}");
    }
}
