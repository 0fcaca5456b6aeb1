//! Letters that tell of power losses when they are over.
//!
//! In: time; outages whose story is not told. Out: a letter for each person and loss, of what that person may see, in one transaction with
//! word that it is told. Which belong together and when they can be told, `fleet::notice` says; who may see what is asked here and again
//! when a letter is sent. Never sends; `web::mail::power_loss` words it.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use fleet::notice::{Channel, Channels, Plan, Untold, plan_word, ripe};
use fleet::record::Outage;
use fleet::{Condition, InverterKey, Record};
use store::state::{Announcing, LossLetter, NewNote, Place, Placed, StateError, StateStore, UntoldOutage};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use web::mail::power_loss::{KIND, Lost, told};
use web::mail::{Letter, NOTICE_MS};
use wire::UtcMs;

use crate::announcer::{People, Person};
use crate::clock::{self, Clock};

/// A letter comes hours after its loss: some seconds are nothing.
const LOOK_EVERY: Duration = Duration::from_secs(30);
/// Outages that are looked at together.
const AT_ONCE: u64 = 5_000;

/// Tells of power losses.
pub struct PowerLosses {
    store: StateStore,
    /// Links lead there.
    origin: Arc<str>,
    /// Rung when a letter was queued.
    queued: Arc<Notify>,
}

/// A letter that was worded.
struct Worded {
    key: String,
    to: String,
    account: fleet::AccountKey,
    letter: Letter,
    due_at: UtcMs,
    inverters: Vec<InverterKey>,
}

/// Outages of one loss at one place.
struct Loss<'a> {
    place: Place,
    outages: Vec<(&'a Placed, &'a Outage)>,
}

impl PowerLosses {
    /// Writes to `store`.
    #[must_use]
    pub fn new(store: StateStore, origin: Arc<str>, queued: Arc<Notify>) -> Self {
        Self { store, origin, queued }
    }

    /// Looks until told to stop.
    pub async fn run(self, clock: Clock, stopping: CancellationToken) {
        loop {
            tokio::select! {
                () = stopping.cancelled() => return,
                () = clock::sleep(LOOK_EVERY) => {}
            }
            if let Err(error) = self.look(clock()).await {
                tracing::error!(%error, "people could not be told of a power loss; trying again");
            }
        }
    }

    /// Tells what can be told at `now`. How many letters.
    ///
    /// # Errors
    /// [`StateError`]: the next look goes on.
    pub async fn look(&self, now: UtcMs) -> Result<usize, StateError> {
        // Almost always there is nothing, and then nobody's write waits.
        if !self.store.outage_can_be_told(now).await? {
            return Ok(0);
        }
        let change = self.store.announcing().await?;
        let untold = change.untold_outages(AT_ONCE).await?;
        let keys: Vec<InverterKey> = untold.iter().map(|one| one.row.inverter).collect();
        let placed = change.placed(&keys).await?;
        let (losses, told) = sorted(&untold, &placed, now);
        let mut letters = Vec::new();
        for loss in &losses {
            letters.extend(self.letters(&change, loss, now).await?);
        }
        let rows: Vec<LossLetter<'_>> = letters.iter().map(|letter| letter.row(now)).collect();
        change.tell_outages(&told, &rows).await?;
        if !letters.is_empty() {
            self.queued.notify_one();
            tracing::info!(letters = letters.len(), "letters about power losses are written");
        }
        Ok(letters.len())
    }

    /// A loss to everybody who may see something of it and hears by e-mail when such alarms are over.
    async fn letters(
        &self,
        change: &Announcing,
        loss: &Loss<'_>,
        now: UtcMs,
    ) -> Result<Vec<Worded>, StateError> {
        let keys: Vec<InverterKey> = loss.outages.iter().map(|(placed, _)| placed.inverter.key).collect();
        let people = People::new(change.recipients(&keys, now).await?, now);
        let worded = people.at(keys.iter().copied()).filter_map(|person| self.letter(loss, person, now));
        Ok(worded.collect())
    }

