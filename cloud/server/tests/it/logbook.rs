//! Logbooks kept by a server that is killed, and `inverter-connect verify` on whatever comes.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;
use std::time::{Duration, Instant};

use fleet::audit::Verb;
use fleet::logbook::{Check, Closing, Inverter, Opening, Place, Signer, Verifier, What, seal, with_trailer};
use fleet::record::Outage;
use fleet::{Grant, InverterKey, OrganizationKey, Record, Role};
use server::live::LiveStates;
use server::logbook::Keeper;
use store::state::{Act, By, NewInverter, NewOrganization, NewSite, RecordRow, StateStore};
use wire::time::DAY_MS;
use wire::{Serial, UtcMs};

use crate::cloud::Cloud;

const NOW: UtcMs = UtcMs(1_800_000_000_000);
const BOOK: &str = "00112233445566778899aabbccddeeff";

fn act(verb: Verb) -> Act {
    Act::new(verb, By::CommandLine, NOW, [7; 32])
}

fn signer() -> Signer {
    Signer::from_seed(&[5; 32]).unwrap()
}

fn outage(inverter: InverterKey, started: UtcMs) -> RecordRow {
    let outage = Outage {
        started,
        length_s: 60.0,
        gave_up: false,
        lowest_v: Some(118.25),
        load: None,
        predicted: None,
        recharged: None,
        contact_lost: false,
        end_unseen: false,
    };
    RecordRow { inverter, record: Record::Outage(outage), told_at: started }
}

/// An organization that keeps a logbook and manages an inverter.
async fn club(store: &StateStore) -> (OrganizationKey, InverterKey) {
    let new = NewOrganization { public_id: "CLUB222222", name: "Harborview", owner: None };
    let club = store.create_organization(new, act(Verb::OrganizationAdd)).await.unwrap();
    let site = NewSite {
        public_id: "pier",
        owner: Some(club.into()),
        name: "Pier 4",
        address: "",
        time_zone: "UTC",
    };
    let site = store.add_site(site, &act(Verb::SiteAdd)).await.unwrap();
    let new = NewInverter {
        public_id: "hall",
        serial: Serial::parse("2311-0042").unwrap(),
        name: "Hall",
        model: "",
        site: Some(site),
        required_minutes: None,
        registered_at: NOW,
    };
    let hall = store.register_inverter(new, &act(Verb::DeviceRegister)).await.unwrap();
    let grant = Grant { holder: club.into(), inverter: hall, role: Role::ReadWrite, ends: None };
    store.set_grant(grant, &act(Verb::ShareGrant)).await.unwrap();
    store.begin_logbook(club, BOOK, 1, &act(Verb::LogbookBegin)).await.unwrap();
    (club, hall)
}

/// The file of a logbook, as it is exported.
pub async fn file(store: &StateStore, club: OrganizationKey, signer: &Signer) -> Vec<String> {
    let book = store.logbook(club).await.unwrap().unwrap();
    let (name, last, hash) = (book.place.book.clone(), book.place.last, book.place.hash);
    let (organization, begun_at, years) = ("Harborview".to_owned(), book.begun_at, book.years);
    let opening = Opening { book: name.clone(), organization, begun_at, years, made_at: NOW };
    let mut lines = vec![seal(&opening, signer).unwrap()];
    lines.extend(book.checkpoint.clone());
    let rows = store.logbook_entries(book.key, book.gone, last, 10_000).await.unwrap();
    lines.extend(rows.into_iter().map(|row| row.line));
    lines.push(seal(&Closing { book: name, last, hash, made_at: NOW }, signer).unwrap());
    lines
}

