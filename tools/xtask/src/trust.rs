//! Trust in one running demo: the TLS of whoever asks its people's door from here.
//! In: a file of roots. Out: a configuration that trusts these roots and no others.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig};

/// Trusts the certificates of a PEM file alone.
///
/// # Errors
/// The file cannot be read.
pub fn only(roots: &Path) -> Result<TlsConfig> {
    let pem = std::fs::read(roots).with_context(|| format!("cannot read {}", roots.display()))?;
    let roots: Vec<Certificate<'static>> = ureq::tls::parse_pem(&pem)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        })
        .collect();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = TlsConfig::builder().root_certs(RootCerts::new_with_certs(&roots));
    Ok(config.unversioned_rustls_crypto_provider(provider).build())
}
