//! The tree of parts in a row. What is read is a tree that the scanner could have made, so nobody has to check again.

use model::{Decoder, Encoder, RecordError};

use super::{list, read_flag, read_text, read_word, word};
use crate::Octets;
use crate::envelope::Envelope;
use crate::parameter::Parameter;
use crate::structure::{Disposition, Kind, Part, Structure};
use crate::transfer::TransferEncoding;

// What is there, in the first number of a part; its two low bits are the kind.
const KIND: u64 = 0b11;
const ENCODING: u64 = 1 << 2;
const ID: u64 = 1 << 3;
const DESCRIPTION: u64 = 1 << 4;
const MD5: u64 = 1 << 5;
const DISPOSITION: u64 = 1 << 6;
const LANGUAGE: u64 = 1 << 7;
const LOCATION: u64 = 1 << 8;
const KNOWN: u64 = (1 << 9) - 1;

/// RFC 9051 §9 `number64`: the size of the largest message, so that a reader may add what stands before the message.
const SIZE_OCTETS_MAX: u64 = i64::MAX as u64;

impl Structure {
    /// Appends it to a row.
    pub fn encode(&self, e: &mut Encoder) {
        e.u64(self.truncated.into()).usize(self.parts.len());
        let mut before = 0;
        for part in &self.parts {
            e.u32(part.index - part.parent.unwrap_or(part.index));
            e.u64(part.header_start - before);
            before = part.header_start;
            part.encode(e);
        }
    }

    /// Reads what [`Structure::encode`] wrote.
    ///
    /// # Errors
    /// If the row is damaged, or holds no tree whose parts lie within each other.
    pub fn decode(d: &mut Decoder<'_>) -> Result<Structure, RecordError> {
        let truncated = read_flag(d)?;
        let count = d.count()?;
        let mut tree = Rebuilt { parts: Vec::new(), open: Vec::new() };
        let mut header_start = 0u64;
        for index in 0..u32::try_from(count).map_err(|_| RecordError::Value)? {
            let up = d.u32()?;
            header_start = header_start.checked_add(d.u64()?).ok_or(RecordError::Value)?;
            let mut part = Part::decode(d, header_start)?;
            part.index = index;
            part.parent = if index == 0 { None } else { Some(index.checked_sub(up).ok_or(RecordError::Value)?) };
            tree.add(part)?;
        }
        tree.close_until(None)?;
        if tree.parts.is_empty() { Err(RecordError::Value) } else { Ok(Structure { parts: tree.parts, truncated }) }
    }
}

/// The tree as it is read: the parts, and those of them that may get children.
struct Rebuilt {
    parts: Vec<Part>,
    /// Place, and where the next child may begin.
    open: Vec<(u32, u64)>,
}

impl Rebuilt {
    fn add(&mut self, part: Part) -> Result<(), RecordError> {
        self.close_until(part.parent)?;
        if part.parent.is_none() && part.header_start != 0 {
            return Err(RecordError::Value);
        }
        if let Some((parent, child_end)) = self.open.last_mut() {
            let parent = self.parts.get(*parent as usize).ok_or(RecordError::Value)?;
            let may_have = match parent.kind {
                Kind::Multipart => true,
                Kind::Message(_) => part.index == parent.index + 1,
                Kind::Text | Kind::Leaf => false,
            };
            if !may_have || part.header_start < *child_end || part.body_end > parent.body_end {
                return Err(RecordError::Value);
            }
            *child_end = part.body_end;
        }
        // As many containers as may be nested, and this part in the innermost.
        if self.open.len() > Structure::DEPTH_MAX || (self.open.is_empty() && part.index > 0) {
            return Err(RecordError::Value);
        }
        self.open.push((part.index, part.body_start));
        self.parts.push(part);
        Ok(())
    }

    /// Ends all parts that `parent` does not lie in.
    fn close_until(&mut self, parent: Option<u32>) -> Result<(), RecordError> {
        let end = self.parts.len() as u32;
        while let Some((index, _)) = self.open.pop_if(|(index, _)| Some(*index) != parent) {
            let part = self.parts.get_mut(index as usize).ok_or(RecordError::Value)?;
            part.end = end;
            let is_container = matches!(part.kind, Kind::Multipart | Kind::Message(_));
            if is_container && end == index + 1 {
                return Err(RecordError::Value);
            }
        }
        Ok(())
    }
}

