//! TLS 1.3 with ring: our certificate, the authorities whose clients we believe, their revocation lists.
//!
//! A client certificate is asked for and, when given, must be good; it may be absent, since some routes are
//! public. Which routes need one is decided there. Everything is read again by [`Tls::reload`] without
//! touching an open connection; sessions of the old settings cannot be resumed under the new ones, so a
//! certificate that was revoked meanwhile is seen at the next connection.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use jiff::Timestamp;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::time_provider::TimeProvider;
use rustls::{RootCertStore, ServerConfig};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use crate::clock::Clock;
use crate::config::Exchange;

/// What the issuer of an example certificate is called; such a certificate is public, with its key.
pub const EXAMPLE_ISSUER: &str = "Doelpoort example keys, never in production";

/// The protocols we speak, best first (ALPN, RFC 7301).
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// Why the TLS settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file is missing or holds something else.
    #[error("cannot read {what} from `{}`: {why}", file.display())]
    File {
        /// What should be there.
        what: &'static str,
        /// The file.
        file: PathBuf,
        /// Why not.
        why: String,
    },
    /// The certificate and the key do not belong together, or rustls refuses one of them.
    #[error("the server certificate and key cannot be used: {0}")]
    Identity(rustls::Error),
    /// The authorities or their revocation lists cannot be used.
    #[error("the client authorities cannot be used: {0}")]
    Authorities(String),
    /// An example certificate outside the demo and the tests.
    #[error("`{}` holds an example certificate, whose key is public; it serves the tests only", file.display())]
    Example {
        /// The file.
        file: PathBuf,
    },
}

/// Whether the published example certificates are good enough here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Examples {
    /// In production: refuse them.
    Refuse,
    /// In tests and the demo.
    Accept,
}

/// The TLS settings of the exchange, replaced as a whole when they are reloaded.
pub struct Tls {
    settings: Exchange,
    examples: Examples,
    clock: Arc<dyn Clock>,
    current: ArcSwap<Loaded>,
}

/// One state of the files.
struct Loaded {
    server: Arc<ServerConfig>,
    not_after: Timestamp,
}

impl Tls {
    /// Reads the files that the settings name.
    pub fn load(settings: &Exchange, examples: Examples, clock: Arc<dyn Clock>) -> Result<Self, TlsError> {
        let loaded = Loaded::read(settings, examples, &clock)?;
        let current = ArcSwap::from_pointee(loaded);
        Ok(Self {
            settings: settings.clone(),
            examples,
            clock,
            current,
        })
    }

    /// Reads the files again. On an error the old settings stay in force.
    pub fn reload(&self) -> Result<(), TlsError> {
        let loaded = Loaded::read(&self.settings, self.examples, &self.clock)?;
        self.current.store(Arc::new(loaded));
        Ok(())
    }

    /// The settings for the next connection.
    pub fn current(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.current.load().server)
    }

    /// The last moment of our certificate.
    pub fn not_after(&self) -> Timestamp {
        self.current.load().not_after
    }

    /// Whole days until our certificate ends; negative once it has.
    pub fn days_left(&self) -> i64 {
        let left = self.not_after().duration_since(self.clock.now());
        left.as_hours().div_euclid(24)
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("not_after", &self.not_after())
            .finish_non_exhaustive()
    }
}

impl Loaded {
    fn read(settings: &Exchange, examples: Examples, clock: &Arc<dyn Clock>) -> Result<Self, TlsError> {
        let chain = certificates("a certificate", &settings.certificate)?;
        let authorities = certificates("client authorities", &settings.client_ca)?;
        let not_after = checked_leaf(&chain, &settings.certificate, examples)?;
        for authority in &authorities {
            checked_leaf(std::slice::from_ref(authority), &settings.client_ca, examples)?;
        }
        let key = PrivateKeyDer::from_pem_file(&settings.key)
            .map_err(|why| file_error("a private key", &settings.key, &why))?;
        let verifier = client_verifier(authorities, &settings.crls)?;
        let time = Arc::new(ClockTime(Arc::clone(clock)));
        let mut server = ServerConfig::builder_with_details(provider(), time)
            .with_protocol_versions(&[&rustls::version::TLS13])
            .map_err(TlsError::Identity)?
            .with_client_cert_verifier(verifier)
            .with_single_cert(chain, key)
            .map_err(TlsError::Identity)?;
        server.alpn_protocols = PROTOCOLS.iter().map(|protocol| protocol.to_vec()).collect();
        Ok(Self {
            server: Arc::new(server),
            not_after,
        })
    }
}

/// The one cryptography provider of this program.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// Believes a client certificate of these authorities; none at all is for the route to judge. With
/// revocation lists, a certificate whose authority has none is refused.
fn client_verifier(
    authorities: Vec<CertificateDer<'static>>,
    crls: &[PathBuf],
) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let roots = roots(authorities).map_err(|why| TlsError::Authorities(why.to_string()))?;
    let crls = crls
        .iter()
        .map(|file| revocations(file))
        .collect::<Result<Vec<_>, _>>()?;
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider())
        .with_crls(crls.into_iter().flatten())
        .only_check_end_entity_revocation()
        .allow_unauthenticated()
        .build()
        .map_err(|why| TlsError::Authorities(why.to_string()))
}

/// A root store of these certificates.
pub(crate) fn roots(authorities: Vec<CertificateDer<'static>>) -> Result<RootCertStore, rustls::Error> {
    let mut roots = RootCertStore::empty();
    for authority in authorities {
        roots.add(authority)?;
    }
    Ok(roots)
}

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

/// The revocation lists of a PEM file, at least one: an empty file would switch the check off.
fn revocations(file: &Path) -> Result<Vec<CertificateRevocationListDer<'static>>, TlsError> {
    let what = "a revocation list";
    let read =
        CertificateRevocationListDer::pem_file_iter(file).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    match read {
        Ok(found) if found.is_empty() => Err(file_error(what, file, &"no revocation list in it")),
        Ok(found) => Ok(found),
        Err(why) => Err(file_error(what, file, &why)),
    }
}

/// The last moment of the first certificate, which is no example in production.
fn checked_leaf(
    chain: &[CertificateDer<'_>],
    file: &Path,
    examples: Examples,
) -> Result<Timestamp, TlsError> {
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
    Timestamp::from_second(leaf.validity().not_after.timestamp()).map_err(|why| unreadable(&why))
}

fn file_error(what: &'static str, file: &Path, why: &dyn fmt::Display) -> TlsError {
    TlsError::File {
        what,
        file: file.to_owned(),
        why: why.to_string(),
    }
}

/// Our clock, as rustls asks for it.
pub(crate) struct ClockTime(pub(crate) Arc<dyn Clock>);

impl TimeProvider for ClockTime {
    fn current_time(&self) -> Option<UnixTime> {
        let seconds = u64::try_from(self.0.now().as_second()).ok()?;
        Some(UnixTime::since_unix_epoch(Duration::from_secs(seconds)))
    }
}

impl fmt::Debug for ClockTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClockTime")
    }
}
