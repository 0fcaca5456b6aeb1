//! Letters of the calendar without a server around: to whom, when, once, and never of what one may not see.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use fleet::audit::Verb;
use fleet::notice::{Channel, Periodical, Preferences, QuietHours};
use fleet::{AccountKey, Grant, Holder, InverterKey, InverterState, Role};
use server::calendar::{Back, Calendar, Sees, may_go};
use server::live::LiveStates;
use server::notifier::{self, Letterhead, Maildir, NotSent, Sink, Way, Ways};
use server::pipeline::Counters;
use store::state::{
    Act, Alarm, By, DueMail, Email, EventRow, MailState, NewAccount, NewInverter, NewSite, Noted, SiteKey,
    StateStore,
};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use wire::time::{DAY_MS, HOUR_MS};
use wire::{BootId, Conditions, Quality, Quantity, Reading, Report, Serial, UtcMs};

/// Thursday, November 19, 2026, noon in UTC.
const THURSDAY: UtcMs = UtcMs(1_795_089_600_000);
/// The Monday after, 7:00 AM in New York.
const MONDAY: UtcMs = UtcMs(1_795_435_200_000);
const WEEK_MS: i64 = 7 * DAY_MS;

struct World {
    folder: tempfile::TempDir,
    store: StateStore,
    live: Arc<LiveStates>,
    calendar: Calendar,
    leases: std::cell::Cell<u32>,
}

fn act(verb: Verb) -> Act {
    act_at(verb, THURSDAY)
}

fn act_at(verb: Verb, at: UtcMs) -> Act {
    Act::new(verb, By::CommandLine, at, [7; 32])
}

async fn world() -> World {
    let folder = tempfile::tempdir().unwrap();
    let store = StateStore::open(&folder.path().join("state.sqlite")).await.unwrap();
    let live = Arc::<LiveStates>::default();
    let calendar = calendar(&store, &live, THURSDAY);
    World { folder, store, live, calendar, leases: std::cell::Cell::new(0) }
}

/// With a letter to come: Ann may see the inverter of a hall in New York.
async fn one_of_ann() -> (World, AccountKey, InverterKey) {
    let w = world().await;
    let ann = w.account("ann").await;
    let pier = w.site("Pier", "America/New_York").await;
    let hall = w.inverter("hall", Some(pier)).await;
    w.grant(ann, hall).await;
    w.look(THURSDAY).await;
    (w, ann, hall)
}

pub fn calendar(store: &StateStore, live: &Arc<LiveStates>, heard_from: UtcMs) -> Calendar {
    let pipeline = Arc::<Counters>::default();
    pipeline.following.store(1, Ordering::Relaxed);
    let sees = Sees { live: Arc::clone(live), pipeline, back: Back { heard_from } };
    Calendar::new(store.clone(), sees, "https://inverters.test".into(), Arc::<Notify>::default())
}

impl World {
    async fn account(&self, name: &str) -> AccountKey {
        let email = Email::parse(&format!("{name}@x.test")).unwrap();
        let new =
            NewAccount { email: &email, name, password_hash: "$x", operator: false, created_at: THURSDAY };
        let account = self.store.create_account(new).await.unwrap();
        // The record of tests has tests of its own.
        self.prefers(account, THURSDAY, Preferences { without_monthly: true, ..Preferences::default() })
            .await;
        account
    }

    async fn site(&self, name: &str, time_zone: &str) -> SiteKey {
        let new = NewSite { public_id: name, owner: None, name, address: "", time_zone };
        self.store.add_site(new, &act(Verb::SiteAdd)).await.unwrap()
    }

    async fn inverter(&self, name: &str, site: Option<SiteKey>) -> InverterKey {
        let new = NewInverter {
            public_id: name,
            serial: Serial::parse(&format!("NUMBER-{name}")).unwrap(),
            name,
            model: "",
            site,
            required_minutes: None,
            registered_at: THURSDAY,
        };
        self.store.register_inverter(new, &act(Verb::DeviceRegister)).await.unwrap()
    }

