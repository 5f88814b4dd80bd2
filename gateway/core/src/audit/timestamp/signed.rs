//! The signed message around a token (CMS, RFC 5652 section 5) and its certificate.

use cms::cert::CertificateChoices;
use cms::cert::x509::Certificate;
use cms::cert::x509::attr::{Attribute, Attributes};
use cms::cert::x509::spki::AlgorithmIdentifierOwned;
use cms::content_info::ContentInfo;
use cms::signed_data::{SignedData, SignerIdentifier, SignerInfo};
use der::asn1::{Any, ObjectIdentifier, OctetString};
use der::{Decode, Encode as _, Sequence};
use ring::digest::{self, Algorithm, SHA1_FOR_LEGACY_USE_ONLY, SHA256, SHA384, SHA512};
use rustls_pki_types::{CertificateDer, SignatureVerificationAlgorithm, UnixTime};
use webpki::{EndEntityCert, KeyUsage, ring as algorithms};

use super::StampError;
use super::asn1::{Content, SHA_256};

const SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
const TIME_STAMP: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.1.4");
const CONTENT_TYPE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.3");
const MESSAGE_DIGEST: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.4");
const SIGNING_CERTIFICATE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.12");
const SIGNING_CERTIFICATE_V2: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.47");
const SHA_384: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.2");
const SHA_512: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.3");
const SUBJECT_KEY_ID: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.14");
/// `id-kp-timeStamping`, 1.3.6.1.5.5.7.3.8.
const FOR_TIME_STAMPING: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x08];

/// `SigningCertificateV2` (RFC 5816): which certificate signed, by its digest.
#[derive(Sequence)]
struct SigningCertificateV2 {
    certificates: Vec<CertificateIdV2>,
    #[asn1(optional = "true")]
    policies: Option<Any>,
}

#[derive(Sequence)]
struct CertificateIdV2 {
    #[asn1(optional = "true")]
    algorithm: Option<AlgorithmIdentifierOwned>,
    hash: OctetString,
    #[asn1(optional = "true")]
    issuer_and_serial: Option<Any>,
}

/// `SigningCertificate` (RFC 2634), with SHA-1. It binds the certificate only; the signature does not rest on it.
#[derive(Sequence)]
struct SigningCertificate {
    certificates: Vec<CertificateId>,
    #[asn1(optional = "true")]
    policies: Option<Any>,
}

#[derive(Sequence)]
struct CertificateId {
    hash: OctetString,
    #[asn1(optional = "true")]
    issuer_and_serial: Option<Any>,
}

