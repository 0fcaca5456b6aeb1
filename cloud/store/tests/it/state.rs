//! The state store: each verb does what it says, on a database that is closed and opened again.

use fleet::audit::Verb;
use fleet::session::Life;
use fleet::{AccountKey, Grant, InverterKey, Role, ceilings};
use store::Position;
use store::state::{
    Act, By, Certificate, Email, EventRow, InverterEdit, NewAccount, NewInverter, NewOrganization,
    NewSession, NewSite, NewToken, StateError, StateStore, TokenReach, TokenScope,
};
use wire::{Serial, UtcMs};

const NOW: UtcMs = UtcMs(1_800_000_000_000);

struct Fixture {
    folder: tempfile::TempDir,
    store: StateStore,
}

fn act(verb: Verb) -> Act {
    Act::new(verb, By::CommandLine, NOW, [7; 32])
}

async fn fixture() -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    // Characters that a URL would take for its own.
    let store = StateStore::open(&folder.path().join("state %41?#.sqlite")).await.unwrap();
    Fixture { folder, store }
}

impl Fixture {
    async fn reopen(self) -> Self {
        self.store.close().await.unwrap();
        let store = StateStore::open(&self.folder.path().join("state %41?#.sqlite")).await.unwrap();
        Self { folder: self.folder, store }
    }

    async fn account(&self, email: &str) -> AccountKey {
        let email = Email::parse(email).unwrap();
        let new = NewAccount {
            email: &email,
            name: "Ann",
            password_hash: "$argon2id$x",
            operator: false,
            created_at: NOW,
        };
        self.store.create_account(new).await.unwrap()
    }

    async fn inverter(&self, serial: &str, name: &str) -> InverterKey {
        let new = NewInverter {
            public_id: &format!("id-of-{serial}"),
            serial: Serial::parse(serial).unwrap(),
            name,
            model: "X1",
            site: None,
            required_minutes: Some(90),
            registered_at: NOW,
        };
        self.store.register_inverter(new, &act(Verb::DeviceRegister)).await.unwrap()
    }

    async fn grant(&self, account: AccountKey, inverter: InverterKey, role: Role, ends: Option<UtcMs>) {
        let grant = Grant { holder: account.into(), inverter, role, ends };
        self.store.set_grant(grant, &act(Verb::ShareGrant)).await.unwrap();
    }
}

/// What is there from the start: the list of migrations, the counter of changes, the audit log's beginning.
const FILLED: [&str; 3] = ["seaql_migrations", "generations", "audit_heads"];

/// ASVS 5.0: 6.3.2.
#[tokio::test]
async fn a_new_store_has_no_account_and_nothing_that_lets_in() {
    let fixture = fixture().await;
    assert_eq!(fixture.store.accounts().await.unwrap().len(), 0);
    let fixture = fixture.reopen().await;
    assert_eq!(fixture.store.accounts().await.unwrap().len(), 0, "nor after the next start");
    fixture.store.close().await.unwrap();
    // No other table holds a row either, so that whatever lets in was made by somebody.
    let database = rusqlite::Connection::open(fixture.folder.path().join("state %41?#.sqlite")).unwrap();
    let mut tables = database.prepare("SELECT name FROM sqlite_master WHERE type = 'table'").unwrap();
    let tables = tables.query_map([], |row| row.get::<_, String>(0)).unwrap();
    let tables: Vec<_> = tables.map(Result::unwrap).collect();
    assert!(tables.len() > 40 && tables.iter().any(|table| table == "accounts"), "{tables:?}");
    let rows = |table: &String| {
        let count = format!("SELECT count(*) FROM \"{table}\"");
        database.query_row(&count, [], |row| row.get::<_, i64>(0)).unwrap()
    };
    let filled: Vec<_> = tables.iter().filter(|table| rows(table) > 0).collect();
    assert_eq!(filled, FILLED);
}

#[tokio::test]
async fn accounts_are_unique_by_normalised_address() {
    let f = fixture().await;
    let key = f.account("Ann@Example.org").await;
    let email = Email::parse(" ann@EXAMPLE.org").unwrap();
    let again = NewAccount { email: &email, name: "", password_hash: "", operator: true, created_at: NOW };
    let refused = f.store.create_account(again).await.unwrap_err();
    assert!(matches!(refused, StateError::Taken { .. }), "{refused}");
    let f = f.reopen().await;
    let account = f.store.account_by_email(&email).await.unwrap().unwrap();
    assert_eq!((account.key, account.password_hash.as_str(), account.operator), (key, "$argon2id$x", false));
    assert_eq!(f.store.account(key).await.unwrap(), Some(account.clone()));
    assert_eq!(f.store.accounts().await.unwrap(), [account]);
    assert_eq!(f.store.account(AccountKey(99)).await.unwrap(), None);
    let missing = f.store.set_account_name(AccountKey(99), "", &act(Verb::AccountName)).await.unwrap_err();
    assert!(matches!(missing, StateError::NotFound { .. }), "{missing}");
}

