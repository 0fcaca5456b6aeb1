//! Any sequence of offers, answers, changes, memberships and time, against an oracle that keeps its own book.
#![expect(clippy::indexing_slicing, reason = "a panic is the report of a test")]

use std::collections::{BTreeMap, HashMap};

use fleet::audit::Verb;
use fleet::{AccountKey, Grant, Holder, InverterKey, MemberRole, Membership, OrganizationKey, Role};
use proptest::prelude::*;
use store::state::{
    Act, By, Email, Inviting, NewAccount, NewInverter, NewInvitation, NewOffer, NewOrganization, Recipient,
    Side, StateError, StateStore,
};
use wire::{Serial, UtcMs};

const BEGIN: UtcMs = UtcMs(1_800_000_000_000);
const DAY: i64 = 86_400_000;
const PEOPLE: usize = 3;
const CLUBS: usize = 2;
const INVERTERS: usize = 2;

/// Who: an account below `PEOPLE`, else a club.
type Who = usize;

#[derive(Clone, Debug)]
enum Step {
    Offer { by: usize, inverter: usize, to: Who, role: Role, days: Option<i64> },
    Answer { offer: usize, accept: bool, acts: usize },
    Withdraw { offer: usize },
    Change { who: Who, inverter: usize, role: Role, days: Option<i64> },
    Remove { who: Who, inverter: usize },
    Member { club: usize, who: usize, role: MemberRole },
    Out { club: usize, who: usize },
    Wait { days: i64 },
}

fn any_step() -> impl Strategy<Value = Step> {
    let role = || prop::sample::select(vec![Role::ReadOnly, Role::ReadWrite]);
    let days = || prop::option::of(1_i64..12);
    let (who, inverter) = (|| 0..PEOPLE + CLUBS, || 0..INVERTERS);
    let member = prop::sample::select(vec![MemberRole::Viewer, MemberRole::Member, MemberRole::Owner]);
    prop_oneof![
        4 => (0..PEOPLE, inverter(), who(), role(), days())
            .prop_map(|(by, inverter, to, role, days)| Step::Offer { by, inverter, to, role, days }),
        5 => (any::<usize>(), prop::bool::weighted(0.8), 0..PEOPLE)
            .prop_map(|(offer, accept, acts)| Step::Answer { offer, accept, acts }),
        1 => any::<usize>().prop_map(|offer| Step::Withdraw { offer }),
        2 => (who(), inverter(), role(), days())
            .prop_map(|(who, inverter, role, days)| Step::Change { who, inverter, role, days }),
        3 => (who(), inverter()).prop_map(|(who, inverter)| Step::Remove { who, inverter }),
        3 => (0..CLUBS, 0..PEOPLE, member).prop_map(|(club, who, role)| Step::Member { club, who, role }),
        2 => (0..CLUBS, 0..PEOPLE).prop_map(|(club, who)| Step::Out { club, who }),
        2 => (1_i64..5).prop_map(|days| Step::Wait { days }),
    ]
}

/// An offer in the oracle's book.
#[derive(Clone, Debug)]
struct Open {
    id: String,
    by: usize,
    inverter: usize,
    to: Who,
    role: Role,
    ends: Option<i64>,
    expires: i64,
}

/// The oracle: plain maps and plain sentences.
#[derive(Clone, Debug, Default)]
struct Book {
    now: i64,
    grants: BTreeMap<(Who, usize), (Role, Option<i64>)>,
    members: BTreeMap<(usize, usize), MemberRole>,
    offers: Vec<Open>,
}

impl Book {
    fn ahead(&self, ends: Option<i64>) -> bool {
        ends.is_none_or(|ends| self.now < ends)
    }

    fn role(&self, person: usize, inverter: usize) -> Option<Role> {
        let mut best = None;
        for ((who, on), (role, ends)) in &self.grants {
            if *on != inverter || !self.ahead(*ends) {
                continue;
            }
            let reaches = if *who < PEOPLE {
                (*who == person).then_some(*role)
            } else {
                match self.members.get(&(*who - PEOPLE, person)) {
                    None => None,
                    Some(MemberRole::Viewer) => Some(Role::ReadOnly),
                    Some(_) => Some(*role),
                }
            };
            best = best.max(reaches);
        }
        best
    }