#[tokio::test]
async fn what_waits_is_entered_with_names_as_they_are_and_old_years_go_with_a_signed_word() {
    let folder = tempfile::tempdir().unwrap();
    let store = StateStore::open(&folder.path().join("state.sqlite")).await.unwrap();
    let (club, hall) = club(&store).await;
    let keeper = Keeper::new(store.clone(), Arc::<LiveStates>::default(), Arc::new(signer()));
    store.commit_records(&[outage(hall, NOW), outage(hall, NOW.plus_ms(1))]).await.unwrap();
    assert_eq!(keeper.look(NOW).await.unwrap(), 2);
    assert_eq!(keeper.look(NOW).await.unwrap(), 0);
    let row =
        store.newest_logbook_entries(store.logbook(club).await.unwrap().unwrap().key, 2, 1).await.unwrap();
    let entry = fleet::logbook::Entry::unchecked(&row[0].line).unwrap();
    let named =
        Inverter { serial: "2311-0042".to_owned(), name: "Hall".to_owned(), site: Some("Pier 4".to_owned()) };
    assert_eq!(entry.inverter, named);
    let What::Outage(said) = entry.what else { panic!("{entry:?}") };
    assert_eq!((said.started, said.required_minutes, said.lowest_voltage_v), (NOW, 90, Some(118.25)));
    // A record that went before it was entered is not waited for.
    store.commit_records(&[outage(hall, NOW.plus_ms(2))]).await.unwrap();
    store.delete_records_before(UtcMs(i64::MAX)).await.unwrap();
    assert_eq!(keeper.look(NOW).await.unwrap(), 0);
    assert_eq!(store.logbook_waiting(9).await.unwrap(), []);

    assert_eq!(keeper.let_go(NOW.plus_ms(366 * DAY_MS)).await.unwrap(), 0, "one year, and not a moment less");
    store.commit_records(&[outage(hall, NOW.plus_ms(DAY_MS))]).await.unwrap();
    keeper.look(NOW.plus_ms(DAY_MS)).await.unwrap();
    assert_eq!(keeper.let_go(NOW.plus_ms(366 * DAY_MS + 1)).await.unwrap(), 2);
    let mut verifier = Verifier::new(vec![signer().public().fingerprint()]);
    file(&store, club, &signer()).await.iter().for_each(|line| verifier.line(line.as_bytes()));
    let verdict = verifier.finish();
    assert!(verdict.holds(), "{:?}", verdict.findings);
    assert_eq!((verdict.range, verdict.checkpoint.map(|gone| gone.last)), (Some((3, 3)), Some(2)));
}

