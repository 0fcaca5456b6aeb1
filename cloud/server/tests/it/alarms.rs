//! Alarms in the running server: told by time alone, kept over a kill, none of its own absence.

use driven_clock::Driver;
use store::state::{EventRow, StateStore};
use wire::time::HOUR_MS;
use wire::{BootId, UtcMs};

use crate::cloud::{Cloud, Publisher, report};
use crate::door_setup::eventually;

const BOOT: BootId = BootId([8; 16]);
const OFFLINE_MS: i64 = 15 * 60_000;
/// Half a minute without a tick is the server's own absence: at this pace, a second in which a busy machine gives it none.
const RATE: f64 = 30.0;

/// Turns of alarms, the oldest first. The server may run.
fn turns(cloud: &Cloud) -> Vec<EventRow> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let store = StateStore::open(&cloud.path("data/state.sqlite")).await.unwrap();
        let inverter = store.inverters().await.unwrap().pop().unwrap().key;
        let events = store.events(inverter, UtcMs(0), UtcMs(i64::MAX), 100).await.unwrap();
        store.close().await.unwrap();
        let mut turns: Vec<_> =
            events.into_iter().filter(|e| e.kind == "raised" || e.kind == "cleared").collect();
        turns.sort_by_key(|turn| turn.received_at);
        turns
    })
}

#[test]
fn silence_is_told_by_time_alone_and_the_servers_own_absence_is_not_silence() {
    let mut cloud = Cloud::new();
    let bundle = cloud.device("ALARMS-1");
    let began = server::clock::now();
    let mut clock = Driver::create(&cloud.path("clock"), began).unwrap();
    cloud.start_as(cloud.driven(&cloud.path("clock")));
    let mut link = Publisher::connect(cloud.address, &bundle).unwrap();
    link.publish(&report(BOOT, 1, clock.now())).unwrap();
    let last = clock.now();
    clock.set_rate(RATE).unwrap();
    clock.wait_until(last.plus_ms(OFFLINE_MS / 2));
    cloud.kill();
    // Away for hours; what it was silent for before counts, what it was away does not.
    clock.jump_to(clock.now().plus_ms(8 * HOUR_MS)).unwrap();
    // At the real pace: on a busy machine starting takes seconds, which would be minutes without a watch.
    clock.set_rate(1.0).unwrap();
    cloud.start_as(cloud.driven(&cloud.path("clock")));
    let up = clock.now();
    clock.set_rate(RATE).unwrap();
    clock.wait_until(up.plus_ms(OFFLINE_MS / 3));
    assert_eq!(turns(&cloud), []);
    clock.wait_until(up.plus_ms(OFFLINE_MS));
    eventually("the silence is told", || turns(&cloud).len() == 1);
    clock.set_rate(1.0).unwrap();
    let mut link = Publisher::connect(cloud.address, &bundle).unwrap();
    link.publish(&report(BOOT, 2, clock.now())).unwrap();
    eventually("its end is told", || turns(&cloud).len() == 2);
    let told = turns(&cloud);
    let words: Vec<_> = told.iter().map(|t| (t.kind.as_str(), t.condition.as_deref().unwrap())).collect();
    assert_eq!(words, [("raised", "link.gateway_offline"), ("cleared", "link.gateway_offline")]);
    // Watched half of the delay before, so about half after; ticks are ten seconds apart at the kill.
    let after = told[0].received_at.since(up);
    assert!((OFFLINE_MS / 3..OFFLINE_MS * 2 / 3).contains(&after), "{after}");
    assert!(told[0].occurred_at.since(last).abs() < 10_000, "silent since the last report");
    cloud.stop();
}
