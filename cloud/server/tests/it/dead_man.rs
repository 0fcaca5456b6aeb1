//! The service says that it ails, whatever of it stands still, and its watchdog hears nothing until it is well again. Threads
//! are stopped by strace, which holds them at a system call; hours pass by the driven clock.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use driven_clock::Driver;
use serde_json::Value;
use store::state::{Email, NewAccount, NewMail, StateStore};
use wire::{BootId, UtcMs};

use crate::cloud::{Cloud, Publisher, free_address, needs, report, terminate};
use crate::door_setup::{Authority, PATIENCE};
use crate::mail_server::{MailServer, Setup};
use crate::receiver::{Receiver, yes};

const MINUTE_MS: i64 = 60_000;

/// Two looks of the watcher a second apart, on a machine with much else to do.
fn eventually(what: &str, mut is: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is() {
        assert!(began.elapsed() < 6 * PATIENCE, "not in time: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn append(cloud: &Cloud, text: &str) {
    let mut file = std::fs::File::options().append(true).open(cloud.path("cloud.toml")).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

const TO_A_FOLDER: &str = "[mail]\nmaildir = \"mail\"\nfrom = \"no-reply@connect.example\"\n";

/// A server with a watchdog, which is pinged each second.
fn watched(authority: &Authority, watchdog: &Receiver, more: &str) -> Cloud {
    let cloud = Cloud::new();
    std::fs::write(cloud.path("root.crt"), &authority.pem).unwrap();
    let (url, failing) = (watchdog.url("localhost", "/ping"), watchdog.url("localhost", "/fail"));
    append(
        &cloud,
        &format!(
            "[outbound]\nca_file = \"root.crt\"\n[watchdog]\nurl = \"{url}\"\nfailing_url = \"{failing}\"\n\
             every_s = 1\n{more}"
        ),
    );
    cloud
}

/// What `/health` answers.
fn health(cloud: &Cloud) -> (u16, Value) {
    let mut stream = TcpStream::connect(cloud.metrics).unwrap();
    stream.write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let status = text.split(' ').nth(1).unwrap().parse().unwrap();
    let body = text.split_once("\r\n\r\n").unwrap().1;
    (status, serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {text}")))
}

fn fails(cloud: &Cloud, check: &str) -> bool {
    let (status, body) = health(cloud);
    let failing = body["failing"].as_array().unwrap().iter().any(|name| name == check);
    assert!(!failing || status == 503, "{body}");
    failing
}

fn is_well(cloud: &Cloud) -> bool {
    let (status, body) = health(cloud);
    assert_eq!(status == 200, body["status"] == "ok", "{body}");
    status == 200
}

fn pings(watchdog: &Receiver, path: &str) -> usize {
    let line = format!("GET {path} ");
    watchdog.requests().iter().filter(|request| request.head.starts_with(&line)).count()
}

/// A thread held at a system call until dropped.
struct Held(Vec<Child>);

impl Held {
    fn at(cloud: &Cloud, thread: &str, call: &str) -> Self {
        let tasks = format!("/proc/{}/task", cloud.process_id());
        let tasks: Vec<_> = std::fs::read_dir(&tasks).unwrap().map(|task| task.unwrap().path()).collect();
        let read = |task: &Path, file: &str| std::fs::read_to_string(task.join(file)).unwrap_or_default();
        let named: Vec<_> = tasks.iter().filter(|task| read(task, "comm").trim() == thread).collect();
        assert!(!named.is_empty(), "no thread {thread}");
        let attach = |task: &&std::path::PathBuf| {
            let id = task.file_name().unwrap().to_str().unwrap();
            let inject = format!("inject={call}:delay_enter=600000000");
            let mut command = Command::new("strace");
            command.args(["-qq", "-e", &format!("trace={call}"), "-e", &inject, "-p", id]);
            command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
        };
        let held = Self(named.iter().copied().map(|task| attach(&task)).collect());
        eventually("strace is attached", || {
            named.iter().all(|task| !read(task, "status").contains("TracerPid:\t0\n"))
        });
        held
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        for child in &mut self.0 {
            terminate(child.id());
            let _ = child.wait();
        }
    }
}

#[test]
fn whatever_stands_still_is_named_and_the_watchdog_hears_nothing_until_it_goes_on() {
    if !needs("strace") {
        return;
    }
    let authority = Authority::new("Watchdog root");
    let watchdog = Receiver::start(&authority, "localhost", |_, _| yes(200));
    let mut cloud = watched(&authority, &watchdog, TO_A_FOLDER);
    let bundle = cloud.device("WATCH-0001");
    let mut clock = Driver::create(&cloud.path("clock"), server::clock::now()).unwrap();
    cloud.start_as(cloud.driven(&cloud.path("clock")));
    eventually("all is well", || is_well(&cloud));
    eventually("the watchdog hears so", || pings(&watchdog, "/ping") >= 2);
    let mut number = 0;
    let mut publish = || {
        number += 1;
        let mut link = Publisher::connect(cloud.address, &bundle).unwrap();
        link.send(1, &report(BootId([4; 16]), number, server::clock::now())).unwrap();
        link
    };
    // Which thread is held at which call, what is failing then, and how long that takes.
    let cases = [
        ("journal", "fdatasync", "journal", MINUTE_MS),
        ("pipeline", "futex", "pipeline", 5 * MINUTE_MS),
        ("sqlx-sqlite-wor", "fdatasync", "snapshots", 5 * MINUTE_MS),
        ("housekeeping", "clock_nanosleep", "history", 240 * MINUTE_MS),
        ("sqlx-sqlite-wor", "fcntl", "announcer", 5 * MINUTE_MS),
        ("sqlx-sqlite-wor", "fcntl", "registry", 5 * MINUTE_MS),
    ];
    for (thread, call, check, passes_ms) in cases {
        let held = Held::at(&cloud, thread, call);
        let _link = publish();
        // A look sees that it waits; a snapshot begins within five seconds of a report.
        let patience = if check == "snapshots" { 8_000 } else { 1_500 };
        std::thread::sleep(Duration::from_millis(patience));
        let _more = publish();
        std::thread::sleep(Duration::from_millis(1_100));
        assert!(!fails(&cloud, check), "{check}: not before its time");
        clock.jump_to(clock.now().plus_ms(passes_ms)).unwrap();
        eventually(check, || fails(&cloud, check));
        assert_eq!(cloud.counter("healthy"), 0);
        if thread == "journal" {
            // One may have been on its way.
            std::thread::sleep(Duration::from_millis(1_500));
            let (heard, told) = (pings(&watchdog, "/ping"), pings(&watchdog, "/fail"));
            std::thread::sleep(Duration::from_millis(3_500));
            assert_eq!(pings(&watchdog, "/ping"), heard, "silence while it ails");
            assert!(pings(&watchdog, "/fail") > told, "and word of it where that is wanted");
        }
        drop(held);
        eventually("all is well again", || is_well(&cloud));
    }
    let heard = pings(&watchdog, "/ping");
    eventually("the watchdog hears so again", || pings(&watchdog, "/ping") > heard);
    assert_eq!(cloud.counter("healthy"), 1);

    // The wall clock is set back by two hours; half an hour later that is no news any more.
    clock.jump_to(clock.now().plus_ms(-120 * MINUTE_MS)).unwrap();
    eventually("the clock", || fails(&cloud, "clock"));
    clock.jump_to(clock.now().plus_ms(31 * MINUTE_MS)).unwrap();
    eventually("all is well again", || is_well(&cloud));
    let log = cloud.log();
    assert!(log.contains("the service ails: Reports wait for the disk"), "{log}");
    assert!(
        !log.contains("/ping") && !log.contains("/fail"),
        "the watchdog's address may be a secret: {log}"
    );
    cloud.stop();
}

#[test]
fn a_watcher_that_does_not_look_is_no_sign_that_all_is_well() {
    if !needs("strace") {
        return;
    }
    let authority = Authority::new("Watchdog root");
    let watchdog = Receiver::start(&authority, "localhost", |_, _| yes(200));
    let mut cloud = watched(&authority, &watchdog, TO_A_FOLDER);
    cloud.start();
    eventually("all is well", || is_well(&cloud));
    let held = Held::at(&cloud, "watcher", "clock_nanosleep");
    eventually("the watcher does not look", || fails(&cloud, "watcher"));
    std::thread::sleep(Duration::from_millis(1_500));
    let heard = pings(&watchdog, "/ping");
    std::thread::sleep(Duration::from_millis(2_500));
    assert_eq!(pings(&watchdog, "/ping"), heard);
    drop(held);
    eventually("it looks again", || is_well(&cloud));
    cloud.stop();
}

#[test]
fn a_full_disk_is_told_before_nothing_can_be_acknowledged() {
    let mut cloud = Cloud::new();
    append(&cloud, TO_A_FOLDER);
    let data = cloud.path("data");
    // What `Cloud::new` put there goes along.
    let kept = cloud.path("kept");
    std::fs::rename(&data, &kept).unwrap();
    std::fs::create_dir(&data).unwrap();
    let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", "size=300m", "none"]).arg(&data).status();
    if !mounted.is_ok_and(|status| status.success()) {
        println!("no file system can be mounted here: not tried");
        return;
    }
    struct Mounted<'a>(&'a Path);
    impl Drop for Mounted<'_> {
        fn drop(&mut self) {
            let _ = Command::new("umount").arg("-l").arg(self.0).status();
        }
    }
    let _mounted = Mounted(&data);
    let copied = Command::new("cp").arg("-a").arg(kept.join(".")).arg(&data).status().unwrap();
    assert!(copied.success());
    cloud.start();
    let disk = |cloud: &Cloud| {
        let (_, body) = health(cloud);
        let checks = body["checks"].as_array().unwrap().clone();
        checks.into_iter().find(|check| check["name"] == "disk").map(|check| check["status"].clone())
    };
    eventually("little is left", || disk(&cloud) == Some("warn".into()));
    assert!(is_well(&cloud), "a warning is no failing");
    std::fs::write(data.join("filling"), vec![1; 100 << 20]).unwrap();
    eventually("too little is left", || fails(&cloud, "disk"));
    assert!(cloud.counter("disk_free_bytes") < 256 << 20);
    std::fs::remove_file(data.join("filling")).unwrap();
    eventually("there is room again", || is_well(&cloud));
    cloud.stop();
}

/// Takes connections and says nothing.
fn silent_server() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        let mut kept = Vec::new();
        for stream in listener.incoming() {
            kept.push(stream);
        }
    });
    address
}

