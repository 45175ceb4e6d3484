//! A store that its engine does not open is made anew of what is whole, as an administrator does it from the command line.

use super::connection::Connection;
use super::flush::flush;
use super::house::{House, flip};
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

const CONFIG: &str = r#"
hostname = "mail.example.org"
data = "data"
domains = ["example.org"]

[[listener]]
protocol = "imap"
address = "127.0.0.1:0"
plaintext_login = true

[[account]]
address = "anna@example.org"
password = "of anna"

[[account]]
address = "ben@example.org"
password = "of ben"
"#;

const MESSAGES: usize = 12;
const UIDS_PASSED_OVER: u32 = 1 << 24;

/// A stopped server's folder: two accounts have mail, all of it in fjall's tables.
fn filled() -> House {
    let house = House::new(CONFIG);
    fill(&house);
    flush(&house.path("data/store"));
    house
}

fn fill(house: &House) {
    let mut server = house.serve();
    for name in ["anna", "ben"] {
        let mut imap = Connection::imap(house, name);
        for n in 0..MESSAGES {
            let line = format!("letter {n} to {name} goes on\r\n");
            let message = format!("From: carl@example.org\r\nSubject: {name} {n}\r\n\r\n{}", line.repeat(100));
            imap.ask(&format!("APPEND INBOX {{{}+}}\r\n{message}", message.len()));
        }
    }
    server.stop();
}

/// Subject, MODSEQ and size of each message by UID, and UIDNEXT.
fn seen(house: &House, name: &str) -> (BTreeMap<u32, String>, u32) {
    let mut imap = Connection::imap(house, name);
    let selected = imap.ask("SELECT INBOX");
    let number = |line: &String, of: &str| {
        let rest = line.split_once(of)?.1;
        rest.split(|c: char| !c.is_ascii_digit()).next()?.parse::<u32>().ok()
    };
    let next = selected.iter().find_map(|line| number(line, "[UIDNEXT ")).unwrap();
    let fetched = imap.ask("UID FETCH 1:* (BODY.PEEK[])").join("\n");
    let messages = fetched.split(" FETCH (").skip(1);
    let mail = messages.map(|message| {
        let (uid, rest) = message.strip_prefix("UID ").unwrap().split_once(' ').unwrap();
        (uid.parse().unwrap(), rest.rsplit_once(")\n").unwrap().0.to_owned())
    });
    (mail.collect(), next)
}

/// The tables of fjall's keyspaces that hold mail.
fn tables(house: &House) -> Vec<PathBuf> {
    let folders = ["1", "2"].map(|id| house.path(&format!("data/store/rows/keyspaces/{id}/tables")));
    folders.iter().flat_map(|folder| fs::read_dir(folder).unwrap()).map(|entry| entry.unwrap().path()).collect()
}

/// What both see of a server that runs for that long.
fn both_see(house: &House) -> [(BTreeMap<u32, String>, u32); 2] {
    let _server = house.serve();
    ["anna", "ben"].map(|name| seen(house, name))
}

/// The end of every table and a message's octets in one: the server refuses, a repair brings back all but that message.
#[test]
fn what_fjall_refuses_is_made_anew_of_all_that_is_whole() {
    let house = filled();
    let before = both_see(&house);
    let tables = tables(&house);
    tables.iter().for_each(|table| flip(table, |octets| octets - 60));
    let letter = b"letter 5 to ben goes on".as_slice();
    let place = |octets: &[u8]| octets.windows(letter.len()).rposition(|part| part == letter);
    // Its beginning is also in the other keyspace, for lists.
    let (file, at) = tables.iter().rev().find_map(|table| Some((table, place(&fs::read(table).unwrap())?))).unwrap();
    flip(file, |_| at);

    let refused = house.run(1, &["serve", "--config", "postamt.toml"]);
    assert!(refused.contains("postamt store repair"), "{refused}");
    let checked = house.run(1, &["store", "check"]);
    assert!(checked.contains("is not as it was written") && checked.contains("postamt store repair"), "{checked}");
    let checked = house.json(1, &["store", "check"]);
    assert!(checked["found"].as_array().unwrap().iter().all(|found| found["kind"] == "files"), "{checked}");
    let told = house.run(0, &["store", "repair", "--dry-run"]);
    assert!(told.contains("would be kept") && told.contains("rows are lost"), "{told}");
    house.run(1, &["serve", "--config", "postamt.toml"]);

    let told = house.run(0, &["store", "repair"]);
    let shown = file.file_name().unwrap().to_str().unwrap();
    assert!(told.contains(&format!("tables/{shown}, octets ")) && told.contains("the old files are in "), "{told}");
    assert!(told.contains("its content is lost") && told.contains("\nsound: "), "{told}");
    assert!(house.path("data/store/aside/salvaged-1/rows/keyspaces").is_dir());
    assert!(house.run(0, &["store", "repair"]).contains("nothing to repair"));

    let _server = house.serve();
    assert!(house.run(0, &["store", "check"]).starts_with("sound: "));
    for (name, (mail, next)) in ["anna", "ben"].into_iter().zip(before) {
        let (now, raised) = seen(&house, name);
        assert_eq!(raised, next + UIDS_PASSED_OVER, "{name}");
        let missing: Vec<_> = mail.iter().filter(|(uid, _)| !now.contains_key(uid)).collect();
        assert!(missing.len() <= usize::from(name == "ben") * 2, "{name}: {} missing", missing.len());
        assert!(now.iter().all(|(uid, message)| mail.get(uid) == Some(message)), "{name}");
    }
}

