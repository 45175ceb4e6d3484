//! What a writer says into the record.

use crate::plan::ACCOUNTS;
use crate::record::{Kind, Record};

/// Stands for an account's number where the plain rows are meant.
pub const PLAIN: usize = ACCOUNTS;

/// What was said: whose operation, and its number from 1.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mark {
    /// It is going to be asked for.
    Begun(usize, usize),
    /// It was answered with yes.
    Done(usize, usize),
}

/// The mark as text.
pub fn says(mark: Mark) -> String {
    match mark {
        Mark::Begun(who, number) => format!("begun {who} {number}"),
        Mark::Done(who, number) => format!("done {who} {number}"),
    }
}

/// How far each account, and the plain rows, had come.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash, Debug)]
pub struct Reached {
    /// Operations that were asked for.
    pub begun: [usize; ACCOUNTS + 1],
    /// Operations that were answered.
    pub done: [usize; ACCOUNTS + 1],
}

impl Reached {
    /// One record more.
    ///
    /// # Panics
    /// When a mark is none of a writer's.
    pub fn step(&mut self, record: &Record) {
        if record.kind != Kind::Mark {
            return;
        }
        let text = String::from_utf8_lossy(&record.data);
        let words: Vec<&str> = text.split(' ').collect();
        let number = |at: usize| words[at].parse::<usize>().expect("a number");
        match words[0] {
            "begun" => self.begun[number(1)] = number(2),
            // One that begins again may repeat what changes nothing.
            "done" => self.done[number(1)] = self.done[number(1)].max(number(2)),
            other => panic!("a mark that nobody made: {other}"),
        }
    }
}
