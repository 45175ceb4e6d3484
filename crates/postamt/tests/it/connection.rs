//! A connection that asks and waits.

use super::house::House;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;

pub struct Connection(BufReader<TcpStream>);

impl Connection {
    /// A connection, and what it is greeted with.
    pub fn open(address: &str) -> (Connection, String) {
        let mut connection = Connection(BufReader::new(TcpStream::connect(address).unwrap()));
        let greeting = connection.line();
        (connection, greeting)
    }

    /// One that speaks IMAP and is logged in.
    pub fn imap(house: &House, name: &str) -> Connection {
        let (mut connection, _) = Connection::open(&house.place("imap"));
        connection.log_in(name);
        connection
    }

    /// A line; nothing when it has ended.
    pub fn line(&mut self) -> String {
        let mut line = Vec::new();
        self.0.read_until(b'\n', &mut line).unwrap();
        String::from_utf8_lossy(&line).trim_end().to_owned()
    }

    /// What IMAP answers to a command, which has to be done.
    pub fn ask(&mut self, command: &str) -> Vec<String> {
        let lines = self.answer(command);
        assert!(lines.last().unwrap().starts_with("a OK"), "{command}: {lines:?}");
        lines
    }

    /// What IMAP answers to a command.
    pub fn answer(&mut self, command: &str) -> Vec<String> {
        self.0.get_mut().write_all(format!("a {command}\r\n").as_bytes()).unwrap();
        let mut lines = Vec::new();
        while !lines.last().is_some_and(|line: &String| line.starts_with("a ")) {
            assert!(!self.0.fill_buf().unwrap().is_empty(), "{command}: {lines:?}");
            lines.push(self.line());
        }
        lines
    }

    /// The one line that SMTP answers to a command.
    pub fn reply(&mut self, command: &str) -> String {
        self.0.get_mut().write_all(format!("{command}\r\n").as_bytes()).unwrap();
        self.line()
    }

    pub fn log_in(&mut self, name: &str) -> Vec<String> {
        self.ask(&format!("LOGIN {name}@example.org \"of {name}\""))
    }
}
