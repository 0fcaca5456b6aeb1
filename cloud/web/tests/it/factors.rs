//! Authenticator apps and recovery codes: two steps to sign in, each code once, the owner told of every change.

use std::time::{Duration, Instant};

use axum::body::Body;
use fleet::audit::Verb;
use futures_util::future::join_all;
use http::{Response, StatusCode, header};
use store::state::{Codes, Email, FactorChange, NewMail, NewPasskey};

use crate::house::{self, House, PASSWORD, Proof, body, cookie, set};

const EMAIL: &str = "a@x.test";

async fn password(house: &House, more: &str) -> Response<Body> {
    let form = format!("email=a%40x.test&password={}&next=/inverters/x{more}", PASSWORD.replace(' ', "+"));
    house.form("/sign-in", &Proof::None, &form).await
}

/// The first step: the cookie for the second.
async fn half_way(house: &House, more: &str) -> Proof {
    let response = password(house, more).await;
    assert_eq!(response.headers()[header::LOCATION], "/sign-in/code?next=/inverters/x");
    assert_eq!(set(&response, "__Host-session"), None, "no session yet");
    Proof::HalfWay(set(&response, "__Host-sign-in").unwrap())
}

fn leads_to(response: &Response<Body>, to: &str) {
    assert_eq!(response.status(), StatusCode::SEE_OTHER);
    assert_eq!(response.headers()[header::LOCATION], to);
}

