use super::*;
use crate::config::loopback;
use crate::plan::{ListenerPlan, Port};

/// Listeners as `imap 0.0.0.0:993 implicit`.
pub fn bound(lines: &[&str]) -> Vec<Bound> {
    let bound = |line: &&str| {
        let [protocol, address, tls] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let address = address.parse().map_or_else(|_| ListenAddress::Unix(address.into()), ListenAddress::Tcp);
        let plan = ListenerPlan {
            protocol: Protocol::ALL.into_iter().find(|known| known.name() == protocol).unwrap(),
            tls: [TlsStart::None, TlsStart::Starttls, TlsStart::Implicit]
                [["none", "starttls", "implicit"].iter().position(|known| *known == tls).unwrap()],
            address: address.clone(),
            pages: Page::ALL.into(),
            ..loopback(Port::Fixed).remove(0)
        };
        Bound { plan, address }
    };
    lines.iter().map(bound).collect()
}

fn host() -> Domain {
    Domain::new("mail.example.org").unwrap()
}

fn check(lines: &[&str], expected: &[&str]) {
    let found = servers(&host(), &bound(lines), true);
    let found: Vec<_> =
        found.iter().map(|s| format!("{:?} {}:{} {:?}", s.service, s.host, s.port, s.security)).collect();
    assert_eq!(found, expected, "{lines:?}");
}

#[test]
fn strangers_are_told_of_what_they_can_reach() {
    check(
        &[
            "smtp [::]:25 starttls",
            "imap 0.0.0.0:143 starttls",
            "imap [::]:993 implicit",
            "imap 127.0.0.1:1143 starttls",
            "imap 192.0.2.1:144 none",
            "imap /run/imap starttls",
            "submission 0.0.0.0:465 implicit",
        ],
        &["Imap mail.example.org:143 StartTls", "Imap mail.example.org:993 Tls", "Submission mail.example.org:465 Tls"],
    );
    check(&["smtp [::]:25 starttls", "http [::]:443 implicit"], &[]);
}

#[test]
fn a_server_for_one_machine_is_told_by_address() {
    check(
        &["imap 127.0.0.1:2143 starttls", "submission [::ffff:127.0.0.1]:2465 implicit", "http 0.0.0.0:80 none"],
        &["Imap 127.0.0.1:2143 StartTls", "Submission 127.0.0.1:2465 Tls"],
    );
}

#[test]
fn what_is_forwarded_is_told_by_the_port_outside() {
    let mut listeners =
        bound(&["imap 0.0.0.0:2993 implicit", "submission 127.0.0.1:2465 implicit", "http [::]:8443 implicit"]);
    for (listener, port) in listeners.iter_mut().zip([993, 465, 443]) {
        listener.plan.public_port = Some(port);
    }
    let found = servers(&host(), &listeners, false);
    let found: Vec<_> =
        found.iter().map(|server| format!("{:?} {}:{}", server.service, server.host, server.port)).collect();
    assert_eq!(found, ["Imap mail.example.org:993", "Submission mail.example.org:465"]);
    assert_eq!(origin(&host(), &listeners).as_deref(), Some("https://mail.example.org"));
}

#[test]
fn where_https_is() {
    let check =
        |lines: &[&str], expected: Option<&str>| assert_eq!(origin(&host(), &bound(lines)).as_deref(), expected);
    check(&["http 0.0.0.0:80 none", "http 0.0.0.0:8443 implicit"], Some("https://mail.example.org:8443"));
    check(&["http [::]:100 implicit", "http 0.0.0.0:443 implicit"], Some("https://mail.example.org"));
    check(&["http 127.0.0.1:443 implicit", "imap 0.0.0.0:993 implicit"], None);
    check(&["http /run/http implicit"], None);
}
