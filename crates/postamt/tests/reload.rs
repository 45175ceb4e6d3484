//! The configuration changes while people are connected.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "all of it is a test")]

use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, ChildStderr, Command, Stdio};

const HEAD: &str = "hostname = \"mail.example.org\"\ndomains = [\"example.org\"]\n";
const IMAP: &str = "[[listener]]\nprotocol = \"imap\"\naddress = \"127.0.0.1:0\"\nplaintext_login = true\n";
const POP3: &str = "[[listener]]\nprotocol = \"pop3\"\naddress = \"127.0.0.1:0\"\n";
const SMTP: &str = "[[listener]]\nprotocol = \"smtp\"\naddress = \"127.0.0.1:0\"\n";
/// An account of another server's, with a hash that SCRAM can do nothing with.
const MOVED: &str = "[[account]]\naddress = \"moved@example.org\"\npassword_hash = \"$argon2id$v=19$m=19456,t=2,p=1\
                     $c29tZXNhbHRzb21lc2FsdA$Y29tcHV0ZWQgYnkgbm9ib2R5IGF0IGFsbCwgZXZlci4\"\n";

fn account(name: &str) -> String {
    format!("[[account]]\naddress = \"{name}@example.org\"\npassword = \"of {name}\"\n")
}

struct Server {
    folder: tempfile::TempDir,
    child: Child,
    events: BufReader<ChildStderr>,
}

impl Server {
    fn start(config: &str) -> Server {
        let folder = tempfile::tempdir().unwrap();
        write(&folder, config);
        let mut child = postamt(&folder)
            .args(["serve", "--config", "postamt.toml"])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let events = BufReader::new(child.stderr.take().unwrap());
        let mut server = Server { folder, child, events };
        server.event("server.ready");
        server
    }

    fn write(&self, config: &str) {
        write(&self.folder, config);
    }

    /// What a command prints, both ways; it has to end with this code.
    fn run(&self, code: i32, args: &[&str]) -> String {
        let output = postamt(&self.folder).args(args).output().unwrap();
        let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert_eq!(output.status.code(), Some(code), "{args:?}: {text}");
        text
    }

    fn json(&self, code: i32, args: &[&str]) -> Value {
        serde_json::from_str(&self.run(code, &[args, &["--json"]].concat())).unwrap()
    }

    fn address(&self, protocol: &str) -> String {
        let status = self.json(0, &["status"]);
        let listeners = status["listeners"].as_array().unwrap();
        let listener = listeners.iter().find(|listener| listener["protocol"] == protocol).unwrap();
        listener["address"].as_str().unwrap().to_owned()
    }

    /// The next event of this name.
    fn event(&mut self, name: &str) -> Value {
        loop {
            let mut line = String::new();
            assert_ne!(self.events.read_line(&mut line).unwrap(), 0, "ended before {name}");
            let event: Value = serde_json::from_str(&line).unwrap();
            if event["event"] == name {
                return event;
            }
        }
    }

    fn hang_up(&self) {
        let process = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(process, rustix::process::Signal::HUP).unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

fn write(folder: &tempfile::TempDir, config: &str) {
    let path = folder.path().join("postamt.toml");
    std::fs::write(&path, config).unwrap();
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
}

fn postamt(folder: &tempfile::TempDir) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_postamt"));
    command.current_dir(folder.path()).env_remove("POSTAMT_LOG").env("LC_ALL", "C");
    command
}

struct Connection(BufReader<TcpStream>);

impl Connection {
    /// A connection, and what it is greeted with.
    fn open(address: &str) -> (Connection, String) {
        let mut connection = Connection(BufReader::new(TcpStream::connect(address).unwrap()));
        let greeting = connection.line();
        (connection, greeting)
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        line
    }

    /// The answer's last line.
    fn ask(&mut self, command: &str) -> String {
        self.0.get_mut().write_all(format!("a {command}\r\n").as_bytes()).unwrap();
        loop {
            let line = self.line();
            if line.is_empty() || line.starts_with("a ") {
                return line;
            }
        }
    }

