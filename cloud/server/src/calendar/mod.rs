//! The calendar: letters that come at their time, so that silence is evidence.
//!
//! In: time; whose letter is due, a few at a time; what is kept and what pages show. Out: letters in the outbox, each in one
//! transaction with the word of when the next is due, so that a kill or a second process writes none twice. One that was
//! due while the service was away is written once, when it is back and has had time to hear the inverters. Who may see what
//! is asked when a letter is written and again when it is sent. Never sends; `web::mail::calendar` words it.

mod back;
mod daily;
mod monthly;
mod reader;
mod sending;
mod weekly;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use fleet::notice::Periodical;
use fleet::{AccountKey, InverterKey};
use store::state::{LetterDue, LetterLook, NewLetter, NewNote, StateError, StateStore, VisibleInverter};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use web::Live;
use web::mail::calendar::Watched;
use web::mail::{Letter, NOTICE_MS};
use wire::UtcMs;

use crate::clock::{self, Clock};
use crate::live::LiveStates;
use crate::pipeline::Counters;
use reader::Reader;

pub use back::Back;
pub use sending::{may_go, may_still_go};

/// A letter is at most this much later than it is due.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Accounts that are entered in one statement.
const ENTERED_AT_ONCE: u64 = 1_000;
/// Letters of one transaction: nobody's write waits for more.
const AT_ONCE: u64 = 20;
/// Letters that may wait to be sent. With these before it, a message about an alarm is not held up by a Monday morning of
/// a hundred thousand accounts.
const MOST_WAITING: u64 = 20;

/// Writes letters that come by the calendar.
pub struct Calendar {
    store: StateStore,
    sees: Sees,
    /// Links lead there.
    origin: Arc<str>,
    /// Rung when a letter was queued.
    queued: Arc<Notify>,
    /// The last account that was entered.
    entered: AtomicI64,
}

/// What is known of the inverters now.
pub struct Sees {
    /// As pages show it.
    pub live: Arc<LiveStates>,
    /// Whether that is all that was known before the start.
    pub pipeline: Arc<Counters>,
    /// Since when the service watches again.
    pub back: Back,
}

/// A letter that was made, or that there is none.
struct Made {
    row: LetterDue,
    told_at: UtcMs,
    due_at: Option<UtcMs>,
    letter: Option<Worded>,
}

struct Worded {
    key: String,
    to: String,
    letter: Letter,
    inverters: Vec<InverterKey>,
}

impl Calendar {
    /// Writes to `store` what `sees` shows.
    #[must_use]
    pub fn new(store: StateStore, sees: Sees, origin: Arc<str>, queued: Arc<Notify>) -> Self {
        Self { store, sees, origin, queued, entered: AtomicI64::new(0) }
    }

    /// Writes what is due at `now`.
    ///
    /// # Errors
    /// [`StateError`]: the next call goes on.
    pub async fn look(&self, now: UtcMs) -> Result<(), StateError> {
        self.enter(now).await?;
        // Before the journal is replayed, and before gateways had time to come back, nothing is known well enough.
        if self.sees.pipeline.following.load(Ordering::Relaxed) == 0 || now < self.sees.back.heard_from {
            return Ok(());
        }
        while self.store.letters_waiting(now).await? < MOST_WAITING {
            let due = self.store.due_in_calendar(now, AT_ONCE).await?;
            if due.is_empty() {
                return Ok(());
            }
            let mut made = Vec::with_capacity(due.len());
            for row in due {
                made.push(self.make(row, now).await?);
            }
            let queued = self.write(&made, now).await?;
            if queued > 0 {
                self.queued.notify_one();
                tracing::info!(letters = queued, "letters of the calendar are written");
            }
        }
        Ok(())
    }

    /// Looks until told to stop.
    pub async fn run(self: Arc<Self>, clock: Clock, stopping: CancellationToken) {
        let mut failing = false;
        loop {
            tokio::select! {
                () = stopping.cancelled() => return,
                () = clock::sleep(LOOK_EVERY) => {}
            }
            let looked = self.look(clock()).await;
            if let Err(error) = &looked
                && !failing
            {
                tracing::error!(%error, "letters of the calendar could not be written; trying again");
            }
            failing = looked.is_err();
        }
    }

