//! Where questions for a mailed link are answered, apart from the requests that bring them.
//!
//! In: what somebody asked. Out: the letters, queued by the store as `fleet::registration` says. A request only leaves
//! its question here and goes; the work is done a random moment later, the same for each, several at once if several
//! wait. So neither its own answer nor the next one's time tells whether the address is known. What waits when the
//! server ends is asked again by who waits for the mail.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use fleet::AccountKey;
use fleet::registration::{LINK_MS, Purpose};
use store::state::{Email, MailAsked};
use wire::UtcMs;

use crate::mail::{self, Letter};
use crate::sign_in::secret::Secret;
use crate::{Context, Error, random};

/// Questions that wait at most; more are told to come back.
const WAITING: usize = 1_000;
/// Questions answered in one transaction at most.
const AT_ONCE: usize = 50;
/// Tries before what cannot be answered is dropped, and the log says so.
const TRIES: u32 = 5;
const BETWEEN_TRIES: Duration = Duration::from_secs(2);
/// The shortest moment, and how much longer it is at most.
const PAUSE_MS: u64 = 200;
const PAUSE_MORE_MS: u64 = 512;

/// The desk.
#[derive(Debug, Default)]
pub struct Desk {
    waiting: Mutex<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    questions: Vec<Question>,
    answering: bool,
}

/// What somebody asked.
#[derive(Clone, Debug)]
pub struct Question {
    /// What for.
    pub purpose: Purpose,
    /// The address that was typed.
    pub email: Email,
    /// Who is signed in, where an address is to be changed.
    pub owner: Option<Owner>,
    /// When.
    pub at: UtcMs,
}

/// Whose address is to be changed.
#[derive(Clone, Debug)]
pub struct Owner {
    /// Who.
    pub account: AccountKey,
    /// The address of now.
    pub email: Email,
    /// Where the request came from.
    pub from: Option<String>,
}

/// Leaves a question.
///
/// # Errors
/// [`Error::Busy`], whatever the address is.
pub fn ask(context: &Context, question: Question) -> Result<(), Error> {
    let mut waiting = lock(context.desk());
    if waiting.questions.len() >= WAITING {
        return Err(Error::Busy);
    }
    waiting.questions.push(question);
    if !std::mem::replace(&mut waiting.answering, true) {
        tokio::spawn(answer(context.clone()));
    }
    Ok(())
}

fn lock(desk: &Desk) -> std::sync::MutexGuard<'_, Waiting> {
    desk.waiting.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Answers until nobody waits.
async fn answer(context: Context) {
    loop {
        let more = random::bytes32().map_or(0, |[first, second, ..]| u64::from(first) + u64::from(second));
        tokio::time::sleep(Duration::from_millis(PAUSE_MS + more.min(PAUSE_MORE_MS))).await;
        let questions: Vec<_> = {
            let mut waiting = lock(context.desk());
            let some = waiting.questions.len().min(AT_ONCE);
            if some == 0 {
                waiting.answering = false;
                return;
            }
            waiting.questions.drain(..some).collect()
        };
        for tried in 1..=TRIES {
            match answered(&context, &questions).await {
                Ok(()) => break,
                Err(error) if tried == TRIES => {
                    tracing::error!("{} mails that were asked for are not sent: {error}", questions.len());
                }
                Err(error) => tracing::warn!("mails that were asked for must wait: {error}"),
            }
            tokio::time::sleep(BETWEEN_TRIES).await;
        }
    }
}

async fn answered(context: &Context, questions: &[Question]) -> Result<(), Error> {
    let prepared: Vec<_> =
        questions.iter().map(|question| Prepared::new(context, question)).collect::<Result<_, _>>()?;
    let asked: Vec<_> =
        questions.iter().zip(&prepared).map(|(question, ready)| ready.asked(question)).collect();
    context.state().answer_asked(&asked).await.map_err(|error| Error::internal("answer with mails", error))
}

/// Every letter that may be the answer, written before anybody knows which it is.
struct Prepared {
    key: String,
    has_account_key: String,
    notice_key: String,
    secret: Secret,
    link: Letter,
    has_account: Letter,
    notice: Option<Letter>,
}

impl Prepared {
    fn new(context: &Context, question: &Question) -> Result<Self, Error> {
        let failed = |error| Error::internal("make a link", error);
        let (secret, name) = (Secret::new().map_err(failed)?, Secret::new().map_err(failed)?.reveal());
        let origin = context.origin();
        let link = match question.purpose {
            Purpose::Register => mail::registration::register(origin, &secret),
            Purpose::Reset => mail::registration::reset(origin, &secret),
            Purpose::Address => mail::registration::address(origin, &secret),
        };
        let notice = question.owner.as_ref().map(|owner| {
            let new = question.email.as_str();
            mail::registration::address_asked(origin, new, question.at, owner.from.as_deref())
        });
        Ok(Self {
            key: format!("link-{name}"),
            has_account_key: format!("has-account-{name}"),
            notice_key: format!("address-asked-{name}"),
            link: link?,
            has_account: mail::registration::has_account(origin)?,
            notice: notice.transpose()?,
            secret,
        })
    }

    fn asked<'a>(&'a self, question: &'a Question) -> MailAsked<'a> {
        let (email, at) = (&question.email, question.at);
        let owner = question.owner.as_ref();
        let notice = owner.zip(self.notice.as_ref());
        let registers = question.purpose == Purpose::Register;
        MailAsked {
            purpose: question.purpose,
            email,
            account: owner.map(|owner| owner.account),
            link_hash: self.secret.hash(),
            link: self.link.to(email, &self.key, at, at.plus_ms(LINK_MS)),
            has_account: registers
                .then(|| self.has_account.to(email, &self.has_account_key, at, at.plus_ms(LINK_MS))),
            notice: notice.map(|(owner, letter)| letter.notice(&owner.email, &self.notice_key, at)),
            at,
        }
    }
}
