//! What pages and the API say of a battery: a number with its interval and basis, or why there is none.

use std::sync::Arc;

use fleet::readiness::{Bank, End, Evidence, Kind, Load, Unit};
use fleet::{InverterKey, Role};
use http::StatusCode;
use wire::{Flag, Quantity, Sample, UtcMs};

use crate::house::{House, Proof, outage, sample};

const DAY_MS: i64 = 86_400_000;

/// A reading of an inverter that does not say itself how long it would hold.
pub fn silent() -> Sample {
    let mut sample = sample(104);
    sample.quantities = wire::Quantities::new();
    sample.quantities.set(Quantity::BATTERY_VOLTAGE, 13_642);
    sample.quantities.set(Quantity::REALPOWER, 6_000);
    sample.quantities.set(Quantity::AMBIENT_TEMPERATURE, 270);
    sample
}

pub fn test(at: UtcMs, minutes: f64, load: f32) -> Evidence {
    Evidence {
        kind: Kind::Annual,
        at,
        length_s: 5_400.0,
        end: End::Over,
        charge: Some(1.0),
        load: Load { value: load, unit: Unit::Watt },
        load_mean: load,
        celsius: Some(27.0),
        end_cell_v: 1.85,
        whole: Some(((minutes * 60.0).ln() as f32, 0.03)),
    }
}

async fn house(minutes: &[f64]) -> (House, InverterKey, Proof) {
    let house = House::new().await;
    let account = house.account("a@x.test").await;
    let inverter = house.inverter("mine", "East Tower").await;
    house.grant(account, inverter, Role::ReadWrite).await;
    house.read(inverter, house.now().plus_ms(-20_000), silent());
    let now = house.now();
    tell(&house, inverter, |state| {
        state.readiness.bank = Bank::from_float(136.4);
        let tests = minutes.iter().rev().enumerate();
        let ago = |back: usize| now.plus_ms(-DAY_MS * (10 + 365 * back as i64));
        state.readiness.evidence = tests.map(|(back, minutes)| test(ago(back), *minutes, 6_100.0)).collect();
        state.readiness.evidence.reverse();
    });
    house.read(inverter, house.now().plus_ms(-1_000), silent());
    let proof = house.session(account).await;
    (house, inverter, proof)
}

fn tell(house: &House, inverter: InverterKey, edit: impl FnOnce(&mut fleet::InverterState)) {
    let mut states = house.live.states.lock().unwrap();
    edit(Arc::make_mut(states.get_mut(&inverter).unwrap()));
}

#[tokio::test]
async fn the_number_leads_with_its_interval_its_basis_and_whether_it_protects() {
    let (house, _, proof) = house(&[118.0]).await;
    let page = house.text("/inverters/mine", &proof).await;
    for words in [
        "min ±\u{a0}",
        "would hold, 90 required",
        "Ready · Protected",
        "Estimated from the Nov\u{a0}7 annual test, the load now and the cabinet temperature. Nine times in ten it is from",
        "It needs two long tests half a year apart.",
        "Next due",
    ] {
        assert!(page.contains(words), "{words}");
    }
    assert!(house.text("/fleet", &proof).await.contains("Would hold 12"), "the bar goes by it");
    let told = house.json("/api/v1/inverters/mine", &proof).await;
    let readiness = &told["readiness"];
    assert_eq!(readiness["protection"], "protected");
    assert_eq!(readiness["basis"]["kind"], "annual test");
    let seconds = |name: &str| readiness["now"][name].as_u64().unwrap();
    assert!(seconds("low_seconds") >= 5_400 && seconds("low_seconds") < seconds("seconds"), "{readiness}");
    assert!(seconds("seconds") < seconds("high_seconds"), "{readiness}");
    assert_eq!(told["would_hold_minutes"].as_u64().unwrap(), seconds("seconds") / 60);
    assert_eq!(readiness["tests"]["rule_set"], "nfpa_101");
}

#[tokio::test]
async fn what_is_not_known_says_why_and_is_not_ready() {
    let (house, inverter, proof) = house(&[]).await;
    let why = "No test and no outage was seen in the last 30\u{a0}days. It needs one annual test.";
    let page = house.text("/inverters/mine", &proof).await;
    assert!(
        page.contains("Not known yet") && page.contains(why) && page.contains("<b>Unknown</b>"),
        "{page}"
    );
    let readiness = house.json("/api/v1/inverters/mine", &proof).await["readiness"].clone();
    assert_eq!((&readiness["why_unknown"], &readiness["now"]), (&"no_test".into(), &serde_json::Value::Null));
    // What the inverter itself says comes second, and is named as that.
    house.read(inverter, house.now(), sample(104));
    let page = house.text("/inverters/mine", &proof).await;
    assert!(page.contains("104\u{a0}min") && page.contains("Ours is not known yet: no test"), "{page}");
}

