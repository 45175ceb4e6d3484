//! `postamt status`: how the running server is.

use super::failure::Failure;
use super::place::{Place, columns, json, say};
use super::text::{accounts, deliveries, domains, harmless, size, span, table, wrap};
use crate::admin::protocol::{DestinationItem, Request, StatusItem};
use crate::language::{Language, caller, say};
use std::fmt::Write;

pub fn run(place: &Place) -> Result<(), Failure> {
    let status: StatusItem = place.connect()?.one(Request::Status {})?;
    if place.json { json(&status) } else { say(&text(&status, columns())) }
}

fn text(status: &StatusItem, columns: Option<usize>) -> String {
    let up = span(i64::try_from(status.uptime_s).unwrap_or(i64::MAX / 1000).saturating_mul(1000));
    let StatusItem { version, hostname, pid, .. } = status;
    let mut out = say!(
        "postamt {version} on {hostname}, up {up}, pid {pid}\n",
        "postamt {version} auf {hostname}, läuft seit {up}, PID {pid}\n"
    );
    // As wide as "certificate", or "Warteschlange".
    let width = if caller() == Language::German { 13 } else { 12 };
    let mut line = |name: &str, text: String| {
        out.push_str(&wrap(&format!("  {name:<width$} {}", harmless(&text)), columns, 3 + width));
    };
    line(&say!("store", "Datenablage"), status.store.clone());
    line(&say!("people", "Personen"), format!("{}, {}", accounts(status.accounts), domains(status.domains)));
    for fault in &status.faults {
        line("", say!("wrong: {fault}", "falsch: {fault}"));
    }
    if let Some(octets) = status.memory_octets {
        line(&say!("memory", "Speicher"), size(octets));
    }
    let (open, max) = (status.connections, status.connections_max);
    line(&say!("connections", "Verbindungen"), say!("{open} of at most {max}", "{open} von höchstens {max}"));
    for listener in &status.listeners {
        line(&say!("listens", "lauscht"), listener.told());
    }
    for certificate in &status.certificates {
        line(&say!("certificate", "Zertifikat"), certificate.told());
    }
    let queue = &status.queue;
    let (waiting, now) = (deliveries(queue.deliveries), queue.under_way);
    line(&say!("queue", "Warteschlange"), say!("{waiting}, {now} being tried", "{waiting}, {now} davon unterwegs"));
    if !queue.destinations.is_empty() {
        let rows: Vec<Vec<String>> = queue.destinations.iter().map(row).collect();
        let heading = [
            say!("  NEXT HOP", "  NÄCHSTER HOP"),
            say!(">WAITING", ">WARTEN"),
            say!(">TRIED NOW", ">UNTERWEGS"),
            say!("CLOSED", "GESPERRT"),
        ];
        let table = table(&heading, &rows, columns);
        let _ = write!(out, "\n{table}");
    }
    if queue.destinations_more > 0 {
        out += &say!("  and {n} more\n", "  und {n} weitere\n", n = queue.destinations_more);
    }
    out
}

fn row(destination: &DestinationItem) -> Vec<String> {
    let cause = destination.closed_cause.as_deref().map(harmless).unwrap_or_default();
    let closed = destination
        .closed_until
        .map(|until| say!("until {until}: {cause}", "bis {until}: {cause}", until = until.short()));
    let numbers = [destination.waiting, destination.under_way].map(|n| n.to_string());
    let [waiting, under_way] = numbers;
    vec![format!("  {}", harmless(&destination.next_hop)), waiting, under_way, closed.unwrap_or_default()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::protocol::{ListenerItem, QueueStatus};
    use crate::admin::when::When;
    use crate::language::tests::in_german;
    use model::Timestamp;

    #[test]
    fn the_state_is_told_at_a_glance() {
        let destination = DestinationItem {
            next_hop: "example.org".into(),
            waiting: 2,
            under_way: 0,
            closed_until: Some(When(Timestamp::from_unix_ms(0))),
            closed_cause: Some("no route".into()),
        };
        let status = StatusItem {
            version: "0.1.0".into(),
            hostname: "mail.demo.test".into(),
            pid: 7,
            uptime_s: 7300,
            healthy: true,
            store: "well".into(),
            listeners: vec![ListenerItem {
                protocol: "smtp".into(),
                address: "[::]:25".into(),
                tls: "starttls".into(),
            }],
            connections: 3,
            connections_max: 100,
            queue: QueueStatus { deliveries: 2, under_way: 0, destinations: vec![destination], destinations_more: 0 },
            accounts: 1,
            domains: 2,
            faults: vec!["a leads to b, which nobody has".into()],
            memory_octets: Some(20 << 20),
            certificates: Vec::new(),
        };
        let expected = "\
postamt 0.1.0 on mail.demo.test, up 2 h, pid 7
  store        well
  people       1 account, 2 domains
               wrong: a leads to b, which nobody has
  memory       20 MiB
  connections  3 of at most 100
  listens      smtp on [::]:25 (STARTTLS)
  queue        2 deliveries, 0 being tried

  NEXT HOP     WAITING  TRIED NOW  CLOSED
  example.org        2          0  until 1970-01-01 00:00:00Z: no route
";
        assert_eq!(text(&status, None), expected);
        let expected = "\
postamt 0.1.0 auf mail.demo.test, läuft seit 2 h, PID 7
  Datenablage   well
  Personen      1 Konto, 2 Domains
                falsch: a leads to b, which nobody has
  Speicher      20 MiB
  Verbindungen  3 von höchstens 100
  lauscht       smtp auf [::]:25 (STARTTLS)
  Warteschlange 2 Zustellungen, 0 davon unterwegs

  NÄCHSTER HOP  WARTEN  UNTERWEGS  GESPERRT
  example.org        2          0  bis 1970-01-01 00:00:00Z: no route
";
        assert_eq!(in_german(|| text(&status, None)), expected);
    }
}
