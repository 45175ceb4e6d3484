//! The admin socket's server side: connections, lines, and who answers what.

use super::path::{Reach, file};
use super::people::Caller;
use super::protocol::{Answer, Done, Line, REQUEST_OCTETS_MAX, Request, Trouble, VERSION};
use super::{
    accounts, aliases, backup, check, deleted, domains, export, import, people, queue, reload, send, status, trace,
};
use crate::language::{Language, Tell, both, say};
use crate::server::{Kept, Reloading, StatusBoard};
use anyhow::{Context, ensure};
use env::Env;
use mta::Post;
use net::Capacity;
use serde::Serialize;
use std::io;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;

/// Administrators and their scripts are few; each connection may hold a request of a MiB.
const CONNECTIONS_MAX: usize = 16;
/// A program has its next request ready.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);
/// An answer may wait in a pager, but not for ever: it holds one of few connections.
const WRITE_TIMEOUT: Duration = Duration::from_secs(600);
/// Octets of answers that are written at once.
const WRITE_OCTETS: usize = 64 << 10;

/// What the answers are made from.
pub struct Office {
    pub post: Arc<Post>,
    pub env: Env,
    pub board: Arc<StatusBoard>,
    pub capacity: Capacity,
    pub reloading: Arc<Reloading>,
    /// All rows.
    pub store: Arc<dyn store::Store>,
    /// The data folder.
    pub data: PathBuf,
    /// Keeps blobs that a backup may name.
    pub hold: backup::Hold,
    pub kept: Arc<Kept>,
}

impl Office {
    /// Longest message that is taken.
    pub fn message_octets_max(&self) -> u64 {
        self.board.current().limits.message_size_octets
    }

    /// Longest one that is brought from elsewhere: what was taken once, here under another limit or without our header fields, comes
    /// in again.
    pub fn import_octets_max(&self) -> u64 {
        self.message_octets_max().max(IMPORT_OCTETS_MAX)
    }
}

/// At least so long may a message be that is imported: it is held in memory by whoever sends it.
const IMPORT_OCTETS_MAX: u64 = 256 << 20;

/// Whom a socket is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Admits {
    /// Whoever may connect may do everything.
    Administrators,
    /// Who logs in may do little.
    People,
}

/// The socket; its file goes with it.
pub struct Socket {
    listener: UnixListener,
    file: PathBuf,
    admits: Admits,
}

impl Socket {
    /// Binds the socket in `data`. Whoever calls holds the store, so that a socket which is there is a dead server's.
    pub fn bind(data: &Path) -> anyhow::Result<Socket> {
        let file = file(data);
        let reach = Reach::of(data).with_context(|| cannot_listen(&file))?;
        Socket::bind_at(&file, reach.path(), 0o600, Admits::Administrators)
    }

    /// Binds the socket `file`, which `reach` leads to.
    pub fn bind_at(file: &Path, reach: &Path, mode: u32, admits: Admits) -> anyhow::Result<Socket> {
        let bind = || -> anyhow::Result<UnixListener> {
            if let Ok(old) = std::fs::symlink_metadata(file) {
                let text = say!(
                    "there is something else of this name; move it away",
                    "dort liegt etwas anderes; bitte wegräumen"
                );
                ensure!(old.file_type().is_socket(), text);
                std::fs::remove_file(file)?;
            }
            let listener = UnixListener::bind(reach)?;
            std::fs::set_permissions(reach, std::fs::Permissions::from_mode(mode))?;
            Ok(listener)
        };
        let listener = bind().with_context(|| cannot_listen(file))?;
        Ok(Socket { listener, file: file.to_owned(), admits })
    }
}

fn cannot_listen(file: &Path) -> String {
    let file = file.display();
    say!("cannot listen on {file}", "der Socket {file} lässt sich nicht öffnen")
}

impl Drop for Socket {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.file) {
            tracing::debug!(event = "socket.not_removed", path = %self.file.display(), %error);
        }
    }
}

/// Serves administrators until the task is dropped.
pub async fn serve(socket: Socket, office: Arc<Office>) {
    let (places, admits) = (Arc::new(Semaphore::new(CONNECTIONS_MAX)), socket.admits);
    loop {
        let stream = match socket.listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(event = "admin.not_accepted", %error);
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let (office, place) = (office.clone(), places.clone().try_acquire_owned().ok());
        tokio::spawn(async move {
            let mut exchange = Exchange::new(stream, admits);
            let done = match place {
                Some(_) => converse(&mut exchange, &office).await,
                None => {
                    let text = both!(
                        "{CONNECTIONS_MAX} others are connected already; try again later",
                        "es sind schon {CONNECTIONS_MAX} andere verbunden; später noch einmal versuchen"
                    );
                    // It has not said in which language yet.
                    exchange.end(Err(Trouble::failed(text))).await
                }
            };
            drop(place);
            if let Err(error) = done {
                tracing::debug!(event = "admin.lost", %error);
            }
        });
    }
}

