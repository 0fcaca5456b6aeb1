//! What is refused is in the log, by the reference that people are shown, and nothing that was typed.

use std::time::Duration;

use axum::body::Body;
use http::{Method, Response, StatusCode, header};

use crate::house::{House, ORIGIN, Proof, body};
use crate::log;

/// The reference that an answer shows.
async fn reference(response: Response<Body>) -> String {
    let text = body(response).await;
    let after = text.split_once("\"reference\":\"").or_else(|| text.split_once("Reference "));
    let (_, rest) = after.unwrap_or_else(|| panic!("no reference: {text}"));
    rest.trim_start_matches(|c: char| !c.is_ascii_alphanumeric()).chars().take(8).collect()
}

/// The one line that was written since the last look.
fn line() -> String {
    let mut lines = log::lines();
    assert_eq!(lines.len(), 1, "{lines:#?}");
    lines.remove(0)
}

#[tokio::test]
async fn every_answer_that_shows_a_reference_is_in_the_log_by_it() {
    let house = House::new().await;
    let owner = house.account("owner@x.test").await;
    let inverter = house.inverter("abcdefghjk", "East Tower").await;
    house.grant(owner, inverter, fleet::Role::ReadOnly).await;
    let stranger = house.account("stranger@x.test").await;
    let (viewer, other) = (house.session(owner).await, house.session(stranger).await);
    let token = house.token(stranger).await;
    let of = |account: fleet::AccountKey| format!(" account={}", account.0);
    log::lines();
    for (method, path, proof, status, route, account) in [
        ("GET", "/inverters/abcdefghjk", &other, 404, "/inverters/{id}", of(stranger)),
        ("GET", "/inverters/zzzzzzzzzz", &other, 404, "/inverters/{id}", of(stranger)),
        ("GET", "/inverters/abcdefghjk/settings", &viewer, 403, "/inverters/{id}/settings", of(owner)),
        ("GET", "/op/audit", &viewer, 404, "/op/audit", of(owner)),
        ("GET", "/api/v1/inverters/abcdefghjk", &token, 404, "/api/v1/inverters/{id}", of(stranger)),
        ("GET", "/api/v1/inverters", &Proof::None, 401, "/api/v1/inverters", String::new()),
        ("GET", "/verify/marker-of-a-link/further", &Proof::None, 404, "none", String::new()),
        ("POST", "/fleet", &viewer, 405, "/fleet", String::new()),
        ("PURGE", "/nowhere/marker", &viewer, 404, "none", String::new()),
    ] {
        let sent = house.send(method.parse().unwrap(), path, proof, &[("origin", ORIGIN)], "").await;
        assert_eq!(sent.status(), status, "{path}");
        let (line, reference) = (line(), reference(sent).await);
        let method = if method == "PURGE" { "another" } else { method };
        let begins = format!(
            "reference=\"{reference}\" status={status} method=\"{method}\" route=\"{route}\"{account}"
        );
        assert!(line.starts_with("INFO refused: ") && line.ends_with(&begins), "{begins}: {line}");
        assert!(!line.contains("marker"), "{line}");
    }
    // What was typed is no line's.
    house.get("/inverters/abcdefghjk/chart?lines=marker-of-a-query", &viewer).await;
    assert!(line().contains("status=400"));
    // Who is only asked to sign in, or to prove it again, is shown none.
    house.get("/fleet", &Proof::None).await;
    assert_eq!(log::lines(), [""; 0]);
}

#[tokio::test]
async fn what_other_sites_send_and_other_names_are_warnings_and_never_a_flood() {
    let house = House::new().await;
    let cookie = house.session(house.account("a@x.test").await).await;
    let evil = [("origin", "https://evil.example"), ("from", "2001:db8::7")];
    let host = [("host", "evil.example"), ("from", "192.0.2.7")];
    let send = async |many: usize| {
        for _ in 0..many {
            let refused = house.send(Method::POST, "/verify/marker", &cookie, &evil, "").await;
            assert_eq!(refused.status(), StatusCode::FORBIDDEN);
            let refused = house.send(Method::GET, "/reset/marker", &cookie, &host, "").await;
            assert_eq!(refused.status(), StatusCode::MISDIRECTED_REQUEST);
            assert!(!refused.headers().contains_key(header::LOCATION));
        }
        let mut lines = log::lines();
        assert!(!lines.iter().any(|line| line.contains("marker") || line.contains("evil")), "{lines:#?}");
        lines.retain(|line| line.starts_with("WARN"));
        lines
    };
    log::lines();
    assert_eq!(
        send(1).await,
        [
            "WARN a request that another site made was refused route=\"/verify/{token}\" source=2001:db8::/64 left_out=0",
            "WARN a request for another name than ours was refused route=\"/reset/{token}\" source=192.0.2.7 left_out=0",
        ]
    );
    assert!(send(50).await.len() <= 2);
    tokio::time::sleep(Duration::from_millis(1_050)).await;
    let after = send(1).await;
    assert!(after.len() == 2 && !after[0].ends_with("left_out=0"), "{after:#?}");
}
