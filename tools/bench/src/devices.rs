//! The identities a benchmark needs: one root, one server certificate, a certificate for each device.
//!
//! In: how many. Out: keys and certificates in memory and as PEM files, as ours and the peers want them. P-256
//! throughout, as the product issues them.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::Result;
use aws_lc_rs::digest;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, SanType,
};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use simulator::fleet::Device;
use wire::Serial;

/// Everything of one run.
pub struct Identities {
    /// Folder with `ca.pem`, `server.pem`, `server.key`.
    pub folder: PathBuf,
    /// The root, which signs servers and devices alike.
    pub root: CertificateDer<'static>,
    /// The devices.
    pub devices: Vec<Device>,
}

impl Identities {
    /// Makes a root, a server certificate for `127.0.0.1` and `localhost`, and `count` devices.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub fn make(folder: &Path, count: usize) -> Result<Self> {
        let root_key = KeyPair::generate()?;
        let mut root = named("Benchmark root");
        root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        root.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let root_certificate = root.self_signed(&root_key)?;
        let issuer = Issuer::new(root, root_key);

        let server_key = KeyPair::generate()?;
        let mut server = named("localhost");
        server.subject_alt_names = vec![
            SanType::DnsName("localhost".try_into()?),
            SanType::DnsName("device.localhost".try_into()?),
            SanType::IpAddress(std::net::Ipv4Addr::LOCALHOST.into()),
        ];
        server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let server_certificate = server.signed_by(&server_key, &issuer)?;
        std::fs::create_dir_all(folder)?;
        std::fs::write(folder.join("ca.pem"), root_certificate.pem())?;
        std::fs::write(folder.join("server.pem"), server_certificate.pem())?;
        let key = folder.join("server.key");
        std::fs::write(&key, server_key.serialize_pem())?;
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o640))?;

        let devices = (0..count).map(|n| device(n, &issuer)).collect::<Result<_>>()?;
        Ok(Self { folder: folder.to_owned(), root: root_certificate.der().clone(), devices })
    }

    /// A file of the folder.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

/// SHA-256 of a device's leaf certificate, by which the cloud knows it.
#[must_use]
pub fn fingerprint(device: &Device) -> [u8; 32] {
    let leaf = device.certificates.first().map_or(&[][..], |leaf| leaf.as_ref());
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, leaf).as_ref());
    hash
}

fn device(n: usize, issuer: &Issuer<'_, KeyPair>) -> Result<Device> {
    let serial = Serial::parse(&format!("BENCH-{n:05}"))?;
    let key = KeyPair::generate()?;
    let mut params = named(serial.as_str());
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let certificate = params.signed_by(&key, issuer)?;
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    Ok(Device { serial, certificates: vec![certificate.der().clone()], key, play: None })
}

fn named(common_name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name);
    params
}
