//! Looks at the pages without the rest of the house: `cargo run -p web --example preview -- [PORT]`.
//!
//! In: nothing. Out: the people's door over plain http on 127.0.0.1 with made-up inverters that move, an account and its
//! password on standard output. No way round the sign-in; the data are gone when it ends.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use fleet::audit::Verb;
use fleet::readiness::{Bank, End, Evidence, Kind, Load, Unit};
use fleet::{Grant, InverterKey, InverterState, Role, apply};
use store::Position;
use store::day_keys::DayKeys;
use store::history::{Config, History};
use store::state::{
    Act, By, Certificate, Contact, Email, NewAccount, NewInverter, NewQuarantined, NewSite, StateStore,
};
use tokio::sync::broadcast;
use wire::{
    BootId, Condition, Event, EventKind, Flag, LinkCounts, Quality, Quantity, Reading, Report, Sample,
    Serial, TestKind, TestResult, UtcMs,
};

const EMAIL: &str = "dana.okafor@harborview.example";
const OPERATOR: &str = "rosa.valdez@maker.example";
const MINUTE: i64 = 60_000;
const HOUR: i64 = 3_600_000;
const DAY: i64 = 86_400_000;

/// One made-up inverter.
struct Made {
    site: (&'static str, &'static str),
    name: &'static str,
    serial: &'static str,
    model: &'static str,
    rated_w: i64,
    hold_minutes: i64,
    load_percent: i64,
    matter: Matter,
}

const fn made(
    site: (&'static str, &'static str),
    (name, serial, model): (&'static str, &'static str, &'static str),
    (rated_w, hold_minutes, load_percent): (i64, i64, i64),
    matter: Matter,
) -> Made {
    Made { site, name, serial, model, rated_w, hold_minutes, load_percent, matter }
}

const HOSPITAL: (&str, &str) = ("St. Brendan Medical Center", "America/New_York");
const HALL: (&str, &str) = ("Pier 4 Convention Hall", "America/New_York");
const OFFICE: (&str, &str) = ("Lakeshore Office Park", "America/Chicago");

static INVERTERS: [Made; 12] = [
    made(
        HOSPITAL,
        ("East Tower Level 2", "2311-00418", "Series E · 10 kW"),
        (10_000, 96, 62),
        Matter::OnBattery,
    ),
    made(HOSPITAL, ("East Tower Level 7", "2311-00421", "Series E · 10 kW"), (10_000, 104, 61), Matter::None),
    made(
        HOSPITAL,
        ("Emergency Department", "2311-00425", "Series E · 16.7 kW"),
        (16_700, 118, 44),
        Matter::None,
    ),
    made(HOSPITAL, ("Lab Wing", "2312-00512", "Series E · 10 kW"), (10_000, 112, 52), Matter::None),
    made(HOSPITAL, ("Parking P1", "2312-00517", "Series E · 5 kW"), (5_000, 97, 55), Matter::Hot),
    made(HALL, ("Hall A", "2404-00210", "Series E · 16.7 kW"), (16_700, 101, 57), Matter::None),
    made(HALL, ("Hall B", "2404-00211", "Series E · 16.7 kW"), (16_700, 61, 48), Matter::Charger),
    made(HALL, ("Lobby", "2404-00213", "Series E · 5 kW"), (5_000, 110, 40), Matter::Testing),
    made(HALL, ("Loading Dock", "2404-00219", "Series E · 5 kW"), (5_000, 99, 35), Matter::Gone),
    made(OFFICE, ("Building 1", "2408-01873", "Series E · 5 kW"), (5_000, 109, 38), Matter::None),
    made(OFFICE, ("Building 2", "2408-01874", "Series E · 5 kW"), (5_000, 95, 31), Matter::Lamps),
    made(OFFICE, ("Garage", "2408-01880", "Series EM · 1.5 kW"), (1_500, 131, 29), Matter::New),
];

/// A test of full length that was seen before: days ago, minutes it would hold, share of the lamps that lit.
type Taught = (i64, f32, f32);

/// By which inverter.
const TAUGHT: [(usize, &[Taught]); 7] = [
    (0, &[(40, 118.0, 1.0)]),
    (1, &[(770, 116.0, 1.0), (400, 111.0, 1.0), (36, 104.0, 1.0)]),
    (2, &[(20, 128.0, 1.0)]),
    (3, &[(25, 97.0, 1.0)]),
    (5, &[(2, 110.0, 1.0)]),
    (6, &[(60, 84.0, 1.0)]),
    (10, &[(420, 99.0, 1.0), (220, 98.0, 1.0), (30, 95.0, 0.86)]),
];

#[derive(Clone, Copy, PartialEq)]
enum Matter {
    None,
    OnBattery,
    Hot,
    Charger,
    Testing,
    Gone,
    Lamps,
    New,
}

struct States {
    known: Mutex<HashMap<InverterKey, Arc<InverterState>>>,
    pulses: broadcast::Sender<InverterKey>,
}

impl web::Live for States {
    fn state(&self, inverter: InverterKey) -> Option<Arc<InverterState>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&inverter).cloned()
    }

    fn pulses(&self) -> broadcast::Receiver<InverterKey> {
        self.pulses.subscribe()
    }
}

