//! What fails together at one site is one incident, and one message lists its inverters.
//!
//! In: alarms that were raised and cleared there, time. Out: messages with the alarms that they are about, and when to look
//! again (decision 22): at a site of one inverter at once; else the first is held for five seconds, who joins later makes
//! one follow-up in five minutes; what is worse than anything told, or as bad in another way, breaks through; the last one
//! says that it is over, and how long it took.

use minicbor::{Decode, Encode};
use wire::UtcMs;

use super::danger::{Danger, Dangers};
use super::escalation::Escalation;
use crate::alarm::AlarmName;
use crate::condition::Severity;
use crate::{AccountKey, InverterKey};

/// The first message of a site with several inverters is held for this long, milliseconds.
pub const GROUPING_MS: i64 = 5_000;
/// Later joiners make one message in this time, milliseconds.
pub const FOLLOW_UP_MS: i64 = 5 * 60_000;
/// An alarm joins what began, or was last joined, this long ago at most; else it is another incident, milliseconds.
pub const JOIN_MS: i64 = 15 * 60_000;
/// Alarms of one incident; what comes after them makes another.
const MOST_MEMBERS: usize = 10_000;

/// One incident.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Incident {
    #[n(0)]
    members: Vec<Member>,
    #[n(1)]
    began_at: UtcMs,
    #[n(2)]
    joined_at: UtcMs,
    /// When the next message is due.
    #[n(3)]
    due: Option<UtcMs>,
    /// When the last one was made.
    #[n(4)]
    told_at: Option<UtcMs>,
    /// The worst that was told.
    #[n(5)]
    told: Option<Severity>,
    /// In which ways what was told puts the lights at risk.
    #[n(7)]
    #[cbor(default)]
    dangers: Dangers,
    /// Who is told next while nobody takes it.
    #[n(6)]
    #[cbor(default)]
    pub(super) escalation: Escalation,
}

/// One alarm of it.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Member {
    /// Of which inverter.
    #[n(0)]
    pub inverter: InverterKey,
    /// Which alarm.
    #[n(1)]
    pub alarm: AlarmName,
    /// How much it matters.
    #[n(2)]
    pub severity: Severity,
    /// When it was raised.
    #[n(3)]
    pub raised_at: UtcMs,
    /// When it was cleared.
    #[n(4)]
    pub cleared_at: Option<UtcMs>,
    /// It comes and goes.
    #[n(6)]
    #[cbor(default)]
    pub unstable: bool,
    #[n(5)]
    pub(super) told: bool,
}

/// Whether an alarm is part of an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Joined {
    /// It is.
    Yes,
    /// It begins another.
    No,
}

/// What is to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Why.
    pub kind: MessageKind,
    /// The worst of it.
    pub severity: Severity,
    /// What it is about: what was not told before, or, when it is over, all.
    pub members: Vec<Member>,
    /// Inverters that were told of before, ascending.
    pub earlier: Vec<InverterKey>,
}

/// Why there is a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageKind {
    /// It began.
    First,
    /// More of the same.
    FollowUp,
    /// Something worse than anything told, or as bad in another way.
    Worse,
    /// All is well again.
    Over(Over),
    /// Nobody has acknowledged it.
    Reminder,
    /// Nobody has acknowledged what is critical since then: the next step of the ladder is asked to take it.
    Escalation {
        /// Since then.
        since: UtcMs,
    },
    /// Somebody has acknowledged what is critical.
    Taken {
        /// Who.
        by: AccountKey,
    },
}

/// How long it took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Over {
    /// From the first raise.
    pub began_at: UtcMs,
    /// To the last clear.
    pub ended_at: UtcMs,
}

impl Message {
    /// What of it somebody is told who may see some inverters only; `None`: nothing. Who was told of nothing before is told
    /// that it began, whatever others knew.
    #[must_use]
    pub fn seen(&self, may_see: impl Fn(InverterKey) -> bool) -> Option<Self> {
        let members: Vec<Member> =
            self.members.iter().filter(|member| may_see(member.inverter)).cloned().collect();
        let severity = members.iter().map(|member| member.severity).max()?;
        let earlier: Vec<InverterKey> = self.earlier.iter().copied().filter(|key| may_see(*key)).collect();
        let kind = match self.kind {
            MessageKind::FollowUp | MessageKind::Worse if earlier.is_empty() => MessageKind::First,
            MessageKind::Over(over) => MessageKind::Over(Over {
                began_at: members.iter().map(|member| member.raised_at).min().unwrap_or(over.began_at),
                ended_at: members
                    .iter()
                    .filter_map(|member| member.cleared_at)
                    .max()
                    .unwrap_or(over.ended_at),
            }),
            kind => kind,
        };
        Some(Self { kind, severity, members, earlier })
    }
}

