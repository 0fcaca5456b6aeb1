//! A house for the ways to a person: a store with one account and its ways, and the notifier at work on it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

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
use server::notifier::webhook::Webhooks;
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
use crate::receiver::{Receiver, Reply};

pub const ORIGIN: &str = "https://inverters.example";
pub const START: UtcMs = UtcMs(1_800_000_000_000);
pub const NUMBER: &str = "+16175550119";
pub const SECRET: &str = "whsec_of_a_test";

/// A store with one account, its ways, and the notifier at work on it.
pub struct House {
    pub store: StateStore,
    pub account: AccountKey,
    pub clock: Arc<AtomicI64>,
    pub counters: Arc<Counters>,
    pub stopping: CancellationToken,
    pub vault: Vault,
    pub outbound: Outbound,
    pub folder: tempfile::TempDir,
}

impl House {
    pub async fn new(authority: &Authority) -> Self {
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
    pub fn notify(&self, text: Option<Texts>) {
        let key = FactorsKey::parse(&URL_SAFE_NO_PAD.encode([7; 32])).unwrap();
        let vapid = Arc::new(Vapid::parse(&Vapid::new_key().unwrap(), ORIGIN).unwrap());
        let hooks =
            Hooks { webhooks: Webhooks::new(self.outbound.clone()), vault: Vault::new(&key).unwrap() };
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

    pub fn texts(&self, receiver: &Receiver, limits: TextLimits) -> Texts {
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

    pub fn now(&self) -> UtcMs {
        UtcMs(self.clock.load(Ordering::Relaxed))
    }

    pub fn wait(&self, ms: i64) {
        self.clock.fetch_add(ms, Ordering::Relaxed);
    }

    pub fn act(&self, verb: Verb) -> Act {
        Act::new(verb, By::Account(self.account), self.now(), [7; 32]).of_account(self.account)
    }

    pub fn note<'a>(
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
    pub async fn phone(&self) {
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

    pub async fn browser(&self, receiver: &Receiver, browser: &Browser) {
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
            taken_from: None,
        };
        assert!(self.store.add_push_device(new, &self.act(Verb::PushAdd), &[]).await.unwrap());
        assert!(!self.store.push_arrived("browser1", &[3; 32], self.now()).await.unwrap(), "another proof");
        assert!(self.store.push_arrived("browser1", &[2; 32], self.now()).await.unwrap());
    }

    pub async fn webhook(&self, url: &str) {
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

    pub async fn test(&self, key: &str, channel: Channel, to: &str, text: &str) {
        let note = self.note(key, channel, to, TEST, text);
        let act = self.act(Verb::NotificationsTest);
        assert!(self.store.queue_test(note, u64::MAX, UtcMs(0), &act).await.unwrap());
    }

    pub async fn receipt(&self, key: &str) -> Receipt {
        let all = self.store.receipts(None, 10_000).await.unwrap();
        all.into_iter().find(|receipt| receipt.key == key).unwrap_or_else(|| panic!("no row {key}"))
    }

    /// What became of it in the end.
    pub async fn ended(&self, key: &str) -> Receipt {
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

    pub fn counted(&self, channel: &str, outcome: &str) -> u64 {
        let name = format!("messages_total{{channel=\"{channel}\",outcome=\"{outcome}\"}}");
        self.counters.all().into_iter().find(|(known, _)| *known == name).unwrap().1
    }

    /// A critical incident that concerns the account, with a message by one channel.
    pub async fn alarm(&self, channel: Channel, to: &str, severity: Severity) {
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

    pub fn made(&self, inverter: InverterKey, channel: Channel, to: &str, severity: Severity) -> Made {
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

pub fn limits() -> TextLimits {
    TextLimits {
        countries: vec!["+1".to_owned()],
        per_person: 1_000,
        per_block: 1_000,
        in_all: 1_000,
        reserve_percent: 0,
    }
}

pub fn sid(number: usize) -> Reply {
    Reply::Answer(
        201,
        "content-type: application/json\r\n".to_owned(),
        format!("{{\"sid\":\"SM{number}\"}}").into_bytes(),
    )
}
