//! What a client knows of mod-sequences, and what it takes for the HIGHESTMODSEQ of the selected mailbox (RFC 7162 §3.1, §6).
//!
//! A client asks after a hang-up for what changed since its HIGHESTMODSEQ. It takes for that the greatest MODSEQ it read, so
//! that it would miss a change that was told later than a newer one: whenever it would reckon wrongly, it is told the value.

use super::client::Client;
use super::out::Out;
use super::selected::Selected;
use imap::command::{Command, FetchItem, SearchKey, StatusItem};
use imap::{Answer, Code, Status, response};
use model::ModSeq;

/// How much of RFC 7162 a client asked for; it never becomes less.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub(crate) enum Awareness {
    /// Nothing.
    #[default]
    None,
    /// MODSEQ in what it is told (RFC 7162 §3.1).
    Condstore,
    /// Also VANISHED in place of EXPUNGE (RFC 7162 §3.2.3).
    Qresync,
}

/// What a client takes for HIGHESTMODSEQ.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Reckoned {
    highest: ModSeq,
    /// Whether it was told so since the last tagged response: then that holds, whatever it sees besides (RFC 7162 §6).
    told: bool,
    owed: bool,
}

impl Reckoned {
    /// It was told this value.
    pub fn told(highest: ModSeq) -> Reckoned {
        Reckoned { highest, told: true, owed: false }
    }

    /// It was told of a message with this MODSEQ.
    pub fn saw(&mut self, modseq: ModSeq) {
        if !self.told {
            self.highest = self.highest.max(modseq);
        }
    }

    /// It shall be told the value with the next answer, whatever it reckons (RFC 7162 §3.2.7).
    pub fn owe(&mut self) {
        self.owed = true;
    }
}

/// Whether a command makes its client aware of mod-sequences (RFC 7162 §3.1); SELECT, EXAMINE and ENABLE say it themselves.
pub(crate) fn makes_aware(command: &Command) -> bool {
    match command {
        Command::Status(status) => status.items.contains(&StatusItem::HighestModSeq),
        Command::List(list) => list.returns.status.contains(&StatusItem::HighestModSeq),
        Command::Fetch(fetch) => fetch.modifiers.changed_since.is_some() || fetch.items.contains(&FetchItem::ModSeq),
        Command::Search(search) => asks_modseq(&search.key),
        Command::Sort(sort) => asks_modseq(&sort.key),
        Command::Thread(thread) => asks_modseq(&thread.key),
        Command::Store(store) => store.unchanged_since.is_some(),
        _ => false,
    }
}

/// Whether a search asks for mod-sequences.
pub(crate) fn asks_modseq(key: &SearchKey) -> bool {
    key.any(&|key| matches!(key, SearchKey::ModSeq(_)))
}

impl Client {
    /// The client asked for it; the first time it learns where the selected mailbox stands (RFC 7162 §3.1).
    pub fn becomes(&mut self, aware: Awareness, out: &mut Out) {
        let before = self.aware;
        self.aware = before.max(aware);
        if let Some(selected) = &mut self.selected {
            selected.aware = self.aware;
            if before == Awareness::None {
                selected.reckoned.owe();
                selected.tell_highest(out);
            }
        }
    }

    /// The answer to a command, with the selected mailbox's HIGHESTMODSEQ if the client reckons otherwise: in the answer if it
    /// has no other code, else before it (RFC 7162 §3.2.7, §6; RFC 6851 §4.4).
    pub fn with_highest(&mut self, answer: Answer<'static>, out: &mut Out) -> Answer<'static> {
        let Some(selected) = &mut self.selected else { return answer };
        let highest = if answer.status != Status::Ok || answer.code.is_some() {
            selected.tell_highest(out);
            None
        } else {
            selected.highest_to_tell()
        };
        selected.reckoned.told = false;
        match highest {
            Some(highest) => answer.code(Code::HighestModSeq(highest.0)),
            None => answer,
        }
    }
}

impl Selected {
    /// `* OK [HIGHESTMODSEQ n]`, if the client reckons otherwise.
    pub fn tell_highest(&mut self, out: &mut Out) {
        if let Some(highest) = self.highest_to_tell() {
            let answer = Answer::ok("all changes up to here are told").code(Code::HighestModSeq(highest.0));
            response::answer(out, None, &answer);
        }
    }

    /// Up to which modification the client knows everything, if it has to be told.
    fn highest_to_tell(&mut self) -> Option<ModSeq> {
        // A view that lacks some change has the record from before it.
        let highest = self.known.mailbox.highest_modseq;
        let Reckoned { highest: reckoned, owed, .. } = self.reckoned;
        if self.aware == Awareness::None || (reckoned == highest && !owed) {
            return None;
        }
        self.reckoned = Reckoned::told(highest);
        Some(highest)
    }
}
