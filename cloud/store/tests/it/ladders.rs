//! Ladders as rows: in order, one of a kind, without whoever has gone, and with what is open looked at when they change.

use fleet::alarm::{AlarmName, Key};
use fleet::audit::Verb;
use fleet::event::Cause;
use fleet::notice::{Incident, Ladder, Step};
use fleet::{AccountKey, Condition, Grant, InverterKey, MemberRole, Membership, OrganizationKey, Role};
use store::state::{
    Act, By, Email, IncidentKey, IncidentRow, LadderOf, Made, NewAccount, NewInverter, NewMail,
    NewOrganization, NewSite, Place, SiteKey, StateStore,
};
use wire::{Serial, UtcMs};

const NOW: UtcMs = UtcMs(1_800_000_000_000);

struct World {
    _folder: tempfile::TempDir,
    store: StateStore,
    ann: AccountKey,
    bob: AccountKey,
    club: OrganizationKey,
    other: OrganizationKey,
    pier: SiteKey,
}

fn act(verb: Verb) -> Act {
    Act::new(verb, By::CommandLine, NOW, [7; 32])
}

fn email(name: &str) -> Email {
    Email::parse(&format!("{name}@x.test")).unwrap()
}

async fn world() -> World {
    let folder = tempfile::tempdir().unwrap();
    let store = StateStore::open(&folder.path().join("state.sqlite")).await.unwrap();
    let account = async |name: &str| {
        let email = email(name);
        let new = NewAccount { email: &email, name, password_hash: "$x", operator: false, created_at: NOW };
        store.create_account(new).await.unwrap()
    };
    let (ann, bob) = (account("ann").await, account("bob").await);
    let organization = async |id: &str| {
        let new = NewOrganization { public_id: id, name: id, owner: Some(ann) };
        let key = store.create_organization(new, act(Verb::OrganizationAdd)).await.unwrap();
        let member = Membership { organization: key, account: bob, role: MemberRole::Owner };
        store.set_member(member, &act(Verb::MemberRole)).await.unwrap();
        key
    };
    let (club, other) = (organization("CLUB").await, organization("OTHER").await);
    let new =
        NewSite { public_id: "pier", owner: Some(club.into()), name: "Pier", address: "", time_zone: "UTC" };
    let pier = store.add_site(new, &act(Verb::SiteAdd)).await.unwrap();
    World { _folder: folder, store, ann, bob, club, other, pier }
}

fn ladder(steps: &[(i64, &[AccountKey])]) -> Ladder {
    let step = |(wait_ms, people): &(i64, &[AccountKey])| Step { wait_ms: *wait_ms, people: people.to_vec() };
    Ladder::new(steps.iter().map(step).collect()).unwrap()
}

impl World {
    async fn set(&self, of: LadderOf, ladder: &Ladder) {
        self.store.set_ladder(of, ladder, &act(Verb::LadderEdit)).await.unwrap();
    }

    async fn people(&self, of: LadderOf) -> Vec<Vec<AccountKey>> {
        let ladder = self.store.ladder(of).await.unwrap().unwrap();
        ladder.steps().iter().map(|step| step.people.clone()).collect()
    }

    /// Something that fails at `place`, and is not due.
    async fn incident(&self, key: IncidentKey, place: Place) {
        let alarm = AlarmName { key: Key::of(Condition::CHARGER_FAULT), cause: Cause::default(), since: NOW };
        let severity = Condition::CHARGER_FAULT.definition().severity;
        let mut incident = Incident::new(Incident::member(InverterKey(1), alarm, severity, NOW), true, NOW);
        incident.pass(NOW);
        let made = Made { incidents: vec![IncidentRow::new(key, place, incident)], ..Made::default() };
        assert!(self.store.announcing().await.unwrap().commit(&made).await.unwrap());
    }

    /// How many are due, which are looked at then and not due any more.
    async fn due(&self) -> usize {
        let change = self.store.announcing().await.unwrap();
        let due = change.due_incidents(NOW, 9).await.unwrap();
        let count = due.len();
        assert!(change.commit(&Made { incidents: due, ..Made::default() }).await.unwrap());
        count
    }
}

