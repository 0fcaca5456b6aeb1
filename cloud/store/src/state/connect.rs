//! What is SQLite's own about the state store: opening the file, its settings, how a writing transaction begins.
//!
//! In: a path. Out: a pool with foreign keys on, WAL, a busy timeout, the schema brought up to date.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DatabaseTransaction, DbErr,
    SqliteTransactionMode, Statement, TransactionOptions, TransactionTrait,
};
use sea_orm_migration::MigratorTrait;

use super::migrations::Migrator;
use super::{StateError, StateStore};
use crate::OLDEST_SQLITE;

/// Readers beside the one writer that SQLite allows; more would only queue.
const CONNECTIONS: u32 = 4;
/// The admin commands write to the same file from another process; neither holds it for long.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Waiting for a free connection; past it something is stuck and an error says more than a hang.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(10);
/// Opening takes milliseconds, and seconds where a new version brings a large file up to date.
const OPENING_PATIENCE: Duration = Duration::from_secs(60);
/// While another process opens the file, it is looked again this often.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// The audit log takes new rows only, and no entry of a logbook is changed, whatever a later version of this program gets wrong. Entries go
/// with their logbook, or as their years are over.
const APPEND_ONLY: &str = "
    CREATE TRIGGER IF NOT EXISTS audit_is_never_changed BEFORE UPDATE ON audit
    BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
    CREATE TRIGGER IF NOT EXISTS audit_is_never_shortened BEFORE DELETE ON audit
    BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
    CREATE TRIGGER IF NOT EXISTS logbook_entries_are_never_changed BEFORE UPDATE ON logbook_entries
    BEGIN SELECT RAISE(ABORT, 'an entry of a logbook is never changed'); END;";

impl StateStore {
    /// Opens the database file, made if missing (its folder must exist), and brings its schema up to date.
    ///
    /// # Errors
    /// [`StateError::Open`], [`StateError::Opening`], [`StateError::OldSqlite`].
    pub async fn open(path: &Path) -> Result<Self, StateError> {
        let failed = |source| StateError::Open { path: path.to_owned(), source };
        let file = path.to_owned();
        // The URL only names the kind of database; the path goes in as it is, whatever characters it has.
        let mut options = ConnectOptions::new("sqlite::memory:");
        options
            .max_connections(CONNECTIONS)
            // None in advance: the pool would make it beside the first, see `alone`.
            .min_connections(0)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .idle_timeout(None)
            .max_lifetime(None)
            .sqlx_logging(false)
            .test_before_acquire(false)
            .map_sqlx_sqlite_opts(move |sqlite| {
                sqlite
                    .in_memory(false)
                    .shared_cache(false)
                    .filename(&file)
                    .create_if_missing(true)
                    .foreign_keys(true)
                    .busy_timeout(BUSY_TIMEOUT)
                    .pragma("journal_mode", "WAL")
                    .pragma("synchronous", "FULL")
                    // What is deleted or erased (sent mails, ended sessions) is overwritten, not just unlinked.
                    .pragma("secure_delete", "ON")
                    // What is sorted on the way never stands in a file of its own.
                    .pragma("temp_store", "MEMORY")
                    // About 1 MiB a connection is plenty for these tables (performance goal P17).
                    .pragma("cache_size", "-1024")
            });
        let _alone = alone(path, OPENING_PATIENCE).await?;
        let connection = Database::connect(options).await.map_err(failed)?;
        refuse_old_sqlite(&connection).await?;
        Migrator::up(&connection, None).await.map_err(failed)?;
        connection.execute_unprepared(APPEND_ONLY).await.map_err(failed)?;
        Ok(Self { connection })
    }

    /// Ends all connections in order.
    ///
    /// # Errors
    /// [`StateError::Database`].
    pub async fn close(self) -> Result<(), StateError> {
        self.connection.close().await.map_err(StateError::doing("close"))
    }
}

/// One at a time opens the file, an administrator's command or the server: two that turn a new file to WAL at once refuse
/// each other without waiting (`SQLITE_BUSY`, whatever the timeout), and both would make the same tables. The system
/// gives the lock back when it is dropped, or the process ends. Who waits longer than `patience` is told why.
async fn alone(file: &Path, patience: Duration) -> Result<File, StateError> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.map_or_else(|| PathBuf::from("."), Path::to_owned);
    let failed = |source| StateError::Folder { path: folder.clone(), source };
    let opened = File::open(&folder).map_err(failed)?;
    let give_up = Instant::now() + patience;
    loop {
        match opened.try_lock() {
            Ok(()) => return Ok(opened),
            Err(TryLockError::Error(source)) => return Err(failed(source)),
            Err(TryLockError::WouldBlock) if Instant::now() >= give_up => {
                return Err(StateError::Opening { path: file.to_owned() });
            }
            Err(TryLockError::WouldBlock) => tokio::time::sleep(LOOK_AGAIN).await,
        }
    }
}

/// Begins a transaction that will write. It takes SQLite's write lock at once: one that reads first and writes later
/// could be refused half-way (`SQLITE_BUSY_SNAPSHOT`), which no timeout helps.
pub(super) async fn begin(connection: &DatabaseConnection) -> Result<DatabaseTransaction, DbErr> {
    let options = TransactionOptions {
        sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    };
    connection.begin_with_options(options).await
}

/// Empties the WAL: pages stand there as they were before something was erased. Waits for readers as long as for a lock.
pub(super) async fn empty_wal(connection: &DatabaseConnection) -> Result<(), StateError> {
    let doing = StateError::doing("empty the WAL");
    let statement =
        Statement::from_string(connection.get_database_backend(), "PRAGMA wal_checkpoint(TRUNCATE)");
    let row = connection.query_one_raw(statement).await.map_err(&doing)?;
    let busy: i64 = row.map(|row| row.try_get_by_index(0)).transpose().map_err(&doing)?.unwrap_or_default();
    if busy == 0 {
        Ok(())
    } else {
        Err(doing(DbErr::Custom("a reader held it; the next sweep tries again".to_owned())))
    }
}

async fn refuse_old_sqlite(connection: &DatabaseConnection) -> Result<(), StateError> {
    let failed = StateError::doing("read SQLite's version");
    let statement = Statement::from_string(connection.get_database_backend(), "SELECT sqlite_version()");
    let row = connection.query_one_raw(statement).await.map_err(&failed)?;
    let version: String =
        row.map(|row| row.try_get_by_index(0)).transpose().map_err(&failed)?.unwrap_or_default();
    let number =
        version.split('.').try_fold(0, |number: i32, part| Some(number * 1000 + part.parse::<i32>().ok()?));
    if number.is_some_and(|number| number >= OLDEST_SQLITE) {
        Ok(())
    } else {
        Err(StateError::OldSqlite(version))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn whoever_holds_the_file_while_opening_it_is_told_of_and_not_waited_for_without_end() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("state.sqlite");
        let held = alone(&file, Duration::ZERO).await.unwrap();
        let refused = alone(&file, Duration::from_millis(30)).await.unwrap_err().to_string();
        assert!(refused.contains("another") && refused.contains("state.sqlite"), "{refused}");
        drop(held);
        alone(&file, Duration::ZERO).await.unwrap();
    }
}
