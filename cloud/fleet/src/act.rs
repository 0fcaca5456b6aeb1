//! What people do to an inverter's state, as the journal keeps it.
//!
//! In: an act. Out: bytes (CBOR, an array that begins with the act's number), and back; what another version wrote is an
//! error. When it was done is the journal record's received-at.

use minicbor::{Decode, Encode};
use wire::UtcMs;

use crate::AccountKey;
use crate::alarm::{AlarmName, Limit, Severities, Window};
use crate::pairing::AttemptKey;

/// An act of a person that changes what is true of an inverter.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Act {
    /// Waits for the button.
    #[n(0)]
    Claim {
        /// Which attempt.
        #[n(0)]
        attempt: AttemptKey,
        /// Whose.
        #[cbor(n(1), with = "crate::encoding::account")]
        account: AccountKey,
    },
    /// Waits no longer.
    #[n(1)]
    Cancel {
        /// Which attempt.
        #[n(0)]
        attempt: AttemptKey,
    },
    /// Has seen an alarm.
    #[n(2)]
    Acknowledge {
        /// Which.
        #[n(0)]
        alarm: AlarmName,
        /// Who.
        #[cbor(n(1), with = "crate::encoding::account")]
        account: AccountKey,
        /// What that person wrote, or empty.
        #[n(2)]
        note: String,
    },
    /// Puts an alarm away until a time.
    #[n(3)]
    Shelve {
        /// Which.
        #[n(0)]
        alarm: AlarmName,
        /// Who.
        #[cbor(n(1), with = "crate::encoding::account")]
        account: AccountKey,
        /// Until then.
        #[n(2)]
        until: UtcMs,
        /// Why.
        #[n(3)]
        reason: String,
    },
    /// Takes an alarm back from the shelf.
    #[n(4)]
    Unshelve {
        /// Which.
        #[n(0)]
        alarm: AlarmName,
        /// Who.
        #[cbor(n(1), with = "crate::encoding::account")]
        account: AccountKey,
    },
    /// Plans maintenance: alarms are recorded, nobody is told.
    #[n(5)]
    Maintain(#[n(0)] Window),
    /// Ends maintenance now.
    #[n(6)]
    EndMaintenance {
        /// Which window.
        #[n(0)]
        number: i64,
    },
    /// Sets a limit, in place of the one with its number.
    #[n(7)]
    SetLimit(#[n(0)] Limit),
    /// Forgets a limit.
    #[n(8)]
    RemoveLimit {
        /// Which.
        #[n(0)]
        number: u32,
    },
    /// Says how long it must hold.
    #[n(9)]
    Require {
        /// Minutes; `None`: what is usual.
        #[n(0)]
        minutes: Option<u32>,
    },
    /// Gives the inverter up: nothing that is known of it is kept.
    #[n(10)]
    Forget,
    /// Says how much conditions matter, in place of all that was said before.
    #[n(11)]
    Grade {
        /// Where it is not what is usual.
        #[n(0)]
        severities: Severities,
    },
    /// Says whether tests and outages are kept for years.
    #[n(12)]
    KeepLogbook {
        /// They are.
        #[n(0)]
        keeps: bool,
    },
    /// Says by which rule set self-tests are judged.
    #[n(13)]
    JudgeBy {
        /// Its code; `None`: what is usual.
        #[n(0)]
        rule_set: Option<u8>,
    },
}

impl Act {
    /// The bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        // Writing to memory cannot fail; were it to, `from_bytes` refuses the empty result.
        minicbor::to_vec(self).unwrap_or_default()
    }

    /// The act of the bytes.
    ///
    /// # Errors
    /// They are not an act of this or an earlier version.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, minicbor::decode::Error> {
        minicbor::decode(bytes)
    }
}

#[cfg(test)]
mod tests {
    use wire::BootId;

    use super::*;
    use crate::Condition;
    use crate::alarm::Key;
    use crate::condition::Severity;
    use crate::event::Cause;

    #[test]
    fn bytes_are_kept_as_they_are_and_lead_back() {
        let check = |act: Act, hex: &str| {
            let bytes = act.to_bytes();
            let written: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(written, hex, "a journal of this version must be readable by the next");
            assert_eq!(Act::from_bytes(&bytes).unwrap(), act);
        };
        check(Act::Claim { attempt: AttemptKey(7), account: AccountKey(300) }, "8200820719012c");
        check(Act::Cancel { attempt: AttemptKey(7) }, "82018107");
        check(Act::EndMaintenance { number: 9 }, "82068109");
        let (by, reason) = (AccountKey(3), "fan".to_owned());
        let window = Window { number: 9, from: UtcMs(5), to: UtcMs(7), tells_critical: true, by, reason };
        check(Act::Maintain(window), "820581a600090105020703f50403056366616e");
        check(Act::Require { minutes: Some(180) }, "82098118b4");
        check(Act::Forget, "820a80");
        let mut severities = Severities::default();
        severities.set(Condition::AMBIENT_HIGH, Severity::Critical).unwrap();
        check(Act::Grade { severities }, "820b8181820502");
        check(Act::KeepLogbook { keeps: true }, "820c81f5");
        check(Act::JudgeBy { rule_set: Some(1) }, "820d8101");
        let alarm = AlarmName {
            key: Key::of(Condition::BATTERY_LOW),
            cause: Cause { boot: Some(BootId([1; 16])), sequence: Some(2) },
            since: UtcMs(5),
        };
        let name = "83820882008082500101010101010101010101010101010102".to_owned() + "05";
        check(
            Act::Acknowledge { alarm: alarm.clone(), account: AccountKey(3), note: "on it".to_owned() },
            &format!("820283{name}03656f6e206974"),
        );
        check(Act::Unshelve { alarm, account: AccountKey(3) }, &format!("820482{name}03"));
        assert!(Act::from_bytes(&[]).is_err());
        assert!(Act::from_bytes(&[0x82, 0x18, 99, 0x80]).is_err());
    }
}
