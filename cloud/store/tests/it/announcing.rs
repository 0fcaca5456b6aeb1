//! Turns of alarms become rows once: alarms, incidents, messages, reminders, and whom they concern.

use fleet::alarm::{AlarmName, Key};
use fleet::audit::Verb;
use fleet::event::Cause;
use fleet::notice::{Channel, Channels, Incident, Preferences};
use fleet::{AccountKey, Condition, Grant, Holder, InverterKey, MemberRole, Membership, Role};
use store::state::{
    Act, Alarm, Announcing, By, Email, EventRow, IncidentKey, IncidentRow, InverterEdit, Made, MailState,
    NewAccount, NewInverter, NewMail, NewMessage, NewOrganization, NewSite, Noted, Place, Reminder, SiteKey,
    StateStore,
};
use wire::{Serial, UtcMs};

const NOW: UtcMs = UtcMs(1_800_000_000_000);
const MINUTE_MS: i64 = 60_000;
const INCIDENT: IncidentKey = IncidentKey(77);

struct World {
    _folder: tempfile::TempDir,
    store: StateStore,
    ann: AccountKey,
    hall: InverterKey,
    dock: InverterKey,
}

fn act(verb: Verb) -> Act {
    Act::new(verb, By::CommandLine, NOW, [7; 32])
}

async fn world() -> World {
    let folder = tempfile::tempdir().unwrap();
    let store = StateStore::open(&folder.path().join("state.sqlite")).await.unwrap();
    let ann = account(&store, "ann").await;
    let (hall, dock) = (inverter(&store, "hall", None).await, inverter(&store, "dock", None).await);
    World { _folder: folder, store, ann, hall, dock }
}

async fn account(store: &StateStore, name: &str) -> AccountKey {
    let email = Email::parse(&format!("{name}@x.test")).unwrap();
    let new = NewAccount { email: &email, name, password_hash: "$x", operator: false, created_at: NOW };
    store.create_account(new).await.unwrap()
}

async fn inverter(store: &StateStore, name: &str, site: Option<SiteKey>) -> InverterKey {
    let new = NewInverter {
        public_id: name,
        serial: Serial::parse(&format!("S-{name}")).unwrap(),
        name,
        model: "",
        site,
        required_minutes: None,
        registered_at: NOW,
    };
    store.register_inverter(new, &act(Verb::DeviceRegister)).await.unwrap()
}

impl World {
    async fn grant(&self, holder: impl Into<Holder>, inverter: InverterKey, ends: Option<UtcMs>) {
        let grant = Grant { holder: holder.into(), inverter, role: Role::ReadOnly, ends };
        self.store.set_grant(grant, &act(Verb::ShareGrant)).await.unwrap();
    }

    async fn begin(&self) -> Announcing {
        self.store.announcing().await.unwrap()
    }

    /// Raises a charger fault in the hall as a whole, and tells Ann.
    async fn raise(&self) {
        let made = Made {
            alarms: vec![alarm(self.hall, "HALLCODE", Some(INCIDENT))],
            incidents: vec![incident(self.hall)],
            messages: vec![message(self.ann, "incident/77/0/1/email", NOW)],
            reminders: vec![reminder(self.ann, 60)],
            ..Made::default()
        };
        assert!(self.begin().await.commit(&made).await.unwrap());
    }

    async fn due(&self, minutes: i64) -> bool {
        self.store.is_due(NOW.plus_ms(minutes * MINUTE_MS)).await.unwrap()
    }
}

fn name() -> AlarmName {
    AlarmName { key: Key::of(Condition::CHARGER_FAULT), cause: Cause::default(), since: NOW }
}

fn alarm(inverter: InverterKey, code: &str, incident: Option<IncidentKey>) -> Alarm {
    Alarm {
        inverter,
        name: name().to_string(),
        code: code.to_owned(),
        key: name().key,
        severity: Condition::CHARGER_FAULT.definition().severity,
        since: NOW,
        raised_at: NOW,
        cleared: None,
        unstable: false,
        quiet: false,
        acknowledged_at: None,
        acknowledged_by: None,
        note: String::new(),
        shelved_until: None,
        incident,
    }
}

