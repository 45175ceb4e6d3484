//! Every key there is: the readers know no others, and the reference is printed from here.

use std::fmt::Write;

/// One key.
pub(super) struct Key {
    pub name: &'static str,
    /// What it holds, for people.
    pub form: &'static str,
    /// What stands in its place when it is not there.
    pub default: &'static str,
    pub meaning: &'static str,
}

/// A table of the file.
pub(super) struct Keys {
    /// As it is written, `[tls]`; empty for the top.
    pub heading: &'static str,
    pub meaning: &'static str,
    pub keys: &'static [Key],
}

const fn key(name: &'static str, form: &'static str, default: &'static str, meaning: &'static str) -> Key {
    Key { name, form, default, meaning }
}

pub(super) const ROOT: Keys = Keys {
    heading: "",
    meaning: "Stands before the first `[…]`.",
    keys: &[
        key(
            "hostname",
            "domain name",
            "the machine's name",
            "How the server names itself in greetings and trace fields.",
        ),
        key("data", "folder", "`postamt-data`", "Where mail and everything else durable lies."),
        key(
            "domains",
            "list of domain names",
            "the host name",
            "The domains whose mail is ours; an account must lie in one of them.",
        ),
        key(
            "catch_all",
            "address of an account",
            "none: such mail is refused",
            "Who gets mail to local parts that nobody has.",
        ),
        key(
            "postmaster",
            "address of an account",
            "the account `admin`, else the first",
            "Who reads mail to `postmaster` and `abuse`.",
        ),
        key("account", "`[[account]]`", "none", "Who owns mail; once per account."),
        key(
            "listener",
            "`[[listener]]`",
            "loopback: SMTP 2525, submission 2587 and 2465, LMTP 2424, IMAP 2143 and 2993, POP3 2110 and 2995, HTTP 8080",
            "Where the server listens; once per listener.",
        ),
        key(
            "relay_from",
            "list of networks",
            "none",
            "Whose mail to other servers the `smtp` listeners take without a log-in, as `192.0.2.0/24`; never a network of strangers.",
        ),
        key("outbound", "`[outbound]`", "by MX, as the system's DNS says", "How mail goes out."),
        key("route", "`[[route]]`", "none", "An exception from MX, as a smart host; the first that fits counts."),
        key("tls", "`[tls]`", "a self-signed certificate in the data folder", "The server's certificate."),
        key("limits", "`[limits]`", "see there", "How much is taken at most."),
        key("store", "`[store]`", "see there", "How mail is kept."),
        key("deleted", "`[deleted]`", "see there", "How long what was deleted can be brought back."),
    ],
};

pub(super) const ACCOUNT: Keys = Keys {
    heading: "[[account]]",
    meaning: "An account has one of `password` and `password_hash`.",
    keys: &[
        key("address", "address", "must be there", "Its address, which is also its login."),
        key(
            "password_hash",
            "hash",
            "",
            "What `postamt hash-password` prints: an Argon2id hash, and the keys by which SCRAM can be offered.",
        ),
        key(
            "password",
            "text",
            "",
            "The password itself, for tests; the file must then be readable by its owner only.",
        ),
        key(
            "apop",
            "`true` or `false`",
            "`false`",
            "Whether it may log in by POP3's APOP, with `password`; stored accounts: `postamt account apop`.",
        ),
        key("quota", "size", "no limit", "What its mail may take, each message counted once."),
        key("quota_messages", "number, from 1", "no limit", "How many messages it may have."),
    ],
};

