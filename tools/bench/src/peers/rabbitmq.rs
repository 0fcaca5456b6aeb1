//! RabbitMQ with its MQTT plugin and a quorum queue bound to the reports' topic.
//!
//! The queue is declared over MQTT's own topic exchange by the server's command line (`rabbitmqctl eval`), so that
//! a PUBACK waits for the quorum queue's write.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use simulator::fleet::Version;

use super::{Peer, program};
use crate::devices::Identities;
use crate::process::{Process, free_address};

/// Starts a node of its own, without distribution beyond loopback.
pub fn start(identities: &Identities, folder: &Path) -> Result<Peer> {
    let server = program("rabbitmq-server")?;
    let control = program("rabbitmqctl")?;
    let (address, amqp, distribution, mapper) =
        (free_address()?, free_address()?, free_address()?, free_address()?);
    let file = |name: &str| identities.file(name).display().to_string();
    std::fs::write(
        folder.join("rabbitmq.conf"),
        format!(
            "listeners.tcp.1 = {amqp}\nmqtt.listeners.tcp = none\nmqtt.listeners.ssl.1 = {address}\n\
             mqtt.allow_anonymous = true\nmqtt.vhost = /\nmqtt.exchange = amq.topic\n\
             ssl_options.cacertfile = {}\nssl_options.certfile = {}\nssl_options.keyfile = {}\n\
             ssl_options.verify = verify_peer\nssl_options.fail_if_no_peer_cert = true\nlog.console = false\n",
            file("ca.pem"),
            file("server.pem"),
            file("server.key"),
        ),
    )?;
    std::fs::write(folder.join("enabled_plugins"), "[rabbitmq_mqtt].\n")?;
    let cookie = folder.join(".erlang.cookie");
    std::fs::write(&cookie, "bench")?;
    std::fs::set_permissions(&cookie, std::fs::Permissions::from_mode(0o400))?;
    let node = format!("bench{}@localhost", distribution.port());
    let environment = |command: &mut Command| {
        command
            .env("HOME", folder)
            .env("RABBITMQ_NODENAME", &node)
            .env("RABBITMQ_DIST_PORT", distribution.port().to_string())
            .env("ERL_EPMD_PORT", mapper.port().to_string())
            .env("ERL_EPMD_ADDRESS", "127.0.0.1")
            .env("RABBITMQ_CONFIG_FILE", folder.join("rabbitmq"))
            .env("RABBITMQ_ENABLED_PLUGINS_FILE", folder.join("enabled_plugins"))
            .env("RABBITMQ_MNESIA_BASE", folder.join("mnesia"))
            .env("RABBITMQ_LOG_BASE", folder.join("log"))
            .env("RABBITMQ_PID_FILE", folder.join("pid"));
    };
    // The node would leave a port mapper of its own behind as a daemon.
    let mut command = Command::new(program("epmd")?);
    command.args(["-address", "127.0.0.1", "-port", &mapper.port().to_string()]);
    let helper = Process::start("epmd", &mut command, folder)?;
    let mut command = Command::new(&server);
    environment(&mut command);
    command.current_dir(folder);
    let mut process = Process::start("rabbitmq-server", &mut command, folder)?;
    process.await_port(address, Duration::from_secs(60))?;
    let run = |arguments: &[&str]| -> Result<String> {
        let mut command = Command::new(&control);
        environment(&mut command);
        let output = command.args(["-n", &node]).args(arguments).output()?;
        if !output.status.success() {
            bail!("rabbitmqctl {arguments:?} failed");
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let begun = Instant::now();
    while run(&["await_startup"]).is_err() {
        if begun.elapsed() > Duration::from_secs(60) {
            bail!("rabbitmq-server does not come up");
        }
    }
    run(&["eval", QUORUM_QUEUE])?;
    let version = format!("RabbitMQ {}", run(&["version"])?);
    Ok(Peer { version, address, protocol: Version::V311, process, helper: Some(helper) })
}

/// Declares quorum queue `reports` and binds it to every report's topic (`.` for `/` in the exchange).
const QUORUM_QUEUE: &str = r#"
    Q = rabbit_misc:r(<<"/">>, queue, <<"reports">>),
    E = rabbit_misc:r(<<"/">>, exchange, <<"amq.topic">>),
    {new, _} = rabbit_amqqueue:declare(Q, true, false, [{<<"x-queue-type">>, longstr, <<"quorum">>}], none, <<"bench">>),
    ok = rabbit_binding:add({binding, E, <<"inverters.#">>, Q, []}, <<"bench">>).
"#;
