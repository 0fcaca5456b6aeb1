//! The API: what decisions.md and the OpenAPI document promise.

use fleet::alarm::Key;
use fleet::{InverterKey, Role};
use http::StatusCode;
use serde_json::json;
use store::state::{Alarm, Made};
use web::ROUTES;
use wire::{Quantity, UtcMs};

use crate::house::{House, Proof, body, outage, sample};

async fn house() -> (House, InverterKey, Proof) {
    let house = House::new().await;
    let account = house.account("a@x.test").await;
    let inverter = house.inverter("mine", "East Tower").await;
    house.grant(account, inverter, Role::ReadOnly).await;
    let token = house.token(account).await;
    (house, inverter, token)
}

/// Ten minutes of readings each 10 s with three minutes missing in the middle and an outage at the end.
fn fill(house: &House, inverter: InverterKey) {
    let begin = house.now().plus_ms(-600_000);
    for at in 0..60 {
        let time = begin.plus_ms(at * 10_000);
        let mut reading = if at >= 54 { outage(96) } else { sample(104) };
        reading.quantities.set(Quantity::BATTERY_VOLTAGE, 13_600 + at);
        if !(20..38).contains(&at) {
            house.read(inverter, time, reading);
        }
    }
}

/// ASVS 5.0: 15.3.1.
#[tokio::test]
async fn the_list_has_the_shape_that_was_decided() {
    let (house, inverter, token) = house().await;
    house.read(inverter, house.now(), sample(104));
    let list = house.json("/api/v1/inverters", &token).await;
    let item = &list["items"][0];
    assert_eq!(item["id"], "mine");
    assert_eq!(item["serial"], "2311-MINE");
    assert_eq!(item["state"], "normal");
    assert_eq!(item["ready"], "yes");
    assert_eq!(item["role"], "read-only");
    assert_eq!(
        item["latest"]["battery.voltage"],
        json!({"value": 136.42, "unit": "V", "time": "2026-11-17T08:07:00.000Z"})
    );
    assert_eq!(item["flags"]["line_present"], true);
    assert_eq!(item["conditions"]["charger.fault"], false);
    assert!(item["latest"].get("battery.temperature").is_none(), "not reported is absent");
    assert_eq!(house.json("/api/v1/inverters/mine", &token).await, *item);
    let latest = house.json("/api/v1/inverters/mine/latest", &token).await;
    assert_eq!(latest["latest"], item["latest"]);
}

#[tokio::test]
async fn history_has_gaps_as_null_and_says_what_happened() {
    let (house, inverter, token) = house().await;
    fill(&house, inverter);
    let path = "/api/v1/inverters/mine/history?quantities=battery.voltage,ups.load&from=2026-11-17T07:57:00Z\
                &to=2026-11-17T08:07:00Z&points=60";
    let history = house.json(path, &token).await;
    let battery = &history["quantities"]["battery.voltage"];
    let column = |name: &str| battery[name].as_array().unwrap().clone();
    let (time, min, mean, max) = (column("time"), column("min"), column("mean"), column("max"));
    assert_eq!(history["quantities"].as_object().unwrap().len(), 2);
    assert_eq!(battery["unit"], "V");
    assert!([&min, &mean, &max].iter().all(|values| values.len() == time.len()));
    assert!(time.iter().all(|time| UtcMs::parse_rfc3339(time.as_str().unwrap()).is_some()));
    assert!(min.iter().any(serde_json::Value::is_null), "the missing minutes break the line");
    for at in 0..time.len() {
        assert_eq!(min[at].is_null(), max[at].is_null());
        if let (Some(least), Some(mean), Some(most)) = (min[at].as_f64(), mean[at].as_f64(), max[at].as_f64())
        {
            assert!(136.0 <= least && least <= mean && mean <= most && most <= 136.59);
        }
    }
    let gap = &history["gaps"][0];
    let length = UtcMs::parse_rfc3339(gap["to"].as_str().unwrap())
        .unwrap()
        .since(UtcMs::parse_rfc3339(gap["from"].as_str().unwrap()).unwrap());
    assert!((170_000..=200_000).contains(&length), "{gap}");
    assert!(history["episodes"].as_array().unwrap().iter().any(|e| e["name"] == "utility.lost"), "{history}");
    let all = house.json("/api/v1/inverters/mine/history?range=1h", &token).await;
    assert_eq!(all["quantities"].as_object().unwrap().len(), 10, "left out: all that is reported");
}

