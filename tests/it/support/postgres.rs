//! A PostgreSQL of a test's own, to be killed, filled up or made to lie; the one of `TEST_POSTGRES_URL` is for all.

use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use sqlx::{ConnectOptions as _, Connection as _, Executor as _, PgConnection};
use tempfile::TempDir;

use super::database::postgres_url;

/// A server; it ends with the value.
pub(crate) struct Server {
    folder: TempDir,
    programs: PathBuf,
    port: u16,
    postmaster: Option<Child>,
    file_bytes_max: Option<u64>,
}

impl Server {
    /// A new one with further settings, `name = value` each. `None` where the tests have no PostgreSQL; that is said.
    pub(crate) async fn start(settings: &[&str]) -> Option<Self> {
        postgres_url()?;
        let folder = tempfile::tempdir().unwrap();
        let mut server = Self {
            folder,
            programs: programs(),
            port: free_port(),
            postmaster: None,
            file_bytes_max: None,
        };
        server.make(settings);
        server.run().await;
        Some(server)
    }

    fn make(&self, settings: &[&str]) {
        let folder = self.folder.path();
        if let Some((user, group)) = unprivileged() {
            std::os::unix::fs::chown(folder, Some(user), Some(group)).unwrap();
        }
        let arguments = [
            "--username=doelpoort",
            "--auth=trust",
            "--wal-segsize=1",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
        ];
        let made = self
            .command("initdb")
            .arg("--pgdata")
            .arg(self.data())
            .args(arguments)
            .status();
        assert!(
            made.unwrap().success(),
            "initdb: {}",
            std::fs::read_to_string(self.log()).unwrap()
        );
        let (port, sockets) = (self.port, folder.display());
        let own = format!(
            "\nlisten_addresses = '127.0.0.1'\nport = {port}\nunix_socket_directories = '{sockets}'\n\
             max_connections = 100\n{}\n",
            settings.join("\n")
        );
        let file = self.data().join("postgresql.conf");
        let text = std::fs::read_to_string(&file).unwrap() + &own;
        std::fs::write(file, text).unwrap();
    }

    /// From the next start on no file may be longer, as on a disk that is full.
    pub(crate) fn limit_files(&mut self, bytes_max: Option<u64>) {
        self.file_bytes_max = bytes_max;
    }

    /// Starts it, with recovery if it was killed, and waits until it takes connections.
    pub(crate) async fn run(&mut self) {
        let mut postgres = self.command("postgres");
        if let Some(bytes_max) = self.file_bytes_max {
            // In units of 512 bytes, as POSIX has it.
            let limited = format!("ulimit -f {}; exec \"$0\" \"$@\"", bytes_max / 512);
            let program = postgres.get_program().to_owned();
            postgres = self.command("/bin/sh");
            postgres.arg("-c").arg(limited).arg(program);
        }
        let postmaster = postgres.arg("-D").arg(self.data()).spawn();
        self.postmaster = Some(postmaster.unwrap());
        for _ in 0..600 {
            if let Ok(connection) = self.try_connect().await {
                connection.close().await.unwrap();
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let told = std::fs::read_to_string(self.log()).unwrap();
        panic!("PostgreSQL did not start within 30 s:\n{told}");
    }

    /// Kills the postmaster and all its processes at once: what is only in their memory is gone.
    pub(crate) fn kill(&mut self) {
        let Some(mut postmaster) = self.postmaster.take() else {
            return;
        };
        let children = children(postmaster.id());
        let all = std::iter::once(postmaster.id()).chain(children.iter().copied());
        kill_9(all);
        postmaster.wait().unwrap();
        while children.iter().any(|pid| is_running(*pid)) {
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Kills one process that serves a client. The server then restarts all others by itself.
    pub(crate) fn kill_a_backend(&self, number: usize) {
        let backends = children(self.postmaster.as_ref().unwrap().id());
        let backends: Vec<_> = backends.into_iter().filter(|pid| is_backend(*pid)).collect();
        if let Some(backend) = backends.get(number % backends.len().max(1)) {
            kill_9([*backend]);
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("postgres://doelpoort@127.0.0.1:{}/postgres", self.port)
    }

    pub(crate) async fn try_connect(&self) -> sqlx::Result<PgConnection> {
        let options: sqlx::postgres::PgConnectOptions = self.url().parse()?;
        options.connect().await
    }

    /// Runs statements as the superuser, each by itself.
    pub(crate) async fn execute(&self, statements: &[&'static str]) {
        let mut connection = self.try_connect().await.unwrap();
        for statement in statements {
            connection.execute(*statement).await.unwrap();
        }
        connection.close().await.unwrap();
    }

    /// What a backup of it holds.
    pub(crate) fn dump(&self) -> Vec<u8> {
        let mut command = self.command("pg_dump");
        let output = command
            .args(["--inserts", "--dbname"])
            .arg(self.url())
            .stdout(Stdio::piped())
            .output()
            .unwrap();
        assert!(output.status.success());
        output.stdout
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    /// PostgreSQL refuses to run as root.
    fn command(&self, program: &str) -> Command {
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(self.log());
        let log = log.unwrap();
        let mut command = Command::new(self.programs.join(program));
        command
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        if let Some((user, group)) = unprivileged() {
            command.uid(user).gid(group);
        }
        command
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Ends processes that we started, by their ids, as a crash would. Those that are gone already are fine.
pub(crate) fn kill_9(pids: impl IntoIterator<Item = u32>) {
    let pids = pids.into_iter().map(|pid| pid.to_string());
    let killed = Command::new("kill")
        .arg("-9")
        .args(pids)
        .stderr(Stdio::null())
        .status();
    killed.unwrap();
}

fn children(parent: u32) -> Vec<u32> {
    let is_child = |pid: &u32| stat(*pid).is_some_and(|stat| stat.1 == parent);
    let entries = std::fs::read_dir("/proc").unwrap();
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    pids.filter(is_child).collect()
}

fn is_running(pid: u32) -> bool {
    stat(pid).is_some_and(|(state, _)| state != 'Z')
}

/// Serves a client, rather than the server itself.
fn is_backend(pid: u32) -> bool {
    let line = std::fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    line.contains("doelpoort postgres")
}

/// The state and the parent of a process.
fn stat(pid: u32) -> Option<(char, u32)> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    Some((fields.next()?.chars().next()?, fields.next()?.parse().ok()?))
}

/// Whom to be where we are root: Debian's user of PostgreSQL, or nobody.
fn unprivileged() -> Option<(u32, u32)> {
    let id = |arguments: &[&str]| -> Option<u32> {
        let output = Command::new("id").args(arguments).output().ok()?;
        String::from_utf8(output.stdout).ok()?.trim().parse().ok()
    };
    if id(&["-u"]) != Some(0) {
        return None;
    }
    let of = |name| Some((id(&["-u", name])?, id(&["-g", name])?));
    of("postgres").or_else(|| of("nobody"))
}

/// The newest server here; Debian keeps its programs out of PATH.
fn programs() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let debian = versions.filter_map(|version| {
        let version = version.ok()?;
        let number: u32 = version.file_name().to_str()?.parse().ok()?;
        let programs = version.path().join("bin");
        programs.join("initdb").is_file().then_some((number, programs))
    });
    let newest = debian
        .max_by_key(|(number, _)| *number)
        .map(|(_, programs)| programs);
    newest.unwrap_or_else(|| {
        let found = Command::new("which").arg("initdb").output().unwrap().stdout;
        let initdb = std::fs::canonicalize(String::from_utf8(found).unwrap().trim()).expect("initdb");
        initdb.parent().map(Path::to_owned).unwrap()
    })
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}
