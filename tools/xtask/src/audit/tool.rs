//! Runs a tool of others: bounded in time, its words kept beside the report.
//! In: a command, a name, a limit. Out: what it printed and how it ended. Never leaves its children behind.

use std::fs::File;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process_group};

/// Where raw outputs go.
pub struct Raw {
    folder: PathBuf,
    files: Vec<String>,
}

/// What came of a run.
pub struct Ran {
    /// How it ended.
    pub status: ExitStatus,
    /// What it printed on standard output.
    pub out: String,
}

impl Raw {
    /// Files go into this folder, which is there.
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_path_buf(), files: Vec::new() }
    }

    /// A file for a tool to write to.
    pub fn file(&mut self, name: &str) -> PathBuf {
        self.files.push(name.to_owned());
        self.folder.join(name)
    }

    /// What was written to a file.
    pub fn read(&self, name: &str) -> Result<String> {
        let path = self.folder.join(name);
        let bytes = std::fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// The names of all that were written since the last time.
    pub fn take_names(&mut self) -> Vec<String> {
        let folder = self.folder.clone();
        let mut names = std::mem::take(&mut self.files);
        names.retain(|name| std::fs::metadata(folder.join(name)).is_ok_and(|file| file.len() > 0));
        names
    }

    /// Runs `command` for at most `limit`; what it prints goes to `NAME.out.txt` and `NAME.err.txt`.
    pub fn run(&mut self, name: &str, limit: Duration, command: &mut Command) -> Result<Ran> {
        let (out, err) = (self.file(&format!("{name}.out.txt")), self.file(&format!("{name}.err.txt")));
        let program =
            Path::new(command.get_program()).file_name().unwrap_or_default().to_string_lossy().into_owned();
        println!("    {program}, at most {} s", limit.as_secs());
        // A group of its own: tools start others, which must not outlive the limit.
        command.stdin(Stdio::null()).stdout(File::create(&out)?).stderr(File::create(&err)?).process_group(0);
        let mut child = command.spawn().with_context(|| format!("cannot start {program}"))?;
        let status = wait(&mut child, limit);
        end_group(&child);
        let _ = child.wait();
        let Some(status) = status? else {
            bail!("{program} did not end within {} s", limit.as_secs());
        };
        let out = std::fs::read(&out)?;
        Ok(Ran { status, out: String::from_utf8_lossy(&out).into_owned() })
    }
}

fn wait(child: &mut Child, limit: Duration) -> Result<Option<ExitStatus>> {
    let begin = Instant::now();
    while begin.elapsed() < limit {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(None)
}

fn end_group(child: &Child) {
    if let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        // Nobody is left of it in the usual case.
        let _ = kill_process_group(pid, Signal::KILL);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tool_that_does_not_end_is_ended_with_what_it_started_and_told_of() {
        let folder = tempfile::tempdir().unwrap();
        let mut raw = Raw::new(folder.path());
        let mut slow = Command::new("sh");
        slow.args(["-c", "echo begun; sleep 60 & sleep 60"]);
        let begin = Instant::now();
        let told = raw.run("slow", Duration::from_millis(300), &mut slow).map(drop).unwrap_err();
        assert!(told.to_string().contains("did not end"), "{told}");
        assert!(begin.elapsed() < Duration::from_secs(10));
        assert_eq!(raw.take_names(), ["slow.out.txt"]);
    }
}
