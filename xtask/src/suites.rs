//! A fresh server in a temporary folder, for suites that others wrote.

use crate::run::{cargo, cargo_output, root};
use anyhow::{Context, Result};
use std::fmt::Write;
use std::io::Write as _;
use std::net::TcpListener;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

const DOMAIN: &str = "example.test";
const USERS: u32 = 20;

/// Starts the server, says when it is ready, and tidies up however it ends: a shell can wait for signals, we cannot
/// without a crate for it. Arguments: the folder, the program.
const KEEPER: &str = r#"
dir=$1 bin=$2
: >"$dir/ready"
"$bin" serve --config "$dir/postamt.toml" >"$dir/ready" 2>"$dir/postamt.log" & pid=$!
trap 'kill "$pid" 2>/dev/null; wait "$pid"; rm -rf "$dir"; exit 0' INT TERM HUP
until grep -q '^ready' "$dir/ready"; do
  kill -0 "$pid" 2>/dev/null || { cat "$dir/postamt.log" >&2; rm -rf "$dir"; exit 1; }
  sleep 0.05
done
echo "$dir/suites.ini"
wait "$pid"; status=$?
rm -rf "$dir"; exit "$status"
"#;

/// One free port per listener.
struct Ports {
    smtp: u16,
    submission: u16,
    submissions: u16,
    lmtp: u16,
    imap: u16,
    imaps: u16,
    pop3: u16,
    pop3s: u16,
    http: u16,
}

/// Which binary is served.
pub enum Build {
    Debug,
    Release,
}

/// Builds and starts the server, prints the path of its `suites.ini` as the last line, and runs until interrupted.
pub fn serve(build: Build) -> Result<()> {
    let (options, program): (&[&str], _) = match build {
        Build::Debug => (&[], "debug/postamt"),
        Build::Release => (&["--release"], "release/postamt"),
    };
    cargo(&[&["build", "--package", "postamt"], options].concat())?;
    let program = target_folder()?.join(program);
    let folder = std::env::temp_dir().join(format!("postamt-suites-{}", std::process::id()));
    std::fs::DirBuilder::new().mode(0o700).create(&folder).with_context(|| folder.display().to_string())?;
    let ports = Ports::free()?;
    write(&folder.join("postamt.toml"), &configuration(&ports))?;
    write(&folder.join("suites.ini"), &suites_ini(&ports))?;
    let error = Command::new("sh").args(["-c", KEEPER, "sh"]).args([&folder, &program]).exec();
    Err(error).context("sh cannot be started")
}

/// Readable by its owner only: there are passwords in it.
fn write(file: &Path, text: &str) -> Result<()> {
    let mut out = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(file)?;
    out.write_all(text.as_bytes()).with_context(|| file.display().to_string())
}

fn target_folder() -> Result<PathBuf> {
    let metadata = cargo_output(&["metadata", "--format-version", "1", "--no-deps", "--offline"])?;
    let metadata: serde_json::Value = serde_json::from_str(&metadata)?;
    let folder = metadata.get("target_directory").and_then(serde_json::Value::as_str);
    Ok(folder.map_or_else(|| root().join("target"), PathBuf::from))
}

impl Ports {
    /// Free at this moment; whoever takes one before the server does makes its start fail, visibly.
    fn free() -> Result<Ports> {
        let held: Vec<TcpListener> = (0..9).map(|_| TcpListener::bind("127.0.0.1:0")).collect::<Result<_, _>>()?;
        let mut ports = held.iter().map(|listener| listener.local_addr().map(|address| address.port()));
        let mut next = || ports.next().context("nine ports")?.context("a port's number");
        Ok(Ports {
            smtp: next()?,
            submission: next()?,
            submissions: next()?,
            lmtp: next()?,
            imap: next()?,
            imaps: next()?,
            pop3: next()?,
            pop3s: next()?,
            http: next()?,
        })
    }
}

fn configuration(ports: &Ports) -> String {
    let mut out = format!("hostname = \"mx.{DOMAIN}\"\ndata = \"data\"\ndomains = [\"{DOMAIN}\"]\n");
    for n in 1..=USERS {
        let _ = write!(out, "\n[[account]]\naddress = \"u{n}@{DOMAIN}\"\npassword = \"pass{n}\"\napop = true\n");
    }
    let mut listener = |protocol: &str, port: u16, more: &str| {
        let _ = write!(out, "\n[[listener]]\nprotocol = \"{protocol}\"\naddress = \"127.0.0.1:{port}\"\n{more}");
    };
    listener("smtp", ports.smtp, "");
    listener("submission", ports.submission, "");
    listener("submission", ports.submissions, "tls = \"implicit\"\n");
    listener("lmtp", ports.lmtp, "");
    listener("imap", ports.imap, "plaintext_login = true\n");
    listener("imap", ports.imaps, "tls = \"implicit\"\n");
    listener("pop3", ports.pop3, "plaintext_login = true\n");
    listener("pop3", ports.pop3s, "tls = \"implicit\"\n");
    listener("http", ports.http, "");
    out
}

/// The format is the suites'; what does not exist yet stays empty.
fn suites_ini(ports: &Ports) -> String {
    let Ports { smtp, submission, submissions, lmtp, imap, imaps, pop3, pop3s, http } = ports;
    format!(
        "[server]\nhost = 127.0.0.1\ndomain = {DOMAIN}\nsmtp = {smtp}\nsubmission = {submission}\n\
         submissions = {submissions}\nlmtp = {lmtp}\nimap = {imap}\nimaps = {imaps}\npop3 = {pop3}\npop3s = {pop3s}\nsieve =\n\
         http = http://127.0.0.1:{http}\njmap_session =\n\
         caldav =\ncarddav =\nwebmail =\njunk = Junk\nsep = /\nwait = 20\n\n\
         [users]\nlogin = u{{n}}@{DOMAIN}\naddress = u{{n}}@{DOMAIN}\npassword = pass{{n}}\ncount = {USERS}\n\n\
         [commands]\nspf =\narc =\ndkim =\norgdomain =\nsieve_test =\nspam_learn_spam =\nspam_learn_ham =\n\
         spam_score =\n"
    )
}
