//! Logbooks: entered once, corrected by new entries, kept for the chosen years, gone at once where they are given up.

use fleet::audit::Verb;
use fleet::logbook::{
    Checkpoint, Closing, Entry, Inverter, Note, Opening, Signer, Verdict, Verifier, What, seal,
};
use fleet::record::Outage;
use fleet::self_test::NFPA_101;
use fleet::{Grant, Holder, InverterKey, MemberRole, Membership, OrganizationKey, Record, Role};
use store::state::{
    Act, By, Draft, Email, NewAccount, NewInverter, NewOrganization, RecordRow, StateError, StateStore,
};
use wire::time::DAY_MS;
use wire::{Serial, UtcMs};

const NOW: UtcMs = UtcMs(1_800_000_000_000);
const BOOK: &str = "00112233445566778899aabbccddeeff";
const ALL: UtcMs = UtcMs(i64::MAX);

struct House {
    folder: tempfile::TempDir,
    store: StateStore,
    club: OrganizationKey,
    other: OrganizationKey,
    /// Managed by the club.
    hall: InverterKey,
}

fn act(verb: Verb) -> Act {
    Act::new(verb, By::CommandLine, NOW, [7; 32])
}

fn signer() -> Signer {
    Signer::from_seed(&[5; 32]).unwrap()
}

fn outage(inverter: InverterKey, started: UtcMs, recharged: Option<UtcMs>) -> RecordRow {
    let outage = Outage {
        started,
        length_s: 60.0,
        gave_up: false,
        lowest_v: Some(118.25),
        load: None,
        predicted: None,
        recharged,
        contact_lost: false,
        end_unseen: false,
    };
    RecordRow { inverter, record: Record::Outage(outage), told_at: started.plus_ms(60_000) }
}

impl House {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = StateStore::open(&folder.path().join("state.sqlite")).await.unwrap();
        let club = organization(&store, "CLUB").await;
        let other = organization(&store, "OTHER").await;
        let hall = inverter(&store, "2311-0001").await;
        let house = Self { folder, store, club, other, hall };
        house.grant(club, hall, Role::ReadWrite).await;
        house
    }

    async fn grant(&self, organization: OrganizationKey, inverter: InverterKey, role: Role) {
        let grant = Grant { holder: organization.into(), inverter, role, ends: None };
        self.store.set_grant(grant, &act(Verb::ShareGrant)).await.unwrap();
    }

    async fn begin(&self) {
        self.store.begin_logbook(self.club, BOOK, 5, &act(Verb::LogbookBegin)).await.unwrap();
    }

    async fn told(&self, rows: &[RecordRow]) {
        self.store.commit_records(rows).await.unwrap();
    }

    /// Enters all that waits, as the server does.
    async fn enter(&self, now: UtcMs) -> u64 {
        let mut written = 0;
        for waiting in self.store.logbook_waiting(100).await.unwrap() {
            let what = match waiting.note {
                Some((text, by)) => {
                    What::Note(Note { about: waiting.record_key.clone(), text, by: by.0.to_string() })
                }
                None => {
                    let row =
                        self.store.record(waiting.inverter, &waiting.record_key).await.unwrap().unwrap();
                    What::of(&row.record, &NFPA_101, 90)
                }
            };
            let named = Inverter { serial: "2311-0001".to_owned(), name: "Hall".to_owned(), site: None };
            let (id, inverter, record_key) = (waiting.id, waiting.inverter, waiting.record_key);
            let draft = Draft { id, inverter, named, record_key, what };
            written += self.store.enter(waiting.book, vec![draft], now, &signer()).await.unwrap();
        }
        written
    }

    /// The club's file, as it is exported.
    async fn file(&self) -> Vec<String> {
        let (signer, book) = (signer(), self.store.logbook(self.club).await.unwrap().unwrap());
        let (name, last, hash) = (book.place.book.clone(), book.place.last, book.place.hash);
        let opening = Opening {
            book: name.clone(),
            organization: "Club".to_owned(),
            begun_at: book.begun_at,
            years: book.years,
            made_at: NOW,
        };
        let mut lines = vec![seal(&opening, &signer).unwrap()];
        lines.extend(book.checkpoint.clone());
        let entries = self.store.logbook_entries(book.key, book.gone, last, 1_000).await.unwrap();
        lines.extend(entries.into_iter().map(|row| row.line));
        lines.push(seal(&Closing { book: name, last, hash, made_at: NOW }, &signer).unwrap());
        lines
    }

    async fn verdict(&self) -> Verdict {
        let mut verifier = Verifier::new(vec![signer().public().fingerprint()]);
        self.file().await.iter().for_each(|line| verifier.line(line.as_bytes()));
        verifier.finish()
    }

    async fn entries(&self) -> Vec<Entry> {
        self.file().await.iter().filter_map(|line| Entry::unchecked(line)).collect()
    }

    async fn kept(&self, organizations: &[OrganizationKey]) -> Vec<UtcMs> {
        let rows =
            self.store.kept_records(organizations, &[self.hall], UtcMs(0), ALL, 100).await.unwrap().rows;
        rows.into_iter().map(|row| row.record.started()).collect()
    }
}

