//! Proof that these can fail: take `use_transaction` away, or the copying out of `m0022`.

use std::path::Path;

use sea_orm::{ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DbBackend, Statement};
use sea_orm_migration::MigratorTrait;

use super::Migrator;

/// SQLite's own limit.
const ANY: u32 = 4_294_967_294;

/// A start that finds room for so many pages.
async fn open(file: &Path, pages: u32) -> DatabaseConnection {
    let file = file.to_owned();
    let mut options = ConnectOptions::new("sqlite::memory:");
    options.max_connections(1).map_sqlx_sqlite_opts(move |sqlite| {
        let file = sqlite.in_memory(false).shared_cache(false).filename(&file).create_if_missing(true);
        file.pragma("journal_mode", "WAL").pragma("max_page_count", pages.to_string())
    });
    Database::connect(options).await.unwrap()
}

/// What stands in a column of text, row by row.
async fn texts(connection: &DatabaseConnection, sql: &str) -> Vec<String> {
    let statement = Statement::from_string(DbBackend::Sqlite, sql);
    let rows = connection.query_all_raw(statement).await.unwrap();
    rows.iter().map(|row| row.try_get_by_index(0).unwrap()).collect()
}

async fn schema(connection: &DatabaseConnection) -> Vec<String> {
    texts(connection, "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name").await
}

async fn pages(connection: &DatabaseConnection) -> u32 {
    let statement = Statement::from_string(DbBackend::Sqlite, "PRAGMA page_count");
    let row = connection.query_one_raw(statement).await.unwrap().unwrap();
    row.try_get_by_index(0).unwrap()
}

#[tokio::test]
async fn a_disk_that_is_full_half_way_leaves_the_version_before_whole() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("state.sqlite");
    let (mut refused, all) = (0, Migrator::migrations().len());
    for step in 0..all {
        let connection = open(&file, ANY).await;
        if step == 0 {
            Migrator::install(&connection).await.unwrap();
        }
        let (before, there) = (schema(&connection).await, pages(&connection).await);
        connection.close().await.unwrap();
        for spare in 0.. {
            let connection = open(&file, there + spare).await;
            let done = Migrator::up(&connection, Some(1)).await;
            connection.close().await.unwrap();
            let connection = open(&file, ANY).await;
            let (now, noted) = (schema(&connection).await, texts(&connection, NOTED).await.len());
            connection.close().await.unwrap();
            if done.is_ok() {
                assert!(noted == step + 1 && now != before, "{step}");
                break;
            }
            assert_eq!((now, noted), (before.clone(), step), "with {spare} pages");
            refused += 1;
        }
    }
    assert!(refused > all, "{refused}");
    let fresh = open(&folder.path().join("fresh.sqlite"), ANY).await;
    Migrator::up(&fresh, None).await.unwrap();
    assert_eq!(schema(&open(&file, ANY).await).await, schema(&fresh).await);
}

const NOTED: &str = "SELECT version FROM seaql_migrations";

#[tokio::test]
async fn events_are_there_as_they_were_once_they_stand_by_inverter() {
    let folder = tempfile::tempdir().unwrap();
    let connection = open(&folder.path().join("state.sqlite"), ANY).await;
    Migrator::up(&connection, Some(21)).await.unwrap();
    for number in 0..500 {
        let row = format!(
            "({}, 'raised/{number}', 'raised', NULL, {number}, {}, 0, 'd{number}')",
            number % 7,
            number + 1
        );
        connection.execute_unprepared(&format!("INSERT INTO events VALUES {row}")).await.unwrap();
    }
    let all = "SELECT inverter_id || key || kind || coalesce(condition, '-') || occurred_at || '/' || received_at || late || detail
        FROM events ORDER BY inverter_id, key";
    let before = texts(&connection, all).await;
    Migrator::up(&connection, None).await.unwrap();
    assert_eq!(before.len(), 500);
    assert_eq!(texts(&connection, all).await, before);
    let trees = texts(&connection, "SELECT name FROM sqlite_schema WHERE tbl_name = 'events'").await;
    assert_eq!(trees, ["events", "events_by_time"]);
}
