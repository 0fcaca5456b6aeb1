//! Messages by every channel besides mail, through the real outbox and the real hands, to receivers that behave well and
//! badly.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use aws_lc_rs::hmac;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use fleet::alarm::{AlarmName, Key};
use fleet::audit::Verb;
use fleet::condition::Severity;
use fleet::event::Cause;
use fleet::notice::{Channel, Fate, Incident, PhoneNumber, TextLimits};
use fleet::{AccountKey, Condition, Grant, InverterKey, Role};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use server::notifier::push::{Push, Vapid};
use server::notifier::text::{Body, HttpProvider, Provider, Texts};
use server::notifier::webhook::{Webhooks, signature};
use server::notifier::{self, Counters, Hooks, Ways};
use server::outbound::Outbound;
use store::state::{
    Act, Alarm, By, CodeTried, Email, IncidentKey, IncidentRow, Made, NewAccount, NewInverter, NewMessage,
    NewNote, NewPhone, NewPushDevice, NewWebhook, PhoneBegun, Place, Receipt, StateStore, TEST,
};
use tokio_util::sync::CancellationToken;
use url::Url;
use web::sign_in::vault::{FactorsKey, Vault};
use wire::time::DAY_MS;
use wire::{Serial, UtcMs};

use crate::browser::Browser;
use crate::door_setup::{Authority, PATIENCE};
use crate::receiver::{Received, Receiver, Reply, yes};

const ORIGIN: &str = "https://inverters.example";
const START: UtcMs = UtcMs(1_800_000_000_000);
const NUMBER: &str = "+16175550119";
const SECRET: &str = "whsec_of_a_test";

/// A store with one account, its ways, and the notifier at work on it.
struct House {
    store: StateStore,
    account: AccountKey,
    clock: Arc<AtomicI64>,
    counters: Arc<Counters>,
    stopping: CancellationToken,
    vault: Vault,
    outbound: Outbound,
    folder: tempfile::TempDir,
}