async fn organization(store: &StateStore, code: &str) -> OrganizationKey {
    let new = NewOrganization { public_id: code, name: code, owner: None };
    store.create_organization(new, act(Verb::OrganizationAdd)).await.unwrap()
}

async fn inverter(store: &StateStore, serial: &str) -> InverterKey {
    let new = NewInverter {
        public_id: serial,
        serial: Serial::parse(serial).unwrap(),
        name: "",
        model: "",
        site: None,
        required_minutes: None,
        registered_at: NOW,
    };
    store.register_inverter(new, &act(Verb::DeviceRegister)).await.unwrap()
}

#[tokio::test]
async fn nothing_is_entered_of_who_did_not_ask_for_it() {
    let house = House::new().await;
    house.told(&[outage(house.hall, NOW, None)]).await;
    assert_eq!(house.store.logbook_waiting(9).await.unwrap(), []);
    assert_eq!(house.store.logbook(house.club).await.unwrap(), None);
    assert_eq!(house.store.logbook_grants().await.unwrap(), []);
    house.store.begin_logbook(house.other, BOOK, 5, &act(Verb::LogbookBegin)).await.unwrap();
    let foreign = inverter(&house.store, "2311-0002").await;
    house.grant(house.other, foreign, Role::ReadOnly).await;
    house.told(&[outage(house.hall, NOW.plus_ms(1), None), outage(foreign, NOW, None)]).await;
    assert_eq!(house.store.logbook_waiting(9).await.unwrap(), [], "of what it manages alone");
}

#[tokio::test]
async fn a_record_is_entered_once_and_what_is_known_later_is_an_entry_that_names_the_first() {
    let house = House::new().await;
    house.told(&[outage(house.hall, NOW.plus_ms(-DAY_MS), None)]).await;
    house.begin().await;
    assert_eq!(house.enter(NOW).await, 1, "what was still there when it was begun");
    let managed: Vec<_> =
        house.store.logbook_grants().await.unwrap().into_iter().map(|grant| grant.inverter).collect();
    assert_eq!(managed, [house.hall]);
    let first = outage(house.hall, NOW, None);
    house.told(std::slice::from_ref(&first)).await;
    // Killed before it was entered, or replayed after: it waits, and is the same.
    house.told(std::slice::from_ref(&first)).await;
    assert_eq!(house.store.logbook_waiting(9).await.unwrap().len(), 1);
    assert_eq!(house.enter(NOW).await, 1);
    house.told(std::slice::from_ref(&first)).await;
    assert_eq!(house.enter(NOW).await, 0, "a replay adds nothing");
    assert_eq!(house.store.logbook_waiting(9).await.unwrap(), []);
    house.told(&[outage(house.hall, NOW, Some(NOW.plus_ms(9)))]).await;
    assert_eq!(house.enter(NOW).await, 1);
    let said: Vec<_> =
        house.entries().await.into_iter().map(|entry| (entry.number, entry.corrects)).collect();
    assert_eq!(said, [(1, None), (2, None), (3, Some(2))]);
    let verdict = house.verdict().await;
    assert!(verdict.holds(), "{:?}", verdict.findings);
    let rows = house.store.kept_records(&[house.club], &[house.hall], NOW, ALL, 9).await.unwrap().rows;
    assert_eq!(rows.len(), 1, "calendars see the newest word once");
    let note = ("New batteries", fleet::AccountKey(7));
    house.store.note_for_logbooks(house.hall, &first.record.key(), note, NOW).await.unwrap();
    assert_eq!(house.enter(NOW).await, 1);
    let noted = house.entries().await.pop().unwrap();
    let What::Note(said) = noted.what else { panic!("{noted:?}") };
    assert_eq!((noted.corrects, said.about, said.by), (Some(3), first.record.key(), "7".to_owned()));
    let again = house.store.kept_records(&[house.club], &[house.hall], NOW, ALL, 9).await.unwrap().rows;
    assert_eq!(again, rows, "a note is no record");
    let taken = house.store.begin_logbook(house.club, "another", 5, &act(Verb::LogbookBegin)).await;
    assert!(matches!(taken, Err(StateError::Taken { .. })), "{taken:?}");
}

