//! Who may do what, against an oracle that says it in other words.

use fleet::access::{Held, TokenReach, TokenScope};
use fleet::sharing::{Manned, Refusal, keep_manager, keep_owner};
use fleet::{
    AccountKey, Action, Actor, Decision, Grant, Holder, InverterKey, MemberRole, Membership, Object,
    OrganizationKey, Role, authorize,
};
use proptest::prelude::*;
use wire::UtcMs;

const ME: AccountKey = AccountKey(1);

fn any_action() -> impl Strategy<Value = Action> {
    prop::sample::select(Action::ALL.to_vec())
}

fn any_role() -> impl Strategy<Value = Role> {
    prop::sample::select(vec![Role::ReadOnly, Role::ReadWrite])
}

fn any_member_role() -> impl Strategy<Value = MemberRole> {
    prop::sample::select(vec![MemberRole::Viewer, MemberRole::Member, MemberRole::Owner])
}

fn any_holder() -> impl Strategy<Value = Holder> {
    prop_oneof![
        (0_i64..3).prop_map(|key| Holder::Account(AccountKey(key))),
        (0_i64..3).prop_map(|key| Holder::Organization(OrganizationKey(key))),
    ]
}

fn any_grant() -> impl Strategy<Value = Grant> {
    (any_holder(), 0_u32..5, any_role(), prop::option::of(0_i64..200)).prop_map(
        |(holder, inverter, role, ends)| Grant {
            holder,
            inverter: InverterKey(inverter),
            role,
            ends: ends.map(UtcMs),
        },
    )
}

fn any_membership() -> impl Strategy<Value = Membership> {
    (0_i64..3, 0_i64..3, any_member_role()).prop_map(|(organization, account, role)| Membership {
        organization: OrganizationKey(organization),
        account: AccountKey(account),
        role,
    })
}

fn any_token() -> impl Strategy<Value = Option<TokenReach>> {
    let scope = prop::sample::select(vec![TokenScope::Read, TokenScope::Write]);
    let listed = prop::option::of(prop::collection::btree_set((0_u32..5).prop_map(InverterKey), 0..3));
    prop::option::of((scope, listed).prop_map(|(scope, listed)| TokenReach {
        scope,
        inverters: listed.map(|listed| listed.into_iter().collect()),
    }))
}

/// The store brings each grant with the account's role in its organization.
fn held(grants: &[Grant], memberships: &[Membership]) -> Vec<Held> {
    let member = |grant: &Grant| {
        let mine = |m: &&Membership| m.account == ME && Holder::Organization(m.organization) == grant.holder;
        memberships.iter().filter(mine).map(|m| m.role).max()
    };
    grants.iter().map(|grant| Held { grant: *grant, member: member(grant) }).collect()
}

