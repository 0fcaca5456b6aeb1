//! Why a mail was not sent, and what that means for it.

use std::path::PathBuf;

/// Why a mail is not on its way.
#[derive(Debug, thiserror::Error)]
pub enum NotSent {
    /// This mail will never be taken: to whom it goes, or what it is, was refused for good.
    #[error("{0}")]
    Refused(String),
    /// Who it was for may not be told any more.
    #[error("not sent: {0}")]
    Withheld(&'static str),
    /// Nobody answered: it may have been taken all the same.
    #[error("{0}")]
    Unknown(String),
    /// This mail was not taken now.
    #[error("{0}")]
    Deferred(String),
    /// No mail can be sent: the way there is broken, and an operator may have to mend it.
    #[error("{what}. {what_to_do}")]
    NoWay {
        /// What happened, where.
        what: String,
        /// What an operator can do.
        what_to_do: &'static str,
    },
}

/// Why there is no way to send at all.
#[derive(Debug, thiserror::Error)]
pub enum SinkError {
    /// The folder cannot be made or written.
    #[error("cannot make the folder {} for mails: {source}", folder.display())]
    Folder {
        /// Which.
        folder: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The TLS library refuses the roots.
    #[error("the certificates for mail do not do: {0}")]
    Tls(#[from] lettre::transport::smtp::Error),
}
