//! What was deleted comes back, as an administrator and as its owner does it from the command line.

use super::connection::Connection;
use super::house::{House, Server};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;

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

impl House {
    /// What IMAP answers to each of `commands`, Carla being logged in with INBOX selected.
    fn imap(&self, commands: &[&str]) -> Vec<String> {
        let mut imap = Connection::imap(self, "carla");
        imap.ask("SELECT INBOX");
        commands.iter().map(|command| imap.ask(command).join("\n")).collect()
    }
}

fn append(mailbox: &str, subject: &str) -> String {
    let message = format!("From: Ben <ben@example.org>\r\nSubject: {subject}\r\n\r\nHello\r\n");
    format!("APPEND {mailbox} {{{}+}}\r\n{message}", message.len())
}

/// Two messages of INBOX and the mailbox Projects with one, deleted.
fn filled() -> (House, Server) {
    let house = House::new(CONFIG);
    let server = house.serve();
    for name in ["carla", "dora"] {
        house.run_with(0, &["account", "add", &format!("{name}@example.org")], &format!("of {name}"));
    }
    let (one, two, three) =
        (append("INBOX", "=?utf-8?q?F=C3=BCnf?="), append("INBOX", "two"), append("Projects", "plan"));
    house.imap(&["CREATE Projects", &one, &two, &three]);
    house.imap(&["STORE 1:2 +FLAGS (\\Seen \\Deleted)", "EXPUNGE", "DELETE Projects"]);
    (house, server)
}

#[test]
fn messages_and_mailboxes_come_back() {
    let (house, mut server) = filled();
    let list = house.list(&["deleted", "list", CARLA]);
    let told: Vec<_> = list.iter().map(|item| (item["mailbox"].as_str().unwrap(), item["subject"].as_str())).collect();
    assert_eq!(told, [("Projects", None), ("Projects", Some("plan")), ("INBOX", Some("two")), ("INBOX", Some("Fünf"))]);
    assert_eq!((list[3]["from"].as_str(), list[1]["mailbox_deleted"].as_bool()), (Some("ben@example.org"), Some(true)));
    assert_eq!(house.list(&["deleted", "list", CARLA, "--subject", "FÜNF", "--mailbox", "inbox"]).len(), 1);
    let table = house.run(0, &["deleted", "list", CARLA, "--since", "1h", "--limit", "1"]);
    assert!(table.contains("Projects (deleted)") && table.contains("There may be more"), "{table}");

    let id = list[2]["id"].to_string();
    assert_eq!(house.run(0, &["deleted", "restore", CARLA, &id]), "brought back: 1 message\n");
    assert_eq!(house.run(3, &["deleted", "restore", CARLA, &id]).lines().count(), 1);
    let text = house.run(0, &["deleted", "restore", CARLA, "--mailbox", "Projects"]);
    assert_eq!(text, "brought back: 1 message\nthe mailbox Projects is there again\n");
    server.kill();
    let _server = house.serve();
    let seen = house.imap(&["FETCH 1 (UID FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])", "STATUS Projects (MESSAGES)"]);
    assert!(seen[0].contains("UID 3 FLAGS (\\Recent \\Seen)") && seen[0].contains("Subject: two"), "{seen:?}");
    assert!(seen[1].contains("MESSAGES 1"), "{seen:?}");

    let text = house.run(2, &["deleted", "restore", CARLA, "--all", "--into", "a//b"]);
    assert!(text.contains("not a mailbox name"), "{text}");
    house.imap(&["STORE 1 +FLAGS (\\Deleted)", "EXPUNGE"]);
    let text = house.run(0, &["deleted", "restore", CARLA, "--since", "1h", "--into", "Found"]);
    assert!(text.starts_with("brought back: 2 messages"), "{text}");
    let seen = house.imap(&["STATUS Found (MESSAGES)", "LSUB \"\" Found"]);
    assert!(seen[0].contains("MESSAGES 2") && seen[1].contains("Found"), "{seen:?}");
    house.imap(&["SELECT Found", "STORE 1 +FLAGS (\\Deleted)", "EXPUNGE"]);

    house.run(2, &["deleted", "erase", CARLA, "--all"]);
    house.run(3, &["deleted", "erase", CARLA, "4711", "--yes"]);
    let text = house.run(0, &["deleted", "erase", CARLA, "--all", "--yes"]);
    assert!(text.starts_with("erased for good: 1 message, "), "{text}");
    house.run(3, &["deleted", "list", CARLA]);
    house.run(2, &["deleted", "restore", CARLA]);
}

