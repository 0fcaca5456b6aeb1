//! The letters that are mailed, one function each, a file for each area.
//!
//! In: who is told what, the configured origin. Out: a [`Letter`]: subject, plain text and HTML made from the same parts,
//! so that neither can say what the other does not. No images, nothing fetched, no tracking; addresses are of the
//! configured origin only. Never sends: `store::state::outbox` keeps a letter until `server` does.
//!
//! A new letter is one function that fills a [`Draft`], and one line in its area's snapshot test.

pub mod alarms;
pub mod calendar;
pub mod channels;
pub mod factors;
pub mod notes;
pub mod pairing;
pub mod power_loss;
pub mod registration;
pub mod service;
pub mod sharing;
mod wrap;

use std::fmt;

use askama::Template;
use store::state::{Email, NewMail};
use wire::UtcMs;

use crate::Error;

/// A notice is worth sending for this long, milliseconds: a mail server may be down over a weekend.
pub const NOTICE_MS: i64 = 3 * 24 * 3_600_000;

/// One mail, ready to be sent. It may hold a link that opens an account: printing it shows which letter it is.
#[derive(Clone, PartialEq, Eq)]
pub struct Letter {
    /// Which letter, for receipts.
    pub kind: &'static str,
    /// Subject: one line.
    pub subject: String,
    /// Plain text.
    pub text: String,
    /// HTML.
    pub html: String,
}

/// What a letter says. Names that people chose may be in any text: control characters are taken out, and HTML is
/// escaped, where the letter is made.
#[derive(Clone, Default)]
pub struct Draft {
    /// Which letter, for receipts.
    pub kind: &'static str,
    /// Subject.
    pub subject: String,
    /// The line that mail programs show beside the subject.
    pub preview: String,
    /// The state that it tells of: `data-s`, its word.
    pub tag: Option<(&'static str, &'static str)>,
    /// The first line of the letter itself.
    pub title: String,
    /// The line below it; may be empty.
    pub subtitle: String,
    /// What follows it.
    pub parts: Vec<Part>,
    /// Why the reader gets this.
    pub why: String,
    /// Where the reader can change that; empty where nothing can be changed.
    pub settings: String,
}

/// One part of a letter.
#[derive(Clone)]
pub enum Part {
    /// A paragraph.
    Says(String),
    /// What the reader should do.
    Advice(String),
    /// A page to open: the words of its button, its address.
    Open(&'static str, String),
    /// A page to open, and what else can be done there: words and address of each.
    Choose {
        /// The first.
        open: (String, String),
        /// The second, if any.
        second: Option<(&'static str, String)>,
    },
    /// Names and values.
    Facts(Vec<(&'static str, String)>),
    /// Names that people chose, and what is said of each.
    List(Vec<(String, String)>),
    /// What the parts up to the next one are about.
    Heading(&'static str),
    /// Names, each with some sentences.
    Entries(Vec<(String, String)>),
    /// How long the battery would hold.
    Runtime(alarms::Runtime),
    /// A paragraph in small print.
    Note(String),
}

#[derive(Template)]
#[template(path = "mail/letter.html")]
struct Html<'a> {
    draft: &'a Draft,
}

#[derive(Template)]
#[template(path = "mail/letter.txt")]
struct Text<'a> {
    draft: &'a Draft,
}

impl Draft {
    /// The letter of this draft.
    ///
    /// # Errors
    /// [`Error::Internal`]: a template failed.
    pub fn written(mut self) -> Result<Letter, Error> {
        self.clean();
        let failed = |error| Error::internal("write a letter", error);
        let html = Html { draft: &self }.render().map_err(failed)?;
        let text = Text { draft: &self }.render().map_err(failed)?;
        Ok(Letter { kind: self.kind, subject: self.subject, text, html })
    }

    /// Nobody's name can begin a header, a line or a paragraph of its own.
    fn clean(&mut self) {
        let lines =
            [&mut self.subject, &mut self.preview, &mut self.title, &mut self.subtitle, &mut self.why];
        for text in lines {
            *text = one_line(text);
        }
        for part in &mut self.parts {
            match part {
                Part::Says(text) | Part::Advice(text) | Part::Open(_, text) | Part::Note(text) => {
                    *text = one_line(text);
                }
                Part::Choose { open: (words, _), .. } => *words = one_line(words),
                Part::Facts(facts) => facts.iter_mut().for_each(|(_, value)| *value = one_line(value)),
                Part::List(lines) | Part::Entries(lines) => lines.iter_mut().for_each(|(name, value)| {
                    (*name, *value) = (one_line(name), one_line(value));
                }),
                Part::Runtime(_) | Part::Heading(_) => {}
            }
        }
    }
}

impl Letter {
    /// The mail that brings it. `key` names it for all time, see [`NewMail`]; past `expires_at` it is not sent.
    #[must_use]
    pub fn to<'a>(&'a self, to: &'a Email, key: &'a str, queued_at: UtcMs, expires_at: UtcMs) -> NewMail<'a> {
        let Self { kind, subject, text, html } = self;
        NewMail { key, to, kind, subject, text, html, queued_at, expires_at }
    }

    /// The mail that brings it within three days, or not at all.
    #[must_use]
    pub fn notice<'a>(&'a self, to: &'a Email, key: &'a str, now: UtcMs) -> NewMail<'a> {
        self.to(to, key, now, now.plus_ms(NOTICE_MS))
    }
}

