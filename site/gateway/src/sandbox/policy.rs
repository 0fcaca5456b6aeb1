//! Policies: text that people read, into filters that the kernel runs.
//!
//! In: `policy/*.policy` (its README says how a line reads). Out: BPF programs, one per kind of answer, put on top of each
//! other: the kernel takes the sternest. Never invents a permission: a line that does not parse is an error.

use seccompiler::{BpfProgram, TargetArch};

use super::Process;

/// The files, part of the binary: nobody can change them apart from it.
pub const FILES: [(&str, &str); 8] = [
    ("runtime", include_str!("../../policy/runtime.policy")),
    ("start", include_str!("../../policy/start.policy")),
    ("parent", include_str!("../../policy/parent.policy")),
    ("supervisor", include_str!("../../policy/supervisor.policy")),
    ("starter", include_str!("../../policy/starter.policy")),
    ("reader", include_str!("../../policy/reader.policy")),
    ("button", include_str!("../../policy/button.policy")),
    ("uplink", include_str!("../../policy/uplink.policy")),
];

/// The answers to what no `allow` line holds for, by their numbers in errno(3).
const ANSWERS: [(&str, u32); 2] = [("EPERM", 1), ("ENOSYS", 38)];

/// A policy cannot be used. Tests compile every one for every architecture, so this is a broken build.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// There is no such file.
    #[error("there is no policy {0}")]
    Missing(String),
    /// A line that says nothing.
    #[error("policy {file}, line {line}: cannot be read")]
    Line {
        /// The policy.
        file: String,
        /// Its line, from 1.
        line: usize,
    },
    /// An architecture without a table of calls.
    #[error("this architecture has no policy")]
    Architecture(#[source] seccompiler::BackendError),
    /// A name that the architecture does not know, or too much.
    #[error("the policy cannot be compiled")]
    Compile(#[source] seccompiler::Error),
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Where it stands: file, and line from 1.
    pub place: (&'static str, usize),
    /// `allow`, or one of [`ANSWERS`].
    pub verb: &'static str,
    /// The call's name.
    pub call: &'static str,
    /// The one architecture that knows it.
    pub only_on: Option<&'static str>,
    /// What its arguments must be.
    pub conditions: Vec<Condition>,
    /// Why.
    pub why: &'static str,
    /// The test that goes red without it.
    pub test: &'static str,
}

/// `argN & mask == value`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Condition {
    argument: u8,
    whole_word: bool,
    mask: Option<u64>,
    value: u64,
}

/// The filters of this process on this machine.
///
/// # Errors
/// [`PolicyError`].
pub fn programs(process: Process) -> Result<Vec<BpfProgram>, PolicyError> {
    let arch = TargetArch::try_from(std::env::consts::ARCH).map_err(PolicyError::Architecture)?;
    let lines = lines(process.name())?;
    #[cfg(feature = "simulated")]
    let lines = with_what_tests_drive(lines);
    compile(&lines, std::env::consts::ARCH, arch)
}

#[cfg(feature = "simulated")]
fn with_what_tests_drive(mut lines: Vec<Line>) -> Vec<Line> {
    lines.retain(|line| !crate::simulated::is_without(line.place));
    if crate::simulated::clock().is_some() {
        lines.extend(parse(
            "allow pread64 | a driven clock is read anew from its open file | -",
            ("simulated", 1),
        ));
    }
    lines
}

/// All lines of a policy, with those it includes.
///
/// # Errors
/// [`PolicyError`].
pub fn lines(name: &str) -> Result<Vec<Line>, PolicyError> {
    let found = FILES.iter().find(|(file, _)| *file == name);
    let (file, text) = *found.ok_or_else(|| PolicyError::Missing(name.to_owned()))?;
    let mut all = Vec::new();
    for (at, line) in text.lines().enumerate() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(other) = line.strip_prefix("include ") {
            all.extend(lines(other)?);
            continue;
        }
        let place = (file, at + 1);
        let parsed = parse(line, place);
        all.push(parsed.ok_or_else(|| PolicyError::Line { file: file.to_owned(), line: at + 1 })?);
    }
    Ok(all)
}

fn parse(line: &'static str, place: (&'static str, usize)) -> Option<Line> {
    let mut columns = line.split(" | ");
    let (what, why, test) = (columns.next()?, columns.next()?, columns.next()?);
    let (verb, call) = what.split_once(' ')?;
    let (call, conditions) = match call.split_once('(') {
        Some((call, conditions)) => {
            let conditions = conditions.strip_suffix(')')?.split(", ").map(condition);
            (call, conditions.collect::<Option<Vec<_>>>()?)
        }
        None => (call, Vec::new()),
    };
    let (call, only_on) = call.split_once('@').map_or((call, None), |(call, arch)| (call, Some(arch)));
    let known = verb == "allow" || ANSWERS.iter().any(|(name, _)| *name == verb);
    let answers_all = verb == "allow" || conditions.is_empty();
    let whole = known && answers_all && columns.next().is_none() && !why.is_empty() && !test.is_empty();
    whole.then_some(Line { place, verb, call, only_on, conditions, why, test })
}

