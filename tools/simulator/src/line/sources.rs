//! Where commands come from: standard input, a Unix socket, a test.
//!
//! In: lines. Out: [`Request`]s in the order they came, each with a way to answer. One small thread per source; the
//! line's own loop sleeps on the channel, so a command wakes it.

use std::io::{BufRead, BufReader, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

/// Longest command line, bytes; the rest of a longer one is read as another.
const MAX_LINE: u64 = 1024;
/// Longest wait for someone to take an answer.
const ANSWER_TIMEOUT: Duration = Duration::from_millis(20);

/// One line from someone, to be answered.
#[derive(Debug)]
pub struct Request {
    /// What was typed.
    pub line: String,
    reply: Reply,
}

#[derive(Debug)]
enum Reply {
    Print,
    Channel(Sender<String>),
    Socket(UnixStream),
}

impl Request {
    /// Answers, one or more lines.
    pub fn answer(&self, text: &str) {
        match &self.reply {
            Reply::Print => println!("{text}"),
            // Who asked may have gone; then nobody needs the answer.
            Reply::Channel(sender) => drop(sender.send(text.to_owned())),
            Reply::Socket(stream) => drop((&*stream).write_all(format!("{text}\n\n").as_bytes())),
        }
    }
}

/// All sources of one line.
#[derive(Debug)]
pub struct Sources {
    sender: Sender<Request>,
    receiver: Receiver<Request>,
    socket: Option<PathBuf>,
}

impl Default for Sources {
    fn default() -> Self {
        let (sender, receiver) = channel();
        Self { sender, receiver, socket: None }
    }
}

impl Sources {
    /// Reads standard input. With `end_with_input`, its end is a `quit`: a parent that dies closes the pipe.
    pub fn standard_input(&self, end_with_input: bool) {
        let sender = self.sender.clone();
        std::thread::spawn(move || {
            for line in std::io::stdin().lines().map_while(Result::ok) {
                if sender.send(Request { line, reply: Reply::Print }).is_err() {
                    return;
                }
            }
            if end_with_input {
                let _ = sender.send(Request { line: "quit".into(), reply: Reply::Print });
            }
        });
    }

    /// Listens on a Unix socket: a line in, an answer out, an empty line after each answer.
    ///
    /// # Errors
    /// When the socket cannot be made.
    pub fn socket(&mut self, path: &Path) -> std::io::Result<()> {
        if std::fs::symlink_metadata(path).is_ok_and(|found| is_socket(&found)) {
            std::fs::remove_file(path)?;
        }
        let listener = UnixListener::bind(path)?;
        self.socket = Some(path.to_owned());
        let sender = self.sender.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let sender = sender.clone();
                std::thread::spawn(move || serve(stream, &sender));
            }
        });
        Ok(())
    }

    /// Sends a command as a test does, and gives the channel its answer comes on.
    pub fn ask(&self, line: &str) -> Receiver<String> {
        let (reply, answer) = channel();
        let _ = self.sender.send(Request { line: line.to_owned(), reply: Reply::Channel(reply) });
        answer
    }

    /// The next command, or a time-out.
    ///
    /// # Errors
    /// As [`Receiver::recv_timeout`].
    pub fn wait(&self, time: Duration) -> Result<Request, RecvTimeoutError> {
        self.receiver.recv_timeout(time)
    }
}

impl Drop for Sources {
    fn drop(&mut self) {
        if let Some(path) = &self.socket {
            let _ = std::fs::remove_file(path);
        }
    }
}

fn serve(stream: UnixStream, sender: &Sender<Request>) {
    use std::io::Read as _;
    // Answers are written by the line's own loop; nobody may hold it up.
    if stream.set_write_timeout(Some(ANSWER_TIMEOUT)).is_err() {
        return;
    }
    let Ok(writer) = stream.try_clone() else { return };
    let mut reader = BufReader::new(stream);
    loop {
        let mut line = String::new();
        match (&mut reader).take(MAX_LINE).read_line(&mut line) {
            Ok(count) if count > 0 => {}
            _ => return,
        }
        let Ok(writer) = writer.try_clone() else { return };
        if sender.send(Request { line, reply: Reply::Socket(writer) }).is_err() {
            return;
        }
    }
}

fn is_socket(found: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::FileTypeExt as _;
    found.file_type().is_socket()
}

/// Sends one command to a simulator's socket and gives its answer.
///
/// # Errors
/// When nobody listens there, or the answer does not come.
pub fn tell(path: &Path, command: &str) -> std::io::Result<String> {
    let mut stream = UnixStream::connect(path)?;
    stream.set_read_timeout(Some(Duration::from_secs(5)))?;
    stream.write_all(format!("{}\n", command.trim()).as_bytes())?;
    let mut answer = String::new();
    for line in BufReader::new(stream).lines() {
        let line = line?;
        if line.is_empty() {
            break;
        }
        answer.push_str(&line);
        answer.push('\n');
    }
    Ok(answer)
}
