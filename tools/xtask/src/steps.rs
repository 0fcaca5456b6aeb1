//! Runs named steps, times each, and tells at the end which failed.
//! In: a name and a closure. Out: lines on the terminal and one `Result`.
//! Never stops at the first failure: a person wants the whole list.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};

/// The steps run so far.
#[derive(Default)]
pub struct Steps {
    done: Vec<Step>,
}

struct Step {
    name: &'static str,
    took: Duration,
    failure: Option<String>,
}

impl Steps {
    /// Runs one step and keeps its time and its failure.
    pub fn run(&mut self, name: &'static str, step: impl FnOnce() -> Result<()>) {
        println!("\n=== {name}");
        let begin = Instant::now();
        let failure = step().err().map(|error| format!("{error:#}"));
        let took = begin.elapsed();
        if let Some(failure) = &failure {
            println!("FAILED {name}: {failure}");
        }
        println!("=== {name}: {:.1} s", took.as_secs_f64());
        self.done.push(Step { name, took, failure });
    }

    /// Prints the table of times; an error if any step failed.
    pub fn finish(self) -> Result<()> {
        println!("\n  seconds  step");
        for step in &self.done {
            let mark = if step.failure.is_some() { "  FAILED" } else { "" };
            println!("{:9.1}  {}{mark}", step.took.as_secs_f64(), step.name);
        }
        let total: Duration = self.done.iter().map(|step| step.took).sum();
        println!("{:9.1}  in all", total.as_secs_f64());
        let failed: Vec<_> = self
            .done
            .iter()
            .filter_map(|step| step.failure.as_ref().map(|why| format!("{}: {why}", step.name)))
            .collect();
        if failed.is_empty() {
            return Ok(());
        }
        bail!("{} of {} steps failed:\n  {}", failed.len(), self.done.len(), failed.join("\n  "));
    }
}
