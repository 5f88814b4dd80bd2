//! Hostile load, and how fast strangers are greeted.
//!
//! `handshakes`: full TLS 1.3 handshakes with client certificates a second, of our listener and of bare rustls with the
//! same certificates and settings, one after the other in this process.
//! `checks`: access tokens that are checked a second, each for the first time; by us, and by bare jsonwebtoken on ring.
//! `attack`: hold 10,000 idle connections, drip headers and bodies, send too much, and open 1,000 connections a second.
//! `ask`: what a client of good will notices meanwhile; in a process of its own, so that it waits for the gateway and not
//! for its enemies. Prints lines of JSON. `tests/bench/siege` reads them.

use std::error::Error;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clap::{Parser, Subcommand};
use data_encoding::BASE64URL_NOPAD;
use doelpoort::clock::{Clock, SystemClock};
use doelpoort::config::Config;
use doelpoort::demo::Options;
use doelpoort::demo::pki::{Authority, Validity};
use doelpoort::demo::setup::{Consulents, Setup};
use doelpoort::http::Listeners;
use doelpoort::identity::{Identity, Jwk, PeerCertificate, Settings, TokenKeys};
use doelpoort::serve::{self, Shutdown};
use doelpoort::telemetry::Metrics;
use doelpoort::tls::{Examples, Tls};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use rustls::client::Resumption;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::{TlsAcceptor, TlsConnector};

type Failure = Box<dyn Error + Send + Sync>;

/// Longer than a handshake may take, in any test.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Parser)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Handshakes a second: ours and bare rustls
    Handshakes {
        /// Seconds of each turn
        #[arg(long, default_value_t = 2)]
        seconds: u64,
        /// Turns of each, one after the other
        #[arg(long, default_value_t = 4)]
        turns: u32,
    },
    /// Access tokens checked a second: ours and bare jsonwebtoken
    Checks {
        /// How many tokens
        #[arg(long, default_value_t = 20_000)]
        tokens: u32,
        /// Turns of each, one after the other
        #[arg(long, default_value_t = 4)]
        turns: u32,
    },
    /// Ask a running gateway as a client of good will
    Ask {
        /// The client's folder
        #[arg(long)]
        client: PathBuf,
        /// For how long
        #[arg(long, default_value_t = 10)]
        seconds: u64,
    },
    /// Attack a running gateway; says when all are there, and what was done in the seconds after
    Attack {
        /// Where it listens
        #[arg(long, default_value = "127.0.0.1:8443")]
        address: std::net::SocketAddr,
        /// The folder of a client, whose certificate the enemies have
        #[arg(long)]
        client: PathBuf,
        /// For how long
        #[arg(long, default_value_t = 10)]
        seconds: u64,
        /// Connections that say nothing
        #[arg(long, default_value_t = 10_000)]
        idle: usize,
        /// New TLS connections a second
        #[arg(long, default_value_t = 1_000)]
        new_per_second: u64,
    },
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    match Args::parse().command {
        Command::Handshakes { seconds, turns } => handshakes(Duration::from_secs(seconds), turns).await,
        Command::Checks { tokens, turns } => checks(tokens, turns),
        Command::Ask { client, seconds } => {
            let client = doelpoort::client::Client::open(&client)?;
            client.catalogue().await?;
            tell(&asked(&client, Duration::from_secs(seconds)).await)
        }
        Command::Attack {
            address,
            client,
            seconds,
            idle,
            new_per_second,
        } => {
            let siege = Siege {
                address,
                client,
                span: Duration::from_secs(seconds),
                idle,
                new_per_second,
            };
            siege.run().await
        }
    }
}

fn tell(line: &serde_json::Value) -> Result<(), Failure> {
    writeln!(std::io::stdout().lock(), "{line}")?;
    Ok(())
}

// --- handshakes ----------------------------------------------------------------------------------------------

