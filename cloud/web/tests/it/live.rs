//! Event streams: what changes arrives, what is not one's own never does, and they end when the session does.

use std::time::Duration;

use axum::body::Body;
use fleet::{AccountKey, InverterKey, Role};
use http::{Method, Response, StatusCode, header};
use http_body_util::BodyExt;
use wire::Quantity;

use crate::house::{House, ORIGIN, Proof, outage, sample, soon};

pub struct Stream {
    body: Body,
    text: String,
}

impl Stream {
    pub async fn open(house: &House, path: &str, proof: &Proof) -> Self {
        let response = house.get(path, proof).await;
        Self::of(response)
    }

    fn of(response: Response<Body>) -> Self {
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(response.headers()[header::CONTENT_TYPE], "text/event-stream; charset=utf-8");
        Self { body: response.into_body(), text: String::new() }
    }

    /// The next event's name and data; `None` at the end.
    pub async fn event(&mut self) -> Option<(String, String)> {
        loop {
            if let Some(end) = self.text.find("\n\n") {
                let event: String = self.text.drain(..end + 2).collect();
                let field = |name: &str| {
                    let lines = event.lines().filter_map(|line| line.strip_prefix(name)).map(str::trim);
                    lines.collect::<Vec<_>>().join("\n")
                };
                if event.starts_with(':') {
                    return Some(("comment".to_owned(), event));
                }
                return Some((field("event:"), field("data:")));
            }
            let frame = soon(self.body.frame()).await?.unwrap();
            self.text.push_str(std::str::from_utf8(&frame.into_data().unwrap()).unwrap());
        }
    }

    /// Waits for an event with this name whose data contain `part`.
    pub async fn until(&mut self, name: &str, part: &str) -> String {
        let found = async {
            loop {
                let (event, data) = self.event().await.unwrap_or_else(|| panic!("ended before {part:?}"));
                if event == name && data.contains(part) {
                    return data;
                }
            }
        };
        soon(found).await
    }

    /// Everything up to the end.
    pub async fn rest(&mut self) -> Vec<(String, String)> {
        let mut all = Vec::new();
        soon(async {
            while let Some(event) = self.event().await {
                all.push(event);
            }
        })
        .await;
        all
    }
}

async fn house() -> (House, AccountKey, InverterKey, Proof) {
    let house = House::new().await;
    let account = house.account("a@x.test").await;
    let inverter = house.inverter("mine", "East Tower Level 7").await;
    house.grant(account, inverter, Role::ReadWrite).await;
    house.read(inverter, house.now(), sample(104));
    let proof = house.session(account).await;
    (house, account, inverter, proof)
}

#[tokio::test]
async fn a_change_arrives_as_the_parts_that_differ() {
    let (house, _, inverter, proof) = house().await;
    let mut stream = Stream::open(&house, "/live/inverters/mine", &proof).await;
    stream.until("now", &house.now().0.to_string()).await;
    stream.until("fragment", "id=\"i-hero\"").await;
    house.wait(1_000);
    let mut changed = sample(104);
    changed.quantities.set(Quantity::BATTERY_VOLTAGE, 13_555);
    house.read(inverter, house.now(), changed);
    let data = stream.until("fragment", "135.6").await;
    assert!(data.contains("id=\"i-stats\"") && !data.contains("id=\"i-hero\""), "{data}");
    house.wait(1_000);
    house.read(inverter, house.now(), outage(96));
    let data = stream.until("fragment", "On battery since").await;
    assert!(
        data.contains("About 96\u{a0}min")
            && data.contains("No utility power")
            && data.contains("What to do")
    );
}

/// ASVS 5.0: 8.4.1.
#[tokio::test]
async fn the_fleet_hears_of_its_own_inverters_only() {
    let (house, account, inverter, proof) = house().await;
    let theirs = house.inverter("theirs", "Secret Bunker").await;
    let mut stream = Stream::open(&house, "/live/fleet", &proof).await;
    let all = stream.until("fragment", "id=\"list\"").await;
    assert!(all.contains("id=\"answer\"") && all.contains("Yes. It is ready."));
    house.wait(1_000);
    house.read(theirs, house.now(), outage(50));
    let mut changed = sample(104);
    changed.quantities.set(Quantity::LOAD, 77);
    house.read(inverter, house.now(), changed);
    let data = stream.until("fragment", "77\u{a0}%").await;
    assert!(
        data.contains("id=\"row-mine\"") && !data.contains("id=\"list\"") && !data.contains("Bunker"),
        "{data}"
    );
    house.wait(1_000);
    house.read(inverter, house.now(), outage(96));
    let data = stream.until("fragment", "id=\"list\"").await;
    assert!(
        data.contains("No. It is not ready.") && data.contains("96\u{a0}min left"),
        "a new order is a new list"
    );
    // A grant that is given while the page is open shows, one that is taken goes.
    house.grant(account, theirs, Role::ReadOnly).await;
    stream.until("fragment", "Bunker").await;
    house.ungrant(account, theirs).await;
    loop {
        let data = stream.until("fragment", "id=\"list\"").await;
        if !data.contains("Bunker") {
            break;
        }
    }
}

