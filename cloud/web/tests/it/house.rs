//! A people's door with accounts, inverters and a clock that stands until it is moved.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use fleet::audit::Verb;
use fleet::logbook::Signer;
use fleet::pairing::Pressed;
use fleet::session::Life;
use fleet::{AccountKey, Grant, Holder, InverterKey, MemberRole, Membership, OrganizationKey, Role, apply};
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::BodyExt;
use store::Position;
use store::day_keys::DayKeys;
use store::history::{Config, History};
use store::state::{
    Act, Alarm, By, Codes, DueMail, Email, FactorChange, IncidentKey, Made, NewAccount, NewAllowed,
    NewInverter, NewOrganization, NewPasskey, NewSession, NewSite, NewToken, StateStore, TokenReach,
    TokenScope,
};
use tokio::sync::broadcast;
use tower::ServiceExt;
use web::sign_in::secret::Secret;
use web::sign_in::totp;
use web::sign_in::vault::FactorsKey;
use wire::{BootId, Condition, Conditions, Flag, Quality, Quantity, Reading, Report, Sample, Serial, UtcMs};

use crate::house_fakes::{FakeActs, FakeLive, FakeService};
use crate::{log, markup};

pub const ORIGIN: &str = "https://inverters.test";
pub const HOST: &str = "inverters.test";
/// Code of the organization that [`House::club`] makes.
pub const CLUB: &str = "CLUB222222";
pub const PASSWORD: &str = "correct horse battery";
/// 2026-11-17, 3:07 AM in New York.
pub const NOW: &str = "2026-11-17T08:07:00Z";

pub struct House {
    pub router: Router,
    pub context: web::Context,
    pub state: StateStore,
    pub history: Arc<History>,
    pub live: Arc<FakeLive>,
    acts: Arc<FakeActs>,
    pub service: Arc<FakeService>,
    clock: Arc<AtomicI64>,
    batches: AtomicU32,
    /// Signs logbooks and reports.
    pub signer: Arc<Signer>,
    folder: tempfile::TempDir,
}

/// How somebody proves who they are.
#[derive(Clone, Debug)]
pub enum Proof {
    None,
    Cookie(String),
    /// The cookie between password and second factor.
    HalfWay(String),
    Token(String),
}

impl House {
    pub async fn new() -> Self {
        log::keep();
        let folder = tempfile::tempdir().unwrap();
        let state = StateStore::open(&folder.path().join("state.sqlite")).await.unwrap();
        let keys = DayKeys::at(folder.path().join("keys"), || web::random_bytes().ok());
        let history = Arc::new(History::open(folder.path(), keys, Config::default()).unwrap());
        let live = Arc::new(FakeLive { states: Mutex::default(), pulses: broadcast::channel(256).0 });
        let clock = Arc::new(AtomicI64::new(UtcMs::parse_rfc3339(NOW).unwrap().0));
        let reading = Arc::clone(&clock);
        let context = web::Context::new(
            state.clone(),
            Arc::clone(&history),
            Arc::clone(&live) as Arc<dyn web::Live>,
            Arc::new(move || UtcMs(reading.load(Ordering::SeqCst))),
            ORIGIN,
            &FactorsKey::new().unwrap(),
        )
        .unwrap();
        let service = Arc::new(FakeService::default());
        let context = context.with_service(Arc::clone(&service) as Arc<dyn web::Service>);
        let acts =
            Arc::new(FakeActs { live: Arc::clone(&live), claims: Mutex::default(), state: state.clone() });
        let context = context.with_acts(Arc::clone(&acts) as Arc<dyn web::Acts>);
        let ways = web::Ways {
            countries: vec!["+1".to_owned(), "+43".to_owned()],
            push_key: Some("BKey".to_owned()),
            webhooks: true,
        };
        let context = context.with_ways(ways);
        let signer = Arc::new(Signer::from_seed(&[9; 32]).unwrap());
        state.note_logbook_key(signer.public(), UtcMs(clock.load(Ordering::SeqCst))).await.unwrap();
        let context = context.with_signer(Arc::clone(&signer));
        let router = web::router(context.clone());
        Self {
            router,
            context,
            state,
            history,
            live,
            service,
            acts,
            clock,
            batches: AtomicU32::new(1),
            signer,
            folder,
        }
    }

    /// Where everything is kept.
    pub fn folder(&self) -> &std::path::Path {
        self.folder.path()
    }