impl Part {
    fn encode(&self, e: &mut Encoder) {
        let kind = match self.kind {
            Kind::Text => 0,
            Kind::Leaf => 1,
            Kind::Multipart => 2,
            Kind::Message(_) => 3,
        };
        let given = [
            (self.encoding != TransferEncoding::SevenBit, ENCODING),
            (self.id.is_some(), ID),
            (self.description.is_some(), DESCRIPTION),
            (self.md5.is_some(), MD5),
            (self.disposition.is_some(), DISPOSITION),
            (!self.language.is_empty(), LANGUAGE),
            (self.location.is_some(), LOCATION),
        ];
        e.u64(given.iter().fold(kind, |bits, (is_given, bit)| if *is_given { bits | bit } else { bits }));
        e.u64(self.body_start - self.header_start).u64(self.body_end - self.body_start).u64(self.lines);
        word(e, self.media_type.as_bytes());
        word(e, self.media_subtype.as_bytes());
        parameters(e, &self.parameters);
        if self.encoding != TransferEncoding::SevenBit {
            word(e, self.encoding.as_str().as_bytes());
        }
        for value in [&self.id, &self.description, &self.md5, &self.location].into_iter().flatten() {
            e.bytes(value);
        }
        if let Some(disposition) = &self.disposition {
            word(e, disposition.kind.as_bytes());
            parameters(e, &disposition.parameters);
        }
        if !self.language.is_empty() {
            e.usize(self.language.len());
            self.language.iter().for_each(|tag| {
                e.bytes(tag);
            });
        }
        if let Kind::Message(envelope) = &self.kind {
            envelope.encode(e);
        }
    }

    /// Index and parent are the caller's.
    fn decode(d: &mut Decoder<'_>, header_start: u64) -> Result<Part, RecordError> {
        let given = d.u64()?;
        if given > KNOWN {
            return Err(RecordError::Value);
        }
        let has = |bit: u64| given & bit != 0;
        let body_start = header_start.checked_add(d.u64()?).ok_or(RecordError::Value)?;
        let body_end =
            body_start.checked_add(d.u64()?).filter(|&end| end <= SIZE_OCTETS_MAX).ok_or(RecordError::Value)?;
        let lines = d.u64()?;
        let (media_type, media_subtype) = (read_text(d)?, read_text(d)?);
        let own_parameters = read_parameters(d)?;
        let encoding = if has(ENCODING) { read_encoding(d)? } else { TransferEncoding::SevenBit };
        let mut value = |bit| has(bit).then(|| d.bytes().map(Octets::from)).transpose();
        let (id, description, md5, location) = (value(ID)?, value(DESCRIPTION)?, value(MD5)?, value(LOCATION)?);
        let disposition = has(DISPOSITION).then(|| read_disposition(d)).transpose()?;
        let language = if has(LANGUAGE) { list(d, |d| d.bytes().map(Into::into))? } else { Vec::new() };
        let kind = match given & KIND {
            0 => Kind::Text,
            1 => Kind::Leaf,
            2 => Kind::Multipart,
            _ => Kind::Message(Box::new(Envelope::decode(d)?)),
        };
        Ok(Part {
            index: 0,
            parent: None,
            end: 0,
            kind,
            media_type,
            media_subtype,
            parameters: own_parameters,
            id,
            description,
            encoding,
            md5,
            disposition,
            language,
            location,
            header_start,
            body_start,
            body_end,
            lines,
        })
    }
}

fn parameters(e: &mut Encoder, parameters: &[Parameter]) {
    e.usize(parameters.len());
    for parameter in parameters {
        word(e, parameter.name.as_bytes());
        word(e, &parameter.value);
    }
}

fn read_parameters(d: &mut Decoder<'_>) -> Result<Vec<Parameter>, RecordError> {
    list(d, |d| Ok(Parameter { name: read_text(d)?, value: read_word(d)?.into() }))
}

fn read_disposition(d: &mut Decoder<'_>) -> Result<Disposition, RecordError> {
    Ok(Disposition { kind: read_text(d)?, parameters: read_parameters(d)? })
}

fn read_encoding(d: &mut Decoder<'_>) -> Result<TransferEncoding, RecordError> {
    Ok(TransferEncoding::parse(read_word(d)?))
}