/// ASVS 5.0: 2.3.1, 6.3.4, 6.4.3, 6.5.1.
#[tokio::test]
async fn with_an_app_the_password_opens_nothing_and_the_code_opens_the_session_once() {
    let house = House::new().await;
    let account = house.account(EMAIL).await;
    let (secret, codes, session) = house.app(&house.session(account).await).await;
    assert_eq!(codes.len(), 10);
    assert_eq!(house.get("/fleet", &session).await.status(), StatusCode::OK, "the session goes on");
    let half = half_way(&house, "").await;
    leads_to(&house.get("/fleet", &half).await, "/sign-in");
    assert!(house.text("/sign-in/code", &half).await.contains("Type the code"));
    let wrong = house.form("/sign-in/code", &half, "code=000000").await;
    assert_eq!(wrong.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert!(body(wrong).await.contains("That code is not right"));
    let code = format!("code={}&next=/inverters/x", house.code(&secret));
    let right = house.form("/sign-in/code", &half, &code).await;
    leads_to(&right, "/inverters/x");
    assert_eq!(house.get("/fleet", &cookie(&right)).await.status(), StatusCode::OK);
    assert_eq!(set(&right, "__Host-sign-in"), None, "its cookie goes");
    leads_to(&house.form("/sign-in/code", &half, &code).await, "/sign-in?why=late");
    // The same code does not count for another sign-in, the next one does.
    let half = half_way(&house, "").await;
    let again = house.form("/sign-in/code", &half, &code).await;
    assert_eq!(again.status(), StatusCode::UNPROCESSABLE_ENTITY);
    house.wait(30_000);
    let next = house.form("/sign-in/code", &half, &format!("code={}", house.code(&secret))).await;
    leads_to(&next, "/fleet");
    assert_eq!(house.told(EMAIL).await, ["factor_added"]);
}

/// ASVS 5.0: 2.3.1.
#[tokio::test]
async fn an_app_counts_only_when_its_first_code_was_typed() {
    let house = House::new().await;
    let account = house.account(EMAIL).await;
    let session = house.session(account).await;
    leads_to(&house.get("/me/security/app", &session).await, "/me/security");
    leads_to(&house.form("/me/security/app", &session, "").await, "/me/security/app");
    let page = house.text("/me/security/app", &session).await;
    assert!(page.contains("<svg xmlns") && page.contains("otpauth://totp/Inverter%20Connect:a@x.test"));
    assert!(!page.contains(" style="));
    let wrong = house.form("/me/security/app/code", &session, "code=123").await;
    assert_eq!(wrong.status(), StatusCode::UNPROCESSABLE_ENTITY);
    leads_to(&password(&house, "").await, "/inverters/x");
    let sealed = house.state.totp(account).await.unwrap().unwrap().sealed_secret;
    assert_eq!(sealed.len(), 12 + 20 + 16, "nonce, secret, tag");
    assert!(house.told(EMAIL).await.is_empty());
}

#[tokio::test]
async fn five_wrong_codes_ask_for_the_password_again_and_the_owner_is_told() {
    let house = House::new().await;
    let account = house.account(EMAIL).await;
    let (secret, ..) = house.app(&house.session(account).await).await;
    let half = half_way(&house, "").await;
    for _ in 0..4 {
        let wrong = house.form("/sign-in/code", &half, "code=000000").await;
        assert_eq!(wrong.status(), StatusCode::UNPROCESSABLE_ENTITY);
    }
    leads_to(&house.form("/sign-in/code", &half, "code=000000").await, "/sign-in?why=codes");
    let right = format!("code={}", house.code(&secret));
    leads_to(&house.form("/sign-in/code", &half, &right).await, "/sign-in?why=late");
    assert_eq!(house.told(EMAIL).await, ["wrong_codes", "factor_added"]);
    assert!(house.text("/sign-in?why=codes", &Proof::None).await.contains("Too many wrong codes"));
}

/// ASVS 5.0: 6.3.1.
#[tokio::test]
async fn codes_tried_side_by_side_in_several_sign_ins_wait_in_one_line() {
    let house = House::new().await;
    let account = house.account(EMAIL).await;
    house.app(&house.session(account).await).await;
    // Each has the password, and a sign-in of its own: three free failures are used up by it.
    let mut halves = Vec::new();
    for _ in 0..3 {
        halves.push(half_way(&house, "").await);
    }
    let begun = Instant::now();
    let tried = join_all(halves.iter().chain(&halves[..1]).map(async |half| {
        let wrong = house.form("/sign-in/code", half, "code=000000").await;
        assert_eq!(wrong.status(), StatusCode::UNPROCESSABLE_ENTITY);
        begun.elapsed()
    }));
    let mut looked_at = house::soon(tried).await;
    looked_at.sort();
    // Each begins when the one before is over; side by side the last would be looked at after 2 s.
    for (at, turn) in looked_at.iter().zip([250, 750, 1_750, 3_750].map(Duration::from_millis)) {
        assert!(*at >= turn && *at < turn + Duration::from_secs(4), "{looked_at:?}");
    }
}

#[tokio::test]
async fn a_sign_in_half_way_counts_for_five_minutes_and_not_when_disabled() {
    let house = House::new().await;
    let account = house.account(EMAIL).await;
    let (secret, ..) = house.app(&house.session(account).await).await;
    let half = half_way(&house, "").await;
    house.wait(300_000 - 1);
    assert_eq!(house.get("/sign-in/code", &half).await.status(), StatusCode::OK);
    house.wait(1);
    leads_to(&house.get("/sign-in/code", &half).await, "/sign-in?why=late");
    let half = half_way(&house, "").await;
    house.disable(account).await;
    let right = format!("code={}", house.code(&secret));
    leads_to(&house.form("/sign-in/code", &half, &right).await, "/sign-in?why=late");
}

/// ASVS 5.0: 6.5.1.
#[tokio::test]
async fn a_recovery_code_stands_in_once_and_a_new_set_ends_the_old() {
    let house = House::new().await;
    let account = house.account(EMAIL).await;
    let (_, codes, _) = house.app(&house.session(account).await).await;
    let typed = format!("code={}", codes[3].to_lowercase().replace('-', "+"));
    let half = half_way(&house, "").await;
    let right = house.form("/sign-in/code", &half, &typed).await;
    leads_to(&right, "/fleet");
    let session = cookie(&right);
    assert!(house.text("/me/security", &session).await.contains("9 of 10 left."));
    assert_eq!(house.told(EMAIL).await, ["recovery_used", "factor_added"]);
    let half = half_way(&house, "").await;
    let again = house.form("/sign-in/code", &half, &typed).await;
    assert_eq!(again.status(), StatusCode::UNPROCESSABLE_ENTITY, "once");
    let made = house.form("/me/security/recovery", &session, "").await;
    assert_eq!(made.status(), StatusCode::OK);
    let session = cookie(&made);
    let page = body(made).await;
    assert_eq!(page.matches("<li>").count(), 10);
    assert!(page.contains("download=") && !page.contains(&codes[0]), "a new set, to be saved");
    let old = house.form("/sign-in/code", &half, &format!("code={}", codes[0])).await;
    assert_eq!(old.status(), StatusCode::UNPROCESSABLE_ENTITY, "replaced");
    assert!(house.text("/me/security", &session).await.contains("10 of 10 left."));
}

/// ASVS 5.0: 7.2.4, 7.5.1.
#[tokio::test]
async fn confirming_asks_for_the_code_too() {
    let house = House::new().await;
    let account = house.account(EMAIL).await;
    let (secret, _, session) = house.app(&house.session(account).await).await;
    house.wait(15 * 60_000);
    leads_to(
        &house.get("/me/security/passkeys/new", &session).await,
        "/confirm?next=/me/security/passkeys/new",
    );
    let page = house.text("/confirm?next=/me/security/passkeys/new", &session).await;
    assert!(page.contains("name=\"code\""));
    let word = PASSWORD.replace(' ', "+");
    let without = house.form("/confirm", &session, &format!("password={word}")).await;
    assert_eq!(without.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let wrong =
        house.form("/confirm", &session, &format!("password=wrong&code={}", house.code(&secret))).await;
    assert_eq!(wrong.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let form = format!("password={word}&code={}&next=/me/security", house.code(&secret));
    let right = house.form("/confirm", &session, &form).await;
    leads_to(&right, "/me/security");
    let confirmed = cookie(&right);
    assert_eq!(house.get("/me/security/passkeys/new", &confirmed).await.status(), StatusCode::OK);
    leads_to(&house.get("/fleet", &session).await, "/sign-in");
}

/// ASVS 5.0: 7.2.4, 7.4.3.
#[tokio::test]
async fn the_last_factor_stays_beside_a_short_password_and_each_change_ends_other_sessions() {
    let house = House::new().await;
    let account = house.account(EMAIL).await;
    let elsewhere = house.session(account).await;
    let (.., session) = house.app(&house.session(account).await).await;
    leads_to(&house.get("/fleet", &elsewhere).await, "/sign-in");
    let session = new_password(&house, &session, FIRST, SHORT).await;
    let refused = house.form("/me/security/app/remove", &session, "").await;
    leads_to(&refused, "/me/security?why=password");
    assert!(house.text("/me/security?why=password", &session).await.contains("needs 15 characters"));
    let session = new_password(&house, &session, SHORT, FIRST).await;
    let elsewhere = house.session(account).await;
    let removed = house.form("/me/security/app/remove", &session, "").await;
    leads_to(&removed, "/me/security?why=app-gone");
    leads_to(&house.get("/fleet", &elsewhere).await, "/sign-in");
    leads_to(&house.get("/fleet", &session).await, "/sign-in");
    assert_eq!(house.get("/fleet", &cookie(&removed)).await.status(), StatusCode::OK, "under a new token");
    leads_to(&password(&house, "").await, "/inverters/x");
    assert_eq!(house.state.recovery_codes_left(account).await.unwrap(), 0, "they stand in for nothing");
    assert_eq!(
        house.told(EMAIL).await,
        ["factor_removed", "password_changed", "password_changed", "factor_added"]
    );
}

/// [`PASSWORD`] as forms have it.
const FIRST: &str = "correct+horse+battery";
/// Eleven characters that are hard to guess.
const SHORT: &str = "kX9%23mP2%24vL4";

/// Changes the password; the session as it goes on.
async fn new_password(house: &House, session: &Proof, now: &str, new: &str) -> Proof {
    let changed = house.form("/me/password", session, &format!("current={now}&password={new}")).await;
    leads_to(&changed, "/me?done=password");
    cookie(&changed)
}

/// ASVS 5.0: 6.2.1, 6.4.3.
#[tokio::test]
async fn a_shorter_password_is_taken_beside_a_factor_by_oneself_and_by_mail_and_else_refused() {
    let house = House::new().await;
    let account = house.account(EMAIL).await;
    let session = house.session(account).await;
    assert!(house.text("/me/password", &session).await.contains("15 characters or more"));
    let form = format!("current={FIRST}&password={SHORT}");
    let refused = house.form("/me/password", &session, &form).await;
    assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert!(body(refused).await.contains("Use at least 15 characters."));
    let (.., session) = house.app(&session).await;
    let page = house.text("/me/password", &session).await;
    assert!(page.contains("10 characters or more, beside your second factor"), "{page}");
    assert!(page.contains(r#"data-least="10""#), "for the script");
    let form = format!("current={FIRST}&password=kX9%23mP2%24v");
    let refused = house.form("/me/password", &session, &form).await;
    assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert!(body(refused).await.contains("Use at least 10 characters."));
    new_password(&house, &session, FIRST, SHORT).await;
    assert!(!house.state.account(account).await.unwrap().unwrap().password_stands_alone);
    // By mail the same holds, and who removed the factor needs a long one again.
    house.allow(EMAIL).await;
    house.form("/forgot", &Proof::None, "email=a%40x.test").await;
    let mail = loop {
        let mail = house.mail(EMAIL).await;
        if mail.kind == "reset" {
            break mail;
        }
    };
    let link = mail.text.split(house::ORIGIN).nth(1).unwrap().split_whitespace().next().unwrap();
    assert!(house.text(link, &Proof::None).await.contains("10 characters or more"));
    leads_to(&house.form(link, &Proof::None, "password=vL4%26wQ7%23mP2").await, "/sign-in?why=reset");
    assert!(!house.state.account(account).await.unwrap().unwrap().password_stands_alone);
}

#[tokio::test]
async fn a_short_password_alone_opens_nothing_when_its_factor_was_stopped() {
    let house = House::new().await;
    let account = house.account(EMAIL).await;
    let (.., session) = house.app(&house.session(account).await).await;
    let session = new_password(&house, &session, FIRST, SHORT).await;
    let act = house.act(Verb::FactorAdd);
    let with = FactorChange { account, act: &act, keep: None, letters: &[], codes: Codes::Keep };
    let new = NewPasskey {
        public_id: "phone",
        credential_id: b"phone",
        name: "Phone",
        public_key: &[],
        counter: 7,
        backed_up: false,
        created_at: house.now(),
    };
    house.state.add_passkey(new, &with).await.unwrap();
    leads_to(&house.get("/fleet", &session).await, "/sign-in");
    let session = house.session(account).await;
    leads_to(&house.form("/me/security/app/remove", &session, "").await, "/me/security?why=app-gone");
    let passkey = house.state.passkeys(account).await.unwrap().remove(0);
    let (to, stopped) = (Email::parse(EMAIL).unwrap(), house.act(Verb::FactorSuspect));
    let letter = NewMail {
        key: "stopped",
        to: &to,
        kind: "passkey_suspect",
        subject: "",
        text: "",
        html: "",
        queued_at: house.now(),
        expires_at: house.now().plus_ms(1),
    };
    house.state.suspect_passkey(passkey.key, &stopped, &letter).await.unwrap();
    let form = format!("email=a%40x.test&password={SHORT}");
    let refused = house.form("/sign-in", &Proof::None, &form).await;
    leads_to(&refused, "/sign-in?why=weak");
    assert_eq!(set(&refused, "__Host-session"), None);
    assert!(house.text("/sign-in?why=weak", &Proof::None).await.contains("too short to do without one"));
}

#[tokio::test]
async fn an_operators_last_factor_stays_and_says_why() {
    let house = House::new().await;
    let operator = house.operator("op@x.test").await;
    let session = house.session(operator).await;
    let refused = house.form("/me/security/passkeys/op@x.test/remove", &session, "").await;
    leads_to(&refused, "/me/security?why=operator");
    assert!(
        house.text("/me/security?why=operator", &session).await.contains("Operators keep a second factor")
    );
    assert!(house.text("/me/security?why=demanded", &session).await.contains("or leave the organization"));
    let (.., session) = house.app(&session).await;
    let removed = house.form("/me/security/passkeys/op@x.test/remove", &session, "").await;
    leads_to(&removed, "/me/security?why=passkey-gone");
}

/// ASVS 5.0: 7.3.1.
#[tokio::test]
async fn a_remembered_device_keeps_its_cookie_and_may_look_but_an_operators_is_not_remembered() {
    let house = House::new().await;
    let account = house.account(EMAIL).await;
    let (secret, ..) = house.app(&house.session(account).await).await;
    let half = half_way(&house, "&remember=on").await;
    let right = house.form("/sign-in/code", &half, &format!("code={}", house.code(&secret))).await;
    let line = right.headers()[header::SET_COOKIE].to_str().unwrap();
    assert!(line.contains("Max-Age=1209600"), "{line}");
    let device = cookie(&right);
    house.wait(13 * 24 * 3_600_000);
    assert_eq!(house.get("/fleet", &device).await.status(), StatusCode::OK);
    assert!(house.text("/me/security", &device).await.contains("may only look and acknowledge"));
    leads_to(&house.form("/me/security/sessions/end", &device, "").await, "/confirm?next=/fleet");
    let plain = house.account("b@x.test").await;
    assert!(house.state.account(plain).await.unwrap().is_some());
    let form = format!("email=b%40x.test&password={}&remember=on", PASSWORD.replace(' ', "+"));
    let kept = house.form("/sign-in", &Proof::None, &form).await;
    assert!(kept.headers()[header::SET_COOKIE].to_str().unwrap().contains("Max-Age"));
}

#[tokio::test]
async fn sign_ins_and_changes_of_factors_are_in_the_log() {
    let house = House::new().await;
    let account = house.account(EMAIL).await;
    let before = house.state.verify_audit().await.unwrap().unwrap().length;
    let (secret, codes, session) = house.app(&house.session(account).await).await;
    let after = house.state.verify_audit().await.unwrap().unwrap().length;
    // One by the house for its session, one for the app.
    assert_eq!(after - before, 2, "{}", Verb::FactorAdd.name());
    let half = half_way(&house, "").await;
    house.form("/sign-in/code", &half, &format!("code={}", house.code(&secret))).await;
    let half = half_way(&house, "").await;
    house.form("/sign-in/code", &half, &format!("code={}", codes[0])).await;
    house.form("/sign-out", &session, "").await;
    let whole = house.state.verify_audit().await.unwrap().unwrap();
    // Two sign-ins, one recovery code, one sign-out.
    assert_eq!(whole.length - after, 4);
    assert!(Email::parse(EMAIL).is_ok());
}
