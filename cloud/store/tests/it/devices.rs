//! What operators see of devices and accounts, reports in quarantine, and the log as it is read.

use fleet::audit::{Audience, Verb};
use fleet::session::Life;
use fleet::{AccountKey, InverterKey};
use store::state::{
    Act, AuditQuery, By, Certificate, Contact, Details, Email, NewAccount, NewInverter, NewQuarantined,
    NewSession, QUARANTINED_IN_ALL, QUARANTINED_OF_A_DEVICE, StateStore, Whose,
};
use wire::{Serial, UtcMs};

const NOW: UtcMs = UtcMs(1_800_000_000_000);
const DAY_MS: i64 = 86_400_000;

struct Fixture {
    _folder: tempfile::TempDir,
    store: StateStore,
}

async fn fixture() -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let store = StateStore::open(&folder.path().join("state.sqlite")).await.unwrap();
    Fixture { _folder: folder, store }
}

fn act(verb: Verb) -> Act {
    Act::new(verb, By::CommandLine, NOW, [9; 32])
}

impl Fixture {
    async fn device(&self, serial: &str) -> InverterKey {
        let new = NewInverter {
            public_id: serial,
            serial: Serial::parse(serial).unwrap(),
            name: "Secret Bunker",
            model: "Series E",
            site: None,
            required_minutes: None,
            registered_at: NOW,
        };
        self.store.register_inverter(new, &act(Verb::DeviceRegister)).await.unwrap()
    }

    async fn account(&self, email: &str) -> AccountKey {
        let email = &Email::parse(email).unwrap();
        let (name, password_hash) = ("Dana", "$argon2id$");
        let new = NewAccount { email, name, password_hash, operator: false, created_at: NOW };
        self.store.create_account(new).await.unwrap()
    }

    async fn acts(&self, whose: Whose) -> Vec<String> {
        let acts = self.store.audit_acts(&AuditQuery::newest(whose, 100)).await.unwrap();
        acts.into_iter().map(|act| act.name).collect()
    }
}

fn contact(inverter: InverterKey, at: i64) -> Contact {
    let (protocol, software) = ("MQTT 5.0".to_owned(), Some("1.8.2".to_owned()));
    Contact { inverter, connected_at: UtcMs(at), last_contact_at: UtcMs(at), protocol, software }
}

#[tokio::test]
async fn a_device_shows_its_certificates_and_newest_contact_and_nothing_of_its_customer() {
    let f = fixture().await;
    let (one, two) = (f.device("BBBB-1").await, f.device("AAAA-2").await);
    let new = Certificate { sha256: [1; 32], inverter: one, issued_at: NOW, revoked_at: None };
    f.store.add_certificate(new, &act(Verb::DeviceIssue)).await.unwrap();
    let before = f.store.change_counter().await.unwrap();
    // A device that was removed meanwhile does not keep the others from being written.
    f.store.write_contacts(&[contact(one, 5), contact(InverterKey(77), 5)]).await.unwrap();
    f.store.write_contacts(&[contact(one, 9)]).await.unwrap();
    assert_eq!(f.store.change_counter().await.unwrap(), before, "contacts wake nobody");
    let devices = f.store.devices(NOW).await.unwrap();
    let serials: Vec<_> = devices.iter().map(|device| device.serial.as_str()).collect();
    assert_eq!(serials, ["AAAA-2", "BBBB-1"]);
    assert_eq!(devices[1].contact, Some(contact(one, 9)));
    assert_eq!((devices[1].certificates.len(), devices[0].certificates.len()), (1, 0));
    assert_eq!((devices[0].key, &devices[0].contact, devices[0].paired), (two, &None, false));
    assert!(!format!("{devices:?}").contains("Bunker"));
}

fn report(key: &str, inverter: InverterKey, at: UtcMs) -> NewQuarantined {
    let (reason, payload) = ("not CBOR".to_owned(), vec![7; 3]);
    NewQuarantined { key: key.to_owned(), inverter, received_at: at, reason, payload }
}

#[tokio::test]
async fn the_quarantine_keeps_the_newest_of_each_device_once_and_thirty_days() {
    let f = fixture().await;
    let (noisy, quiet) = (InverterKey(1), InverterKey(2));
    f.store.quarantine(&[report("0/0", quiet, NOW)]).await.unwrap();
    let many: Vec<_> =
        (0..QUARANTINED_OF_A_DEVICE + 5).map(|n| report(&format!("1/{n}"), noisy, NOW)).collect();
    f.store.quarantine(&many).await.unwrap();
    // A replay brings the same again.
    f.store.quarantine(&many[20..]).await.unwrap();
    let kept = f.store.quarantined(NOW).await.unwrap();
    assert_eq!(kept.iter().filter(|row| row.inverter == noisy).count() as u64, QUARANTINED_OF_A_DEVICE);
    assert_eq!(kept.iter().filter(|row| row.inverter == quiet).count(), 1);
    assert!(kept.first().unwrap().id > kept.last().unwrap().id, "the newest first");
    assert!(f.store.quarantined(NOW.plus_ms(30 * DAY_MS)).await.unwrap().is_empty(), "even before the sweep");
    assert_eq!(f.store.forget_quarantined(NOW.plus_ms(30 * DAY_MS - 1)).await.unwrap(), 0);
    assert_eq!(f.store.forget_quarantined(NOW.plus_ms(30 * DAY_MS)).await.unwrap(), 21);
}

