//! What TLS reads from files: certificates, keys, revocation lists; whatever is wrong is one line with the file.

use std::fmt;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use jiff::Timestamp;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use x509_parser::prelude::{FromDer as _, X509Certificate};
use x509_parser::revocation_list::CertificateRevocationList;

use super::{EXAMPLE_ISSUER, Examples, TlsError};

/// The certificates of a PEM file, at least one.
pub(crate) fn certificates(
    what: &'static str,
    file: &Path,
) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read = CertificateDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match read {
        Ok(found) if found.is_empty() => Err(file_error(what, file, &"no certificate in it")),
        Ok(found) => Ok(found),
        Err(why) => Err(file_error(what, file, &why)),
    }
}

/// The revocation lists of one file, and when the first of them runs out.
pub(super) struct Revocations {
    pub(super) lists: Vec<CertificateRevocationListDer<'static>>,
    pub(super) next_update: Option<Timestamp>,
}

/// The revocation lists of a PEM file, at least one: an empty file would switch the check off.
pub(super) fn revocations(file: &Path) -> Result<Revocations, TlsError> {
    let wrong = |why: &dyn fmt::Display| file_error("a revocation list", file, why);
    let lists = CertificateRevocationListDer::pem_file_iter(file)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|why| wrong(&why))?;
    if lists.is_empty() {
        return Err(wrong(&"no revocation list in it"));
    }
    let mut next_update = None;
    for list in &lists {
        let (_, list) = CertificateRevocationList::from_der(list).map_err(|why| wrong(&why))?;
        let end = list
            .next_update()
            .and_then(|end| Timestamp::from_second(end.timestamp()).ok());
        let end = end.ok_or_else(|| wrong(&"it does not say until when it holds (`nextUpdate`)"))?;
        next_update = Some(next_update.map_or(end, |first: Timestamp| first.min(end)));
    }
    Ok(Revocations { lists, next_update })
}

/// The private key of a PEM file, which only we and our group may read; the published examples anybody may.
pub(super) fn private_key(file: &Path, examples: Examples) -> Result<PrivateKeyDer<'static>, TlsError> {
    let what = "a private key";
    let mode = fs::metadata(file)
        .map_err(|why| file_error(what, file, &why))?
        .permissions()
        .mode()
        & 0o777;
    if examples == Examples::Refuse && mode & 0o007 != 0 {
        return Err(TlsError::Readable {
            file: file.to_owned(),
            mode,
        });
    }
    PrivateKeyDer::from_pem_file(file).map_err(|why| file_error(what, file, &why))
}

/// From when until when a certificate is valid.
pub(super) struct Valid {
    pub(super) from: Timestamp,
    pub(super) until: Timestamp,
}

/// When the first certificate is valid, which is no example in production.
pub(super) fn checked_leaf(
    chain: &[CertificateDer<'_>],
    file: &Path,
    examples: Examples,
) -> Result<Valid, TlsError> {
    let leaf = chain.first().map(AsRef::as_ref).unwrap_or_default();
    let unreadable = |why: &dyn fmt::Display| file_error("a certificate", file, why);
    let (_, leaf) = X509Certificate::from_der(leaf).map_err(|why| unreadable(&why))?;
    let mut names = leaf
        .issuer()
        .iter_common_name()
        .filter_map(|name| name.as_str().ok());
    if examples == Examples::Refuse && names.any(|name| name == EXAMPLE_ISSUER) {
        return Err(TlsError::Example {
            file: file.to_owned(),
        });
    }
    let instant = |at: i64| Timestamp::from_second(at).map_err(|why| unreadable(&why));
    Ok(Valid {
        from: instant(leaf.validity().not_before.timestamp())?,
        until: instant(leaf.validity().not_after.timestamp())?,
    })
}

fn file_error(what: &'static str, file: &Path, why: &dyn fmt::Display) -> TlsError {
    TlsError::File {
        what,
        file: file.to_owned(),
        why: why.to_string(),
    }
}