/// ASVS 5.0: 7.4.1, 7.4.5.
#[tokio::test]
async fn sessions_end_by_time_by_hand_and_with_their_account() {
    let f = fixture().await;
    let account = f.account("a@b").await;
    let new = |byte: u8, hours: i64| NewSession {
        token_hash: [byte; 32],
        account,
        life: Life { expires_at: NOW.plus_ms(hours * 3_600_000), ..Life::begin(NOW, true) },
        user_agent: "Firefox",
        address: Some("192.0.2.1"),
    };
    for (byte, hours) in [(1, 1), (2, 2), (3, 3)] {
        f.store.create_session(new(byte, hours), &act(Verb::SignIn)).await.unwrap();
    }
    let later = NOW.plus_ms(90 * 60_000);
    assert!(f.store.session(&[1; 32], NOW).await.unwrap().is_some());
    assert!(f.store.session(&[1; 32], later).await.unwrap().is_none());
    let (session, holder) = f.store.session(&[2; 32], later).await.unwrap().unwrap();
    assert_eq!((session.account, holder.key), (account, account));
    f.store.touch_session(&[2; 32], session.life.used(later)).await.unwrap();
    let list = f.store.sessions(account, later).await.unwrap();
    assert_eq!(list.iter().map(|s| s.token_hash[0]).collect::<Vec<_>>(), [2, 3]);
    assert_eq!(list[0].life.last_seen_at, later);
    assert_eq!(f.store.delete_expired_sessions(later).await.unwrap(), 1);
    assert!(f.store.delete_session(&[2; 32]).await.unwrap());
    assert!(!f.store.delete_session(&[2; 32]).await.unwrap());
    let (end, other) = (act(Verb::SessionEnd), f.account("b@b").await);
    f.store.create_session(new(4, 4), &act(Verb::SignIn)).await.unwrap();
    assert!(!f.store.end_session(other, &[4; 32], &end).await.unwrap(), "somebody else's");
    assert!(f.store.end_session(account, &[4; 32], &end).await.unwrap());
    assert!(!f.store.end_session(account, &[4; 32], &end).await.unwrap(), "once");
    let whole = f.store.verify_audit().await.unwrap().unwrap();
    assert_eq!(whole.length, 5, "four sign-ins and one end are in the log");
    let ended = f.store.set_account_disabled(account, true, &act(Verb::DeviceRegister)).await.unwrap();
    assert_eq!(ended, [[3; 32]]);
    assert!(f.store.session(&[3; 32], later).await.unwrap().is_none());
}

#[tokio::test]
async fn tokens_count_until_they_expire_or_are_revoked_by_their_owner() {
    let f = fixture().await;
    let (ann, bob) = (f.account("a@b").await, f.account("b@b").await);
    let reach = TokenReach { scope: TokenScope::Read, inverters: None };
    let new = |byte: u8, expires_at| NewToken {
        token_hash: [byte; 32],
        account: ann,
        name: "ci",
        reach: &reach,
        created_at: NOW,
        expires_at,
    };
    let first = f.store.create_token(new(1, None), &act(Verb::DeviceRegister)).await.unwrap();
    f.store.create_token(new(2, Some(NOW.plus_ms(10))), &act(Verb::DeviceRegister)).await.unwrap();
    assert!(f.store.token_by_hash(&[2; 32], NOW.plus_ms(9)).await.unwrap().is_some());
    assert!(f.store.token_by_hash(&[2; 32], NOW.plus_ms(10)).await.unwrap().is_none());
    f.store.touch_token(first, NOW.plus_ms(5)).await.unwrap();
    let (token, holder) = f.store.token_by_hash(&[1; 32], NOW.plus_ms(10)).await.unwrap().unwrap();
    assert_eq!((token.last_used_at, &token.reach, holder.key), (Some(NOW.plus_ms(5)), &reach, ann));
    assert!(!f.store.revoke_token(bob, first, NOW, &act(Verb::DeviceRegister)).await.unwrap(), "not his");
    assert!(f.store.revoke_token(ann, first, NOW, &act(Verb::DeviceRegister)).await.unwrap());
    assert!(!f.store.revoke_token(ann, first, NOW, &act(Verb::DeviceRegister)).await.unwrap());
    assert!(f.store.token_by_hash(&[1; 32], NOW).await.unwrap().is_none());
    assert_eq!(f.store.tokens(ann).await.unwrap().len(), 2);
}

