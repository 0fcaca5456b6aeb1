//! `cargo xtask audit`: our own repeatable assessment, by tools of others, against a throw-away demo.
//!
//! In: what is built. Out: `target/audit/YYYY-MM-DD/` with report.html, report.json and what each tool said; exit code 0
//! only if every finding is accepted by `tools/xtask/audit/accepted.toml`.
//! Never asks anything of an address outside of 127.0.0.0/8 but of namespaces made here.

mod accepted;
mod api;
mod checks;
mod crawl;
mod cut_off;
mod doors;
mod fuzz;
mod inbound;
mod logs;
mod observatory;
mod page;
mod report;
mod scene;
mod screens;
mod session;
mod supply;
mod tool;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};

use crate::place::Place;
use crate::running::Running;
use crate::{install, shell};
use accepted::Accepted;
use checks::{CHECKS, Kind};
use report::{Check, Outcome, Report, Verdict, WHAT};
use scene::{Budget, Scene};
use tool::Raw;

/// The demo ends by itself after this, whatever happens here.
const DEMO_LASTS_S: u64 = 5_400;

/// How thorough, and what.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Only these checks, joined by commas.
    #[arg(long, value_delimiter = ',', value_name = "CHECK")]
    pub only: Vec<String>,
    /// Seconds for each fuzz target.
    #[arg(long, value_name = "N", default_value_t = 60)]
    pub seconds: u64,
    /// Seconds for the crawler and its attacks in all.
    #[arg(long, value_name = "N", default_value_t = 600)]
    pub crawl_seconds: u64,
    /// Cases for each operation of the API.
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub examples: u32,
    /// A checkout of the RustSec advisory database; without one, advisories are not checked and the report says so.
    #[arg(long, value_name = "DIR", env = "ADVISORY_DB")]
    pub advisory_db: Option<PathBuf>,
    /// Programs and tools are there already: install and build nothing.
    #[arg(long)]
    pub built: bool,
    /// This program runs in a network namespace of its own already.
    #[arg(long, hide = true)]
    inside: bool,
}

/// Installs, builds, cuts itself off from the network, runs the checks, writes the report.
pub fn run(place: &Place, args: &Args) -> Result<()> {
    let chosen = choose(&args.only)?;
    if args.inside {
        let network = cut_off::settle()?;
        return assess(place, args, &chosen, network, true);
    }
    if !args.built {
        install::for_audit(place)?;
        build(place)?;
    }
    let network = cut_off::enter(place)?;
    assess(place, args, &chosen, network, false)
}

fn choose(only: &[String]) -> Result<Vec<&'static Kind>> {
    if let Some(unknown) = only.iter().find(|name| !CHECKS.iter().any(|kind| kind.id == **name)) {
        let ids: Vec<_> = CHECKS.iter().map(|kind| kind.id).collect();
        bail!("there is no check `{unknown}`; there are {}", ids.join(", "));
    }
    Ok(CHECKS.iter().filter(|kind| only.is_empty() || only.iter().any(|name| name == kind.id)).collect())
}

fn build(place: &Place) -> Result<()> {
    let mut cargo = shell::cargo(&place.root);
    cargo.args([
        "build",
        "--locked",
        "-p",
        "server",
        "-p",
        "gateway",
        "-p",
        "simulator",
        "-p",
        "xtask",
        "--bins",
    ]);
    shell::run(&mut cargo)?;
    fuzz::build(place)
}