    async fn grant(&self, holder: impl Into<Holder>, inverter: InverterKey) {
        let grant = Grant { holder: holder.into(), inverter, role: Role::ReadOnly, ends: None };
        self.store.set_grant(grant, &act(Verb::ShareGrant)).await.unwrap();
    }

    async fn prefers(&self, account: AccountKey, at: UtcMs, preferences: Preferences) {
        let act = act_at(Verb::NotificationsEdit, at);
        self.store.set_preferences(account, &preferences, &act).await.unwrap();
    }

    /// It reported that all is well at `at`.
    fn heard(&self, inverter: InverterKey, at: UtcMs) {
        let mut reading = Reading {
            sequence: Some(1),
            time: Some(at),
            quality: Quality::Synchronised,
            ..Reading::default()
        };
        reading.sample.quantities.set(Quantity::BATTERY_RUNTIME, 96 * 60);
        reading.sample.conditions = Conditions::all_clear();
        let report = Report { boot: Some(BootId([1; 16])), readings: vec![reading], ..Report::default() };
        let mut state = InverterState::default();
        fleet::apply(&mut state, report, at);
        self.live.show([(inverter, Arc::new(state))]);
    }

    async fn look(&self, at: UtcMs) {
        self.calendar.look(at).await.unwrap();
    }

    /// What a sender would get at `at`, and hands over: to whom, subject.
    async fn sent(&self, at: UtcMs) -> Vec<(String, String)> {
        let mut sent = Vec::new();
        while let Some(mail) = self.next(at).await {
            may_go(&self.store, &mail, at).await.unwrap();
            assert!(
                self.store.note_message(mail.id, &self.lease(), Noted::Sent("250 ok".into())).await.unwrap()
            );
            sent.push((mail.to, mail.subject.replace('\u{a0}', " ")));
        }
        sent
    }

    async fn next(&self, at: UtcMs) -> Option<DueMail> {
        self.leases.set(self.leases.get() + 1);
        self.store.claim_mail(&self.lease(), at, at.plus_ms(1)).await.unwrap()
    }

    fn lease(&self) -> String {
        format!("lease-{}", self.leases.get())
    }
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(to, subject)| (format!("{to}@x.test"), (*subject).to_owned())).collect()
}

#[tokio::test]
async fn each_is_written_to_on_monday_at_seven_by_their_own_wall_and_once() {
    let w = world().await;
    let (ann, bob, cid) = (w.account("ann").await, w.account("bob").await, w.account("cid").await);
    let (pier, dock) = (w.site("Pier", "America/New_York").await, w.site("Dock", "Asia/Tokyo").await);
    let (hall, quay) = (w.inverter("hall", Some(pier)).await, w.inverter("quay", Some(dock)).await);
    let lone = w.inverter("lone", None).await;
    w.grant(ann, hall).await;
    w.grant(bob, quay).await;
    w.grant(cid, lone).await;
    // Who may see nothing is written nothing.
    w.account("eve").await;
    w.look(THURSDAY).await;
    let tokyo = MONDAY.plus_ms(-14 * HOUR_MS);
    let utc = MONDAY.plus_ms(-5 * HOUR_MS);
    for (at, name, key, subject) in [
        (tokyo, "bob", quay, "quay is watched, ready"),
        (utc, "cid", lone, "lone is watched, ready"),
        (MONDAY, "ann", hall, "hall is watched, ready"),
    ] {
        w.heard(key, at.plus_ms(-10_000));
        w.look(at.plus_ms(-1)).await;
        assert_eq!(w.sent(at).await, [], "{name} not before");
        w.look(at).await;
        assert_eq!(w.sent(at).await, pairs(&[(name, subject)]));
        w.look(at.plus_ms(60_000)).await;
        assert_eq!(w.sent(at.plus_ms(60_000)).await, [], "{name} once");
    }
    // A week later again, and what is not heard any more is not said to be watched.
    w.look(MONDAY.plus_ms(WEEK_MS)).await;
    let sent = w.sent(MONDAY.plus_ms(WEEK_MS)).await;
    assert_eq!(sent.len(), 3);
    assert!(sent.iter().all(|(_, subject)| subject.contains("is not watched, not reporting")), "{sent:?}");
}

