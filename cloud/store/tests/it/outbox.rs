//! The outbox: queued once, lent to one, erased when done.

use store::state::{DueMail, Email, MailState, NewMail, Noted, StateStore};
use wire::UtcMs;

const NOW: UtcMs = UtcMs(1_800_000_000_000);
const MINUTE_MS: i64 = 60_000;
const MARKER: &str = "marker-that-must-not-stay";

struct Outbox {
    folder: tempfile::TempDir,
    store: StateStore,
    ann: Email,
}

async fn outbox() -> Outbox {
    let folder = tempfile::tempdir().unwrap();
    let store = StateStore::open(&folder.path().join("state.sqlite")).await.unwrap();
    Outbox { folder, store, ann: Email::parse("ann@example.org").unwrap() }
}

impl Outbox {
    async fn queue(&self, key: &str) {
        let new = NewMail {
            key,
            to: &self.ann,
            kind: "test",
            subject: MARKER,
            text: MARKER,
            html: MARKER,
            queued_at: NOW,
            expires_at: NOW.plus_ms(30 * MINUTE_MS),
        };
        self.store.queue_mail(new).await.unwrap();
    }

    async fn claim(&self, lease: &str, after_ms: i64) -> Option<DueMail> {
        let now = NOW.plus_ms(after_ms);
        self.store.claim_mail(lease, now, now.plus_ms(MINUTE_MS)).await.unwrap()
    }

    async fn states(&self) -> Vec<(String, MailState)> {
        let receipts = self.store.receipts(Some(&self.ann), 100).await.unwrap();
        receipts.into_iter().rev().map(|receipt| (receipt.key, receipt.state)).collect()
    }
}

#[tokio::test]
async fn a_key_is_queued_once_and_mails_are_lent_in_order_to_one_sender() {
    let o = outbox().await;
    for key in ["first", "second", "first"] {
        o.queue(key).await;
    }
    let first = o.claim("a", 0).await.unwrap();
    assert_eq!((first.key.as_str(), first.attempts, first.text.as_str()), ("first", 1, MARKER));
    assert_eq!(o.claim("b", 0).await.unwrap().key, "second");
    assert_eq!(o.claim("c", 0).await, None, "both are in hand");
    assert_eq!(o.claim("c", MINUTE_MS - 1).await, None);
    // A sender that died: its mail goes to the next, with the attempt counted.
    let again = o.claim("c", MINUTE_MS).await.unwrap();
    assert_eq!((again.key.as_str(), again.attempts), ("first", 2));
    // The one that was thought dead learns it before it does harm.
    assert!(!o.store.keep_mail(first.id, "a", NOW.plus_ms(9 * MINUTE_MS)).await.unwrap());
    assert!(!o.store.note_message(first.id, "a", Noted::Sent("250 ok".into())).await.unwrap());
    assert!(o.store.keep_mail(first.id, "c", NOW.plus_ms(9 * MINUTE_MS)).await.unwrap());
    assert!(o.store.note_message(first.id, "c", Noted::Sent("250 ok".into())).await.unwrap());
    assert!(
        !o.store.note_message(first.id, "c", Noted::Failed("550 no".into())).await.unwrap(),
        "what is sent stays sent"
    );
}

#[tokio::test]
async fn of_many_senders_at_once_each_mail_goes_to_one() {
    let o = outbox().await;
    for mail in 0..20 {
        o.queue(&format!("mail-{mail}")).await;
    }
    let mut senders = tokio::task::JoinSet::new();
    for sender in 0..8 {
        let store = o.store.clone();
        senders.spawn(async move {
            let mut keys = Vec::new();
            for turn in 0.. {
                let lease = format!("{sender}-{turn}");
                match store.claim_mail(&lease, NOW, NOW.plus_ms(MINUTE_MS)).await.unwrap() {
                    Some(mail) => keys.push(mail.key),
                    None => break,
                }
            }
            keys
        });
    }
    let mut keys: Vec<_> = senders.join_all().await.into_iter().flatten().collect();
    assert_eq!(keys.len(), 20);
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 20, "one was lent twice");
}

#[tokio::test]
async fn what_is_put_off_waits_and_what_is_past_its_time_is_given_up() {
    let o = outbox().await;
    o.queue("a").await;
    o.queue("b").await;
    let a = o.claim("x", 0).await.unwrap();
    assert!(
        o.store
            .note_message(
                a.id,
                "x",
                Noted::Delayed { due: NOW.plus_ms(5 * MINUTE_MS), answer: "451 later".into() }
            )
            .await
            .unwrap()
    );
    assert_eq!(o.claim("y", 0).await.unwrap().key, "b", "one that must wait holds up no other");
    assert_eq!(o.claim("z", 0).await, None);
    assert_eq!(o.claim("z", 5 * MINUTE_MS).await.unwrap().key, "a");
    assert_eq!(o.store.expire_mails(NOW.plus_ms(5 * MINUTE_MS)).await.unwrap(), 0);
    assert_eq!(o.claim("w", 30 * MINUTE_MS).await, None, "not worth sending any more");
    assert_eq!(o.store.expire_mails(NOW.plus_ms(30 * MINUTE_MS)).await.unwrap(), 2);
    let expired = |key: &str| (key.to_owned(), MailState::Expired);
    assert_eq!(o.states().await, [expired("a"), expired("b")]);
    let receipt = o.store.receipts(None, 100).await.unwrap().pop().unwrap();
    assert_eq!((receipt.answer.as_deref(), receipt.attempts), (Some("451 later"), 2));
}

#[tokio::test]
async fn what_a_mail_said_is_erased_and_its_receipt_is_kept_until_forgotten() {
    let o = outbox().await;
    for key in ["sent", "failed", "expired"] {
        o.queue(key).await;
    }
    assert_eq!(o.store.oldest_queued_mail().await.unwrap(), Some(NOW));
    let sent = o.claim("a", 0).await.unwrap();
    let failed = o.claim("b", 0).await.unwrap();
    assert!(
        o.store.note_message(sent.id, "a", Noted::Sent("250 2.0.0 queued as 4711".into())).await.unwrap()
    );
    assert!(o.store.note_message(failed.id, "b", Noted::Failed("5".repeat(2_000))).await.unwrap());
    o.store.expire_mails(NOW.plus_ms(30 * MINUTE_MS)).await.unwrap();
    let counts = o.store.mail_counts().await.unwrap();
    assert_eq!(counts.map(|(_, count)| count), [0, 1, 1, 1, 0, 0]);
    assert_eq!(o.store.oldest_queued_mail().await.unwrap(), None);
    let receipts = o.store.receipts(None, 100).await.unwrap();
    let answers: Vec<_> = receipts.iter().map(|receipt| receipt.answer.as_deref().map(str::len)).collect();
    assert_eq!(answers, [None, Some(500), Some(24)]);
    assert_eq!(o.store.delete_mails_before(NOW).await.unwrap(), 0);

    let file = o.folder.path().join("state.sqlite");
    o.store.close().await.unwrap();
    let holds = |file: &std::path::Path, text: &str| {
        std::fs::read(file).unwrap().windows(text.len()).any(|window| window == text.as_bytes())
    };
    assert!(holds(&file, "queued as 4711"), "the search finds what is there");
    assert!(!holds(&file, MARKER), "the file still holds what the mail said");
    let store = StateStore::open(&file).await.unwrap();
    assert_eq!(store.delete_mails_before(NOW.plus_ms(1)).await.unwrap(), 3);
    assert_eq!(store.receipts(None, 100).await.unwrap(), []);
}
