//! Whom a letter of the calendar is for, and by which clock.
//!
//! In: an account. Out: what it may see, as `fleet::authorize` says, what it wants, the wall that it goes by: that of the
//! first site where something stands that it may see, else UTC.

use fleet::notice::{Periodical, Preferences};
use fleet::{AccountKey, Action, Actor, Held, InverterKey, Object, authorize};
use store::state::{Account, StateError, StateStore, VisibleInverter};
use web::Local;
use wire::UtcMs;

/// Somebody who may be written to.
pub struct Reader {
    pub account: Account,
    pub preferences: Preferences,
    /// All that the account may see, by name.
    pub inverters: Vec<VisibleInverter>,
    pub local: Local,
}

impl Reader {
    /// Of an account; `None` where there is none any more.
    pub async fn find(store: &StateStore, key: AccountKey, now: UtcMs) -> Result<Option<Self>, StateError> {
        let Some(account) = store.account(key).await? else { return Ok(None) };
        let preferences = match store.preferences(key).await {
            // What cannot be read is as if it was never said: better told than not.
            Err(error) if !matches!(error, StateError::Database { .. }) => Preferences::default(),
            preferences => preferences?,
        };
        let inverters = visible(store, key, now).await?;
        let zone = inverters.iter().filter_map(|row| row.site.as_ref()).min_by_key(|site| site.key);
        let local = Local::new(zone.map_or("UTC", |site| &site.time_zone), now);
        Ok(Some(Self { account, preferences, inverters, local }))
    }

    /// When the next letter is due after one of `told_at`.
    pub fn due(&self, letter: Periodical, told_at: UtcMs) -> UtcMs {
        letter.due(told_at, self.preferences.quiet, &|at| self.local.wall_minutes(at))
    }

    /// What the account may see.
    pub fn keys(&self) -> Vec<InverterKey> {
        self.inverters.iter().map(|row| row.inverter.key).collect()
    }
}

/// What an account may see at `now`.
pub async fn visible(
    store: &StateStore,
    account: AccountKey,
    now: UtcMs,
) -> Result<Vec<VisibleInverter>, StateError> {
    let mut rows = store.visible_inverters(account, now).await?;
    let held: Vec<Held> = rows.iter().flat_map(|row| row.held.iter().copied()).collect();
    // Nobody is told more for being an operator.
    let actor = Actor::account(account, false, held, now);
    rows.retain(|row| authorize(&actor, Action::View, &Object::Inverter(row.inverter.key)).is_allowed());
    Ok(rows)
}
