//! Mail programs with IMAP: they look, and everything that two of them are told must agree; they put messages in, copy, move and
//! delete them, and remember what they may find missing.

mod answer;
mod mailboxes;

use crate::dice::Dice;
use crate::facts::{Floor, Member, Place};
use crate::fault::Fault;
use crate::ledger::Outcome;
use crate::letter::{Goal, Letter, Recipient, tag_of};
use crate::link::{Gone, Link};
use crate::scene::Scene;
use crate::server::{PASSWORD, Service, account_address};
use answer::{Answer, Status, number_behind};
use std::collections::BTreeMap;

/// Mailboxes that are made, renamed and deleted; what is in them is given up for lost.
const FLEETING: [&str; 3] = ["Fleeting", "Fleeting/Deep", "Gone Tomorrow"];
/// Mailboxes that stay.
const LASTING: [&str; 3] = ["INBOX", "Archive", "Work"];

/// Connects, does this and that, and goes; as long as mail comes.
pub async fn reader(scene: Scene, account: usize, mut dice: Dice) {
    while scene.is_carried() {
        if let Ok(link) = Link::open(&scene, Service::Imap, &mut dice).await {
            let (tag, open, since, known, uid_next) = Default::default();
            let mut session =
                Session { scene: &scene, account, dice: &mut dice, link, tag, open, since, known, uid_next };
            // Whatever cuts it short: it connects again.
            let _ = session.run().await;
        }
        scene.pause(dice.millis(10, scene.plan().pace_s * 1000)).await;
    }
}

/// A connection.
struct Session<'a> {
    scene: &'a Scene,
    account: usize,
    dice: &'a mut Dice,
    link: Link,
    tag: u32,
    /// The mailbox that is open: its name, and what it is to all who know it.
    open: Option<(&'static str, Place)>,
    /// The turn of [`Facts`](crate::facts::Facts) when it was asked to be opened: what was told up to then, it knows.
    since: u64,
    /// Messages of the open mailbox by UID: which letters they are, and the last MODSEQ told.
    known: BTreeMap<u32, (Option<u64>, u64)>,
    uid_next: u32,
}

