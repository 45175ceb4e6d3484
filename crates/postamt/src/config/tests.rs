use super::*;
use crate::language::Language;
use crate::plan::{Deleted, PlaintextLogin, Port, Protocol, TlsStart};
use directory::{CatchAll, Credential};
use mta::transport::{Family, TlsDemand};
use net::ListenAddress;

const HASH: &str = "$argon2id$v=19$m=8,t=1,p=1$c2FsdCBhbmQgcGVwcGVy$GjDLwmXUcTZcZDhLWjPc2Q";

fn read(text: &str) -> Result<ServePlan, Mistakes> {
    parse(text, Path::new("postamt.toml"), Access::OwnerOnly)
}

/// The mistakes of `text`, without the file's name. All but those of the parser of TOML have their German.
fn check(text: &str, expected: &[&str]) {
    let wrong = read(text).map(|_| ()).unwrap_err();
    let german = |mistake: &Mistake| mistake.key.is_empty() || mistake.text.german != mistake.text.english;
    assert!(wrong.mistakes.iter().all(german), "{wrong:?}");
    let mistakes = wrong.to_string();
    let lines: Vec<_> = mistakes.lines().map(|line| line.trim_start_matches("postamt.toml:")).collect();
    assert_eq!(lines, expected, "{text}");
}

#[test]
fn mistakes_are_told_in_german() {
    let text = "hostnam = \"a.test\"\n[[account]]\naddress = \"anna\"\nquota = \"50\"\n[limits]\nrecipients = 5";
    let expected = [
        "1: hostnam: unbekannter Schlüssel; ist `hostname` gemeint?",
        "2: account[1].password_hash: fehlt: niemand könnte sich anmelden; `postamt hash-password` gibt einen aus",
        "3: account[1].address: \"anna\": eine Adresse hat die Form name@domain",
        "4: account[1].quota: \"50\": die Einheit fehlt: \"50 MiB\" oder eine andere aus KiB, MiB, GiB, TiB, kB, MB, GB, TB",
        "6: limits.recipients: muss zwischen 100 und 100000 liegen",
    ];
    let mistakes = read(text).unwrap_err().within(Language::German).to_string();
    let lines: Vec<_> = mistakes.lines().map(|line| line.trim_start_matches("postamt.toml:")).collect();
    assert_eq!(lines, expected);
}

#[test]
fn an_empty_file_is_a_server_on_loopback() {
    let plan = read("").unwrap();
    assert_eq!(plan.data, Path::new("postamt-data"));
    assert!(plan.directory.domains.iter().eq([&plan.hostname]));
    assert!(plan.directory.accounts.is_empty() && plan.demo.is_none());
    assert_eq!(plan.listeners, loopback(Port::Fixed));
    assert_eq!(plan.limits, Limits::default());
    assert_eq!(plan.certificate, Certificate::SelfSigned);
}

#[test]
fn a_whole_file() {
    let text = format!(
        r#"
        hostname = "Mail.Example.org"
        data = "/var/lib/postamt"
        domains = ["example.org", "bücher.example"]
        catch_all = "ANNA@example.org"
        postmaster = "ben@example.org"
        [[account]]
        address = "anna@example.org"
        password_hash = "{HASH}"
        quota = "5 GiB"
        quota_messages = 100_000
        [[account]]
        address = "ben@example.org"
        password = "secret"
        [[listener]]
        protocol = "imap"
        address = "127.0.0.1:143"
        plaintext_login = true
        [[listener]]
        protocol = "lmtp"
        address = "unix:/run/lmtp"
        [[listener]]
        protocol = "smtp"
        address = "[::]:25"
        tls = "none"
        [limits]
        message_size = "10 MB"
        recipients = 100
        "#
    );
    let plan = read(&text).unwrap();
    assert_eq!(plan.hostname.as_str(), "mail.example.org");
    let anna = &plan.directory.accounts[0];
    assert_eq!((anna.quota.octets, anna.quota.messages), (Some(5 << 30), Some(100_000)));
    assert_eq!(anna.credential, Credential::argon2id(HASH).unwrap());
    assert!(matches!(&plan.directory.catch_all, CatchAll::Account(a) if a.to_string() == "ANNA@example.org"));
    let [imap, lmtp, smtp] = &plan.listeners[..] else { panic!("{:?}", plan.listeners) };
    assert_eq!((imap.tls, imap.plaintext_login), (TlsStart::Starttls, PlaintextLogin::Allowed));
    assert_eq!((&lmtp.address, lmtp.tls), (&ListenAddress::Unix("/run/lmtp".into()), TlsStart::None));
    assert_eq!((smtp.protocol, smtp.tls, smtp.port), (Protocol::Smtp, TlsStart::None, Port::Fixed));
    assert_eq!((plan.limits.message_size_octets, plan.limits.recipients), (10_000_000, 100));
}

