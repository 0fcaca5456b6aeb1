//! Mails to a mail server, over TLS or not at all.
//!
//! In: letters. Out: the server's answer to the message. TLS comes before anything that is ours: a server that offers no
//! STARTTLS, or whose certificate does not lead to a trusted root and its name, gets neither password nor mail. What is
//! wrong with the way there (connection, TLS, sign-in, sender) is told apart from what is wrong with one mail.

use std::time::Duration;

use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter};
use tokio::time::timeout;

use super::{Letter, NotSent, SinkError};
use crate::config::{Encryption, MailServer};

/// From the first packet to being signed in.
const CONNECT_PATIENCE: Duration = Duration::from_secs(30);
/// From MAIL FROM to the answer to the message, during which servers look into mails.
const SEND_PATIENCE: Duration = Duration::from_secs(300);
/// A polite end is nobody's wait.
const QUIT_PATIENCE: Duration = Duration::from_secs(5);
/// The one answer to a message by which a server takes it (RFC 5321, 4.2.5).
const TAKEN: u16 = 250;

const REACH: &str =
    "Look whether the mail server runs and whether `mail.smtp` names it; mails wait until it is reached";
const START_TLS: &str = "Mails are sent only over TLS. Turn on STARTTLS at the mail server, or name one that has it \
                         under `mail.smtp` (smtps:// for TLS from the first byte)";
const TRUST: &str = "Look whether the mail server runs, has TLS on this port and a certificate for the name in \
                     `mail.smtp`. If its root is your own, name it under `mail.ca_file`";
const SIGN_IN: &str = "Set `mail.username` and `mail.password_file` to what the mail server knows";
const SENDER: &str =
    "Set `mail.from` to an address that this mail server sends for, and `mail.username` if it wants one";

/// A mail server.
pub struct Smtp {
    encryption: Encryption,
    host: String,
    port: u16,
    tls: TlsParameters,
    credentials: Option<Credentials>,
    hello: ClientId,
}

impl Smtp {
    /// Knows a server; nothing is sent yet. `roots` (DER) are trusted beside the system's own; `hello` is the name that
    /// this server goes by.
    ///
    /// # Errors
    /// [`SinkError::Tls`].
    pub fn new<'a>(
        server: &MailServer,
        password: Option<String>,
        roots: impl Iterator<Item = &'a [u8]>,
        hello: &str,
    ) -> Result<Self, SinkError> {
        let mut tls = TlsParameters::builder(server.host.clone());
        for root in roots {
            tls = tls.add_root_certificate(Certificate::from_der(root.to_vec())?);
        }
        let login = server.login.as_ref().zip(password);
        Ok(Self {
            encryption: server.encryption,
            host: server.host.clone(),
            port: server.port,
            tls: tls.build_rustls()?,
            credentials: login.map(|(login, password)| Credentials::new(login.username.clone(), password)),
            hello: ClientId::Domain(hello.to_owned()),
        })
    }

    /// Sends a letter; the server's answer.
    ///
    /// # Errors
    /// [`NotSent`].
    pub async fn send(&self, letter: &Letter) -> Result<String, NotSent> {
        let mut connection = timeout(CONNECT_PATIENCE, self.connect())
            .await
            .map_err(|_| self.no_way("does not answer", REACH))??;
        let sent = timeout(SEND_PATIENCE, self.hand_over(&mut connection, letter))
            .await
            .unwrap_or_else(|_| Err(NotSent::Deferred("the server did not answer in time".to_owned())));
        // The receipt is not kept waiting for the farewell.
        tokio::spawn(async move { timeout(QUIT_PATIENCE, connection.abort()).await });
        sent
    }

    /// A connection that is encrypted and signed in.
    async fn connect(&self) -> Result<AsyncSmtpConnection, NotSent> {
        let server = (self.host.as_str(), self.port);
        let (at_once, hint) = match self.encryption {
            Encryption::AtOnce => (Some(self.tls.clone()), TRUST),
            Encryption::StartTls => (None, REACH),
        };
        let patience = Some(CONNECT_PATIENCE);
        let mut connection =
            AsyncSmtpConnection::connect_tokio1(server, patience, &self.hello, at_once, None)
                .await
                .map_err(|error| self.no_way(&format!("cannot be reached: {error}"), hint))?;
        if self.encryption == Encryption::StartTls {
            if !connection.can_starttls() {
                connection.abort().await;
                return Err(self.no_way("offers no STARTTLS", START_TLS));
            }
            let started = connection.starttls(self.tls.clone(), &self.hello).await;
            started.map_err(|error| self.no_way(&format!("cannot be spoken to over TLS: {error}"), TRUST))?;
        }
        if !connection.is_encrypted() {
            return Err(self.no_way("is not encrypted", START_TLS));
        }
        if let Some(credentials) = &self.credentials {
            let signed_in = connection.auth(DEFAULT_MECHANISMS, credentials).await;
            signed_in.map_err(|error| self.no_way(&format!("does not let us sign in: {error}"), SIGN_IN))?;
        }
        Ok(connection)
    }

    async fn hand_over(
        &self,
        connection: &mut AsyncSmtpConnection,
        letter: &Letter,
    ) -> Result<String, NotSent> {
        let mut parameters = Vec::new();
        if !letter.bytes.is_ascii() {
            parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
        }
        if ![&letter.from, &letter.to].iter().all(|address| address.to_string().is_ascii()) {
            if !connection.server_info().supports_feature(Extension::SmtpUtfEight) {
                let why = "the address is not ASCII, and the mail server takes no other (no SMTPUTF8)";
                return Err(NotSent::Refused(why.to_owned()));
            }
            parameters.push(MailParameter::SmtpUtfEight);
        }
        let sender = connection.command(Mail::new(Some(letter.from.clone()), parameters)).await;
        sender.map_err(|error| {
            if error.is_permanent() {
                self.no_way(&format!("does not send for our address: {error}"), SENDER)
            } else {
                of_this_mail(&error)
            }
        })?;
        connection.command(Rcpt::new(letter.to.clone(), Vec::new())).await.map_err(|e| of_this_mail(&e))?;
        connection.command(Data).await.map_err(|error| of_this_mail(&error))?;
        let answer = connection.message(&letter.bytes).await.map_err(|error| of_this_mail(&error))?;
        let words = answer.message().collect::<Vec<_>>().join(" ");
        let said = one_line(&format!("{} {words}", answer.code()));
        // Any other success belongs to an earlier command: an answer was slipped in before TLS began.
        if answer.has_code(TAKEN) { Ok(said) } else { Err(NotSent::Deferred(said)) }
    }

    fn no_way(&self, what: &str, what_to_do: &'static str) -> NotSent {
        NotSent::NoWay {
            what: one_line(&format!("the mail server {}:{} {what}", self.host, self.port)),
            what_to_do,
        }
    }
}

fn of_this_mail(error: &Error) -> NotSent {
    let said = one_line(&error.to_string());
    if error.is_permanent() { NotSent::Refused(said) } else { NotSent::Deferred(said) }
}

/// What a foreign server said, fit for a log and a page.
fn one_line(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect()
}

impl std::fmt::Debug for Smtp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Smtp").field("host", &self.host).field("port", &self.port).finish_non_exhaustive()
    }
}
