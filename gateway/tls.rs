//! TLS with ring: our certificates, the authorities whose clients we believe, their revocation lists.
//!
//! On the exchange a client certificate is asked for and, when given, must be good; it may be absent, since some routes
//! are public. Which routes need one is decided there. The console asks for none. Everything is read again by
//! [`Tls::reload`] without touching a connection that is still believed; sessions of the old settings cannot be resumed
//! under the new ones, and whoever is open with a certificate that is no longer believed is told by
//! [`Tls::disbelieved`].

mod files;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use jiff::Timestamp;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::time_provider::TimeProvider;
use rustls::{ConfigBuilder, RootCertStore, ServerConfig, SupportedProtocolVersion, WantsVerifier};
use tokio::sync::watch;

use crate::clock::Clock;
use crate::config::{Config, TlsVersion};

pub(crate) use files::certificates;
use files::{Revocations, Valid, checked_leaf, private_key, revocations};

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
    /// Everybody on the machine can read the private key.
    #[error("`{}` is a private key that others can read (mode `{mode:04o}`): `chmod 0400 {}`", file.display(), file.display())]
    Readable {
        /// The file.
        file: PathBuf,
        /// Its permissions.
        mode: u32,
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

/// What ends on a day: our certificates, the authorities, the revocation lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Ending {
    /// The certificate of the exchange.
    Exchange,
    /// The certificate of the console.
    Console,
    /// The client authority that ends first.
    ClientAuthority,
    /// The revocation list that ends first; with an old one nobody is believed.
    RevocationList,
}

impl Ending {
    /// Its name, in metrics and checks.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Exchange => "exchange",
            Self::Console => "console",
            Self::ClientAuthority => "client-authority",
            Self::RevocationList => "revocation-list",
        }
    }
}

/// The TLS settings of both listeners, replaced as a whole when they are reloaded.
pub struct Tls {
    config: Config,
    examples: Examples,
    clock: Arc<dyn Clock>,
    current: ArcSwap<Loaded>,
    reloads: watch::Sender<u64>,
}

/// One state of the files.
struct Loaded {
    exchange: Arc<ServerConfig>,
    console: Arc<ServerConfig>,
    clients: Arc<dyn ClientCertVerifier>,
    endings: Vec<(Ending, Timestamp)>,
    from: Timestamp,
}

impl Tls {
    /// Reads the files that the settings name.
    pub fn load(config: &Config, examples: Examples, clock: Arc<dyn Clock>) -> Result<Self, TlsError> {
        let loaded = Loaded::read(config, examples, &clock)?;
        Ok(Self {
            config: config.clone(),
            examples,
            clock,
            current: ArcSwap::from_pointee(loaded),
            reloads: watch::Sender::new(0),
        })
    }

    /// Reads the files again. On an error the old settings stay in force.
    pub fn reload(&self) -> Result<(), TlsError> {
        let loaded = Loaded::read(&self.config, self.examples, &self.clock)?;
        self.current.store(Arc::new(loaded));
        self.reloads.send_modify(|count| *count += 1);
        Ok(())
    }

    /// The settings for the next connection to the exchange.
    pub fn exchange(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.current.load().exchange)
    }

    /// The settings for the next connection to the console.
    pub fn console(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.current.load().console)
    }

    /// Waits until a reload no longer believes this chain of a client, leaf first. An empty one is never believed, and
    /// never asked about: it waits for ever.
    ///
    /// `reloads` is to be taken before the handshake, so that no reload is missed between the two.
    pub async fn disbelieved(&self, chain: &[CertificateDer<'_>], mut reloads: watch::Receiver<u64>) {
        let Some((leaf, between)) = chain.split_first() else {
            return std::future::pending().await;
        };
        while reloads.changed().await.is_ok() {
            let now = ClockTime(Arc::clone(&self.clock)).current_time();
            let clients = Arc::clone(&self.current.load().clients);
            let believed = now.is_some_and(|now| clients.verify_client_cert(leaf, between, now).is_ok());
            if !believed {
                return;
            }
        }
        std::future::pending::<()>().await;
    }

    /// Hears of each reload.
    pub fn reloads(&self) -> watch::Receiver<u64> {
        self.reloads.subscribe()
    }

    /// The files that a reload reads.
    pub fn files(&self) -> impl Iterator<Item = &Path> {
        let (exchange, console) = (&self.config.exchange, &self.config.console);
        [&exchange.certificate, &exchange.key, &exchange.client_ca]
            .into_iter()
            .chain(&exchange.crls)
            .chain(&console.certificate)
            .chain(&console.key)
            .map(PathBuf::as_path)
    }

    /// From when our certificates are valid, if that is still to come: more likely than not the clock is wrong.
    pub fn not_yet_valid(&self) -> Option<Timestamp> {
        let from = self.current.load().from;
        (from > self.clock.now()).then_some(from)
    }

    /// Whole days until each of what it holds ends; negative once it has.
    pub fn days_left(&self) -> Vec<(Ending, i64)> {
        let now = self.clock.now();
        let days = |until: Timestamp| until.duration_since(now).as_hours().div_euclid(24);
        let loaded = self.current.load();
        loaded
            .endings
            .iter()
            .map(|(ending, until)| (*ending, days(*until)))
            .collect()
    }
}

