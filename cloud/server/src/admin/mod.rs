//! What an operator does on the command line, one verb per file.
//!
//! In: arguments and the configuration. Out: rows in the state store (a running server notices within half a second),
//! files of certificates, sentences on standard output. Every secret that is made is printed or written once.

mod account_add;
mod account_totp;
mod act;
mod allow;
mod audit_list;
mod audit_verify;
pub mod authority;
mod backup;
mod ca_init;
mod clock_confirm;
mod device_add;
mod device_label;
mod device_list;
mod device_revoke;
mod evidence;
mod files;
mod grant_add;
mod keys_copy;
mod ledger;
mod organization;
mod password;
pub mod proof;
mod restore;
mod secret;
mod site_add;
mod token_add;

use std::path::PathBuf;

use anyhow::Context;
use clap::Subcommand;
use store::state::{Email, InvalidEmail, StateStore};
use wire::{Serial, UtcMs};

use crate::config::Config;
use crate::data_dir::open_state;

/// What to administer.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// The roots of device certificates.
    #[command(subcommand)]
    Ca(Ca),
    /// Devices and their certificates.
    #[command(subcommand)]
    Device(Device),
    /// People's accounts.
    #[command(subcommand)]
    Account(Account),
    /// Lets an address register: its owner was verified as a customer.
    Allow(allow::Arguments),
    /// Takes an address off the allow-list; an account that it has goes on.
    Disallow {
        /// The address.
        #[arg(value_parser = email)]
        email: Email,
    },
    /// Prints who may register: address, what became of it, company, day and who and how verified.
    AllowList {
        /// Only with this in the address or the company.
        #[arg(default_value = "")]
        search: String,
    },
    /// API tokens.
    #[command(subcommand)]
    Token(Token),
    /// Places where inverters stand.
    #[command(subcommand)]
    Site(Site),
    /// Several people who hold inverters and sites together.
    #[command(subcommand)]
    Organization(Organization),
    /// Who may see which inverter.
    #[command(subcommand)]
    Grant(Grant),
    /// The clock by which what is older than 30 days is deleted.
    #[command(subcommand)]
    Clock(Clock),
    /// The audit log: who did what, to whom, when.
    #[command(subcommand)]
    Audit(Audit),
    /// Copies everything that is kept into a new folder, while the server runs; no key is in it.
    Backup {
        /// A folder that is not there yet.
        #[arg(value_name = "DIR")]
        place: PathBuf,
        /// Afterwards, copies the keys to this folder, as `keys copy` does.
        #[arg(long, value_name = "FOLDER")]
        keys: Option<PathBuf>,
    },
    /// Makes a data folder of a backup; the server must not run.
    Restore(restore::Arguments),
    /// What opens readings and backups.
    #[command(subcommand)]
    Keys(Keys),
    /// Prints what is promised, what makes it true, and the tests that go red when it is not; needs no configuration.
    Proof(proof::Arguments),
    /// Prints every stored reading as `serial boot sequence time`, for audits; stop the server first.
    Ledger,
}

/// `admin ca …`
#[derive(Debug, Subcommand)]
pub enum Ca {
    /// Makes the device roots (active and spare); for a lab also the doors' own certificates.
    Init {
        /// Also make a lab's own cloud roots and both doors' certificates, valid for these names and addresses too.
        #[arg(long, value_name = "NAME,…", value_delimiter = ',', num_args = 0..)]
        server_names: Option<Vec<String>>,
    },
}

/// `admin device …`
#[derive(Debug, Subcommand)]
pub enum Device {
    /// Registers an inverter and issues a certificate: a bundle for its gateway.
    Add(device_add::Arguments),
    /// Revokes all certificates of an inverter; a live session ends within a second.
    Revoke {
        /// Its serial number.
        serial: Serial,
    },
    /// Prints a label for the cabinet: serial number and a code that opens the page to add it.
    Label(device_label::Arguments),
    /// Lists inverters and their certificates.
    List,
}

/// `admin account …`
#[derive(Debug, Subcommand)]
pub enum Account {
    /// Makes an account; the password comes from a file or from standard input.
    Add {
        /// Its e-mail address.
        #[arg(value_parser = email)]
        email: Email,
        /// The person's name.
        #[arg(long, default_value = "")]
        name: String,
        /// A file that holds nothing but the password.
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
        /// May do an operator's work.
        #[arg(long)]
        operator: bool,
    },
    /// Makes an authenticator app for an account and prints its secret, once: for the first operator, and for who has
    /// lost every factor and was verified anew.
    Totp(account_totp::Arguments),
}

/// `admin token …`
#[derive(Debug, Subcommand)]
pub enum Token {
    /// Makes an API token and prints it, once.
    Add(token_add::Arguments),
}

/// `admin site …`
#[derive(Debug, Subcommand)]
pub enum Site {
    /// Makes a site, or changes the one of this name.
    Add {
        /// What people call it.
        name: String,
        /// IANA time zone, for example America/Chicago.
        #[arg(long, default_value = "UTC")]
        time_zone: String,
        /// Postal address.
        #[arg(long, default_value = "")]
        address: String,
        /// Code of the organization that it belongs to.
        #[arg(long, value_name = "CODE")]
        organization: Option<String>,
    },
}

