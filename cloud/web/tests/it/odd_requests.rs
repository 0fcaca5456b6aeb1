//! What no browser of ours sends, and what many try: refused, or without effect.

use http::{Method, StatusCode, header};
use store::state::{Email, NewAccount};

use crate::house::{House, ORIGIN, PASSWORD, Proof, body, sample};
use crate::log;

/// ASVS 5.0: 13.4.4.
#[tokio::test]
async fn trace_is_refused_and_sends_nothing_back() {
    let house = House::new().await;
    let cookie = house.session(house.account("a@x.test").await).await;
    for path in ["/", "/sign-in", "/fleet", "/api/v1/inverters", "/api/openapi.json", "/service-worker.js"] {
        let headers = [("x-marker", "a-marker"), ("origin", ORIGIN)];
        let refused = house.send(Method::TRACE, path, &cookie, &headers, "").await;
        assert_eq!(refused.status(), StatusCode::METHOD_NOT_ALLOWED, "{path}");
        let allowed = refused.headers()[header::ALLOW].to_str().unwrap().to_owned();
        assert!(!allowed.contains("TRACE"), "{path}: {allowed}");
        assert!(!body(refused).await.contains("a-marker"), "{path}");
    }
}

/// ASVS 5.0: 15.3.4.
#[tokio::test]
async fn what_proxies_add_changes_neither_where_one_comes_from_nor_who_we_are() {
    let house = House::new().await;
    house.account("a@x.test").await;
    let more = [
        ("x-forwarded-for", "198.51.100.9"),
        ("x-real-ip", "198.51.100.9"),
        ("forwarded", "for=198.51.100.9;host=evil.example;proto=http"),
        ("x-forwarded-host", "evil.example"),
        ("x-forwarded-proto", "http"),
        ("x-original-url", "/op/audit"),
        ("x-rewrite-url", "/op/audit"),
        ("x-http-method-override", "DELETE"),
    ];
    let mut headers = vec![("origin", ORIGIN), ("from", "192.0.2.7")];
    headers.extend(more);
    log::lines();
    let wrong = "email=a%40x.test&password=wrong";
    let wrong = house.send(Method::POST, "/sign-in", &Proof::None, &headers, wrong).await;
    assert_eq!(wrong.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let lines = log::lines();
    assert!(lines.len() == 1 && lines[0].contains(" source=192.0.2.7 "), "{lines:?}");
    let right = format!("email=a%40x.test&password={}", PASSWORD.replace(' ', "+"));
    let signed_in = house.send(Method::POST, "/sign-in", &Proof::None, &headers, &right).await;
    assert_eq!(signed_in.headers()[header::LOCATION], "/fleet");
    let set = signed_in.headers()[header::SET_COOKIE].to_str().unwrap();
    assert!(set.contains("; Secure") && !set.contains("Domain"), "{set}");
    let session = crate::house::cookie(&signed_in);
    for path in ["/me/activity", "/me/security"] {
        let page = body(house.send(Method::GET, path, &session, &headers, "").await).await;
        assert!(page.contains("192.0.2.7"), "{path}");
        assert!(!page.contains("198.51.100.9") && !page.contains("evil.example"), "{path}");
    }
}

/// ASVS 5.0: 15.3.7.
#[tokio::test]
async fn a_field_that_comes_twice_is_refused_and_of_a_chart_the_first_counts() {
    let house = House::new().await;
    let account = house.account("a@x.test").await;
    let word = PASSWORD.replace(' ', "+");
    for form in [
        format!("email=a%40x.test&password={word}&email=b%40x.test"),
        format!("email=a%40x.test&password=wrong&password={word}"),
        format!("email=a%40x.test&password={word}&next=/me&next=/fleet"),
    ] {
        let refused = house.form("/sign-in", &Proof::None, &form).await;
        assert_eq!(refused.status(), StatusCode::BAD_REQUEST, "{form}");
        assert!(!refused.headers().contains_key(header::SET_COOKIE));
    }
    for path in ["/sign-in?next=/me&next=/fleet", "/sign-in?why=out&why=ended"] {
        assert_eq!(house.get(path, &Proof::None).await.status(), StatusCode::BAD_REQUEST, "{path}");
    }
    let (session, mine) = (house.session(account).await, house.inverter("mine", "East Tower").await);
    house.grant(account, mine, fleet::Role::ReadWrite).await;
    let named = house.form("/me/name", &session, "name=Ann&name=Bob").await;
    assert_eq!(named.status(), StatusCode::BAD_REQUEST);
    house.read(mine, house.now().plus_ms(-60_000), sample(104));
    house.read(mine, house.now(), sample(104));
    // A list of pairs, as `lines` may be said several times.
    let chart = async |query: &str| {
        house.text(&format!("/inverters/mine/chart?lines=ups.load{query}"), &session).await
    };
    let (first, second) = (chart("&range=1h&points=10").await, chart("&range=7d&points=20").await);
    assert_ne!(first, second);
    assert_eq!(chart("&range=1h&points=10&range=7d&points=20").await, first);
}

/// ASVS 5.0: 13.4.1, 13.4.3.
#[tokio::test]
async fn what_is_looked_for_where_servers_forget_things_is_not_there() {
    let house = House::new().await;
    let cookie = house.session(house.account("a@x.test").await).await;
    for path in [
        "/.git/config",
        "/.git/HEAD",
        "/.env",
        "/.well-known/",
        "/assets",
        "/assets/",
        "/assets/../Cargo.toml",
        "/assets/%2e%2e/%2e%2e/Cargo.toml",
        "/assets/..%2fCargo.toml",
        "/assets/%2fetc%2fpasswd",
        "/assets/.git",
        "/static/",
        "/backup.zip",
        "/metrics",
        "/debug/pprof/",
        "/server-status",
        "/fleet/",
        "/op",
        "/api/",
        "/api/v1/",
    ] {
        for proof in [&Proof::None, &cookie] {
            assert_eq!(house.get(path, proof).await.status(), StatusCode::NOT_FOUND, "{path}");
        }
    }
}

/// ASVS 5.0: 6.2.8.
#[tokio::test]
async fn a_password_counts_as_it_was_typed_to_the_last_letter_and_space() {
    const TYPED: &str = " Edge spaces And capitals ";
    let house = House::new().await;
    let new = NewAccount {
        email: &Email::parse("a@x.test").unwrap(),
        name: "Dana Okafor",
        password_hash: &web::sign_in::password::hash(TYPED).unwrap(),
        operator: false,
        created_at: house.now(),
    };
    house.state.create_account(new).await.unwrap();
    let sign_in = async |password: &str| {
        let form = format!("email=a%40x.test&password={}", password.replace(' ', "+"));
        house.form("/sign-in", &Proof::None, &form).await.status()
    };
    for other in
        [TYPED.trim(), TYPED.trim_start(), TYPED.trim_end(), &TYPED.to_lowercase(), &TYPED.to_uppercase()]
    {
        assert_eq!(sign_in(other).await, StatusCode::UNPROCESSABLE_ENTITY, "{other:?}");
    }
    assert_eq!(sign_in(TYPED).await, StatusCode::SEE_OTHER);
}

/// ASVS 5.0: 6.2.6, 6.2.7.
#[test]
fn every_field_for_a_password_hides_it_and_lets_a_manager_fill_it_in() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("templates");
    let mut fields = 0;
    for entry in
        [folder.clone(), folder.join("parts")].iter().flat_map(|folder| std::fs::read_dir(folder).unwrap())
    {
        let path = entry.unwrap().path();
        if path.is_dir() {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        for input in text.split("<input").skip(1).map(|rest| rest.split('>').next().unwrap()) {
            let any = |parts: &[&str]| parts.iter().any(|part| input.contains(part));
            let of_password = ["name=\"password\"", "name=\"current\"", "-password\"", "type=\"password\""];
            if !any(&of_password) {
                continue;
            }
            fields += 1;
            assert!(any(&["type=\"password\""]), "{}: {input}", path.display());
            let filled = ["autocomplete=\"current-password\"", "autocomplete=\"new-password\""];
            assert!(any(&filled), "{}: {input}", path.display());
            assert!(
                !any(&["value=", "onpaste", "readonly", "autocomplete=\"off\""]),
                "{}: {input}",
                path.display()
            );
        }
    }
    assert!(fields >= 4, "{fields} fields only: sign-in, confirming, the one now, a new one");
}