    /// How many people or working clubs manage it: for good, and now.
    fn managers(&self, inverter: usize) -> (usize, usize) {
        let works = |who: Who| {
            who < PEOPLE
                || self
                    .members
                    .iter()
                    .any(|((club, _), role)| *club + PEOPLE == who && *role != MemberRole::Viewer)
        };
        let managing = self.grants.iter().filter(|((who, on), (role, ends))| {
            *on == inverter && *role == Role::ReadWrite && self.ahead(*ends) && works(*who)
        });
        let managing: Vec<_> = managing.collect();
        (managing.iter().filter(|(_, (_, ends))| ends.is_none()).count(), managing.len())
    }

    fn owners(&self, club: usize) -> usize {
        self.members.iter().filter(|((c, _), role)| *c == club && **role == MemberRole::Owner).count()
    }

    /// Whether going from here to `after` would take the last of something.
    fn takes_the_last(&self, after: &Self) -> bool {
        let managers = (0..INVERTERS).any(|inverter| {
            let (before, then) = (self.managers(inverter), after.managers(inverter));
            (before.0 > 0 && then.0 == 0) || (before.1 > 0 && then.1 == 0)
        });
        managers || (0..CLUBS).any(|club| self.owners(club) > 0 && after.owners(club) == 0)
    }
}

