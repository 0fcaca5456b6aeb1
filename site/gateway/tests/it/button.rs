//! The gateway's own push-button, played by a pipe: no machine of ours has a GPIO line. What is tested is everything
//! behind the line; what asks the kernel for it (`button::gpio`) is not.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use wire::EventKind;

use crate::cloud::{Cloud, Received};
use crate::site::{Gateway, Inverter, Site};

const BUTTON: &str = "[button]\nchip = \"/dev/gpiochip-none\"\nline = 17\ndebounce_ms = 100\n";

/// A site with a button that is bytes in a pipe.
fn site() -> (Site, PathBuf) {
    let mut site = Site::new();
    site.protocol = "ve-direct";
    let pipe = add(&mut site);
    (site, pipe)
}

/// Gives it one; the pipe.
pub fn add(site: &mut Site) -> PathBuf {
    site.more += BUTTON;
    let pipe = site.folder.path().join("button");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &pipe,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
        0,
    )
    .unwrap();
    pipe
}

fn start(site: &Site, port: u16, pipe: &Path) -> Gateway {
    let mut command = Command::new(env!("CARGO_BIN_EXE_inverter-gateway-simulated"));
    command.arg("--config").arg(site.config(port)).arg("--button-pipe").arg(pipe);
    Gateway::start_command(command.stderr(Stdio::piped()).stdin(Stdio::null()))
}

pub fn press(pipe: &Path) {
    std::fs::File::options().read(true).write(true).open(pipe).unwrap().write_all(b"x").unwrap();
}

/// Boot, count and age of each press.
pub fn presses(received: &[Received]) -> Vec<(u64, u64, u64)> {
    let events = received.iter().flat_map(|r| &r.report.events);
    let press = |event: &wire::Event| match event.kind {
        EventKind::Button { boot, count, age_ms } => Some((boot.unwrap(), count, age_ms)),
        _ => None,
    };
    events.filter_map(press).collect()
}

fn wait_for(cloud: &Cloud, count: usize) -> Vec<(u64, u64, u64)> {
    presses(&cloud.wait_until("the presses", 10, |received| presses(received).len() >= count))
}

#[test]
fn presses_are_counted_leave_at_once_and_a_bouncing_contact_is_one() {
    let (site, pipe) = site();
    let cloud = site.cloud();
    let mut gateway = start(&site, cloud.address.port(), &pipe);
    gateway.wait_for("The push-button is line 17", 1, 10);
    gateway.wait_for("Connected", 1, 10);
    gateway.wait_for("is raw", 1, 10);
    let pressed = Instant::now();
    for _ in 0..3 {
        press(&pipe);
    }
    let first = wait_for(&cloud, 1);
    println!("a press was in the cloud after {:?}", pressed.elapsed());
    std::thread::sleep(Duration::from_millis(300));
    press(&pipe);
    let both = wait_for(&cloud, 2);
    let boot = first[0].0;
    assert!(boot < 1 << 48);
    assert_eq!(
        both.iter().map(|(boot, count, _)| (*boot, *count)).collect::<Vec<_>>(),
        [(boot, 1), (boot, 2)]
    );
    assert!(both.iter().all(|(.., age_ms)| *age_ms < 2_000), "{both:?}");

    // The button's process dies and comes again; the line is read on all the while.
    gateway.kill_child("button");
    gateway.wait_for("The button ended by signal 9. Starting it anew in 1 s.", 1, 5);
    gateway.wait_for("The push-button is line 17", 2, 10);
    press(&pipe);
    assert_eq!(wait_for(&cloud, 3)[2].1, 3);

    // After another start, presses count anew under another boot.
    assert_eq!(gateway.stop(), Some(0));
    let gateway = start(&site, cloud.address.port(), &pipe);
    gateway.wait_for("Connected", 1, 10);
    gateway.wait_for("The push-button is line 17", 1, 10);
    press(&pipe);
    let last = wait_for(&cloud, 4)[3];
    assert_eq!(last.1, 1);
    assert_ne!(last.0, boot);
}

#[test]
fn a_press_that_waited_in_the_spool_says_how_long() {
    let (site, pipe) = site();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let gateway = start(&site, port, &pipe);
    gateway.wait_for("The push-button is line 17", 1, 10);
    press(&pipe);
    gateway.wait_for("The push-button was pressed", 1, 10);
    std::thread::sleep(Duration::from_secs(3));
    let cloud = Cloud::on(std::net::TcpListener::bind(("127.0.0.1", port)).unwrap(), &site.pki, "server");
    let (_, count, age_ms) = wait_for(&cloud, 1)[0];
    assert_eq!(count, 1);
    assert!(age_ms >= 3_000, "{age_ms}");
}

#[test]
fn without_its_chip_everything_else_goes_on_and_it_is_said() {
    let mut site = Site::new();
    site.more = BUTTON.to_owned();
    let cloud = site.cloud();
    let gateway = site.gateway(cloud.address.port());
    let said = gateway.wait_for("The push-button, line 17 of /dev/gpiochip-none", 1, 10);
    assert!(said.contains("[button]") && said.contains("group gpio"), "{said}");
    gateway.wait_for("Connected", 1, 10);
    gateway.wait_for("is raw", 1, 10);
    site.line.write_all(&Inverter::new().frame());
    cloud.wait_until("a reading", 10, |received| received.iter().any(|r| !r.report.readings.is_empty()));
    let output = Command::new(crate::site::binary())
        .arg("--check")
        .arg("--config")
        .arg(site.config(cloud.address.port()))
        .output()
        .unwrap();
    let found = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(found.contains("PROBLEM: key `button.chip`"), "{found}");
    assert!(
        found.contains("line 17 of /dev/gpiochip-none, pressed is low, asked for as an input only"),
        "{found}"
    );
}
