//! How much conditions matter to an organization, through the running server: it changes who is told, on what it manages.

use std::time::Duration;

use fleet::alarm::Severities;
use fleet::audit::Verb;
use fleet::condition::Severity;
use fleet::{Condition, Grant, Holder, InverterKey, OrganizationKey, Role};
use store::state::NewOrganization;
use wire::{Condition as Own, Serial};

use crate::cloud::Publisher;
use crate::door_setup::eventually;
use crate::told::{FOLDER, Rig, kept, told};

/// A row is seen within half a second, and applied with the next batch.
const SEEN: Duration = Duration::from_secs(2);

fn key(rig: &Rig, serial: &str) -> InverterKey {
    let serial = Serial::parse(serial).unwrap();
    rig.runtime.block_on(rig.store.inverter_by_serial(serial)).unwrap().unwrap().key
}

fn grant(rig: &Rig, holder: Holder, inverter: InverterKey) {
    let grant = Grant { holder, inverter, role: Role::ReadWrite, ends: None };
    rig.runtime.block_on(rig.store.set_grant(grant, &Rig::act(Verb::ShareGrant))).unwrap();
}

fn say(rig: &Rig, club: OrganizationKey, all: &[(Condition, Severity)]) {
    let mut said = Severities::default();
    all.iter().for_each(|(condition, severity)| said.set(*condition, *severity).unwrap());
    let act = Rig::act(Verb::OrganizationSeverity).in_organization(club);
    rig.runtime.block_on(rig.store.set_severities(club, &said, &act)).unwrap();
}

#[test]
fn what_an_organization_says_changes_who_is_told_and_ends_with_its_access() {
    let mut rig = Rig::new(FOLDER);
    // She is told of what is critical, by mail, and of nothing else.
    let ann = rig.account("ann");
    let bundles = ["GRADE-001", "GRADE-002"].map(|serial| rig.device(serial, ann, None));
    let (hall, dock) = (key(&rig, "GRADE-001"), key(&rig, "GRADE-002"));
    let new = NewOrganization { public_id: "club", name: "Club", owner: None };
    let club = rig.store.create_organization(new, Rig::act(Verb::OrganizationAdd));
    let club = rig.runtime.block_on(club).unwrap();
    for inverter in [hall, dock] {
        grant(&rig, ann.into(), inverter);
        grant(&rig, club.into(), inverter);
    }
    rig.cloud.start();
    let connect = |rig: &Rig, bundle| Publisher::connect(rig.cloud.address, bundle).unwrap();
    let mut links = [&bundles[0], &bundles[1]].map(|bundle| connect(&rig, bundle));
    // A delay counts by the readings' own times.
    let ago = |seconds: i64| server::clock::now().plus_ms(-seconds * 1_000);
    for link in &mut links {
        link.publish(&told(1, ago(60), None)).unwrap();
    }
    say(
        &rig,
        club,
        &[
            (Condition::CHARGER_FAULT, Severity::Warning),
            (Condition::OUTPUT_FAULT, Severity::Warning),
            (Condition::INPUT_LOW, Severity::Critical),
        ],
    );
    std::thread::sleep(SEEN);
    let severity = |rig: &Rig, inverter, condition| {
        let alarms = rig.alarms();
        let of =
            |alarm: &&store::state::Alarm| (alarm.inverter, alarm.key.condition) == (inverter, condition);
        alarms.iter().find(of).map(|alarm| alarm.severity)
    };
    links[0].publish(&told(2, ago(50), Some(Own::CHARGER_FAULT))).unwrap();
    eventually("the fault is kept", || severity(&rig, hall, Condition::CHARGER_FAULT).is_some());
    assert_eq!(severity(&rig, hall, Condition::CHARGER_FAULT), Some(Severity::Warning));
    links[0].publish(&told(3, ago(40), Some(Own::INPUT_LOW))).unwrap();
    links[0].publish(&told(4, ago(20), Some(Own::INPUT_LOW))).unwrap();
    eventually("what matters more now is mailed", || !kept(&rig.cloud).is_empty());
    assert_eq!(severity(&rig, hall, Condition::INPUT_LOW), Some(Severity::Critical));
    assert_eq!(kept(&rig.cloud), ["WARNING: GRADE-001, utility voltage too low"], "and the fault is not");
    // The dock is taken from the organization, which says nothing about it any more.
    let act = Rig::act(Verb::ShareRevoke);
    assert!(rig.runtime.block_on(rig.store.remove_grant(club.into(), dock, &act)).unwrap());
    std::thread::sleep(SEEN);
    links[1].publish(&told(2, ago(10), Some(Own::OUTPUT_FAULT))).unwrap();
    eventually("the other is mailed as usual", || kept(&rig.cloud).len() == 2);
    assert_eq!(severity(&rig, dock, Condition::OUTPUT_FAULT), Some(Severity::Critical));
    // What the inverters' owner was told is in the journal: a kill changes nothing of it.
    rig.cloud.kill();
    rig.cloud.start();
    connect(&rig, &bundles[0]).publish(&told(5, ago(0), Some(Own::OUTPUT_FAULT))).unwrap();
    eventually("raised after the kill", || severity(&rig, hall, Condition::OUTPUT_FAULT).is_some());
    assert_eq!(severity(&rig, hall, Condition::OUTPUT_FAULT), Some(Severity::Warning));
    rig.cloud.stop();
}
