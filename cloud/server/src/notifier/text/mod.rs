//! Text messages, by whichever provider the configuration names.
//!
//! In: a number, a text of one message. Out: the provider's answer with its id. How many may be sent is asked before, of
//! the store (`count_text`); here nothing is counted.

mod http;
#[cfg(feature = "sns")]
mod sns;

use fleet::notice::{PhoneNumber, TextLimits, is_one_message};

pub use http::{Body, HttpProvider};
#[cfg(feature = "sns")]
pub use sns::{Sns, SnsAccess};

use super::NotSent;

/// The way to telephones.
#[derive(Debug)]
pub struct Texts {
    /// Who sends.
    pub provider: Provider,
    /// How many, and to where.
    pub limits: TextLimits,
}

/// Who sends text messages.
#[derive(Debug)]
pub enum Provider {
    /// Anyone with an HTTP API.
    Http(Box<HttpProvider>),
    /// Amazon.
    #[cfg(feature = "sns")]
    Sns(Sns),
}

impl Texts {
    /// Sends a text; what the provider said.
    ///
    /// # Errors
    /// [`NotSent`].
    pub async fn send(&self, to: &PhoneNumber, text: &str) -> Result<String, NotSent> {
        if !is_one_message(text) {
            return Err(NotSent::Refused(
                "the text is longer than one message of 160 plain characters".to_owned(),
            ));
        }
        match &self.provider {
            Provider::Http(provider) => provider.send(to, text).await,
            #[cfg(feature = "sns")]
            Provider::Sns(sns) => sns.send(to, text).await,
        }
    }
}