async fn converse(exchange: &mut Exchange, office: &Office) -> io::Result<()> {
    while let Some(line) = exchange.line().await? {
        let asked = match request(&line) {
            Ok(Line { ask, language, .. }) => {
                exchange.language = language;
                answer(ask, office, exchange).await
            }
            Err(trouble) => Err(trouble.into()),
        };
        match asked {
            Ok(()) => exchange.end(Ok(())).await?,
            Err(Fault::Trouble(trouble)) => exchange.end(Err(trouble)).await?,
            Err(Fault::Lost(error)) => return Err(error),
        }
    }
    Ok(())
}

fn request(line: &[u8]) -> Result<Line, Trouble> {
    if line.len() > REQUEST_OCTETS_MAX {
        let text =
            both!("a request has at most {n} octets", "eine Anfrage hat höchstens {n} Byte", n = REQUEST_OCTETS_MAX);
        return Err(Trouble::wrong(text));
    }
    // The version first: what another one asks may not be readable.
    #[derive(serde::Deserialize)]
    struct Version {
        version: u32,
    }
    let version: Version = serde_json::from_slice(line).map_err(unreadable)?;
    if version.version != VERSION {
        return Err(Trouble::wrong(both!(
            "this server speaks version {VERSION} of the admin protocol, not {other}; use the postamt of the same version",
            "dieser Server spricht Version {VERSION} des Verwaltungsprotokolls, nicht {other}; nötig ist das postamt derselben Version",
            other = version.version
        )));
    }
    serde_json::from_slice(line).map_err(unreadable)
}

/// The parser's words quote no values, but for names of variants: no password gets out.
fn unreadable(error: serde_json::Error) -> Trouble {
    Trouble::wrong(both!("the request cannot be read: {error}", "die Anfrage ist nicht lesbar: {error}"))
}

async fn answer(ask: Request, office: &Office, to: &mut Exchange) -> Result<(), Fault> {
    let Some(ask) = people::admit(ask, office, to).await? else { return Ok(()) };
    match ask {
        Request::LogIn { .. } => Err(Trouble::wrong(both!("that was answered", "das ist beantwortet")).into()),
        Request::Trace(ask) => trace::answer(office, ask, to).await,
        Request::QueueList { filter, limit } => queue::list(office, &filter, limit, to).await,
        Request::QueueMessage { id, limit } => queue::message(office, &id, limit, to).await,
        Request::QueueChange { filter, change } => to.done(queue::change(office, &filter, &change).await?).await,
        Request::AccountList {} => accounts::list(office, to).await,
        Request::AccountAdd { address, password, quota_octets, quota_messages } => {
            let quota = model::Quota { octets: quota_octets, messages: quota_messages };
            to.done(accounts::add(office, &address, password, quota).await?).await
        }
        Request::AccountSet { address, password, enabled, quota } => {
            to.done(accounts::set(office, &address, password, enabled, quota).await?).await
        }
        Request::AccountApop { address, secret } => to.done(accounts::apop(office, &address, secret).await?).await,
        Request::AccountRemove { address } => to.done(accounts::remove(office, &address).await?).await,
        Request::DomainList {} => domains::list(office, to).await,
        Request::DomainAdd { domain, settings } => to.done(domains::add(office, &domain, settings).await?).await,
        Request::DomainSet { domain, settings } => to.done(domains::set(office, &domain, settings).await?).await,
        Request::DomainRemove { domain } => to.done(domains::remove(office, &domain).await?).await,
        Request::AliasList {} => aliases::list(office, to).await,
        Request::AliasAdd { address, targets } => to.done(aliases::add(office, &address, &targets).await?).await,
        Request::AliasRemove { address, targets } => to.done(aliases::remove(office, &address, &targets).await?).await,
        Request::MessageSend { from, to: recipients, size_octets } => {
            send::answer(office, &from, &recipients, size_octets, to).await
        }
        Request::MailboxList { address } => export::mailboxes(office, &address, to).await,
        Request::MessageList { address, mailbox, read } => {
            export::messages(office, (&address, &mailbox), read, to).await
        }
        Request::MessageRead { address, mailbox, uids } => export::read(office, &address, &mailbox, &uids, to).await,
        Request::SourcesKnown { address, sources } => to.item(&export::known(office, &address, &sources).await?).await,
        Request::MailImport { address } => import::answer(office, &address, to).await,
        Request::BackupRead {} => backup::answer(office, to).await,
        Request::StoreCheck {} => check::answer(office, to).await,
        Request::DeletedList { address, filter, limit } => deleted::list(office, &address, &filter, limit, to).await,
        Request::DeletedRestore { address, filter, into, over_quota } => {
            let restored = deleted::restore(office, &address, &filter, (into.as_deref(), over_quota), to).await?;
            to.item(&restored).await
        }
        Request::DeletedErase { address, filter } => {
            let erased = deleted::erase(office, &address, &filter, to).await?;
            to.item(&erased).await
        }
        Request::AccountRemoved {} => deleted::accounts(office, to).await,
        Request::AccountRestore { address } => to.done(deleted::restore_account(office, &address, to).await?).await,
        Request::AccountErase { address } => to.done(deleted::erase_account(office, &address, to).await?).await,
        Request::Reload {} => to.item(&reload::answer(office, to.language).await?).await,
        Request::Status {} => to.item(&status::of(office, to.language)).await,
    }
}

