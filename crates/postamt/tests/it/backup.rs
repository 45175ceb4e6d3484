//! Everything is taken while mail comes in, judged, and brought back: as an administrator does it from the command line.

use super::connection::Connection;
use super::house::{House, Server, flip, has};
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
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

impl House {
    fn backup(&self, code: i32, args: &[&str]) -> Value {
        self.json(code, &[&["backup"], args].concat())
    }

    /// What IMAP says of an account: for each mailbox that has any, its messages with flags, dates and octets.
    fn seen(&self, name: &str) -> Vec<String> {
        let mut imap = Connection::imap(self, name);
        let mut mail = Vec::new();
        for line in imap.ask("LIST \"\" *").iter().filter(|line| line.starts_with("* LIST")) {
            let mailbox = line.rsplit(' ').next().unwrap();
            imap.ask(&format!("EXAMINE {mailbox}"));
            let fetched = imap.ask("UID FETCH 1:* (FLAGS INTERNALDATE RFC822.SIZE BODY.PEEK[])");
            let fetched = fetched.into_iter().filter(|line| !line.starts_with("a "));
            mail.extend(fetched.map(|line| {
                format!("{mailbox} {}", line.replace(r"\Recent ", "").replace(r" \Recent", "").replace(r"\Recent", ""))
            }));
        }
        mail
    }
}

/// Of these people, each message in each mailbox with flags, date and octets, without its number.
fn mail_of(house: &House, people: &[&str]) -> Vec<Vec<String>> {
    let of_one = |name: &&str| {
        let seen = house.seen(name).join("\n");
        let mut mail: Vec<String> = Vec::new();
        for line in seen.lines() {
            match line.split_once(" FETCH (UID ").and_then(|(mailbox, rest)| Some((mailbox, rest.split_once(' ')?.1))) {
                Some((mailbox, rest)) => mail.push(format!("{} {rest}", mailbox.split_once(' ').unwrap().0)),
                None => mail.last_mut().unwrap().push_str(line),
            }
        }
        mail.sort();
        mail
    };
    people.iter().map(of_one).collect()
}

