//! The product itself, as it is shipped: `inverter-connect serve` with devices, an account and a token in its store.
//!
//! In: the run's identities. Out: a running process with its address. Limits per device and per address are raised
//! out of the way, as one address plays all devices here; nothing else differs from an installation. Rows are put into
//! the state store directly, as five thousand runs of `admin device add` would measure process starts.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use aws_lc_rs::digest;
use fleet::audit::Verb;
use fleet::notice::{Channel, Channels, Preferences};
use fleet::{Grant, Holder, InverterKey, MemberRole, Membership, Role};
use store::state::{
    Act, Alarm, By, Certificate, Email, InverterEdit, NewAccount, NewInverter, NewOrganization, NewSite,
    NewToken, StateStore, TokenReach, TokenScope,
};
use wire::UtcMs;

use crate::devices::{Identities, fingerprint};
use crate::process::{Process, free_address};

/// The token by which a benchmark reads the API: 256 zero bits. The store goes with the run.
const TOKEN: [u8; 32] = [0; 32];
/// The same as a client sends it.
const TOKEN_TEXT: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
/// Whose token that is.
const EMAIL: &str = "bench@example.com";
/// A start that takes longer than this has failed.
const STARTS_WITHIN: Duration = Duration::from_secs(60);

/// A folder with a configuration and a filled state store.
#[derive(Debug)]
pub struct Cloud {
    folder: PathBuf,
    /// Where it will listen.
    pub address: SocketAddr,
}

impl Cloud {
    /// Writes configuration and rows into `folder`; `commit_delay` plays a slower disk.
    ///
    /// # Errors
    /// When the folder or the store cannot be written.
    pub fn prepare(folder: &Path, identities: &Identities, commit_delay: Duration) -> Result<Self> {
        let data = folder.join("data");
        std::fs::create_dir_all(&data).with_context(|| format!("creating {}", data.display()))?;
        let address = free_address()?;
        let file = |name: &str| identities.file(name).display().to_string();
        let text = format!(
            "data_dir = \"data\"\nlisten = \"{address}\"\n\n\
             [people]\nnames = [\"localhost\"]\ncertificate = \"{certificate}\"\nkey = \"{key}\"\n\n\
             [device]\nname = \"device.localhost\"\ncertificate = \"{certificate}\"\nkey = \"{key}\"\nca = \"{ca}\"\nroots = \"{ca}\"\n\n\
             [limits]\nconnections = 16000\nconnections_per_address = 16000\nhandshakes_per_second_per_address = 100000\nreports_per_second = 1000000\nreport_burst = 1000000\n\n\
             [journal]\nadded_commit_delay_us = {delay}\n",
            certificate = file("server.pem"),
            key = file("server.key"),
            ca = file("ca.pem"),
            delay = commit_delay.as_micros(),
        );
        std::fs::write(folder.join("cloud.toml"), text)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(fill(&data.join("state.sqlite"), identities))?;
        Ok(Self { folder: folder.to_owned(), address })
    }

