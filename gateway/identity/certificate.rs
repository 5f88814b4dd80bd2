//! The client certificate of a connection: whose it is and what pins it.
//!
//! The chain, the CA and revocation were checked in the TLS handshake; here it becomes an organisation.

use doelpoort_core::party::{Client, Oin, Organisation, Organisations, Pin};
use jiff::Timestamp;
use x509_parser::prelude::{FromDer, X509Certificate, X509Name};

use super::IdentityError;

/// What we need of a peer's certificate. Read once a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerCertificate {
    /// SHA-256 of the certificate (`x5t#S256`, RFC 8705 section 3.1).
    pub thumbprint: Pin,
    /// SHA-256 of its public key (`SubjectPublicKeyInfo`), which survives renewal.
    pub key_pin: Pin,
    /// The organisation, from `subject.serialNumber` (PKIoverheid).
    pub oin: Oin,
    /// First moment of validity.
    pub not_before: Timestamp,
    /// Last moment of validity.
    pub not_after: Timestamp,
}

impl PeerCertificate {
    /// Reads a certificate in DER.
    ///
    /// # Errors
    /// [`IdentityError::CertificateUnreadable`]: not one certificate, or not exactly one
    /// `subject.serialNumber` that is an OIN.
    pub fn from_der(der: &[u8]) -> Result<Self, IdentityError> {
        let unreadable = IdentityError::CertificateUnreadable;
        let (rest, certificate) = X509Certificate::from_der(der).map_err(|_| unreadable)?;
        if !rest.is_empty() {
            return Err(unreadable);
        }
        let instant = |seconds| Timestamp::from_second(seconds).map_err(|_| unreadable);
        Ok(Self {
            thumbprint: Pin::of(der),
            key_pin: Pin::of(certificate.public_key().raw),
            oin: oin(certificate.subject()).ok_or(unreadable)?,
            not_before: instant(certificate.validity().not_before.timestamp())?,
            not_after: instant(certificate.validity().not_after.timestamp())?,
        })
    }

    /// The organisation that pinned this certificate or its key for one of its clients, if the certificate
    /// also names it.
    pub fn organisation<'o>(&self, organisations: &'o Organisations) -> Option<&'o Organisation> {
        organisations
            .by_thumbprint(&self.thumbprint)
            .or_else(|| organisations.by_key_pin(&self.key_pin))
            .filter(|organisation| organisation.oin == self.oin)
    }

    /// Whether the client has this certificate or its key among its pins.
    pub(crate) fn pinned_for(&self, client: &Client) -> bool {
        client.thumbprints.contains(&self.thumbprint) || client.key_pins.contains(&self.key_pin)
    }

    /// Whether this certificate is the client's, at this moment. A connection may outlive its certificate, so
    /// the days are checked again.
    pub(crate) fn check(
        &self,
        organisation: &Organisation,
        client: &Client,
        now: Timestamp,
    ) -> Result<(), IdentityError> {
        if now < self.not_before || now > self.not_after {
            return Err(IdentityError::CertificateExpired);
        }
        if !self.pinned_for(client) || organisation.oin != self.oin {
            return Err(IdentityError::CertificateWrong);
        }
        Ok(())
    }
}

fn oin(subject: &X509Name<'_>) -> Option<Oin> {
    let mut serials = subject.iter_by_oid(&x509_parser::oid_registry::OID_X509_SERIALNUMBER);
    let serial = serials.next()?;
    if serials.next().is_some() {
        return None;
    }
    serial.as_str().ok()?.parse().ok()
}
