//! The load on the gateway: one records query over and over, on N kept connections with a client certificate.
//!
//! Prints one line of JSON. Any answer but 200 ends it with an error.

use std::error::Error;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use clap::Parser;
use doelpoort::client::{Client, file_names};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::{Map, Value, json};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;

type Failure = Box<dyn Error + Send + Sync>;

/// Not counted: connections, caches and the database's plans settle.
const WARM_UP: Duration = Duration::from_secs(1);

/// Load on the gateway
#[derive(Parser)]
struct Args {
    /// The client's folder
    #[arg(long, value_name = "DIR")]
    client: PathBuf,
    /// The query, as for `doelpoort query`
    #[arg(long, value_name = "FILE")]
    body: PathBuf,
    /// Connections, each with one request at a time
    #[arg(long, default_value_t = 16)]
    connections: u32,
    /// How long to measure
    #[arg(long, default_value_t = 8)]
    seconds: u64,
}

/// What every request is made of.
struct Load {
    tls: TlsConnector,
    gateway: Uri,
    token: String,
    body: Bytes,
    /// From here on answers count.
    from: Instant,
    /// Until here requests are made.
    until: Instant,
}

/// What one connection saw.
#[derive(Default)]
struct Seen {
    latencies_us: Vec<u128>,
    requests: usize,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let args = Args::parse();
    let load = Arc::new(prepare(&args).await?);
    let rows = first_rows(&load).await?;
    let mut running = JoinSet::new();
    for _ in 0..args.connections {
        running.spawn(connection(Arc::clone(&load)));
    }
    let mut all = Seen::default();
    while let Some(seen) = running.join_next().await {
        let seen = seen??;
        all.requests += seen.requests;
        all.latencies_us.extend(seen.latencies_us);
    }
    all.latencies_us.sort_unstable();
    let counted = u32::try_from(all.latencies_us.len())?;
    let report = json!({
        "connections": args.connections, "rows": rows, "requests": all.requests,
        "rate": f64::from(counted) / Duration::from_secs(args.seconds).as_secs_f64(),
        "p50_us": percentile(&all.latencies_us, 50), "p99_us": percentile(&all.latencies_us, 99),
    });
    writeln!(std::io::stdout().lock(), "{report}")?;
    Ok(())
}

async fn prepare(args: &Args) -> Result<Load, Failure> {
    let client = Client::open(&args.client)?;
    let query: Map<String, Value> = serde_json::from_slice(&std::fs::read(&args.body)?)?;
    let body = Value::Object(client.signed(query)?).to_string();
    let from = Instant::now() + WARM_UP;
    Ok(Load {
        tls: TlsConnector::from(Arc::new(tls(&args.client)?)),
        gateway: client.settings().gateway.parse()?,
        token: client.token().await?,
        body: body.into(),
        from,
        until: from + Duration::from_secs(args.seconds),
    })
}

fn tls(folder: &Path) -> Result<ClientConfig, Failure> {
    let certificates = |name: &str| {
        CertificateDer::pem_file_iter(folder.join(name)).and_then(Iterator::collect::<Result<Vec<_>, _>>)
    };
    let mut roots = RootCertStore::empty();
    for authority in certificates(file_names::AUTHORITY)? {
        roots.add(authority)?;
    }
    let key = PrivateKeyDer::from_pem_file(folder.join(file_names::CERTIFICATE_KEY))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])?
        .with_root_certificates(roots)
        .with_client_auth_cert(certificates(file_names::CERTIFICATE)?, key)?)
}

/// Asks once, and tells how many rows the answer has: both sides must do the same work.
async fn first_rows(load: &Load) -> Result<usize, Failure> {
    let mut sender = connect(load).await?;
    let answer: Value = serde_json::from_slice(&ask(load, &mut sender).await?)?;
    let rows = answer
        .get("data")
        .and_then(Value::as_array)
        .ok_or("an answer without `data`")?;
    Ok(rows.len())
}

async fn connection(load: Arc<Load>) -> Result<Seen, Failure> {
    let mut sender = connect(&load).await?;
    let mut seen = Seen::default();
    loop {
        let asked = Instant::now();
        if asked >= load.until {
            return Ok(seen);
        }
        ask(&load, &mut sender).await?;
        seen.requests += 1;
        let answered = Instant::now();
        if answered >= load.from && answered < load.until {
            seen.latencies_us.push((answered - asked).as_micros());
        }
    }
}

async fn connect(load: &Load) -> Result<SendRequest<Full<Bytes>>, Failure> {
    let host = load.gateway.host().ok_or("a gateway without a host")?;
    let tcp = TcpStream::connect((host, load.gateway.port_u16().unwrap_or(443))).await?;
    tcp.set_nodelay(true)?;
    let tls = load
        .tls
        .connect(ServerName::try_from(host)?.to_owned(), tcp)
        .await?;
    let (sender, connection) = http1::handshake(TokioIo::new(tls)).await?;
    tokio::spawn(connection);
    Ok(sender)
}

async fn ask(load: &Load, sender: &mut SendRequest<Full<Bytes>>) -> Result<Bytes, Failure> {
    let authority = load.gateway.authority().ok_or("a gateway without an address")?;
    let request = Request::post("/v1/queries")
        .header("host", authority.as_str())
        .header("authorization", format!("Bearer {}", load.token))
        .header("content-type", "application/json")
        .header("accept", "application/json")
        .body(Full::new(load.body.clone()))?;
    sender.ready().await?;
    let answer = sender.send_request(request).await?;
    let status = answer.status();
    let body = answer.into_body().collect().await?.to_bytes();
    if status == StatusCode::OK {
        return Ok(body);
    }
    Err(format!("{status}: {}", String::from_utf8_lossy(&body)).into())
}

/// Of sorted values; 0 of none.
fn percentile(sorted: &[u128], percent: usize) -> u128 {
    let at = sorted.len().saturating_sub(1) * percent / 100;
    sorted.get(at).copied().unwrap_or_default()
}