#[tokio::test]
async fn a_battery_that_falls_short_fades_and_lamps_that_are_out_are_said() {
    let (house, inverter, proof) = house(&[112.0, 98.0, 80.0]).await;
    tell(&house, inverter, |state| {
        for (one, load) in state.readiness.evidence.iter_mut().zip([6_100.0, 6_100.0, 5_300.0]) {
            one.load_mean = load;
        }
    });
    let page = house.text("/inverters/mine", &proof).await;
    for words in [
        "Unprotected",
        "Even by the upper end",
        "13\u{a0}% less load in the last test. Lamps are out.",
        "a year. It falls short of 90 min now.",
    ] {
        assert!(page.contains(words), "{words}");
    }
    let readiness = house.json("/api/v1/inverters/mine", &proof).await["readiness"].clone();
    assert_eq!((&readiness["protection"], &readiness["lamps"]), (&"unprotected".into(), &"lost".into()));
    assert!(readiness["forecast"]["change_per_year"].as_f64().unwrap() < 0.0, "{readiness}");
}

#[tokio::test]
async fn on_battery_the_countdown_speaks() {
    let (house, inverter, proof) = house(&[118.0]).await;
    let mut dark = silent();
    dark.flags = outage(1).flags;
    dark.conditions = outage(1).conditions;
    house.read(inverter, house.now(), dark);
    let page = house.text("/inverters/mine", &proof).await;
    for words in [
        "of light left",
        "Counted from the Nov\u{a0}7 annual test and corrected",
        "the lights go out between",
        "Feeding the load",
    ] {
        assert!(page.contains(words), "{words}");
    }
    let readiness = house.json("/api/v1/inverters/mine", &proof).await["readiness"].clone();
    assert!(readiness["protection"].is_null() && readiness["left"]["low"].is_string(), "{readiness}");
}

#[tokio::test]
async fn a_battery_that_charges_says_when_it_is_full() {
    let (house, inverter, proof) = house(&[118.0]).await;
    let mut dark = silent();
    (dark.flags, dark.conditions) = (outage(1).flags, outage(1).conditions);
    house.read(inverter, house.now().plus_ms(-900), dark);
    tell(&house, inverter, |state| state.readiness.charge.drawn(0.6, 80.0));
    let mut charging = silent();
    charging.flags.set(Flag::BatteryCharging, true);
    charging.quantities.set(Quantity::BATTERY_CURRENT, 1_000);
    house.read(inverter, house.now(), charging);
    let page = house.text("/inverters/mine", &proof).await;
    for words in [
        "Recharging, full at about",
        "what the battery has charged since",
        "When full it holds the 90 required minutes",
    ] {
        assert!(page.contains(words), "{words}");
    }
    assert!(house.text("/fleet", &proof).await.contains("Recharging, full at about"));
    let readiness = house.json("/api/v1/inverters/mine", &proof).await["readiness"].clone();
    assert_eq!(readiness["protection"], "recharging");
    assert!(readiness["full_in_seconds"].as_u64().unwrap() > 600, "{readiness}");
}

#[tokio::test]
async fn rules_for_tests_are_chosen_where_minutes_are() {
    let (house, _, proof) = house(&[]).await;
    let typed = |rules: &str| format!("name=East+Tower&required=90&rules={rules}");
    let said = house.form("/inverters/mine/settings", &proof, &typed("en_50172")).await;
    assert_eq!(said.status(), StatusCode::SEE_OTHER);
    let page = house.text("/inverters/mine/settings", &proof).await;
    assert!(page.contains("<option value=\"en_50172\" selected>"), "{page}");
    let told = house.json("/api/v1/inverters/mine", &proof).await;
    assert_eq!(told["readiness"]["tests"]["rule_set"], "en_50172");
    let said = house.form("/inverters/mine/settings", &proof, &typed("en_1")).await;
    assert_eq!(said.status(), StatusCode::BAD_REQUEST);
}