#[test]
fn unknown_keys_name_the_nearest() {
    check("hostnam = \"a.test\"", &["1: hostnam: unknown key; did you mean `hostname`?"]);
    check("\n[limit]\nconnections = 5", &["2: limit: unknown key; did you mean `limits`?"]);
    check("connections = 5", &["1: connections: this key does not belong here; it belongs under [limits]"]);
    check(
        "[tls]\ncatch_all = 'x'",
        &["2: tls.catch_all: this key does not belong here; it stands before the first [table]"],
    );
    check("frobnicate = 1", &["1: frobnicate: unknown key; the nearest is `route`"]);
}

#[test]
fn types_and_units() {
    check("data = 5", &["1: data: must be text in quotes, not the number 5"]);
    check("domains = \"a.test\"", &["1: domains: must be a list, as [\"a\", \"b\"], not text"]);
    check("domains = [1]", &["1: domains: must hold text, not the number 1"]);
    check("account = 1", &["1: account: must be tables, each headed [[account]], not the number 1"]);
    check("[account]", &["1: account: must be tables, each headed [[account]], not a table"]);
    let size = |value: &str, why: &str| {
        check(&format!("[limits]\nmessage_size = {value}"), &[&format!("2: limits.message_size: {why}")]);
    };
    const UNITS: &str = "known are KiB, MiB, GiB, TiB, kB, MB, GB, TB";
    size("50", "must be text in quotes, not the number 50");
    size("\"50 furlongs\"", &format!("\"50 furlongs\": `furlongs` is no unit of size; {UNITS}"));
    size("\"50\"", "\"50\": the unit is missing; write \"50 MiB\" or another of KiB, MiB, GiB, TiB, kB, MB, GB, TB");
    size("\"1.5 GiB\"", "\"1.5 GiB\": a size is a whole number and a unit, as \"50 MiB\"");
    size("\"99999999 TiB\"", "\"99999999 TiB\": is larger than any disk");
    size("\"1 KiB\"", "must be at least 64 KiB (RFC 5321 §4.5.3.1.7)");
    check("[limits]\nrecipients = 5", &["2: limits.recipients: must lie between 100 and 100000"]);
    check(
        "[limits]\nconnections = -1",
        &["2: limits.connections: must be a whole number without quotes, not the number -1"],
    );
}

#[test]
fn people() {
    check(
        "domains = [\"a.test\", \"A.test\", \"b c\"]\ncatch_all = \"x@a.test\"",
        &[
            "1: domains: \"b c\": the domain is not a valid domain name",
            "1: domains: a.test is there twice",
            "2: catch_all: there is no account x@a.test",
        ],
    );
    check(
        "domains = [\"a.test\"]
[[account]]
address = \"anna\"
password = \"x\"
[[account]]
address = \"anna@b.test\"
password = \"\"
[[account]]
address = \"ben@a.test\"
[[account]]
address = \"BEN@a.test\"
password = \"x\"
password_hash = \"y\"
[[account]]
pasword = \"z\"",
        &[
            "3: account[1].address: \"anna\": an address is local-part@domain",
            "6: account[2].address: the domain b.test is not in `domains`",
            "7: account[2].password: is empty",
            "8: account[3].password_hash: is missing: nobody could log in; `postamt hash-password` prints one",
            "11: account[4].address: BEN@a.test is the address of account[3] already",
            "13: account[4].password_hash: stands beside `password`; keep one of the two",
            "14: account[5].address: is missing: whose account is it?",
            "14: account[5].password_hash: is missing: nobody could log in; `postamt hash-password` prints one",
            "15: account[5].pasword: unknown key; did you mean `password`?",
        ],
    );
}

#[test]
fn apop_needs_the_password_itself() {
    let account = |more: &str| format!("hostname = \"a.test\"\n[[account]]\naddress = \"anna@a.test\"\n{more}");
    let plan = read(&account("password = \"x\"\napop = true")).unwrap();
    assert!(plan.directory.accounts[0].apop);
    assert!(!read(&account("password = \"x\"")).unwrap().directory.accounts[0].apop);
    check(
        &account(&format!("password_hash = \"{HASH}\"\napop = true")),
        &[
            "5: account[1].apop: APOP cannot be checked with `password_hash`; use `password`, or add the account with: postamt account add",
        ],
    );
    check(&account("password = \"x\"\napop = \"yes\""), &["5: account[1].apop: must be true or false, not text"]);
}

