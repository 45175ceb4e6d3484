//! Mail moves in from files and other servers, and out again, as its owner does it from the command line.

use super::house::{House, Server};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, UNIX_EPOCH};

const CONFIG: &str = r#"
hostname = "mail.example.org"
domains = ["example.org"]

[[listener]]
protocol = "imap"
address = "127.0.0.1:0"
plaintext_login = true

[[listener]]
protocol = "pop3"
address = "127.0.0.1:0"
plaintext_login = true
"#;

const ACCOUNTS: [&str; 4] = ["anna", "ben", "carla", "dora"];

fn start() -> (House, Server) {
    start_on("fjall")
}

fn start_on(backend: &str) -> (House, Server) {
    let account = |name| format!("[[account]]\naddress = \"{name}@example.org\"\npassword = \"of {name}\"\n");
    let accounts = ACCOUNTS.map(account).concat();
    let house = House::new(&format!("{CONFIG}{accounts}[store]\nbackend = \"{backend}\"\n"));
    let server = house.serve();
    (house, server)
}

impl House {
    /// Imports or exports; what is told of it.
    fn moved(&self, code: i32, verb: &str, name: &str, args: &[&str]) -> Value {
        let account = format!("{name}@example.org");
        self.json(code, &[&[verb, "--account", account.as_str()], args].concat())
    }

    fn fetch(&self, code: i32, to: &str, from: &str, args: &[&str]) -> String {
        self.fetch_by(code, "imap", (to, from), args)
    }

    fn fetch_by(&self, code: i32, protocol: &str, (to, from): (&str, &str), args: &[&str]) -> String {
        let account = format!("{to}@example.org");
        let url = format!("{protocol}://{from}%40example.org@{}", self.place(protocol));
        let args = [&["fetch", "--account", account.as_str(), url.as_str()], args].concat();
        self.run_with(code, &args, &format!("of {from}"))
    }

    fn messages(&self, name: &str) -> u64 {
        let accounts = self.list(&["account", "list"]);
        let account = accounts.iter().find(|account| account["address"] == format!("{name}@example.org"));
        account.unwrap()["messages"].as_u64().unwrap()
    }

    /// All of an account's mail: each mailbox's messages with flags and dates, without the numbers that differ.
    fn mail(&self, name: &str) -> BTreeMap<String, String> {
        let root = tempfile::tempdir().unwrap();
        self.moved(0, "export", name, &["--mbox", root.path().to_str().unwrap()]);
        let manifest: Value =
            serde_json::from_slice(&fs::read(root.path().join("postamt-export.json")).unwrap()).unwrap();
        let named = |path: &Path| {
            let path = path.strip_prefix(root.path()).unwrap().to_str().unwrap();
            manifest["names"][path].as_str().map_or(path.to_owned(), str::to_owned)
        };
        let files = files(root.path()).into_iter().filter(|path| !path.ends_with("postamt-export.json"));
        files
            .map(|path| (named(&path), plain(&fs::read(&path).unwrap())))
            .filter(|(_, text)| !text.is_empty())
            .collect()
    }
}