fn incident(inverter: InverterKey) -> IncidentRow {
    let severity = Condition::CHARGER_FAULT.definition().severity;
    let incident = Incident::new(Incident::member(inverter, name(), severity, NOW), false, NOW);
    IncidentRow::new(INCIDENT, Place::Inverter(inverter), incident)
}

fn reminder(account: AccountKey, minutes: i64) -> Reminder {
    Reminder { incident: INCIDENT, account, due_at: NOW.plus_ms(minutes * MINUTE_MS) }
}

fn message(account: AccountKey, key: &str, due_at: UtcMs) -> NewMessage {
    NewMessage {
        key: key.to_owned(),
        channel: Channel::Email,
        to: "ann@x.test".to_owned(),
        account,
        incident: INCIDENT,
        kind: "alarm_raised",
        subject: "ALARM".to_owned(),
        text: "a".to_owned(),
        html: "<p>a</p>".to_owned(),
        queued_at: NOW,
        due_at,
        expires_at: NOW.plus_ms(60 * MINUTE_MS),
    }
}

fn event(inverter: InverterKey, key: &str) -> EventRow {
    EventRow {
        inverter,
        key: key.to_owned(),
        kind: "raised".to_owned(),
        condition: Some("charger.fault".to_owned()),
        occurred_at: NOW,
        received_at: NOW,
        late: false,
        detail: String::new(),
    }
}

#[tokio::test]
async fn an_event_is_new_once_and_only_when_all_was_written() {
    let w = world().await;
    // As many as take several statements.
    let many: Vec<EventRow> = (0..1_500).map(|number| event(w.hall, &format!("raised/{number}"))).collect();
    let dropped = w.begin().await;
    assert_eq!(dropped.new_events(&many).await.unwrap().len(), 1_500);
    drop(dropped);
    let kept = w.begin().await;
    assert_eq!(kept.new_events(&many).await.unwrap().len(), 1_500, "what was dropped is not there");
    assert!(kept.commit(&Made::default()).await.unwrap());
    let again = w.begin().await;
    let and_one = [many, vec![event(w.dock, "raised/0")]].concat();
    let new = again.new_events(&and_one).await.unwrap();
    assert_eq!(new.into_iter().collect::<Vec<_>>(), [(w.dock, "raised/0".to_owned())]);
}

#[tokio::test]
async fn alarms_incidents_and_messages_are_written_together_and_read_back() {
    let w = world().await;
    w.raise().await;
    let found = w.store.alarm("HALLCODE").await.unwrap().unwrap();
    assert_eq!(found, alarm(w.hall, "HALLCODE", Some(INCIDENT)));
    assert_eq!(w.store.alarm("NOWHERE").await.unwrap(), None);
    let list = async |inverter| w.store.alarms(&[inverter], NOW, NOW.plus_ms(1), 9).await.unwrap().len();
    assert_eq!((list(w.hall).await, list(w.dock).await), (1, 0));
    let receipts = w.store.receipts_of(INCIDENT).await.unwrap();
    assert_eq!((receipts.len(), receipts[0].0, receipts[0].1.state), (1, Some(w.ann), MailState::Queued));
    // It is cleared and acknowledged; the code that names it stays.
    let then = w.begin().await;
    let mut open = then.open_alarms(&[w.hall, w.dock]).await.unwrap();
    assert_eq!(open, then.alarms_of(&[INCIDENT]).await.unwrap());
    open[0].cleared = Some((NOW.plus_ms(1), NOW.plus_ms(2)));
    (open[0].acknowledged_at, open[0].acknowledged_by) = (Some(NOW), Some(w.ann));
    open[0].note = "on it".to_owned();
    let taken = then.taken_codes(&["HALLCODE".to_owned(), "OTHER".to_owned()]).await.unwrap();
    assert_eq!(taken.into_iter().collect::<Vec<_>>(), ["HALLCODE"]);
    assert!(then.commit(&Made { alarms: open.clone(), ..Made::default() }).await.unwrap());
    assert_eq!(w.store.alarm("HALLCODE").await.unwrap().unwrap(), open[0]);
    assert_eq!(w.begin().await.open_alarms(&[w.hall]).await.unwrap(), []);
}

