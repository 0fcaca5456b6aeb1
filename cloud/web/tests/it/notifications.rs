//! The page of notifications: ways are verified before use, tests tell what is known, and nobody reaches another's.

use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use fleet::audit::Verb;
use fleet::notice::{Channel, Channels, Preferences};
use fleet::{AccountKey, Role};
use http::{Method, Response, StatusCode, header};
use store::state::{DueMail, NewNote, Noted, Receipt, TEST};
use wire::UtcMs;

use crate::house::{House, Proof, body};

const NEW_PHONE: &str = "/me/notifications/phones/new";
const DANA: &str = "dana@x.test";

struct Scene {
    house: House,
    account: AccountKey,
    proof: Proof,
}

async fn scene() -> Scene {
    let house = House::new().await;
    let account = house.account(DANA).await;
    let proof = house.session(account).await;
    Scene { house, account, proof }
}

fn leads_to(response: &Response<Body>) -> String {
    assert_eq!(response.status(), StatusCode::SEE_OTHER);
    response.headers()[header::LOCATION].to_str().unwrap().to_owned()
}

impl Scene {
    async fn page(&self) -> String {
        self.house.text("/me/notifications", &self.proof).await
    }

    async fn form(&self, path: &str, form: &str) -> Response<Body> {
        self.house.form(path, &self.proof, form).await
    }

    /// Asks for a code; the page of the number, and the code of the text.
    async fn begin(&self, number: &str) -> (String, String) {
        let page = leads_to(&self.form(NEW_PHONE, &format!("number={}", number.replace('+', "%2B"))).await);
        let text = self.house.mail(number).await;
        assert_eq!((text.channel, text.kind.as_str()), (Channel::Text, "phone_code"));
        let code = text.text.split(' ').next().unwrap().to_owned();
        assert!(code.len() == 6 && fleet::notice::is_one_message(&text.text), "{}", text.text);
        (page, code)
    }

    async fn receipts(&self) -> Vec<Receipt> {
        self.house.state.receipts(None, 1_000).await.unwrap()
    }

    async fn codes(&self, number: &str) -> usize {
        self.receipts().await.iter().filter(|row| row.kind == "phone_code" && row.to == number).count()
    }

    /// Lends the message of a key as the notifier does.
    async fn lent(&self, lease: &str, by: Channel) -> DueMail {
        let now = self.house.now();
        let by = (Channels::of(&[by]), 1);
        let lent = self.house.state.claim_messages(lease, by, now, now.plus_ms(60_000)).await;
        lent.unwrap().remove(0)
    }

    /// A test as the page sends it, without waiting for what comes of it.
    async fn queue_test(&self, key: &str) {
        let (account, queued_at) = (self.account, self.house.now());
        let expires_at = queued_at.plus_ms(60_000);
        let (channel, to, kind) = (Channel::Email, DANA, TEST);
        let note = NewNote {
            key,
            channel,
            account,
            to,
            kind,
            subject: "",
            text: "",
            html: "",
            queued_at,
            expires_at,
        };
        let act = self.house.act(Verb::NotificationsTest);
        assert!(self.house.state.queue_test(note, 10, UtcMs(0), &act).await.unwrap());
    }

    async fn verified(&self) -> Channels {
        self.house.state.reachable(self.account).await.unwrap()
    }
}