    fn letter(&self, loss: &Loss<'_>, person: &Person, now: UtcMs) -> Option<Worded> {
        let seen: Vec<&(&Placed, &Outage)> =
            loss.outages.iter().filter(|(placed, _)| person.sees(placed.inverter.key)).collect();
        let inverters: Vec<InverterKey> = seen.iter().map(|(placed, _)| placed.inverter.key).collect();
        let site = seen.first()?.0.site.as_ref();
        let local = web::Local::new(site.map_or("UTC", |site| &site.time_zone), now);
        let preferences = person.preferences(inverters.iter().copied());
        let by = preferences.channels(Condition::UTILITY_LOST.definition().severity);
        let by_mail =
            if by.has(Channel::Email) { Channels::of(&[Channel::Email]) } else { Channels::default() };
        let minute = |at: UtcMs| local.minute_of_day(at);
        let due_at = match plan_word(&preferences, by_mail, person.verified(), now, &minute) {
            Plan::Now(_) => now,
            Plan::Held { until, .. } => until,
            Plan::Not => return None,
        };
        let lost: Vec<Lost<'_>> = seen.iter().map(|(placed, outage)| of(placed, outage)).collect();
        let account = &person.told.account;
        match told(&self.origin, site.map(|site| site.name.as_str()), &lost, &local) {
            Ok(letter) => Some(Worded {
                key: loss.key(account.key),
                to: account.email.as_str().to_owned(),
                account: account.key,
                letter,
                due_at,
                inverters,
            }),
            Err(error) => {
                tracing::error!(%error, account = account.key.0, "a letter about a power loss was not worded");
                None
            }
        }
    }
}

/// The losses of which all can be told, and the names of their outages. What is of an inverter that was given up is told to nobody.
fn sorted<'a>(
    untold: &'a [UntoldOutage],
    placed: &'a HashMap<InverterKey, Placed>,
    now: UtcMs,
) -> (Vec<Loss<'a>>, Vec<(InverterKey, String)>) {
    let (mut known, mut told) = (Vec::new(), Vec::new());
    for one in untold {
        match (&one.row.record, placed.get(&one.row.inverter)) {
            (Record::Outage(outage), Some(placed)) => known.push((one, placed, outage)),
            _ => told.push((one.row.inverter, one.row.record.key())),
        }
    }
    let due: Vec<Untold<Place>> = known
        .iter()
        .map(|(one, placed, outage)| Untold {
            place: placed
                .site
                .as_ref()
                .map_or(Place::Inverter(one.row.inverter), |site| Place::Site(site.key)),
            started: outage.started,
            ended: one.row.record.ended(),
            tell_at: one.tell_at,
        })
        .collect();
    let mut losses: BTreeMap<(Place, UtcMs), Loss<'a>> = BTreeMap::new();
    for numbers in ripe(&due, now) {
        let members = numbers.iter().filter_map(|number| Some((due.get(*number)?, known.get(*number)?)));
        for (about, (one, placed, outage)) in members {
            told.push((one.row.inverter, one.row.record.key()));
            let first = numbers
                .first()
                .and_then(|first| due.get(*first))
                .map_or(about.started, |first| first.started);
            let loss = losses.entry((about.place, first));
            let loss = loss.or_insert_with(|| Loss { place: about.place, outages: Vec::new() });
            loss.outages.push((*placed, *outage));
        }
    }
    (losses.into_values().collect(), told)
}

impl Loss<'_> {
    /// Names the letter of an account for all time.
    fn key(&self, account: fleet::AccountKey) -> String {
        let place = match self.place {
            Place::Site(key) => format!("site{}", key.0),
            Place::Inverter(key) => format!("inverter{}", key.0),
        };
        let first = self.outages.iter().map(|(_, outage)| outage.started.0).min().unwrap_or_default();
        format!("{KIND}/{place}/{first}/{}", account.0)
    }
}

fn of<'a>(placed: &'a Placed, outage: &'a Outage) -> Lost<'a> {
    let inverter = &placed.inverter;
    let name = if inverter.name.is_empty() { inverter.serial.as_str() } else { &inverter.name };
    Lost { name, public_id: &inverter.public_id, outage }
}

impl Worded {
    fn row(&self, now: UtcMs) -> LossLetter<'_> {
        let Letter { kind, subject, text, html } = &self.letter;
        let note = NewNote {
            key: &self.key,
            channel: Channel::Email,
            account: self.account,
            to: &self.to,
            kind,
            subject,
            text,
            html,
            queued_at: now,
            expires_at: self.due_at.plus_ms(NOTICE_MS),
        };
        LossLetter { note, due_at: self.due_at, inverters: &self.inverters }
    }
}