fn to_server(address: SocketAddr) -> String {
    format!(
        "[mail]\nsmtp = \"starttls://localhost:{}\"\nca_file = \"root.crt\"\nfrom = \"no-reply@connect.example\"\n",
        address.port()
    )
}

struct Outbox {
    runtime: tokio::runtime::Runtime,
    store: StateStore,
}

impl Outbox {
    fn open(cloud: &Cloud) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let store = runtime.block_on(StateStore::open(&cloud.path("data/state.sqlite"))).unwrap();
        Self { runtime, store }
    }

    fn operator(&self, email: &str, now: UtcMs) {
        let email = Email::parse(email).unwrap();
        let new =
            NewAccount { email: &email, name: "Op", password_hash: "$x", operator: true, created_at: now };
        self.runtime.block_on(self.store.create_account(new)).unwrap();
    }

    fn queue(&self, key: &str, now: UtcMs) {
        let to = Email::parse("ann@example.org").unwrap();
        let (queued_at, expires_at) = (now, now.plus_ms(24 * 60 * MINUTE_MS));
        let (kind, subject) = ("test", "A letter");
        let mail =
            NewMail { key, to: &to, kind, subject, text: "x", html: "<p>x</p>", queued_at, expires_at };
        self.runtime.block_on(self.store.queue_mail(mail)).unwrap();
    }
}

