//! Maintenance windows: who may plan and end them, what is refused in which words, and that every page says so.

use fleet::Role;
use http::{Method, StatusCode, header};
use serde_json::json;

use crate::house::{House, ORIGIN, Proof, body, outage, sample};

const PAGE: &str = "/inverters/hallb/maintenance";

/// Hall B and Parking P1 at one site: Dana manages both, Luis looks at Hall B, Mei sees neither.
async fn house() -> (House, Proof, Proof, Proof) {
    let house = House::new().await;
    let (dana, luis) = (house.account("dana@x.test").await, house.account("luis@x.test").await);
    let mei = house.account("mei@x.test").await;
    let (hall, parking) =
        (house.inverter("hallb", "Hall B").await, house.inverter("parking", "Parking P1").await);
    let lobby = house.inverter("lobby", "Lobby").await;
    for inverter in [hall, parking] {
        house.grant(dana, inverter, Role::ReadWrite).await;
    }
    house.grant(dana, lobby, Role::ReadOnly).await;
    house.grant(luis, hall, Role::ReadOnly).await;
    for inverter in [hall, parking, lobby] {
        house.read(inverter, house.now(), sample(104));
    }
    let (dana, luis) = (house.session(dana).await, house.session(luis).await);
    let mei = house.session(mei).await;
    (house, dana, luis, mei)
}

/// It is 3:07 AM on November 17 in New York, where the inverters stand.
const FORM: &str = "from=&to=2026-11-17T16%3A00&reason=battery+exchange&scope=inverter";

async fn ask(house: &House, proof: &Proof, path: &str, form: &str) -> (StatusCode, String) {
    let response = house.send(Method::POST, path, proof, &[("origin", ORIGIN)], form).await;
    (response.status(), body(response).await)
}

fn endings(page: &str) -> Vec<String> {
    let parts = page.split("action=\"").skip(1).filter_map(|rest| rest.split('"').next());
    parts.filter(|action| action.ends_with("/end")).map(str::to_owned).collect()
}

#[tokio::test]
async fn a_window_is_planned_shown_everywhere_and_ended_early() {
    let (house, dana, luis, mei) = house().await;
    assert!(house.text(PAGE, &dana).await.contains("None planned"));
    assert_eq!(ask(&house, &luis, PAGE, FORM).await.0, StatusCode::FORBIDDEN);
    assert_eq!(ask(&house, &mei, PAGE, FORM).await.0, StatusCode::NOT_FOUND);
    assert_eq!(ask(&house, &dana, PAGE, FORM).await.0, StatusCode::SEE_OTHER);
    let words = "Maintenance until 4:00\u{a0}PM, Dana Okafor: battery exchange";
    for path in ["/fleet", "/inverters/hallb", "/alarms"] {
        let page = house.text(path, &luis).await;
        assert!(page.contains(words), "{path}: {page}");
    }
    assert!(!house.text("/inverters/parking", &dana).await.contains("Maintenance until"));
    // Who may only look sees the window, and nothing that would be refused.
    let page = house.text(PAGE, &luis).await;
    assert!(page.contains("Until 4:00\u{a0}PM") && page.contains("Dana Okafor: battery exchange"), "{page}");
    assert!(page.contains("View only") && endings(&page).is_empty() && !page.contains("name=\"to\""));
    let end = &endings(&house.text(PAGE, &dana).await)[0];
    assert_eq!(ask(&house, &luis, end, "").await.0, StatusCode::FORBIDDEN);
    assert_eq!(ask(&house, &mei, end, "").await.0, StatusCode::NOT_FOUND);
    let elsewhere = end.replace("hallb", "parking");
    assert_eq!(ask(&house, &dana, &elsewhere, "").await.0, StatusCode::NOT_FOUND, "it has no such window");
    assert_eq!(ask(&house, &dana, end, "").await.0, StatusCode::SEE_OTHER);
    assert!(!house.text("/fleet", &luis).await.contains("Maintenance until"));
    assert_eq!(ask(&house, &dana, end, "").await.0, StatusCode::NOT_FOUND, "it is over");
    let activity = house.text("/inverters/hallb/activity", &dana).await;
    for words in ["planned maintenance of Hall B", "ended maintenance of Hall B", "battery exchange"] {
        assert!(activity.contains(words), "{words}: {activity}");
    }
}

#[tokio::test]
async fn a_site_is_one_window_at_all_inverters_that_the_planner_manages() {
    let (house, dana, ..) = house().await;
    let page = house.text(PAGE, &dana).await;
    assert!(page.contains("All 2 at St. Brendan Medical Center"), "{page}");
    let form = FORM.replace("scope=inverter", "scope=site");
    assert_eq!(ask(&house, &dana, PAGE, &form).await.0, StatusCode::SEE_OTHER);
    let count = async |path: &str| house.text(path, &dana).await.matches("Maintenance until").count();
    assert_eq!((count("/inverters/parking").await, count("/inverters/lobby").await), (1, 0));
    let alarms = house.text("/alarms", &dana).await;
    assert!(alarms.contains("2 inverters at St. Brendan Medical Center"), "{alarms}");
    // Both are told of in the log, and both end together.
    for id in ["hallb", "parking"] {
        let activity = house.text(&format!("/inverters/{id}/activity"), &dana).await;
        assert!(activity.contains("planned maintenance of"), "{activity}");
    }
    let end = &endings(&house.text("/inverters/parking/maintenance", &dana).await)[0];
    assert_eq!(ask(&house, &dana, end, "").await.0, StatusCode::SEE_OTHER);
    assert_eq!((count("/inverters/hallb").await, count("/inverters/parking").await), (0, 0));
}