impl Incident {
    /// Begins with an alarm, at a site that is `alone` if it has one inverter only.
    #[must_use]
    pub fn new(first: Member, alone: bool, now: UtcMs) -> Self {
        let due = Some(if alone { now } else { now.plus_ms(GROUPING_MS) });
        let (began_at, joined_at) = (first.raised_at, now);
        let (told_at, told, dangers, escalation) = (None, None, Dangers::default(), Escalation::default());
        Self { members: vec![first], began_at, joined_at, due, told_at, told, dangers, escalation }
    }

    /// An alarm of a site.
    #[must_use]
    pub const fn member(
        inverter: InverterKey,
        alarm: AlarmName,
        severity: Severity,
        raised_at: UtcMs,
    ) -> Member {
        Member { inverter, alarm, severity, raised_at, cleared_at: None, unstable: false, told: false }
    }

    /// The bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        // Writing to memory cannot fail; were it to, `from_bytes` refuses the empty result.
        minicbor::to_vec(self).unwrap_or_default()
    }

    /// The incident of the bytes.
    ///
    /// # Errors
    /// They are not an incident of this or an earlier version.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, minicbor::decode::Error> {
        minicbor::decode(bytes)
    }

    /// Another alarm was raised at the site.
    pub fn raised(&mut self, member: &Member, now: UtcMs) -> Joined {
        if self.is_over() || now.since(self.joined_at) > JOIN_MS || self.members.len() >= MOST_MEMBERS {
            return Joined::No;
        }
        self.joined_at = now;
        let worse = self.is_worse(member);
        let due = match self.told_at {
            // The first message takes it along.
            None => self.due.unwrap_or(now),
            Some(_) if worse => now,
            Some(told_at) => told_at.plus_ms(FOLLOW_UP_MS).max(now),
        };
        self.due = Some(self.due.map_or(due, |known| known.min(due)));
        self.members.push(member.clone());
        Joined::Yes
    }

    /// Whether it is worse than anything told, or as bad in a way that was not told.
    fn is_worse(&self, member: &Member) -> bool {
        let otherwise = !self.dangers.has(Danger::of(member.alarm.key.condition));
        self.told.is_some_and(|told| member.severity > told || (otherwise && member.severity == told))
    }

    /// An alarm was cleared. Whether it is one of these.
    pub fn cleared(&mut self, inverter: InverterKey, alarm: &AlarmName, now: UtcMs) -> bool {
        let Some(member) = self.open(inverter, alarm) else { return false };
        member.cleared_at = Some(now);
        if self.is_over() {
            // Who was told that it began is told at once; who was not is told both in turn.
            self.due = Some(self.due.filter(|_| self.told_at.is_none()).unwrap_or(now));
        }
        true
    }

    /// Something else is known of an alarm that is open: it comes and goes, or it came back from the shelf. Whether it is
    /// one of these; then it is told again, with the next that join.
    pub fn again(&mut self, inverter: InverterKey, alarm: &AlarmName, unstable: bool, now: UtcMs) -> bool {
        let Some(member) = self.open(inverter, alarm) else { return false };
        (member.told, member.unstable) = (false, member.unstable || unstable);
        let due = self.told_at.map(|told_at| told_at.plus_ms(FOLLOW_UP_MS).max(now));
        self.due = match (self.due, due) {
            (Some(known), Some(due)) => Some(known.min(due)),
            (known, due) => known.or(due),
        };
        true
    }

    /// An inverter was given up: nothing of it is told any more. Whether anything is left.
    pub fn gone(&mut self, inverter: InverterKey, now: UtcMs) -> bool {
        let (was_over, before) = (self.is_over(), self.members.len());
        self.members.retain(|member| member.inverter != inverter);
        if self.members.len() < before && !was_over && self.is_over() {
            self.due = Some(self.due.filter(|_| self.told_at.is_none()).unwrap_or(now));
        }
        !self.members.is_empty()
    }

    /// Forgets what was over before `before`, of an incident that is not.
    pub fn forget(&mut self, before: UtcMs) {
        if !self.is_over() {
            self.members.retain(|member| member.cleared_at.is_none_or(|cleared| cleared >= before));
        }
    }

    /// Since when.
    #[must_use]
    pub const fn began_at(&self) -> UtcMs {
        self.began_at
    }

    /// When the last of its alarms was cleared, if nothing of it is left.
    #[must_use]
    pub fn ended_at(&self) -> Option<UtcMs> {
        if self.is_over() { self.members.iter().filter_map(|member| member.cleared_at).max() } else { None }
    }

    /// What reminds of all that is open of it.
    #[must_use]
    pub fn reminder(&self) -> Option<Message> {
        let members: Vec<Member> =
            self.members.iter().filter(|member| member.cleared_at.is_none()).cloned().collect();
        let severity = members.iter().map(|member| member.severity).max()?;
        Some(Message { kind: MessageKind::Reminder, severity, members, earlier: self.earlier() })
    }

    fn open(&mut self, inverter: InverterKey, alarm: &AlarmName) -> Option<&mut Member> {
        self.members.iter_mut().find(|member| {
            member.inverter == inverter && member.alarm == *alarm && member.cleared_at.is_none()
        })
    }

    /// Inverters that were told of.
    fn earlier(&self) -> Vec<InverterKey> {
        let told = self.members.iter().filter(|member| member.told).map(|member| member.inverter);
        let mut told: Vec<InverterKey> = told.collect();
        told.sort_unstable();
        told.dedup();
        told
    }

    /// When to look again.
    #[must_use]
    pub fn due(&self) -> Option<UtcMs> {
        self.due.into_iter().chain(self.escalation.due()).min()
    }

    /// Whether nothing of it is left.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.members.iter().all(|member| member.cleared_at.is_some())
    }

    /// All its alarms.
    #[must_use]
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// The messages that are due at `now`.
    pub fn pass(&mut self, now: UtcMs) -> Vec<Message> {
        let mut messages = Vec::new();
        if self.due.is_none_or(|due| due > now) {
            return messages;
        }
        self.due = None;
        let earlier = self.earlier();
        let new: Vec<Member> = self.members.iter().filter(|member| !member.told).cloned().collect();
        let severity = |members: &[Member]| members.iter().map(|m| m.severity).max();
        if let Some(worst) = severity(&new) {
            let kind = match self.told {
                None => MessageKind::First,
                Some(_) if new.iter().any(|member| self.is_worse(member)) => MessageKind::Worse,
                Some(_) => MessageKind::FollowUp,
            };
            self.members.iter_mut().for_each(|member| member.told = true);
            let dangers = new.iter().map(|member| Danger::of(member.alarm.key.condition));
            self.dangers = dangers.fold(self.dangers, Dangers::and);
            (self.told, self.told_at) = (self.told.max(Some(worst)), Some(now));
            messages.push(Message { kind, severity: worst, members: new, earlier: earlier.clone() });
        }
        if let (true, Some(worst)) = (self.is_over(), self.told) {
            let ended_at = self.members.iter().filter_map(|m| m.cleared_at).max().unwrap_or(now);
            let over = Over { began_at: self.began_at, ended_at };
            let members = self.members.clone();
            messages.push(Message { kind: MessageKind::Over(over), severity: worst, members, earlier });
        }
        messages
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Condition;
    use crate::alarm::Key;
    use crate::event::Cause;

    const T0: UtcMs = UtcMs(1_800_000_000_000);

    fn at(ms: i64) -> UtcMs {
        T0.plus_ms(ms)
    }

    fn member(inverter: u32, condition: Condition, ms: i64) -> Member {
        let alarm = AlarmName { key: Key::of(condition), cause: Cause::default(), since: at(ms) };
        Incident::member(InverterKey(inverter), alarm, condition.definition().severity, at(ms))
    }

    fn told(incident: &mut Incident, ms: i64) -> Vec<(MessageKind, usize)> {
        incident.pass(at(ms)).into_iter().map(|message| (message.kind, message.members.len())).collect()
    }

    fn clear(incident: &mut Incident, member: &Member, ms: i64) {
        assert!(incident.cleared(member.inverter, &member.alarm, at(ms)));
        assert!(!incident.cleared(member.inverter, &member.alarm, at(ms)), "once");
    }

    #[test]
    fn alone_it_is_told_at_once_and_so_is_its_end_with_its_length() {
        let outage = member(1, Condition::UTILITY_LOST, 0);
        let mut incident = Incident::new(outage.clone(), true, at(0));
        assert_eq!(told(&mut incident, 0), [(MessageKind::First, 1)]);
        assert_eq!(incident.due(), None);
        clear(&mut incident, &outage, 90_000);
        let over = Over { began_at: at(0), ended_at: at(90_000) };
        assert_eq!(told(&mut incident, 90_000), [(MessageKind::Over(over), 1)]);
        assert_eq!(incident.raised(&member(1, Condition::UTILITY_LOST, 91_000), at(91_000)), Joined::No);
    }

    #[test]
    fn five_thousand_at_once_are_one_message_and_stragglers_one_more() {
        let all: Vec<Member> = (0..5_000).map(|n| member(n, Condition::UTILITY_LOST, 0)).collect();
        let mut incident = Incident::new(all[0].clone(), false, at(0));
        for (ms, one) in (1..).zip(&all[1..]) {
            assert_eq!(incident.raised(one, at(ms / 5)), Joined::Yes);
        }
        assert_eq!(incident.due(), Some(at(GROUPING_MS)));
        assert!(told(&mut incident, GROUPING_MS - 1).is_empty());
        assert_eq!(told(&mut incident, GROUPING_MS), [(MessageKind::First, 5_000)]);
        for n in 0..3 {
            incident.raised(&member(6_000 + n, Condition::UTILITY_LOST, 10_000), at(10_000 + i64::from(n)));
        }
        assert_eq!(incident.due(), Some(at(GROUPING_MS + FOLLOW_UP_MS)));
        assert_eq!(told(&mut incident, GROUPING_MS + FOLLOW_UP_MS), [(MessageKind::FollowUp, 3)]);
        for member in incident.members().to_vec() {
            clear(&mut incident, &member, 800_000);
        }
        assert_eq!(told(&mut incident, 800_000).len(), 1, "one end for all of them");
    }

    #[test]
    fn what_is_worse_breaks_through_and_what_is_not_waits() {
        let mut incident = Incident::new(member(1, Condition::AMBIENT_HIGH, 0), false, at(0));
        assert_eq!(told(&mut incident, GROUPING_MS), [(MessageKind::First, 1)]);
        incident.raised(&member(2, Condition::AMBIENT_HIGH, 6_000), at(6_000));
        assert!(told(&mut incident, 6_000).is_empty());
        incident.raised(&member(1, Condition::UTILITY_LOST, 7_000), at(7_000));
        assert_eq!(told(&mut incident, 7_000), [(MessageKind::Worse, 2)], "and takes along what waited");
        incident.raised(&member(2, Condition::UTILITY_LOST, 8_000), at(8_000));
        assert_eq!(incident.due(), Some(at(7_000 + FOLLOW_UP_MS)));
    }

    #[test]
    fn what_is_as_bad_in_another_way_breaks_through_once() {
        let mut incident = Incident::new(member(1, Condition::CHARGER_FAULT, 0), true, at(0));
        assert_eq!(told(&mut incident, 0), [(MessageKind::First, 1)]);
        let mut joins = |inverter, condition, ms, expect: &[(MessageKind, usize)]| {
            incident.raised(&member(inverter, condition, ms), at(ms));
            assert_eq!(told(&mut incident, ms), expect, "{condition:?} after {ms} ms");
        };
        joins(1, Condition::OVERLOAD, 1_000, &[]);
        joins(1, Condition::UTILITY_LOST, 2_000, &[(MessageKind::Worse, 2)]);
        joins(2, Condition::UTILITY_LOST, 3_000, &[]);
        joins(1, Condition::AMBIENT_HIGH, 4_000, &[]);
        joins(1, Condition::BATTERY_NEAR_LOW, 60_000, &[(MessageKind::Worse, 3)]);
        joins(1, Condition::BATTERY_LOW, 90_000, &[(MessageKind::Worse, 1)]);
        joins(2, Condition::BATTERY_LOW, 91_000, &[]);
        joins(2, Condition::OUTPUT_BREAKER, 92_000, &[]);
        joins(3, Condition::CHARGER_FAULT, 90_000 + FOLLOW_UP_MS, &[(MessageKind::FollowUp, 3)]);
        assert_eq!(Incident::from_bytes(&incident.to_bytes()).unwrap(), incident);
    }

    #[test]
    fn what_is_over_before_it_was_told_is_told_with_its_end() {
        let outage = member(1, Condition::UTILITY_LOST, 0);
        let mut incident = Incident::new(outage.clone(), false, at(0));
        clear(&mut incident, &outage, 3_000);
        assert_eq!(incident.due(), Some(at(GROUPING_MS)));
        let over = Over { began_at: at(0), ended_at: at(3_000) };
        assert_eq!(told(&mut incident, GROUPING_MS), [(MessageKind::First, 1), (MessageKind::Over(over), 1)]);
    }

    #[test]
    fn what_comes_and_goes_is_told_again_once_and_what_was_given_up_is_not() {
        let (fault, heat) = (member(1, Condition::CHARGER_FAULT, 0), member(2, Condition::AMBIENT_HIGH, 0));
        let mut incident = Incident::new(fault.clone(), false, at(0));
        incident.raised(&heat, at(1));
        assert_eq!(told(&mut incident, GROUPING_MS), [(MessageKind::First, 2)]);
        assert!(incident.again(fault.inverter, &fault.alarm, true, at(6_000)));
        assert!(told(&mut incident, 6_000).is_empty());
        assert_eq!(told(&mut incident, GROUPING_MS + FOLLOW_UP_MS), [(MessageKind::FollowUp, 1)]);
        assert!(incident.members()[0].unstable && incident.due().is_none());
        clear(&mut incident, &fault, 400_000);
        assert!(!incident.again(fault.inverter, &fault.alarm, true, at(400_001)), "it is over");
        assert!(incident.gone(heat.inverter, at(400_002)), "the fault is left");
        assert_eq!(told(&mut incident, 400_002).len(), 1, "and with it the incident is over");
        assert!(!incident.gone(fault.inverter, at(400_003)));
    }

    #[test]
    fn everybody_is_told_of_what_they_may_see_and_first_things_first() {
        let (fault, heat) =
            (member(1, Condition::CHARGER_FAULT, 0), member(2, Condition::AMBIENT_HIGH, 7_000));
        let mut incident = Incident::new(fault.clone(), false, at(0));
        let first = incident.pass(at(GROUPING_MS)).remove(0);
        assert_eq!(first.seen(|key| key == heat.inverter), None);
        incident.raised(&heat, at(7_000));
        let more = incident.pass(at(GROUPING_MS + FOLLOW_UP_MS)).remove(0);
        let seen = |message: &Message, keys: &[u32]| {
            message
                .seen(|key| keys.contains(&key.0))
                .map(|seen| (seen.kind, seen.severity, seen.members.len()))
        };
        assert_eq!(seen(&more, &[1, 2]), Some((MessageKind::FollowUp, Severity::Warning, 1)));
        assert_eq!(seen(&more, &[2]), Some((MessageKind::First, Severity::Warning, 1)));
        let reminder = incident.reminder().unwrap();
        assert_eq!(seen(&reminder, &[2]), Some((MessageKind::Reminder, Severity::Warning, 1)));
        clear(&mut incident, &fault, 400_000);
        clear(&mut incident, &heat, 500_000);
        let over = incident.pass(at(500_000)).remove(0);
        let own = Over { began_at: at(0), ended_at: at(400_000) };
        assert_eq!(seen(&over, &[1]), Some((MessageKind::Over(own), Severity::Critical, 1)));
        assert_eq!(incident.reminder(), None);
    }

    #[test]
    fn what_was_long_over_is_forgotten_of_what_goes_on() {
        let (fault, heat) = (member(1, Condition::CHARGER_FAULT, 0), member(2, Condition::AMBIENT_HIGH, 0));
        let mut incident = Incident::new(fault.clone(), false, at(0));
        incident.raised(&heat, at(1));
        clear(&mut incident, &fault, 10);
        incident.forget(at(10));
        assert_eq!(incident.members().len(), 2);
        incident.forget(at(11));
        assert_eq!(incident.members(), [heat]);
    }

    #[test]
    fn what_comes_much_later_is_another_incident() {
        let fault = member(1, Condition::CHARGER_FAULT, 0);
        let mut incident = Incident::new(fault, false, at(0));
        let later = |ms| member(2, Condition::UTILITY_LOST, ms);
        assert_eq!(incident.raised(&later(JOIN_MS), at(JOIN_MS)), Joined::Yes);
        assert_eq!(incident.raised(&later(2 * JOIN_MS + 1), at(2 * JOIN_MS + 1)), Joined::No);
        assert_eq!(Incident::from_bytes(&incident.to_bytes()).unwrap(), incident);
        assert!(Incident::from_bytes(&[]).is_err());
    }
}