#[test]
fn listeners() {
    check(
        "[[listener]]
protocol = \"imap\"
address = \"0.0.0.0:143\"
plaintext_login = true
[[listener]]
protocol = \"pop4\"
address = \"localhost\"
[[listener]]
protocol = \"smtp\"
address = \"127.0.0.1:143\"
plaintext_login = true
tls = \"sometimes\"
[[listener]]
protocol = \"lmtp\"
address = \"unix:x\"
tls = \"starttls\"
[[listener]]
",
        &[
            "4: listener[1].plaintext_login: 0.0.0.0:143 is no loopback address: passwords would cross the network in the clear",
            "6: listener[2].protocol: \"pop4\" is none of \"smtp\", \"submission\", \"lmtp\", \"imap\", \"pop3\", \"http\"",
            "7: listener[2].address: \"localhost\" is no IP address with port, as 127.0.0.1:2525 or [::1]:2525",
            "10: listener[3].address: 127.0.0.1:143 is taken by listener[1] already",
            "11: listener[3].plaintext_login: nobody logs in by smtp; only imap, pop3 and submission listeners take passwords",
            "12: listener[3].tls: \"sometimes\" is none of \"none\", \"starttls\", \"implicit\"",
            "16: listener[4].tls: lmtp knows only \"none\"",
            "17: listener[5].protocol: is missing: what is spoken there? smtp, submission, lmtp, imap, pop3 or http",
            "17: listener[5].address: is missing: where does it listen? As \"127.0.0.1:2525\" or \"unix:/run/postamt/lmtp\"",
        ],
    );
}

