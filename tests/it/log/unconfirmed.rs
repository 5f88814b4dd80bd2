//! The answer to a commit gets lost, or the commit does: one entry, one receipt, no gap, either way. An entry is
//! committed by the one statement that appends it, or, where something takes effect with it, by a COMMIT.

use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use doelpoort::store::StoreOptions;

use super::*;

/// What happens to the next message that commits.
#[derive(Clone, Copy, Debug)]
enum Cut {
    /// It never reaches the server.
    Before = 1,
    /// The server carries it out; its answer does not come back.
    After = 2,
}

/// By what an entry is committed.
#[derive(Clone, Copy, Debug)]
enum By {
    /// The statement that holds the leaf.
    Statement,
    /// A message of its own.
    Commit,
}

/// A proxy before PostgreSQL that cuts one connection at the message that commits, when told to.
#[derive(Clone)]
struct Proxy {
    next: Arc<AtomicU8>,
    /// What that message holds.
    mark: &'static [u8],
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
                    let commits = up[..n].windows(self.mark.len()).any(|word| word == self.mark);
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
#[tokio::test]
async fn a_lost_commit_is_found_out_and_neither_lost_nor_doubled(
    #[values(Cut::Before, Cut::After)] cut: Cut,
    #[values(By::Statement, By::Commit)] by: By,
) {
    let Some(world) = World::on(Backend::Postgres).await else {
        return;
    };
    let proxy = Proxy {
        next: Arc::default(),
        mark: match by {
            By::Statement => b"unconfirmed-clause",
            By::Commit => b"COMMIT",
        },
    };
    let url = proxy.before(&world.database.url).await;
    let store = Store::open(&url, StoreOptions::default()).await.unwrap();
    let log = Log::open(store, signer(), fg().1.clone(), world.clock())
        .await
        .unwrap();
    log.append(entry()).await.unwrap();
    // The publisher commits too: let it have published, and stand still from here on.
    tokio::time::sleep(Duration::from_millis(1_300)).await;

    proxy.cut(cut);
    let mut marked = entry();
    marked.event.clause = Some("unconfirmed-clause".to_owned());
    let receipt = log.append(match by {
        By::Statement => marked,
        By::Commit => marked.with_effect(Effect::SetPolicyGeneration {
            generation: 1,
            digest: [7; 32],
        }),
    });
    let receipt = receipt.await.unwrap();
    assert_eq!(proxy.next.load(Ordering::SeqCst), 0, "the proxy saw no commit");

    assert_eq!(receipt.index, 3);
    let json = serde_json::to_string(&receipt).unwrap();
    receipt::verify(&json, log.verifier(), None).unwrap();
    assert_eq!(log.append(entry()).await.unwrap().index, 4);
    log.close().await;
    let report = world.report().await;
    assert!(report.is_intact(), "{report}");
    assert_eq!(report.size, 5);
}
