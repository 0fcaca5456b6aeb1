//! Monday, seven in the morning, through the running server to a real mail server: once, over kills, of what one may see.

use driven_clock::Driver;
use fleet::audit::Verb;
use wire::UtcMs;
use wire::time::{DAY_MS, HOUR_MS};

use crate::cloud::Publisher;
use crate::door_setup::eventually;
use crate::told::{Rig, in_time, mailed, subject, told};

/// A Monday that is a week away at least, 7:00 AM in Berlin, in winter or in summer.
fn monday(now: UtcMs) -> UtcMs {
    let days = now.day() + 7;
    // January 1, 1970, was a Thursday.
    let monday = days + (4 - days).rem_euclid(7);
    let local = web::Local::new("Europe/Berlin", now);
    let midnight = UtcMs(monday * DAY_MS);
    let shift = local.wall_minutes(midnight) * 60_000 - midnight.0;
    midnight.plus_ms(7 * HOUR_MS - shift)
}

#[test]
fn the_letter_comes_on_monday_at_seven_once_whoever_is_killed_and_of_what_one_may_see() {
    let mut rig = Rig::new("");
    let Some(mail_server) = mailed(&rig.cloud) else { return };
    // Eve may see nothing, and gets nothing.
    let (ann, _eve) = (rig.account("ann"), rig.account("eve"));
    let site = rig.site();
    let bundles = ["WEEK-0001", "WEEK-0002"].map(|serial| rig.device(serial, ann, Some(site)));
    let due = monday(server::clock::now());
    let file = rig.cloud.path("clock");
    let mut clock = Driver::create(&file, due.plus_ms(-3 * DAY_MS)).unwrap();
    clock.set_rate(0.0).unwrap();
    rig.cloud.start_as(rig.cloud.driven(&file));
    // The accounts are entered.
    let look = |clock: &mut Driver, ms: i64| {
        clock.jump_to(clock.now().plus_ms(ms)).unwrap();
        std::thread::sleep(std::time::Duration::from_millis(200));
    };
    look(&mut clock, 6_000);
    look(&mut clock, 6_000);
    rig.cloud.kill();
    // A quarter of an hour before: what it hears from now on counts.
    clock.jump_to(due.plus_ms(-20 * 60_000)).unwrap();
    rig.cloud.start_as(rig.cloud.driven(&file));
    clock.jump_to(due.plus_ms(-60_000)).unwrap();
    for bundle in &bundles {
        let mut link = Publisher::connect(rig.cloud.address, bundle).unwrap();
        link.publish(&told(1, clock.now(), None)).unwrap();
    }
    look(&mut clock, 30_000);
    assert_eq!(mail_server.delivered().len(), 0, "not before its time");
    clock.jump_to(due.plus_ms(1_000)).unwrap();
    clock.set_rate(1.0).unwrap();
    in_time("the letter is written", || !rig.receipts().is_empty());
    // Maybe before it was sent, maybe after.
    rig.cloud.kill();
    rig.cloud.start_as(rig.cloud.driven(&file));
    in_time("the mail server has it", || !mail_server.delivered().is_empty());
    clock.jump_to(due.plus_ms(DAY_MS)).unwrap();
    std::thread::sleep(std::time::Duration::from_secs(1));
    let receipts = rig.receipts();
    assert_eq!(receipts.len(), 1, "one letter to one reader: {receipts:?}");
    let mail = mail_server.delivered().remove(0);
    assert_eq!(subject(&mail), "All 2 inverters watched, all ready");
    assert!(mail.contains("WEEK-0001") && mail.contains("WEEK-0002"), "{mail}");
    // The grant on one of them is taken: the next letter knows nothing of it.
    let serial = wire::Serial::parse("WEEK-0002").unwrap();
    let inverter = rig.runtime.block_on(rig.store.inverter_by_serial(serial)).unwrap().unwrap().key;
    let act = Rig::act(Verb::ShareRevoke);
    assert!(rig.runtime.block_on(rig.store.remove_grant(ann.into(), inverter, &act)).unwrap());
    clock.jump_to(due.plus_ms(7 * DAY_MS + 1_000)).unwrap();
    let next = || mail_server.delivered().into_iter().find(|mail| subject(mail).starts_with("WEEK-0001 is"));
    in_time("the next letter", || next().is_some());
    let next = next().unwrap();
    assert!(!next.contains("WEEK-0002"), "{next}");
    eventually("all are done with", || {
        rig.receipts().iter().all(|receipt| receipt.state == store::state::MailState::Sent)
    });
    rig.cloud.stop();
    assert!(!rig.cloud.log().contains("ann@"), "{}", rig.cloud.log());
}