struct World {
    store: StateStore,
    people: Vec<AccountKey>,
    clubs: Vec<OrganizationKey>,
    inverters: Vec<InverterKey>,
    book: Book,
    made: usize,
    _folder: tempfile::TempDir,
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = StateStore::open(&folder.path().join("state.sqlite")).await.unwrap();
        let mut world = Self {
            store,
            people: Vec::new(),
            clubs: Vec::new(),
            inverters: Vec::new(),
            book: Book::default(),
            made: 0,
            _folder: folder,
        };
        for at in 0..PEOPLE {
            let email = &address(at);
            let new = NewAccount { email, name: "", password_hash: "", operator: false, created_at: BEGIN };
            world.people.push(world.store.create_account(new).await.unwrap());
        }
        for at in 0..CLUBS {
            let new = NewOrganization { public_id: &code(at), name: "Club", owner: Some(world.people[at]) };
            let made = world.store.create_organization(new, world.act(Verb::OrganizationAdd)).await.unwrap();
            world.clubs.push(made);
            world.book.members.insert((at, at), MemberRole::Owner);
        }
        for at in 0..INVERTERS {
            let new = NewInverter {
                public_id: &format!("inverter{at}"),
                serial: Serial::parse(&format!("AAAA-{at}")).unwrap(),
                name: "",
                model: "",
                site: None,
                required_minutes: None,
                registered_at: BEGIN,
            };
            let inverter =
                world.store.register_inverter(new, &world.act(Verb::DeviceRegister)).await.unwrap();
            world.inverters.push(inverter);
            let grant =
                Grant { holder: world.people[at].into(), inverter, role: Role::ReadWrite, ends: None };
            world.store.set_grant(grant, &world.act(Verb::ShareGrant)).await.unwrap();
            world.book.grants.insert((at, at), (Role::ReadWrite, None));
        }
        world
    }

    fn at(&self, offset: i64) -> UtcMs {
        BEGIN.plus_ms(offset)
    }

    fn act(&self, verb: Verb) -> Act {
        Act::new(verb, By::Service, self.at(self.book.now), [7; 32])
    }

    fn holder(&self, who: Who) -> Holder {
        if who < PEOPLE { self.people[who].into() } else { self.clubs[who - PEOPLE].into() }
    }

    /// Makes the change in the book if the store may and did; both must agree on that.
    fn agree(&mut self, after: Book, result: Result<(), StateError>, what: &Step) {
        match result {
            Ok(()) => {
                assert!(!self.book.takes_the_last(&after), "{what:?} took the last: {:?}", self.book);
                self.book = after;
            }
            Err(StateError::Refused(_)) => {
                assert!(self.book.takes_the_last(&after), "{what:?} was refused: {:?}", self.book);
            }
            Err(other) => panic!("{what:?}: {other}"),
        }
    }

    async fn step(&mut self, step: &Step) {
        let mut after = self.book.clone();
        let ends = |days: Option<i64>| days.map(|days| self.book.now + days * DAY);
        match step {
            Step::Wait { days } => self.book.now += days * DAY,
            Step::Offer { by, inverter, to, role, days } => {
                let (ends, id) = (ends(*days), format!("offer{}", self.made));
                self.made += 1;
                let recipient = recipient(*to);
                let new = NewOffer {
                    public_id: &id,
                    inverter: self.inverters[*inverter],
                    recipient: &recipient,
                    role: *role,
                    ends: ends.map(|ends| self.at(ends)),
                    made_by: self.people[*by],
                };
                self.store.make_offer(new, &self.act(Verb::ShareOffer)).await.unwrap();
                self.book.offers.retain(|open| (open.inverter, open.to) != (*inverter, *to));
                let expires = self.book.now + 7 * DAY;
                let (by, inverter, to, role) = (*by, *inverter, *to, *role);
                self.book.offers.push(Open { id, by, inverter, to, role, ends, expires });
            }
            Step::Answer { offer, accept, acts } => {
                let Some(open) = pick(&self.book.offers, *offer) else { return };
                self.answer(&open, *accept, *acts).await;
            }
            Step::Withdraw { offer } => {
                let Some(open) = pick(&self.book.offers, *offer) else { return };
                let side = Side::Giving(self.inverters[open.inverter]);
                let closed = self.store.close_offer(&open.id, side, self.act(Verb::ShareWithdraw), &[]).await;
                let waits = self.book.now < open.expires && self.book.ahead(open.ends);
                assert_eq!(closed.unwrap().is_some(), waits, "{open:?}");
                self.book.offers.retain(|other| other.id != open.id);
            }
            Step::Change { who, inverter, role, days } => {
                let ends = ends(*days);
                after.grants.insert((*who, *inverter), (*role, ends));
                let grant = Grant {
                    holder: self.holder(*who),
                    inverter: self.inverters[*inverter],
                    role: *role,
                    ends: ends.map(|ends| self.at(ends)),
                };
                let result = self.store.set_grant(grant, &self.act(Verb::ShareChange)).await;
                self.agree(after, result, step);
            }
            Step::Remove { who, inverter } => {
                let was = after.grants.remove(&(*who, *inverter)).is_some();
                let (holder, on) = (self.holder(*who), self.inverters[*inverter]);
                let result = self.store.remove_grant(holder, on, &self.act(Verb::ShareRevoke)).await;
                if let Ok(removed) = &result {
                    assert_eq!(*removed, was, "{step:?}");
                }
                self.agree(after, result.map(drop), step);
            }
            Step::Member { club, who, role } => {
                after.members.insert((*club, *who), *role);
                let (organization, account) = (self.clubs[*club], self.people[*who]);
                let membership = Membership { organization, account, role: *role };
                let result = self.store.set_member(membership, &self.act(Verb::MemberRole)).await;
                self.agree(after, result, step);
            }
            Step::Out { club, who } => {
                after.members.remove(&(*club, *who));
                let (organization, account) = (self.clubs[*club], self.people[*who]);
                let act = self.act(Verb::MemberRemove);
                let result = self.store.remove_member(organization, account, &act).await;
                self.agree(after, result.map(drop), step);
            }
        }
    }

    async fn answer(&mut self, open: &Open, accept: bool, acts: usize) {
        let recipient = recipient(open.to);
        // Somebody else cannot answer, whatever they know.
        let others = address((open.to + 1) % PEOPLE);
        let wrong = Recipient::Address(others);
        if wrong != recipient {
            let side = Side::Receiving(&wrong);
            let closed = self.store.close_offer(&open.id, side, self.act(Verb::ShareDecline), &[]).await;
            assert_eq!(closed.unwrap(), None);
        }
        let waits = self.book.now < open.expires && self.book.ahead(open.ends);
        if !accept {
            let side = Side::Receiving(&recipient);
            let closed = self.store.close_offer(&open.id, side, self.act(Verb::ShareDecline), &[]).await;
            assert_eq!(closed.unwrap().is_some(), waits);
            self.book.offers.retain(|other| other.id != open.id);
            return;
        }
        let holder = self.holder(open.to);
        let act = self.act(Verb::ShareAccept).of_account(self.people[acts]);
        let accepted = self.store.accept_offer(&open.id, &recipient, holder, act, &[]).await.unwrap();
        let may = waits && self.book.role(open.by, open.inverter) == Some(Role::ReadWrite);
        assert_eq!(accepted.is_some(), may, "{open:?} {:?}", self.book);
        if !may {
            return;
        }
        self.book.offers.retain(|other| other.id != open.id);
        let mut wider = (open.role, open.ends);
        if let Some(has) = self.book.grants.get(&(open.to, open.inverter))
            && self.book.ahead(has.1)
        {
            let lasts_longer = has.1.is_none() || (wider.1.is_some() && has.1 > wider.1);
            if has.0 > wider.0 || (has.0 == wider.0 && lasts_longer) {
                wider = *has;
            }
        }
        self.book.grants.insert((open.to, open.inverter), wider);
    }

    /// What everybody sees is what the book says.
    async fn check(&self) {
        for (at, person) in self.people.iter().enumerate() {
            let seen = self.store.visible_inverters(*person, self.at(self.book.now)).await.unwrap();
            let seen: HashMap<_, _> = seen.into_iter().map(|row| (row.inverter.key, row.role)).collect();
            for (inverter, key) in self.inverters.iter().enumerate() {
                let expect = self.book.role(at, inverter);
                assert_eq!(
                    seen.get(key).copied(),
                    expect,
                    "person {at}, inverter {inverter}: {:?}",
                    self.book
                );
            }
        }
        assert!(self.store.verify_audit().await.unwrap().is_ok());
    }
}

