//! What is secret is not in the log, and what lets in is not on the disk: the real program, logging all that it can, is led
//! through registration, sign-in, reset, tokens, factors, pairing, a webhook and reports whose values are known.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use mail_parser::MessageParser;
use wire::{BootId, UtcMs};

use crate::cloud::{Cloud, Publisher, report};
use crate::mail_server;
use crate::people::{Answer, Person};

const EMAIL: &str = "marked.person@x.test";
const FIRST_PASSWORD: &str = "violet anchors drift northward";
const SECOND_PASSWORD: &str = "copper lanterns hum at midnight";
const WRONG_PASSWORD: &str = "nobody ever chose this sentence";
const WRONG_CODE: &str = "271828";
const HOOK_KEY: &str = "hook-key-8d1f6a";
const GARBAGE: &str = "garbage-of-a-device-5e2c";
/// [`report`] makes 136.37 V of it.
const SEQUENCE: u64 = 37;
const VOLTS: [&str; 2] = ["136.37", "13637"];

/// Something that must not be told, by what it is.
struct Marker {
    what: &'static str,
    value: String,
    /// It lets somebody in: the disk must not hold it either.
    lets_in: bool,
}

fn marker(what: &'static str, value: &str, lets_in: bool) -> Marker {
    assert!(value.len() >= 5, "{what}: {value}");
    Marker { what, value: value.to_owned(), lets_in }
}

fn form(text: &str) -> String {
    text.replace(' ', "+").replace('@', "%40")
}

/// What stands between two texts of a page.
fn between<'a>(answer: &'a Answer, before: &str, after: &str) -> &'a str {
    let (_, rest) = answer.body.split_once(before).unwrap_or_else(|| panic!("{before}: {answer:?}"));
    rest.split(after).next().unwrap()
}

/// The path of the link in a mail that was not there before.
fn link(cloud: &Cloud, known: usize) -> String {
    let began = Instant::now();
    let folder = cloud.path("mail");
    while mail_server::files(&folder).len() <= known {
        assert!(began.elapsed() < Duration::from_secs(60), "no mail:\n{}", cloud.log());
        std::thread::sleep(Duration::from_millis(100));
    }
    let newest = mail_server::files(&folder).into_iter().max().unwrap();
    let bytes = std::fs::read(newest).unwrap();
    let text = MessageParser::default().parse(&bytes).unwrap().body_text(0).unwrap().into_owned();
    let line = text.lines().find(|line| line.contains("://")).unwrap();
    let (_, path) = line.trim().split_once(&cloud.address.port().to_string()).unwrap();
    path.to_owned()
}

fn sign_in(cloud: &Cloud, password: &str) -> Answer {
    let fields = format!("email={}&password={}", form(EMAIL), form(password));
    Person::nobody().post(cloud, "/sign-in", &fields)
}

fn cookie(answer: &Answer) -> &str {
    let cookie = answer.header("set-cookie").split(';').next().unwrap();
    assert!(cookie.starts_with("__Host-session="), "{answer:?}");
    cookie
}

