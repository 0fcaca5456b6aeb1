//! Ladders on their way to people, without a server around: who is told next, when, and once; who is told that somebody has it.

use std::sync::Arc;

use fleet::alarm::{AlarmName, AlarmTurn, Turned, Window};
use fleet::audit::Verb;
use fleet::notice::{Channels, GROUPING_MS, LOOK_AGAIN_MS, Ladder, Preferences, QuietHours, Step, TAKEN_MS};
use fleet::{
    AccountKey, Act, Condition, EventKind, InverterKey, InverterState, MemberRole, Membership,
    OrganizationKey,
};
use server::announcer::Turn;
use store::state::{LadderOf, NewOrganization, NewSite, Noted, SiteKey};
use wire::{BootId, Conditions, Quality, Reading, Report};

use crate::announcer::{NOW, World, act, cleared, pairs, raised, turn, turned, world};

const MINUTE: i64 = 60_000;
const FAULT: Condition = Condition::CHARGER_FAULT;
const NOBODY: &str = "ALARM: hall, charger fault, nobody has taken it";
const BEGAN: &str = "ALARM: hall, charger fault";
const TAKEN: &str = "TAKEN: hall, charger fault";

/// Dana, Luis and Mara, who see `hall` by their club; whose ladder is this.
struct House {
    w: World,
    club: OrganizationKey,
    hall: InverterKey,
    dana: AccountKey,
    luis: AccountKey,
    mara: AccountKey,
}

async fn house() -> House {
    let w = world().await;
    let (dana, luis, mara) = (w.account("dana").await, w.account("luis").await, w.account("mara").await);
    let new = NewOrganization { public_id: "club", name: "Club", owner: Some(dana) };
    let club = w.store.create_organization(new, act(Verb::OrganizationAdd)).await.unwrap();
    for account in [luis, mara] {
        let member = Membership { organization: club, account, role: MemberRole::Member };
        w.store.set_member(member, &act(Verb::MemberRole)).await.unwrap();
    }
    let hall = w.inverter("hall", None).await;
    w.grant(club, hall).await;
    House { w, club, hall, dana, luis, mara }
}

impl House {
    async fn ladder(&self, of: LadderOf, steps: &[(i64, &[AccountKey])]) {
        let step = |(minutes, people): &(i64, &[AccountKey])| Step {
            wait_ms: minutes * MINUTE,
            people: people.to_vec(),
        };
        let ladder = Ladder::new(steps.iter().map(step).collect()).unwrap();
        self.w.store.set_ladder(of, &ladder, &act(Verb::LadderEdit)).await.unwrap();
    }

    async fn usual(&self) {
        self.ladder(
            LadderOf::Organization(self.club),
            &[(0, &[self.dana]), (15, &[self.luis]), (15, &[self.mara])],
        )
        .await;
    }

    /// The fault, told to all three.
    async fn begins(&self) {
        self.w.take(&[raised(self.hall, FAULT, 0)]).await;
        assert_eq!(self.w.sent(0).await, pairs(&[("dana", BEGAN), ("luis", BEGAN), ("mara", BEGAN)]));
    }

    /// Looks at a minute, and who was told then.
    async fn at(&self, minutes: i64) -> Vec<(String, String)> {
        self.w.due(minutes * MINUTE).await;
        self.w.sent(minutes * MINUTE).await
    }

    fn acknowledged(&self, by: AccountKey, minutes: i64, note: &str) -> Turn {
        turn(self.hall, FAULT, 0, minutes * MINUTE, Turned::Acknowledged { by, note: note.to_owned() })
    }
}

