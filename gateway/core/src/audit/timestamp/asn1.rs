//! The messages of RFC 3161. Our own structures, because the time may have fractions of a second, which no crate's
//! `GeneralizedTime` reads.

use cms::cert::x509::ext::Extensions;
use cms::cert::x509::spki::AlgorithmIdentifierOwned;
use cms::content_info::ContentInfo;
use der::asn1::{Any, Int, Null, ObjectIdentifier, OctetString, SequenceRef};
use der::{Sequence, Tag, Tagged as _};
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::StampError;
use crate::audit::Hash;

pub(super) const SHA_256: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.4.2.1");
/// `PKIStatus` (RFC 3161 section 2.4.2).
pub(super) const GRANTED: u8 = 0;
pub(super) const GRANTED_WITH_MODIFICATIONS: u8 = 1;
/// The version of requests and of contents.
const VERSION: u8 = 1;

/// `TimeStampReq`.
#[derive(Sequence)]
pub(super) struct Request {
    version: u8,
    imprint: MessageImprint,
    nonce: u64,
    certificate_wanted: bool,
}

#[derive(Sequence)]
struct MessageImprint {
    algorithm: AlgorithmIdentifierOwned,
    hash: OctetString,
}

impl Request {
    pub(super) fn new(imprint: &Hash, nonce: u64) -> der::Result<Self> {
        let algorithm = AlgorithmIdentifierOwned {
            oid: SHA_256,
            parameters: Some(Null.into()),
        };
        let hash = OctetString::new(imprint.as_slice())?;
        Ok(Self {
            version: VERSION,
            imprint: MessageImprint { algorithm, hash },
            nonce,
            certificate_wanted: true,
        })
    }
}

/// `TimeStampResp`.
#[derive(Sequence)]
pub(super) struct Response {
    pub(super) status: Status,
    #[asn1(optional = "true")]
    pub(super) token: Option<ContentInfo>,
}

/// `PKIStatusInfo`; the texts beside the status are not read.
#[derive(Sequence)]
pub(super) struct Status {
    pub(super) code: u8,
    #[asn1(optional = "true")]
    text: Option<Any>,
    #[asn1(optional = "true")]
    failure: Option<Any>,
}

/// `TSTInfo`, as far as it is read.
#[derive(Sequence)]
struct Info<'a> {
    version: u8,
    policy: ObjectIdentifier,
    imprint: MessageImprint,
    serial: Int,
    time: Any,
    #[asn1(optional = "true")]
    accuracy: Option<SequenceRef<'a>>,
    #[asn1(default = "Default::default")]
    ordering: bool,
    #[asn1(optional = "true")]
    nonce: Option<u64>,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    authority: Option<Any>,
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", optional = "true")]
    extensions: Option<Extensions>,
}

/// What a token says.
pub(super) struct Content {
    pub(super) imprint: Hash,
    pub(super) nonce: Option<u64>,
    pub(super) time_us: i64,
}

impl Content {
    /// Reads the DER of a `TSTInfo`.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, StampError> {
        let malformed = || StampError::Malformed("content");
        let info = <Info<'_> as der::Decode>::from_der(bytes).map_err(|_| malformed())?;
        let critical = info
            .extensions
            .iter()
            .flatten()
            .any(|extension| extension.critical);
        if info.version != VERSION || critical {
            return Err(malformed());
        }
        if info.imprint.algorithm.oid != SHA_256 {
            return Err(StampError::Imprint);
        }
        let imprint = info
            .imprint
            .hash
            .as_bytes()
            .try_into()
            .map_err(|_| StampError::Imprint)?;
        Ok(Self {
            imprint,
            nonce: info.nonce,
            time_us: time(&info.time).ok_or_else(malformed)?,
        })
    }
}

/// `YYYYMMDDhhmmss[.f…]Z`, the fraction without trailing zeros (RFC 3161 section 2.4.2), in µs since 1970.
fn time(value: &Any) -> Option<i64> {
    if value.tag() != Tag::GeneralizedTime {
        return None;
    }
    let text = std::str::from_utf8(value.value()).ok()?.strip_suffix('Z')?;
    let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let bare = text.contains('.') && (fraction.is_empty() || fraction.ends_with('0'));
    if bare || !digits(seconds) || !digits(fraction) || seconds.len() != 14 || fraction.len() > 9 {
        return None;
    }
    let seconds = DateTime::strptime("%Y%m%d%H%M%S", seconds).ok()?;
    let seconds = seconds.to_zoned(TimeZone::UTC).ok()?.timestamp();
    let nanoseconds: i64 = format!("{fraction:0<9}").parse().ok()?;
    seconds.as_microsecond().checked_add(nanoseconds / 1_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_has_one_spelling() {
        let read = |text: &str| time(&Any::new(Tag::GeneralizedTime, text.as_bytes()).unwrap());
        assert_eq!(read("20261122101530Z"), Some(1_795_342_530_000_000));
        assert_eq!(read("20261122101530.25Z"), Some(1_795_342_530_250_000));
        for bad in [
            "20261122101530",
            "20261122101530.Z",
            "20261122101530.50Z",
            "20261322101530Z",
            "202611221015Z",
            "",
            "20261122101530+0100",
            "+2026112210153Z",
            "20261122101530.1234567891Z",
            "20261122101530,5Z",
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
        assert_eq!(time(&Any::new(Tag::UtcTime, *b"261122101530Z").unwrap()), None);
    }
}
