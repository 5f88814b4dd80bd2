//! What an operator meets: the program as it is run, told in one line what is wrong, and spoken to by systemd.

use std::fs::{Permissions, set_permissions};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use doelpoort::clock::{Clock as _, SystemClock};
use doelpoort::demo::Options;
use doelpoort::demo::pki::{Authority, Validity};
use doelpoort::demo::setup::{Consulents, Setup};
use jiff::SignedDuration;

/// How long a start may take, in a debug build beside other tests.
const START_MAX: Duration = Duration::from_mins(1);

/// A gateway's folder, as `demo` makes it.
struct Machine {
    setup: Setup,
    folder: tempfile::TempDir,
}

impl Machine {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = Options {
            dir: folder.path().join("demo"),
            policies: PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("policies"),
            port: 1,
            database: None,
            seed: 1,
            pupils: None,
            once: false,
        };
        let now = SystemClock.now();
        let setup = Setup::new(&options, now);
        let consulents = Consulents {
            primary: "consulent-01".to_owned(),
            secondary: "consulent-02".to_owned(),
        };
        setup.make(&consulents, now).unwrap();
        Self { setup, folder }
    }

    fn run(&self, command: &str) -> Command {
        let mut program = Command::new(env!("CARGO_BIN_EXE_doelpoort"));
        program
            .args([command, "--danger-example-keys", "--config"])
            .arg(self.setup.config_file())
            .env("DOELPOORT__EXCHANGE__LISTEN", "127.0.0.1:0")
            .env("DOELPOORT__CONSOLE__LISTEN", "127.0.0.1:0")
            .env("DOELPOORT__ADMIN__LISTEN", "127.0.0.1:0")
            .env("DOELPOORT__LOG__FORMAT", "json")
            .env("DOELPOORT__LOG__FILTER", "info");
        program
    }

    /// What `check` says of one thing.
    fn check(&self, what: &str) -> String {
        let Output { stdout, stderr, .. } = self.run("check").output().unwrap();
        let (out, err) = (
            String::from_utf8(stdout).unwrap(),
            String::from_utf8(stderr).unwrap(),
        );
        let line = out
            .lines()
            .find(|line| line[9..].starts_with(&format!("{what}: ")));
        let here = self.folder.path().display().to_string();
        line.unwrap_or_else(|| panic!("{what} is not in\n{out}{err}"))
            .replace(&here, "…")
    }

    fn edit(&self, from: &str, to: &str) {
        let file = self.setup.config_file();
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(text.contains(from), "{text}");
        std::fs::write(file, text.replace(from, to)).unwrap();
    }
}

