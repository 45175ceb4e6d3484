use super::*;
use crate::reach::tests::bound;

fn check(lines: &[&str], expected: &str) {
    let [domain, host] = ["example.org", "mail.example.org"].map(|name| Domain::new(name).unwrap());
    assert_eq!(Zone::of(&domain, &host, &bound(lines)).text(), expected, "{lines:?}");
}

#[test]
fn a_whole_server() {
    check(
        &[
            "smtp [::]:25 starttls",
            "smtp 192.0.2.1:25 starttls",
            "submission [::]:465 implicit",
            "submission [::]:587 starttls",
            "imap [::]:993 implicit",
            "imap 127.0.0.1:143 starttls",
            "http [::]:443 implicit",
        ],
        "\
; example.org: what its zone needs for this server
example.org.                    3600 IN MX    10 mail.example.org. ; where mail to this domain goes
_submissions._tcp.example.org.  3600 IN SRV   0 1 465 mail.example.org. ; sending with TLS
_submission._tcp.example.org.   3600 IN SRV   0 1 587 mail.example.org. ; sending with STARTTLS
_imaps._tcp.example.org.        3600 IN SRV   0 1 993 mail.example.org. ; IMAP with TLS
_imap._tcp.example.org.         3600 IN SRV   0 0 0 . ; no IMAP with STARTTLS here
_pop3s._tcp.example.org.        3600 IN SRV   0 0 0 . ; no POP3 with TLS here
_pop3._tcp.example.org.         3600 IN SRV   0 0 0 . ; no POP3 with STARTTLS here
_autodiscover._tcp.example.org. 3600 IN SRV   0 1 443 mail.example.org. ; Outlook, under this server's own name
autoconfig.example.org.         3600 IN CNAME mail.example.org. ; Thunderbird and others
autodiscover.example.org.       3600 IN CNAME mail.example.org. ; Outlook
ua-auto-config.example.org.     3600 IN CNAME mail.example.org. ; newer programs (draft-ietf-mailmaint-pacc)
_ua-auto-config.example.org.    3600 IN TXT   \"v=UAAC1; a=sha256; d=Foc3yGz5k6tI3XlgCLhQDOI3KW/7cVM+KF6cR8jxAJo=\" ; proves what they find there; changes with the listeners
; note: mail.example.org needs A and AAAA records with 192.0.2.1, and those addresses the name mail.example.org (PTR)
; note: the certificate must also stand for autoconfig.example.org, autodiscover.example.org, ua-auto-config.example.org
",
    );
}

#[test]
fn a_server_that_nobody_reaches() {
    check(
        &["smtp 127.0.0.1:2525 starttls", "imap 127.0.0.1:2143 starttls", "http 127.0.0.1:8443 implicit"],
        "\
; example.org: what its zone needs for this server
_submissions._tcp.example.org. 3600 IN SRV   0 0 0 . ; no sending with TLS here
_submission._tcp.example.org.  3600 IN SRV   0 0 0 . ; no sending with STARTTLS here
_imaps._tcp.example.org.       3600 IN SRV   0 0 0 . ; no IMAP with TLS here
_imap._tcp.example.org.        3600 IN SRV   0 0 0 . ; no IMAP with STARTTLS here
_pop3s._tcp.example.org.       3600 IN SRV   0 0 0 . ; no POP3 with TLS here
_pop3._tcp.example.org.        3600 IN SRV   0 0 0 . ; no POP3 with STARTTLS here
; note: no smtp listener is reachable from outside: there is no MX, and mail will not come in
; note: mail.example.org needs A and AAAA records with this machine's public addresses, and those addresses the name mail.example.org (PTR)
; note: no http listener with tls = \"implicit\" shows discovery to the outside: names for mail programs' automatic configuration (autoconfig, autodiscover) would lead nowhere, and are left out
",
    );
}

#[test]
fn odd_ports_are_told() {
    let [domain, host] = ["example.org", "mail.example.org"].map(|name| Domain::new(name).unwrap());
    let zone = Zone::of(&domain, &host, &bound(&["smtp [::]:2525 starttls", "http 0.0.0.0:8443 implicit"]));
    let text = zone.text();
    for part in ["port 25 must lead to 2525", "0 1 8443 mail.example.org.", "port 443, and no http"] {
        assert!(text.contains(part), "{text}");
    }
    assert!(!text.contains("CNAME"), "{text}");
    let json = serde_json::to_value(&zone).unwrap();
    assert_eq!(json["records"][0]["type"], "MX");
    assert_eq!(json["records"][0]["data"], "10 mail.example.org.");
}
