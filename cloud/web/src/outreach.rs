//! Tells those whom an offer or an invitation concerns.
//!
//! In: offers and invitations that nobody was told of. Out: letters in the outbox, if somebody is there and is not told too
//! often already; each is noted in the same transaction, so that one is told once. Apart from the request that made the offer, which does the same
//! work for any address.

use fleet::MemberRole;
use store::state::{Email, Recipient, StateError};
use wire::UtcMs;

use crate::mail::sharing as letters;
use crate::pages::people::list::called;
use crate::{Context, Error};

/// Tells of everything that waits. The server calls it each second.
///
/// # Errors
/// [`Error::Internal`]: nothing is lost, the next call tells.
pub async fn tell(context: &Context) -> Result<(), Error> {
    let now = context.now();
    for (offer, inverter) in context.state().untold_offers(now).await.map_err(failed)? {
        let name = if inverter.name.is_empty() { inverter.serial.to_string() } else { inverter.name };
        if !context.limits().may_tell(offer.made_by, offer.recipient.as_str(), now) {
            context.state().offer_told(&offer.public_id, now, &[]).await.map_err(failed)?;
            continue;
        }
        let by = maker(context, offer.made_by).await?;
        let (to, for_whom) = match &offer.recipient {
            Recipient::Address(email) => (somebody(context, email).await?, "you".to_owned()),
            Recipient::Organization(code) => organization(context, code).await?,
        };
        let letter = letters::offered(context.origin(), &by, &name, offer.role, &for_whom)?;
        let keys: Vec<_> = (0..to.len()).map(|at| format!("offer:{}:{at}", offer.public_id)).collect();
        let mails: Vec<_> =
            to.iter().zip(&keys).map(|(to, key)| letter.to(to, key, now, offer.expires_at)).collect();
        context.state().offer_told(&offer.public_id, now, &mails).await.map_err(failed)?;
    }
    tell_invitations(context, now).await
}

async fn tell_invitations(context: &Context, now: UtcMs) -> Result<(), Error> {
    for (invitation, organization) in context.state().untold_invitations(now).await.map_err(failed)? {
        if !context.limits().may_tell(invitation.made_by, invitation.email.as_str(), now) {
            context.state().invitation_told(&invitation.public_id, now, &[]).await.map_err(failed)?;
            continue;
        }
        let by = maker(context, invitation.made_by).await?;
        let letter = letters::invited(context.origin(), &by, &organization.name)?;
        let to = somebody(context, &invitation.email).await?;
        let key = format!("invitation:{}", invitation.public_id);
        let mails: Vec<_> = to.iter().map(|to| letter.to(to, &key, now, invitation.expires_at)).collect();
        context.state().invitation_told(&invitation.public_id, now, &mails).await.map_err(failed)?;
    }
    Ok(())
}

/// The address, if an account that is not disabled uses it.
async fn somebody(context: &Context, email: &Email) -> Result<Vec<Email>, Error> {
    let account = context.state().account_by_email(email).await.map_err(failed)?;
    Ok(account.filter(|account| !account.disabled).map(|account| account.email).into_iter().collect())
}

/// Those who may answer for an organization, and its name; nobody where there is no such one.
async fn organization(context: &Context, code: &str) -> Result<(Vec<Email>, String), Error> {
    let Some(found) = context.state().organization(code).await.map_err(failed)? else {
        return Ok((Vec::new(), String::new()));
    };
    let members = context.state().members(found.key).await.map_err(failed)?;
    let able =
        members.into_iter().filter(|member| member.role >= MemberRole::Member && !member.account.disabled);
    Ok((able.map(|member| member.account.email).collect(), found.name))
}

async fn maker(context: &Context, key: fleet::AccountKey) -> Result<String, Error> {
    let account = context.state().account(key).await.map_err(failed)?;
    Ok(account.map_or("Somebody".to_owned(), |account| format!("{} ({})", called(&account), account.email)))
}

fn failed(error: StateError) -> Error {
    Error::internal("tell of an offer", error)
}
