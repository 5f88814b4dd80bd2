//! The answer to a COMMIT gets lost, or the COMMIT does: one entry, one receipt, no gap, either way.

use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use doelpoort::store::StoreOptions;

use super::*;

/// What happens to the next COMMIT.
#[derive(Clone, Copy, Debug)]
enum Cut {
    /// It never reaches the server.
    Before = 1,
    /// The server carries it out; its answer does not come back.
    After = 2,
}

/// A proxy before PostgreSQL that cuts one connection at its COMMIT, when told to.
#[derive(Clone, Default)]
struct Proxy {
    next: Arc<AtomicU8>,
}

impl Proxy {
    /// Starts it and returns the URL through it.
    async fn before(&self, url: &str) -> String {
        let options: sqlx::postgres::PgConnectOptions = url.parse().unwrap();
        let server = format!("{}:{}", options.get_host(), options.get_port());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let through = url.replacen(&server, &listener.local_addr().unwrap().to_string(), 1);
        assert_ne!(through, url, "the test server's URL must name host and port");
        let proxy = self.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let server = TcpStream::connect(&server).await.unwrap();
                tokio::spawn(proxy.clone().forward(client, server));
            }
        });
        through
    }

    fn cut(&self, cut: Cut) {
        self.next.store(cut as u8, Ordering::SeqCst);
    }

    async fn forward(self, mut client: TcpStream, mut server: TcpStream) {
        let (mut up, mut down) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
        loop {
            tokio::select! {
                read = client.read(&mut up) => {
                    let Ok(n @ 1..) = read else { return };
                    let commits = up[..n].windows(6).any(|word| word == b"COMMIT");
                    let cut = if commits { self.next.swap(0, Ordering::SeqCst) } else { 0 };
                    if cut == Cut::Before as u8 {
                        return;
                    }
                    server.write_all(&up[..n]).await.unwrap();
                    if cut == Cut::After as u8 {
                        tokio::time::sleep(Duration::from_millis(200)).await;
                        return;
                    }
                }
                read = server.read(&mut down) => {
                    let Ok(n @ 1..) = read else { return };
                    client.write_all(&down[..n]).await.unwrap();
                }
            }
        }
    }
}

#[rstest]
#[case::before(Cut::Before)]
#[case::after(Cut::After)]
#[tokio::test]
async fn a_lost_commit_is_found_out_and_neither_lost_nor_doubled(#[case] cut: Cut) {
    let Some(world) = World::on(Backend::Postgres).await else {
        return;
    };
    let proxy = Proxy::default();
    let url = proxy.before(&world.database.url).await;
    let store = Store::open(&url, StoreOptions::default()).await.unwrap();
    let log = Log::open(store, signer(), world.clock()).await.unwrap();
    log.append(entry()).await.unwrap();
    // The publisher commits too: let it have published, and stand still from here on.
    tokio::time::sleep(Duration::from_millis(1_300)).await;

    proxy.cut(cut);
    let receipt = log.append(entry()).await.unwrap();
    assert_eq!(proxy.next.load(Ordering::SeqCst), 0, "the proxy saw no COMMIT");

    assert_eq!(receipt.index, 3);
    let json = serde_json::to_string(&receipt).unwrap();
    receipt::verify(&json, log.verifier(), None).unwrap();
    assert_eq!(log.append(entry()).await.unwrap().index, 4);
    log.close().await;
    let report = world.report().await;
    assert!(report.is_intact(), "{report}");
    assert_eq!(report.size, 5);
}
