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
    let mut times = [Vec::new(), Vec::new(), Vec::new()];
    let mut texts = Vec::new();
    // A warm-up, so that the first hash of nobody is not counted.
    let _ = sign_in(&house, "warm@x.test", "no", "203.0.113.9").await;
    for round in 0..7 {
        let cases =
            [("known2@x.test", "wrong word"), ("nobody@x.test", PASSWORD), ("known1@x.test", PASSWORD)];
        for (at, (email, password)) in cases.into_iter().enumerate() {
            // A new hour each round: delays are another test's business.
            house.wait(3_600_000);
            let begun = Instant::now();
            let response = sign_in(&house, email, password, &format!("192.0.2.{}", round * 3 + at)).await;
            times[at].push(begun.elapsed());
            assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY);
            assert!(!response.headers().contains_key(header::SET_COOKIE));
            texts.push(body(response).await.replace(email, "EMAIL"));
        }
    }
    assert!(texts.iter().all(|text| *text == texts[0]), "the same words");
    assert!(texts[0].contains("That e-mail and password do not match."));
    let median = |times: &mut Vec<Duration>| {
        times.sort();
        times[times.len() / 2].as_secs_f64()
    };
    let [wrong, unknown, disabled] = times.each_mut().map(median);
    for (name, time) in [("unknown", unknown), ("disabled", disabled)] {
        assert!((0.5..2.0).contains(&(time / wrong)), "{name} {time:.4} s, wrong password {wrong:.4} s");
    }
    // Without the work of Argon2id all of them would be over in a millisecond or two.
    assert!(unknown > 0.008, "{unknown:.4} s is no password hash");
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
    let begun = Instant::now();
    sign_in(&house, "a@x.test", "wrong", "192.0.2.200").await;
    assert!(begun.elapsed() < Duration::from_millis(400), "forgotten after success: {:?}", begun.elapsed());
}

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