    /// Makes people who may sign in, all with one password.
    ///
    /// # Errors
    /// When the store cannot be written.
    pub fn add_people(&self, count: usize, email: fn(usize) -> String, password_hash: &str) -> Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let state = StateStore::open(&self.data().join("state.sqlite")).await?;
            for person in 0..count {
                let email = Email::parse(&email(person))?;
                let created_at = UtcMs(0);
                let new =
                    NewAccount { email: &email, name: "Bench", password_hash, operator: false, created_at };
                state.create_account(new).await?;
            }
            Ok(state.close().await?)
        })
    }

    /// Lets the account of the benchmark see every device and be told of all, and gives mails a way: into a folder.
    ///
    /// # Errors
    /// When the store or the configuration cannot be written.
    pub fn tell(&self) -> Result<()> {
        self.mail_into_folder()?;
        let act = |verb| Act::new(verb, By::CommandLine, UtcMs(0), [0; 32]);
        self.with_state(async |state| {
            let email = Email::parse(EMAIL)?;
            let account = state.account_by_email(&email).await?.context("no account")?.key;
            let mail = Channels::of(&[Channel::Email]);
            let all = Preferences { warning: mail, info: mail, ..Preferences::default() };
            state.set_preferences(account, &all, &act(Verb::NotificationsEdit)).await?;
            for inverter in state.inverters().await? {
                let grant = Grant {
                    holder: account.into(),
                    inverter: inverter.key,
                    role: Role::ReadOnly,
                    ends: None,
                };
                state.set_grant(grant, &act(Verb::ShareGrant)).await?;
            }
            Ok(())
        })
    }

    /// Puts every device at one site, where all of `people` may see it, and gives mails a way: into a folder.
    ///
    /// # Errors
    /// When the store or the configuration cannot be written.
    pub fn gather(&self, people: &[&str]) -> Result<()> {
        self.mail_into_folder()?;
        let act = |verb| Act::new(verb, By::CommandLine, UtcMs(0), [0; 32]);
        self.with_state(async |state| {
            let new = NewOrganization { public_id: "bench", name: "Bench", owner: None };
            let club = state.create_organization(new, act(Verb::OrganizationAdd)).await?;
            for name in people {
                let email = Email::parse(&format!("{name}@example.com"))?;
                let created_at = UtcMs(0);
                let new = NewAccount { email: &email, name, password_hash: "-", operator: false, created_at };
                let account = state.create_account(new).await?;
                let member = Membership { organization: club, account, role: MemberRole::Viewer };
                state.set_member(member, &act(Verb::MemberRole)).await?;
            }
            let owner = Some(Holder::from(club));
            let new =
                NewSite { public_id: "pier", owner, name: "Pier 4", address: "", time_zone: "Europe/Berlin" };
            let site = state.add_site(new, &act(Verb::SiteAdd)).await?;
            for inverter in state.inverters().await? {
                let inverter = inverter.key;
                let grant = Grant { holder: club.into(), inverter, role: Role::ReadOnly, ends: None };
                state.set_grant(grant, &act(Verb::ShareGrant)).await?;
                let edit = InverterEdit { site: Some(Some(site)), ..InverterEdit::default() };
                state.edit_inverter(inverter, edit, &act(Verb::InverterEdit)).await?;
            }
            Ok(())
        })
    }

    /// Alarms of a condition that are kept, and how many messages about incidents there are for each address.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn kept(&self, condition: fleet::Condition) -> Result<(usize, BTreeMap<String, usize>)> {
        self.with_state(async |state| {
            let keys: Vec<_> = state.inverters().await?.into_iter().map(|inverter| inverter.key).collect();
            let alarms = state.alarms(&keys, UtcMs(0), UtcMs(i64::MAX), u64::MAX).await?;
            let alarms = alarms.iter().filter(|alarm| alarm.key.condition == condition).count();
            let mut messages = BTreeMap::new();
            for receipt in state.receipts(None, u64::from(u32::MAX)).await? {
                *messages.entry(receipt.to).or_insert(0) += 1;
            }
            Ok((alarms, messages))
        })
    }

    fn mail_into_folder(&self) -> Result<()> {
        let section = "\n[mail]\nmaildir = \"mail\"\nfrom = \"no-reply@example.com\"\n";
        let mut file = std::fs::File::options().append(true).open(self.config())?;
        Ok(file.write_all(section.as_bytes())?)
    }

    /// For each alarm of a condition that somebody was told of: the instant that `since` takes from it, and when its message
    /// was handed to the sender. The server may run.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn told(
        &self,
        condition: fleet::Condition,
        since: fn(&Alarm) -> UtcMs,
    ) -> Result<Vec<(UtcMs, UtcMs)>> {
        self.with_state(async |state| {
            let keys: Vec<_> = state.inverters().await?.into_iter().map(|inverter| inverter.key).collect();
            let mut told = Vec::new();
            for alarm in state.alarms(&keys, UtcMs(0), UtcMs(i64::MAX), u64::MAX).await? {
                let Some(incident) = alarm.incident.filter(|_| alarm.key.condition == condition) else {
                    continue;
                };
                let first = state.receipts_of(incident).await?.into_iter().next();
                if let Some(sent) = first.and_then(|(_, receipt)| receipt.last_attempt_at) {
                    told.push((since(&alarm), sent));
                }
            }
            Ok(told)
        })
    }

    /// Does `work` with the state store. The server may run.
    ///
    /// # Errors
    /// When the store cannot be opened, and what `work` returns.
    pub fn with_state<T>(&self, work: impl AsyncFnOnce(&StateStore) -> Result<T>) -> Result<T> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let state = StateStore::open(&self.data().join("state.sqlite")).await?;
            let result = work(&state).await;
            state.close().await?;
            result
        })
    }

    /// The data folder.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// The configuration file.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.folder.join("cloud.toml")
    }

    /// Starts the server and waits until it listens; also how long that took.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn start(&self) -> Result<(Process, Duration)> {
        let mut command = Command::new(program("inverter-connect")?);
        command.arg("serve").arg("--config").arg(self.config());
        let mut process = Process::start("inverter-connect", &mut command, &self.folder)?;
        let took = process.await_port(self.address, STARTS_WITHIN)?;
        Ok((process, took))
    }
}