/// A certificate of ours with its key.
struct Own {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    valid: Valid,
}

impl Own {
    fn read(certificate: &Path, key: &Path, examples: Examples) -> Result<Self, TlsError> {
        let chain = certificates("a certificate", certificate)?;
        Ok(Self {
            valid: checked_leaf(&chain, certificate, examples)?,
            key: private_key(key, examples)?,
            chain,
        })
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls")
            .field("endings", &self.current.load().endings)
            .finish_non_exhaustive()
    }
}

impl Loaded {
    fn read(config: &Config, examples: Examples, clock: &Arc<dyn Clock>) -> Result<Self, TlsError> {
        let settings = &config.exchange;
        let exchange = Own::read(&settings.certificate, &settings.key, examples)?;
        let console = Own::read(
            config
                .console
                .certificate
                .as_ref()
                .unwrap_or(&settings.certificate),
            config.console.key.as_ref().unwrap_or(&settings.key),
            examples,
        )?;
        let from = exchange.valid.from.max(console.valid.from);
        let mut endings = vec![
            (Ending::Exchange, exchange.valid.until),
            (Ending::Console, console.valid.until),
        ];
        let authorities = certificates("client authorities", &settings.client_ca)?;
        let ends = authorities
            .iter()
            .map(|authority| {
                checked_leaf(std::slice::from_ref(authority), &settings.client_ca, examples)
                    .map(|valid| valid.until)
            })
            .collect::<Result<Vec<_>, _>>()?;
        endings.extend(ends.into_iter().min().map(|end| (Ending::ClientAuthority, end)));
        let lists = settings
            .crls
            .iter()
            .map(|file| revocations(file))
            .collect::<Result<Vec<_>, _>>()?;
        let end = lists.iter().filter_map(|list| list.next_update).min();
        endings.extend(end.map(|end| (Ending::RevocationList, end)));
        let clients = client_verifier(authorities, lists)?;
        let builder = |clock| server_builder(settings.tls_min, clock);
        let exchange = builder(clock)?
            .with_client_cert_verifier(Arc::clone(&clients))
            .with_single_cert(exchange.chain, exchange.key);
        let console = builder(clock)?
            .with_no_client_auth()
            .with_single_cert(console.chain, console.key);
        Ok(Self {
            exchange: finished(exchange)?,
            console: finished(console)?,
            clients,
            endings,
            from,
        })
    }
}

fn server_builder(
    oldest: TlsVersion,
    clock: &Arc<dyn Clock>,
) -> Result<ConfigBuilder<ServerConfig, WantsVerifier>, TlsError> {
    const NEW: &[&SupportedProtocolVersion] = &[&rustls::version::TLS13];
    const BOTH: &[&SupportedProtocolVersion] = &[&rustls::version::TLS13, &rustls::version::TLS12];
    let versions = match oldest {
        TlsVersion::Tls13 => NEW,
        TlsVersion::Tls12 => BOTH,
    };
    ServerConfig::builder_with_details(provider(), Arc::new(ClockTime(Arc::clone(clock))))
        .with_protocol_versions(versions)
        .map_err(TlsError::Identity)
}

/// What both listeners share. In TLS 1.2 a client without the extended master secret (RFC 7627) is refused.
fn finished(server: Result<ServerConfig, rustls::Error>) -> Result<Arc<ServerConfig>, TlsError> {
    let mut server = server.map_err(TlsError::Identity)?;
    server.alpn_protocols = PROTOCOLS.iter().map(|protocol| protocol.to_vec()).collect();
    server.require_ems = true;
    Ok(Arc::new(server))
}

/// The one cryptography provider of this program.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// Believes a client certificate of these authorities; none at all is for the route to judge. With
/// revocation lists, a certificate whose authority has none, or one that has run out, is refused.
fn client_verifier(
    authorities: Vec<CertificateDer<'static>>,
    lists: Vec<Revocations>,
) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let roots = roots(authorities).map_err(|why| TlsError::Authorities(why.to_string()))?;
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider())
        .with_crls(lists.into_iter().flat_map(|list| list.lists))
        .only_check_end_entity_revocation()
        .enforce_revocation_expiration()
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
