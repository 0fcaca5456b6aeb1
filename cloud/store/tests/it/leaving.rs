//! Deleting an account beside everything that can belong to one: what names it goes, what is others' stays, and what would
//! lose its last manager or owner holds it back by name.
#![expect(clippy::indexing_slicing, reason = "a panic in a test is its report")]

use fleet::audit::Verb;
use fleet::pairing::{AttemptKey, End, Outcome};
use fleet::session::Life;
use fleet::sharing::Refusal;
use fleet::{
    AccountKey, Grant, Holder, InverterKey, MemberRole, Membership, OrganizationKey, Role, TokenReach,
    TokenScope,
};
use store::state::{
    Account, Act, Begun, By, Codes, Email, FactorChange, HeldBack, NewAccount, NewInverter, NewInvitation,
    NewMail, NewOffer, NewOrganization, NewPairing, NewPasskey, NewSession, NewSite, NewToken, PendingSignIn,
    Recipient, StateError, StateStore,
};
use wire::{Serial, UtcMs};

const NOW: UtcMs = UtcMs(1_800_000_000_000);

struct World {
    _folder: tempfile::TempDir,
    store: StateStore,
    ann: AccountKey,
    bob: AccountKey,
    inverter: InverterKey,
}

fn email(name: &str) -> Email {
    Email::parse(&format!("{name}@x.test")).unwrap()
}

fn act(verb: Verb) -> Act {
    Act::new(verb, By::CommandLine, NOW, [7; 32]).with_detail("a detail")
}

fn mail<'a>(key: &'a str, to: &'a Email) -> NewMail<'a> {
    let (subject, text, html) = ("s", "t", "h");
    NewMail { key, to, kind: "k", subject, text, html, queued_at: NOW, expires_at: NOW.plus_ms(1 << 40) }
}

async fn world() -> World {
    let folder = tempfile::tempdir().unwrap();
    let store = StateStore::open(&folder.path().join("state.sqlite")).await.unwrap();
    let mut people = Vec::new();
    for name in ["ann", "bob"] {
        let new =
            NewAccount { email: &email(name), name, password_hash: "$x", operator: false, created_at: NOW };
        people.push(store.create_account(new).await.unwrap());
    }
    let new = NewInverter {
        public_id: "dock",
        serial: Serial::parse("2408-01873").unwrap(),
        name: "Dock",
        model: "",
        site: None,
        required_minutes: None,
        registered_at: NOW,
    };
    let inverter = store.register_inverter(new, &act(Verb::DeviceRegister)).await.unwrap();
    World { _folder: folder, store, ann: people[0], bob: people[1], inverter }
}

impl World {
    async fn grant(&self, holder: impl Into<Holder>, role: Role) {
        let grant = Grant { holder: holder.into(), inverter: self.inverter, role, ends: None };
        self.store.set_grant(grant, &act(Verb::ShareGrant)).await.unwrap();
    }

    async fn organization(&self, code: &str, owner: AccountKey) -> OrganizationKey {
        let new = NewOrganization { public_id: code, name: code, owner: Some(owner) };
        self.store.create_organization(new, act(Verb::OrganizationAdd)).await.unwrap()
    }

    async fn member(&self, organization: OrganizationKey, account: AccountKey, role: MemberRole) {
        let membership = Membership { organization, account, role };
        self.store.set_member(membership, &act(Verb::MemberRole)).await.unwrap();
    }

    async fn offer(&self, id: &str, by: AccountKey, to: &str) {
        let new = NewOffer {
            public_id: id,
            inverter: self.inverter,
            recipient: &Recipient::Address(email(to)),
            role: Role::ReadOnly,
            ends: None,
            made_by: by,
        };
        self.store.make_offer(new, &act(Verb::ShareOffer)).await.unwrap();
    }

    async fn claim(&self, id: &str, account: AccountKey) -> AttemptKey {
        let new = NewPairing {
            public_id: id,
            account,
            serial: Serial::parse("2408-01873").unwrap(),
            source: Some("192.0.2.1"),
            salt: [7; 32],
            started_at: NOW,
            ends_at: NOW.plus_ms(600_000),
        };
        match self.store.begin_pairing(new, &act(Verb::PairStart), |_| None).await.unwrap() {
            Begun::Attempt(attempt, _) => attempt,
            Begun::Wait(_) => panic!("nothing waits here"),
        }
    }