/// `admin organization …`
#[derive(Debug, Subcommand)]
pub enum Organization {
    /// Makes an organization and prints its code.
    Add {
        /// What people call it.
        name: String,
        /// Address of the account that is its first owner.
        #[arg(long, value_name = "EMAIL", value_parser = email)]
        owner: Option<Email>,
    },
    /// Makes an account a member, or changes its role.
    Member {
        /// The organization's code.
        code: String,
        /// Whom.
        #[arg(value_parser = email)]
        email: Email,
        /// `viewer`, `member` or `owner`.
        #[arg(value_parser = ["viewer", "member", "owner"])]
        role: String,
    },
    /// Lists organizations.
    List,
}

/// `admin grant …`
#[derive(Debug, Subcommand)]
pub enum Grant {
    /// Lets an account or an organization see an inverter, or see and manage it.
    Add {
        /// Whom: an account's address or an organization's code.
        #[arg(value_name = "EMAIL|CODE")]
        holder: String,
        /// Which inverter.
        serial: Serial,
        /// `read-only` or `read-write`.
        #[arg(value_parser = ["read-only", "read-write"])]
        role: String,
    },
}

/// `admin clock …`
#[derive(Debug, Subcommand)]
pub enum Clock {
    /// Says that the machine's clock is right. After an outage of more than a day, or where it was set, nothing old is
    /// deleted until somebody says so or a time server has.
    Confirm,
}

/// `admin keys …`
#[derive(Debug, Subcommand)]
pub enum Keys {
    /// Brings a copy of the keys up to date: once a day, onto another disk or machine, never beside a backup. What lapsed is
    /// destroyed there.
    Copy {
        /// Where the copy is.
        folder: PathBuf,
    },
}

/// `admin audit …`
#[derive(Debug, Subcommand)]
pub enum Audit {
    /// Reads the whole log and says whether it is what was written; exit code 1 where it is not.
    Verify {
        /// A last hash noted earlier, which the log must still hold.
        #[arg(long, value_name = "HASH")]
        expect: Option<String>,
    },
    /// Prints the newest acts, one a line.
    List {
        /// Only of this area.
        #[arg(long, value_parser = fleet::audit::AREAS.iter().map(|area| area.name).collect::<Vec<_>>())]
        area: Option<String>,
        /// At most this many.
        #[arg(long, default_value_t = 100)]
        most: u64,
    },
}

/// Does what was asked.
///
/// # Errors
/// What happened, where, and what to do.
pub fn run(command: Command, config: &Config, now: UtcMs) -> anyhow::Result<()> {
    if let Command::Ca(Ca::Init { server_names }) = &command {
        return ca_init::run(config, server_names.as_deref(), now);
    }
    if let Command::Proof(arguments) = &command {
        return proof::run(arguments);
    }
    if let Command::Restore(arguments) = command {
        return runtime()?.block_on(restore::run(&arguments, config, now));
    }
    if let Command::Ledger = command {
        let state = runtime()?.block_on(open_state(config))?;
        return ledger::run(config, &runtime()?, &state, now);
    }
    runtime()?.block_on(async {
        let state = open_state(config).await?;
        let done = with_state(command, config, &state, now).await;
        state.close().await?;
        done
    })
}

async fn with_state(command: Command, config: &Config, state: &StateStore, now: UtcMs) -> anyhow::Result<()> {
    match command {
        Command::Device(Device::Add(arguments)) => device_add::run(arguments, config, state, now).await,
        Command::Device(Device::Revoke { serial }) => device_revoke::run(serial, state, now).await,
        Command::Device(Device::Label(arguments)) => device_label::run(arguments, config, state).await,
        Command::Device(Device::List) => device_list::run(state).await,
        Command::Account(Account::Add { email, name, password_file, operator }) => {
            account_add::run(&email, &name, password_file.as_deref(), operator, state, now).await
        }
        Command::Allow(arguments) => allow::add(arguments, state, now).await,
        Command::Disallow { email } => allow::remove(&email, state, now).await,
        Command::AllowList { search } => allow::list(&search, state, now).await,
        Command::Account(Account::Totp(arguments)) => account_totp::run(&arguments, config, state, now).await,
        Command::Token(Token::Add(arguments)) => token_add::run(arguments, state, now).await,
        Command::Site(Site::Add { name, time_zone, address, organization }) => {
            site_add::run(&name, &time_zone, &address, organization.as_deref(), state, now).await
        }
        Command::Organization(asked) => organize(asked, state, now).await,
        Command::Grant(Grant::Add { holder, serial, role }) => {
            grant_add::run(&holder, serial, &role, state, now).await
        }
        Command::Clock(Clock::Confirm) => clock_confirm::run(state, now).await,
        Command::Audit(Audit::Verify { expect }) => audit_verify::run(expect.as_deref(), state, now).await,
        Command::Audit(Audit::List { area, most }) => audit_list::run(area.as_deref(), most, state).await,
        Command::Backup { place, keys } => backup::run(&place, keys.as_deref(), config, state, now).await,
        Command::Keys(Keys::Copy { folder }) => keys_copy::run(&folder, config, state, now).await,
        // These were done above, without the store.
        Command::Ca(_) | Command::Ledger | Command::Proof(_) | Command::Restore(_) => Ok(()),
    }
}

async fn organize(asked: Organization, state: &StateStore, now: UtcMs) -> anyhow::Result<()> {
    match asked {
        Organization::Add { name, owner } => organization::add(&name, owner.as_ref(), state, now).await,
        Organization::Member { code, email, role } => {
            organization::member(&code, &email, &role, state, now).await
        }
        Organization::List => organization::list(state).await,
    }
}

fn email(text: &str) -> Result<Email, InvalidEmail> {
    Email::parse(text)
}

fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start the run time")
}
