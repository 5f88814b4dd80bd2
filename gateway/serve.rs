//! The three listeners: the exchange and the console over TLS, the admin listener over plain HTTP on loopback.
//!
//! They never share routes. TLS ends here, and what the handshake proved travels with each request as a
//! [`Peer`]; a header never says who is calling. A connection whose client certificate a reload no longer believes is
//! cut at once.

mod connection;
pub mod notify;
mod reload;
mod shutdown;
mod slots;
mod sockets;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use rustls::ServerConfig;
use rustls::pki_types::CertificateDer;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

use crate::config::{Config, Limits};
use crate::http::Listeners;
use crate::identity::{IdentityError, PeerCertificate};
use crate::telemetry::{ConnectionEnd, Metrics};
use crate::tls::Tls;

use connection::{Protocol, serve_connection};
pub use shutdown::Shutdown;
use slots::{Slot, Slots};
pub use sockets::Sockets;
use sockets::listen;

/// How long to wait after the system could not accept a connection (out of file handles).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Why the gateway cannot listen.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address is taken, not ours, or not allowed.
    #[error("cannot listen on `{address}` for {listener}: {why}{}", remedy(why))]
    Listen {
        /// Which listener.
        listener: &'static str,
        /// Where.
        address: SocketAddr,
        /// The system's reason.
        why: std::io::Error,
    },
    /// What systemd opened for us is not what we listen on.
    #[error("the sockets that systemd passed cannot be used: {0}")]
    Passed(String),
    /// The process cannot be told of signals.
    #[error("cannot wait for signals: {0}")]
    Signals(std::io::Error),
}

fn remedy(why: &std::io::Error) -> &'static str {
    match why.kind() {
        std::io::ErrorKind::AddrInUse => "; stop the program that has it (`ss -ltnp`), or give another port",
        std::io::ErrorKind::AddrNotAvailable => "; it is no address of this machine",
        std::io::ErrorKind::PermissionDenied => {
            "; a port below 1024 needs CAP_NET_BIND_SERVICE, or a systemd socket"
        }
        _ => "",
    }
}

/// The other end of a connection, in the extensions of each of its requests.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Where it is.
    pub address: SocketAddr,
    /// Its certificate, checked against the authorities; or why there is none to go by.
    pub certificate: Result<Arc<PeerCertificate>, IdentityError>,
}

/// Listeners that are up.
#[derive(Debug)]
pub struct Running {
    exchange: SocketAddr,
    console: SocketAddr,
    admin: SocketAddr,
    listeners: JoinSet<()>,
}

impl Running {
    /// Where the exchange listens; the real port when 0 was configured.
    pub fn exchange(&self) -> SocketAddr {
        self.exchange
    }

    /// Where the console listens.
    pub fn console(&self) -> SocketAddr {
        self.console
    }

    /// Where the admin listener listens.
    pub fn admin(&self) -> SocketAddr {
        self.admin
    }

    /// Waits until the listeners have drained after a [`Shutdown`].
    pub async fn finished(mut self) {
        while self.listeners.join_next().await.is_some() {}
    }
}

/// Binds the listeners and serves them until `shutdown`.
///
/// The certificates, authorities and revocation lists are read again on SIGHUP, and when their files changed.
pub async fn run(
    routes: Listeners,
    config: &Config,
    tls: Arc<Tls>,
    metrics: Arc<Metrics>,
    shutdown: Shutdown,
) -> Result<Running, ServeError> {
    let sockets = Sockets::bind(config).await?;
    Ok(run_on(sockets, routes, &config.limits, &tls, &metrics, &shutdown))
}

/// Serves on sockets that are bound already.
pub fn run_on(
    sockets: Sockets,
    routes: Listeners,
    limits: &Limits,
    tls: &Arc<Tls>,
    metrics: &Arc<Metrics>,
    shutdown: &Shutdown,
) -> Running {
    let (exchange, console, admin) = sockets.addresses();
    let mut listeners = JoinSet::new();
    listeners.spawn(reload::watch(
        Arc::clone(tls),
        Arc::clone(metrics),
        shutdown.clone(),
    ));
    let limits = Arc::new(limits.clone());
    let listener = |router, secured| Listener {
        router,
        secured,
        limits: Arc::clone(&limits),
        metrics: Arc::clone(metrics),
        shutdown: shutdown.clone(),
    };
    let over_tls = |settings| {
        Some(Secured {
            tls: Arc::clone(tls),
            settings,
        })
    };
    listeners.spawn(listener(routes.exchange, over_tls(Tls::exchange)).accept(sockets.exchange));
    listeners.spawn(listener(routes.console, over_tls(Tls::console)).accept(sockets.console));
    listeners.spawn(listener(routes.admin, None).accept(sockets.admin));
    tracing::info!(%exchange, %console, %admin, "listening");
    Running {
        exchange,
        console,
        admin,
        listeners,
    }
}