pub(super) const LISTENER: Keys = Keys {
    heading: "[[listener]]",
    meaning: "With the first of them the listeners of the default are gone.",
    keys: &[
        key(
            "protocol",
            "`smtp`, `submission`, `lmtp`, `imap`, `pop3` or `http`",
            "must be there",
            "What is spoken there; `submission` is for people, on 587 and (with `tls = \"implicit\"`) 465, `pop3` on 110 and (likewise) 995.",
        ),
        key(
            "address",
            "IP address and port, or `unix:` and a path",
            "must be there",
            "Where: `127.0.0.1:2525`, `[::]:25`, `unix:/run/postamt/lmtp`.",
        ),
        key(
            "tls",
            "`none`, `starttls` or `implicit`",
            "`starttls`; `none` for `lmtp` and `http`",
            "How TLS begins; `implicit` is TLS from the first octet, as on port 993. `lmtp` knows only `none`, `http` `none` and `implicit`.",
        ),
        key(
            "plaintext_login",
            "`true` or `false`",
            "`false`",
            "Whether passwords are taken without TLS; `imap`, `pop3` and `submission` on loopback or a Unix socket only.",
        ),
        key(
            "channel_binding",
            "`true` or `false`",
            "`false`",
            "Whether `imap`, `pop3` and `submission` offer SCRAM with -PLUS; mutt and neomutt choose it, cannot do it with TLS 1.3, and give up.",
        ),
        key(
            "proxy",
            "list of networks",
            "none",
            "Proxies whose PROXY protocol header says who the client is; all others are then refused.",
        ),
        key(
            "pages",
            "list of `status`, `discovery`, `health`, `metrics`",
            "all on loopback or a Unix socket; else `discovery` and `health`",
            "What `http` shows there: numbers of accounts and messages (`/`), how mail programs connect, `/healthz`, `/metrics`.",
        ),
        key(
            "public_port",
            "number",
            "the port in `address`, unless that is on loopback",
            "The port by which others reach it where a router, container or proxy forwards it: mail programs and `dns show` are told this one.",
        ),
    ],
};

pub(super) const TLS: Keys = Keys {
    heading: "[tls]",
    meaning: "Both or none.",
    keys: &[
        key("certificate", "file", "self-signed", "The certificate with its chain, in PEM."),
        key("key", "file", "self-signed", "Its private key, in PEM."),
        key(
            "more",
            "`[[tls.more]]`",
            "none",
            "Further certificates; which is used, the client's wish for a name says.",
        ),
    ],
};

pub(super) const MORE_TLS: Keys = Keys {
    heading: "[[tls.more]]",
    meaning: "Files are looked at every ten seconds; a changed one is used at once.",
    keys: &[
        key("certificate", "file", "must be there", "The certificate with its chain, in PEM."),
        key("key", "file", "must be there", "Its private key, in PEM."),
    ],
};

pub(super) const OUTBOUND: Keys = Keys {
    heading: "[outbound]",
    meaning: "",
    keys: &[
        key(
            "dns",
            "list of IP addresses, with port if not 53",
            "those of `/etc/resolv.conf`",
            "Whom names are asked of.",
        ),
        key("port", "number, 1 to 65,535", "25", "Where exchangers listen; another one is for tests."),
        key(
            "ip",
            "`ipv6-first`, `ipv4-first`, `ipv4-only` or `ipv6-only`",
            "`ipv6-first`",
            "Which addresses of a host are tried, and which first.",
        ),
        key("source_ipv4", "IPv4 address", "the system's choice", "From which address mail goes out."),
        key("source_ipv6", "IPv6 address", "the system's choice", "From which address mail goes out."),
        key(
            "authority",
            "file",
            "those of the system",
            "A certificate, in PEM, that `tls = \"verified\"` trusts as well.",
        ),
        key(
            "lifetime",
            "time, from 1 h to 30 d",
            "`\"5 d\"`",
            "How long a message is tried before its sender is told that it failed.",
        ),
        key(
            "delay_notice",
            "time, from 5 min to 30 d",
            "`\"4 h\"`",
            "After how long a sender is told that a message is late.",
        ),
        key("connections_per_destination", "number, 1 to 500", "20", "Connections to one next hop at once."),
        key("messages_per_minute", "number, 1 to 100,000", "no limit", "Messages to one next hop; the rest waits."),
        key("language", "`en` or `de`", "`en`", "In which language senders are told."),
    ],
};