/// Counted in the transaction that adds one: many at once do not pass.
/// ASVS 5.0: 2.1.3.
#[tokio::test]
async fn there_are_never_more_of_a_kind_than_there_may_be() {
    let f = fixture().await;
    let (ann, bob) = (f.account("a@b").await, f.account("b@b").await);
    let reach = TokenReach { scope: TokenScope::Read, inverters: None };
    let act = act(Verb::TokenAdd);
    let token = |byte: u8, account| {
        let expires_at = Some(NOW.plus_ms(10));
        let token_hash = [byte; 32];
        let (store, reach, act) = (&f.store, &reach, &act);
        async move {
            let created_at = NOW;
            let new = NewToken { token_hash, account, name: "ci", reach, created_at, expires_at };
            store.create_token(new, act).await
        }
    };
    let made = futures_util::future::join_all((0..30).map(|byte| token(byte, ann))).await;
    let refused = made.iter().filter(|made| matches!(made, Err(StateError::TooMany(ceilings::TOKENS))));
    assert_eq!((refused.count(), f.store.tokens(ann).await.unwrap().len()), (10, 20));
    token(100, bob).await.unwrap();
    let first = *made.iter().flatten().next().unwrap();
    assert!(f.store.revoke_token(ann, first, NOW, &act).await.unwrap());
    token(101, ann).await.unwrap();
    assert!(token(102, ann).await.is_err(), "the revoked one made room for one");
    for at in 0..=ceilings::ORGANIZATIONS.most {
        let id = format!("club{at}");
        let new = NewOrganization { public_id: &id, name: "Club", owner: Some(ann) };
        let made = f.store.create_organization(new, act.clone()).await;
        assert_eq!(made.is_ok(), at < ceilings::ORGANIZATIONS.most, "{at}");
    }
}

#[tokio::test]
async fn an_account_sees_what_its_grants_hold_with_site_and_role() {
    let f = fixture().await;
    let (ann, bob) = (f.account("a@b").await, f.account("b@b").await);
    let (one, two, three) =
        (f.inverter("AAAA-1", "b").await, f.inverter("AAAA-2", "a").await, f.inverter("AAAA-3", "c").await);
    let site = NewSite {
        public_id: "s1",
        owner: Some(ann.into()),
        name: "Hangar 7",
        address: "",
        time_zone: "America/Chicago",
    };
    let site = f.store.add_site(site, &act(Verb::SiteAdd)).await.unwrap();
    f.store
        .edit_inverter(
            one,
            InverterEdit { site: Some(Some(site)), ..InverterEdit::default() },
            &act(Verb::InverterEdit),
        )
        .await
        .unwrap();
    f.grant(ann, one, Role::ReadOnly, None).await;
    f.grant(ann, two, Role::ReadWrite, Some(NOW)).await;
    f.grant(ann, three, Role::ReadWrite, Some(NOW.plus_ms(1))).await;
    let seen = f.store.visible_inverters(ann, NOW).await.unwrap();
    let short: Vec<_> =
        seen.iter().map(|v| (v.inverter.key, v.role, v.site.as_ref().map(|s| s.name.as_str()))).collect();
    assert_eq!(short, [(one, Role::ReadOnly, Some("Hangar 7")), (three, Role::ReadWrite, None)]);
    assert_eq!(f.store.visible_inverters(bob, NOW).await.unwrap(), []);
    assert_eq!(f.store.visible_inverter(ann, "id-of-AAAA-1", NOW).await.unwrap().as_ref(), seen.first());
    assert_eq!(f.store.visible_inverter(bob, "id-of-AAAA-1", NOW).await.unwrap(), None);
    assert_eq!(f.store.visible_inverter(ann, "id-of-AAAA-2", NOW).await.unwrap(), None);
    f.grant(ann, one, Role::ReadWrite, None).await;
    assert_eq!(f.store.grants_on_inverter(one).await.unwrap().len(), 1);
    assert_eq!(f.store.grants_of(ann).await.unwrap()[0].role, Role::ReadWrite);
    f.grant(bob, one, Role::ReadWrite, None).await;
    assert!(f.store.remove_grant(ann.into(), one, &act(Verb::ShareRevoke)).await.unwrap());
    assert!(!f.store.remove_grant(ann.into(), one, &act(Verb::ShareRevoke)).await.unwrap());
    let nobody = Grant { holder: AccountKey(9).into(), inverter: one, role: Role::ReadOnly, ends: None };
    assert!(f.store.set_grant(nobody, &act(Verb::ShareGrant)).await.is_err(), "foreign keys hold");
}