/// ASVS 5.0: 2.2.2, 2.2.3, 15.3.5.
#[tokio::test]
async fn wrong_parameters_are_told_what_to_write() {
    let (house, _, token) = house().await;
    for (query, words) in [
        ("quantities=battery.volts", "battery.voltage, battery.current"),
        ("quantities=", "There is no quantity"),
        ("points=0", "from 1 to 2000"),
        ("points=2001", "from 1 to 2000"),
        ("points=many", "from 1 to 2000"),
        ("from=yesterday", "RFC 3339"),
        ("from=2026-11-17T08:00:00Z&to=2026-11-17T07:00:00Z", "before"),
        ("from=2026-09-17T08:00:00Z&to=2026-11-17T07:00:00Z", "30 days"),
        ("range=2h", "1h, 6h, 24h, 7d, 30d"),
    ] {
        let response = house.get(&format!("/api/v1/inverters/mine/history?{query}"), &token).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{query}");
        let problem: serde_json::Value = serde_json::from_str(&body(response).await).unwrap();
        assert!(problem["detail"].as_str().unwrap().contains(words), "{query}: {problem}");
    }
    for points in [1, 2000] {
        let path = format!("/api/v1/inverters/mine/history?points={points}&range=30d");
        assert_eq!(house.get(&path, &token).await.status(), StatusCode::OK);
    }
}

#[tokio::test]
async fn a_file_has_every_reading_and_no_formula() {
    let (house, inverter, token) = house().await;
    fill(&house, inverter);
    let mut odd = sample(104);
    odd.push_unknown("=HYPERLINK(\"https://evil.example\")");
    house.read(inverter, house.now().plus_ms(-1_000), odd);
    let csv = house.text("/api/v1/inverters/mine/history.csv?range=1h", &token).await;
    let lines: Vec<_> = csv.lines().collect();
    assert_eq!(lines.len(), 1 + 42 + 1);
    assert!(lines[0].starts_with("time,quality,input.voltage (V),"), "{}", lines[0]);
    assert!(lines[1].starts_with("2026-11-17T07:57:00.000Z,synchronised,278.0,"), "{}", lines[1]);
    assert!(lines.last().unwrap().ends_with(",\"'=HYPERLINK(\"\"https://evil.example\"\")\""), "{csv}");
    let cells = |line: &str| line.matches(',').count();
    assert!(lines[..43].iter().all(|line| cells(line) == cells(lines[0])));
}

#[tokio::test]
async fn a_file_comes_whole_to_who_takes_it_compressed() {
    let (house, inverter, token) = house().await;
    fill(&house, inverter);
    let path = "/api/v1/inverters/mine/history.csv?range=1h";
    for encoding in ["gzip", "br"] {
        let headers = [("accept-encoding", encoding)];
        let response = house.send(http::Method::GET, path, &token, &headers, "").await;
        assert_eq!(response.headers()["content-encoding"], encoding);
        let body = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
        assert!(body.len() > 200, "{encoding}: {} bytes", body.len());
    }
}

/// ASVS 5.0: 13.4.5.
#[tokio::test]
async fn the_document_describes_exactly_what_is_there() {
    let house = House::new().await;
    let document = house.json("/api/openapi.json", &Proof::None).await;
    assert_eq!(document["servers"][0]["url"], "https://inverters.test");
    let mut described: Vec<_> = document["paths"].as_object().unwrap().keys().cloned().collect();
    let mut there: Vec<_> = ROUTES
        .iter()
        .map(|route| route.path)
        .filter(|path| path.starts_with("/api/v1/"))
        .map(str::to_owned)
        .collect();
    described.sort();
    there.sort();
    there.dedup();
    assert_eq!(described, there);
    for route in ROUTES.iter().filter(|route| route.path.starts_with("/api/v1/")) {
        assert!(document["paths"][route.path][route.method.to_lowercase()].is_object(), "{route:?}");
    }
    // Every reference inside the document leads somewhere.
    let text = document.to_string();
    for reference in text.split("\"$ref\":\"#").skip(1).filter_map(|rest| rest.split('"').next()) {
        assert!(document.pointer(reference).is_some(), "{reference}");
    }
}