#[tokio::test]
async fn the_quarantine_is_bounded_in_all() {
    let f = fixture().await;
    for device in 0..60 {
        let of_one: Vec<_> =
            (0..18).map(|n| report(&format!("{device}/{n}"), InverterKey(device), NOW)).collect();
        f.store.quarantine(&of_one).await.unwrap();
    }
    let kept = f.store.quarantined(NOW).await.unwrap();
    assert_eq!(kept.len() as u64, QUARANTINED_IN_ALL);
    assert!(kept.iter().all(|row| row.inverter != InverterKey(0)), "the oldest went");
}

#[tokio::test]
async fn bytes_leave_quarantine_only_with_a_row_in_the_log() {
    let f = fixture().await;
    f.store.quarantine(&[report("0/0", InverterKey(3), NOW)]).await.unwrap();
    let id = f.store.quarantined(NOW).await.unwrap()[0].id;
    let (row, bytes) =
        f.store.take_quarantined(id, NOW, &act(Verb::QuarantineDownload)).await.unwrap().unwrap();
    assert_eq!((row.size, bytes), (3, vec![7; 3]));
    let late = NOW.plus_ms(30 * DAY_MS);
    assert!(f.store.take_quarantined(id, late, &act(Verb::QuarantineDownload)).await.unwrap().is_none());
    assert!(f.store.delete_quarantined(id, &act(Verb::QuarantineDelete)).await.unwrap());
    assert!(!f.store.delete_quarantined(id, &act(Verb::QuarantineDelete)).await.unwrap());
    let log = f.store.audit_acts(&AuditQuery::newest(Whose::Everybody, 9)).await.unwrap();
    let told: Vec<_> = log.iter().map(|act| (act.name.as_str(), act.inverter)).collect();
    let inverter = Some(InverterKey(3));
    assert_eq!(told, [("quarantine.delete", inverter), ("quarantine.download", inverter)]);
}

#[tokio::test]
async fn an_account_that_is_shut_out_loses_its_sessions_in_the_same_step() {
    let f = fixture().await;
    let (ann, bob) = (f.account("ann@x.test").await, f.account("bob@x.test").await);
    for (n, account) in [(1, ann), (2, ann), (3, bob)] {
        let life = Life::begin(NOW, false);
        let new = NewSession { token_hash: [n; 32], account, life, user_agent: "", address: None };
        f.store.create_session(new, &act(Verb::SignIn)).await.unwrap();
    }
    let rows = f.store.account_rows(NOW).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.sessions).collect::<Vec<_>>(), [2, 1]);
    let ended = f.store.end_all_sessions(bob, &act(Verb::SessionEndAll)).await.unwrap();
    assert_eq!(ended, [[3; 32]]);
    let mut ended = f.store.set_account_disabled(ann, true, &act(Verb::AccountDisable)).await.unwrap();
    ended.sort_unstable();
    assert_eq!(ended, [[1; 32], [2; 32]]);
    assert_eq!(
        f.store.set_account_disabled(ann, false, &act(Verb::AccountEnable)).await.unwrap(),
        [[0; 32]; 0]
    );
    let nobody = AccountKey(99);
    assert!(f.store.set_account_disabled(nobody, true, &act(Verb::AccountDisable)).await.is_err());
    let log = f.acts(Whose::Person(ann)).await;
    assert_eq!(log, ["account.enable", "account.disable"]);
    assert_eq!(f.acts(Whose::Person(nobody)).await, [""; 0], "what failed is not in the log");
}

#[tokio::test]
async fn everybody_reads_their_part_of_the_log() {
    let f = fixture().await;
    let (ann, bob) = (AccountKey(1), AccountKey(2));
    let inverter = InverterKey(5);
    let by = |who, verb| Act::new(verb, By::Account(who), NOW, [1; 32]);
    for act in [
        by(ann, Verb::PairDone).on_inverter(inverter).of_account(ann),
        by(bob, Verb::AccountDisable).of_account(ann),
        by(bob, Verb::DeviceEdit).on_inverter(inverter),
        by(bob, Verb::AllowRemove).of_account(ann),
        act(Verb::DeviceRevoke).on_inverter(inverter).with_detail("why"),
    ] {
        f.store.record_act(&act).await.unwrap();
    }
    assert_eq!(f.acts(Whose::Everybody).await.len(), 5);
    assert_eq!(f.acts(Whose::Person(ann)).await, ["account.disable", "pair.done"]);
    assert_eq!(f.acts(Whose::Person(bob)).await, ["allow.remove", "device.edit", "account.disable"]);
    assert_eq!(f.acts(Whose::Inverter(inverter)).await, ["device.revoke", "pair.done"]);
    assert_eq!(f.acts(Whose::Inverter(InverterKey(6))).await, [""; 0]);
    assert!(Verb::read_by(Audience::Holders).all(|verb| verb != Verb::DeviceEdit));
    let query = AuditQuery { before: Some(5), by: Some(bob), ..AuditQuery::newest(Whose::Everybody, 2) };
    let page = f.store.audit_acts(&query).await.unwrap();
    assert_eq!(page.iter().map(|act| act.sequence).collect::<Vec<_>>(), [4, 3]);
    let newest = f.store.audit_acts(&AuditQuery::newest(Whose::Everybody, 1)).await.unwrap();
    assert_eq!(newest[0].details, Details::Kept { address: None, detail: "why".to_owned() });
    let whole = f.store.verify_audit().await.unwrap().unwrap();
    assert_eq!(f.store.audit_row_of_hash(&whole.hash).await.unwrap(), Some(5));
    assert_eq!(f.store.audit_row_of_hash(&[1; 32]).await.unwrap(), None);
}
