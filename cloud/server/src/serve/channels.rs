//! The ways to people besides mail, wired: files of `[outbound]` and `[text]`, the keys of push messages and webhooks.
//!
//! In: the configuration. Out: ways that the notifier sends by, and what the people's door says of them; or an error that
//! names the file, the key and what to put there.

use std::path::Path;
use std::sync::Arc;

use web::sign_in::vault::{FactorsKey, Vault};

use super::files::Reader;
use crate::config::{Config, HttpApi, SnsApi, TextProvider, TextService};
use crate::notifier::push::{Push, Vapid};
use crate::notifier::text::{HttpProvider, Provider, Texts};
use crate::notifier::webhook::Webhooks;
use crate::notifier::{Hooks, Way, Ways};
use crate::outbound::Outbound;

/// What is said where `[text]` says nothing.
pub(super) const NO_TEXTS: &str = "are not sent: name a provider under [text] to have them sent";

const SECRET: &str = "cannot be read. Put the provider's secret there, and nothing else, mode 0600";
const ROOTS: &str = "Put a root certificate there (PEM), or leave the key out to trust the system's";

/// Reads the files that `[outbound]` and `[text]` name. Nothing is sent yet.
///
/// # Errors
/// Which file does not do, and what to put there.
pub(super) fn load(config: &Config) -> anyhow::Result<(Outbound, Option<Texts>)> {
    let reader = Reader { file: &config.file };
    let rules = &config.outbound;
    let roots = rules.ca_file.as_ref().map(|path| reader.certificates("outbound.ca_file", path, ROOTS));
    let roots = roots.transpose()?.unwrap_or_default();
    let outbound = Outbound::new(roots, rules.allow_addresses.clone())?;
    let texts = config.text.as_ref().map(|service| texts(&reader, service, &outbound)).transpose()?;
    Ok((outbound, texts))
}

/// All ways, and what is said of them at start.
///
/// # Errors
/// The key of second factors does not fit.
pub(super) fn ways(
    config: &Config,
    mail: Option<Way>,
    (outbound, text): (Outbound, Option<Texts>),
    keys: (&FactorsKey, Arc<Vapid>),
) -> anyhow::Result<(Ways, web::Ways)> {
    if !config.outbound.allow_addresses.is_empty() {
        let open = &config.outbound.allow_addresses;
        tracing::warn!(
            ?open,
            "requests to addresses that customers name may go there although they are not public"
        );
    }
    match &config.text {
        Some(service) => tracing::info!("text messages are sent {service}"),
        None => tracing::info!("text messages {NO_TEXTS}"),
    }
    let (factors, vapid) = keys;
    let said = web::Ways {
        countries: text.as_ref().map(|texts| texts.limits.countries.clone()).unwrap_or_default(),
        push_key: Some(vapid.public_key()),
        webhooks: true,
    };
    let hooks = Hooks { webhooks: Webhooks::new(outbound.clone()), vault: Vault::new(factors)? };
    let push = Some(Push::new(outbound, vapid));
    Ok((Ways { mail, text, push, webhook: Some(hooks) }, said))
}

fn texts(reader: &Reader<'_>, service: &TextService, outbound: &Outbound) -> anyhow::Result<Texts> {
    let provider = match &service.provider {
        TextProvider::Http(api) => Provider::Http(Box::new(http(reader, api, outbound)?)),
        TextProvider::Sns(api) => sns(reader, api)?,
    };
    Ok(Texts { provider, limits: service.limits.clone() })
}

#[cfg(feature = "sns")]
fn sns(reader: &Reader<'_>, api: &SnsApi) -> anyhow::Result<Provider> {
    use crate::notifier::text::{Sns, SnsAccess};
    let secret = secret(reader, &api.secret_file)?;
    let (region, access_key) = (api.region.as_str(), api.access_key.as_str());
    let access = SnsAccess { region, access_key, secret: &secret, endpoint: api.endpoint.as_deref() };
    Ok(Provider::Sns(Sns::new(&access)))
}

#[cfg(not(feature = "sns"))]
fn sns(reader: &Reader<'_>, api: &SnsApi) -> anyhow::Result<Provider> {
    anyhow::bail!(
        "{}: `text.sns_region` = {:?}, but this program was built without Amazon SNS. Build it with `--features sns`, or \
         name a provider with an HTTP API under `text.url`",
        reader.file.display(),
        api.region
    )
}

/// Exactly as written, the line's end aside.
fn secret(reader: &Reader<'_>, path: &Path) -> anyhow::Result<String> {
    let text = reader.secret("text.secret_file", path, SECRET)?;
    Ok(text.trim_end_matches(['\r', '\n']).to_owned())
}

fn http(reader: &Reader<'_>, api: &HttpApi, outbound: &Outbound) -> anyhow::Result<HttpProvider> {
    Ok(HttpProvider {
        outbound: outbound.clone(),
        url: api.url.clone(),
        headers: api.headers.clone(),
        form: api.form,
        body: api.body.clone(),
        username: api.username.clone(),
        secret: secret(reader, &api.secret_file)?,
        id: api.id.clone(),
    })
}