impl Session<'_> {
    async fn run(&mut self) -> Result<(), Gone> {
        self.link.line().await?;
        if self.dice.chance(0.1) {
            self.ok("STARTTLS").await?;
        }
        let name = account_address(self.account);
        if self.command(&format!("LOGIN {name} {PASSWORD}")).await?.status != Status::Ok {
            return Err(Gone);
        }
        if self.dice.chance(0.7) {
            // With QRESYNC it is told by UID what is gone.
            let what = *self.dice.pick(&["ENABLE QRESYNC", "ENABLE QRESYNC", "ENABLE CONDSTORE"]);
            self.command(what).await?;
        }
        for _ in 0..self.dice.between(1, 20) {
            if self.scene.happens(Fault::ClientGarbage, self.dice) {
                self.link.touch();
                self.command("GARBAGE {x \"").await?;
            }
            if self.open.is_none() || self.dice.chance(0.1) {
                self.select().await?;
            } else {
                self.something().await?;
            }
        }
        self.command("LOGOUT").await.map(drop)
    }

    async fn something(&mut self) -> Result<(), Gone> {
        match self.dice.below(100) {
            0..30 => self.fetch().await,
            30..38 => self.fetch_body().await,
            38..55 => self.store().await,
            55..67 => self.append().await,
            67..75 => self.transfer("COPY").await,
            75..82 => self.transfer("MOVE").await,
            82..86 => self.expunge().await,
            86..90 => self.idle().await,
            90..93 => self.mailboxes().await,
            93..96 => self.own_mailbox().await,
            96..98 => self.status().await,
            _ => self.command("NOOP").await.map(drop),
        }
    }

    // What is looked at.

    async fn select(&mut self) -> Result<(), Gone> {
        let name = match self.dice.below(10) {
            0..6 => "INBOX",
            6..9 => *self.dice.pick(&LASTING),
            _ => *self.dice.pick(&FLEETING),
        };
        self.open = None;
        self.known.clear();
        self.since = self.scene.ledger().facts.turn();
        let floors = self.floors();
        let answer = self.command(&format!("SELECT \"{name}\" (CONDSTORE)")).await?;
        if answer.status != Status::Ok {
            if answer.code == "NONEXISTENT" || answer.text.contains("no such") || answer.text.contains("not there") {
                self.command(&format!("CREATE \"{name}\"")).await?;
            }
            return Ok(());
        }
        let validity = answer.number("UIDVALIDITY").unwrap_or(0) as u32;
        let place = (self.account, validity);
        let (uid_next, modseq) = (answer.number("UIDNEXT"), answer.number("HIGHESTMODSEQ"));
        let (Some(uid_next), Some(modseq)) = (uid_next, modseq) else {
            self.scene.violation(format!("SELECT {name} says too little: {:?}", answer.lines()));
            return Err(Gone);
        };
        (self.open, self.uid_next) = (Some((name, place)), uid_next as u32);
        self.judge(|ledger| {
            let floor = floors.get(&validity).copied().unwrap_or_default();
            ledger.facts.opened(place, uid_next as u32, modseq, floor)
        });
        Ok(())
    }

    /// What everybody was told of this account's mailboxes so far.
    fn floors(&self) -> BTreeMap<u32, Floor> {
        let ledger = self.scene.ledger();
        let of = |(place, floor): (&Place, &Floor)| (place.0 == self.account).then_some((place.1, *floor));
        ledger.facts.floors().filter_map(of).collect()
    }

    async fn status(&mut self) -> Result<(), Gone> {
        let (name, floors) = (*self.dice.pick(&LASTING), self.floors());
        let answer = self.command(&format!("STATUS \"{name}\" (UIDNEXT UIDVALIDITY HIGHESTMODSEQ MESSAGES)")).await?;
        let Some(line) = answer.untagged("STATUS").next() else { return Ok(()) };
        let number = |word| number_behind(&line, word);
        let Some(((uid_next, validity), modseq)) =
            number("UIDNEXT ").zip(number("UIDVALIDITY ")).zip(number("HIGHESTMODSEQ "))
        else {
            return Ok(());
        };
        let floor = floors.get(&(validity as u32)).copied().unwrap_or_default();
        let place = (self.account, validity as u32);
        self.judge(|ledger| ledger.facts.opened(place, uid_next as u32, modseq, floor));
        Ok(())
    }

    async fn fetch(&mut self) -> Result<(), Gone> {
        let set = match self.known.last_key_value() {
            // Rarely all: in a large mailbox nothing else would take any time.
            Some((last, _)) if self.dice.chance(0.97) => format!("{}:*", last.saturating_sub(8).max(1)),
            None if self.dice.chance(0.9) => format!("{}:*", self.uid_next.saturating_sub(20).max(1)),
            _ => "1:*".to_owned(),
        };
        let items = "UID FLAGS MODSEQ BODY.PEEK[HEADER.FIELDS (MESSAGE-ID)]";
        let answer = self.command(&format!("UID FETCH {set} ({items})")).await?;
        self.take_in(&answer);
        Ok(())
    }

    async fn fetch_body(&mut self) -> Result<(), Gone> {
        let Some(((_, uid), tag)) = self.some_letter() else { return self.fetch().await };
        let answer = self.command(&format!("UID FETCH {uid} (UID BODY.PEEK[])")).await?;
        let whole = answer.literals().max_by_key(|literal| literal.len());
        let expected = self.scene.ledger().letter(tag).map(|letter| letter.octets.clone());
        if let (Some(whole), Some(expected)) = (whole, expected)
            && answer.status == Status::Ok
            && !whole.ends_with(&expected)
        {
            self.scene.violation(format!("letter {tag} (UID {uid} of {:?}) is not what was sent", self.open));
        }
        Ok(())
    }

    async fn idle(&mut self) -> Result<(), Gone> {
        self.tag += 1;
        self.link.send(format!("t{} IDLE\r\n", self.tag).as_bytes()).await?;
        let within = self.dice.seconds(1, 1200);
        // Some of it is enough: what else changed is told with the end.
        self.link.comes(within).await?;
        self.link.send(b"DONE\r\n").await?;
        let answer = self.answer().await?;
        self.take_in(&answer);
        Ok(())
    }

    /// What a FETCH response says holds for everybody.
    fn take_in(&mut self, answer: &Answer) {
        let Some((_, place)) = self.open else { return };
        for line in answer.untagged("FETCH") {
            let Some(uid) = number_behind(&line, "UID ").map(|uid| uid as u32) else { continue };
            let modseq = number_behind(&line, "MODSEQ (");
            let known = self.known.entry(uid).or_default();
            if let Some(modseq) = modseq {
                if modseq < known.1 {
                    self.scene.violation(format!("MODSEQ of UID {uid} of {place:?} was {} and is {modseq}", known.1));
                }
                known.1 = modseq;
                let since = self.since;
                self.judge(|ledger| ledger.facts.there((place, uid), modseq, since));
            }
            let id = line.split_once("Message-ID: ").map(|(_, rest)| rest.split('\r').next().unwrap_or_default());
            if let Some(id) = id {
                self.known.entry(uid).or_default().0 = tag_of(id);
                self.judge(|ledger| ledger.facts.message(place, uid, id));
            }
            if let (Some(modseq), Some((_, rest))) = (modseq, line.split_once("FLAGS (")) {
                let flags = rest.split(')').next().unwrap_or_default();
                let mut flags: Vec<&str> = flags.split(' ').filter(|flag| *flag != "\\Recent").collect();
                flags.sort_unstable();
                if flags.contains(&"\\Deleted") {
                    // A copy of which nobody was told may have it from its original.
                    self.scene.ledger().doomed.insert((place, uid));
                }
                self.judge(|ledger| ledger.facts.flags((place, uid), modseq, &flags.join(" ")));
            }
        }
        for line in answer.untagged("VANISHED") {
            let set = line.rsplit(' ').next().unwrap_or_default().to_owned();
            self.known.retain(|uid, _| !numbers(&set).any(|gone| gone == *uid));
            numbers(&set).for_each(|uid| self.scene.ledger().facts.gone((place, uid)));
        }
    }

    // What is changed.

    async fn store(&mut self) -> Result<(), Gone> {
        let Some((member, tag)) = self.some_letter() else { return self.fetch().await };
        let (sign, silent) = (*self.dice.pick(&["+", "-", ""]), *self.dice.pick(&["", ".SILENT"]));
        let flag = *self.dice.pick(&["\\Seen", "\\Flagged", "\\Deleted", "$Work", "\\Answered"]);
        if flag == "\\Deleted" && sign != "-" {
            self.scene.ledger().doom_member(tag, member);
        }
        self.scene.ledger().facts.storing(member, (sign, flag));
        let answer = self.command(&format!("UID STORE {} {sign}FLAGS{silent} ({flag})", member.1)).await?;
        if let Some(modseq) = stored_at(&answer, member.1, silent) {
            self.judge(|ledger| ledger.facts.stored(member, modseq, (sign, flag)));
        }
        self.take_in(&answer);
        Ok(())
    }

    async fn expunge(&mut self) -> Result<(), Gone> {
        let Some((_, place)) = self.open else { return Ok(()) };
        let one = self.some_letter().filter(|_| self.dice.chance(0.5)).map(|((_, uid), _)| uid);
        let command = one.map_or("EXPUNGE".to_owned(), |uid| format!("UID EXPUNGE {uid}"));
        let answer = self.command(&command).await?;
        if answer.status == Status::Ok {
            let meant = self.known.iter().filter(|(uid, _)| one.is_none_or(|one| one == **uid));
            meant.for_each(|(uid, (_, modseq))| self.scene.ledger().facts.expunged((place, *uid), *modseq));
        }
        self.take_in(&answer);
        Ok(())
    }

    async fn transfer(&mut self, how: &str) -> Result<(), Gone> {
        let Some((member, tag)) = self.some_letter() else { return self.fetch().await };
        let fleeting = self.dice.chance(0.15);
        let to = if fleeting { *self.dice.pick(&FLEETING) } else { *self.dice.pick(&LASTING) };
        {
            let mut ledger = self.scene.ledger();
            match how {
                "COPY" => ledger.copy(tag, self.account),
                // A move that is cut may have been a move to where messages are lost.
                _ if fleeting => ledger.doom(tag, self.account),
                _ => {}
            }
            if self.open.is_some_and(|(name, _)| FLEETING.contains(&name)) {
                ledger.doom(tag, self.account);
            }
        }
        let answer = self.command(&format!("UID {how} {} \"{to}\"", member.1)).await;
        if let Ok(answer) = &answer {
            self.transferred(answer, how, (member, tag), fleeting);
        }
        if how == "MOVE" {
            // Not before: until now nobody marked it, and a copy that was made meanwhile stays.
            self.scene.ledger().doomed.insert(member);
        }
        self.take_in(&answer?);
        Ok(())
    }

    /// The copy is there, and what was moved is gone, says an OK with COPYUID.
    fn transferred(&self, answer: &Answer, how: &str, (member, tag): (Member, u64), fleeting: bool) {
        if answer.status == Status::Ok
            && let [validity, from, new] = answer.words("COPYUID").as_slice()
            && let (Ok(validity), Ok(new)) = (validity.parse(), new.parse())
            && *from == member.1.to_string()
        {
            // A copy of what somebody marked is marked as well.
            let doubtful = fleeting || self.scene.ledger().doomed.contains(&member);
            self.arrived(((self.account, validity), new), tag, if doubtful { Keep::Doubtful } else { Keep::Promised });
            if how == "MOVE" {
                self.scene.ledger().facts.gone(member);
            }
        }
    }

    /// A letter was put into a mailbox, says an OK.
    fn arrived(&self, member: Member, tag: u64, keep: Keep) {
        let ((place, uid), id) = (member, crate::letter::message_id(tag));
        self.judge(|ledger| ledger.facts.message(place, uid, &id));
        let mut ledger = self.scene.ledger();
        match keep {
            Keep::Promised => ledger.promised.insert(member),
            Keep::Doubtful => ledger.doomed.insert(member),
        };
    }

    async fn append(&mut self) -> Result<(), Gone> {
        let letter = {
            let mut ledger = self.scene.ledger();
            let (tag, octets) = (ledger.letters.len() as u64, self.dice.scaled(1.0, 3_000.0) as usize);
            if tag >= self.scene.plan().letters {
                return Ok(());
            }
            let large = self.dice.chance(self.scene.plan().large);
            let octets = if large { octets * 40 } else { octets };
            let address = account_address(self.account);
            let to = vec![Recipient { address, goals: vec![Goal::Account(self.account)] }];
            let letter = Letter::new(tag, account_address(self.account), to, octets, self.dice);
            ledger.letters.push(letter.clone());
            letter
        };
        let name = *self.dice.pick(&LASTING);
        let octets = letter.octets.len();
        let lies = self.scene.happens(Fault::ClientLie, self.dice);
        let announced = if lies { octets as u64 + self.dice.between(1, 500) } else { octets as u64 };
        let (plus, doubts) = (if self.dice.chance(0.5) { "+" } else { "" }, self.scene.doubts());
        self.tag += 1;
        let begin = format!("t{} APPEND \"{name}\" (\\Seen) {{{announced}{plus}}}\r\n", self.tag);
        self.link.send(begin.as_bytes()).await?;
        if plus.is_empty() && !self.link.line().await?.starts_with(b"+") {
            return Ok(());
        }
        let sent = self.link.send(&letter.octets).await;
        if lies {
            // It goes without the rest: there must be nothing.
            self.note(&letter, Outcome::Refused);
            return Err(Gone);
        }
        if sent.is_err() {
            self.note(&letter, Outcome::Refused);
            return Err(Gone);
        }
        let sent = self.link.send(b"\r\n").await;
        let answer = match sent {
            Ok(()) => self.answer().await,
            Err(Gone) => Err(Gone),
        };
        let outcome = match &answer {
            Ok(answer) if answer.status == Status::Ok => Outcome::Acked,
            Ok(_) if doubts == self.scene.doubts() => Outcome::Refused,
            _ => Outcome::Doubt,
        };
        self.note(&letter, outcome);
        let answer = answer?;
        if let [validity, uid] = answer.words("APPENDUID").as_slice()
            && let (Ok(validity), Ok(uid)) = (validity.parse(), uid.parse())
        {
            self.arrived(((self.account, validity), uid), letter.tag, Keep::Promised);
        }
        self.take_in(&answer);
        Ok(())
    }

    fn note(&mut self, letter: &Letter, outcome: Outcome) {
        self.scene.say(|| format!("letter {} is put into account {}: {outcome:?}", letter.tag, self.account));
        let address = account_address(self.account);
        self.scene.ledger().attempted(letter, &[&address], outcome, self.link.is_touched());
    }

    // How it is said.

    /// A message of the open mailbox that is known to be a letter.
    fn some_letter(&mut self) -> Option<(Member, u64)> {
        let place = self.open?.1;
        let letters: Vec<_> = self.known.iter().filter_map(|(uid, (tag, _))| Some(((place, *uid), (*tag)?))).collect();
        if letters.is_empty() { None } else { Some(*self.dice.pick(&letters)) }
    }

    fn judge(&self, fact: impl FnOnce(&mut crate::ledger::Ledger) -> Result<(), String>) {
        let told = fact(&mut self.scene.ledger());
        if let Err(wrong) = told {
            self.scene.violation(wrong);
        }
    }

    async fn ok(&mut self, command: &str) -> Result<(), Gone> {
        if self.command(command).await?.status == Status::Ok { Ok(()) } else { Err(Gone) }
    }

    async fn command(&mut self, command: &str) -> Result<Answer, Gone> {
        self.tag += 1;
        self.link.send(format!("t{} {command}\r\n", self.tag).as_bytes()).await?;
        self.answer().await
    }

    async fn answer(&mut self) -> Result<Answer, Gone> {
        let answer = Answer::read(&mut self.link, &format!("t{} ", self.tag)).await?;
        // In garbage everything is bad.
        Ok(answer)
    }
}

/// The MODSEQ at which a message is as an acknowledged STORE made it: that of the first line, later ones tell what came next.
/// `.SILENT` says nothing of what was so before, and flags only if others had a hand in them: then they may be of what came next.
fn stored_at(answer: &Answer, uid: u32, silent: &str) -> Option<u64> {
    let line = answer.untagged("FETCH").find(|line| number_behind(line, "UID ") == Some(uid.into()))?;
    let certain = answer.status == Status::Ok && (silent.is_empty() || !line.contains("FLAGS ("));
    number_behind(&line, "MODSEQ (").filter(|_| certain)
}

/// Whether a message has to be there at the end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Keep {
    /// Unless a client takes it away.
    Promised,
    /// A client may have done so already.
    Doubtful,
}

/// `1:3,7`
fn numbers(set: &str) -> impl Iterator<Item = u32> {
    set.split(',').flat_map(|range| {
        let (first, last) = range.split_once(':').unwrap_or((range, range));
        first.parse::<u32>().unwrap_or(1)..=last.parse::<u32>().unwrap_or(0)
    })
}