async fn handshakes(span: Duration, turns: u32) -> Result<(), Failure> {
    let folder = tempfile::tempdir()?;
    let path = |name: &str| folder.path().join(name);
    let now = SystemClock.now();
    let authority = Authority::new("bench", Validity::around(now, 30))?;
    let (server, client) = (
        authority.server()?,
        authority.client("bench", &"00000099000000041676".parse()?)?,
    );
    for (name, text) in [
        ("ca.crt", authority.certificate().as_str()),
        ("server.crt", &server.certificate),
        ("server.key", &server.key),
        ("client.crt", &client.certificate),
        ("client.key", &client.key),
    ] {
        std::fs::write(path(name), text)?;
    }
    let mut config = Config::default();
    config.exchange.certificate = path("server.crt");
    config.exchange.key = path("server.key");
    config.exchange.client_ca = path("ca.crt");
    for listen in [
        &mut config.exchange.listen,
        &mut config.console.listen,
        &mut config.admin.listen,
    ] {
        *listen = ([127, 0, 0, 1], 0).into();
    }
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let tls = Arc::new(Tls::load(&config, Examples::Accept, clock)?);
    let bare = bare(tls.exchange()).await?;
    let shutdown = Shutdown::new();
    let metrics = Arc::new(Metrics::new());
    let running = serve::run(Listeners::default(), &config, tls, metrics, shutdown.clone()).await?;
    let connector = connector(folder.path())?;
    for turn in 0..turns {
        let ours = rate(running.exchange(), &connector, span).await?;
        let theirs = rate(bare, &connector, span).await?;
        tell(&json!({ "turn": turn, "ours": ours, "bare": theirs }))?;
    }
    shutdown.hurry();
    running.finished().await;
    Ok(())
}

/// Bare rustls: accept, shake hands, close.
async fn bare(settings: Arc<rustls::ServerConfig>) -> Result<std::net::SocketAddr, Failure> {
    let socket = TcpListener::bind("127.0.0.1:0").await?;
    let address = socket.local_addr()?;
    tokio::spawn(async move {
        let acceptor = TlsAcceptor::from(settings);
        while let Ok((stream, _)) = socket.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let _ = stream.set_nodelay(true);
                if let Ok(mut stream) = acceptor.accept(stream).await {
                    let _ = stream.read(&mut [0; 16]).await;
                }
            });
        }
    });
    Ok(address)
}

/// Full handshakes a second over four connections at a time.
async fn rate(
    address: std::net::SocketAddr,
    connector: &TlsConnector,
    span: Duration,
) -> Result<f64, Failure> {
    let until = Instant::now() + span;
    let began = Instant::now();
    let mut tasks = JoinSet::new();
    for _ in 0..4 {
        let connector = connector.clone();
        tasks.spawn(async move {
            let mut count = 0_u32;
            while Instant::now() < until {
                greet(address, &connector).await?;
                count += 1;
            }
            Ok::<u32, Failure>(count)
        });
    }
    let mut count = 0;
    while let Some(done) = tasks.join_next().await {
        count += done??;
    }
    Ok(f64::from(count) / began.elapsed().as_secs_f64())
}

async fn greet(address: std::net::SocketAddr, connector: &TlsConnector) -> Result<(), Failure> {
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let mut stream = timeout(
        PATIENCE,
        connector.connect(ServerName::try_from("localhost")?, stream),
    )
    .await??;
    stream.shutdown().await?;
    Ok(())
}

/// With the certificate in this folder, and no session that is taken up again.
fn connector(folder: &Path) -> Result<TlsConnector, Failure> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(folder.join("ca.crt"))?)?;
    let chain = CertificateDer::pem_file_iter(folder.join("client.crt"))?.collect::<Result<Vec<_>, _>>()?;
    let key = PrivateKeyDer::from_pem_file(folder.join("client.key"))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut settings = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_root_certificates(roots)
        .with_client_auth_cert(chain, key)?;
    settings.resumption = Resumption::disabled();
    Ok(TlsConnector::from(Arc::new(settings)))
}

// --- checks --------------------------------------------------------------------------------------------------

const ISSUER: &str = "https://localhost:8443";
const DASHBOARD: &str = "swv-po-dashboard";

/// What bare jsonwebtoken reads of a token.
#[derive(serde::Deserialize)]
struct Claims {
    #[serde(rename = "sub")]
    _subject: String,
}