/// Binds one listener over plain HTTP, for a witness, and serves it until `shutdown`; tells where, and the task.
pub async fn run_plain(
    router: Router,
    address: SocketAddr,
    limits: Limits,
    shutdown: Shutdown,
) -> Result<(SocketAddr, JoinSet<()>), ServeError> {
    let socket = listen("the witness", address).await?;
    let bound = socket.local_addr().unwrap_or(address);
    let listener = Listener {
        router,
        secured: None,
        limits: Arc::new(limits),
        metrics: Arc::new(Metrics::new()),
        shutdown,
    };
    let mut tasks = JoinSet::new();
    tasks.spawn(listener.accept(socket));
    Ok((bound, tasks))
}

/// TLS, and which of its settings a listener speaks.
#[derive(Clone)]
struct Secured {
    tls: Arc<Tls>,
    settings: fn(&Tls) -> Arc<ServerConfig>,
}

/// One listener with what its connections need. Cloned for each connection.
#[derive(Clone)]
struct Listener {
    router: Router,
    secured: Option<Secured>,
    limits: Arc<Limits>,
    metrics: Arc<Metrics>,
    shutdown: Shutdown,
}

impl Listener {
    /// Accepts until shutdown, then lets the open connections finish.
    async fn accept(self, socket: TcpListener) {
        let slots = Slots::new(
            self.limits.connections_max,
            self.limits.connections_per_address_max,
        );
        let mut connections = JoinSet::new();
        loop {
            let accepted = tokio::select! {
                () = self.shutdown.draining() => break,
                Some(_) = connections.join_next() => continue,
                accepted = socket.accept() => accepted,
            };
            let Ok((stream, address)) = accepted else {
                sleep(ACCEPT_PAUSE).await;
                continue;
            };
            match slots.try_take(address.ip()) {
                Some(slot) => drop(connections.spawn(self.clone().connection(stream, address, slot))),
                None => self.metrics.connection(ConnectionEnd::Full),
            }
        }
        drop(socket);
        self.drain(connections).await;
    }

    /// Gives open connections their time; then, or when told to hurry, cuts them.
    async fn drain(self, mut connections: JoinSet<()>) {
        let finished = async { while connections.join_next().await.is_some() {} };
        tokio::select! {
            () = finished => {}
            () = self.shutdown.hurrying() => tracing::warn!("told to hurry; cutting open connections"),
            () = sleep(Duration::from_secs(self.limits.drain_time_s_max)) => {
                tracing::warn!("connections did not finish in time; cutting them");
            }
        }
        connections.shutdown().await;
    }

    /// One connection: handshake within its time, then requests. The slot is free again at the end.
    async fn connection(self, stream: TcpStream, address: SocketAddr, slot: Slot) {
        let _ = stream.set_nodelay(true);
        self.metrics.connections_open(1);
        let end = match &self.secured {
            None => {
                let peer = Peer {
                    address,
                    certificate: Err(IdentityError::CertificateMissing),
                };
                serve_connection(stream, Protocol::Http1, &self, peer).await
            }
            Some(secured) => self.secured_connection(secured, stream, address).await,
        };
        self.metrics.connections_open(-1);
        self.metrics.connection(end);
        drop(slot);
    }

    /// Ends also when a reload no longer believes the client: what was being answered is cut.
    async fn secured_connection(
        &self,
        secured: &Secured,
        stream: TcpStream,
        address: SocketAddr,
    ) -> ConnectionEnd {
        // Before the handshake, so that a reload meanwhile is heard.
        let reloads = secured.tls.reloads();
        let handshake = TlsAcceptor::from((secured.settings)(&secured.tls)).accept(stream);
        let stream = match timeout(Duration::from_secs(self.limits.handshake_time_s_max), handshake).await {
            Err(_) => return ConnectionEnd::HandshakeTimeout,
            Ok(Err(_)) => return ConnectionEnd::HandshakeFailed,
            Ok(Ok(stream)) => stream,
        };
        let session = stream.get_ref().1;
        let chain: Vec<CertificateDer<'static>> = session.peer_certificates().unwrap_or_default().to_vec();
        let (protocol, peer) = handshaken(session, address);
        tokio::select! {
            end = serve_connection(stream, protocol, self, peer) => end,
            () = secured.tls.disbelieved(&chain, reloads) => ConnectionEnd::Disbelieved,
        }
    }
}

/// What the handshake agreed on and proved.
fn handshaken(session: &rustls::ServerConnection, address: SocketAddr) -> (Protocol, Peer) {
    let protocol = match session.alpn_protocol() {
        Some(b"h2") => Protocol::Http2,
        _ => Protocol::Http1,
    };
    let certificate = session
        .peer_certificates()
        .and_then(|chain| chain.first())
        .ok_or(IdentityError::CertificateMissing)
        .and_then(|leaf| PeerCertificate::from_der(leaf).map(Arc::new));
    (protocol, Peer { address, certificate })
}

#[cfg(test)]
mod tests;