#[tokio::test]
async fn records_of_a_logbook_outlive_thirty_days_and_others_do_not() {
    let house = House::new().await;
    house.begin().await;
    let old = outage(house.hall, NOW.plus_ms(-40 * DAY_MS), Some(NOW.plus_ms(-39 * DAY_MS)));
    house.told(&[old.clone(), outage(house.hall, NOW, None)]).await;
    house.enter(NOW).await;
    house.store.sweep(NOW).await.unwrap();
    assert_eq!(house.store.records(&[house.hall], UtcMs(0), ALL, 9).await.unwrap().len(), 1);
    assert_eq!(house.kept(&[house.club]).await, [old.record.started(), NOW]);
    assert_eq!(house.kept(&[]).await, [NOW], "who is in no organization sees the last thirty days");
    let rows = house.store.kept_records(&[house.club], &[house.hall], UtcMs(0), NOW, 9).await.unwrap().rows;
    assert_eq!(rows.first().map(|row| &row.record), Some(&old.record), "to the last field");
}

#[tokio::test]
async fn what_an_organization_entered_stays_with_it_when_the_inverter_goes_to_another() {
    let house = House::new().await;
    house.begin().await;
    house.told(&[outage(house.hall, NOW.plus_ms(-40 * DAY_MS), None)]).await;
    house.enter(NOW).await;
    house.grant(house.other, house.hall, Role::ReadWrite).await;
    let revoked = act(Verb::ShareRevoke);
    let gone = house.store.remove_grant(Holder::Organization(house.club), house.hall, &revoked);
    assert!(gone.await.unwrap());
    house.told(&[outage(house.hall, NOW, None)]).await;
    assert_eq!(house.enter(NOW).await, 0, "it is another's now");
    house.store.sweep(NOW).await.unwrap();
    assert_eq!(house.kept(&[house.other]).await, [NOW]);
    assert_eq!(house.kept(&[house.club]).await.len(), 2);
    assert_eq!(house.entries().await.len(), 1);
}

#[tokio::test]
async fn what_is_older_than_was_chosen_goes_and_the_rest_still_holds() {
    let house = House::new().await;
    house.begin().await;
    for day in 0..5 {
        let at = NOW.plus_ms(day * DAY_MS);
        house.told(&[outage(house.hall, at, None)]).await;
        house.enter(at).await;
    }
    let book = house.store.logbook(house.club).await.unwrap().unwrap();
    let before = NOW.plus_ms(2 * DAY_MS);
    let last = house.store.last_entry_before(book.key, before).await.unwrap().unwrap();
    assert_eq!(last.number, 2);
    let hash = fleet::logbook::Hash::of(last.line.as_bytes());
    let gone = Checkpoint { book: BOOK.to_owned(), last: 2, hash, before, gone_at: NOW };
    let line = seal(&gone, &signer()).unwrap();
    assert_eq!(house.store.drop_entries(book.key, 2, &line).await.unwrap(), 2);
    let verdict = house.verdict().await;
    assert!(verdict.holds(), "{:?}", verdict.findings);
    assert_eq!((verdict.entries, verdict.range), (3, Some((3, 5))));
    assert_eq!(verdict.checkpoint, Some(gone));
}