fn assess(
    place: &Place,
    args: &Args,
    chosen: &[&'static Kind],
    network: String,
    cut_off: bool,
) -> Result<()> {
    let mut accepted =
        Accepted::parse(&std::fs::read_to_string(place.root.join("tools/xtask/audit/accepted.toml"))?)?;
    let date = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let folder = folder(place, date.get(..10).context("a date")?)?;
    let mut demo = match chosen.iter().any(|kind| kind.demo) {
        true => Some(Running::start(place, DEMO_LASTS_S)?),
        false => None,
    };
    let budget = Budget { fuzz_s: args.seconds, crawl_s: args.crawl_seconds, examples: args.examples };
    let json = demo.as_ref().map(Running::json);
    let scene = Scene::new(place, json, budget, args.advisory_db.clone(), cut_off)?;
    let mut raw = Raw::new(&folder);
    let checks: Vec<_> = chosen.iter().map(|kind| check(kind, &scene, &mut raw, &mut accepted)).collect();
    if let Some(demo) = &mut demo {
        demo.end()?;
    }
    let ran = |id: &str| checks.iter().any(|check| check.id == id && check.verdict != Verdict::NotRun);
    let accepted_but_not_seen = accepted.not_seen(ran);
    let (commit, changed) = commit(place)?;
    let report = Report { what: WHAT, date, commit, changed, network, checks, accepted_but_not_seen };
    std::fs::write(folder.join("report.json"), serde_json::to_string_pretty(&report)?)?;
    std::fs::write(folder.join("report.html"), page::draw(&report)?)?;
    tell(&report, &folder)
}

/// Of that day, emptied: what lies in it belongs to one run.
fn folder(place: &Place, day: &str) -> Result<PathBuf> {
    let folder = place.target.join("audit").join(day);
    if folder.exists() {
        std::fs::remove_dir_all(&folder).with_context(|| format!("cannot empty {}", folder.display()))?;
    }
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    Ok(folder)
}

fn check(kind: &'static Kind, scene: &Scene<'_>, raw: &mut Raw, accepted: &mut Accepted) -> Check {
    println!("\n=== {}", kind.title);
    let begin = Instant::now();
    let outcome = (kind.run)(scene, raw).unwrap_or_else(|error| Outcome::Broken(format!("{error:#}")));
    let mut check = Check {
        id: kind.id,
        title: kind.title,
        tool: kind.tool,
        version: String::new(),
        looked_at: kind.looked_at,
        verdict: Verdict::NotRun,
        reason: None,
        seconds: begin.elapsed().as_secs_f64(),
        held: Vec::new(),
        findings: Vec::new(),
        raw: raw.take_names(),
    };
    check.judge(outcome, accepted);
    let reason = check.reason.as_deref().map(|reason| format!(": {reason}")).unwrap_or_default();
    println!("=== {}: {}{reason} ({:.1} s)", kind.id, check.verdict.word(), check.seconds);
    check
}

fn commit(place: &Place) -> Result<(String, bool)> {
    let git =
        |arguments: &[&str]| shell::output(Command::new("git").args(arguments).current_dir(&place.root));
    Ok((git(&["rev-parse", "HEAD"])?.trim().to_owned(), !git(&["status", "--porcelain"])?.trim().is_empty()))
}

fn tell(report: &Report, folder: &Path) -> Result<()> {
    println!();
    for check in &report.checks {
        for finding in check.findings.iter().filter(|finding| finding.accepted.is_none()) {
            println!("{}: {}: {}: {}", check.id, finding.severity.word(), finding.id, finding.what);
        }
    }
    println!(
        "{} checks passed, {} with findings, {} not run, {} broke down; {} findings open, {} accepted\n{}",
        report.count(Verdict::Passed),
        report.count(Verdict::Finding),
        report.count(Verdict::NotRun),
        report.count(Verdict::Broken),
        report.open(),
        report.accepted(),
        folder.join("report.html").display()
    );
    if report.passed() {
        return Ok(());
    }
    bail!(
        "the assessment has not passed: mend what is open, or accept it with a reason in tools/xtask/audit/accepted.toml"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks_are_chosen_by_name_and_a_wrong_name_is_told() {
        assert_eq!(choose(&[]).unwrap().len(), CHECKS.len());
        assert_eq!(choose(&["testssl-device".to_owned()]).unwrap().len(), 1);
        assert!(choose(&["no-such-check".to_owned()]).is_err());
    }

    #[test]
    fn what_is_accepted_names_checks_that_there_are() {
        let mut accepted = Accepted::parse(include_str!("../../audit/accepted.toml")).unwrap();
        for line in accepted.not_seen(|_| true) {
            assert!(CHECKS.iter().any(|kind| kind.id == line.check), "{line:?}");
            assert_eq!(accepted.reason(&line.check, &line.id), Some(line.reason));
        }
    }
}
