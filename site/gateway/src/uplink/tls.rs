//! TLS with the cloud: AES-256-GCM suites alone, pinned roots, our certificate, and a rule for validity that works
//! without a clock (decision 5).
//!
//! In: the files the configuration names. Out: a rustls configuration. The chain and the name are always checked; what
//! differs without a clock is only the instant they are checked for: notBefore is ignored, a notAfter before this
//! program's build is refused, and the chain is checked again when the cloud has told the time.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::{CipherSuite, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use wire::UtcMs;

use super::ConnectError;
use crate::config::{Cloud, Scheme};
use crate::status;

/// The only suites, in TLS 1.3 and 1.2.
const SUITES: [CipherSuite; 3] = [
    CipherSuite::TLS13_AES_256_GCM_SHA384,
    CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    CipherSuite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
];

/// A file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// It cannot be read, or is not PEM.
    #[error("key `{key}`: {} cannot be used; write the path of a PEM file that the gateway's user can read", path.display())]
    File {
        /// The configuration's key.
        key: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: rustls_pki_types::pem::Error,
    },
    /// There is nothing in it.
    #[error("key `{key}`: {} holds no certificate (PEM, `-----BEGIN CERTIFICATE-----`)", path.display())]
    Empty {
        /// The configuration's key.
        key: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// What is in it does not work.
    #[error(
        "keys `cloud.certificate` and `cloud.key`: they do not belong together or cannot be used; take both from one device bundle"
    )]
    Identity(#[source] rustls::Error),
    /// The roots do not work.
    #[error("key `cloud.roots`: these roots cannot be used; take cloud-ca.crt from the device bundle")]
    Roots(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Certificates in a PEM file.
///
/// # Errors
/// [`TlsError::File`] and [`TlsError::Empty`].
pub fn certificates(key: &'static str, path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let fail = |source| TlsError::File { key, path: path.to_owned(), source };
    let all =
        CertificateDer::pem_file_iter(path).map_err(fail)?.collect::<Result<Vec<_>, _>>().map_err(fail)?;
    if all.is_empty() {
        return Err(TlsError::Empty { key, path: path.to_owned() });
    }
    Ok(all)
}

/// Everything for the handshake.
#[derive(Debug)]
pub struct Tls {
    /// rustls' part.
    pub config: Arc<ClientConfig>,
    /// The rule for validity, to be told the time.
    pub validity: Arc<Validity>,
}

impl Tls {
    /// Reads the files.
    ///
    /// # Errors
    /// [`TlsError`]; it names key and file.
    pub fn load(cloud: &Cloud, built_at: UtcMs) -> Result<Self, TlsError> {
        let provider = Arc::new(provider());
        let mut roots = RootCertStore::empty();
        for path in &cloud.roots {
            for certificate in certificates("cloud.roots", path)? {
                roots.add(certificate).map_err(|error| TlsError::Roots(error.into()))?;
            }
        }
        let chain = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone())
            .build()
            .map_err(|error| TlsError::Roots(error.into()))?;
        let validity =
            Arc::new(Validity { chain, built_at, now: Mutex::new(None), presented: Mutex::new(None) });
        let own = certificates("cloud.certificate", &cloud.certificate)?;
        let key = PrivateKeyDer::from_pem_file(&cloud.key).map_err(|source| TlsError::File {
            key: "cloud.key",
            path: cloud.key.clone(),
            source,
        })?;
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
            .map_err(TlsError::Identity)?
            .dangerous()
            .with_custom_certificate_verifier(validity.clone())
            .with_client_auth_cert(own, key)
            .map_err(TlsError::Identity)?;
        let alpn: &[u8] = if cloud.url.scheme == Scheme::Mqtts { b"mqtt" } else { b"http/1.1" };
        config.alpn_protocols = vec![alpn.to_vec()];
        // Each session checks the certificate anew, and no tickets are kept in memory.
        config.resumption = Resumption::disabled();
        Ok(Self { config: Arc::new(config), validity })
    }
}

fn provider() -> CryptoProvider {
    let mut provider = aws_lc_rs::default_provider();
    provider.cipher_suites.retain(|suite| SUITES.contains(&suite.suite()));
    provider
}

/// The chain check of webpki, at an instant of our choice.
#[derive(Debug)]
pub struct Validity {
    chain: Arc<WebPkiServerVerifier>,
    built_at: UtcMs,
    /// The time, once an authenticated cloud has told it.
    now: Mutex<Option<UtcMs>>,
    presented: Mutex<Option<Presented>>,
}

#[derive(Debug)]
struct Presented {
    certificates: Vec<CertificateDer<'static>>,
    name: ServerName<'static>,
}

impl Validity {
    /// Sets the time for the next handshake: `None` while it is not synchronised.
    pub fn set_time(&self, now: Option<UtcMs>) {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner) = now;
    }

    /// Checks the chain of the last handshake again, for the time the cloud has told.
    ///
    /// # Errors
    /// What webpki says.
    pub fn check_again(&self, now: UtcMs) -> Result<(), rustls::Error> {
        let presented = self.presented.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(Presented { certificates, name }) = presented.as_ref() else { return Ok(()) };
        let Some((end_entity, intermediates)) = certificates.split_first() else { return Ok(()) };
        self.chain.verify_server_cert(end_entity, intermediates, name, &[], unix(now)).map(|_| ())
    }

    /// A TLS error of the last handshake, with the issuer where the certificate is from no root of ours.
    #[must_use]
    pub fn told(&self, error: rustls::Error) -> ConnectError {
        use rustls::CertificateError::{BadSignature, UnknownIssuer};
        if !matches!(error, rustls::Error::InvalidCertificate(UnknownIssuer | BadSignature)) {
            return ConnectError::Tls(error);
        }
        let presented = self.presented.lock().unwrap_or_else(PoisonError::into_inner);
        let issuer = presented.as_ref().and_then(|shown| issuer(shown.certificates.first()?));
        ConnectError::Stranger {
            issuer: issuer.map_or_else(|| "nobody that can be read".to_owned(), |name| status::quote(&name)),
        }
    }

    /// The instant to check for: the time, or without one the latest notBefore of the chain, and never before the
    /// build. All certificates of a sound chain are valid together then, unless one ended before the build.
    fn instant(&self, certificates: &[CertificateDer<'_>]) -> UtcMs {
        let now = *self.now.lock().unwrap_or_else(PoisonError::into_inner);
        let latest = || certificates.iter().filter_map(|der| not_before(der)).max();
        now.unwrap_or_else(|| latest().map_or(self.built_at, |begin| begin.max(self.built_at)))
    }
}

impl ServerCertVerifier for Validity {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        _system_time: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let all = std::iter::once(end_entity).chain(intermediates).map(|der| der.clone().into_owned());
        let certificates: Vec<_> = all.collect();
        let instant = unix(self.instant(&certificates));
        let name = server_name.to_owned();
        *self.presented.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(Presented { certificates, name });
        self.chain.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, instant)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.chain.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.chain.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chain.supported_verify_schemes()
    }
}

