//! Pairing end to end: people at the door, a simulated inverter, the real gateway, the whole server; and the ways in
//! which somebody far away might try to get an inverter without its button.

use std::io::Write;
use std::time::{Duration, Instant};

use driven_clock::Driver;
use server::clock;
use store::state::StateStore;
use wire::report::EventKind;
use wire::{BootId, Event, Report};

use crate::cabinet::Cabinet;
use crate::cloud::{Cloud, Publisher};
use crate::door_setup::eventually;
use crate::people::{Person, a_moment};

/// From the press to a page that has turned.
const WITHIN: Duration = Duration::from_secs(2);

/// Begins; the attempt's page.
fn claim(cloud: &Cloud, person: &Person, serial: &str) -> String {
    let answer = person.post(cloud, "/pair", &format!("serial={serial}"));
    assert_eq!(answer.status, 303, "{answer:?}");
    let page = answer.header("location").to_owned();
    assert!(page.starts_with("/pair/"), "{page}");
    page
}

fn is_paired(cloud: &Cloud, person: &Person, page: &str) -> bool {
    let answer = person.get(cloud, page);
    let turned = answer.header("location") == format!("{page}/name");
    assert!(turned || answer.status == 200, "{answer:?}");
    turned
}

fn waits(cloud: &Cloud, person: &Person, page: &str) -> bool {
    person.get(cloud, page).body.contains("Press PAIR in the cabinet")
}

fn press(boot: u8, sequence: u64, count: u64, age_ms: u64) -> Vec<u8> {
    let kind = EventKind::Button { boot: Some(1), count, age_ms };
    let event = Event { sequence: Some(sequence), uptime_ms: None, time: None, kind };
    let report = Report { boot: Some(BootId([boot; 16])), events: vec![event], ..Report::default() };
    let mut payload = Vec::new();
    wire::report::cbor::encode(&report, &mut payload);
    payload
}

/// Rows of a verb in the audit log, as the command line shows them.
fn log_of(cloud: &Cloud, verb: &str) -> usize {
    cloud.admin(&["audit", "list"]).lines().filter(|line| line.contains(verb)).count()
}

/// Letters about pairings, to whom; the server must be stopped.
fn letters(cloud: &Cloud) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let store = StateStore::open(&cloud.path("data/state.sqlite")).await.unwrap();
        let (mut all, now) = (Vec::new(), clock::now());
        while let Some(mail) =
            store.claim_mail(&format!("test-{}", all.len()), now, now.plus_ms(60_000)).await.unwrap()
        {
            assert_eq!(mail.kind, "paired");
            all.push(mail.to.as_str().to_owned());
        }
        store.close().await.unwrap();
        all
    })
}

#[test]
fn a_press_after_the_claim_turns_the_page_within_two_seconds_and_an_earlier_one_does_not() {
    let mut cloud = Cloud::new();
    cloud.start();
    let Some(cabinet) = Cabinet::new(&cloud, "PAIR-0001") else { return };
    let (ann, bob) = (Person::new(&cloud, "ann@example.com"), Person::new(&cloud, "bob@example.com"));
    cloud.admin(&["grant", "add", "bob@example.com", "PAIR-0001", "read-only"]);
    cabinet.connected(1);
    // Early: before the claim. Every frame repeats it, second after second.
    cabinet.press();
    std::thread::sleep(Duration::from_millis(1_200));
    let page = claim(&cloud, &ann, "pair-0001");
    a_moment();
    assert!(waits(&cloud, &ann, &page), "a press before the claim counts");
    let mut stream = ann.stream(&cloud, &format!("/live{page}"));
    let pressed = Instant::now();
    cabinet.press();
    let turned = stream.until(&format!("event: go\ndata: {page}\n")) - pressed;
    println!("the page turned {turned:?} after the press");
    assert!(turned < WITHIN, "{turned:?}");
    assert!(is_paired(&cloud, &ann, &page));
    let named = ann.post(&cloud, &format!("{page}/name"), "name=Loading+Dock");
    let inverter = named.header("location").to_owned();
    assert!(ann.get(&cloud, &inverter).body.contains("Loading Dock"));
    assert_eq!(bob.get(&cloud, &inverter).status, 200, "nobody is put out");
    // The same press, told in every frame since, pairs nobody else.
    let of_bob = claim(&cloud, &bob, "PAIR-0001");
    a_moment();
    assert!(waits(&cloud, &bob, &of_bob));
    cloud.stop();
    assert_eq!(letters(&cloud), ["bob@example.com"]);
    assert_eq!(log_of(&cloud, "pair.done"), 1);
}