    pub fn now(&self) -> UtcMs {
        UtcMs(self.clock.load(Ordering::SeqCst))
    }

    pub fn wait(&self, ms: i64) {
        self.clock.fetch_add(ms, Ordering::SeqCst);
    }

    /// Somebody at the server does `verb` now.
    pub fn act(&self, verb: Verb) -> Act {
        Act::new(verb, By::CommandLine, self.now(), [7; 32])
    }

    /// An operator shuts an account out.
    pub async fn disable(&self, account: AccountKey) {
        let act = self.act(Verb::AccountDisable);
        self.state.set_account_disabled(account, true, &act).await.unwrap();
    }

    pub async fn account(&self, email: &str) -> AccountKey {
        self.person(email, false).await
    }

    /// An operator, who has a second factor as operators must.
    pub async fn operator(&self, email: &str) -> AccountKey {
        let account = self.operator_without_factor(email).await;
        let act = self.act(Verb::FactorAdd);
        let with = FactorChange { account, act: &act, keep: None, letters: &[], codes: Codes::Keep };
        let new = NewPasskey {
            public_id: email,
            credential_id: email.as_bytes(),
            name: "Desk",
            public_key: &[],
            counter: 0,
            backed_up: false,
            created_at: self.now(),
        };
        self.state.add_passkey(new, &with).await.unwrap();
        account
    }

    pub async fn operator_without_factor(&self, email: &str) -> AccountKey {
        self.person(email, true).await
    }

    async fn person(&self, email: &str, operator: bool) -> AccountKey {
        let new = NewAccount {
            email: &Email::parse(email).unwrap(),
            name: "Dana Okafor",
            password_hash: password_hash(),
            operator,
            created_at: self.now(),
        };
        self.state.create_account(new).await.unwrap()
    }

    pub async fn session(&self, account: AccountKey) -> Proof {
        self.session_of(account, Life::begin(self.now(), false)).await
    }

    pub async fn session_of(&self, account: AccountKey, life: Life) -> Proof {
        let secret = Secret::new().unwrap();
        let new = NewSession { token_hash: secret.hash(), account, life, user_agent: "test", address: None };
        self.state.create_session(new, &self.act(Verb::SignIn)).await.unwrap();
        Proof::Cookie(secret.reveal())
    }

    /// Sets up an authenticator app by the pages, as a person does; its secret, the recovery codes, the session as it
    /// goes on. The next code is the one of half a minute later.
    pub async fn app(&self, proof: &Proof) -> (totp::Secret, Vec<String>, Proof) {
        let begun = self.form("/me/security/app", proof, "").await;
        assert_eq!(begun.headers()[header::LOCATION], "/me/security/app");
        let page = self.text("/me/security/app", proof).await;
        let text = page.split("secret=").nth(1).unwrap().split('&').next().unwrap();
        let secret = totp::Secret::from_bytes(base32(text));
        let code = format!("code={}", self.code(&secret));
        let confirmed = self.form("/me/security/app/code", proof, &code).await;
        assert_eq!(confirmed.status(), StatusCode::OK);
        let proof = cookie(&confirmed);
        let page = body(confirmed).await;
        let codes =
            page.split("class=\"codes\"").nth(1).map_or("", |rest| rest.split("</ol>").next().unwrap());
        let codes = codes.split("<li>").skip(1).map(|code| code[..14].to_owned()).collect();
        self.wait(30_000);
        (secret, codes, proof)
    }

    /// What the app shows now.
    pub fn code(&self, secret: &totp::Secret) -> String {
        secret.code(self.now().0 / 30_000)
    }

    /// A form sent from our own page.
    pub async fn form(&self, path: &str, proof: &Proof, form: &str) -> Response<Body> {
        self.send(Method::POST, path, proof, &[("origin", ORIGIN)], form).await
    }

    /// A charger fault of an inverter, as the pipeline would have written it.
    pub async fn alarm(&self, inverter: InverterKey, code: &str) {
        let name = format!("{}/t{}", fleet::Condition::CHARGER_FAULT, self.now().0);
        let made = Made { alarms: vec![self.alarm_row(inverter, &name, code, None)], ..Made::default() };
        assert!(self.state.announcing().await.unwrap().commit(&made).await.unwrap());
    }

