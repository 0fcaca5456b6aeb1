//! Security headers on every response, whoever made it; only our own name and our own pages.

use http::{Method, Response, StatusCode, header};
use web::ROUTES;

use crate::house::{House, ORIGIN, Proof, body};

/// What must be there, said here once more so that the table cannot lose a line unnoticed: name, a part of the value.
const REQUIRED: [(&str, &str); 12] = [
    ("content-security-policy", "default-src 'self'; script-src 'self'; style-src 'self'"),
    ("content-security-policy", "object-src 'none'"),
    ("content-security-policy", "base-uri 'none'"),
    ("content-security-policy", "frame-ancestors 'none'"),
    ("strict-transport-security", "max-age=63072000; includeSubDomains"),
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
    if let Some(kind) = response.headers().get(header::CONTENT_TYPE) {
        let kind = kind.to_str().unwrap();
        let text = kind.starts_with("text/") || kind.contains("+xml");
        assert!(!text || kind.contains("charset=utf-8"), "{kind} of {what}");
    }
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

/// ASVS 5.0: 1.3.2, 3.2.1, 3.4.3, 3.4.5, 4.1.1, 12.2.1, 14.2.2, 14.3.2.
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

/// ASVS 5.0: 3.5.4, 3.7.2, 15.3.7.
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

/// ASVS 5.0: 3.3.2, 3.5.1, 3.5.2, 7.6.2.
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

/// ASVS 5.0: 13.4.1, 13.4.3, 13.4.4, 16.5.1.
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

/// What an error page must not say: what this is built with and of, where it lies, what its tables are called.
const INSIDE: [&str; 14] = [
    "sqlite",
    "sqlx",
    "sea_orm",
    "select ",
    "pool",
    "panick",
    "axum",
    "hyper",
    "rustls",
    ".rs:",
    "src/",
    "askama",
    "/tmp/",
    "inverter-connect/",
];

/// Headers that programs like to boast with.
const BOASTS: [&str; 4] = ["server", "x-powered-by", "via", "x-runtime"];

fn tells_nothing(response: &Response<axum::body::Body>, what: &str) {
    for name in BOASTS {
        assert!(!response.headers().contains_key(name), "{name} of {what}");
    }
}

/// ASVS 5.0: 16.5.1, 16.5.3.
#[tokio::test]
async fn what_fails_says_what_to_do_and_nothing_of_the_inside() {
    let house = House::new().await;
    let account = house.account("a@x.test").await;
    let cookie = house.session(account).await;
    // From here on every look into the store fails.
    house.state.clone().close().await.unwrap();
    let mut failed = 0;
    for route in ROUTES {
        let path = route.path.replace("{id}", "x").replace("{file}", "x").replace("{token}", "x");
        for proof in [&Proof::None, &cookie] {
            let response =
                house.send(route.method.parse().unwrap(), &path, proof, &[], "email=a%40x.test").await;
            check(&response, route.path);
            tells_nothing(&response, route.path);
            let status = response.status();
            let reference = response.headers().contains_key(header::CONTENT_TYPE);
            let said = body(response).await;
            for word in INSIDE.into_iter().chain([env!("CARGO_PKG_VERSION")]) {
                let told = said.to_lowercase().contains(word) && !route.path.contains("openapi");
                let code = route.path == "/service-worker.js";
                assert!(!told || code, "{} {} says {word}: {said}", route.method, route.path);
            }
            if status == StatusCode::INTERNAL_SERVER_ERROR {
                failed += 1;
                let live = route.path.starts_with("/live/");
                let todo = said.contains("The inverters are not affected. Try again");
                assert!(reference && todo && (live || said.to_lowercase().contains("reference")), "{said}");
            }
        }
    }
    assert!(failed > 80, "only {failed} of {} routes looked into the store", ROUTES.len());
}

/// ASVS 5.0: 13.4.2, 16.5.1.
#[tokio::test]
async fn a_handler_that_panics_is_a_failure_like_others_and_says_nothing() {
    let broken = || async {
        if HOST_OF_NOBODY.is_empty() {
            return "well";
        }
        panic!("the password is {HOST_OF_NOBODY}")
    };
    let router = axum::Router::new()
        .route("/", axum::routing::get(broken))
        .route("/well", axum::routing::get(|| async { "well" }))
        .layer(axum::middleware::from_fn(web::guard::panic::contain));
    for (path, status) in [("/", StatusCode::INTERNAL_SERVER_ERROR), ("/well", StatusCode::OK)] {
        let request = http::Request::get(path).body(axum::body::Body::empty()).unwrap();
        let response = tower::ServiceExt::oneshot(router.clone(), request).await.unwrap();
        assert_eq!(response.status(), status);
        assert!(!body(response).await.contains(HOST_OF_NOBODY));
    }
}

const HOST_OF_NOBODY: &str = "marker-of-a-panic";

/// ASVS 5.0: 5.2.1.
#[tokio::test]
async fn a_body_is_taken_at_16_kib_and_refused_beyond_on_every_route_that_changes_something() {
    let house = House::new().await;
    let account = house.account("a@x.test").await;
    let cookie = house.session(account).await;
    let most = 16 * 1024;
    let filled = |length: usize| format!("email={}", "x".repeat(length - "email=".len()));
    let send = async |method: &str, path: &str, said: usize, body: &str| {
        let length = said.to_string();
        let headers = [("origin", ORIGIN), ("content-length", length.as_str())];
        house.send(method.parse().unwrap(), path, &cookie, &headers, body).await.status()
    };
    for route in ROUTES.iter().filter(|route| route.method != "GET") {
        let status = send(route.method, route.path, most + 1, &filled(most + 1)).await;
        assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE, "{} {}", route.method, route.path);
    }
    assert_ne!(send("POST", "/register", most, &filled(most)).await, StatusCode::PAYLOAD_TOO_LARGE);
    // Who says less than they send, or nothing, is found out while it arrives.
    let response =
        house.send(Method::POST, "/register", &cookie, &[("origin", ORIGIN)], &filled(most + 1)).await;
    assert_eq!(response.status(), StatusCode::PAYLOAD_TOO_LARGE);
}