#[tokio::test]
async fn sites_are_made_once_by_name_and_changed_after() {
    let f = fixture().await;
    let owner = Some(f.account("a@b").await.into());
    let new = |public_id, address| NewSite { public_id, owner, name: "Dock", address, time_zone: "UTC" };
    let key = f.store.add_site(new("s1", "old"), &act(Verb::SiteAdd)).await.unwrap();
    let again = f.store.add_site(new("s2", "new"), &act(Verb::SiteAdd)).await.unwrap_err();
    assert!(matches!(again, StateError::Taken { .. }), "{again}");
    f.store.update_site(key, new("s2", "new"), &act(Verb::SiteEdit)).await.unwrap();
    let site = f.store.site_by_name(owner, "Dock").await.unwrap().unwrap();
    assert_eq!((site.public_id.as_str(), site.address.as_str()), ("s1", "new"));
    assert_eq!(f.store.sites().await.unwrap(), [site]);
}

#[tokio::test]
async fn inverters_keep_their_key_and_their_serial_is_unique() {
    let f = fixture().await;
    let key = f.inverter("ABCD-1", "Pump").await;
    let again = NewInverter {
        public_id: "other",
        serial: Serial::parse("abcd-1").unwrap(),
        name: "",
        model: "",
        site: None,
        required_minutes: None,
        registered_at: NOW,
    };
    assert!(matches!(
        f.store.register_inverter(again, &act(Verb::DeviceRegister)).await.unwrap_err(),
        StateError::Taken { .. }
    ));
    let edit =
        InverterEdit { name: Some("Lift".into()), required_minutes: Some(None), ..InverterEdit::default() };
    f.store.edit_inverter(key, edit, &act(Verb::InverterEdit)).await.unwrap();
    f.store.edit_inverter(key, InverterEdit::default(), &act(Verb::InverterEdit)).await.unwrap();
    let found = f.store.inverter_by_serial(Serial::parse("ABCD-1").unwrap()).await.unwrap().unwrap();
    assert_eq!(
        (found.key, found.name.as_str(), found.model.as_str(), found.required_minutes),
        (key, "Lift", "X1", None)
    );
    assert_eq!(f.store.inverters().await.unwrap(), [found]);
}

#[tokio::test]
async fn certificates_are_revoked_alone_or_all_of_an_inverter() {
    let f = fixture().await;
    let (one, two) = (f.inverter("ABCD-1", "").await, f.inverter("ABCD-2", "").await);
    for (byte, inverter) in [(1, one), (2, one), (3, two)] {
        let new =
            Certificate { sha256: [byte; 32], inverter, issued_at: UtcMs(i64::from(byte)), revoked_at: None };
        f.store.add_certificate(new, &act(Verb::DeviceRegister)).await.unwrap();
        assert!(matches!(
            f.store.add_certificate(new, &act(Verb::DeviceRegister)).await.unwrap_err(),
            StateError::Taken { .. }
        ));
    }
    assert_eq!(
        f.store.supersede_certificates(one, &[2; 32], NOW, &act(Verb::DeviceRegister)).await.unwrap(),
        1
    );
    assert_eq!(
        f.store.supersede_certificates(one, &[2; 32], NOW, &act(Verb::DeviceRegister)).await.unwrap(),
        0
    );
    assert_eq!(
        f.store.revoke_certificates(one, NOW.plus_ms(1), &act(Verb::DeviceRegister)).await.unwrap(),
        1
    );
    let revoked: Vec<_> = f.store.certificates().await.unwrap().into_iter().map(|c| c.revoked_at).collect();
    assert_eq!(revoked, [Some(NOW), Some(NOW.plus_ms(1)), None]);
    assert_eq!(f.store.certificates_of(two).await.unwrap().len(), 1);
}

fn event(inverter: u32, key: &str, at: i64) -> EventRow {
    EventRow {
        inverter: InverterKey(inverter),
        key: key.into(),
        kind: "raised".into(),
        condition: Some("overload".into()),
        occurred_at: UtcMs(at),
        received_at: UtcMs(at + 1),
        late: false,
        detail: String::new(),
    }
}