fn condition(text: &str) -> Option<Condition> {
    let (left, value) = text.split_once(" == ")?;
    let (left, mask) = match left.split_once('&') {
        Some((left, mask)) => (left, Some(number(mask)?)),
        None => (left, None),
    };
    let whole_word = left.starts_with("ptr");
    let argument = left.strip_prefix("arg").or_else(|| left.strip_prefix("ptr"))?.parse().ok()?;
    Some(Condition { argument, whole_word, mask, value: number(value)? })
}

fn number(text: &str) -> Option<u64> {
    match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

/// One program per kind of answer, and last one that kills: a call that is answered passes that one and gets its error
/// from the other wherever no `allow` line holds.
///
/// # Errors
/// [`PolicyError`].
pub fn compile(lines: &[Line], arch: &str, target: TargetArch) -> Result<Vec<BpfProgram>, PolicyError> {
    let here: Vec<&Line> = lines.iter().filter(|line| line.only_on.is_none_or(|only| only == arch)).collect();
    let answered = |verb: Option<&str>, call: &str| {
        here.iter()
            .any(|line| line.call == call && line.verb != "allow" && verb.is_none_or(|v| v == line.verb))
    };
    let mut filters = Vec::new();
    for (verb, number) in ANSWERS {
        if here.iter().any(|line| line.verb == verb) {
            let answer = format!("{{\"errno\":{number}}}");
            filters.push(filter(&answer, &here, |call| answered(Some(verb), call)));
        }
    }
    filters.push(filter("\"kill_process\"", &here, |call| !answered(None, call)));
    let compile = |json: String| {
        let mut programs =
            seccompiler::compile_from_json(json.as_bytes(), target).map_err(PolicyError::Compile)?;
        programs.remove("all").ok_or_else(|| PolicyError::Missing("all".to_owned()))
    };
    filters.into_iter().map(compile).collect()
}

/// In seccompiler's JSON: what each call must be like where `is_judged`, every other named call as it is.
fn filter(otherwise: &str, lines: &[&Line], is_judged: impl Fn(&str) -> bool) -> String {
    // Until the program that kills is on top, the next one can still be put there.
    let mut rules = Vec::new();
    if !otherwise.contains("kill") {
        rules.push("{\"syscall\":\"seccomp\"}".to_owned());
    }
    for line in lines {
        let rule = match (is_judged(line.call), line.verb) {
            (true, "allow") if !line.conditions.is_empty() => {
                let conditions: Vec<String> = line.conditions.iter().map(Condition::json).collect();
                format!("{{\"syscall\":\"{}\",\"args\":[{}]}}", line.call, conditions.join(","))
            }
            (true, verb) if verb != "allow" => continue,
            _ => format!("{{\"syscall\":\"{}\"}}", line.call),
        };
        if !rules.contains(&rule) {
            rules.push(rule);
        }
    }
    // A call that is named without arguments is allowed whatever they are: its narrower lines say nothing more.
    let free: Vec<String> = rules.iter().filter(|rule| !rule.contains("args")).cloned().collect();
    rules.retain(|rule| {
        free.contains(rule) || !free.iter().any(|free| rule.starts_with(free.trim_end_matches('}')))
    });
    let rules = rules.join(",");
    format!("{{\"all\":{{\"mismatch_action\":{otherwise},\"match_action\":\"allow\",\"filter\":[{rules}]}}}}")
}

impl Condition {
    fn json(&self) -> String {
        let Self { argument, whole_word, mask, value } = *self;
        let size = if whole_word { "qword" } else { "dword" };
        let compare = mask.map_or("\"eq\"".to_owned(), |mask| format!("{{\"masked_eq\":{mask}}}"));
        format!("{{\"index\":{argument},\"type\":\"{size}\",\"op\":{compare},\"val\":{value}}}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_policy_compiles_for_every_architecture_that_we_build_for() {
        for process in Process::ALL {
            let lines = lines(process.name()).unwrap();
            for (arch, target) in [("x86_64", TargetArch::x86_64), ("aarch64", TargetArch::aarch64)] {
                let programs = compile(&lines, arch, target).unwrap();
                let longest = programs.iter().map(Vec::len).max().unwrap();
                println!("{} on {arch}: {} programs, {longest} instructions", process.name(), programs.len());
                assert!(programs.len() >= 2 && longest < 1024);
            }
        }
    }

    #[test]
    fn a_line_that_says_nothing_is_an_error() {
        for line in [
            "allow read",
            "allow read | why",
            "permit read | why | test",
            "allow read(arg0 = 1) | why | test",
            "EPERM read(arg0 == 1) | why | test",
            "allow read(argx == 1) | why | test",
        ] {
            assert_eq!(parse(line, ("", 1)), None, "{line}");
        }
        let line = parse("allow ioctl@x86_64(arg1&0xff == 0x10, ptr2 == 7) | why | test", ("", 1)).unwrap();
        assert_eq!((line.call, line.only_on, line.conditions.len()), ("ioctl", Some("x86_64"), 2));
    }
}