#[test]
fn a_foreign_press_pairs_nobody_and_two_claims_at_once_fail_both() {
    let mut cloud = Cloud::new();
    cloud.start();
    let Some(here) = Cabinet::new(&cloud, "PAIR-HERE") else { return };
    let Some(there) = Cabinet::new(&cloud, "PAIR-THERE") else { return };
    let (ann, bob) = (Person::new(&cloud, "ann@example.com"), Person::new(&cloud, "bob@example.com"));
    here.connected(1);
    there.connected(1);
    let of_ann = claim(&cloud, &ann, "PAIR-HERE");
    std::thread::sleep(Duration::from_millis(100));
    there.press();
    a_moment();
    assert!(waits(&cloud, &ann, &of_ann), "another inverter's button counts");
    let of_bob = claim(&cloud, &bob, "PAIR-HERE");
    std::thread::sleep(Duration::from_millis(100));
    here.press();
    for (person, page) in [(&ann, &of_ann), (&bob, &of_bob)] {
        eventually("both are told", || {
            person.get(&cloud, page).body.contains("More than one account waited")
        });
    }
    // Alone, and with a press of its own, it works.
    let again = claim(&cloud, &bob, "PAIR-HERE");
    std::thread::sleep(Duration::from_millis(100));
    here.press();
    eventually("the second try pairs", || is_paired(&cloud, &bob, &again));
    assert_eq!(ann.get(&cloud, &format!("{of_ann}/name")).status, 404);
    assert_eq!((log_of(&cloud, "pair.done"), log_of(&cloud, "pair.fail")), (1, 2));
}

#[test]
fn a_press_that_is_resent_pairs_nobody() {
    let mut cloud = Cloud::new();
    let bundle = cloud.device("PAIR-0002");
    cloud.start();
    let ann = Person::new(&cloud, "ann@example.com");
    let mut link = Publisher::connect(cloud.address, &bundle).unwrap();
    let recorded = press(1, 7, 4, 100);
    link.publish(&recorded).unwrap();
    std::thread::sleep(Duration::from_millis(500));
    let page = claim(&cloud, &ann, "PAIR-0002");
    std::thread::sleep(Duration::from_millis(500));
    // The very report once more; under a new number; after another start of the gateway; an older press.
    for payload in [recorded, press(1, 8, 4, 100), press(2, 1, 4, 100), press(2, 2, 3, 100)] {
        link.publish(&payload).unwrap();
    }
    a_moment();
    assert!(waits(&cloud, &ann, &page));
    // One that waited in a spool for longer than a live one may take; then a new one.
    link.publish(&press(2, 3, 5, 30_001)).unwrap();
    a_moment();
    assert!(waits(&cloud, &ann, &page));
    link.publish(&press(2, 4, 6, 100)).unwrap();
    eventually("a new press pairs", || is_paired(&cloud, &ann, &page));
}

