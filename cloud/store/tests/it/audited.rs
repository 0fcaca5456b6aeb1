//! Every function of the state store that writes either writes its row in the audit log, in its own transaction, or is
//! listed here with why it need not. A new one that does neither fails.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Functions that write no row in the log, and why.
const UNWRITTEN: &[(&str, &str)] = &[
    ("accounts::create_account", "tests and tools only: see below"),
    ("alarms::delete_alarms_before", "retention"),
    ("announcing::announcing", "the service tells of alarms; who acknowledges is in the alarm"),
    ("announcing::new_events", "telemetry"),
    ("absences::note_absence", "the service was away"),
    ("absences::delete_absences_before", "retention"),
    ("calendar::enter_in_calendar", "who is looked at when"),
    ("calendar::write_letters", "the service writes to who may see it"),
    ("calendar::write_letter_anew", "the service writes to who may see it"),
    ("calendar::delete_letters_before", "retention"),
    ("contacts::write_contacts", "the service notes when devices were heard"),
    ("events::commit_events", "telemetry"),
    ("events::delete_events_before", "retention"),
    ("incidents::delete_incidents_before", "retention"),
    ("invitations::invitation_told", "the service tells of an invitation that is in the log"),
    ("logbook::note_logbook_key", "a public key"),
    ("logbook_enter::drop_waiting", "its record went"),
    ("logbook_enter::note_for_logbooks", "the note itself is in the log"),
    ("logbook_enter::enter", "what happened, signed in the logbook itself"),
    ("logbook_enter::drop_entries", "retention, signed in the logbook itself"),
    ("lending::claim_expired", "the service sends another way"),
    ("lending::claim_messages", "the service sends"),
    ("lending::keep_mail", "the service sends"),
    ("lending::take_back_messages", "the service sends"),
    ("lending::note_messages", "the service sends"),
    ("lending::expire_mails", "the service sends no more"),
    ("mailed_links::answer_asked", "anybody may ask; what a link does is in the log"),
    ("offers::offer_told", "the service tells of an offer that is in the log"),
    ("outbox::delete_mails_before", "retention"),
    ("outbox::queue_mail", "a letter of no other change"),
    ("outbox::queue_mails", "letters of no other change"),
    ("phones::delete_phone_codes_before", "retention"),
    ("power_losses::tell_outages", "the service tells of power losses"),
    ("records::commit_records", "telemetry"),
    ("records::delete_records_before", "retention"),
    (
        "push_subscriptions::push_arrived",
        "a browser shows that messages arrive; that it was added is in the log",
    ),
    ("test_notes::delete_test_notes_before", "retention"),
    ("texts_sent::count_text", "counts"),
    ("texts_sent::uncount_text", "counts"),
    ("texts_sent::delete_text_counts_before", "retention"),
    ("webhooks::webhook_answered", "a program shows that messages arrive; that it was added is in the log"),
    ("next_way::go_by_next_way", "the service sends"),
    ("pairings::delete_pairings_before", "retention"),
    ("passkeys::passkey_handle", "a random name that opens nothing"),
    ("passkeys::passkey_used", "counts; the sign-in is in the log"),
    ("pending_sign_ins::begin_sign_in", "half a sign-in opens nothing"),
    ("pending_sign_ins::delete_expired_sign_ins", "retention"),
    ("pending_sign_ins::end_sign_in", "half a sign-in opens nothing"),
    ("pending_sign_ins::sign_in_failed", "counts"),
    ("quarantine::forget_quarantined", "retention"),
    ("snapshots::forget_given_up", "retention"),
    ("quarantine::quarantine", "telemetry that could not be read"),
    ("sessions::delete_expired_sessions", "retention"),
    ("sessions::delete_session", "another session took its place, which is in the log"),
    ("sessions::rotate_session", "the same session under another token"),
    ("sessions::touch_session", "a time"),
    ("snapshots::commit_snapshots", "telemetry"),
    ("snapshots::load_snapshots", "only reads, in one transaction"),
    ("tokens::touch_token", "a time"),
    ("totps::begin_totp", "counts for nothing until it is confirmed"),
    ("totps::take_totp_step", "counts; the sign-in is in the log"),
    ("waiting::delete_expired_offers", "retention"),
];

/// What a body that writes holds.
const WRITES: [&str; 17] = [
    "begin_change(",
    "connect::begin(",
    "::insert(",
    "::insert_many(",
    "::update_many(",
    "::delete_many(",
    "::delete_by_id(",
    "pieces::delete::<",
    "update(&",
    "self.lend(",
    "queue(",
    "queue_all(",
    "queue_note(",
    "queue_note_for(",
    "add(&change",
    "self.told::<",
    "self.forget::<",
];
/// What writes a row in the log, for pairings and factors too.
const WRITES_THE_LOG: [&str; 6] = [
    "audit::append(",
    "append(&change",
    "close(&change",
    "self::with(&change",
    "factor_changes::with(",
    "factor_changes::removed(",
];

/// ASVS 5.0: 16.2.1.
#[test]
fn whatever_changes_who_may_do_what_is_in_the_log() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/state");
    let mut unwritten = BTreeSet::new();
    let mut written = 0;
    for file in fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "rs") {
            continue;
        }
        let room = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let text = fs::read_to_string(&path).unwrap();
        for function in text.split("    pub async fn ").skip(1) {
            let (name, rest) = function.split_once('(').unwrap();
            let body = rest.split_once("\n    }\n").map_or(rest, |(body, _)| body);
            let does = |signs: &[&str]| signs.iter().any(|sign| body.contains(sign));
            if does(&WRITES_THE_LOG) {
                written += 1;
            } else if does(&WRITES) {
                unwritten.insert(format!("{room}::{name}"));
            }
        }
    }
    let listed: BTreeSet<_> = UNWRITTEN.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(unwritten, listed, "give what is new its act, or say here why it needs none");
    assert!(written > 40, "{written}: the acts were looked for in vain");
}

/// Who makes an account is always known: nothing that is shipped makes one of nobody's doing.
/// ASVS 5.0: 13.2.3.
#[test]
fn nothing_that_is_shipped_makes_an_account_without_an_act() {
    let cloud = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut waiting = vec![cloud.join("web/src"), cloud.join("server/src"), cloud.join("store/src")];
    let mut read = 0;
    while let Some(folder) = waiting.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                waiting.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                assert!(!text.contains(".create_account("), "{}", path.display());
                read += 1;
            }
        }
    }
    assert!(read > 100, "{read}");
}
