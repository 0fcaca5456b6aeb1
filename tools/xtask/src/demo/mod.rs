//! `cargo xtask demo`: the whole system on this machine, as separate processes.
//!
//! In: [`Args`]. Out: running processes, a printed address, account and password, and a JSON file when asked.
//! Never leaves a process behind.

mod cast;
mod children;
mod fleet;
mod mails;
mod page;
mod setup;
mod told;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use tokio::signal::unix::{SignalKind, signal};

use crate::place::Place;
use children::Children;
use fleet::FAILS;
use page::Page;
use setup::{Cloud, Programs};

/// When utility fails at one inverter, and for how long.
const FAILS_AFTER: Duration = Duration::from_secs(180);
const FAILS_FOR: Duration = Duration::from_secs(120);

/// Starts the whole system here: cloud, gateways, simulated inverters. Ctrl-C ends it.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// End by itself after this many seconds, counted from the page being live.
    #[arg(long, value_name = "N")]
    pub seconds: Option<u64>,
    /// Write addresses, credentials and process ids here once the page is live.
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Port on 127.0.0.1; default: 8443, or a free one if that is taken.
    #[arg(long, value_name = "P")]
    pub port: Option<u16>,
    /// Keep the data in this new folder (default: a folder under target/demo that goes at the end).
    #[arg(long, value_name = "DIR")]
    pub keep: Option<PathBuf>,
    /// Build and run optimised binaries.
    #[arg(long)]
    pub release: bool,
    /// Run the programs that are built already, as `cargo xtask test` has built them.
    #[arg(long)]
    pub built: bool,
}

/// Runs the demo until Ctrl-C or the given time.
///
/// # Errors
/// What could not be built or started, and what to do.
pub fn run(args: Args) -> Result<()> {
    let place = Place::find()?;
    let port = setup::port(args.port)?;
    let programs = setup::build(&place, args.release, args.built)?;
    if let Some(path) = &args.json {
        // A file of an earlier run would say that this one is live.
        if path.exists() {
            std::fs::remove_file(path).with_context(|| format!("cannot remove {}", path.display()))?;
        }
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let folder = Folder::new(&place, args.keep.as_deref())?;
        // Asked for before the first process starts, so that no interrupt falls between.
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let begun = Instant::now();
        let mut demo = Demo::start(&place, programs, &folder.path, port)?;
        if let Some(path) = &args.json {
            told::write_json(path, &demo.cloud, &demo.programs, &demo.children, &demo.mails)?;
        }
        told::print(&demo.cloud, &demo.programs, &demo.mails, begun.elapsed().as_secs_f64(), &demo.story());
        tokio::select! {
            _ = interrupt.recv() => println!("\nending"),
            _ = terminate.recv() => println!("\nending"),
            result = demo.live(args.seconds.map(Duration::from_secs)) => result?,
        }
        let ending = Instant::now();
        demo.children.end();
        println!("all processes have ended after {:.1} s", ending.elapsed().as_secs_f64());
        Ok(())
    })
}

/// The running system.
struct Demo {
    programs: Programs,
    cloud: Cloud,
    children: Children,
    recording: Option<PathBuf>,
    /// Address of the page of mails.
    mails: String,
}

impl Demo {
    /// Everything up to live values of every inverter.
    fn start(place: &Place, programs: Programs, folder: &Path, port: u16) -> Result<Self> {
        println!("setting up a cloud in {}", folder.display());
        let cloud = Cloud::set_up(&programs, folder, port)?;
        let mut children = Children::new(programs.simulator.clone(), cloud.folder.join("logs"));
        let serve = ["--config".to_owned(), cloud.config.to_string_lossy().into_owned(), "serve".to_owned()];
        children.start("cloud", &programs.cloud, &serve)?;
        let page = Page::new(&cloud)?;
        page.wait_until_up(|| broken(&mut children))?;
        page.keep_logbook(&cloud)?;
        let mails = mails::serve(cloud.mails())?;
        println!("telling a day of the past, starting gateways and inverters");
        let named = std::env::var_os("INVERTER_CONNECT_CAPTURES").map(PathBuf::from);
        let real = fleet::recording(&place.root, named);
        let recording = match &real {
            Some(real) => real.clone(),
            None => synthetic_recording(&programs, &cloud)?,
        };
        cast::enter(&cloud, &programs, &mut children, &recording)?;
        page.wait_until_live(fleet::INVERTERS.len(), || broken(&mut children))?;
        Ok(Self { programs, cloud, children, recording: real, mails })
    }

