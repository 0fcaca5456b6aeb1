//! The rows of the state store, each into its section.
//!
//! In: the store, in a transaction. Out: what its tables are like, and their rows. A row that says something of several days comes in
//! the section of each, without what is older; whoever restores takes the first that opens.

use rusqlite::Connection;
use rusqlite::types::Value;
use wire::UtcMs;
use wire::time::DAY_MS;

use super::error::failed;
use super::rows::SCHEMA;
use super::sections::Sections;
use super::tables::{Cut, Section, section};
use super::{BackupError, Folders};

/// Writes all of it.
pub(super) fn dump(
    state: &Connection,
    folders: Folders<'_>,
    to: &mut Sections<'_>,
) -> Result<(), BackupError> {
    let failed = failed("read", folders.state);
    let schema = "SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY rowid";
    let mut tables: Vec<String> = Vec::new();
    each(state, schema, None, |values| {
        if let [Value::Text(kind), Value::Text(name), _] = values.as_slice()
            && kind == "table"
        {
            tables.push(name.clone());
        }
        to.people(SCHEMA, &values)
    })
    .map_err(Failed::or(&failed))?;
    for table in &tables {
        match section(table).ok_or_else(|| BackupError::Table(table.clone()))? {
            Section::LeftOut => {}
            Section::People => {
                let all = format!("SELECT * FROM \"{table}\"");
                each(state, &all, None, |values| to.people(table, &values)).map_err(Failed::or(&failed))?;
            }
            Section::Days(cuts) => {
                for cut in cuts {
                    days(state, table, cut, to).map_err(Failed::or(&failed))?;
                }
            }
        }
    }
    Ok(())
}

fn days(state: &Connection, table: &str, cut: &Cut, to: &mut Sections<'_>) -> Result<(), Failed> {
    let query = state.prepare(&format!("SELECT * FROM \"{table}\" LIMIT 0"))?;
    let columns: Vec<String> = query.column_names().iter().map(|name| (*name).to_owned()).collect();
    let column = |name: &String| match cut.with {
        Some((other, value)) if other == name => value.to_owned(),
        _ => format!("\"{name}\""),
    };
    let list: Vec<String> = columns.iter().map(column).collect();
    let (list, from, only) = (list.join(", "), cut.from, cut.only);
    let rows = format!("SELECT {list}, {from} FROM \"{table}\" WHERE {only} AND ?1 IS NOT NULL");
    let at = cut.forgets.and_then(|(name, forget)| Some((columns.iter().position(|c| c == name)?, forget)));
    let now = to.now;
    each(state, &rows, Some(now.0), |mut values| {
        let from = match values.pop() {
            Some(Value::Integer(ms)) => UtcMs(ms),
            _ => now,
        };
        match at {
            None => to.from(from, table, &values),
            Some((at, forget)) => {
                let mut forget = |bytes: &Value, before: UtcMs| match bytes {
                    Value::Blob(bytes) => forget(bytes, before),
                    _ => Err("it has no bytes".to_owned()),
                };
                forgetting(from, table, (values, at), &mut forget, to)
            }
        }
    })
}

/// The row as it is under the oldest day that it says something of; without that under the next; and so on, up to today.
fn forgetting(
    from: UtcMs,
    table: &str,
    (mut values, at): (Vec<Value>, usize),
    forget: &mut impl FnMut(&Value, UtcMs) -> Result<Option<Vec<u8>>, String>,
    to: &mut Sections<'_>,
) -> Result<(), BackupError> {
    let today = to.now.day();
    let mut without = |values: &[Value], day: i64| {
        let bytes = values.get(at).map_or(Ok(None), |value| forget(value, UtcMs(day.saturating_mul(DAY_MS))));
        bytes.map_err(|why| BackupError::Row { table: "snapshots or incidents", why })
    };
    let put = |values: &mut Vec<Value>, bytes: Vec<u8>| {
        if let Some(value) = values.get_mut(at) {
            *value = Value::Blob(bytes);
        }
    };
    // As nearly all are: nothing in it is older than today.
    let first = if without(&values, today)?.is_some() { from.day().max(to.first) } else { today };
    if let Some(bytes) = without(&values, first)? {
        put(&mut values, bytes);
    }
    for day in first..today {
        if let Some(bytes) = without(&values, day + 1)? {
            to.day(day, table, &values)?;
            put(&mut values, bytes);
        }
    }
    to.day(today, table, &values)
}

/// Calls `row` with each row of a query.
fn each(
    state: &Connection,
    query: &str,
    parameter: Option<i64>,
    mut row: impl FnMut(Vec<Value>) -> Result<(), BackupError>,
) -> Result<(), Failed> {
    let mut query = state.prepare(query)?;
    let columns = query.column_count();
    let mut rows = query.query(rusqlite::params_from_iter(parameter))?;
    while let Some(found) = rows.next()? {
        let values = (0..columns).map(|column| found.get(column)).collect::<Result<Vec<Value>, _>>()?;
        row(values)?;
    }
    Ok(())
}

/// Why a walk ended.
enum Failed {
    Sqlite(rusqlite::Error),
    Backup(BackupError),
}

impl Failed {
    fn or(failed: impl Fn(rusqlite::Error) -> BackupError) -> impl Fn(Self) -> BackupError {
        move |ended| match ended {
            Self::Sqlite(error) => failed(error),
            Self::Backup(error) => error,
        }
    }
}

impl From<rusqlite::Error> for Failed {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<BackupError> for Failed {
    fn from(error: BackupError) -> Self {
        Self::Backup(error)
    }
}
