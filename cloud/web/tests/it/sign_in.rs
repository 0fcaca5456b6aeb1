//! Signing in: one answer for a wrong name and a wrong password, sessions that end, delays that grow.

use std::time::{Duration, Instant};

use http::{Method, Response, StatusCode, header};

use crate::house::{House, ORIGIN, PASSWORD, Proof, body, cookie};

async fn sign_in(house: &House, email: &str, password: &str, from: &str) -> Response<axum::body::Body> {
    let form =
        format!("email={}&password={}&next=/fleet", email.replace('@', "%40"), password.replace(' ', "+"));
    let headers = [("origin", ORIGIN), ("sec-fetch-site", "same-origin"), ("from", from)];
    house.send(Method::POST, "/sign-in", &Proof::None, &headers, &form).await
}

/// ASVS 5.0: 3.3.1, 3.3.2, 3.3.3, 3.3.4, 7.2.2, 7.2.3, 7.2.4, 14.3.3.
#[tokio::test]
async fn the_right_password_opens_a_session_and_ends_the_one_before() {
    let house = House::new().await;
    house.account("a@x.test").await;
    let response = sign_in(&house, " A@X.test ", PASSWORD, "192.0.2.1").await;
    assert_eq!(response.status(), StatusCode::SEE_OTHER);
    assert_eq!(response.headers()[header::LOCATION], "/fleet");
    let set = response.headers()[header::SET_COOKIE].to_str().unwrap().to_owned();
    assert!(set.starts_with("__Host-session=") && set.len() > 43, "{set}");
    for flag in ["; Path=/", "; Secure", "; HttpOnly", "; SameSite=Lax"] {
        assert!(set.contains(flag), "{set}");
    }
    assert!(!set.contains("Domain"));
    let first = cookie(&response);
    assert_eq!(house.get("/fleet", &first).await.status(), StatusCode::OK);
    let form = format!("email=a%40x.test&password={}", PASSWORD.replace(' ', "+"));
    let again = house.send(Method::POST, "/sign-in", &first, &[("origin", ORIGIN)], &form).await;
    let second = cookie(&again);
    assert_eq!(house.get("/fleet", &first).await.status(), StatusCode::SEE_OTHER, "rotated");
    assert_eq!(house.get("/fleet", &second).await.status(), StatusCode::OK);
    let out = house.send(Method::POST, "/sign-out", &second, &[("origin", ORIGIN)], "").await;
    assert!(out.headers()[header::SET_COOKIE].to_str().unwrap().contains("Max-Age=0"));
    assert_eq!(house.get("/fleet", &second).await.status(), StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn unknown_disabled_and_wrong_are_the_same_words_and_the_same_work() {
    let house = House::new().await;
    let disabled = house.account("known1@x.test").await;
    house.disable(disabled).await;
    house.account("known2@x.test").await;
    let mut texts = Vec::new();
    for (email, password) in [
        ("known2@x.test", "wrong word"),
        ("nobody@x.test", PASSWORD),
        ("known1@x.test", PASSWORD),
        ("no address", PASSWORD),
        ("known2@x.test", "another one"),
    ] {
        let before = house.context.passwords_checked();
        let response = sign_in(&house, email, password, "192.0.2.1").await;
        // The work is Argon2id and little else: it is counted, for time tells more of what else the machine does. That
        // each costs the same is shown beside the hash itself, and that all of it takes the same time at the real door.
        assert_eq!(house.context.passwords_checked() - before, 1, "{email}");
        assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY);
        assert!(!response.headers().contains_key(header::SET_COOKIE));
        texts.push(body(response).await.replace(email, "EMAIL"));
    }
    assert!(texts.iter().all(|text| *text == texts[0]), "the same words");
    assert!(texts[0].contains("That e-mail and password do not match."));
}

#[tokio::test]
async fn failures_cost_more_and_more_time_and_never_the_account() {
    let house = House::new().await;
    house.account("a@x.test").await;
    for _ in 0..4 {
        sign_in(&house, "a@x.test", "wrong", "192.0.2.1").await;
    }
    let begun = Instant::now();
    let response = sign_in(&house, "a@x.test", PASSWORD, "192.0.2.1").await;
    assert!(begun.elapsed() >= Duration::from_millis(500), "{:?}", begun.elapsed());
    assert_eq!(response.status(), StatusCode::SEE_OTHER, "the right password is taken after the wait");
    // As many as are free, from elsewhere: were they not, the first would take a second and each more than the one before.
    let mut fastest = Duration::MAX;
    for from in ["192.0.2.200", "192.0.2.201", "192.0.2.202"] {
        let begun = Instant::now();
        sign_in(&house, "a@x.test", "wrong", from).await;
        fastest = fastest.min(begun.elapsed());
    }
    assert!(fastest < Duration::from_millis(900), "forgotten after success: {fastest:?}");
}

/// ASVS 5.0: 7.3.1, 7.3.2.
#[tokio::test]
async fn a_session_ends_after_an_idle_hour_and_after_twelve_hours_in_all() {
    const HOUR: i64 = 3_600_000;
    let house = House::new().await;
    let account = house.account("a@x.test").await;
    let idle = house.session(account).await;
    house.wait(HOUR - 1);
    assert_eq!(house.get("/fleet", &idle).await.status(), StatusCode::OK);
    house.wait(HOUR);
    assert_eq!(house.get("/fleet", &idle).await.status(), StatusCode::SEE_OTHER);
    let busy = house.session(account).await;
    for _ in 0..23 {
        house.wait(HOUR / 2);
        assert_eq!(house.get("/fleet", &busy).await.status(), StatusCode::OK);
    }
    house.wait(HOUR / 2);
    assert_eq!(house.get("/fleet", &busy).await.status(), StatusCode::SEE_OTHER);
}

/// ASVS 5.0: 6.2.8.
#[tokio::test]
async fn bad_forms_are_told_what_to_send() {
    let house = House::new().await;
    for form in ["", "email=a%40x.test", "password=x"] {
        let response = house.send(Method::POST, "/sign-in", &Proof::None, &[("origin", ORIGIN)], form).await;
        assert_eq!(response.status(), StatusCode::BAD_REQUEST, "{form}");
        assert!(body(response).await.contains("email and password"));
    }
    let odd = sign_in(&house, "not an address", PASSWORD, "192.0.2.1").await;
    assert_eq!(odd.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let long = sign_in(&house, "a@x.test", &"x".repeat(10_000), "192.0.2.1").await;
    assert_eq!(long.status(), StatusCode::UNPROCESSABLE_ENTITY);
}