    fn story(&self) -> String {
        let recorded = match &self.recording {
            Some(real) => format!("Plant Room Monitor replays {}", real.display()),
            None => {
                "Plant Room Monitor replays a synthetic recording (set INVERTER_CONNECT_CAPTURES to a folder \
                     with vedirect-bvm702.dump for a real one)"
                    .to_owned()
            }
        };
        format!(
            "In {} minutes utility fails at East Tower Level 2, for {} minutes. The Lobby is in its annual test.\n\
             Hall B cannot charge, Parking P1 is hot, Building 2 misses lamps. {recorded}.\n",
            FAILS_AFTER.as_secs() / 60,
            FAILS_FOR.as_secs() / 60,
        )
    }

    /// Watches the processes and tells the story, until `time` is over or a process ends.
    async fn live(&mut self, time: Option<Duration>) -> Result<()> {
        let begun = Instant::now();
        let mut acts =
            [(FAILS_AFTER, "mains off"), (FAILS_AFTER + FAILS_FOR, "mains on")].into_iter().peekable();
        loop {
            tokio::time::sleep(Duration::from_millis(200)).await;
            if let Some(why) = broken(&mut self.children) {
                bail!("{why}");
            }
            if let Some((_, command)) = acts.next_if(|(at, _)| begun.elapsed() >= *at) {
                self.tell(command)?;
            }
            if time.is_some_and(|time| begun.elapsed() >= time) {
                return Ok(());
            }
        }
    }

    fn tell(&self, command: &str) -> Result<()> {
        let mut tell = Command::new(&self.programs.simulator);
        tell.arg("tell").arg(cast::console(&self.cloud, FAILS)).args(command.split(' '));
        let answer = crate::shell::output(&mut tell)?;
        println!("East Tower Level 2: {}", answer.trim());
        Ok(())
    }
}

/// A process that has ended, with its last words.
fn broken(children: &mut Children) -> Option<String> {
    let (name, status) = children.ended()?;
    Some(format!("{name} ended with {status}:\n{}", children.last_lines(&name)))
}

fn synthetic_recording(programs: &Programs, cloud: &Cloud) -> Result<PathBuf> {
    let path = cloud.folder.join("synthetic-ve-direct.dump");
    let mut record = Command::new(&programs.simulator);
    record.args(["record", "--protocol", "ve-direct", "--serial", "2207-00088", "--voltage", "230"]);
    record.args(["--battery-v", "24", "--rated-w", "1200", "--seconds", "600"]).arg(&path);
    crate::shell::output(&mut record)?;
    Ok(path)
}

/// Where the data is; gone at the end unless it is to be kept.
struct Folder {
    path: PathBuf,
    keep: bool,
}

impl Folder {
    fn new(place: &Place, keep: Option<&Path>) -> Result<Self> {
        if let Some(path) = keep {
            return Ok(Self { path: std::path::absolute(path)?, keep: true });
        }
        let all = place.target.join("demo");
        remove_left_over(&all);
        // Sockets have short names, target folders may be deep: the process id keeps it short and unique.
        let path = all.join(std::process::id().to_string());
        if path.exists() {
            std::fs::remove_dir_all(&path).with_context(|| format!("cannot remove {}", path.display()))?;
        }
        Ok(Self { path, keep: false })
    }
}

/// Folders of demos that were killed: those named by a process that is no more.
fn remove_left_over(all: &Path) {
    let Ok(entries) = std::fs::read_dir(all) else { return };
    for entry in entries.filter_map(Result::ok) {
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_process = name.parse::<u32>().is_ok();
        if is_process && !Path::new("/proc").join(&name).exists() {
            // What cannot be removed is in nobody's way.
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !self.keep {
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_folders_of_dead_processes_go() {
        let folder = tempfile::tempdir().unwrap();
        let living = std::process::id().to_string();
        for name in ["4194999", &living, "kept"] {
            std::fs::create_dir(folder.path().join(name)).unwrap();
        }
        remove_left_over(folder.path());
        let is_there = |name: &str| folder.path().join(name).exists();
        assert!(!is_there("4194999") && is_there(&living) && is_there("kept"));
    }
}