#[tokio::test]
async fn an_entry_is_never_changed_and_all_of_them_go_where_it_is_given_up() {
    let house = House::new().await;
    house.begin().await;
    house.told(&[outage(house.hall, NOW, None)]).await;
    house.enter(NOW).await;
    let file = house.folder.path().join("state.sqlite");
    let line = house.file().await.remove(1);
    let signature = line.as_bytes().get(line.len() - 130..line.len() - 2).unwrap().to_vec();
    let found = |folder: &std::path::Path| {
        let mut files =
            std::fs::read_dir(folder).unwrap().map(|entry| std::fs::read(entry.unwrap().path()).unwrap());
        files.any(|bytes| bytes.windows(signature.len()).any(|window| window == signature))
    };
    let raw = changed_behind_its_back(&file);
    assert!(raw.contains("never changed"), "{raw}");
    assert!(found(house.folder.path()));
    house.store.end_logbook(house.club, &act(Verb::LogbookEnd)).await.unwrap();
    house.store.sweep(NOW).await.unwrap();
    assert!(!found(house.folder.path()), "not a byte of the signature is left in the database or its WAL");
    assert_eq!(house.kept(&[house.club]).await, [NOW], "the last thirty days are as before");
    let none = house.store.end_logbook(house.club, &act(Verb::LogbookEnd)).await;
    assert!(matches!(none, Err(StateError::NotFound { .. })));
    house.begin().await;
    house.enter(NOW).await;
    let refused = house.store.delete_organization(house.club, &act(Verb::OrganizationDelete)).await;
    assert!(matches!(refused, Err(StateError::KeepsLogbook)), "years of records go by a word of their own");
    house.store.end_logbook(house.club, &act(Verb::LogbookEnd)).await.unwrap();
    house.store.delete_organization(house.club, &act(Verb::OrganizationDelete)).await.unwrap();
    assert_eq!(house.store.logbooks().await.unwrap(), []);
}

/// Entries of one inverter, written in one go, of so many outages.
async fn filled(house: &House, count: i64) {
    let rows: Vec<_> = (0..count).map(|at| outage(house.hall, NOW.plus_ms(at * 1_000), None)).collect();
    house.told(&rows).await;
    let waiting = house.store.logbook_waiting(10_000).await.unwrap();
    let book = waiting.first().unwrap().book;
    let draft = |(waiting, row): (store::state::Waiting, &RecordRow)| Draft {
        id: waiting.id,
        inverter: waiting.inverter,
        named: Inverter { serial: "2311-0001".to_owned(), name: "Hall".to_owned(), site: None },
        record_key: waiting.record_key,
        what: What::of(&row.record, &NFPA_101, 90),
    };
    let drafts: Vec<_> = waiting.into_iter().zip(&rows).map(draft).collect();
    house.store.enter(book, drafts, NOW, &signer()).await.unwrap();
}