pub(super) const ROUTE: Keys = Keys {
    heading: "[[route]]",
    meaning: "Mail that fits goes to a host of your choice instead of where DNS says.",
    keys: &[
        key("name", "word", "must be there", "By which the queue knows it; do not change it while mail waits for it."),
        key(
            "for",
            "list",
            "all mail to others",
            "Which mail: `example.org`, `*.example.org`, `anna@example.org`; of senders `from:example.org`, `from:anna@example.org`.",
        ),
        key(
            "to",
            "host",
            "must be there",
            "`smtp://host:587`, `smtps://host:465` (TLS from the first octet) or `lmtp://host:24`.",
        ),
        key(
            "tls",
            "`none`, `welcome`, `required` or `verified`",
            "`welcome`; with a password `verified`",
            "Whether TLS is used; `verified` wants a certificate that is valid for the host's name.",
        ),
        key("user", "text", "no log-in", "Who we are there."),
        key("password", "text", "", "What proves it; the file must then be readable by its owner only."),
    ],
};

pub(super) const LIMITS: Keys = Keys {
    heading: "[limits]",
    meaning: "",
    keys: &[
        key("message_size", "size, from 64 KiB", "`\"50 MiB\"`", "The largest message that is taken."),
        key(
            "connections",
            "number, 1 to 1,000,000",
            "40,000",
            "Connections of all listeners together; more are told to come back.",
        ),
        key(
            "recipients",
            "number, 100 to 100,000",
            "1,000",
            "Recipients of one message; more are told to come in another one.",
        ),
    ],
};

pub(super) const STORE: Keys = Keys {
    heading: "[store]",
    meaning: "",
    keys: &[key(
        "backend",
        "`fjall` or `redb`",
        "`fjall`",
        "Which engine keeps what is in the data folder; a folder stays with the one that made it. `fjall` is faster and suits every size, `redb` keeps all rows in one file.",
    )],
};

pub(super) const DELETED: Keys = Keys {
    heading: "[deleted]",
    meaning: "Messages, mailboxes and accounts that were deleted can be brought back: `postamt deleted`, `postamt account restore`. They do not count towards quotas. When the disk is nearly full, the oldest go at once.",
    keys: &[
        key("kept", "time, to 3650 d", "`\"30 d\"`", "How long; with `0 d` nothing is kept."),
        key(
            "size",
            "size",
            "the account's quota; without one, what the disk takes",
            "What deleted messages of one account may take; the oldest go first.",
        ),
        key(
            "socket",
            "path",
            "none",
            "A Unix socket, as `/run/postamt/people.sock`, over which everybody on the machine who knows their account's password brings back their own mail. It is bound at the start.",
        ),
    ],
};

/// In the order of the reference.
pub(super) const ALL: [&Keys; 10] =
    [&ROOT, &ACCOUNT, &LISTENER, &OUTBOUND, &ROUTE, &TLS, &MORE_TLS, &LIMITS, &STORE, &DELETED];

const INTRODUCTION: &str = "# Configuration

Printed by `postamt keys`; a test keeps it true.

`postamt serve --config postamt.toml` reads one TOML file, which may be empty. `postamt check --config postamt.toml` tells
everything that is wrong with it at once, with line, key and the nearest known key. File names are relative to the file's
folder. Sizes carry their unit: `\"50 MiB\"` (KiB, MiB, GiB, TiB by 1024; kB, MB, GB, TB by 1000).

```toml
hostname = \"mail.example.org\"
domains = [\"example.org\"]

[[account]]
address = \"anna@example.org\"
password_hash = \"$argon2id$v=19$m=19456,t=2,p=1$…\"   # postamt hash-password
quota = \"5 GiB\"

[[listener]]
protocol = \"smtp\"
address = \"0.0.0.0:25\"

[[listener]]
protocol = \"imap\"
address = \"0.0.0.0:993\"
tls = \"implicit\"

[tls]
certificate = \"/etc/postamt/fullchain.pem\"
key = \"/etc/postamt/privkey.pem\"
```
";

/// The reference of all keys, in Markdown.
pub fn reference() -> String {
    let mut out = INTRODUCTION.to_owned();
    for section in ALL {
        let heading = if section.heading.is_empty() { "Top" } else { section.heading };
        let _ = write!(out, "\n## {heading}\n\n");
        if !section.meaning.is_empty() {
            let _ = write!(out, "{}\n\n", section.meaning);
        }
        out.push_str("| key | holds | default | meaning |\n|---|---|---|---|\n");
        for key in section.keys {
            let _ = writeln!(out, "| `{}` | {} | {} | {} |", key.name, key.form, key.default, key.meaning);
        }
    }
    out
}
