//! Every route × everybody: what is somebody else's is not there.

use fleet::Role;
use http::{Method, StatusCode, header};
use web::{Access, ROUTES, Route};

use crate::house::{House, Proof, body, sample};

/// Whom a request comes from.
struct Somebody {
    name: &'static str,
    proof: Proof,
    /// Counts on pages; counts on the API; has a grant on `mine`.
    page: bool,
    api: bool,
    grant: bool,
    operator: bool,
}

/// A path of a route with its parameters filled in; a parameter that this test does not know fails it.
fn filled(route: &Route, id: &str) -> String {
    let path = route.path.replace("{id}", id).replace("{file}", "nothing.css");
    assert!(!path.contains('{'), "this test does not know how to ask {}", route.path);
    path
}

fn expected(route: &Route, who: &Somebody) -> StatusCode {
    // Only who looks at a page is led to the sign-in page; a form that was sent is refused.
    let page = route.method == "GET" && !route.path.starts_with("/live/");
    let sign_in = if page { StatusCode::SEE_OTHER } else { StatusCode::UNAUTHORIZED };
    let seen = |counts: bool, otherwise| match (counts, who.grant) {
        (false, _) => otherwise,
        (true, true) => StatusCode::OK,
        (true, false) => StatusCode::NOT_FOUND,
    };
    match (route.access, route.method, route.path) {
        (Access::Public, "GET", "/sign-in") if who.page => StatusCode::SEE_OTHER,
        (Access::Public, "GET", "/sign-in" | "/api/openapi.json") => StatusCode::OK,
        (Access::Public, "POST", "/sign-in") => StatusCode::BAD_REQUEST,
        (Access::Public, "POST", "/sign-out") => StatusCode::SEE_OTHER,
        (Access::Public, "GET", "/assets/{file}") => StatusCode::NOT_FOUND,
        (Access::Public, ..) => panic!("say here what {} {} answers", route.method, route.path),
        (Access::SignedIn, _, "/") => StatusCode::SEE_OTHER,
        (Access::SignedIn, "POST", "/confirm") if who.page => StatusCode::BAD_REQUEST,
        (Access::SignedIn, ..) => {
            if who.page {
                StatusCode::OK
            } else {
                sign_in
            }
        }
        (Access::Operator, ..) if !who.page => sign_in,
        (Access::Operator, ..) if !who.operator => StatusCode::NOT_FOUND,
        (Access::Operator, ..) => StatusCode::OK,
        (Access::Inverter, ..) => seen(who.page, sign_in),
        (Access::Api, ..) => {
            if who.api {
                StatusCode::OK
            } else {
                StatusCode::UNAUTHORIZED
            }
        }
        (Access::ApiInverter, ..) => seen(who.api, StatusCode::UNAUTHORIZED),
    }
}

#[tokio::test]
async fn every_route_answers_everybody_as_the_table_says() {
    let house = House::new().await;
    let mine = house.inverter("mine", "East Tower").await;
    house.read(mine, house.now(), sample(104));
    let (writer, reader, guest, gone, operator) = (
        house.account("writer@x.test").await,
        house.account("reader@x.test").await,
        house.account("guest@x.test").await,
        house.account("gone@x.test").await,
        house.operator("operator@x.test").await,
    );
    house.grant(writer, mine, Role::ReadWrite).await;
    house.grant(reader, mine, Role::ReadOnly).await;
    house.grant(gone, mine, Role::ReadWrite).await;
    let everybody =
        |page, api, grant| move |name, proof| Somebody { name, proof, page, api, grant, operator: false };
    let (cookie, token, nobody) =
        (everybody(true, true, true), everybody(false, true, true), everybody(false, false, false));
    let disabled = [house.session(gone).await, house.token(gone).await];
    house.state.set_account_disabled(gone, true).await.unwrap();
    let [gone_cookie, gone_token] = disabled;
    let mut all = vec![
        nobody("anonymous", Proof::None),
        nobody("made-up cookie", Proof::Cookie("A".repeat(43))),
        nobody("made-up token", Proof::Token("A".repeat(43))),
        nobody("disabled account's cookie", gone_cookie),
        nobody("disabled account's token", gone_token),
        cookie("read-write cookie", Proof::None),
        cookie("read-only cookie", house.session(reader).await),
        token("read-only token", house.token(reader).await),
        token("read-write token", house.token(writer).await),
        everybody(true, true, false)("no grant, cookie", house.session(guest).await),
        everybody(false, true, false)("no grant, token", house.token(guest).await),
        Somebody {
            operator: true,
            ..everybody(true, true, false)("operator's cookie", house.session(operator).await)
        },
        everybody(false, true, false)("operator's token", house.token(operator).await),
    ];
    let mut asked = 0;
    for route in ROUTES {
        for who in &mut all {
            // Signing out ends a session: a fresh one for each request.
            let proof = match (who.name, &who.proof) {
                ("read-write cookie", _) => house.session(writer).await,
                ("read-only cookie", _) => house.session(reader).await,
                ("no grant, cookie", _) => house.session(guest).await,
                ("operator's cookie", _) => house.session(operator).await,
                (_, proof) => proof.clone(),
            };
            let method: Method = route.method.parse().unwrap();
            let response = house.send(method, &filled(route, "mine"), &proof, &[], "").await;
            let found = response.status();
            assert_eq!(found, expected(route, who), "{} {} as {}", route.method, route.path, who.name);
            asked += 1;
        }
    }
    assert_eq!(asked, ROUTES.len() * 13);
}

