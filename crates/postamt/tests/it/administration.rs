//! A server of one's own, administered from the command line as its owner does it.

use super::house::{House, Server, line_with};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

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

fn start() -> (House, Server) {
    let house = House::new(CONFIG);
    let server = house.serve();
    (house, server)
}

impl House {
    /// Follows the trace until something happens to a message.
    fn follow(&self, id: &str, event: &str) -> String {
        let mut child = self.command(&["trace", id, "--follow"]).stdout(Stdio::piped()).spawn().unwrap();
        let line = line_with(event, &mut BufReader::new(child.stdout.take().unwrap()));
        child.kill().unwrap();
        child.wait().unwrap();
        line
    }
}

#[test]
fn without_a_server_a_command_says_what_to_do() {
    let house = House::empty();
    for args in [&["status"][..], &["queue", "list"], &["account", "list", "--data", "postamt-demo"]] {
        let expected = "postamt: no server is running on postamt-demo; start it with: postamt serve --config FILE\n";
        assert_eq!(house.run(1, args), expected);
    }
    let told = house.run(2, &["status", "--config", "none.toml"]);
    assert!(told.contains("none.toml"), "{told}");
}

#[test]
fn people_are_added_changed_and_removed() {
    let (house, _server) = start();
    assert_eq!(
        house.run(0, &["domain", "add", "example.net"]),
        "example.net is added; mail to it is taken from now on\n"
    );
    let again = house.run(1, &["domain", "add", "example.net"]);
    assert!(again.contains("the domain example.net is there already"), "{again}");
    let added = house.run_with(0, &["account", "add", "carla@example.net", "--quota", "5 MiB"], "geheim\n");
    assert_eq!(added, "carla@example.net is added\n");
    let made = house.run(0, &["account", "add", "dora@example.net", "--generate"]);
    assert!(made.starts_with("dora@example.net is added\nits password is "), "{made}");
    let unknown = house.run_with(3, &["account", "password", "clara@example.net"], "neu");
    assert!(unknown.contains("did you mean carla@example.net?"), "{unknown}");
    let empty = house.run(2, &["account", "password", "carla@example.net"]);
    assert!(empty.contains("the password is empty"), "{empty}");
    house.run_with(0, &["account", "password", "carla@example.net"], "neu");
    let on = house.run(0, &["account", "apop", "carla@example.net", "--on", "--generate"]);
    assert!(on.starts_with("carla@example.net may log in by APOP; its secret for that is stored readable\n"), "{on}");
    assert_eq!(house.list(&["account", "list"]).iter().filter(|account| account["apop"] == true).count(), 1);
    let off = house.run_with(0, &["account", "password", "carla@example.net"], "neuer");
    assert!(off.contains("APOP is off now"), "{off}");
    house.run_with(0, &["account", "apop", "carla@example.net", "--on"], "sesam");
    house.run(0, &["account", "apop", "carla@example.net", "--off"]);
    house.run(2, &["account", "apop", "carla@example.net"]);
    house.run(0, &["account", "disable", "carla@example.net"]);
    house.run(1, &["account", "disable", "owner@example.org"]);
    house.run(0, &["alias", "add", "sales@example.net", "carla@example.net", "x@elsewhere.test"]);
    let accounts = house.list(&["account", "list"]);
    assert_eq!(accounts.len(), 3);
    let carla = accounts.iter().find(|account| account["address"] == "carla@example.net").unwrap();
    assert_eq!((&carla["enabled"], &carla["quota_octets"]), (&false.into(), &(5u64 << 20).into()));
    assert_eq!(house.list(&["alias", "list"])[0]["targets"][1], "x@elsewhere.test");
    house.run(1, &["domain", "remove", "example.net"]);
    house.run(0, &["domain", "set", "example.net", "--catch-all", "carla@example.net", "--separators", "-"]);
    let domains = house.run(0, &["domain", "list"]);
    assert!(domains.contains("all other mail to carla@example.net; separators -\n"), "{domains}");
    house.run(0, &["domain", "set", "example.net", "--no-catch-all"]);
    house.run(0, &["alias", "remove", "sales@example.net"]);
    house.run(0, &["account", "remove", "carla@example.net"]);
    house.run(0, &["account", "remove", "dora@example.net"]);
    house.run(0, &["domain", "remove", "example.net"]);
    let back =
        house.run(0, &["domain", "add", "example.net"]) + &house.run(0, &["account", "restore", "carla@example.net"]);
    assert!(back.contains("carla@example.net is there again, with its mail"), "{back}");
}