/// A file whose size the disk lost has no octets left that could be named.
#[test]
fn an_empty_table_is_lost_rows() {
    let house = filled();
    let before = both_see(&house);
    let mut tables = tables(&house);
    tables.retain(|table| table.to_str().unwrap().contains("keyspaces/2/"));
    tables.iter().for_each(|table| fs::write(table, "").unwrap());
    let told = house.run(0, &["store", "repair"]);
    assert!(
        told.contains(&format!("{} parts of files", tables.len())) && told.contains("octets 0 to 0: rows are lost"),
        "{told}"
    );
    for ((_, raised), (_, next)) in both_see(&house).iter().zip(before) {
        assert!(*raised > next, "no number is given out again");
    }
}

/// Bodies are left, and nobody knows whose: an administrator gives them to somebody.
#[test]
fn mail_without_an_address_can_be_had_by_number() {
    let house = filled();
    let [(mail, _), _] = both_see(&house);
    let mut tables = tables(&house);
    tables.retain(|table| table.to_str().unwrap().contains("keyspaces/1/"));
    tables.iter().for_each(|table| fs::remove_file(table).unwrap());
    let told = house.run(0, &["store", "repair"]);
    assert!(told.contains("account 1 has mail and no address") && told.contains("account 2 has mail"), "{told}");

    let _server = house.serve();
    assert_eq!(house.json(0, &["store", "check"])["unowned"], serde_json::json!([1, 2]));
    assert!(seen(&house, "anna").0.is_empty(), "the server has made her a new account");
    assert!(house.run(3, &["export", "--account", "7", "--maildir", "seven"]).contains("no account has the number 7"));
    house.run(0, &["export", "--account", "1", "--maildir", "one"]);
    house.run(0, &["import", "--account", "anna@example.org", "--maildir", "one"]);
    let mut imap = Connection::imap(&house, "anna");
    imap.ask("SELECT Recovered");
    let fetched = imap.ask("UID FETCH 1:* (BODY.PEEK[])").join("\n");
    assert_eq!(mail.len(), MESSAGES);
    assert!(mail.values().all(|message| fetched.contains(body_of(message))), "{fetched}");
}

fn body_of(message: &str) -> &str {
    message.split_once("\n\n").map_or(message, |(_, body)| body)
}

/// Where nothing is lost no number is passed over, and mail programs notice nothing.
#[test]
fn what_only_finds_rows_is_made_anew_without_loss() {
    let house = filled();
    let before = both_see(&house);
    flip(&house.path("data/store/rows/keyspaces/1/current"), |_| 0);
    flip(&house.path("data/store/FORMAT"), |_| 0);
    fs::remove_file(house.path("data/store/rows/lock")).unwrap();
    assert!(house.run(1, &["serve", "--config", "postamt.toml"]).contains("postamt store repair"));
    let told = house.run(0, &["store", "repair"]);
    assert!(told.contains("FORMAT: made anew") && told.contains(" 0 parts of files"), "{told}");
    assert_eq!(both_see(&house), before);
}

