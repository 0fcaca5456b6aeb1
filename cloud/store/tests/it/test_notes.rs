//! Notes on tests: added, never changed, bounded, in the log, and gone with their record.

use fleet::audit::Verb;
use store::state::{Act, AuditQuery, By, Email, NewAccount, NewInverter, StateStore, TestNote, Whose};
use wire::{Serial, UtcMs};

const T0: UtcMs = UtcMs(1_800_000_000_000);

fn act(verb: Verb) -> Act {
    Act::new(verb, By::CommandLine, T0, [1; 32])
}

#[tokio::test]
async fn a_note_stays_as_it_was_written_and_goes_with_its_record() {
    let folder = tempfile::tempdir().unwrap();
    let store = StateStore::open(&folder.path().join("state.sqlite")).await.unwrap();
    let new = NewAccount {
        email: &Email::parse("luis@x.test").unwrap(),
        name: "Luis Prieto",
        password_hash: "none",
        operator: false,
        created_at: T0,
    };
    let account = store.create_account(new).await.unwrap();
    let new = NewInverter {
        public_id: "mine",
        serial: Serial::parse("2402-00967").unwrap(),
        name: "",
        model: "",
        site: None,
        required_minutes: None,
        registered_at: T0,
    };
    let inverter = store.register_inverter(new, &act(Verb::DeviceRegister)).await.unwrap();
    let note = |number: i64, text: &str| TestNote {
        inverter,
        key: format!("test/{}", T0.0 + number),
        started: T0.plus_ms(number),
        text: text.to_owned(),
        by: Some(account),
        written_at: T0.plus_ms(number + 9),
    };
    let [first, second, other] = [note(0, "=1+1 \u{202e}'\"<b>"), note(0, "again"), note(5, "other")];
    let write = |note: &TestNote| {
        let (store, note) = (store.clone(), note.clone());
        async move { store.add_test_note(&note, 2, &act(Verb::TestNote).on_inverter(inverter)).await.unwrap() }
    };
    assert!(write(&first).await && write(&second).await && write(&other).await);
    assert!(!write(&note(0, "a third one")).await, "two at most here");
    let all = store.test_notes(&[inverter], UtcMs(0), UtcMs(i64::MAX)).await.unwrap();
    assert_eq!(all, [first.clone(), second, other.clone()]);
    assert_eq!(
        store.test_notes(&[inverter], T0, T0.plus_ms(5)).await.unwrap().len(),
        2,
        "the end is not in it"
    );
    assert_eq!(store.test_notes(&[], UtcMs(0), UtcMs(i64::MAX)).await.unwrap(), []);
    let log = store.audit_acts(&AuditQuery::newest(Whose::Everybody, 9)).await.unwrap();
    assert_eq!(
        log.iter().filter(|act| act.name == "test.note").count(),
        3,
        "the one that was refused is not in it"
    );
    assert_eq!(store.delete_test_notes_before(T0.plus_ms(5)).await.unwrap(), 2);
    let left = store.test_notes(&[inverter], UtcMs(0), UtcMs(i64::MAX)).await.unwrap();
    assert_eq!(left, [other]);
}
