//! Registration over the real store: whatever operators, owners and strangers do in whatever order, an account is made
//! only for an approved address by whoever reads its mail, and a link opens once, in time, and only the newest.
#![expect(clippy::indexing_slicing, reason = "a panic in a test is its report")]

use fleet::AccountKey;
use fleet::audit::Verb;
use fleet::registration::{LINK_MS, Purpose};
use fleet::session::Life;
use proptest::prelude::*;
use store::state::{
    Account, Act, AllowedFilter, AllowedStanding, By, ChosenPassword, Email, MailAsked, NewAllowed, NewMail,
    NewSession, Sha256, StateStore,
};
use wire::UtcMs;

const START: UtcMs = UtcMs(1_800_000_000_000);

/// An address of the small world.
type Address = u8;

#[derive(Clone, Copy, Debug)]
enum Step {
    Allow(Address),
    Remove(Address),
    Ask(Purpose, Address),
    /// The n-th account asks for another address.
    AskAddress(usize, Address),
    /// Looks at the n-th link ever made, from the newest, and does not use it.
    Look(usize),
    /// Uses it.
    Use(usize),
    /// Uses it for what it is not.
    Misuse(usize),
    Disable(usize, bool),
    Wait(i64),
}

fn any_step() -> impl Strategy<Value = Step> {
    let address = || 0_u8..3;
    let asked = prop::sample::select(vec![Purpose::Register, Purpose::Reset]);
    prop_oneof![
        3 => address().prop_map(Step::Allow),
        1 => address().prop_map(Step::Remove),
        4 => (asked, address()).prop_map(|(purpose, address)| Step::Ask(purpose, address)),
        2 => (0_usize..2, address()).prop_map(|(who, address)| Step::AskAddress(who, address)),
        1 => (0_usize..4).prop_map(Step::Look),
        6 => (0_usize..4).prop_map(Step::Use),
        1 => (0_usize..4).prop_map(Step::Misuse),
        1 => (0_usize..2, any::<bool>()).prop_map(|(who, disabled)| Step::Disable(who, disabled)),
        2 => prop::sample::select(vec![1, LINK_MS / 2, LINK_MS - 1, LINK_MS]).prop_map(Step::Wait),
    ]
}

/// A link that somebody asked for; `mailed` says whether anybody ever saw it.
#[derive(Clone, Copy, Debug)]
struct Link {
    purpose: Purpose,
    address: Address,
    account: Option<usize>,
    at: UtcMs,
    mailed: bool,
    used: bool,
}

/// What is true, kept without asking any rule of the product.
#[derive(Default)]
struct Truth {
    listed: [bool; 3],
    /// Address and whether disabled, in the order of registration.
    accounts: Vec<(Address, bool)>,
    links: Vec<Link>,
    /// Letters in the order of sending: to whom, which.
    letters: Vec<(Address, &'static str)>,
}

impl Truth {
    fn account_of(&self, address: Address) -> Option<usize> {
        self.accounts.iter().position(|(held, _)| *held == address)
    }

    fn opens(&self, at: usize, now: UtcMs) -> bool {
        let link = self.links[at];
        let same = |other: &Link| {
            other.mailed
                && other.purpose == link.purpose
                && match link.account {
                    Some(account) => other.account == Some(account),
                    None => other.address == link.address,
                }
        };
        let newest = self.links.iter().rposition(same) == Some(at);
        let in_time = now.since(link.at) < LINK_MS;
        let holder = self.account_of(link.address);
        let fits = match (link.purpose, link.account) {
            (Purpose::Register, _) => holder.is_none(),
            (Purpose::Reset, _) => holder.is_some_and(|at| !self.accounts[at].1),
            (Purpose::Address, Some(account)) => holder.is_none() && !self.accounts[account].1,
            (Purpose::Address, None) => false,
        };
        link.mailed && !link.used && newest && in_time && fits && self.listed[usize::from(link.address)]
    }

