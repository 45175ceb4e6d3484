//! Turns for others, and a word to the client, while much text is searched.

use crate::imap::out::Out;

/// Turns after which the client is told that it goes on: it need not think us dead, and if it has gone, that shows.
const TURNS_UNTOLD: usize = 1024;

/// What was looked at.
pub(super) struct Pace<'a> {
    out: &'a mut Out,
    /// Since the client was told.
    turns: usize,
}

impl<'a> Pace<'a> {
    pub fn new(out: &'a mut Out) -> Pace<'a> {
        Pace { out, turns: 0 }
    }

    /// Counts `octets`, and lets others run when it is their turn.
    pub async fn took(&mut self, octets: usize) {
        if !self.out.looked_at(octets).await {
            return;
        }
        self.turns += 1;
        if self.turns == TURNS_UNTOLD {
            self.turns = 0;
            // RFC 9051 §7.1.1: an untagged OK only informs.
            self.out.extend_from_slice(b"* OK still searching\r\n");
            self.out.flush().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::imap::out::OCTETS_AT_ONCE;
    use env::virtual_world::World;
    use imap::{Limits, Session};
    use model::Moment;

    #[test]
    fn a_client_that_waits_long_is_told_that_the_search_goes_on() {
        let mut session = Session::new(Limits::default(), "IMAP4rev2", Moment::default());
        session.sent(usize::MAX);
        let mut out = Out::default();
        let pipe = out.pipe();
        let mut pace = Pace::new(&mut out);
        let mut look = |turns| {
            World::new(1).block_on(async {
                for _ in 0..turns {
                    pace.took(OCTETS_AT_ONCE).await;
                }
            });
            pipe.empty_into(&mut session);
            String::from_utf8_lossy(session.output()).into_owned()
        };
        assert_eq!(look(TURNS_UNTOLD - 1), "");
        assert_eq!(look(1), "* OK still searching\r\n");
        assert_eq!(look(TURNS_UNTOLD), "* OK still searching\r\n* OK still searching\r\n");
    }
}
