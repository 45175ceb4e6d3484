//! The configuration file: one TOML file that may be empty, read into one [`ServePlan`].
//!
//! Everything that is wrong is found at once: reading goes on behind a mistake, with the default in its place.

mod deleted;
mod keys;
mod listeners;
mod mistake;
mod outbound;
mod people;
mod reader;
#[cfg(test)]
mod tests;
pub mod units;

pub use keys::reference;
pub use listeners::loopback;
pub use mistake::{Mistake, Mistakes};

use crate::language::{Tell, Text, both};
use crate::plan::{Certificate, Limits, ServePlan};
use keys::{LIMITS, MORE_TLS, ROOT, STORE, TLS};
use model::{Domain, Network};
use net::tls::CertificateFiles;
use reader::{Reader, Section};
use std::io::Read;
use std::path::{Path, PathBuf};
use store_local::Backend;
use toml::de::DeTable;
use units::Size;

/// The data folder, beside the file.
const DATA_DEFAULT: &str = "postamt-data";

/// A file larger than this is not a configuration: ten thousand accounts are a MiB.
const FILE_OCTETS_MAX: u64 = 16 << 20;

/// Reads `path`.
pub fn load(path: &Path) -> Result<ServePlan, Mistakes> {
    let text = read(path)?;
    let metadata = std::fs::metadata(path).map_err(|error| unreadable(path, &error))?;
    let readers = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o077;
    let access = if readers == 0 { Access::OwnerOnly } else { Access::Others };
    parse(&text, path, access)
}

/// The text of a file, which may be a device without an end.
fn read(path: &Path) -> Result<String, Mistakes> {
    let whole = |text| Mistakes::one(path, Mistake::whole_file(text));
    let file = std::fs::File::open(path).map_err(|error| unreadable(path, &error))?;
    let mut octets = Vec::new();
    file.take(FILE_OCTETS_MAX + 1).read_to_end(&mut octets).map_err(|error| unreadable(path, &error))?;
    if octets.len() as u64 > FILE_OCTETS_MAX {
        return Err(whole(both!("is larger than {n} MiB", "ist größer als {n} MiB", n = FILE_OCTETS_MAX >> 20)));
    }
    String::from_utf8(octets).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        whole(both!("is not UTF-8 from octet {at} on", "ist ab Oktett {at} kein UTF-8", at = at))
    })
}

fn unreadable(path: &Path, error: &std::io::Error) -> Mistakes {
    let text = both!("cannot be read: {cause}", "lässt sich nicht lesen: {cause}", cause = error.tell());
    Mistakes::one(path, Mistake::whole_file(text))
}

/// The data folder that `path` names, whatever else is wrong with the file.
pub fn data_folder(path: &Path) -> Result<PathBuf, Mistakes> {
    #[derive(serde::Deserialize)]
    struct Data {
        data: Option<PathBuf>,
    }
    let text = read(path)?;
    let whole = |text| Mistakes::one(path, Mistake::whole_file(text));
    let all = |error: toml::de::Error| load(path).err().unwrap_or_else(|| whole(Text::same(error.message())));
    let data: Data = toml::from_str(&text).map_err(all)?;
    let folder = path.parent().unwrap_or(Path::new(""));
    Ok(folder.join(data.data.unwrap_or_else(|| DATA_DEFAULT.into())))
}

/// Who may read the file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Access {
    OwnerOnly,
    Others,
}

fn parse(text: &str, path: &Path, access: Access) -> Result<ServePlan, Mistakes> {
    let (root, syntax) = DeTable::parse_recoverable(text);
    let reader = Reader::new(text);
    for error in syntax {
        reader.mistake(error.span().unwrap_or_default(), "", Text::same(error.message().trim()));
    }
    let plan = plan(&Section::new(&reader, root.get_ref(), 0..0, String::new(), &ROOT), path, access);
    let mistakes = reader.into_mistakes();
    if mistakes.is_empty() { Ok(plan) } else { Err(Mistakes::new(path, mistakes)) }
}

fn plan(root: &Section<'_>, path: &Path, access: Access) -> ServePlan {
    let folder = path.parent().unwrap_or(Path::new(""));
    let hostname = root.parsed::<Domain>("hostname").map_or_else(machine_name, |found| found.value);
    ServePlan {
        config: Some(path.to_owned()),
        data: folder.join(root.text("data").map_or(DATA_DEFAULT, |found| found.value)),
        listeners: listeners::read(root, folder),
        certificate: certificate(root, folder),
        directory: people::read(root, &hostname, path, access),
        outbound: outbound::read(root, path, access),
        relay_from: relay_from(root),
        limits: limits(root),
        backend: backend(root),
        deleted: deleted::read(root, folder),
        hostname,
        demo: None,
    }
}

