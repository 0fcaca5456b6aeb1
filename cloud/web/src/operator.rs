//! Who may do an operator's work.
//!
//! In: a request with a session's cookie. Out: an [`Operator`]. Everybody else who is signed in is answered as if the page
//! did not exist; an operator without a second factor is led to where one is set up; whatever changes something asks for
//! a fresh proof: here, for every route alike. Sees no inverter by that.

use axum::extract::FromRequestParts;
use fleet::session::Standing;
use http::request::Parts;

use crate::caller::Caller;
use crate::sign_in::{factors, fresh};
use crate::{Context, Error, access};

/// A caller who is an operator.
#[derive(Clone, Debug)]
pub struct Operator(pub Caller);

impl FromRequestParts<Context> for Operator {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, context: &Context) -> Result<Self, Error> {
        let caller = Caller::from_request_parts(parts, context).await?;
        access::operate(context, &caller)?;
        // A device that was remembered before its owner became an operator does not get in by that.
        if caller.standing != Standing::Active {
            return Err(Error::Reauthenticate);
        }
        factors::require(context, &caller, false).await?;
        if !parts.method.is_safe() {
            fresh::require(context, &caller)?;
        }
        Ok(Self(caller))
    }
}