fn files(root: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(root).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

fn plain(mbox: &[u8]) -> String {
    let text = String::from_utf8_lossy(mbox);
    let line = |line: &str| match line.strip_prefix("X-Postamt-Export: ") {
        Some(note) => note.split(' ').skip(3).collect::<Vec<_>>().join(" "),
        None => match line.strip_prefix("X-Keywords: ") {
            Some(keywords) => {
                let mut keywords: Vec<&str> = keywords.split(' ').collect();
                keywords.sort_unstable();
                keywords.join(" ")
            }
            None => line.to_owned(),
        },
    };
    text.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

/// Tells the first line that differs rather than all of two accounts.
fn same(one: &BTreeMap<String, String>, other: &BTreeMap<String, String>) {
    assert!(one.keys().eq(other.keys()), "{:?}, {:?}", one.keys(), other.keys());
    for (name, text) in one {
        let lines = text.lines().zip(other[name].lines()).enumerate();
        let odd: Vec<_> = lines.filter(|(_, (one, other))| one != other).take(3).collect();
        assert!(odd.is_empty() && text.len() == other[name].len(), "{name}: {odd:?}");
    }
}

/// A Maildir with messages of all kinds.
fn maildir(root: &Path, odd_ms: u64) {
    let put = |folder: &str, name: &str, text: &[u8], at_ms: u64| {
        for part in ["cur", "new", "tmp"] {
            fs::create_dir_all(root.join(folder).join(part)).unwrap();
        }
        let path = root.join(folder).join(name);
        fs::write(&path, text).unwrap();
        fs::File::open(&path).unwrap().set_modified(UNIX_EPOCH + Duration::from_millis(at_ms)).unwrap();
    };
    let simple = |n: u32| format!("From: a@b.test\nSubject: {n}\nMessage-ID: <{n}@b.test>\n\ntext {n}\n").into_bytes();
    for n in 1..=40_u32 {
        let flags = ["", "S", "FS", "RSTa", "DPb"][n as usize % 5];
        put(
            "",
            &format!("cur/17000000{n:02}.M{n}.host:2,{flags}"),
            &simple(n),
            1_700_000_000_000 + odd_ms * u64::from(n),
        );
    }
    put("", "new/1700000050.x.host", b"Subject: new\n\n", 1_700_000_050_000);
    put("", "new/1700000051.x.host", b"Subject: new\n\n", 1_700_000_051_000);
    put("", "tmp/1700000052.half.host", b"Subject: ha", 1_700_000_052_000);
    put(".Sent Items", "cur/1.a:2,S", b"Subject: sent\n\nFrom here\n>From there\n", 1_600_000_000_000);
    put(".Entw&APw-rfe.2024", "cur/1.b:2,D", b"Subject: draft\n\nno end", 1_600_000_001_000);
    put("v1.2/deep", "cur/1.c:2,", b"Subject: raw\r\n\r\nbare \n and \r here\r\n", 1_600_000_002_000);
    put("end.mbox", "cur/1.d,S=17,W=17:2,", b"Subject: d\n\n\r\rx\r\n", 1_600_000_003_000);
    put(".Old", "cur/1.f:2,S", b"Subject: old\n\nDone\n", 0);
    put("large", "cur/1.e:2,S", &[simple(99), vec![b'x'; 900], simple(1).repeat(2000)].concat(), 1_600_000_004_000);
    let before_the_epoch = UNIX_EPOCH - Duration::from_millis(284_083_200_000 - odd_ms);
    fs::File::open(root.join(".Old/cur/1.f:2,S")).unwrap().set_modified(before_the_epoch).unwrap();
    fs::write(root.join("dovecot-keywords"), "0 Arbeit\n1 $Wichtig\n").unwrap();
}

#[test]
fn what_goes_in_comes_out_again_in_every_format() {
    let (house, _server) = start();
    let [source, eml] = ["source", "letter.eml"].map(|name| house.path(name));
    maildir(&source, 7);
    let told = house.moved(0, "import", "anna", &["--maildir", source.to_str().unwrap()]);
    assert_eq!((&told["added"], &told["failed"]), (&48.into(), &0.into()), "{told}");
    fs::write(&eml, "Date: Tue, 2 Jan 2024 03:04:05 +0100\r\nSubject: out\r\n\r\n").unwrap();
    for name in ["C:out", "a\\b/.c", &"x".repeat(300)] {
        house.moved(0, "import", "anna", &["--eml", eml.to_str().unwrap(), "--into", name]);
    }
    let mail = house.mail("anna");
    assert!(mail["INBOX.mbox"].contains("X-Status: FT\n") || mail["INBOX.mbox"].contains("Status: RO\n"));
    assert!(mail["C:out"].starts_with("From MAILER-DAEMON Tue Jan  2 02:04:05 2024\n"), "{:?}", mail["C:out"]);
    assert!(mail.contains_key("Sent.mbox") && mail.contains_key("Entwürfe/2024.mbox"), "{:?}", mail.keys());
    for (format, name) in [("--maildir", "ben"), ("--mbox", "carla"), ("--eml", "dora")] {
        let place = house.path(&format!("export-{name}"));
        let place = place.to_str().unwrap();
        let told = house.moved(0, "export", "anna", &[format, place]);
        assert_eq!(told["added"], 51, "{told}");
        let before = files(Path::new(place));
        let again = house.moved(0, "export", "anna", &[format, place]);
        assert_eq!((&again["added"], &again["known"]), (&0.into(), &51.into()));
        assert_eq!(files(Path::new(place)), before);
        let told = house.moved(0, "import", name, &[format, place]);
        assert_eq!((&told["added"], &told["failed"]), (&51.into(), &0.into()), "{told}");
        same(&house.mail(name), &mail);
        let told = house.moved(0, "import", name, &[format, place]);
        assert_eq!((&told["added"], &told["known"]), (&0.into(), &51.into()), "{told}");
        let other = house.run(1, &["export", "--account", "ben@example.org", "--eml", place]);
        assert!(other.contains("holds an export of anna@example.org"), "{other}");
    }
    house.run(3, &["export", "--account", "anna@example.org", "--mbox", "some", "--mailbox", "Nowhere"]);
    // New mail is added to what is there.
    house.moved(0, "import", "anna", &["--eml", eml.to_str().unwrap()]);
    let told = house.moved(0, "export", "anna", &["--mbox", house.path("export-carla").to_str().unwrap()]);
    assert_eq!((&told["added"], &told["known"]), (&1.into(), &51.into()));
}

#[test]
fn an_import_that_was_killed_goes_on_and_doubles_nothing() {
    import_is_killed_and_goes_on("fjall");
}

#[test]
fn an_import_that_was_killed_goes_on_with_redb_too() {
    let (house, _server) = import_is_killed_and_goes_on("redb");
    let copy = house.path("copy");
    let told = house.moved(0, "export", "anna", &["--maildir", copy.to_str().unwrap()]);
    assert_eq!(told["added"], house.messages("anna"));
    assert!(house.path("postamt-data/store/rows.redb").exists());
    assert_eq!(house.run(0, &["status"]).matches("well").count(), 1);
}

fn import_is_killed_and_goes_on(backend: &str) -> (House, Server) {
    let (house, mut server) = start_on(backend);
    let source = house.path("source");
    fs::create_dir_all(source.join("cur")).unwrap();
    const MESSAGES: u64 = 3000;
    for n in 0..MESSAGES {
        fs::write(source.join(format!("cur/{n}.x:2,S")), format!("Subject: {n}\n\n{}", "text\n".repeat(50))).unwrap();
    }
    let begin = || {
        let mut command = house.command(&["import", "--account", "anna@example.org", "--maildir", "source"]);
        command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let mut client = begin();
    while house.messages("anna") == 0 {}
    client.kill().unwrap();
    client.wait().unwrap();
    let first = house.messages("anna");
    let mut client = begin();
    while house.messages("anna") <= first && house.messages("anna") < MESSAGES {}
    server.kill();
    let server = house.serve();
    let (mut text, mut said) = (String::new(), client.stderr.take().unwrap());
    said.read_to_string(&mut text).unwrap();
    let ended = client.wait().unwrap();
    // It may have been done, or not yet begun.
    assert!(ended.success() || text.contains("server") && ended.code() == Some(1), "{text}");
    let before = house.messages("anna");
    let told = house.moved(0, "import", "anna", &["--maildir", source.to_str().unwrap()]);
    assert_eq!(told["added"].as_u64().unwrap() + before, MESSAGES, "{told}");
    assert_eq!(told["known"].as_u64(), Some(before));
    assert_eq!(house.messages("anna"), MESSAGES);
    (house, server)
}

#[test]
fn what_cannot_be_read_is_named_and_the_rest_goes_on() {
    let (house, _server) = start();
    let source = house.path("source");
    fs::create_dir_all(source.join("cur")).unwrap();
    fs::write(source.join("cur/1.good:2,"), "Subject: good\n\n").unwrap();
    fs::write(source.join("cur/2.empty:2,"), "").unwrap();
    fs::write(source.join("cur/3.zip:2,"), b"\x1f\x8b\x08xxx").unwrap();
    std::os::unix::fs::symlink("/etc/hostname", source.join("cur/4.link:2,")).unwrap();
    std::os::unix::fs::symlink("/etc", source.join(".Etc")).unwrap();
    let told = house.moved(1, "import", "anna", &["--maildir", source.to_str().unwrap()]);
    assert_eq!((&told["added"], &told["failed"]), (&1.into(), &4.into()), "{told}");
    let causes: Vec<&str> = told["failures"].as_array().unwrap().iter().map(|f| f["cause"].as_str().unwrap()).collect();
    let expected = ["symbolic link", "empty", "compressed", "symbolic link"];
    assert!(causes.iter().zip(expected).all(|(cause, part)| cause.contains(part)), "{causes:?}");
    let told = house.run(1, &["import", "--account", "anna@example.org", "--maildir", "/etc/ssl"]);
    assert!(told.contains("is no Maildir"), "{told}");
    let boxes = || house.list(&["account", "list"]).len() + house.mail("anna").len();
    let before = boxes();
    let text = house.run(1, &["import", "--account", "anna@example.org", "--mbox", "postamt.toml"]);
    assert!(text.contains("postamt.toml") && boxes() == before, "no mailbox is made for it: {text}");
    // As of MH.
    fs::create_dir(house.path("mh")).unwrap();
    fs::write(house.path("mh/1"), "Subject: 1\n\n").unwrap();
    let text = house.run(1, &["import", "--account", "anna@example.org", "--eml", "mh"]);
    assert!(text.contains(".eml"), "{text}");
    house.run(3, &["import", "--account", "nobody@example.org", "--eml", "x"]);
    house.run(2, &["import", "--account", "anna@example.org"]);
    house.run_with(0, &["account", "add", "small@example.org", "--quota", "2 KiB"], "secret");
    for n in 0..20 {
        fs::write(source.join(format!("cur/9.{n}:2,")), format!("Subject: {n}\n\n{}", "x".repeat(500))).unwrap();
    }
    let full = house.run(1, &["import", "--account", "small@example.org", "--maildir", "source"]);
    assert!(full.contains("stopped: over quota"), "{full}");
}

#[test]
fn mail_is_fetched_from_another_server_once() {
    let (house, _server) = start();
    let source = house.path("source");
    // IMAP knows no parts of seconds.
    maildir(&source, 0);
    house.moved(0, "import", "anna", &["--maildir", source.to_str().unwrap()]);
    let mail = house.mail("anna");
    let unsafe_ = house.fetch(1, "ben", "anna", &[]);
    assert!(unsafe_.contains("TLS with") && unsafe_.contains("--tls-fingerprint"), "{unsafe_}");
    let wrong = house.fetch(1, "ben", "anna", &["--tls-fingerprint", &"0".repeat(64)]);
    let shown = wrong.split("has the fingerprint ").nth(1).unwrap().split(',').next().unwrap();
    let some = house.fetch(0, "ben", "anna", &["--tls-fingerprint", shown, "--mailbox", "Sent"]);
    assert!(some.starts_with("1 added"), "{some}");
    let rest = house.fetch(0, "ben", "anna", &["--tls-any"]);
    assert!(rest.starts_with("47 added") && rest.contains("1 there before"), "{rest}");
    same(&house.mail("ben"), &mail);
    // Nothing is marked there.
    same(&house.mail("anna"), &mail);
    let nothing = house.fetch(0, "ben", "anna", &["--insecure", "--delete"]);
    assert!(nothing.starts_with("0 added") && nothing.contains("48 there before"), "{nothing}");
    assert_eq!((house.messages("anna"), house.messages("ben")), (0, 48));
    let into = house.fetch(0, "carla", "ben", &["--insecure", "--into", "Old"]);
    assert!(into.starts_with("48 added"), "{into}");
    let account = ["fetch", "--account", "carla@example.org"];
    let denied =
        house.run_with(1, &[&account[..], &[&format!("imap://x@{}", house.place("imap")), "--insecure"]].concat(), "x");
    assert!(denied.contains("does not let x in"), "{denied}");
    let remote = house.run_with(1, &[&account[..], &["imap://x@192.0.2.1", "--insecure"]].concat(), "x");
    assert!(remote.contains("is not on this machine"), "{remote}");
}

#[test]
fn a_maildrop_is_fetched_once_and_emptied_when_that_is_wanted() {
    let (house, _server) = start();
    let source = house.path("source");
    // POP3 has neither flags nor dates; a message tells its own.
    for n in 0..30 {
        fs::create_dir_all(source.join("cur")).unwrap();
        let text = format!("Date: Tue, 2 Jan 2024 03:04:{n:02} +0100\nSubject: {n}\n\n.dot\n..\n.\nend {n}\n");
        fs::write(source.join(format!("cur/17000000{n:02}.x:2,")), text).unwrap();
    }
    house.moved(0, "import", "anna", &["--maildir", source.to_str().unwrap(), "--dates", "header"]);
    let pop3 = |to, from, args: &[&str]| house.fetch_by(0, "pop3", (to, from), args);
    let mail = house.mail("anna");
    let first = pop3("ben", "anna", &["--tls-any"]);
    assert!(first.starts_with("30 added"), "{first}");
    same(&house.mail("ben"), &mail);
    let again = pop3("ben", "anna", &["--insecure", "--delete"]);
    assert!(again.starts_with("0 added") && again.contains("30 there before"), "{again}");
    assert_eq!((house.messages("anna"), house.messages("ben")), (0, 30));
    let into = pop3("carla", "ben", &["--insecure", "--into", "Old", "--delete"]);
    assert!(into.starts_with("30 added"), "{into}");
    assert_eq!((house.messages("ben"), house.messages("carla")), (0, 30));
    let denied = house.fetch_by(1, "pop3", ("ben", "nobody"), &["--insecure"]);
    assert!(denied.contains("does not let nobody@example.org in"), "{denied}");
    house.run_with(2, &["fetch", "--account", "ben@example.org", "pop3://x@localhost", "--mailbox", "INBOX"], "x");
}
