//! Pairing as a state machine: whatever people claim and cancel and whoever presses, resends or holds back, in whatever
//! order, only the press of a claim that stood alone pairs, and only once.

use fleet::AccountKey;
use fleet::pairing::{AttemptKey, Earlier, End, FRESH_MS, Outcome, Pairing, Pressed, WINDOW_MS};
use proptest::prelude::*;
use wire::UtcMs;

#[derive(Clone, Copy, Debug)]
enum Step {
    Claim {
        account: i64,
    },
    /// Of the n-th attempt from the newest.
    Cancel(usize),
    /// A new press, told of after so long.
    Press {
        age_ms: u64,
        held_ms: Option<u64>,
    },
    /// The n-th report of a press from the newest once more, as it was sent.
    Resend(usize),
    /// The inverter restarts: its presses are counted from 0.
    Reboot,
    Wait(i64),
}

fn any_age() -> impl Strategy<Value = u64> {
    prop_oneof![
        5 => 0_u64..2_000,
        1 => prop::sample::select(vec![FRESH_MS - 1, FRESH_MS, FRESH_MS + 1, 300_000, 600_000, u64::MAX]),
    ]
}

fn any_step() -> impl Strategy<Value = Step> {
    let waits = vec![1, 500, 1_999, 60_000, WINDOW_MS / 2, WINDOW_MS - 1, WINDOW_MS];
    prop_oneof![
        5 => (0_i64..3).prop_map(|account| Step::Claim { account }),
        2 => (0_usize..3).prop_map(Step::Cancel),
        5 => (any_age(), prop::option::of(any_age())).prop_map(|(age_ms, held_ms)| Step::Press { age_ms, held_ms }),
        2 => (0_usize..4).prop_map(Step::Resend),
        1 => Just(Step::Reboot),
        6 => prop::sample::select(waits).prop_map(Step::Wait),
    ]
}

/// A claim's whole life, as told afterwards.
#[derive(Clone, Copy, Debug)]
struct Life {
    attempt: i64,
    account: i64,
    from: i64,
    /// First step and last step, so that "at the same moment" has one meaning even when no time passes between steps.
    first_step: usize,
    last_step: Option<usize>,
}

/// What a person would say who has watched everything: asks nothing of the product.
#[derive(Default)]
struct Watcher {
    lives: Vec<Life>,
    told: Vec<(u64, u64)>,
}

impl Watcher {
    fn is_over(life: &Life, now: i64) -> bool {
        life.last_step.is_some() || now - life.from >= WINDOW_MS
    }

    /// Had two claims of different accounts a moment in common, up to `step`?
    fn shared(&self, life: &Life, step: usize) -> bool {
        self.lives.iter().any(|other| {
            let ends = |life: &Life| life.last_step.unwrap_or(step);
            let by_time = (life.from - other.from).abs() < WINDOW_MS;
            let by_step = life.first_step <= ends(other) && other.first_step <= ends(life);
            other.account != life.account && by_time && by_step
        })
    }

