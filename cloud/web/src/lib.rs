//! The door for people: pages, API, live updates.
//!
//! In: HTTP requests from an accept loop that is not ours, rows from `store`, live states. Out: one [`router`]. Every
//! query passes `fleet::authorize`; what is somebody else's is answered like what is not there. Never touches a
//! device's bytes, holds no SQL, asks no clock of its own.
//!
//! # Putting it up
//!
//! `web::router(Context::new(state, history, live, clock, "https://inverters.example", &key)?.with_acts(acts))` is all.
//! The accept loop may
//! add the peer's address to each request as the extension `axum::extract::ConnectInfo<SocketAddr>`; without it all
//! sign-ins count as coming from one source. `admin account add` makes its hash with [`sign_in::password::hash`],
//! `admin token add` its token with [`sign_in::secret::Secret`].

mod access;
mod api;
pub mod assets;
mod caller;
mod context;
mod error;
pub mod guard;
mod journaled;
mod json;
pub mod label;
mod link;
mod live;
pub mod mail;
mod names;
mod operator;
pub mod outreach;
mod paced;
mod pages;
mod random;
mod registration;
pub mod report;
mod routes;
mod rules;
mod service;
pub mod sign_in;
mod turns;
mod view;
mod webauthn;

pub use context::{Acts, Clock, Context, InvalidContext, Live, Ways};
pub use error::Error;
pub use random::{RandomFailed, bytes32 as random_bytes, organization_code};
pub use routes::{Access, ROUTES, Route, router};
pub use service::{DoorCertificate, Health, Service};
pub use view::qr;
pub use view::words::Local;
