//! Which power losses are told of together, and when.
//!
//! In: outages that nobody was told the story of, where they were, when each can be told. Out: those that can be told now, one group for
//! each loss at one place: a letter for each inverter of a hall would be no calm.

use wire::UtcMs;

/// Outages at one place that follow each other within this are one loss, milliseconds.
const TOGETHER_MS: i64 = 10 * 60_000;

/// An outage whose story is not told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Untold<P> {
    /// Where.
    pub place: P,
    /// When it began.
    pub started: UtcMs,
    /// When it ended.
    pub ended: UtcMs,
    /// When it can be told.
    pub tell_at: UtcMs,
}

/// The losses of which all can be told at `now`, each as numbers in `untold`, the oldest first.
pub fn ripe<P: Copy + Ord>(untold: &[Untold<P>], now: UtcMs) -> Vec<Vec<usize>> {
    let mut order: Vec<(usize, &Untold<P>)> = untold.iter().enumerate().collect();
    order.sort_by_key(|(number, one)| (one.place, one.started, *number));
    let mut losses: Vec<Loss<P>> = Vec::new();
    for (number, one) in order {
        match losses.last_mut() {
            Some(loss) if loss.place == one.place && one.started.since(loss.ended) <= TOGETHER_MS => {
                loss.ended = loss.ended.max(one.ended);
                loss.tell_at = loss.tell_at.max(one.tell_at);
                loss.numbers.push(number);
            }
            _ => losses.push(Loss {
                place: one.place,
                ended: one.ended,
                tell_at: one.tell_at,
                numbers: vec![number],
            }),
        }
    }
    losses.into_iter().filter(|loss| loss.tell_at <= now).map(|loss| loss.numbers).collect()
}

struct Loss<P> {
    place: P,
    ended: UtcMs,
    tell_at: UtcMs,
    numbers: Vec<usize>,
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: i64 = 60_000;

    fn untold(place: u8, started: i64, ended: i64, tell_at: i64) -> Untold<u8> {
        let at = |minutes: i64| UtcMs(minutes * MINUTE);
        Untold { place, started: at(started), ended: at(ended), tell_at: at(tell_at) }
    }

    #[test]
    fn one_loss_is_told_once_when_the_last_of_it_can_be_told() {
        let all = [
            untold(1, 0, 30, 200),
            untold(2, 0, 5, 90),
            // Ten minutes after the first ended, at the same place.
            untold(1, 40, 41, 100),
            untold(1, 52, 60, 70),
        ];
        let at = |minutes: i64| ripe(&all, UtcMs(minutes * MINUTE));
        assert_eq!(at(69), Vec::<Vec<usize>>::new());
        assert_eq!(at(70), [vec![3]], "another loss");
        assert_eq!(at(90), [vec![3], vec![1]]);
        assert_eq!(at(199), [vec![3], vec![1]], "half of it is no story");
        assert_eq!(at(200), [vec![0, 2], vec![3], vec![1]]);
    }

    #[test]
    fn a_loss_is_as_long_as_its_longest_outage() {
        let all = [untold(1, 0, 90, 1), untold(1, 5, 6, 1), untold(1, 95, 96, 1)];
        assert_eq!(ripe(&all, UtcMs(MINUTE)), [vec![0, 1, 2]]);
    }
}