#[tokio::test]
async fn the_charts_own_data_give_the_same_numbers_in_fewer_bytes() {
    let (house, inverter, _) = house().await;
    let account = house.account("b@x.test").await;
    house.grant(account, inverter, Role::ReadOnly).await;
    let cookie = house.session(account).await;
    fill(&house, inverter);
    let query = "from=2026-11-17T07:57:00Z&to=2026-11-17T08:07:00Z&points=60";
    let chart = house.json(&format!("/inverters/mine/chart?{query}&lines=battery.voltage"), &cookie).await;
    let full = house
        .json(&format!("/api/v1/inverters/mine/history?{query}&quantities=battery.voltage"), &cookie)
        .await;
    let line = &chart["lines"][0];
    let mut sum = 0;
    let means: Vec<Option<i64>> = line["mean"]
        .as_array()
        .unwrap()
        .iter()
        .map(|difference| {
            sum += difference.as_i64()?;
            Some(sum)
        })
        .collect();
    let expect: Vec<Option<i64>> = full["quantities"]["battery.voltage"]["mean"]
        .as_array()
        .unwrap()
        .iter()
        .map(|mean| mean.as_f64().map(|mean| (mean * 100.0).round() as i64))
        .collect();
    assert_eq!(means, expect);
    assert_eq!(chart["episodes"][0][0], "bat");
    assert_eq!(chart["gaps"].as_array().unwrap().len(), 1);
    let too_many = Quantity::all().take(7).map(Quantity::name).collect::<Vec<_>>().join(",");
    let response = house.get(&format!("/inverters/mine/chart?lines={too_many}"), &cookie).await;
    assert_eq!(response.status(), StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn the_chart_has_the_alarms_of_its_span_and_not_a_byte_where_there_are_none() {
    let (house, inverter, _) = house().await;
    let account = house.account("b@x.test").await;
    house.grant(account, inverter, Role::ReadOnly).await;
    let cookie = house.session(account).await;
    let at = house.now();
    let chart = async |from: i64, to: i64| {
        let (from, to) = (at.plus_ms(from).to_rfc3339(), at.plus_ms(to).to_rfc3339());
        house.json(&format!("/inverters/mine/chart?from={from}&to={to}&points=60"), &cookie).await
    };
    assert_eq!(chart(-3_600_000, 0).await.get("alarms"), None);
    let over = Some((at.plus_ms(-1_200_000), at.plus_ms(-1_140_000)));
    let alarm = Alarm {
        raised_at: at.plus_ms(-1_800_000),
        cleared: over,
        key: Key::code("AR=\"<1>"),
        ..house.alarm_row(inverter, "over", "OVERCODE", None)
    };
    let open =
        Alarm { raised_at: at.plus_ms(-600_000), ..house.alarm_row(inverter, "open", "OPENCODE", None) };
    let made = Made { alarms: vec![alarm, open], ..Made::default() };
    assert!(house.state.announcing().await.unwrap().commit(&made).await.unwrap());
    let all = chart(-3_600_000, 0).await;
    let rows = all["alarms"].as_array().unwrap();
    assert_eq!(rows.len(), 2, "{rows:?}");
    assert_eq!((rows[0][2].as_i64(), rows[0][3].as_i64()), (Some(at.0 - 600_000), Some(0)), "still open");
    assert_eq!((&rows[0][0], &rows[0][4]), (&"critical".into(), &"OPENCODE".into()));
    assert!(rows[1][1].as_str().unwrap().ends_with("AR=\"<1>"), "{rows:?}");
    assert_eq!((rows[1][2].as_i64(), rows[1][3].as_i64()), (Some(at.0 - 1_800_000), Some(at.0 - 1_200_000)));
    let between = chart(-1_100_000, -700_000).await;
    assert_eq!(between.get("alarms"), None, "neither was active then");
    assert_eq!(chart(-1_500_000, -1_300_000).await["alarms"].as_array().unwrap().len(), 1, "begun before");
    // The words are most of it: the longest here are forty bytes.
    assert!(rows.iter().all(|row| row.to_string().len() < 110), "{rows:?}");
}

#[tokio::test]
async fn a_name_that_is_too_long_is_refused_and_not_cut() {
    let (house, inverter, _) = house().await;
    let manager = house.account("manager@example.com").await;
    house.grant(manager, inverter, Role::ReadWrite).await;
    let session = house.session(manager).await;
    for (length, status) in [(80, StatusCode::NO_CONTENT), (81, StatusCode::BAD_REQUEST)] {
        let body = json!({ "name": "x".repeat(length) }).to_string();
        let headers = [("content-type", "application/json"), ("sec-fetch-site", "same-origin")];
        let path = "/api/v1/inverters/mine";
        assert_eq!(
            house.send(http::Method::PATCH, path, &session, &headers, &body).await.status(),
            status,
            "{length}"
        );
    }
}
