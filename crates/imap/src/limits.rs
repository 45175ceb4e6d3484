//! Every bound on what a client may send, with its reason.

use std::time::Duration;

/// One command with its literals, before login: LOGIN and AUTHENTICATE with a large token (RFC 9051 §11.7) fit well.
pub const COMMAND_OCTETS_BEFORE_LOGIN_MAX: usize = 8 * 1024;
/// One command with its literals, after login. RFC 7162 §4 asks for at least 8192; UID sets of real clients reach some 50 KiB.
pub const COMMAND_OCTETS_MAX: usize = 64 * 1024;
/// All literals of one command before login: names, passwords and tokens are shorter.
pub const LITERAL_OCTETS_BEFORE_LOGIN_MAX: usize = 4 * 1024;
/// Input held while a command runs, so that a client may pipeline and a hang-up is seen.
pub const INPUT_OCTETS_MAX: usize = 64 * 1024;
/// Output above which the session asks its caller to wait; one response may go beyond it.
pub const OUTPUT_OCTETS_SOFT: usize = 64 * 1024;
/// Refused non-synchronizing octets that are read and dropped before login, rather than closing (RFC 7888 §4).
pub const DRAIN_OCTETS_BEFORE_LOGIN_MAX: u64 = 8 * 1024;
/// Octets of a line too long that are passed over, rather than closing: a client with too many UIDs has some more than
/// [`COMMAND_OCTETS_MAX`], but under COMPRESS=DEFLATE every MiB costs its sender a KiB.
pub const SKIPPED_OCTETS_MAX: usize = 1024 * 1024;
/// Malformed commands in a row until the connection ends: a client that speaks IMAP makes none.
pub const BAD_COMMANDS_MAX: u32 = 20;
/// Octets of a tag; clients use a handful.
pub const TAG_OCTETS_MAX: usize = 128;
/// Ranges in one sequence set: more than any client window, less than the command's octets allow.
pub const SEQUENCE_ITEMS_MAX: usize = 10_000;
/// Nesting of SEARCH keys; people write three.
pub const SEARCH_DEPTH_MAX: usize = 100;
/// SEARCH keys in one command: each may cost a pass over the mailbox.
pub const SEARCH_KEYS_MAX: usize = 1_000;
/// Criteria of one SORT: nine exist, each in two directions; a second time the same says nothing.
pub const SORT_CRITERIA_MAX: usize = 18;
/// Nesting of parentheses that THREAD answers, though RFC 5256 §4 sets no limit: clients read it by recursion, and
/// conversations that branch so often within one branch are made to break them. What lies deeper is told as siblings.
pub const THREAD_DEPTH_MAX: usize = 100;
/// Flags in one STORE or APPEND; mailboxes hold a few dozen.
pub const FLAGS_MAX: usize = 200;
/// Messages in one APPEND: they are held until the last one is there, and stored in one batch (RFC 3502 §6.3.11).
pub const APPEND_MESSAGES_MAX: u32 = 100;
/// Octets of all messages of one APPEND, in largest messages: who sends more at once can send it in parts.
pub const APPEND_LARGEST_MAX: u64 = 4;
/// Data items in one FETCH; each costs work for each message.
pub const FETCH_ITEMS_MAX: usize = 100;
/// Field names in one HEADER.FIELDS list; large clients ask for some forty.
pub const HEADER_FIELDS_MAX: usize = 200;
/// Depth of a section number as 1.2.3: as deep as the message scanner follows.
pub const SECTION_DEPTH_MAX: usize = 100;
/// Patterns in one LIST (RFC 5258 §3).
pub const LIST_PATTERNS_MAX: usize = 100;
/// Octets of a mailbox name or pattern in UTF-8.
pub const MAILBOX_OCTETS_MAX: usize = 1_000;
/// Field-value pairs of ID (RFC 2971 §3.3).
pub const ID_PAIRS_MAX: usize = 30;
/// Octets of a value of ID (RFC 2971 §3.3).
pub const ID_VALUE_OCTETS_MAX: usize = 1_024;
/// Capabilities in one ENABLE; some ten exist.
pub const ENABLE_MAX: usize = 50;

/// What differs from house to house.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Largest message APPEND takes; also how much of a refused LITERAL+ is drained.
    pub append_octets_max: u64,
    /// Time without input after which a logged-in client is sent away; at least 30 minutes (RFC 9051 §5.4).
    pub idle_timeout: Duration,
    /// Time to log in.
    pub login_timeout: Duration,
}

impl Default for Limits {
    /// 64 MiB, as large as mail gets in practice; 30 minutes; one minute.
    fn default() -> Limits {
        Limits {
            append_octets_max: 64 << 20,
            idle_timeout: Duration::from_secs(30 * 60),
            login_timeout: Duration::from_secs(60),
        }
    }
}
