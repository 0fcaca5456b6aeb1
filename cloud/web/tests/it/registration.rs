//! Getting in by mail, and one's own account, through the router: the same answer for every address, links that open
//! once and in time, letters to whom they concern.

use axum::body::Body;
use http::{Method, Response, StatusCode, header};
use store::state::{Account, AuditQuery, By, Details, Email, MailState, Whose};

use crate::house::{House, ORIGIN, PASSWORD, Proof, body};

const NEW_PASSWORD: &str = "four green bicycles waiting";
const MINUTE: i64 = 60_000;

impl House {
    async fn post(&self, path: &str, proof: &Proof, form: &str, from: &str) -> Response<Body> {
        let headers = [("origin", ORIGIN), ("sec-fetch-site", "same-origin"), ("from", from)];
        self.send(Method::POST, path, proof, &headers, &form.replace('@', "%40").replace(' ', "+")).await
    }

    async fn ask(&self, path: &str, email: &str, from: &str) -> String {
        let response = self.post(path, &Proof::None, &format!("email={email}"), from).await;
        assert_eq!(response.status(), StatusCode::OK);
        body(response).await
    }

    /// Asks, and takes the link out of the mail: its path.
    async fn link(&self, path: &str, email: &str) -> String {
        self.ask(path, email, "192.0.2.1").await;
        link(&self.mail(&email.trim().to_lowercase()).await.text)
    }

    async fn found(&self, email: &str) -> Option<Account> {
        self.state.account_by_email(&Email::parse(email).unwrap()).await.unwrap()
    }

    async fn signs_in(&self, email: &str, password: &str) -> bool {
        let form = format!("email={email}&password={password}");
        let response = self.post("/sign-in", &Proof::None, &form, "198.51.100.1").await;
        response.status() == StatusCode::SEE_OTHER
    }

    /// Letters written to an address so far, the newest last, whatever became of them.
    /// The log, the newest first: verb and details.
    async fn acts(&self) -> Vec<String> {
        let acts = self.state.audit_acts(&AuditQuery::newest(Whose::Everybody, 10)).await.unwrap();
        let told = acts.into_iter().map(|act| match act.details {
            Details::Kept { detail, .. } => format!("{}: {detail}", act.name),
            Details::None | Details::Erased => act.name,
        });
        told.collect()
    }

    async fn letters(&self, email: &str) -> Vec<String> {
        let to = Email::parse(email).unwrap();
        let receipts = self.state.receipts(Some(&to), 100).await.unwrap();
        assert!(receipts.iter().all(|receipt| receipt.state == MailState::Queued));
        receipts.into_iter().rev().map(|receipt| receipt.kind).collect()
    }

    /// Waits until everything that was asked before is answered.
    async fn answered(&self) {
        let last = format!("last{}@x.test", self.now().0);
        self.allow(&last).await;
        self.ask("/register", &last, "203.0.113.200").await;
        soon_some(async || !self.letters(&last).await.is_empty()).await;
    }
}

