//! The message of APPEND, which streams.

use super::line::{Announced, Gathered};
use super::{AppendStart, Event, LiteralForm, Mode, Session, Step};
use crate::command::{Append, AppendData, Tag};
use crate::response::{Answer, Code};

impl Session {
    pub(super) fn append_asked(&mut self, tag: Tag, append: Append, announced: Announced) -> Step {
        let Some(octets) = announced.octets.filter(|&n| n <= self.limits.append_octets_max) else {
            return self.refuse_announced(announced, &Answer::no("message too large").code(Code::TooBig));
        };
        self.take_line();
        self.append_data = append.data;
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

    // Todo(RFC 3502 §3): MULTIAPPEND, where another message follows instead of the line's end.
    pub(super) fn append_tail(&mut self) -> Step {
        let (next, announced) = match self.gather() {
            Gathered::Wait => return Step::Wait,
            Gathered::TooLong(next) => (next, None),
            Gathered::Complete => (Mode::Command, self.line.announced()),
        };
        let line = self.take_line();
        let closing: &[u8] = if self.append_data == AppendData::Utf8 { b")" } else { b"" };
        if line == closing {
            self.mode = Mode::Busy;
            return Step::Event(Event::AppendEnd);
        }
        self.break_off(next, "APPEND: expected the end of the line behind the message");
        if let Some(Announced { octets, form: LiteralForm::Sends, .. }) = announced {
            self.mode = self.drained(octets.unwrap_or(u64::MAX));
        }
        Step::Event(Event::AppendAborted)
    }
}
