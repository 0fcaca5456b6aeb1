//! The mails that the demo has sent, as a page of this process: the cloud itself shows mails to nobody.
//!
//! In: the maildir that the demo's cloud writes to; a port of its own on 127.0.0.1. Out: one page, newest first, with
//! links to click. Answers GET alone and to its own name alone, so that no foreign page can read it through a name that it
//! points here.

use std::fmt::Write as _;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};
use mail_parser::MessageParser;

/// Longest request head that is read.
const MOST_HEAD: u64 = 8 * 1024;
/// A browser asks at once or not at all.
const PATIENCE: Duration = Duration::from_secs(5);
/// Newest ones that are shown.
const MOST_SHOWN: usize = 200;
const POLICY: &str =
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const STYLE: &str = "\
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { max-width: 46rem; margin: 2rem auto; padding: 0 1rem; }
article { border: 1px solid color-mix(in srgb, currentColor 25%, transparent); border-radius: 12px;
  padding: 1rem 1.25rem; margin: 1rem 0; }
h2 { font-size: 1.1rem; margin: 0; overflow-wrap: anywhere; }
article p { margin: 0; opacity: .75; overflow-wrap: anywhere; }
pre { font: inherit; white-space: pre-wrap; overflow-wrap: anywhere; margin: .75rem 0 0; }
";

/// Serves the page until this process ends; its address.
pub fn serve(maildir: PathBuf) -> Result<String> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no port for the page of mails")?;
    let host = listener.local_addr()?.to_string();
    let url = format!("http://{host}");
    std::thread::Builder::new().name("mails".into()).spawn(move || {
        for stream in listener.incoming().flatten() {
            // A browser that goes away in the middle is no matter.
            let _ = answer(stream, &host, &maildir);
        }
    })?;
    Ok(url)
}

fn answer(stream: TcpStream, host: &str, maildir: &Path) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut lines = BufReader::new((&stream).take(MOST_HEAD)).lines();
    let request = lines.next().transpose()?.unwrap_or_default();
    let mut asked_host = None;
    for line in lines {
        let line = line?;
        let Some((name, value)) = line.split_once(':') else { break };
        if name.eq_ignore_ascii_case("host") {
            asked_host = Some(value.trim().to_owned());
        }
    }
    let (status, kind, body) = if asked_host.as_deref() != Some(host) {
        ("421 Misdirected Request", "text/plain", "This page has another name.\n".to_owned())
    } else {
        match request.as_str() {
            "GET / HTTP/1.1" => ("200 OK", "text/html", page(&read(maildir)?)),
            "GET /style.css HTTP/1.1" => ("200 OK", "text/css", STYLE.to_owned()),
            _ => ("404 Not Found", "text/plain", "There is nothing here.\n".to_owned()),
        }
    };
    let length = body.len();
    (&stream).write_all(
        format!(
            "HTTP/1.1 {status}\r\nContent-Type: {kind}; charset=utf-8\r\nContent-Length: {length}\r\n\
             Content-Security-Policy: {POLICY}\r\nX-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n\
             Cache-Control: no-store\r\nConnection: close\r\n\r\n{body}"
        )
        .as_bytes(),
    )
}

/// A mail as a person reads it.
#[derive(Debug, PartialEq, Eq)]
struct Mail {
    to: String,
    date: String,
    subject: String,
    text: String,
}

/// Newest first: their names begin with when they were written.
fn read(maildir: &Path) -> io::Result<Vec<Mail>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(maildir.join("new"))? {
        files.push(entry?.path());
    }
    files.sort();
    let newest = files.iter().rev().take(MOST_SHOWN);
    newest.map(|file| std::fs::read(file).map(|bytes| parse(&bytes))).collect()
}

fn parse(bytes: &[u8]) -> Mail {
    let message = MessageParser::default().parse(bytes).unwrap_or_default();
    let to = message.to().and_then(|to| to.first()).and_then(|to| to.address()).unwrap_or_default();
    Mail {
        to: to.to_owned(),
        date: message.date().map(mail_parser::DateTime::to_rfc822).unwrap_or_default(),
        subject: message.subject().unwrap_or_default().to_owned(),
        text: message.body_text(0).unwrap_or_default().into_owned(),
    }
}

