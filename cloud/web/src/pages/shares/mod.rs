//! What is offered to the reader: access to inverters, places in organizations.
//!
//! In: the address that somebody proved to own, and the organizations that they work for. Out: a list, and what becomes
//! of each answer. What is offered to somebody else is not there.

pub mod answer;
pub mod list;

use fleet::{Holder, MemberRole};
use store::state::{Inverter, Offer, Organization, Recipient};

use crate::caller::Caller;
use crate::{Context, Error, access};

/// An offer to the reader or to an organization that they work for.
pub(crate) struct Offered {
    pub offer: Offer,
    pub inverter: Inverter,
    /// For whom it would be accepted.
    pub organization: Option<Organization>,
}

impl Offered {
    fn holder(&self, caller: &Caller) -> Holder {
        self.organization.as_ref().map_or(caller.account.key.into(), |organization| organization.key.into())
    }
}

/// What waits for an answer of the caller.
pub(crate) async fn waiting(context: &Context, caller: &Caller) -> Result<Vec<Offered>, Error> {
    let works = access::organizations(context, caller).await?;
    let works: Vec<_> = works.into_iter().filter(|(_, role)| *role >= MemberRole::Member).collect();
    let mut recipients = vec![Recipient::Address(caller.account.email.clone())];
    recipients.extend(works.iter().map(|(own, _)| Recipient::Organization(own.public_id.clone())));
    let offers = context.state().offers_to(&recipients, context.now()).await;
    let offers = offers.map_err(|error| Error::internal("list offers", error))?;
    let of = |offer: &Offer| match &offer.recipient {
        Recipient::Address(_) => None,
        Recipient::Organization(code) => {
            works.iter().find(|(own, _)| own.public_id == *code).map(|(own, _)| own.clone())
        }
    };
    Ok(offers
        .into_iter()
        .map(|(offer, inverter)| Offered { organization: of(&offer), offer, inverter })
        .collect())
}

/// The offer of an id, if it waits for an answer of the caller.
async fn one(context: &Context, caller: &Caller, id: &str) -> Result<Offered, Error> {
    let all = waiting(context, caller).await?;
    all.into_iter().find(|offered| offered.offer.public_id == id).ok_or(Error::NotFound)
}