#[tokio::test]
async fn a_number_gets_texts_only_after_its_code_was_typed_in() {
    let scene = scene().await;
    let (page, code) = scene.begin("+16175550119").await;
    assert!(scene.page().await.contains("Waits for its code"));
    assert_eq!(scene.verified().await, Channels::of(&[Channel::Email]));
    let test = scene.form("/me/notifications/test", "channel=text&to=%2B16175550119").await;
    assert_eq!(test.status(), StatusCode::NOT_FOUND, "nothing else is sent there before");
    let wrong =
        scene.form(&page, &format!("code={}", if code == "000000" { "000001" } else { "000000" })).await;
    assert_eq!(wrong.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert!(body(wrong).await.contains("4 more tries"));
    let spaced = format!("code={}+{}", &code[..3], &code[3..]);
    assert_eq!(leads_to(&scene.form(&page, &spaced).await), "/me/notifications?done=phone");
    assert!(scene.verified().await.has(Channel::Text));
    assert_eq!(scene.form(&page, &spaced).await.status(), StatusCode::NOT_FOUND, "once");
    assert_eq!(scene.house.told(DANA).await, ["phone_added"], "the old way is told");
    let removed = scene.form(&format!("{page}/remove"), "").await;
    assert_eq!(leads_to(&removed), "/me/notifications?done=phone-gone");
    assert_eq!(scene.verified().await, Channels::of(&[Channel::Email]));
    assert!(scene.house.told(DANA).await.contains(&"phone_removed".to_owned()));
    let farewell = scene.house.mail("+16175550119").await;
    assert!(farewell.text.contains("removed"), "the number itself is told, too: {}", farewell.text);
    let log = scene.house.text("/me/activity", &scene.proof).await;
    assert!(
        log.contains("had a code sent") && log.contains("added a telephone") && log.contains("ends in 0119")
    );
    assert!(!log.contains("6175550119"), "the log holds no whole number");
}

/// ASVS 5.0: 2.3.2, 11.5.1.
#[tokio::test]
async fn codes_are_limited_in_tries_time_and_number_and_kept_as_hashes() {
    let scene = scene().await;
    let (page, code) = scene.begin("+16175550119").await;
    let wrong = if code == "123456" { "code=654321" } else { "code=123456" };
    for _ in 0..4 {
        assert_eq!(scene.form(&page, wrong).await.status(), StatusCode::UNPROCESSABLE_ENTITY);
    }
    assert!(body(scene.form(&page, wrong).await).await.contains("counts no more"));
    let late = scene.form(&page, &format!("code={code}")).await;
    assert!(body(late).await.contains("counts no more"), "the right one, too late");
    // Another takes its place, for ten minutes.
    let (page, code) = scene.begin("+16175550119").await;
    scene.house.wait(10 * 60_000);
    assert!(body(scene.form(&page, &format!("code={code}")).await).await.contains("counts no more"));
    for _ in 0..3 {
        scene.begin("+16175550119").await;
    }
    let sixth = scene.form(NEW_PHONE, "number=%2B16175550119").await;
    assert!(body(sixth).await.contains("Try again tomorrow"));
    scene.house.wait(24 * 3_600_000);
    let tomorrow = Scene { proof: scene.house.session(scene.account).await, ..scene };
    tomorrow.begin("+16175550119").await;
}

#[tokio::test]
async fn a_number_that_others_use_is_answered_like_any_and_is_not_flooded() {
    let scene = scene().await;
    let number = "+436601234567";
    let mut pages = Vec::new();
    for who in 0..7 {
        let account = scene.house.account(&format!("p{who}@x.test")).await;
        let proof = scene.house.session(account).await;
        let response = scene.house.form(NEW_PHONE, &proof, "number=0043+660+1234567").await;
        let page = leads_to(&response);
        let shown = scene.house.text(&page, &proof).await;
        let id = page.rsplit('/').next().unwrap().to_owned();
        pages.push(
            shown
                .replace(&id, "ID")
                .replace(&format!("p{who}@x.test"), "ADDRESS")
                .replace(&format!("p{who}"), "P"),
        );
        let _ = account;
    }
    let main = |page: &String| page[page.find("<main").unwrap()..].to_owned();
    assert!(pages.iter().all(|page| main(page) == main(&pages[0])), "who asks learns nothing of others");
    assert_eq!(scene.codes(number).await, 5, "however many ask, it gets five a day");
}

#[tokio::test]
async fn what_is_no_number_or_goes_to_another_country_costs_nothing() {
    let scene = scene().await;
    for (number, expect) in [
        ("617 555 0119", "with its country"),
        ("%2B88213000000", "no texts to that country"),
        ("", "with its country"),
    ] {
        let response = scene.form(NEW_PHONE, &format!("number={number}")).await;
        assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY);
        assert!(body(response).await.contains(expect), "{number}");
    }
    assert!(scene.receipts().await.is_empty());
    for last in 1..=3 {
        scene.begin(&format!("+1617555011{last}")).await;
    }
    let fourth = scene.form(NEW_PHONE, "number=%2B16175550114").await;
    assert!(body(fourth).await.contains("Remove one first"));
}

