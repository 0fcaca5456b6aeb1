//! An HTTP proxy is asked for a way to the cloud: CONNECT, RFC 9110 section 9.3.6.
//!
//! In: a connection to the proxy, where to go, who we are. Out: the same connection, now the cloud's, or what the proxy
//! said in words. Takes no byte behind the blank line, and no more than 8 KiB before it; never sends anything but the
//! one request.

use std::io::{self, ErrorKind, Read, Write};
use std::path::Path;

use base64::Engine;

use super::plain_io;
use crate::config::Url;
use crate::status;

/// Longest answer before its blank line.
const MAX_ANSWER_BYTES: usize = 8 * 1024;

/// What a person is told of a code; any other is shown as it came.
const CODES: [(&str, &str); 5] = [
    ("403", "it does not let this gateway pass; have it allow CONNECT to the cloud's name and port"),
    ("405", "it does not know CONNECT; have it allow CONNECT to the cloud's name and port"),
    ("502", "it does not reach the cloud itself (502)"),
    ("503", "it does not reach the cloud itself (503)"),
    ("504", "it does not reach the cloud itself (504)"),
];

/// `user:password` for the proxy. Cannot be printed.
pub struct Credentials(String);

impl Credentials {
    /// Reads the file.
    ///
    /// # Errors
    /// A sentence that names key and file.
    pub fn load(path: &Path) -> Result<Self, String> {
        let read = std::fs::read_to_string(path);
        match read.as_deref().map(str::trim) {
            Ok(text) if text.contains(':') && !text.contains(char::is_control) => Ok(Self(text.to_owned())),
            Ok(_) => Err(format!(
                "key `cloud.proxy_credentials`: {} must hold user:password in one line",
                path.display()
            )),
            Err(error) => {
                Err(format!("key `cloud.proxy_credentials`: {} cannot be read: {error}", path.display()))
            }
        }
    }
}

/// Asks. The stream waits no longer than its own deadline.
///
/// # Errors
/// What the proxy did, in words.
pub fn tunnel(
    stream: &mut (impl Read + Write),
    target: &Url,
    credentials: Option<&Credentials>,
) -> Result<(), String> {
    let mut request = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n");
    if let Some(Credentials(credentials)) = credentials {
        let encoded = base64::engine::general_purpose::STANDARD.encode(credentials);
        request.push_str(&format!("Proxy-Authorization: Basic {encoded}\r\n"));
    }
    request.push_str("\r\n");
    stream.write_all(request.as_bytes()).map_err(|error| broken(&error, &[]))?;
    judge(&answer(stream)?, credentials.is_some())
}

/// Byte by byte: what comes after the blank line belongs to TLS.
fn answer(stream: &mut impl Read) -> Result<Vec<u8>, String> {
    let (mut answer, mut byte) = (Vec::new(), [0]);
    while !answer.ends_with(b"\r\n\r\n") {
        if answer.len() == MAX_ANSWER_BYTES {
            return Err(format!("its answer is longer than 8 KiB, {}", begin(&answer)));
        }
        stream.read_exact(&mut byte).map_err(|error| broken(&error, &answer))?;
        answer.extend_from_slice(&byte);
    }
    Ok(answer)
}

fn broken(error: &io::Error, answer: &[u8]) -> String {
    match (error.kind(), answer.is_empty()) {
        (ErrorKind::TimedOut, true) => "it takes the connection and answers nothing".to_owned(),
        (_, true) => plain_io(error),
        (ErrorKind::TimedOut, false) => format!("its answer does not end, {}", begin(answer)),
        (_, false) => format!("its answer is cut off, {}", begin(answer)),
    }
}

fn judge(answer: &[u8], with_credentials: bool) -> Result<(), String> {
    let line = String::from_utf8_lossy(answer.split(|byte| *byte == b'\r').next().unwrap_or_default());
    let mut words = line.split(' ');
    let is_http = words.next().is_some_and(|version| version.starts_with("HTTP/1."));
    let code = words.next().filter(|code| code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_digit()));
    match code.filter(|_| is_http) {
        None => Err(format!("what answers there is no HTTP proxy, {}", begin(answer))),
        Some(code) if code.starts_with('2') => Ok(()),
        Some("407") if with_credentials => Err(
            "it does not take the user and password of `cloud.proxy_credentials`, or wants another way than Basic"
                .to_owned(),
        ),
        Some("407") => Err(
            "it wants a user and password; write user:password into a file and name it in `cloud.proxy_credentials`"
                .to_owned(),
        ),
        Some(code) => Err(CODES
            .into_iter()
            .find(|(known, _)| *known == code)
            .map_or_else(|| format!("it says {}", status::quote(&line)), |(_, words)| words.to_owned())),
    }
}

fn begin(answer: &[u8]) -> String {
    format!("it begins with {}", status::quote(&String::from_utf8_lossy(answer)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_answer_with_a_code_of_two_hundred_opens_the_way() {
        for (answer, with_credentials, expect) in [
            ("HTTP/1.1 200 OK\r\n\r\n", false, Ok(())),
            ("HTTP/1.0 204 \r\nVia: x\r\n\r\n", false, Ok(())),
            ("HTTP/2 200\r\n\r\n", false, Err("no HTTP proxy")),
            ("HTTP/1.1 20\r\n\r\n", false, Err("no HTTP proxy")),
            ("SSH-2.0-OpenSSH\r\n\r\n", false, Err("no HTTP proxy, it begins with \"SSH-2.0-OpenSSH\"")),
            ("HTTP/1.1 407 \r\n\r\n", false, Err("name it in `cloud.proxy_credentials`")),
            ("HTTP/1.1 407 \r\n\r\n", true, Err("does not take the user and password")),
            ("HTTP/1.1 502 Bad Gateway\r\n\r\n", false, Err("does not reach the cloud itself")),
            ("HTTP/1.1 418 I'm a teapot\r\n\r\n", false, Err("it says \"HTTP/1.1 418 I'm a teapot\"")),
            ("HTTP/1.1 200 OK\r\n", false, Err("its answer is cut off")),
            ("", false, Err("the other side closed the connection")),
        ] {
            let told =
                self::answer(&mut answer.as_bytes()).and_then(|answer| judge(&answer, with_credentials));
            match (told, expect) {
                (Ok(()), Ok(())) => {}
                (Err(told), Err(words)) => assert!(told.contains(words), "{answer:?}: {told}"),
                (told, _) => panic!("{answer:?}: {told:?}"),
            }
        }
    }

    #[test]
    fn what_follows_the_blank_line_is_left_alone_and_eight_kibibytes_are_the_most() {
        let whole = b"HTTP/1.1 200 OK\r\n\r\n\x16\x03\x03";
        let mut rest = whole.as_slice();
        assert!(answer(&mut rest).is_ok());
        assert_eq!(rest, b"\x16\x03\x03");
        let exactly = |length: usize| [vec![b'x'; length - 4], b"\r\n\r\n".to_vec()].concat();
        assert!(answer(&mut exactly(MAX_ANSWER_BYTES).as_slice()).is_ok());
        let told = answer(&mut exactly(MAX_ANSWER_BYTES + 1).as_slice()).unwrap_err();
        assert!(told.starts_with("its answer is longer than 8 KiB") && told.len() < 200, "{told}");
    }
}