#[tokio::test]
async fn a_ladder_is_kept_in_order_and_a_sites_own_stands_for_the_organizations() {
    let w = world().await;
    let (club, pier) = (LadderOf::Organization(w.club), LadderOf::Site(w.pier));
    let whole = ladder(&[(0, &[w.bob, w.ann]), (900_000, &[w.ann]), (0, &[w.bob])]);
    w.set(club, &whole).await;
    assert_eq!(w.store.ladder(club).await.unwrap(), Some(whole.clone()));
    assert_eq!(w.store.ladder_of_place(Place::Site(w.pier), NOW).await.unwrap(), whole);
    let own = ladder(&[(5, &[w.bob])]);
    w.set(pier, &own).await;
    assert_eq!(w.store.ladder_of_place(Place::Site(w.pier), NOW).await.unwrap(), own);
    w.set(club, &own).await;
    assert_eq!(w.store.ladder(club).await.unwrap(), Some(own), "in place of the one there was");
    assert!(w.store.remove_ladder(pier, &act(Verb::LadderRemove)).await.unwrap());
    assert!(!w.store.remove_ladder(pier, &act(Verb::LadderRemove)).await.unwrap());
    assert_eq!(w.store.ladder(pier).await.unwrap(), None);
    // The inverter of nobody has none; at no site it is that of the first organization that manages it.
    let new = NewInverter {
        public_id: "hall",
        serial: Serial::parse("S-HALL").unwrap(),
        name: "hall",
        model: "",
        site: None,
        required_minutes: None,
        registered_at: NOW,
    };
    let hall = w.store.register_inverter(new, &act(Verb::DeviceRegister)).await.unwrap();
    let of_hall = async || w.store.ladder_of_place(Place::Inverter(hall), NOW).await.unwrap().steps().len();
    assert_eq!(of_hall().await, 0);
    w.set(LadderOf::Organization(w.other), &whole).await;
    for (organization, role, expect) in [(w.other, Role::ReadOnly, 0), (w.club, Role::ReadWrite, 1)] {
        let grant = Grant { holder: organization.into(), inverter: hall, role, ends: None };
        w.store.set_grant(grant, &act(Verb::ShareGrant)).await.unwrap();
        assert_eq!(of_hall().await, expect, "{role:?}");
    }
    assert!(w.store.verify_audit().await.unwrap().is_ok());
}

#[tokio::test]
async fn whoever_leaves_is_off_the_ladders_of_what_they_left_and_steps_keep_their_places() {
    let w = world().await;
    let all = [LadderOf::Organization(w.club), LadderOf::Site(w.pier), LadderOf::Organization(w.other)];
    for of in all {
        w.set(of, &ladder(&[(0, &[w.bob]), (1, &[w.ann, w.bob])])).await;
    }
    assert!(w.store.remove_member(w.club, w.bob, &act(Verb::MemberRemove)).await.unwrap());
    for of in &all[..2] {
        assert_eq!(w.people(*of).await, [vec![], vec![w.ann]]);
    }
    assert_eq!(w.people(all[2]).await, [vec![w.bob], vec![w.ann, w.bob]], "another's");
    let bob = w.store.account(w.bob).await.unwrap().unwrap();
    let to = email("bob");
    let (kind, subject, text, html) = ("bye", "s", "t", "h");
    let farewell = NewMail {
        key: "bye",
        to: &to,
        kind,
        subject,
        text,
        html,
        queued_at: NOW,
        expires_at: NOW.plus_ms(9),
    };
    w.store.delete_account(&bob, &act(Verb::AccountDelete).of_account(w.bob), &farewell).await.unwrap();
    assert_eq!(w.people(all[2]).await, [vec![], vec![w.ann]]);
    w.store.delete_site(w.pier, &act(Verb::SiteDelete)).await.unwrap();
    assert_eq!(w.store.ladder(all[1]).await.unwrap(), None);
    w.store.delete_organization(w.club, &act(Verb::OrganizationDelete)).await.unwrap();
    assert_eq!(w.store.ladder(all[0]).await.unwrap(), None);
}

#[tokio::test]
async fn what_is_open_where_a_ladder_counts_is_looked_at_when_it_changes() {
    let w = world().await;
    w.incident(IncidentKey(1), Place::Site(w.pier)).await;
    w.incident(IncidentKey(2), Place::Site(SiteKey(99))).await;
    assert_eq!(w.due().await, 0);
    let one = ladder(&[(0, &[w.ann])]);
    w.set(LadderOf::Organization(w.other), &one).await;
    assert_eq!(w.due().await, 0);
    for of in [LadderOf::Organization(w.club), LadderOf::Site(w.pier)] {
        w.set(of, &one).await;
        assert_eq!(w.due().await, 1);
        assert!(w.store.remove_ladder(of, &act(Verb::LadderRemove)).await.unwrap());
        assert_eq!(w.due().await, 1);
    }
    // Whoever had it in hand when that happened finds it changed.
    let change = w.store.announcing().await.unwrap();
    let old = change.incidents(&[IncidentKey(1)], &[]).await.unwrap();
    drop(change);
    w.set(LadderOf::Site(w.pier), &one).await;
    let change = w.store.announcing().await.unwrap();
    assert!(!change.commit(&Made { incidents: old, ..Made::default() }).await.unwrap());
}
