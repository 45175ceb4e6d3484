//! What the terminal shows once the server stands.

use crate::language::say;
use crate::plan::{Bound, DemoPlan, Protocol, TlsStart};
use net::ListenAddress;
use std::fmt::Write;
use std::path::Path;

/// The demo's start screen: at most 24 lines of at most 80 columns, unless folder names are long.
pub fn demo(demo: &DemoPlan, bound: &[Bound]) -> String {
    let mut out = say!(
        "postamt demo. Everything stays on this machine.\n\n",
        "postamt-Demo. Alles bleibt auf dieser Maschine.\n\n"
    );
    for bound in bound {
        let moved = if bound.moved() { moved_from(&bound.plan.address) } else { String::new() };
        let _ = writeln!(out, "  {:<5} {:<22} {}{moved}", name(bound), place(bound), remark(bound));
    }
    let (logins, outbox) = (demo.logins_file.display(), demo.outbox.display());
    out += &say!("\nLogins (also in {logins}):\n", "\nZugangsdaten (auch in {logins}):\n");
    for login in &demo.logins {
        let _ = writeln!(out, "  {:<22} {}", login.address.to_string(), login.password.expose());
    }
    out += &say!(
        "\nMail to any address lands in anna's inbox; fail-4xx@, fail-5xx@ and slow@ of\n\
         any domain misbehave on purpose. What people send (SEND) lies in\n{outbox}. Try:\n",
        "\nMail an beliebige Adressen landet bei anna; fail-4xx@, fail-5xx@ und slow@\n\
         jeder Domain stellen sich absichtlich quer. Verschicktes (SEND) liegt in\n{outbox}. Zum Ausprobieren:\n"
    );
    let port = |protocol, tls| bound.iter().find(|b| b.plan.protocol == protocol && b.plan.tls == tls).map(port);
    if let Some(smtp) = port(Protocol::Smtp, TlsStart::Starttls) {
        let _ = writeln!(out, "  swaks --server 127.0.0.1:{smtp} --to you@example.org");
    }
    let anna = demo.logins.iter().find(|login| login.address == demo.samples_for);
    if let (Some(anna), Some(imap)) = (anna, port(Protocol::Imap, TlsStart::Starttls)) {
        let _ = writeln!(out, "  curl -u {}:{} \\", anna.address, anna.password.expose());
        let _ = writeln!(out, "    'imap://127.0.0.1:{imap}/INBOX;MAILINDEX=1'");
    }
    out += &say!("Ctrl-C stops it; mail and logins stay.\n", "Strg-C beendet; Mail und Zugangsdaten bleiben.\n");
    out
}

/// A configured server's: one line per listener.
pub fn served(data: &Path, bound: &[Bound]) -> String {
    let mut out = String::new();
    for bound in bound {
        let tls = match bound.plan.tls {
            TlsStart::None => "",
            TlsStart::Starttls => " (STARTTLS)",
            TlsStart::Implicit => " (TLS)",
        };
        let (protocol, address) = (bound.plan.protocol.name(), &bound.address);
        out += &say!("{protocol} on {address}{tls}\n", "{protocol} auf {address}{tls}\n");
    }
    out += &say!("ready; data in {data}\n", "bereit; Daten in {data}\n", data = data.display());
    out
}

fn name(bound: &Bound) -> &'static str {
    match (bound.plan.protocol, bound.plan.tls) {
        (Protocol::Smtp, TlsStart::Implicit) => "SMTPS",
        (Protocol::Smtp, _) => "SMTP",
        (Protocol::Submission, TlsStart::Implicit) => "SENDS",
        (Protocol::Submission, _) => "SEND",
        (Protocol::Lmtp, _) => "LMTP",
        (Protocol::Imap, TlsStart::Implicit) => "IMAPS",
        (Protocol::Imap, _) => "IMAP",
        (Protocol::Pop3, TlsStart::Implicit) => "POP3S",
        (Protocol::Pop3, _) => "POP3",
        (Protocol::Http, _) => "HTTP",
    }
}

fn place(bound: &Bound) -> String {
    match bound.plan.protocol {
        Protocol::Http if bound.plan.tls == TlsStart::Implicit => format!("https://{}/", bound.address),
        Protocol::Http => format!("http://{}/", bound.address),
        _ => bound.address.to_string(),
    }
}

fn remark(bound: &Bound) -> String {
    match bound.plan.tls {
        TlsStart::None => String::new(),
        TlsStart::Starttls => say!("plain or STARTTLS", "Klartext oder STARTTLS"),
        TlsStart::Implicit => say!("TLS, self-signed", "TLS, selbstsigniert"),
    }
}

fn port(bound: &Bound) -> u16 {
    match &bound.address {
        ListenAddress::Tcp(address) => address.port(),
        ListenAddress::Unix(_) => 0,
    }
}

fn moved_from(planned: &ListenAddress) -> String {
    match planned {
        ListenAddress::Tcp(address) => say!("  (port {n} was taken)", "  (Port {n} war belegt)", n = address.port()),
        ListenAddress::Unix(_) => String::new(),
    }
}

#[cfg(test)]
mod tests;
