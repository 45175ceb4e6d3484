//! `postamt status`: how the running server is.

use super::failure::Failure;
use super::place::{Place, columns, json, say};
use super::text::{count, harmless, size, span, table, wrap};
use crate::admin::protocol::{DestinationItem, Request, StatusItem};
use std::fmt::Write;

pub fn run(place: &Place) -> Result<(), Failure> {
    let status: StatusItem = place.connect()?.one(Request::Status {})?;
    if place.json { json(&status) } else { say(&text(&status, columns())) }
}

fn text(status: &StatusItem, columns: Option<usize>) -> String {
    let up = span(i64::try_from(status.uptime_s).unwrap_or(i64::MAX / 1000).saturating_mul(1000));
    let mut out = format!("postamt {} on {}, up {up}, pid {}\n", status.version, status.hostname, status.pid);
    let mut line = |name: &str, text: String| {
        out.push_str(&wrap(&format!("  {name:<12} {}", harmless(&text)), columns, 15));
    };
    line("store", status.store.clone());
    line("people", format!("{}, {}", count(status.accounts, "account", "accounts"), domains(status.domains)));
    for fault in &status.faults {
        line("", format!("wrong: {fault}"));
    }
    if let Some(octets) = status.memory_octets {
        line("memory", size(octets));
    }
    line("connections", format!("{} of at most {}", status.connections, status.connections_max));
    for listener in &status.listeners {
        line("listens", listener.to_string());
    }
    for certificate in &status.certificates {
        line("certificate", certificate.to_string());
    }
    let queue = &status.queue;
    let deliveries = count(queue.deliveries, "delivery", "deliveries");
    line("queue", format!("{deliveries}, {} being tried", queue.under_way));
    if !queue.destinations.is_empty() {
        let rows: Vec<Vec<String>> = queue.destinations.iter().map(row).collect();
        let table = table(&["  NEXT HOP", ">WAITING", ">TRIED NOW", "CLOSED"], &rows, columns);
        let _ = write!(out, "\n{table}");
    }
    if queue.destinations_more > 0 {
        let _ = writeln!(out, "  and {} more", queue.destinations_more);
    }
    out
}

fn domains(n: usize) -> String {
    count(n, "domain", "domains")
}

fn row(destination: &DestinationItem) -> Vec<String> {
    let cause = destination.closed_cause.as_deref().map(harmless).unwrap_or_default();
    let closed = destination.closed_until.map_or_else(String::new, |until| format!("until {}: {cause}", until.short()));
    let numbers = [destination.waiting, destination.under_way].map(|n| n.to_string());
    let [waiting, under_way] = numbers;
    vec![format!("  {}", harmless(&destination.next_hop)), waiting, under_way, closed]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::admin::protocol::{ListenerItem, QueueStatus};
    use crate::admin::when::When;
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
    }
}
