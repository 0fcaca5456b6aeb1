//! Registration as a state machine: whatever operators, owners and strangers do in whatever order, nobody gets in by a
//! link that was used, replaced, too old, or whose address is no longer approved.

use std::collections::{BTreeMap, BTreeSet};

use fleet::registration::{AccountStanding, LINK_MS, Purpose, Reply, Standing, counts, reply};
use proptest::prelude::*;
use wire::UtcMs;

/// An address of the small world.
type Address = u8;

#[derive(Clone, Copy, Debug)]
enum Step {
    Allow(Address),
    Remove(Address),
    Ask(Purpose, Address),
    /// Uses the n-th link ever mailed, from the newest.
    Use(usize),
    Disable(Address),
    Enable(Address),
    Wait(i64),
}

fn any_purpose() -> impl Strategy<Value = Purpose> {
    // A change of address needs an account to change; the store's own test plays it.
    prop::sample::select(vec![Purpose::Register, Purpose::Reset])
}

fn any_step() -> impl Strategy<Value = Step> {
    let address = 0_u8..3;
    prop_oneof![
        3 => address.clone().prop_map(Step::Allow),
        1 => address.clone().prop_map(Step::Remove),
        4 => (any_purpose(), address.clone()).prop_map(|(purpose, address)| Step::Ask(purpose, address)),
        5 => (0_usize..4).prop_map(Step::Use),
        1 => address.clone().prop_map(Step::Disable),
        1 => address.prop_map(Step::Enable),
        2 => prop::sample::select(vec![1, LINK_MS / 2, LINK_MS - 1, LINK_MS]).prop_map(Step::Wait),
    ]
}

/// A link as the mailbox keeps it: nothing is ever taken out of a mailbox.
#[derive(Clone, Copy, Debug)]
struct Mailed {
    purpose: Purpose,
    address: Address,
    at: i64,
}

/// What the store keeps: the rows that the rules are asked with.
#[derive(Default)]
struct Rows {
    listed: BTreeSet<Address>,
    accounts: BTreeMap<Address, bool>,
    /// The newest unused link of each kind, by its place in the mailbox.
    links: BTreeMap<(Purpose, Address), usize>,
}

impl Rows {
    fn standing(&self, address: Address) -> Standing {
        let account = self.accounts.get(&address);
        let account =
            account.map(|disabled| if *disabled { AccountStanding::Disabled } else { AccountStanding::Open });
        Standing { listed: self.listed.contains(&address), account }
    }
}

/// Whether a link should open, told from the history alone: no rule of the product is asked.
fn should_open(history: &[(i64, Step)], used: &[usize], mails: &[Mailed], link: usize, now: i64) -> bool {
    let Mailed { purpose, address, at } = mails[link];
    let last = |pick: &dyn Fn(&Step) -> Option<bool>| {
        history.iter().rev().find_map(|(_, step)| pick(step)).unwrap_or(false)
    };
    let listed = last(&|step| match step {
        Step::Allow(a) if *a == address => Some(true),
        Step::Remove(a) if *a == address => Some(false),
        _ => None,
    });
    let registered =
        used.iter().any(|at| mails[*at].address == address && mails[*at].purpose == Purpose::Register);
    let disabled = last(&|step| match step {
        Step::Disable(a) if *a == address => Some(true),
        Step::Enable(a) if *a == address => Some(false),
        _ => None,
    });
    let newest = mails.iter().rposition(|mail| mail.purpose == purpose && mail.address == address);
    let fresh = now - at < LINK_MS;
    listed
        && fresh
        && newest == Some(link)
        && !used.contains(&link)
        && match purpose {
            Purpose::Register => !registered,
            _ => registered && !disabled,
        }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]
    /// ASVS 5.0: 6.4.1.
    #[test]
    fn only_the_newest_unused_fresh_link_of_an_approved_address_opens(
        steps in prop::collection::vec(any_step(), 0..60),
    ) {
        let (mut rows, mut now) = (Rows::default(), 0_i64);
        let (mut mails, mut used, mut history) = (Vec::<Mailed>::new(), Vec::new(), Vec::new());
        for step in steps {
            match step {
                Step::Allow(address) => drop(rows.listed.insert(address)),
                Step::Remove(address) => drop(rows.listed.remove(&address)),
                Step::Ask(purpose, address) => {
                    if reply(purpose, rows.standing(address)) == Reply::Link {
                        rows.links.insert((purpose, address), mails.len());
                        mails.push(Mailed { purpose, address, at: now });
                    }
                }
                Step::Use(back) => {
                    let Some(link) = mails.len().checked_sub(back + 1) else { continue };
                    let Mailed { purpose, address, at } = mails[link];
                    let there = rows.links.get(&(purpose, address)) == Some(&link);
                    let expires = UtcMs(at + LINK_MS);
                    let opens = there && counts(purpose, expires, UtcMs(now), rows.standing(address));
                    let expected = should_open(&history, &used, &mails, link, now);
                    prop_assert_eq!(opens, expected, "link {} at {}", link, now);
                    if opens {
                        rows.links.remove(&(purpose, address));
                        rows.accounts.entry(address).or_insert(false);
                        used.push(link);
                    }
                }
                // Without an account there is nothing to disable, and the history must say so too.
                Step::Disable(address) | Step::Enable(address) => {
                    let Some(disabled) = rows.accounts.get_mut(&address) else { continue };
                    *disabled = matches!(step, Step::Disable(_));
                }
                Step::Wait(ms) => now += ms,
            }
            history.push((now, step));
        }
    }
}

#[test]
fn what_is_mailed_to_whom() {
    let check = |asked, listed, account, expect| {
        assert_eq!(reply(asked, Standing { listed, account }), expect, "{asked:?} {listed} {account:?}");
    };
    let (open, disabled) = (Some(AccountStanding::Open), Some(AccountStanding::Disabled));
    check(Purpose::Register, true, None, Reply::Link);
    check(Purpose::Register, false, None, Reply::Nothing);
    check(Purpose::Register, true, open, Reply::HasAccount);
    check(Purpose::Register, false, open, Reply::HasAccount);
    check(Purpose::Register, true, disabled, Reply::Nothing);
    check(Purpose::Reset, true, open, Reply::Link);
    check(Purpose::Reset, false, open, Reply::Nothing);
    check(Purpose::Reset, true, disabled, Reply::Nothing);
    check(Purpose::Reset, true, None, Reply::Nothing);
    check(Purpose::Address, true, None, Reply::Link);
    check(Purpose::Address, true, open, Reply::Nothing);
    check(Purpose::Address, false, None, Reply::Nothing);
}