#[tokio::test]
async fn preferences_are_kept_and_ways_without_proof_cannot_be_ticked() {
    let scene = scene().await;
    let page = scene.page().await;
    assert!(page.contains("name=\"critical\" value=\"email\"") && page.contains("disabled"), "{page}");
    let form = "critical=email&critical=push&warning=email&over=on&quiet=on&quiet_from=1350&quiet_to=390&reminders=2";
    assert_eq!(leads_to(&scene.form("/me/notifications", form).await), "/me/notifications?done=saved");
    let kept = scene.house.state.preferences(scene.account).await.unwrap();
    let email = Channels::of(&[Channel::Email]);
    assert_eq!(
        (kept.critical, kept.warning),
        (email.and(Channel::Text), email),
        "texts begin once there is a number"
    );
    assert_eq!(kept.quiet.unwrap().minutes(), (1350, 390));
    assert!(scene.page().await.contains("<option value=\"1350\" selected>10:30"));
    assert_eq!(scene.form("/me/notifications", "critical=email").await.status(), StatusCode::BAD_REQUEST);
    assert_eq!(scene.house.state.preferences(scene.account).await.unwrap(), kept);
    let silent = scene.form("/me/notifications", "quiet_from=0&quiet_to=60&reminders=0").await;
    assert_eq!(leads_to(&silent), "/me/notifications?done=silent");
    let token = scene.house.token(scene.account).await;
    let told = scene.house.json("/api/v1/me/notifications", &token).await;
    assert_eq!(
        (told["when_over"].as_bool(), told["ways"][0]["channel"].as_str()),
        (Some(false), Some("email"))
    );
    assert_ne!(kept, Preferences::default());
}

#[tokio::test]
async fn a_test_is_sent_for_real_and_the_page_says_what_is_known() {
    let scene = scene().await;
    let form = "channel=email&to=dana%40x.test";
    assert_eq!(leads_to(&scene.form("/me/notifications/test", form).await), "/me/notifications?done=test");
    assert!(scene.page().await.contains("On its way. Reload this page"), "nobody took it yet");
    let due = scene.lent("one", Channel::Email).await;
    assert_eq!((due.kind.as_str(), due.to.as_str()), ("test", DANA));
    let later = scene.house.now().plus_ms(1_000);
    assert!(
        scene
            .house
            .state
            .note_message(due.id, "one", Noted::Delayed { due: later, answer: "451 try later <b>".into() })
            .await
            .unwrap()
    );
    assert!(scene.page().await.contains("Not sent yet, tried 1 time: 451 try later &#60;b&#62;"));
    scene.house.wait(1_000);
    let due = scene.lent("two", Channel::Email).await;
    assert!(
        scene
            .house
            .state
            .note_message(due.id, "two", Noted::Failed("550 no such user".into()))
            .await
            .unwrap()
    );
    assert!(scene.page().await.contains("Failed: 550 no such user"));
    scene.form("/me/notifications/test", form).await;
    let due = scene.lent("three", Channel::Email).await;
    assert!(
        scene.house.state.note_message(due.id, "three", Noted::Sent("250 OK id=1".into())).await.unwrap()
    );
    let page = scene.page().await;
    assert!(
        page.contains("The mail server took it: 250 OK id=1") && !page.contains("550"),
        "the newest: {page}"
    );
    let foreign = scene.form("/me/notifications/test", "channel=email&to=somebody%40else.test").await;
    assert_eq!(foreign.status(), StatusCode::NOT_FOUND);
    assert_eq!(scene.receipts().await.iter().filter(|row| row.kind == TEST).count(), 2);
    for number in 0..8 {
        scene.queue_test(&format!("more-{number}")).await;
    }
    assert_eq!(leads_to(&scene.form("/me/notifications/test", form).await), "/me/notifications?done=tests");
}

