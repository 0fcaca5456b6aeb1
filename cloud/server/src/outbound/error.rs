//! Why a request has no answer.

use std::net::IpAddr;

/// Why. The words are shown to the person who named the address, and tell no more than that person could find out.
#[derive(Debug, thiserror::Error)]
pub enum NoAnswer {
    /// The address is not one that we speak to.
    #[error("the address {0}")]
    Address(&'static str),
    /// Its name is not known.
    #[error("the name {0} was not found")]
    Name(String),
    /// It is not on the public Internet.
    #[error("{name} is at {address}, which is not a public address")]
    NotPublic {
        /// As written.
        name: String,
        /// What it led to.
        address: IpAddr,
    },
    /// Nobody is there.
    #[error("no connection: {0}")]
    Connect(std::io::Error),
    /// It cannot be trusted.
    #[error("no secure connection: {0}")]
    Tls(std::io::Error),
    /// What came back is not HTTP, or it broke off.
    #[error("the answer broke off or is not HTTP: {0}")]
    Http(hyper::Error),
    /// It cannot be sent as it is.
    #[error("the request cannot be written: {0}")]
    Request(#[from] axum::http::Error),
    /// No answer within the time limit.
    #[error("no answer within {} seconds", super::TIME_LIMIT.as_secs())]
    Late {
        /// Whether the request was on its way by then.
        sent: bool,
    },
}

impl NoAnswer {
    /// Whether it may have arrived all the same.
    #[must_use]
    pub const fn may_have_arrived(&self) -> bool {
        matches!(self, Self::Http(_) | Self::Late { sent: true })
    }
}
