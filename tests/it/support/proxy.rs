//! A proxy before PostgreSQL that loses messages.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// What happens to a message that commits.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Cut {
    /// It never reaches the server.
    Before = 1,
    /// The server carries it out; its answer does not come back.
    After = 2,
}

/// It cuts one connection at the message that commits, when told to.
#[derive(Clone)]
pub(crate) struct Proxy {
    cut: Arc<AtomicU8>,
    dies: Arc<AtomicBool>,
    dead: Arc<AtomicBool>,
    /// What those messages hold.
    marks: &'static [&'static [u8]],
}

impl Proxy {
    pub(crate) fn new(marks: &'static [&'static [u8]]) -> Self {
        Self {
            cut: Arc::default(),
            dies: Arc::default(),
            dead: Arc::default(),
            marks,
        }
    }

    /// Starts it and returns the URL through it.
    pub(crate) async fn before(&self, url: &str) -> String {
        let options: sqlx::postgres::PgConnectOptions = url.parse().unwrap();
        let server = format!("{}:{}", options.get_host(), options.get_port());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let through = url.replacen(&server, &listener.local_addr().unwrap().to_string(), 1);
        assert_ne!(through, url, "the test server's URL must name host and port");
        let proxy = self.clone();
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                if proxy.dead.load(Ordering::SeqCst) {
                    continue;
                }
                let server = TcpStream::connect(&server).await.unwrap();
                tokio::spawn(proxy.clone().forward(client, server));
            }
        });
        through
    }

    /// The next one, on its connection alone.
    pub(crate) fn cut(&self, cut: Cut) {
        self.cut.store(cut as u8, Ordering::SeqCst);
    }

    /// The next one, and after it nothing comes through any more.
    pub(crate) fn cut_and_die(&self, cut: Cut) {
        self.dies.store(true, Ordering::SeqCst);
        self.cut(cut);
    }

    /// All comes through again.
    pub(crate) fn heal(&self) {
        self.dies.store(false, Ordering::SeqCst);
        self.dead.store(false, Ordering::SeqCst);
    }

    /// Was there one to cut?
    pub(crate) fn has_cut(&self) -> bool {
        self.cut.load(Ordering::SeqCst) == 0
    }

    fn take(&self) -> u8 {
        let cut = self.cut.swap(0, Ordering::SeqCst);
        if cut != 0 && self.dies.load(Ordering::SeqCst) {
            self.dead.store(true, Ordering::SeqCst);
        }
        cut
    }

    async fn forward(self, mut client: TcpStream, mut server: TcpStream) {
        let (mut up, mut down) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
        let holds = |bytes: &[u8], mark: &[u8]| bytes.windows(mark.len()).any(|word| word == mark);
        loop {
            tokio::select! {
                read = client.read(&mut up) => {
                    let Ok(n @ 1..) = read else { return };
                    if self.dead.load(Ordering::SeqCst) {
                        return;
                    }
                    let commits = self.marks.iter().any(|mark| holds(&up[..n], mark));
                    let cut = if commits { self.take() } else { 0 };
                    if cut == Cut::Before as u8 {
                        return;
                    }
                    if server.write_all(&up[..n]).await.is_err() {
                        return;
                    }
                    if cut == Cut::After as u8 {
                        tokio::time::sleep(Duration::from_millis(200)).await;
                        return;
                    }
                }
                read = server.read(&mut down) => {
                    let Ok(n @ 1..) = read else { return };
                    if client.write_all(&down[..n]).await.is_err() {
                        return;
                    }
                }
            }
        }
    }
}
