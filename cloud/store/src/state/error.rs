//! What can go wrong with the state store.

use std::path::PathBuf;

/// Why a row could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// The database could not be opened or brought up to date.
    #[error("open {path}: {source}; check the disk, its free space and the folder's owner")]
    Open {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: sea_orm::DbErr,
    },
    /// The folder of the database could not be opened or locked.
    #[error("open the folder {path}: {source}; check that it exists and who owns it")]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// Another process was opening the database, all the time that was waited for it.
    #[error(
        "another inverter-connect command has been opening {path} for a minute; wait until it ends, or end it, and try again"
    )]
    Opening {
        /// The file.
        path: PathBuf,
    },
    /// SQLite is too old; see [`crate::OLDEST_SQLITE`].
    #[error("SQLite {0} is linked, at least 3.51.3 is needed; rebuild with the bundled library")]
    OldSqlite(String),
    /// The database refused or failed.
    #[error("the state store could not {doing}: {source}")]
    Database {
        /// What was tried, for example `create the account`.
        doing: &'static str,
        /// Why not.
        source: sea_orm::DbErr,
    },
    /// Something with the same name exists.
    #[error("{what} {name:?} exists already")]
    Taken {
        /// What kind of thing.
        what: &'static str,
        /// Its name.
        name: String,
    },
    /// There are as many as there may be.
    #[error("nothing was changed: there are {} {} already", .0.most, .0.what)]
    TooMany(fleet::ceilings::Ceiling),
    /// A row that was to be changed is not there.
    #[error("there is no {what} {name:?}")]
    NotFound {
        /// What kind of thing.
        what: &'static str,
        /// Its name or number.
        name: String,
    },
    /// It would take the last who can manage an inverter, or the last owner of an organization.
    #[error("nothing was changed: {0}")]
    Refused(#[from] fleet::sharing::Refusal),
    /// What goes with it is a logbook that holds something.
    #[error("nothing was changed: its logbook holds entries; give the logbook up first")]
    KeepsLogbook,
    /// An entry of a logbook could not be signed.
    #[error("nothing was written into the logbook: {0}")]
    Unsigned(#[from] fleet::logbook::Unsigned),
    /// The account must keep a second factor.
    #[error("nothing was changed: {0}")]
    KeepsFactor(#[from] fleet::factors::Refusal),
    /// A row holds what this program never writes.
    #[error(
        "column {column} of table {table} holds {value:?}, which this program does not know; was a newer version used on this data_dir?"
    )]
    Row {
        /// Table.
        table: &'static str,
        /// Column.
        column: &'static str,
        /// What it holds.
        value: String,
    },
}

impl StateError {
    /// An error where `there` leave no room for another.
    pub(super) fn unless_room(there: u64, ceiling: fleet::ceilings::Ceiling) -> Result<(), Self> {
        if there < ceiling.most { Ok(()) } else { Err(Self::TooMany(ceiling)) }
    }

    /// For `map_err`: names what was tried.
    pub(super) fn doing(doing: &'static str) -> impl Fn(sea_orm::DbErr) -> Self {
        move |source| Self::Database { doing, source }
    }

    /// As [`StateError::doing`], but a broken unique key says that `name` is taken.
    pub(super) fn taken(
        doing: &'static str,
        what: &'static str,
        name: &str,
    ) -> impl Fn(sea_orm::DbErr) -> Self {
        move |source| match source.sql_err() {
            Some(sea_orm::SqlErr::UniqueConstraintViolation(_)) => {
                Self::Taken { what, name: name.to_owned() }
            }
            _ => Self::Database { doing, source },
        }
    }
}