    /// The row of a charger fault.
    pub fn alarm_row(
        &self,
        inverter: InverterKey,
        name: &str,
        code: &str,
        incident: Option<IncidentKey>,
    ) -> Alarm {
        let condition = fleet::Condition::CHARGER_FAULT;
        Alarm {
            inverter,
            name: name.to_owned(),
            code: code.to_owned(),
            key: condition.into(),
            severity: condition.definition().severity,
            since: self.now(),
            raised_at: self.now(),
            cleared: None,
            unstable: false,
            quiet: false,
            acknowledged_at: None,
            acknowledged_by: None,
            note: String::new(),
            shelved_until: None,
            incident,
        }
    }

    /// Letters that were queued, the newest first.
    pub async fn told(&self, email: &str) -> Vec<String> {
        let receipts = self.state.receipts(Some(&Email::parse(email).unwrap()), 50).await.unwrap();
        receipts.into_iter().map(|receipt| receipt.kind).collect()
    }

    pub async fn token(&self, account: AccountKey) -> Proof {
        self.token_reaching(account, false, None).await
    }

    /// A token to read, or to write too; of all inverters or of one.
    pub async fn token_reaching(
        &self,
        account: AccountKey,
        writes: bool,
        only: Option<InverterKey>,
    ) -> Proof {
        // An account has so many: the ones before make room.
        for token in self.state.tokens(account).await.unwrap().iter().skip(10) {
            self.state
                .revoke_token(account, token.key, self.now(), &self.act(Verb::TokenRevoke))
                .await
                .unwrap();
        }
        let secret = Secret::new().unwrap();
        let scope = if writes { TokenScope::Write } else { TokenScope::Read };
        let new = NewToken {
            token_hash: secret.hash(),
            account,
            name: "test",
            reach: &TokenReach { scope, inverters: only.map(|only| vec![only]) },
            created_at: self.now(),
            expires_at: None,
        };
        self.state.create_token(new, &self.act(Verb::TokenAdd)).await.unwrap();
        Proof::Token(secret.reveal())
    }

    /// An organization with the code [`CLUB`] that has nothing and nobody yet.
    pub async fn club(&self) -> OrganizationKey {
        let new = NewOrganization { public_id: CLUB, name: "Harborview Properties", owner: None };
        self.state.create_organization(new, self.act(Verb::OrganizationAdd)).await.unwrap()
    }

    pub async fn site(&self, public_id: &str, owner: impl Into<Holder>) {
        let owner = Some(owner.into());
        let new = NewSite { public_id, owner, name: "Clubhouse", address: "", time_zone: "America/Chicago" };
        self.state.add_site(new, &self.act(Verb::SiteAdd)).await.unwrap();
    }

    pub async fn member(&self, organization: OrganizationKey, account: AccountKey, role: MemberRole) {
        let membership = Membership { organization, account, role };
        self.state.set_member(membership, &self.act(Verb::MemberRole)).await.unwrap();
    }

    /// Puts an address on the allow-list.
    pub async fn allow(&self, email: &str) {
        let new = NewAllowed {
            email: &Email::parse(email).unwrap(),
            company: "Harborview Properties",
            verified_by: "R. Valdez",
            verified_at: self.now(),
            note: "Called back on the number on file.",
            added_at: self.now(),
        };
        let act = Act::new(Verb::AllowAdd, By::CommandLine, self.now(), [1; 32]);
        self.state.allow(new, &act).await.unwrap();
    }

    /// The next mail to an address, as a sender would get it; others are thrown away.
    pub async fn mail(&self, to: &str) -> DueMail {
        soon(async {
            for turn in 0.. {
                let lease = format!("{to}-{turn}-{}", Secret::new().unwrap().reveal());
                let now = self.now();
                match self.state.claim_mail(&lease, now, now.plus_ms(1 << 40)).await.unwrap() {
                    Some(mail) if mail.to.as_str() == to => return mail,
                    Some(_) => {}
                    None => tokio::time::sleep(Duration::from_millis(20)).await,
                }
            }
            unreachable!()
        })
        .await
    }

