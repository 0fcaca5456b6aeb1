//! What the people's door needs from the rest of the house.
//!
//! In: stores, the live states, a clock, the origin. Out: one cheap handle that every handler gets. Owns no data of
//! inverters.

use std::sync::{Arc, OnceLock};

use fleet::Act;
use fleet::logbook::Signer;
use fleet::{InverterKey, InverterState};
use store::history::History;
use store::state::StateStore;
use tokio::sync::{Semaphore, broadcast, oneshot};
use wire::UtcMs;

use crate::Error;
use crate::live::Hub;
use crate::paced::Paced;
use crate::registration::desk::Desk;
use crate::registration::limits::Limits;
use crate::report::exports::Exports;
use crate::service::{Alone, Service};
use crate::sign_in::delay::Delays;
use crate::sign_in::password::Verifier;
use crate::sign_in::vault::{FactorsKey, Vault};
use crate::turns::Turns;
use crate::view::strip::Strips;
use crate::webauthn::RelyingParty;
use crate::webauthn::challenge::Challenges;

/// The live states: what the pipeline knows now.
pub trait Live: Send + Sync {
    /// The newest state of an inverter; `None` where it never reported.
    fn state(&self, inverter: InverterKey) -> Option<Arc<InverterState>>;

    /// Tells of each inverter whose state changed. A receiver that lags loses freshness, never data: it reads
    /// [`Live::state`] again.
    fn pulses(&self) -> broadcast::Receiver<InverterKey>;
}

/// The way of people's acts into the journal, where the inverter's one owner applies them (decision 7).
pub trait Acts: Send + Sync {
    /// Takes an act, done at `at`; `None`: there is no inverter of that serial number, and the act goes the same way. The
    /// answer comes when the act is on disk, or never if it cannot be.
    fn act(&self, at: UtcMs, inverter: Option<InverterKey>, act: Act) -> oneshot::Receiver<()>;
}

/// Milliseconds since 1970 now. Only binaries read the clock.
pub type Clock = Arc<dyn Fn() -> UtcMs + Send + Sync>;

/// What every handler gets. Clones share everything.
#[derive(Clone)]
pub struct Context {
    inner: Arc<Inner>,
}

struct Inner {
    state: StateStore,
    history: Arc<History>,
    live: Arc<dyn Live>,
    service: Arc<dyn Service>,
    clock: Clock,
    origin: String,
    authority: String,
    delays: Delays,
    desk: Desk,
    limits: Limits,
    paced: Paced,
    turns: Turns,
    verifier: Verifier,
    vault: Vault,
    party: RelyingParty,
    challenges: Challenges,
    hub: Hub,
    strips: Strips,
    exports: Arc<Semaphore>,
    kept_exports: Exports,
    acts: OnceLock<Arc<dyn Acts>>,
    ways: OnceLock<Ways>,
    signer: OnceLock<Arc<Signer>>,
}

/// Ways to people that this server has beside mail.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ways {
    /// What numbers of telephones must begin with; no texts are sent without.
    pub countries: Vec<String>,
    /// The key that browsers subscribe with, base64url; no messages are pushed without.
    pub push_key: Option<String>,
    /// Webhooks are called.
    pub webhooks: bool,
}

/// Why there is no people's door.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidContext {
    /// The origin is not `https://host` or `https://host:port`.
    #[error(
        "the origin of the people's door must be https://NAME or https://NAME:PORT without a path; this is not: {0:?}"
    )]
    Origin(String),
    /// The system gives no randomness, or the key of the second factors does not fit.
    #[error("the people's door cannot keep secrets: {0}")]
    Secrets(String),
}

