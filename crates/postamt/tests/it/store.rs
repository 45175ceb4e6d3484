//! Damage is found and named, with the running server and without, as an administrator does it from the command line.

use super::connection::Connection;
use super::house::{House, flip, has};
use std::fs;
use std::path::PathBuf;
use store::RowPlace;

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
"#;

/// Four messages, two of them large.
fn filled(engine: &str) -> House {
    fill(House::new(&format!("{CONFIG}\n[store]\nbackend = \"{engine}\"\n")))
}

fn fill(house: House) -> House {
    fs::create_dir(house.path("mail")).unwrap();
    for (name, octets) in [("small", 100), ("page", 20_000), ("large", 70_000), ("huge", 300_000)] {
        let letter = format!("From: ben@example.org\r\nSubject: the {name} one\r\n\r\n{}\r\n", letters(octets));
        fs::write(house.path(&format!("mail/{name}.eml")), letter).unwrap();
    }
    let mut server = house.serve();
    house.run(0, &["import", "--account", "anna@example.org", "--eml", "mail"]);
    server.stop();
    house
}

impl House {
    /// What was taken out, by the one repair that took something out.
    fn aside(&self) -> Vec<PathBuf> {
        let paths = |folder: PathBuf| fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        paths(self.path("data/store/aside")).filter(|path| path.is_dir()).flat_map(paths).collect()
    }

    fn blob(&self, octets: u64) -> PathBuf {
        let fans = fs::read_dir(self.path("data/blobs")).unwrap().map(|fan| fan.unwrap().path());
        let files = fans.filter(|fan| fan.is_dir()).flat_map(|fan| fs::read_dir(fan).unwrap());
        let mut files = files.map(|file| file.unwrap().path());
        files.find(|file| fs::metadata(file).unwrap().len() > octets).unwrap()
    }
}

fn letters(octets: usize) -> String {
    let line = |n: usize| format!("line {n} of a letter that goes on and on\r\n");
    (0..)
        .map(line)
        .scan(0, |written, line| {
            (*written < octets).then(|| {
                *written += line.len();
                line
            })
        })
        .collect()
}

#[test]
fn a_sound_store_is_told_to_be_sound() {
    for engine in ["fjall", "redb"] {
        let house = filled(engine);
        let told = house.json(0, &["store", "check"]);
        assert_eq!((&told["sound"], &told["blobs"], &told["findings"]), (&true.into(), &2.into(), &0.into()), "{told}");
        let _server = house.serve();
        let told = house.json(0, &["store", "check"]);
        assert_eq!((&told["sound"], &told["accounts"]), (&true.into(), &1.into()), "{told}");
        assert!(house.run(0, &["store", "check"]).starts_with("sound: "));
    }
}

#[test]
fn a_damaged_body_is_named_by_address_mailbox_and_subject() {
    let house = filled("fjall");
    flip(&house.blob(200_000), |_| 150_000);
    for running in [false, true] {
        let server = running.then(|| house.serve());
        let told = house.json(1, &["store", "check"]);
        let found = &told["found"][0];
        assert_eq!((&found["kind"], &found["address"]), (&"message".into(), &"anna@example.org".into()), "{told}");
        assert_eq!((&found["mailbox"], &found["subject"]), (&"INBOX".into(), &"the huge one".into()), "{told}");
        assert_eq!(told["found"].as_array().unwrap().len(), 1, "{told}");
        let text = house.run(1, &["store", "check"]);
        assert!(text.contains("anna@example.org: INBOX, message ") && text.contains("docs/operations.md"), "{text}");
        server.into_iter().for_each(|mut server| server.stop());
    }
    fs::remove_file(house.blob(60_000)).unwrap();
    let told = house.json(1, &["store", "check"]);
    assert!(told["found"].as_array().unwrap().iter().any(|found| found["wrong"] == "it is missing"), "{told}");
}

