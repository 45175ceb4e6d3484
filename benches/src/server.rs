//! The real program with a configuration of its own, on loopback. `POSTAMT` names another binary than the release build.

use crate::process::{self, Peak};
use anyhow::{Context, Result, ensure};
use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// All accounts lie here: u0, u1 and so on, with passwords pw0, pw1 and so on.
pub const DOMAIN: &str = "bench.test";

/// Where it listens.
#[derive(Clone, Copy, Debug)]
pub struct Ports {
    /// Without log-in.
    pub smtp: SocketAddr,
    /// With.
    pub submission: SocketAddr,
    /// In the clear.
    pub imap: SocketAddr,
}

/// A server, running or not; dropping it kills it, and its folder goes unless it shall be kept.
pub struct Server {
    folder: PathBuf,
    temporary: Option<tempfile::TempDir>,
    child: Option<Child>,
    /// Where it listens, also after another start.
    pub ports: Ports,
}

/// How a server differs from the usual.
pub struct Setup {
    /// Accounts in its configuration.
    pub accounts: String,
    /// A folder for its data that stays; what lies there is used.
    pub keep: Option<PathBuf>,
}

impl Setup {
    /// u0 to u`accounts`-1, in a folder that goes.
    pub fn accounts(accounts: usize) -> Setup {
        let mut lines = String::new();
        for n in 0..accounts {
            // Writing to a String does not fail.
            let _ = write!(lines, "[[account]]\naddress = \"u{n}@{DOMAIN}\"\npassword = \"pw{n}\"\n");
        }
        Setup { accounts: lines, keep: None }
    }

    /// In a folder that stays, if one is named.
    pub fn keep(self, keep: Option<PathBuf>) -> Setup {
        Setup { keep, ..self }
    }
}

/// The program that is measured.
///
/// # Errors
/// When it is not there.
pub fn program() -> Result<PathBuf> {
    if let Some(named) = std::env::var_os("POSTAMT") {
        return Ok(named.into());
    }
    // Beside target/release/deps/NAME-HASH.
    let own = std::env::current_exe()?;
    let program = own.parent().and_then(Path::parent).context("no folder")?.join("postamt");
    ensure!(program.is_file(), "{} is not there: cargo build --release, or name one in POSTAMT", program.display());
    Ok(program)
}