/// Delivers a message; the first line of its text is its subject.
fn deliver(lmtp: &str, to: &str, text: &str) {
    let mut stream = BufReader::new(TcpStream::connect(lmtp).unwrap());
    let name = text.lines().next().unwrap();
    let message =
        format!("From: c@example.net\r\nMessage-ID: <{name}@x>\r\nSubject: {name}\r\n\r\nThis is {text}.\r\n.");
    let (from, to) = ("MAIL FROM:<c@example.net>", format!("RCPT TO:<{to}@example.org>"));
    let mut line = String::new();
    stream.read_line(&mut line).unwrap();
    for (command, code) in
        [("LHLO x", "250"), (from, "250"), (&to, "250"), ("DATA", "354"), (&message, "250"), ("QUIT", "221")]
    {
        // In one piece: a second one would wait for the answer to the first.
        stream.get_mut().write_all(format!("{command}\r\n").as_bytes()).unwrap();
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
fn under_load<T>(house: &House, work: impl FnOnce() -> T) -> T {
    let (lmtp, ended, delivered) = (house.place("lmtp"), AtomicBool::new(false), AtomicUsize::new(0));
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

/// Some 100 KB of lines that no compression makes much smaller.
fn incompressible() -> String {
    let next = |x: &u64| Some(x.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407)); // Knuth's MMIX
    std::iter::successors(Some(1), next).take(6000).map(|x: u64| format!("{x:016x}\r\n")).collect::<String>() + "End"
}

/// Some mail: small, large, flagged, in two mailboxes.
fn filled() -> (House, Server) {
    let house = House::new(CONFIG);
    let server = house.serve();
    let lmtp = house.place("lmtp");
    for n in 0..30 {
        deliver(&lmtp, "anna", &format!("letter{n}"));
    }
    deliver(&lmtp, "anna", &format!("large\r\n{}", incompressible()));
    let mut imap = Connection::imap(&house, "anna");
    imap.ask("CREATE Kept");
    imap.ask("SELECT INBOX");
    imap.ask(r"STORE 1:10 +FLAGS (\Seen $Forwarded)");
    imap.ask("COPY 3:5 Kept");
    imap.ask("MOVE 6 Kept");
    (house, server)
}

#[test]
fn taken_under_load_it_is_good_and_restores_the_same_mail() {
    let (house, mut server) = filled();
    let first = under_load(&house, || house.backup(0, &["create", "B"]));
    assert_eq!(first["objects"], first["objects_new"]);
    let second = under_load(&house, || house.backup(0, &["create", "B"]));
    assert!(second["objects_new"].as_u64() < second["objects"].as_u64(), "{second}");
    let anna = house.seen("anna");
    assert!(anna.len() > 60 && anna.iter().any(|line| line.contains("$Forwarded")), "{anna:?}");
    let verdict = house.backup(0, &["verify", "B"]);
    assert_eq!((&verdict["good"], &verdict["restored"]), (&true.into(), &true.into()));
    assert_eq!(house.list(&["backup", "list", "B"]).len(), 2);
    let text = house.run(1, &["backup", "restore", "B", "--to", "postamt-data"]);
    assert!(text.contains("is not empty") && !text.contains("damaged"), "{text}");
    server.kill();
    let ben = second["backup"].as_str().unwrap().to_owned();
    fs::rename(house.path("postamt-data"), house.path("old")).unwrap();
    house.backup(0, &["restore", "B", "--backup", &ben, "--to", "postamt-data"]);
    let _server = house.serve();
    assert_eq!(house.seen("anna"), anna);
    let ben = house.seen("ben").into_iter().filter(|line| line.contains("This is load")).count();
    assert!(ben > 0);
    deliver(&house.place("lmtp"), "anna", "new");
    let mut imap = Connection::imap(&house, "anna");
    imap.ask("SELECT INBOX");
    let uid = imap.ask("UID SEARCH SUBJECT new").swap_remove(0);
    let uid: u32 = uid.rsplit(' ').next().unwrap().parse().unwrap();
    assert!(uid > 1_000_000, "no UID of before the restore is given out again: {uid}");
}

#[test]
fn what_is_missing_comes_back_once() {
    let (house, _server) = filled();
    let anna = house.seen("anna");
    house.backup(0, &["create", "B"]);
    let mut imap = Connection::imap(&house, "anna");
    imap.ask("SELECT INBOX");
    imap.ask(r"STORE 1:3 +FLAGS (\Deleted)");
    imap.ask("EXPUNGE");
    imap.ask("MOVE 1 Kept"); // it is there, though elsewhere
    let restore = ["restore", "B", "--account", "anna@example.org"];
    let told = house.backup(0, &restore);
    assert_eq!((&told["added"], &told["failed"]), (&2.into(), &0.into()), "one of the three lies in Kept too: {told}");
    assert_eq!(house.backup(0, &restore)["added"], 0);
    let bodies = |mail: &[String]| mail.iter().filter(|line| line.contains("This is")).count();
    assert_eq!(bodies(&house.seen("anna")), bodies(&anna) - 1, "each is there again");
    let flagged = house.seen("anna").iter().filter(|line| line.contains("$Forwarded")).count();
    assert_eq!(flagged, anna.iter().filter(|line| line.contains("$Forwarded")).count() - 1);
    // Who deletes it again may have it back again.
    imap.ask("SELECT INBOX");
    imap.ask(r"STORE * +FLAGS (\Deleted)");
    imap.ask("EXPUNGE");
    assert_eq!(house.backup(0, &restore)["added"], 1);
    let beside = [&restore[..], &["--mailbox", "inbox", "--into", "Old"]].concat();
    assert_eq!(house.backup(0, &beside)["added"], 30);
    let one = [&restore[..], &["--message", "M7", "--into", "One"]].concat();
    assert_eq!(house.backup(0, &one)["added"], 1);
    let ben = [&restore[..], &["--to-account", "ben@example.org"]].concat();
    assert_eq!(house.backup(0, &ben)["added"], 34);
    house.run(3, &["backup", "restore", "B", "--account", "nobody@example.org"]);
    house.run(3, &["backup", "restore", "B", "--account", "anna@example.org", "--mailbox", "None"]);
}

#[test]
fn any_moment_between_two_backups_can_be_had() {
    let (house, _server) = filled();
    house.backup(0, &["create", "B"]);
    deliver(&house.place("lmtp"), "anna", "between");
    let mut imap = Connection::imap(&house, "anna");
    imap.ask("SELECT INBOX");
    let before_end = moment();
    imap.ask(r"STORE 1:* +FLAGS (\Flagged)");
    imap.ask(r"STORE 1:5 +FLAGS (\Deleted)");
    imap.ask("EXPUNGE");
    let text = house.run(3, &["backup", "restore", "B", "--account", "anna@example.org", "--as-of", &before_end]);
    assert!(text.contains("the newest backup is of") && text.contains("then this again"), "{text}");
    house.backup(0, &["create", "B"]);
    let restore = ["restore", "B", "--account", "anna@example.org", "--as-of", &before_end, "--into", "Then"];
    let told = house.backup(0, &restore);
    assert_eq!((&told["added"], &told["failed"]), (&35.into(), &0.into()), "{told}");
    imap.ask("SELECT Then/INBOX");
    assert_eq!(imap.ask("SEARCH FLAGGED")[0], "* SEARCH");
    assert_eq!(imap.ask("SEARCH SUBJECT between")[0], "* SEARCH 31");
}

#[test]
fn everything_as_of_a_moment_is_the_backup_before_and_what_came_in_between() {
    let (house, mut server) = filled();
    let before_all = moment();
    let first = house.backup(0, &["create", "B"]);
    deliver(&house.place("lmtp"), "anna", "in between");
    deliver(&house.place("lmtp"), "ben", "in between");
    let between = moment();
    deliver(&house.place("lmtp"), "anna", "later");
    let second = house.backup(0, &["create", "B"]);
    server.kill();
    let restore = |code, at: &str, to: &str| house.run(code, &["backup", "restore", "B", "--as-of", at, "--to", to]);
    let text = restore(3, &before_all, "none");
    assert!(text.contains(&format!("the oldest is {}", first["backup"].as_str().unwrap())), "{text}");
    assert!(!house.path("none").exists());
    let text = restore(0, &between, "then");
    assert!(text.contains("33 messages") && text.contains(first["backup"].as_str().unwrap()), "{text}");
    let taken = second["taken"].as_str();
    let now = house.backup(0, &["restore", "B", "--as-of", &moment(), "--to", "now"]);
    assert_eq!((now["taken"].as_str(), &now["messages"], &now["as_of"]), (taken, &34.into(), &Value::Null), "{now}");
    let exact = house.backup(0, &["restore", "B", "--as-of", taken.unwrap(), "--to", "exact"]);
    assert_eq!(exact["backup"], second["backup"]);
    let everyone = ["restore", "B", "--as-of", &between, "--all-accounts"];
    let text = house.run(1, &[&["backup"], &everyone[..]].concat());
    assert_eq!(text.matches("postamt-data").count(), 1, "it is said once that no server runs: {text}");
    fs::rename(house.path("postamt-data"), house.path("old")).unwrap();
    fs::rename(house.path("exact"), house.path("postamt-data")).unwrap();
    let _server = house.serve();
    let mut imap = Connection::imap(&house, "anna");
    imap.ask("SELECT INBOX");
    imap.ask(r"STORE 1:* +FLAGS.SILENT (\Deleted)");
    imap.ask("EXPUNGE");
    let added = || {
        let told = house.list(&[&["backup"], &everyone[..]].concat());
        told.iter().map(|told| (told["account"].clone(), told["added"].clone())).collect::<Vec<_>>()
    };
    let of_anna = |n: u64| vec![("anna@example.org".into(), n.into()), ("ben@example.org".into(), 0.into())];
    assert_eq!(added(), of_anna(28));
    assert_eq!(added(), of_anna(0));
    let anna = house.seen("anna");
    assert!(
        anna.iter().any(|line| line.contains("in between")) && !anna.iter().any(|line| line.contains("later")),
        "{anna:?}"
    );
}

/// Names that were exchanged, mailboxes that came and went, what was copied, moved, flagged and expunged; people who came.
#[test]
fn everything_is_as_it_was_between_two_backups() {
    let (house, mut server) = filled();
    let mut imap = Connection::imap(&house, "anna");
    ["CREATE One", "CREATE Two", "COPY 1:4 One", "COPY 5:6 Two", "CREATE Old", "COPY 7:9 Old"].iter().for_each(
        |command| {
            if command.starts_with("COPY") {
                imap.ask("SELECT INBOX");
            }
            imap.ask(command);
        },
    );
    house.backup(0, &["create", "B"]);
    for (old, new) in [("One", "x"), ("Two", "One"), ("x", "Two"), ("Kept", "Sub/Kept")] {
        imap.ask(&format!("RENAME {old} {new}"));
    }
    ["CREATE New", "SUBSCRIBE New", "UNSUBSCRIBE Junk", "SUBSCRIBE One", "UNSUBSCRIBE One"].iter().for_each(
        |command| {
            imap.ask(command);
        },
    );
    imap.ask("SELECT INBOX");
    imap.ask("MOVE 20:22 New");
    ["COPY 10 Two", "COPY 10 Two", "COPY 13 INBOX"].iter().for_each(|command| drop(imap.ask(command)));
    imap.ask(r"STORE 11:12 FLAGS (\Flagged later)");
    imap.ask(r"STORE 1:2 -FLAGS (\Seen)");
    imap.ask(r"STORE 3:4 +FLAGS.SILENT (\Deleted)");
    imap.ask("EXPUNGE");
    imap.ask("SELECT Old");
    imap.ask("MOVE 1 INBOX");
    imap.ask("DELETE Old");
    imap.ask("CREATE Old");
    house.run_with(0, &["account", "add", "carla@example.org"], "of carla");
    for who in ["anna", "ben", "carla"] {
        deliver(&house.place("lmtp"), who, &format!("to {who}\r\n{}", incompressible()));
    }
    let people = ["anna", "ben", "carla"];
    let names = |imap: &mut Connection| {
        let mut names = [imap.ask("LIST \"\" *"), imap.ask("LSUB \"\" *")].concat();
        names.sort();
        names
    };
    let (then, named) = (mail_of(&house, &people), names(&mut imap));
    let between = moment();
    for command in
        ["SUBSCRIBE Junk", "DELETE Two", "RENAME New Newer", "SELECT INBOX", r"STORE 1:* FLAGS (\Deleted)", "EXPUNGE"]
    {
        imap.ask(command);
    }
    house.run(0, &["account", "remove", "carla@example.org"]);
    house.run_with(0, &["account", "add", "dora@example.org"], "of dora");
    people[1..2].iter().chain(&["dora"]).for_each(|who| deliver(&house.place("lmtp"), who, "later"));
    house.backup(0, &["create", "B"]);
    server.kill();
    for engine in ["redb", "fjall"] {
        let to = ["restore", "B", "--as-of", &between, "--to", engine, "--backend", engine];
        let told = house.backup(0, &to);
        assert_eq!((&told["lost"], &told["not_as_of"], &told["accounts"]), (&0.into(), &0.into(), &3.into()), "{told}");
        house.run(0, &["store", "check", "--data", engine]);
    }
    fs::rename(house.path("postamt-data"), house.path("old")).unwrap();
    fs::rename(house.path("fjall"), house.path("postamt-data")).unwrap();
    let _server = house.serve();
    for (then, now) in then.iter().zip(mail_of(&house, &people)) {
        let odd = |mail: &[String], other: &[String]| -> Vec<String> {
            mail.iter().filter(|one| !other.contains(one)).map(|one| one.chars().take(200).collect()).collect()
        };
        assert!(*then == now, "{} to {}: {:#?} to {:#?}", then.len(), now.len(), odd(then, &now), odd(&now, then));
    }
    let mut imap = Connection::imap(&house, "anna");
    assert_eq!(names(&mut imap), named);
    assert!(!house.run(0, &["account", "list"]).contains("dora"));
}

#[test]
fn what_would_have_no_effect_is_refused() {
    let house = House::new(CONFIG);
    for part in [["--mailbox", "INBOX"], ["--message", "M7"], ["--into", "Old"], ["--to-account", "ben@example.org"]] {
        let text = house.run(2, &[&["backup", "restore", "B", "--to", "new"], &part[..]].concat());
        assert!(text.contains(part[0]) && text.contains("name --account ADDRESS instead of --to"), "{text}");
    }
    for place in [["--data", "postamt-data"], ["--config", "postamt.toml"]] {
        let text = house.run(2, &[&["backup", "restore", "B", "--to", "new"], &place[..]].concat());
        assert!(text.contains(&format!("Leave {} out", place[0])), "{text}");
    }
    let account = ["backup", "restore", "B", "--account", "anna@example.org", "--backend", "redb"];
    let text = house.run(2, &account);
    assert!(text.contains("--backend goes with --to"), "{text}");
    for one in [["--message", "M7"], ["--to-account", "ben@example.org"]] {
        let text = house.run(2, &[&["backup", "restore", "B", "--all-accounts"], &one[..]].concat());
        assert!(text.contains("name --account ADDRESS instead of --all-accounts"), "{text}");
    }
    house.run(2, &["backup", "restore", "B"]);
    house.run(2, &["backup", "restore", "B", "--to", "new", "--all-accounts"]);
    assert!(!house.path("new").exists());
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
    let (house, mut server) = filled();
    server.kill();
    let made = house.backup(0, &["key", "B.key"]);
    let to = made["recipient"].as_str().unwrap();
    let first = house.backup(0, &["create", "B", "--to", to]);
    assert_eq!(first["encrypted"], true);
    house.run(2, &["backup", "verify", "B"]);
    house.backup(0, &["verify", "B", "--identity", "B.key"]);
    assert_eq!(house.backup(0, &["create", "B", "--to", to])["objects_new"], 0);
    let text = house.run(2, &["backup", "create", "B"]);
    assert!(text.contains("this one would not be") && text.contains("--unencrypted"), "{text}");
    house.backup(0, &["key", "other.key"]);
    let text = house.run(2, &["backup", "verify", "B", "--all", "--identity", "other.key"]);
    assert!(text.contains("not looked at; name the files of all keys") && !text.contains("not good"), "{text}");
    fs::write(house.path("empty.key"), "").unwrap();
    let text = house.run(2, &["backup", "verify", "B", "--identity", "empty.key"]);
    assert!(text.contains("empty.key: there is no key in it"), "{text}");
    let forgotten = house.backup(0, &["forget", "B", "--keep-last", "1"]);
    assert_eq!(forgotten["forgotten"].as_array().unwrap().len(), 1);
    house.backup(0, &["verify", "B", "--identity", "B.key", "--in-place"]);
    house.run(2, &["backup", "forget", "B"]);
    house.backup(0, &["create", "B", "--unencrypted"]);
}

/// What is known of it is in the backup before; it is not taken for one that was empty.
#[test]
fn as_of_a_moment_before_an_account_was_erased() {
    let (house, _server) = filled();
    let start = moment();
    let people = ["carla@example.org", "dora@example.org"];
    people.iter().for_each(|who| drop(house.run_with(0, &["account", "add", who], "a password of theirs")));
    ["carla", "dora"].iter().for_each(|who| deliver(&house.place("lmtp"), who, "one"));
    let first = house.backup(0, &["create", "B"]);
    let between = moment();
    for who in people {
        house.run(0, &["account", "remove", who]);
        house.run(0, &["account", "erase", who, "--yes"]);
    }
    house.run_with(0, &["account", "add", people[0]], "a password of theirs");
    deliver(&house.place("lmtp"), "carla", "of the other one");
    house.backup(0, &["create", "B"]);
    for who in people {
        let text = house.run(3, &["backup", "restore", "B", "--account", who, "--as-of", &between]);
        let wanted = format!("backup restore B --backup {} --account {who}", first["backup"].as_str().unwrap());
        assert!(text.contains("was erased later") && text.contains(&wanted), "{text}");
    }
    // What carla has now is another account's mail, though its numbers begin at 1 as well.
    let restore = ["restore", "B", "--backup", first["backup"].as_str().unwrap(), "--account", people[0]];
    let added = || house.backup(0, &restore)["added"].clone();
    assert_eq!((added(), added()), (1.into(), 0.into()));
    let text = house.run(3, &["backup", "restore", "B", "--account", people[0], "--as-of", &start]);
    assert!(text.contains("was made later"), "{text}");
    assert_eq!(house.json(0, &["store", "check"])["unowned"], serde_json::json!([]), "what is erased is nobody's loss");
}

/// One behind it knows the same; and one whose list is gone stands in nobody's way without a word.
#[test]
fn a_damaged_backup_leaves_the_others_useful() {
    let (house, _server) = filled();
    house.backup(0, &["create", "B"]);
    deliver(&house.place("lmtp"), "anna", "in between");
    let between = moment();
    deliver(&house.place("lmtp"), "anna", "later");
    let known = objects(&house);
    let second = house.backup(0, &["create", "B"]);
    let rows: Vec<_> = objects(&house).difference(&known).cloned().collect();
    deliver(&house.place("lmtp"), "anna", "later still");
    house.backup(0, &["create", "B"]);
    rows.iter().for_each(|file| fs::write(file, "nothing").unwrap());
    let told =
        house.backup(0, &["restore", "B", "--account", "anna@example.org", "--as-of", &between, "--into", "Then"]);
    assert_eq!((&told["added"], &told["failed"]), (&35.into(), &0.into()), "{told}");
    let second = second["backup"].as_str().unwrap();
    for list in [house.path(&format!("B/manifests/{second}")), house.path(&format!("B/manifests/{second}.copy"))] {
        fs::write(list, "nothing").unwrap();
    }
    let give_up = format!("postamt backup forget B {second}");
    let text = house.run(1, &["backup", "forget", "B", "--keep-last", "1"]);
    assert!(text.contains(&give_up), "{text}");
    let text = house.run(1, &["backup", "verify", "B", "--all", "--in-place"]);
    assert!(text.contains(&give_up) && !text.contains("--recheck"), "{text}");
    house.backup(0, &["forget", "B", second]);
    house.backup(0, &["verify", "B", "--all", "--in-place"]);
}

/// Numbers begin at 1 again: a message of the same number, size and date is another one.
#[test]
fn into_an_account_that_was_made_anew_comes_what_is_not_there() {
    let (house, _server) = filled();
    let carla = "carla@example.org";
    let add = || drop(house.run_with(0, &["account", "add", carla], "of carla"));
    let append = |numbers: std::ops::Range<u8>| {
        let mut imap = Connection::imap(&house, "carla");
        for n in numbers {
            let message = format!("From: a@example.net\r\nSubject: report {n:02}\r\n\r\nDone.\r\n");
            let date = "17-Jul-2026 02:44:25 +0000";
            imap.ask(&format!("APPEND INBOX \"{date}\" {{{}+}}\r\n{message}", message.len()));
        }
    };
    add();
    append(0..6);
    house.backup(0, &["create", "B"]);
    house.run(0, &["account", "remove", carla]);
    house.run(0, &["account", "erase", carla, "--yes"]);
    add();
    append(3..6);
    let restored = || house.backup(0, &["restore", "B", "--account", carla]);
    assert_eq!((&restored()["added"], &restored()["known"]), (&3.into(), &6.into()));
    let seen = house.seen("carla");
    let seen = seen.join("\n");
    assert!((0..6).all(|n| seen.matches(&format!("report {n:02}")).count() == 1), "{seen}");
}

/// What cannot be read counts as not there.
#[test]
fn a_damaged_message_comes_back_before_the_repair_removes_it() {
    let (house, mut server) = filled();
    let anna = ["--account", "anna@example.org"];
    house.backup(0, &["create", "B"]);
    let listed = house.list(&[&["backup", "messages", "B"], &anna[..], &["--subject", "LARGE"]].concat());
    let [large] = listed.as_slice() else { panic!("{listed:?}") };
    assert_eq!((&large["mailbox"], &large["from"]), (&"INBOX".into(), &"c@example.net".into()), "{large}");
    house.run(3, &[&["backup", "messages", "B"], &anna[..], &["--subject", "nothing like it"]].concat());
    server.stop();
    let fans = fs::read_dir(house.path("postamt-data/blobs")).unwrap().map(|fan| fan.unwrap().path());
    let blobs = fans.filter_map(|fan| fs::read_dir(fan).ok()).flatten().map(|file| file.unwrap().path());
    let blobs: Vec<_> = blobs.filter(|file| file.is_file()).collect();
    blobs.iter().for_each(|blob| flip(blob, |octets| octets / 2));
    let mut server = house.serve();
    house.json(1, &["store", "check"]);
    let restore = [&["restore", "B"], &anna[..], &["--message", large["email_id"].as_str().unwrap()]].concat();
    assert_eq!(house.backup(0, &restore)["added"], 1);
    // Of one in which the body is missing already, it is said that it is.
    house.backup(1, &["create", "C"]);
    let told = house.run(1, &["backup", "restore", "C", "--to", "elsewhere"]);
    assert!(told.contains("missing or damaged when the backup was taken"), "{told}");
    server.stop();
    house.json(0, &["store", "repair"]);
    let _server = house.serve();
    assert_eq!(house.seen("anna").iter().filter(|line| line.contains("Subject: large")).count(), 1);
}

fn objects(house: &House) -> std::collections::BTreeSet<std::path::PathBuf> {
    let folders = fs::read_dir(house.path("B/objects")).unwrap().map(|fan| fan.unwrap().path());
    folders.flat_map(|folder| fs::read_dir(folder).unwrap()).map(|file| file.unwrap().path()).collect()
}

#[test]
fn what_the_disk_lost_a_part_of_is_restored_and_written_anew() {
    let (house, _server) = filled();
    house.backup(0, &["create", "B"]);
    let packed = || {
        let folders = fs::read_dir(house.path("B/objects")).unwrap().map(|fan| fan.unwrap().path());
        let files = folders.chain([house.path("B/manifests")]).flat_map(|folder| fs::read_dir(folder).unwrap());
        files.map(|file| file.unwrap().path()).collect::<Vec<_>>()
    };
    let files = packed();
    files.iter().for_each(|file| flip(file, |octets| octets / 3));
    let verdict = house.backup(1, &["verify", "B"]);
    assert_eq!((&verdict["good"], &verdict["whole"]), (&false.into(), &true.into()), "{verdict}");
    assert_eq!(verdict["damage"].as_array().unwrap().len(), files.len(), "{verdict}");
    assert!(house.run(1, &["backup", "verify", "B"]).contains("postamt backup verify B --all --mend"));
    assert_eq!(house.backup(0, &["restore", "B", "--to", "elsewhere"])["messages"], 31);
    fs::write(files.last().unwrap(), "nothing").unwrap();
    let verdict = house.backup(0, &["verify", "B", "--mend"]);
    assert_eq!(verdict["mended"].as_array().unwrap().len(), files.len(), "{verdict}");
    assert_eq!(house.backup(0, &["verify", "B"])["damage"].as_array().unwrap().len(), 0);
}

#[test]
fn a_damaged_one_says_what_it_still_holds() {
    let (house, _server) = filled();
    house.backup(0, &["create", "B"]);
    let mut objects = Vec::new();
    for fan in fs::read_dir(house.path("B/objects")).unwrap() {
        objects.extend(fs::read_dir(fan.unwrap().path()).unwrap().map(|entry| entry.unwrap().path()));
    }
    // The body of the large message is one of its own.
    let large = objects.into_iter().max_by_key(|path| fs::metadata(path).unwrap().len()).unwrap();
    fs::write(&large, "nothing").unwrap();
    let verdict = house.backup(1, &["verify", "B"]);
    assert_eq!(verdict["damage"].as_array().unwrap().len(), 1, "{verdict}");
    assert_eq!(verdict["readable"][0]["account"], "anna@example.org");
    assert_eq!(verdict["readable"][0]["whole"], 30, "{verdict}");
    let inbox =
        verdict["readable"][0]["mailboxes"].as_array().unwrap().iter().find(|it| it["name"] == "INBOX").unwrap();
    let [lost] = inbox["damaged_messages"].as_array().unwrap().as_slice() else { panic!("{verdict}") };
    let named = format!("1 damaged (UID {} {})", lost["uid"], lost["email_id"].as_str().unwrap());
    let text = house.run(1, &["backup", "verify", "B"]);
    assert!(text.contains(&named) && text.contains("whole (UID 1:"), "{named}: {text}");
    let text = house.run(1, &["backup", "restore", "B", "--to", "elsewhere"]);
    assert!(text.contains("what is damaged is told by: postamt backup verify B"), "{text}");
    let restore = ["restore", "B", "--account", "anna@example.org", "--to-account", "ben@example.org"];
    let told = house.backup(1, &restore);
    assert_eq!((&told["added"], &told["failed"]), (&33.into(), &1.into()), "{told}");
    house.backup(0, &["create", "B", "--recheck"]);
    house.backup(0, &["verify", "B", "--all"]);
}

/// What was damaged when it was taken is told, and keeps nothing else from being restored.
#[test]
fn damage_that_was_there_already_is_told() {
    let (house, mut server) = filled();
    server.stop();
    let data = "postamt-data";
    assert_eq!(house.damage(data, |place, row| place.key.starts_with(b"M") && has(row, b"Kept")), 1);
    let is_member = |key: &[u8]| key.starts_with(b"U") && key.ends_with(&[0, 0, 0, 7]);
    assert!(house.damage(data, |place, _| is_member(&place.key)) > 0);
    house.backup(0, &["create", "B"]);

    let told = house.run(1, &["backup", "restore", "B", "--to", "elsewhere"]);
    assert!(told.contains("a mailbox") && told.contains("store repair --data elsewhere"), "{told}");
    house.run(0, &["store", "repair", "--data", "elsewhere"]);
    let _server = house.serve();
    let restore = ["backup", "restore", "B", "--account", "anna@example.org", "--to-account", "ben@example.org"];
    let told = house.run(1, &restore);
    assert!(told.contains("were damaged already"), "{told}");
    let status = Connection::imap(&house, "ben").ask("STATUS INBOX (MESSAGES)").join("");
    let messages = status.split_once("MESSAGES ").and_then(|(_, rest)| rest.split(')').next()?.parse::<u32>().ok());
    assert!(messages > Some(25), "{status}");
}