fn checks(count: u32, turns: u32) -> Result<(), Failure> {
    let folder = tempfile::tempdir()?;
    let now = SystemClock.now();
    let options = Options {
        dir: folder.path().join("demo"),
        policies: Path::new(env!("CARGO_MANIFEST_DIR")).join("policies"),
        port: 8443,
        database: None,
        seed: 1,
        pupils: None,
        once: false,
    };
    let setup = Setup::new(&options, now);
    let consulents = Consulents {
        primary: "consulent-01".to_owned(),
        secondary: "consulent-02".to_owned(),
    };
    setup.make(&consulents, now)?;
    let policies = doelpoort::policies::load(&setup.gateway("policies"), "almere-demo", now)?;
    let certificate = CertificateDer::from_pem_file(setup.client(DASHBOARD).join("client.crt"))?;
    let certificate = PeerCertificate::from_der(&certificate)?;
    let seed = [7; 32];
    let identity = Identity::new(
        Settings::new(ISSUER, None, 600)?,
        TokenKeys::from_seeds(&seed, &[])?,
    );
    let key = Ed25519KeyPair::from_seed_unchecked(&seed).map_err(|error| error.to_string())?;
    let public: [u8; 32] = key.public_key().as_ref().try_into()?;
    let kid = Jwk::ed25519(&public).kid;
    let tokens: Vec<String> = (0..count)
        .map(|number| {
            token(
                &key,
                &kid,
                &certificate.thumbprint.to_string(),
                now.as_second(),
                number,
            )
        })
        .collect();
    let bare_key = DecodingKey::from_ed_der(&public);
    let mut rules = Validation::new(Algorithm::EdDSA);
    rules.set_audience(&[ISSUER]);
    rules.set_issuer(&[ISSUER]);
    for turn in 0..turns {
        // A key that is read again forgets what was checked with the old one.
        identity.replace_keys(TokenKeys::from_seeds(&seed, &[])?);
        let check = |token: &String| identity.caller(&policies, token, Some(&certificate), now).is_ok();
        let ours = per_second(tokens.iter(), check)?;
        let again = per_second(tokens.iter().take(1).cycle().take(tokens.len()), check)?;
        let bare = per_second(tokens.iter(), |token| {
            decode::<Claims>(token, &bare_key, &rules).is_ok()
        })?;
        tell(&json!({ "turn": turn, "ours": ours, "again": again, "bare": bare }))?;
    }
    Ok(())
}

fn token(key: &Ed25519KeyPair, kid: &str, thumbprint: &str, now: i64, number: u32) -> String {
    let part = |value: serde_json::Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
    let header = part(json!({ "alg": "EdDSA", "typ": "at+jwt", "kid": kid }));
    let digest = format!("sha256:{}", "0".repeat(64));
    let claims = part(json!({
        "iss": ISSUER, "aud": ISSUER, "sub": DASHBOARD, "client_id": DASHBOARD, "iat": now, "exp": now + 600,
        "jti": format!("a-token-of-the-benchmark-{number}"), "scope": "youth-atlas neighbourhood-absence",
        "cnf": { "x5t#S256": thumbprint },
        "purposes": [{ "id": "youth-atlas", "digest": digest }, { "id": "neighbourhood-absence", "digest": digest }],
    }));
    let message = format!("{header}.{claims}");
    let signature = key.sign(message.as_bytes());
    format!("{message}.{}", BASE64URL_NOPAD.encode(signature.as_ref()))
}

fn per_second<'t>(
    tokens: impl Iterator<Item = &'t String>,
    check: impl Fn(&String) -> bool,
) -> Result<f64, Failure> {
    let (began, mut count) = (Instant::now(), 0_u32);
    for token in tokens {
        if !check(token) {
            return Err("a good token was refused".into());
        }
        count += 1;
    }
    Ok(f64::from(count) / began.elapsed().as_secs_f64())
}

// --- the siege -----------------------------------------------------------------------------------------------

struct Siege {
    address: std::net::SocketAddr,
    client: PathBuf,
    span: Duration,
    idle: usize,
    new_per_second: u64,
}

