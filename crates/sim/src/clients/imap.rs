//! Mail programs with IMAP: they look, and everything that two of them are told must agree; they put messages in, copy, move and
//! delete them, and remember what they may find missing.

mod answer;
mod changes;

use crate::dice::Dice;
use crate::facts::{Floor, Member, Place};
use crate::fault::Fault;
use crate::letter::tag_of;
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

/// `1:3,7`
fn numbers(set: &str) -> impl Iterator<Item = u32> {
    set.split(',').flat_map(|range| {
        let (first, last) = range.split_once(':').unwrap_or((range, range));
        first.parse::<u32>().unwrap_or(1)..=last.parse::<u32>().unwrap_or(0)
    })
}