    async fn account(&self, key: AccountKey) -> Account {
        self.store.account(key).await.unwrap().unwrap()
    }

    async fn leaves(&self, key: AccountKey) -> Result<usize, StateError> {
        let account = self.account(key).await;
        let farewell = format!("farewell-{}", key.0);
        let (act, farewell) = (act(Verb::AccountDelete).of_account(key), mail(&farewell, &account.email));
        self.store.delete_account(&account, &act, &farewell).await.map(|ended| ended.len())
    }

    async fn held_back(&self, key: AccountKey) -> Vec<HeldBack> {
        self.store.held_back(key, NOW).await.unwrap()
    }
}

/// ASVS 5.0: 7.4.2.
#[tokio::test]
async fn everything_of_an_account_goes_with_it_and_what_is_others_stays() {
    let w = world().await;
    let (ann, bob) = (w.ann, w.bob);
    w.grant(ann, Role::ReadWrite).await;
    w.grant(bob, Role::ReadWrite).await;
    let club = w.organization("CLUB", bob).await;
    w.member(club, ann, MemberRole::Owner).await;
    let site = |id, owner: AccountKey| NewSite {
        public_id: id,
        owner: Some(owner.into()),
        name: "Home",
        address: "",
        time_zone: "UTC",
    };
    for (id, owner) in [("sa", ann), ("sb", bob)] {
        w.store.add_site(site(id, owner), &act(Verb::SiteAdd)).await.unwrap();
    }
    for (byte, account) in [(1, ann), (2, ann), (3, bob)] {
        let life = Life::begin(NOW, false);
        let new = NewSession { token_hash: [byte; 32], account, life, user_agent: "", address: None };
        w.store.create_session(new, &act(Verb::SignIn)).await.unwrap();
        let reach = &TokenReach { scope: TokenScope::Read, inverters: Some(vec![w.inverter]) };
        let (created_at, name) = (NOW, "t");
        let new = NewToken { token_hash: [byte; 32], account, name, reach, created_at, expires_at: None };
        w.store.create_token(new, &act(Verb::TokenAdd)).await.unwrap();
        let (expires_at, remember) = (NOW.plus_ms(9), false);
        let half = PendingSignIn { token_hash: [byte; 32], account, expires_at, remember };
        w.store.begin_sign_in(&half).await.unwrap();
    }
    for (id, account) in [("pa", ann), ("pb", bob)] {
        let (add, made) = (act(Verb::FactorAdd), act(Verb::FactorRecoveryMake));
        let with = |act, codes| FactorChange { account, act, keep: Some(&[1; 32]), letters: &[], codes };
        let new = NewPasskey {
            public_id: id,
            credential_id: id.as_bytes(),
            name: id,
            public_key: b"k",
            counter: 0,
            backed_up: false,
            created_at: NOW,
        };
        w.store.add_passkey(new, &with(&add, Codes::Keep)).await.unwrap();
        w.store.enroll_totp(vec![1], 1, NOW, None, &with(&add, Codes::Keep)).await.unwrap();
        w.store.change_recovery_codes(&with(&made, Codes::Replace(&[[9; 32]]))).await.unwrap();
    }
    w.offer("by-ann", ann, "carl").await;
    w.offer("to-ann", bob, "ann").await;
    w.offer("by-bob", bob, "dora").await;
    let invited = email("carl");
    let new = |id, by| NewInvitation {
        public_id: id,
        organization: club,
        email: &invited,
        role: MemberRole::Member,
        made_by: by,
    };
    w.store.invite(new("inv", ann), &act(Verb::MemberInvite)).await.unwrap();
    let (waiting, others) = (w.claim("a1", ann).await, w.claim("b1", bob).await);
    assert!(w.held_back(ann).await.is_empty());

    assert_eq!(w.leaves(ann).await.unwrap(), 1, "the session that the factors left");

    assert_eq!(w.store.account(ann).await.unwrap(), None);
    assert!(w.store.sessions(ann, NOW).await.unwrap().is_empty());
    assert!(w.store.tokens(ann).await.unwrap().is_empty());
    assert!(w.store.token_by_hash(&[1; 32], NOW).await.unwrap().is_none());
    assert!(w.store.pending_sign_in(&[1; 32], NOW).await.unwrap().is_none());
    assert!(w.store.passkeys(ann).await.unwrap().is_empty() && w.store.totp(ann).await.unwrap().is_none());
    assert_eq!(w.store.recovery_codes_left(ann).await.unwrap(), 0);
    assert!(w.store.grants_of(ann).await.unwrap().is_empty());
    assert!(w.store.organizations_of(ann).await.unwrap().is_empty());
    assert!(w.store.sites_of(ann.into()).await.unwrap().is_empty());
    assert!(w.store.offers_by(ann, NOW).await.unwrap().is_empty());
    assert!(w.store.offers_to(&[Recipient::Address(email("ann"))], NOW).await.unwrap().is_empty());
    assert!(w.store.invitations_to(&invited, NOW).await.unwrap().is_empty(), "made by who is gone");
    assert!(w.store.pairings_of(ann).await.unwrap().is_empty());
    // The button is pressed all the same: whoever is gone is given nothing.
    let paired = |attempt| Outcome { attempt, end: End::Paired, at: NOW.plus_ms(5) };
    assert!(!w.store.end_pairing(&paired(waiting), &[]).await.unwrap());

    assert_eq!(w.store.sessions(bob, NOW).await.unwrap().len(), 0, "ended by his own change of factors");
    assert_eq!(w.store.tokens(bob).await.unwrap().len(), 1);
    assert!(w.store.pending_sign_in(&[3; 32], NOW).await.unwrap().is_some());
    assert_eq!(w.store.passkeys(bob).await.unwrap().len(), 1);
    assert_eq!(w.store.recovery_codes_left(bob).await.unwrap(), 1);
    assert_eq!(w.store.members(club).await.unwrap().len(), 1);
    assert_eq!(w.store.sites_of(bob.into()).await.unwrap().len(), 1);
    assert_eq!(w.store.offers_by(bob, NOW).await.unwrap().len(), 1);
    assert!(w.store.end_pairing(&paired(others), &[]).await.unwrap());
    assert_eq!(w.store.grants_on_inverter(w.inverter).await.unwrap().len(), 1);
    assert!(w.store.verify_audit().await.unwrap().is_ok(), "the chain holds");
}