    fn press(&mut self, boot: u64, count: u64, age: u64, now: i64, step: usize) -> Vec<(i64, End)> {
        let seen = self.told.iter().any(|(b, c)| *b == boot && *c >= count);
        self.told.push((boot, count));
        if seen || age > 30_000 {
            return Vec::new();
        }
        let at = now - i64::try_from(age).unwrap();
        let waiting: Vec<_> =
            self.lives.iter().filter(|l| !Self::is_over(l, now) && l.from < at).copied().collect();
        let shared = waiting.len() > 1 || waiting.iter().any(|life| self.shared(life, step));
        let end = if shared { End::Contested } else { End::Paired };
        for life in &waiting {
            let life = self.lives.iter_mut().find(|other| other.attempt == life.attempt).unwrap();
            life.last_step = Some(step);
        }
        waiting.iter().map(|life| (life.attempt, end)).collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]
    #[test]
    fn only_a_fresh_press_after_a_claim_that_stood_alone_pairs(
        steps in prop::collection::vec(any_step(), 0..50), cut in 0_usize..50,
    ) {
        let (mut pairing, mut watcher) = (Pairing::default(), Watcher::default());
        let (mut now, mut boot, mut count, mut attempts) = (1_800_000_000_000_i64, 1_u64, 0_u64, 0_i64);
        let mut sent: Vec<(u64, u64, u64, Option<u64>)> = Vec::new();
        for (at, step) in steps.into_iter().enumerate() {
            if at == cut {
                // A kill: the snapshot is all that is left.
                let snapshot = minicbor::to_vec(&pairing).unwrap();
                pairing = minicbor::decode(&snapshot).unwrap();
            }
            let report = match step {
                Step::Claim { account } => {
                    attempts += 1;
                    pairing.claim(AttemptKey(attempts), AccountKey(account), UtcMs(now));
                    for life in watcher.lives.iter_mut().filter(|life| life.account == account) {
                        life.last_step.get_or_insert(at.saturating_sub(1));
                    }
                    watcher.lives.push(Life { attempt: attempts, account, from: now, first_step: at, last_step: None });
                    None
                }
                Step::Cancel(back) => {
                    let Some(attempt) = usize::try_from(attempts).unwrap().checked_sub(back).filter(|a| *a > 0) else {
                        continue;
                    };
                    let attempt = i64::try_from(attempt).unwrap();
                    let life = watcher.lives.iter_mut().find(|life| life.attempt == attempt).unwrap();
                    // One that ran out may still be remembered until somebody looks; nothing is done for it.
                    let lived = !Watcher::is_over(life, now);
                    let found = pairing.cancel(AttemptKey(attempt));
                    prop_assert!(found || !lived);
                    life.last_step.get_or_insert(at);
                    None
                }
                Step::Press { age_ms, held_ms } => {
                    count += 1;
                    sent.push((boot, count, age_ms, held_ms));
                    sent.last().copied()
                }
                Step::Resend(back) => sent.len().checked_sub(back + 1).map(|at| sent[at]),
                Step::Reboot => {
                    (boot, count) = (boot + 1, 0);
                    None
                }
                Step::Wait(ms) => {
                    now += ms;
                    None
                }
            };
            let Some((boot, count, age_ms, held_ms)) = report else { continue };
            let pressed = Pressed { boot: Some(boot), count, age_ms, held_ms, received_at: UtcMs(now) };
            let found: Vec<_> = pairing.press(&pressed).into_iter().map(|o: Outcome| (o.attempt.0, o.end)).collect();
            let expected = watcher.press(boot, count, age_ms.max(held_ms.unwrap_or(0)), now, at);
            prop_assert_eq!(&found, &expected, "step {}", at);
            prop_assert!(found.iter().filter(|(_, end)| *end == End::Paired).count() <= 1);
        }
    }
}

const NOW: UtcMs = UtcMs(1_800_000_000_000);

fn claimed() -> Pairing {
    let mut pairing = Pairing::default();
    pairing.claim(AttemptKey(1), AccountKey(1), NOW);
    pairing
}

fn press(pairing: &mut Pairing, count: u64, age_ms: u64, at: UtcMs) -> Vec<End> {
    let pressed = Pressed { boot: Some(1), count, age_ms, held_ms: None, received_at: at };
    pairing.press(&pressed).into_iter().map(|outcome| outcome.end).collect()
}

#[test]
fn the_window_holds_at_its_ends() {
    let at = |ms| NOW.plus_ms(ms);
    assert_eq!(press(&mut claimed(), 1, 0, at(1)), [End::Paired]);
    assert_eq!(press(&mut claimed(), 1, 0, at(0)), [], "not after the claim");
    assert_eq!(press(&mut claimed(), 1, 1_000, at(1_000)), [], "pressed with the claim, not after it");
    assert_eq!(press(&mut claimed(), 1, 0, at(WINDOW_MS - 1)), [End::Paired]);
    assert_eq!(press(&mut claimed(), 1, 0, at(WINDOW_MS)), []);
    assert_eq!(press(&mut claimed(), 1, FRESH_MS, at(60_000)), [End::Paired]);
    assert_eq!(press(&mut claimed(), 1, FRESH_MS + 1, at(60_000)), [], "held up on the way");
}

#[test]
fn an_early_press_leaves_the_claim_for_the_next_one() {
    let mut pairing = claimed();
    assert_eq!(press(&mut pairing, 4, 9_000, NOW.plus_ms(5_000)), []);
    assert_eq!(press(&mut pairing, 4, 0, NOW.plus_ms(6_000)), [], "the same press told once more");
    assert_eq!(press(&mut pairing, 5, 0, NOW.plus_ms(7_000)), [End::Paired]);
    assert_eq!(press(&mut pairing, 6, 0, NOW.plus_ms(8_000)), [], "nobody waits any more");
}