/// ASVS 5.0: 2.3.4.
#[tokio::test]
async fn of_two_who_pass_an_incident_at_once_one_does() {
    let w = world().await;
    w.raise().await;
    let first = w.begin().await;
    let mut rows = first.due_incidents(NOW.plus_ms(MINUTE_MS), 9).await.unwrap();
    assert_eq!((rows.len(), rows[0].key, rows[0].place), (1, INCIDENT, Place::Inverter(w.hall)));
    let stale = rows.clone();
    assert_eq!(rows[0].incident.pass(NOW.plus_ms(MINUTE_MS)).len(), 1);
    rows[0].messages += 1;
    assert!(first.commit(&Made { incidents: rows, ..Made::default() }).await.unwrap());
    let late = Made {
        incidents: stale,
        messages: vec![message(w.ann, "incident/77/1/1/email", NOW)],
        ..Made::default()
    };
    assert!(!w.begin().await.commit(&late).await.unwrap(), "it was passed by somebody else");
    assert_eq!(w.store.receipts_of(INCIDENT).await.unwrap().len(), 1, "and nothing of it is written");
    let row = w.store.incident(INCIDENT).await.unwrap().unwrap();
    assert_eq!((row.messages, row.incident.due()), (1, None));
}

#[tokio::test]
async fn what_is_due_is_seen_and_moved() {
    let w = world().await;
    assert!(!w.due(1_000).await);
    w.raise().await;
    assert!(!w.due(0).await && w.due(1).await, "the first message is held for five seconds");
    let passed = w.begin().await;
    let mut rows = passed.due_incidents(NOW.plus_ms(MINUTE_MS), 9).await.unwrap();
    rows[0].incident.pass(NOW.plus_ms(MINUTE_MS));
    assert!(passed.commit(&Made { incidents: rows, ..Made::default() }).await.unwrap());
    assert!(!w.due(59).await && w.due(60).await, "now the reminder");
    let moved = w.begin().await;
    let due = moved.due_reminders(NOW.plus_ms(60 * MINUTE_MS), 9).await.unwrap();
    assert_eq!(due, [reminder(w.ann, 60)]);
    assert!(moved.commit(&Made { reminders: vec![reminder(w.ann, 120)], ..Made::default() }).await.unwrap());
    assert!(!w.due(119).await && w.due(120).await);
    let none = Made { no_reminders: vec![(INCIDENT, w.ann)], ..Made::default() };
    assert!(w.begin().await.commit(&none).await.unwrap());
    assert!(!w.due(120).await);
}

#[tokio::test]
async fn incidents_are_found_where_they_are_while_they_are_open() {
    let w = world().await;
    w.raise().await;
    let at = async |keys: &[IncidentKey], places: &[Place]| {
        w.begin().await.incidents(keys, places).await.unwrap().len()
    };
    let (here, there) = (Place::Inverter(w.hall), Place::Inverter(w.dock));
    assert_eq!((at(&[], &[here]).await, at(&[], &[there, Place::Site(SiteKey(1))]).await), (1, 0));
    assert_eq!(at(&[INCIDENT], &[here]).await, 1, "once, however it is found");
    let then = w.begin().await;
    let mut rows = then.incidents(&[INCIDENT], &[]).await.unwrap();
    assert!(rows[0].incident.cleared(w.hall, &name(), NOW.plus_ms(1)));
    assert!(then.commit(&Made { incidents: rows, ..Made::default() }).await.unwrap());
    assert_eq!((at(&[], &[here]).await, at(&[INCIDENT], &[]).await), (0, 1));
}

