//! What is changed: flags, places of messages, mailboxes; and what an OK to that makes certain.

use super::{Answer, FLEETING, LASTING, Session, Status, number_behind};
use crate::facts::Member;
use crate::fault::Fault;
use crate::ledger::Outcome;
use crate::letter::{Goal, Letter, Recipient};
use crate::link::Gone;
use crate::server::account_address;

impl Session<'_> {
    pub(super) async fn store(&mut self) -> Result<(), Gone> {
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

    pub(super) async fn expunge(&mut self) -> Result<(), Gone> {
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

    pub(super) async fn transfer(&mut self, how: &str) -> Result<(), Gone> {
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

    pub(super) async fn append(&mut self) -> Result<(), Gone> {
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

    /// Something is done to a mailbox that others change as well: nothing is certain.
    pub(super) async fn mailboxes(&mut self) -> Result<(), Gone> {
        let (name, other) = (*self.dice.pick(&FLEETING), *self.dice.pick(&FLEETING));
        let command = match self.dice.below(5) {
            0 => format!("CREATE \"{name}\""),
            1 => format!("DELETE \"{name}\""),
            2 => format!("RENAME \"{name}\" \"{other}\""),
            3 => format!("SUBSCRIBE \"{name}\""),
            _ => "LIST \"\" \"*\"".to_owned(),
        };
        self.command(&command).await.map(drop)
    }

    /// Something is done to a mailbox that nobody else changes meanwhile.
    pub(super) async fn own_mailbox(&mut self) -> Result<(), Gone> {
        let step = self.scene.ledger().names.begin(self.account, self.dice);
        let Some(step) = step else { return Ok(()) };
        if self.command(&step.command).await?.status == Status::Ok {
            self.scene.say(|| format!("account {} has done: {}", self.account, step.command));
            self.scene.ledger().names.acknowledged(self.account, step);
        }
        Ok(())
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
