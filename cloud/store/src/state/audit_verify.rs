//! Reads the audit log from end to end and says whether it is whole.
//!
//! In: nothing. Out: how long the chain is and its last hash, or the first row where it breaks. Only reads. Whoever can
//! write to the database can make a new chain, so note the last hash elsewhere from time to time and compare.

use std::collections::HashMap;

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};

use super::audit::{HEAD, hash, hash_details};
use super::tables::audit::{detail, entry, head};
use super::{Sha256, StateError, StateStore, sha256};

/// Rows read at once.
const PAGE: u64 = 500;

/// A log that is whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Whole {
    /// Rows.
    pub length: u64,
    /// Rows whose details were erased.
    pub erased: u64,
    /// The hash of the last row; zeros for an empty log.
    pub hash: Sha256,
}

/// Where the log breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// A row is missing, or one was put in.
    #[error("row {0} is missing")]
    Missing(i64),
    /// A row is not what was written.
    #[error("row {0} was changed, or one before it")]
    Changed(i64),
    /// The details of a row are not those that were written.
    #[error("the details of row {0} were changed")]
    Details(i64),
    /// The head says that the log was longer, or shorter.
    #[error("the log ends at row {found}, but was {said} rows long")]
    Length {
        /// The last row.
        found: i64,
        /// What the head says.
        said: i64,
    },
}

impl StateStore {
    /// Goes through the whole log.
    ///
    /// # Errors
    /// [`StateError`] where it cannot be read; whether it is whole is the answer within.
    pub async fn verify_audit(&self) -> Result<Result<Whole, Broken>, StateError> {
        const DOING: &str = "read the audit log";
        let mut whole = Whole { length: 0, erased: 0, hash: [0; 32] };
        let mut last = 0_i64;
        loop {
            let rows = entry::Entity::find()
                .filter(entry::Column::Sequence.gt(last))
                .order_by_asc(entry::Column::Sequence)
                .limit(PAGE)
                .all(&self.connection)
                .await
                .map_err(StateError::doing(DOING))?;
            let (Some(first), Some(end)) = (rows.first(), rows.last()) else { break };
            let beside = detail::Column::Sequence.between(first.sequence, end.sequence);
            let beside = detail::Entity::find().filter(beside).all(&self.connection).await;
            let beside = beside.map_err(StateError::doing(DOING))?;
            let mut beside: HashMap<_, _> =
                beside.into_iter().map(|details| (details.sequence, details)).collect();
            for row in rows {
                let details = beside.remove(&row.sequence);
                if row.sequence != last + 1 {
                    return Ok(Err(Broken::Missing(last + 1)));
                }
                if hash(&whole.hash, &row).as_slice() != row.hash {
                    return Ok(Err(Broken::Changed(row.sequence)));
                }
                let had_details = row.detail_hash.iter().any(|byte| *byte != 0);
                match details {
                    Some(details) if hash_details(&details).as_slice() != row.detail_hash => {
                        return Ok(Err(Broken::Details(row.sequence)));
                    }
                    None if had_details => whole.erased += 1,
                    _ => {}
                }
                last = row.sequence;
                whole.length += 1;
                whole.hash = sha256(row.hash, "audit", "hash")?;
            }
        }
        let head = head::Entity::find_by_id(HEAD).one(&self.connection).await;
        let head = head.map_err(StateError::doing(DOING))?;
        match head {
            Some(head) if head.length == last && head.hash == whole.hash => Ok(Ok(whole)),
            head => Ok(Err(Broken::Length { found: last, said: head.map_or(0, |head| head.length) })),
        }
    }
}
