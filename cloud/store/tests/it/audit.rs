//! The audit log: whole when nobody touched it, broken where somebody did, and details that may go.

use fleet::audit::Verb;
use fleet::{AccountKey, InverterKey};
use store::state::{Act, Broken, By, StateStore};
use wire::UtcMs;

struct Fixture {
    folder: tempfile::TempDir,
    store: StateStore,
}

async fn fixture(acts: i64) -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let store = StateStore::open(&folder.path().join("state.sqlite")).await.unwrap();
    for at in 0..acts {
        store.record_act(&act(at)).await.unwrap();
    }
    Fixture { folder, store }
}

fn act(at: i64) -> Act {
    Act::new(Verb::PairFail, By::Account(AccountKey(3)), UtcMs(at), [7; 32])
        .from_address("192.0.2.7".parse().ok())
        .on_inverter(InverterKey(9))
        .with_detail("too late")
}

impl Fixture {
    /// Somebody with the file and a database program.
    fn tamper(&self, sql: &str) {
        let file = rusqlite::Connection::open(self.folder.path().join("state.sqlite")).unwrap();
        file.execute_batch("DROP TRIGGER audit_is_never_changed; DROP TRIGGER audit_is_never_shortened;")
            .unwrap();
        file.execute_batch(sql).unwrap();
    }

    async fn check(&self, expect: Broken) {
        assert_eq!(self.store.verify_audit().await.unwrap(), Err(expect));
    }
}

#[tokio::test]
async fn an_untouched_log_is_whole_and_grows_by_one_row_an_act() {
    let Fixture { store, folder: _folder } = fixture(0).await;
    assert_eq!(store.verify_audit().await.unwrap().unwrap().length, 0);
    store.record_act(&act(1)).await.unwrap();
    let one = store.verify_audit().await.unwrap().unwrap();
    store.record_act(&act(2)).await.unwrap();
    let two = store.verify_audit().await.unwrap().unwrap();
    assert_eq!((one.length, two.length, two.erased), (1, 2, 0));
    assert_ne!(one.hash, two.hash);
}

#[tokio::test]
async fn two_writers_at_once_make_one_chain() {
    let Fixture { folder, store } = fixture(0).await;
    let other = StateStore::open(&folder.path().join("state.sqlite")).await.unwrap();
    let writing = |store: StateStore| async move {
        for at in 0..40 {
            store.record_act(&act(at)).await.unwrap();
        }
    };
    tokio::join!(writing(store.clone()), writing(other));
    assert_eq!(store.verify_audit().await.unwrap().unwrap().length, 80);
}

/// ASVS 5.0: 11.4.3, 16.4.2.
#[tokio::test]
async fn every_kind_of_tampering_shows() {
    for (sql, expect) in [
        ("UPDATE audit SET verb = 'pair.done' WHERE sequence = 3", Broken::Changed(3)),
        ("UPDATE audit SET at = at + 1 WHERE sequence = 1", Broken::Changed(1)),
        ("UPDATE audit SET actor_id = NULL WHERE sequence = 5", Broken::Changed(5)),
        ("DELETE FROM audit WHERE sequence = 2", Broken::Missing(2)),
        ("DELETE FROM audit WHERE sequence = 5", Broken::Length { found: 4, said: 5 }),
        ("UPDATE audit_details SET detail = 'in time' WHERE sequence = 4", Broken::Details(4)),
        ("UPDATE audit_details SET address = NULL WHERE sequence = 4", Broken::Details(4)),
        ("UPDATE audit_heads SET length = 7", Broken::Length { found: 5, said: 7 }),
    ] {
        let fixture = fixture(5).await;
        fixture.tamper(sql);
        fixture.check(expect).await;
    }
}

#[tokio::test]
async fn details_may_be_erased_and_the_chain_still_holds() {
    let fixture = fixture(5).await;
    fixture.tamper("DELETE FROM audit_details WHERE sequence IN (2, 4)");
    let whole = fixture.store.verify_audit().await.unwrap().unwrap();
    assert_eq!((whole.length, whole.erased), (5, 2));
}

/// ASVS 5.0: 16.4.2.
#[tokio::test]
async fn the_database_itself_refuses_to_change_the_log() {
    let fixture = fixture(2).await;
    let file = rusqlite::Connection::open(fixture.folder.path().join("state.sqlite")).unwrap();
    for sql in ["UPDATE audit SET at = 0", "DELETE FROM audit"] {
        let refused = file.execute_batch(sql).unwrap_err().to_string();
        assert!(refused.contains("append-only"), "{refused}");
    }
}
