//! The two TLS configurations.
//!
//! In: certificate chains, keys, the device CA. Out: rustls configurations that differ on purpose: devices get TLS 1.2
//! and 1.3 with AES-256 alone and must show a certificate; people get TLS 1.3 alone. Neither door resumes sessions:
//! a resumed one would skip the look at the certificate, and a ticket of one door must not open the other.

use std::sync::Arc;

use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{NoServerSessionStorage, VerifierBuilderError, WebPkiClientVerifier};
use rustls::{RootCertStore, ServerConfig, SupportedCipherSuite};

/// ALPN names of MQTT itself.
pub const MQTT_PROTOCOLS: [&[u8]; 2] = [b"mqtt", b"x-amzn-mqtt-ca"];
const HTTP_1_1: &[u8] = b"http/1.1";
const HTTP_2: &[u8] = b"h2";

/// Why a door has no TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// The certificate and its key do not fit, or cannot be read.
    #[error("the door's certificate and key cannot be used: {0}")]
    Certificate(#[from] rustls::Error),
    /// The device CA cannot be used.
    #[error("the device CA cannot be used: {0}")]
    DeviceCa(#[from] VerifierBuilderError),
}

/// The device door's: client certificate of `device_ca` required, AES-256-GCM, no resumption.
///
/// # Errors
/// The certificate, its key or the CA cannot be used.
pub fn device(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    device_ca: RootCertStore,
) -> Result<Arc<ServerConfig>, TlsError> {
    let provider = provider(&[
        aws_lc_rs::cipher_suite::TLS13_AES_256_GCM_SHA384,
        aws_lc_rs::cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
        aws_lc_rs::cipher_suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    ]);
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::new(device_ca), Arc::clone(&provider)).build()?;
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
        .with_client_cert_verifier(verifier)
        .with_single_cert(chain, key)?;
    config.alpn_protocols = MQTT_PROTOCOLS.iter().copied().chain([HTTP_1_1]).map(<[u8]>::to_vec).collect();
    forget_sessions(&mut config);
    Ok(Arc::new(config))
}

/// The people's door's: TLS 1.3, no client certificate, HTTP/2 before HTTP/1.1.
///
/// # Errors
/// The certificate or its key cannot be used.
pub fn people(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<Arc<ServerConfig>, TlsError> {
    let provider = provider(&[
        aws_lc_rs::cipher_suite::TLS13_AES_256_GCM_SHA384,
        aws_lc_rs::cipher_suite::TLS13_CHACHA20_POLY1305_SHA256,
    ]);
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = [HTTP_2, HTTP_1_1].map(<[u8]>::to_vec).to_vec();
    forget_sessions(&mut config);
    Ok(Arc::new(config))
}

fn provider(suites: &[SupportedCipherSuite]) -> Arc<CryptoProvider> {
    Arc::new(CryptoProvider { cipher_suites: suites.to_vec(), ..aws_lc_rs::default_provider() })
}

fn forget_sessions(config: &mut ServerConfig) {
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    config.max_early_data_size = 0;
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub fn self_signed(name: &str) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
        let signed = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
        (
            vec![signed.cert.der().clone()],
            PrivateKeyDer::try_from(signed.signing_key.serialize_der()).unwrap(),
        )
    }

    /// ASVS 5.0: 11.3.1, 11.3.2, 12.1.2.
    #[test]
    fn only_aes_256_and_only_what_each_door_may_speak() {
        let (chain, key) = self_signed("device.example");
        let mut roots = RootCertStore::empty();
        roots.add(chain[0].clone()).unwrap();
        let config = device(chain, key, roots).unwrap();
        for suite in &config.crypto_provider().cipher_suites {
            assert!(format!("{:?}", suite.suite()).contains("AES_256_GCM"));
        }
        assert_eq!(config.send_tls13_tickets, 0);
        assert!(!config.session_storage.can_cache());
        assert!(!config.ticketer.enabled());

        let (chain, key) = self_signed("people.example");
        let config = people(chain, key).unwrap();
        for suite in &config.crypto_provider().cipher_suites {
            assert!(format!("{:?}", suite.suite()).starts_with("TLS13_"));
        }
    }

    /// ASVS 5.0: 12.1.3, 16.5.3.
    #[test]
    fn a_door_without_a_device_ca_does_not_open() {
        let (chain, key) = self_signed("device.example");
        let error = device(chain, key, RootCertStore::empty()).unwrap_err();
        assert!(error.to_string().starts_with("the device CA cannot be used"), "{error}");
    }
}