fn page(mails: &[Mail]) -> String {
    let mut html = "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
                    <meta name=\"viewport\" content=\"width=device-width\"><title>Mails sent by the demo</title>\
                    <link rel=\"stylesheet\" href=\"/style.css\"></head><body><main><h1>Mails sent by the demo</h1>"
        .to_owned();
    if mails.is_empty() {
        html.push_str("<p>None yet. Reload this page after the next one.</p>");
    }
    for mail in mails {
        let (subject, to, date) = (escaped(&mail.subject), escaped(&mail.to), escaped(&mail.date));
        // Writing to a string cannot fail.
        let _ = write!(
            html,
            "<article><h2>{subject}</h2><p>To {to}, {date}</p><pre>{}</pre></article>",
            linked(&mail.text)
        );
    }
    html.push_str("</main></body></html>\n");
    html
}

/// Escaped text in which what begins like a web address is a link.
fn linked(text: &str) -> String {
    let mut html = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("https://").into_iter().chain(rest.find("http://")).min() {
        let (before, from) = rest.split_at(at);
        let end = from.find(|c: char| c.is_whitespace() || "<>\"'".contains(c)).unwrap_or(from.len());
        let (url, after) = from.split_at(end);
        let url = url.trim_end_matches(['.', ',', ')', ';']);
        let trimmed = from.get(url.len()..).unwrap_or(after);
        let shown = escaped(url);
        let _ = write!(html, "{}<a href=\"{shown}\" rel=\"noreferrer\">{shown}</a>", escaped(before));
        rest = trimmed;
    }
    html.push_str(&escaped(rest));
    html
}

fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            character => html.push(character),
        }
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAIL: &str = "To: ann@example.org\r\nSubject: =?utf-8?b?R3LDvMOfZQ==?= <b>\r\n\
                        Date: Thu, 26 Nov 2026 01:00:00 +0000\r\nMIME-Version: 1.0\r\n\
                        Content-Type: multipart/alternative; boundary=x\r\n\r\n\
                        --x\r\nContent-Type: text/plain; charset=utf-8\r\n\
                        Content-Transfer-Encoding: quoted-printable\r\n\r\n\
                        Open https://localhost:1/verify?t=3Da&b (good for 30=\r\n minutes).\r\n\
                        --x\r\nContent-Type: text/html\r\n\r\n<script>alert(1)</script>\r\n--x--\r\n";

    fn get(url: &str, request: &str) -> String {
        let mut stream = TcpStream::connect(url.trim_start_matches("http://")).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    #[test]
    fn mails_are_listed_newest_first_with_links_and_nothing_live_in_them() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("new")).unwrap();
        let url = serve(folder.path().to_owned()).unwrap();
        let host = url.trim_start_matches("http://").to_owned();
        let home = |host: &str| get(&url, &format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        assert!(home(&host).contains("None yet"));
        std::fs::write(folder.path().join("new/1800000000001.b"), MAIL.replace("=?utf", "Second =?utf"))
            .unwrap();
        std::fs::write(folder.path().join("new/1800000000000.a"), MAIL).unwrap();
        let answer = home(&host);
        assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("default-src 'none'"), "{answer}");
        let link = "<a href=\"https://localhost:1/verify?t=a&amp;b\" rel=\"noreferrer\">";
        assert_eq!(answer.matches(link).count(), 2, "{answer}");
        assert!(
            answer.contains("good for 30 minutes") && !answer.contains("<script") && !answer.contains("<b>")
        );
        assert!(answer.find("Second Grüße") < answer.find("<h2>Grüße"), "{answer}");
        // By a name that somebody else made point here: nothing.
        assert!(home("evil.example").starts_with("HTTP/1.1 421"));
        assert!(get(&url, &format!("GET /x HTTP/1.1\r\nHost: {host}\r\n\r\n")).starts_with("HTTP/1.1 404"));
        assert!(get(&url, &format!("POST / HTTP/1.1\r\nHost: {host}\r\n\r\n")).starts_with("HTTP/1.1 404"));
    }

    #[test]
    fn a_link_ends_where_a_reader_would_end_it() {
        let check = |text: &str, expect: &str| assert_eq!(linked(text), expect);
        check("a < b", "a &lt; b");
        check("see http://x/y.", "see <a href=\"http://x/y\" rel=\"noreferrer\">http://x/y</a>.");
        check("(https://x)", "(<a href=\"https://x\" rel=\"noreferrer\">https://x</a>)");
        check(
            "https://x\"onclick=1",
            "<a href=\"https://x\" rel=\"noreferrer\">https://x</a>&quot;onclick=1",
        );
        check("javascript:alert(1)", "javascript:alert(1)");
    }
}
