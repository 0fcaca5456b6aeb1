//! Messages by every channel besides mail, through the real outbox and the real hands, to receivers that behave well and
//! badly.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_lc_rs::hmac;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use fleet::audit::Verb;
use fleet::condition::Severity;
use fleet::notice::{Channel, Fate, TextLimits};
use server::notifier::webhook::signature;
use store::state::{MailState, StateStore};
use tokio_util::sync::CancellationToken;
use web::sign_in::vault::{FactorsKey, Vault};
use wire::time::DAY_MS;

use crate::browser::Browser;
use crate::door_setup::{Authority, PATIENCE};
use crate::receiver::{Received, Receiver, Reply, yes};
use crate::ways_house::{House, NUMBER, ORIGIN, SECRET, START, limits, sid};

#[tokio::test(flavor = "multi_thread")]
async fn a_text_goes_to_the_provider_and_its_id_is_the_receipt() {
    let authority = Authority::new("Receivers");
    let provider = Receiver::start(&authority, "localhost", |number, _| sid(number));
    let house = House::new(&authority).await;
    house.phone().await;
    house.notify(Some(house.texts(&provider, limits())));
    house.test("test", Channel::Text, NUMBER, "TEST A&B = \u{20ac}5").await;
    let receipt = house.ended("test").await;
    assert_eq!((receipt.fate(), receipt.attempts), (Fate::Accepted, 1));
    assert!(receipt.answer.unwrap().starts_with("201 id SM"));
    let requests = provider.requests();
    let request = requests.iter().find(|request| request.text().contains("TEST")).unwrap();
    assert_eq!(request.text(), "To=%2B16175550119&Body=TEST+A%26B+%3D+%E2%82%AC5");
    assert_eq!(request.header("authorization"), Some("Basic QUMxOnNlY3JldA=="));
    // A number that is not the person's any more gets nothing, whatever waits for it.
    assert!(
        house
            .store
            .remove_phone(house.account, "phone1", &house.act(Verb::PhoneRemove), &[], None)
            .await
            .unwrap()
    );
    house.test("late", Channel::Text, NUMBER, "late").await;
    assert_eq!(house.ended("late").await.fate(), Fate::Failed);
    assert!(!provider.requests().iter().any(|request| request.text().contains("late")));
    assert_eq!(house.counted("text", "withheld"), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_provider_that_fails_one_in_twenty_every_text_arrives_once() {
    let authority = Authority::new("Receivers");
    let provider =
        Receiver::start(
            &authority,
            "localhost",
            |number, _| {
                if number % 20 == 3 { yes(503) } else { sid(number) }
            },
        );
    let house = House::new(&authority).await;
    house.phone().await;
    house.notify(Some(house.texts(&provider, limits())));
    let keys: Vec<String> = (0..60).map(|number| format!("text-{number}.")).collect();
    for key in &keys {
        house.test(key, Channel::Text, NUMBER, key).await;
        // A repeated act tells once.
        house.test(key, Channel::Text, NUMBER, key).await;
    }
    for key in &keys {
        assert_eq!(house.ended(key).await.fate(), Fate::Accepted, "{key}");
    }
    assert!(house.counted("text", "delayed") >= 3);
    let mut taken: BTreeMap<String, u32> = BTreeMap::new();
    for (_, request) in provider.requests().iter().enumerate().filter(|(number, _)| number % 20 != 3) {
        let key = request.text().split("Body=").nth(1).unwrap().to_owned();
        *taken.entry(key).or_default() += 1;
    }
    for key in &keys {
        assert_eq!(taken.get(key), Some(&1), "{key}");
    }
}

/// ASVS 5.0: 2.3.2.
#[tokio::test(flavor = "multi_thread")]
async fn what_may_be_spent_is_kept_over_a_restart_and_alarms_have_their_share() {
    let authority = Authority::new("Receivers");
    let provider = Receiver::start(&authority, "localhost", |number, _| sid(number));
    let house = House::new(&authority).await;
    house.phone().await;
    let limits = TextLimits { per_person: 6, reserve_percent: 50, ..limits() };
    // The code was the first, then two tests; the fourth is over the half that is not kept for alarms.
    house.notify(Some(house.texts(&provider, limits.clone())));
    house.ended("code").await;
    for key in ["a", "b"] {
        house.test(key, Channel::Text, NUMBER, key).await;
        assert_eq!(house.ended(key).await.fate(), Fate::Accepted);
    }
    house.stopping.cancel();
    let again = House {
        stopping: CancellationToken::new(),
        counters: Arc::default(),
        folder: tempfile::tempdir().unwrap(),
        store: StateStore::open(&house.folder.path().join("state.sqlite")).await.unwrap(),
        account: house.account,
        clock: Arc::clone(&house.clock),
        vault: Vault::new(&FactorsKey::new().unwrap()).unwrap(),
        outbound: house.outbound.clone(),
    };
    again.notify(Some(again.texts(&provider, limits)));
    again.test("c", Channel::Text, NUMBER, "c").await;
    let refused = again.ended("c").await;
    assert_eq!(
        (refused.fate(), refused.answer.as_deref()),
        (Fate::Failed, Some("no more texts to this person today"))
    );
    again.alarm(Channel::Text, NUMBER, Severity::Critical).await;
    assert_eq!(again.ended("77:1:text").await.fate(), Fate::Accepted);
    // Tomorrow is another day.
    again.wait(DAY_MS);
    again.test("d", Channel::Text, NUMBER, "d").await;
    assert_eq!(again.ended("d").await.fate(), Fate::Accepted);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_that_nobody_answers_is_unknown_and_not_sent_for_ever() {
    let authority = Authority::new("Receivers");
    let provider = Receiver::start(&authority, "localhost", |_, _| Reply::HangUp);
    let house = House::new(&authority).await;
    house.phone().await;
    house.notify(Some(house.texts(&provider, limits())));
    house.test("test", Channel::Text, NUMBER, "only").await;
    let receipt = house.ended("test").await;
    assert_eq!((receipt.fate(), receipt.attempts), (Fate::Unknown, 3));
    assert_eq!(provider.requests().iter().filter(|request| request.text().contains("only")).count(), 3);
}

/// ASVS 5.0: 9.2.4, 14.2.3.
#[tokio::test(flavor = "multi_thread")]
async fn a_push_is_encrypted_for_the_browser_and_signed_by_us() {
    let authority = Authority::new("Receivers");
    let service = Receiver::start(&authority, "localhost", |_, _| yes(201));
    let (house, browser) = (House::new(&authority).await, Browser::new());
    house.browser(&service, &browser).await;
    house.notify(None);
    house.test("test", Channel::Push, "browser1", r#"{"title":"Größe"}"#).await;
    assert_eq!(house.ended("test").await.fate(), Fate::Accepted);
    house.ended("proof").await;
    let requests = service.requests();
    let texts: BTreeSet<String> = requests.iter().map(|request| browser.decrypt(&request.body)).collect();
    assert_eq!(texts, BTreeSet::from([r#"{"title":"Größe"}"#.to_owned(), r#"{"proof":"p"}"#.to_owned()]));
    for request in &requests {
        assert!(request.head.starts_with("POST /push/abc HTTP/1.1"), "{}", request.head);
        assert_eq!(request.header("content-encoding"), Some("aes128gcm"));
        assert!(request.header("ttl").unwrap().parse::<u32>().unwrap() > 0);
        assert!(request.header("topic").unwrap().len() <= 32);
        assert!(!String::from_utf8_lossy(&request.body).contains("title"));
        signed_by_us(request, &service.url("localhost", ""));
    }
    let topics: BTreeSet<_> = requests.iter().map(|request| request.header("topic").unwrap()).collect();
    assert_eq!(topics.len(), 2, "one a message");
}

/// RFC 8292: the token is for this service, is not over, and is signed by the key that it names.
fn signed_by_us(request: &Received, audience: &str) {
    let header = request.header("authorization").unwrap();
    let (token, key) = header.strip_prefix("vapid t=").unwrap().split_once(", k=").unwrap();
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let bytes = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap();
    let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, bytes(key));
    key.verify(signed.as_bytes(), &bytes(signature)).unwrap();
    let claims: serde_json::Value =
        serde_json::from_slice(&bytes(signed.split('.').nth(1).unwrap())).unwrap();
    assert_eq!((claims["aud"].as_str(), claims["sub"].as_str()), (Some(audience), Some(ORIGIN)));
    let left = claims["exp"].as_i64().unwrap() - START.0 / 1000;
    assert!((1..=24 * 3_600).contains(&left), "{claims}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_that_ended_its_subscription_is_forgotten() {
    let authority = Authority::new("Receivers");
    for status in [404, 410] {
        let service = Receiver::start(&authority, "localhost", move |_, _| yes(status));
        let house = House::new(&authority).await;
        house.browser(&service, &Browser::new()).await;
        assert!(house.store.reachable(house.account).await.unwrap().has(Channel::Push));
        house.notify(None);
        house.test("test", Channel::Push, "browser1", "{}").await;
        assert_eq!(house.ended("test").await.fate(), Fate::Failed);
        assert!(house.store.push_devices(house.account).await.unwrap().is_empty());
        assert!(!house.store.reachable(house.account).await.unwrap().has(Channel::Push));
        let told = house.store.receipts(None, 1_000).await.unwrap();
        assert_eq!(told.iter().filter(|row| row.kind == "push_ended").count(), 1, "its owner is told once");
        assert!(service.requests().len() <= 2);
    }
}

/// ASVS 5.0: 14.2.3.
#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_answers_its_challenge_first_and_then_gets_signed_requests() {
    let authority = Authority::new("Receivers");
    let program = Receiver::start(&authority, "localhost", |number, request| match number {
        // The first answer lacks it: that is no proof.
        0 => Reply::Answer(200, String::new(), b"hello".to_vec()),
        1 => Reply::Answer(200, String::new(), request.body.clone()),
        _ => yes(204),
    });
    let house = House::new(&authority).await;
    house.webhook(&program.url("localhost", "/hook?a=b")).await;
    house.notify(None);
    assert_eq!(house.ended("challenge").await.fate(), Fate::Failed);
    assert!(!house.store.reachable(house.account).await.unwrap().has(Channel::Webhook));
    house.test("early", Channel::Webhook, "hook1", "{}").await;
    assert_eq!(house.ended("early").await.fate(), Fate::Failed);
    assert_eq!(program.requests().len(), 1, "nothing but the challenge is sent before");
    let again = house.note("again", Channel::Webhook, "hook1", "webhook_challenge", r#"{"challenge":"xyz"}"#);
    let act = house.act(Verb::WebhookChallenge);
    assert!(house.store.challenge_webhook(house.account, "hook1", &act, &again).await.unwrap());
    assert_eq!(house.ended("again").await.fate(), Fate::Delivered);
    assert!(house.store.reachable(house.account).await.unwrap().has(Channel::Webhook));
    house.test("test", Channel::Webhook, "hook1", r#"{"kind":"test"}"#).await;
    let receipt = house.ended("test").await;
    assert_eq!((receipt.fate(), receipt.answer.as_deref()), (Fate::Delivered, Some("204")));
    let request = program.requests().pop().unwrap();
    assert!(request.head.starts_with("POST /hook?a=b HTTP/1.1"), "{}", request.head);
    let timestamp = request.header("inverter-connect-timestamp").unwrap();
    assert!((house.now().0 / 1000 - timestamp.parse::<i64>().unwrap()).abs() < 600);
    // As a receiver would: by the standard's function over what came.
    let key = hmac::Key::new(hmac::HMAC_SHA256, SECRET.as_bytes());
    let signed = format!("{timestamp}.{}", request.text());
    let tag = request.header("inverter-connect-signature").unwrap().strip_prefix("v1=").unwrap();
    let tag: Vec<u8> =
        (0..tag.len()).step_by(2).map(|at| u8::from_str_radix(&tag[at..at + 2], 16).unwrap()).collect();
    hmac::verify(&key, signed.as_bytes(), &tag).unwrap();
    assert_ne!(
        signature(b"another", timestamp, &request.text()),
        signature(SECRET.as_bytes(), timestamp, &request.text())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_fails_for_days_is_switched_off_and_its_owner_told() {
    let authority = Authority::new("Receivers");
    let program = Receiver::start(&authority, "localhost", |number, request| match number {
        0 => Reply::Answer(200, String::new(), request.body.clone()),
        number if number % 2 == 0 => yes(500),
        _ => Reply::Answer(302, "location: https://127.0.0.1/\r\n".to_owned(), Vec::new()),
    });
    let house = House::new(&authority).await;
    house.webhook(&program.url("localhost", "/")).await;
    house.notify(None);
    assert_eq!(house.ended("challenge").await.fate(), Fate::Delivered);
    let on = async || house.store.webhook("hook1").await.unwrap().unwrap().is_on();
    for day in 0..4 {
        assert!(on().await, "day {day}");
        let key = format!("day-{day}");
        house.test(&key, Channel::Webhook, "hook1", "{}").await;
        let began = Instant::now();
        while house.receipt(&key).await.answer.is_none() {
            assert!(began.elapsed() < 3 * PATIENCE);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        // What waits is given up before the next day: the day's own request is the first of it.
        house.wait(DAY_MS);
    }
    let began = Instant::now();
    while on().await {
        assert!(began.elapsed() < 3 * PATIENCE);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let mails = house.store.receipts(None, 1_000).await.unwrap();
    let told: Vec<_> = mails.iter().filter(|mail| mail.kind == "webhook_off").collect();
    assert_eq!((told.len(), told[0].to.as_str()), (1, "dana@harborview.example"));
    let sent = program.requests().len();
    house.test("after", Channel::Webhook, "hook1", "{}").await;
    assert_eq!(house.ended("after").await.fate(), Fate::Failed);
    assert_eq!(program.requests().len(), sent, "nothing is sent to it any more");
}

/// ASVS 5.0: 16.5.2.
#[tokio::test(flavor = "multi_thread")]
async fn a_critical_message_that_fails_goes_by_the_next_way_once() {
    let authority = Authority::new("Receivers");
    let provider = Receiver::start(&authority, "localhost", |_, request| {
        if request.text().contains("ALARM") { yes(400) } else { sid(0) }
    });
    let service = Receiver::start(&authority, "localhost", |_, _| yes(201));
    for (severity, expect) in [(Severity::Critical, 1), (Severity::Warning, 0)] {
        let (house, browser) = (House::new(&authority).await, Browser::new());
        house.phone().await;
        house.browser(&service, &browser).await;
        house.notify(Some(house.texts(&provider, limits())));
        let before = service.requests().len();
        house.alarm(Channel::Text, NUMBER, severity).await;
        let key = format!("77:{}:{}~push.0", house.account.0, START.0);
        let began = Instant::now();
        let rows = async || {
            let all = house.store.receipts(None, 1_000).await.unwrap();
            all.into_iter()
                .filter(|row| row.kind == "alarm_raised" && row.channel == Channel::Push)
                .collect::<Vec<_>>()
        };
        assert_eq!(house.ended("77:1:text").await.fate(), Fate::Failed);
        assert_eq!(rows().await.len(), expect, "who dies now leaves no failure without its next way");
        while expect > 0 && rows().await.iter().all(|row| row.fate() == Fate::Waiting) {
            assert!(began.elapsed() < PATIENCE, "{:?}", rows().await);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        house.ended("proof").await;
        let rows = rows().await;
        assert_eq!(rows.len(), expect, "{severity:?}");
        if let Some(row) = rows.first() {
            assert_eq!(row.key, key, "a repeat is harmless");
            let told: Vec<String> =
                service.requests()[before..].iter().map(|request| browser.decrypt(&request.body)).collect();
            assert!(told.iter().any(|text| text.contains("ALARM Hall B: charger fault")), "{told:?}");
        }
        assert_eq!(house.counted("push", "next_way"), u64::try_from(expect).unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_must_not_be_missed_and_was_not_taken_in_its_time_goes_by_the_next_way() {
    let authority = Authority::new("Receivers");
    let provider = Receiver::start(&authority, "localhost", |number, _| sid(number));
    let service = Receiver::start(&authority, "localhost", |_, _| yes(201));
    for (severity, expect) in [(Severity::Critical, 1), (Severity::Warning, 0)] {
        let (house, browser) = (House::new(&authority).await, Browser::new());
        house.phone().await;
        house.browser(&service, &browser).await;
        house.alarm(Channel::Text, NUMBER, severity).await;
        // No sender was there for more than a day.
        house.wait(DAY_MS + 1);
        house.notify(Some(house.texts(&provider, limits())));
        let late = house.ended("77:1:text").await;
        assert_eq!((late.state, late.attempts), (MailState::Expired, 0), "{severity:?}");
        let all = house.store.receipts(None, 1_000).await.unwrap();
        let next: Vec<_> = all.iter().filter(|row| row.channel == Channel::Push).collect();
        let next: Vec<_> = next.into_iter().filter(|row| row.kind == "alarm_raised").collect();
        assert_eq!(next.len(), expect, "{severity:?}: {all:?}");
        if let Some(next) = next.first() {
            assert_eq!(house.ended(&next.key).await.fate(), Fate::Accepted);
        }
        assert_eq!(house.counted("push", "next_way"), u64::try_from(expect).unwrap());
    }
}

/// ASVS 5.0: 16.5.2.
#[tokio::test(flavor = "multi_thread")]
async fn one_slow_provider_holds_up_no_other_channel() {
    let authority = Authority::new("Receivers");
    let provider = Receiver::start(&authority, "localhost", |_, _| Reply::Silence(Duration::from_secs(15)));
    let program = Receiver::start(&authority, "localhost", |_, request| {
        Reply::Answer(200, String::new(), request.body.clone())
    });
    let house = House::new(&authority).await;
    house.phone().await;
    for number in 0..12 {
        house.test(&format!("slow-{number}"), Channel::Text, NUMBER, "slow").await;
    }
    house.webhook(&program.url("localhost", "/")).await;
    let began = Instant::now();
    house.notify(Some(house.texts(&provider, limits())));
    while house.receipt("challenge").await.fate() == Fate::Waiting {
        assert!(began.elapsed() < Duration::from_secs(5), "the webhook waits for the provider of texts");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    house.test("quick", Channel::Webhook, "hook1", "{}").await;
    while house.receipt("quick").await.fate() == Fate::Waiting {
        assert!(began.elapsed() < Duration::from_secs(5), "the webhook waits for the provider of texts");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(house.receipt("slow-11").await.attempts, 0, "texts wait for each other alone");
}
