//! The admin socket's other end, for the command line; it blocks.

use super::path::Reach;
use super::protocol::{Answer, Line, MessageItem, Request, TroubleItem, VERSION};
use crate::language::{Tell, Text, caller};
use serde::de::DeserializeOwned;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A change of a hundred thousand deliveries takes minutes; what takes longer hangs.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(600);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Nobody listens.
    #[error("no server is running on {}; start it with: postamt serve --config FILE", .0.display())]
    NoServer(PathBuf),
    /// It is somebody else's.
    #[error("the server on {} belongs to another user; run this as that user or as root", .0.display())]
    Foreign(PathBuf),
    /// It says why.
    #[error(transparent)]
    Trouble(#[from] TroubleItem),
    /// It went away.
    #[error("the server cannot be talked to: {0}")]
    Lost(#[from] io::Error),
    /// What is said is not the protocol.
    #[error("the server's answer cannot be read ({0}); use the postamt of the same version")]
    Strange(#[from] serde_json::Error),
}

impl Tell for ClientError {
    fn tell(&self) -> Text {
        let english = self.to_string();
        let german = match self {
            ClientError::NoServer(data) => {
                format!("auf {} läuft kein Server; starten mit: postamt serve --config DATEI", data.display())
            }
            ClientError::Foreign(data) => format!(
                "der Server auf {} gehört einem anderen Benutzer; den Befehl als dieser Benutzer oder als root ausführen",
                data.display()
            ),
            ClientError::Trouble(trouble) => trouble.text.clone(),
            ClientError::Lost(error) => format!("mit dem Server ist nicht zu reden: {}", error.tell().german),
            ClientError::Strange(error) => {
                format!("die Antwort des Servers ist nicht lesbar ({error}); nötig ist das postamt derselben Version")
            }
        };
        Text { english, german }
    }
}

/// A connection to the running server.
pub struct Client {
    reader: BufReader<UnixStream>,
    writer: UnixStream,
}

impl Client {
    /// Connects to the server whose data folder is `data`.
    ///
    /// # Errors
    /// `NoServer` and `Foreign`, or what the system says.
    pub fn connect(data: &Path) -> Result<Client, ClientError> {
        let stream = Reach::of(data).and_then(|reach| UnixStream::connect(reach.path()));
        Client::over(stream, data)
    }

    /// Connects to the people's socket at `path`.
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    pub fn connect_to(path: &Path) -> Result<Client, ClientError> {
        Client::over(UnixStream::connect(path), path)
    }

    fn over(stream: io::Result<UnixStream>, place: &Path) -> Result<Client, ClientError> {
        let writer = stream.map_err(|error| match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => ClientError::NoServer(place.to_owned()),
            io::ErrorKind::PermissionDenied => ClientError::Foreign(place.to_owned()),
            _ => ClientError::Lost(error),
        })?;
        writer.set_read_timeout(Some(ANSWER_TIMEOUT))?;
        let reader = BufReader::new(writer.try_clone()?);
        Ok(Client { reader, writer })
    }

    /// Asks, and gives each item of the answer to `each`, which says whether it wants more.
    ///
    /// # Errors
    /// The server's trouble, or that of talking to it.
    pub fn ask<T: DeserializeOwned>(
        &mut self,
        ask: Request,
        mut each: impl FnMut(T) -> bool,
    ) -> Result<(), ClientError> {
        self.request(ask)?;
        while let Some(item) = self.next(b"")? {
            if !each(item) {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Asks for one item.
    ///
    /// # Errors
    /// As [`ask`](Self::ask).
    pub fn one<T: DeserializeOwned>(&mut self, ask: Request) -> Result<T, ClientError> {
        self.one_with(ask, b"")
    }

    /// Asks for one item with the octets that were announced.
    ///
    /// # Errors
    /// As [`ask`](Self::ask).
    pub fn one_with<T: DeserializeOwned>(&mut self, ask: Request, octets: &[u8]) -> Result<T, ClientError> {
        self.request(ask)?;
        let item = self.next(octets)?.ok_or(io::ErrorKind::UnexpectedEof).map_err(io::Error::from)?;
        while self.next::<T>(b"")?.is_some() {}
        Ok(item)
    }

    /// A queued message's octets.
    ///
    /// # Errors
    /// As [`ask`](Self::ask).
    pub fn message(&mut self, id: &str, limit: usize) -> Result<Vec<u8>, ClientError> {
        self.request(Request::QueueMessage { id: id.to_owned(), limit })?;
        let mut message = Vec::new();
        while let Some(MessageItem { octets }) = self.next(b"")? {
            (&mut self.reader).take(octets as u64).read_to_end(&mut message)?;
        }
        Ok(message)
    }

    fn request(&mut self, ask: Request) -> Result<(), ClientError> {
        let mut line = serde_json::to_vec(&Line { version: VERSION, language: caller(), ask })?;
        line.push(b'\n');
        match self.writer.write_all(&line) {
            // It may have said why it does not listen.
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// The next item; `None` at the end.
    fn next<T: DeserializeOwned>(&mut self, octets: &[u8]) -> Result<Option<T>, ClientError> {
        loop {
            let mut line = Vec::new();
            if self.reader.read_until(b'\n', &mut line)? == 0 {
                return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
            }
            match serde_json::from_slice(&line)? {
                Answer::Item(item) => return Ok(Some(item)),
                Answer::GoOn {} => self.writer.write_all(octets)?,
                Answer::End {} => return Ok(None),
                Answer::Trouble(trouble) => return Err(trouble.into()),
            }
        }
    }

    /// Asks, and gives each item to `each` with its octets, of which there are as many as `octets` says.
    ///
    /// # Errors
    /// As [`ask`](Self::ask), and what `each` says.
    pub fn ask_with_octets<T: DeserializeOwned, E: From<ClientError>>(
        &mut self,
        ask: Request,
        octets: impl Fn(&T) -> u64,
        mut each: impl FnMut(T, Vec<u8>) -> Result<(), E>,
    ) -> Result<(), E> {
        self.request(ask)?;
        while let Some(item) = self.next::<T>(b"")? {
            let mut piece = Vec::new();
            let size = octets(&item);
            let read = (&mut self.reader).take(size).read_to_end(&mut piece).map_err(ClientError::from)?;
            if (read as u64) < size {
                return Err(ClientError::from(io::Error::from(io::ErrorKind::UnexpectedEof)).into());
            }
            each(item, piece)?;
        }
        Ok(())
    }

    /// Asks for what is a stream in both directions; they are apart when the server says to go on.
    ///
    /// # Errors
    /// As [`ask`](Self::ask).
    pub fn stream(mut self, ask: Request) -> Result<(BufReader<UnixStream>, UnixStream), ClientError> {
        self.request(ask)?;
        let mut line = Vec::new();
        self.reader.read_until(b'\n', &mut line)?;
        match serde_json::from_slice::<Answer<()>>(&line)? {
            Answer::GoOn {} => Ok((self.reader, self.writer)),
            Answer::Trouble(trouble) => Err(trouble.into()),
            _ => Err(io::Error::from(io::ErrorKind::InvalidData).into()),
        }
    }
}