#[tokio::test]
async fn the_next_step_is_told_after_its_wait_once_and_over_restarts() {
    let mut h = house().await;
    h.usual().await;
    h.begins().await;
    assert_eq!(h.at(0).await, [], "who is first was told a moment ago");
    assert_eq!(h.at(14).await, []);
    assert_eq!(h.at(15).await, pairs(&[("luis", NOBODY)]));
    // Nothing is left of the process; what it did is done again.
    h.w.restart(15 * MINUTE);
    h.w.take(&[raised(h.hall, FAULT, 0)]).await;
    assert_eq!(h.at(15).await, []);
    assert_eq!(h.at(29).await, []);
    assert_eq!(h.at(30).await, pairs(&[("mara", NOBODY)]));
    assert_eq!(h.at(600).await, [], "it is at its top");
    assert!(!h.w.store.is_due(NOW.plus_ms(600 * MINUTE)).await.unwrap());
    h.w.take(&[cleared(h.hall, FAULT, 0, 601 * MINUTE)]).await;
    assert_eq!(h.w.sent(601 * MINUTE).await.len(), 3);
}

#[tokio::test]
async fn time_in_which_the_cloud_was_away_does_not_count() {
    let mut h = house().await;
    h.usual().await;
    h.begins().await;
    assert_eq!(h.at(10).await, []);
    h.w.restart(100 * MINUTE);
    assert_eq!(h.at(100).await, []);
    assert_eq!(h.at(104).await, []);
    assert_eq!(h.at(105).await, pairs(&[("luis", NOBODY)]));
}

#[tokio::test]
async fn nobody_is_told_after_somebody_acknowledged_and_the_others_get_one_word() {
    let h = house().await;
    h.usual().await;
    h.begins().await;
    assert_eq!(h.at(15).await, pairs(&[("luis", NOBODY)]));
    h.w.take(&[h.acknowledged(h.luis, 20, "On my way")]).await;
    let mail = h.w.next(20 * MINUTE).await.unwrap();
    assert_eq!((mail.to.as_str(), mail.kind.as_str()), ("dana@x.test", "alarm_taken"));
    assert!(mail.text.contains("luis has acknowledged it and wrote: “On my way”."), "{}", mail.text);
    let incident = mail.incident.unwrap();
    // What is in hand comes again a moment later.
    assert_eq!(h.w.sent(21 * MINUTE).await, pairs(&[("dana", TAKEN), ("mara", TAKEN)]));
    h.w.take(&[h.acknowledged(h.luis, 20, "On my way")]).await;
    assert_eq!(h.w.sent(25 * MINUTE).await, [], "a replay");
    assert_eq!(h.at(600).await, []);
    assert_eq!(h.w.store.incident(incident).await.unwrap().unwrap().incident.climbing(), None);
}

#[tokio::test]
async fn forty_acknowledged_one_after_the_other_make_one_word_and_it_wakes_nobody() {
    let h = house().await;
    let site = h.w.site("Pier 4").await;
    let mut halls = Vec::new();
    for number in 0..40 {
        let hall = h.w.inverter(&format!("hall{number}"), Some(site)).await;
        h.w.grant(h.club, hall).await;
        halls.push(hall);
    }
    // It is 3:07 AM there.
    let sleeps = Preferences { quiet: QuietHours::new(22 * 60, 7 * 60), ..Preferences::default() };
    h.w.prefers(h.luis, sleeps).await;
    h.w.prefers(h.mara, Preferences { over: false, ..Preferences::default() }).await;
    for hall in &halls {
        h.w.take(&[raised(*hall, FAULT, 0)]).await;
    }
    h.w.due(GROUPING_MS).await;
    assert_eq!(h.w.sent(GROUPING_MS).await.len(), 3);
    for (second, hall) in (10..).zip(&halls) {
        let turned = Turned::Acknowledged { by: h.mara, note: String::new() };
        h.w.take(&[turn(*hall, FAULT, 0, second * 1_000, turned)]).await;
        h.w.due(second * 1_000).await;
    }
    let sent = h.w.sent(60_000).await;
    let expected = pairs(&[("dana", "TAKEN: 31 inverters, charger fault (Pier 4)")]);
    assert_eq!(sent, expected, "what she had taken in {} s", TAKEN_MS / 1_000);
    let morning = h.w.sent(233 * MINUTE).await;
    assert_eq!(morning, pairs(&[("luis", "TAKEN: 31 inverters, charger fault (Pier 4)")]));
}