#[test]
fn pages_are_private_unless_the_owner_says_so() {
    let pages = |text: &str| {
        let plan = read(&format!("[[listener]]\nprotocol = \"http\"\n{text}")).unwrap();
        plan.listeners[0].pages.iter().map(|page| page.name()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(pages("address = \"0.0.0.0:443\"\ntls = \"implicit\""), "discovery health");
    assert_eq!(pages("address = \"[::ffff:127.0.0.1]:80\""), "status discovery health metrics");
    assert_eq!(pages("address = \"unix:http\""), "status discovery health metrics");
    assert_eq!(pages("address = \"[::]:80\"\npages = [\"metrics\", \"status\", \"metrics\"]"), "status metrics");
    assert_eq!(pages("address = \"[::]:80\"\npages = []"), "");
    check(
        "[[listener]]
protocol = \"http\"
address = \"[::]:80\"
tls = \"starttls\"
pages = [\"stats\"]
[[listener]]
protocol = \"imap\"
address = \"[::]:143\"
pages = [\"status\"]",
        &[
            "4: listener[1].tls: http knows only \"none\" and \"implicit\"",
            "5: listener[1].pages: \"stats\": is none of status, discovery, health, metrics",
            "9: listener[2].pages: imap shows no pages; only http does",
        ],
    );
}

#[test]
fn what_is_no_toml_hides_no_other_mistake() {
    let mistakes = read("hostname = \ndatta = \"x\"\n").unwrap_err();
    assert_eq!(mistakes.mistakes.len(), 2, "{mistakes}");
    assert_eq!(mistakes.mistakes[1].text.english, "unknown key; did you mean `data`?");
    check("data = 'a'\ndata = 'b'", &["2: duplicate key"]);
}

#[test]
fn files() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("postamt.toml");
    let told = |file: &Path| load(file).map(|_| ()).unwrap_err().to_string();
    assert!(told(&file).ends_with("postamt.toml: cannot be read: No such file or directory (os error 2)"));
    let account = "domains = ['a.test']\n[[account]]\naddress = 'x@a.test'\npassword = 'x'\n";
    std::fs::write(&file, format!("{account}[tls]\ncertificate = 'none.pem'\nkey = 'none.key'")).unwrap();
    std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o640)).unwrap();
    let mistakes = told(&file);
    assert!(
        mistakes.contains(":4: account: this file holds passwords and others may read it; run `chmod 600 /"),
        "{mistakes}"
    );
    assert!(mistakes.contains(":6: tls.certificate: cannot read /"), "{mistakes}");
    assert!(mistakes.contains(":7: tls.key: cannot read /"), "{mistakes}");
    assert_eq!(mistakes.lines().count(), 3, "{mistakes}");
    std::fs::write(&file, format!("{account}[tls]\ncertificate = 'none.pem'")).unwrap();
    std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    assert!(told(&file).ends_with(":5: tls.key: is missing: a certificate needs its key"), "{}", told(&file));
    std::fs::write(&file, account).unwrap();
    assert_eq!(load(&file).unwrap().data, folder.path().join("postamt-data"));
}

#[test]
fn the_way_out() {
    let plan = read(
        r#"
        relay_from = ["192.0.2.0/24", "::1"]
        [outbound]
        dns = ["127.0.0.1:5353", "2001:db8::53"]
        port = 2525
        ip = "ipv4-only"
        source_ipv4 = "192.0.2.7"
        lifetime = "3 d"
        delay_notice = "90 min"
        connections_per_destination = 5
        messages_per_minute = 600
        language = "de"
        [[route]]
        name = "boss"
        for = ["from:boss@example.org", "*.example.net"]
        to = "smtps://smart.example.net"
        user = "us"
        password = "secret"
        [[route]]
        name = "rest"
        to = "lmtp://127.0.0.1:24"
        "#,
    )
    .unwrap();
    let out = &plan.outbound;
    assert_eq!((plan.relay_from.len(), out.dns.len(), out.dns[1].port()), (2, 2, 53));
    assert_eq!((out.port, out.family, out.per_destination), (2525, Family::Ipv4Only, 5));
    assert_eq!((out.lifetime.as_secs(), out.delay_notice_after.as_secs()), (3 * 24 * 3600, 90 * 60));
    let [boss, rest] = out.routes.as_slice() else { panic!("two routes") };
    assert_eq!((boss.hop.to_string().as_str(), boss.tls), ("smtps://smart.example.net:465", TlsDemand::Verified));
    assert_eq!((rest.hop.to_string().as_str(), rest.tls), ("lmtp://127.0.0.1:24", TlsDemand::Welcome));
    assert!(boss.login.is_some() && rest.login.is_none() && rest.matches.is_empty());
    check(
        r#"relay_from = ["0.0.0.0/0", "everybody"]
[outbound]
dns = ["ns.example.org"]
lifetime = "5"
delay_notice = "1 s"
[[route]]
to = "http://x"
user = "us"
[[route]]
name = "a b"
for = ["@"]
password = "x""#,
        &[
            "1: relay_from: \"everybody\": a network is an IP address, or one with a prefix as 192.0.2.0/24 or 2001:db8::/32",
            "1: relay_from: 0.0.0.0/0 is wider than /8: strangers could send through this server",
            "3: outbound.dns: \"ns.example.org\": is no IP address, as 192.0.2.53, 127.0.0.1:5353 or [::1]:5353",
            "4: outbound.lifetime: \"5\": a time is a whole number and a unit, as \"5 d\"; known are s, min, h, d",
            "5: outbound.delay_notice: must be from 5 min to 30 d",
            "6: route[1].password: is missing: a user needs one",
            "6: route[1].name: is missing: by what shall the queue know it?",
            "7: route[1].to: \"http://x\": it begins with smtp, smtps or lmtp",
            "9: route[2].user: is missing: whose password is it?",
            "9: route[2].to: is missing: where does the mail go? As \"smtp://mail.example.org:587\"",
            "10: route[2].name: must be a word of letters, digits, `-`, `_` and `.`",
            "11: route[2].for: \"@\": is no address, domain, *.domain, or one of these behind from:",
        ],
    );
}

#[test]
fn the_engine_is_chosen_by_name() {
    assert_eq!(read("").unwrap().backend, Backend::Fjall);
    assert_eq!(read("[store]\nbackend = \"redb\"").unwrap().backend, Backend::Redb);
    check(
        "[store]\nbackend = \"sled\"\nback_end = 1",
        &[
            "2: store.backend: \"sled\" is none of \"fjall\", \"redb\"",
            "3: store.back_end: unknown key; did you mean `backend`?",
        ],
    );
    check("backend = \"redb\"", &["1: backend: this key does not belong here; it belongs under [store]"]);
}

#[test]
fn what_is_deleted_is_kept_as_long_as_it_says() {
    assert_eq!(read("").unwrap().deleted, Deleted::default());
    let deleted = read("[deleted]\nkept = \"0 d\"\nsize = \"1 GiB\"").unwrap().deleted;
    assert_eq!((deleted.kept.as_secs(), deleted.octets_max, deleted.socket), (0, Some(1 << 30), None));
    check(
        "[deleted]\nkept = \"3651 d\"\nkeep = 1",
        &["2: deleted.kept: must be at most 3650 d", "3: deleted.keep: unknown key; did you mean `kept`?"],
    );
}

/// `UPDATE=1` writes it anew.
#[test]
fn the_reference_is_what_the_code_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/configuration.md");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, reference()).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == reference(), "docs/configuration.md is old: run UPDATE=1 cargo test -p postamt reference");
}