proptest! {
    /// ASVS 5.0: 8.2.2.
    #[test]
    fn without_a_grant_that_reaches_one_an_inverter_does_not_exist(
        grants in prop::collection::vec(any_grant(), 0..12),
        memberships in prop::collection::vec(any_membership(), 0..6),
        token in any_token(), operator: bool, action in any_action(), inverter in 0_u32..6, now in 0_i64..200,
    ) {
        let (inverter, now) = (InverterKey(inverter), UtcMs(now));
        // The oracle: may I look, may I change?
        let (mut look, mut change) = (false, false);
        for grant in grants.iter().filter(|g| g.inverter == inverter && g.ends.is_none_or(|e| e > now)) {
            let mine = |m: &&Membership| {
                m.account == ME && grant.holder == Holder::Organization(m.organization)
            };
            let roles: Vec<_> = memberships.iter().filter(mine).map(|m| m.role).collect();
            let own = grant.holder == Holder::Account(ME);
            look |= own || !roles.is_empty();
            let works = roles.iter().any(|role| *role != MemberRole::Viewer);
            change |= grant.role == Role::ReadWrite && (own || works);
        }
        let actor = Actor::account(ME, operator, held(&grants, &memberships), now)
            .in_organizations(memberships)
            .by_token(token.clone());
        let decision = authorize(&actor, action, &Object::Inverter(inverter));
        prop_assert_eq!(actor.role(inverter).is_some(), look);
        prop_assert_eq!(actor.inverters().any(|key| key == inverter), look);
        let reached = token.as_ref().is_none_or(|t| t.inverters.as_ref().is_none_or(|l| l.contains(&inverter)));
        let person = token.is_none();
        let writes = token.as_ref().is_none_or(|t| t.scope == TokenScope::Write);
        let may = match action {
            Action::View => look,
            Action::Edit | Action::Acknowledge => change && writes,
            Action::Share => change && person,
            Action::Leave => look && person,
            _ => false,
        };
        prop_assert_eq!(decision.is_allowed(), may && reached, "{:?}", decision);
        if !look || !reached {
            prop_assert_eq!(decision, Decision::NotFound);
        }
    }

    /// ASVS 5.0: 8.3.1.
    #[test]
    fn without_a_membership_an_organization_does_not_exist(
        memberships in prop::collection::vec(any_membership(), 0..6),
        token in any_token(), operator: bool, action in any_action(), organization in 0_i64..4,
    ) {
        let organization = OrganizationKey(organization);
        let mine = |m: &&Membership| m.account == ME && m.organization == organization;
        let best = memberships.iter().filter(mine).map(|m| m.role).max();
        let actor = Actor::account(ME, operator, [], UtcMs(0))
            .in_organizations(memberships.clone())
            .by_token(token.clone());
        let decision = authorize(&actor, action, &Object::Organization(organization));
        let site = authorize(&actor, action, &Object::SiteOf(organization.into()));
        if best.is_none() || token.is_some() {
            prop_assert_eq!((decision, site), (Decision::NotFound, Decision::NotFound));
            return Ok(());
        }
        let (works, owns) = (best >= Some(MemberRole::Member), best == Some(MemberRole::Owner));
        let may = match action {
            Action::View | Action::Leave => true,
            Action::Inverters | Action::Sites => works,
            Action::Edit | Action::Members | Action::DemandSecondFactor | Action::Logbook | Action::Delete => owns,
            _ => false,
        };
        prop_assert_eq!(decision.is_allowed(), may);
        let may = action == Action::View || (works && [Action::Edit, Action::Delete].contains(&action));
        prop_assert_eq!(site.is_allowed(), may);
    }

    /// ASVS 5.0: 8.2.1.
    #[test]
    fn nobody_signed_in_gets_nothing(action in any_action(), key in 0_u32..6) {
        let organization = OrganizationKey(i64::from(key));
        for object in [
            Object::Inverter(InverterKey(key)), Object::Organization(organization),
            Object::SiteOf(organization.into()), Object::Fleet, Object::Service,
        ] {
            prop_assert_eq!(authorize(&Actor::Anonymous, action, &object), Decision::SignIn);
        }
    }

    /// ASVS 5.0: 8.2.1.
    #[test]
    fn an_operator_sees_no_inverter_and_nobody_else_operates(
        operator: bool, token in any_token(), other in 2_i64..9,
    ) {
        let person = Actor::account(ME, operator, [], UtcMs(0));
        let actor = person.clone().by_token(token.clone());
        let in_person = token.is_none();
        prop_assert_eq!(authorize(&actor, Action::Operate, &Object::Service).is_allowed(), operator && in_person);
        let own = authorize(&actor, Action::OwnAccount, &Object::Account(ME));
        prop_assert_eq!(own.is_allowed(), in_person);
        for object in [Object::Account(AccountKey(other)), Object::SiteOf(AccountKey(other).into())] {
            for action in Action::ALL {
                prop_assert_eq!(authorize(&person, action, &object), Decision::NotFound);
            }
        }
        prop_assert!(authorize(&person, Action::Edit, &Object::SiteOf(ME.into())).is_allowed());
    }

    #[test]
    fn a_change_that_is_made_leaves_somebody_who_can_manage(
        before in prop::collection::vec((any_grant(), any::<bool>()), 0..6), keep in prop::collection::vec(any::<bool>(), 6),
        now in 0_i64..200,
    ) {
        let now = UtcMs(now);
        let manned = |(grant, manned): &(Grant, bool)| Manned { grant: *grant, manned: *manned };
        let after: Vec<_> =
            before.iter().zip(&keep).filter(|(_, keep)| **keep).map(|(grant, _)| manned(grant)).collect();
        let before: Vec<_> = before.iter().map(manned).collect();
        let manager = |m: &&Manned| m.manned && m.grant.role == Role::ReadWrite && m.grant.ends.is_none_or(|e| now < e);
        let now_before = before.iter().filter(manager).count();
        let lasting = |all: &[Manned]| all.iter().filter(manager).filter(|m| m.grant.ends.is_none()).count();
        match keep_manager(&before, &after, now) {
            Ok(()) => {
                prop_assert!(now_before == 0 || after.iter().any(|m| manager(&m)));
                prop_assert!(lasting(&before) == 0 || lasting(&after) > 0);
            }
            Err(refusal) => {
                prop_assert_eq!(refusal, Refusal::LastManager);
                prop_assert!(lasting(&after) == 0, "somebody is left for good");
            }
        }
        prop_assert_eq!(keep_manager(&before, &before, now), Ok(()), "what changes nothing is never refused");
    }
}

#[test]
fn the_last_owner_stays_and_a_disabled_one_does_not_count() {
    let (owner, member) = (MemberRole::Owner, MemberRole::Member);
    let check = |before: &[(MemberRole, bool)], after: &[(MemberRole, bool)], kept: bool| {
        assert_eq!(keep_owner(before, after).is_ok(), kept, "{before:?} {after:?}");
    };
    check(&[(owner, true), (member, true)], &[(member, true)], false);
    check(&[(owner, true), (owner, true)], &[(owner, true)], true);
    check(&[(owner, true), (owner, false)], &[(owner, false)], false);
    check(&[(owner, false), (member, true)], &[(member, true)], true);
    check(&[], &[], true);
}
