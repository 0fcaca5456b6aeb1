//! How the server ends: in order on a signal, at once on a failure that acknowledgements rest on.
//!
//! In: SIGTERM, SIGINT, errors of journal, pipeline and state store. Out: one reason. The first failure counts.

use std::error::Error;

use anyhow::{Context, anyhow};
use tokio::signal::unix::{SignalKind, signal as listen_for};
use tokio::sync::mpsc;

/// Tells the server that it must end at once. Cheap to clone; callable from any thread.
#[derive(Clone)]
pub struct Fatal(mpsc::UnboundedSender<String>);

/// A way to tell, and the one who listens.
pub fn channel() -> (Fatal, mpsc::UnboundedReceiver<String>) {
    let (sender, receiver) = mpsc::unbounded_channel();
    (Fatal(sender), receiver)
}

impl Fatal {
    /// Tells what failed and why. Logged here, once, as the process may be gone before anyone else can.
    pub fn tell(&self, what: &str, error: &dyn Error) {
        let mut text = format!("{what}: {error}");
        let mut source = error.source();
        while let Some(cause) = source {
            text.push_str(": ");
            text.push_str(&cause.to_string());
            source = cause.source();
        }
        // If nobody listens, the server is ending already.
        let _ = self.0.send(text);
    }
}

/// The error that ends the process.
pub fn error(told: Option<String>) -> anyhow::Error {
    anyhow!(told.unwrap_or_else(|| "a part of the server ended without a word".to_owned()))
}

/// Waits for a signal to end in order.
///
/// # Errors
/// The system does not let us wait.
pub async fn signal() -> anyhow::Result<&'static str> {
    let mut terminate = listen_for(SignalKind::terminate()).context("cannot wait for SIGTERM")?;
    let mut interrupt = listen_for(SignalKind::interrupt()).context("cannot wait for SIGINT")?;
    tokio::select! {
        _ = terminate.recv() => Ok("SIGTERM"),
        _ = interrupt.recv() => Ok("SIGINT"),
    }
}
