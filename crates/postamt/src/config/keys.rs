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
            "loopback: SMTP 2525, LMTP 2424, IMAP 2143 and 2993, HTTP 8080",
            "Where the server listens; once per listener.",
        ),
        key("tls", "`[tls]`", "a self-signed certificate in the data folder", "The server's certificate."),
        key("limits", "`[limits]`", "see there", "How much is taken at most."),
    ],
};

pub(super) const ACCOUNT: Keys = Keys {
    heading: "[[account]]",
    meaning: "An account has one of `password` and `password_hash`.",
    keys: &[
        key("address", "address", "must be there", "Its address, which is also its login."),
        key("password_hash", "Argon2id hash", "", "What `postamt hash-password` prints."),
        key(
            "password",
            "text",
            "",
            "The password itself, for tests; the file must then be readable by its owner only.",
        ),
        key("quota", "size", "no limit", "What its mail may take, each message counted once."),
        key("quota_messages", "number, from 1", "no limit", "How many messages it may have."),
    ],
};

pub(super) const LISTENER: Keys = Keys {
    heading: "[[listener]]",
    meaning: "With the first of them the listeners of the default are gone.",
    keys: &[
        key("protocol", "`smtp`, `lmtp`, `imap` or `http`", "must be there", "What is spoken there."),
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
            "How TLS begins; `implicit` is TLS from the first octet, as on port 993.",
        ),
        key(
            "plaintext_login",
            "`true` or `false`",
            "`false`",
            "Whether passwords are taken without TLS; `imap` on loopback or a Unix socket only.",
        ),
    ],
};

pub(super) const TLS: Keys = Keys {
    heading: "[tls]",
    meaning: "Both or none.",
    keys: &[
        key("certificate", "file", "self-signed", "The certificate with its chain, in PEM."),
        key("key", "file", "self-signed", "Its private key, in PEM."),
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

/// In the order of the reference.
pub(super) const ALL: [&Keys; 5] = [&ROOT, &ACCOUNT, &LISTENER, &TLS, &LIMITS];

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
