//! Everything is taken while mail comes in, judged, and brought back: as an administrator does it from the command line.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "all of it is a test")]

use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

const CONFIG: &str = r#"
hostname = "mail.example.org"
domains = ["example.org"]

[[listener]]
protocol = "imap"
address = "127.0.0.1:0"
plaintext_login = true

[[listener]]
protocol = "lmtp"
address = "127.0.0.1:0"

[[account]]
address = "anna@example.org"
password = "of anna"

[[account]]
address = "ben@example.org"
password = "of ben"
"#;

struct Server {
    folder: tempfile::TempDir,
    child: Option<Child>,
}

impl Server {
    fn new() -> Server {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("postamt.toml");
        fs::write(&path, CONFIG).unwrap();
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        Server { folder, child: None }
    }

    fn start(&mut self) {
        let mut command = postamt(self.folder.path());
        command.args(["serve", "--config", "postamt.toml"]).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        while !line.contains("ready; data in ") {
            line.clear();
            assert_ne!(said.read_line(&mut line).unwrap(), 0);
        }
        self.child = Some(child);
    }

    fn stop(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        // It may have ended already, as it was told to.
        let _ = child.kill();
        let _ = child.wait();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn run(&self, code: i32, args: &[&str]) -> String {
        let output = postamt(self.folder.path()).args(args).output().unwrap();
        let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert_eq!(output.status.code(), Some(code), "{args:?}: {text}");
        text
    }

    fn backup(&self, code: i32, args: &[&str]) -> Value {
        let text = self.run(code, &[&["backup"], args, &["--json"]].concat());
        serde_json::from_str(text.lines().next().unwrap()).unwrap()
    }

    fn place(&self, protocol: &str) -> String {
        let status: Value = serde_json::from_str(&self.run(0, &["status", "--json"])).unwrap();
        let listeners = status["listeners"].as_array().unwrap();
        let listener = listeners.iter().find(|listener| listener["protocol"] == protocol).unwrap();
        listener["address"].as_str().unwrap().to_owned()
    }

    /// What IMAP says of an account: for each mailbox that has any, its messages with flags, dates and octets.
    fn mail(&self, name: &str) -> Vec<String> {
        let mut imap = Imap::log_in(self, name);
        let mut mail = Vec::new();
        for line in imap.ask("LIST \"\" *").iter().filter(|line| line.starts_with("* LIST")) {
            let mailbox = line.rsplit(' ').next().unwrap();
            imap.ask(&format!("EXAMINE {mailbox}"));
            let fetched = imap.ask("UID FETCH 1:* (FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[])");
            let fetched = fetched.into_iter().filter(|line| !line.starts_with("a "));
            mail.extend(
                fetched.map(|line| format!("{mailbox} {}", line.replace(r"\Recent ", "").replace(r" \Recent", ""))),
            );
        }
        mail
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

fn postamt(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_postamt"));
    command.current_dir(folder).env_remove("POSTAMT_LOG");
    command
}

/// A connection that asks and waits.
struct Imap(BufReader<TcpStream>);

impl Imap {
    fn log_in(server: &Server, name: &str) -> Imap {
        let mut imap = Imap(BufReader::new(TcpStream::connect(server.place("imap")).unwrap()));
        imap.ask(&format!("LOGIN {name}@example.org \"of {name}\""));
        imap
    }

    fn ask(&mut self, command: &str) -> Vec<String> {
        writeln!(self.0.get_mut(), "a {command}\r").unwrap();
        let mut lines = Vec::new();
        loop {
            let mut line = Vec::new();
            assert_ne!(self.0.read_until(b'\n', &mut line).unwrap(), 0);
            lines.push(String::from_utf8_lossy(&line).trim_end().to_owned());
            if lines.last().unwrap().starts_with("a ") {
                assert!(lines.last().unwrap().starts_with("a OK"), "{command}: {lines:?}");
                return lines;
            }
        }
    }
}

/// Delivers a message.
fn deliver(lmtp: &str, to: &str, text: &str) {
    let mut stream = BufReader::new(TcpStream::connect(lmtp).unwrap());
    let message =
        format!("From: c@example.net\r\nMessage-ID: <{text}@x>\r\nSubject: {text}\r\n\r\nThis is {text}.\r\n.");
    let (from, to) = ("MAIL FROM:<c@example.net>", format!("RCPT TO:<{to}@example.org>"));
    let mut line = String::new();
    stream.read_line(&mut line).unwrap();
    for (command, code) in
        [("LHLO x", "250"), (from, "250"), (&to, "250"), ("DATA", "354"), (&message, "250"), ("QUIT", "221")]
    {
        write!(stream.get_mut(), "{command}\r\n").unwrap();
        loop {
            line.clear();
            stream.read_line(&mut line).unwrap();
            assert!(line.starts_with(code), "{command}: {line}");
            if line.as_bytes()[3] == b' ' {
                break;
            }
        }
    }
}

/// Runs `work` while mail for Ben comes in.
fn under_load<T>(server: &Server, work: impl FnOnce() -> T) -> T {
    let (lmtp, ended, delivered) = (server.place("lmtp"), AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !ended.load(Ordering::Relaxed) {
                let n = delivered.fetch_add(1, Ordering::Relaxed);
                deliver(&lmtp, "ben", &format!("load{n}"));
            }
        });
        let done = work();
        ended.store(true, Ordering::Relaxed);
        done
    })
}

