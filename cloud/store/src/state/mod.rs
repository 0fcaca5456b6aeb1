//! State: accounts, sessions, tokens, sites, inverters, certificates, grants, events, snapshots.
//!
//! In: typed rows; times, random ids and hashes come from the caller. Out: the same. SeaORM on SQLite today, with
//! nothing here that stands in the way of PostgreSQL; what is SQLite's own is in the room `connect`. Never decides
//! who may do what: `fleet::authorize` does, with rows from here. One verb per function, one table per room.

mod absences;
mod account_control;
mod accounts;
mod alarms;
mod allow_list;
mod announcing;
mod audit;
mod audit_links;
mod audit_names;
mod audit_read;
mod audit_verify;
mod calendar;
mod certificates;
mod connect;
mod contacts;
mod deliveries;
mod devices;
mod error;
mod events;
mod factor_changes;
mod grants;
mod incidents;
mod inverters;
mod invitations;
mod ladders;
mod leaving;
mod lending;
mod logbook;
mod logbook_end;
mod logbook_enter;
mod logbook_read;
mod mailed_links;
mod manned;
mod members;
mod migrations;
mod next_way;
mod notes;
mod offers;
mod organizations;
mod outbox;
mod own_ways;
mod pairings;
mod passkeys;
mod pending_sign_ins;
mod people;
mod phones;
mod pieces;
mod power_losses;
mod preferences;
mod push_subscriptions;
mod quarantine;
mod reachable;
mod reached;
mod receipts;
mod recipients;
mod records;
mod recovery_codes;
mod registration;
mod retained;
mod sessions;
mod severities;
mod sites;
mod snapshots;
mod tables;
mod test_notes;
mod texts_sent;
mod tokens;
mod totps;
mod visible;
mod waiting;
mod webhooks;

use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseConnection, DatabaseTransaction, EntityTrait, QueryFilter,
};

pub use account_control::AccountRow;
pub use accounts::{Account, Email, InvalidEmail, NewAccount};
pub use alarms::Alarm;
pub use allow_list::{Allowed, AllowedFilter, AllowedStanding, NewAllowed};
pub use announcing::{Announcing, Made, Placed, Reminder};
pub use audit::{Act, By};
pub use audit_links::AuditLink;
pub use audit_names::{AuditNames, NamedAccount, NamedInverter};
pub use audit_read::{AuditAct, AuditQuery, Details, Whose};
pub use audit_verify::{Broken, Whole};
pub use calendar::{LetterDue, LetterLook, NewLetter};
pub use certificates::Certificate;
pub use contacts::Contact;
pub use deliveries::{Delivery, DeliveryQuery};
pub use devices::DeviceRow;
pub use error::StateError;
pub use events::EventRow;
pub use factor_changes::{Codes, FactorChange};
pub use fleet::{TokenReach, TokenScope};
pub use incidents::{IncidentKey, IncidentRow, Place};
pub use inverters::{Inverter, InverterEdit, NewInverter};
pub use invitations::{Invitation, Inviting, NewInvitation};
pub use ladders::LadderOf;
pub use lending::{Note, Noted};
pub use logbook::{BookKey, Logbook};
pub use logbook_enter::{Draft, Waiting};
pub use logbook_read::{KeptRecords, LoggedRow};
pub use mailed_links::{MailAsked, MailedLink};
pub use manned::HeldBack;
pub use members::Member;
pub(crate) use migrations::knows_schema;
pub use next_way::{NextWay, Worded};
pub use notes::{NewNote, TEST};
pub use offers::{NewOffer, Offer, Recipient, Side};
pub use organizations::{NewOrganization, Organization};
pub use outbox::{DueMail, MailState, NewMail, NewMessage};
pub use pairings::{Begun, NewPairing, Paired, Pairing};
pub use passkeys::{NewPasskey, Passkey, PasskeyKey};
pub use pending_sign_ins::PendingSignIn;
pub use people::{Person, Who};
pub use phones::{CodeTried, NewPhone, Phone, PhoneBegun};
pub use power_losses::{LossLetter, UntoldOutage};
pub use push_subscriptions::{NewPushDevice, PushDevice, TakenFrom};
pub use quarantine::{NewQuarantined, QUARANTINED_IN_ALL, QUARANTINED_OF_A_DEVICE, Quarantined};
pub use reachable::Way;
pub use reached::Reached;
pub use receipts::{Receipt, SentTo};
pub use recipients::{Recipients, Told};
pub use records::RecordRow;
pub use registration::ChosenPassword;
pub use sessions::{NewSession, Session};
pub use severities::Graded;
pub use sites::{NewSite, Site, SiteKey};
pub use snapshots::Snapshots;
pub use test_notes::TestNote;
pub use texts_sent::TextToSend;
pub use tokens::{ApiToken, NewToken, TokenKey};
pub use totps::Totp;
pub use visible::VisibleInverter;
pub use webhooks::{NewWebhook, Webhook};

/// SHA-256 of a secret or a certificate: what is kept in its place.
pub type Sha256 = [u8; 32];

/// The database. Cheap to clone; clones share connections.
#[derive(Clone, Debug)]
pub struct StateStore {
    connection: DatabaseConnection,
}

impl StateStore {
    /// A number that changes whenever a row of accounts, sites, inverters, certificates or grants was written, by
    /// this process or another. One short read: poll it each few hundred milliseconds. Snapshots, events, sessions
    /// and last-used times do not change it.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn change_counter(&self) -> Result<u64, StateError> {
        let row = tables::generation::Entity::find_by_id(GENERATION)
            .one(&self.connection)
            .await
            .map_err(StateError::doing("read the change counter"))?;
        Ok(row.map_or(0, |row| row.value.cast_unsigned()))
    }

    /// A transaction that will end with [`StateStore::commit_change`].
    async fn begin_change(&self, doing: &'static str) -> Result<DatabaseTransaction, StateError> {
        connect::begin(&self.connection).await.map_err(StateError::doing(doing))
    }

    /// Moves the change counter and commits.
    async fn commit_change(
        &self,
        change: DatabaseTransaction,
        doing: &'static str,
    ) -> Result<(), StateError> {
        bump(&change).await.map_err(StateError::doing(doing))?;
        change.commit().await.map_err(StateError::doing(doing))
    }
}

/// The only row of the table of generations.
const GENERATION: i64 = 0;

async fn bump(connection: &impl ConnectionTrait) -> Result<(), sea_orm::DbErr> {
    use sea_orm::ExprTrait;
    use tables::generation::{Column, Entity};
    Entity::update_many()
        .col_expr(Column::Value, sea_orm::sea_query::Expr::col(Column::Value).add(1))
        .filter(Column::Id.eq(GENERATION))
        .exec(connection)
        .await?;
    Ok(())
}

/// A hash column as the array it was written from.
fn sha256(bytes: Vec<u8>, table: &'static str, column: &'static str) -> Result<Sha256, StateError> {
    bytes.try_into().map_err(|bytes: Vec<u8>| StateError::Row {
        table,
        column,
        value: format!("{} bytes", bytes.len()),
    })
}
