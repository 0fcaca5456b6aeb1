//! The alarm inbox: who sees what, who may acknowledge and put away, and that the second reader sees who has seen it.

use fleet::Role;
use http::{Method, StatusCode};
use wire::{Condition, Sample};

use crate::house::{House, ORIGIN, Proof, body, sample};

fn hot() -> Sample {
    let mut hot = sample(104);
    hot.conditions.set(Condition::AMBIENT_HIGH, true);
    hot
}

fn faulty() -> Sample {
    let mut faulty = sample(104);
    faulty.conditions.set(Condition::CHARGER_FAULT, true);
    faulty
}

/// A house with a charger fault in Hall B and a warning in Parking P1; who manages both, who may look at Hall B, a stranger.
async fn house() -> (House, Proof, Proof, Proof) {
    let house = House::new().await;
    let (dana, luis) = (house.account("dana@x.test").await, house.account("luis@x.test").await);
    let mei = house.account("mei@x.test").await;
    let (hall, parking) =
        (house.inverter("hallb", "Hall B").await, house.inverter("parking", "Parking P1").await);
    for (account, inverter, role) in
        [(dana, hall, Role::ReadWrite), (dana, parking, Role::ReadWrite), (luis, hall, Role::ReadOnly)]
    {
        house.grant(account, inverter, role).await;
    }
    let at = |ms: i64| house.now().plus_ms(-ms);
    house.read(hall, at(60_000), faulty());
    house.read(hall, at(1_000), faulty());
    house.read(parking, at(90_000), hot());
    house.read(parking, at(1_000), hot());
    let (dana, luis) = (house.session(dana).await, house.session(luis).await);
    let mei = house.session(mei).await;
    (house, dana, luis, mei)
}

async fn page(house: &House, proof: &Proof) -> String {
    let response = house.get("/alarms", proof).await;
    assert_eq!(response.status(), StatusCode::OK);
    body(response).await
}

/// The addresses that the page's forms of one kind send to.
fn forms(page: &str, verb: &str) -> Vec<String> {
    let parts = page.split("action=\"").skip(1).filter_map(|rest| rest.split('"').next());
    parts.filter(|action| action.ends_with(verb)).map(str::to_owned).collect()
}

#[tokio::test]
async fn acknowledged_by_one_and_seen_by_the_other() {
    let (house, dana, luis, mei) = house().await;
    let first = page(&house, &dana).await;
    assert!(first.contains("Alarms: 2 not acknowledged") && first.contains("Charger fault"), "{first}");
    let (fault, warning) = (first.find("Charger fault").unwrap(), first.find("High cabinet").unwrap());
    assert!(fault < warning, "the most urgent first");
    let all = forms(&first, "/acknowledge");
    assert_eq!(all.len(), 2);
    // Who may only look finds no button, and is told so who asks all the same; a stranger finds nothing.
    let seen = page(&house, &luis).await;
    assert!(seen.contains("Charger fault") && forms(&seen, "/acknowledge").is_empty());
    assert!(!page(&house, &mei).await.contains("Charger fault"));
    let ask = async |proof: &Proof, action: &str| {
        house.send(Method::POST, action, proof, &[("origin", ORIGIN)], "note=on+it").await.status()
    };
    assert_eq!(ask(&luis, &all[0]).await, StatusCode::FORBIDDEN);
    assert_eq!(ask(&mei, &all[0]).await, StatusCode::NOT_FOUND);
    assert_eq!(ask(&dana, "/alarms/hallb.0000000000000000/acknowledge").await, StatusCode::NOT_FOUND);
    assert_eq!(ask(&dana, &all[0]).await, StatusCode::SEE_OTHER);
    let seen = page(&house, &luis).await;
    assert!(seen.contains("Acknowledged by Dana Okafor, "), "{seen}");
    assert_eq!(forms(&page(&house, &dana).await, "/acknowledge").len(), 1);
}

#[tokio::test]
async fn a_warning_is_put_away_and_taken_back_and_an_alarm_is_not() {
    let (house, dana, ..) = house().await;
    let first = page(&house, &dana).await;
    let offered = forms(&first, "/shelve");
    assert_eq!(offered.len(), 1, "of the warning only");
    let ask = async |action: &str, form: &str| {
        house.send(Method::POST, action, &dana, &[("origin", ORIGIN)], form).await.status()
    };
    assert_eq!(ask(&offered[0], "hours=8&reason=").await, StatusCode::BAD_REQUEST);
    assert_eq!(ask(&offered[0], "hours=9&reason=a").await, StatusCode::BAD_REQUEST);
    let fault = forms(&first, "/acknowledge")[0].replace("/acknowledge", "/shelve");
    assert_eq!(ask(&fault, "hours=8&reason=a").await, StatusCode::BAD_REQUEST);
    assert_eq!(ask(&offered[0], "hours=8&reason=the+fan+is+ordered").await, StatusCode::SEE_OTHER);
    let second = page(&house, &dana).await;
    assert!(second.contains("Shelved") && second.contains("Back by itself"), "{second}");
    let back = forms(&second, "/unshelve");
    assert_eq!(ask(&back[0], "").await, StatusCode::SEE_OTHER);
    assert!(forms(&page(&house, &dana).await, "/unshelve").is_empty());
}

#[tokio::test]
async fn no_alarm_is_said_in_words() {
    let house = House::new().await;
    let account = house.account("a@x.test").await;
    let proof = house.session(account).await;
    assert!(page(&house, &proof).await.contains("No active alarms"));
}

#[tokio::test]
async fn a_link_in_a_message_leads_to_the_alarm_and_acknowledges_nothing() {
    let (house, dana, luis, mei) = house().await;
    let inverters = house.state.inverters().await.unwrap();
    let hall = inverters.iter().find(|inverter| inverter.public_id == "hallb").unwrap().key;
    house.alarm(hall, "7KQ2M9XA").await;
    let leads = async |path: &str, proof: &Proof| {
        let response = house.get(path, proof).await;
        let to = response.headers().get(http::header::LOCATION).map(|to| to.to_str().unwrap().to_owned());
        (response.status(), to)
    };
    for who in [&dana, &luis] {
        let (status, to) = leads("/a/7KQ2M9XA", who).await;
        assert_eq!((status, to.as_deref()), (StatusCode::SEE_OTHER, Some("/inverters/hallb")));
    }
    assert_eq!(leads("/a/7KQ2M9XA?do=acknowledge", &dana).await.1.as_deref(), Some("/alarms"));
    assert!(page(&house, &dana).await.contains("Alarms: 2 not acknowledged"), "nothing was acknowledged");
    assert_eq!(leads("/a/7KQ2M9XA", &mei).await, (StatusCode::NOT_FOUND, None));
    assert_eq!(leads("/a/NOTTHERE", &dana).await, (StatusCode::NOT_FOUND, None));
    let signed_out = leads("/a/7KQ2M9XA", &Proof::None).await;
    assert_eq!(signed_out.1.as_deref(), Some("/sign-in?next=/a/7KQ2M9XA"));
}
