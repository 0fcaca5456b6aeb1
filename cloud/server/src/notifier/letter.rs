//! A mail as bytes.
//!
//! In: a row of the outbox, from whom mails come. Out: RFC 5322 text with a plain and an HTML part, the same bytes each
//! time: a mail that is sent twice is the same mail twice, and Message-ID tells receivers so. Nothing in it can add a
//! header: addresses are parsed, control characters in a subject become spaces. Holds no picture or link of its own that
//! would tell that it was read.

use std::fmt::Write as _;
use std::time::{Duration, UNIX_EPOCH};

use aws_lc_rs::digest;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart, SinglePart};
use lettre::{Address, Message};
use store::state::DueMail;

/// Characters of the digest of a mail's key: 128 bits.
const ID_LENGTH: usize = 32;

/// From whom mails come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Letterhead {
    /// Sender.
    pub from: Mailbox,
    /// Where answers go, if not to the sender.
    pub reply_to: Option<Mailbox>,
}

/// A mail, ready to be sent.
#[derive(Clone, PartialEq, Eq)]
pub struct Letter {
    /// The left side of its Message-ID: tells nothing, and is the same at each try.
    pub id: String,
    /// Sender, for the server.
    pub from: Address,
    /// Receiver, for the server.
    pub to: Address,
    /// When it was written, milliseconds of Unix time.
    pub written_ms: i64,
    /// The whole text with its headers.
    pub bytes: Vec<u8>,
}

/// It cannot be written as a mail.
#[derive(Debug, thiserror::Error)]
pub enum LetterError {
    /// No mail server would know the address.
    #[error("the address cannot be written to: {0}")]
    Address(#[from] lettre::address::AddressError),
    /// A header is missing.
    #[error("the mail cannot be put together: {0}")]
    Parts(#[from] lettre::error::Error),
}

impl Letterhead {
    /// Writes a mail.
    ///
    /// # Errors
    /// [`LetterError`].
    pub fn write(&self, mail: &DueMail) -> Result<Letter, LetterError> {
        let to: Address = mail.to.parse()?;
        let id = id(&mail.key);
        let written = UNIX_EPOCH + Duration::from_millis(u64::try_from(mail.queued_at.0).unwrap_or(0));
        // What is generated must not be answered by another machine (RFC 3834).
        let automatic = HeaderName::new_from_ascii_str("Auto-Submitted");
        let mut builder = Message::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to.clone()))
            .subject(one_line(&mail.subject))
            .date(written)
            .message_id(Some(format!("<{id}@{}>", self.from.email.domain())))
            .raw_header(HeaderValue::new(automatic, "auto-generated".to_owned()));
        if let Some(reply_to) = &self.reply_to {
            builder = builder.reply_to(reply_to.clone());
        }
        let parts = MultiPart::alternative().boundary(id.clone());
        let parts = parts.singlepart(SinglePart::plain(mail.text.clone()));
        let message = builder.multipart(parts.singlepart(SinglePart::html(mail.html.clone())))?;
        let from = self.from.email.clone();
        Ok(Letter { id, from, to, written_ms: mail.queued_at.0, bytes: message.formatted() })
    }
}

