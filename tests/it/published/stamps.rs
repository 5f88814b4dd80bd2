//! Time stamps by a real authority: OpenSSL's, behind a small HTTP server.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use doelpoort::clock::SystemClock;
use doelpoort::log::{SHARD, Timestamps};
use doelpoort::store::{log as rows, published};
use doelpoort_core::audit::leaf::{Leaf, Value, extra};
use rstest::rstest;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use super::*;
use crate::support::fg::fg;

/// An authority in a folder: a root, a certificate for time stamping, a configuration.
struct Authority {
    folder: tempfile::TempDir,
}

impl Authority {
    /// `None`, and a line that says so, where there is no OpenSSL; CI has one.
    fn new() -> Option<Self> {
        if Command::new("openssl").arg("version").output().is_err() {
            std::io::stderr()
                .write_all(b"SKIPPED: there is no `openssl` to stamp with\n")
                .unwrap();
            return None;
        }
        let authority = Self {
            folder: tempfile::tempdir().unwrap(),
        };
        let extensions = "basicConstraints=critical,CA:FALSE\nextendedKeyUsage=critical,timeStamping\n";
        authority.write("tsa.ext", extensions);
        authority.write("serial", "01\n");
        authority.write(
            "tsa.cnf",
            "[tsa]\ndefault_tsa = one\n[one]\nserial = serial\nsigner_cert = tsa.pem\nsigner_key = tsa.key\n\
             signer_digest = sha256\ndefault_policy = 1.2.3.4.1\ndigests = sha256\ness_cert_id_alg = sha256\n",
        );
        authority.openssl(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -days 2 -subj /CN=CA \
             -addext basicConstraints=critical,CA:TRUE",
        );
        authority.openssl(
            "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout tsa.key -out tsa.csr -subj /CN=TSA",
        );
        authority.openssl(
            "x509 -req -in tsa.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile tsa.ext -out tsa.pem",
        );
        Some(authority)
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn write(&self, file: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.path().join(file), content).unwrap();
    }

    fn openssl(&self, arguments: &str) {
        openssl(self.path().to_owned(), arguments);
    }

    fn certificate(&self) -> CertificateDer<'static> {
        CertificateDer::from_pem_file(self.path().join("ca.pem")).unwrap()
    }

    /// Serves it; where.
    async fn serve(&self) -> String {
        let folder = self.path().to_owned();
        let reply = async move |query: axum::body::Bytes| {
            std::fs::write(folder.join("query.tsq"), query).unwrap();
            openssl(
                folder.clone(),
                "ts -reply -config tsa.cnf -queryfile query.tsq -out reply.tsr",
            );
            std::fs::read(folder.join("reply.tsr")).unwrap()
        };
        let router = axum::Router::new().route("/stamp", axum::routing::post(reply));
        let any = ([127, 0, 0, 1], 0).into();
        let limits = doelpoort::config::Limits::default();
        let shutdown = doelpoort::serve::Shutdown::new();
        let (address, tasks) = doelpoort::serve::run_plain(router, any, limits, shutdown)
            .await
            .unwrap();
        tokio::spawn(tasks.join_all());
        format!("http://{address}/stamp")
    }
}

fn openssl(folder: PathBuf, arguments: &str) {
    let output = Command::new("openssl")
        .args(arguments.split_whitespace())
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "openssl {arguments}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

fn stamped_by(url: String, authority: &Authority) -> Publishing {
    Publishing {
        timestamps: Some(Timestamps {
            url,
            authorities: vec![authority.certificate()],
            every: Duration::from_hours(1),
            age_max: Duration::from_hours(4),
        }),
        ..Publishing::default()
    }
}

async fn open(store: &Store, publishing: Publishing) -> Log {
    Log::open_published(
        store.clone(),
        signer(),
        fg().1.clone(),
        Arc::new(SystemClock),
        publishing,
    )
    .await
    .unwrap()
}

#[rstest]
#[case::sqlite(Backend::Sqlite)]
#[case::postgres(Backend::Postgres)]
#[tokio::test]
async fn a_checkpoint_is_stamped_and_the_log_says_so(#[case] backend: Backend) {
    let (Some((_database, store)), Some(authority)) = (migrated(backend).await, Authority::new()) else {
        return;
    };
    let url = authority.serve().await;
    // Two replicas: one of them asks.
    let log = open(&store, stamped_by(url.clone(), &authority)).await;
    let other = open(&store, stamped_by(url, &authority)).await;
    until("there is a stamp", async || {
        published::last_stamp(&store, SHARD).await.unwrap().is_some()
    })
    .await;
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    log.close().await;
    other.close().await;
    let [stamp] = published::stamps(&store, SHARD)
        .await
        .unwrap()
        .try_into()
        .unwrap();

    // OpenSSL verifies the token over the note, and not over another.
    let note = published::checkpoint(&store, SHARD, stamp.size)
        .await
        .unwrap()
        .unwrap()
        .note;
    authority.write("note.txt", &note);
    authority.write("token.der", &stamp.token);
    authority.openssl("ts -verify -data note.txt -in token.der -token_in -CAfile ca.pem -partial_chain");
    authority.write("other.txt", note.replace(ORIGIN, "x"));
    let arguments = "ts -verify -data other.txt -in token.der -token_in -CAfile ca.pem -partial_chain";
    let refused = Command::new("openssl")
        .args(arguments.split(' '))
        .current_dir(authority.path())
        .output();
    assert!(!refused.unwrap().status.success());

    // The anchor entry names size, time and token.
    let entries = rows::entries(&store, SHARD, 0, 100).await.unwrap();
    let leaves = entries.iter().map(|entry| Leaf::decode(&entry.leaf).unwrap());
    let [anchor] = leaves
        .filter(|leaf| leaf.event.kind == Kind::Anchor)
        .collect::<Vec<_>>()
        .try_into()
        .unwrap();
    let digest = ring::digest::digest(&ring::digest::SHA256, &stamp.token);
    let said = [extra::ANCHORED_SIZE, extra::ANCHOR_TIME, extra::ANCHOR_DIGEST]
        .map(|key| anchor.event.extra[&key].clone());
    let time_us = u64::try_from(stamp.time_us).unwrap();
    let expected = [
        Value::Number(stamp.size),
        Value::Number(time_us),
        Value::Bytes(digest.as_ref().to_vec()),
    ];
    assert_eq!(said, expected);
    assert!(
        verify(&store, signer().verifier(), None)
            .await
            .unwrap()
            .is_intact()
    );

    // An auditor sees the same, and what was changed.
    let by = [authority.certificate()];
    let seen = async || {
        let nobody = doelpoort_core::audit::quorum::Policy::default();
        doelpoort::log::vouched(&store, signer().verifier(), &nobody, &by)
            .await
            .unwrap()
    };
    assert_eq!(seen().await.last_stamp, Some((stamp.size, stamp.time_us)));
    store
        .execute("UPDATE log_stamp SET size = size + 1", vec![])
        .await
        .unwrap();
    assert!(seen().await.findings[0].contains("is over something else"));
}

/// The control: the same authority, of which another root is believed.
#[tokio::test]
async fn a_stamp_by_another_authority_is_not_kept() {
    let (_database, store) = migrated(Backend::Sqlite).await.unwrap();
    let (Some(authority), Some(believed)) = (Authority::new(), Authority::new()) else {
        return;
    };
    let log = open(&store, stamped_by(authority.serve().await, &believed)).await;
    until("it was asked", async || {
        authority.path().join("reply.tsr").exists()
    })
    .await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(published::last_stamp(&store, SHARD).await.unwrap(), None);
    log.close().await;
}