#[tokio::test]
async fn snapshots_events_and_position_move_together_and_repeats_are_dropped() {
    let f = fixture().await;
    assert_eq!(f.store.load_snapshots().await.unwrap().position, Position::START);
    let many: Vec<_> = (0..1_300).map(|n| (InverterKey(n), vec![1; 40])).collect();
    let events: Vec<_> = (0..2_500).map(|n| event(1, &format!("k{n}"), n)).collect();
    f.store.commit_snapshots(&many, &events, &[], Position { batch: 5, index: 3 }, UtcMs(8)).await.unwrap();
    let changed = EventRow { detail: "again".into(), ..event(1, "k7", 7) };
    f.store
        .commit_snapshots(
            &[(InverterKey(7), vec![2])],
            &[changed],
            &[],
            Position { batch: 6, index: 0 },
            UtcMs(9),
        )
        .await
        .unwrap();
    f.store.commit_events(&[event(1, "k8", 8), event(2, "k8", 8)]).await.unwrap();
    let f = f.reopen().await;
    let loaded = f.store.load_snapshots().await.unwrap();
    assert_eq!(loaded.watched_until, UtcMs(9));
    assert_eq!(loaded.position, Position { batch: 6, index: 0 });
    assert_eq!(loaded.states.len(), 1_300);
    assert_eq!(loaded.states.iter().find(|(key, _)| key.0 == 7).unwrap().1, [2]);
    let all = f.store.events(InverterKey(1), UtcMs(0), UtcMs(i64::MAX), u64::MAX).await.unwrap();
    assert_eq!(all.len(), 2_500);
    assert_eq!((all[0].occurred_at, all[2_492].detail.as_str()), (UtcMs(2_499), ""));
    assert_eq!(f.store.events(InverterKey(2), UtcMs(0), UtcMs(9), 5).await.unwrap(), [event(2, "k8", 8)]);
    assert_eq!(f.store.delete_events_before(UtcMs(2_000)).await.unwrap(), 2_001);
    // Of inverters that are not there nothing is kept; of those that are, all.
    let there = f.inverter("KEPT-1", "Kept").await;
    assert_eq!(f.store.forget_given_up().await.unwrap(), 1_299);
    let left = f.store.load_snapshots().await.unwrap().states;
    assert_eq!(left.into_iter().map(|(key, _)| key).collect::<Vec<_>>(), [there]);
    assert_eq!(f.store.events(InverterKey(2), UtcMs(0), UtcMs(i64::MAX), 9).await.unwrap(), []);
}

#[tokio::test]
async fn the_change_counter_moves_for_admin_changes_also_from_another_process() {
    let f = fixture().await;
    let other = StateStore::open(&f.folder.path().join("state %41?#.sqlite")).await.unwrap();
    let before = f.store.change_counter().await.unwrap();
    f.store.commit_snapshots(&[(InverterKey(1), vec![])], &[], &[], Position::START, UtcMs(0)).await.unwrap();
    assert_eq!(f.store.change_counter().await.unwrap(), before);
    let site = NewSite { public_id: "s1", owner: None, name: "Dock", address: "", time_zone: "UTC" };
    other.add_site(site, &act(Verb::SiteAdd)).await.unwrap();
    assert!(f.store.change_counter().await.unwrap() > before);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn those_who_open_a_new_file_at_once_all_find_its_tables() {
    for _ in 0..6 {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.sqlite");
        let open = |_: i64| {
            let path = path.clone();
            tokio::spawn(async move {
                let store = StateStore::open(&path).await.unwrap();
                store.record_act(&act(Verb::PairFail)).await.unwrap();
                store.close().await.unwrap();
            })
        };
        let all: Vec<_> = (0..4).map(open).collect();
        for one in all {
            one.await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_in_two_processes_wait_for_each_other_and_none_fails() {
    let f = fixture().await;
    let other = StateStore::open(&f.folder.path().join("state %41?#.sqlite")).await.unwrap();
    let write = |store: StateStore, from: i64| async move {
        for n in from..from + 100 {
            store.commit_events(&[event(1, &format!("{n}"), n)]).await.unwrap();
            store.record_act(&act(Verb::PairFail)).await.unwrap();
        }
    };
    let tasks = [
        tokio::spawn(write(f.store.clone(), 0)),
        tokio::spawn(write(f.store.clone(), 100)),
        tokio::spawn(write(other, 200)),
    ];
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(f.store.events(InverterKey(1), UtcMs(0), UtcMs(999), 999).await.unwrap().len(), 300);
}
