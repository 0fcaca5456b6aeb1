//! The audit log as a chain: numbers, verbs and hashes, the oldest first, for whoever keeps them elsewhere.
//!
//! In: a row's number. Out: what follows it. No details. Only reads.

use fleet::AccountKey;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::audit::HEAD;
use super::tables::audit::{entry, head};
use super::{By, Sha256, StateError, StateStore, sha256};

const DOING: &str = "read the audit log";

/// One row of the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditLink {
    /// Its number in the log.
    pub sequence: i64,
    /// The act's name in the log.
    pub verb: String,
    /// Who; `None` for what a newer version wrote.
    pub by: Option<By>,
    /// The account that it concerns.
    pub account: Option<AccountKey>,
    /// Over this row and the hash before it.
    pub hash: Sha256,
}

impl StateStore {
    /// Number and hash of the last row; zeros for an empty log.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn audit_head(&self) -> Result<(i64, Sha256), StateError> {
        let head = head::Entity::find_by_id(HEAD).one(&self.connection).await;
        let head = head.map_err(StateError::doing(DOING))?.filter(|head| head.length > 0);
        head.map_or(Ok((0, [0; 32])), |head| Ok((head.length, sha256(head.hash, "audit_head", "hash")?)))
    }

    /// At most `most` rows after the row `last`, the oldest first.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn audit_links(&self, last: i64, most: u64) -> Result<Vec<AuditLink>, StateError> {
        let rows = entry::Entity::find()
            .filter(entry::Column::Sequence.gt(last))
            .order_by_asc(entry::Column::Sequence)
            .limit(most)
            .all(&self.connection)
            .await
            .map_err(StateError::doing(DOING))?;
        let link = |row: entry::Model| {
            Ok(AuditLink {
                sequence: row.sequence,
                by: By::from_columns(&row.actor, row.actor_id),
                verb: row.verb,
                account: row.account_id.map(AccountKey),
                hash: sha256(row.hash, "audit", "hash")?,
            })
        };
        rows.into_iter().map(link).collect()
    }
}
