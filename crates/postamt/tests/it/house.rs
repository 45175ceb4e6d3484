//! A folder with a configuration, and the program at work in it.

use bytes::Bytes;
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use store::{Batch, RowPlace, Store, block_on};
use store_local::{LocalStore, Options};
use tempfile::TempDir;

/// A folder of one's own; it goes with the test.
pub struct House(TempDir);

impl House {
    /// Without a configuration.
    pub fn empty() -> House {
        House(tempfile::tempdir().unwrap())
    }

    pub fn new(config: &str) -> House {
        let house = House::empty();
        house.configure(config);
        house
    }

    pub fn configure(&self, config: &str) {
        let path = self.path("postamt.toml");
        fs::write(&path, config).unwrap();
        // Nobody else may read passwords.
        fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_postamt"));
        command.args(args).current_dir(self.0.path()).env_remove("POSTAMT_LOG").env("LC_ALL", "C");
        command
    }

    pub fn serve(&self) -> Server {
        self.serve_with_events(Stdio::null())
    }

    /// A server that tells its events there.
    pub fn serve_with_events(&self, events: Stdio) -> Server {
        let mut command = self.command(&["serve", "--config", "postamt.toml"]);
        Server::start(command.stderr(events), "ready; data in ")
    }

    /// What a command prints, both ways; it has to end with this code.
    pub fn run(&self, code: i32, args: &[&str]) -> String {
        self.run_with(code, args, "")
    }

    /// The same of a command that is given `input`.
    pub fn run_with(&self, code: i32, args: &[&str], input: &str) -> String {
        let mut command = self.command(args);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // Not every command reads.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert_eq!(output.status.code(), Some(code), "{args:?}: {text}");
        text
    }

    /// The first object that a command prints.
    pub fn json(&self, code: i32, args: &[&str]) -> Value {
        let text = self.run(code, &[args, &["--json"]].concat());
        serde_json::from_str(text.lines().next().unwrap()).unwrap()
    }

    /// All objects that a command prints.
    pub fn list(&self, args: &[&str]) -> Vec<Value> {
        let text = self.run(0, &[args, &["--json"]].concat());
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Makes the last octet of the rows that are `wanted` another one, of a stopped server's store; how many there are.
    pub fn damage(&self, data: &str, wanted: impl Fn(&RowPlace, &[u8]) -> bool) -> usize {
        self.change(data, wanted, |row| {
            let mut damaged = row.to_vec();
            *damaged.last_mut().unwrap() ^= 1;
            Some(damaged.into())
        })
    }

    /// Takes them out, without anything that goes with them.
    pub fn lose(&self, data: &str, wanted: impl Fn(&RowPlace, &[u8]) -> bool) -> usize {
        self.change(data, wanted, |_| None)
    }

    fn change(
        &self,
        data: &str,
        wanted: impl Fn(&RowPlace, &[u8]) -> bool,
        change: impl Fn(&[u8]) -> Option<Bytes>,
    ) -> usize {
        let store = LocalStore::open(self.path(data).join("store"), Options::default()).unwrap();
        let rows = block_on(block_on(store.snapshot()).unwrap().rows(None, 64 << 20)).unwrap().rows;
        let rows: Vec<_> = rows.into_iter().filter(|(place, row)| wanted(place, row)).collect();
        for (RowPlace { space, cell, key }, row) in &rows {
            let mut batch = Batch::new(cell.clone());
            match change(row) {
                Some(row) => batch.put(*space, key.clone(), row),
                None => batch.delete(*space, key.clone()),
            };
            block_on(store.commit(batch)).unwrap();
        }
        rows.len()
    }

    /// Where a protocol is spoken.
    pub fn place(&self, protocol: &str) -> String {
        let status = self.json(0, &["status"]);
        let listeners = status["listeners"].as_array().unwrap();
        let listener = listeners.iter().find(|listener| listener["protocol"] == protocol).unwrap();
        listener["address"].as_str().unwrap().to_owned()
    }
}

/// A server that runs, until it is dropped.
pub struct Server {
    pub child: Child,
    pub said: BufReader<ChildStdout>,
}

impl Server {
    /// Returns once it says `ready`.
    pub fn start(command: &mut Command, ready: &str) -> Server {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap());
        line_with(ready, &mut said);
        Server { child, said }
    }

    pub fn signal(&self, signal: rustix::process::Signal) {
        rustix::process::kill_process(rustix::process::Pid::from_child(&self.child), signal).unwrap();
    }

    /// Asks it to end, and waits until it has.
    pub fn stop(&mut self) {
        self.signal(rustix::process::Signal::TERM);
        assert!(self.child.wait().unwrap().success());
    }

    pub fn kill(&mut self) {
        // It may have ended already, as it was told to.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The first line that has `part` in it.
pub fn line_with(part: &str, lines: &mut impl BufRead) -> String {
    loop {
        let mut line = String::new();
        assert_ne!(lines.read_line(&mut line).unwrap(), 0, "ended before \"{part}\"");
        if line.contains(part) {
            return line;
        }
    }
}

/// Damages a file at a place within its octets.
pub fn flip(file: &Path, at: impl FnOnce(usize) -> usize) {
    let mut octets = fs::read(file).unwrap();
    let at = at(octets.len());
    octets[at] ^= 0x10;
    fs::write(file, octets).unwrap();
}

pub fn has(octets: &[u8], part: &[u8]) -> bool {
    octets.windows(part.len()).any(|here| here == part)
}
