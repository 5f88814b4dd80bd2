//! Time stamps (RFC 3161, with RFC 5816): an authority outside says that a checkpoint existed at a time.
//!
//! What is stamped is SHA-256 of the checkpoint's note as the log signed it, without cosignatures. A token is believed
//! when its certificate was valid at that time, is for time stamping alone, and leads to a configured authority.

mod asn1;
mod signed;

use der::{Decode as _, Encode as _};
use rustls_pki_types::CertificateDer;

use super::{Hash, sha256};

/// The longest response that is read, in bytes.
pub const RESPONSE_BYTES_MAX: usize = 64 * 1024;

/// Why a response or a token proves no time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StampError {
    /// Not DER of the right shape; names the part.
    #[error("the time stamp's {0} cannot be read")]
    Malformed(&'static str),
    /// The authority refused.
    #[error("the time stamp authority refused: status `{0}`")]
    Refused(u8),
    /// It is over something else.
    #[error("the time stamp is over something else")]
    Imprint,
    /// It is not the answer to this request.
    #[error("the time stamp answers another request: its nonce differs")]
    Nonce,
    /// The signature or what it covers does not fit.
    #[error("the time stamp's signature does not fit")]
    Signature,
    /// Signed in a way that is not accepted.
    #[error("the time stamp is signed with an algorithm that is not accepted")]
    Algorithm,
    /// The certificate leads to none of the configured authorities, or is not for time stamping.
    #[error(
        "the time stamp's certificate does not lead to a configured authority, or is not for time stamping"
    )]
    Authority,
    /// A certificate of the configuration is none.
    #[error("a certificate of the time stamp authorities cannot be read")]
    Certificate,
}

/// A token that was verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// The token (DER, a CMS `ContentInfo`), as stored and handed out.
    pub token: Vec<u8>,
    /// When it was made, in µs since 1970 UTC.
    pub time_us: i64,
}

/// What is stamped of a checkpoint: SHA-256 of the note.
pub fn imprint(note: &str) -> Hash {
    sha256(&[note.as_bytes()])
}

/// The request for a token over `imprint`. `nonce` is random; [`accept`] wants to see it again.
pub fn request(imprint: &Hash, nonce: u64) -> Result<Vec<u8>, StampError> {
    asn1::Request::new(imprint, nonce)
        .and_then(|request| request.to_der())
        .map_err(|_| StampError::Malformed("request"))
}

/// The token of a response to [`request`], verified.
pub fn accept(
    response: &[u8],
    imprint: &Hash,
    nonce: u64,
    authorities: &[CertificateDer<'_>],
) -> Result<Stamp, StampError> {
    if response.len() > RESPONSE_BYTES_MAX {
        return Err(StampError::Malformed("response"));
    }
    let response = asn1::Response::from_der(response).map_err(|_| StampError::Malformed("response"))?;
    let status = response.status.code;
    let (asn1::GRANTED | asn1::GRANTED_WITH_MODIFICATIONS, Some(token)) = (status, response.token) else {
        return Err(StampError::Refused(status));
    };
    let token = token.to_der().map_err(|_| StampError::Malformed("token"))?;
    let content = signed::open(&token, authorities)?;
    if content.nonce != Some(nonce) {
        return Err(StampError::Nonce);
    }
    stamp(token, &content, imprint)
}

/// Verifies a stored token over `imprint`, offline.
pub fn verify(token: &[u8], imprint: &Hash, authorities: &[CertificateDer<'_>]) -> Result<Stamp, StampError> {
    if token.len() > RESPONSE_BYTES_MAX {
        return Err(StampError::Malformed("token"));
    }
    stamp(token.to_vec(), &signed::open(token, authorities)?, imprint)
}

fn stamp(token: Vec<u8>, content: &asn1::Content, imprint: &Hash) -> Result<Stamp, StampError> {
    if content.imprint != *imprint {
        return Err(StampError::Imprint);
    }
    let time_us = content.time_us;
    Ok(Stamp { token, time_us })
}

#[cfg(test)]
mod tests;