#[tokio::test]
async fn everybody_whom_a_grant_reaches_now_is_found_with_what_they_want() {
    let w = world().await;
    let (bob, eve, shut) =
        (account(&w.store, "bob").await, account(&w.store, "eve").await, account(&w.store, "shut").await);
    let new = NewOrganization { public_id: "club", name: "Club", owner: Some(bob) };
    let club = w.store.create_organization(new, act(Verb::OrganizationAdd)).await.unwrap();
    let member = Membership { organization: club, account: w.ann, role: MemberRole::Viewer };
    w.store.set_member(member, &act(Verb::MemberRole)).await.unwrap();
    w.grant(w.ann, w.hall, None).await;
    w.grant(club, w.dock, None).await;
    w.grant(eve, w.hall, Some(NOW)).await;
    w.grant(shut, w.hall, None).await;
    w.store.set_account_disabled(shut, true, &act(Verb::AccountDisable)).await.unwrap();
    let chosen = Preferences { warning: Channels::of(&[Channel::Email]), ..Preferences::default() };
    assert_eq!(w.store.preferences(bob).await.unwrap(), Preferences::default());
    w.store.set_preferences(bob, &chosen, &act(Verb::NotificationsEdit)).await.unwrap();
    assert_eq!(w.store.preferences(bob).await.unwrap(), chosen);
    let then = w.begin().await;
    let found = then.recipients(&[w.hall, w.dock], NOW).await.unwrap();
    let seen: Vec<_> =
        found.told.iter().map(|told| (told.account.key, told.held.len(), told.preferences)).collect();
    assert_eq!(seen, [(w.ann, 2, None), (bob, 1, Some(chosen))]);
    assert_eq!((found.told[0].by_email.len(), found.unreadable), (2, 0));
    assert_eq!(found.told[1].held[0].member, Some(MemberRole::Owner));
    let hall = then.recipients(&[w.hall], NOW.plus_ms(-1)).await.unwrap();
    let keys: Vec<_> = hall.told.iter().map(|told| told.account.key).collect();
    assert_eq!(keys, [w.ann, eve], "her grant held until now");
    drop(then);
    // At the time of sending it is asked again.
    w.raise().await;
    let may = async |account| w.store.may_be_told(account, INCIDENT, NOW).await.unwrap();
    assert_eq!(
        [may(w.ann).await, may(bob).await, may(eve).await, may(shut).await],
        [true, false, false, false]
    );
    assert!(!w.store.may_be_told(w.ann, IncidentKey(1), NOW).await.unwrap());
    w.store.remove_grant(w.ann.into(), w.hall, &act(Verb::ShareRevoke)).await.unwrap();
    assert!(!may(w.ann).await);
}

#[tokio::test]
async fn an_inverter_is_alone_where_no_other_stands() {
    let w = world().await;
    let site = async |id, name| {
        let new = NewSite { public_id: id, owner: None, name, address: "", time_zone: "Europe/Berlin" };
        w.store.add_site(new, &act(Verb::SiteAdd)).await.unwrap()
    };
    let (pier, yard) = (site("pier", "Pier 4").await, site("yard", "Yard").await);
    let (east, west) =
        (inverter(&w.store, "east", Some(pier)).await, inverter(&w.store, "west", Some(pier)).await);
    let shed = inverter(&w.store, "shed", Some(yard)).await;
    let then = w.begin().await;
    let placed = then.placed(&[east, west, shed, w.hall, InverterKey(9_999)]).await.unwrap();
    let alone =
        |key| placed.get(&key).map(|placed| (placed.site.as_ref().map(|s| s.name.clone()), placed.alone));
    assert_eq!(alone(east), Some((Some("Pier 4".to_owned()), false)));
    assert_eq!(alone(west), alone(east));
    assert_eq!(alone(shed), Some((Some("Yard".to_owned()), true)));
    assert_eq!((alone(w.hall), alone(InverterKey(9_999))), (Some((None, true)), None));
    drop(then);
    let edit = InverterEdit { site: Some(None), ..InverterEdit::default() };
    w.store.edit_inverter(west, edit, &act(Verb::InverterEdit)).await.unwrap();
    assert!(w.begin().await.placed(&[east]).await.unwrap()[&east].alone);
}

