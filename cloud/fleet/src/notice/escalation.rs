//! What an incident does while nobody takes it, and when somebody has.
//!
//! In: the ladder of its place, whether something critical waits for somebody, who acknowledged, the instant. Out: steps of the
//! ladder whose time has come, each once; whose word that they have taken it is due, once an incident and person; when to look
//! again. Taking all of it ends the climb; what fails critically after that begins another.

use minicbor::{Decode, Encode};
use wire::UtcMs;

use super::climb::Climb;
use super::hush::Hush;
use super::incident::{Incident, Member, Message, MessageKind};
use super::ladder::Ladder;
use crate::AccountKey;
use crate::condition::Severity;

/// What climbs is looked at this often, milliseconds: a window that was ended early, and a restart, cost no more than that.
pub const LOOK_AGAIN_MS: i64 = 60_000;
/// Word that somebody has taken it waits so long for the rest of the incident, milliseconds.
pub const TAKEN_MS: i64 = 30_000;
/// People whose word is kept of one incident.
const MOST_TAKERS: usize = 50;

/// How far an incident is with it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub(super) struct Escalation {
    #[n(0)]
    climb: Option<Climb>,
    /// When to look again for its sake.
    #[n(1)]
    look_at: Option<UtcMs>,
    /// Who has taken something of it.
    #[n(2)]
    #[cbor(default)]
    takers: Vec<Taker>,
}

/// Somebody who acknowledged something critical.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
struct Taker {
    #[cbor(n(0), with = "crate::encoding::account")]
    by: AccountKey,
    /// When the others are told; `None`: they were.
    #[n(1)]
    due: Option<UtcMs>,
}

/// What a climb goes by.
#[derive(Clone, Copy, Debug)]
pub struct Ground<'a> {
    /// The ladder of the place as it is now; one without people where there is none.
    pub ladder: &'a Ladder,
    /// When nobody is to be told of what waits.
    pub hush: &'a Hush,
    /// Something critical was told, still is, and is in nobody's hands.
    pub waits: bool,
    /// Before then nobody watched.
    pub watched: UtcMs,
}

impl Escalation {
    pub(super) fn due(&self) -> Option<UtcMs> {
        self.takers.iter().filter_map(|taker| taker.due).chain(self.look_at).min()
    }

    fn end_climb(&mut self) {
        (self.climb, self.look_at) = (None, None);
    }
}

impl Incident {
    /// What is critical of it, was told and still is.
    pub fn critical(&self) -> impl Iterator<Item = &Member> {
        let critical = |member: &&Member| member.severity == Severity::Critical;
        self.members().iter().filter(critical).filter(|member| member.told && member.cleared_at.is_none())
    }

    /// Whether it may climb a ladder, or somebody's word may be due.
    #[must_use]
    pub fn escalates(&self) -> bool {
        self.escalation_is_under_way() || self.critical().next().is_some()
    }

    /// Whether it climbs, or somebody's word is due.
    #[must_use]
    pub fn escalation_is_under_way(&self) -> bool {
        self.escalation.climb.is_some() || self.escalation.takers.iter().any(|taker| taker.due.is_some())
    }

    /// How far up its ladder it is, if it climbs one.
    #[must_use]
    pub const fn climbing(&self) -> Option<&Climb> {
        self.escalation.climb.as_ref()
    }

    /// Begins, goes on with, or ends its climb. The number of a step whose time has come; to be asked again until there is none.
    pub fn climb(&mut self, ground: &Ground<'_>, now: UtcMs) -> Option<usize> {
        if !ground.waits || ground.ladder.is_empty() {
            self.escalation.end_climb();
            return None;
        }
        let climb = self.escalation.climb.get_or_insert_with(|| Climb::new(now));
        climb.count(ground.hush, ground.watched, now);
        let reached = climb.pass(ground.ladder, ground.hush, now);
        let due = climb.due(ground.ladder, ground.hush);
        self.escalation.look_at = due.map(|(_, due)| due.min(now.plus_ms(LOOK_AGAIN_MS)));
        reached
    }

    /// Nobody of the step that came last can be reached: the next one is not waited for.
    pub fn nobody_reached(&mut self) {
        self.escalation.climb.iter_mut().for_each(Climb::hurry);
    }

    /// What a step is told of `members`, which wait for somebody.
    #[must_use]
    pub fn escalated(&self, members: Vec<Member>) -> Option<Message> {
        let kind = MessageKind::Escalation { since: self.escalation.climb?.began_at() };
        let message = Message { kind, severity: Severity::Critical, members, earlier: Vec::new() };
        (!message.members.is_empty()).then_some(message)
    }

    /// Somebody acknowledged something critical of it. The others are told of it once, however much follows.
    pub fn taken(&mut self, by: AccountKey, now: UtcMs) {
        let takers = &mut self.escalation.takers;
        if takers.len() < MOST_TAKERS && takers.iter().all(|taker| taker.by != by) {
            takers.push(Taker { by, due: Some(now.plus_ms(TAKEN_MS)) });
        }
    }

    /// Who has taken it, where the others are to be told so at `now`: at once when nothing critical `waits` any more. When all
    /// is over they are told that instead.
    pub fn takers(&mut self, waits: bool, now: UtcMs) -> Vec<AccountKey> {
        let over = self.is_over();
        let mut told = Vec::new();
        for taker in &mut self.escalation.takers {
            if let Some(due) = taker.due
                && (over || !waits || due <= now)
            {
                taker.due = None;
                told.extend((!over).then_some(taker.by));
            }
        }
        told
    }
}
