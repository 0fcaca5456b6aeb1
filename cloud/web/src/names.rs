//! What people are called by those who share an inverter with them.
//!
//! In: numbers of accounts. Out: names, each looked up once. Who has left has no name any more.

use std::collections::HashMap;

use fleet::AccountKey;

use crate::pages::people::list::called;
use crate::{Context, Error};

/// Names that were looked up.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names(HashMap<AccountKey, String>);

impl Names {
    /// Looks up those that are not known yet.
    ///
    /// # Errors
    /// [`Error::Internal`].
    pub(crate) async fn learn(&mut self, context: &Context, accounts: Vec<AccountKey>) -> Result<(), Error> {
        for key in accounts {
            if self.0.contains_key(&key) {
                continue;
            }
            let account = context.state().account(key).await;
            let account = account.map_err(|error| Error::internal("look up an account", error))?;
            let name = account.map_or_else(|| "somebody who has left".to_owned(), |account| called(&account));
            self.0.insert(key, name);
        }
        Ok(())
    }

    /// A name that was looked up.
    pub(crate) fn of(&self, key: AccountKey) -> &str {
        self.0.get(&key).map_or("somebody", String::as_str)
    }
}