#[tokio::test]
async fn rows_go_with_thirty_days_with_the_inverter_and_with_the_account() {
    let w = world().await;
    w.raise().await;
    let count = async || {
        let alarms = w.store.alarms(&[w.hall], UtcMs(0), UtcMs(i64::MAX), 9).await.unwrap();
        (alarms.len(), w.store.incident(INCIDENT).await.unwrap().is_some())
    };
    let sweep = async |before: UtcMs| {
        w.store.delete_alarms_before(before).await.unwrap();
        w.store.delete_incidents_before(before).await.unwrap();
    };
    // What is still active keeps its present state; what was written of it goes.
    let then = w.begin().await;
    let mut open = then.open_alarms(&[w.hall]).await.unwrap();
    (open[0].acknowledged_at, open[0].acknowledged_by) = (Some(NOW), Some(w.ann));
    open[0].note = "on it".to_owned();
    assert!(then.commit(&Made { alarms: open, ..Made::default() }).await.unwrap());
    sweep(NOW).await;
    assert_eq!(w.store.alarm("HALLCODE").await.unwrap().unwrap().note, "on it");
    sweep(NOW.plus_ms(1)).await;
    assert_eq!(count().await, (1, true));
    let kept = w.store.alarm("HALLCODE").await.unwrap().unwrap();
    assert_eq!((kept.note.as_str(), kept.acknowledged_at), ("", Some(NOW)));
    // Over, and old.
    let then = w.begin().await;
    let mut rows = then.incidents(&[INCIDENT], &[]).await.unwrap();
    rows[0].incident.cleared(w.hall, &name(), NOW.plus_ms(1));
    let mut alarms = then.open_alarms(&[w.hall]).await.unwrap();
    alarms[0].cleared = Some((NOW, NOW.plus_ms(1)));
    assert!(then.commit(&Made { alarms, incidents: rows, ..Made::default() }).await.unwrap());
    sweep(NOW).await;
    assert_eq!(count().await, (1, true));
    sweep(NOW.plus_ms(1)).await;
    assert_eq!(count().await, (0, false));
    assert!(!w.due(1_000).await, "nobody is reminded of it");
}

#[tokio::test]
async fn an_inverter_that_was_given_up_takes_its_alarms_along() {
    let w = world().await;
    let both = {
        let severity = Condition::CHARGER_FAULT.definition().severity;
        let mut row = incident(w.hall);
        row.incident.raised(&Incident::member(w.dock, name(), severity, NOW), NOW);
        row
    };
    let made = Made {
        alarms: vec![alarm(w.hall, "HALL", Some(INCIDENT)), alarm(w.dock, "DOCK", Some(INCIDENT))],
        incidents: vec![both],
        ..Made::default()
    };
    assert!(w.begin().await.commit(&made).await.unwrap());
    w.store.give_up_inverter(w.hall, "anew", &act(Verb::InverterRemove), &[]).await.unwrap();
    assert_eq!(w.store.alarm("HALL").await.unwrap(), None);
    let left = w.store.incident(INCIDENT).await.unwrap().unwrap();
    assert!(left.incident.members().iter().all(|member| member.inverter == w.dock));
    w.store.give_up_inverter(w.dock, "anew2", &act(Verb::InverterRemove), &[]).await.unwrap();
    assert_eq!(w.store.incident(INCIDENT).await.unwrap(), None);
    // A turn that was on its way.
    let late = Made { alarms: vec![alarm(w.hall, "LATE", None)], ..Made::default() };
    assert!(w.begin().await.commit(&late).await.unwrap());
    w.store.forget_given_up().await.unwrap();
    assert_eq!(w.store.alarm("LATE").await.unwrap(), None);
}

