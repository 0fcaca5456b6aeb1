//! `POST /op/audit/verify`: reads the whole log and says whether anything in it was changed.
//!
//! In: a press of the button. Out: a page with the length and the last hash, or the row where the log breaks; and an act
//! in the log itself.

use askama::Template;
use axum::extract::State;
use axum::response::Html;
use fleet::audit::Verb;

use super::super::html;
use super::super::shell::Shell;
use crate::operator::Operator;
use crate::sign_in::act;
use crate::view::words;
use crate::{Context, Error};

#[derive(Template)]
#[template(path = "op_audit_verify.html")]
struct Page {
    shell: Shell,
    result: Result<Sound, String>,
}

/// A log that is whole, in words.
struct Sound {
    length: String,
    erased: String,
    hash: String,
}

/// `POST /op/audit/verify`
pub async fn submit(
    State(context): State<Context>,
    Operator(caller): Operator,
) -> Result<Html<String>, Error> {
    let failed = |error| Error::internal("verify the audit log", error);
    let turn = context.turns().take(caller.account.key)?;
    let verified = context.state().verify_audit().await.map_err(failed)?;
    drop(turn);
    let said = match &verified {
        Ok(whole) => format!("whole, {} rows", whole.length),
        Err(broken) => broken.to_string(),
    };
    if let Err(broken) = &verified {
        tracing::error!("the audit log is not whole: {broken}");
    }
    let act = act::of(&context, &caller, Verb::AuditVerify)?.with_detail(said);
    context.state().record_act(&act).await.map_err(failed)?;
    let result = verified.map_err(|broken| broken.to_string()).map(|whole| Sound {
        length: words::count(whole.length),
        erased: words::count(whole.erased),
        hash: whole.hash.iter().map(|byte| format!("{byte:02x}")).collect(),
    });
    html(&Page { shell: Shell::new(&caller, context.now(), None, "/op/audit/verify"), result })
}