fn unix(time: UtcMs) -> UnixTime {
    UnixTime::since_unix_epoch(Duration::from_millis(u64::try_from(time.0).unwrap_or(0)))
}

fn not_before(der: &CertificateDer<'_>) -> Option<UtcMs> {
    let (_, certificate) = x509_parser::parse_x509_certificate(der).ok()?;
    Some(UtcMs(certificate.validity().not_before.timestamp().saturating_mul(1000)))
}

/// Its issuer's common name, else all of its name.
fn issuer(der: &CertificateDer<'_>) -> Option<String> {
    let (_, certificate) = x509_parser::parse_x509_certificate(der).ok()?;
    let issuer = certificate.issuer();
    let common = issuer.iter_common_name().next().and_then(|name| name.as_str().ok());
    Some(common.map_or_else(|| issuer.to_string(), str::to_owned))
}

/// What a TLS error means for the person at the journal.
#[must_use]
pub fn plain(error: &rustls::Error) -> String {
    use rustls::CertificateError::{
        BadSignature, Expired, ExpiredContext, NotValidForName, NotValidForNameContext, NotValidYet,
        NotValidYetContext, UnknownIssuer,
    };
    use rustls::PeerMisbehaved::AttemptedDowngradeToTls12WhenTls13IsSupported as Downgrade;
    use rustls::{AlertDescription as Alert, Error};
    let words = match error {
        Error::InvalidCertificate(UnknownIssuer | BadSignature) => {
            "its certificate is not from the cloud's roots"
        }
        Error::InvalidCertificate(Expired | ExpiredContext { .. }) => "its certificate has expired",
        Error::InvalidCertificate(NotValidYet | NotValidYetContext { .. }) => {
            "its certificate is not valid yet"
        }
        Error::InvalidCertificate(NotValidForName | NotValidForNameContext { .. }) => {
            "its certificate is for another name; compare `cloud.url` and `cloud.server_name`"
        }
        Error::InvalidCertificate(other) => return format!("its certificate cannot be used ({other:?})"),
        Error::AlertReceived(Alert::HandshakeFailure) => {
            "it offers none of the AES-256-GCM suites, or did not like our certificate"
        }
        Error::AlertReceived(Alert::ProtocolVersion) | Error::PeerIncompatible(_) => {
            "it offers neither TLS 1.3 nor TLS 1.2 with AES-256-GCM, and nothing less is spoken"
        }
        Error::AlertReceived(Alert::CertificateRevoked) => {
            "it says that our certificate has been revoked; carry a new device bundle to the cabinet"
        }
        Error::AlertReceived(alert) => {
            return format!("it refused the connection, probably our certificate (TLS alert {alert:?})");
        }
        Error::PeerMisbehaved(Downgrade) => "somebody on the way forces an older TLS upon it and us",
        Error::InvalidMessage(_) => {
            "what answers there does not speak TLS; a sign-in page of this network may stand in the way"
        }
        other => return format!("TLS: {other}"),
    };
    words.to_owned()
}