/// The fault as a report brings it: what is shown of `hall` from then on, and the alarm's name.
fn reported() -> (InverterState, AlarmName) {
    let mut reading =
        Reading { sequence: Some(1), time: Some(NOW), quality: Quality::Synchronised, ..Reading::default() };
    reading.sample.conditions = Conditions::all_clear();
    reading.sample.conditions.set(wire::Condition::CHARGER_FAULT, true);
    let report = Report { boot: Some(BootId([4; 16])), readings: vec![reading], ..Report::default() };
    let mut state = InverterState::default();
    let events = fleet::apply(&mut state, report, NOW).events;
    let raised = events.into_iter().find_map(|event| match event.kind {
        EventKind::Alarm(turn) if turn.alarm.key.condition == FAULT => Some(turn.alarm),
        _ => None,
    });
    (state, raised.unwrap())
}

fn window(number: i64, from: i64, to: i64, tells_critical: bool) -> Window {
    let at = |minutes: i64| NOW.plus_ms(minutes * MINUTE);
    let (from, to, reason) = (at(from), at(to), "exchange".to_owned());
    Window { number, from, to, tells_critical, by: AccountKey(1), reason }
}

#[tokio::test]
async fn an_open_ladder_does_not_climb_in_a_maintenance_window_nor_make_up_for_it() {
    let mut h = house().await;
    h.usual().await;
    let (mut state, alarm) = reported();
    let raised = Turned::Raised { unstable: false, quiet: false };
    h.w.live.show([(h.hall, Arc::new(state.clone()))]);
    h.w.take(&[turned(h.hall, AlarmTurn { alarm: alarm.clone(), what: raised }, 0)]).await;
    assert_eq!(h.w.sent(0).await.len(), 3);
    // Planned at ten for twelve to forty; another tells what is critical.
    for one in [window(1, 12, 40, false), window(2, 0, 60, true)] {
        state.rules.add_window(one, NOW).unwrap();
    }
    h.w.live.show([(h.hall, Arc::new(state.clone()))]);
    for minutes in [11, 12, 15, 39, 40, 42] {
        assert_eq!(h.at(minutes).await, [], "{minutes}");
    }
    // Twelve minutes before it and three after it.
    assert_eq!(h.at(43).await, pairs(&[("luis", NOBODY)]));
    // One that is ended early, over a restart.
    state.rules.add_window(window(3, 45, 500, false), NOW.plus_ms(44 * MINUTE)).unwrap();
    h.w.live.show([(h.hall, Arc::new(state.clone()))]);
    assert_eq!(h.at(60).await, []);
    h.w.restart(60 * MINUTE);
    assert_eq!(h.at(61).await, []);
    state.rules.end_window(3, NOW.plus_ms(70 * MINUTE));
    h.w.live.show([(h.hall, Arc::new(state.clone()))]);
    // It is noticed within a minute.
    h.w.due(70 * MINUTE + LOOK_AGAIN_MS).await;
    assert_eq!(h.at(82).await, []);
    assert_eq!(h.at(83).await, pairs(&[("mara", NOBODY)]));
}

#[tokio::test]
async fn who_acknowledged_is_believed_before_it_is_written_down() {
    let h = house().await;
    h.usual().await;
    let (mut state, alarm) = reported();
    let raised = Turned::Raised { unstable: false, quiet: false };
    h.w.take(&[turned(h.hall, AlarmTurn { alarm: alarm.clone(), what: raised }, 0)]).await;
    assert_eq!(h.w.sent(0).await.len(), 3);
    let act = Act::Acknowledge { alarm, account: h.mara, note: String::new() };
    fleet::alarm::act(&mut state, act, NOW.plus_ms(1));
    h.w.live.show([(h.hall, Arc::new(state))]);
    assert_eq!(h.at(15).await, []);
}

