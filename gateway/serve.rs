//! The two listeners: the exchange over TLS, the admin listener over plain HTTP on loopback.
//!
//! They never share routes. TLS ends here, and what the handshake proved travels with each request as a
//! [`Peer`]; a header never says who is calling.

mod connection;
mod shutdown;
mod slots;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsAcceptor;

use crate::config::{Config, Limits};
use crate::identity::{IdentityError, PeerCertificate};
use crate::telemetry::{ConnectionEnd, Metrics};
use crate::tls::Tls;

use connection::{Protocol, serve_connection};
pub use shutdown::Shutdown;
use slots::{Slot, Slots};

/// How long to wait after the system could not accept a connection (out of file handles).
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Bytes of an answer that the system holds for a connection (Linux doubles it). What is there cannot be taken back when a
/// purpose is withdrawn, so it is no more than a connection of 10 ms needs for 5 MB a second.
const SEND_BUFFER_BYTES: u32 = 32 * 1024;
/// Connections that wait to be accepted.
const BACKLOG_MAX: u32 = 1024;

/// Why the gateway cannot listen.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address is taken, not ours, or not allowed.
    #[error("cannot listen on `{address}` for {listener}: {why}")]
    Listen {
        /// Which listener.
        listener: &'static str,
        /// Where.
        address: SocketAddr,
        /// The system's reason.
        why: std::io::Error,
    },
    /// The process cannot be told of signals.
    #[error("cannot wait for signals: {0}")]
    Signals(std::io::Error),
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
    admin: SocketAddr,
    listeners: JoinSet<()>,
}

impl Running {
    /// Where the exchange listens; the real port when 0 was configured.
    pub fn exchange(&self) -> SocketAddr {
        self.exchange
    }

    /// Where the admin listener listens.
    pub fn admin(&self) -> SocketAddr {
        self.admin
    }

    /// Waits until both listeners have drained after a [`Shutdown`].
    pub async fn finished(mut self) {
        while self.listeners.join_next().await.is_some() {}
    }
}

/// Binds both listeners and serves them until `shutdown`.
///
/// On SIGHUP the certificate, authorities and revocation lists are read again.
pub async fn run(
    exchange: Router,
    admin: Router,
    config: &Config,
    tls: Arc<Tls>,
    metrics: Arc<Metrics>,
    shutdown: Shutdown,
) -> Result<Running, ServeError> {
    let exchange_socket = listen("the exchange", config.exchange.listen).await?;
    let admin_socket = listen("the admin listener", config.admin.listen).await?;
    let bound = |socket: &TcpListener, fallback| socket.local_addr().unwrap_or(fallback);
    let exchange_address = bound(&exchange_socket, config.exchange.listen);
    let admin_address = bound(&admin_socket, config.admin.listen);

    metrics.certificate_days_left(tls.days_left());
    let mut listeners = JoinSet::new();
    listeners.spawn(reload_on_hangup(
        Arc::clone(&tls),
        Arc::clone(&metrics),
        shutdown.clone(),
    ));
    let limits = Arc::new(config.limits.clone());
    let listener = |router, tls| Listener {
        router,
        tls,
        limits: Arc::clone(&limits),
        metrics: Arc::clone(&metrics),
        shutdown: shutdown.clone(),
    };
    listeners.spawn(listener(exchange, Some(tls)).accept(exchange_socket));
    listeners.spawn(listener(admin, None).accept(admin_socket));
    tracing::info!(exchange = %exchange_address, admin = %admin_address, "listening");
    Ok(Running {
        exchange: exchange_address,
        admin: admin_address,
        listeners,
    })
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
        tls: None,
        limits: Arc::new(limits),
        metrics: Arc::new(Metrics::new()),
        shutdown,
    };
    let mut tasks = JoinSet::new();
    tasks.spawn(listener.accept(socket));
    Ok((bound, tasks))
}

#[expect(clippy::unused_async, reason = "sockets belong to the runtime")]
async fn listen(listener: &'static str, address: SocketAddr) -> Result<TcpListener, ServeError> {
    let bound = || {
        let socket = match address {
            SocketAddr::V4(_) => TcpSocket::new_v4()?,
            SocketAddr::V6(_) => TcpSocket::new_v6()?,
        };
        socket.set_reuseaddr(true)?;
        socket.set_send_buffer_size(SEND_BUFFER_BYTES)?;
        socket.bind(address)?;
        socket.listen(BACKLOG_MAX)
    };
    bound().map_err(|why| ServeError::Listen {
        listener,
        address,
        why,
    })
}

/// Reads the TLS files again at each SIGHUP, until shutdown.
async fn reload_on_hangup(tls: Arc<Tls>, metrics: Arc<Metrics>, shutdown: Shutdown) {
    let hangup = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup());
    let Ok(mut hangup) = hangup else {
        tracing::warn!("cannot wait for SIGHUP; certificates are read at the next start only");
        return;
    };
    loop {
        tokio::select! {
            () = shutdown.draining() => return,
            _ = hangup.recv() => match tls.reload() {
                Ok(()) => {
                    metrics.certificate_days_left(tls.days_left());
                    tracing::info!(days_left = tls.days_left(), "certificates read again");
                }
                Err(why) => tracing::error!(%why, "certificates not read again; the old ones stay"),
            },
        }
    }
}

/// One listener with what its connections need. Cloned for each connection.
#[derive(Clone)]
struct Listener {
    router: Router,
    tls: Option<Arc<Tls>>,
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
        let end = match &self.tls {
            None => {
                let peer = Peer {
                    address,
                    certificate: Err(IdentityError::CertificateMissing),
                };
                serve_connection(stream, Protocol::Http1, &self, peer).await
            }
            Some(tls) => {
                let handshake = TlsAcceptor::from(tls.current()).accept(stream);
                match timeout(Duration::from_secs(self.limits.handshake_time_s_max), handshake).await {
                    Err(_) => ConnectionEnd::HandshakeTimeout,
                    Ok(Err(_)) => ConnectionEnd::HandshakeFailed,
                    Ok(Ok(stream)) => {
                        let (protocol, peer) = handshaken(stream.get_ref().1, address);
                        serve_connection(stream, protocol, &self, peer).await
                    }
                }
            }
        };
        self.metrics.connection(end);
        drop(slot);
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
