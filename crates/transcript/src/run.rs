//! Runs a script, block by block: a block is what the client does, or what the server says to it.

use crate::connection::Connection;
use crate::pattern::{self, Bindings};
use crate::script::{Client, Line, Server, show};
use crate::{Harness, Mismatch};
use env::virtual_world::World;
use std::collections::BTreeMap;

/// What happens where transcript and server differ.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    Check,
    Update,
}

/// The run so far.
struct Run<'a> {
    harness: &'a mut dyn Harness,
    world: World,
    mode: Mode,
    connections: BTreeMap<u32, Connection>,
    /// The connection whose `S` lines come just now; all it said has to be read before it goes on.
    listening: Option<u32>,
    bindings: Bindings,
    /// Whether an `S*` lets lines pass.
    any: bool,
    written: String,
}

/// Runs `text`; gives it as it should read.
pub(crate) fn run(text: &str, harness: &mut dyn Harness, mode: Mode) -> Result<String, Mismatch> {
    let world = harness.world();
    let mut run = Run {
        harness,
        world,
        mode,
        connections: BTreeMap::new(),
        listening: None,
        bindings: Bindings::new(),
        any: false,
        written: String::new(),
    };
    let mut number = 0;
    for line in text.lines() {
        number += 1;
        run.line(line).map_err(|(expected, got)| Mismatch { line: number, expected, got })?;
    }
    let at_end = |(expected, got)| Mismatch { line: number + 1, expected, got };
    run.listen(None).map_err(at_end)?;
    for connection in run.connections.keys().copied().collect::<Vec<_>>() {
        run.nothing_unread(connection).map_err(at_end)?;
    }
    Ok(run.written)
}

/// What was expected, and what came.
type Difference = (String, Vec<String>);

impl Run<'_> {
    fn line(&mut self, text: &str) -> Result<(), Difference> {
        let line = Line::parse(text).map_err(|error| (format!("a line of a transcript: {text}"), vec![error]))?;
        match line {
            Line::Comment => {}
            Line::SetUp(line) => {
                self.listen(None)?;
                self.harness.set_up(line).map_err(|error| (line.to_owned(), vec![error]))?;
                self.world.run_until_stalled();
            }
            Line::Wait(span) => {
                self.listen(None)?;
                self.world.pass(span);
            }
            Line::Client(number, client) => {
                self.listen(None)?;
                self.client(number, client)?;
            }
            Line::Server(number, server) => {
                self.listen(Some(number))?;
                return self.server(number, server, text);
            }
        }
        self.write(text);
        Ok(())
    }

    fn write(&mut self, line: &str) {
        self.written.push_str(line);
        self.written.push('\n');
    }

    fn connection(&mut self, number: u32) -> &Connection {
        self.connections.entry(number).or_insert_with(|| Connection::open(self.harness.connect(number), &self.world))
    }

    /// Whoever was listened to before must have nothing left to say.
    fn listen(&mut self, to: Option<u32>) -> Result<(), Difference> {
        let before = std::mem::replace(&mut self.listening, to);
        match before {
            Some(before) if Some(before) != to => self.nothing_unread(before),
            _ => Ok(()),
        }
    }

    fn nothing_unread(&mut self, number: u32) -> Result<(), Difference> {
        let Some(connection) = self.connections.get(&number) else { return Ok(()) };
        let unread: Vec<String> = connection.peek_lines().iter().map(|line| show(line)).collect();
        connection.skip_lines(unread.len());
        if std::mem::take(&mut self.any) || unread.is_empty() {
            return Ok(());
        }
        if self.mode == Mode::Check {
            return Err((format!("no more from {}", name("S", number)), unread));
        }
        unread.iter().for_each(|line| self.write(&format!("{}: {line}", name("S", number))));
        Ok(())
    }

    fn client(&mut self, number: u32, client: Client<'_>) -> Result<(), Difference> {
        let filled = match client {
            Client::Line(line) => pattern::fill(line, &self.bindings) + "\r\n",
            _ => String::new(),
        };
        let world = self.world.clone();
        let connection = self.connection(number);
        if connection.is_closed() {
            return Err((format!("{} to be open", name("C", number)), vec!["a closed connection".into()]));
        }
        match client {
            Client::Line(_) => connection.send(filled.as_bytes(), &world),
            Client::Raw(octets) => connection.send(&octets, &world),
            Client::Cut => connection.cut(&world),
            Client::Eof => connection.end(&world),
        }
        Ok(())
    }

    fn server(&mut self, number: u32, server: Server<'_>, text: &str) -> Result<(), Difference> {
        let world = self.world.clone();
        let expected = match server {
            Server::Any => {
                self.any = true;
                self.connection(number);
                self.write(text);
                return Ok(());
            }
            Server::Line(pattern) => return self.expect_line(number, pattern, text),
            Server::None => "nothing more now",
            Server::Close => "the connection closed",
            Server::StartTls => "TLS to begin",
        };
        self.connection(number);
        self.nothing_unread(number)?;
        let connection = self.connection(number);
        let (holds, state) = match server {
            Server::Close => (connection.is_closed(), "an open connection"),
            Server::StartTls => (connection.secure(&world), "no TLS"),
            _ => (!connection.is_closed(), "a closed connection"),
        };
        let closed = connection.is_closed();
        match (holds, self.mode) {
            (true, _) => self.write(text),
            (false, Mode::Check) => return Err((expected.to_owned(), vec![state.to_owned()])),
            (false, Mode::Update) if closed => self.write(&format!("{}-close", name("S", number))),
            (false, Mode::Update) => {}
        }
        Ok(())
    }

    fn expect_line(&mut self, number: u32, pattern: &str, text: &str) -> Result<(), Difference> {
        let any = std::mem::take(&mut self.any);
        let lines: Vec<String> = self.connection(number).peek_lines().iter().map(|line| show(line)).collect();
        // An update looks ahead as well: what was said before the line that fits is new, what fits nothing is gone.
        let reach = if any || self.mode == Mode::Update { lines.len() } else { 1 };
        let found = lines.iter().take(reach).position(|line| pattern::matches(pattern, line, &mut self.bindings));
        match (found, self.mode) {
            (Some(at), mode) => {
                self.connection(number).skip_lines(at + 1);
                if mode == Mode::Update && !any {
                    lines.iter().take(at).for_each(|line| self.write(&format!("{}: {line}", name("S", number))));
                }
                self.write(text);
                Ok(())
            }
            (None, Mode::Update) => Ok(()),
            (None, Mode::Check) if lines.is_empty() && self.connection(number).is_closed() => {
                Err((pattern.to_owned(), vec!["a closed connection".into()]))
            }
            (None, Mode::Check) => Err((pattern.to_owned(), lines)),
        }
    }
}

/// `S`, `S2`, …
fn name(side: &str, number: u32) -> String {
    if number == 1 { side.to_owned() } else { format!("{side}{number}") }
}