#[tokio::test]
async fn one_of_many_entries_is_nobodys_at_once_and_goes_in_pieces_also_after_a_kill() {
    let house = House::new().await;
    house.begin().await;
    filled(&house, 600).await;
    // More is told, and waits.
    house.told(&[outage(house.hall, NOW.plus_ms(DAY_MS), None)]).await;
    let entries = || {
        let connection = rusqlite::Connection::open(house.folder.path().join("state.sqlite")).unwrap();
        let sql = "SELECT count(*) FROM logbook_entries";
        connection.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap()
    };
    // Cut off between two pieces, as a kill would.
    let ending = act(Verb::LogbookEnd);
    let ending = house.store.end_logbook(house.club, &ending);
    tokio::select! {
        biased;
        () = async {
            while entries() > 350 {
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            }
        } => {}
        ended = ending => panic!("all of it went in one go: {ended:?}"),
    }
    assert!(entries() > 0);
    assert_eq!(house.store.logbook(house.club).await.unwrap(), None);
    assert_eq!(house.store.logbooks().await.unwrap(), []);
    assert_eq!(house.store.logbook_grants().await.unwrap(), []);
    let (all, none) = ([house.club], u64::MAX);
    assert_eq!(house.store.logbook_entries_of(&all, house.hall, UtcMs(0), none >> 1).await.unwrap(), []);
    let again = house.store.end_logbook(house.club, &act(Verb::LogbookEnd)).await;
    assert!(matches!(again, Err(StateError::NotFound { .. })));
    // Nothing is entered into it any more.
    house.told(&[outage(house.hall, NOW.plus_ms(2 * DAY_MS), None)]).await;
    assert!(house.store.logbook_waiting(9).await.unwrap().len() <= 1);
    house.store.drop_given_up(std::time::Duration::MAX).await.unwrap();
    assert_eq!((entries(), house.store.logbook_waiting(9).await.unwrap().len()), (0, 0));
    house.begin().await;
    assert!(house.store.logbook(house.club).await.unwrap().is_some(), "another one may be begun");
}

#[tokio::test]
async fn what_lapses_goes_some_at_a_time_and_the_rest_holds_after_each() {
    let house = House::new().await;
    house.begin().await;
    filled(&house, 600).await;
    let (mut gone, mut rounds) = (0, 0);
    let before = NOW.plus_ms(1);
    while let Some(last) = {
        let book = house.store.logbook(house.club).await.unwrap().unwrap();
        house.store.last_entry_before(book.key, before).await.unwrap()
    } {
        let book = house.store.logbook(house.club).await.unwrap().unwrap();
        let hash = fleet::logbook::Hash::of(last.line.as_bytes());
        let word = Checkpoint { book: BOOK.to_owned(), last: last.number, hash, before, gone_at: NOW };
        let line = seal(&word, &signer()).unwrap();
        gone += house.store.drop_entries(book.key, last.number, &line).await.unwrap();
        rounds += 1;
        let verdict = house.verdict().await;
        assert!(verdict.holds(), "{:?}", verdict.findings);
    }
    assert_eq!((gone, rounds), (600, 3));
}

#[tokio::test]
async fn records_are_read_piece_by_piece_and_none_twice_or_never() {
    let house = House::new().await;
    house.begin().await;
    filled(&house, 300).await;
    // Some are in the logbook alone, some in both, and one instant has several.
    house.store.delete_records_before(NOW.plus_ms(100_000)).await.unwrap();
    let second = inverter(&house.store, "2311-0002").await;
    let rows: Vec<_> = (0..40).map(|at| outage(second, NOW.plus_ms(at / 10 * 1_000), None)).collect();
    let keys: std::collections::BTreeSet<_> = rows.iter().map(|row| row.record.key()).collect();
    house.told(&rows).await;
    for most in [1, 7, 100, 300, 1_000] {
        let (mut all, mut from, mut pieces) = (Vec::new(), UtcMs(0), 0);
        loop {
            let both = [house.hall, second];
            let piece = house.store.kept_records(&[house.club], &both, from, ALL, most).await.unwrap();
            all.extend(piece.rows.iter().map(|row| (row.record.started(), row.inverter)));
            pieces += 1;
            let Some(more_from) = piece.more_from else { break };
            assert!(more_from > from);
            from = more_from;
        }
        assert!(all.is_sorted());
        assert_eq!(all.len(), 300 + keys.len(), "{most} at a time");
        assert_eq!(pieces > 1, most <= 300, "{most} at a time: {pieces}");
    }
}

#[tokio::test]
async fn entries_of_one_instant_are_read_together() {
    let house = House::new().await;
    house.begin().await;
    filled(&house, 30).await;
    let of = async |from: UtcMs| {
        house.store.logbook_entries_of(&[house.club], house.hall, from, 10).await.unwrap()
    };
    let first = of(UtcMs(0)).await;
    assert_eq!(first.len(), 30, "all were written at once");
    assert_eq!(of(first[29].written_at.plus_ms(1)).await, []);
}

