//! A backup's list: what it consists of, and what it says of itself.
//!
//! One part may be read by everybody: when, by which program, and the names of the objects, which tell nothing. The rest is
//! packed and encrypted as the objects are.

use crate::Error;
use crate::chunk::{decode_place, encode_place};
use crate::name::Name;
use crate::object::FORMAT;
use model::{AccountId, Decoder, Encoder, RecordError, Timestamp};
use std::path::Path;
use store::{BlobId, RowPlace};

/// What everybody may read of a backup.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Manifest {
    /// By which it is called: the time it was taken, in UTC.
    pub id: String,
    /// The moment that it shows.
    pub taken: Timestamp,
    /// The program that took it.
    pub program: String,
    /// Whether it is encrypted.
    pub sealed: bool,
    /// Its objects: the chunks in order, then the blobs in order.
    pub objects: Vec<Name>,
}

/// What only they may read to whom it is encrypted.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Content {
    /// By which objects are named, if they are encrypted.
    pub naming: Option<[u8; 32]>,
    /// In order of places.
    pub chunks: Vec<ChunkEntry>,
    /// In order of ids.
    pub blobs: Vec<BlobId>,
    /// Whose mail there is.
    pub accounts: Vec<AccountEntry>,
    /// Blobs that rows name, and that were not there or damaged when the backup was taken.
    pub missing: Vec<BlobId>,
}

/// Rows.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ChunkEntry {
    /// The first of them.
    pub first: RowPlace,
    /// How many.
    pub rows: u64,
    /// Before packing.
    pub octets: u64,
}

/// An account at that moment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AccountEntry {
    /// Its number.
    pub id: AccountId,
    /// Its address in small letters; `None` when nobody has the number any more.
    pub address: Option<String>,
    /// Messages, each once.
    pub messages: u64,
    /// Their octets.
    pub octets: u64,
    /// Of its last change.
    pub modseq: u64,
}

const VERSION: u8 = 1;

impl Manifest {
    /// The name of each chunk.
    pub fn chunk_names(&self, content: &Content) -> &[Name] {
        self.objects.get(..content.chunks.len()).unwrap_or_default()
    }

    /// The name of each blob.
    pub fn blob_names(&self, content: &Content) -> &[Name] {
        self.objects.get(content.chunks.len()..).unwrap_or_default()
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut e = Encoder::new(VERSION);
        e.time(self.taken).str(&self.program).u32(self.sealed.into()).usize(self.objects.len());
        let mut names = Vec::with_capacity(self.objects.len() * 32);
        self.objects.iter().for_each(|name| names.extend_from_slice(&name.0));
        e.bytes(&names);
        e.finish()
    }

    pub(crate) fn decode(path: &Path, id: &str, octets: &[u8]) -> Result<Manifest, Error> {
        let read = || {
            let mut d = Decoder::new(octets, VERSION)?;
            let (taken, program, sealed) = (d.time()?, d.str()?.to_owned(), d.u32()? == 1);
            let (count, names) = (d.usize()?, d.bytes()?);
            let (names, rest) = names.as_chunks();
            if names.len() != count || !rest.is_empty() {
                return Err(RecordError::Short);
            }
            let objects = names.iter().map(|name| Name(*name)).collect();
            Ok(Manifest { id: id.to_owned(), taken, program, sealed, objects })
        };
        read().map_err(|error| unreadable(path, error))
    }
}

impl Content {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut e = Encoder::new(VERSION);
        e.option(self.naming.as_ref().map(<[u8; 32]>::as_slice)).usize(self.chunks.len());
        for ChunkEntry { first, rows, octets } in &self.chunks {
            encode_place(&mut e, first);
            e.u64(*rows).u64(*octets);
        }
        e.usize(self.blobs.len());
        self.blobs.iter().for_each(|id| {
            e.bytes(&id.0);
        });
        e.usize(self.accounts.len());
        for AccountEntry { id, address, messages, octets, modseq } in &self.accounts {
            e.u32(id.0).option(address.as_ref().map(String::as_bytes)).u64(*messages).u64(*octets).u64(*modseq);
        }
        e.usize(self.missing.len());
        self.missing.iter().for_each(|id| {
            e.bytes(&id.0);
        });
        e.finish()
    }

    pub(crate) fn decode(path: &Path, octets: &[u8]) -> Result<Content, Error> {
        Content::read(octets).map_err(|error| unreadable(path, error))
    }

    fn read(octets: &[u8]) -> Result<Content, RecordError> {
        let mut d = Decoder::new(octets, VERSION)?;
        let naming = d.option()?.map(|key| key.try_into().map_err(|_| RecordError::Value)).transpose()?;
        let count = d.count()?;
        let chunk =
            |d: &mut Decoder<'_>| Ok(ChunkEntry { first: decode_place(d, None)?, rows: d.u64()?, octets: d.u64()? });
        let chunks = (0..count).map(|_| chunk(&mut d)).collect::<Result<_, RecordError>>()?;
        let count = d.count()?;
        let blobs = (0..count).map(|_| blob_id(&mut d)).collect::<Result<_, RecordError>>()?;
        let count = d.count()?;
        let accounts = (0..count).map(|_| account(&mut d)).collect::<Result<_, RecordError>>()?;
        let count = d.count()?;
        let missing = (0..count).map(|_| blob_id(&mut d)).collect::<Result<_, RecordError>>()?;
        Ok(Content { naming, chunks, blobs, accounts, missing })
    }
}

fn blob_id(d: &mut Decoder<'_>) -> Result<BlobId, RecordError> {
    d.bytes()?.try_into().map(BlobId).map_err(|_| RecordError::Value)
}

fn account(d: &mut Decoder<'_>) -> Result<AccountEntry, RecordError> {
    let id = AccountId(d.u32()?);
    let address = d.option()?.map(|text| String::from_utf8(text.to_vec()).map_err(|_| RecordError::Value));
    Ok(AccountEntry { id, address: address.transpose()?, messages: d.u64()?, octets: d.u64()?, modseq: d.u64()? })
}

fn unreadable(path: &Path, error: RecordError) -> Error {
    match error {
        RecordError::Version { found, known: _ } => {
            Error::Newer { path: path.to_owned(), found: found.into(), known: FORMAT }
        }
        error => Error::damaged(path, error.to_string()),
    }
}
