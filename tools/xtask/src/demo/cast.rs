//! Puts the inverters on the stage: their past through the cloud's door, then line, gateway, and live values.
//!
//! In: the cloud as set up. Out: processes. An inverter's past goes first, since the cloud keeps one session per device.

use std::collections::VecDeque;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use super::children::Children;
use super::fleet::{INVERTERS, Inverter, Line, Scheme, UNPAIRED};
use super::setup::{Cloud, Programs};

/// Hours of past.
const HOURS: &str = "24";
/// Pasts that are told at a time.
const AT_A_TIME: usize = 2;

/// Tells each past, and starts each inverter as soon as its own is told.
pub fn enter(cloud: &Cloud, programs: &Programs, children: &mut Children, recording: &Path) -> Result<()> {
    let mut waiting: VecDeque<&Inverter> = INVERTERS.iter().collect();
    let mut telling: Vec<(&Inverter, Child)> = Vec::new();
    while !waiting.is_empty() || !telling.is_empty() {
        while telling.len() < AT_A_TIME {
            let Some(inverter) = waiting.pop_front() else { break };
            match &inverter.line {
                Line::Played { protocol, model, past, .. } => {
                    telling
                        .push((inverter, tell(cloud, programs, children, inverter, protocol, model, past)?));
                }
                Line::Recorded => start(cloud, programs, children, inverter, recording)?,
            }
        }
        std::thread::sleep(Duration::from_millis(10));
        let done: Vec<usize> = telling
            .iter_mut()
            .enumerate()
            .filter_map(|(at, (_, child))| matches!(child.try_wait(), Ok(Some(_)) | Err(_)).then_some(at))
            .collect();
        for at in done.into_iter().rev() {
            let (inverter, mut child) = telling.remove(at);
            if !child.wait()?.success() {
                let name = format!("past-{}", inverter.serial);
                bail!("the past of {} was not taken:\n{}", inverter.serial, children.last_lines(&name));
            }
            start(cloud, programs, children, inverter, recording)?;
        }
    }
    start(cloud, programs, children, &UNPAIRED, recording)
}

fn tell(
    cloud: &Cloud,
    programs: &Programs,
    children: &Children,
    inverter: &Inverter,
    protocol: &str,
    model: &[&str],
    past: &[&str],
) -> Result<Child> {
    let log = File::create(children.log(&format!("past-{}", inverter.serial)))?;
    let mut command = Command::new(&programs.simulator);
    command.args(["history", "--url", &cloud.device_url(), "--hours", HOURS, "--protocol", protocol]);
    command.arg("--bundle").arg(cloud.bundle(inverter.serial)).args(model);
    for event in past {
        command.args(["--at", event]);
    }
    command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    command.spawn().with_context(|| format!("cannot start {}", programs.simulator.display()))
}

/// The line, then its gateway.
fn start(
    cloud: &Cloud,
    programs: &Programs,
    children: &mut Children,
    inverter: &Inverter,
    recording: &Path,
) -> Result<()> {
    let serial = inverter.serial;
    let port = cloud.folder.join("ports").join(serial).to_string_lossy().into_owned();
    let console = console(cloud, serial).to_string_lossy().into_owned();
    let mut arguments: Vec<String>;
    match &inverter.line {
        Line::Played { protocol, model, commands, .. } => {
            arguments = strings(&["inverter", "--serial", serial, "--protocol", protocol, "--boot", "2"]);
            arguments.extend(strings(model));
            arguments.extend(commands.iter().flat_map(|command| strings(&["--do", command])));
        }
        Line::Recorded => {
            arguments = strings(&["replay", "--loop"]);
            arguments.push(recording.to_string_lossy().into_owned());
        }
    }
    arguments.extend(strings(&["--pty", &port, "--control", &console]));
    children.start(&format!("inverter-{serial}"), &programs.simulator, &arguments)?;
    let config = gateway_config(cloud, inverter, &port)?;
    wait_for(Path::new(&port), || children.last_lines(&format!("inverter-{serial}")))?;
    children.start(
        &format!("gateway-{serial}"),
        &programs.gateway,
        &["--config".to_owned(), config.to_string_lossy().into_owned()],
    )
}

/// The console of an inverter.
pub fn console(cloud: &Cloud, serial: &str) -> PathBuf {
    cloud.folder.join("consoles").join(serial)
}

fn gateway_config(cloud: &Cloud, inverter: &Inverter, port: &str) -> Result<PathBuf> {
    let serial = inverter.serial;
    let url = match inverter.scheme {
        Scheme::Wss => format!("wss://127.0.0.1:{}/mqtt", cloud.port),
        Scheme::Mqtts => cloud.device_url(),
    };
    let bundle = cloud.bundle(serial);
    let addresses =
        inverter.line.addresses().map_or(String::new(), |list| format!("mate_addresses = {list}\n"));
    let text = format!(
        "# Written by `cargo xtask demo`.\n\
         serial = \"{serial}\"\n\
         data_dir = {data:?}\n\
         [port]\n\
         path = {port:?}\n\
         protocol = \"{protocol}\"\n\
         {addresses}\
         [cloud]\n\
         url = \"{url}\"\n\
         certificate = {certificate:?}\n\
         key = {key:?}\n\
         roots = [{roots:?}]\n",
        data = cloud.folder.join("gateways").join(serial),
        protocol = inverter.line.protocol(),
        certificate = bundle.join("device.crt"),
        key = bundle.join("device.key"),
        roots = bundle.join("cloud-ca.crt"),
    );
    let path = bundle.join("demo-gateway.toml");
    std::fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}

fn wait_for(path: &Path, why: impl Fn() -> String) -> Result<()> {
    for _ in 0..500 {
        if path.exists() {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    bail!("{} did not appear within 5 s:\n{}", path.display(), why())
}

fn strings(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}
