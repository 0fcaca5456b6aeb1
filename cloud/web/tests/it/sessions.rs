//! One's own sessions: listed with this one marked, ended one by one or all but this; live pages say so at once.

use axum::body::Body;
use fleet::Role;
use http::{Response, StatusCode, header};
use http_body_util::BodyExt;

use crate::house::{House, Proof, cookie, sample, soon};

fn leads_to(response: &Response<Body>, to: &str) {
    assert_eq!(response.status(), StatusCode::SEE_OTHER);
    assert_eq!(response.headers()[header::LOCATION], to);
}

/// The ids of sessions that the page offers to end.
async fn others(house: &House, proof: &Proof) -> Vec<String> {
    let page = house.text("/me/security", proof).await;
    let parts = page.split("action=\"/me/security/sessions/").skip(1);
    parts
        .filter_map(|part| part.split_once("/end\"").map(|(id, _)| id.to_owned()))
        .filter(|id| id.len() == 43)
        .collect()
}

/// All that a live page is told until it is closed.
async fn rest(response: Response<Body>) -> String {
    let bytes = soon(response.into_body().collect()).await.unwrap().to_bytes();
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// ASVS 5.0: 7.1.2.
#[tokio::test]
async fn another_session_is_ended_from_here_and_its_live_page_says_so() {
    let house = House::new().await;
    let account = house.account("a@x.test").await;
    let inverter = house.inverter("mine", "East Tower").await;
    house.grant(account, inverter, Role::ReadOnly).await;
    house.read(inverter, house.now(), sample(104));
    let (here, there) = (house.session(account).await, house.session(account).await);
    let live = house.get("/live/fleet", &there).await;
    assert_eq!(live.status(), StatusCode::OK);
    let page = house.text("/me/security", &here).await;
    assert_eq!(page.matches("This one").count(), 1);
    let ids = others(&house, &here).await;
    assert_eq!(ids.len(), 1);
    leads_to(
        &house.form(&format!("/me/security/sessions/{}/end", ids[0]), &here, "").await,
        "/me/security?why=ended",
    );
    assert!(rest(live).await.contains("event: signed-out"));
    leads_to(&house.get("/fleet", &there).await, "/sign-in");
    assert_eq!(house.get("/fleet", &here).await.status(), StatusCode::OK);
    let again = house.form(&format!("/me/security/sessions/{}/end", ids[0]), &here, "").await;
    assert_eq!(again.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn somebody_elses_session_is_not_there() {
    let house = House::new().await;
    let (mine, theirs) = (house.account("a@x.test").await, house.account("b@x.test").await);
    let (here, there, other) =
        (house.session(mine).await, house.session(theirs).await, house.session(theirs).await);
    let ids = others(&house, &there).await;
    let refused = house.form(&format!("/me/security/sessions/{}/end", ids[0]), &here, "").await;
    assert_eq!(refused.status(), StatusCode::NOT_FOUND);
    assert_eq!(house.get("/fleet", &other).await.status(), StatusCode::OK);
    for id in ["", "nothing", &"A".repeat(44)] {
        let refused = house.form(&format!("/me/security/sessions/{id}/end"), &here, "").await;
        assert!(refused.status().is_client_error(), "{id:?}");
    }
}

#[tokio::test]
async fn all_others_end_at_once_and_a_new_factor_does_the_same() {
    let house = House::new().await;
    let account = house.account("a@x.test").await;
    let here = house.session(account).await;
    let mut live = Vec::new();
    for _ in 0..3 {
        live.push(house.get("/live/fleet", &house.session(account).await).await);
    }
    let own = house.get("/live/fleet", &here).await;
    leads_to(&house.form("/me/security/sessions/end", &here, "").await, "/me/security?why=others");
    for stream in live {
        assert!(rest(stream).await.contains("event: signed-out"));
    }
    assert_eq!(house.state.sessions(account, house.now()).await.unwrap().len(), 1);
    // The token changes with a new factor; the page that is open here goes on, others end.
    let elsewhere = house.get("/live/fleet", &house.session(account).await).await;
    let (.., here) = house.app(&here).await;
    assert!(rest(elsewhere).await.contains("event: signed-out"));
    house.form("/sign-out", &here, "").await;
    assert!(rest(own).await.contains("event: signed-out"), "it went on until here");
}

/// ASVS 5.0: 7.4.1.
#[tokio::test]
async fn ending_this_session_is_signing_out() {
    let house = House::new().await;
    let account = house.account("a@x.test").await;
    let (here, there) = (house.session(account).await, house.session(account).await);
    let id = others(&house, &there).await.remove(0);
    let out = house.form(&format!("/me/security/sessions/{id}/end"), &here, "").await;
    leads_to(&out, "/sign-in?why=out");
    assert!(matches!(cookie_gone(&out), Some(line) if line.contains("Max-Age=0")));
    leads_to(&house.get("/fleet", &here).await, "/sign-in");
    let form = format!("email=a%40x.test&password={}", crate::house::PASSWORD.replace(' ', "+"));
    let again = house.form("/sign-in", &Proof::None, &form).await;
    assert_eq!(house.get("/fleet", &cookie(&again)).await.status(), StatusCode::OK);
}

fn cookie_gone(response: &Response<Body>) -> Option<String> {
    response.headers().get(header::SET_COOKIE).map(|line| line.to_str().unwrap().to_owned())
}

#[tokio::test]
async fn where_a_session_ends_the_browser_forgets_its_pages_and_keeps_what_push_needs() {
    let house = House::new().await;
    let account = house.account("a@x.test").await;
    let session = house.session(account).await;
    let told = |response: &Response<Body>| {
        response.headers().get("clear-site-data").map(|value| value.to_str().unwrap().to_owned())
    };
    assert_eq!(told(&house.get("/fleet", &session).await), None);
    assert_eq!(told(&house.get("/sign-in", &Proof::None).await), None);
    let out = house.form("/sign-out", &session, "").await;
    leads_to(&out, "/sign-in?why=out");
    assert_eq!(told(&out).as_deref(), Some("\"cache\""));
    let ended = house.get("/sign-in?why=ended", &Proof::None).await;
    assert_eq!((ended.status(), told(&ended).as_deref()), (StatusCode::OK, Some("\"cache\"")));
    let session = house.session(account).await;
    let deleted = house.form("/me/data/delete", &session, "email=a%40x.test").await;
    leads_to(&deleted, "/sign-in?why=deleted");
    assert_eq!(told(&deleted).as_deref(), Some("\"cache\""));
}