    fn ask(&mut self, purpose: Purpose, address: Address, account: Option<usize>, at: UtcMs) {
        let holder = self.account_of(address);
        let listed = self.listed[usize::from(address)];
        let open = holder.is_some_and(|at| !self.accounts[at].1);
        let (mailed, letter) = match purpose {
            Purpose::Register if holder.is_none() => (listed, "link"),
            Purpose::Register => (false, if open { "has_account" } else { "" }),
            Purpose::Reset => (listed && open, "link"),
            Purpose::Address => (listed && holder.is_none(), "link"),
        };
        self.links.push(Link { purpose, address, account, at, mailed, used: false });
        if mailed || letter == "has_account" {
            self.letters.push((address, letter));
        }
        if let Some(account) = account {
            self.letters.push((self.accounts[account].0, "notice"));
        }
    }
}

struct World {
    store: StateStore,
    now: UtcMs,
    truth: Truth,
    keys: Vec<AccountKey>,
    _folder: tempfile::TempDir,
}

fn email(address: Address) -> Email {
    Email::parse(&format!("person{address}@example.org")).unwrap()
}

fn hash(link: usize) -> Sha256 {
    let mut hash = [7; 32];
    hash[..8].copy_from_slice(&link.to_be_bytes());
    hash
}

fn act(verb: Verb, now: UtcMs) -> Act {
    Act::new(verb, By::CommandLine, now, [1; 32]).with_detail("a detail")
}

fn long(hash: &str) -> ChosenPassword<'_> {
    ChosenPassword { hash, stands_alone: true }
}

fn mail<'a>(key: &'a str, to: &'a Email, kind: &'a str, now: UtcMs) -> NewMail<'a> {
    NewMail { key, to, kind, subject: "s", text: "t", html: "h", queued_at: now, expires_at: now.plus_ms(1) }
}

async fn world() -> World {
    let folder = tempfile::tempdir().unwrap();
    let store = StateStore::open(&folder.path().join("state.sqlite")).await.unwrap();
    World { store, now: START, truth: Truth::default(), keys: Vec::new(), _folder: folder }
}

impl World {
    async fn allow(&mut self, address: Address) {
        let new = NewAllowed {
            email: &email(address),
            company: "Harborview",
            verified_by: "R. Valdez",
            verified_at: self.now,
            note: "called back",
            added_at: self.now,
        };
        self.store.allow(new, &act(Verb::AllowAdd, self.now)).await.unwrap();
        self.truth.listed[usize::from(address)] = true;
    }

    async fn ask(&mut self, purpose: Purpose, address: Address, account: Option<usize>) {
        let number = self.truth.links.len();
        let key = |kind: &str| format!("{number}-{kind}");
        let (to, keys) = (email(address), [key("link"), key("has"), key("notice")]);
        let old = account.map(|account| email(self.truth.accounts[account].0));
        let asked = MailAsked {
            purpose,
            email: &to,
            account: account.map(|account| self.keys[account]),
            link_hash: hash(number),
            link: mail(&keys[0], &to, "link", self.now),
            has_account: (purpose == Purpose::Register).then(|| mail(&keys[1], &to, "has_account", self.now)),
            notice: old.as_ref().map(|old| mail(&keys[2], old, "notice", self.now)),
            at: self.now,
        };
        self.store.answer_asked(&[asked]).await.unwrap();
        self.truth.ask(purpose, address, account, self.now);
    }

    async fn seen(&self, purpose: Purpose, link: usize) -> bool {
        self.store.mailed_link(purpose, &hash(link), self.now).await.unwrap().is_some()
    }

    /// Does what a link is for. Whether it was done.
    async fn act_on(&mut self, purpose: Purpose, link: usize) -> bool {
        let (hash, now, to) = (hash(link), self.now, email(self.truth.links[link].address));
        match purpose {
            Purpose::Register => {
                let made =
                    self.store.register(&hash, "Ann", "$phc", now, act(Verb::AccountRegister, now)).await;
                let made = made.unwrap();
                self.keys.extend(made.as_ref().map(|account| account.key));
                made.is_some()
            }
            Purpose::Reset => {
                let key = format!("{link}-changed");
                let letter = mail(&key, &to, "changed", now);
                let act = act(Verb::AccountReset, now);
                self.reset(&hash, "$new", act, &letter).await.is_some()
            }
            Purpose::Address => {
                let account = self.truth.links[link].account.unwrap_or(0);
                let Some(key) = self.keys.get(account) else { return false };
                let act = act(Verb::AccountAddress, now);
                self.store.change_address(*key, &hash, now, &act, &[]).await.unwrap()
            }
        }
    }

    async fn reset(&self, link: &Sha256, hash: &str, act: Act, letter: &NewMail<'_>) -> Option<Vec<Sha256>> {
        let revoking = self::act(Verb::TokenRevoke, self.now);
        self.store.reset_password(link, long(hash), self.now, act, revoking, letter).await.unwrap()
    }

