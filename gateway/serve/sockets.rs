//! The sockets of the listeners: bound by us, or opened by systemd and passed on, so that a restart refuses nobody.

use std::net::SocketAddr;

use listenfd::ListenFd;
use tokio::net::{TcpListener, TcpSocket};

use super::ServeError;
use crate::config::Config;

/// Bytes of an answer that the system holds for a connection (Linux doubles it). What is there cannot be taken back when a
/// purpose is withdrawn, so it is no more than a connection of 10 ms needs for 5 MB a second.
const SEND_BUFFER_BYTES: u32 = 32 * 1024;
/// Connections that wait to be accepted.
const BACKLOG_MAX: u32 = 1024;
/// What systemd's sockets are called (`FileDescriptorName=`), in the order that is assumed where they have no names.
const NAMES: [&str; 3] = ["exchange", "console", "admin"];
/// What systemd calls a socket that was given no name; otherwise after its unit.
const UNNAMED: &str = "unknown";

/// The bound sockets of the three listeners.
#[derive(Debug)]
pub struct Sockets {
    pub(super) exchange: TcpListener,
    pub(super) console: TcpListener,
    pub(super) admin: TcpListener,
}

impl Sockets {
    /// Binds the configured addresses.
    ///
    /// # Errors
    /// [`ServeError::Listen`]: the first that is taken, not ours, or not allowed.
    pub async fn bind(config: &Config) -> Result<Self, ServeError> {
        Self::with([None, None, None], config).await
    }

    /// What systemd passed (`LISTEN_FDS`), and the configured addresses for what it did not.
    ///
    /// # Errors
    /// As [`Self::bind`]; [`ServeError::Passed`] where a socket has another name than a listener, or is none.
    pub async fn passed_or_bound(config: &Config) -> Result<Self, ServeError> {
        Self::with(passed()?, config).await
    }

    async fn with(passed: [Option<TcpListener>; 3], config: &Config) -> Result<Self, ServeError> {
        let [exchange, console, admin] = passed;
        Ok(Self {
            exchange: passed_or(exchange, "the exchange", config.exchange.listen).await?,
            console: passed_or(console, "the console", config.console.listen).await?,
            admin: passed_or(admin, "the admin listener", config.admin.listen).await?,
        })
    }

    /// Where they listen; the real ports where 0 was configured.
    pub(super) fn addresses(&self) -> (SocketAddr, SocketAddr, SocketAddr) {
        let unknown = SocketAddr::from(([0, 0, 0, 0], 0));
        let bound = |socket: &TcpListener| socket.local_addr().unwrap_or(unknown);
        (bound(&self.exchange), bound(&self.console), bound(&self.admin))
    }
}

async fn passed_or(
    passed: Option<TcpListener>,
    listener: &'static str,
    address: SocketAddr,
) -> Result<TcpListener, ServeError> {
    match passed {
        Some(socket) => Ok(socket),
        None => listen(listener, address).await,
    }
}

/// The sockets that systemd passed, each at the place of its name.
fn passed() -> Result<[Option<TcpListener>; 3], ServeError> {
    let wrong = |why: String| ServeError::Passed(why);
    // Reads the names before the other reader takes the variables away.
    let names: Vec<String> = sd_notify::listen_fds_with_names()
        .map(|sockets| sockets.map(|(_, name)| name).collect())
        .unwrap_or_default();
    let mut opened = ListenFd::from_env();
    let mut sockets = [None, None, None];
    for index in 0..opened.len() {
        let name = names.get(index).map_or(UNNAMED, String::as_str);
        let place = NAMES.iter().position(|known| *known == name);
        let place = place.or_else(|| (name == UNNAMED || name.is_empty()).then_some(index));
        let socket = opened
            .take_tcp_listener(index)
            .map_err(|why| wrong(why.to_string()))?;
        let (Some(free @ None), Some(socket)) = (place.and_then(|place| sockets.get_mut(place)), socket)
        else {
            let known = NAMES.join("`, `");
            return Err(wrong(format!(
                "`{name}`: name each of them once: `{known}` (`FileDescriptorName=`)"
            )));
        };
        let ready = socket
            .set_nonblocking(true)
            .and_then(|()| TcpListener::from_std(socket));
        *free = Some(ready.map_err(|why| wrong(why.to_string()))?);
    }
    Ok(sockets)
}

pub(super) async fn listen(listener: &'static str, address: SocketAddr) -> Result<TcpListener, ServeError> {
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
