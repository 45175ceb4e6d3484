//! The configuration changes while people are connected.

use super::connection::Connection;
use super::house::{House, Server, line_with};
use rustix::process::Signal;
use serde_json::Value;
use std::io::BufReader;
use std::net::{TcpListener, TcpStream};
use std::process::Stdio;

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

#[test]
fn people_and_listeners_come_and_go_under_those_who_are_connected() {
    let house = House::new(&[HEAD, IMAP, SMTP, &account("anna")].concat());
    let _server = house.serve();
    let (imap, smtp) = (house.place("imap"), house.place("smtp"));
    let (mut anna, greeting) = Connection::open(&imap);
    assert!(greeting.contains("AUTH=SCRAM-SHA-256"), "{greeting}");
    anna.log_in("anna");
    let (mut early, _) = Connection::open(&smtp);

    house.configure(&[HEAD, IMAP, POP3, &account("anna"), &account("ben"), MOVED].concat());
    let done = house.json(0, &["reload"]);
    assert_eq!((&done["file"], &done["mistakes"]), (&"postamt.toml".into(), &Value::Array(vec![])));
    assert_eq!((&done["accounts"], &done["domains"]), (&3.into(), &1.into()));
    assert_eq!([&done["opened"], &done["closed"]].map(|listeners| listeners.as_array().unwrap().len()), [1, 1]);
    assert_eq!((&done["opened"][0]["protocol"], &done["closed"][0]["address"]), (&"pop3".into(), &smtp.clone().into()));
    assert_eq!((&done["changed"], done["certificates"][0]["names"].is_array()), (&Value::Array(vec![]), true));

    anna.ask("SELECT INBOX");
    let (mut ben, greeting) = Connection::open(&imap);
    assert!(!greeting.contains("SCRAM"), "not all can: {greeting}");
    ben.log_in("ben");
    assert!(Connection::open(&house.place("pop3")).1.starts_with("+OK"));
    while TcpStream::connect(&smtp).is_ok() {}
    assert!(early.line().starts_with("421 "));
    assert!(early.line().is_empty());

    house.configure(&[HEAD, &IMAP.replace("true", "false"), POP3, &account("anna")].concat());
    let told = house.run(0, &["reload", "--config", "postamt.toml"]);
    assert!(told.starts_with("postamt.toml is in effect\n"), "{told}");
    assert!(told.contains(&format!("  changed      imap on {imap} (STARTTLS)\n")), "{told}");
    assert!(told.contains("  declared     1 account, 1 domain\n"), "{told}");
    let (mut late, greeting) = Connection::open(&imap);
    assert!(greeting.contains("LOGINDISABLED"), "{greeting}");
    let told = late.answer("LOGIN anna@example.org \"of anna\"");
    assert!(told[0].starts_with("a NO"), "{told:?}");
    anna.ask("NOOP");
}

#[test]
fn what_is_wrong_changes_nothing_and_is_told() {
    let good = [HEAD, IMAP, &account("anna")].concat();
    let house = House::new(&good);
    let _server = house.serve();
    let imap = house.place("imap");

    house.configure(&["hostnam = \"x\"\n", IMAP, SMTP, &account("ben"), "pasword = \"x\"\n"].concat());
    let told = house.run(2, &["reload"]);
    assert!(told.contains("nothing has changed"), "{told}");
    assert!(told.contains("postamt.toml:1: hostnam: ") && told.contains("postamt.toml:12: "), "{told}");
    assert!(told.contains("pasword"), "{told}");
    let mistakes = house.json(2, &["reload"]);
    assert!(mistakes["mistakes"].as_array().unwrap().len() >= 2, "{mistakes}");
    assert_eq!((&mistakes["file"], &mistakes["mistakes"][0]["line"]), (&"postamt.toml".into(), &1.into()));
    house.configure("hostname = \n");
    assert_eq!(house.json(2, &["reload"])["mistakes"][0]["line"], 1);

    house.configure(&["data = \"elsewhere\"\n", &good].concat());
    let told = house.run(1, &["reload", "--data", "postamt-data"]);
    assert!(told.contains("`data` is elsewhere in the file, while the server runs with postamt-data"), "{told}");

    house.configure(&[&good, "[store]\nbackend = \"redb\"\n"].concat());
    let told = house.run(1, &["reload"]);
    assert!(told.contains("`backend` is redb in the file, while the server runs with fjall"), "{told}");

    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = taken.local_addr().map(|address| (taken, address.to_string())).unwrap();
    house.configure(&[&good, POP3, &SMTP.replace("127.0.0.1:0", &taken.1)].concat());
    let told = house.run(1, &["reload"]);
    assert!(told.contains(&format!("cannot listen on {}", taken.1)), "{told}");

    let everywhere = imap.replace("127.0.0.1", "0.0.0.0");
    house.configure(&[HEAD, POP3.replace("127.0.0.1:0", &everywhere).as_str(), &account("anna")].concat());
    let told = house.run(1, &["reload"]);
    assert!(told.contains(&format!("own listener (imap on {imap} (STARTTLS)) has the port")), "{told}");

    let status = house.json(0, &["status"]);
    assert_eq!((&status["hostname"], &status["accounts"]), (&"mail.example.org".into(), &1.into()));
    assert_eq!(status["listeners"].as_array().unwrap().len(), 1);
    Connection::imap(&house, "anna");
}

#[test]
fn the_signal_does_the_same() {
    let house = House::new(&[HEAD, IMAP, &account("anna")].concat());
    let mut server = house.serve_with_events(Stdio::piped());
    let mut events = BufReader::new(server.child.stderr.take().unwrap());
    let mut event = |name: &str| {
        let event = line_with(&format!("\"event\":\"{name}\""), &mut events);
        serde_json::from_str::<Value>(&event).unwrap()
    };
    let imap = house.place("imap");
    let (mut anna, _) = Connection::open(&imap);
    anna.log_in("anna");
    house.configure(&[HEAD, IMAP, POP3, &account("anna"), &account("ben")].concat());
    server.signal(Signal::HUP);
    let done = event("reload.done");
    assert_eq!((&done["opened"], &done["closed"], &done["accounts"]), (&1.into(), &0.into(), &2.into()));
    Connection::imap(&house, "ben");
    house.configure("hostnam = \"x\"\nport = 1\n");
    server.signal(Signal::HUP);
    let refused = [event("reload.refused"), event("reload.refused")];
    assert!(refused[0]["mistake"].as_str().unwrap().starts_with("postamt.toml:1: hostnam: "), "{refused:?}");
    assert!(refused[1]["mistake"].as_str().unwrap().starts_with("postamt.toml:2: port: "), "{refused:?}");
    anna.ask("NOOP");
}

#[test]
fn the_demo_reads_its_certificates_anew() {
    let house = House::empty();
    let _demo = Server::start(house.command(&["demo"]).stderr(Stdio::null()), "Ctrl-C");
    let told = house.run(0, &["reload"]);
    assert!(told.starts_with("there is no configuration file; the certificates were read anew\n"), "{told}");
    assert!(told.contains("  certificate  for demo.test, localhost"), "{told}");
}
