//! The one gate under every query: may this actor do this to that?
//!
//! In: an actor with the grants that hold now, an action, an object. Out: [`Decision`]. Someone else's object and a
//! missing one are the same answer. Never asks a store or a clock: the caller brings the rows.

use crate::InverterKey;
use wire::UtcMs;

/// An account's number in the store. Never shown outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccountKey(pub i64);

/// An organization's number in the store. Never shown outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OrganizationKey(pub i64);

/// What a grant allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Role {
    /// See everything of an inverter, change nothing.
    ReadOnly,
    /// See, name, acknowledge, shelve, share.
    ReadWrite,
}

impl Role {
    /// Every role with its name in the API, on the command line and in the store.
    pub const TABLE: [(Self, &'static str); 2] =
        [(Self::ReadOnly, "read-only"), (Self::ReadWrite, "read-write")];

    /// Name in the API, on the command line and in the store.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::TABLE.iter().find(|(role, _)| *role == self).map_or("", |(_, name)| name)
    }

    /// By name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::TABLE.iter().find(|(_, n)| *n == name).map(|(role, _)| *role)
    }
}

/// One account's access to one inverter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Who.
    pub account: AccountKey,
    /// To which.
    pub inverter: InverterKey,
    /// What for.
    pub role: Role,
    /// From this instant on it holds no more.
    pub ends: Option<UtcMs>,
}

/// Who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    /// Nobody signed in.
    Anonymous,
    /// A signed-in account, with its grants that hold now. Made by [`Actor::account`].
    Account {
        /// Who.
        account: AccountKey,
        /// May do the operator's work (allow-list, devices); sees no inverter by that.
        operator: bool,
        /// Grants that hold, sorted by inverter.
        grants: Vec<(InverterKey, Role)>,
    },
}

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// State, values, history, exports of an inverter; who can see it.
    View,
    /// Name, site, required minutes of an inverter.
    Edit,
    /// Acknowledge and shelve alarms of an inverter.
    Acknowledge,
    /// Add and remove other people's access to an inverter.
    Share,
    /// The list of inverters that the actor may see.
    List,
    /// One's own account: sessions, tokens, notifications, export, deletion.
    OwnAccount,
    /// Allow-list, devices, accounts, audit.
    Operate,
}

/// What it is asked of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Object {
    /// One inverter.
    Inverter(InverterKey),
    /// One account.
    Account(AccountKey),
    /// The fleet as seen by the actor.
    Fleet,
    /// The service itself.
    Service,
}

/// The answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Decision {
    /// Go on.
    Allowed,
    /// Nobody is signed in: 401, or the sign-in page.
    SignIn,
    /// As if it did not exist: 404.
    NotFound,
    /// The actor may see the object but not do this to it: 403.
    Forbidden,
}

/// What an action on an inverter takes.
const INVERTER_ACTIONS: [(Action, Role); 4] = [
    (Action::View, Role::ReadOnly),
    (Action::Edit, Role::ReadWrite),
    (Action::Acknowledge, Role::ReadWrite),
    (Action::Share, Role::ReadWrite),
];

/// May `actor` do `action` to `object`? Anything not listed is [`Decision::NotFound`].
pub fn authorize(actor: &Actor, action: Action, object: &Object) -> Decision {
    let Actor::Account { account, operator, .. } = actor else { return Decision::SignIn };
    match (object, action) {
        (Object::Inverter(inverter), _) => match (actor.role(*inverter), needed(action)) {
            (Some(held), Some(needed)) if held >= needed => Decision::Allowed,
            (Some(_), Some(_)) => Decision::Forbidden,
            _ => Decision::NotFound,
        },
        (Object::Fleet, Action::List) => Decision::Allowed,
        (Object::Account(own), Action::OwnAccount) if own == account => Decision::Allowed,
        (Object::Service, Action::Operate) if *operator => Decision::Allowed,
        _ => Decision::NotFound,
    }
}

fn needed(action: Action) -> Option<Role> {
    INVERTER_ACTIONS.iter().find(|(a, _)| *a == action).map(|(_, role)| *role)
}

impl Decision {
    /// Whether to go on.
    #[must_use]
    pub fn is_allowed(self) -> bool {
        self == Self::Allowed
    }
}

