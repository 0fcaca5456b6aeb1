//! What one start of the gateway writes down for the next: the clock, what is acknowledged, what was last seen.
//!
//! In: [`State`], each minute and at a clean end. Out: the same, or nothing where the file is missing or damaged;
//! losing it costs exact times of a machine without a clock and some repeated sending, never a record.

use std::io;
use std::path::Path;

use wire::{BootId, Quality, UtcMs};

use crate::dating::{Clock, Persisted};
use crate::spool::Intervals;

/// The file's name in the data folder.
pub const FILE_NAME: &str = "state";
const HEAD: &str = "inverter-gateway state 1";

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// The clock.
    pub clock: Option<Persisted>,
    /// Acknowledged ordinals among those still on disk.
    pub done: Intervals,
    /// What the recorder saw last.
    pub seen: Seen,
}

/// Button and test as last seen: a change is an event, also across a restart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// The inverter's boot counter and its press count.
    pub button: Option<(Option<u64>, u64)>,
    /// Test counter, code or raw text of kind and result.
    pub test: Option<(u64, String, String)>,
}

impl State {
    /// Reads the file in `folder`.
    #[must_use]
    pub fn load(folder: &Path) -> Option<Self> {
        Self::parse(&std::fs::read_to_string(folder.join(FILE_NAME)).ok()?)
    }

    /// Writes the file: a new one, synchronised, in the old one's place.
    ///
    /// # Errors
    /// What the file system says.
    pub fn save(&self, folder: &Path) -> io::Result<()> {
        let new = folder.join("state.new");
        let file = std::fs::File::create(&new)?;
        io::Write::write_all(&mut &file, self.to_text().as_bytes())?;
        file.sync_data()?;
        std::fs::rename(new, folder.join(FILE_NAME))
    }

    fn to_text(&self) -> String {
        use std::fmt::Write;
        let mut text = format!("{HEAD}\n");
        // Writing to a String cannot fail.
        let mut line = |line: std::fmt::Arguments<'_>| {
            let _ = writeln!(text, "{line}");
        };
        if let Some(Persisted { kernel, uptime_ms, clock }) = self.clock {
            let (kernel, quality) = (BootId(kernel), clock.quality.name());
            line(format_args!("clock {kernel} {uptime_ms} {} {quality}", clock.wall_at_zero.0));
        }
        for (first, last) in self.done.iter() {
            line(format_args!("done {first} {last}"));
        }
        if let Some((boot, count)) = self.seen.button {
            let boot = boot.map_or("-".to_owned(), |boot| boot.to_string());
            line(format_args!("button {boot} {count}"));
        }
        if let Some((count, kind, result)) = &self.seen.test {
            let hex = |text: &String| text.bytes().map(|byte| format!("{byte:02x}")).collect::<String>();
            line(format_args!("test {count} x{} x{}", hex(kind), hex(result)));
        }
        let crc = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC).checksum(text.as_bytes());
        let _ = writeln!(text, "crc {crc:08x}");
        text
    }

    fn parse(text: &str) -> Option<Self> {
        let body_bytes = text.strip_suffix('\n')?.rfind('\n')? + 1;
        let (body, crc_line) = text.split_at_checked(body_bytes)?;
        let crc = u32::from_str_radix(crc_line.trim_end().strip_prefix("crc ")?, 16).ok()?;
        if crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC).checksum(body.as_bytes()) != crc {
            return None;
        }
        let mut lines = body.lines();
        lines.next().filter(|head| *head == HEAD)?;
        let mut state = Self::default();
        for line in lines {
            let words: Vec<&str> = line.split(' ').collect();
            match words.as_slice() {
                ["clock", kernel, uptime_ms, wall_at_zero, quality] => {
                    state.clock = Some(Persisted {
                        kernel: BootId::parse_hex(kernel)?.0,
                        uptime_ms: uptime_ms.parse().ok()?,
                        clock: Clock {
                            wall_at_zero: UtcMs(wall_at_zero.parse().ok()?),
                            quality: Quality::from_name(quality),
                        },
                    });
                }
                ["done", first, last] => state.done.insert(first.parse().ok()?, last.parse().ok()?),
                ["button", boot, count] => state.seen.button = Some((boot.parse().ok(), count.parse().ok()?)),
                ["test", count, kind, result] => {
                    state.seen.test = Some((count.parse().ok()?, unhex(kind)?, unhex(result)?));
                }
                _ => return None,
            }
        }
        Some(state)
    }
}

fn unhex(text: &str) -> Option<String> {
    let digits: Vec<u8> =
        text.strip_prefix('x')?.chars().map(|c| c.to_digit(16)?.try_into().ok()).collect::<Option<_>>()?;
    let bytes =
        digits.chunks(2).map(|pair| pair.iter().fold(0_u8, |byte, digit| (byte << 4) | digit)).collect();
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> State {
        let mut done = Intervals::default();
        done.insert(5, 9);
        done.insert(12, 12);
        State {
            clock: Some(Persisted {
                kernel: [3; 16],
                uptime_ms: 77,
                clock: Clock { wall_at_zero: UtcMs(-4), quality: Quality::Aged },
            }),
            done,
            seen: Seen { button: Some((None, 3)), test: Some((2, "monthly".into(), "päss ed\n".into())) },
        }
    }

    #[test]
    fn a_saved_state_is_loaded_and_a_damaged_one_is_not() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(State::load(folder.path()), None);
        for state in [State::default(), example()] {
            state.save(folder.path()).unwrap();
            assert_eq!(State::load(folder.path()), Some(state));
        }
        let text = example().to_text();
        for cut in 0..text.len() {
            if let Some(part) = text.get(..cut) {
                assert_eq!(State::parse(part), None, "cut at {cut}");
            }
        }
    }
}