    async fn step(&mut self, step: Step) -> Result<(), TestCaseError> {
        match step {
            Step::Allow(address) => self.allow(address).await,
            Step::Remove(address) => {
                let act = act(Verb::AllowRemove, self.now);
                let removed = self.store.disallow(&email(address), self.now, &act).await.unwrap();
                prop_assert_eq!(removed, std::mem::take(&mut self.truth.listed[usize::from(address)]));
            }
            Step::Ask(purpose, address) => self.ask(purpose, address, None).await,
            Step::AskAddress(who, address) if who < self.keys.len() => {
                self.ask(Purpose::Address, address, Some(who)).await;
            }
            Step::Disable(who, disabled) if who < self.keys.len() => {
                let act = act(Verb::AccountDisable, self.now);
                self.store.set_account_disabled(self.keys[who], disabled, &act).await.unwrap();
                self.truth.accounts[who].1 = disabled;
            }
            Step::Look(back) | Step::Use(back) | Step::Misuse(back) => {
                let Some(link) = self.truth.links.len().checked_sub(back + 1) else { return Ok(()) };
                self.open(step, link).await?;
            }
            Step::Wait(ms) => self.now = self.now.plus_ms(ms),
            Step::AskAddress(..) | Step::Disable(..) => {}
        }
        Ok(())
    }

    async fn open(&mut self, step: Step, link: usize) -> Result<(), TestCaseError> {
        let Link { purpose, address, account, .. } = self.truth.links[link];
        let expected = self.truth.opens(link, self.now);
        prop_assert_eq!(self.seen(purpose, link).await, expected, "link {}", link);
        if matches!(step, Step::Misuse(_)) {
            for other in Purpose::TABLE.map(|(other, _)| other).into_iter().filter(|other| *other != purpose)
            {
                prop_assert!(!self.seen(other, link).await && !self.act_on(other, link).await);
            }
        }
        if !matches!(step, Step::Use(_)) {
            return Ok(());
        }
        let done = self.act_on(purpose, link).await;
        prop_assert_eq!(done, expected, "link {} of {:?}", link, purpose);
        if done {
            self.truth.links[link].used = true;
            match (purpose, account) {
                (Purpose::Register, _) => self.truth.accounts.push((address, false)),
                (Purpose::Address, Some(account)) => self.truth.accounts[account].0 = address,
                _ => self.truth.letters.push((address, "changed")),
            }
        }
        prop_assert!(!self.act_on(purpose, link).await, "used twice");
        Ok(())
    }

    /// The store holds exactly the accounts, and has queued exactly the letters, that it should.
    async fn check(&self) -> Result<(), TestCaseError> {
        let mut found: Vec<_> =
            self.store.accounts().await.unwrap().into_iter().map(|a| (a.key, a.email, a.disabled)).collect();
        found.sort();
        let expected = self.keys.iter().zip(&self.truth.accounts);
        let expected: Vec<_> =
            expected.map(|(key, (address, disabled))| (*key, email(*address), *disabled)).collect();
        prop_assert_eq!(found, expected);
        let receipts = self.store.receipts(None, 10_000).await.unwrap();
        let sent: Vec<_> = receipts.into_iter().rev().map(|mail| (mail.to, mail.kind)).collect();
        let expected: Vec<_> = self
            .truth
            .letters
            .iter()
            .map(|(to, kind)| (email(*to).as_str().to_owned(), (*kind).to_owned()))
            .collect();
        prop_assert_eq!(sent, expected);
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn only_who_reads_the_mail_of_an_approved_address_gets_in(steps in prop::collection::vec(any_step(), 0..50)) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.block_on(async {
            let mut world = world().await;
            for step in steps {
                world.step(step).await?;
            }
            world.check().await
        })?;
    }
}

async fn registered(world: &mut World, address: Address) -> Account {
    world.allow(address).await;
    world.ask(Purpose::Register, address, None).await;
    let link = world.truth.links.len() - 1;
    assert!(world.act_on(Purpose::Register, link).await);
    world.truth.accounts.push((address, false));
    world.store.account_by_email(&email(address)).await.unwrap().unwrap()
}

#[tokio::test]
async fn a_link_opens_until_thirty_minutes_less_a_millisecond() {
    let mut world = world().await;
    world.allow(0).await;
    world.ask(Purpose::Register, 0, None).await;
    world.now = START.plus_ms(30 * 60_000 - 1);
    assert!(world.seen(Purpose::Register, 0).await);
    world.now = START.plus_ms(30 * 60_000);
    assert!(!world.seen(Purpose::Register, 0).await);
    assert!(!world.act_on(Purpose::Register, 0).await);
}

