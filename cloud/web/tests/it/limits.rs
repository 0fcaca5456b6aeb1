//! Limits: set and removed by who may manage, refused in plain words, and raising alarms under their own name.

use fleet::Role;
use http::{Method, StatusCode};
use serde_json::json;
use wire::{Quantity, Sample};

use crate::house::{House, ORIGIN, Proof, body, sample};

const PAGE: &str = "/inverters/hallb/limits";
const FORM: &str = "quantity=ambient.temperature&side=above&raise=40&clear=38.5&raise_delay=60&clear_delay=0&severity=warning";

async fn house() -> (House, Proof, Proof, Proof) {
    let house = House::new().await;
    let (dana, luis) = (house.account("dana@x.test").await, house.account("luis@x.test").await);
    let hall = house.inverter("hallb", "Hall B").await;
    house.grant(dana, hall, Role::ReadWrite).await;
    house.grant(luis, hall, Role::ReadOnly).await;
    house.read(hall, house.now(), sample(104));
    let token = house.token_reaching(dana, true, None).await;
    let (dana, luis) = (house.session(dana).await, house.session(luis).await);
    (house, dana, luis, token)
}

fn hot() -> Sample {
    let mut hot = sample(104);
    hot.quantities.set(Quantity::AMBIENT_TEMPERATURE, 415);
    hot
}

async fn ask(house: &House, proof: &Proof, path: &str, form: &str) -> (StatusCode, String) {
    let response = house.send(Method::POST, path, proof, &[("origin", ORIGIN)], form).await;
    (response.status(), body(response).await)
}

fn removals(page: &str) -> Vec<String> {
    let parts = page.split("action=\"").skip(1).filter_map(|rest| rest.split('"').next());
    parts.filter(|action| action.ends_with("/remove")).map(str::to_owned).collect()
}

#[tokio::test]
async fn a_limit_raises_an_alarm_of_its_own_name_and_takes_it_with_it() {
    let (house, dana, luis, _) = house().await;
    assert_eq!(ask(&house, &luis, PAGE, FORM).await.0, StatusCode::FORBIDDEN);
    assert_eq!(ask(&house, &dana, PAGE, FORM).await.0, StatusCode::SEE_OTHER);
    let words = "Cabinet temperature above 40\u{a0}°C";
    let seen = house.text(PAGE, &luis).await;
    assert!(seen.contains(words) && seen.contains("over at 38.5\u{a0}°C at once."), "{seen}");
    assert!(removals(&seen).is_empty() && !seen.contains("name=\"raise\"") && seen.contains("View only"));
    let inverters = house.state.inverters().await.unwrap();
    let hall = inverters[0].key;
    house.read(hall, house.now(), hot());
    assert!(house.text("/alarms", &dana).await.contains("No active alarms"), "not for its minute yet");
    house.wait(61_000);
    house.read(hall, house.now(), hot());
    for path in ["/alarms", "/inverters/hallb", "/fleet"] {
        let page = house.text(path, &luis).await;
        assert!(page.contains(words), "{path}: {page}");
    }
    let remove = &removals(&house.text(PAGE, &dana).await)[0];
    assert_eq!(ask(&house, &luis, remove, "").await.0, StatusCode::FORBIDDEN);
    assert_eq!(ask(&house, &dana, "/inverters/hallb/limits/1/remove", "").await.0, StatusCode::NOT_FOUND);
    assert_eq!(ask(&house, &dana, remove, "").await.0, StatusCode::SEE_OTHER);
    assert!(house.text("/alarms", &dana).await.contains("No active alarms"), "its alarm is over");
    assert!(house.text(PAGE, &dana).await.contains("None set"));
    let activity = house.text("/inverters/hallb/activity", &dana).await;
    assert!(activity.contains("set a limit of Hall B") && activity.contains("removed a limit of Hall B"));
}

/// ASVS 5.0: 2.1.2, 2.2.1, 2.2.2, 2.2.3.
#[tokio::test]
async fn what_is_refused_says_what_to_type() {
    let (house, dana, ..) = house().await;
    let check = async |from: &str, to: &str, words: &str| {
        let form = FORM.replace(from, to);
        let (status, page) = ask(&house, &dana, PAGE, &form).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{form}");
        assert!(page.contains(words), "{form}: {page}");
    };
    check("raise=40", "raise=hot", "Type both levels as numbers in °C").await;
    check("raise=40", "raise=38,5", "Type both levels as numbers").await;
    check("raise=40", "raise=NaN", "Type both levels as numbers").await;
    check("raise=40", "raise=1e30", "Type both levels as numbers").await;
    check("clear=38.5", "clear=", "Type both levels as numbers").await;
    check("clear=38.5", "clear=41", "An alarm above 40\u{a0}°C is over at that level or below it").await;
    check("side=above", "side=below", "An alarm below 40\u{a0}°C is over at that level or above it").await;
    check("side=above", "side=beside", "Choose “above” or “below”.").await;
    check("raise_delay=60", "raise_delay=86401", "Choose delays from nothing to 24 hours.").await;
    check("raise_delay=60", "raise_delay=-1", "Choose delays").await;
    check("raise_delay=60", "raise_delay=long", "Choose delays").await;
    check("severity=warning", "severity=high", "Choose “info”").await;
    check("ambient.temperature", "battery.temperature", "has not reported").await;
    check("ambient.temperature", "ambient.humour", "Choose one of the values").await;
    for _ in 0..fleet::alarm::MOST_LIMITS {
        assert_eq!(ask(&house, &dana, PAGE, FORM).await.0, StatusCode::SEE_OTHER);
    }
    check("", "", "Hall B has 16 limits and takes no more.").await;
}

#[tokio::test]
async fn programs_set_and_remove_limits_by_the_api() {
    let (house, _, luis, token) = house().await;
    let path = "/api/v1/inverters/hallb/limits";
    let wanted = json!({
        "quantity": "battery.voltage", "side": "below", "raise": 120.5, "clear": 122, "raise_delay_s": 10,
        "severity": "critical",
    });
    let post = async |text: &str| house.send(Method::POST, path, &token, &[], text).await;
    let made = post(&wanted.to_string()).await;
    assert_eq!(made.status(), StatusCode::CREATED);
    let made: serde_json::Value = serde_json::from_str(&body(made).await).unwrap();
    assert_eq!(
        (&made["raise"], &made["clear_delay_s"], &made["unit"]),
        (&json!(120.5), &json!(0), &json!("V"))
    );
    assert_eq!(house.json(path, &luis).await["items"], json!([made]));
    for (text, words) in [
        ("[]", "Send JSON"),
        (
            r#"{"quantity":"battery.voltage","side":"below","raise":"low","clear":1,"severity":"info"}"#,
            "Send JSON",
        ),
        (
            r#"{"quantity":"battery.voltage","side":"below","raise":2,"clear":1,"severity":"info"}"#,
            "is lower",
        ),
        (r#"{"quantity":"battery.volts","side":"below","raise":2,"clear":3,"severity":"info"}"#, "values"),
    ] {
        let response = post(text).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{text}");
        let problem = body(response).await;
        assert!(problem.contains(words), "{text}: {problem}");
    }
    let one = format!("{path}/{}", made["id"].as_str().unwrap());
    let delete = async |path: &str| house.send(Method::DELETE, path, &token, &[], "").await.status();
    assert_eq!(delete(&format!("{path}/x")).await, StatusCode::NOT_FOUND);
    assert_eq!(delete(&one).await, StatusCode::NO_CONTENT);
    assert_eq!(delete(&one).await, StatusCode::NOT_FOUND);
}