#[tokio::test]
async fn one_that_was_due_while_the_service_was_away_comes_once_and_after_it_has_heard_again() {
    let (w, _, hall) = one_of_ann().await;
    // It is back on Wednesday, two and a half weeks later.
    let wednesday = MONDAY.plus_ms(2 * WEEK_MS + 2 * DAY_MS);
    let back = Back::note(&w.store, THURSDAY, wednesday).await.unwrap();
    assert_eq!(w.store.absences(THURSDAY).await.unwrap(), [(THURSDAY, wednesday)]);
    let again = calendar(&w.store, &w.live, back.heard_from);
    again.look(wednesday).await.unwrap();
    assert_eq!(w.sent(wednesday).await, [], "a quarter of an hour for gateways to come back");
    w.heard(hall, wednesday.plus_ms(30_000));
    again.look(back.heard_from).await.unwrap();
    let mail = w.next(back.heard_from).await.unwrap();
    assert_eq!(mail.subject, "hall is watched, ready");
    let text = mail.text.replace('\u{a0}', " ");
    assert!(text.contains("service itself was away"), "{text}");
    assert!(w.store.note_message(mail.id, &w.lease(), Noted::Sent("250 ok".into())).await.unwrap());
    again.look(back.heard_from.plus_ms(DAY_MS)).await.unwrap();
    assert_eq!(w.sent(back.heard_from.plus_ms(DAY_MS)).await, []);
    // The next one is that of the next Monday.
    let next = MONDAY.plus_ms(3 * WEEK_MS);
    again.look(next).await.unwrap();
    assert_eq!(w.sent(next).await.len(), 1);
    // A short absence is a restart, and is not noted.
    let soon = Back::note(&w.store, next, next.plus_ms(59_000)).await.unwrap();
    assert_eq!((soon.heard_from, w.store.absences(next).await.unwrap()), (next.plus_ms(59_000), vec![]));
}

#[tokio::test]
async fn two_who_look_at_once_and_one_who_died_before_the_end_write_one() {
    let (w, ann, _) = one_of_ann().await;
    let other = calendar(&w.store, &w.live, THURSDAY);
    let (one, two) = tokio::join!(w.calendar.look(MONDAY), other.look(MONDAY));
    one.unwrap();
    two.unwrap();
    // Who read the row before it was written writes nothing over it.
    let row = store::state::LetterDue {
        account: ann,
        letter: Periodical::Weekly,
        told_at: THURSDAY,
        due_at: MONDAY,
    };
    let late = store::state::LetterLook { row, told_at: MONDAY, due_at: None, letter: None };
    w.store.write_letters(&[late]).await.unwrap();
    assert_eq!(w.sent(MONDAY).await.len(), 1);
    other.look(MONDAY.plus_ms(WEEK_MS)).await.unwrap();
    assert_eq!(w.sent(MONDAY.plus_ms(WEEK_MS)).await.len(), 1);
}