    pub async fn inverter(&self, id: &str, name: &str) -> InverterKey {
        let site = NewSite {
            public_id: "stb",
            owner: None,
            name: "St. Brendan Medical Center",
            address: "",
            time_zone: "America/New_York",
        };
        let site = match self.state.site_by_name(site.owner, site.name).await.unwrap() {
            Some(site) => site.key,
            None => self.state.add_site(site, &self.act(Verb::SiteAdd)).await.unwrap(),
        };
        let new = NewInverter {
            public_id: id,
            serial: Serial::parse(&format!("2311-{id}")).unwrap(),
            name,
            model: "Series E · 10 kW",
            site: Some(site),
            required_minutes: None,
            registered_at: self.now(),
        };
        self.state.register_inverter(new, &self.act(Verb::DeviceRegister)).await.unwrap()
    }

    pub async fn grant(&self, account: impl Into<Holder>, inverter: InverterKey, role: Role) {
        self.grant_until(account, inverter, role, None).await;
    }

    pub async fn grant_until(
        &self,
        holder: impl Into<Holder>,
        inverter: InverterKey,
        role: Role,
        ends: Option<UtcMs>,
    ) {
        let grant = Grant { holder: holder.into(), inverter, role, ends };
        self.state.set_grant(grant, &self.act(Verb::ShareGrant)).await.unwrap();
    }

    /// Takes a grant away, whatever else there is: a keeper is left behind who can manage.
    pub async fn ungrant(&self, holder: impl Into<Holder>, inverter: InverterKey) {
        let keeper = Email::parse("keeper@x.test").unwrap();
        let keeper = match self.state.account_by_email(&keeper).await.unwrap() {
            Some(account) => account.key,
            None => self.account("keeper@x.test").await,
        };
        self.grant(keeper, inverter, Role::ReadWrite).await;
        assert!(
            self.state.remove_grant(holder.into(), inverter, &self.act(Verb::ShareRevoke)).await.unwrap()
        );
    }

    /// Takes a reading as the pipeline would, and pulses.
    pub fn read(&self, inverter: InverterKey, time: UtcMs, sample: Sample) {
        let mut states = self.live.states.lock().unwrap();
        let mut state = states.get(&inverter).map(|state| (**state).clone()).unwrap_or_default();
        let batch = self.batches.fetch_add(1, Ordering::SeqCst);
        let reading = Reading {
            sequence: Some(batch.into()),
            time: Some(time),
            quality: Quality::Synchronised,
            sample,
            ..Reading::default()
        };
        let report = Report {
            boot: Some(BootId([7; 16])),
            time: Some(time),
            readings: vec![reading],
            ..Report::default()
        };
        let applied = apply(&mut state, report, time);
        self.history.append(inverter, &applied.stored, Position { batch: batch.into(), index: 0 });
        states.insert(inverter, Arc::new(state));
        drop(states);
        let _ = self.live.pulses.send(inverter);
    }

    /// The button in the cabinet is pressed for the `count`-th time and the report comes at once.
    pub async fn press(&self, inverter: InverterKey, count: u64) {
        let press = Pressed { boot: Some(1), count, age_ms: 50, held_ms: None, received_at: self.now() };
        let ended = self.acts.claims.lock().unwrap().entry(inverter).or_default().press(&press);
        for outcome in ended {
            self.state.end_pairing(&outcome, &[]).await.unwrap();
        }
    }

    /// Attempts whose time is over end.
    pub async fn tick(&self) {
        self.state.expire_pairings(self.now()).await.unwrap();
    }

    pub async fn get(&self, path: &str, proof: &Proof) -> Response<Body> {
        self.send(Method::GET, path, proof, &[], "").await
    }

    pub async fn send(
        &self,
        method: Method,
        path: &str,
        proof: &Proof,
        headers: &[(&str, &str)],
        form: &str,
    ) -> Response<Body> {
        let mut request = Request::builder().method(&method).uri(path);
        if !headers.iter().any(|(name, _)| *name == "host") {
            request = request.header(header::HOST, HOST);
        }
        if method == Method::POST {
            request = request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        }
        for (name, value) in headers.iter().filter(|(name, _)| *name != "from") {
            request = request.header(*name, *value);
        }
        request = match proof {
            Proof::None => request,
            Proof::Cookie(token) => request.header(header::COOKIE, format!("__Host-session={token}")),
            Proof::HalfWay(token) => request.header(header::COOKIE, format!("__Host-sign-in={token}")),
            Proof::Token(token) => request.header(header::AUTHORIZATION, format!("Bearer {token}")),
        };
        if let Some((_, from)) = headers.iter().find(|(name, _)| *name == "from") {
            let address = SocketAddr::new(from.parse::<IpAddr>().unwrap(), 4000);
            request = request.extension(ConnectInfo(address));
        }
        let request = request.body(Body::from(form.to_owned())).unwrap();
        let response = self.router.clone().oneshot(request).await.unwrap();
        sound(&format!("{method} {path}"), response).await
    }

