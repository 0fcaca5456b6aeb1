//! Names for the numbers in the audit log, as they are now.
//!
//! In: acts. Out: the accounts and inverters among them that still are; what is missing was deleted. The log holds no
//! names, so that deleting an account takes its name out of it, too.

use std::collections::{HashMap, HashSet};

use fleet::{AccountKey, InverterKey, OrganizationKey};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use wire::Serial;

use super::tables::organizations::organization;
use super::tables::{account, inverter};
use super::{Account, AuditAct, By, Email, Inverter, StateError, StateStore};

/// Who an account is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedAccount {
    /// What people call them; may be empty.
    pub name: String,
    /// Address.
    pub email: Email,
}

/// Which an inverter is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedInverter {
    /// What people call it; may be empty.
    pub name: String,
    /// Serial number.
    pub serial: Serial,
}

/// Names of what some acts speak of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditNames {
    /// Of accounts that still are.
    pub accounts: HashMap<AccountKey, NamedAccount>,
    /// Of inverters that still are.
    pub inverters: HashMap<InverterKey, NamedInverter>,
    /// Of organizations that still are.
    pub organizations: HashMap<OrganizationKey, String>,
}

impl StateStore {
    /// Names of what `acts` speak of.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn audit_names(&self, acts: &[AuditAct]) -> Result<AuditNames, StateError> {
        let doing = StateError::doing("look up names for the audit log");
        let actor = |act: &AuditAct| match act.by {
            Some(By::Account(key)) => Some(key.0),
            _ => None,
        };
        let accounts: HashSet<i64> =
            acts.iter().flat_map(|act| [actor(act), act.account.map(|key| key.0)]).flatten().collect();
        let inverters: HashSet<i64> =
            acts.iter().filter_map(|act| act.inverter.map(|key| i64::from(key.0))).collect();
        let query = account::Entity::find().filter(account::Column::Id.is_in(accounts));
        let accounts = query.all(&self.connection).await.map_err(&doing)?;
        let query = inverter::Entity::find().filter(inverter::Column::Id.is_in(inverters));
        let inverters = query.all(&self.connection).await.map_err(&doing)?;
        let organizations: HashSet<i64> =
            acts.iter().filter_map(|act| act.organization.map(|key| key.0)).collect();
        let query = organization::Entity::find().filter(organization::Column::Id.is_in(organizations));
        let organizations = query.all(&self.connection).await.map_err(&doing)?;
        let mut names = AuditNames::default();
        for row in organizations {
            names.organizations.insert(OrganizationKey(row.id), row.name);
        }
        for row in accounts {
            let Account { key, name, email, .. } = Account::from_row(row)?;
            names.accounts.insert(key, NamedAccount { name, email });
        }
        for row in inverters {
            let Inverter { key, name, serial, .. } = Inverter::from_row(row)?;
            names.inverters.insert(key, NamedInverter { name, serial });
        }
        Ok(names)
    }
}