#[tokio::test]
async fn who_may_not_see_it_or_has_no_way_is_passed_over_and_the_next_comes_at_once() {
    let h = house().await;
    let eve = h.w.account("eve").await;
    h.w.prefers(h.luis, Preferences { critical: Channels::NONE, ..Preferences::default() }).await;
    let of = LadderOf::Organization(h.club);
    h.ladder(of, &[(0, &[h.dana]), (15, &[eve]), (15, &[h.luis]), (10, &[h.mara]), (7, &[h.dana])]).await;
    h.w.take(&[raised(h.hall, FAULT, 0)]).await;
    assert_eq!(h.w.sent(0).await, pairs(&[("dana", BEGAN), ("mara", BEGAN)]));
    assert_eq!(h.at(14).await, []);
    assert_eq!(h.at(15).await, pairs(&[("mara", NOBODY)]));
    assert_eq!(h.at(21).await, []);
    assert_eq!(h.at(22).await, pairs(&[("dana", NOBODY)]));
}

#[tokio::test]
async fn who_is_not_to_be_woken_by_anything_is_not_asked_in_the_morning_either() {
    let h = house().await;
    // It is 3:07 AM there.
    let site = h.w.site("Pier 4").await;
    let dock = h.w.inverter("dock", Some(site)).await;
    h.w.grant(h.club, dock).await;
    let night = QuietHours::new(22 * 60, 7 * 60);
    h.w.prefers(h.luis, Preferences { quiet: night, quiet_for_critical: true, ..Preferences::default() })
        .await;
    h.ladder(LadderOf::Site(site), &[(0, &[h.luis]), (15, &[h.mara]), (0, &[h.luis, h.dana])]).await;
    h.w.take(&[raised(dock, FAULT, 0)]).await;
    let began = "ALARM: dock, charger fault (Pier 4)";
    // Luis cannot be told now: Mara and Dana, who come next, were told just now.
    assert_eq!(h.w.sent(0).await, pairs(&[("dana", began), ("mara", began)]));
    assert_eq!(h.at(60).await, []);
    assert_eq!(h.w.sent(233 * MINUTE).await, pairs(&[("luis", began)]), "what began, once, in the morning");
}

#[tokio::test]
async fn who_is_told_of_the_beginning_is_not_told_of_the_same_again_by_a_step_that_comes_with_it() {
    let h = house().await;
    h.w.prefers(h.luis, Preferences { critical: Channels::NONE, ..Preferences::default() }).await;
    // Of the first step one was told just now, and the other never is.
    h.ladder(LadderOf::Organization(h.club), &[(0, &[h.luis, h.dana]), (15, &[h.mara])]).await;
    h.w.take(&[raised(h.hall, FAULT, 0)]).await;
    assert_eq!(h.w.sent(0).await, pairs(&[("dana", BEGAN), ("mara", BEGAN)]));
    assert_eq!(h.at(14).await, []);
    assert_eq!(h.at(15).await, pairs(&[("mara", NOBODY)]));
}

#[tokio::test]
async fn whoever_leaves_is_told_nothing_more_and_their_step_is_passed_over() {
    let h = house().await;
    h.usual().await;
    h.begins().await;
    h.w.store.remove_member(h.club, h.luis, &act(Verb::MemberRemove)).await.unwrap();
    let left = h.w.store.ladder(LadderOf::Organization(h.club)).await.unwrap().unwrap();
    assert_eq!((left.steps().len(), left.people(1)), (3, &[] as &[AccountKey]));
    assert_eq!(h.at(15).await, pairs(&[("mara", NOBODY)]));
}

#[tokio::test]
async fn where_every_way_to_a_step_failed_the_next_comes_at_once() {
    let h = house().await;
    h.usual().await;
    h.w.take(&[raised(h.hall, FAULT, 0)]).await;
    // Dana's mail is refused for good; the others' are taken.
    while let Some(mail) = h.w.next(0).await {
        let lease = h.w.lease();
        if mail.to == "dana@x.test" {
            assert!(
                h.w.store
                    .note_message(mail.id, &lease, Noted::Failed("550 no such user".to_owned()))
                    .await
                    .unwrap()
            );
        } else {
            assert!(h.w.store.note_message(mail.id, &lease, Noted::Sent("250 ok".to_owned())).await.unwrap());
        }
    }
    assert!(h.w.store.is_due(NOW.plus_ms(1_000)).await.unwrap(), "it is looked at at once");
    h.w.due(1_000).await;
    assert_eq!(h.w.sent(1_000).await, pairs(&[("luis", NOBODY)]));
    // From then on its own wait counts.
    assert_eq!(h.at(15).await, []);
    h.w.due(15 * MINUTE + 1_000).await;
    assert_eq!(h.w.sent(15 * MINUTE + 1_000).await, pairs(&[("mara", NOBODY)]));
}

