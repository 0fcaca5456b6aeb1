//! The journal for a backup: what is not yet in state and history; and a journal made of it anew.
//!
//! In: the folder, of this or another process. Out: entries with their positions; and back, each in its place. Numbers of batches
//! go on where they were: one that came twice would be taken for one that was applied. Never writes to a journal that is there.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use wire::UtcMs;

use super::segment::{Segment, list};
use super::{Body, Entry, JournalError, Position, appender, batch};

/// Locks the folder, made if missing, as a server does that writes to it.
///
/// # Errors
/// [`JournalError::InUse`] while one does.
pub fn hold(directory: &Path) -> Result<File, JournalError> {
    appender::lock(directory)
}

/// Whether there is any segment.
///
/// # Errors
/// [`JournalError`].
pub fn is_empty(directory: &Path) -> Result<bool, JournalError> {
    Ok(!directory.exists() || list(directory)?.is_empty())
}

/// The number of the last committed batch; `None` where nothing ever was, or all was deleted.
pub(crate) fn last_batch(directory: &Path) -> Result<Option<u64>, JournalError> {
    if !directory.exists() {
        return Ok(None);
    }
    for segment in list(directory)?.iter().rev() {
        if let Some(last) = segment.last()? {
            return Ok(Some(last));
        }
    }
    Ok(None)
}

/// One entry, as bytes.
pub(crate) fn encode(entry: &Entry) -> Vec<u8> {
    let mut bytes = Vec::new();
    batch::encode(std::iter::once(entry), &mut bytes);
    bytes
}

/// The entry of the bytes; `None` where they are not one.
pub(crate) fn decode(bytes: &[u8]) -> Option<Entry> {
    let mut found = None;
    let walked: Result<(), batch::BatchError> = batch::decode(bytes, |_, entry| {
        found = Some(entry);
        Ok(())
    });
    walked.ok().and(found)
}

/// Makes the journal after `after` anew, in a folder that has none: batches up to `last`, each entry in its place. In the places of
/// those that are not given time goes on, and nothing else. The next one that is written comes after `last`. Durable on return.
pub(crate) fn rebuild(
    directory: &Path,
    after: Position,
    last: u64,
    entries: BTreeMap<Position, Entry>,
) -> Result<(), JournalError> {
    // What stands at or before `after` is applied; a batch that was applied in part is written whole.
    let first = entries.keys().next().map_or(after.batch + 1, |position| position.batch.min(after.batch + 1));
    let mut time = entries.values().next().map_or(UtcMs(0), |entry| entry.received_at);
    let mut segment = Segment::create(directory, first)?;
    let mut entries = entries.into_iter().peekable();
    let mut blob = Vec::new();
    segment.begin()?;
    for number in first..=last {
        let mut batch: Vec<Entry> = Vec::new();
        while let Some((position, entry)) = entries.next_if(|(position, _)| position.batch == number) {
            let before = usize::try_from(position.index).unwrap_or(usize::MAX);
            time = entry.received_at;
            batch.resize(before, Entry { received_at: time, body: Body::Tick });
            batch.push(entry);
        }
        if batch.is_empty() {
            batch.push(Entry { received_at: time, body: Body::Tick });
        }
        batch::encode(batch.iter(), &mut blob);
        segment.commit(number, &blob)?;
    }
    segment.end()
}

#[cfg(test)]
mod tests {
    use super::super::replay;
    use super::*;

    fn tick(ms: i64) -> Entry {
        Entry { received_at: UtcMs(ms), body: Body::Tick }
    }

    fn up(ms: i64) -> Entry {
        Entry { received_at: UtcMs(ms), body: Body::CloudUp }
    }

    fn replayed(directory: &Path, after: Position) -> Vec<(u64, u32, Entry)> {
        let mut all = Vec::new();
        replay(directory, after, |position: Position, entry| {
            all.push((position.batch, position.index, entry));
            Ok::<_, JournalError>(())
        })
        .unwrap();
        all
    }

    #[test]
    fn every_entry_comes_back_in_its_place_and_numbers_go_on() {
        let folder = tempfile::tempdir().unwrap();
        let at = |batch, index| Position { batch, index };
        let given = BTreeMap::from([(at(7, 2), up(20)), (at(9, 0), up(30)), (at(9, 1), up(31))]);
        rebuild(folder.path(), at(7, 1), 10, given).unwrap();
        let expect = [(7, 2, up(20)), (8, 0, tick(20)), (9, 0, up(30)), (9, 1, up(31)), (10, 0, tick(31))];
        assert_eq!(replayed(folder.path(), at(7, 1)), expect);
        assert_eq!(last_batch(folder.path()).unwrap(), Some(10));
    }

    #[test]
    fn a_journal_of_which_nothing_is_left_goes_on_where_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let after = Position { batch: 41, index: 3 };
        rebuild(folder.path(), after, 41, BTreeMap::new()).unwrap();
        assert_eq!(replayed(folder.path(), after), []);
        let (sender, commits) = std::sync::mpsc::channel();
        let journal = super::super::open(
            super::super::Config::new(folder.path()),
            move |committed: super::super::Committed<()>| sender.send(committed.batch).unwrap(),
            |error| panic!("{error}"),
        );
        let journal = journal.unwrap();
        assert!(matches!(hold(folder.path()), Err(JournalError::InUse(_))));
        journal.append(tick(1), ());
        assert_eq!(commits.recv().unwrap(), 42);
        journal.close();
        assert_eq!(replayed(folder.path(), after), [(42, 0, tick(1))]);
    }

    #[test]
    fn an_entry_comes_back_from_its_bytes_and_from_no_others() {
        let mut bytes = encode(&up(5));
        assert_eq!(decode(&bytes), Some(up(5)));
        bytes[3] ^= 1;
        assert_eq!(decode(&bytes), None);
    }
}