impl Siege {
    async fn run(self) -> Result<(), Failure> {
        let stop = Arc::new(AtomicBool::new(false));
        let opened = Arc::new(AtomicU64::new(0));
        let mut enemies = JoinSet::new();
        let idle = self.idle_connections().await;
        enemies.spawn(self.strangers(Arc::clone(&stop), Arc::clone(&opened))?);
        for kind in [Slow::Header, Slow::Body, Slow::Flood] {
            for _ in 0..20 {
                enemies.spawn(slow(
                    self.address,
                    connector(&self.client)?,
                    kind,
                    Arc::clone(&stop),
                ));
            }
        }
        tell(&json!({ "idle": idle.len() }))?;
        let before = opened.load(Ordering::Relaxed);
        sleep(self.span).await;
        let new = opened.load(Ordering::Relaxed) - before;
        stop.store(true, Ordering::Relaxed);
        tell(&json!({ "new": new }))?;
        drop(idle);
        enemies.shutdown().await;
        Ok(())
    }

    /// From many addresses of loopback, for each of them may have its share only.
    async fn idle_connections(&self) -> Vec<TcpStream> {
        let mut open = Vec::with_capacity(self.idle);
        for number in 0..self.idle {
            let from = [127, 0, 1, u8::try_from(number % 250 + 1).unwrap_or(1)];
            let Ok(socket) = TcpSocket::new_v4() else { break };
            if socket.bind((std::net::Ipv4Addr::from(from), 0).into()).is_ok()
                && let Ok(Ok(stream)) = timeout(Duration::from_secs(2), socket.connect(self.address)).await
            {
                open.push(stream);
            }
        }
        open
    }

    /// So many new connections a second, each with its whole handshake.
    fn strangers(
        &self,
        stop: Arc<AtomicBool>,
        opened: Arc<AtomicU64>,
    ) -> Result<impl Future<Output = ()> + Send + use<>, Failure> {
        let (connector, address) = (connector(&self.client)?, self.address);
        let pause = Duration::from_secs(1) / u32::try_from(self.new_per_second)?;
        Ok(async move {
            let mut next = tokio::time::Instant::now();
            while !stop.load(Ordering::Relaxed) {
                next += pause;
                tokio::time::sleep_until(next).await;
                let (connector, opened) = (connector.clone(), Arc::clone(&opened));
                tokio::spawn(async move {
                    if greet(address, &connector).await.is_ok() {
                        opened.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
        })
    }
}

#[derive(Clone, Copy)]
enum Slow {
    Header,
    Body,
    Flood,
}

/// A byte a second, or far too many.
async fn slow(address: std::net::SocketAddr, connector: TlsConnector, kind: Slow, stop: Arc<AtomicBool>) {
    let begin = match kind {
        Slow::Header => "GET /v1/catalogue HTTP/1.1\r\nHost: localhost\r\nX: ",
        Slow::Body | Slow::Flood => {
            "POST /v1/queries HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000000\r\n\r\n"
        }
    };
    while !stop.load(Ordering::Relaxed) {
        let Ok(stream) = TcpStream::connect(address).await else {
            return;
        };
        let Ok(name) = ServerName::try_from("localhost") else {
            return;
        };
        let Ok(Ok(mut stream)) = timeout(PATIENCE, connector.connect(name, stream)).await else {
            continue;
        };
        let piece: &[u8] = match kind {
            Slow::Header | Slow::Body => b"x",
            Slow::Flood => &[b'x'; 16 * 1024],
        };
        let mut going = stream.write_all(begin.as_bytes()).await.is_ok();
        while going && !stop.load(Ordering::Relaxed) {
            going = stream.write_all(piece).await.is_ok() && stream.flush().await.is_ok();
            if !matches!(kind, Slow::Flood) {
                sleep(Duration::from_secs(1)).await;
            }
        }
    }
}

/// The catalogue, over and over on kept connections: how long it took, and how often it failed.
async fn asked(client: &doelpoort::client::Client, span: Duration) -> serde_json::Value {
    let until = Instant::now() + span;
    let mut times = Vec::new();
    let mut failed = 0_u32;
    while Instant::now() < until {
        let began = Instant::now();
        match client.catalogue().await {
            Ok(_) => times.push(began.elapsed().as_micros()),
            Err(_) => failed += 1,
        }
        sleep(Duration::from_millis(5)).await;
    }
    times.sort_unstable();
    let at = |hundredth: usize| times.get(times.len() * hundredth / 100).copied().unwrap_or(0);
    json!({ "answered": times.len(), "failed": failed, "p50_us": at(50), "p99_us": at(99) })
}