/// One wrong octet in its header, and redb opens nothing.
#[test]
fn what_redb_refuses_is_made_anew_without_loss() {
    let house = House::new(&format!("{CONFIG}\n[store]\nbackend = \"redb\"\n"));
    fill(&house);
    let before = both_see(&house);
    flip(&house.path("data/store/rows.redb"), |_| 3);
    for command in [["serve", "--config", "postamt.toml"].as_slice(), &["store", "check"]] {
        let refused = house.run(1, command);
        assert!(refused.contains("rows.redb is damaged") && refused.contains("postamt store repair"), "{refused}");
    }
    let told = house.run(0, &["store", "repair", "--dry-run"]);
    assert!(told.contains("would be kept; 0 parts of files"), "{told}");
    let told = house.run(0, &["store", "repair"]);
    assert!(told.contains(" 0 parts of files") && told.contains("\nsound: "), "{told}");
    assert!(house.path("data/store/aside/salvaged-1/rows.redb").is_file());
    assert!(house.run(0, &["store", "repair"]).contains("nothing to repair"));
    assert_eq!(both_see(&house), before);
}

/// A mail program knows the last message's number: it is not given to another one, though nobody looked before the repair.
#[test]
fn numbers_of_what_a_damaged_journal_lost_are_passed_over() {
    for followed in [false, true] {
        let house = House::new(CONFIG);
        let mut server = house.serve();
        for n in 0..=usize::from(followed) {
            let message = format!("Subject: {n}\r\n\r\nletter {n}\r\n");
            let ask = format!("APPEND INBOX {{{}+}}\r\n{message}", message.len());
            Connection::imap(&house, ["anna", "ben"][n]).ask(&ask);
        }
        let (_, next) = seen(&house, "anna");
        server.kill();
        let journal = house.path("data/store/rows/1.jnl");
        let octets = fs::read(&journal).unwrap();
        let at = octets.windows(8).position(|part| part == b"letter 0").unwrap();
        flip(&journal, |_| at);

        let damaged = fs::read(&journal).unwrap();
        let told = house.run(0, &["store", "repair", "--dry-run"]);
        assert!(told.contains("changes in it are damaged"), "{told}");
        assert!(fs::read(&journal).unwrap() == damaged && !house.path("data/store/aside").exists());
        let told = house.run(0, &["store", "repair"]);
        assert!(told.contains("changes in it are damaged") && told.contains("\nsound: "), "{told}");
        let _server = house.serve();
        let (mail, raised) = seen(&house, "anna");
        assert!(mail.is_empty() && raised > next, "{mail:?} {next} {raised}");
    }
}

/// What is whole stays readable until somebody has repaired it, and nobody is promised anything meanwhile.
#[test]
fn a_store_with_a_damaged_journal_is_served_for_reading() {
    let listener = "[[listener]]\nprotocol = \"smtp\"\naddress = \"127.0.0.1:0\"\n";
    let house = House::new(&format!("{CONFIG}{listener}"));
    let mut server = house.serve();
    for (name, text) in [("anna", "letter 0"), ("ben", "letter 1")] {
        let message = format!("Subject: {name}\r\n\r\n{text}\r\n");
        Connection::imap(&house, name).ask(&format!("APPEND INBOX {{{}+}}\r\n{message}", message.len()));
    }
    server.kill(); // a stop would leave the journal empty
    let journal = house.path("data/store/rows/1.jnl");
    let at = fs::read(&journal).unwrap().windows(8).position(|part| part == b"letter 0").unwrap();
    flip(&journal, |_| at);

    let mut server = house.serve();
    let status = house.run(0, &["status"]);
    assert!(status.contains("nothing is written") && status.contains("postamt store repair"), "{status}");
    assert!(seen(&house, "ben").0.values().any(|message| message.contains("letter 1")));
    let refused = Connection::imap(&house, "ben").answer("APPEND INBOX {15+}\r\nSubject: x\r\n\r\ny");
    assert!(refused.last().unwrap().starts_with("a NO "), "{refused:?}");
    let (mut smtp, _) = Connection::open(&house.place("smtp"));
    let dialogue =
        ["HELO x.example", "MAIL FROM:<carl@example.com>", "RCPT TO:<ben@example.org>", "DATA", "\r\nx\r\n."];
    let replies = dialogue.map(|line| smtp.reply(line));
    assert!(replies[4].starts_with("451 4.3.2 "), "{replies:?}");
    server.stop();

    house.configure(&format!(
        "{CONFIG}{listener}\n[[account]]\naddress = \"cleo@example.org\"\npassword = \"of cleo\"\n"
    ));
    let refused = house.run(1, &["serve", "--config", "postamt.toml"]);
    assert!(refused.contains("cleo@example.org is new") && refused.contains("postamt store repair"), "{refused}");
}