/// Most of the devices are connected.
struct Server {
    keys: Vec<InverterKey>,
}

impl web::Service for Server {
    fn connected(&self) -> HashSet<InverterKey> {
        self.keys.iter().copied().filter(|key| key.0 % 4 != 1).collect()
    }

    fn health(&self) -> web::Health {
        let door = |door, days| web::DoorCertificate { door, ends_at: Some(now().plus_ms(days * DAY)) };
        web::Health {
            version: "0.1.0",
            started_at: Some(now().plus_ms(-3 * DAY)),
            connections: 14,
            sessions: 9,
            reports: 1_482_113,
            quarantined: 3,
            waiting_bytes: 12_400,
            waiting_limit_bytes: 48 << 20,
            applied: 1_482_110,
            following: true,
            journal_bytes: 41_000_000,
            history_bytes: 1_210_000_000,
            state_bytes: 6_100_000,
            disk_free_bytes: Some(71_000_000_000),
            disk_bytes: Some(256_000_000_000),
            certificates: vec![door("People", 21), door("Devices", 200)],
            ..web::Health::default()
        }
    }
}

/// An operator, and what operators see.
async fn operate(
    state: &StateStore,
    keys: &[InverterKey],
    password: &str,
) -> Result<(), Box<dyn std::error::Error>> {
    let new = NewAccount {
        email: &Email::parse(OPERATOR)?,
        name: "Rosa Valdez",
        password_hash: &web::sign_in::password::hash(password)?,
        operator: true,
        created_at: now(),
    };
    let operator = state.create_account(new).await?;
    let act =
        |verb| Act::new(verb, By::Account(operator), now(), [0; 32]).from_address("192.0.2.7".parse().ok());
    let mut contacts = Vec::new();
    for (at, inverter) in keys.iter().copied().enumerate().filter(|(at, _)| *at != 11) {
        let sha256 = [u8::try_from(at)?; 32];
        let certificate =
            Certificate { sha256, inverter, issued_at: now().plus_ms(-90 * DAY), revoked_at: None };
        state.add_certificate(certificate, &act(Verb::DeviceIssue)).await?;
        let seen = now().plus_ms(-HOUR * i64::try_from(at)?);
        let (protocol, software) = ("MQTT 5.0".to_owned(), (at % 3 > 0).then(|| format!("0.1.{at}")));
        contacts.push(Contact { inverter, connected_at: seen, last_contact_at: seen, protocol, software });
    }
    state.write_contacts(&contacts).await?;
    state.revoke_certificates(InverterKey(9), now(), &act(Verb::DeviceRevoke)).await?;
    for (n, reason) in
        ["byte 17: the array ends too early", "this is not JSON at line 1 column 4"].iter().enumerate()
    {
        let (key, payload) = (n.to_string(), vec![7; 300 * (n + 1)]);
        let report = NewQuarantined {
            key,
            inverter: InverterKey(3),
            received_at: now().plus_ms(-HOUR),
            reason: (*reason).to_owned(),
            payload,
        };
        state.quarantine(&[report]).await?;
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let state = StateStore::open(&folder.path().join("state.sqlite")).await?;
    let keys = DayKeys::at(folder.path().join("keys"), || web::random_bytes().ok());
    let history = Arc::new(History::open(folder.path(), keys, Config::default())?);
    let password = "a made up password";
    let account = NewAccount {
        email: &Email::parse(EMAIL)?,
        name: "Dana Okafor",
        password_hash: &web::sign_in::password::hash(password)?,
        operator: false,
        created_at: now(),
    };
    let account = state.create_account(account).await?;
    let act = Act::new(Verb::DeviceRegister, By::CommandLine, now(), [0; 32]);
    let states = Arc::new(States { known: Mutex::default(), pulses: broadcast::channel(1024).0 });
    let mut keys = Vec::new();
    for (at, Made { site: (site, time_zone), name, serial, model, .. }) in INVERTERS.iter().enumerate() {
        let public_id: String = site.chars().filter(char::is_ascii_alphanumeric).collect();
        let new = NewSite {
            public_id: &public_id,
            owner: Some(account.into()),
            name: site,
            address: "",
            time_zone,
        };
        let site = match state.site_by_name(new.owner, new.name).await? {
            Some(site) => site.key,
            None => state.add_site(new, &act).await?,
        };
        let inverter = NewInverter {
            public_id: &format!("inv{at}"),
            serial: Serial::parse(serial)?,
            name,
            model,
            site: Some(site),
            required_minutes: Some(90),
            registered_at: now().plus_ms(-200 * DAY),
        };
        let key = state.register_inverter(inverter, &act).await?;
        let role = if at == 10 { Role::ReadOnly } else { Role::ReadWrite };
        let grant = Grant { holder: account.into(), inverter: key, role, ends: None };
        let act = Act::new(Verb::ShareGrant, By::CommandLine, now(), [0; 32]);
        state.set_grant(grant, &act).await?;
        keys.push(key);
    }
    let begun = now();
    for ((at, made), key) in INVERTERS.iter().enumerate().zip(&keys) {
        fill(&history, &states, (at, made), *key, begun);
    }
    // As after a night: one chunk per inverter and day.
    history.seal_all()?;
    history.merge_due(now())?;
    let port = std::env::args().nth(1).map_or(Ok(8099), |port| port.parse())?;
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    let clock: web::Clock = Arc::new(now);
    let origin = format!("http://{}", listener.local_addr()?);
    let live = Arc::clone(&states) as Arc<dyn web::Live>;
    operate(&state, &keys, password).await?;
    let service = Arc::new(Server { keys: keys.clone() });
    let key = web::sign_in::vault::FactorsKey::new()?;
    let context = web::Context::new(state, Arc::clone(&history), live, clock, &origin, &key)?;
    let context = context.with_service(service);
    let ways = web::Ways { countries: vec!["+1".to_owned()], push_key: None, webhooks: true };
    let context = context.with_ways(ways);
    println!("{origin}\n{EMAIL}\n{OPERATOR}\n{password}");
    tokio::spawn(async move {
        let mut turn = tokio::time::interval(Duration::from_secs(1));
        loop {
            turn.tick().await;
            for ((at, made), key) in INVERTERS.iter().enumerate().zip(&keys) {
                let busy = matches!(made.matter, Matter::OnBattery | Matter::Testing);
                if (busy || now().0 / 1000 % 5 == at as i64 % 5)
                    && made.matter != Matter::Gone
                    && made.matter != Matter::New
                {
                    report(&history, &states, (at, made), *key, now(), begun);
                    let _ = states.pulses.send(*key);
                }
            }
        }
    });
    axum::serve(listener, web::router(context)).await?;
    Ok(())
}

fn fill(history: &History, states: &States, (at, made): (usize, &Made), key: InverterKey, begun: UtcMs) {
    let matter = made.matter;
    if matter == Matter::New {
        return;
    }
    taught(states, (at, made), key, begun);
    let span = if at == 1 { 30 * DAY } else { DAY };
    let mut time = begun.plus_ms(-span);
    while time < begun {
        let gone = matter == Matter::Gone && begun.since(time) < 5 * HOUR;
        let gap = at == 1 && (6 * HOUR..7 * HOUR + 12 * MINUTE).contains(&begun.since(time));
        if !gone && !gap {
            report(history, states, (at, made), key, time, begun);
        }
        time = time.plus_ms(10_000);
    }
}

/// What tests before told of its battery.
fn taught(states: &States, (at, made): (usize, &Made), key: InverterKey, begun: UtcMs) {
    let Some((_, tests)) = TAUGHT.iter().find(|(known, _)| *known == at) else { return };
    let load = (made.rated_w * made.load_percent) as f32 / 100.0;
    let mut state = InverterState::default();
    state.rules.keep_logbook(true);
    state.readiness.bank = Bank::from_float(136.4);
    state.readiness.evidence = tests
        .iter()
        .map(|(days, minutes, lit)| Evidence {
            kind: Kind::Annual,
            at: begun.plus_ms(-days * DAY),
            length_s: 5_400.0,
            end: End::Over,
            charge: Some(1.0),
            load: Load { value: load, unit: Unit::Watt },
            load_mean: load * lit,
            celsius: Some(27.0),
            end_cell_v: 1.9,
            whole: Some(((minutes * 60.0).ln(), 0.03)),
        })
        .collect();
    if at == 5 {
        state.readiness.charge.drawn(0.5, 60.0);
    }
    states.known.lock().unwrap_or_else(PoisonError::into_inner).insert(key, Arc::new(state));
}

fn report(
    history: &History,
    states: &States,
    (at, made): (usize, &Made),
    key: InverterKey,
    time: UtcMs,
    begun: UtcMs,
) {
    let matter = made.matter;
    let mut state = (*web::Live::state(states, key).unwrap_or_default()).clone();
    let sequence = state.counters.reports + 1;
    let sample = sample((at, made), time, begun);
    let mut report = Report {
        boot: Some(BootId([at as u8; 16])),
        uptime_ms: Some(u64::try_from(time.since(begun.plus_ms(-40 * DAY))).unwrap_or(0)),
        time: Some(time),
        link: Some(LinkCounts { frames_good: 86_400 + sequence, frames_bad: at as u64 % 3, silent_ms: 200 }),
        ..Report::default()
    };
    let testing = matter == Matter::Testing && begun.since(time) < 42 * MINUTE;
    if testing || (matter == Matter::None && begun.since(time) < DAY && state.test.is_none()) {
        report.events.push(Event {
            sequence: Some(sequence * 2),
            kind: EventKind::Test {
                count: 9,
                test: if testing { TestKind::Annual } else { TestKind::Monthly },
                result: if testing { TestResult::InProgress } else { TestResult::Passed },
                started: Some(if testing { begun.plus_ms(-42 * MINUTE) } else { begun.plus_ms(-20 * DAY) }),
                length_s: Some(if testing { 0 } else { 30 }),
                end_voltage: (!testing).then_some(12_290),
            },
            uptime_ms: None,
            time: Some(time),
        });
    }
    report.readings.push(Reading {
        sequence: Some(sequence * 2 + 1),
        time: Some(time),
        quality: Quality::Synchronised,
        sample,
        ..Reading::default()
    });
    let applied = apply(&mut state, report, time);
    history.append(
        key,
        &applied.stored,
        Position { batch: u64::try_from(time.0).unwrap_or(1), index: at as u32 },
    );
    states.known.lock().unwrap_or_else(PoisonError::into_inner).insert(key, Arc::new(state));
}

fn sample((at, made): (usize, &Made), time: UtcMs, begun: UtcMs) -> Sample {
    let Made { rated_w: rated, hold_minutes: hold, load_percent: load, matter, .. } = *made;
    let ago = begun.since(time);
    let wave = |period: i64, size: f64| {
        ((time.0 % period) as f64 / period as f64 * std::f64::consts::TAU).sin() * size
    };
    let outage = (matter == Matter::OnBattery && ago < 12 * MINUTE)
        || (at == 1 && (12 * HOUR..12 * HOUR + 18 * MINUTE).contains(&ago))
        || (at == 5 && (3 * HOUR..3 * HOUR + 18 * MINUTE).contains(&ago))
        || (at == 1 && (9 * DAY..9 * DAY + 40 * MINUTE).contains(&ago));
    let testing = matter == Matter::Testing && ago < 42 * MINUTE;
    let discharging = outage || testing;
    let used = if matter == Matter::OnBattery {
        12 * MINUTE - ago
    } else if testing {
        42 * MINUTE - ago
    } else {
        10 * MINUTE
    };
    let percent = load as f64 + wave(HOUR, 1.5) + wave(7 * MINUTE, 0.4);
    let watts = rated as f64 * percent / 100.0;
    let volts = if discharging {
        124.0 - used as f64 / MINUTE as f64 * 0.18
    } else {
        136.4 + wave(13 * MINUTE, 0.08)
    };
    let mut sample = Sample::default();
    let mut set = |quantity: Quantity, value: f64| {
        sample.quantities.set(quantity, quantity.to_scaled(value).unwrap_or(0));
    };
    set(Quantity::INPUT_VOLTAGE, if outage { 0.0 } else { 278.0 + wave(DAY, 2.0) + wave(3 * MINUTE, 0.7) });
    set(Quantity::INPUT_FREQUENCY, if outage { 0.0 } else { 60.0 });
    set(Quantity::OUTPUT_VOLTAGE, 277.0);
    set(Quantity::OUTPUT_FREQUENCY, 60.0);
    set(Quantity::OUTPUT_CURRENT, watts / 277.0);
    set(Quantity::REALPOWER, watts);
    set(Quantity::LOAD, percent);
    set(Quantity::BATTERY_VOLTAGE, volts);
    set(
        Quantity::BATTERY_CURRENT,
        if discharging {
            -watts * 1.1 / volts
        } else if matter == Matter::Charger {
            0.0
        } else {
            0.4
        },
    );
    set(Quantity::BATTERY_CHARGE, if discharging { 100.0 - used as f64 / MINUTE as f64 } else { 100.0 });
    let left = if discharging { hold * MINUTE - used } else { hold * MINUTE };
    set(Quantity::BATTERY_RUNTIME, left as f64 / 1000.0);
    set(Quantity::AMBIENT_TEMPERATURE, if matter == Matter::Hot { 41.0 } else { 27.0 } + wave(DAY, 3.0));
    let weak = matter == Matter::Charger && ago < 30 * MINUTE;
    sample.flags.set(Flag::LinePresent, !outage);
    sample.flags.set(Flag::BatteryPower, discharging);
    sample.flags.set(Flag::BatteryCharging, !discharging && matter != Matter::Charger);
    sample.flags.set(Flag::SystemReady, !weak);
    for condition in Condition::all() {
        sample.conditions.set(condition, false);
    }
    sample.conditions.set(Condition::UTILITY_LOST, outage);
    sample.conditions.set(Condition::CHARGER_FAULT, weak);
    sample.conditions.set(Condition::AMBIENT_HIGH, matter == Matter::Hot && ago < 2 * HOUR);
    sample.conditions.set(Condition::LOAD_REDUCED, matter == Matter::Lamps);
    if at == 1 {
        sample.push_unknown("AR=0x4000");
    }
    sample
}

#[expect(clippy::disallowed_methods, reason = "an example is a binary: it may read the clock")]
fn now() -> UtcMs {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    UtcMs(i64::try_from(since.as_millis()).unwrap_or(0))
}