#[tokio::test]
async fn a_grant_that_goes_on_counts_from_where_it_began() {
    let house = House::new().await;
    let email = Email::parse("o@x.test").unwrap();
    let new =
        NewAccount { email: &email, name: "Dana", password_hash: "$x", operator: false, created_at: NOW };
    let account = house.store.create_account(new).await.unwrap();
    let membership = Membership { organization: house.club, account, role: MemberRole::Owner };
    house.store.set_member(membership, &act(Verb::MemberRole)).await.unwrap();
    let since = async || {
        let seen = house.store.visible_inverters(account, NOW.plus_ms(9_000)).await.unwrap();
        seen.first().map(|row| row.managed.clone())
    };
    let set = async |role: Role, at: i64, ends: Option<i64>| {
        let grant = Grant {
            holder: house.club.into(),
            inverter: house.hall,
            role,
            ends: ends.map(|ends| NOW.plus_ms(ends)),
        };
        let act = Act::new(Verb::ShareGrant, By::CommandLine, NOW.plus_ms(at), [7; 32]);
        house.store.set_grant(grant, &act).await.unwrap();
    };
    // Somebody always can manage it.
    let keeper = Grant { holder: account.into(), inverter: house.hall, role: Role::ReadWrite, ends: None };
    house.store.set_grant(keeper, &act(Verb::ShareGrant)).await.unwrap();
    set(Role::ReadWrite, 5, Some(5_000)).await;
    assert_eq!(since().await, Some(vec![]), "it is over");
    set(Role::ReadWrite, 100, None).await;
    assert_eq!(since().await, Some(vec![(house.club, NOW)]), "it was extended while it held");
    set(Role::ReadOnly, 200, None).await;
    assert_eq!(since().await, Some(vec![]));
    set(Role::ReadWrite, 300, Some(400)).await;
    set(Role::ReadWrite, 500, None).await;
    assert_eq!(since().await, Some(vec![(house.club, NOW.plus_ms(500))]), "it had ended");
}

/// What SQLite says to who changes an entry behind this program's back.
fn changed_behind_its_back(file: &std::path::Path) -> String {
    let connection = rusqlite::Connection::open(file).unwrap();
    connection.execute("UPDATE logbook_entries SET line = ''", []).unwrap_err().to_string()
}

#[tokio::test]
async fn what_was_there_at_the_beginning_waits_also_where_that_was_cut_off() {
    const RECORDS: usize = 2_500;
    for ms in [0, 3, 6, 12, 24, 48] {
        let house = House::new().await;
        let rows: Vec<_> =
            (1..=RECORDS as i64).map(|back| outage(house.hall, NOW.plus_ms(-back * 1_000), None)).collect();
        house.told(&rows).await;
        let cut_off = tokio::time::timeout(std::time::Duration::from_millis(ms), house.begin()).await;
        if house.store.logbook(house.club).await.unwrap().is_none() {
            assert!(cut_off.is_err());
            // What was being committed as nobody waited any more may be there after all.
            let again = house.store.begin_logbook(house.club, BOOK, 5, &act(Verb::LogbookBegin)).await;
            assert!(matches!(again, Ok(()) | Err(StateError::Taken { .. })), "{again:?}");
        }
        house.store.fill_logbooks().await.unwrap();
        let waiting = house.store.logbook_waiting(10_000).await.unwrap();
        assert_eq!(waiting.len(), RECORDS, "after {ms} ms");
        assert_eq!(waiting[0].record_key, rows[RECORDS - 1].record.key(), "the oldest first");
    }
}

#[tokio::test]
async fn every_key_that_ever_signed_is_kept() {
    let house = House::new().await;
    let (one, other) = (signer().public(), Signer::from_seed(&[6; 32]).unwrap().public());
    house.store.note_logbook_key(one, NOW).await.unwrap();
    house.store.note_logbook_key(other, NOW.plus_ms(5)).await.unwrap();
    house.store.note_logbook_key(one, NOW.plus_ms(9)).await.unwrap();
    let keys = house.store.logbook_keys().await.unwrap();
    assert_eq!(keys, [(one, NOW), (other, NOW.plus_ms(5))]);
}
