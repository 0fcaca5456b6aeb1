//! Who is given an inverter because the button in its cabinet was pressed.
//!
//! In: claims, cancellations and presses, each with its instant, in the order of the journal. Out: how attempts ended.
//! A press pairs the one claim that stood alone from its beginning to the press; whoever shared a moment with somebody
//! else's claim is told to begin again. Old, repeated and held-up presses pair nobody. Never says whether a serial
//! number exists: that is settled before a claim comes here, and an attempt at nothing ends like one nobody pressed for.

mod limit;

use minicbor::{Decode, Encode};
use wire::UtcMs;

use crate::AccountKey;

pub use limit::{Earlier, LOOK_BACK_MS, Limit};

/// A claim lives this long, milliseconds.
pub const WINDOW_MS: i64 = 10 * 60_000;
/// A press that took longer than this from the finger to the cloud was held up on the way: in a spool, in somebody's
/// recording. Live ones take a second, or some more while a gateway connects anew.
pub const FRESH_MS: u64 = 30_000;
/// Claims that one inverter remembers; honest ones are one at a time.
const MOST_CLAIMS: usize = 16;
/// Starts of an inverter of which the number of presses is remembered.
const MOST_BOOTS: usize = 16;

/// An attempt's number in the store. Never shown outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Encode, Decode)]
#[cbor(transparent)]
pub struct AttemptKey(#[n(0)] pub i64);

/// Claims on one inverter, and the presses that were taken.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Pairing {
    #[n(0)]
    #[cbor(default)]
    claims: Vec<Claim>,
    /// Most presses seen of each start of the inverter, the start used last at the end.
    #[n(1)]
    #[cbor(default)]
    presses: Vec<Presses>,
}

/// Somebody waits for a press.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
struct Claim {
    #[n(0)]
    attempt: AttemptKey,
    #[cbor(n(1), with = "crate::encoding::account")]
    account: AccountKey,
    #[n(2)]
    at: UtcMs,
    /// Another account's claim lived at the same moment. It stays so when the other one ends: a press made for that
    /// one's sake must not pair this.
    #[n(3)]
    contested: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Encode, Decode)]
#[cbor(array)]
struct Presses {
    #[n(0)]
    boot: Option<u64>,
    #[n(1)]
    count: u64,
}

/// A press as a report tells of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pressed {
    /// The inverter's boot counter; (boot, count) names the press.
    pub boot: Option<u64>,
    /// Presses since that boot.
    pub count: u64,
    /// Milliseconds since the press when the report was sent.
    pub age_ms: u64,
    /// Milliseconds that the gateway kept the record by its own uptime, where it says so. An honest gateway has them in
    /// the age already; who does not is judged by the longer of the two.
    pub held_ms: Option<u64>,
    /// When the cloud received the report.
    pub received_at: UtcMs,
}

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum End {
    /// The button was pressed: the account has the inverter.
    Paired,
    /// The button was pressed while more than one account waited for it: nobody was given anything.
    Contested,
    /// Stopped by the person.
    Cancelled,
    /// The same account began again with the same number.
    Replaced,
    /// Nobody pressed in time, or there is nothing to press.
    Expired,
}

impl End {
    /// Every end with its name in the store.
    pub const TABLE: [(Self, &'static str); 5] = [
        (Self::Paired, "paired"),
        (Self::Contested, "contested"),
        (Self::Cancelled, "cancelled"),
        (Self::Replaced, "replaced"),
        (Self::Expired, "expired"),
    ];

    /// Name in the store.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::TABLE.iter().find(|(end, _)| *end == self).map_or("", |(_, name)| name)
    }

    /// By name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::TABLE.iter().find(|(_, n)| *n == name).map(|(end, _)| *end)
    }
}

/// An attempt that ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Outcome {
    /// Which.
    pub attempt: AttemptKey,
    /// How.
    pub end: End,
    /// When.
    pub at: UtcMs,
}

impl Pairing {
    /// Somebody claims the inverter at `at`. An earlier claim of the same account gives way.
    pub fn claim(&mut self, attempt: AttemptKey, account: AccountKey, at: UtcMs) {
        self.forget_old(at);
        self.claims.retain(|claim| claim.account != account);
        let contested = !self.claims.is_empty();
        for claim in &mut self.claims {
            claim.contested = true;
        }
        // One more than that is nobody's honest doing; it is not heard, and its attempt runs out of time.
        if self.claims.len() < MOST_CLAIMS {
            self.claims.push(Claim { attempt, account, at, contested });
        }
    }

    /// Somebody stops. Whether the claim still lived.
    pub fn cancel(&mut self, attempt: AttemptKey) -> bool {
        let before = self.claims.len();
        self.claims.retain(|claim| claim.attempt != attempt);
        self.claims.len() < before
    }

    /// The button was pressed. Claims that this ends.
    pub fn press(&mut self, press: &Pressed) -> Vec<Outcome> {
        if !self.is_new(press.boot, press.count) {
            return Vec::new();
        }
        let age_ms = press.age_ms.max(press.held_ms.unwrap_or(0));
        if age_ms > FRESH_MS {
            return Vec::new();
        }
        self.forget_old(press.received_at);
        let pressed_at =
            press.received_at.plus_ms(i64::try_from(age_ms).unwrap_or(i64::MAX).saturating_neg());
        let (answered, waiting): (Vec<_>, Vec<_>) =
            self.claims.iter().copied().partition(|claim| claim.at < pressed_at);
        self.claims = waiting;
        let alone = answered.len() == 1;
        let ended = |claim: &Claim| Outcome {
            attempt: claim.attempt,
            end: if alone && !claim.contested { End::Paired } else { End::Contested },
            at: press.received_at,
        };
        answered.iter().map(ended).collect()
    }

    /// A claim that ran out is as if it had never been; its attempt ends by the clock alone.
    fn forget_old(&mut self, now: UtcMs) {
        self.claims.retain(|claim| now.since(claim.at) < WINDOW_MS);
    }

    /// Whether this press was not seen before; from now on it was.
    fn is_new(&mut self, boot: Option<u64>, count: u64) -> bool {
        let known = self.presses.iter().position(|presses| presses.boot == boot);
        let before = known.map(|at| self.presses.remove(at));
        let new = before.is_none_or(|before| count > before.count);
        if self.presses.len() >= MOST_BOOTS {
            self.presses.remove(0);
        }
        let count = before.map_or(count, |before| before.count.max(count));
        self.presses.push(Presses { boot, count });
        new
    }
}