#[tokio::test]
async fn a_browser_is_verified_by_what_was_pushed_to_it() {
    let scene = scene().await;
    let (p256dh, auth) = (URL_SAFE_NO_PAD.encode([4; 65]), URL_SAFE_NO_PAD.encode([9; 16]));
    let form = format!("endpoint=https%3A%2F%2Fpush.example%2Fabc&p256dh={p256dh}&auth={auth}");
    for wrong in [form.replace("https", "http"), form.replace(&auth, "AAAA"), form.replace("endpoint", "x")] {
        let refused = scene.form("/me/notifications/push/new", &wrong).await;
        assert_eq!(refused.status(), StatusCode::BAD_REQUEST, "{wrong}");
    }
    assert_eq!(
        leads_to(&scene.form("/me/notifications/push/new", &form).await),
        "/me/notifications?done=push"
    );
    assert_eq!(scene.house.told(DANA).await, ["push_added"]);
    assert!(!scene.verified().await.has(Channel::Push));
    let pushed = scene.lent("one", Channel::Push).await;
    let note: serde_json::Value = serde_json::from_str(&pushed.text).unwrap();
    let proof = note["proof"].as_str().unwrap();
    let arrived = async |proof: &str| {
        let response = scene.house.form("/push/arrived", &Proof::None, &format!("proof={proof}")).await;
        assert_eq!(response.status(), StatusCode::NO_CONTENT, "alike for any");
        scene.verified().await.has(Channel::Push)
    };
    let (id, _) = proof.split_once('.').unwrap();
    assert!(!arrived("nothing").await && !arrived(&format!("{id}.{}", "A".repeat(43))).await);
    assert!(arrived(proof).await);
    // The same browser, with somebody else at it: its messages are theirs from now on.
    let luis = scene.house.account("luis@x.test").await;
    let other = scene.house.session(luis).await;
    scene.house.form("/me/notifications/push/new", &other, &form).await;
    assert!(scene.house.state.push_devices(scene.account).await.unwrap().is_empty());
    assert!(scene.house.told(DANA).await.contains(&"push_taken".to_owned()), "not without a word");
    assert!(!scene.house.told("luis@x.test").await.contains(&"push_taken".to_owned()));
    let log = scene.house.text("/me/activity", &scene.proof).await;
    assert!(log.contains("removed a browser for push messages"), "{log}");
    // Once more by the same person is no news for anybody else.
    scene.house.form("/me/notifications/push/new", &other, &form).await;
    let told = scene.house.told(DANA).await;
    assert_eq!(told.iter().filter(|kind| *kind == "push_taken").count(), 1);
    let theirs = scene.house.state.push_devices(luis).await.unwrap().remove(0).public_id;
    let foreign = scene.form(&format!("/me/notifications/push/{theirs}/remove"), "").await;
    assert_eq!(foreign.status(), StatusCode::NOT_FOUND);
    let own = scene.house.form(&format!("/me/notifications/push/{theirs}/remove"), &other, "").await;
    assert_eq!(leads_to(&own), "/me/notifications?done=push-gone");
    assert!(scene.house.told("luis@x.test").await.contains(&"push_removed".to_owned()));
}