#[tokio::test]
async fn what_was_taken_before_it_is_sent_is_written_anew_without_it() {
    let w = world().await;
    let ann = w.account("ann").await;
    let pier = w.site("Pier", "America/New_York").await;
    let (hall, dock) = (w.inverter("hall", Some(pier)).await, w.inverter("dock", Some(pier)).await);
    for key in [hall, dock] {
        w.grant(ann, key).await;
        w.heard(key, MONDAY);
    }
    w.look(THURSDAY).await;
    w.look(MONDAY).await;
    let mail = w.next(MONDAY).await.unwrap();
    assert_eq!(mail.subject, "All 2 inverters watched, all ready");
    assert!(may_go(&w.store, &mail, MONDAY).await.is_ok());
    let taken = act(Verb::ShareRevoke);
    assert!(w.store.remove_grant(ann.into(), hall, &taken).await.unwrap());
    let later = MONDAY.plus_ms(60_000);
    let refused = may_go(&w.store, &mail, later).await;
    assert!(matches!(refused, Err(NotSent::Withheld(_))), "{refused:?}");
    assert!(w.store.note_message(mail.id, &w.lease(), Noted::Withheld("access ended".into())).await.unwrap());
    w.look(later).await;
    let anew = w.next(later).await.unwrap();
    assert_eq!(anew.subject, "dock is watched, ready");
    assert!(!anew.text.contains("hall") && !anew.html.contains("hall"), "{}", anew.text);
    assert!(may_go(&w.store, &anew, later).await.is_ok());
    // Without anything left, there is none.
    assert!(w.store.remove_grant(ann.into(), dock, &taken).await.unwrap());
    assert!(matches!(may_go(&w.store, &anew, later).await, Err(NotSent::Withheld(_))));
    assert!(w.store.note_message(anew.id, &w.lease(), Noted::Withheld("access ended".into())).await.unwrap());
    w.look(later.plus_ms(1)).await;
    assert_eq!(w.sent(later.plus_ms(1)).await, []);
    // Nor is one sent to who was shut out since.
    w.grant(ann, dock).await;
    w.look(MONDAY.plus_ms(WEEK_MS)).await;
    let mail = w.next(MONDAY.plus_ms(WEEK_MS)).await.unwrap();
    w.store.set_account_disabled(ann, true, &act(Verb::AccountDisable)).await.unwrap();
    assert!(matches!(may_go(&w.store, &mail, MONDAY.plus_ms(WEEK_MS)).await, Err(NotSent::Withheld(_))));
}

