//! A small certificate authority: P-256, subject names as PKIoverheid has them.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use doelpoort_core::party::{Oin, Pin};
use jiff::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DistinguishedName,
    DnType, ExtendedKeyUsagePurpose, IsCa, KeyIdMethod, KeyPair, KeyUsagePurpose, PublicKeyData as _,
    RevokedCertParams, SanType, SerialNumber,
};
use ring::rand::{SecureRandom as _, SystemRandom};
use zeroize::Zeroizing;

use super::PkiError;

/// The attribute `serialNumber` of a subject (X.520), where PKIoverheid puts the OIN.
const SERIAL_NUMBER: [u64; 4] = [2, 5, 4, 5];
/// Bytes of a certificate's own serial number: random, and below the 20 that RFC 5280 allows.
const SERIAL_BYTES: usize = 16;

/// From when until when certificates are valid.
#[derive(Clone, Copy, Debug)]
pub struct Validity {
    /// First moment.
    pub from: Timestamp,
    /// Last moment.
    pub until: Timestamp,
}

impl Validity {
    /// From two days before `now`, since the demo's clock starts a day back, for this many days after it.
    pub fn around(now: Timestamp, days: u32) -> Self {
        let day = jiff::SignedDuration::from_hours(24);
        Self {
            from: now.saturating_sub(day * 2).unwrap_or(now),
            until: now
                .saturating_add(day * i32::try_from(days).unwrap_or(i32::MAX))
                .unwrap_or(Timestamp::MAX),
        }
    }
}

/// An authority that signs server and client certificates.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    validity: Validity,
}

/// A certificate and its private key.
pub struct Issued {
    /// The certificate, PEM.
    pub certificate: String,
    /// Its private key, PKCS#8 PEM.
    pub key: Zeroizing<String>,
    /// SHA-256 of the certificate (`x5t#S256`).
    pub thumbprint: Pin,
    /// SHA-256 of its public key.
    pub key_pin: Pin,
    serial: Vec<u8>,
}

impl Authority {
    /// A fresh authority with this common name.
    pub fn new(name: &str, validity: Validity) -> Result<Self, PkiError> {
        let mut params = params(subject(name, None), validity)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
        Ok(Self { issuer, validity })
    }

    /// Its certificate, PEM.
    pub fn certificate(&self) -> String {
        self.issuer.pem()
    }

    /// A server certificate for this machine: `localhost` and 127.0.0.1.
    pub fn server(&self) -> Result<Issued, PkiError> {
        let mut params = params(subject("localhost", None), self.validity)?;
        params.subject_alt_names = vec![
            SanType::DnsName("localhost".try_into()?),
            SanType::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        ];
        self.issue(params, ExtendedKeyUsagePurpose::ServerAuth)
    }

    /// A client certificate with the organisation's OIN in `subject.serialNumber`.
    pub fn client(&self, name: &str, oin: &Oin) -> Result<Issued, PkiError> {
        self.issue(
            params(subject(name, Some(oin)), self.validity)?,
            ExtendedKeyUsagePurpose::ClientAuth,
        )
    }

    /// A revocation list (PEM) with these certificates on it.
    pub fn revocations(&self, revoked: &[&Issued]) -> Result<String, PkiError> {
        let epoch = rcgen::date_time_ymd(1970, 1, 1);
        let entry = |issued: &&Issued| RevokedCertParams {
            serial_number: SerialNumber::from_slice(&issued.serial),
            revocation_time: epoch + since_1970(self.validity.from),
            reason_code: None,
            invalidity_date: None,
        };
        let list = CertificateRevocationListParams {
            this_update: epoch + since_1970(self.validity.from),
            next_update: epoch + since_1970(self.validity.until),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: revoked.iter().map(entry).collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        Ok(list.signed_by(&self.issuer)?.pem()?)
    }

    fn issue(
        &self,
        mut params: CertificateParams,
        purpose: ExtendedKeyUsagePurpose,
    ) -> Result<Issued, PkiError> {
        let serial = random_serial()?;
        params.serial_number = Some(SerialNumber::from_slice(&serial));
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![purpose];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok(Issued {
            certificate: certificate.pem(),
            key: Zeroizing::new(key.serialize_pem()),
            thumbprint: Pin::of(certificate.der()),
            key_pin: Pin::of(&key.subject_public_key_info()),
            serial,
        })
    }
}

fn params(subject: DistinguishedName, validity: Validity) -> Result<CertificateParams, PkiError> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name = subject;
    params.not_before = rcgen::date_time_ymd(1970, 1, 1) + since_1970(validity.from);
    params.not_after = rcgen::date_time_ymd(1970, 1, 1) + since_1970(validity.until);
    Ok(params)
}

fn subject(name: &str, oin: Option<&Oin>) -> DistinguishedName {
    let mut subject = DistinguishedName::new();
    subject.push(DnType::CommonName, name);
    if let Some(oin) = oin {
        subject.push(DnType::CustomDnType(SERIAL_NUMBER.to_vec()), oin.as_str());
    }
    subject
}

fn random_serial() -> Result<Vec<u8>, PkiError> {
    let mut serial = vec![0; SERIAL_BYTES];
    SystemRandom::new()
        .fill(&mut serial)
        .map_err(|_| PkiError::Random)?;
    if let Some(first) = serial.first_mut() {
        *first = (*first & 0x7f) | 0x40;
    }
    Ok(serial)
}

/// The span since 1970, to the second; certificates know no finer time.
fn since_1970(at: Timestamp) -> Duration {
    Duration::from_secs(u64::try_from(at.as_second()).unwrap_or(0))
}
