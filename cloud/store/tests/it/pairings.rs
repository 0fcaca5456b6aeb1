//! Attempts at pairing: one outcome each, whatever is written again; with it grant, log and letters, or none of them.

use fleet::audit::Verb;
use fleet::pairing::{AttemptKey, Earlier, End, Outcome};
use fleet::{AccountKey, Grant, InverterKey, Role};
use store::state::{Act, Begun, By, Email, NewAccount, NewInverter, NewMail, NewPairing, StateStore};
use wire::{Serial, UtcMs};

const NOW: UtcMs = UtcMs(1_800_000_000_000);

struct Fixture {
    _folder: tempfile::TempDir,
    store: StateStore,
    account: AccountKey,
    inverter: InverterKey,
}

async fn account(store: &StateStore, email: &str) -> AccountKey {
    let email = &Email::parse(email).unwrap();
    let new = NewAccount { email, name: "", password_hash: "", operator: false, created_at: NOW };
    store.create_account(new).await.unwrap()
}

async fn fixture() -> Fixture {
    let folder = tempfile::tempdir().unwrap();
    let store = StateStore::open(&folder.path().join("state.sqlite")).await.unwrap();
    let account = account(&store, "ann@x.test").await;
    let new = NewInverter {
        public_id: "dock",
        serial: Serial::parse("2408-01873").unwrap(),
        name: "",
        model: "",
        site: None,
        required_minutes: None,
        registered_at: NOW,
    };
    let registered = Act::new(Verb::DeviceRegister, By::CommandLine, NOW, [0; 32]);
    let inverter = store.register_inverter(new, &registered).await.unwrap();
    Fixture { _folder: folder, store, account, inverter }
}

impl Fixture {
    async fn begin(&self, id: &str, serial: &str, at: UtcMs) -> (AttemptKey, Option<InverterKey>) {
        match self.try_begin(id, serial, at, |_| None).await {
            Begun::Attempt(attempt, inverter) => (attempt, inverter),
            Begun::Wait(_) => panic!("nothing waits here"),
        }
    }

    async fn try_begin(
        &self,
        id: &str,
        serial: &str,
        at: UtcMs,
        wait: impl FnOnce(&Earlier) -> Option<UtcMs>,
    ) -> Begun {
        let new = NewPairing {
            public_id: id,
            account: self.account,
            serial: Serial::parse(serial).unwrap(),
            source: Some("192.0.2.1"),
            salt: [7; 32],
            started_at: at,
            ends_at: at.plus_ms(600_000),
        };
        let act = Act::new(Verb::PairStart, By::Account(self.account), at, [1; 32]);
        self.store.begin_pairing(new, &act, wait).await.unwrap()
    }

    async fn grant(&self, account: AccountKey, ends: Option<UtcMs>) {
        let grant = Grant { holder: account.into(), inverter: self.inverter, role: Role::ReadOnly, ends };
        let act = Act::new(Verb::ShareGrant, By::CommandLine, NOW, [2; 32]).on_inverter(self.inverter);
        self.store.set_grant(grant, &act).await.unwrap();
    }

    async fn ended(&self, id: &str) -> Option<(End, UtcMs)> {
        self.store.pairing(self.account, id).await.unwrap().unwrap().ended
    }

    async fn log(&self) -> u64 {
        self.store.verify_audit().await.unwrap().unwrap().length
    }
}

fn paired(attempt: AttemptKey, at: i64) -> Outcome {
    Outcome { attempt, end: End::Paired, at: NOW.plus_ms(at) }
}