/// ASVS 5.0: 2.3.4, 6.4.1.
#[tokio::test]
async fn of_two_who_use_a_link_at_once_one_gets_the_account() {
    let mut world = world().await;
    world.allow(0).await;
    world.ask(Purpose::Register, 0, None).await;
    let mut both = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (store, now) = (world.store.clone(), world.now);
        both.spawn(async move {
            store
                .register(&hash(0), "", "$phc", now, act(Verb::AccountRegister, now))
                .await
                .unwrap()
                .is_some()
        });
    }
    let done = both.join_all().await;
    assert_eq!(done.into_iter().filter(|done| *done).count(), 1);
    assert_eq!(world.store.accounts().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_new_password_ends_sessions_and_says_so_and_who_did_it_is_written_down() {
    let mut world = world().await;
    let account = registered(&mut world, 0).await;
    let other = registered(&mut world, 1).await;
    for (at, whose) in [(1, account.key), (2, account.key), (3, other.key)] {
        let life = Life::begin(world.now, false);
        let new = NewSession { token_hash: [at; 32], account: whose, life, user_agent: "", address: None };
        world.store.create_session(new, &act(Verb::SignIn, world.now)).await.unwrap();
    }
    let to = email(0);
    let letter = mail("changed", &to, "changed", world.now);
    let by_owner =
        act(Verb::AccountPassword, world.now).done_by(By::Account(account.key)).of_account(account.key);
    let ended = world
        .store
        .change_password(account.key, long("$one"), Some(&[1; 32]), &by_owner, None, &letter)
        .await
        .unwrap();
    assert_eq!(ended, [[2; 32]]);
    world.ask(Purpose::Reset, 0, None).await;
    let link = world.truth.links.len() - 1;
    let letter = mail("reset", &to, "changed", world.now);
    let reset = act(Verb::AccountReset, world.now);
    let ended = world.reset(&hash(link), "$two", reset, &letter).await.unwrap();
    assert_eq!(ended, [[1; 32]]);
    assert_eq!(world.store.sessions(other.key, world.now).await.unwrap().len(), 1, "somebody else's goes on");
    let now = world.store.account(account.key).await.unwrap().unwrap();
    assert_eq!(now.password_hash, "$two");
    let whole = world.store.verify_audit().await.unwrap().unwrap();
    assert_eq!(whole.length, 9, "two approvals, two registrations, three sign-ins, two passwords");
}

/// ASVS 5.0: 1.2.4.
#[tokio::test]
async fn the_allow_list_says_what_became_of_each_address_and_is_searched() {
    let mut world = world().await;
    for address in 0..3 {
        world.now = world.now.plus_ms(1);
        world.allow(address).await;
    }
    world.ask(Purpose::Register, 1, None).await;
    registered(&mut world, 2).await;
    let list = async |search: &str, standing, skip, most| {
        let filter = AllowedFilter { search, standing };
        let (entries, total) = world.store.allow_list(filter, world.now, skip, most).await.unwrap();
        let entries = entries.into_iter().map(|entry| (entry.email.to_string(), entry.standing));
        (entries.collect::<Vec<_>>(), total)
    };
    let entry = |address, standing| (email(address).to_string(), standing);
    use AllowedStanding::{Mailed, Registered, Removed, Unused};
    let (all, total) = list("", None, 0, 10).await;
    assert_eq!((all.len(), total), (3, 3));
    assert!(all.contains(&entry(0, Unused)) && all.contains(&entry(1, Mailed)));
    assert_eq!(list("", None, 2, 10).await.0.len(), 1);
    for (standing, address) in [(Unused, 0), (Mailed, 1), (Registered, 2)] {
        assert_eq!(list("", Some(standing), 0, 10).await, (vec![entry(address, standing)], 1));
    }
    assert_eq!(list("PERSON1", None, 0, 10).await.1, 1);
    assert_eq!(list("harborVIEW", None, 0, 10).await.1, 3);
    assert_eq!(list("person_", None, 0, 10).await.1, 0, "no wildcards");
    assert_eq!(list("%", None, 0, 10).await.1, 0);
    let later = world.now.plus_ms(5);
    assert!(world.store.disallow(&email(2), later, &act(Verb::AllowRemove, later)).await.unwrap());
    assert!(!world.store.disallow(&email(2), later, &act(Verb::AllowRemove, later)).await.unwrap());
    assert_eq!(list("", None, 0, 1).await.0, [entry(2, Removed)], "the newest change first");
}
