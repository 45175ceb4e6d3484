//! A server of one's own, administered from the command line as its owner does it.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "all of it is a test")]

use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};

/// The server has a mailbox domain, and a next hop that nobody listens at.
const CONFIG: &str = r#"
hostname = "mail.example.org"
domains = ["example.org"]

[[account]]
address = "owner@example.org"
password = "of the owner"

[[listener]]
protocol = "smtp"
address = "127.0.0.1:0"

[[route]]
name = "nowhere"
for = ["elsewhere.test"]
to = "smtp://127.0.0.1:1"
"#;

struct Server {
    folder: tempfile::TempDir,
    child: Child,
    said: BufReader<ChildStdout>,
}

impl Server {
    fn start() -> Server {
        let folder = tempfile::tempdir().unwrap();
        let config = folder.path().join("postamt.toml");
        std::fs::write(&config, CONFIG).unwrap();
        std::fs::set_permissions(&config, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        let mut child = postamt(folder.path())
            .args(["serve", "--config", "postamt.toml"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap());
        wait_for(&mut said, "ready; data in ");
        Server { folder, child, said }
    }

    /// What a command prints; it has to end with this code.
    fn run(&self, code: i32, args: &[&str], input: &str) -> String {
        let output = run(self.folder.path(), args, input);
        let text = format!("{}{}", text(&output.stdout), text(&output.stderr));
        assert_eq!(output.status.code(), Some(code), "{args:?}: {text}");
        text
    }

    fn done(&self, args: &[&str]) -> String {
        self.run(0, args, "")
    }

    fn json(&self, args: &[&str]) -> Vec<Value> {
        let args = [args, &["--json"]].concat();
        self.done(&args).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Follows the trace until something happens to a message.
    fn follow(&self, id: &str, event: &str) -> String {
        let mut child =
            postamt(self.folder.path()).args(["trace", id, "--follow"]).stdout(Stdio::piped()).spawn().unwrap();
        let line = wait_for(&mut BufReader::new(child.stdout.take().unwrap()), event);
        child.kill().unwrap();
        child.wait().unwrap();
        line
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already, as it was told to.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn postamt(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_postamt"));
    command.current_dir(folder).env_remove("POSTAMT_LOG").env("LC_ALL", "C");
    command
}

fn run(folder: &Path, args: &[&str], input: &str) -> Output {
    let mut command = postamt(folder);
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    // Not every command reads.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    child.wait_with_output().unwrap()
}

fn text(octets: &[u8]) -> String {
    String::from_utf8(octets.to_vec()).unwrap()
}

fn wait_for(lines: &mut impl BufRead, part: &str) -> String {
    loop {
        let mut line = String::new();
        assert_ne!(lines.read_line(&mut line).unwrap(), 0, "ended before \"{part}\"");
        if line.contains(part) {
            return line;
        }
    }
}

#[test]
fn without_a_server_a_command_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    for args in [&["status"][..], &["queue", "list"], &["account", "list", "--data", "postamt-demo"]] {
        let output = run(folder.path(), args, "");
        assert_eq!(output.status.code(), Some(1));
        let expected = "postamt: no server is running on postamt-demo; start it with: postamt serve --config FILE\n";
        assert_eq!(text(&output.stderr), expected);
    }
    let output = run(folder.path(), &["status", "--config", "none.toml"], "");
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("none.toml"), "{output:?}");
}

#[test]
fn people_are_added_changed_and_removed() {
    let server = Server::start();
    assert_eq!(
        server.done(&["domain", "add", "example.net"]),
        "example.net is added; mail to it is taken from now on\n"
    );
    let again = server.run(1, &["domain", "add", "example.net"], "");
    assert!(again.contains("the domain example.net is there already"), "{again}");
    let added = server.run(0, &["account", "add", "carla@example.net", "--quota", "5 MiB"], "geheim\n");
    assert_eq!(added, "carla@example.net is added\n");
    let made = server.done(&["account", "add", "dora@example.net", "--generate"]);
    assert!(made.starts_with("dora@example.net is added\nits password is "), "{made}");
    let unknown = server.run(3, &["account", "password", "clara@example.net"], "neu");
    assert!(unknown.contains("did you mean carla@example.net?"), "{unknown}");
    let empty = server.run(2, &["account", "password", "carla@example.net"], "");
    assert!(empty.contains("the password is empty"), "{empty}");
    server.run(0, &["account", "password", "carla@example.net"], "neu");
    let on = server.done(&["account", "apop", "carla@example.net", "--on", "--generate"]);
    assert!(on.starts_with("carla@example.net may log in by APOP; its secret for that is stored readable\n"), "{on}");
    assert_eq!(server.json(&["account", "list"]).iter().filter(|account| account["apop"] == true).count(), 1);
    let off = server.run(0, &["account", "password", "carla@example.net"], "neuer");
    assert!(off.contains("APOP is off now"), "{off}");
    server.run(0, &["account", "apop", "carla@example.net", "--on"], "sesam");
    server.done(&["account", "apop", "carla@example.net", "--off"]);
    server.run(2, &["account", "apop", "carla@example.net"], "");
    server.done(&["account", "disable", "carla@example.net"]);
    server.run(1, &["account", "disable", "owner@example.org"], "");
    server.done(&["alias", "add", "sales@example.net", "carla@example.net", "x@elsewhere.test"]);
    let accounts = server.json(&["account", "list"]);
    assert_eq!(accounts.len(), 3);
    let carla = accounts.iter().find(|account| account["address"] == "carla@example.net").unwrap();
    assert_eq!((&carla["enabled"], &carla["quota_octets"]), (&false.into(), &(5u64 << 20).into()));
    assert_eq!(server.json(&["alias", "list"])[0]["targets"][1], "x@elsewhere.test");
    server.run(1, &["domain", "remove", "example.net"], "");
    server.done(&["domain", "set", "example.net", "--catch-all", "carla@example.net", "--separators", "-"]);
    let domains = server.done(&["domain", "list"]);
    assert!(domains.contains("all other mail to carla@example.net; separators -\n"), "{domains}");
    server.done(&["domain", "set", "example.net", "--no-catch-all"]);
    server.done(&["alias", "remove", "sales@example.net"]);
    server.done(&["account", "remove", "carla@example.net"]);
    server.done(&["account", "remove", "dora@example.net"]);
    server.done(&["domain", "remove", "example.net"]);
    let back = server.run(0, &["domain", "add", "example.net"], "")
        + &server.run(0, &["account", "restore", "carla@example.net"], "");
    assert!(back.contains("carla@example.net is there again, with its mail"), "{back}");
}

#[test]
fn who_asks_in_german_is_answered_in_german() {
    let server = Server::start();
    let check = |code, args: &str, input: &str, expected: &str| {
        let args: Vec<&str> = args.split(' ').chain(["--language", "de"]).collect();
        let text = server.run(code, &args, input);
        assert!(text.contains(expected), "{args:?}: {text}");
    };
    check(0, "domain add example.net", "", "example.net ist angelegt; Mail dorthin wird ab jetzt angenommen\n");
    check(
        1,
        "domain add example.net",
        "",
        "postamt: die Domain example.net gibt es bereits; ändern mit: postamt domain set",
    );
    check(0, "account add carla@example.net --quota 5MiB", "x", "carla@example.net ist angelegt\n");
    check(0, "account enable carla@example.net", "", "nichts geändert: es ist schon so\n");
    check(3, "account password clara@example.net", "x", "es gibt kein Konto clara@example.net; erst anlegen");
    check(0, "account list", "", "ADRESSE            NACHRICHTEN  GRÖSSE    QUOTA  ZUSTAND\n");
    check(3, "alias list", "", "es gibt noch keinen Alias");
    check(1, "alias add a@example.net nobody@example.net", "", "diese Adresse hat niemand");
    check(3, "queue hold --all", "", "keine Zustellung in der Warteschlange passt\n");
    check(2, "queue show x", "", "\"x\" ist keine Queue-ID");
    check(3, "send --from ben@example.com --to owner@example.org", "x", "als ben@example.com darf hier niemand senden");
    check(0, "status", "", "  Datenablage   in Ordnung\n");
    check(0, "status", "", "smtp auf 127.0.0.1:");
    check(0, "domain list --json", "", "\"separators\":\"+\"");
    check(1, "domain add example.net --json", "", "postamt: the domain example.net is there already");
    check(
        2,
        "status --config none.toml",
        "",
        "none.toml: lässt sich nicht lesen: Datei oder Verzeichnis nicht gefunden",
    );
    check(
        1,
        "import --account owner@example.org --maildir none",
        "",
        "postamt: none: Datei oder Verzeichnis nicht gefunden",
    );
}

#[test]
fn the_locale_chooses_the_language() {
    let folder = tempfile::tempdir().unwrap();
    let help = |variables: &[(&str, &str)], args: &[&str]| {
        let mut command = postamt(folder.path());
        let output = command.env_remove("LC_ALL").envs(variables.iter().copied()).args(args).output().unwrap();
        text(&output.stdout) + &text(&output.stderr)
    };
    let german = help(&[("LC_MESSAGES", "de_DE.UTF-8"), ("LANG", "C")], &["queue", "--help"]);
    assert!(german.contains("Aufruf: postamt queue [OPTIONEN] <BEFEHL>\n\nBefehle:\n  list "), "{german}");
    assert!(help(&[("LANG", "de_DE.UTF-8")], &["status"]).contains("läuft kein Server"));
    assert!(help(&[("LC_ALL", "C"), ("LANG", "de_DE.UTF-8")], &["status"]).contains("no server is running"));
    assert!(help(&[("LANG", "de_DE.UTF-8")], &["status", "--language", "en"]).contains("no server is running"));
    let man = help(&[("LANG", "de_DE.UTF-8")], &["man"]);
    for heading in ["BEZEICHNUNG", "ÜBERSICHT", "BESCHREIBUNG", "OPTIONEN", "BEFEHLE", "BEISPIELE"] {
        assert!(man.contains(&format!("\n.SH {heading}\n")), "{heading}: {man}");
    }
    assert!(help(&[("LANG", "de_DE.UTF-8")], &["completions", "fish"]).contains("Konten: wer hier Mail hat"));
}

#[test]
fn a_message_is_sent_traced_held_and_cancelled() {
    let mut server = Server::start();
    let send = |to: &str| {
        let args = ["send", "--from", "owner@example.org", "--to", to, "--subject", "Grüße"];
        server.run(0, &args, "Hallo\n").trim().to_owned()
    };
    let inside = send("owner+x@example.org");
    let story = server.done(&["trace", &inside]);
    assert!(story.starts_with(&format!("{inside}  owner@example.org → owner+x@example.org  ")), "{story}");
    assert!(story.contains("delivered"), "{story}");
    let refused = server.run(3, &["send", "--from", "ben@example.net", "--to", "owner@example.org"], "x");
    assert!(refused.contains("nobody here may send as ben@example.net"), "{refused}");

    let outside = send("ben@elsewhere.test");
    let line = server.follow(&outside, "deferred");
    assert!(line.contains("ben@elsewhere.test"), "{line}");
    let items = server.json(&["queue", "list"]);
    assert_eq!((items.len(), &items[0]["queue_id"]), (1, &Value::from(outside.as_str())));
    assert_eq!(items[0]["next_hop"], "route:nowhere");
    assert_eq!(server.done(&["queue", "hold", &outside]), "1 delivery held\n");
    assert!(server.run(3, &["queue", "hold", &outside], "").contains("what matches is held already"));
    assert!(server.done(&["queue", "list", "--held"]).contains("by route:nowhere: "));
    assert!(server.run(2, &["queue", "retry"], "").contains("or --all"));
    assert!(server.done(&["queue", "show", &outside]).contains("1 try; held"));
    assert!(server.done(&["queue", "show", &outside, "--message"]).contains("Subject: =?UTF-8?B?"));
    assert_eq!(server.done(&["queue", "release", "--all"]), "1 delivery released\n");
    server.run(2, &["queue", "reroute", &outside, "http://example.org"], "");
    server.follow(&outside, "released");
    // Released is tried at once; what is held is not being tried.
    while server.json(&["queue", "list"])[0]["under_way"] == true {}
    server.done(&["queue", "hold", "--to", "ben@elsewhere.test"]);
    assert_eq!(
        server.done(&["queue", "reroute", &outside, "lmtp://127.0.0.1:1"]),
        "1 delivery rerouted to lmtp://127.0.0.1:1\n"
    );
    while server.json(&["queue", "list"])[0]["under_way"] == true {}
    assert!(server.run(2, &["queue", "cancel", &outside], "").contains("say --yes"));
    assert_eq!(server.done(&["queue", "cancel", &outside, "--yes"]), "1 delivery cancelled\n");
    assert!(server.run(3, &["queue", "list"], "").contains("the queue is empty"));
    let events: Vec<Value> =
        server.json(&["trace", &outside]).into_iter().map(|mut item| item["event"].take()).collect();
    for event in ["received", "deferred", "held", "released", "rerouted", "cancelled"] {
        assert!(events.contains(&event.into()), "{event}: {events:?}");
    }
    assert_eq!(server.json(&["trace", "--to", "ELSEWHERE", "--limit", "1"]).len(), events.len());
    let status = server.json(&["status"]).remove(0);
    assert_eq!((&status["hostname"], &status["queue"]["deliveries"]), (&"mail.example.org".into(), &0.into()));

    let process = rustix::process::Pid::from_child(&server.child);
    rustix::process::kill_process(process, rustix::process::Signal::TERM).unwrap();
    assert!(server.child.wait().unwrap().success());
    assert!(!server.folder.path().join("postamt-data/admin.sock").exists());
    assert!(server.said.fill_buf().unwrap().is_empty());
}