    pub async fn text(&self, path: &str, proof: &Proof) -> String {
        let response = self.get(path, proof).await;
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        body(response).await
    }

    pub async fn json(&self, path: &str, proof: &Proof) -> serde_json::Value {
        serde_json::from_str(&self.text(path, proof).await).unwrap()
    }
}

/// The response, whose markup is sound if it is a page.
async fn sound(what: &str, response: Response<Body>) -> Response<Body> {
    let has = |name, value: &str| {
        response.headers().get(name).is_some_and(|is| is.to_str().unwrap_or_default().starts_with(value))
    };
    if !has(header::CONTENT_TYPE, "text/html") || response.headers().contains_key(header::CONTENT_ENCODING) {
        return response;
    }
    let (parts, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    let faults = markup::faults(std::str::from_utf8(&bytes).unwrap());
    assert!(faults.is_empty(), "{what} answers {}: {faults:#?}", parts.status);
    Response::from_parts(parts, Body::from(bytes))
}

/// The session's cookie that a response sets.
pub fn cookie(response: &Response<Body>) -> Proof {
    Proof::Cookie(set(response, "__Host-session").expect("a session"))
}

/// The value that a response gives a cookie.
pub fn set(response: &Response<Body>, name: &str) -> Option<String> {
    let all = response.headers().get_all(header::SET_COOKIE).into_iter();
    let mut all = all.filter_map(|line| line.to_str().unwrap().split(';').next().unwrap().split_once('='));
    all.find(|(called, value)| *called == name && !value.is_empty()).map(|(_, value)| value.to_owned())
}

fn base32(text: &str) -> Vec<u8> {
    let digit = |letter: u8| u64::from(if letter >= b'A' { letter - b'A' } else { letter - b'2' + 26 });
    let group = |group: &[u8]| {
        let bits = group.iter().fold(0, |bits, letter| (bits << 5) | digit(*letter));
        bits.to_be_bytes()[3..].to_vec()
    };
    text.as_bytes().chunks(8).flat_map(group).collect()
}

pub async fn body(response: Response<Body>) -> String {
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

/// Values of an inverter that is well; `minutes` is how long it would hold.
pub fn sample(minutes: i64) -> Sample {
    let mut sample = Sample::default();
    for (quantity, scaled) in [
        (Quantity::INPUT_VOLTAGE, 2780),
        (Quantity::INPUT_FREQUENCY, 6000),
        (Quantity::OUTPUT_VOLTAGE, 2770),
        (Quantity::OUTPUT_CURRENT, 2210),
        (Quantity::REALPOWER, 6100),
        (Quantity::LOAD, 61),
        (Quantity::BATTERY_VOLTAGE, 13_642),
        (Quantity::BATTERY_CURRENT, 40),
        (Quantity::BATTERY_RUNTIME, minutes * 60),
        (Quantity::AMBIENT_TEMPERATURE, 270),
    ] {
        sample.quantities.set(quantity, scaled);
    }
    sample.flags.set(Flag::LinePresent, true);
    sample.flags.set(Flag::BatteryPower, false);
    sample.flags.set(Flag::BatteryCharging, true);
    sample.conditions = Conditions::all_clear();
    sample
}

/// The same without utility power.
pub fn outage(minutes: i64) -> Sample {
    let mut sample = sample(minutes);
    sample.quantities.set(Quantity::INPUT_VOLTAGE, 0);
    sample.quantities.set(Quantity::BATTERY_CURRENT, -5660);
    sample.flags.set(Flag::LinePresent, false);
    sample.flags.set(Flag::BatteryPower, true);
    sample.flags.set(Flag::BatteryCharging, false);
    sample.conditions.set(Condition::UTILITY_LOST, true);
    sample
}

/// Hashing is slow on purpose: once is enough.
fn password_hash() -> &'static str {
    static HASH: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    HASH.get_or_init(|| web::sign_in::password::hash(PASSWORD).unwrap())
}

/// A bound for everything that waits.
pub async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), what).await.expect("this takes far too long")
}
