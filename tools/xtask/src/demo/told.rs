//! What the demo says of itself: to people on the terminal, to programs in a file.
//!
//! In: the cloud as set up, the processes. Out: text and JSON. The file appears whole or not at all.

use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::json;

use super::children::Children;
use super::fleet::{FAILS, INVERTERS, SPARE, UNPAIRED};
use super::setup::{COLLEAGUE, Cloud, EMAIL, OPERATOR, Programs};

/// Writes the file of `--json` by way of a neighbour, so that whoever waits for it finds it whole.
pub fn write_json(
    path: &Path,
    cloud: &Cloud,
    programs: &Programs,
    children: &Children,
    mails: &str,
) -> Result<()> {
    let spare = cloud.bundle(SPARE);
    let text = serde_json::to_string_pretty(&json!({
        "url": cloud.url(),
        "ca_file": cloud.roots(),
        "email": EMAIL,
        "colleague": COLLEAGUE,
        "password": cloud.password,
        "token": cloud.token,
        "operator_email": OPERATOR,
        "operator_secret": cloud.operator_secret,
        "device_url": cloud.device_url(),
        "pids": children.ids(),
        "data_dir": cloud.folder,
        "config": cloud.config,
        "mail_url": mails,
        "mail_dir": cloud.mails(),
        "unpaired_serial": UNPAIRED.serial,
        "unpaired_console": super::cast::console(cloud, UNPAIRED.serial),
        "simulator": programs.simulator,
        "device_serial": SPARE,
        "device_cert": spare.join("device.crt"),
        "device_key": spare.join("device.key"),
        "device_ca": spare.join("cloud-ca.crt"),
    }))?;
    let mut neighbour = path.as_os_str().to_owned();
    neighbour.push(".part");
    std::fs::write(&neighbour, text).with_context(|| format!("cannot write {}", path.display()))?;
    std::fs::rename(&neighbour, path).with_context(|| format!("cannot write {}", path.display()))
}

/// What a person needs to know, and what to try.
pub fn print(cloud: &Cloud, programs: &Programs, mails: &str, after_s: f64, story: &str) {
    let shorter = |path: &Path| {
        let here = std::env::current_dir().unwrap_or_default();
        path.strip_prefix(&here).unwrap_or(path).display().to_string()
    };
    let (simulator, consoles) = (shorter(&programs.simulator), shorter(&cloud.folder.join("consoles")));
    let bundle = shorter(&cloud.bundle(SPARE));
    println!(
        "
Inverter Connect is live after {after_s:.1} s: {count} inverters by {count} gateways.

    address     {url}   (certificate of the demo's own root: {roots})
    account     {EMAIL} (or {COLLEAGUE}, who may only look)
    password    {password}
    API token   {token}
    mails       {mails}   (every mail that the demo sends)
    operator    {OPERATOR}, the same password; authenticator app: {secret}

{story}
Cause things at an inverter (serial numbers are on the page; `help` lists what there is):

    {simulator} tell {consoles}/{FAILS} mains off
    {simulator} tell {consoles}/{FAILS} mains on
    {simulator} tell {consoles}/2312-00512 test monthly
    {simulator} tell {consoles}/2209-00170 fault overload
    {simulator} tell {consoles}/2306-00351 status

Add one more inverter: open {url}/pair?serial={unpaired}, then press the button in its cabinet:

    {simulator} tell {consoles}/{unpaired} button

Publish as a device of your own (serial {SPARE}):

    mosquitto_pub -h 127.0.0.1 -p {port} --cafile {bundle}/cloud-ca.crt --cert {bundle}/device.crt \\
        --key {bundle}/device.key --tls-alpn mqtt -q 1 -t inverters/{SPARE}/reports \\
        -m '{{\"version\":1,\"readings\":[{{\"quantities\":{{\"battery.voltage\":136.4}}}}]}}'

Logs of all processes: {logs}
Ctrl-C ends everything.
",
        count = INVERTERS.len(),
        unpaired = UNPAIRED.serial,
        url = cloud.url(),
        roots = shorter(&cloud.roots()),
        password = cloud.password,
        token = cloud.token,
        secret = cloud.operator_secret,
        port = cloud.port,
        logs = shorter(&cloud.folder.join("logs")),
    );
}