async fn soon_some(is: impl AsyncFn() -> bool) {
    crate::house::soon(async {
        while !is().await {
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    })
    .await;
}

/// The path of the link in a letter: one with a secret, of our origin.
fn link(text: &str) -> String {
    let links: Vec<_> = text.lines().filter(|line| line.contains("://")).collect();
    let [link] = links[..] else { panic!("{links:?}") };
    link.strip_prefix(ORIGIN).unwrap().to_owned()
}

fn cookie(response: &Response<Body>) -> Proof {
    let set = response.headers()[header::SET_COOKIE].to_str().unwrap();
    Proof::Cookie(set.split(['=', ';']).nth(1).unwrap().to_owned())
}

fn location(response: &Response<Body>) -> &str {
    response.headers()[header::LOCATION].to_str().unwrap()
}

/// ASVS 5.0: 2.2.2, 3.5.3, 6.2.11, 6.4.1, 7.6.2.
#[tokio::test]
async fn from_the_allow_list_to_an_empty_fleet() {
    let house = House::new().await;
    house.allow("ann@x.test").await;
    let page = house.text("/register", &Proof::None).await;
    assert!(page.contains("Create an account") && page.contains(r#"name="email""#));
    let link = house.link("/register", " Ann@X.test").await;
    assert!(link.starts_with("/verify/") && link.len() == 8 + 43, "{link}");
    // Mail programs open links by themselves: looking uses nothing up.
    for _ in 0..3 {
        let page = house.text(&link, &Proof::None).await;
        assert!(page.contains("15 characters or more") && page.contains("ann@x.test"), "{page}");
    }
    let weak = house.post(&link, &Proof::None, "name=Ann+Bell&password=ann+bell ann bell", "192.0.2.1").await;
    assert_eq!(weak.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let weak = body(weak).await;
    assert!(weak.contains("Leave out your name") && weak.contains("Ann Bell"), "{weak}");
    assert!(!weak.contains("ann bell ann bell"), "a password is never printed");
    assert!(house.found("ann@x.test").await.is_none());
    let form = format!("name=  Ann  Bell\t&password={NEW_PASSWORD}");
    let response = house.post(&link, &Proof::None, &form, "192.0.2.1").await;
    assert_eq!((response.status(), location(&response)), (StatusCode::SEE_OTHER, "/fleet"));
    let fleet = house.text("/fleet", &cookie(&response)).await;
    assert!(fleet.contains("Ann Bell"), "{fleet}");
    let account = house.found("ann@x.test").await.unwrap();
    assert_eq!((account.name.as_str(), account.operator), ("Ann Bell", false));
    assert!(house.signs_in("ann@x.test", NEW_PASSWORD).await);
    assert_eq!(house.get(&link, &Proof::None).await.status(), StatusCode::NOT_FOUND);
    let twice = house.post(&link, &Proof::None, &form, "192.0.2.1").await;
    assert_eq!(twice.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn every_address_gets_the_same_answer_and_only_the_right_ones_a_letter() {
    let house = House::new().await;
    for email in ["listed@x.test", "has@x.test", "gone@x.test"] {
        house.allow(email).await;
    }
    house.account("has@x.test").await;
    let gone = house.account("gone@x.test").await;
    house.disable(gone).await;
    let addresses = ["listed@x.test", "has@x.test", "gone@x.test", "nobody@x.test"];
    for (path, letters) in [
        ("/register", [&["register"][..], &["has_account"], &[], &[]]),
        ("/forgot", [&[], &["reset"], &[], &[]]),
    ] {
        let mut answers = Vec::new();
        let before: Vec<_> = {
            let mut before = Vec::new();
            for email in addresses {
                before.push(house.letters(email).await.len());
            }
            before
        };
        for email in addresses {
            answers.push(house.ask(path, email, "192.0.2.1").await.replace(email, "EMAIL"));
        }
        assert!(answers.iter().all(|answer| *answer == answers[0]), "{path}");
        house.answered().await;
        for (at, email) in addresses.into_iter().enumerate() {
            assert_eq!(house.letters(email).await[before[at]..], *letters[at], "{path} {email}");
        }
        house.wait(MINUTE);
    }
    let odd = house.post("/register", &Proof::None, "email=nonsense", "192.0.2.1").await;
    assert_eq!(odd.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert!(body(odd).await.contains(r#"value="nonsense""#), "what was typed stays");
}

/// ASVS 5.0: 6.4.1.
#[tokio::test]
async fn a_link_opens_for_thirty_minutes_less_a_millisecond_and_only_the_newest() {
    let house = House::new().await;
    house.allow("ann@x.test").await;
    let first = house.link("/register", "ann@x.test").await;
    let second = house.link("/register", "ann@x.test").await;
    assert_eq!(house.get(&first, &Proof::None).await.status(), StatusCode::NOT_FOUND, "replaced");
    house.wait(30 * MINUTE - 1);
    assert_eq!(house.get(&second, &Proof::None).await.status(), StatusCode::OK);
    house.wait(1);
    let over = house.get(&second, &Proof::None).await;
    assert_eq!(over.status(), StatusCode::NOT_FOUND);
    let over = body(over).await;
    assert!(over.contains("This link does not work any more") && over.contains(r#"href="/register""#));
    let form = format!("password={NEW_PASSWORD}");
    for made_up in [second, format!("/verify/{}", "A".repeat(43)), "/verify/x".to_owned()] {
        let response = house.post(&made_up, &Proof::None, &form, "192.0.2.1").await;
        assert_eq!(response.status(), StatusCode::NOT_FOUND);
        assert_eq!(body(response).await, over, "one page for all that do not count");
    }
    assert!(house.found("ann@x.test").await.is_none());
}

#[tokio::test]
async fn nobodys_mailbox_is_filled_and_who_asks_does_not_learn_it() {
    let house = House::new().await;
    house.allow("ann@x.test").await;
    let mut answers = Vec::new();
    for at in 0..8 {
        answers.push(house.ask("/register", "ann@x.test", &format!("192.0.2.{at}")).await);
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    house.answered().await;
    assert_eq!(house.letters("ann@x.test").await.len(), 3);
    house.wait(2 * MINUTE);
    house.ask("/register", "ann@x.test", "192.0.2.9").await;
    house.answered().await;
    assert_eq!(house.letters("ann@x.test").await.len(), 4);
}

/// ASVS 5.0: 6.2.2, 6.4.3, 7.4.3, 7.6.2.
#[tokio::test]
async fn a_forgotten_password_is_replaced_by_mail_and_every_session_ends() {
    let house = House::new().await;
    let account = house.account("ann@x.test").await;
    house.allow("ann@x.test").await;
    let session = house.session(account).await;
    let token = house.token(account).await;
    assert_eq!(house.get("/api/v1/inverters", &token).await.status(), StatusCode::OK);
    let link = house.link("/forgot", "ann@x.test").await;
    assert!(link.starts_with("/reset/"), "{link}");
    assert!(house.text(&link, &Proof::None).await.contains("Choose a new password"));
    let weak = house.post(&link, &Proof::None, "password=short", "192.0.2.1").await;
    assert_eq!(weak.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(house.get("/fleet", &session).await.status(), StatusCode::OK, "nothing is changed yet");
    let form = format!("password={NEW_PASSWORD}");
    let done = house.post(&link, &Proof::None, &form, "192.0.2.1").await;
    assert_eq!(location(&done), "/sign-in?why=reset");
    assert!(!done.headers().contains_key(header::SET_COOKIE), "the second factor is still to be asked");
    assert_eq!(house.get("/fleet", &session).await.status(), StatusCode::SEE_OTHER);
    assert!(
        !house.signs_in("ann@x.test", PASSWORD).await && house.signs_in("ann@x.test", NEW_PASSWORD).await
    );
    let told = house.mail("ann@x.test").await;
    assert_eq!(told.kind, "password_reset");
    assert!(told.text.contains("192.0.2.1") && told.text.contains("API tokens do not work any more"));
    // Whoever had the old password may have made tokens with it.
    assert_eq!(house.get("/api/v1/inverters", &token).await.status(), StatusCode::UNAUTHORIZED);
    let log = house.acts().await;
    assert_eq!(log[..3], ["sign_in: by password", "token.revoke: all: test", "account.reset: "]);
    assert_eq!(house.post(&link, &Proof::None, &form, "192.0.2.1").await.status(), StatusCode::NOT_FOUND);
}

/// ASVS 5.0: 6.2.2, 7.4.3, 7.5.1.
#[tokio::test]
async fn one_changes_name_and_password_oneself_and_other_devices_go() {
    let house = House::new().await;
    let account = house.account("ann@x.test").await;
    let (here, there) = (house.session(account).await, house.session(account).await);
    let named = house.post("/me/name", &here, "name=<b>Ann</b>", "192.0.2.1").await;
    assert_eq!(location(&named), "/me?done=name");
    let page = house.text("/me?done=name", &here).await;
    assert!(page.contains("&#60;b&#62;Ann") && page.contains("Your name is saved."), "{page}");
    house.wait(16 * MINUTE);
    let form = format!("current={PASSWORD}&password={NEW_PASSWORD}");
    for response in
        [house.get("/me/password", &here).await, house.post("/me/password", &here, &form, "192.0.2.1").await]
    {
        assert!(location(&response).starts_with("/confirm?next="), "{}", location(&response));
    }
    let here = house.session(account).await;
    let weak = house
        .post(
            "/me/password",
            &here,
            &format!("current={PASSWORD}&password=ann@x.test ann@x.test"),
            "192.0.2.1",
        )
        .await;
    assert_eq!(weak.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let done = house.post("/me/password", &here, &form, "192.0.2.1").await;
    assert_eq!(location(&done), "/me?done=password");
    for gone in [&here, &there] {
        assert_eq!(house.get("/fleet", gone).await.status(), StatusCode::SEE_OTHER);
    }
    assert_eq!(house.get("/fleet", &cookie(&done)).await.status(), StatusCode::OK);
    assert_eq!(house.mail("ann@x.test").await.kind, "password_changed");
    assert!(house.signs_in("ann@x.test", NEW_PASSWORD).await);
}

/// ASVS 5.0: 6.2.3.
#[tokio::test]
async fn a_new_password_asks_for_the_one_that_counts_now_as_signing_in_does() {
    let house = House::new().await;
    let account = house.account("ann@x.test").await;
    house.account("bob@x.test").await;
    let here = house.session(account).await;
    let asked = async |current: &str| {
        let form = format!("{current}password={NEW_PASSWORD}&revoke=yes");
        house.post("/me/password", &here, &form, "192.0.2.1").await
    };
    assert_eq!(asked("").await.status(), StatusCode::BAD_REQUEST, "a fresh session is not enough");
    for wrong in ["", "CORRECT horse battery", NEW_PASSWORD] {
        let before = house.context.passwords_checked();
        let refused = asked(&format!("current={wrong}&")).await;
        assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY, "{wrong}");
        assert_eq!(house.context.passwords_checked() - before, 1, "{wrong}");
        let page = body(refused).await;
        assert!(page.contains("That is not your password. Nothing was changed."), "{page}");
        assert!(
            page.contains(r#"aria-describedby="wrong" autofocus"#) && !page.contains(NEW_PASSWORD),
            "{page}"
        );
    }
    let begun = std::time::Instant::now();
    asked("current=fourth&").await;
    assert!(begun.elapsed() >= std::time::Duration::from_millis(250), "the growing delay");
    assert!(house.signs_in("ann@x.test", PASSWORD).await, "it stays");
    let changed = asked(&format!("current={PASSWORD}&")).await;
    assert!(location(&changed).starts_with("/me?done=password"));
}

/// ASVS 5.0: 7.4.3.
#[tokio::test]
async fn who_changes_the_password_chooses_whether_api_tokens_go_too() {
    let house = House::new().await;
    let account = house.account("ann@x.test").await;
    let here = house.session(account).await;
    assert!(!house.text("/me/password", &here).await.contains("revoke"), "there is none");
    let (token, other) = (house.token(account).await, house.token(account).await);
    assert!(house.text("/me/password", &here).await.contains("Revoke my 2 API tokens, too"));
    let weak = house
        .post("/me/password", &here, &format!("current={PASSWORD}&password=short&revoke=yes"), "192.0.2.1")
        .await;
    assert!(body(weak).await.contains(r#"name="revoke" value="yes" checked"#), "what was chosen stays");
    let stay = house
        .post("/me/password", &here, &format!("current={PASSWORD}&password={NEW_PASSWORD}"), "192.0.2.1")
        .await;
    assert_eq!(location(&stay), "/me?done=password");
    assert_eq!(house.get("/api/v1/inverters", &token).await.status(), StatusCode::OK);
    assert_eq!(house.acts().await[0], "account.password: ");
    let form = format!("current={NEW_PASSWORD}&password=another five unrelated words&revoke=yes");
    let go = house.post("/me/password", &cookie(&stay), &form, "192.0.2.1").await;
    assert_eq!(location(&go), "/me?done=password-tokens");
    for token in [&token, &other] {
        assert_eq!(house.get("/api/v1/inverters", token).await.status(), StatusCode::UNAUTHORIZED);
    }
    assert_eq!(house.acts().await[..2], ["token.revoke: all: test, test", "account.password: "]);
    let page = house.text("/me?done=password-tokens", &cookie(&go)).await;
    assert!(page.contains("API tokens do not work any more"), "{page}");
    assert_eq!(house.letters("ann@x.test").await, ["password_changed", "password_tokens"]);
}

#[tokio::test]
async fn an_address_is_changed_by_its_owner_alone_and_both_addresses_are_told() {
    let house = House::new().await;
    let account = house.account("old@x.test").await;
    let other = house.account("other@x.test").await;
    let (owner, stranger) = (house.session(account).await, house.session(other).await);
    house.allow("new@x.test").await;
    let mut answers = Vec::new();
    for email in ["new@x.test", "unlisted@x.test", "other@x.test"] {
        let asked = house.post("/me/address", &owner, &format!("email={email}"), "192.0.2.1").await;
        assert_eq!(asked.status(), StatusCode::OK);
        answers.push(body(asked).await.replace(email, "EMAIL"));
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]));
    house.answered().await;
    assert_eq!(house.letters("old@x.test").await, ["address_asked"; 3]);
    for nothing in ["unlisted@x.test", "other@x.test"] {
        assert!(house.letters(nothing).await.is_empty(), "{nothing}");
    }
    let link = link(&house.mail("new@x.test").await.text);
    assert!(link.starts_with("/me/address/"), "{link}");
    assert!(location(&house.get(&link, &Proof::None).await).starts_with("/sign-in?next=/me/address/"));
    let foreign = house.get(&link, &stranger).await;
    assert_eq!(foreign.status(), StatusCode::NOT_FOUND);
    let made_up = house.get(&format!("/me/address/{}", "A".repeat(43)), &stranger).await;
    assert_eq!(body(foreign).await, body(made_up).await);
    assert_eq!(house.post(&link, &stranger, "", "192.0.2.9").await.status(), StatusCode::NOT_FOUND);
    assert!(house.text(&link, &owner).await.contains("new@x.test"));
    let done = house.post(&link, &owner, "", "192.0.2.1").await;
    assert_eq!(location(&done), "/me?done=address");
    assert_eq!(house.found("new@x.test").await.unwrap().key, account);
    assert!(house.found("old@x.test").await.is_none());
    assert_eq!(house.letters("old@x.test").await[3..], ["address_changed"]);
    assert_eq!(house.letters("new@x.test").await, ["address", "address_changed"]);
    assert!(house.signs_in("new@x.test", PASSWORD).await && !house.signs_in("old@x.test", PASSWORD).await);
    let log = house.text("/me/activity", &cookie(&done)).await;
    assert!(log.contains("from old@x.test to new@x.test"), "{log}");
}

/// ASVS 5.0: 3.2.1, 5.4.1, 15.3.1, 15.3.4, 16.2.1.
#[tokio::test]
async fn one_takes_ones_data_along_in_one_file_without_any_secret() {
    let house = House::new().await;
    let account = house.account("ann@x.test").await;
    let inverter = house.inverter("mine", "East Tower").await;
    house.grant(account, inverter, fleet::Role::ReadOnly).await;
    let cookie = house.session(account).await;
    let Proof::Token(token) = house.token(account).await else { unreachable!() };
    house.allow("ann@x.test").await;
    let (secret, codes, cookie) = house.app(&cookie).await;
    house.post("/me/name", &cookie, "name=Ann", "192.0.2.7").await;
    let shared = house.inverter("shared", "Annex").await;
    house.grant(account, shared, fleet::Role::ReadWrite).await;
    house
        .post("/inverters/shared/people/new", &cookie, "recipient=bob@x.test&role=read-only", "192.0.2.7")
        .await;
    house.post("/pair", &cookie, "serial=2408-01873", "192.0.2.7").await;
    house.site("own-site", account).await;
    let export = house.post("/me/data/export", &cookie, "", "192.0.2.7").await;
    assert_eq!(export.headers()[header::CONTENT_TYPE], "application/json");
    assert!(export.headers()[header::CONTENT_DISPOSITION].to_str().unwrap().starts_with("attachment"));
    let text = body(export).await;
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        (&value["account"]["email"], &value["account"]["name"]),
        (&"ann@x.test".into(), &"Ann".into())
    );
    assert_eq!(value["inverters"][1]["name"], "East Tower");
    assert_eq!(
        (value["sessions"].as_array().unwrap().len(), &value["tokens"][0]["name"]),
        (1, &"test".into())
    );
    let acts: Vec<_> = value["acts"].as_array().unwrap().iter().map(|act| &act["act"]).collect();
    assert_eq!(acts, ["account.export", "pair.start", "share.offer", "account.name", "factor.add"]);
    assert_eq!(value["acts"][1]["address"], "192.0.2.7");
    assert_eq!(value["approval"]["verified_by"], "R. Valdez");
    let factor = &value["second_factors"][0];
    assert_eq!((&factor["kind"], &factor["counts"]), (&"authenticator app".into(), &true.into()));
    assert!(factor["made_at"].is_string() && factor["last_used_at"].is_string(), "{factor}");
    assert_eq!(value["recovery_codes_left"], 10);
    let offer = &value["offers"][0];
    assert_eq!((&offer["to"], &offer["made_by_me"]), (&"bob@x.test".into(), &true.into()));
    assert_eq!(value["pairings"][0]["serial"], "2408-01873");
    assert_eq!(value["sites"][0]["name"], "Clubhouse");
    let codes = codes.iter().map(String::as_str);
    for secret in ["argon2", &token, "hash", secret.grouped().as_str()].into_iter().chain(codes) {
        assert!(!text.contains(secret), "{secret}");
    }
    let log = house.text("/me/activity", &cookie).await;
    assert!(log.contains("exported the data of your account"), "{log}");
}

/// ASVS 5.0: 7.4.2.
#[tokio::test]
async fn one_leaves_and_nothing_that_names_one_is_left() {
    let house = House::new().await;
    let (account, stays) = (house.account("ann@x.test").await, house.account("bob@x.test").await);
    let inverter = house.inverter("mine", "East Tower").await;
    house.grant(account, inverter, fleet::Role::ReadWrite).await;
    let cookie = house.session(account).await;
    house.post("/me/address", &cookie, "email=elsewhere@x.test", "192.0.2.7").await;
    house.answered().await;
    assert_eq!(house.letters("ann@x.test").await, ["address_asked"]);
    let leave = "email=Ann@x.test";
    // The last who can manage an inverter does not go by accident.
    let refused = house.post("/me/data/delete", &cookie, leave, "192.0.2.7").await;
    assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert!(body(refused).await.contains("East Tower</b><small>Only you can manage it."));
    // A button that somebody waits for while the account goes is nobody's.
    house.post("/pair", &cookie, "serial=2311-mine", "192.0.2.7").await;
    house.grant(stays, inverter, fleet::Role::ReadWrite).await;
    for typed in ["email=bob@x.test", "email=", "email=nonsense"] {
        let wrong = house.post("/me/data/delete", &cookie, typed, "192.0.2.7").await;
        assert_eq!(wrong.status(), StatusCode::UNPROCESSABLE_ENTITY);
        assert!(body(wrong).await.contains("That is not your address."), "{typed}");
    }
    let gone = house.post("/me/data/delete", &cookie, leave, "192.0.2.7").await;
    assert_eq!(location(&gone), "/sign-in?why=deleted");
    assert!(gone.headers()[header::SET_COOKIE].to_str().unwrap().contains("Max-Age=0"));
    assert_eq!(house.get("/fleet", &cookie).await.status(), StatusCode::SEE_OTHER);
    let bob = house.session(stays).await;
    let begun = house.post("/pair", &bob, "serial=2311-mine", "192.0.2.8").await;
    house.wait(1_000);
    house.press(inverter, 1).await;
    let leads = house.get(location(&begun), &bob).await;
    assert!(location(&leads).ends_with("/name"), "the claim of who went is in nobody's way");
    assert!(house.found("ann@x.test").await.is_none() && !house.signs_in("ann@x.test", PASSWORD).await);
    assert_eq!(house.letters("ann@x.test").await, ["account_deleted"], "and no other");
    let acts = house.state.audit_acts(&AuditQuery::newest(Whose::Everybody, 100)).await.unwrap();
    let own = acts.iter().filter(|act| act.account == Some(account) || act.by == Some(By::Account(account)));
    let own: Vec<_> = own.map(|act| (act.name.as_str(), &act.details)).collect();
    assert!(own.iter().any(|(name, _)| *name == "account.delete"), "the act itself stays: {own:?}");
    assert!(own.iter().all(|(_, details)| !matches!(details, Details::Kept { .. })), "{own:?}");
    let whole = house.state.verify_audit().await.unwrap().unwrap();
    assert!(whole.erased > 0, "and the chain holds");
}

#[tokio::test]
async fn an_operator_approves_and_removes_addresses_with_who_when_and_how() {
    let house = House::new().await;
    let operator = house.operator("op@x.test").await;
    let cookie = house.session(operator).await;
    let page = house.text("/op/allow-list", &cookie).await;
    assert!(page.contains("Nobody approved yet") && page.contains(r#"value="2026-11-17""#), "{page}");
    let send = async |form: &str| house.post("/op/allow-list", &cookie, form, "192.0.2.7").await;
    let wrong = send("email=nonsense&verified_by=&verified_on=2026-12-24&named=yes").await;
    assert_eq!(wrong.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let wrong = body(wrong).await;
    for said in [
        "4 things to look at",
        "name@example.org",
        "who spoke",
        "today or earlier",
        "next operator can trace",
    ] {
        assert!(wrong.contains(said), "{said}");
    }
    assert!(wrong.contains(r#"value="nonsense""#), "what was typed stays");
    let good = "email=Ann@X.test&company=<Harborview>&verified_by=R. Valdez&verified_on=2026-11-16&named=yes&order=4711";
    assert_eq!(location(&send(good).await), "/op/allow-list?done=added");
    let page = house.text("/op/allow-list?q=harbor", &cookie).await;
    for said in [
        "ann@x.test",
        "&#60;Harborview&#62;",
        "Named order or serial 4711.",
        "R. Valdez",
        "Approved, not used",
    ] {
        assert!(page.contains(said), "{said}: {page}");
    }
    assert!(house.text("/op/allow-list?q=nobody", &cookie).await.contains("No address matches"));
    let remove = async |email: &str| {
        let form = format!("email={email}");
        house.post("/op/allow-list/remove", &cookie, &form, "192.0.2.7").await
    };
    assert_eq!(location(&remove("ann@x.test").await), "/op/allow-list?done=removed");
    assert_eq!(remove("ann@x.test").await.status(), StatusCode::NOT_FOUND);
    assert!(house.text("/op/allow-list?state=removed", &cookie).await.contains("ann@x.test"));
    let log = house.text("/op/audit", &cookie).await;
    assert!(
        log.contains("put an address on the allow-list") && log.contains("verified by R. Valdez"),
        "{log}"
    );
    assert!(log.contains("took an address off the allow-list"));
}
