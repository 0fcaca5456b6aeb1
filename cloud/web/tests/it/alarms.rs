//! The alarm inbox: who sees what, who may acknowledge and put away, and that the second reader sees who has seen it.

use fleet::alarm::{AlarmTurn, Turned};
use fleet::notice::Channel;
use fleet::{Cause, Event, EventKind, InverterKey, Role};
use http::{Method, StatusCode, header};
use store::state::{EventRow, IncidentKey, Made, NewMessage};
use wire::{Condition, Sample};

use crate::house::{House, ORIGIN, Proof, body, sample};
use crate::live::Stream;

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
    assert!(!page(&house, &dana).await.contains("High cabinet"));
    let second = house.text("/alarms?view=shelved", &dana).await;
    assert!(second.contains("High cabinet") && second.contains("Back by itself"), "{second}");
    let back = forms(&second, "/unshelve");
    assert_eq!(ask(&back[0], "").await, StatusCode::SEE_OTHER);
    assert!(house.text("/alarms?view=shelved", &dana).await.contains("Nothing on the shelf"));
}

#[tokio::test]
async fn no_alarm_is_said_in_words() {
    let house = House::new().await;
    let account = house.account("a@x.test").await;
    let proof = house.session(account).await;
    assert!(page(&house, &proof).await.contains("No active alarms"));
}

/// ASVS 5.0: 3.5.3.
#[tokio::test]
async fn a_link_in_a_message_leads_to_the_alarm_and_acknowledges_nothing() {
    let (house, dana, luis, mei) = house().await;
    let inverters = house.state.inverters().await.unwrap();
    let hall = inverters.iter().find(|inverter| inverter.public_id == "hallb").unwrap().key;
    house.alarm(hall, "7KQ2M9XA").await;
    let leads = async |path: &str, proof: &Proof| {
        let response = house.get(path, proof).await;
        let to = response.headers().get(header::LOCATION).map(|to| to.to_str().unwrap().to_owned());
        (response.status(), to)
    };
    for who in [&dana, &luis] {
        let (status, to) = leads("/a/7KQ2M9XA", who).await;
        let to = to.unwrap();
        assert!(status == StatusCode::SEE_OTHER && to.starts_with("/alarms/hallb."), "{to}");
        assert!(house.text(&to, who).await.contains("Charger fault"));
    }
    let button = leads("/a/7KQ2M9XA?do=acknowledge", &dana).await.1.unwrap();
    assert!(button.starts_with("/alarms/hallb.") && button.ends_with("#acknowledge"), "{button}");
    assert!(page(&house, &dana).await.contains("Alarms: 2 not acknowledged"), "nothing was acknowledged");
    assert_eq!(leads("/a/7KQ2M9XA", &mei).await, (StatusCode::NOT_FOUND, None));
    assert_eq!(leads("/a/NOTTHERE", &dana).await, (StatusCode::NOT_FOUND, None));
    let signed_out = leads("/a/7KQ2M9XA", &Proof::None).await;
    assert_eq!(signed_out.1.as_deref(), Some("/sign-in?next=/a/7KQ2M9XA"));
}

async fn hall(house: &House) -> InverterKey {
    let inverters = house.state.inverters().await.unwrap();
    inverters.iter().find(|inverter| inverter.public_id == "hallb").unwrap().key
}

/// The address of the first alarm that a page lists.
fn first_alarm(page: &str) -> String {
    let rest = page.split("href=\"/alarms/").nth(1).unwrap();
    format!("/alarms/{}", rest.split('"').next().unwrap())
}

#[tokio::test]
async fn an_alarm_has_a_page_where_it_is_acknowledged_with_a_note() {
    let (house, dana, luis, mei) = house().await;
    let address = first_alarm(&page(&house, &dana).await);
    let shown = house.text(&address, &dana).await;
    for words in ["Charger fault", "Hall B", "What to do", "Call service today", "name=\"note\""] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    let looks = house.text(&address, &luis).await;
    assert!(looks.contains("Nobody has acknowledged it yet. Dana Okafor can."), "{looks}");
    assert!(!looks.contains("name=\"note\""));
    assert_eq!(house.get(&address, &mei).await.status(), StatusCode::NOT_FOUND);
    assert_eq!(house.get("/alarms/hallb.0000000000000000", &dana).await.status(), StatusCode::NOT_FOUND);
    let form = "note=on+%3Cmy%3E+way&back=alarm";
    let response = house.form(&format!("{address}/acknowledge"), &dana, form).await;
    assert_eq!(response.headers()[header::LOCATION], format!("{address}?done=acknowledged"));
    for path in [address.as_str(), "/alarms"] {
        let seen = house.text(path, &luis).await;
        assert!(seen.contains("Acknowledged by Dana Okafor, 3:07\u{a0}AM: “on &#60;my&#62; way”"), "{seen}");
    }
}

