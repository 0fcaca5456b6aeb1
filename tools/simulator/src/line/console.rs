//! What a person can cause, as words.
//!
//! In: one line. Out: a [`Command`], or what would have been possible. Changes nothing by itself.

use std::time::Duration;

use wire::{Condition, TestKind};

/// One command.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Utility as a share of nominal.
    Mains(Level),
    /// Press the cabinet button.
    Button,
    /// Force a condition, or let it go.
    Fault(Condition, bool),
    /// List the conditions.
    Faults,
    /// Start a self-test.
    Test(TestKind),
    /// End the running one.
    TestStop,
    /// Load as a share of rated; `None`: usual.
    Load(Option<f64>),
    /// °C around the cabinet; `None`: the site's own.
    Ambient(Option<f64>),
    /// Charge, 0 to 1.
    Charge(f64),
    /// Age of the battery, years.
    Age(f64),
    /// Put this many random bytes on the wire.
    Garbage(usize),
    /// Say nothing for this long.
    Silence(Duration),
    /// Tell how it is.
    Status,
    /// Tell what is possible.
    Help,
    /// End.
    Quit,
    /// Nothing was typed.
    Nothing,
}

/// Utility voltage.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Level {
    /// As a share of nominal.
    Share(f64),
    /// In volts.
    Volts(f64),
}

/// Every command as shown by `help`: usage and meaning.
pub const HELP: &[(&str, &str)] = &[
    ("mains off|on|VOLTS", "utility fails, returns, or has this voltage"),
    ("button", "press the cabinet button"),
    ("fault NAME [off]", "cause one of the fifteen conditions, or end it; `fault` lists them"),
    ("test monthly|annual|manual|stop", "start a self-test, or stop it"),
    ("load PERCENT|usual", "set the load"),
    ("ambient CELSIUS|usual", "set the temperature around the cabinet"),
    ("charge PERCENT", "set the battery's charge"),
    ("age YEARS", "set the battery's age"),
    ("garbage N", "put N random bytes on the wire"),
    ("silence SECONDS", "say nothing for a while"),
    ("status", "how it is now, and how many bytes came from the other side"),
    ("quit", "end this simulator"),
];

/// Not a command; the text says what is possible.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotPossible(pub String);

/// Reads one line.
///
/// # Errors
/// [`NotPossible`] with the usage of what was meant, or of everything.
pub fn parse(line: &str) -> Result<Command, NotPossible> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let command = match words.as_slice() {
        [] => Command::Nothing,
        ["mains", "off"] => Command::Mains(Level::Share(0.0)),
        ["mains", "on"] => Command::Mains(Level::Share(1.0)),
        ["mains", volts] => Command::Mains(Level::Volts(number(line, volts, 0.0, 1000.0)?)),
        ["button"] => Command::Button,
        ["fault"] | ["fault", "list"] => Command::Faults,
        ["fault", name] | ["fault", name, "on"] => Command::Fault(condition(name)?, true),
        ["fault", name, "off"] => Command::Fault(condition(name)?, false),
        ["test", "monthly"] => Command::Test(TestKind::Monthly),
        ["test", "annual"] => Command::Test(TestKind::Annual),
        ["test", "manual"] => Command::Test(TestKind::Manual),
        ["test", "stop"] => Command::TestStop,
        ["load", "usual"] => Command::Load(None),
        ["load", percent] => Command::Load(Some(number(line, percent, 0.0, 200.0)? / 100.0)),
        ["ambient", "usual"] => Command::Ambient(None),
        ["ambient", celsius] => Command::Ambient(Some(number(line, celsius, -40.0, 90.0)?)),
        ["charge", percent] => Command::Charge(number(line, percent, 0.0, 100.0)? / 100.0),
        ["age", years] => Command::Age(number(line, years, 0.0, 50.0)?),
        ["garbage", count] => Command::Garbage(whole(number(line, count, 0.0, 100_000.0)?)),
        ["silence", seconds] => {
            Command::Silence(Duration::from_secs_f64(number(line, seconds, 0.0, 86_400.0)?))
        }
        ["status"] => Command::Status,
        ["help" | "?"] => Command::Help,
        ["quit" | "exit"] => Command::Quit,
        _ => return Err(not_possible(line)),
    };
    Ok(command)
}

