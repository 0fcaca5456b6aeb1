//! Who is told what of an alarm, by which way, and when.
//!
//! In: turns of alarms at a site, what people prefer, who has taken it, the site's time of day. Out: messages that are due,
//! with whom and by which channels, and when to look again. Pure: whoever keeps rows and sends is elsewhere.

mod calendar;
mod climb;
mod danger;
mod escalation;
mod hush;
mod incident;
mod ladder;
mod power_loss;
mod preferences;
mod quiet;
mod text;
mod way;

pub use calendar::Periodical;
pub use climb::Climb;
pub use escalation::{Ground, LOOK_AGAIN_MS, TAKEN_MS};
pub use hush::Hush;
pub use incident::{
    FOLLOW_UP_MS, GROUPING_MS, Incident, JOIN_MS, Joined, Member, Message, MessageKind, Over,
};
pub use ladder::{LONGEST_WAIT_MS, Ladder, LadderError, MOST_PEOPLE, MOST_STEPS, Step};
pub use power_loss::{Untold, ripe};
pub use preferences::{Channel, Channels, Plan, Preferences, Reminders, plan, plan_word};
pub use quiet::{DAY_MINUTES, QuietHours};
pub use text::{
    InvalidNumber, MOST_SEPTETS, PhoneNumber, TextLimits, TextPurpose, TextRefusal, TextsSent, fitted,
    is_one_message, plain, septets,
};
pub use way::{
    CODE_ATTEMPTS, CODE_DIGITS, CODE_MS, CODES_COUNT_MS, CODES_OF_ACCOUNT, CODES_TO_NUMBER, Fate,
    MOST_PHONES, MOST_PUSH_DEVICES, MOST_WEBHOOKS, WEBHOOK_PATIENCE_MS, next_channel, webhook_is_over,
};
