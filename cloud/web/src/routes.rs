//! The table of routes: what is answered, and to whom. The router is made from it, so that none can be left out.
//!
//! In: a [`Context`]. Out: the router with every guard around it. Adding a route is one line here; the test of who may
//! ask what goes through [`ROUTES`] and fails for a line it does not know how to ask.

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{delete, get, patch, post};
use tower_http::compression::{CompressionLayer, CompressionLevel};
use tower_http::limit::RequestBodyLimitLayer;

use crate::{Context, api, assets, error, guard, live, pages};

/// Who is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anybody.
    Public,
    /// Signed-in people, by cookie.
    SignedIn,
    /// Signed-in people with a grant on the inverter in the path, by cookie.
    Inverter,
    /// Signed-in people who may manage the inverter in the path.
    Manage,
    /// Members of the organization in the path, viewers too.
    Organization,
    /// Its members and owners.
    OrganizationWork,
    /// Its owners.
    OrganizationOwn,
    /// Members of the organization that owns the site in the path, viewers too; the account that owns it.
    Site,
    /// The organization's members and owners; the account that owns the site.
    SiteWork,
    /// Operators with a session; to everybody else who is signed in the route is not there.
    Operator,
    /// Accounts, by cookie or bearer token.
    Api,
    /// Accounts, by cookie alone: what no token may do.
    ApiPerson,
    /// Accounts with a grant on the inverter in the path, by cookie or bearer token.
    ApiInverter,
    /// Accounts that may manage the inverter in the path, by cookie or by a token to write.
    ApiEdit,
}

/// One line of the table.
#[derive(Clone, Copy, Debug)]
pub struct Route {
    /// `GET`, `POST`, `PATCH` or `DELETE`.
    pub method: &'static str,
    /// Path as axum writes it.
    pub path: &'static str,
    /// Who is answered.
    pub access: Access,
}

/// No form and no request here is larger, bytes.
const MAX_BODY: usize = 16 * 1024;

macro_rules! routes {
    ($($method:ident $path:literal $access:ident $handler:path;)*) => {
        /// Every route.
        pub static ROUTES: &[Route] = &[
            $(Route { method: routes!(@name $method), path: $path, access: Access::$access },)*
        ];

        fn table() -> Router<Context> {
            Router::new()$(.route($path, $method($handler)))*
        }
    };
    (@name get) => { "GET" };
    (@name post) => { "POST" };
    (@name patch) => { "PATCH" };
    (@name delete) => { "DELETE" };
}