#[tokio::test]
async fn an_account_that_is_deleted_leaves_no_message_and_no_word() {
    let w = world().await;
    w.raise().await;
    let then = w.begin().await;
    let mut open = then.open_alarms(&[w.hall]).await.unwrap();
    (open[0].acknowledged_at, open[0].acknowledged_by) = (Some(NOW), Some(w.ann));
    open[0].note = "I am on it".to_owned();
    let text =
        NewMessage { channel: Channel::Text, to: "+15550100".to_owned(), ..message(w.ann, "text", NOW) };
    assert!(then.commit(&Made { alarms: open, messages: vec![text], ..Made::default() }).await.unwrap());
    assert_eq!(w.store.receipts_of(INCIDENT).await.unwrap().len(), 2);
    let ann = w.store.account(w.ann).await.unwrap().unwrap();
    let farewell = NewMail {
        key: "farewell",
        to: &ann.email,
        kind: "k",
        subject: "s",
        text: "t",
        html: "h",
        queued_at: NOW,
        expires_at: NOW.plus_ms(1),
    };
    w.store.delete_account(&ann, &act(Verb::AccountDelete).of_account(w.ann), &farewell).await.unwrap();
    assert_eq!(w.store.receipts_of(INCIDENT).await.unwrap(), []);
    let left = w.store.alarm("HALLCODE").await.unwrap().unwrap();
    assert_eq!((left.acknowledged_by, left.note.as_str(), left.acknowledged_at), (None, "", Some(NOW)));
    assert!(!w.due(0).await);
    let then = w.begin().await;
    assert_eq!(then.due_reminders(UtcMs(i64::MAX), 9).await.unwrap(), []);
}

#[tokio::test]
async fn a_message_waits_for_its_time_and_what_may_not_be_told_is_withheld() {
    let w = world().await;
    let made = Made {
        messages: vec![
            message(w.ann, "held", NOW.plus_ms(30 * MINUTE_MS)),
            message(w.ann, "now", NOW),
            message(w.ann, "now", NOW),
        ],
        ..Made::default()
    };
    assert!(w.begin().await.commit(&made).await.unwrap());
    let claim = async |lease: &str, minutes: i64| {
        let now = NOW.plus_ms(minutes * MINUTE_MS);
        w.store.claim_mail(lease, now, now.plus_ms(MINUTE_MS)).await.unwrap()
    };
    let first = claim("a", 0).await.unwrap();
    assert_eq!((first.key.as_str(), first.channel), ("now", Channel::Email));
    assert_eq!(
        (first.account, first.incident, first.to.as_str()),
        (Some(w.ann), Some(INCIDENT), "ann@x.test")
    );
    assert_eq!(claim("b", 29).await.map(|mail| mail.key), Some("now".to_owned()), "the lease is over");
    assert!(
        w.store.note_message(first.id, "b", Noted::Withheld("not sent: access ended".into())).await.unwrap()
    );
    let held = claim("c", 30).await.unwrap();
    assert_eq!(held.key, "held");
    let receipts = w.store.receipts_of(INCIDENT).await.unwrap();
    let states: Vec<_> = receipts.iter().map(|(_, receipt)| (receipt.key.as_str(), receipt.state)).collect();
    assert_eq!(states, [("held", MailState::Queued), ("now", MailState::Withheld)]);
    assert_eq!(receipts[1].1.answer.as_deref(), Some("not sent: access ended"));
}

