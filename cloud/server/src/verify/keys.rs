//! The keys that the reader trusts.
//!
//! In: fingerprints, or files with a public key or a fingerprint. Out: fingerprints. What is neither is an error, never "no key".

use std::io::Read as _;
use std::path::Path;

use anyhow::{Context, bail};
use fleet::logbook::{Fingerprint, PublicKey};
use rustls_pki_types::SubjectPublicKeyInfoDer;
use rustls_pki_types::pem::PemObject as _;

/// No file of a key is longer.
const MOST: u64 = 16 * 1024;

/// What `--key` names.
///
/// # Errors
/// It is no key and no file of one.
pub(super) fn trusted(named: &[String]) -> anyhow::Result<Vec<Fingerprint>> {
    let mut all = Vec::new();
    for name in named {
        match Fingerprint::parse(name) {
            Some(fingerprint) => all.push(fingerprint),
            None => all.extend(in_file(Path::new(name))?),
        }
    }
    Ok(all)
}

fn in_file(path: &Path) -> anyhow::Result<Vec<Fingerprint>> {
    let reading = || {
        format!(
            "--key {} is neither a fingerprint of 64 hexadecimal digits nor a file that can be read",
            path.display()
        )
    };
    let mut bytes = Vec::new();
    std::fs::File::open(path)
        .with_context(reading)?
        .take(MOST)
        .read_to_end(&mut bytes)
        .with_context(reading)?;
    if let Some(fingerprint) = std::str::from_utf8(&bytes).ok().and_then(Fingerprint::parse) {
        return Ok(vec![fingerprint]);
    }
    let mut all = Vec::new();
    for key in SubjectPublicKeyInfoDer::pem_slice_iter(&bytes) {
        let key = key.ok().and_then(|key| PublicKey::from_der(&key));
        let Some(key) = key else {
            bail!("--key {}: there is a public key in it that is none of Ed25519", path.display())
        };
        all.push(key.fingerprint());
    }
    if all.is_empty() {
        bail!("--key {} holds no public key (-----BEGIN PUBLIC KEY-----) and no fingerprint", path.display());
    }
    Ok(all)
}