#[tokio::test]
async fn a_taken_grant_ends_the_stream_before_another_word() {
    let (house, account, inverter, proof) = house().await;
    let mut stream = Stream::open(&house, "/live/inverters/mine", &proof).await;
    stream.until("fragment", "id=\"i-hero\"").await;
    house.ungrant(account, inverter).await;
    house.wait(1_000);
    house.read(inverter, house.now(), outage(11));
    let rest = stream.rest().await;
    assert!(rest.iter().all(|(_, data)| !data.contains("11")), "{rest:?}");
    assert_eq!(rest.last().map(|(event, _)| event.as_str()), Some("signed-out"));
}

/// ASVS 5.0: 7.2.1, 7.4.1.
#[tokio::test]
async fn signing_out_and_being_disabled_end_the_streams() {
    let (house, account, _, proof) = house().await;
    let mut first = Stream::open(&house, "/live/inverters/mine", &proof).await;
    let mut second = Stream::open(&house, "/live/fleet", &house.session(account).await).await;
    first.until("fragment", "id=\"i-hero\"").await;
    second.until("fragment", "id=\"list\"").await;
    house.send(Method::POST, "/sign-out", &proof, &[("origin", ORIGIN)], "").await;
    assert_eq!(first.rest().await.last().map(|(event, _)| event.as_str()), Some("signed-out"));
    house.disable(account).await;
    assert_eq!(second.rest().await.last().map(|(event, _)| event.as_str()), Some("signed-out"));
}

/// ASVS 5.0: 7.3.1.
#[tokio::test]
async fn a_stream_is_not_activity_says_it_is_there_and_ends_with_the_session() {
    let (house, _, inverter, proof) = house().await;
    let mut stream = Stream::open(&house, "/live/inverters/mine", &proof).await;
    stream.until("fragment", "id=\"i-hero\"").await;
    // News all the time do not keep the session alive.
    for _ in 0..3 {
        house.wait(1_000);
        house.read(inverter, house.now(), sample(104));
        stream.until("fragment", "id=\"i-head\"").await;
    }
    let begun = std::time::Instant::now();
    while stream.event().await.unwrap().0 != "comment" {}
    assert!(begun.elapsed() < Duration::from_secs(17), "{:?}", begun.elapsed());
    house.wait(3_600_000);
    let rest = stream.rest().await;
    assert_eq!(rest.last().map(|(event, _)| event.as_str()), Some("signed-out"));
}

/// ASVS 5.0: 1.4.3.
#[tokio::test]
async fn ten_pages_are_enough_and_a_closed_one_gives_its_place_back() {
    let (house, _, _, proof) = house().await;
    let mut open = Vec::new();
    for at in 0..10 {
        let path = if at % 2 == 0 { "/live/fleet" } else { "/live/inverters/mine" };
        open.push(Stream::open(&house, path, &proof).await);
    }
    let refused = house.get("/live/fleet", &proof).await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    open.pop();
    let opened = async {
        loop {
            let response = house.get("/live/fleet", &proof).await;
            if response.status() == StatusCode::OK {
                break;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    soon(opened).await;
}

#[tokio::test]
async fn minutes_of_light_count_down_without_a_word_from_the_inverter() {
    let (house, _, inverter, proof) = house().await;
    house.read(inverter, house.now(), outage(96));
    let mut stream = Stream::open(&house, "/live/inverters/mine", &proof).await;
    stream.until("fragment", "About 96\u{a0}min").await;
    house.wait(3 * 60_000);
    let data = stream.until("fragment", "About 93\u{a0}min").await;
    assert!(data.contains("3 minutes used, about 93 minutes left"));
}

#[tokio::test]
async fn silence_turns_live_to_late_to_offline_without_a_word_from_the_inverter() {
    let (house, _, _, proof) = house().await;
    let mut stream = Stream::open(&house, "/live/inverters/mine", &proof).await;
    stream.until("fragment", "id=\"i-hero\"").await;
    house.wait(31_000);
    let data = stream.until("fragment", "live--late").await;
    assert!(data.contains("Late"));
    house.wait(15 * 60_000);
    let data = stream.until("fragment", "live--off").await;
    assert!(data.contains("Unknown") && data.contains("was 104\u{a0}min"), "{data}");
}
