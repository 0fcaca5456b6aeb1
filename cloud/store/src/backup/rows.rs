//! Rows as bytes: of which table, and its values.
//!
//! In: rows of any table. Out: bytes; and back, `None` where they make no sense. Rows of the state store go under their table's name;
//! those of the other stores, and what the state store's tables are like, under names that no table has.

use rusqlite::types::Value;

use crate::bytes::{Reader, write_prefixed, write_signed, write_unsigned};

/// Names that no table has.
pub(super) const SCHEMA: &str = ":schema";
pub(super) const OPEN: &str = ":open";
pub(super) const CHUNK: &str = ":chunk";
pub(super) const ENTRY: &str = ":entry";

/// A row.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Row {
    pub(super) table: String,
    pub(super) values: Vec<Value>,
}

const NULL: u8 = 0;
const INTEGER: u8 = 1;
const REAL: u8 = 2;
const TEXT: u8 = 3;
const BLOB: u8 = 4;

pub(super) fn encode(table: &str, values: &[Value]) -> Vec<u8> {
    let mut out = Vec::new();
    write_prefixed(&mut out, table.as_bytes());
    write_unsigned(&mut out, values.len() as u64);
    for value in values {
        match value {
            Value::Null => out.push(NULL),
            Value::Integer(number) => {
                out.push(INTEGER);
                write_signed(&mut out, *number);
            }
            Value::Real(number) => {
                out.push(REAL);
                out.extend_from_slice(&number.to_bits().to_le_bytes());
            }
            Value::Text(text) => {
                out.push(TEXT);
                write_prefixed(&mut out, text.as_bytes());
            }
            Value::Blob(bytes) => {
                out.push(BLOB);
                write_prefixed(&mut out, bytes);
            }
        }
    }
    out
}

pub(super) fn decode(bytes: &[u8]) -> Option<Row> {
    let mut reader = Reader::new(bytes);
    let table = String::from_utf8(reader.prefixed()?.to_vec()).ok()?;
    let count = reader.size()?;
    let values = (0..count).map(|_| value(&mut reader)).collect::<Option<_>>()?;
    reader.is_empty().then_some(Row { table, values })
}

fn value(reader: &mut Reader<'_>) -> Option<Value> {
    Some(match reader.byte()? {
        NULL => Value::Null,
        INTEGER => Value::Integer(reader.signed()?),
        REAL => Value::Real(f64::from_bits(u64::from_le_bytes(reader.take(8)?.try_into().ok()?))),
        TEXT => Value::Text(String::from_utf8(reader.prefixed()?.to_vec()).ok()?),
        BLOB => Value::Blob(reader.prefixed()?.to_vec()),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_every_kind_come_back_and_cut_ones_do_not() {
        let values = vec![
            Value::Null,
            Value::Integer(i64::MIN),
            Value::Real(-0.5),
            Value::Text("ä".into()),
            Value::Blob(vec![0, 255]),
        ];
        let bytes = encode("events", &values);
        assert_eq!(decode(&bytes), Some(Row { table: "events".into(), values }));
        for cut in 0..bytes.len() {
            assert_eq!(decode(&bytes[..cut]), None, "{cut}");
        }
        assert_eq!(decode(&[bytes, vec![0]].concat()), None);
    }
}
