//! The messages of APPEND and REPLACE, which stream.

use super::line::{Announced, Gathered};
use super::{AppendNext, AppendStart, Event, LiteralForm, Mode, Session, State, Step};
use crate::command::{Append, AppendData, Tag, append};
use crate::limits::{APPEND_LARGEST_MAX, APPEND_MESSAGES_MAX};
use crate::response::{Answer, Code};

/// What has come of the command in progress.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Appending {
    /// What the last message's data are, which says what closes them.
    data: AppendData,
    /// Whether it is REPLACE, which takes one message (RFC 8508 §4.7).
    replaces: bool,
    messages: u32,
    octets: u64,
}

impl Appending {
    /// With another message, or why it is not wanted.
    fn and(self, data: AppendData, octets: u64, largest: u64) -> Result<Appending, Answer<'static>> {
        let all = Appending { data, messages: self.messages + 1, octets: self.octets.saturating_add(octets), ..self };
        if octets > largest {
            Err(Answer::no("message too large").code(Code::TooBig))
        } else if octets == 0 {
            // RFC 3502 §6.3.11: so a client cancels what it has begun.
            Err(Answer::no("an empty message: nothing is stored"))
        } else if all.replaces && all.messages > 1 {
            Err(Answer::bad("REPLACE takes one message"))
        } else if all.messages > APPEND_MESSAGES_MAX {
            Err(Answer::no(format!("at most {APPEND_MESSAGES_MAX} messages at once")).code(Code::Limit))
        } else if all.octets > largest.saturating_mul(APPEND_LARGEST_MAX) {
            let max = largest.saturating_mul(APPEND_LARGEST_MAX);
            Err(Answer::no(format!("at most {max} octets at once")).code(Code::Limit))
        } else {
            Ok(all)
        }
    }
}

impl Session {
    pub(super) fn append_asked(&mut self, tag: Tag, append: Append, announced: Announced) -> Step {
        let replaces = append.replaces.is_some();
        if replaces && self.state != State::Selected {
            return self.refuse_announced(announced, &Answer::bad("REPLACE is not possible in this state"));
        }
        let octets = announced.octets.unwrap_or(u64::MAX);
        let first = Appending { replaces, ..Appending::default() };
        match first.and(append.message.data, octets, self.limits.append_octets_max) {
            Ok(appending) => self.appending = appending,
            Err(answer) => return self.refuse_announced(announced, &answer),
        }
        self.take_line();
        self.bad_commands = 0;
        self.begin(tag.clone(), Mode::AppendAsked { octets, form: announced.form });
        Step::Event(Event::AppendStart(AppendStart { tag, append, size_octets: octets }))
    }

    pub(super) fn append_body(&mut self, left: u64) -> Step {
        if left == 0 {
            self.mode = Mode::AppendTail;
            return Step::Again;
        }
        let range = self.input.take(usize::try_from(left).unwrap_or(usize::MAX));
        if range.is_empty() {
            return Step::Wait;
        }
        self.mode = Mode::AppendBody { left: left - range.len() as u64 };
        Step::Chunk(range)
    }

    pub(super) fn append_tail(&mut self) -> Step {
        let next = match self.gather() {
            Gathered::Wait => return Step::Wait,
            Gathered::TooLong(next) => next,
            Gathered::Complete => match self.line.announced() {
                Some(announced) => return self.another_asked(announced),
                None => Mode::Command,
            },
        };
        if self.take_line() == self.appending.data.closing().as_bytes() {
            self.mode = Mode::Busy;
            return Step::Event(Event::AppendEnd);
        }
        self.break_off(next, "APPEND: expected the end of the line or another message behind the message");
        Step::Event(Event::AppendAborted)
    }

    fn another_asked(&mut self, announced: Announced) -> Step {
        let parsed = append::another(self.line.before(announced), self.form, self.appending.data);
        self.take_line();
        let octets = announced.octets.unwrap_or(u64::MAX);
        let checked = parsed.map_err(|error| error.within("APPEND").answer()).and_then(|message| {
            let appending = self.appending.and(message.data, octets, self.limits.append_octets_max)?;
            Ok((message, appending))
        });
        match checked {
            Ok((message, appending)) => {
                self.appending = appending;
                self.mode = Mode::AppendAsked { octets, form: announced.form };
                Step::Event(Event::AppendNext(AppendNext { message, size_octets: octets }))
            }
            Err(answer) => {
                let tag = self.tag.take();
                self.reject(tag, &answer);
                self.mode = match announced.form {
                    LiteralForm::Waits => Mode::Command,
                    LiteralForm::Sends => self.drained(octets),
                };
                Step::Event(Event::AppendAborted)
            }
        }
    }
}