#[test]
fn a_claim_that_was_contested_stays_so_when_the_other_one_is_gone() {
    let mut pairing = claimed();
    pairing.claim(AttemptKey(2), AccountKey(2), NOW.plus_ms(1_000));
    assert!(pairing.cancel(AttemptKey(1)));
    // Whoever presses now may do so for the one who stopped.
    assert_eq!(press(&mut pairing, 1, 0, NOW.plus_ms(2_000)), [End::Contested]);
    pairing.claim(AttemptKey(3), AccountKey(1), NOW.plus_ms(3_000));
    assert_eq!(press(&mut pairing, 2, 0, NOW.plus_ms(4_000)), [End::Paired]);
}

/// What a stranger does who knows the number: whether they want to claim now, before or after who stands at the cabinet,
/// and whether they stop again.
fn any_intrusion() -> impl Strategy<Value = (bool, bool, bool)> {
    (prop::bool::weighted(0.7), any::<bool>(), prop::bool::weighted(0.2))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// A day at the cabinet, with somebody who presses every few minutes: a stranger, whatever they do within the
    /// limits of one account, spoils a few presses, is never given the inverter, and then it is over for the day.
    #[test]
    fn a_stranger_contests_a_few_presses_a_day_and_no_more(
        day in prop::collection::vec(any_intrusion(), 480), pause_ms in 60_000_i64..=180_000,
    ) {
        let stranger = AccountKey(1);
        let (mut pairing, mut earlier) = (Pairing::default(), Earlier::default());
        let (mut spoiled, mut attempts) = (0, 0_i64);
        for (at, (wants, before, stops)) in (0_i64..).zip(day) {
            let now = NOW.plus_ms(at * pause_ms);
            if now.since(NOW) >= 24 * 3_600_000 {
                break;
            }
            let mut intrude = |pairing: &mut Pairing, now: UtcMs| {
                if wants && earlier.wait(now).is_none() {
                    attempts += 1;
                    pairing.claim(AttemptKey(attempts), stranger, now);
                    earlier.by_account.push(now);
                    earlier.by_serial.push(now);
                    if stops {
                        pairing.cancel(AttemptKey(attempts));
                    }
                }
            };
            if before {
                intrude(&mut pairing, now);
            }
            let (own, honest) = (AttemptKey(-1 - at), AccountKey(100 + at));
            pairing.claim(own, honest, now.plus_ms(1_000));
            if !before {
                intrude(&mut pairing, now.plus_ms(2_000));
            }
            let pressed = Pressed {
                boot: Some(1),
                count: u64::try_from(at).unwrap() + 1,
                age_ms: 100,
                held_ms: None,
                received_at: now.plus_ms(10_000),
            };
            let ended = pairing.press(&pressed);
            let paired: Vec<_> = ended.iter().filter(|o| o.end == End::Paired).map(|o| o.attempt).collect();
            prop_assert!(paired.iter().all(|attempt| *attempt == own), "the stranger was given it");
            spoiled += usize::from(paired.is_empty());
        }
        prop_assert!(spoiled <= 6, "{} presses were spoiled", spoiled);
    }
}

#[test]
fn an_inverter_remembers_so_many_claims_and_starts_and_no_more() {
    let mut pairing = Pairing::default();
    for account in 1..=17 {
        pairing.claim(AttemptKey(account), AccountKey(account), NOW);
    }
    for account in 1..=16 {
        assert!(pairing.cancel(AttemptKey(account)));
    }
    assert_eq!(press(&mut pairing, 1, 0, NOW.plus_ms(5)), [], "the seventeenth was not heard");

    let size_after = |starts: u64| {
        let mut pairing = Pairing::default();
        for boot in 100..100 + starts {
            let received_at = NOW;
            let pressed = Pressed { boot: Some(boot), count: 1, age_ms: 0, held_ms: None, received_at };
            pairing.press(&pressed);
        }
        minicbor::to_vec(&pairing).unwrap().len()
    };
    assert!(size_after(15) < size_after(16));
    assert_eq!(size_after(16), size_after(150), "presses of the start before the last sixteen are forgotten");
}