#[test]
fn people_bring_back_their_own_with_their_password() {
    let (house, _server) = filled();
    let mode = std::fs::metadata(house.path("people.sock")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o666);
    let carla = "of carla";
    let as_owner = |code, args: &[&str], password: &str| {
        house.run_with(code, &[args, &["--socket", "people.sock"]].concat(), password)
    };
    let list = as_owner(0, &["deleted", "list", CARLA], carla);
    assert!(list.contains("Fünf"), "{list}");
    let text = as_owner(0, &["deleted", "restore", CARLA, "--since", "1h", "--into", "INBOX"], carla);
    assert_eq!(text, "brought back: 3 messages\n");
    assert!(house.imap(&["NOOP", "STATUS INBOX (MESSAGES)"])[1].contains("MESSAGES 3"));
    assert!(as_owner(1, &["deleted", "list", CARLA], "wrong").contains("login or password is wrong"));
    as_owner(2, &["deleted", "restore", CARLA, "--all", "--over-quota"], carla);
    as_owner(0, &["deleted", "erase", CARLA, "--all", "--yes"], carla);
    // The socket itself lets nobody do more, whatever program asks.
    let ask = |lines: &[&str]| {
        let mut stream = std::os::unix::net::UnixStream::connect(house.path("people.sock")).unwrap();
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
    let (house, _server) = filled();
    let text = house.run(0, &["account", "remove", CARLA]);
    assert!(text.contains("it can be brought back with its mail: postamt account restore carla@example.org"), "{text}");
    assert_eq!(house.list(&["account", "removed"])[0]["address"], CARLA);
    let text = house.run_with(1, &["account", "add", CARLA], "new");
    assert!(text.contains("was removed and is kept for a while"), "{text}");
    house.run(3, &["account", "restore", DORA]);
    let text = house.run(0, &["account", "restore", CARLA]);
    assert_eq!(text, "carla@example.org is there again, with its mail\n");
    house.imap(&["NOOP"]);
    house.run(0, &["deleted", "restore", CARLA, "--all"]);
    assert!(house.imap(&["STATUS INBOX (MESSAGES)"])[0].contains("MESSAGES 2"));

    house.run(1, &["account", "erase", CARLA, "--yes"]);
    house.run(0, &["account", "remove", CARLA]);
    house.run(2, &["account", "erase", CARLA]);
    house.run(0, &["account", "erase", CARLA, "--yes"]);
    house.run(3, &["account", "removed"]);
    house.run_with(0, &["account", "add", CARLA], "of carla");
    assert!(house.imap(&["STATUS INBOX (MESSAGES)"])[0].contains("MESSAGES 0"));
    house.run(3, &["deleted", "list", CARLA]);
}

#[test]
fn what_is_erased_leaves_the_disk() {
    let (house, _server) = filled();
    let files = || {
        let fans = std::fs::read_dir(house.path("postamt-data/blobs")).unwrap();
        let within = fans.filter_map(|fan| std::fs::read_dir(fan.unwrap().path()).ok());
        within.flatten().map(|file| file.unwrap().path()).filter(|path| path.is_file()).collect::<Vec<_>>()
    };
    house.imap(&[&append("INBOX", &"x".repeat(100_000)), "STORE 1 +FLAGS (\\Deleted)", "EXPUNGE"]);
    assert_eq!(files().len(), 1);
    let text = house.run(0, &["deleted", "erase", CARLA, "--all", "--yes"]);
    assert_eq!((text.lines().count(), files().len()), (1, 0), "{text}");
}
