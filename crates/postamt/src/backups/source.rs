//! What a backup is taken of: the running server, over its socket; or the folder of one that is stopped.

use super::names;
use crate::admin::backup::{BeginItem, PieceItem, Wish};
use crate::admin::client::{Client, ClientError};
use crate::admin::protocol::{Answer, Request};
use crate::language::say;
use anyhow::Context;
use backup::{Error, Opened, Pieces, Row, Source};
use serde::de::DeserializeOwned;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use store::block_on;
use store::{BlobId, Blobs, Store};
use store_local::{LocalBlobs, LocalStore, OpenError, Options, is_begun};

/// Octets of a piece: the server sends far less.
const PIECE_OCTETS_MAX: u64 = 64 << 20;

/// The running server.
pub struct Running {
    reader: BufReader<UnixStream>,
    writer: UnixStream,
    /// What it said of the moment.
    pub begin: BeginItem,
    ended: bool,
}

impl Running {
    /// Begins to read.
    ///
    /// # Errors
    /// As [`Client::stream`].
    pub fn begin(client: Client) -> Result<Running, ClientError> {
        let (mut reader, writer) = client.stream(Request::BackupRead {})?;
        let begin = item(&mut reader)?;
        Ok(Running { reader, writer, begin, ended: false })
    }

    /// The key by which encrypted objects are named.
    pub fn names(&self) -> Option<[u8; 32]> {
        names::parse(&self.begin.names)
    }

    /// Nothing more is wanted; a server that has gone meanwhile has given all there is.
    pub fn end(mut self) {
        if let Err(error) = self.wish(&Wish::End {}) {
            tracing::debug!(event = "backup.not_ended", %error);
        }
    }

    fn piece(&mut self) -> Result<(PieceItem, Vec<u8>), ClientError> {
        let piece: PieceItem = item(&mut self.reader)?;
        let mut octets = Vec::new();
        let read = (&mut self.reader).take(piece.octets.min(PIECE_OCTETS_MAX)).read_to_end(&mut octets)?;
        if (read as u64) < piece.octets {
            return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into());
        }
        Ok((piece, octets))
    }

    fn wish(&mut self, wish: &Wish) -> Result<(), ClientError> {
        let mut line = serde_json::to_vec(wish)?;
        line.push(b'\n');
        Ok(self.writer.write_all(&line)?)
    }
}

fn item<T: DeserializeOwned>(reader: &mut impl BufRead) -> Result<T, ClientError> {
    let mut line = Vec::new();
    reader.read_until(b'\n', &mut line)?;
    match serde_json::from_slice(&line)? {
        Answer::Item(item) => Ok(item),
        Answer::Trouble(trouble) => Err(trouble.into()),
        Answer::GoOn {} | Answer::End {} => Err(std::io::Error::from(std::io::ErrorKind::InvalidData).into()),
    }
}

fn lost(error: impl std::fmt::Display) -> Error {
    Error::Source(error.to_string())
}

impl Source for Running {
    fn rows(&mut self) -> Result<Vec<Row>, Error> {
        if self.ended {
            return Ok(Vec::new());
        }
        let (piece, octets) = self.piece().map_err(lost)?;
        self.ended = piece.octets == 0;
        backup::decode_rows(&octets.into()).map_err(lost)
    }

    fn blob(&mut self, id: BlobId, each: &mut Pieces<'_>) -> Result<bool, Error> {
        self.wish(&Wish::Blob(id.to_string())).map_err(lost)?;
        // What is sent has to be read to its end, though nobody takes it any more.
        let mut taken = Ok(());
        loop {
            let (piece, octets) = self.piece().map_err(lost)?;
            if piece.octets == 0 {
                return taken.map(|()| !piece.missing);
            }
            taken = taken.and_then(|()| each(&octets));
        }
    }
}

/// A stopped server's folder.
pub struct Stopped {
    store: LocalStore,
    blobs: LocalBlobs,
    data: PathBuf,
}

impl Stopped {
    /// Opens it; nothing is made where there is nothing.
    ///
    /// # Errors
    /// When it is no data folder, or somebody has it open.
    pub fn open(data: &Path) -> anyhow::Result<Stopped> {
        Stopped::open_by(data, LocalStore::open)
    }

    /// The same, and it takes writes also where damage was found.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_to_repair(data: &Path) -> anyhow::Result<Stopped> {
        Stopped::open_by(data, LocalStore::open_to_repair)
    }

    fn open_by(
        data: &Path,
        open: impl Fn(PathBuf, Options) -> Result<LocalStore, OpenError>,
    ) -> anyhow::Result<Stopped> {
        Stopped::is_there(data)?;
        let blobs = LocalBlobs::open(data.join("blobs"), Options::default())?;
        let store = open(data.join("store"), Options::default())?;
        Ok(Stopped { store, blobs, data: data.to_owned() })
    }

    /// The key by which encrypted objects are named, made if there is none.
    ///
    /// # Errors
    /// Those of the disk.
    pub fn names(&self) -> anyhow::Result<[u8; 32]> {
        let shown = self.data.display();
        names::key(&self.data)
            .with_context(|| say!("the key of names in {shown}", "der Schlüssel der Namen in {shown}"))
    }

    /// Whether there is a whole data folder.
    ///
    /// # Errors
    /// Why not.
    pub fn is_there(data: &Path) -> anyhow::Result<()> {
        let shown = data.display();
        anyhow::ensure!(
            is_begun(&data.join("store")),
            say!(
                "{shown} is no data folder of a postamt: there is no store in it",
                "{shown} ist kein Datenordner eines postamt: Es ist kein Speicher darin"
            )
        );
        is_ours(&data.join("store"))?;
        super::scratch::check(data)?;
        super::scratch::is_whole(data)
    }

    /// Rows and blobs.
    pub fn parts(&self) -> (&dyn Store, &dyn Blobs) {
        (&self.store, &self.blobs)
    }

    /// Takes what is there now.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn source(&self) -> anyhow::Result<Opened<'_>> {
        Ok(Opened::new(block_on(self.store.snapshot())?, &self.blobs as &dyn Blobs))
    }
}

/// Refuses the store of another user: what opening or mending it makes would be ours, and the server could not read it.
fn is_ours(store: &Path) -> anyhow::Result<()> {
    let (owner, we) = (fs::metadata(store)?.uid(), rustix::process::geteuid().as_raw());
    let shown = store.display();
    anyhow::ensure!(
        owner == we,
        say!(
            "{shown} is user {owner}'s, and files that user {we} makes in it the server could not read; begin the command with: sudo -u \
             '#{owner}'",
            "{shown} gehört dem Nutzer {owner}, und Dateien, die Nutzer {we} darin anlegt, könnte der Server nicht lesen; dem Befehl \
             voranstellen: sudo -u '#{owner}'"
        )
    );
    Ok(())
}