#[test]
fn a_mail_server_that_says_nothing_ails_the_service() {
    let authority = Authority::new("Mail root");
    let watchdog = Receiver::start(&authority, "localhost", |_, _| yes(200));
    let mut cloud = watched(&authority, &watchdog, &to_server(silent_server()));
    let mut clock = Driver::create(&cloud.path("clock"), server::clock::now()).unwrap();
    cloud.start_as(cloud.driven(&cloud.path("clock")));
    eventually("all is well", || is_well(&cloud));
    let outbox = Outbox::open(&cloud);
    outbox.queue("hangs", clock.now());
    eventually("it is in hand", || cloud.counter("messages_queued{channel=\"email\"}") == 1);
    std::thread::sleep(Duration::from_secs(1));
    clock.jump_to(clock.now().plus_ms(7 * MINUTE_MS)).unwrap();
    eventually("the mails", || fails(&cloud, "mails"));
    cloud.stop();
}

#[test]
fn operators_are_written_to_that_the_service_ails_and_that_it_is_well_again() {
    let authority = Authority::new("Mail root");
    let watchdog = Receiver::start(&authority, "localhost", |_, _| yes(200));
    let address = free_address();
    let mut cloud = watched(&authority, &watchdog, &to_server(address));
    let mut clock = Driver::create(&cloud.path("clock"), server::clock::now()).unwrap();
    cloud.start_as(cloud.driven(&cloud.path("clock")));
    let outbox = Outbox::open(&cloud);
    outbox.operator("op@example.org", clock.now());
    outbox.queue("waits", clock.now());
    eventually("it fails and fails", || {
        clock.jump_to(clock.now().plus_ms(4_000)).unwrap();
        cloud.counter("outbox_failures_in_a_row{channel=\"email\"}") >= 3
    });
    assert!(!fails(&cloud, "mails"), "not before its time");
    clock.jump_to(clock.now().plus_ms(11 * MINUTE_MS)).unwrap();
    eventually("the mails", || fails(&cloud, "mails"));
    let kinds = || -> Vec<String> {
        let receipts = outbox.runtime.block_on(outbox.store.receipts(None, 100)).unwrap();
        receipts.into_iter().map(|receipt| receipt.kind).collect()
    };
    eventually("a letter waits, too", || {
        // Whoever writes looks each real second, and counts a minute from its own first look, which may come after a jump.
        clock.jump_to(clock.now().plus_ms(61_000)).unwrap();
        std::thread::sleep(Duration::from_millis(6_500));
        kinds().contains(&"service_ails".to_owned())
    });
    let Some(server) = MailServer::start(&Setup { address: Some(address), ..Setup::trusted(&authority) })
    else {
        return;
    };
    eventually("both arrive", || {
        clock.jump_to(clock.now().plus_ms(2 * MINUTE_MS)).unwrap();
        server.delivered().len() >= 2
    });
    eventually("all is well again", || is_well(&cloud));
    eventually("so it is said", || {
        // The outbox is looked through each five real seconds: a jump must not look like two minutes without.
        clock.jump_to(clock.now().plus_ms(110_000)).unwrap();
        std::thread::sleep(Duration::from_millis(6_500));
        kinds().contains(&"service_well".to_owned())
    });
    // How many there are of the first kind in days of jumps, `fleet::dead_man::News` is tested for.
    let told = |what: &str| {
        let letters = server.delivered().into_iter().filter(|mail| mail.contains("op@example.org"));
        letters
            .filter(|mail| mail.lines().any(|line| line.starts_with("Subject:") && line.contains(what)))
            .count()
    };
    eventually("it arrives", || told("well again") == 1);
    assert!(told("ails") >= 1);
    cloud.stop();
}

