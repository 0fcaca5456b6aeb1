//! Whether an alarm is in somebody's hands.
//!
//! In: an alarm of an incident, what its row says, what the pipeline shows. Out: acknowledged, on the shelf, over, or not.
//! Somebody who acknowledges waits for the page to show it, and the row is written a moment later: both count.

use fleet::notice::Member;
use web::Live;
use wire::UtcMs;

use super::Announcer;
use super::work::Work;

/// Whether somebody has it, or it is over. `live`: ask what is shown too.
pub fn taken(work: &Work, live: Option<&Announcer>, member: &Member, now: UtcMs) -> bool {
    let on_shelf = |until: Option<UtcMs>| until.is_some_and(|until| until > now);
    let row = work.alarm(member.inverter, &member.alarm.to_string());
    let by_row = row.is_none_or(|alarm| {
        alarm.acknowledged_at.is_some() || alarm.cleared.is_some() || on_shelf(alarm.shelved_until)
    });
    if by_row {
        return true;
    }
    let Some(state) = live.and_then(|announcer| announcer.live.state(member.inverter)) else { return false };
    let shown = state.open_alarms().find(|open| open.name == member.alarm);
    shown.is_none_or(|open| open.acknowledged.is_some() || on_shelf(open.shelved_until))
}