/// Whether a body is missing or the disk does not give it: it is named, all else is read, and nobody hears that it was expunged.
#[test]
fn a_body_that_cannot_be_had_is_damage_of_one_message() {
    let house = filled("fjall");
    for is_there in [false, true] {
        let blob = house.blob(200_000);
        let octets = fs::read(&blob).unwrap();
        fs::remove_file(&blob).unwrap();
        if is_there {
            fs::create_dir(&blob).unwrap();
        }
        let told = house.json(1, &["store", "check"]);
        assert_eq!(told["findings"], 1, "{told}");
        assert!(told["found"][0]["subject"] == "the huge one", "{told}");
        let mut server = house.serve();
        let told = house.json(1, &["store", "check"]);
        assert_eq!(told["findings"], 1, "{told}");
        let mut imap = Connection::imap(&house, "anna");
        imap.ask("SELECT INBOX");
        let said = imap.answer("FETCH 1:4 (UID BODY.PEEK[TEXT]<0.70>)").join("\n");
        assert!(said.contains("NO [CORRUPTION]") && !said.contains("EXPUNGE"), "{}", said.lines().last().unwrap());
        assert_eq!(said.matches("line 1 of a letter").count(), 3, "the others are read");
        server.stop();
        if is_there {
            fs::remove_dir(&blob).unwrap();
        }
        fs::write(&blob, octets).unwrap();
    }
}

#[test]
fn a_store_is_not_begun_beside_the_bodies_of_another_one() {
    for engine in ["fjall", "redb"] {
        let house = filled(engine);
        fs::rename(house.path("data/store"), house.path("elsewhere")).unwrap();
        let said = house.run(1, &["serve", "--config", "postamt.toml"]);
        assert!(said.contains("data/store is empty or not there"), "{said}");
        assert!(house.run(2, &["store", "check"]).contains("there is no store in it"));
        fs::create_dir_all(house.path("data/store")).unwrap();
        fs::copy(house.path("elsewhere/FORMAT"), house.path("data/store/FORMAT")).unwrap();
        assert!(house.run(1, &["serve", "--config", "postamt.toml"]).contains("data/store is empty or not there"));
        fs::remove_dir_all(house.path("data/store")).unwrap();
        fs::rename(house.path("elsewhere"), house.path("data/store")).unwrap();
        assert!(house.run(0, &["store", "check"]).starts_with("sound: "));
        assert!(!house.path("data/backup-names.key").exists(), "a check makes nothing");
    }
}

/// A disk that is not mounted is not damage of each message on it.
#[test]
fn a_store_is_not_opened_without_its_bodies() {
    let house = filled("fjall");
    fs::rename(house.path("data/blobs"), house.path("elsewhere")).unwrap();
    fs::create_dir(house.path("data/blobs")).unwrap();
    let said = house.run(1, &["serve", "--config", "postamt.toml"]);
    assert!(said.contains("data/blobs is empty or not there"), "{said}");
    for command in ["check", "repair"] {
        assert!(house.run(2, &["store", command]).contains("data/blobs is empty or not there"));
    }
    // What cannot be brought back is taken out; the rest stays.
    fs::create_dir(house.path("data/blobs/00")).unwrap();
    house.run(1, &["store", "check"]);
    let told = house.run(0, &["store", "repair"]);
    assert_eq!(told.matches("its content is lost").count(), 2, "{told}");
}

#[test]
fn what_cannot_be_checked_is_not_called_damaged() {
    let house = filled("fjall");
    assert!(house.run(2, &["store", "check", "--data", "nowhere"]).contains("no data folder"));
    fs::write(house.path("data/store/FORMAT"), "2 fjall\n").unwrap();
    assert!(house.run(2, &["store", "check"]).contains("a newer version"));
}

/// A damaged body is taken out and kept, all else stays, and afterwards the store is sound.
#[test]
fn a_damaged_store_is_repaired() {
    for engine in ["fjall", "redb"] {
        let house = filled(engine);
        flip(&house.blob(200_000), |_| 150_000);
        let mut server = house.serve();
        assert!(house.run(2, &["store", "repair"]).contains("stop it first"));
        server.stop();
        assert!(house.run(0, &["store", "repair", "--dry-run"]).contains("nothing was changed"));
        house.run(1, &["store", "check"]);
        let told = house.run(0, &["store", "repair"]);
        assert!(told.contains("its content is lost") && told.contains("\nsound: "), "{told}");
        let message = house.aside().into_iter().find(|file| file.extension().is_some_and(|ext| ext == "eml"));
        let octets = fs::metadata(message.expect("the message is kept")).unwrap().len();
        assert!(octets >= 200_000, "all of it: {octets}");
        assert!(house.run(0, &["store", "repair"]).contains("nothing to repair"));
        let _server = house.serve();
        house.run(0, &["export", "--account", "anna@example.org", "--eml", "out"]);
    }
}