#[tokio::test]
async fn messages_are_lent_and_noted_several_at_once_and_an_alarm_goes_before_any_letter() {
    let w = world().await;
    let to = Email::parse("ann@x.test").unwrap();
    let letters = ["letter-1", "letter-2", "letter-3"].map(|key| NewMail {
        key,
        to: &to,
        kind: "weekly",
        subject: "s",
        text: "t",
        html: "h",
        queued_at: NOW,
        expires_at: NOW.plus_ms(MINUTE_MS),
    });
    w.store.queue_mails(&letters).await.unwrap();
    let made = Made { messages: vec![message(w.ann, "alarm", NOW)], ..Made::default() };
    assert!(w.begin().await.commit(&made).await.unwrap());
    let email = Channels::of(&[Channel::Email]);
    let claim = async |lease: &str, by: Channels, most: u64| {
        w.store.claim_messages(lease, (by, most), NOW, NOW.plus_ms(MINUTE_MS)).await.unwrap()
    };
    assert_eq!(claim("x", Channels::of(&[Channel::Text]), 9).await, []);
    assert_eq!(claim("x", email, 0).await, []);
    let first = claim("a", email, 1).await;
    assert_eq!((first.len(), first[0].key.as_str()), (1, "alarm"), "it was queued last");
    let two = claim("b", email, 2).await;
    assert_eq!(two.iter().map(|mail| mail.key.as_str()).collect::<Vec<_>>(), ["letter-1", "letter-2"]);
    let note = |mail: &store::state::DueMail, lease: &str, noted: Noted| store::state::Note {
        id: mail.id,
        lease: lease.to_owned(),
        noted,
    };
    let notes = [
        note(&first[0], "a", Noted::Sent("250 ok".into())),
        note(&two[0], "a", Noted::Sent("250 ok".into())),
        note(&two[1], "b", Noted::Delayed { due: NOW, answer: "451 later".into() }),
    ];
    assert_eq!(w.store.note_messages(&notes).await.unwrap(), [true, false, true], "one was another's");
    // Whoever had them is gone.
    assert_eq!(w.store.take_back_messages(NOW.plus_ms(1)).await.unwrap(), 1);
    let free: Vec<_> = claim("early", email, 9).await.into_iter().map(|mail| mail.key).collect();
    assert_eq!(free, ["letter-2", "letter-3"], "what may have been sent waits, and nothing else does");
    assert_eq!(w.store.take_back_messages(NOW).await.unwrap(), 3, "also what was taken back before");
    let rest = claim("c", email, 9).await;
    let rest: Vec<_> = rest.iter().map(|mail| (mail.key.as_str(), mail.attempts)).collect();
    assert_eq!(rest, [("letter-1", 2), ("letter-2", 3), ("letter-3", 2)]);
    assert!(!w.store.note_message(two[0].id, "b", Noted::Failed("late".into())).await.unwrap());
}

#[tokio::test]
async fn what_is_critical_and_past_its_time_is_lent_once_more_to_go_another_way_and_the_rest_is_given_up() {
    let w = world().await;
    w.raise().await;
    let to = Email::parse("ann@x.test").unwrap();
    let (queued_at, expires_at) = (NOW, NOW.plus_ms(MINUTE_MS));
    let (kind, subject) = ("weekly", "s");
    let letter =
        NewMail { key: "letter", to: &to, kind, subject, text: "t", html: "h", queued_at, expires_at };
    w.store.queue_mail(letter).await.unwrap();
    let over = NOW.plus_ms(2 * 24 * 60 * MINUTE_MS);
    let until = over.plus_ms(MINUTE_MS);
    assert_eq!(w.store.claim_expired("early", NOW, until).await.unwrap(), None, "its time is not over");
    assert_eq!(w.store.expire_mails(over).await.unwrap(), 1, "the letter");
    let critical = w.store.claim_expired("a", over, until).await.unwrap().unwrap();
    assert_eq!((critical.key.as_str(), critical.attempts), ("incident/77/0/1/email", 0), "not an attempt");
    assert_eq!(w.store.claim_expired("b", over, until).await.unwrap(), None, "one has it");
    assert!(w.store.note_message(critical.id, "a", Noted::Expired).await.unwrap());
    assert_eq!(w.store.claim_expired("c", until, until).await.unwrap(), None);
    let states = w.store.mail_counts().await.unwrap();
    assert!(states.contains(&(MailState::Expired, 2)), "{states:?}");
}