/// Why an answer ended before its end.
pub enum Fault {
    /// The asker is told.
    Trouble(Trouble),
    /// The asker is gone.
    Lost(io::Error),
}

impl From<Trouble> for Fault {
    fn from(trouble: Trouble) -> Fault {
        Fault::Trouble(trouble)
    }
}

impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Fault {
        Fault::Lost(error)
    }
}

/// A connection, for whoever answers.
pub struct Exchange {
    reader: BufReader<OwnedReadHalf>,
    writer: OwnedWriteHalf,
    out: Vec<u8>,
    /// Of whoever asks.
    pub language: Language,
    /// Who asks.
    pub caller: Caller,
}

impl Exchange {
    fn new(stream: UnixStream, admits: Admits) -> Exchange {
        // Who has gone meanwhile is nobody.
        let uid = stream.peer_cred().map_or(u32::MAX, |peer| peer.uid());
        let caller = match admits {
            Admits::Administrators => Caller::Administrator(uid),
            Admits::People => Caller::Stranger(uid),
        };
        let (reader, writer) = stream.into_split();
        Exchange { reader: BufReader::new(reader), writer, out: Vec::new(), language: Language::default(), caller }
    }

    /// The next line without its end; one octet more than [`REQUEST_OCTETS_MAX`] of a longer one. `None` at the end.
    async fn line(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut line = Vec::new();
        let mut bounded = (&mut self.reader).take(REQUEST_OCTETS_MAX as u64 + 1);
        timeout(IDLE_TIMEOUT, bounded.read_until(b'\n', &mut line)).await??;
        Ok((!line.is_empty()).then_some(line))
    }

    /// Answers with an item.
    pub async fn item(&mut self, item: &impl Serialize) -> Result<(), Fault> {
        self.put(&Answer::Item(item)).await?;
        Ok(())
    }

    /// Answers with what a change came to.
    async fn done(&mut self, done: Done) -> Result<(), Fault> {
        self.item(&done.within(self.language)).await
    }

    /// In the asker's language.
    pub fn told(&self, why: &impl Tell) -> String {
        why.tell().within(self.language).to_owned()
    }

    /// Asks for the octets that were announced.
    pub async fn go_on(&mut self) -> Result<(), Fault> {
        self.put(&Answer::<()>::GoOn {}).await?;
        self.flush().await?;
        Ok(())
    }

    /// The next octets of `left`, which becomes less by them.
    pub async fn take(&mut self, left: &mut u64) -> Result<Vec<u8>, Fault> {
        let mut piece = Vec::new();
        let max = (*left).min(WRITE_OCTETS as u64);
        timeout(IDLE_TIMEOUT, (&mut self.reader).take(max).read_to_end(&mut piece))
            .await
            .map_err(io::Error::from)??;
        if piece.is_empty() {
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into());
        }
        *left -= piece.len() as u64;
        Ok(piece)
    }

    /// Both directions, for an answer that reads while it writes. What was answered before is on its way.
    pub fn apart(&mut self) -> (&mut BufReader<OwnedReadHalf>, &mut OwnedWriteHalf) {
        (&mut self.reader, &mut self.writer)
    }

    /// Octets as they are.
    pub async fn octets(&mut self, octets: &[u8]) -> Result<(), Fault> {
        self.out.extend_from_slice(octets);
        self.flush().await?;
        Ok(())
    }

    async fn put<T: Serialize>(&mut self, answer: &Answer<T>) -> io::Result<()> {
        serde_json::to_writer(&mut self.out, answer)?;
        self.out.push(b'\n');
        if self.out.len() >= WRITE_OCTETS { self.flush().await } else { Ok(()) }
    }

    async fn end(&mut self, how: Result<(), Trouble>) -> io::Result<()> {
        let trouble = |trouble: Trouble| Answer::<()>::Trouble(trouble.within(self.language));
        let answer = how.map_or_else(trouble, |()| Answer::End {});
        self.put(&answer).await?;
        self.flush().await
    }

    async fn flush(&mut self) -> io::Result<()> {
        timeout(WRITE_TIMEOUT, self.writer.write_all(&self.out)).await??;
        self.out.clear();
        Ok(())
    }
}