/// Some mail: small, large, flagged, in two mailboxes.
fn filled() -> Server {
    let mut server = Server::new();
    server.start();
    let lmtp = server.place("lmtp");
    for n in 0..30 {
        deliver(&lmtp, "anna", &format!("letter{n}"));
    }
    deliver(&lmtp, "anna", &format!("large{}", "\r\nand more".repeat(9000)));
    let mut imap = Imap::log_in(&server, "anna");
    imap.ask("CREATE Kept");
    imap.ask("SELECT INBOX");
    imap.ask(r"STORE 1:10 +FLAGS (\Seen $Forwarded)");
    imap.ask("COPY 3:5 Kept");
    imap.ask("MOVE 6 Kept");
    server
}

#[test]
fn taken_under_load_it_is_good_and_restores_the_same_mail() {
    let mut server = filled();
    let first = under_load(&server, || server.backup(0, &["create", "B"]));
    assert_eq!(first["objects"], first["objects_new"]);
    let second = under_load(&server, || server.backup(0, &["create", "B"]));
    assert!(second["objects_new"].as_u64() < second["objects"].as_u64(), "{second}");
    let anna = server.mail("anna");
    assert!(anna.len() > 60 && anna.iter().any(|line| line.contains("$Forwarded")), "{anna:?}");
    let verdict = server.backup(0, &["verify", "B"]);
    assert_eq!((&verdict["good"], &verdict["restored"]), (&true.into(), &true.into()));
    let listed = server.run(0, &["backup", "list", "B", "--json"]);
    assert_eq!(listed.lines().count(), 2);
    let text = server.run(1, &["backup", "restore", "B", "--to", "postamt-data"]);
    assert!(text.contains("is not empty"), "{text}");
    server.stop();
    let ben = second["backup"].as_str().unwrap().to_owned();
    fs::rename(server.path("postamt-data"), server.path("old")).unwrap();
    server.backup(0, &["restore", "B", "--backup", &ben, "--to", "postamt-data"]);
    server.start();
    assert_eq!(server.mail("anna"), anna);
    let ben = server.mail("ben").into_iter().filter(|line| line.contains("This is load")).count();
    assert!(ben > 0);
    deliver(&server.place("lmtp"), "anna", "new");
    let mut imap = Imap::log_in(&server, "anna");
    imap.ask("SELECT INBOX");
    let uid = imap.ask("UID SEARCH SUBJECT new").swap_remove(0);
    let uid: u32 = uid.rsplit(' ').next().unwrap().parse().unwrap();
    assert!(uid > 1_000_000, "no UID of before the restore is given out again: {uid}");
}

#[test]
fn what_is_missing_comes_back_once() {
    let server = filled();
    let anna = server.mail("anna");
    server.backup(0, &["create", "B"]);
    let mut imap = Imap::log_in(&server, "anna");
    imap.ask("SELECT INBOX");
    imap.ask(r"STORE 1:3 +FLAGS (\Deleted)");
    imap.ask("EXPUNGE");
    imap.ask("MOVE 1 Kept"); // it is there, though elsewhere
    let restore = ["restore", "B", "--account", "anna@example.org"];
    let told = server.backup(0, &restore);
    assert_eq!((&told["added"], &told["failed"]), (&2.into(), &0.into()), "one of the three lies in Kept too: {told}");
    assert_eq!(server.backup(0, &restore)["added"], 0);
    let bodies = |mail: &[String]| mail.iter().filter(|line| line.contains("This is")).count();
    assert_eq!(bodies(&server.mail("anna")), bodies(&anna) - 1, "each is there again");
    let flagged = server.mail("anna").iter().filter(|line| line.contains("$Forwarded")).count();
    assert_eq!(flagged, anna.iter().filter(|line| line.contains("$Forwarded")).count() - 1);
    // Who deletes it again may have it back again.
    imap.ask("SELECT INBOX");
    imap.ask(r"STORE * +FLAGS (\Deleted)");
    imap.ask("EXPUNGE");
    assert_eq!(server.backup(0, &restore)["added"], 1);
    let beside = [&restore[..], &["--mailbox", "inbox", "--into", "Old"]].concat();
    assert_eq!(server.backup(0, &beside)["added"], 30);
    let one = [&restore[..], &["--message", "M7", "--into", "One"]].concat();
    assert_eq!(server.backup(0, &one)["added"], 1);
    let ben = [&restore[..], &["--to-account", "ben@example.org"]].concat();
    assert_eq!(server.backup(0, &ben)["added"], 34);
    server.run(3, &["backup", "restore", "B", "--account", "nobody@example.org"]);
    server.run(3, &["backup", "restore", "B", "--account", "anna@example.org", "--mailbox", "None"]);
}

