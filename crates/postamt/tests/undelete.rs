//! What was deleted comes back, as an administrator and as its owner does it from the command line.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "all of it is a test")]

use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

const CONFIG: &str = r#"
hostname = "mail.example.org"
domains = ["example.org"]

[deleted]
kept = "7 d"
socket = "people.sock"

[[listener]]
protocol = "imap"
address = "127.0.0.1:0"
plaintext_login = true
"#;

const CARLA: &str = "carla@example.org";
const DORA: &str = "dora@example.org";

struct Server {
    folder: tempfile::TempDir,
    child: Child,
}

impl Server {
    fn start() -> Server {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("postamt.toml"), CONFIG).unwrap();
        let child = serve(folder.path());
        let server = Server { folder, child };
        for account in [CARLA, DORA] {
            server.run(0, &["account", "add", account], &format!("of {account}"));
        }
        server
    }

    fn killed_and_started_again(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.child = serve(self.folder.path());
    }

    /// What a command prints; it has to end with this code.
    fn run(&self, code: i32, args: &[&str], input: &str) -> String {
        let mut command = postamt(self.folder.path());
        command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // Not every command reads.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert_eq!(output.status.code(), Some(code), "{args:?}: {text}");
        text
    }

    fn json(&self, args: &[&str]) -> Vec<Value> {
        let text = self.run(0, &[args, &["--json"]].concat(), "");
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// What IMAP answers to each of `commands`, Carla being logged in with INBOX selected.
    fn imap(&self, commands: &[&str]) -> Vec<String> {
        let status = self.json(&["status"]);
        let stream = TcpStream::connect(status[0]["listeners"][0]["address"].as_str().unwrap()).unwrap();
        let (mut reader, mut writer) = (BufReader::new(stream.try_clone().unwrap()), stream);
        let login = format!("LOGIN {CARLA} \"of {CARLA}\"");
        let mut answers = Vec::new();
        for command in [login.as_str(), "SELECT INBOX"].iter().chain(commands) {
            write!(writer, "a {command}\r\n").unwrap();
            let mut answer = String::new();
            while !answer.lines().last().is_some_and(|line| line.starts_with("a ")) {
                assert_ne!(reader.read_line(&mut answer).unwrap(), 0, "{answer}");
            }
            assert!(answer.contains("a OK"), "{command}: {answer}");
            answers.push(answer);
        }
        answers.split_off(2)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn postamt(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_postamt"));
    command.current_dir(folder).env_remove("POSTAMT_LOG").env("LC_ALL", "C");
    command
}

fn serve(folder: &Path) -> Child {
    let mut command = postamt(folder);
    command.args(["serve", "--config", "postamt.toml"]).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let mut said = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    while !line.contains("ready; data in ") {
        line.clear();
        assert_ne!(said.read_line(&mut line).unwrap(), 0);
    }
    child
}

fn append(mailbox: &str, subject: &str) -> String {
    let message = format!("From: Ben <ben@example.org>\r\nSubject: {subject}\r\n\r\nHello\r\n");
    format!("APPEND {mailbox} {{{}+}}\r\n{message}", message.len())
}

/// Two messages of INBOX and the mailbox Projects with one, deleted.
fn filled() -> Server {
    let server = Server::start();
    let (one, two, three) =
        (append("INBOX", "=?utf-8?q?F=C3=BCnf?="), append("INBOX", "two"), append("Projects", "plan"));
    server.imap(&["CREATE Projects", &one, &two, &three]);
    server.imap(&["STORE 1:2 +FLAGS (\\Seen \\Deleted)", "EXPUNGE", "DELETE Projects"]);
    server
}

#[test]
fn messages_and_mailboxes_come_back() {
    let mut server = filled();
    let list = server.json(&["deleted", "list", CARLA]);
    let told: Vec<_> = list.iter().map(|item| (item["mailbox"].as_str().unwrap(), item["subject"].as_str())).collect();
    assert_eq!(told, [("Projects", None), ("Projects", Some("plan")), ("INBOX", Some("two")), ("INBOX", Some("Fünf"))]);
    assert_eq!((list[3]["from"].as_str(), list[1]["mailbox_deleted"].as_bool()), (Some("ben@example.org"), Some(true)));
    assert_eq!(server.json(&["deleted", "list", CARLA, "--subject", "FÜNF", "--mailbox", "inbox"]).len(), 1);
    let table = server.run(0, &["deleted", "list", CARLA, "--since", "1h", "--limit", "1"], "");
    assert!(table.contains("Projects (deleted)") && table.contains("There may be more"), "{table}");

    let id = list[2]["id"].to_string();
    assert_eq!(server.run(0, &["deleted", "restore", CARLA, &id], ""), "brought back: 1 message\n");
    assert_eq!(server.run(3, &["deleted", "restore", CARLA, &id], "").lines().count(), 1);
    let text = server.run(0, &["deleted", "restore", CARLA, "--mailbox", "Projects"], "");
    assert_eq!(text, "brought back: 1 message\nthe mailbox Projects is there again\n");
    server.killed_and_started_again();
    let seen = server.imap(&["FETCH 1 (UID FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])", "STATUS Projects (MESSAGES)"]);
    assert!(seen[0].contains("UID 3 FLAGS (\\Recent \\Seen)") && seen[0].contains("Subject: two"), "{seen:?}");
    assert!(seen[1].contains("MESSAGES 1"), "{seen:?}");

    server.run(2, &["deleted", "erase", CARLA, "--all"], "");
    let text = server.run(0, &["deleted", "erase", CARLA, "--all", "--yes"], "");
    assert!(text.starts_with("erased for good: 1 message, "), "{text}");
    server.run(3, &["deleted", "list", CARLA], "");
    server.run(2, &["deleted", "restore", CARLA], "");
}

#[test]
fn people_bring_back_their_own_with_their_password() {
    let server = filled();
    let mode = std::fs::metadata(server.folder.path().join("people.sock")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o666);
    let carla = format!("of {CARLA}");
    let as_owner = |code, args: &[&str], password: &str| {
        server.run(code, &[args, &["--socket", "people.sock"]].concat(), password)
    };
    let list = as_owner(0, &["deleted", "list", CARLA], &carla);
    assert!(list.contains("Fünf"), "{list}");
    let text = as_owner(0, &["deleted", "restore", CARLA, "--since", "1h", "--into", "INBOX"], &carla);
    assert_eq!(text, "brought back: 3 messages\n");
    assert!(server.imap(&["NOOP", "STATUS INBOX (MESSAGES)"])[1].contains("MESSAGES 3"));
    assert!(as_owner(1, &["deleted", "list", CARLA], "wrong").contains("login or password is wrong"));
    as_owner(2, &["deleted", "restore", CARLA, "--all", "--over-quota"], &carla);
    as_owner(0, &["deleted", "erase", CARLA, "--all", "--yes"], &carla);
    // The socket itself lets nobody do more, whatever program asks.
    let ask = |lines: &[&str]| {
        let mut stream = std::os::unix::net::UnixStream::connect(server.folder.path().join("people.sock")).unwrap();
        lines.iter().for_each(|line| writeln!(stream, "{{\"version\":1,\"ask\":{line}}}").unwrap());
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        BufReader::new(stream).lines().map(|line| line.unwrap()).collect::<Vec<_>>()
    };
    let log_in = format!("{{\"log_in\":{{\"login\":\"{CARLA}\",\"password\":\"{carla}\"}}}}");
    assert!(ask(&["{\"account_list\":{}}"])[0].contains("log in first"));
    let other = format!("{{\"deleted_list\":{{\"address\":\"{DORA}\",\"filter\":{{}},\"limit\":1}}}}");
    for forbidden in ["{\"account_list\":{}}", "{\"reload\":{}}", other.as_str()] {
        let told = ask(&[&log_in, forbidden]);
        assert!(told[2].contains("only an administrator may ask this"), "{told:?}");
    }
}

#[test]
fn a_removed_account_comes_back_or_makes_place_for_another() {
    let server = filled();
    let text = server.run(0, &["account", "remove", CARLA], "");
    assert!(text.contains("it can be brought back with its mail: postamt account restore carla@example.org"), "{text}");
    assert_eq!(server.json(&["account", "removed"])[0]["address"], CARLA);
    let text = server.run(1, &["account", "add", CARLA], "new");
    assert!(text.contains("was removed and is kept for a while"), "{text}");
    server.run(3, &["account", "restore", DORA], "");
    let text = server.run(0, &["account", "restore", CARLA], "");
    assert_eq!(text, "carla@example.org is there again, with its mail\n");
    server.imap(&["NOOP"]);
    server.run(0, &["deleted", "restore", CARLA, "--all"], "");
    assert!(server.imap(&["STATUS INBOX (MESSAGES)"])[0].contains("MESSAGES 2"));

    server.run(1, &["account", "erase", CARLA, "--yes"], "");
    server.run(0, &["account", "remove", CARLA], "");
    server.run(2, &["account", "erase", CARLA], "");
    server.run(0, &["account", "erase", CARLA, "--yes"], "");
    server.run(3, &["account", "removed"], "");
    server.run(0, &["account", "add", CARLA], &format!("of {CARLA}"));
    assert!(server.imap(&["STATUS INBOX (MESSAGES)"])[0].contains("MESSAGES 0"));
    server.run(3, &["deleted", "list", CARLA], "");
}
