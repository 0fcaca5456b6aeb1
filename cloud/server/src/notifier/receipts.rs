//! Receipts on their way to the store: those that are ready at the same time are one commit.
//!
//! In: notes of what became of messages, from many hands. Out: each hand hears whether its message was still its own, once
//! that is durable.

use store::state::{Note, StateStore};
use tokio::sync::{mpsc, oneshot};

/// Receipts of one commit.
const MOST_AT_ONCE: usize = 64;

/// Where hands give them.
pub struct Receipts(mpsc::UnboundedSender<Waiting>);

/// One of them, and who waits for it.
type Waiting = (Note, oneshot::Sender<Option<bool>>);

impl Receipts {
    /// Writes to `state`, for as long as somebody gives any.
    pub fn new(state: StateStore) -> Self {
        // No more wait in it than messages are lent.
        let (give, given) = mpsc::unbounded_channel();
        tokio::spawn(write(state, given));
        Self(give)
    }

    /// Whether the message was still in hand; `None`: it could not be written, and the log says why.
    pub async fn write(&self, note: Note) -> Option<bool> {
        let (answer, answered) = oneshot::channel();
        self.0.send((note, answer)).ok()?;
        answered.await.ok().flatten()
    }
}

async fn write(state: StateStore, mut given: mpsc::UnboundedReceiver<Waiting>) {
    let mut some = Vec::new();
    while given.recv_many(&mut some, MOST_AT_ONCE).await > 0 {
        let (notes, answers): (Vec<Note>, Vec<_>) = some.drain(..).unzip();
        let in_hand = match state.note_messages(&notes).await {
            Ok(in_hand) => in_hand.into_iter().map(Some).collect(),
            Err(error) => {
                tracing::error!(%error, count = notes.len(), "receipts could not be written; trying again");
                vec![None; notes.len()]
            }
        };
        for (answer, in_hand) in answers.into_iter().zip(in_hand) {
            // Whoever does not wait any more has lost its message to another.
            let _ = answer.send(in_hand);
        }
    }
}