fn pick(offers: &[Open], at: usize) -> Option<Open> {
    offers.get(at.checked_rem(offers.len())?).cloned()
}

fn address(at: usize) -> Email {
    Email::parse(&format!("person{at}@x.test")).unwrap()
}

fn code(at: usize) -> String {
    format!("CLUB22222{at}")
}

fn recipient(who: Who) -> Recipient {
    if who < PEOPLE { Recipient::Address(address(who)) } else { Recipient::Organization(code(who - PEOPLE)) }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// ASVS 5.0: 8.2.2, 8.4.1.
    #[test]
    fn whatever_is_done_everybody_sees_what_the_book_says(
        steps in prop::collection::vec(any_step(), 1..40),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut world = World::new().await;
            for step in &steps {
                world.step(step).await;
                world.check().await;
            }
        });
    }
}

/// ASVS 5.0: 2.3.4.
#[tokio::test]
async fn an_offer_is_answered_once() {
    let world = World::new().await;
    let (inverter, to, now) = (world.inverters[0], recipient(1), world.at(0));
    for (id, yes) in [("yes", true), ("no", false)] {
        let made_by = world.people[0];
        let new =
            NewOffer { public_id: id, inverter, recipient: &to, role: Role::ReadOnly, ends: None, made_by };
        world.store.make_offer(new, &world.act(Verb::ShareOffer)).await.unwrap();
        assert_eq!(world.store.offers_to(std::slice::from_ref(&to), now).await.unwrap().len(), 1);
        for turn in 0..2 {
            let (holder, store) = (world.people[1].into(), &world.store);
            let answered = if yes {
                store.accept_offer(id, &to, holder, world.act(Verb::ShareAccept), &[]).await
            } else {
                store.close_offer(id, Side::Receiving(&to), world.act(Verb::ShareDecline), &[]).await
            };
            assert_eq!(answered.unwrap().is_some(), turn == 0, "{id} {turn}");
            assert!(store.offers_to(std::slice::from_ref(&to), now).await.unwrap().is_empty());
        }
    }
}

#[tokio::test]
async fn an_invitation_is_answered_once_counts_while_its_maker_owns_and_takes_nothing_away() {
    let world = World::new().await;
    let (club, owner, guest, to) = (world.clubs[0], world.people[0], world.people[1], address(1));
    let invite = async |id: &str, role| {
        let new = NewInvitation { public_id: id, organization: club, email: &to, role, made_by: owner };
        world.store.invite(new, &world.act(Verb::MemberInvite)).await.unwrap();
    };
    let accepts = async |id: &str| {
        let act = world.act(Verb::MemberJoin);
        world.store.accept_invitation(id, &to, guest, act).await.unwrap().is_some()
    };
    let role = async || {
        let members = world.store.members(club).await.unwrap();
        members.into_iter().find(|member| member.account.key == guest).map(|member| member.role)
    };
    invite("first", MemberRole::Member).await;
    assert!(accepts("first").await && !accepts("first").await, "once");
    assert_eq!(role().await, Some(MemberRole::Member));
    invite("less", MemberRole::Viewer).await;
    assert!(accepts("less").await);
    assert_eq!(role().await, Some(MemberRole::Member), "no less than before");
    invite("declined", MemberRole::Owner).await;
    let declined =
        world.store.close_invitation("declined", Inviting::Invited(&to), world.act(Verb::MemberDecline));
    assert!(declined.await.unwrap().is_some() && !accepts("declined").await);
    invite("late", MemberRole::Owner).await;
    for (account, role) in [(world.people[2], MemberRole::Owner), (owner, MemberRole::Member)] {
        let membership = Membership { organization: club, account, role };
        world.store.set_member(membership, &world.act(Verb::MemberRole)).await.unwrap();
    }
    assert!(!accepts("late").await, "who made it owns the organization no more");
    assert_eq!(role().await, Some(MemberRole::Member));
}
