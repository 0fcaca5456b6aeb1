//! Who the devices are: bundles from `admin device add`, or certificates made here from a bench's own root.
//!
//! In: folders, or a root with its key. Out: [`Device`]s. Never writes a key anywhere.

use std::path::{Path, PathBuf};

use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, Issuer, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256, date_time_ymd,
};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use wire::Serial;
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::Device;

/// File names in a device's bundle.
pub const BUNDLE_CERTIFICATE: &str = "device.crt";
/// See [`BUNDLE_CERTIFICATE`].
pub const BUNDLE_KEY: &str = "device.key";
/// See [`BUNDLE_CERTIFICATE`].
pub const BUNDLE_ROOTS: &str = "cloud-ca.crt";

/// Why there is no identity.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// A file cannot be used.
    #[error("{}: {why}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What is wrong, and what it should be.
        why: String,
    },
    /// No certificate can be made.
    #[error("cannot make a device certificate from that root: {0}")]
    Issue(#[from] rcgen::Error),
}

/// The bundle in `folder`, or each bundle in a folder of `folder`, ordered by name.
///
/// # Errors
/// [`IdentityError::File`] for a bundle that cannot be read, or when there is none.
pub fn bundles(folder: &Path) -> Result<Vec<Device>, IdentityError> {
    if folder.join(BUNDLE_CERTIFICATE).exists() {
        return Ok(vec![bundle(folder)?]);
    }
    let wrong = |why: String| IdentityError::File { path: folder.to_owned(), why };
    let entries = std::fs::read_dir(folder).map_err(|error| wrong(error.to_string()))?;
    let mut folders: Vec<PathBuf> = entries
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.join(BUNDLE_CERTIFICATE).exists())
        .collect();
    folders.sort();
    if folders.is_empty() {
        return Err(wrong(format!("no bundle here: expected {BUNDLE_CERTIFICATE} in it or in its folders")));
    }
    folders.iter().map(|folder| bundle(folder)).collect()
}

fn bundle(folder: &Path) -> Result<Device, IdentityError> {
    device(&folder.join(BUNDLE_CERTIFICATE), &folder.join(BUNDLE_KEY))
}

/// A device by its two files; the serial number is the certificate's common name.
///
/// # Errors
/// [`IdentityError::File`].
pub fn device(certificate: &Path, key: &Path) -> Result<Device, IdentityError> {
    let certificates = certificates(certificate)?;
    let key = PrivateKeyDer::from_pem_file(key).map_err(|error| IdentityError::File {
        path: key.to_owned(),
        why: format!("no private key: {error}"),
    })?;
    let serial = certificates.first().and_then(common_name).ok_or_else(|| IdentityError::File {
        path: certificate.to_owned(),
        why: "its common name is not a serial number".to_owned(),
    })?;
    Ok(Device { serial, certificates, key, play: None })
}

/// All certificates of a PEM file, at least one.
///
/// # Errors
/// [`IdentityError::File`].
pub fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, IdentityError> {
    let wrong = |why: String| IdentityError::File { path: path.to_owned(), why };
    let certificates: Result<Vec<_>, _> =
        CertificateDer::pem_file_iter(path).map_err(|error| wrong(error.to_string()))?.collect();
    match certificates.map_err(|error| wrong(error.to_string()))? {
        empty if empty.is_empty() => Err(wrong("no certificate in it (PEM)".to_owned())),
        some => Ok(some),
    }
}

fn common_name(certificate: &CertificateDer<'static>) -> Option<Serial> {
    let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
    let name = parsed.subject().iter_common_name().next()?.as_str().ok()?;
    Serial::parse(name).ok()
}

/// A bench's own root of devices, which makes client certificates in memory.
#[derive(Debug)]
pub struct Mint {
    issuer: Issuer<'static, KeyPair>,
    key: KeyPair,
}

impl Mint {
    /// From the root's certificate and key, PEM. All devices made here share one fresh key: a bench with thousands of
    /// them has nothing to protect, and making keys is slow.
    ///
    /// # Errors
    /// [`IdentityError::Issue`] when the two are not a root and its key.
    pub fn new(root_pem: &str, key_pem: &str) -> Result<Self, IdentityError> {
        let issuer = Issuer::from_ca_cert_pem(root_pem, KeyPair::from_pem(key_pem)?)?;
        Ok(Self { issuer, key: KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)? })
    }

    /// A device of that serial number. The cloud knows it only once its certificate is registered.
    ///
    /// # Errors
    /// [`IdentityError::Issue`].
    pub fn device(&self, serial: Serial) -> Result<Device, IdentityError> {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, serial.as_str());
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.use_authority_key_identifier_extension = true;
        params.not_before = date_time_ymd(2026, 1, 1);
        params.not_after = date_time_ymd(9999, 12, 31);
        let certificate = params.signed_by(&self.key, &self.issuer)?;
        let key = PrivateKeyDer::Pkcs8(self.key.serialize_der().into());
        Ok(Device { serial, certificates: vec![certificate.der().clone()], key, play: None })
    }
}