    /// Accounts that came since the last look are looked at from now on.
    async fn enter(&self, now: UtcMs) -> Result<(), StateError> {
        loop {
            let last = AccountKey(self.entered.load(Ordering::Relaxed));
            let newest = self.store.enter_in_calendar(last, now, ENTERED_AT_ONCE).await?;
            if newest == last {
                return Ok(());
            }
            self.entered.store(newest.0, Ordering::Relaxed);
        }
    }

    async fn make(&self, row: LetterDue, now: UtcMs) -> Result<Made, StateError> {
        match self.try_make(row, now).await {
            // Rows that this program does not understand keep one reader's letter back, not everybody's.
            Err(error) if !matches!(error, StateError::Database { .. }) => {
                tracing::error!(%error, account = row.account.0, "a letter of the calendar was not written");
                let due_at = row.letter.due(now, None, &|at| at.0.div_euclid(60_000));
                Ok(Made { row, told_at: now, due_at: Some(due_at), letter: None })
            }
            made => made,
        }
    }

    async fn try_make(&self, row: LetterDue, now: UtcMs) -> Result<Made, StateError> {
        let Some(reader) = Reader::find(&self.store, row.account, now).await? else {
            return Ok(Made { row, told_at: row.told_at, due_at: None, letter: None });
        };
        if !reader.preferences.wants(row.letter) {
            return Ok(Made { row, told_at: row.told_at, due_at: None, letter: None });
        }
        let due = reader.due(row.letter, row.told_at);
        if due > now {
            // The reader's first site came, or went, or another zone: the time is another.
            return Ok(Made { row, told_at: row.told_at, due_at: Some(due), letter: None });
        }
        let letter = match row.letter {
            _ if reader.account.disabled || reader.inverters.is_empty() => None,
            Periodical::Weekly => weekly::letter(self, &reader, now).await?,
            Periodical::Daily => daily::letter(self, &reader, row.told_at, now).await?,
            Periodical::Monthly => monthly::letter(self, &reader, now).await?,
        };
        let key = format!("calendar/{}/{}/{}", row.letter.name(), row.account.0, now.0);
        let letter = letter.map(|letter| Worded {
            key,
            to: reader.account.email.as_str().to_owned(),
            letter,
            inverters: reader.keys(),
        });
        Ok(Made { row, told_at: now, due_at: Some(reader.due(row.letter, now)), letter })
    }

    /// What a reader may see, with what is known of it.
    fn watched(&self, reader: &Reader) -> Vec<Watched> {
        let known = |row: &VisibleInverter| Watched {
            row: row.clone(),
            state: self.sees.live.state(row.inverter.key),
        };
        reader.inverters.iter().map(known).collect()
    }

    async fn write(&self, made: &[Made], now: UtcMs) -> Result<usize, StateError> {
        let looks: Vec<LetterLook<'_>> = made.iter().map(|made| made.look(now)).collect();
        self.store.write_letters(&looks).await
    }
}

impl Made {
    fn look(&self, now: UtcMs) -> LetterLook<'_> {
        let Self { row, told_at, due_at, letter } = self;
        let letter = letter.as_ref().map(|worded| worded.new_letter(row.account, now));
        LetterLook { row: *row, told_at: *told_at, due_at: *due_at, letter }
    }
}

impl Worded {
    fn new_letter(&self, account: AccountKey, now: UtcMs) -> NewLetter<'_> {
        let Letter { subject, text, html, .. } = &self.letter;
        let note = NewNote {
            key: &self.key,
            channel: fleet::notice::Channel::Email,
            account,
            to: &self.to,
            kind: self.letter.kind,
            subject,
            text,
            html,
            queued_at: now,
            expires_at: now.plus_ms(NOTICE_MS),
        };
        NewLetter { note, inverters: &self.inverters }
    }
}
