//! A handler that panics answers 500 with a reference and takes nothing else down.
//!
//! In: a request. Out: the handler's response, or the error page. Never lets the connection's task die with it.

use std::panic::AssertUnwindSafe;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures_util::FutureExt;

use crate::error::Error;

/// Middleware: turns a panic into a response.
pub async fn contain(request: Request, next: Next) -> Response {
    match AssertUnwindSafe(next.run(request)).catch_unwind().await {
        Ok(response) => response,
        Err(panic) => {
            let said = panic
                .downcast_ref::<&str>()
                .map(ToString::to_string)
                .or_else(|| panic.downcast_ref::<String>().cloned())
                .unwrap_or_else(|| "no message".to_owned());
            Error::Internal(format!("a handler panicked: {said}")).into_response()
        }
    }
}