impl Context {
    /// Puts the people's door together. `origin` is what browsers show, for example `https://inverters.example` or
    /// `https://localhost:8443`: links, cookies, passkeys and checks go by it, never by what a request says. `key`: the
    /// one of the second factors, always the same for one `state`.
    ///
    /// # Errors
    /// [`InvalidContext`].
    pub fn new(
        state: StateStore,
        history: Arc<History>,
        live: Arc<dyn Live>,
        clock: Clock,
        origin: &str,
        key: &FactorsKey,
    ) -> Result<Self, InvalidContext> {
        let origin = origin.trim_end_matches('/').to_ascii_lowercase();
        // `http://127.0.0.1…` is for looking at pages while working on them; cookies need https.
        let authority = origin
            .strip_prefix("https://")
            .or_else(|| origin.strip_prefix("http://").filter(|rest| rest.starts_with("127.0.0.1:")))
            .filter(|authority| !authority.is_empty() && !authority.contains(['/', '@', '?', '#', ' ']))
            .ok_or_else(|| InvalidContext::Origin(origin.clone()))?
            .to_owned();
        let hub = Hub::default();
        let vault = Vault::new(key).map_err(|error| InvalidContext::Secrets(error.to_string()))?;
        let challenges = Challenges::new().map_err(|error| InvalidContext::Secrets(error.to_string()))?;
        let party = RelyingParty::new(&origin);
        let inner = Inner {
            state,
            history,
            live,
            service: Arc::new(Alone),
            clock,
            authority,
            origin,
            delays: Delays::default(),
            desk: Desk::default(),
            limits: Limits::default(),
            paced: Paced::default(),
            turns: Turns::default(),
            verifier: Verifier::default(),
            vault,
            party,
            challenges,
            hub,
            strips: Strips::default(),
            exports: Arc::new(Semaphore::new(crate::pages::csv::AT_ONCE)),
            kept_exports: Exports::default(),
            acts: OnceLock::new(),
            ways: OnceLock::new(),
            signer: OnceLock::new(),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Lets operators see the server behind this door. To be called before the context is cloned: afterwards nothing
    /// changes.
    #[must_use]
    pub fn with_service(mut self, service: Arc<dyn Service>) -> Self {
        if let Some(inner) = Arc::get_mut(&mut self.inner) {
            inner.service = service;
        }
        self
    }

    /// The server behind this door.
    #[must_use]
    pub fn service(&self) -> &Arc<dyn Service> {
        &self.inner.service
    }

    /// Gives people's acts their way. Without it nobody can add an inverter. The first one stays.
    #[must_use]
    pub fn with_acts(self, acts: Arc<dyn Acts>) -> Self {
        let _ = self.inner.acts.set(acts);
        self
    }

    /// Says which ways to people there are. The first one stays.
    #[must_use]
    pub fn with_ways(self, ways: Ways) -> Self {
        let _ = self.inner.ways.set(ways);
        self
    }

    /// Signs reports and logbooks. Without it there are none. The first one stays.
    #[must_use]
    pub fn with_signer(self, signer: Arc<Signer>) -> Self {
        let _ = self.inner.signer.set(signer);
        self
    }

    /// What reports and logbooks are signed with.
    pub(crate) fn signer(&self) -> Result<&Signer, Error> {
        let signer = self.inner.signer.get();
        signer.map(Arc::as_ref).ok_or_else(|| Error::internal("sign", "there is no key"))
    }

    /// Ways to people beside mail.
    pub(crate) fn ways(&self) -> Ways {
        self.inner.ways.get().cloned().unwrap_or_default()
    }

    /// Journals an act; returns when it is on disk.
    pub(crate) async fn act(&self, at: UtcMs, inverter: Option<InverterKey>, act: Act) -> Result<(), Error> {
        let acts =
            self.inner.acts.get().ok_or_else(|| Error::internal("journal an act", "there is no way"))?;
        acts.act(at, inverter, act).await.map_err(|_| Error::internal("journal an act", "the server stops"))
    }

    /// Accounts, sessions, inverters, grants.
    #[must_use]
    pub fn state(&self) -> &StateStore {
        &self.inner.state
    }

    /// Readings of thirty days. Calls block.
    #[must_use]
    pub fn history(&self) -> &Arc<History> {
        &self.inner.history
    }

    /// The live states.
    #[must_use]
    pub fn live(&self) -> &dyn Live {
        &*self.inner.live
    }

    /// Now.
    #[must_use]
    pub fn now(&self) -> UtcMs {
        (self.inner.clock)()
    }

    /// `https://host:port`.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.inner.origin
    }

    /// `host:port`.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.inner.authority
    }

    pub(crate) fn delays(&self) -> &Delays {
        &self.inner.delays
    }

    pub(crate) fn desk(&self) -> &Desk {
        &self.inner.desk
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.inner.limits
    }

    /// Expensive reads at a time.
    pub(crate) fn turns(&self) -> &Turns {
        &self.inner.turns
    }

    pub(crate) fn paced(&self) -> &Paced {
        &self.inner.paced
    }

    /// How often a password was checked since the start, right or not, for an account or for nobody.
    #[must_use]
    pub fn passwords_checked(&self) -> u64 {
        self.inner.verifier.checked()
    }

    pub(crate) fn verifier(&self) -> &Verifier {
        &self.inner.verifier
    }

    pub(crate) fn vault(&self) -> &Vault {
        &self.inner.vault
    }

    pub(crate) fn party(&self) -> &RelyingParty {
        &self.inner.party
    }

    pub(crate) fn challenges(&self) -> &Challenges {
        &self.inner.challenges
    }

    pub(crate) fn hub(&self) -> &Hub {
        &self.inner.hub
    }

    pub(crate) fn strips(&self) -> &Strips {
        &self.inner.strips
    }

    /// Reports that were made while nobody waited.
    #[must_use]
    pub fn kept_exports(&self) -> &Exports {
        &self.inner.kept_exports
    }

    pub(crate) fn exports(&self) -> &Arc<Semaphore> {
        &self.inner.exports
    }
}