impl Server {
    /// Makes the folder and the configuration.
    ///
    /// # Errors
    /// When they cannot be made.
    pub fn new(setup: Setup) -> Result<Server> {
        let temporary = match setup.keep {
            Some(_) => None,
            None => Some(tempfile::Builder::new().prefix("postamt-bench-").tempdir()?),
        };
        let folder = match (&setup.keep, &temporary) {
            (Some(kept), _) => kept.clone(),
            (None, made) => made.as_ref().context("no folder")?.path().to_owned(),
        };
        std::fs::create_dir_all(&folder)?;
        std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o700))?;
        let ports = Ports { smtp: free()?, submission: free()?, imap: free()? };
        let Ports { smtp, submission, imap } = ports;
        let mut lines =
            format!("hostname = \"mx.{DOMAIN}\"\ndata = \"data\"\ndomains = [\"{DOMAIN}\"]\n{}", setup.accounts);
        for (protocol, address) in [("smtp", smtp), ("submission", submission), ("imap", imap)] {
            let clear = if protocol == "smtp" { "" } else { "plaintext_login = true\n" };
            let _ = write!(lines, "[[listener]]\nprotocol = \"{protocol}\"\naddress = \"{address}\"\n{clear}");
        }
        let config = folder.join("postamt.toml");
        let mut options = std::fs::OpenOptions::new();
        let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&config)?;
        std::io::Write::write_all(&mut file, lines.as_bytes())?;
        Ok(Server { folder, temporary, child: None, ports })
    }

    /// Makes and starts it.
    ///
    /// # Errors
    /// As [`new`](Self::new) and [`start`](Self::start).
    pub fn started(setup: Setup) -> Result<Server> {
        let mut server = Server::new(setup)?;
        server.start(None)?;
        Ok(server)
    }

    /// Starts it and waits until it is ready; how long that took. It may be bound to processors, as `taskset` names them.
    ///
    /// # Errors
    /// When it does not get there, with what it said.
    pub fn start(&mut self, processors: Option<&str>) -> Result<Duration> {
        let log = File::options().create(true).append(true).open(self.folder.join("log"))?;
        let program = program()?;
        let mut command = match processors {
            Some(processors) => {
                let mut taskset = Command::new("taskset");
                taskset.arg("-c").arg(processors).arg(program);
                taskset
            }
            None => Command::new(program),
        };
        command.arg("serve").arg("--config").arg(self.config()).env("POSTAMT_LOG", "warn");
        let begun = Instant::now();
        let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().context("the server cannot be started")?;
        let said = BufReader::new(child.stdout.take().context("no output")?);
        self.child = Some(child);
        let mut lines = said.lines();
        let ready = lines.by_ref().map_while(Result::ok).any(|line| line.starts_with("ready"));
        let taken = begun.elapsed();
        ensure!(ready, "the server did not start:\n{}", self.said());
        std::thread::spawn(move || lines.for_each(drop));
        Ok(taken)
    }

    /// What it said, at its end.
    fn said(&self) -> String {
        let text = std::fs::read_to_string(self.folder.join("log")).unwrap_or_default();
        let last: Vec<&str> = text.lines().rev().take(5).collect();
        last.into_iter().rev().collect::<Vec<_>>().join("\n")
    }

    /// Its configuration.
    pub fn config(&self) -> PathBuf {
        self.folder.join("postamt.toml")
    }

    /// Where it and its files lie.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Its number.
    ///
    /// # Errors
    /// When it does not run.
    pub fn pid(&self) -> Result<u32> {
        Ok(self.child.as_ref().context("it does not run")?.id())
    }

    /// Processor time since it was started.
    ///
    /// # Errors
    /// When it does not run.
    pub fn cpu(&self) -> Result<Duration> {
        process::cpu(self.pid()?)
    }

    /// Its share of memory, in MiB.
    ///
    /// # Errors
    /// When it does not run.
    pub fn pss_mib(&self) -> Result<f64> {
        Ok(process::pss_kib(self.pid()?)? as f64 / 1024.0)
    }

    /// Looks at its memory from now on.
    ///
    /// # Errors
    /// When it does not run.
    pub fn peak(&self) -> Result<Peak> {
        Ok(Peak::of(self.pid()?))
    }

    /// Ends it as it wants to be ended.
    ///
    /// # Errors
    /// When it does not end well.
    pub fn stop(&mut self) -> Result<()> {
        let Some(mut child) = self.child.take() else { return Ok(()) };
        let pid = rustix::process::Pid::from_child(&child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
        let status = child.wait()?;
        ensure!(status.success(), "it ended with {status}:\n{}", self.said());
        Ok(())
    }

    /// As a power cut, but that the system lives.
    ///
    /// # Errors
    /// When it cannot be killed.
    pub fn kill(&mut self) -> Result<()> {
        if let Some(mut child) = self.child.take() {
            child.kill()?;
            child.wait()?;
        }
        Ok(())
    }

    /// Runs the program with a command that speaks to this server; what it prints.
    ///
    /// # Errors
    /// When it fails, with what it said.
    pub fn command(&self, args: &[&str]) -> Result<String> {
        let done = Command::new(program()?).args(args).arg("--config").arg(self.config()).output()?;
        let said = String::from_utf8_lossy(&done.stderr);
        ensure!(done.status.success(), "postamt {}: {said}", args.join(" "));
        Ok(String::from_utf8(done.stdout)?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if self.kill().is_err() {
            eprintln!("the server could not be killed");
        }
        if self.temporary.is_none() {
            eprintln!("left behind: {}", self.folder.display());
        }
    }
}

/// An address nobody listens on, for a moment at least.
fn free() -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}