/// Leads the program through everything that is secret; the secrets.
fn live_through(cloud: &Cloud) -> Vec<Marker> {
    let mut markers = vec![
        marker("a password", FIRST_PASSWORD, true),
        marker("a password", SECOND_PASSWORD, true),
        marker("a password as forms have it", &form(SECOND_PASSWORD), true),
        marker("a wrong password", WRONG_PASSWORD, true),
        marker("a wrong code", WRONG_CODE, false),
        marker("a webhook's address", HOOK_KEY, false),
        marker("a device's garbage", GARBAGE, false),
        marker("somebody's address", EMAIL, false),
    ];
    markers.extend(VOLTS.map(|volts| marker("a reading", volts, false)));
    let secret = |path: &str| path.rsplit('/').next().unwrap().to_owned();

    Person::nobody().post(cloud, "/register", &format!("email={}", form(EMAIL)));
    let verify = link(cloud, 0);
    markers.push(marker("the link that makes an account", &secret(&verify), true));
    let fields = format!("name=Ann+Bell&password={}", form(FIRST_PASSWORD));
    assert_eq!(Person::nobody().post(cloud, &verify, &fields).status, 303);
    assert_eq!(sign_in(cloud, WRONG_PASSWORD).status, 422);

    let known = mail_server::files(&cloud.path("mail")).len();
    Person::nobody().post(cloud, "/forgot", &format!("email={}", form(EMAIL)));
    let reset = link(cloud, known);
    markers.push(marker("the link that resets a password", &secret(&reset), true));
    let done = Person::nobody().post(cloud, &reset, &format!("password={}", form(SECOND_PASSWORD)));
    assert_eq!(done.status, 303, "{done:?}");
    let signed_in = sign_in(cloud, SECOND_PASSWORD);
    let ann = Person::with(cookie(&signed_in));
    markers.push(marker("a session", &cookie(&signed_in)["__Host-session=".len()..], true));

    let page = ann.post(cloud, "/me/tokens/new", "name=x&scope=write&reach=all&life=365");
    let token = between(&page, "id=\"token\" readonly value=\"", "\"");
    markers.push(marker("an API token", token, true));
    assert_eq!(Person::nobody().get_with(cloud, "/api/v1/inverters", token).status, 200);

    ann.post(cloud, "/me/security/app", "");
    let page = ann.get(cloud, "/me/security/app");
    markers.push(marker("an authenticator app's secret", between(&page, "secret=", "&"), true));
    ann.post(cloud, "/me/security/app/code", &format!("code={WRONG_CODE}"));

    let url = format!("url=https%3A%2F%2F127.0.0.1%2Fhook%3Fkey%3D{HOOK_KEY}");
    let page = ann.post(cloud, "/me/notifications/webhooks/new", &url);
    markers.push(marker("a webhook's secret", between(&page, "whsec_", "\""), true));

    assert_eq!(ann.post(cloud, "/pair", "serial=MARK-0001").status, 303);
    markers
}

/// ASVS 5.0: 3.3.4, 7.2.3, 13.4.2, 14.2.4, 16.2.3, 16.2.5.
#[test]
fn nothing_secret_is_in_the_log_and_nothing_that_lets_in_on_the_disk() {
    let mut cloud = Cloud::new();
    let mail = "[mail]\nmaildir = \"mail\"\nfrom = \"no-reply@connect.example\"\n";
    let mut configuration = File::options().append(true).open(cloud.path("cloud.toml")).unwrap();
    configuration.write_all(mail.as_bytes()).unwrap();
    cloud.admin(&["allow", EMAIL, "--verified-by", "R. Valdez", "--note", "called back"]);
    let bundle = cloud.device("MARK-0001");
    let mut serve = cloud.command(&["serve"]);
    serve.env("INVERTER_CONNECT_LOG", "debug,server=trace,web=trace,store=trace,fleet=trace,wire=trace");
    cloud.start_as(serve);

    let mut publisher = Publisher::connect(cloud.address, &bundle).unwrap();
    publisher.publish(&report(BootId([7; 16]), SEQUENCE, UtcMs(server::clock::now().0))).unwrap();
    publisher.publish(GARBAGE.as_bytes()).unwrap();
    let markers = live_through(&cloud);
    // The message to the webhook, which nobody may be asked at that address, is tried meanwhile.
    std::thread::sleep(Duration::from_secs(3));
    cloud.stop();

    let log = cloud.log();
    assert!(log.lines().count() > 10, "it logs: {log}");
    for Marker { what, value, .. } in &markers {
        let told: Vec<&str> = log.lines().filter(|line| line.contains(value.as_str())).take(3).collect();
        assert!(told.is_empty(), "{what} is in the log: {told:#?}");
    }
    let mut read = 0;
    search(&cloud.path("data"), &markers, &mut read);
    assert!(read > 3, "{read} files were looked through");
}

fn search(folder: &Path, markers: &[Marker], read: &mut usize) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            search(&path, markers, read);
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        *read += 1;
        for Marker { what, value, .. } in markers.iter().filter(|marker| marker.lets_in) {
            let there = bytes.windows(value.len()).any(|window| window == value.as_bytes());
            assert!(!there, "{what} is in {}", path.display());
        }
    }
}