/// Proof that this can fail: let `StateStore::enter` commit the entries before it deletes what waited.
#[test]
fn a_server_that_is_killed_again_and_again_enters_each_record_once() {
    const RECORDS: i64 = 400;
    let mut cloud = Cloud::new();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let store = runtime.block_on(StateStore::open(&cloud.path("data/state.sqlite"))).unwrap();
    let (club, hall) = runtime.block_on(club(&store));
    let now = server::clock::now();
    let rows: Vec<_> = (0..RECORDS).map(|at| outage(hall, now.plus_ms(-at * 1_000))).collect();
    for (round, rows) in rows.chunks(100).enumerate() {
        cloud.start();
        runtime.block_on(store.commit_records(rows)).unwrap();
        // The next look comes within five seconds; each kill falls elsewhere in it.
        let entered = || runtime.block_on(store.logbook(club)).unwrap().unwrap().place.last;
        let before = entered();
        let began = Instant::now();
        while entered() == before && began.elapsed() < Duration::from_secs(30) {
            std::thread::sleep(Duration::from_millis(3));
        }
        std::thread::sleep(Duration::from_millis(round as u64 * 7));
        cloud.kill();
    }
    cloud.start();
    let began = Instant::now();
    while !runtime.block_on(store.logbook_waiting(1)).unwrap().is_empty() {
        assert!(began.elapsed() < Duration::from_secs(60), "what waits is not entered:\n{}", cloud.log());
        std::thread::sleep(Duration::from_millis(50));
    }
    let key = cloud.path("data/keys/logbook.key");
    assert_eq!(key.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let keys = runtime.block_on(store.logbook_keys()).unwrap();
    assert_eq!(keys.len(), 1, "one key through all starts");
    let seed = fleet::logbook::Hash::parse(std::fs::read_to_string(&key).unwrap().trim()).unwrap();
    let signer = Signer::from_seed(&seed.0).unwrap();
    assert_eq!(keys[0].0, signer.public());
    let lines = runtime.block_on(file(&store, club, &signer));
    let mut verifier = Verifier::new(vec![signer.public().fingerprint()]);
    lines.iter().for_each(|line| verifier.line(line.as_bytes()));
    let verdict = verifier.finish();
    assert!(verdict.holds(), "{:?}", verdict.findings);
    let started: std::collections::BTreeSet<_> =
        lines.iter().filter_map(|line| fleet::logbook::Entry::unchecked(line)?.what.started()).collect();
    assert_eq!((verdict.entries, started.len() as i64), (RECORDS as u64, RECORDS));
    cloud.stop();
    // Where the key was lost, another one signs, and the old one's public key stays.
    std::fs::remove_file(&key).unwrap();
    cloud.start();
    assert_eq!(runtime.block_on(store.logbook_keys()).unwrap().len(), 2);
    assert!(cloud.log().contains("the key of logbooks is gone"), "{}", cloud.log());
    cloud.stop();
    // It is copied with the other keys.
    cloud.admin(&["keys", "copy", cloud.path("copy").to_str().unwrap()]);
    assert_eq!(std::fs::read(cloud.path("copy/logbook.key")).unwrap(), std::fs::read(&key).unwrap());
}

/// So that readiness may go by old tests, and forgets them where nobody asked for them to be kept.
#[test]
fn an_inverter_knows_whether_its_tests_are_kept() {
    let mut cloud = Cloud::new();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let store = runtime.block_on(StateStore::open(&cloud.path("data/state.sqlite"))).unwrap();
    let (club, hall) = runtime.block_on(club(&store));
    cloud.start();
    let until = |keeps: bool| {
        let began = Instant::now();
        loop {
            let states = runtime.block_on(store.load_snapshots()).unwrap().states;
            let state = states.iter().find(|(key, _)| *key == hall);
            let known = state.map(|(_, bytes)| fleet::InverterState::from_snapshot(bytes).unwrap());
            if known.is_some_and(|state| state.rules.keeps_logbook() == keeps) {
                return;
            }
            assert!(began.elapsed() < Duration::from_secs(60), "never {keeps}:\n{}", cloud.log());
            std::thread::sleep(Duration::from_millis(200));
        }
    };
    until(true);
    runtime.block_on(store.end_logbook(club, &act(Verb::LogbookEnd))).unwrap();
    until(false);
    cloud.stop();
}

struct Desk {
    folder: tempfile::TempDir,
    /// A logbook of six entries.
    whole: String,
}

impl Desk {
    fn new() -> Self {
        let (signer, book) = (signer(), BOOK.to_owned());
        let organization = "Pier 4\u{1b}[31m".to_owned();
        let opening = Opening { book: book.clone(), organization, begun_at: NOW, years: 5, made_at: NOW };
        let mut lines = vec![seal(&opening, &signer).unwrap()];
        let mut place = Place::first(book.clone());
        for at in 0..6 {
            let row = outage(InverterKey(1), NOW.plus_ms(at * 1_000));
            let what = What::of(&row.record, &fleet::self_test::NFPA_101, 90);
            let inverter = Inverter { serial: "2311-0042".to_owned(), ..Inverter::default() };
            lines.push(place.append(inverter, what, None, NOW, &signer).unwrap());
        }
        let closing = Closing { book, last: place.last, hash: place.hash, made_at: NOW };
        lines.push(seal(&closing, &signer).unwrap());
        Self { folder: tempfile::tempdir().unwrap(), whole: lines.join("\n") + "\n" }
    }

    fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// Exit code and what was said.
    fn verify(&self, file: &Path, more: &[&str]) -> (i32, String) {
        let output = run(file, more);
        let text = [output.stdout, output.stderr].concat();
        (output.status.code().unwrap(), String::from_utf8(text).unwrap())
    }

    fn check(&self, file: &Path, more: &[&str], code: i32, expect: &str) {
        let (found, said) = self.verify(file, more);
        assert!(found == code && said.contains(expect), "{found}, not {code} with {expect:?}: {said}");
        assert!(!said.contains('\u{1b}'), "what a file says reaches no terminal as it is");
    }
}

pub fn run(file: &Path, more: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_inverter-connect"));
    // No configuration, no data folder.
    command.arg("verify").arg(file).args(more).env_clear();
    command.output().unwrap()
}

#[test]
fn verify_says_in_words_and_by_its_exit_code_what_holds() {
    let desk = Desk::new();
    let key = signer().public();
    let print = key.fingerprint().to_string();
    let pem = format!(
        "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
        base64::Engine::encode(&base64::engine::general_purpose::STANDARD, key.der())
    );
    let (pem, text) = (desk.write("key.pem", pem), desk.write("key.txt", format!("{print}\n")));
    let whole = desk.write("whole.ndjson", &desk.whole);
    // Without a key a forger's file is as good: a script must not take it for proven.
    let unproven = "NOBODY IS PROVEN TO HAVE SIGNED THIS: no --key was given.";
    for expect in [unproven, "It holds: 6 entries, 1 to 6", "Whose key that is, the file cannot prove"] {
        desk.check(&whole, &[], 3, expect);
    }
    let (_, said) = desk.verify(&whole, &["--key", &print]);
    assert!(!said.contains("PROVEN") && !said.contains("cannot prove"), "{said}");
    for key in [print.as_str(), pem.to_str().unwrap(), text.to_str().unwrap()] {
        desk.check(&whole, &["--key", key], 0, "Signed by the key that you named");
    }
    let other = Signer::from_seed(&[6; 32]).unwrap().public().fingerprint().to_string();
    desk.check(&whole, &["--key", &other], 1, "is signed by another key");
    desk.check(&whole, &["--key", &other, "--key", &print], 0, "It holds");
    let lines: Vec<&str> = desk.whole.lines().collect();
    let broken = [
        (
            desk.whole.replacen("118.25", "119.25", 1),
            "line 2 was changed after it was signed (by its place, entry 1)",
        ),
        ([&lines[..3], &lines[4..]].concat().join("\n"), "entry 3 is missing"),
        (lines[..5].join("\n"), "the end is missing"),
        (format!("{}{}", desk.whole, lines[2]), "does not belong there"),
        (format!("{}\n{}", lines[0], "x".repeat(1_000_000)), "line 2 is not a signed line"),
    ];
    for (text, expect) in broken {
        desk.check(&desk.write("broken.ndjson", text), &["--key", &print], 1, expect);
    }
    desk.check(&desk.write("one.json", lines[4]), &["--key", &print], 0, "one entry, number 4");
    desk.check(&desk.write("one.json", lines[4]), &[], 3, unproven);
    desk.check(&desk.write("broken.ndjson", lines[..5].join("\n")), &[], 1, "the end is missing");
    desk.check(&desk.write("one.json", lines[4].replace("118.25", "0.0")), &["--key", &print], 1, "NOT as");
}

#[test]
fn verify_checks_a_report_by_its_last_line_or_the_file_beside_it() {
    let desk = Desk::new();
    let print = signer().public().fingerprint().to_string();
    let csv = "start,length\r\n2026-11-17,30\r\n";
    let report = desk.write("may.csv", csv);
    desk.check(&report, &[], 2, "there is no check of it");
    let line = Check::line("may.csv", csv.as_bytes(), NOW, &signer()).unwrap();
    let beside = desk.write("may.csv.check", format!("{line}\n"));
    desk.check(&report, &["--key", &print], 0, "The report is as it was signed: 29 bytes");
    desk.check(&beside, &[], 2, "give the report");
    let elsewhere = desk.write("elsewhere", csv);
    for expect in ["NOBODY IS PROVEN TO HAVE SIGNED THIS", "as it was signed"] {
        desk.check(&elsewhere, &["--check", beside.to_str().unwrap()], 3, expect);
    }
    desk.check(&desk.write("may.csv", csv.replace("30", "31")), &[], 1, "the report was changed");
    desk.check(&desk.write("may.csv", format!("{csv}\n")), &[], 1, "It has 30 bytes and had 29");
    let other = Signer::from_seed(&[6; 32]).unwrap().public().fingerprint().to_string();
    desk.check(&elsewhere, &["--check", beside.to_str().unwrap(), "--key", &other], 1, "another key");

    let pdf = with_trailer(b"%PDF-1.7\nall of it\n%%EOF\n".to_vec(), "may.pdf", NOW, &signer()).unwrap();
    desk.check(&desk.write("may.pdf", &pdf), &["--key", &print], 0, "as it was signed");
    // Whichever byte is changed, it is never said to hold.
    for at in 0..pdf.len() {
        let mut changed = pdf.clone();
        changed[at] ^= 1;
        if at % 29 == 0 || at + 4 > pdf.len() {
            let (code, said) = desk.verify(&desk.write("may.pdf", changed), &["--key", &print]);
            assert_ne!(code, 0, "byte {at}: {said}");
        }
    }
}

#[test]
fn verify_cannot_tell_of_what_it_cannot_read_and_says_so() {
    let desk = Desk::new();
    let whole = desk.write("whole.ndjson", &desk.whole);
    desk.check(Path::new("/nowhere/at.all"), &[], 2, "cannot read /nowhere/at.all");
    desk.check(desk.folder.path(), &[], 2, "is a folder");
    desk.check(&desk.write("empty", ""), &[], 2, "there is no check of it");
    desk.check(&desk.write("noise", [0, 255, 10, 7]), &[], 2, "there is no check of it");
    for key in ["abc", whole.to_str().unwrap()] {
        desk.check(&whole, &["--key", key], 2, "--key");
    }
    let (code, _) = desk.verify(&whole, &["--ky"]);
    assert_eq!(code, 2);
}
