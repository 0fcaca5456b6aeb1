//! API tokens that people make: shown once, never further than chosen, ended at once.

use fleet::Role;
use http::{Method, StatusCode, header};

use crate::house::{House, Proof, body};

async fn make(house: &House, cookie: &Proof, form: &str) -> (StatusCode, String) {
    let response = house.send(Method::POST, "/me/tokens/new", cookie, &[], form).await;
    (response.status(), body(response).await)
}

/// The token on the page, which is shown this once.
fn shown(page: &str) -> Proof {
    let (_, rest) = page.split_once("id=\"token\" readonly value=\"").unwrap();
    Proof::Token(rest.split('"').next().unwrap().to_owned())
}

async fn house() -> (House, Proof) {
    let house = House::new().await;
    let account = house.account("a@x.test").await;
    for id in ["east", "west"] {
        let inverter = house.inverter(id, &format!("{id} tower")).await;
        house.grant(account, inverter, Role::ReadWrite).await;
    }
    house.inverter("theirs", "Secret Bunker").await;
    let cookie = house.session(account).await;
    (house, cookie)
}

/// ASVS 5.0: 7.2.2, 8.2.2.
#[tokio::test]
async fn a_token_reaches_what_was_chosen_until_it_ends_or_is_revoked() {
    let (house, cookie) = house().await;
    let form = house.text("/me/tokens/new", &cookie).await;
    assert!(form.contains("east tower") && !form.contains("Bunker"));
    let (status, page) =
        make(&house, &cookie, "name=wall&scope=read&reach=some&inverter=west&inverter=theirs&life=7").await;
    assert_eq!(status, StatusCode::OK, "{page}");
    let token = shown(&page);
    let listed = house.json("/api/v1/inverters", &token).await;
    let ids: Vec<_> = listed["items"].as_array().unwrap().iter().map(|item| item["id"].clone()).collect();
    assert_eq!(ids, ["west"], "what one may not see oneself cannot be chosen");
    for (path, expect) in [
        ("/api/v1/inverters/west/latest", StatusCode::OK),
        ("/api/v1/inverters/east/latest", StatusCode::NOT_FOUND),
        ("/api/v1/inverters/east/history", StatusCode::NOT_FOUND),
        ("/api/v1/inverters/east/history.csv", StatusCode::NOT_FOUND),
        ("/api/v1/inverters/theirs/latest", StatusCode::NOT_FOUND),
    ] {
        assert_eq!(house.get(path, &token).await.status(), expect, "{path}");
    }
    let list = house.text("/me/tokens", &cookie).await;
    let Proof::Token(secret) = &token else { panic!("a token") };
    assert!(list.contains("wall") && list.contains("west tower") && list.contains("Last used"), "{list}");
    assert!(!list.contains(secret.as_str()), "shown once");
    let stored = std::fs::read_dir(house.folder())
        .unwrap()
        .flatten()
        .map(|file| std::fs::read(file.path()).unwrap_or_default());
    assert!(
        stored.into_iter().all(|bytes| !bytes.windows(43).any(|part| part == secret.as_bytes())),
        "kept as a hash"
    );
    house.wait(7 * 86_400_000);
    assert_eq!(house.get("/api/v1/inverters", &token).await.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_revoked_token_counts_no_more_and_only_its_owner_revokes_it() {
    let (house, cookie) = house().await;
    let (_, page) = make(&house, &cookie, "name=x&scope=write&reach=all&life=365").await;
    let token = shown(&page);
    assert_eq!(house.get("/api/v1/inverters", &token).await.status(), StatusCode::OK);
    let other = house.session(house.account("b@x.test").await).await;
    let revoke = async |cookie: &Proof| {
        house.send(Method::POST, "/me/tokens/1/revoke", cookie, &[], "").await.status()
    };
    assert_eq!(revoke(&other).await, StatusCode::NOT_FOUND);
    assert_eq!(house.get("/api/v1/inverters", &token).await.status(), StatusCode::OK);
    assert_eq!(revoke(&cookie).await, StatusCode::SEE_OTHER);
    assert_eq!(house.get("/api/v1/inverters", &token).await.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(revoke(&cookie).await, StatusCode::NOT_FOUND);
    let activity = house.text("/me/activity?area=tokens", &cookie).await;
    assert!(
        activity.contains("revoked an API token of your account") && activity.contains("write, x"),
        "{activity}"
    );
}

/// ASVS 5.0: 1.2.1.
#[tokio::test]
async fn wrong_forms_are_told_what_to_correct_and_keep_what_was_typed() {
    let (house, cookie) = house().await;
    for (form, said) in [
        ("name=&scope=read&reach=all&life=7", "Give it a name"),
        ("name=x&scope=all&reach=all&life=7", "Choose what it may do"),
        ("name=x&scope=read&reach=all&life=366", "Choose how long"),
        ("name=x&scope=read&reach=&life=7", "Choose which inverters"),
        ("name=x&scope=read&reach=some&life=7", "at least one inverter"),
        ("name=x&scope=read&reach=some&inverter=theirs&life=7", "at least one inverter"),
    ] {
        let (status, page) = make(&house, &cookie, form).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{form}");
        assert!(page.contains(said), "{form}: {page}");
    }
    let (_, page) = make(&house, &cookie, "name=x%3Cb%3E&scope=write&reach=some&inverter=west&life=0").await;
    assert!(page.contains("value=\"x&#60;b&#62;\"") && page.contains("value=\"west\" checked"), "{page}");
    for n in 0..20 {
        assert_eq!(
            make(&house, &cookie, &format!("name={n}&scope=read&reach=all&life=7")).await.0,
            StatusCode::OK
        );
    }
    assert!(
        make(&house, &cookie, "name=x&scope=read&reach=all&life=7").await.1.contains("20 tokens already")
    );
}

#[tokio::test]
async fn making_a_token_takes_a_fresh_proof() {
    let (house, cookie) = house().await;
    house.wait(16 * 60_000);
    for method in [Method::GET, Method::POST] {
        let form = "name=x&scope=read&reach=all&life=7";
        let response = house.send(method, "/me/tokens/new", &cookie, &[], form).await;
        assert!(response.headers()[header::LOCATION].to_str().unwrap().starts_with("/confirm"));
    }
    assert_eq!(house.get("/me/tokens", &cookie).await.status(), StatusCode::OK);
}