/// What a token says, once all of it was verified.
pub(super) fn open(token: &[u8], authorities: &[CertificateDer<'_>]) -> Result<Content, StampError> {
    let malformed = || StampError::Malformed("token");
    let outer = ContentInfo::from_der(token).map_err(|_| malformed())?;
    if outer.content_type != SIGNED_DATA {
        return Err(malformed());
    }
    let signed: SignedData = outer.content.decode_as().map_err(|_| malformed())?;
    let inner = &signed.encap_content_info;
    let [by] = signed.signer_infos.0.as_slice() else {
        return Err(malformed());
    };
    if inner.econtent_type != TIME_STAMP {
        return Err(malformed());
    }
    let content = inner.econtent.as_ref().ok_or_else(malformed)?;
    let content: OctetString = content.decode_as().map_err(|_| malformed())?;
    let certificates = certificates(&signed)?;
    let certificate = signing_certificate(by, &certificates)?;
    check_attributes(by, content.as_bytes(), &certificate)?;
    let read = Content::read(content.as_bytes())?;
    check_signature(by, &certificate)?;
    check_chain(&certificate, &certificates, read.time_us, authorities)?;
    Ok(read)
}

/// The certificates in the token, each parsed and as its bytes.
fn certificates(signed: &SignedData) -> Result<Vec<(Certificate, CertificateDer<'static>)>, StampError> {
    let choices = signed.certificates.iter().flat_map(|set| set.0.iter());
    let certificates = choices.filter_map(|choice| match choice {
        CertificateChoices::Certificate(certificate) => Some(certificate),
        CertificateChoices::Other(_) => None,
    });
    certificates
        .map(|certificate| {
            let bytes = certificate
                .to_der()
                .map_err(|_| StampError::Malformed("certificate"))?;
            Ok((certificate.clone(), CertificateDer::from(bytes)))
        })
        .collect()
}

fn signing_certificate(
    signer: &SignerInfo,
    certificates: &[(Certificate, CertificateDer<'static>)],
) -> Result<CertificateDer<'static>, StampError> {
    let is_named = |certificate: &Certificate| {
        let tbs = &certificate.tbs_certificate;
        match &signer.sid {
            SignerIdentifier::IssuerAndSerialNumber(named) => {
                tbs.issuer == named.issuer && tbs.serial_number == named.serial_number
            }
            SignerIdentifier::SubjectKeyIdentifier(named) => {
                let ids = tbs
                    .extensions
                    .iter()
                    .flatten()
                    .filter(|one| one.extn_id == SUBJECT_KEY_ID);
                let mut ids = ids.filter_map(|one| OctetString::from_der(one.extn_value.as_bytes()).ok());
                ids.any(|id| id == named.0)
            }
        }
    };
    let found = certificates.iter().find(|(certificate, _)| is_named(certificate));
    found.map(|(_, bytes)| bytes.clone()).ok_or(StampError::Authority)
}

/// The signed attributes tell what kind of content it is, its digest, and by which certificate it is signed.
fn check_attributes(
    signer: &SignerInfo,
    content: &[u8],
    certificate: &CertificateDer<'_>,
) -> Result<(), StampError> {
    let attributes = signer.signed_attrs.as_ref().ok_or(StampError::Signature)?;
    let kind: ObjectIdentifier = value(attributes, CONTENT_TYPE)?.ok_or(StampError::Signature)?;
    let digest: OctetString = value(attributes, MESSAGE_DIGEST)?.ok_or(StampError::Signature)?;
    let algorithm = digest_algorithm(signer.digest_alg.oid)?;
    if kind != TIME_STAMP || digest.as_bytes() != digest::digest(algorithm, content).as_ref() {
        return Err(StampError::Signature);
    }
    let second: Option<SigningCertificateV2> = value(attributes, SIGNING_CERTIFICATE_V2)?;
    let first: Option<SigningCertificate> = value(attributes, SIGNING_CERTIFICATE)?;
    let (algorithm, hash) = match (&second, &first) {
        (Some(second), _) => {
            let id = second.certificates.first().ok_or(StampError::Signature)?;
            let algorithm = id.algorithm.as_ref().map_or(SHA_256, |algorithm| algorithm.oid);
            (digest_algorithm(algorithm)?, &id.hash)
        }
        (None, Some(first)) => {
            let id = first.certificates.first().ok_or(StampError::Signature)?;
            (&SHA1_FOR_LEGACY_USE_ONLY, &id.hash)
        }
        (None, None) => return Err(StampError::Signature),
    };
    if hash.as_bytes() == digest::digest(algorithm, certificate).as_ref() {
        Ok(())
    } else {
        Err(StampError::Signature)
    }
}

/// The one value of an attribute; `None` where there is no such attribute.
fn value<'a, T: der::Choice<'a> + der::DecodeValue<'a>>(
    attributes: &'a Attributes,
    oid: ObjectIdentifier,
) -> Result<Option<T>, StampError> {
    let mut found = attributes.iter().filter(|attribute| attribute.oid == oid);
    let (Some(attribute), None) = (found.next(), found.next()) else {
        return if attributes.iter().any(|attribute| attribute.oid == oid) {
            Err(StampError::Signature)
        } else {
            Ok(None)
        };
    };
    let Attribute { values, .. } = attribute;
    let [one] = values.as_slice() else {
        return Err(StampError::Signature);
    };
    one.decode_as()
        .map(Some)
        .map_err(|_| StampError::Malformed("attributes"))
}

fn digest_algorithm(oid: ObjectIdentifier) -> Result<&'static Algorithm, StampError> {
    match oid {
        SHA_256 => Ok(&SHA256),
        SHA_384 => Ok(&SHA384),
        SHA_512 => Ok(&SHA512),
        _ => Err(StampError::Algorithm),
    }
}

