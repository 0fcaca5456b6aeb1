//! An organization of ten thousand inverters: how long its logbook's beginning and its monthly letters take, and how long anybody else's write
//! waits for them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use fleet::audit::Verb;
use fleet::logbook::Signer;
use fleet::record::Outage;
use fleet::self_test::{Found, Kind, SeenBy};
use fleet::{InverterKey, MemberRole, Membership, OrganizationKey, Record};
use server::logbook::Keeper;
use store::state::{NewOrganization, RecordRow, StateStore};
use tokio::task::JoinHandle;
use wire::UtcMs;
use wire::time::DAY_MS;

use crate::announcer::{NOW, World, act, world};
use crate::calendar::calendar;

const BOOK: &str = "00112233445566778899aabbccddeeff";
/// Records of an inverter that are there when the logbook is begun.
const RECORDS: i64 = 3;
/// Members of the organization: each is written to.
const MEMBERS: usize = 20;

/// Ten thousand in full; what they show shows with fewer too, and sooner.
#[expect(clippy::disallowed_methods, reason = "the test's own knob")]
fn inverters() -> i64 {
    if std::env::var("INVERTER_CONNECT_TESTS").is_ok_and(|much| much == "full") { 10_000 } else { 400 }
}

/// Nobody's write may wait longer: a hundredth of a second here and there is SQLite's own way of asking again.
const LONGEST: Duration = Duration::from_millis(if cfg!(debug_assertions) { 1_000 } else { 250 });

/// Asks for the writer again and again, as the pipeline and people do.
struct Probe {
    over: Arc<AtomicBool>,
    asking: JoinHandle<Duration>,
}

impl Probe {
    async fn start(store: &StateStore) -> Self {
        let over = Arc::<AtomicBool>::default();
        let (store, end) = (store.clone(), Arc::clone(&over));
        let asking = tokio::spawn(async move {
            let mut longest = Duration::ZERO;
            while !end.load(Ordering::Relaxed) {
                let began = Instant::now();
                // It takes the writer, and writes next to nothing.
                store.keep_clock(NOW).await.unwrap();
                longest = longest.max(began.elapsed());
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            longest
        });
        tokio::time::sleep(Duration::from_millis(20)).await;
        Self { over, asking }
    }

    async fn longest(self) -> Duration {
        self.over.store(true, Ordering::Relaxed);
        self.asking.await.unwrap()
    }
}

fn records(inverter: InverterKey) -> impl Iterator<Item = RecordRow> {
    (0..RECORDS).map(move |number| {
        let started = NOW.plus_ms(-number * 9 * DAY_MS - i64::from(inverter.0) * 1_000);
        let record = if number % 3 == 2 {
            Record::Outage(Outage {
                started,
                length_s: 900.0,
                gave_up: false,
                lowest_v: Some(118.25),
                load: None,
                predicted: None,
                recharged: None,
                contact_lost: false,
                end_unseen: false,
            })
        } else {
            Record::Test(Found {
                kind: Kind::Monthly,
                seen_by: SeenBy::Telemetry,
                started,
                length_s: 30.0,
                interrupted: false,
                gave_up: false,
                charged: Some(true),
                above_cutoff_v: Some(0.2),
                load: Some(6_000.0),
                own: None,
                at_cutoff: false,
            })
        };
        RecordRow { inverter, record, told_at: started.plus_ms(900_000) }
    })
}

/// An organization with its inverters, their records and its members.
async fn organization(w: &World) -> OrganizationKey {
    let new = NewOrganization { public_id: "CLUB222222", name: "Harborview", owner: None };
    let club = w.store.create_organization(new, act(Verb::OrganizationAdd)).await.unwrap();
    let pier = w.site("Pier").await;
    let mut rows = Vec::new();
    for number in 0..inverters() {
        let inverter = w.inverter(&format!("n{number:05}"), Some(pier)).await;
        w.grant(club, inverter).await;
        rows.extend(records(inverter));
    }
    for part in rows.chunks(1_000) {
        w.store.commit_records(part).await.unwrap();
    }
    for number in 0..MEMBERS {
        let account = w.account(&format!("member{number}")).await;
        let member = Membership { organization: club, account, role: MemberRole::Owner };
        w.store.set_member(member, &act(Verb::MemberRole)).await.unwrap();
    }
    club
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wide_organization_begins_its_logbook_and_has_its_letters_and_nobody_waits_for_them() {
    let w = world().await;
    let club = organization(&w).await;
    let count = (inverters() * RECORDS) as u64;

    let (probe, began) = (Probe::start(&w.store).await, Instant::now());
    w.store.begin_logbook(club, BOOK, 5, &act(Verb::LogbookBegin)).await.unwrap();
    let (took, waited) = (began.elapsed(), probe.longest().await);
    println!("{} inverters: the logbook is begun in {took:?}, longest wait {waited:?}", inverters());
    assert!(waited < LONGEST, "{waited:?}");

    let signer = Arc::new(Signer::from_seed(&[5; 32]).unwrap());
    let keeper = Keeper::new(w.store.clone(), Arc::clone(&w.live), signer);
    let (probe, began) = (Probe::start(&w.store).await, Instant::now());
    assert_eq!(keeper.look(NOW).await.unwrap(), count);
    let (took, waited) = (began.elapsed(), probe.longest().await);
    println!("{count} records are entered in {took:?}, longest wait {waited:?}");
    assert!(waited < LONGEST, "{waited:?}");

    let first = UtcMs::parse_rfc3339("2026-12-01T12:00:00Z").unwrap();
    let calendar = calendar(&w.store, &w.live, NOW);
    calendar.look(NOW).await.unwrap();
    let (probe, began) = (Probe::start(&w.store).await, Instant::now());
    calendar.look(first).await.unwrap();
    let (took, waited) = (began.elapsed(), probe.longest().await);
    let waiting = w.store.letters_waiting(first).await.unwrap();
    println!("{waiting} letters are written in {took:?}, longest wait {waited:?}");
    assert!(waiting >= MEMBERS as u64 && waited < LONGEST, "{waiting}, {waited:?}");
}
