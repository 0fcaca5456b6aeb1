//! Issues certificates: roots, the doors' own, and devices'.
//!
//! In: names, an issuing root, a date. Out: PEM. P-256 throughout (rustls, OpenSSL, mbed TLS and secure elements all
//! have it). Writes no file and keeps no key.

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CertificateSigningRequestParams, DistinguishedName,
    DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256,
    date_time_ymd,
};
use wire::{Serial, UtcMs, time::DAY_MS};

/// Years a root is valid: gateways pin it and cannot be told of another (decision 14: at least 30).
const ROOT_YEARS: i64 = 40;
/// Days a door's certificate is valid: the longest that browsers accept.
const SERVER_DAYS: i64 = 397;

/// A certificate and its private key, PEM.
pub struct Made {
    /// The certificate.
    pub certificate: String,
    /// The private key, PKCS#8.
    pub key: String,
}

/// A device's certificate, and its key if it was made here.
pub struct DeviceMade {
    /// The certificate, PEM.
    pub certificate: String,
    /// The certificate, DER.
    pub der: Vec<u8>,
    /// `None` if a request was signed: the key never left the device.
    pub key: Option<String>,
}

/// Why a certificate cannot be issued.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// The library refused.
    #[error("cannot make the certificate: {0}")]
    Issue(#[from] rcgen::Error),
    /// The request names someone else.
    #[error(
        "the request is for {found:?}, not for {serial}. Make one for it: \
         openssl req -new -key device.key -subj /CN={serial} -out device.csr"
    )]
    OtherSubject {
        /// What the request says.
        found: String,
        /// What it should say.
        serial: Serial,
    },
    /// The request is not one.
    #[error("not a certificate request (PEM, PKCS#10, signed with its own key, P-256 or P-384): {0}")]
    Request(rcgen::Error),
}

/// A self-signed root that may issue end certificates only.
pub fn root(common_name: &str, now: UtcMs) -> Result<Made, AuthorityError> {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let mut params = CertificateParams::default();
    params.distinguished_name = name(common_name);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    valid(&mut params, now, Some(ROOT_YEARS * 365));
    let certificate = params.self_signed(&key)?;
    Ok(Made { certificate: certificate.pem(), key: key.serialize_pem() })
}

/// A door's certificate for these host names and addresses.
pub fn server(root: &Made, names: &[String], now: UtcMs) -> Result<Made, AuthorityError> {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let mut params = CertificateParams::new(names.to_vec())?;
    params.distinguished_name = name(names.first().map_or("inverter-connect", String::as_str));
    end_entity(&mut params, ExtendedKeyUsagePurpose::ServerAuth);
    valid(&mut params, now, Some(SERVER_DAYS));
    let certificate = params.signed_by(&key, &issuer(root)?)?;
    Ok(Made { certificate: certificate.pem(), key: key.serialize_pem() })
}

/// A device's certificate; its subject is the serial number. With `request` (PEM) that key is certified, else a new
/// one is made. It ends in the year 9999: there is no downlink by which to renew it (decision 14).
pub fn device(
    root: &Made,
    serial: Serial,
    request: Option<&str>,
    now: UtcMs,
) -> Result<DeviceMade, AuthorityError> {
    let mut params = CertificateParams::default();
    params.distinguished_name = name(serial.as_str());
    end_entity(&mut params, ExtendedKeyUsagePurpose::ClientAuth);
    valid(&mut params, now, None);
    let issuer = issuer(root)?;
    let (certificate, key) = match request {
        Some(pem) => (sign_request(&params, pem, serial, &issuer)?, None),
        None => {
            let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
            (params.signed_by(&key, &issuer)?, Some(key.serialize_pem()))
        }
    };
    Ok(DeviceMade { certificate: certificate.pem(), der: certificate.der().to_vec(), key })
}

