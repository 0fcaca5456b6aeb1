//! Second factors in the store: each code, step and counter once; a change ends the other sessions and is in the log.

use fleet::audit::Verb;
use fleet::factors::{Held, Refusal};
use fleet::session::Life;
use fleet::{AccountKey, MemberRole, Membership};
use store::state::{
    Act, By, ChosenPassword, Codes, Email, FactorChange, NewAccount, NewMail, NewOrganization, NewPasskey,
    NewSession, PendingSignIn, StateError, StateStore,
};
use wire::UtcMs;

const NOW: UtcMs = UtcMs(1_800_000_000_000);

struct Fixture {
    _folder: tempfile::TempDir,
    store: StateStore,
    account: AccountKey,
}

async fn fixture() -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let store = StateStore::open(&folder.path().join("state.sqlite")).await.unwrap();
    let account = account(&store, "a@x.test").await;
    Fixture { _folder: folder, store, account }
}

async fn account(store: &StateStore, email: &str) -> AccountKey {
    somebody(store, email, false).await
}

async fn somebody(store: &StateStore, email: &str, operator: bool) -> AccountKey {
    let new = NewAccount {
        email: &Email::parse(email).unwrap(),
        name: "",
        password_hash: "$argon2id$x",
        operator,
        created_at: NOW,
    };
    store.create_account(new).await.unwrap()
}

fn act(verb: Verb, account: AccountKey) -> Act {
    Act::new(verb, By::Account(account), NOW, [7; 32]).of_account(account)
}

impl Fixture {
    async fn session(&self, byte: u8) {
        let new = NewSession {
            token_hash: [byte; 32],
            account: self.account,
            life: Life::begin(NOW, false),
            user_agent: "",
            address: None,
        };
        self.store.create_session(new, &act(Verb::SignIn, self.account)).await.unwrap();
    }

    async fn log(&self) -> u64 {
        self.store.verify_audit().await.unwrap().unwrap().length
    }
}

fn change<'a>(f: &Fixture, act: &'a Act, codes: Codes<'a>) -> FactorChange<'a> {
    FactorChange { account: f.account, act, keep: Some(&[1; 32]), letters: &[], codes }
}

fn letter<'a>(to: &'a Email, key: &'a str) -> NewMail<'a> {
    let (subject, text, html) = ("s", "t", "h");
    let (queued_at, expires_at) = (NOW, NOW.plus_ms(1));
    NewMail { key, to, kind: "factor", subject, text, html, queued_at, expires_at }
}

/// ASVS 5.0: 6.5.1.
#[tokio::test]
async fn an_app_counts_when_it_was_confirmed_and_each_step_once() {
    let f = fixture().await;
    for byte in [1, 2, 3] {
        f.session(byte).await;
    }
    assert!(f.store.begin_totp(f.account, vec![1], NOW).await.unwrap());
    assert!(f.store.begin_totp(f.account, vec![2], NOW).await.unwrap(), "begun anew");
    assert_eq!(f.store.totp(f.account).await.unwrap().unwrap().sealed_secret, [2]);
    assert_eq!(f.store.factors(f.account).await.unwrap(), Held::default(), "not confirmed");
    assert!(!f.store.take_totp_step(f.account, 100).await.unwrap(), "not confirmed");
    let add = act(Verb::FactorAdd, f.account);
    let owner = Email::parse("a@x.test").unwrap();
    let letter = letter(&owner, "factor-1");
    let with = FactorChange {
        letters: std::slice::from_ref(&letter),
        ..change(&f, &add, Codes::Replace(&[[8; 32], [9; 32]]))
    };
    let before = f.log().await;
    let ended = f.store.confirm_totp(100, NOW, &with).await.unwrap();
    assert_eq!(ended, Some(vec![[2; 32], [3; 32]]), "all sessions but the one that did it");
    assert_eq!(f.log().await, before + 1);
    assert_eq!(f.store.sessions(f.account, NOW).await.unwrap().len(), 1);
    assert_eq!(f.store.receipts(Some(&owner), 9).await.unwrap().len(), 1);
    assert_eq!(f.store.factors(f.account).await.unwrap(), Held { app: true, passkeys: 0 });
    assert_eq!(f.store.recovery_codes_left(f.account).await.unwrap(), 2);
    assert_eq!(f.store.confirm_totp(101, NOW, &with).await.unwrap(), None, "once");
    assert!(!f.store.begin_totp(f.account, vec![3], NOW).await.unwrap(), "a confirmed one stays");
    assert!(!f.store.take_totp_step(f.account, 100).await.unwrap(), "taken by the confirmation");
    assert!(f.store.take_totp_step(f.account, 102).await.unwrap());
    assert!(!f.store.take_totp_step(f.account, 102).await.unwrap(), "once");
    assert!(!f.store.take_totp_step(f.account, 101).await.unwrap(), "older");
    let remove = act(Verb::FactorRemove, f.account);
    let with = change(&f, &remove, Codes::Keep);
    assert_eq!(f.store.remove_totp(&with).await.unwrap(), Some(vec![]));
    assert_eq!(f.store.remove_totp(&with).await.unwrap(), None);
    assert_eq!(f.store.recovery_codes_left(f.account).await.unwrap(), 0);
}