#[tokio::test]
async fn whoever_sends_asks_again() {
    let (w, ann, hall) = one_of_ann().await;
    w.heard(hall, MONDAY);
    w.look(MONDAY).await;
    assert!(w.store.remove_grant(ann.into(), hall, &act(Verb::ShareRevoke)).await.unwrap());
    let folder = w.folder.path().join("mails");
    let head = Letterhead { from: "no-reply@connect.example".parse().unwrap(), reply_to: None };
    let mail = Some(Way { sink: Sink::Maildir(Maildir::open(&folder).unwrap()), head });
    let ways = Ways { mail, ..Ways::default() };
    let (stopping, clock): (_, server::clock::Clock) = (CancellationToken::new(), Arc::new(|| MONDAY));
    let origin = "https://inverters.test".to_owned();
    let counters = Arc::default();
    let run = notifier::run(w.store.clone(), clock, ways, origin, counters, Arc::default(), stopping.clone());
    let sending = tokio::spawn(run);
    let receipt = tokio::time::timeout(Duration::from_secs(30), async {
        loop {
            let receipts = w.store.receipts(None, 10).await.unwrap();
            if let Some(done) = receipts.into_iter().find(|receipt| receipt.state != MailState::Queued) {
                return done;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    let receipt = receipt.await.expect("nothing became of the letter");
    assert_eq!(receipt.state, MailState::Withheld, "{receipt:?}");
    stopping.cancel();
    sending.await.unwrap();
    assert_eq!(std::fs::read_dir(folder.join("new")).unwrap().count(), 0, "it was sent all the same");
}

#[tokio::test]
async fn who_switched_it_off_gets_none_and_who_switches_it_on_again_waits_for_monday() {
    let (w, ann, _) = one_of_ann().await;
    let off = Preferences { without_weekly: true, without_monthly: true, ..Preferences::default() };
    w.prefers(ann, THURSDAY.plus_ms(1), off).await;
    w.look(MONDAY).await;
    w.look(MONDAY.plus_ms(WEEK_MS)).await;
    assert_eq!(w.sent(MONDAY.plus_ms(WEEK_MS)).await, []);
    let wednesday = MONDAY.plus_ms(WEEK_MS + 2 * DAY_MS);
    let quiet = QuietHours::new(22 * 60, 9 * 60);
    w.prefers(ann, wednesday, Preferences { quiet, without_monthly: true, ..Preferences::default() }).await;
    w.look(wednesday).await;
    assert_eq!(w.sent(wednesday).await, [], "what it did not want is not made up for");
    let next = MONDAY.plus_ms(2 * WEEK_MS);
    w.look(next.plus_ms(2 * HOUR_MS - 1)).await;
    assert_eq!(w.sent(next.plus_ms(2 * HOUR_MS)).await, [], "quiet hours hold it");
    w.look(next.plus_ms(2 * HOUR_MS)).await;
    assert_eq!(w.sent(next.plus_ms(2 * HOUR_MS)).await.len(), 1);
}

#[tokio::test]
async fn a_monday_of_many_never_stands_before_an_alarm() {
    let w = world().await;
    let hall = w.inverter("hall", None).await;
    for number in 0..60 {
        let account = w.account(&format!("a{number}")).await;
        w.grant(account, hall).await;
    }
    w.look(THURSDAY).await;
    let monday = MONDAY.plus_ms(-5 * HOUR_MS);
    w.look(monday).await;
    w.look(monday.plus_ms(5_000)).await;
    assert_eq!(w.store.letters_waiting(monday).await.unwrap(), 20);
    let mut all = 0;
    for round in 1..10 {
        all += w.sent(monday.plus_ms(round)).await.len();
        w.look(monday.plus_ms(round)).await;
    }
    assert_eq!(all, 60);
}

#[tokio::test]
async fn the_daily_letter_is_for_who_asked_and_for_days_with_news() {
    let w = world().await;
    let (ann, bob) = (w.account("ann").await, w.account("bob").await);
    let pier = w.site("Pier", "America/New_York").await;
    let hall = w.inverter("hall", Some(pier)).await;
    w.grant(ann, hall).await;
    w.grant(bob, hall).await;
    w.look(THURSDAY).await;
    w.prefers(ann, THURSDAY, Preferences { daily: true, ..Preferences::default() }).await;
    let friday = MONDAY.plus_ms(-3 * DAY_MS);
    w.look(friday).await;
    assert_eq!(w.sent(friday).await, [], "nothing new");
    w.news(hall, "one", friday.plus_ms(HOUR_MS)).await;
    let late = EventRow {
        inverter: hall,
        key: "was_raised/charger.fault/1".to_owned(),
        kind: "was_raised".to_owned(),
        condition: Some("charger.fault".to_owned()),
        occurred_at: THURSDAY,
        received_at: friday.plus_ms(HOUR_MS),
        late: true,
        detail: String::new(),
    };
    w.store.commit_events(&[late]).await.unwrap();
    let saturday = friday.plus_ms(DAY_MS);
    w.look(saturday).await;
    let mail = w.next(saturday).await.unwrap();
    assert_eq!((mail.to.as_str(), mail.subject.as_str()), ("ann@x.test", "For information: 1 alarm"));
    assert_eq!((mail.channel, mail.kind.as_str()), (Channel::Email, "daily"));
    assert!(mail.text.contains("came late") && mail.text.contains("charger fault"), "{}", mail.text);
    assert!(may_go(&w.store, &mail, saturday).await.is_ok());
    assert!(w.store.note_message(mail.id, &w.lease(), Noted::Sent("250 ok".into())).await.unwrap());
    w.look(saturday.plus_ms(DAY_MS)).await;
    assert_eq!(w.sent(saturday.plus_ms(DAY_MS)).await, [], "told once");
}

impl World {
    /// Something worth knowing was raised at `at`.
    async fn news(&self, inverter: InverterKey, code: &str, at: UtcMs) {
        let key = fleet::alarm::Key::of(fleet::Condition::LINK_UNSTABLE);
        let alarm = Alarm {
            inverter,
            name: code.to_owned(),
            code: code.to_owned(),
            severity: key.condition.definition().severity,
            key,
            since: at,
            raised_at: at,
            cleared: None,
            unstable: false,
            quiet: false,
            acknowledged_at: None,
            acknowledged_by: None,
            note: String::new(),
            shelved_until: None,
            incident: None,
        };
        let change = self.store.announcing().await.unwrap();
        let made = store::state::Made { alarms: vec![alarm], ..store::state::Made::default() };
        assert!(change.commit(&made).await.unwrap());
    }
}

/// December 1, 2026, 7:00 AM in New York.
const FIRST: UtcMs = UtcMs(1_796_126_400_000);

async fn tested(w: &World, inverter: InverterKey, started: UtcMs) {
    let found = fleet::self_test::Found {
        kind: fleet::self_test::Kind::Monthly,
        seen_by: fleet::self_test::SeenBy::Telemetry,
        started,
        length_s: 30.0,
        interrupted: false,
        gave_up: false,
        charged: Some(true),
        above_cutoff_v: None,
        load: None,
        own: None,
        at_cutoff: false,
    };
    let record = fleet::Record::Test(found);
    w.store.commit_records(&[store::state::RecordRow { inverter, record, told_at: started }]).await.unwrap();
}

#[tokio::test]
async fn the_record_of_a_month_is_mailed_on_the_first_and_what_would_be_gone_before_the_next_on_the_sixteenth()
 {
    let (w, ann, hall) = one_of_ann().await;
    w.prefers(ann, THURSDAY, Preferences { without_weekly: true, ..Preferences::default() }).await;
    w.look(THURSDAY).await;
    tested(&w, hall, FIRST.plus_ms(-11 * DAY_MS)).await;
    w.heard(hall, FIRST.plus_ms(-10_000));
    w.look(FIRST.plus_ms(-1)).await;
    assert_eq!(w.sent(FIRST).await, [], "not before");
    w.look(FIRST).await;
    let mail = w.next(FIRST).await.unwrap();
    assert_eq!(mail.subject, "Test record: 1 test of 1 inverter");
    let text = mail.text.replace(['\u{a0}', '\n'], " ");
    for part in [
        "Nov 20, 2026, 7:00 AM EST: monthly test of 30 s, passed",
        "Serial NUMBER-HALL",
        "tests/report?from=2026-11-01",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    may_go(&w.store, &mail, FIRST).await.unwrap();
    assert!(w.store.note_message(mail.id, &w.lease(), Noted::Sent("250 ok".into())).await.unwrap());
    w.look(FIRST.plus_ms(60_000)).await;
    assert_eq!(w.sent(FIRST.plus_ms(60_000)).await, [], "once");
    // On January 1 a test of the evening of December 1 would be 30 days old and gone; one of the 5th is in that letter.
    let sixteenth = FIRST.plus_ms(15 * DAY_MS);
    tested(&w, hall, FIRST.plus_ms(4 * DAY_MS)).await;
    w.look(sixteenth).await;
    assert_eq!(w.sent(sixteenth).await, [], "nothing goes before the next letter");
    let january = FIRST.plus_ms(31 * DAY_MS);
    w.look(january).await;
    assert_eq!(w.sent(january).await.len(), 1);
    tested(&w, hall, january.plus_ms(6 * HOUR_MS)).await;
    let between = january.plus_ms(15 * DAY_MS);
    w.look(between).await;
    let mail = w.next(between).await.unwrap();
    assert_eq!(mail.subject, "Test record: 1 test of 1 inverter");
    assert!(mail.text.replace('\u{a0}', " ").contains("Jan 1, 2027, 1:00 PM EST"), "{}", mail.text);
}