/// Only the key is taken from the request: what it asks for beside that is not its to decide.
fn sign_request(
    params: &CertificateParams,
    pem: &str,
    serial: Serial,
    issuer: &Issuer<'_, KeyPair>,
) -> Result<Certificate, AuthorityError> {
    let request = CertificateSigningRequestParams::from_pem(pem).map_err(AuthorityError::Request)?;
    let found = match request.params.distinguished_name.get(&DnType::CommonName) {
        Some(rcgen::DnValue::Utf8String(text)) => text.clone(),
        Some(rcgen::DnValue::PrintableString(text)) => text.as_str().to_owned(),
        other => format!("{other:?}"),
    };
    if Serial::parse(&found) != Ok(serial) {
        return Err(AuthorityError::OtherSubject { found, serial });
    }
    Ok(params.signed_by(&request.public_key, issuer)?)
}

fn issuer(root: &Made) -> Result<Issuer<'static, KeyPair>, AuthorityError> {
    Ok(Issuer::from_ca_cert_pem(&root.certificate, KeyPair::from_pem(&root.key)?)?)
}

fn name(common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common_name);
    name
}

fn end_entity(params: &mut CertificateParams, usage: ExtendedKeyUsagePurpose) {
    params.is_ca = IsCa::ExplicitNoCa;
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![usage];
}

/// From a day ago, so that a clock somewhat behind does not refuse it. `None`: RFC 5280, 4.1.2.5, "no well-defined
/// expiration date".
fn valid(params: &mut CertificateParams, now: UtcMs, days: Option<i64>) {
    let date = |time: UtcMs| {
        let (year, month, day) = time.date();
        date_time_ymd(
            i32::try_from(year).unwrap_or(2026),
            u8::try_from(month).unwrap_or(1),
            u8::try_from(day).unwrap_or(1),
        )
    };
    params.not_before = date(now.plus_ms(-DAY_MS));
    params.not_after = match days {
        Some(days) => date(now.plus_ms(days * DAY_MS)),
        // The last instant of that day is what the RFC names; `date_time_ymd` gives its first.
        None => date_time_ymd(9999, 12, 31) + END_OF_DAY,
    };
}

const END_OF_DAY: std::time::Duration = std::time::Duration::from_secs(24 * 3600 - 1);

#[cfg(test)]
mod tests {
    use super::*;
    use x509_parser::prelude::{FromDer, X509Certificate};

    const NOW: UtcMs = UtcMs(1_795_000_000_000);

    fn serial() -> Serial {
        Serial::parse("2311-00421").unwrap()
    }

    fn request(common_name: &str) -> (String, KeyPair) {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        let mut params = CertificateParams::new(vec!["evil.example".to_owned()]).unwrap();
        params.distinguished_name = name(common_name);
        (params.serialize_request(&key).unwrap().pem().unwrap(), key)
    }

    #[test]
    fn a_device_certificate_names_the_serial_and_never_ends() {
        let root = root("device root", NOW).unwrap();
        let made = device(&root, serial(), None, NOW).unwrap();
        let (_, certificate) = X509Certificate::from_der(&made.der).unwrap();
        let common_name = certificate.subject().iter_common_name().next().unwrap().as_str().unwrap();
        assert_eq!(common_name, "2311-00421");
        assert_eq!(certificate.validity().not_after.timestamp(), 253_402_300_799);
        assert!(!certificate.is_ca());
        assert!(made.key.is_some());
    }

    #[test]
    fn of_a_request_only_the_key_is_taken() {
        let root = root("device root", NOW).unwrap();
        let (pem, key) = request("2311-00421");
        let made = device(&root, serial(), Some(&pem), NOW).unwrap();
        assert!(made.key.is_none());
        let (_, certificate) = X509Certificate::from_der(&made.der).unwrap();
        assert!(certificate.subject_alternative_name().unwrap().is_none());
        assert_eq!(&*certificate.public_key().subject_public_key.data, key.public_key_raw());
    }

    #[test]
    fn a_request_for_someone_else_or_no_request_is_refused_with_what_to_do() {
        let root = root("device root", NOW).unwrap();
        let (pem, _) = request("2311-00422");
        let error = device(&root, serial(), Some(&pem), NOW).err().unwrap().to_string();
        assert!(error.contains("2311-00422") && error.contains("/CN=2311-00421"), "{error}");
        let error = device(&root, serial(), Some("hello"), NOW).err().unwrap().to_string();
        assert!(error.contains("not a certificate request"), "{error}");
    }
}