#[tokio::test]
async fn what_is_void_without_its_key_is_known_by_its_table() {
    let f = fixture().await;
    assert!(f.store.under_factors_key().await.unwrap().is_empty());
    let made = act(Verb::FactorRecoveryMake, f.account);
    f.store.change_recovery_codes(&change(&f, &made, Codes::Replace(&[[1; 32]]))).await.unwrap();
    assert_eq!(
        f.store.under_factors_key().await.unwrap(),
        ["recovery_codes"],
        "no app, and still not to be lost"
    );
    assert!(app(&f.store, f.account, false).await);
    assert_eq!(f.store.under_factors_key().await.unwrap(), ["totps", "recovery_codes"]);
}

/// ASVS 5.0: 6.5.1.
#[tokio::test]
async fn a_recovery_code_works_once_for_its_account_until_a_new_set_comes() {
    let f = fixture().await;
    let other = account(&f.store, "b@x.test").await;
    let (made, used) = (act(Verb::FactorRecoveryMake, f.account), act(Verb::FactorRecoveryUse, f.account));
    let owner = Email::parse("a@x.test").unwrap();
    let letter = letter(&owner, "used");
    let new_set = |hashes| change(&f, &made, Codes::Replace(hashes));
    f.store.change_recovery_codes(&new_set(&[[1; 32], [2; 32]])).await.unwrap();
    assert!(
        !f.store.take_recovery_code(other, &[1; 32], NOW, &used, &letter).await.unwrap(),
        "somebody else's"
    );
    assert!(f.store.take_recovery_code(f.account, &[1; 32], NOW, &used, &letter).await.unwrap());
    let before = f.log().await;
    assert!(!f.store.take_recovery_code(f.account, &[1; 32], NOW, &used, &letter).await.unwrap(), "once");
    assert_eq!(f.log().await, before, "nothing done, nothing written");
    assert_eq!(f.store.recovery_codes_left(f.account).await.unwrap(), 1);
    f.store.change_recovery_codes(&new_set(&[[3; 32]])).await.unwrap();
    assert_eq!(f.store.receipts(Some(&owner), 9).await.unwrap().len(), 1, "its owner was told");
    assert!(!f.store.take_recovery_code(f.account, &[2; 32], NOW, &used, &letter).await.unwrap(), "replaced");
}

