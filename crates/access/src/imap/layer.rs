//! What lies between the session and the connection: nothing, or COMPRESS=DEFLATE (RFC 4978).

use imap::Session;
use imap::deflate::{Damaged, Deflater, Inflater};
use model::Moment;

/// What is inflated in one go, on the stack. Only a session that has looked at everything is given more, so that a bomb costs
/// this much.
const PIECE_OCTETS: usize = 8 * 1024;

/// Output that is deflated in one go.
const BATCH_OCTETS: usize = 16 * 1024;

/// The compression of a connection, in each direction from its own moment to its own moment.
#[derive(Default)]
pub(crate) struct Layer {
    incoming: Option<Inflater>,
    /// Whether the peer ends its deflating with the command that is being answered.
    ending: bool,
    /// What came deflated before the layer was there.
    early: Vec<u8>,
    outgoing: Option<Deflater>,
    /// What goes out, and how much of it went.
    wire: Vec<u8>,
    sent: usize,
    /// How many octets of the session's output it stands for.
    covered: usize,
}

impl Layer {
    /// Deflates what the session says from here on, and inflates what the client says.
    pub fn begin(&mut self, session: &mut Session) {
        self.cover(session);
        self.incoming = Some(Inflater::default());
        self.early = session.take_input();
        self.outgoing = Some(Deflater::default());
    }

    /// Ends both: behind what the session has said, and behind the client's last flush (RFC 8437 §4.1).
    pub fn end(&mut self, session: &Session) {
        self.ending = self.incoming.is_some();
        self.cover(session);
        if let Some(deflater) = self.outgoing.take() {
            deflater.finish(&[], &mut self.wire);
        }
    }

    /// Makes the session's output part of what goes out, however much that is: one answer.
    fn cover(&mut self, session: &Session) {
        let output = session.output().get(self.covered..).unwrap_or_default();
        match &mut self.outgoing {
            Some(deflater) => deflater.deflate(output, &mut self.wire),
            None => self.wire.extend_from_slice(output),
        }
        self.covered = session.output().len();
    }

    /// Whether the client's octets are inflated.
    pub fn is_active(&self) -> bool {
        self.incoming.is_some()
    }

    /// Whether nothing distinguishes it from none.
    pub fn is_over(&self) -> bool {
        self.incoming.is_none() && self.outgoing.is_none() && self.wire.is_empty() && self.early.is_empty()
    }

    /// Takes octets from the client, as [`Session::receive`] does.
    pub fn receive(&mut self, session: &mut Session, octets: &[u8], now: Moment) -> Result<usize, Damaged> {
        match session.is_closing() {
            true => Ok(octets.len()),
            false if self.has_more() => Ok(0),
            false => self.take(session, octets, now),
        }
    }

    /// Gives the session what is here already; whether there was anything.
    pub fn pump(&mut self, session: &mut Session, now: Moment) -> Result<bool, Damaged> {
        if !session.is_hungry() || !self.has_more() {
            return Ok(false);
        }
        let early = std::mem::take(&mut self.early);
        let taken = self.take(session, &early, now)?;
        let given = taken > 0 || !session.is_hungry();
        self.early = early;
        self.early.drain(..taken);
        Ok(given)
    }

    /// Whether something is here that the session has not seen.
    pub fn has_more(&self) -> bool {
        !self.early.is_empty() || self.incoming.as_ref().is_some_and(Inflater::has_more)
    }

    fn take(&mut self, session: &mut Session, octets: &[u8], now: Moment) -> Result<usize, Damaged> {
        let Some(inflater) = &mut self.incoming else { return Ok(session.receive(octets, now)) };
        if self.ending && inflater.may_end() {
            (self.incoming, self.ending) = (None, false);
            return Ok(session.receive(octets, now));
        }
        if !session.is_hungry() {
            return Ok(0);
        }
        let mut piece = [0; PIECE_OCTETS];
        let step = inflater.inflate(octets, &mut piece)?;
        if self.ending && step.given > 0 {
            return Err(Damaged);
        }
        session.receive(piece.get(..step.given).unwrap_or_default(), now);
        if step.taken == octets.len() {
            inflater.pause();
        }
        Ok(step.taken)
    }

    /// Deflates some of what the session has said, if all before is sent.
    pub fn deflate(&mut self, session: &Session) {
        let Some(deflater) = self.outgoing.as_mut().filter(|_| self.wire.is_empty()) else { return };
        let output = session.output().get(self.covered..).unwrap_or_default();
        let batch = output.get(..BATCH_OCTETS).unwrap_or(output);
        deflater.deflate(batch, &mut self.wire);
        self.covered += batch.len();
    }

    /// What the connection shall write.
    pub fn output<'a>(&'a self, session: &'a Session) -> &'a [u8] {
        match self.wire.get(self.sent..) {
            Some(rest) if !rest.is_empty() => rest,
            _ if self.outgoing.is_some() => &[],
            _ => session.output(),
        }
    }

    /// The first `octets` of the output are written.
    pub fn sent(&mut self, session: &mut Session, octets: usize) {
        if self.wire.is_empty() {
            return session.sent(octets);
        }
        self.sent += octets;
        if self.sent >= self.wire.len() {
            (self.wire, self.sent) = (Vec::new(), 0);
            session.sent(std::mem::take(&mut self.covered));
        }
    }

    /// The connection is quiet.
    pub fn rest(&mut self) {
        self.early.shrink_to_fit();
        if let Some(inflater) = &mut self.incoming {
            inflater.rest();
        }
        if let Some(deflater) = &mut self.outgoing {
            deflater.rest();
        }
    }
}