    fn log_in(&mut self, name: &str) -> String {
        self.ask(&format!("LOGIN {name}@example.org \"of {name}\""))
    }
}

#[test]
fn people_and_listeners_come_and_go_under_those_who_are_connected() {
    let server = Server::start(&[HEAD, IMAP, SMTP, &account("anna")].concat());
    let (imap, smtp) = (server.address("imap"), server.address("smtp"));
    let (mut anna, greeting) = Connection::open(&imap);
    assert!(greeting.contains("AUTH=SCRAM-SHA-256"), "{greeting}");
    assert!(anna.log_in("anna").starts_with("a OK"));
    let (mut early, _) = Connection::open(&smtp);

    server.write(&[HEAD, IMAP, POP3, &account("anna"), &account("ben"), MOVED].concat());
    let done = server.json(0, &["reload"]);
    assert_eq!((&done["file"], &done["mistakes"]), (&"postamt.toml".into(), &Value::Array(vec![])));
    assert_eq!((&done["accounts"], &done["domains"]), (&3.into(), &1.into()));
    assert_eq!([&done["opened"], &done["closed"]].map(|listeners| listeners.as_array().unwrap().len()), [1, 1]);
    assert_eq!((&done["opened"][0]["protocol"], &done["closed"][0]["address"]), (&"pop3".into(), &smtp.clone().into()));
    assert_eq!((&done["changed"], done["certificates"][0]["names"].is_array()), (&Value::Array(vec![]), true));

    assert!(anna.ask("SELECT INBOX").starts_with("a OK"));
    let (mut ben, greeting) = Connection::open(&imap);
    assert!(!greeting.contains("SCRAM"), "not all can: {greeting}");
    assert!(ben.log_in("ben").starts_with("a OK"));
    assert!(Connection::open(&server.address("pop3")).1.starts_with("+OK"));
    while TcpStream::connect(&smtp).is_ok() {}
    assert!(early.line().starts_with("421 "));
    assert!(early.line().is_empty());

    server.write(&[HEAD, &IMAP.replace("true", "false"), POP3, &account("anna")].concat());
    let told = server.run(0, &["reload", "--config", "postamt.toml"]);
    assert!(told.starts_with("postamt.toml is in effect\n"), "{told}");
    assert!(told.contains(&format!("  changed      imap on {imap} (STARTTLS)\n")), "{told}");
    assert!(told.contains("  declared     1 account, 1 domain\n"), "{told}");
    let (mut late, greeting) = Connection::open(&imap);
    assert!(greeting.contains("LOGINDISABLED"), "{greeting}");
    assert!(late.log_in("anna").starts_with("a NO"));
    assert!(anna.ask("NOOP").starts_with("a OK"));
}

#[test]
fn what_is_wrong_changes_nothing_and_is_told() {
    let good = [HEAD, IMAP, &account("anna")].concat();
    let server = Server::start(&good);
    let imap = server.address("imap");

    server.write(&["hostnam = \"x\"\n", IMAP, SMTP, &account("ben"), "pasword = \"x\"\n"].concat());
    let told = server.run(2, &["reload"]);
    assert!(told.contains("nothing has changed"), "{told}");
    assert!(told.contains("postamt.toml:1: hostnam: ") && told.contains("postamt.toml:12: "), "{told}");
    assert!(told.contains("pasword"), "{told}");
    let mistakes = server.json(2, &["reload"]);
    assert!(mistakes["mistakes"].as_array().unwrap().len() >= 2, "{mistakes}");
    assert_eq!((&mistakes["file"], &mistakes["mistakes"][0]["line"]), (&"postamt.toml".into(), &1.into()));
    server.write("hostname = \n");
    assert_eq!(server.json(2, &["reload"])["mistakes"][0]["line"], 1);

    server.write(&["data = \"elsewhere\"\n", &good].concat());
    let told = server.run(1, &["reload", "--data", "postamt-data"]);
    assert!(told.contains("`data` is elsewhere in the file, while the server runs with postamt-data"), "{told}");

    server.write(&[&good, "[store]\nbackend = \"redb\"\n"].concat());
    let told = server.run(1, &["reload"]);
    assert!(told.contains("`backend` is redb in the file, while the server runs with fjall"), "{told}");

    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().map(|address| (taken, address.to_string())).unwrap();
    server.write(&[&good, POP3, &SMTP.replace("127.0.0.1:0", &taken.1)].concat());
    let told = server.run(1, &["reload"]);
    assert!(told.contains(&format!("cannot listen on {}", taken.1)), "{told}");

    let everywhere = imap.replace("127.0.0.1", "0.0.0.0");
    server.write(&[HEAD, POP3.replace("127.0.0.1:0", &everywhere).as_str(), &account("anna")].concat());
    let told = server.run(1, &["reload"]);
    assert!(told.contains(&format!("own listener (imap on {imap} (STARTTLS)) has the port")), "{told}");

    let status = server.json(0, &["status"]);
    assert_eq!((&status["hostname"], &status["accounts"]), (&"mail.example.org".into(), &1.into()));
    assert_eq!(status["listeners"].as_array().unwrap().len(), 1);
    assert!(Connection::open(&imap).0.log_in("anna").starts_with("a OK"));
}

#[test]
fn the_signal_does_the_same() {
    let mut server = Server::start(&[HEAD, IMAP, &account("anna")].concat());
    let imap = server.address("imap");
    let (mut anna, _) = Connection::open(&imap);
    assert!(anna.log_in("anna").starts_with("a OK"));
    server.write(&[HEAD, IMAP, POP3, &account("anna"), &account("ben")].concat());
    server.hang_up();
    let done = server.event("reload.done");
    assert_eq!((&done["opened"], &done["closed"], &done["accounts"]), (&1.into(), &0.into(), &2.into()));
    assert!(Connection::open(&imap).0.log_in("ben").starts_with("a OK"));
    server.write("hostnam = \"x\"\nport = 1\n");
    server.hang_up();
    let refused = [server.event("reload.refused"), server.event("reload.refused")];
    assert!(refused[0]["mistake"].as_str().unwrap().starts_with("postamt.toml:1: hostnam: "), "{refused:?}");
    assert!(refused[1]["mistake"].as_str().unwrap().starts_with("postamt.toml:2: port: "), "{refused:?}");
    assert!(anna.ask("NOOP").starts_with("a OK"));
}

#[test]
fn the_demo_reads_its_certificates_anew() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = postamt(&folder).arg("demo").stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut said = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    while !line.starts_with("Ctrl-C") {
        line.clear();
        assert_ne!(said.read_line(&mut line).unwrap(), 0);
    }
    let output = postamt(&folder).arg("reload").output();
    child.kill().unwrap();
    child.wait().unwrap();
    let told = String::from_utf8(output.unwrap().stdout).unwrap();
    assert!(told.starts_with("there is no configuration file; the certificates were read anew\n"), "{told}");
    assert!(told.contains("  certificate  for demo.test, localhost"), "{told}");
}