#[tokio::test]
async fn what_nobody_else_manages_or_owns_holds_the_account_back_each_by_name() {
    let w = world().await;
    let (ann, bob) = (w.ann, w.bob);
    let club = w.organization("CLUB", ann).await;
    w.grant(ann, Role::ReadWrite).await;
    w.grant(bob, Role::ReadOnly).await;
    let both = [HeldBack::Organization(club), HeldBack::Inverter(w.inverter)];
    assert_eq!(w.held_back(ann).await, both);
    let before = w.store.verify_audit().await.unwrap().unwrap().length;
    let refused = w.leaves(ann).await.unwrap_err();
    assert!(matches!(refused, StateError::Refused(Refusal::LastOwner)), "{refused}");
    assert_eq!(w.store.verify_audit().await.unwrap().unwrap().length, before, "nothing was written");
    // A viewer owns nothing, a member neither.
    w.member(club, bob, MemberRole::Member).await;
    assert_eq!(w.held_back(ann).await, both);
    w.member(club, bob, MemberRole::Owner).await;
    assert_eq!(w.held_back(ann).await, [HeldBack::Inverter(w.inverter)]);
    // Held by the organization too, it has somebody who manages it.
    w.grant(club, Role::ReadWrite).await;
    assert!(w.held_back(ann).await.is_empty());
    // Nobody is there for the organization any more once the other is shut out.
    w.store.set_account_disabled(bob, true, &act(Verb::AccountDisable)).await.unwrap();
    assert_eq!(w.held_back(ann).await, both);
    w.store.set_account_disabled(bob, false, &act(Verb::AccountEnable)).await.unwrap();
    w.leaves(ann).await.unwrap();
    assert_eq!(w.held_back(bob).await, both, "and now he is the last");
}

#[tokio::test]
async fn a_press_gives_nothing_to_who_was_shut_out_while_waiting_for_it() {
    let w = world().await;
    let attempt = w.claim("a1", w.ann).await;
    w.store.set_account_disabled(w.ann, true, &act(Verb::AccountDisable)).await.unwrap();
    let paired = Outcome { attempt, end: End::Paired, at: NOW.plus_ms(5) };
    assert!(w.store.end_pairing(&paired, &[]).await.unwrap());
    let ended = w.store.pairing(w.ann, "a1").await.unwrap().unwrap().ended;
    assert_eq!(ended, Some((End::Expired, NOW.plus_ms(5))));
    assert!(w.store.grants_of(w.ann).await.unwrap().is_empty());
}
