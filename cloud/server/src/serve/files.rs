//! The files that the configuration names.
//!
//! In: paths. Out: TLS configurations of both doors, or an error that names the file, the key and what to put there.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, anyhow, bail};
use rustls::RootCertStore;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};

use crate::config::Config;
use crate::door::tls;
use crate::secret_file::{self, SecretFileError};

/// TLS of both doors.
pub struct Tls {
    /// TLS 1.2 and 1.3 with client certificates.
    pub device: Arc<rustls::ServerConfig>,
    /// TLS 1.3 only.
    pub people: Arc<rustls::ServerConfig>,
}

/// Loads everything.
///
/// # Errors
/// Which file does not do, and what to put there.
pub fn load(config: &Config) -> anyhow::Result<Tls> {
    let reader = Reader { file: &config.file };
    let (people, device) = (&config.people, &config.device);
    let mut roots = RootCertStore::empty();
    for root in
        reader.certificates("device.ca", &device.ca, "Make it with: inverter-connect admin ca init")?
    {
        roots.add(root).with_context(|| reader.named("device.ca", &device.ca, "it is not a root"))?;
    }
    let chain = reader.certificates("device.certificate", &device.certificate, SERVER)?;
    let key = reader.key("device.key", &device.key)?;
    let device_tls = tls::device(chain, key, roots).with_context(|| {
        reader.named("device.certificate", &device.certificate, "certificate and key do not do")
    })?;
    let chain = reader.certificates("people.certificate", &people.certificate, SERVER)?;
    let key = reader.key("people.key", &people.key)?;
    let people_tls = tls::people(chain, key).with_context(|| {
        reader.named("people.certificate", &people.certificate, "certificate and key do not do")
    })?;
    Ok(Tls { device: device_tls, people: people_tls })
}

const SERVER: &str = "Put the door's certificate chain there (PEM), or for a lab: \
                      inverter-connect admin ca init --server-names localhost,127.0.0.1";

pub(super) struct Reader<'a> {
    pub(super) file: &'a Path,
}

impl Reader<'_> {
    pub(super) fn certificates(
        &self,
        key: &str,
        path: &Path,
        what_to_do: &str,
    ) -> anyhow::Result<Vec<CertificateDer<'static>>> {
        let named = |why| self.named(key, path, &format!("{why}. {what_to_do}"));
        let found = CertificateDer::pem_file_iter(path)
            .with_context(|| named("cannot be read"))?
            .collect::<Result<Vec<_>, _>>()
            .with_context(|| named("is not PEM"))?;
        if found.is_empty() {
            bail!("{}", named("holds no certificate"));
        }
        Ok(found)
    }

    fn key(&self, key: &str, path: &Path) -> anyhow::Result<PrivateKeyDer<'static>> {
        const WHAT: &str = "is no readable private key. Put its PEM file there, mode 0600";
        let text = self.secret(key, path, WHAT)?;
        PrivateKeyDer::from_pem_slice(text.as_bytes()).with_context(|| self.named(key, path, WHAT))
    }

    /// What a secret file holds. `unreadable`: what is said where it cannot be read.
    pub(super) fn secret(&self, key: &str, path: &Path, unreadable: &str) -> anyhow::Result<String> {
        secret_file::read(path).map_err(|error| match error {
            SecretFileError::Read(source) => {
                anyhow::Error::new(source).context(self.named(key, path, unreadable))
            }
            error => anyhow!(self.named(key, path, &error.to_string())),
        })
    }

    pub(super) fn named(&self, key: &str, path: &Path, why: &str) -> String {
        format!("{}: `{key}` = {:?} {why}", self.file.display(), path.display().to_string())
    }
}