/// Whoever sent it is named; what is there is delivered all the same, and what is left of the other is kept.
#[test]
fn a_queued_message_without_its_content_is_taken_out_once() {
    let route = "[[route]]\nname = \"nowhere\"\nfor = [\"elsewhere.test\"]\nto = \"smtp://127.0.0.1:1\"\n";
    for missing in [true, false] {
        let house = House::new(&format!("{CONFIG}{route}"));
        let mut server = house.serve();
        for (to, octets) in [("ben@elsewhere.test", 300_000), ("carl@elsewhere.test", 100)] {
            house.run_with(0, &["send", "--from", "anna@example.org", "--to", to], &letters(octets));
        }
        server.stop();
        if missing {
            fs::remove_file(house.blob(200_000)).unwrap();
        } else {
            flip(&house.blob(200_000), |_| 150_000);
        }
        let told = house.run(1, &["store", "check"]);
        assert!(told.contains(" to ben@elsewhere.test: damaged") && !told.contains("carl@"), "{told}");
        let told = house.run(0, &["store", "repair"]);
        assert!(told.contains("ben@elsewhere.test") && !told.contains("carl@"), "{told}");
        let kept = house.aside().iter().any(|file| file.to_str().unwrap().contains("-queued-"));
        assert_eq!(kept, !missing, "{:?}", house.aside());
        assert!(house.run(0, &["store", "repair"]).contains("nothing to repair"));
        let _server = house.serve();
        assert_eq!(house.list(&["queue", "list"]).len(), 1);
    }
}

/// Numbers have to be raised where rows did not fit together. That is written down before they do again, for a repair that is broken off.
#[test]
fn what_does_not_fit_together_is_remembered_until_a_repair_has_ended() {
    for engine in ["fjall", "redb"] {
        let house = filled(engine);
        let is_mailbox = |place: &RowPlace, row: &[u8]| place.key.starts_with(b"M") && has(row, b"INBOX");
        assert!(house.damage("data", is_mailbox) > 0);
        house.run(0, &["store", "repair"]);
        let story = house.path("data/store/aside/seen/DAMAGED");
        assert!(fs::read_to_string(&story).unwrap().contains("do not fit together"));
        // As if it had not ended.
        fs::rename(&story, house.path("data/store/aside/DAMAGED")).unwrap();
        let mut server = house.serve();
        let mut imap = Connection::imap(&house, "anna");
        assert!(imap.answer("CREATE New").join("\n").contains("NO "), "{engine}: nothing is written before");
        server.stop();
        assert!(house.run(0, &["store", "repair"]).contains("newer rows may be lost"));
        let _server = house.serve();
        Connection::imap(&house, "anna").ask("CREATE New");
    }
}

/// To whom it was to go cannot be read any more; what it says can.
#[test]
fn a_queued_message_without_its_recipient_is_kept_aside() {
    let route = "[[route]]\nname = \"nowhere\"\nfor = [\"elsewhere.test\"]\nto = \"smtp://127.0.0.1:1\"\n";
    let house = House::new(&format!("{CONFIG}{route}"));
    let mut server = house.serve();
    for octets in [100, 70_000] {
        house.run_with(0, &["send", "--from", "anna@example.org", "--to", "ben@elsewhere.test"], &letters(octets));
    }
    server.stop();
    assert_eq!(house.damage("data", |place, row| place.key.starts_with(b"R") && has(row, b"ben@elsewhere.test")), 2);
    house.run(0, &["store", "repair"]);
    let aside = house.aside();
    let kept: Vec<_> = aside.iter().filter(|file| file.to_str().unwrap().contains("-queued-")).collect();
    let whole = |octets| move |file: &&&PathBuf| has(&fs::read(file).unwrap(), letters(octets).as_bytes());
    assert_eq!((kept.len(), kept.iter().filter(whole(100)).count()), (2, 2), "{aside:?}");
    assert_eq!(kept.iter().filter(whole(70_000)).count(), 1);
    assert!(house.run(0, &["store", "repair"]).contains("nothing to repair"));
}

/// Of which account a body is, and of which message, only its link knows still.
#[test]
fn a_body_that_no_row_names_is_kept_aside() {
    let house = filled("fjall");
    let account = mailstore::cell_of(model::AccountId(1));
    assert!(house.lose("data", |place, _| place.cell == account) > 4);
    house.run(0, &["store", "repair"]);
    let kept: Vec<_> = house.aside().iter().map(|file| fs::read(file).unwrap()).collect();
    for octets in [70_000, 300_000] {
        assert!(kept.iter().any(|kept| has(kept, letters(octets).as_bytes())), "{:?}", house.aside());
    }
    assert!(house.run(0, &["store", "repair"]).contains("nothing to repair"));
}
