//! From a device's report to the API, through the whole server.

use std::io::{Read, Write};

use serde_json::Value;
use server::clock;
use wire::BootId;

use crate::cloud::{Cloud, Publisher, report};
use crate::door_setup::eventually;
use crate::people::connect;

const BOOT: BootId = BootId([8; 16]);

/// Status and body of a GET at the people's door.
pub fn fetch(cloud: &Cloud, path: &str, token: &str) -> (u16, String) {
    let mut stream = connect(cloud);
    let host = format!("localhost:{}", cloud.address.port());
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    // A close without an alert is one as well.
    let _ = stream.read_to_end(&mut answer);
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

/// A new account's API token.
pub fn token(cloud: &Cloud, email: &str) -> String {
    let password = cloud.path("password");
    std::fs::write(&password, "correct horse battery staple").unwrap();
    cloud.admin(&["account", "add", email, "--password-file", password.to_str().unwrap()]);
    cloud.admin(&["token", "add", email]).trim_end().to_owned()
}

#[test]
fn what_a_device_reports_is_on_the_api_for_those_with_a_grant_and_no_one_else() {
    let mut cloud = Cloud::new();
    let bundle = cloud.device("API-00001");
    let (holder, stranger) = (token(&cloud, "dana@example.com"), token(&cloud, "luis@example.com"));
    cloud.admin(&["grant", "add", "dana@example.com", "API-00001", "read-only"]);
    cloud.start();
    let mut link = Publisher::connect(cloud.address, &bundle).unwrap();
    let now = clock::now();
    for number in 1..=20_u64 {
        let time = now.plus_ms(-10_000 * i64::try_from(20 - number).unwrap());
        link.publish(&report(BOOT, number, time)).unwrap();
    }
    let items = |token: &str| -> Vec<Value> {
        let (status, body) = fetch(&cloud, "/api/v1/inverters", token);
        assert_eq!(status, 200, "{body}");
        serde_json::from_str::<Value>(&body).unwrap()["items"].as_array().unwrap().clone()
    };
    let voltage = |item: &Value| item["latest"]["battery.voltage"]["value"].as_f64();
    eventually("the newest value is on the API", || items(&holder).first().and_then(voltage) == Some(136.20));
    let item = items(&holder).remove(0);
    assert_eq!(
        (item["serial"].as_str(), item["latest"]["ups.load"]["unit"].as_str()),
        (Some("API-00001"), Some("%"))
    );
    let id = item["id"].as_str().unwrap();
    let (from, to) = (now.plus_ms(-400_000), now.plus_ms(1_000));
    let history =
        format!("/api/v1/inverters/{id}/history?quantities=ups.load&from={from}&to={to}&points=500");
    let (status, body) = fetch(&cloud, &history, &holder);
    assert_eq!(status, 200, "{body}");
    let mean = &serde_json::from_str::<Value>(&body).unwrap()["quantities"]["ups.load"]["mean"];
    let mean: Vec<_> = mean.as_array().unwrap().iter().filter_map(Value::as_i64).collect();
    assert_eq!(mean, (1..=20).collect::<Vec<_>>());

    assert!(items(&stranger).is_empty());
    for path in
        [history.as_str(), &format!("/api/v1/inverters/{id}/latest"), "/api/v1/inverters/nobody/latest"]
    {
        assert_eq!(fetch(&cloud, path, &stranger).0, 404, "{path}");
        assert_eq!(fetch(&cloud, path, "not-a-token").0, 401, "{path}");
    }
}
