//! The notifier, wired: files of `[mail]`, the task, what the log says where there is no way to send.
//!
//! In: the configuration. Out: a way to send mails, or an error that names the file, the key and what to put there.

use std::sync::Arc;

use anyhow::Context;
use rustls_pki_types::CertificateDer;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::Parts;
use super::files::Reader;
use crate::config::{Config, Login, MailServer, MailSink};
use crate::notifier::{self, Letterhead, Maildir, Sink, Smtp, Way, Ways};

/// What is said where `[mail]` says nothing.
pub(super) const NONE: &str =
    "wait, and are given up in time: write `smtp` and `from` under [mail] to have them sent";

const PASSWORD: &str = "cannot be read. Put the mail server's password there, and nothing else, mode 0600";
const ROOTS: &str =
    "Put the mail server's root certificate there (PEM), or leave the key out to trust the system's";

/// Reads the files that `[mail]` names. A folder for mails is made.
///
/// # Errors
/// Which file does not do, and what to put there.
pub(super) fn load(config: &Config) -> anyhow::Result<Option<Way>> {
    let Some(mail) = &config.mail else { return Ok(None) };
    let sink = match &mail.sink {
        MailSink::Smtp(server) => Sink::Smtp(smtp(config, server)?),
        MailSink::Maildir(folder) => Sink::Maildir(
            Maildir::open(folder).with_context(|| format!("{}: `mail.maildir`", config.file.display()))?,
        ),
    };
    Ok(Some(Way { sink, head: Letterhead { from: mail.from.clone(), reply_to: mail.reply_to.clone() } }))
}

/// Starts the task; it ends when told to, with its mails in order.
pub(super) fn spawn(ways: Ways, origin: &str, parts: &Parts, stopping: &CancellationToken) -> JoinHandle<()> {
    match &ways.mail {
        Some(way) => tracing::info!(to = ?way.sink, "mails are sent"),
        None => tracing::warn!("mails {NONE}"),
    }
    let (state, clock, queued) = (parts.state.clone(), parts.clock.clone(), Arc::clone(&parts.queued));
    let (origin, counters) = (origin.to_owned(), parts.mail_counters.clone());
    tokio::spawn(notifier::run(state, clock, ways, origin, counters, queued, stopping.clone()))
}

fn smtp(config: &Config, server: &MailServer) -> anyhow::Result<Smtp> {
    let reader = Reader { file: &config.file };
    let password = server.login.as_ref().map(|login| password(&reader, login)).transpose()?;
    let mut roots = Vec::new();
    if let Some(path) = &server.ca_file {
        roots = reader.certificates("mail.ca_file", path, ROOTS)?;
    }
    let hello = config.people.names.first().map_or("localhost", String::as_str);
    Ok(Smtp::new(server, password, roots.iter().map(CertificateDer::as_ref), hello)?)
}

/// Exactly as written, the line's end aside.
fn password(reader: &Reader<'_>, login: &Login) -> anyhow::Result<String> {
    let path = &login.password_file;
    let text = reader.secret("mail.password_file", path, PASSWORD)?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}
