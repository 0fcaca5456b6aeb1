//! Device certificates: which inverter one speaks for, and whether it still may.
//!
//! In and out: SHA-256 of the certificate's DER. Lookups per connection are the server's, in memory; this is where
//! its list comes from.

use fleet::InverterKey;
use sea_orm::{ActiveValue::Set, ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder};
use wire::UtcMs;

use super::inverters::inverter_key;
use super::tables::certificate::{ActiveModel, Column, Entity, Model};
use super::{Act, Sha256, StateError, StateStore, audit, sha256};

/// One certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// SHA-256 of its DER.
    pub sha256: Sha256,
    /// Whom it speaks for.
    pub inverter: InverterKey,
    /// When it was issued.
    pub issued_at: UtcMs,
    /// When it was revoked.
    pub revoked_at: Option<UtcMs>,
}

impl StateStore {
    /// Notes an issued certificate.
    ///
    /// # Errors
    /// [`StateError::Taken`] where it is known already, [`StateError::Database`].
    pub async fn add_certificate(&self, new: Certificate, act: &Act) -> Result<(), StateError> {
        const DOING: &str = "add the certificate";
        let change = self.begin_change(DOING).await?;
        let row = ActiveModel {
            sha256: Set(new.sha256.to_vec()),
            inverter_id: Set(i64::from(new.inverter.0)),
            issued_at: Set(new.issued_at.0),
            revoked_at: Set(new.revoked_at.map(|t| t.0)),
        };
        let taken = StateError::taken(DOING, "a certificate", "with this SHA-256");
        Entity::insert(row).exec_without_returning(&change).await.map_err(taken)?;
        let act = act.clone().on_inverter(new.inverter);
        audit::append(&change, &act).await.map_err(StateError::doing(DOING))?;
        self.commit_change(change, DOING).await
    }

    /// Every certificate, revoked ones too.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn certificates(&self) -> Result<Vec<Certificate>, StateError> {
        self.find_certificates(Condition::all()).await
    }

    /// An inverter's certificates, the newest last.
    ///
    /// # Errors
    /// [`StateError`].
    pub async fn certificates_of(&self, inverter: InverterKey) -> Result<Vec<Certificate>, StateError> {
        self.find_certificates(Condition::all().add(Column::InverterId.eq(i64::from(inverter.0)))).await
    }

    /// Revokes every certificate of an inverter that counts. How many.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn revoke_certificates(
        &self,
        inverter: InverterKey,
        now: UtcMs,
        act: &Act,
    ) -> Result<u64, StateError> {
        self.revoke(inverter, Condition::all(), now, act).await
    }

    /// Revokes an inverter's certificates but one: a newer one was used. How many counted.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn supersede_certificates(
        &self,
        inverter: InverterKey,
        by: &Sha256,
        now: UtcMs,
        act: &Act,
    ) -> Result<u64, StateError> {
        self.revoke(inverter, Condition::all().add(Column::Sha256.ne(by.to_vec())), now, act).await
    }

    async fn find_certificates(&self, which: Condition) -> Result<Vec<Certificate>, StateError> {
        let query = Entity::find().filter(which).order_by_asc(Column::IssuedAt).order_by_asc(Column::Sha256);
        let rows = query.all(&self.connection).await.map_err(StateError::doing("list certificates"))?;
        rows.into_iter().map(Certificate::from_row).collect()
    }

    /// Nothing that counted: nothing was done, and nothing is written to the log.
    async fn revoke(
        &self,
        inverter: InverterKey,
        which: Condition,
        now: UtcMs,
        act: &Act,
    ) -> Result<u64, StateError> {
        const DOING: &str = "revoke certificates";
        let change = self.begin_change(DOING).await?;
        let row = ActiveModel { revoked_at: Set(Some(now.0)), ..ActiveModel::default() };
        let update = Entity::update_many()
            .set(row)
            .filter(Column::InverterId.eq(i64::from(inverter.0)))
            .filter(which)
            .filter(Column::RevokedAt.is_null());
        let revoked = update.exec(&change).await.map_err(StateError::doing(DOING))?.rows_affected;
        if revoked == 0 {
            return Ok(0);
        }
        let act = act.clone().on_inverter(inverter);
        audit::append(&change, &act).await.map_err(StateError::doing(DOING))?;
        self.commit_change(change, DOING).await?;
        Ok(revoked)
    }
}

impl Certificate {
    fn from_row(row: Model) -> Result<Self, StateError> {
        Ok(Self {
            sha256: sha256(row.sha256, "certificates", "sha256")?,
            inverter: inverter_key(row.inverter_id)?,
            issued_at: UtcMs(row.issued_at),
            revoked_at: row.revoked_at.map(UtcMs),
        })
    }
}
