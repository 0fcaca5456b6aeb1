//! What is refused is in the log, by the reference that people are shown, and nothing that was typed.

use std::time::Duration;

use axum::body::Body;
use http::{Method, Response, StatusCode, header};

use crate::house::{House, ORIGIN, PASSWORD, Proof, body, cookie, set};
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

/// ASVS 5.0: 16.3.2.
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

/// ASVS 5.0: 16.3.3.
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

/// ASVS 5.0: 16.3.1.
#[tokio::test]
async fn what_did_not_sign_in_is_in_the_log_by_the_number_of_the_account_and_never_by_what_was_typed() {
    let from = [("origin", ORIGIN), ("from", "192.0.2.7")];
    for (email, known, disabled) in [
        ("a%40x.test", true, false),
        ("a%40x.test", true, true),
        ("marker%40x.test", false, false),
        ("marker", false, false),
    ] {
        // Each house has a log of its own, of which the first line is always written.
        let house = House::new().await;
        let account = house.account("a@x.test").await;
        if disabled {
            house.disable(account).await;
        }
        log::lines();
        let form = format!("email={email}&password=marker-of-a-password");
        house.send(Method::POST, "/sign-in", &Proof::None, &from, &form).await;
        let who = if known { account.0.to_string() } else { "unknown".to_owned() };
        let expect =
            format!("INFO a sign-in failed: a wrong password account={who} source=192.0.2.7 left_out=0");
        assert_eq!(log::lines(), [expect], "{email}");
    }
    let house = House::new().await;
    let account = house.account("a@x.test").await;
    house.app(&house.session(account).await).await;
    let form = format!("email=a%40x.test&password={}", PASSWORD.replace(' ', "+"));
    let half = house.form("/sign-in", &Proof::None, &form).await;
    let half = Proof::HalfWay(set(&half, "__Host-sign-in").unwrap());
    log::lines();
    for code in ["271828", "marker", "abcd-efgh-jkmn"] {
        house.send(Method::POST, "/sign-in/code", &half, &from, &format!("code={code}")).await;
    }
    let code =
        format!("INFO a sign-in failed: a wrong code account={} source=192.0.2.7 left_out=0", account.0);
    assert_eq!(log::lines(), [code], "one a second");
    for token in ["marker".to_owned(), "m".repeat(43)] {
        let proof = Proof::Token(token);
        house.send(Method::GET, "/api/v1/inverters", &proof, &[("from", "192.0.2.7")], "").await;
    }
    let mut lines = log::lines();
    lines.retain(|line| !line.contains("refused: Sign in first"));
    let token = "INFO a sign-in failed: a token that is none account=unknown source=192.0.2.7 left_out=0";
    assert_eq!(lines, [token]);
    let form = "id=AAAA&client_data=e30&authenticator_data=AA&signature=AA&user_handle=AA";
    house.send(Method::POST, "/sign-in/passkey", &Proof::None, &from, form).await;
    let lines = log::lines();
    assert!(
        lines.len() == 1 && lines[0].starts_with("INFO a sign-in failed: a passkey was refused: "),
        "{lines:?}"
    );
    assert!(lines[0].ends_with(" account=unknown source=192.0.2.7 left_out=0"), "{lines:?}");
}

/// ASVS 5.0: 16.3.1.
#[tokio::test]
async fn the_activity_says_by_what_one_signed_in() {
    let house = House::new().await;
    let account = house.account("a@x.test").await;
    let form = format!("email=a%40x.test&password={}", PASSWORD.replace(' ', "+"));
    let signed_in = house.form("/sign-in", &Proof::None, &form).await;
    let (secret, recovery, _) = house.app(&cookie(&signed_in)).await;
    for code in [house.code(&secret), recovery[0].clone()] {
        let half = house.form("/sign-in", &Proof::None, &form).await;
        let half = Proof::HalfWay(set(&half, "__Host-sign-in").unwrap());
        let signed_in = house.form("/sign-in/code", &half, &format!("code={code}")).await;
        assert_eq!(signed_in.status(), StatusCode::SEE_OTHER);
    }
    let page = house.text("/me/activity?area=sign-ins", &house.session(account).await).await;
    for way in ["by password", "by password and authenticator app", "by password and recovery code"] {
        assert_eq!(page.matches(&format!(">{way}<")).count(), 1, "{way}: {page}");
    }
}