#[tokio::test]
async fn a_passkey_is_one_accounts_and_its_counter_moves_from_what_was_seen() {
    let f = fixture().await;
    let add = act(Verb::FactorAdd, f.account);
    let with = change(&f, &add, Codes::Keep);
    let new = NewPasskey {
        public_id: "pk1",
        credential_id: b"credential",
        name: "Phone",
        public_key: b"key",
        counter: 4,
        backed_up: false,
        created_at: NOW,
    };
    f.store.add_passkey(new, &with).await.unwrap();
    let again = f.store.add_passkey(NewPasskey { public_id: "pk2", ..new }, &with).await.unwrap_err();
    assert!(matches!(again, StateError::Taken { .. }), "{again}");
    let handle = f.store.passkey_handle(f.account, [5; 32]).await.unwrap();
    assert_eq!(f.store.passkey_handle(f.account, [6; 32]).await.unwrap(), handle, "it stays");
    let (passkey, of) = f.store.passkey(b"credential").await.unwrap().unwrap();
    assert_eq!((passkey.account, passkey.counter, of), (f.account, 4, vec![5; 32]));
    assert!(f.store.passkey(b"other").await.unwrap().is_none());
    assert!(f.store.passkey_used(passkey.key, 4, 6, NOW).await.unwrap());
    assert!(!f.store.passkey_used(passkey.key, 4, 7, NOW).await.unwrap(), "moved meanwhile");
    let other = account(&f.store, "b@x.test").await;
    let rename = act(Verb::FactorRename, f.account);
    assert!(!f.store.rename_passkey(other, "pk1", "Mine", &rename).await.unwrap());
    assert!(f.store.rename_passkey(f.account, "pk1", "Desk", &rename).await.unwrap());
    assert_eq!(f.store.factors(f.account).await.unwrap(), Held { app: false, passkeys: 1 });
    let owner = Email::parse("a@x.test").unwrap();
    let stopped = act(Verb::FactorSuspect, f.account);
    f.store.suspect_passkey(passkey.key, &stopped, &letter(&owner, "stopped")).await.unwrap();
    assert_eq!(f.store.factors(f.account).await.unwrap(), Held::default(), "a suspect one counts no more");
    assert!(!f.store.passkey_used(passkey.key, 6, 9, NOW).await.unwrap());
    let remove = act(Verb::FactorRemove, other);
    let theirs = FactorChange { account: other, act: &remove, keep: None, letters: &[], codes: Codes::Keep };
    assert_eq!(f.store.remove_passkey("pk1", &theirs).await.unwrap(), None, "somebody else's");
    assert!(f.store.remove_passkey("pk1", &with).await.unwrap().is_some());
    assert!(f.store.passkeys(f.account).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_sign_in_half_way_expires_counts_wrong_codes_and_is_used_up_once() {
    let f = fixture().await;
    let new = PendingSignIn {
        token_hash: [1; 32],
        account: f.account,
        expires_at: NOW.plus_ms(1000),
        remember: true,
    };
    f.store.begin_sign_in(&new).await.unwrap();
    let (pending, holder) = f.store.pending_sign_in(&[1; 32], NOW.plus_ms(999)).await.unwrap().unwrap();
    assert_eq!((&pending, holder.key), (&new, f.account));
    assert!(f.store.pending_sign_in(&[1; 32], NOW.plus_ms(1000)).await.unwrap().is_none());
    assert_eq!(f.store.sign_in_failed(&[1; 32]).await.unwrap(), 1);
    assert_eq!(f.store.sign_in_failed(&[1; 32]).await.unwrap(), 2);
    assert!(f.store.end_sign_in(&[1; 32]).await.unwrap());
    assert!(!f.store.end_sign_in(&[1; 32]).await.unwrap());
    assert_eq!(f.store.sign_in_failed(&[1; 32]).await.unwrap(), u32::MAX, "one that is gone is at its end");
    f.store.begin_sign_in(&new).await.unwrap();
    let disable = act(Verb::AccountDisable, f.account);
    f.store.set_account_disabled(f.account, true, &disable).await.unwrap();
    assert!(f.store.pending_sign_in(&[1; 32], NOW).await.unwrap().is_none(), "disabled");
    assert_eq!(f.store.delete_expired_sign_ins(NOW.plus_ms(1000)).await.unwrap(), 1);
}

async fn passkey(store: &StateStore, account: AccountKey, name: &str) {
    let add = act(Verb::FactorAdd, account);
    let with = FactorChange { account, act: &add, keep: None, letters: &[], codes: Codes::Keep };
    let new = NewPasskey {
        public_id: name,
        credential_id: name.as_bytes(),
        name,
        public_key: b"key",
        counter: 0,
        backed_up: false,
        created_at: NOW,
    };
    store.add_passkey(new, &with).await.unwrap();
}

async fn removes(store: &StateStore, account: AccountKey, name: &str) -> Result<(), StateError> {
    let remove = act(Verb::FactorRemove, account);
    let with = FactorChange { account, act: &remove, keep: None, letters: &[], codes: Codes::Keep };
    let ended = if name == "app" {
        store.remove_totp(&with).await?
    } else {
        store.remove_passkey(name, &with).await?
    };
    assert!(ended.is_some(), "{name} was there");
    Ok(())
}

async fn app(store: &StateStore, account: AccountKey, replaced: bool) -> bool {
    let (add, gone) = (act(Verb::FactorAdd, account), act(Verb::FactorRemove, account));
    let with = FactorChange { account, act: &add, keep: None, letters: &[], codes: Codes::Keep };
    store.enroll_totp(vec![1], 7, NOW, replaced.then_some(&gone), &with).await.unwrap().is_some()
}

/// The short password of an account that has a factor.
async fn short_password(store: &StateStore, account: AccountKey) -> Result<(), StateError> {
    let owner = Email::parse("a@x.test").unwrap();
    let (change, letter) = (act(Verb::AccountPassword, account), letter(&owner, "password"));
    let short = ChosenPassword { hash: "$short", stands_alone: false };
    store.change_password(account, short, None, &change, None, &letter).await.map(drop)
}

fn kept(done: Result<(), StateError>) -> Option<Refusal> {
    match done {
        Ok(()) => None,
        Err(StateError::KeepsFactor(refusal)) => Some(refusal),
        Err(other) => panic!("{other}"),
    }
}

#[tokio::test]
async fn the_last_factor_stays_with_whom_it_is_needed_by_and_recovery_codes_go_with_it() {
    let f = fixture().await;
    passkey(&f.store, f.account, "one").await;
    assert_eq!(kept(short_password(&f.store, f.account).await), None);
    assert_eq!(kept(removes(&f.store, f.account, "one").await), Some(Refusal::WeakPassword));
    assert!(app(&f.store, f.account, false).await);
    assert!(!app(&f.store, f.account, false).await, "there is one");
    let before = f.log().await;
    assert!(app(&f.store, f.account, true).await, "in its place");
    assert_eq!(f.log().await, before + 2, "removed and added");
    assert_eq!(kept(removes(&f.store, f.account, "one").await), None);
    assert_eq!(kept(removes(&f.store, f.account, "app").await), Some(Refusal::WeakPassword));
    assert_eq!(f.store.factors(f.account).await.unwrap(), Held { app: true, passkeys: 0 });

    let operator = somebody(&f.store, "op@x.test", true).await;
    assert!(app(&f.store, operator, false).await);
    assert_eq!(kept(removes(&f.store, operator, "app").await), Some(Refusal::Operator));

    let member = account(&f.store, "m@x.test").await;
    passkey(&f.store, member, "theirs").await;
    let made = act(Verb::FactorRecoveryMake, member);
    let codes = Codes::Replace(&[[1; 32]]);
    let with = FactorChange { account: member, act: &made, keep: None, letters: &[], codes };
    f.store.change_recovery_codes(&with).await.unwrap();
    let new = NewOrganization { public_id: "CODE", name: "Club", owner: None };
    let club = f.store.create_organization(new, act(Verb::OrganizationAdd, member)).await.unwrap();
    let role = Membership { organization: club, account: member, role: MemberRole::Viewer };
    f.store.set_member(role, &act(Verb::MemberRole, member)).await.unwrap();
    let edit = act(Verb::OrganizationEdit, member);
    f.store.update_organization(club, "Club", true, &edit).await.unwrap();
    assert_eq!(kept(removes(&f.store, member, "theirs").await), Some(Refusal::Demanded));
    assert_eq!(f.store.recovery_codes_left(member).await.unwrap(), 1, "nothing was changed");
    f.store.update_organization(club, "Club", false, &edit).await.unwrap();
    assert_eq!(kept(removes(&f.store, member, "theirs").await), None);
    assert_eq!(f.store.recovery_codes_left(member).await.unwrap(), 0, "they stand in for nothing");
}

/// ASVS 5.0: 2.3.4.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_who_each_take_a_factor_at_once_one_is_refused() {
    let f = fixture().await;
    assert!(app(&f.store, f.account, false).await);
    passkey(&f.store, f.account, "kept").await;
    assert_eq!(kept(short_password(&f.store, f.account).await), None);
    for round in 0..20 {
        let both = ["app", "kept"].map(|name| {
            let (store, account) = (f.store.clone(), f.account);
            tokio::spawn(async move { removes(&store, account, name).await })
        });
        let mut refused = 0;
        for done in both {
            refused += usize::from(kept(done.await.unwrap()).is_some());
        }
        assert_eq!(refused, 1, "round {round}");
        // What was removed comes back for the next round.
        let held = f.store.factors(f.account).await.unwrap();
        match (held.app, held.passkeys) {
            (true, 0) => passkey(&f.store, f.account, "kept").await,
            (false, 1) => assert!(app(&f.store, f.account, false).await),
            other => panic!("{other:?} in round {round}"),
        }
    }
}

/// ASVS 5.0: 2.2.3, 6.2.1.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_short_password_and_the_last_factors_removal_at_once_never_both_happen() {
    let f = fixture().await;
    for round in 0..20 {
        let name = format!("round{round}");
        passkey(&f.store, f.account, &name).await;
        let (store, account) = (f.store.clone(), f.account);
        let removing = tokio::spawn(async move { removes(&store, account, &name).await });
        let (store, account) = (f.store.clone(), f.account);
        let shortening = tokio::spawn(async move { short_password(&store, account).await });
        let (removed, shortened) = (kept(removing.await.unwrap()), kept(shortening.await.unwrap()));
        assert!(removed.is_some() != shortened.is_some(), "{removed:?} {shortened:?}");
        if shortened.is_none() {
            // Begun anew with a long one and no factor.
            let owner = Email::parse("a@x.test").unwrap();
            let (change, letter) = (act(Verb::AccountPassword, f.account), letter(&owner, "long"));
            let long = ChosenPassword { hash: "$long", stands_alone: true };
            f.store.change_password(f.account, long, None, &change, None, &letter).await.unwrap();
            removes(&f.store, f.account, &format!("round{round}")).await.unwrap();
        }
    }
    assert_eq!(f.store.factors(f.account).await.unwrap(), Held::default());
}