fn stderr(mut command: Command) -> String {
    let output = command.output().unwrap();
    assert!(!output.status.success());
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn what_the_console_lacks_is_one_line() {
    let machine = Machine::new();
    assert!(machine.check("console").contains("`doelpoort console link`"));
    let link = |arguments: &[&str]| {
        let mut program = Command::new(env!("CARGO_BIN_EXE_doelpoort"));
        let config = machine.setup.config_file();
        program
            .args(["console", "link", "--config"])
            .arg(config)
            .args(arguments);
        program
    };
    let unknown = ["--role", "holder", "--organisation", "00000099000000099999"];
    assert!(stderr(link(&unknown)).contains("no organisation of `organisations.toml` has the OIN"));
    machine.edit(
        "[console]",
        "[console]\nissuer = \"https://id.example\"\nclient_id = \"x\"\nurl = \"https://doelpoort.example\"\nprovider_authorities = \"none.pem\"",
    );
    let told = machine.check("console");
    assert!(told.starts_with("WRONG") && told.contains("none.pem"), "{told}");
    assert!(machine.check("telemetry").ends_with("no collector"));
    machine.edit(
        "[console]",
        "[telemetry]\notlp_url = \"https://collector.example\"\n[console]",
    );
    let told = machine.check("telemetry");
    assert!(
        told.starts_with("WRONG") && told.contains("a file of the authority"),
        "{told}"
    );
    assert!(stderr(link(&["--role", "operator"])).contains("people sign in at the identity provider"));
}

#[test]
fn each_thing_that_is_wrong_is_one_line_that_says_what_to_do() {
    let machine = Machine::new();
    let here = machine.folder.path().display().to_string();
    std::fs::create_dir_all(machine.setup.gateway("data")).unwrap();
    let good = machine.run("check").output().unwrap();
    let told = String::from_utf8(good.stdout).unwrap();
    assert!(
        good.status.success(),
        "{told}{}",
        String::from_utf8_lossy(&good.stderr)
    );
    assert_eq!(told.lines().count(), 11, "{told}");

    let kek = machine.setup.gateway("keys/kek");
    set_permissions(&kek, Permissions::from_mode(0o644)).unwrap();
    let readable = machine.check("keys");
    std::fs::rename(&kek, machine.setup.gateway("keys/elsewhere")).unwrap();
    let missing = machine.check("keys");

    let later = SystemClock.now() + SignedDuration::from_hours(100);
    let authority = Authority::new("later", Validity::around(later, 30)).unwrap();
    let server = authority.server().unwrap();
    std::fs::write(machine.setup.gateway("tls/server.crt"), &server.certificate).unwrap();
    std::fs::write(machine.setup.gateway("tls/server.key"), server.key.as_str()).unwrap();
    let clock = machine.check("certificates");
    assert!(clock.ends_with("is the clock right (`timedatectl`)?"), "{clock}");
    let clock = clock.split(" before ").next().unwrap();
    std::fs::write(machine.setup.gateway("tls/server.crt"), "nothing").unwrap();
    let certificate = machine.check("certificates");

    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().to_string();
    machine.edit("[log]", "[lgo]");
    let section = stderr(machine.run("check"))
        .lines()
        .next()
        .unwrap()
        .replace(&here, "…");
    machine.edit("[lgo]", "[log]\nfiltre = \"warn\"");
    let key = stderr(machine.run("check"))
        .lines()
        .next()
        .unwrap()
        .replace(&here, "…");
    let told = [readable.as_str(), &missing, clock, &certificate, &section, &key];
    insta::assert_snapshot!(told.join("\n"), @r"
    WRONG    keys: `…/demo/gateway/keys/kek` can be read by others: mode `0644`, must be `0400`
    WRONG    keys: cannot read `…/demo/gateway/keys/kek`: No such file or directory (os error 2)
    WRONG    certificates: not valid
    WRONG    certificates: cannot read a certificate from `…/demo/gateway/tls/server.crt`: no certificate in it
    error: …/demo/gateway/gateway.toml:32:2: unknown section `lgo`; did you mean `log`?
    error: …/demo/gateway/gateway.toml:33:1: unknown key `filtre` in `[log]`; did you mean `filter`?
    ");

    let fresh = Machine::new();
    let mut second = fresh.run("serve");
    second.env("DOELPOORT__EXCHANGE__LISTEN", &port);
    assert_eq!(
        stderr(second).replace(&port, "PORT"),
        "error: cannot listen on `PORT` for the exchange: Address already in use (os error 98); stop the program that \
         has it (`ss -ltnp`), or give another port\n"
    );
}

#[test]
fn a_server_key_that_others_can_read_is_refused() {
    let machine = Machine::new();
    let key = machine.setup.gateway("tls/server.key");
    set_permissions(&key, Permissions::from_mode(0o644)).unwrap();
    let mut check = Command::new(env!("CARGO_BIN_EXE_doelpoort"));
    check.args(["check", "--config"]).arg(machine.setup.config_file());
    let told = String::from_utf8(check.output().unwrap().stdout).unwrap();
    let path = key.display();
    let line = format!(
        "WRONG    certificates: `{path}` is a private key that others can read (mode `0644`): `chmod 0400 {path}`"
    );
    assert!(told.lines().any(|this| this == line), "{told}");
}

/// A gateway that is told off with SIGKILL if a test fails.
struct Served(Child);

impl Served {
    fn signal(&self, signal: &str) {
        let sent = Command::new("kill")
            .arg(signal)
            .arg(self.0.id().to_string())
            .status();
        assert!(sent.unwrap().success());
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What systemd hears, until it hears this.
fn hear(socket: &UnixDatagram, wanted: &str) -> String {
    let mut heard = String::new();
    let mut message = [0; 1024];
    while !heard.lines().any(|line| line == wanted) {
        let length = socket
            .recv(&mut message)
            .unwrap_or_else(|why| panic!("no `{wanted}`, {why}; heard\n{heard}"));
        heard.push_str(std::str::from_utf8(&message[..length]).unwrap());
        heard.push('\n');
    }
    heard
}

#[test]
fn systemd_hears_how_it_goes_and_hands_over_a_socket() {
    let machine = Machine::new();
    std::fs::create_dir_all(machine.setup.gateway("data")).unwrap();
    let path = machine.folder.path().join("notify");
    let systemd = UnixDatagram::bind(&path).unwrap();
    systemd.set_read_timeout(Some(START_MAX)).unwrap();
    let listening = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listening.local_addr().unwrap();
    let serve = machine.run("serve");
    // The socket travels as standard input and becomes descriptor 3; `$$` is the gateway's own number after `exec`.
    let mut shell = Command::new("sh");
    shell
        .arg("-c")
        .arg("exec 3<&0 0</dev/null; LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=exchange exec \"$@\"")
        .arg("sh")
        .arg(serve.get_program())
        .args(serve.get_args())
        .envs(serve.get_envs().filter_map(|(name, value)| Some((name, value?))))
        .env("NOTIFY_SOCKET", &path)
        .env("WATCHDOG_USEC", "400000")
        .stdin(Stdio::from(std::os::fd::OwnedFd::from(listening)))
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut served = Served(shell.spawn().unwrap());
    hear(&systemd, "READY=1");
    assert!(std::net::TcpStream::connect(address).is_ok());
    hear(&systemd, "WATCHDOG=1");
    served.signal("-HUP");
    hear(&systemd, "RELOADING=1");
    hear(&systemd, "READY=1");
    served.signal("-TERM");
    hear(&systemd, "STOPPING=1");
    assert!(served.0.wait().unwrap().success());
}