/// ASVS 5.0: 15.3.1.
#[tokio::test]
async fn a_webhook_shows_its_secret_once_and_waits_for_its_challenge() {
    let scene = scene().await;
    let form = "url=https%3A%2F%2Fhooks.example%2Fic%3Fkey%3Dabc";
    let made = scene.form("/me/notifications/webhooks/new", form).await;
    assert_eq!(made.status(), StatusCode::OK);
    let made = body(made).await;
    let secret = made.split("whsec_").nth(1).unwrap().split('"').next().unwrap().to_owned();
    assert_eq!(secret.len(), 43);
    let page = scene.page().await;
    assert!(page.contains("Waits for the answer to its challenge") && !page.contains(&secret));
    let hook = scene.house.state.webhooks(scene.account).await.unwrap().remove(0);
    assert!(!hook.sealed_secret.windows(secret.len()).any(|part| part == secret.as_bytes()));
    assert!(!scene.verified().await.has(Channel::Webhook));
    scene.house.state.webhook_answered(&hook.public_id, true, scene.house.now()).await.unwrap();
    assert!(scene.verified().await.has(Channel::Webhook));
    let token = scene.house.token(scene.account).await;
    let told = scene.house.json("/api/v1/me/notifications", &token).await;
    assert_eq!(told["ways"][1]["name"], "hooks.example", "the rest of an address may open a door");
    let mei = scene.house.account("mei@x.test").await;
    let other = scene.house.session(mei).await;
    for verb in ["challenge", "remove"] {
        let path = format!("/me/notifications/webhooks/{}/{verb}", hook.public_id);
        assert_eq!(scene.house.form(&path, &other, "").await.status(), StatusCode::NOT_FOUND);
        assert_eq!(scene.form(&path, "").await.status(), StatusCode::SEE_OTHER);
    }
    assert!(scene.house.state.webhooks(scene.account).await.unwrap().is_empty());
    assert_eq!(scene.house.told(DANA).await, ["webhook_removed", "webhook_added"], "the newest first");
    let wrong = scene.form("/me/notifications/webhooks/new", "url=http%3A%2F%2Fx.example").await;
    assert_eq!(wrong.status(), StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn who_leaves_takes_every_way_along() {
    let scene = scene().await;
    let (page, code) = scene.begin("+16175550119").await;
    scene.form(&page, &format!("code={code}")).await;
    scene.form("/me/notifications/webhooks/new", "url=https%3A%2F%2Fhooks.example%2F").await;
    let left = scene.form("/me/data/delete", "email=dana%40x.test").await;
    assert_eq!(leads_to(&left), "/sign-in?why=deleted");
    let rows = scene.receipts().await;
    assert!(rows.iter().all(|row| row.kind == "account_deleted"), "{rows:?}");
    assert!(scene.house.state.phones(scene.account).await.unwrap().is_empty());
    assert!(scene.verified().await.is_empty());
}

/// ASVS 5.0: 3.7.1, 14.3.3.
#[tokio::test]
async fn the_worker_and_the_manifest_are_at_the_root_and_never_from_elsewhere() {
    let scene = scene().await;
    let worker = scene.house.get("/service-worker.js", &Proof::None).await;
    assert_eq!(worker.headers()[header::CONTENT_TYPE], "text/javascript; charset=utf-8");
    assert_eq!(worker.headers()[header::CACHE_CONTROL], "no-cache");
    let worker = body(worker).await;
    assert!(worker.contains("/push/arrived") && !worker.contains("importScripts"));
    let manifest = scene.house.json("/manifest.webmanifest", &Proof::None).await;
    let icon = manifest["icons"][0]["src"].as_str().unwrap();
    assert_eq!(scene.house.get(icon, &Proof::None).await.status(), StatusCode::OK);
    assert_eq!(manifest["start_url"], "/fleet");
    let page = scene.page().await;
    assert!(page.contains("rel=\"manifest\" href=\"/manifest.webmanifest\"") && !page.contains("style="));
    let inverter = scene.house.inverter("mine", "East Tower").await;
    scene.house.grant(scene.account, inverter, Role::ReadOnly).await;
    assert!(scene.page().await.contains("Tell me when an inverter"));
}

/// ASVS 5.0: 8.2.3, 15.3.3.
#[tokio::test]
async fn a_program_changes_what_is_told_by_its_owners_session_and_by_no_token() {
    let scene = scene().await;
    const PATH: &str = "/api/v1/me/notifications";
    let cookie = scene.house.session(scene.account).await;
    let patch = async |proof: &Proof, text: &str| {
        let response = scene.house.send(Method::PATCH, PATH, proof, &[], text).await;
        (response.status().as_u16(), body(response).await)
    };
    let (status, answer) = patch(&cookie, r#"{"warning":["email"],"remind_every_hours":4}"#).await;
    assert_eq!(status, 200, "{answer}");
    let told: serde_json::Value = serde_json::from_str(&answer).unwrap();
    assert_eq!((&told["warning"][0], &told["remind_every_hours"]), (&"email".into(), &4.into()));
    assert_eq!(told["critical"], serde_json::json!(["email", "text"]), "what was left out stays");
    assert_eq!(told, scene.house.json(PATH, &cookie).await);
    let log = scene.house.text("/me/activity", &cookie).await;
    assert!(log.contains("warning: email"), "{log}");
    for wrong in ["", "[]", r#"{"loud":true}"#, r#"{"warning":["pigeon"]}"#, r#"{"warning":["push"]}"#] {
        let (status, answer) = patch(&cookie, wrong).await;
        assert_eq!(status, 400, "{wrong}: {answer}");
        assert!(answer.contains("detail"), "{answer}");
    }
    for token in
        [scene.house.token(scene.account).await, scene.house.token_reaching(scene.account, true, None).await]
    {
        assert_eq!(patch(&token, r#"{"critical":[]}"#).await.0, 401);
    }
    assert_eq!(told, scene.house.json(PATH, &cookie).await, "nothing of that changed anything");
}