/// The help as text.
#[must_use]
pub fn help() -> String {
    HELP.iter()
        .map(|(usage, meaning)| format!("{usage:34} {meaning}\n"))
        .collect::<String>()
        .trim_end()
        .to_owned()
}

fn not_possible(line: &str) -> NotPossible {
    let first = line.split_whitespace().next().unwrap_or_default();
    let meant = HELP.iter().find(|(usage, _)| usage.split_whitespace().next() == Some(first));
    NotPossible(match meant {
        Some((usage, meaning)) => format!("not understood: {:?}. Usage: {usage}  ({meaning})", line.trim()),
        None => format!("not understood: {:?}. Possible:\n{}", line.trim(), help()),
    })
}

fn number(line: &str, text: &str, least: f64, most: f64) -> Result<f64, NotPossible> {
    let text = text.trim_end_matches(['%', 'V', 'C']);
    let value = text.parse::<f64>().ok().filter(|v| v.is_finite()).ok_or_else(|| not_possible(line))?;
    if (least..=most).contains(&value) {
        return Ok(value);
    }
    Err(NotPossible(format!("{value} is out of range: give {least} to {most}")))
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "0 to 100,000, checked by the caller"
)]
fn whole(value: f64) -> usize {
    value as usize
}

/// By full name, or by any part that only one name has (`charger` for `charger.fault`).
fn condition(name: &str) -> Result<Condition, NotPossible> {
    if let Some(exact) = Condition::from_name(name) {
        return Ok(exact);
    }
    let mut starting = Condition::all().filter(|c| c.name().split(['.', '_']).any(|part| part == name));
    match (starting.next(), starting.next()) {
        (Some(only), None) => Ok(only),
        (first, _) => {
            let word = if first.is_some() { "more than one" } else { "no" };
            Err(NotPossible(format!("{word} condition is called {name:?}. Conditions: {}", conditions())))
        }
    }
}

/// The names of all conditions.
#[must_use]
pub fn conditions() -> String {
    Condition::all().map(Condition::name).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expect: Command) {
        assert_eq!(parse(line), Ok(expect), "{line}");
    }

    fn refuse(line: &str, says: &str) {
        let error = parse(line).unwrap_err().to_string();
        assert!(error.contains(says), "{line}: {error}");
    }

    #[test]
    fn commands_are_read() {
        check("mains off", Command::Mains(Level::Share(0.0)));
        check(" mains  240V ", Command::Mains(Level::Volts(240.0)));
        check("fault charger", Command::Fault(Condition::CHARGER_FAULT, true));
        check("fault battery.near_low off", Command::Fault(Condition::BATTERY_NEAR_LOW, false));
        check("fault overload", Command::Fault(Condition::OVERLOAD, true));
        check("load 80", Command::Load(Some(0.8)));
        check("silence 2.5", Command::Silence(Duration::from_millis(2500)));
        check("", Command::Nothing);
    }

    #[test]
    fn what_is_not_understood_says_what_is_possible() {
        refuse("dance", "garbage N");
        refuse("mains sideways", "mains off|on|VOLTS");
        refuse("load 900", "0 to 200");
        refuse("load NaN", "load PERCENT");
        refuse("fault lamps", "overload.shutdown");
        refuse("fault battery", "more than one");
    }

    #[test]
    fn every_line_of_the_help_is_understood() {
        for (usage, _) in HELP {
            let word = usage.split_whitespace().next().unwrap();
            let tried = usage.split(' ').nth(1).map_or(String::new(), |argument| {
                match argument.split('|').next().unwrap() {
                    "NAME" => "overload".into(),
                    "PERCENT" | "CELSIUS" | "YEARS" | "N" | "SECONDS" => "1".into(),
                    other => other.to_owned(),
                }
            });
            assert!(parse(&format!("{word} {tried}")).is_ok(), "{word} {tried}");
        }
    }
}
