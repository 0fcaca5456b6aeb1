//! The program's log on standard error.
//!
//! In: events. Out: one line each, as words or as JSON, whatever was said from outside: control characters are escaped, so that
//! nobody's text ends a line, begins another or moves a terminal's cursor.

use std::fmt;

use clap::ValueEnum;
use tracing::Subscriber;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::{DefaultFields, FormatFields, Writer};

/// How a line is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Time, level, words, `key=value`.
    #[default]
    Words,
    /// One JSON object a line.
    Json,
}

/// From now on events are written to standard error.
pub fn start(format: Format) {
    let filter = EnvFilter::try_from_env("INVERTER_CONNECT_LOG")
        .unwrap_or_else(|_| EnvFilter::new("info,sea_orm_migration=warn,sqlx=warn"));
    let colors = std::io::IsTerminal::is_terminal(&std::io::stderr());
    let log = subscriber(format, filter, colors, std::io::stderr);
    // It fails only where there is one already.
    let _ = tracing::subscriber::set_global_default(log);
}

fn subscriber(
    format: Format,
    filter: EnvFilter,
    colors: bool,
    writer: impl for<'w> MakeWriter<'w> + Send + Sync + 'static,
) -> Box<dyn Subscriber + Send + Sync> {
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer).with_target(false);
    match format {
        Format::Words => Box::new(log.with_ansi(colors).fmt_fields(OneLine).finish()),
        // JSON escapes by itself.
        Format::Json => Box::new(log.json().flatten_event(true).finish()),
    }
}

/// Fields and messages as usual, with control characters escaped.
struct OneLine;

impl<'w> FormatFields<'w> for OneLine {
    fn format_fields<R: RecordFields>(&self, mut writer: Writer<'w>, fields: R) -> fmt::Result {
        let mut text = String::new();
        DefaultFields::new().format_fields(Writer::new(&mut text), fields)?;
        for character in text.chars() {
            if breaks(character) {
                write!(writer, "{}", character.escape_default())?;
            } else {
                writer.write_char(character)?;
            }
        }
        Ok(())
    }
}

/// Whether it ends a line, steers a terminal, or turns the direction of what follows.
fn breaks(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}')
        || matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use super::*;

    const HOSTILE: &str = "no\r\n2026-11-27T12:00:00Z  INFO ready\u{1b}[2J\u{9b}1m\u{7}\u{2028}\u{202e}end";

    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What the program's own subscriber writes of hostile words in every place that they can come to.
    fn written(format: Format, colors: bool) -> String {
        let kept = Kept::default();
        let writer = kept.clone();
        let log = subscriber(format, EnvFilter::new("trace"), colors, move || writer.clone());
        tracing::subscriber::with_default(log, || {
            let error = io::Error::other(HOSTILE);
            tracing::info!("{HOSTILE}");
            tracing::warn!(display = %HOSTILE, "a field by its words");
            tracing::warn!(quoted = HOSTILE, debug = ?HOSTILE, "quoted fields");
            tracing::error!(error = &error as &dyn std::error::Error, "an error");
            tracing::info_span!("within", said = %HOSTILE).in_scope(|| tracing::info!("a span"));
        });
        let bytes = kept.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    /// ASVS 5.0: 16.4.1.
    #[test]
    fn one_event_is_one_line_whatever_somebody_said() {
        let text = written(Format::Words, false);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 5, "{text:?}");
        for line in &lines {
            assert!(!line.chars().any(breaks), "{line:?}");
            assert!(!line.starts_with("2026-11-27T12:00:00Z"), "{line:?}");
        }
        let expect = r"no\r\n2026-11-27T12:00:00Z  INFO ready";
        assert!(lines[..2].iter().all(|line| line.contains(expect) && line.contains("end")), "{text}");
        assert!(lines[1].contains("a field by its words"), "{text}");
    }

    #[test]
    fn on_a_terminal_only_the_levels_are_coloured() {
        let text = written(Format::Words, true);
        assert_eq!(text.lines().count(), 5, "{text:?}");
        assert!(
            text.contains('\u{1b}') && !text.contains("\u{1b}[2J") && !text.contains('\u{7}'),
            "{text:?}"
        );
    }

    #[test]
    fn json_is_one_object_a_line_that_holds_the_words_as_they_were() {
        let text = written(Format::Json, true);
        let lines: Vec<serde_json::Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 5, "{text}");
        assert_eq!(
            (&lines[0]["message"], &lines[1]["display"]),
            (&HOSTILE.into(), &HOSTILE.into()),
            "{text}"
        );
    }
}
