//! Security headers on every response, whoever made it; only our own name and our own pages.

use http::{Method, Response, StatusCode, header};
use web::ROUTES;

use crate::house::{House, ORIGIN, Proof, body};

/// What must be there, said here once more so that the table cannot lose a line unnoticed: name, a part of the value.
const REQUIRED: [(&str, &str); 9] = [
    ("content-security-policy", "default-src 'self'; script-src 'self'; style-src 'self'"),
    ("strict-transport-security", "max-age=63072000"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "same-origin"),
    ("permissions-policy", "camera=()"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("cross-origin-embedder-policy", "require-corp"),
];

fn check(response: &Response<axum::body::Body>, what: &str) {
    for (name, part) in REQUIRED {
        let value = response.headers().get(name).map(|value| value.to_str().unwrap());
        assert!(value.is_some_and(|value| value.contains(part)), "{name} of {what}: {value:?}");
    }
    let policy = response.headers()["content-security-policy"].to_str().unwrap();
    assert!(!policy.contains("unsafe") && !policy.contains("http"), "{policy}");
    let cache =
        response.headers().get(header::CACHE_CONTROL).unwrap_or_else(|| panic!("cache-control of {what}"));
    assert!(
        cache == "no-store" || cache == "no-store, no-transform" || cacheable(what),
        "{cache:?} of {what}"
    );
}

/// What is the same for everybody.
fn cacheable(what: &str) -> bool {
    what.starts_with("asset") || ["/manifest.webmanifest", "/service-worker.js"].contains(&what)
}

#[tokio::test]
async fn every_response_carries_them() {
    let house = House::new().await;
    let account = house.account("a@x.test").await;
    let cookie = house.session(account).await;
    for route in ROUTES {
        let path = route.path.replace("{id}", "x").replace("{file}", "x").replace("{token}", "x");
        for proof in [&Proof::None, &cookie] {
            let response = house.send(route.method.parse().unwrap(), &path, proof, &[], "").await;
            check(&response, route.path);
        }
    }
    check(&house.get("/nowhere", &Proof::None).await, "an unknown page");
    check(&house.get("/api/nowhere", &Proof::None).await, "an unknown path of the API");
    check(&house.send(Method::DELETE, "/fleet", &Proof::None, &[], "").await, "a wrong method");
    check(&house.send(Method::GET, "/", &Proof::None, &[("host", "evil.example")], "").await, "a wrong host");
    check(&house.send(Method::POST, "/sign-in", &Proof::None, &[], &"x".repeat(20_000)).await, "too much");
    for asset in web::assets::ASSETS {
        let response = house.get(&web::assets::address(asset.name), &Proof::None).await;
        check(&response, "asset");
        assert_eq!(response.headers()[header::CACHE_CONTROL], "public, max-age=31536000, immutable");
        assert_eq!(response.headers()[header::CONTENT_TYPE], asset.content_type);
    }
}

#[tokio::test]
async fn an_unknown_host_is_misdirected_whatever_it_asks() {
    let house = House::new().await;
    for host in ["evil.example", "inverters.test:8443", "inverters.test.evil.example", "127.0.0.1", ""] {
        for path in ["/", "/sign-in", "/api/openapi.json", "/assets/x"] {
            let response = house.send(Method::GET, path, &Proof::None, &[("host", host)], "").await;
            assert_eq!(response.status(), StatusCode::MISDIRECTED_REQUEST, "{host} {path}");
            assert!(!response.headers().contains_key(header::LOCATION));
        }
    }
    let two = [("host", "inverters.test"), ("host", "evil.example")];
    let response = house.send(Method::GET, "/sign-in", &Proof::None, &two, "").await;
    assert_eq!(response.status(), StatusCode::MISDIRECTED_REQUEST);
    for host in ["inverters.test", "INVERTERS.test:443"] {
        let response = house.send(Method::GET, "/sign-in", &Proof::None, &[("host", host)], "").await;
        assert_eq!(response.status(), StatusCode::OK, "{host}");
    }
}

#[tokio::test]
async fn another_site_changes_nothing() {
    let house = House::new().await;
    let account = house.account("a@x.test").await;
    for headers in [
        [("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")],
        [("origin", "null"), ("sec-fetch-site", "cross-site")],
        [("origin", ORIGIN), ("sec-fetch-site", "same-site")],
        [("origin", "https://evil.example"), ("sec-fetch-site", "same-origin")],
    ] {
        for route in ROUTES.iter().filter(|route| route.method != "GET") {
            let cookie = house.session(account).await;
            let method: Method = route.method.parse().unwrap();
            let response = house.send(method, route.path, &cookie, &headers, "").await;
            assert_eq!(response.status(), StatusCode::FORBIDDEN, "{} {headers:?}", route.path);
            assert_eq!(house.get("/fleet", &cookie).await.status(), StatusCode::OK, "still signed in");
        }
    }
}

#[tokio::test]
async fn refusals_have_a_face_and_a_reference() {
    let house = House::new().await;
    let page = house.get("/nowhere", &Proof::None).await;
    assert_eq!(page.status(), StatusCode::NOT_FOUND);
    assert_eq!(page.headers()[header::CONTENT_TYPE], "text/html; charset=utf-8");
    assert!(body(page).await.contains("Reference "));
    let problem = house.get("/api/v1/nowhere", &Proof::None).await;
    assert_eq!(problem.status(), StatusCode::NOT_FOUND);
    assert_eq!(problem.headers()[header::CONTENT_TYPE], "application/problem+json");
    let problem: serde_json::Value = serde_json::from_str(&body(problem).await).unwrap();
    assert_eq!(problem["status"], 404);
    assert_eq!(problem["reference"].as_str().unwrap().len(), 8);
    let wrong = house.send(Method::POST, "/fleet", &Proof::None, &[], "").await;
    assert_eq!(wrong.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(wrong.headers()[header::ALLOW], "GET,HEAD");
    let large = house.send(Method::POST, "/sign-in", &Proof::None, &[], &"x".repeat(20_000)).await;
    assert_eq!(large.status(), StatusCode::PAYLOAD_TOO_LARGE);
}