impl fmt::Debug for Letter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Letter").field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// Colours of states and of parts of the runtime bar, on white; what a letter shows in the dark is in its template.
const COLOURS: [(&str, &str); 9] = [
    ("bat", "#6430C4"),
    ("alarm", "#C2151E"),
    ("off", "#6B7686"),
    ("warn", "#F0A400"),
    ("test", "#0B5A8A"),
    ("ok", "#0B6E51"),
    ("used", "#E6DAFA"),
    ("missing", "#FDE7E6"),
    ("rest", "#EDF0F4"),
];

/// The colour of a state or of a part of the runtime bar.
pub(crate) fn colour(part: &str) -> &'static str {
    COLOURS.iter().find(|(known, _)| *known == part).map_or("#10151D", |(_, colour)| colour)
}

fn one_line(text: &str) -> String {
    // Besides control characters, those that turn the direction of what follows (CVE-2021-42574).
    let breaks = |character: char| {
        character.is_control()
            || matches!(character, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    let spaced: String =
        text.chars().map(|character| if breaks(character) { ' ' } else { character }).collect();
    spaced.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

/// `Nov 17, 2026, 8:07 AM UTC`: a letter does not know where it is read.
pub(crate) fn instant(at: UtcMs) -> String {
    let at = jiff::Timestamp::from_millisecond(at.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    at.strftime("%b %-d, %Y, %-I:%M %p UTC").to_string()
}

/// When something was done to an account, and from where.
pub(crate) fn when_and_where(at: UtcMs, from: Option<&str>) -> Vec<(&'static str, String)> {
    let mut facts = vec![("When", instant(at))];
    facts.extend(from.map(|from| ("From network address", from.to_owned())));
    facts
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Both faces of a letter in one text, for snapshots.
    pub(crate) fn shown(letter: &Letter) -> String {
        format!(
            "kind: {}\nsubject: {}\n\n{}\n{}\n{}",
            letter.kind,
            letter.subject,
            letter.text,
            "-".repeat(72),
            letter.html
        )
    }

    /// ASVS 5.0: 16.2.5.
    #[test]
    fn printing_a_letter_shows_nothing_of_what_it_says() {
        let secret = crate::sign_in::secret::Secret::new().unwrap();
        let letter = registration::reset("https://inverters.example", &secret).unwrap();
        let to = Email::parse("ann@x.test").unwrap();
        let mail = letter.notice(&to, "key-1", UtcMs(0));
        for printed in [format!("{letter:?}"), format!("{letter:#?}"), format!("{mail:?}")] {
            assert!(printed.contains("reset"), "{printed}");
            assert!(!printed.contains(&secret.reveal()) && !printed.contains("https:"), "{printed}");
        }
    }

    /// A letter without a snapshot could say anything.
    #[test]
    fn every_letter_has_its_snapshot() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/mail");
        let mut kinds = 0;
        for area in [
            "alarms",
            "calendar",
            "channels",
            "factors",
            "notes",
            "pairing",
            "power_loss",
            "registration",
            "service",
            "sharing",
        ] {
            let Ok(text) = std::fs::read_to_string(folder.join(area).with_extension("rs")) else { continue };
            for rest in text.split("kind: \"").skip(1) {
                let kind = rest.split('"').next().unwrap();
                let snapshot = format!("snapshots/web__mail__{area}__tests__{kind}.snap");
                let either = [folder.join(&snapshot), folder.join(area).join(&snapshot)];
                assert!(either.iter().any(|path| path.exists()), "{snapshot}");
                kinds += 1;
            }
        }
        assert!(kinds > 15, "{kinds}");
    }

    /// ASVS 5.0: 1.1.2, 1.3.3, 1.3.11.
    #[test]
    fn no_name_makes_a_line_a_tag_or_turns_the_text_around() {
        let name = "Ann\r\nBcc: x@evil.example\n\n<a href=//evil.example>\u{202e}\u{0}\u{2028}";
        let draft = Draft {
            kind: "test",
            subject: name.to_owned(),
            title: name.to_owned(),
            parts: vec![Part::Says(name.to_owned()), Part::Facts(vec![("Name", name.to_owned())])],
            ..Draft::default()
        };
        let letter = draft.written().unwrap();
        assert_eq!(letter.subject, "Ann Bcc: x@evil.example <a href=//evil.example>");
        assert!(!letter.html.contains("<a href=//"), "{}", letter.html);
        assert!(!letter.text.lines().any(|line| line.starts_with("Bcc")), "{}", letter.text);
        for face in [&letter.text, &letter.html] {
            assert!(!face.chars().any(|c| (c.is_control() && c != '\n') || c == '\u{202e}'), "{face:?}");
        }
    }
}