#[test]
fn who_asks_in_german_is_answered_in_german() {
    let (house, _server) = start();
    let check = |code, args: &str, input: &str, expected: &str| {
        let args: Vec<&str> = args.split(' ').chain(["--language", "de"]).collect();
        let text = house.run_with(code, &args, input);
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
    let house = House::empty();
    let help = |variables: &[(&str, &str)], args: &[&str]| {
        let mut command = house.command(args);
        let output = command.env_remove("LC_ALL").envs(variables.iter().copied()).output().unwrap();
        String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
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
    let (house, mut server) = start();
    let send = |to: &str| {
        let args = ["send", "--from", "owner@example.org", "--to", to, "--subject", "Grüße"];
        house.run_with(0, &args, "Hallo\n").trim().to_owned()
    };
    let inside = send("owner+x@example.org");
    let story = house.run(0, &["trace", &inside]);
    assert!(story.starts_with(&format!("{inside}  owner@example.org → owner+x@example.org  ")), "{story}");
    assert!(story.contains("delivered"), "{story}");
    let refused = house.run_with(3, &["send", "--from", "ben@example.net", "--to", "owner@example.org"], "x");
    assert!(refused.contains("nobody here may send as ben@example.net"), "{refused}");

    let outside = send("ben@elsewhere.test");
    let line = house.follow(&outside, "deferred");
    assert!(line.contains("ben@elsewhere.test"), "{line}");
    let items = house.list(&["queue", "list"]);
    assert_eq!((items.len(), &items[0]["queue_id"]), (1, &Value::from(outside.as_str())));
    assert_eq!(items[0]["next_hop"], "route:nowhere");
    assert_eq!(house.run(0, &["queue", "hold", &outside]), "1 delivery held\n");
    assert!(house.run(3, &["queue", "hold", &outside]).contains("what matches is held already"));
    assert!(house.run(0, &["queue", "list", "--held"]).contains("by route:nowhere: "));
    assert!(house.run(2, &["queue", "retry"]).contains("or --all"));
    assert!(house.run(0, &["queue", "show", &outside]).contains("1 try; held"));
    assert!(house.run(0, &["queue", "show", &outside, "--message"]).contains("Subject: =?UTF-8?B?"));
    assert_eq!(house.run(0, &["queue", "release", "--all"]), "1 delivery released\n");
    house.run(2, &["queue", "reroute", &outside, "http://example.org"]);
    house.follow(&outside, "released");
    // Released is tried at once; what is held is not being tried.
    while house.list(&["queue", "list"])[0]["under_way"] == true {}
    house.run(0, &["queue", "hold", "--to", "ben@elsewhere.test"]);
    assert_eq!(
        house.run(0, &["queue", "reroute", &outside, "lmtp://127.0.0.1:1"]),
        "1 delivery rerouted to lmtp://127.0.0.1:1\n"
    );
    while house.list(&["queue", "list"])[0]["under_way"] == true {}
    assert!(house.run(2, &["queue", "cancel", &outside]).contains("say --yes"));
    assert_eq!(house.run(0, &["queue", "cancel", &outside, "--yes"]), "1 delivery cancelled\n");
    assert!(house.run(3, &["queue", "list"]).contains("the queue is empty"));
    let events: Vec<Value> =
        house.list(&["trace", &outside]).into_iter().map(|mut item| item["event"].take()).collect();
    for event in ["received", "deferred", "held", "released", "rerouted", "cancelled"] {
        assert!(events.contains(&event.into()), "{event}: {events:?}");
    }
    assert_eq!(house.list(&["trace", "--to", "ELSEWHERE", "--limit", "1"]).len(), events.len());
    let status = house.list(&["status"]).remove(0);
    assert_eq!((&status["hostname"], &status["queue"]["deliveries"]), (&"mail.example.org".into(), &0.into()));

    server.stop();
    assert!(!house.path("postamt-data/admin.sock").exists());
    assert!(server.said.fill_buf().unwrap().is_empty());
}