/// A digest, because keys name what mails tell of.
fn id(key: &str) -> String {
    let hash = digest::digest(&digest::SHA256, key.as_bytes());
    let mut text = String::new();
    for byte in hash.as_ref() {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text.truncate(ID_LENGTH);
    text
}

fn one_line(subject: &str) -> String {
    subject.chars().map(|character| if character.is_control() { ' ' } else { character }).collect()
}

impl std::fmt::Debug for Letter {
    /// Without its words and its address: they belong in no log.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Letter").field("id", &self.id).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use fleet::notice::Channel;
    use mail_parser::MessageParser;
    use store::state::Email;
    use wire::UtcMs;

    use super::*;

    fn head() -> Letterhead {
        Letterhead {
            from: "Inverter Connect <no-reply@connect.example>".parse().unwrap(),
            reply_to: Some("help@connect.example".parse().unwrap()),
        }
    }

    fn mail(to: &str, subject: &str, text: &str) -> DueMail {
        DueMail {
            id: 7,
            key: "verify:4711".into(),
            channel: Channel::Email,
            to: Email::parse(to).unwrap().as_str().to_owned(),
            account: None,
            incident: None,
            kind: "verify".into(),
            subject: subject.into(),
            text: text.into(),
            html: format!("<p>{text}</p>"),
            queued_at: UtcMs(1_800_000_000_123),
            expires_at: UtcMs(1_800_001_800_000),
            attempts: 1,
        }
    }

    fn write(subject: &str, text: &str) -> String {
        String::from_utf8(head().write(&mail("ann@example.org", subject, text)).unwrap().bytes).unwrap()
    }

    #[test]
    fn it_has_what_a_mail_needs_and_says_the_same_each_time() {
        let text = write("Bestätigen Sie Ihre Adresse", "Grüße\nhttps://connect.example/verify?t=a=b_c-d\n");
        assert!(text.is_ascii(), "old servers take seven bits: {text}");
        assert_eq!(
            text,
            write("Bestätigen Sie Ihre Adresse", "Grüße\nhttps://connect.example/verify?t=a=b_c-d\n")
        );
        let read = MessageParser::default().parse(&text).unwrap();
        assert_eq!(read.subject(), Some("Bestätigen Sie Ihre Adresse"));
        assert_eq!(read.body_text(0).unwrap(), "Grüße\r\nhttps://connect.example/verify?t=a=b_c-d\r\n");
        assert!(read.body_html(0).unwrap().starts_with("<p>Grüße"));
        assert_eq!(read.from().unwrap().first().unwrap().address(), Some("no-reply@connect.example"));
        assert_eq!(read.reply_to().unwrap().first().unwrap().address(), Some("help@connect.example"));
        assert_eq!(read.to().unwrap().first().unwrap().address(), Some("ann@example.org"));
        assert_eq!(read.date().unwrap().to_timestamp(), 1_800_000_000);
        let id = read.message_id().unwrap();
        assert!(id.ends_with("@connect.example") && !id.contains("4711"), "{id}");
        assert_eq!(read.header("Auto-Submitted").and_then(|value| value.as_text()), Some("auto-generated"));
        assert!(text.contains("multipart/alternative"), "{text}");
    }

    /// ASVS 5.0: 1.3.11, 5.4.2.
    #[test]
    fn nothing_in_a_mail_can_add_a_header_or_a_part() {
        let evil = "Hello\r\nBcc: eve@example.org\r\n\r\nbody\u{0}\u{1b}[31m";
        let text = write(evil, "a\r\n.\r\nMAIL FROM:<eve@example.org>\r\n");
        let read = MessageParser::default().parse(&text).unwrap();
        assert!(read.bcc().is_none(), "{text}");
        assert_eq!(read.parts.len(), 3, "{text}");
        let subject = read.subject().unwrap();
        assert!(!subject.chars().any(char::is_control) && subject.contains("Bcc:"), "{subject:?}");
        // Long ones are folded, not cut.
        let long = "Wort ".repeat(80);
        let text = write(&long, "x");
        assert!(text.lines().all(|line| line.len() <= 998));
        assert_eq!(MessageParser::default().parse(&text).unwrap().subject(), Some(long.trim_end()));
    }

    /// ASVS 5.0: 1.3.11.
    #[test]
    fn an_address_that_no_server_would_know_is_refused() {
        let check = |to: &str, good: bool| {
            assert_eq!(head().write(&mail(to, "s", "t")).is_ok(), good, "{to}");
        };
        check("ann@example.org", true);
        check("o'brien+tag@sub.example.org", true);
        check("ann@exämple.org", true);
        check("a,b@example.org", false);
        check("<ann>@example.org", false);
        check("ann@example..org", false);
        check("ann@example.org>", false);
    }
}