routes! {
    get  "/"                                   SignedIn    pages::home;
    get  "/sign-in"                            Public      pages::sign_in::show;
    post "/sign-in"                            Public      pages::sign_in::submit;
    post "/sign-out"                           Public      pages::sign_in::out;
    get  "/register"                           Public      pages::register::show;
    post "/register"                           Public      pages::register::submit;
    get  "/verify"                             Public      pages::published::show;
    get  "/verify/key.pem"                     Public      pages::published::key;
    get  "/verify/check.py"                    Public      pages::published::script;
    get  "/verify/{token}"                     Public      pages::verify::show;
    post "/verify/{token}"                     Public      pages::verify::submit;
    get  "/forgot"                             Public      pages::forgot::show;
    post "/forgot"                             Public      pages::forgot::submit;
    get  "/reset/{token}"                      Public      pages::reset::show;
    post "/reset/{token}"                      Public      pages::reset::submit;
    get  "/sign-in/code"                       Public      pages::sign_in_code::show;
    post "/sign-in/code"                       Public      pages::sign_in_code::submit;
    get  "/sign-in/passkey"                    Public      pages::sign_in_passkey::options;
    post "/sign-in/passkey"                    Public      pages::sign_in_passkey::submit;
    get  "/confirm"                            SignedIn    pages::confirm::show;
    post "/confirm"                            SignedIn    pages::confirm::submit;
    get  "/confirm/passkey"                    SignedIn    pages::confirm_passkey::options;
    post "/confirm/passkey"                    SignedIn    pages::confirm_passkey::submit;
    get  "/me/notifications"                   SignedIn    pages::notifications::show::show;
    post "/me/notifications"                   SignedIn    pages::notifications::preferences::submit;
    post "/me/notifications/test"              SignedIn    pages::notifications::test::submit;
    get  "/me/notifications/phones/new"        SignedIn    pages::notifications::phones::new;
    post "/me/notifications/phones/new"        SignedIn    pages::notifications::phones::begin;
    get  "/me/notifications/phones/{phone}"    SignedIn    pages::notifications::phone_code::show;
    post "/me/notifications/phones/{phone}"    SignedIn    pages::notifications::phone_code::submit;
    post "/me/notifications/phones/{phone}/remove" SignedIn pages::notifications::phones::remove;
    get  "/me/notifications/push/new"          SignedIn    pages::notifications::push::new;
    post "/me/notifications/push/new"          SignedIn    pages::notifications::push::add;
    post "/me/notifications/push/{device}/remove" SignedIn pages::notifications::push::remove;
    post "/push/arrived"                       Public      pages::notifications::push::arrived;
    get  "/me/notifications/webhooks/new"      SignedIn    pages::notifications::webhooks::new;
    post "/me/notifications/webhooks/new"      SignedIn    pages::notifications::webhooks::add;
    post "/me/notifications/webhooks/{webhook}/challenge" SignedIn pages::notifications::webhooks::challenge_again;
    post "/me/notifications/webhooks/{webhook}/remove" SignedIn pages::notifications::webhooks::remove;
    get  "/me/security"                        SignedIn    pages::security::show;
    get  "/me/security/app"                    SignedIn    pages::security::app::show;
    post "/me/security/app"                    SignedIn    pages::security::app::begin;
    post "/me/security/app/code"               SignedIn    pages::security::app::confirm;
    post "/me/security/app/remove"             SignedIn    pages::security::app::remove;
    post "/me/security/recovery"               SignedIn    pages::security::recovery::renew;
    get  "/me/security/passkeys/new"           SignedIn    pages::security::passkeys::new;
    post "/me/security/passkeys/new"           SignedIn    pages::security::passkeys::add;
    get  "/me/security/passkeys/options"       SignedIn    pages::security::passkeys::options;
    post "/me/security/passkeys/{passkey}/name" SignedIn   pages::security::passkeys::rename;
    post "/me/security/passkeys/{passkey}/remove" SignedIn pages::security::passkeys::remove;
    post "/me/security/sessions/end"           SignedIn    pages::security::sessions::end_others;
    post "/me/security/sessions/{session}/end" SignedIn    pages::security::sessions::end;
    get  "/fleet"                              SignedIn    pages::fleet::show;
    get  "/alarms"                             SignedIn    pages::alarms::list::show;
    get  "/a/{code}"                           Inverter    pages::alarms::short::follow;
    get  "/alarms/{id}"                        SignedIn    pages::alarms::show::show;
    post "/alarms/{id}/acknowledge"            SignedIn    pages::alarms::acknowledge::submit;
    post "/alarms/{id}/shelve"                 SignedIn    pages::alarms::shelve::submit;
    post "/alarms/{id}/unshelve"               SignedIn    pages::alarms::shelve::take_back;
    get  "/inverters/{id}"                     Inverter    pages::inverter::show;
    get  "/inverters/{id}/chart"               Inverter    pages::chart::data;
    get  "/inverters/{id}/history.html"        Inverter    pages::table::show;
    get  "/inverters/{id}/history.csv"         Inverter    pages::csv::download;
    get  "/inverters/{id}/outages/{started}"   Inverter    pages::outage::show;
    get  "/inverters/{id}/tests"               Inverter    pages::tests::inverter::show;
    post "/inverters/{id}/tests/{test}/note"   Manage      pages::tests::note::submit;
    get  "/tests"                              SignedIn    pages::tests::calendar::show;
    get  "/tests/report"                       SignedIn    pages::tests::report::show;
    post "/tests/exports"                      SignedIn    pages::tests::exports::begin;
    get  "/tests/exports/{export}"             SignedIn    pages::tests::exports::show;
    post "/tests/exports/{export}/delete"      SignedIn    pages::tests::exports::delete;
    get  "/tests/exports/{export}/{kind}"      SignedIn    pages::tests::exports::load;
    get  "/tests/report.pdf"                   SignedIn    pages::tests::download::as_pdf;
    get  "/tests/report.csv"                   SignedIn    pages::tests::download::as_csv;
    get  "/tests/report.csv.check"             SignedIn    pages::tests::download::csv_check;
    get  "/tests/report.json.check"            SignedIn    pages::tests::download::json_check;
    get  "/tests/report.json"                  SignedIn    pages::tests::download::as_json;
    get  "/me"                                 SignedIn    pages::me::show;
    post "/me/name"                            SignedIn    pages::me::name::submit;
    get  "/me/password"                        SignedIn    pages::me::password::show;
    post "/me/password"                        SignedIn    pages::me::password::submit;
    get  "/me/address"                         SignedIn    pages::me::address::show;
    post "/me/address"                         SignedIn    pages::me::address::submit;
    get  "/me/address/{token}"                 SignedIn    pages::me::address_confirm::show;
    post "/me/address/{token}"                 SignedIn    pages::me::address_confirm::submit;
    get  "/me/data"                            SignedIn    pages::me::data::show;
    post "/me/data/export"                     SignedIn    pages::me::export::submit;
    post "/me/data/delete"                     SignedIn    pages::me::delete::submit;
    get  "/inverters/{id}/people"              Inverter    pages::people::list::show;
    post "/inverters/{id}/people"              Manage      pages::people::change::submit;
    get  "/inverters/{id}/people/new"          Manage      pages::people::offer::show;
    post "/inverters/{id}/people/new"          Manage      pages::people::offer::submit;
    post "/inverters/{id}/people/withdraw"     Manage      pages::people::withdraw::submit;
    post "/inverters/{id}/leave"               Inverter    pages::people::leave::submit;
    get  "/inverters/{id}/settings"            Manage      pages::settings::edit::show;
    post "/inverters/{id}/settings"            Manage      pages::settings::edit::submit;
    post "/inverters/{id}/hand-over"           Manage      pages::settings::hand_over::submit;
    get  "/inverters/{id}/remove"              Manage      pages::settings::remove::show;
    post "/inverters/{id}/remove"              Manage      pages::settings::remove::submit;
    get  "/inverters/{id}/maintenance"         Inverter    pages::maintenance::show::show;
    post "/inverters/{id}/maintenance"         Manage      pages::maintenance::plan::submit;
    post "/inverters/{id}/maintenance/{window}/end" Manage pages::maintenance::end::submit;
    get  "/inverters/{id}/limits"              Inverter    pages::limits::show::show;
    post "/inverters/{id}/limits"              Manage      pages::limits::add::submit;
    post "/inverters/{id}/limits/{limit}/remove" Manage    pages::limits::remove::submit;
    get  "/shares"                             SignedIn    pages::shares::list::show;
    post "/shares/{offer}/accept"              SignedIn    pages::shares::answer::accept_offer;
    post "/shares/{offer}/decline"             SignedIn    pages::shares::answer::decline_offer;
    post "/invitations/{invitation}/accept"    SignedIn    pages::shares::answer::accept_invitation;
    post "/invitations/{invitation}/decline"   SignedIn    pages::shares::answer::decline_invitation;
    get  "/organizations"                      SignedIn    pages::organizations::list::show;
    get  "/organizations/new"                  SignedIn    pages::organizations::new::show;
    post "/organizations/new"                  SignedIn    pages::organizations::new::submit;
    get  "/organizations/{organization}/activity" OrganizationOwn pages::activity::of_organization;
    get  "/organizations/{organization}"       Organization pages::organizations::show::show;
    post "/organizations/{organization}/members" OrganizationOwn pages::organizations::members::submit;
    post "/organizations/{organization}/invite" OrganizationOwn pages::organizations::invite::submit;
    post "/organizations/{organization}/invitations/withdraw" OrganizationOwn pages::organizations::invite::withdraw;
    post "/organizations/{organization}/settings" OrganizationOwn pages::organizations::settings::submit;
    get  "/organizations/{organization}/severities" OrganizationWork pages::organizations::severities::show::show;
    post "/organizations/{organization}/severities" OrganizationWork pages::organizations::severities::change::submit;
    post "/organizations/{organization}/sites" OrganizationWork pages::organizations::sites::submit;
    post "/organizations/{organization}/leave" Organization pages::organizations::leave::submit;
    post "/organizations/{organization}/delete" OrganizationOwn pages::organizations::delete::submit;
    get  "/organizations/{organization}/logbook" Organization pages::organizations::logbook::show::show;
    post "/organizations/{organization}/logbook" OrganizationOwn pages::organizations::logbook::begin::submit;
    post "/organizations/{organization}/logbook/export" OrganizationOwn pages::organizations::logbook::export::submit;
    post "/organizations/{organization}/logbook/delete" OrganizationOwn pages::organizations::logbook::end::submit;
    get  "/organizations/{organization}/ladder" Organization pages::ladder::show::of_organization;
    post "/organizations/{organization}/ladder" OrganizationOwn pages::ladder::change::of_organization;
    get  "/sites/{site}/ladder"                Site        pages::ladder::show::of_site;
    post "/sites/{site}/ladder"                SiteWork    pages::ladder::change::of_site;
    get  "/sites/{site}"                       Site        pages::site::show;
    post "/sites/{site}"                       SiteWork    pages::site::submit;
    post "/sites/{site}/delete"                SiteWork    pages::site::delete;
    get  "/op/allow-list"                      Operator    pages::op::allow_list::show;
    post "/op/allow-list"                      Operator    pages::op::allow_add::submit;
    post "/op/allow-list/remove"               Operator    pages::op::allow_remove::submit;
    get  "/inverters/{id}/activity"            Manage      pages::activity::of_inverter;
    get  "/me/activity"                        SignedIn    pages::activity::own;
    get  "/me/tokens"                          SignedIn    pages::tokens::list::show;
    get  "/me/tokens/new"                      SignedIn    pages::tokens::new::show;
    post "/me/tokens/new"                      SignedIn    pages::tokens::new::submit;
    post "/me/tokens/{token}/revoke"           SignedIn    pages::tokens::revoke::submit;
    get  "/op/audit"                           Operator    pages::op::audit::show;
    post "/op/audit/verify"                    Operator    pages::op::audit_verify::submit;
    get  "/pair"                               SignedIn    pages::pair::serial::show;
    post "/pair"                               SignedIn    pages::pair::serial::submit;
    get  "/pair/{attempt}"                     SignedIn    pages::pair::attempt::show;
    post "/pair/{attempt}/cancel"              SignedIn    pages::pair::cancel::submit;
    get  "/pair/{attempt}/name"                SignedIn    pages::pair::name::show;
    post "/pair/{attempt}/name"                SignedIn    pages::pair::name::submit;
    get  "/live/pair/{attempt}"                SignedIn    live::pairing::stream;
    get  "/op/devices"                         Operator    pages::op::devices::show;
    get  "/op/devices/new"                     Operator    pages::op::device_new::show;
    post "/op/devices/new"                     Operator    pages::op::device_new::submit;
    get  "/op/devices/{serial}"                Operator    pages::op::device::show;
    get  "/op/devices/{serial}/label.svg"      Operator    pages::op::device::label;
    post "/op/devices/{serial}/revoke"         Operator    pages::op::device::revoke;
    get  "/op/accounts"                        Operator    pages::op::accounts::show;
    get  "/op/accounts/account"                Operator    pages::op::account::show;
    post "/op/accounts/disable"                Operator    pages::op::account::disable;
    post "/op/accounts/enable"                 Operator    pages::op::account::enable;
    post "/op/accounts/sign-out"               Operator    pages::op::account::sign_out;
    get  "/op/quarantine"                      Operator    pages::op::quarantine::show;
    post "/op/quarantine/{report}/download"    Operator    pages::op::quarantine::download;
    post "/op/quarantine/{report}/delete"      Operator    pages::op::quarantine::delete;
    get  "/op/deliveries"                      Operator    pages::op::deliveries::show;
    get  "/op/health"                          Operator    pages::op::health::show;
    get  "/live/fleet"                         SignedIn    live::fleet::stream;
    get  "/live/alarms"                        SignedIn    live::alarms::stream;
    get  "/live/alarms/{id}"                   SignedIn    live::alarm::stream;
    get  "/live/inverters/{id}"                Inverter    live::inverter::stream;
    get  "/manifest.webmanifest"               Public      assets::manifest;
    get  "/service-worker.js"                  Public      assets::worker;
    get  "/assets/{file}"                      Public      assets::serve;
    get  "/api/openapi.json"                   Public      api::openapi::document;
    get  "/api/v1/me/notifications"            Api         api::notifications::show;
    patch "/api/v1/me/notifications"           ApiPerson   api::notifications::change;
    get  "/api/v1/inverters"                   Api         api::inverters::list;
    get  "/api/v1/inverters/{id}"              ApiInverter api::inverters::one;
    patch "/api/v1/inverters/{id}"             ApiEdit     api::rename::submit;
    get  "/api/v1/inverters/{id}/latest"       ApiInverter api::inverters::latest;
    get  "/api/v1/inverters/{id}/history"      ApiInverter api::history::range;
    get  "/api/v1/inverters/{id}/history.csv"  ApiInverter api::history::csv;
    get  "/api/v1/inverters/{id}/maintenance"  ApiInverter api::maintenance::list;
    post "/api/v1/inverters/{id}/maintenance"  ApiEdit     api::maintenance::plan;
    delete "/api/v1/inverters/{id}/maintenance/{window}" ApiEdit api::maintenance::end;
    get  "/api/v1/inverters/{id}/tests"        ApiInverter api::tests::list;
    get  "/api/v1/inverters/{id}/ladder"       ApiInverter api::ladder::show;
    get  "/api/v1/inverters/{id}/logbook"      ApiInverter api::logbook::list;
    get  "/api/v1/inverters/{id}/limits"       ApiInverter api::limits::list;
    post "/api/v1/inverters/{id}/limits"       ApiEdit     api::limits::add;
    delete "/api/v1/inverters/{id}/limits/{limit}" ApiEdit api::limits::remove;
}

/// Everything that people and their programs ask, with every guard around it.
pub fn router(context: Context) -> Router {
    // Level 4 of brotli costs a millisecond on our largest page; the highest would cost a hundred.
    let compression = CompressionLayer::new().quality(CompressionLevel::Precise(4));
    table()
        .layer(RequestBodyLimitLayer::new(MAX_BODY))
        .layer(from_fn_with_state(context.clone(), guard::same_origin::require))
        .layer(from_fn_with_state(context.clone(), guard::host::pin))
        .layer(from_fn(guard::panic::contain))
        .layer(from_fn_with_state(context.clone(), error::present))
        .layer(compression)
        .layer(from_fn(guard::headers::add))
        .with_state(context)
}