/// The signature is over the signed attributes as a DER `SET OF` (RFC 5652 section 5.4).
fn check_signature(signer: &SignerInfo, certificate: &CertificateDer<'_>) -> Result<(), StampError> {
    let attributes = signer.signed_attrs.as_ref().ok_or(StampError::Signature)?;
    let message = attributes
        .to_der()
        .map_err(|_| StampError::Malformed("attributes"))?;
    let certificate = EndEntityCert::try_from(certificate).map_err(|_| StampError::Authority)?;
    let accepted = signature_algorithms(signer)?;
    let fits = accepted.iter().any(|algorithm| {
        let signature = signer.signature.as_bytes();
        certificate
            .verify_signature(*algorithm, &message, signature)
            .is_ok()
    });
    if fits { Ok(()) } else { Err(StampError::Signature) }
}

/// The algorithms that a signer may mean; which of them fits its key is tried.
fn signature_algorithms(
    signer: &SignerInfo,
) -> Result<Vec<&'static dyn SignatureVerificationAlgorithm>, StampError> {
    let digest = signer.digest_alg.oid;
    Ok(
        match (signer.signature_algorithm.oid.to_string().as_str(), digest) {
            ("1.2.840.113549.1.1.1" | "1.2.840.113549.1.1.11", SHA_256) => {
                vec![algorithms::RSA_PKCS1_2048_8192_SHA256]
            }
            ("1.2.840.113549.1.1.1" | "1.2.840.113549.1.1.12", SHA_384) => {
                vec![algorithms::RSA_PKCS1_2048_8192_SHA384]
            }
            ("1.2.840.113549.1.1.1" | "1.2.840.113549.1.1.13", SHA_512) => {
                vec![algorithms::RSA_PKCS1_2048_8192_SHA512]
            }
            ("1.2.840.10045.4.3.2", SHA_256) => {
                vec![algorithms::ECDSA_P256_SHA256, algorithms::ECDSA_P384_SHA256]
            }
            ("1.2.840.10045.4.3.3", SHA_384) => {
                vec![algorithms::ECDSA_P256_SHA384, algorithms::ECDSA_P384_SHA384]
            }
            ("1.3.101.112", _) => vec![algorithms::ED25519],
            _ => return Err(StampError::Algorithm),
        },
    )
}

/// The certificate, valid when it stamped and for time stamping, leads to an authority.
fn check_chain(
    certificate: &CertificateDer<'_>,
    all: &[(Certificate, CertificateDer<'static>)],
    time_us: i64,
    authorities: &[CertificateDer<'_>],
) -> Result<(), StampError> {
    let anchors = authorities
        .iter()
        .map(|authority| webpki::anchor_from_trusted_cert(authority).map_err(|_| StampError::Certificate))
        .collect::<Result<Vec<_>, _>>()?;
    let between: Vec<_> = all.iter().map(|(_, bytes)| bytes.clone()).collect();
    let seconds = u64::try_from(time_us / 1_000_000).map_err(|_| StampError::Malformed("content"))?;
    let time = UnixTime::since_unix_epoch(std::time::Duration::from_secs(seconds));
    let certificate = EndEntityCert::try_from(certificate).map_err(|_| StampError::Authority)?;
    certificate
        .verify_for_usage(
            webpki::ALL_VERIFICATION_ALGS,
            &anchors,
            &between,
            time,
            KeyUsage::required(FOR_TIME_STAMPING),
            None,
            None,
        )
        .map(drop)
        .map_err(|_| StampError::Authority)
}
