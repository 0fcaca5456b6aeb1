//! Reading the journal back, and dropping what is no longer needed.
//!
//! In: a folder and a position. Out: every entry after it, in order, one batch in memory at a time. Safe beside a
//! running server and in another process. Never writes an entry; a hole or a damaged batch is an error, not a skip.

use std::path::Path;

use super::segment::{Listed, list};
use super::{Entry, JournalError, Position, batch};

/// Calls `each` with every entry after `after`, oldest first. [`Position::START`] begins with the oldest there is;
/// any other position must still be followed without a hole. A folder that does not exist has no entries.
///
/// # Errors
/// [`JournalError`], turned into the caller's error; what `each` returns ends the walk.
pub fn replay<E: From<JournalError>>(
    directory: &Path,
    after: Position,
    mut each: impl FnMut(Position, Entry) -> Result<(), E>,
) -> Result<(), E> {
    if !directory.exists() {
        return Ok(());
    }
    let segments = list(directory)?;
    let mut expected = (after != Position::START).then(|| after.batch.saturating_add(1));
    for (at, segment) in segments.iter().enumerate() {
        let over = segments.get(at + 1).is_some_and(|next| next.first <= after.batch);
        if !over {
            replay_segment(segment, after, &mut expected, &mut each)?;
        }
    }
    Ok(())
}

fn replay_segment<E: From<JournalError>>(
    segment: &Listed,
    after: Position,
    expected: &mut Option<u64>,
    each: &mut impl FnMut(Position, Entry) -> Result<(), E>,
) -> Result<(), E> {
    let failed = |source| JournalError::Sqlite { doing: "read", path: segment.path.clone(), source };
    if segment.last()?.is_none() {
        return Ok(());
    }
    let connection = segment.open()?;
    let mut query = connection
        .prepare("SELECT batch, entries FROM batches WHERE batch >= ?1 ORDER BY batch")
        .map_err(failed)?;
    let mut rows = query.query([after.batch.cast_signed()]).map_err(failed)?;
    while let Some(row) = rows.next().map_err(failed)? {
        let number = row.get::<_, i64>(0).map_err(failed)?.cast_unsigned();
        let blob = row.get_ref(1).and_then(|value| Ok(value.as_blob()?)).map_err(failed)?;
        if number > after.batch {
            let next = expected.unwrap_or(number);
            if number != next {
                return Err(JournalError::Missing {
                    path: segment.path.clone(),
                    expected: next,
                    found: number,
                }
                .into());
            }
            *expected = Some(number.saturating_add(1));
        }
        let damaged = |source| JournalError::Damaged { batch: number, path: segment.path.clone(), source };
        batch::decode(blob, |index, entry| {
            let position = Position { batch: number, index };
            if position > after { each(position, entry).map_err(Walk::Caller) } else { Ok(()) }
        })
        .map_err(|ended| match ended {
            Walk::Caller(error) => error,
            Walk::Batch(source) => damaged(source).into(),
        })?;
    }
    Ok(())
}

/// Why a walk over a batch ended.
enum Walk<E> {
    Caller(E),
    Batch(batch::BatchError),
}

impl<E> From<batch::BatchError> for Walk<E> {
    fn from(error: batch::BatchError) -> Self {
        Self::Batch(error)
    }
}

/// Deletes every segment whose entries all stand at or before `through`; the newest always stays. Returns how many.
///
/// # Errors
/// [`JournalError::Io`] where a file cannot be removed.
pub fn delete_through(directory: &Path, through: Position) -> Result<usize, JournalError> {
    let segments = list(directory)?;
    let mut deleted = 0;
    for (segment, next) in segments.iter().zip(segments.iter().skip(1)) {
        if next.first > through.batch {
            break;
        }
        segment.delete()?;
        deleted += 1;
    }
    Ok(deleted)
}