impl Actor {
    /// A signed-in account; of `grants`, those of this account that hold at `now`.
    #[must_use]
    pub fn account(
        account: AccountKey,
        operator: bool,
        grants: impl IntoIterator<Item = Grant>,
        now: UtcMs,
    ) -> Self {
        let mut held: Vec<_> = grants
            .into_iter()
            .filter(|grant| grant.account == account && grant.ends.is_none_or(|ends| now < ends))
            .map(|grant| (grant.inverter, grant.role))
            .collect();
        // The widest of several grants to one inverter comes first and stays.
        held.sort_by_key(|(inverter, role)| (*inverter, std::cmp::Reverse(*role)));
        held.dedup_by_key(|(inverter, _)| *inverter);
        Self::Account { account, operator, grants: held }
    }

    /// The actor's role on an inverter, if any.
    #[must_use]
    pub fn role(&self, inverter: InverterKey) -> Option<Role> {
        let Self::Account { grants, .. } = self else { return None };
        grants
            .binary_search_by_key(&inverter, |(key, _)| *key)
            .ok()
            .and_then(|at| grants.get(at))
            .map(|(_, r)| *r)
    }

    /// Inverters the actor may see, in key order.
    pub fn inverters(&self) -> impl Iterator<Item = InverterKey> + '_ {
        let grants: &[_] = if let Self::Account { grants, .. } = self { grants } else { &[] };
        grants.iter().map(|(inverter, _)| *inverter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ACTIONS: [Action; 7] = [
        Action::View,
        Action::Edit,
        Action::Acknowledge,
        Action::Share,
        Action::List,
        Action::OwnAccount,
        Action::Operate,
    ];

    fn any_action() -> impl Strategy<Value = Action> {
        prop::sample::select(ACTIONS.to_vec())
    }

    fn any_grant() -> impl Strategy<Value = Grant> {
        (0_i64..3, 0_u32..5, any::<bool>(), prop::option::of(0_i64..200)).prop_map(
            |(account, inverter, write, ends)| Grant {
                account: AccountKey(account),
                inverter: InverterKey(inverter),
                role: if write { Role::ReadWrite } else { Role::ReadOnly },
                ends: ends.map(UtcMs),
            },
        )
    }

    proptest! {
        #[test]
        fn without_a_grant_that_holds_an_inverter_does_not_exist(
            grants in prop::collection::vec(any_grant(), 0..12), operator: bool, action in any_action(),
            inverter in 0_u32..6, now in 0_i64..200,
        ) {
            let (who, inverter, now) = (AccountKey(1), InverterKey(inverter), UtcMs(now));
            let holds = |g: &&Grant| g.account == who && g.inverter == inverter && g.ends.is_none_or(|e| now < e);
            let best = grants.iter().filter(holds).map(|g| g.role).max();
            let actor = Actor::account(who, operator, grants.clone(), now);
            let decision = authorize(&actor, action, &Object::Inverter(inverter));
            prop_assert_eq!(actor.inverters().any(|key| key == inverter), best.is_some());
            match best {
                None => prop_assert_eq!(decision, Decision::NotFound),
                Some(Role::ReadOnly) if decision.is_allowed() => prop_assert_eq!(action, Action::View),
                Some(Role::ReadOnly) => {}
                Some(Role::ReadWrite) => prop_assert_eq!(decision.is_allowed(), needed(action).is_some()),
            }
        }

        #[test]
        fn nobody_signed_in_gets_nothing(action in any_action(), inverter in 0_u32..6) {
            for object in [Object::Inverter(InverterKey(inverter)), Object::Fleet, Object::Service] {
                prop_assert_eq!(authorize(&Actor::Anonymous, action, &object), Decision::SignIn);
            }
        }

        #[test]
        fn an_operator_sees_no_inverter_and_nobody_else_operates(operator: bool, other in 2_i64..9) {
            let actor = Actor::account(AccountKey(1), operator, [], UtcMs(0));
            prop_assert_eq!(authorize(&actor, Action::Operate, &Object::Service).is_allowed(), operator);
            let foreign = Object::Account(AccountKey(other));
            prop_assert_eq!(authorize(&actor, Action::OwnAccount, &foreign), Decision::NotFound);
            prop_assert!(authorize(&actor, Action::OwnAccount, &Object::Account(AccountKey(1))).is_allowed());
        }
    }
}