impl House {
    async fn new(authority: &Authority) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = StateStore::open(&folder.path().join("state.sqlite")).await.unwrap();
        let email = Email::parse("dana@harborview.example").unwrap();
        let new = NewAccount {
            email: &email,
            name: "Dana",
            password_hash: "$x",
            operator: false,
            created_at: START,
        };
        let account = store.create_account(new).await.unwrap();
        let root = CertificateDer::from_pem_slice(authority.pem.as_bytes()).unwrap();
        let outbound = Outbound::new(vec![root], vec!["127.0.0.1".parse().unwrap()]).unwrap();
        let key = FactorsKey::parse(&URL_SAFE_NO_PAD.encode([7; 32])).unwrap();
        let (clock, stopping) = (Arc::new(AtomicI64::new(START.0)), CancellationToken::new());
        let vault = Vault::new(&key).unwrap();
        Self { store, account, clock, counters: Arc::default(), stopping, vault, outbound, folder }
    }

    /// Starts the notifier; it stops with the house.
    fn notify(&self, text: Option<Texts>) {
        let key = FactorsKey::parse(&URL_SAFE_NO_PAD.encode([7; 32])).unwrap();
        let vapid = Arc::new(Vapid::parse(&Vapid::new_key().unwrap(), ORIGIN).unwrap());
        let hooks = Hooks {
            webhooks: Webhooks::new(self.outbound.clone()),
            vault: Vault::new(&key).unwrap(),
            origin: ORIGIN.to_owned(),
        };
        let push = Some(Push::new(self.outbound.clone(), vapid));
        let ways = Ways { mail: None, text, push, webhook: Some(hooks) };
        let at = Arc::clone(&self.clock);
        let clock: server::clock::Clock = Arc::new(move || UtcMs(at.load(Ordering::Relaxed)));
        let (store, counters) = (self.store.clone(), Arc::clone(&self.counters));
        let run = notifier::run(
            store,
            clock,
            ways,
            ORIGIN.to_owned(),
            counters,
            Arc::default(),
            self.stopping.clone(),
        );
        tokio::spawn(run);
    }

    fn texts(&self, receiver: &Receiver, limits: TextLimits) -> Texts {
        let provider = HttpProvider {
            outbound: self.outbound.clone(),
            url: Url::parse(&receiver.url("localhost", "/Messages.json")).unwrap(),
            headers: Vec::new(),
            form: Body::Form,
            body: "To={to}&Body={text}".to_owned(),
            username: Some("AC1".to_owned()),
            secret: "secret".to_owned(),
            id: "/sid".to_owned(),
        };
        Texts { provider: Provider::Http(Box::new(provider)), limits }
    }

    fn now(&self) -> UtcMs {
        UtcMs(self.clock.load(Ordering::Relaxed))
    }

    fn wait(&self, ms: i64) {
        self.clock.fetch_add(ms, Ordering::Relaxed);
    }

    fn act(&self, verb: Verb) -> Act {
        Act::new(verb, By::Account(self.account), self.now(), [7; 32]).of_account(self.account)
    }

    fn note<'a>(
        &self,
        key: &'a str,
        channel: Channel,
        to: &'a str,
        kind: &'static str,
        text: &'a str,
    ) -> NewNote<'a> {
        let (account, queued_at) = (self.account, self.now());
        let expires_at = queued_at.plus_ms(DAY_MS);
        NewNote { key, channel, account, to, kind, subject: "", text, html: "", queued_at, expires_at }
    }

    /// A number that is verified.
    async fn phone(&self) {
        let number = PhoneNumber::parse(NUMBER).unwrap();
        let text = self.note("code", Channel::Text, NUMBER, "phone_code", "a code");
        let new = NewPhone {
            account: self.account,
            public_id: "phone1",
            number: &number,
            code_hash: [1; 32],
            text,
        };
        let begun = self.store.begin_phone(new, &self.act(Verb::PhoneAsk)).await.unwrap();
        assert_eq!(begun, PhoneBegun::Asked("phone1".to_owned()));
        let act = self.act(Verb::PhoneAdd);
        let tried = self.store.confirm_phone(self.account, "phone1", &[1; 32], &act, &[]).await.unwrap();
        assert_eq!(tried, CodeTried::Right);
    }

    async fn browser(&self, receiver: &Receiver, browser: &Browser) {
        let message = self.note("proof", Channel::Push, "browser1", "push_proof", r#"{"proof":"p"}"#);
        let endpoint = receiver.url("localhost", "/push/abc");
        let new = NewPushDevice {
            public_id: "browser1",
            account: self.account,
            endpoint: &endpoint,
            public_key: &browser.public_key(),
            secret: &browser.secret,
            name: "Firefox on Linux",
            proof_hash: [2; 32],
            message,
        };
        assert!(self.store.add_push_device(new, &self.act(Verb::PushAdd), &[]).await.unwrap());
        assert!(!self.store.push_arrived("browser1", &[3; 32], self.now()).await.unwrap(), "another proof");
        assert!(self.store.push_arrived("browser1", &[2; 32], self.now()).await.unwrap());
    }

    async fn webhook(&self, url: &str) {
        let sealed_secret = self.vault.seal_webhook(self.account, SECRET.as_bytes()).unwrap();
        let challenge = self.note(
            "challenge",
            Channel::Webhook,
            "hook1",
            "webhook_challenge",
            r#"{"kind":"challenge","challenge":"abc123"}"#,
        );
        let new = NewWebhook {
            public_id: "hook1",
            account: self.account,
            url,
            sealed_secret: &sealed_secret,
            challenge,
        };
        assert!(self.store.add_webhook(new, &self.act(Verb::WebhookAdd), &[]).await.unwrap());
    }

    async fn test(&self, key: &str, channel: Channel, to: &str, text: &str) {
        let note = self.note(key, channel, to, TEST, text);
        let act = self.act(Verb::NotificationsTest);
        assert!(self.store.queue_test(note, u64::MAX, UtcMs(0), &act).await.unwrap());
    }

    async fn receipt(&self, key: &str) -> Receipt {
        let all = self.store.receipts(None, 10_000).await.unwrap();
        all.into_iter().find(|receipt| receipt.key == key).unwrap_or_else(|| panic!("no row {key}"))
    }

    /// What became of it in the end.
    async fn ended(&self, key: &str) -> Receipt {
        let began = Instant::now();
        loop {
            let receipt = self.receipt(key).await;
            if receipt.fate() != Fate::Waiting {
                return receipt;
            }
            assert!(began.elapsed() < 3 * PATIENCE, "{receipt:?}");
            // Back-off is not waited for: time flies.
            self.wait(500);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn counted(&self, channel: &str, outcome: &str) -> u64 {
        let name = format!("messages_total{{channel=\"{channel}\",outcome=\"{outcome}\"}}");
        self.counters.all().into_iter().find(|(known, _)| *known == name).unwrap().1
    }

    /// A critical incident that concerns the account, with a message by one channel.
    async fn alarm(&self, channel: Channel, to: &str, severity: Severity) {
        let new = NewInverter {
            public_id: "hallb",
            serial: Serial::parse("2408-01873").unwrap(),
            name: "Hall B",
            model: "",
            site: None,
            required_minutes: None,
            registered_at: START,
        };
        let inverter = self.store.register_inverter(new, &self.act(Verb::DeviceRegister)).await.unwrap();
        let grant = Grant { holder: self.account.into(), inverter, role: Role::ReadWrite, ends: None };
        self.store.set_grant(grant, &self.act(Verb::ShareGrant)).await.unwrap();
        let made = self.made(inverter, channel, to, severity);
        assert!(self.store.announcing().await.unwrap().commit(&made).await.unwrap());
    }

    fn made(&self, inverter: InverterKey, channel: Channel, to: &str, severity: Severity) -> Made {
        let now = self.now();
        let key = Key::of(Condition::CHARGER_FAULT);
        let name = AlarmName { key: key.clone(), cause: Cause::default(), since: now };
        let member = Incident::member(inverter, name, severity, now);
        let incident = IncidentKey(77);
        let alarm = Alarm {
            inverter,
            name: "charger".to_owned(),
            code: "7KQ2".to_owned(),
            key,
            severity,
            since: now,
            raised_at: now,
            cleared: None,
            unstable: false,
            quiet: false,
            acknowledged_at: None,
            acknowledged_by: None,
            note: String::new(),
            shelved_until: None,
            incident: Some(incident),
        };
        let message = NewMessage {
            key: "77:1:text".to_owned(),
            channel,
            to: to.to_owned(),
            account: self.account,
            incident,
            kind: "alarm_raised",
            subject: String::new(),
            text: "ALARM Hall B: charger fault".to_owned(),
            html: String::new(),
            queued_at: now,
            due_at: now,
            expires_at: now.plus_ms(DAY_MS),
        };
        let row = IncidentRow::new(incident, Place::Inverter(inverter), Incident::new(member, true, now));
        Made { alarms: vec![alarm], incidents: vec![row], messages: vec![message], ..Made::default() }
    }
}

impl Drop for House {
    fn drop(&mut self) {
        self.stopping.cancel();
    }
}

fn limits() -> TextLimits {
    TextLimits {
        countries: vec!["+1".to_owned()],
        per_person: 1_000,
        per_block: 1_000,
        in_all: 1_000,
        reserve_percent: 0,
    }
}

fn sid(number: usize) -> Reply {
    Reply::Answer(
        201,
        "content-type: application/json\r\n".to_owned(),
        format!("{{\"sid\":\"SM{number}\"}}").into_bytes(),
    )
}

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
        assert!(service.requests().len() <= 2);
    }
}

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
        assert_eq!(house.ended("77:1:text").await.fate(), Fate::Failed);
        let key = format!("77:{}:{}~push.0", house.account.0, START.0);
        let began = Instant::now();
        let rows = async || {
            let all = house.store.receipts(None, 1_000).await.unwrap();
            all.into_iter()
                .filter(|row| row.kind == "alarm_raised" && row.channel == Channel::Push)
                .collect::<Vec<_>>()
        };
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
