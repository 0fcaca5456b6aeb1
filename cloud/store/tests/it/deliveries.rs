//! Messages as an operator looks through them: filters, pages, counts, and none of their words.

use fleet::AccountKey;
use fleet::audit::Verb;
use fleet::notice::Channel;
use store::state::{
    Act, By, Delivery, DeliveryQuery, Email, MailState, NewAccount, NewMail, NewNote, Noted, StateStore, TEST,
};
use wire::UtcMs;

const NOW: UtcMs = UtcMs(1_800_000_000_000);
const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 86_400_000;
const MARKER: &str = "marker-that-no-operator-reads";

struct Outbox {
    _folder: tempfile::TempDir,
    store: StateStore,
    account: AccountKey,
}

async fn outbox() -> Outbox {
    let folder = tempfile::tempdir().unwrap();
    let store = StateStore::open(&folder.path().join("state.sqlite")).await.unwrap();
    let email = Email::parse("dana@x.test").unwrap();
    let new =
        NewAccount { email: &email, name: "Dana", password_hash: "$x", operator: false, created_at: NOW };
    let account = store.create_account(new).await.unwrap();
    Outbox { _folder: folder, store, account }
}

impl Outbox {
    async fn mail(&self, key: &str, to: &str, kind: &str, at: UtcMs) {
        let to = Email::parse(to).unwrap();
        let (subject, text, html) = (MARKER, MARKER, MARKER);
        let expires_at = at.plus_ms(DAY_MS);
        let mail = NewMail { key, to: &to, kind, subject, text, html, queued_at: at, expires_at };
        self.store.queue_mail(mail).await.unwrap();
    }

    async fn note(&self, key: &str, channel: Channel, to: &str, at: UtcMs) {
        let note = NewNote {
            key,
            channel,
            account: self.account,
            to,
            kind: TEST,
            subject: "",
            text: MARKER,
            html: "",
            queued_at: at,
            expires_at: at.plus_ms(DAY_MS),
        };
        let act = Act::new(Verb::NotificationsTest, By::Account(self.account), at, [7; 32]);
        assert!(self.store.queue_test(note, u64::MAX, UtcMs(0), &act).await.unwrap());
    }

    /// The oldest that is due ends like this.
    async fn end(&self, lease: &str, state: MailState) {
        let until = NOW.plus_ms(MINUTE_MS);
        let mail = self.store.claim_mail(lease, NOW, until).await.unwrap().unwrap();
        let noted = match state {
            MailState::Sent => Noted::Sent("250 ok".to_owned()),
            MailState::Failed => Noted::Failed("550 no".to_owned()),
            other => panic!("{other:?}"),
        };
        assert!(self.store.note_message(mail.id, lease, noted).await.unwrap());
    }

    async fn find(&self, query: DeliveryQuery<'_>) -> Vec<Delivery> {
        self.store.deliveries(&DeliveryQuery { most: 50, ..query }).await.unwrap()
    }

    async fn ids(&self, query: DeliveryQuery<'_>) -> Vec<i64> {
        self.find(query).await.into_iter().map(|row| row.id).collect()
    }
}

#[tokio::test]
async fn each_filter_finds_its_own_and_no_word_of_a_message_is_read() {
    let o = outbox().await;
    o.mail("a", "ann@x.test", "verify", NOW.plus_ms(-3 * DAY_MS)).await;
    o.mail("b", "bob@x.test", "reset", NOW.plus_ms(-2 * DAY_MS)).await;
    o.note("c", Channel::Text, "+16175550119", NOW.plus_ms(-DAY_MS)).await;
    o.note("d", Channel::Webhook, "hook1", NOW.plus_ms(-MINUTE_MS)).await;
    // The first two have expired by now.
    assert_eq!(o.store.expire_mails(NOW).await.unwrap(), 3);
    o.note("e", Channel::Webhook, "hook1", NOW).await;
    o.end("1", MailState::Sent).await;
    o.end("2", MailState::Failed).await;
    let any = DeliveryQuery::default();
    assert_eq!(o.ids(any).await, [5, 4, 3, 2, 1], "the newest first");
    let by = |channel| DeliveryQuery { channel: Some(channel), ..any };
    assert_eq!(o.ids(by(Channel::Text)).await, [3]);
    assert_eq!(o.ids(by(Channel::Push)).await, [0; 0]);
    assert_eq!(o.ids(DeliveryQuery { not_channel: Some(Channel::Email), ..any }).await, [5, 4, 3]);
    let failed: &[MailState] = &[MailState::Failed, MailState::Expired];
    assert_eq!(o.ids(DeliveryQuery { states: Some(failed), ..any }).await, [5, 3, 2, 1]);
    assert_eq!(o.ids(DeliveryQuery { states: Some(&[MailState::Sent]), ..any }).await, [4]);
    assert_eq!(o.ids(DeliveryQuery { kind: Some("reset"), ..any }).await, [2]);
    assert_eq!(o.ids(DeliveryQuery { to: Some("ann@x.test"), ..any }).await, [1]);
    assert_eq!(o.ids(DeliveryQuery { to: Some("ann@x"), ..any }).await, [0; 0], "the whole address");
    let day =
        DeliveryQuery { from: Some(NOW.plus_ms(-2 * DAY_MS)), until: Some(NOW.plus_ms(-DAY_MS)), ..any };
    assert_eq!(o.ids(day).await, [2]);
    let rows = o.find(any).await;
    assert_eq!(rows[0].owner.as_deref(), Some("dana@x.test"));
    assert_eq!((rows[0].answer.as_deref(), rows[0].attempts), (Some("550 no"), 1));
    assert!(!format!("{rows:?}").contains(MARKER));
    let counts = o.store.delivery_counts(NOW.plus_ms(-DAY_MS)).await.unwrap();
    let mut counts: Vec<_> = counts.into_iter().map(|(by, state, n)| (by.name(), state.name(), n)).collect();
    counts.sort_unstable();
    assert_eq!(counts, [("text", "expired", 1), ("webhook", "failed", 1), ("webhook", "sent", 1)]);
}

#[tokio::test]
async fn pages_follow_each_other_also_within_one_instant() {
    let o = outbox().await;
    for number in 0..7 {
        o.mail(&format!("k{number}"), "ann@x.test", "verify", NOW.plus_ms(number / 3)).await;
    }
    let (mut seen, mut before) = (Vec::new(), None);
    loop {
        let query = DeliveryQuery { before, most: 2, ..DeliveryQuery::default() };
        let page = o.store.deliveries(&query).await.unwrap();
        let Some(last) = page.last() else { break };
        before = Some((last.queued_at, last.id));
        seen.extend(page.iter().map(|row| row.id));
    }
    assert_eq!(seen, [7, 6, 5, 4, 3, 2, 1]);
}