#[tokio::test]
async fn two_who_look_at_once_tell_the_next_step_once() {
    let h = house().await;
    h.usual().await;
    h.begins().await;
    let at = NOW.plus_ms(15 * MINUTE);
    let (one, two) = tokio::join!(h.w.announcer.due(at), h.w.announcer.due(at));
    one.unwrap();
    two.unwrap();
    assert_eq!(h.w.sent(15 * MINUTE).await, pairs(&[("luis", NOBODY)]));
}

#[tokio::test]
async fn a_sites_own_ladder_stands_for_the_organizations_there() {
    let h = house().await;
    h.usual().await;
    let new = NewSite {
        public_id: "pier",
        owner: Some(h.club.into()),
        name: "Pier 4",
        address: "",
        time_zone: "America/New_York",
    };
    let site: SiteKey = h.w.store.add_site(new, &act(Verb::SiteAdd)).await.unwrap();
    let dock = h.w.inverter("dock", Some(site)).await;
    h.w.grant(h.club, dock).await;
    h.ladder(LadderOf::Site(site), &[(5, &[h.mara])]).await;
    h.w.take(&[raised(dock, FAULT, 0)]).await;
    assert_eq!(h.w.sent(0).await.len(), 3);
    let nobody = "ALARM: dock, charger fault, nobody has taken it (Pier 4)";
    assert_eq!(h.at(5).await, pairs(&[("mara", nobody)]));
    assert_eq!(h.at(60).await, []);
    // It is taken away: from then on the organization's counts, by number, and what is open is looked at at once.
    assert!(h.w.store.remove_ladder(LadderOf::Site(site), &act(Verb::LadderRemove)).await.unwrap());
    assert_eq!(h.at(60).await, pairs(&[("luis", nobody)]));
    assert_eq!(h.at(75).await, pairs(&[("mara", nobody)]));
}

#[tokio::test]
async fn a_part_that_was_taken_leaves_the_rest_to_the_ladder() {
    let h = house().await;
    let site = h.w.site("Pier 4").await;
    let (a, b) = (h.w.inverter("a", Some(site)).await, h.w.inverter("b", Some(site)).await);
    for hall in [a, b] {
        h.w.grant(h.club, hall).await;
    }
    h.ladder(LadderOf::Site(site), &[(0, &[h.dana]), (15, &[h.luis]), (15, &[h.mara])]).await;
    for hall in [a, b] {
        h.w.take(&[raised(hall, FAULT, 0)]).await;
    }
    h.w.due(GROUPING_MS).await;
    assert_eq!(h.w.sent(GROUPING_MS).await.len(), 3);
    let taken = Turned::Acknowledged { by: h.dana, note: String::new() };
    h.w.take(&[turn(a, FAULT, 0, MINUTE, taken)]).await;
    assert_eq!(h.at(1).await, [], "word waits for the rest");
    let word = "TAKEN: a, charger fault (Pier 4)";
    assert_eq!(h.at(2).await, pairs(&[("luis", word), ("mara", word)]));
    let nobody = "ALARM: b, charger fault, nobody has taken it (Pier 4)";
    h.w.due(15 * MINUTE + GROUPING_MS).await;
    assert_eq!(h.w.sent(15 * MINUTE + GROUPING_MS).await, pairs(&[("luis", nobody)]));
    // On the shelf is in somebody's hands, too.
    let shelved = Turned::Shelved { until: NOW.plus_ms(600 * MINUTE), by: h.luis, reason: "r".to_owned() };
    h.w.take(&[turn(b, FAULT, 0, 20 * MINUTE, shelved)]).await;
    assert_eq!(h.at(300).await, []);
    assert!(!h.w.store.is_due(NOW.plus_ms(300 * MINUTE)).await.unwrap());
}
