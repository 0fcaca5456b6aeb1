//! What any serial stream decodes to.
//!
//! In: the native frame, VE.Direct or MATE. Out: one [`Observation`] per good frame or block. It carries no wall
//! time: the gateway dates it.

use alloc::string::String;

use crate::quantity::Scaled;
use crate::{Sample, Serial, UtcMs};

/// One good frame of a serial stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observation {
    /// The inverter's own serial number, where the stream has one.
    pub serial: Option<Serial>,
    /// The inverter's boot counter, where the stream has one. Data, never used for deduplication.
    pub boot: Option<u64>,
    /// The inverter's frame counter within its boot, where the stream has one.
    pub sequence: Option<u64>,
    /// Milliseconds since the inverter started, where the stream has it.
    pub uptime_ms: Option<u64>,
    /// Values, flags, conditions.
    pub sample: Sample,
    /// The cabinet button, where the stream has one.
    pub button: Option<Button>,
    /// The last self-test, where the stream has one.
    pub test: Option<SelfTest>,
}

/// The cabinet button as repeated in every frame: a counter and the age of the last press.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Button {
    /// Presses since the inverter's boot.
    pub count: u64,
    /// Milliseconds since the last press; meaningless while `count` is 0.
    pub age_ms: u64,
}

/// A self-test as repeated in every frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SelfTest {
    /// Tests since the inverter was made; a change tells of a new or finished test together with `result`.
    pub count: u64,
    /// What started it and how long it is meant to be.
    pub kind: TestKind,
    /// How it went.
    pub result: TestResult,
    /// Start by the inverter's own clock, where it has one.
    pub started: Option<UtcMs>,
    /// Start as the inverter's uptime in milliseconds, where given.
    pub started_uptime_ms: Option<u64>,
    /// Length so far or in all, seconds.
    pub length_s: Option<u64>,
    /// Battery voltage at the end, scaled as [`crate::Quantity::BATTERY_VOLTAGE`].
    pub end_voltage: Option<Scaled>,
}

macro_rules! named {
    ($(#[$meta:meta])* $type:ident { $($(#[$doc:meta])* $variant:ident $code:literal $name:literal,)* }) => {
        $(#[$meta])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum $type {
            $($(#[$doc])* $variant,)*
            /// A code this version does not know, carried raw.
            Other(String),
        }
        impl $type {
            /// Name in JSON, or the raw text.
            #[must_use]
            pub fn name(&self) -> &str {
                match self { $(Self::$variant => $name,)* Self::Other(raw) => raw }
            }
            /// Integer in CBOR; `None` for a raw text.
            #[must_use]
            pub const fn code(&self) -> Option<u8> {
                match self { $(Self::$variant => Some($code),)* Self::Other(_) => None }
            }
            /// By name; anything else is carried raw.
            #[must_use]
            pub fn from_name(name: &str) -> Self {
                match name { $($name => Self::$variant,)* raw => Self::Other(raw.chars().take(32).collect()) }
            }
            /// By code; anything else is carried raw as its decimal text.
            #[must_use]
            pub fn from_code(code: u64) -> Self {
                match code { $($code => Self::$variant,)* raw => Self::Other(alloc::format!("{raw}")) }
            }
        }
    };
}

named! {
    /// What kind of self-test.
    TestKind {
        /// Monthly, 30 s or more.
        Monthly 0 "monthly",
        /// Annual, 90 minutes.
        Annual 1 "annual",
        /// Started by a person at the cabinet.
        Manual 2 "manual",
    }
}

named! {
    /// How a self-test went, by the inverter's own judgement.
    TestResult {
        /// No test yet.
        None 0 "none",
        /// Running.
        InProgress 1 "in_progress",
        /// Passed.
        Passed 2 "passed",
        /// Passed with a remark.
        Warning 3 "warning",
        /// Failed.
        Failed 4 "failed",
        /// Ended early.
        Aborted 5 "aborted",
    }
}
