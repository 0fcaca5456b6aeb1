//! `POST /shares/{offer}/accept` and `…/decline`, `POST /invitations/{invitation}/accept` and `…/decline`.
//!
//! In: what waits for an answer of the caller, with a fresh proof. Out: a grant or a membership, or nothing; either way it
//! waits no more, and who offered is told.

use axum::extract::{Path, State};
use axum::response::Redirect;
use fleet::audit::Verb;
use store::state::{Inviting, Side};

use super::super::organizations;
use super::super::people::failed;
use super::one;
use crate::caller::Caller;
use crate::mail::sharing as letters;
use crate::sign_in::{act, fresh};
use crate::{Context, Error};

/// One answer to one kind of question.
struct Answer {
    yes: bool,
    verb: Verb,
    /// For the log, where it fails.
    doing: &'static str,
    /// Where one goes on.
    next: &'static str,
}

const TAKE: Answer =
    Answer { yes: true, verb: Verb::ShareAccept, doing: "accept an offer", next: "/fleet?done=accepted" };
const REFUSE: Answer =
    Answer { yes: false, verb: Verb::ShareDecline, doing: "decline an offer", next: "/shares?done=declined" };
const JOIN: Answer = Answer {
    yes: true,
    verb: Verb::MemberJoin,
    doing: "accept an invitation",
    next: "/organizations?done=joined",
};
const STAY_AWAY: Answer = Answer {
    yes: false,
    verb: Verb::MemberDecline,
    doing: "decline an invitation",
    next: "/shares?done=declined",
};

type Asked = (State<Context>, Caller, Path<String>);

/// `POST /shares/{offer}/accept`
pub async fn accept_offer(asked: Asked) -> Result<Redirect, Error> {
    to_offer(asked, &TAKE).await
}

/// `POST /shares/{offer}/decline`
pub async fn decline_offer(asked: Asked) -> Result<Redirect, Error> {
    to_offer(asked, &REFUSE).await
}

/// `POST /invitations/{invitation}/accept`
pub async fn accept_invitation(asked: Asked) -> Result<Redirect, Error> {
    to_invitation(asked, &JOIN).await
}

/// `POST /invitations/{invitation}/decline`
pub async fn decline_invitation(asked: Asked) -> Result<Redirect, Error> {
    to_invitation(asked, &STAY_AWAY).await
}

async fn to_offer((State(context), caller, Path(id)): Asked, answer: &Answer) -> Result<Redirect, Error> {
    let offered = one(&context, &caller, &id).await?;
    fresh::require(&context, &caller)?;
    let act = act::of(&context, &caller, answer.verb)?.of_account(caller.account.key);
    let letter = letters::answered(&context, &caller, &offered, answer.yes).await?;
    let (recipient, mails) = (&offered.offer.recipient, letter.mails(context.now()));
    let answered = if answer.yes {
        context.state().accept_offer(&id, recipient, offered.holder(&caller), act, &mails).await
    } else {
        context.state().close_offer(&id, Side::Receiving(recipient), act, &mails).await
    };
    answered.map_err(failed(answer.doing))?.ok_or(Error::NotFound)?;
    Ok(Redirect::to(answer.next))
}

async fn to_invitation(
    (State(context), caller, Path(id)): Asked,
    answer: &Answer,
) -> Result<Redirect, Error> {
    organizations::invited(&context, &caller, &id).await?;
    fresh::require(&context, &caller)?;
    let (email, account) = (&caller.account.email, caller.account.key);
    let act = act::of(&context, &caller, answer.verb)?.of_account(account);
    let answered = if answer.yes {
        context.state().accept_invitation(&id, email, account, act).await
    } else {
        context.state().close_invitation(&id, Inviting::Invited(email), act).await
    };
    answered.map_err(failed(answer.doing))?.ok_or(Error::NotFound)?;
    Ok(Redirect::to(answer.next))
}