#[test]
fn any_moment_between_two_backups_can_be_had() {
    let server = filled();
    server.backup(0, &["create", "B"]);
    deliver(&server.place("lmtp"), "anna", "between");
    let mut imap = Imap::log_in(&server, "anna");
    imap.ask("SELECT INBOX");
    let before_end = moment();
    imap.ask(r"STORE 1:* +FLAGS (\Flagged)");
    imap.ask(r"STORE 1:5 +FLAGS (\Deleted)");
    imap.ask("EXPUNGE");
    let text = server.run(3, &["backup", "restore", "B", "--account", "anna@example.org", "--as-of", &before_end]);
    assert!(text.contains("the newest backup is of") && text.contains("then this again"), "{text}");
    server.backup(0, &["create", "B"]);
    let restore = ["restore", "B", "--account", "anna@example.org", "--as-of", &before_end, "--into", "Then"];
    let told = server.backup(0, &restore);
    assert_eq!((&told["added"], &told["failed"]), (&35.into(), &0.into()), "{told}");
    imap.ask("SELECT Then/INBOX");
    assert_eq!(imap.ask("SEARCH FLAGGED")[0], "* SEARCH");
    assert_eq!(imap.ask("SEARCH SUBJECT between")[0], "* SEARCH 31");
}

/// This moment, once it is over: what was done is before it, and what is done later behind it.
fn moment() -> String {
    let now = || std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as i64;
    let at = now();
    while now() == at {}
    model::Timestamp::from_unix_ms(at).to_string()
}

#[test]
fn encrypted_and_of_a_stopped_server() {
    let mut server = filled();
    server.stop();
    let made = server.backup(0, &["key", "B.key"]);
    let to = made["recipient"].as_str().unwrap();
    let first = server.backup(0, &["create", "B", "--to", to]);
    assert_eq!(first["encrypted"], true);
    server.run(2, &["backup", "verify", "B"]);
    server.backup(0, &["verify", "B", "--identity", "B.key"]);
    assert_eq!(server.backup(0, &["create", "B", "--to", to])["objects_new"], 0);
    let forgotten = server.backup(0, &["forget", "B", "--keep-last", "1"]);
    assert_eq!(forgotten["forgotten"].as_array().unwrap().len(), 1);
    server.backup(0, &["verify", "B", "--identity", "B.key", "--in-place"]);
    server.run(2, &["backup", "forget", "B"]);
}

#[test]
fn a_damaged_one_says_what_it_still_holds() {
    let server = filled();
    server.backup(0, &["create", "B"]);
    let mut objects = Vec::new();
    for fan in fs::read_dir(server.path("B/objects")).unwrap() {
        objects.extend(fs::read_dir(fan.unwrap().path()).unwrap().map(|entry| entry.unwrap().path()));
    }
    // The body of the large message is one of its own.
    let large = objects.into_iter().min_by_key(|path| fs::metadata(path).unwrap().len()).unwrap();
    let mut octets = fs::read(&large).unwrap();
    *octets.last_mut().unwrap() ^= 1;
    fs::write(&large, octets).unwrap();
    let verdict = server.backup(1, &["verify", "B"]);
    assert_eq!(verdict["damage"].as_array().unwrap().len(), 1, "{verdict}");
    assert_eq!(verdict["readable"][0]["account"], "anna@example.org");
    assert_eq!(verdict["readable"][0]["whole"], 30, "{verdict}");
    server.run(1, &["backup", "restore", "B", "--to", "elsewhere"]);
    let restore = ["restore", "B", "--account", "anna@example.org", "--to-account", "ben@example.org"];
    let told = server.backup(1, &restore);
    assert_eq!((&told["added"], &told["failed"]), (&33.into(), &1.into()), "{told}");
    server.backup(0, &["create", "B", "--recheck"]);
    server.backup(0, &["verify", "B", "--all"]);
}