/// A binary of ours beside this one.
///
/// # Errors
/// When it is not built.
pub fn program(name: &str) -> Result<PathBuf> {
    let beside = std::env::current_exe()?.with_file_name(name);
    anyhow::ensure!(
        beside.is_file(),
        "{} is not built: run `cargo xtask bench …`, which builds it",
        beside.display()
    );
    Ok(beside)
}

/// The value of the `Authorization` header.
#[must_use]
pub fn bearer() -> String {
    format!("Bearer {TOKEN_TEXT}")
}

/// The random id in the addresses of the inverter with this index.
#[must_use]
pub fn public_id(index: usize) -> String {
    format!("bench{index:017}")
}

async fn fill(file: &Path, identities: &Identities) -> Result<()> {
    const THEN: UtcMs = UtcMs(0);
    let state = StateStore::open(file).await?;
    let email = Email::parse(EMAIL)?;
    let account =
        NewAccount { email: &email, name: "Bench", password_hash: "-", operator: false, created_at: THEN };
    let account = state.create_account(account).await?;
    let token_hash = sha256(&TOKEN);
    let token = NewToken {
        token_hash,
        account,
        name: "bench",
        reach: &TokenReach { scope: TokenScope::Read, inverters: None },
        created_at: THEN,
        expires_at: None,
    };
    let act = |verb| Act::new(verb, By::CommandLine, THEN, [0; 32]);
    state.create_token(token, &act(Verb::TokenAdd)).await?;
    for (index, device) in identities.devices.iter().enumerate() {
        let id = public_id(index);
        let new = NewInverter {
            public_id: &id,
            serial: device.serial,
            name: device.serial.as_str(),
            model: "Bench",
            site: None,
            required_minutes: Some(90),
            registered_at: THEN,
        };
        let inverter: InverterKey = state.register_inverter(new, &act(Verb::DeviceRegister)).await?;
        let certificate =
            Certificate { sha256: fingerprint(device), inverter, issued_at: THEN, revoked_at: None };
        state.add_certificate(certificate, &act(Verb::DeviceIssue)).await?;
        if index == 0 {
            let grant = Grant { holder: account.into(), inverter, role: Role::ReadOnly, ends: None };
            let act = Act::new(Verb::ShareGrant, By::CommandLine, THEN, [0; 32]);
            state.set_grant(grant, &act).await?;
        }
    }
    state.close().await?;
    Ok(())
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    hash
}