#[tokio::test]
async fn a_page_tells_what_happened_and_who_was_told_and_how_that_went() {
    let (house, dana, ..) = house().await;
    let hall = hall(&house).await;
    let address = first_alarm(&page(&house, &dana).await);
    let state = web::Live::state(&*house.live, hall).unwrap();
    let name = state.open_alarms().next().unwrap().name;
    let by = house
        .state
        .account_by_email(&store::state::Email::parse("luis@x.test").unwrap())
        .await
        .unwrap()
        .unwrap()
        .key;
    let happened = |ms: i64, what: Turned| {
        let at = house.now().plus_ms(ms);
        let turn = AlarmTurn { alarm: name.clone(), what };
        let kind = EventKind::Alarm(turn);
        let event = Event { time: at, received_at: at, cause: Cause::default(), late: false, kind };
        EventRow {
            inverter: hall,
            key: event.key(),
            kind: event.kind.name().to_owned(),
            condition: None,
            occurred_at: at,
            received_at: at,
            late: false,
            detail: event.kind.detail(),
        }
    };
    let raised = happened(-60_000, Turned::Raised { unstable: false, quiet: false });
    let seen = happened(-1_000, Turned::Acknowledged { by, note: "at the cabinet".to_owned() });
    house.state.commit_events(&[raised, seen]).await.unwrap();
    let incident = IncidentKey(7);
    let alarm = house.alarm_row(hall, &name.to_string(), "7KQ2M9XA", Some(incident));
    let message = NewMessage {
        key: "7/1/email".to_owned(),
        channel: Channel::Email,
        to: "luis@x.test".to_owned(),
        account: by,
        incident,
        kind: "alarm",
        subject: "ALARM".to_owned(),
        text: "…".to_owned(),
        html: String::new(),
        queued_at: house.now().plus_ms(-30_000),
        due_at: house.now().plus_ms(-30_000),
        expires_at: house.now().plus_ms(60_000),
    };
    let made = Made { alarms: vec![alarm], messages: vec![message], ..Made::default() };
    assert!(house.state.announcing().await.unwrap().commit(&made).await.unwrap());
    let shown = house.text(&address, &dana).await;
    let at = |words: &str| shown.find(words).unwrap_or_else(|| panic!("{words}: {shown}"));
    let (raised, told) = (at("<b>Raised</b>"), at("E-mail to Dana Okafor"));
    assert!(raised < told && told < at("“at the cabinet”"), "in order of time");
    at("Waits to be sent since 3:06:30\u{a0}AM");
    assert!(!shown.contains("luis@x.test"), "who was told is said by name");
}

#[tokio::test]
async fn what_was_raised_stands_in_the_history_of_who_may_see_it() {
    let (house, dana, luis, mei) = house().await;
    let hall = hall(&house).await;
    house.alarm(hall, "7KQ2M9XA").await;
    house.wait(1_000);
    for (path, who) in [
        ("/alarms?view=history", &dana),
        ("/alarms?view=history&inverter=hallb", &luis),
        ("/inverters/hallb", &luis),
    ] {
        let page = house.text(path, who).await;
        assert!(page.contains("Last 30&nbsp;days") || page.contains("Alarms of the last 30"), "{path}");
        assert!(
            page.contains("Charger fault") && first_alarm(&page).starts_with("/alarms/hallb."),
            "{path}: {page}"
        );
    }
    assert!(house.text("/alarms?view=history&inverter=parking", &dana).await.contains("No alarms"));
    assert!(!house.text("/alarms?view=history", &mei).await.contains("Charger fault"));
    let foreign = house.get("/alarms?view=history&inverter=hallb", &mei).await.status();
    assert_eq!(foreign, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn lists_and_pages_change_without_a_reload_and_end_with_the_grant() {
    let (house, dana, luis, _) = house().await;
    let hall = hall(&house).await;
    let address = first_alarm(&page(&house, &dana).await);
    let mut list = Stream::open(&house, "/live/alarms?view=active", &luis).await;
    let mut one = Stream::open(&house, &format!("/live{address}"), &luis).await;
    list.until("fragment", "Charger fault").await;
    one.until("fragment", "Nobody has acknowledged it yet").await;
    // A reading alone is nothing that either tells.
    house.wait(1_000);
    house.read(hall, house.now(), faulty());
    house.form(&format!("{address}/acknowledge"), &dana, "note=coming").await;
    for stream in [&mut list, &mut one] {
        let told = stream.until("fragment", "Acknowledged by Dana Okafor").await;
        assert!(told.contains("“coming”"), "{told}");
    }
    let mut outage = faulty();
    outage.conditions.set(Condition::OVERLOAD, true);
    house.wait(1_000);
    house.read(hall, house.now(), outage);
    list.until("fragment", "Load above rating").await;
    let luis =
        house.state.account_by_email(&store::state::Email::parse("luis@x.test").unwrap()).await.unwrap();
    house.ungrant(luis.unwrap().key, hall).await;
    one.until("signed-out", "").await;
    list.until("fragment", "No active alarms").await;
}