#[tokio::test]
async fn while_it_runs_alarms_are_recorded_and_say_so_and_after_it_they_are_told() {
    let (house, dana, ..) = house().await;
    ask(&house, &dana, PAGE, FORM).await;
    let inverters = house.state.inverters().await.unwrap();
    let hall = inverters.iter().find(|inverter| inverter.public_id == "hallb").unwrap().key;
    house.read(hall, house.now(), outage(90));
    let alarms = house.text("/alarms", &dana).await;
    assert!(
        alarms.contains("Utility power lost") && alarms.matches("Maintenance until").count() == 2,
        "{alarms}"
    );
    // Nobody clicked anything: the window ends by itself.
    house.wait(14 * 3_600_000);
    let later = house.account("later@x.test").await;
    house.grant(later, hall, Role::ReadWrite).await;
    let later = house.session(later).await;
    assert!(!house.text("/fleet", &later).await.contains("Maintenance until"));
    assert!(house.text(PAGE, &later).await.contains("None planned"));
}

/// ASVS 5.0: 2.2.2, 2.2.3.
#[tokio::test]
async fn what_is_refused_says_what_to_type() {
    let (house, dana, ..) = house().await;
    for (form, words) in [
        ("reason=a", "Type the day and the time at which it ends."),
        ("to=soon&reason=a", "Type the day and the time at which it ends."),
        ("to=2026-11-17T16:00&reason=+", "Say why"),
        ("to=2026-11-17T02:00&reason=a", "Choose an end that is after the start and not over already."),
        ("from=2026-11-18T10:00&to=2026-11-18T09:00&reason=a", "Choose an end that is after the start"),
        ("to=2026-12-17T03:08&reason=a", "30 days at most"),
    ] {
        let (status, page) = ask(&house, &dana, PAGE, form).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{form}");
        assert!(page.contains(words), "{form}: {page}");
    }
    let typed = ask(&house, &dana, PAGE, "to=2026-11-17T02:00&reason=fan+%3Cnew%3E").await.1;
    assert!(typed.contains("value=\"2026-11-17T02:00\"") && typed.contains("fan &#60;new&#62;"), "{typed}");
    for _ in 0..fleet::alarm::MOST_WINDOWS {
        assert_eq!(ask(&house, &dana, PAGE, FORM).await.0, StatusCode::SEE_OTHER);
    }
    let (status, page) = ask(&house, &dana, PAGE, FORM).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.contains("Hall B has 16 windows that are not over"), "{page}");
    // One that has never reported has nothing to keep quiet.
    let silent = house.inverter("silent", "Attic").await;
    let account = house.account("attic@x.test").await;
    house.grant(account, silent, Role::ReadWrite).await;
    let own = house.session(account).await;
    let (status, page) = ask(&house, &own, "/inverters/silent/maintenance", FORM).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.contains("Attic has not reported yet"), "{page}");
}

#[tokio::test]
async fn programs_plan_and_end_windows_by_the_api() {
    let (house, ..) = house().await;
    let account = house.account("program@x.test").await;
    let inverters = house.state.inverters().await.unwrap();
    let hall = inverters.iter().find(|inverter| inverter.public_id == "hallb").unwrap().key;
    house.grant(account, hall, Role::ReadWrite).await;
    let (read, write) = (house.token(account).await, house.token_reaching(account, true, None).await);
    let path = "/api/v1/inverters/hallb/maintenance";
    let text = json!({"to": "2026-11-17T21:00:00Z", "reason": "Battery exchange"}).to_string();
    let post = async |proof: &Proof, text: &str| house.send(Method::POST, path, proof, &[], text).await;
    assert_eq!(post(&read, &text).await.status(), StatusCode::FORBIDDEN);
    let made = post(&write, &text).await;
    assert_eq!(made.status(), StatusCode::CREATED);
    assert_eq!(made.headers()[header::CONTENT_TYPE], "application/json");
    let made: serde_json::Value = serde_json::from_str(&body(made).await).unwrap();
    assert_eq!(made["from"], "2026-11-17T08:07:00.000Z");
    assert_eq!((&made["running"], &made["tells_critical"]), (&json!(true), &json!(true)));
    let listed = house.json(path, &read).await;
    assert_eq!(listed["items"], json!([made]));
    for (text, words) in [
        ("{}", "Send JSON"),
        (r#"{"to":"tomorrow","reason":"a"}"#, "Send JSON"),
        (r#"{"to":"2026-11-17T07:00:00Z","reason":"a"}"#, "not over already"),
        (r#"{"to":"2026-11-17T21:00:00Z","reason":""}"#, "Say why"),
        (r#"{"to":"2026-11-17T21:00:00Z","reason":"a","until":1}"#, "Send JSON"),
    ] {
        let response = post(&write, text).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{text}");
        let problem = body(response).await;
        assert!(problem.contains(words), "{text}: {problem}");
    }
    let one = format!("{path}/{}", made["id"].as_str().unwrap());
    let delete =
        async |proof: &Proof, path: &str| house.send(Method::DELETE, path, proof, &[], "").await.status();
    assert_eq!(delete(&read, &one).await, StatusCode::FORBIDDEN);
    assert_eq!(delete(&write, &format!("{path}/nothing")).await, StatusCode::NOT_FOUND);
    assert_eq!(delete(&write, &one).await, StatusCode::NO_CONTENT);
    assert_eq!(house.json(path, &read).await["items"], json!([]));
    assert_eq!(delete(&write, &one).await, StatusCode::NOT_FOUND);
}