/// Networks as wide as this are never all ours: with them anybody could send through us.
const RELAY_PREFIX_MIN: (u8, u8) = (8, 16);

fn relay_from(root: &Section<'_>) -> Vec<Network> {
    let networks = root.list::<Network>("relay_from").unwrap_or_default();
    let check = |found: reader::Found<Network>| {
        let (v4, v6) = RELAY_PREFIX_MIN;
        let min = if found.value.address().is_ipv4() { v4 } else { v6 };
        if found.value.prefix() < min {
            let text = both!(
                "{network} is wider than /{min}: strangers could send through this server",
                "{network} ist weiter als /{min}: Fremde könnten über diesen Server verschicken",
                network = found.value
            );
            root.mistake(found.span, "relay_from", text);
        }
        found.value
    };
    networks.into_iter().map(check).collect()
}

/// What the machine calls itself; names that are no domain are of no use in a greeting (RFC 5321 §2.3.5).
fn machine_name() -> Domain {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    Domain::new(name.trim()).or_else(|_| Domain::new("localhost")).expect("`localhost` is a domain")
}

fn certificate(root: &Section<'_>, folder: &Path) -> Certificate {
    let Some(tls) = root.section("tls", &TLS) else { return Certificate::SelfSigned };
    let first = certificate_files(&tls, folder);
    let more = tls.sections("more", &MORE_TLS).unwrap_or_default();
    let files: Vec<_> =
        first.into_iter().chain(more.iter().filter_map(|more| certificate_files(more, folder))).collect();
    if files.is_empty() { Certificate::SelfSigned } else { Certificate::Files(files) }
}

fn certificate_files(tls: &Section<'_>, folder: &Path) -> Option<CertificateFiles> {
    match (tls.text("certificate"), tls.text("key")) {
        (Some(chain), Some(key)) => {
            let (chain_path, key_path) = (folder.join(chain.value), folder.join(key.value));
            // Both files may be missing: both are told.
            for (path, span, name) in [(&chain_path, &chain.span, "certificate"), (&key_path, &key.span, "key")] {
                if let Err(error) = std::fs::File::open(path) {
                    let text = both!(
                        "cannot read {path}: {cause}; it has to exist and be readable by this user",
                        "{path} lässt sich nicht lesen: {cause}; die Datei muss existieren und für diesen Benutzer lesbar sein",
                        path = path.display(),
                        cause = error.tell()
                    );
                    tls.mistake(span.clone(), name, text);
                }
            }
            if chain_path.exists()
                && key_path.exists()
                && let Err(error) = net::tls::load(&chain_path, &key_path)
            {
                tls.mistake(chain.span, "certificate", error.tell());
            }
            Some(CertificateFiles { chain: chain_path, key: key_path })
        }
        (Some(_), None) if !tls.has("key") => {
            tls.missing("key", both!("a certificate needs its key", "ein Zertifikat braucht seinen Schlüssel"));
            None
        }
        (None, Some(_)) if !tls.has("certificate") => {
            let why = both!("a key needs its certificate", "ein Schlüssel braucht sein Zertifikat");
            tls.missing("certificate", why);
            None
        }
        _ => None,
    }
}

/// RFC 5321 §4.5.3.1.7: a message of 64K octets must be taken.
const MESSAGE_SIZE_MIN: u64 = 64 << 10;
/// RFC 5321 §4.5.3.1.8: a hundred recipients must be taken.
const RECIPIENTS_MIN: u64 = 100;

fn limits(root: &Section<'_>) -> Limits {
    let mut limits = Limits::default();
    let Some(section) = root.section("limits", &LIMITS) else { return limits };
    if let Some(size) = section.parsed::<Size>("message_size") {
        limits.message_size_octets = size.value.0;
        if size.value.0 < MESSAGE_SIZE_MIN {
            let text = both!(
                "must be at least 64 KiB (RFC 5321 §4.5.3.1.7)",
                "muss mindestens 64 KiB betragen (RFC 5321 §4.5.3.1.7)"
            );
            section.mistake(size.span, "message_size", text);
        }
    }
    if let Some(connections) = section.number("connections", 1..=1_000_000) {
        limits.connections = connections.value as usize;
    }
    if let Some(recipients) = section.number("recipients", RECIPIENTS_MIN..=100_000) {
        limits.recipients = recipients.value as usize;
    }
    limits
}

fn backend(root: &Section<'_>) -> Backend {
    let section = root.section("store", &STORE);
    let found =
        section.and_then(|section| section.word("backend", &Backend::ALL.map(|backend| (backend.name(), backend))));
    found.map_or_else(Backend::default, |found| found.value)
}

impl Default for Limits {
    /// What large providers take per message, and some 40,000 connections at 20 KiB each.
    fn default() -> Limits {
        Limits { message_size_octets: 50 << 20, connections: 40_000, recipients: 1_000 }
    }
}