#[tokio::test]
async fn a_pairing_is_written_once_with_its_grant_its_row_in_the_log_and_its_letters() {
    let f = fixture().await;
    let earlier = account(&f.store, "old@x.test").await;
    let gone = account(&f.store, "gone@x.test").await;
    f.grant(earlier, None).await;
    f.grant(gone, Some(NOW)).await;
    let (attempt, found) = f.begin("a1", "2408-01873", NOW).await;
    assert_eq!(found, Some(f.inverter));
    let tell = f.store.pairing_to_tell(attempt, NOW.plus_ms(1)).await.unwrap().unwrap();
    assert_eq!((tell.by.as_str(), tell.inverter.key), ("ann@x.test", f.inverter));
    assert_eq!(tell.holders, [(earlier, Email::parse("old@x.test").unwrap())], "an ended grant is nobody's");
    let before = f.store.change_counter().await.unwrap();
    let letter = NewMail {
        key: "paired/1/2",
        to: &tell.holders[0].1,
        kind: "paired",
        subject: "s",
        text: "t",
        html: "h",
        queued_at: NOW,
        expires_at: NOW.plus_ms(1_000),
    };
    assert!(f.store.end_pairing(&paired(attempt, 5_000), &[letter]).await.unwrap());
    assert!(f.store.change_counter().await.unwrap() > before, "open pages look again");
    let log = f.log().await;
    // The journal is replayed after a kill: the same once more, and what would have come later.
    for end in [End::Paired, End::Contested, End::Expired] {
        let again = Outcome { end, ..paired(attempt, 9_000) };
        assert!(!f.store.end_pairing(&again, &[letter]).await.unwrap());
    }
    assert_eq!(f.store.expire_pairings(NOW.plus_ms(9_000_000)).await.unwrap(), 0);
    assert_eq!(f.ended("a1").await, Some((End::Paired, NOW.plus_ms(5_000))));
    let grants = f.store.grants_of(f.account).await.unwrap();
    assert_eq!(
        grants,
        [Grant { holder: f.account.into(), inverter: f.inverter, role: Role::ReadWrite, ends: None }]
    );
    assert_eq!(f.log().await, log);
    let mail = |lease| f.store.claim_mail(lease, NOW, NOW.plus_ms(60_000));
    assert_eq!(mail("one").await.unwrap().unwrap().to.as_str(), "old@x.test");
    assert_eq!(mail("two").await.unwrap(), None);
    assert_eq!(f.store.pairing_to_tell(attempt, NOW).await.unwrap(), None);
}

#[tokio::test]
async fn an_attempt_at_nothing_goes_like_one_that_nobody_pressed_for() {
    let f = fixture().await;
    let (known, _) = f.begin("known", "2408-01873", NOW).await;
    let (unknown, nothing) = f.begin("unknown", "2408-99999", NOW).await;
    assert_eq!(nothing, None);
    assert_eq!(f.store.expire_pairings(NOW.plus_ms(599_999)).await.unwrap(), 0);
    assert_eq!(f.store.expire_pairings(NOW.plus_ms(600_000)).await.unwrap(), 2);
    for id in ["known", "unknown"] {
        assert_eq!(f.ended(id).await, Some((End::Expired, NOW.plus_ms(600_000))), "{id}");
    }
    // Whatever a press says afterwards, the person was told that nothing was changed.
    for attempt in [known, unknown] {
        assert!(!f.store.end_pairing(&paired(attempt, 700_000), &[]).await.unwrap());
    }
    assert_eq!(f.store.grants_of(f.account).await.unwrap(), []);
    assert_eq!(f.store.delete_pairings_before(NOW.plus_ms(1)).await.unwrap(), 2);
}

#[tokio::test]
async fn beginning_again_ends_the_attempt_before_and_limits_see_what_did_not_pair() {
    let f = fixture().await;
    let (first, _) = f.begin("a1", "2408-01873", NOW).await;
    assert!(f.store.end_pairing(&paired(first, 1_000), &[]).await.unwrap());
    f.begin("a2", "2408-99999", NOW.plus_ms(2_000)).await;
    f.begin("a3", "2408-99999", NOW.plus_ms(3_000)).await;
    assert_eq!(f.ended("a2").await, Some((End::Replaced, NOW.plus_ms(3_000))));
    assert_eq!(f.ended("a3").await, None);
    let again = NOW.plus_ms(77);
    let begun = f
        .try_begin("a4", "2408-01873", NOW.plus_ms(4_000), |earlier| {
            let times = vec![NOW.plus_ms(2_000), NOW.plus_ms(3_000)];
            let by_serial = Vec::new();
            assert_eq!(*earlier, Earlier { by_account: times.clone(), by_source: times, by_serial });
            Some(again)
        })
        .await;
    assert_eq!(begun, Begun::Wait(again));
    assert_eq!(f.store.pairing(f.account, "a4").await.unwrap(), None);
    // At the number that was tried, a day back and no further.
    let day = fleet::pairing::LOOK_BACK_MS;
    for (later, expect) in
        [(day - 1, vec![NOW.plus_ms(2_000), NOW.plus_ms(3_000)]), (day, vec![NOW.plus_ms(3_000)])]
    {
        let at = NOW.plus_ms(2_000 + later);
        f.try_begin("a5", "2408-99999", at, |earlier| {
            assert_eq!(earlier.by_serial, expect);
            Some(again)
        })
        .await;
    }
    let stranger = account(&f.store, "stranger@x.test").await;
    assert_eq!(f.store.pairing(stranger, "a3").await.unwrap(), None, "somebody else's is not there");
}