#[tokio::test]
async fn a_foreign_inverter_and_a_missing_one_are_the_same() {
    let house = House::new().await;
    let theirs = house.inverter("theirs", "Secret Bunker").await;
    house.read(theirs, house.now(), sample(104));
    let guest = house.account("guest@x.test").await;
    let (cookie, token) = (house.session(guest).await, house.token(guest).await);
    for route in ROUTES.iter().filter(|route| route.path.contains("{id}")) {
        let proof = if route.path.starts_with("/api/") { &token } else { &cookie };
        let foreign = house.get(&filled(route, "theirs"), proof).await;
        let missing = house.get(&filled(route, "nowhere"), proof).await;
        assert_eq!(foreign.status(), missing.status(), "{}", route.path);
        let named = |headers: &http::HeaderMap| {
            headers.iter().map(|(name, value)| format!("{name}: {value:?}")).collect::<Vec<_>>()
        };
        assert_eq!(named(foreign.headers()), named(missing.headers()), "{}", route.path);
        let without_reference = |text: String| {
            let at = text.find("eference").map_or(text.len(), |at| at + 8);
            text[..at].to_owned()
        };
        let (foreign, missing) = (body(foreign).await, body(missing).await);
        assert_eq!(without_reference(foreign.clone()), without_reference(missing), "{}", route.path);
        assert!(!foreign.contains("Bunker"));
    }
    let list = house.text("/api/v1/inverters", &token).await;
    assert_eq!(list, r#"{"items":[]}"#);
    assert!(!house.text("/fleet", &cookie).await.contains("Bunker"));
}

#[tokio::test]
async fn a_grant_that_ended_or_was_taken_counts_no_more() {
    let house = House::new().await;
    let inverter = house.inverter("mine", "East Tower").await;
    let account = house.account("a@x.test").await;
    let cookie = house.session(account).await;
    let ends = Some(house.now().plus_ms(60_000));
    house.grant_until(account, inverter, Role::ReadOnly, ends).await;
    assert_eq!(house.get("/inverters/mine", &cookie).await.status(), StatusCode::OK);
    house.wait(60_000);
    assert_eq!(house.get("/inverters/mine", &cookie).await.status(), StatusCode::NOT_FOUND);
    house.grant(account, inverter, Role::ReadOnly).await;
    assert_eq!(house.get("/inverters/mine", &cookie).await.status(), StatusCode::OK);
    house.ungrant(account, inverter).await;
    assert_eq!(house.get("/inverters/mine", &cookie).await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_sign_in_page_returns_to_where_somebody_wanted_to_go() {
    let house = House::new().await;
    let response = house.get("/inverters/x?range=7d", &Proof::None).await;
    assert_eq!(response.headers()[header::LOCATION], "/sign-in?next=/inverters/x%3Frange%3D7d");
}