#[test]
fn a_press_after_the_window_is_too_late_and_so_is_one_that_waited_in_the_spool() {
    let mut cloud = Cloud::new();
    let (path, now) = (cloud.path("clock"), clock::now());
    let mut clock = Driver::create(&path, now).unwrap();
    let command = cloud.driven(&path);
    cloud.start_as(command);
    let Some(cabinet) = Cabinet::driven(&cloud, "PAIR-0003", &path) else { return };
    let ann = Person::new(&cloud, "ann@example.com");
    cabinet.connected(1);

    // The network is away while somebody presses; it comes back a minute later, well within the window.
    let page = claim(&cloud, &ann, "PAIR-0003");
    cloud.stop();
    cabinet.press();
    std::thread::sleep(Duration::from_millis(1_500));
    clock.jump_to(clock.now().plus_ms(60_000)).unwrap();
    let command = cloud.driven(&path);
    cloud.start_as(command);
    cabinet.connected(2);
    eventually("what was kept arrived", || cabinet.log().contains("Everything that was kept has been sent"));
    a_moment();
    assert!(waits(&cloud, &ann, &page), "a press out of the spool counts");

    // The window passes; then somebody presses.
    clock.jump_to(now.plus_ms(12 * 60_000)).unwrap();
    eventually("the page says so", || ann.get(&cloud, &page).body.contains("Time ran out"));
    cabinet.press();
    a_moment();
    assert!(ann.get(&cloud, &page).body.contains("Time ran out"));
    assert_eq!(ann.get(&cloud, "/fleet").body.matches("PAIR-0003").count(), 0);
    assert_eq!((log_of(&cloud, "pair.done"), log_of(&cloud, "pair.fail")), (0, 1));
}

#[test]
fn restarts_and_kills_between_claim_press_and_effect_neither_lose_nor_repeat_a_pairing() {
    let mut cloud = Cloud::new();
    cloud.start();
    let Some(cabinet) = Cabinet::new(&cloud, "PAIR-0004") else { return };
    let bob = Person::new(&cloud, "bob@example.com");
    cloud.admin(&["grant", "add", "bob@example.com", "PAIR-0004", "read-write"]);
    let mut connections = 1;
    cabinet.connected(connections);
    let mut rounds = 0;
    // How the cloud ends after the claim, and how long after the press it is killed.
    for (in_order, pause_ms) in
        [(true, None), (false, None), (false, Some(60)), (false, Some(120)), (false, Some(200))]
    {
        rounds += 1;
        let person = Person::new(&cloud, &format!("p{rounds}@example.com"));
        let page = claim(&cloud, &person, "PAIR-0004");
        if let Some(pause_ms) = pause_ms {
            std::thread::sleep(Duration::from_millis(100));
            cabinet.press();
            std::thread::sleep(Duration::from_millis(pause_ms));
        }
        if in_order {
            cloud.stop()
        } else {
            cloud.kill()
        }
        cloud.start();
        connections += 1;
        cabinet.connected(connections);
        if pause_ms.is_none() {
            cabinet.press();
        }
        eventually("it is paired", || is_paired(&cloud, &person, &page));
        // Once more: what is replayed now was written before.
        cloud.kill();
        cloud.start();
        connections += 1;
        cabinet.connected(connections);
        assert!(is_paired(&cloud, &person, &page));
        assert_eq!(log_of(&cloud, "pair.done"), rounds);
    }
    assert_eq!(bob.get(&cloud, "/fleet").body.matches("PAIR-0004").count().min(1), 1);
    cloud.stop();
    let told = letters(&cloud);
    // Bob by each, and everybody before by everybody after.
    assert_eq!(told.len(), rounds + rounds * (rounds - 1) / 2, "{told:?}");
    assert_eq!(told.iter().filter(|to| *to == "bob@example.com").count(), rounds);
}

#[test]
fn where_the_stream_has_no_button_the_gateways_own_one_pairs() {
    let mut cloud = Cloud::new();
    cloud.start();
    let line = cloud.path("button");
    assert!(std::process::Command::new("mkfifo").arg(&line).status().unwrap().success());
    let button = "[button]\nchip = \"/dev/gpiochip-none\"\nline = 17\n";
    let arguments = ["--button-pipe", line.to_str().unwrap()];
    let Some(cabinet) = Cabinet::with(&cloud, "PAIR-0005", "ve-direct", button, &arguments) else { return };
    let ann = Person::new(&cloud, "ann@example.com");
    cabinet.connected(1);
    let page = claim(&cloud, &ann, "PAIR-0005");
    let mut stream = ann.stream(&cloud, &format!("/live{page}"));
    let pressed = Instant::now();
    std::fs::File::options().read(true).write(true).open(&line).unwrap().write_all(b"x").unwrap();
    let turned = stream.until("event: go\n") - pressed;
    println!("the page turned {turned:?} after the press");
    assert!(turned < WITHIN, "{turned:?}");
    assert!(is_paired(&cloud, &ann, &page));
}
