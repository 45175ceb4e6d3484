//! `postamt import` of many small messages, and whether export, import and export give the same files.
//!
//! `cargo xtask bench import [--messages 100000] [--files FOLDER]`: where the files lie that are read and written, if not beside
//! the server's data; in memory, they are not what is measured.

use anyhow::{Context, Result, ensure};
use benches::args::Args;
use benches::figures::Figures;
use benches::process::{self, Peak};
use benches::server::{Server, Setup, program};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

const OCTETS: usize = 1024;
const MAILBOXES: [&str; 3] = ["", ".Archive", ".Lists.Rust"];
/// Budgets.
const PER_SECOND: f64 = 5000.0;
const MEMORY_MIB: f64 = 300.0;

fn main() -> Result<()> {
    let mut args = Args::of_process()?;
    let (messages, files) = (args.number("messages", 100_000)?, args.path("files"));
    args.end()?;
    let server = Server::started(Setup::accounts(4))?;
    let beside = tempfile::tempdir_in(files.as_deref().unwrap_or(server.folder()))?;
    let folder = beside.path();
    let mut figures = Figures::of("import");
    figures.note("messages", messages as f64, "");
    make(&folder.join("maildir"), messages)?;
    let [source, first, second] = ["maildir", "first", "second"].map(|name| folder.join(name));
    moved(&server, ["import", "--maildir", "u0"], &source, messages, &mut figures)?;
    moved(&server, ["export", "--maildir", "u0"], &first, messages, &mut figures)?;
    moved(&server, ["import", "--maildir", "u1"], &first, messages, &mut figures)?;
    moved(&server, ["export", "--maildir", "u1"], &second, messages, &mut figures)?;
    same("Maildir", &first, &second, messages)?;
    let [first, second] = ["first.mbox", "second.mbox"].map(|name| folder.join(name));
    moved(&server, ["export", "--mbox", "u1"], &first, messages, &mut figures)?;
    moved(&server, ["import", "--mbox", "u2"], &first, messages, &mut figures)?;
    moved(&server, ["export", "--mbox", "u2"], &second, messages, &mut figures)?;
    same("mbox", &first, &second, MAILBOXES.len())?;
    figures.end();
    Ok(())
}

/// A Maildir++ with some folders; some messages are read, some new.
fn make(root: &Path, messages: usize) -> Result<()> {
    for name in MAILBOXES {
        let folder = root.join(name);
        for part in ["cur", "new", "tmp"] {
            std::fs::create_dir_all(folder.join(part))?;
        }
        if !name.is_empty() {
            std::fs::write(folder.join("maildirfolder"), "")?;
        }
    }
    for n in 0..messages {
        let name = MAILBOXES.get(n % MAILBOXES.len()).copied().unwrap_or_default();
        let part = if n % 5 == 0 {
            format!("new/{}.M{n}.host", 1_700_000_000 + n)
        } else {
            format!("cur/{}.M{n}.host:2,S", 1_700_000_000 + n)
        };
        // As files lie on disks: with the system's line ends.
        let text = String::from_utf8(benches::message(n, OCTETS))?.replace("\r\n", "\n");
        std::fs::write(root.join(name).join(part), text)?;
    }
    Ok(())
}

/// One import or export: its rate, what both processes use of the processor, and the most memory of either.
fn moved(server: &Server, what: [&str; 3], place: &Path, messages: usize, figures: &mut Figures) -> Result<()> {
    let [verb, format, account] = what;
    let name = format!("{verb}_{}_{account}", format.trim_start_matches('-'));
    let (begun, cpu, own, peak) = (Instant::now(), server.cpu()?, process::cpu_of_children()?, server.peak()?);
    let mut command = Command::new(program()?);
    command.args([verb, "--account", &format!("{account}@bench.test")]).arg(format);
    match (verb, format) {
        // Of a folder of mbox files each becomes a mailbox of its own name.
        ("import", "--mbox") => command.args(mboxes(place)?),
        _ => command.arg(place),
    };
    let mut child = command.arg("--config").arg(server.config()).stdout(Stdio::null()).spawn()?;
    let mover = Peak::of(child.id());
    ensure!(child.wait()?.success(), "{verb} failed");
    let rate = messages as f64 / begun.elapsed().as_secs_f64();
    let each = |time: std::time::Duration| time.as_secs_f64() * 1e6 / messages as f64;
    match verb {
        "import" => figures.at_least(&name, rate, "1/s", PER_SECOND),
        _ => figures.note(&name, rate, "1/s"),
    }
    figures.note(&format!("{name}_server_cpu"), each(server.cpu()? - cpu), "µs each");
    figures.note(&format!("{name}_command_cpu"), each(process::cpu_of_children()? - own), "µs each");
    figures.at_most(&format!("{name}_server_memory"), peak.mib(), "MiB", MEMORY_MIB);
    figures.at_most(&format!("{name}_command_memory"), mover.mib(), "MiB", MEMORY_MIB);
    Ok(())
}

fn mboxes(folder: &Path) -> Result<Vec<std::path::PathBuf>> {
    Ok(vec![folder.to_owned()])
}

/// Whether both folders hold the same files, by their hashes.
fn same(what: &str, first: &Path, second: &Path, files: usize) -> Result<()> {
    let (a, b) = (hashes(first)?, hashes(second)?);
    ensure!(a.len() >= files, "{what}: only {} files", a.len());
    let pairs = a.iter().zip(&b).find(|(a, b)| a != b);
    ensure!(a.len() == b.len() && pairs.is_none(), "{what}: not the same behind export, import and export: {pairs:?}");
    println!("  {what}: {} files are the same behind export, import and export", a.len());
    Ok(())
}

/// Name and hash of each file, sorted.
fn hashes(root: &Path) -> Result<Vec<(String, blake3::Hash)>> {
    let (mut found, mut folders) = (Vec::new(), vec![root.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(root)?.to_str().context("a name")?;
                let exported = !name.contains(OWN_FILES);
                if exported {
                    found.push((without_validity(name), hash(&std::fs::read(&path)?)));
                }
            }
        }
    }
    found.sort_by(|a, b| a.0.cmp(&b.0).then_with(|| a.1.as_bytes().cmp(b.1.as_bytes())));
    Ok(found)
}

/// Likewise in an mbox file, where a line of each message says whence it came: format, UIDVALIDITY, UID and more.
fn hash(octets: &[u8]) -> blake3::Hash {
    let mut hash = blake3::Hasher::new();
    for line in octets.split_inclusive(|octet| *octet == b'\n') {
        let rest = line.strip_prefix(b"X-Postamt-Export: 1 ");
        let validity = |rest: &[u8]| rest.iter().position(|octet| *octet == b' ').unwrap_or(0);
        hash.update(rest.and_then(|rest| rest.get(validity(rest)..)).unwrap_or(line));
    }
    hash.finalize()
}

/// What the command notes for its next run.
const OWN_FILES: &str = "postamt-export";

/// UIDVALIDITY differs between accounts, as it must.
fn without_validity(name: &str) -> String {
    match name.split_once(".V").and_then(|(before, rest)| Some((before, rest.split_once('U')?.1))) {
        Some((before, behind)) => format!("{before}.U{behind}"),
        None => name.to_owned(),
    }
}