#[test]
fn without_a_way_to_send_mails_nobody_is_told_that_all_is_well() {
    let authority = Authority::new("Watchdog root");
    let watchdog = Receiver::start(&authority, "localhost", |_, _| yes(200));
    let mut cloud = watched(&authority, &watchdog, "");
    cloud.start();
    eventually("it says so", || fails(&cloud, "mail_server"));
    let (_, body) = health(&cloud);
    assert!(body.to_string().contains("under [mail]"), "{body}");
    eventually("the watchdog is told", || pings(&watchdog, "/fail") >= 1);
    cloud.stop();
}

/// ASVS 5.0: 16.3.4.
#[test]
fn a_watchdog_that_cannot_be_reached_is_a_warning_told_once() {
    let authority = Authority::new("Watchdog root");
    let watchdog =
        Receiver::start(&authority, "localhost", |number, _| yes(if number < 4 { 500 } else { 200 }));
    let mut cloud = watched(&authority, &watchdog, TO_A_FOLDER);
    cloud.start();
    eventually("it is found", || {
        let (status, body) = health(&cloud);
        let checks = body["checks"].as_array().unwrap();
        let warned = checks.iter().any(|check| check["name"] == "watchdog" && check["status"] == "warn");
        assert!(!warned || status == 200, "{body}");
        warned
    });
    eventually("it is reached", || cloud.log().contains("the outside watchdog is reached again"));
    let log = cloud.log();
    assert_eq!(log.matches("the outside watchdog was not reached").count(), 1, "{log}");
    assert!(log.contains("it answered 500"), "{log}");
    cloud.stop();
}
