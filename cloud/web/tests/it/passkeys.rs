//! Passkeys with a software authenticator: what a device may get wrong or an attacker try is refused, each by itself.

use axum::body::Body;
use fleet::AccountKey;
use http::{Response, StatusCode, header};

use crate::authenticator::{Authenticator, encode, urlencoded};
use crate::house::{House, Proof, body, cookie, set};

/// Something that a device gets wrong, and how.
type Wrong = (&'static str, fn(&mut Authenticator));

const NEW: &str = "/me/security/passkeys/new";

fn leads_to(response: &Response<Body>, to: &str) {
    assert_eq!(response.status(), StatusCode::SEE_OTHER);
    assert_eq!(response.headers()[header::LOCATION], to);
}

/// An account with a passkey; its session as it goes on.
async fn person(house: &House, email: &str, id: &[u8]) -> (AccountKey, Authenticator, Proof) {
    let account = house.account(email).await;
    let session = house.session(account).await;
    let mut device = Authenticator::new(id);
    let asked = house.json("/me/security/passkeys/options", &session).await;
    let form = urlencoded(&device.create(&asked));
    let made = house.form(NEW, &session, &format!("{form}&name=Phone")).await;
    assert_eq!(made.status(), StatusCode::OK, "recovery codes are shown with the first factor");
    let session = cookie(&made);
    assert!(body(made).await.contains("Keep these recovery codes"));
    device.counter = 1;
    (account, device, session)
}

async fn sign_in(house: &House, device: &Authenticator) -> Response<Body> {
    let asked = house.json("/sign-in/passkey", &Proof::None).await;
    let form = urlencoded(&device.get(&asked));
    house.form("/sign-in/passkey", &Proof::None, &format!("{form}&next=/inverters/x")).await
}

#[tokio::test]
async fn a_passkey_alone_signs_in_is_listed_and_goes() {
    let house = House::new().await;
    let (account, mut device, session) = person(&house, "a@x.test", b"credential-a").await;
    let right = sign_in(&house, &device).await;
    leads_to(&right, "/inverters/x");
    assert_eq!(house.get("/fleet", &cookie(&right)).await.status(), StatusCode::OK);
    let page = house.text("/me/security", &session).await;
    assert!(page.contains("<b>Phone</b>") && page.contains("10 of 10 left."));
    let id = house.state.passkeys(account).await.unwrap().remove(0).public_id;
    let renamed = house.form(&format!("/me/security/passkeys/{id}/name"), &session, "name=%3Cb%3EDesk").await;
    leads_to(&renamed, "/me/security?why=renamed");
    assert!(house.text("/me/security", &session).await.contains("&#60;b&#62;Desk"));
    let removed = house.form(&format!("/me/security/passkeys/{id}/remove"), &session, "").await;
    leads_to(&removed, "/me/security?why=passkey-gone");
    device.counter = 2;
    leads_to(&sign_in(&house, &device).await, "/sign-in?why=passkey");
    assert_eq!(house.told("a@x.test").await, ["factor_removed", "factor_added"]);
}

#[tokio::test]
async fn with_a_passkey_the_password_alone_opens_nothing() {
    let house = House::new().await;
    person(&house, "a@x.test", b"credential-a").await;
    let form = format!("email=a%40x.test&password={}", crate::house::PASSWORD.replace(' ', "+"));
    let response = house.form("/sign-in", &Proof::None, &form).await;
    leads_to(&response, "/sign-in/code?next=/fleet");
    assert_eq!(set(&response, "__Host-session"), None);
    let half = Proof::HalfWay(set(&response, "__Host-sign-in").unwrap());
    assert!(house.text("/sign-in/code", &half).await.contains("data-passkey=\"get\""));
}

/// ASVS 5.0: 9.2.3.
#[tokio::test]
async fn each_thing_that_is_wrong_with_a_sign_in_refuses_it() {
    let house = House::new().await;
    let (account, mut device, _) = person(&house, "a@x.test", b"credential-a").await;
    let good = device.flags;
    let wrongs: [Wrong; 7] = [
        ("another origin", |device| device.origin = "https://inverters.test.evil.test".to_owned()),
        ("plain http", |device| device.origin = "http://inverters.test".to_owned()),
        ("another site's page around it", |device| device.cross_origin = true),
        ("another site", |device| device.rp_id = "evil.test".to_owned()),
        ("nobody verified", |device| device.flags = 0x01),
        ("nobody present", |device| device.flags = 0x04),
        ("backed up, which it was not made for", |device| device.flags = 0x0d),
    ];
    for (name, wrong) in wrongs {
        wrong(&mut device);
        let response = sign_in(&house, &device).await;
        assert_eq!(set(&response, "__Host-session"), None, "{name}");
        leads_to(&response, "/sign-in?why=passkey");
        device.origin = crate::house::ORIGIN.to_owned();
        device.rp_id = "inverters.test".to_owned();
        (device.flags, device.cross_origin) = (good, false);
    }
    // Another's signature, under this one's name.
    let thief = Authenticator::new(b"credential-a");
    let asked = house.json("/sign-in/passkey", &Proof::None).await;
    let mut form = thief.get(&asked);
    form.pop();
    form.push(("user_handle", device.get(&asked).pop().unwrap().1));
    leads_to(&house.form("/sign-in/passkey", &Proof::None, &urlencoded(&form)).await, "/sign-in?why=passkey");
    // Without the account's handle, or with another.
    for handle in ["", &encode(&[9; 32])] {
        let mut form = device.get(&asked);
        form.pop();
        form.push(("user_handle", handle.to_owned()));
        leads_to(
            &house.form("/sign-in/passkey", &Proof::None, &urlencoded(&form)).await,
            "/sign-in?why=passkey",
        );
    }
    // Nothing of it counted against the passkey.
    leads_to(&sign_in(&house, &device).await, "/inverters/x");
    device.counter += 1;
    house.disable(account).await;
    leads_to(&sign_in(&house, &device).await, "/sign-in?why=passkey");
}

/// ASVS 5.0: 2.3.1, 9.2.1, 9.2.2.
#[tokio::test]
async fn a_challenge_is_ours_for_one_purpose_five_minutes_and_one_answer() {
    let house = House::new().await;
    let (_, mut device, session) = person(&house, "a@x.test", b"credential-a").await;
    let send = async |form: &str| house.form("/sign-in/passkey", &Proof::None, form).await;
    // Made up.
    let mut asked = house.json("/sign-in/passkey", &Proof::None).await;
    let challenge = asked["challenge"].as_str().unwrap().to_owned();
    asked["challenge"] = encode(&[7; 56]).into();
    leads_to(&send(&urlencoded(&device.get(&asked))).await, "/sign-in?why=passkey");
    // For confirming, not for signing in; and the other way.
    let confirm = house.json("/confirm/passkey", &session).await;
    leads_to(&send(&urlencoded(&device.get(&confirm))).await, "/sign-in?why=passkey");
    asked["challenge"] = challenge.into();
    let answer = urlencoded(&device.get(&asked));
    let crossed = house.form("/confirm/passkey", &session, &answer).await;
    leads_to(&crossed, "/confirm?next=/fleet&why=passkey");
    // Once.
    leads_to(&send(&answer).await, "/fleet");
    let again = send(&answer).await;
    assert_eq!(set(&again, "__Host-session"), None, "replayed");
    device.counter += 1;
    let fresh_signature = urlencoded(&device.get(&asked));
    let again = send(&fresh_signature).await;
    assert_eq!(set(&again, "__Host-session"), None, "the challenge was answered");
    // In time.
    let asked = house.json("/sign-in/passkey", &Proof::None).await;
    house.wait(300_000);
    leads_to(&send(&urlencoded(&device.get(&asked))).await, "/sign-in?why=late");
    leads_to(&sign_in(&house, &device).await, "/inverters/x");
}

#[tokio::test]
async fn a_counter_that_goes_back_stops_the_passkey_and_its_owner_is_told() {
    let house = House::new().await;
    let (account, mut device, session) = person(&house, "a@x.test", b"credential-a").await;
    device.counter = 10;
    leads_to(&sign_in(&house, &device).await, "/inverters/x");
    leads_to(&sign_in(&house, &device).await, "/sign-in?why=stopped");
    device.counter = 11;
    leads_to(&sign_in(&house, &device).await, "/sign-in?why=passkey");
    assert!(!house.state.factors(account).await.unwrap().any());
    assert!(house.text("/me/security", &session).await.contains("Stopped: a copy of it may be about."));
    assert_eq!(house.told("a@x.test").await, ["passkey_suspect", "factor_added"]);
    let id = house.state.passkeys(account).await.unwrap().remove(0).public_id;
    let removed = house.form(&format!("/me/security/passkeys/{id}/remove"), &session, "").await;
    leads_to(&removed, "/me/security?why=passkey-gone");
}

#[tokio::test]
async fn each_thing_that_is_wrong_with_a_new_passkey_refuses_it() {
    let house = House::new().await;
    let account = house.account("a@x.test").await;
    let session = house.session(account).await;
    let mut device = Authenticator::new(b"credential-a");
    let wrongs: [Wrong; 6] = [
        ("another origin", |device| device.origin = "https://evil.test".to_owned()),
        ("another site's page around it", |device| device.cross_origin = true),
        ("another site", |device| device.rp_id = "evil.test".to_owned()),
        ("nobody verified", |device| device.flags = 0x01),
        ("nobody present", |device| device.flags = 0x04),
        ("backup flags that contradict each other", |device| device.flags = 0x15),
    ];
    for (name, wrong) in wrongs {
        wrong(&mut device);
        let asked = house.json("/me/security/passkeys/options", &session).await;
        let response = house.form(NEW, &session, &urlencoded(&device.create(&asked))).await;
        assert_eq!(response.headers()[header::LOCATION], format!("{NEW}?why=refused"), "{name}");
        device = Authenticator::new(b"credential-a");
    }
    // A challenge of somebody else, one for a sign-in, one that is too old.
    let other = house.session(house.account("b@x.test").await).await;
    let mut asked = house.json("/me/security/passkeys/options", &session).await;
    let own = asked["challenge"].clone();
    for (foreign, why) in [
        (house.json("/me/security/passkeys/options", &other).await["challenge"].clone(), "refused"),
        (house.json("/sign-in/passkey", &Proof::None).await["challenge"].clone(), "refused"),
    ] {
        asked["challenge"] = foreign;
        let response = house.form(NEW, &session, &urlencoded(&device.create(&asked))).await;
        leads_to(&response, &format!("{NEW}?why={why}"));
    }
    asked["challenge"] = own;
    house.wait(300_000);
    let late = house.form(NEW, &session, &urlencoded(&device.create(&asked))).await;
    leads_to(&late, &format!("{NEW}?why=late"));
    assert!(house.text(&format!("{NEW}?why=late"), &session).await.contains("more than five minutes"));
    assert!(!house.state.factors(account).await.unwrap().any());
}

#[tokio::test]
async fn a_credential_is_one_accounts_and_foreign_passkeys_are_not_there() {
    let house = House::new().await;
    let (owner, mut device, _) = person(&house, "a@x.test", b"credential-a").await;
    let other = house.session(house.account("b@x.test").await).await;
    // The same credential for another account, with a good challenge and signature of its own.
    let asked = house.json("/me/security/passkeys/options", &other).await;
    let taken = house.form(NEW, &other, &urlencoded(&device.create(&asked))).await;
    leads_to(&taken, &format!("{NEW}?why=known"));
    let id = house.state.passkeys(owner).await.unwrap().remove(0).public_id;
    for verb in ["name", "remove"] {
        let path = format!("/me/security/passkeys/{id}/{verb}");
        assert_eq!(house.form(&path, &other, "name=Mine").await.status(), StatusCode::NOT_FOUND, "{verb}");
    }
    // Somebody else's passkey does not confirm who one is.
    let (_, theirs, _) = person(&house, "c@x.test", b"credential-c").await;
    let asked = house.json("/confirm/passkey", &other).await;
    let crossed = house.form("/confirm/passkey", &other, &urlencoded(&theirs.get(&asked))).await;
    leads_to(&crossed, "/confirm?next=/fleet&why=passkey");
}

/// ASVS 5.0: 7.2.4, 7.5.1.
#[tokio::test]
async fn a_passkey_confirms_who_one_is() {
    let house = House::new().await;
    let (_, device, session) = person(&house, "a@x.test", b"credential-a").await;
    house.wait(15 * 60_000);
    leads_to(&house.get(NEW, &session).await, "/confirm?next=/me/security/passkeys/new");
    assert!(house.text("/confirm", &session).await.contains("Confirm with a passkey"));
    let asked = house.json("/confirm/passkey", &session).await;
    let form = format!("{}&next={NEW}", urlencoded(&device.get(&asked)));
    let right = house.form("/confirm/passkey", &session, &form).await;
    leads_to(&right, NEW);
    assert_eq!(house.get(NEW, &cookie(&right)).await.status(), StatusCode::OK);
    leads_to(&house.get("/fleet", &session).await, "/sign-in");
}
