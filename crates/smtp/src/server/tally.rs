//! What a connection has used up of its patience.

use crate::policy::Policy;
use crate::reply::Reply;

/// Counted over the whole connection.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    errors: u32,
    auth_failures: u32,
    refused_recipients: u32,
    transactions: u32,
    idle_commands: u32,
}

impl Tally {
    /// A command failed with `reply`; what to say.
    pub(super) fn error(&mut self, reply: Reply, policy: &Policy) -> Reply {
        self.errors += 1;
        if self.errors <= policy.errors_max {
            return reply;
        }
        Reply::new(421, (4, 7, 0), format!("too many errors, the last one: {reply}"))
    }

    /// The client is not who it claims to be, or that cannot be told now; what to say.
    pub(super) fn auth_failure(&mut self, reply: Reply, policy: &Policy) -> Reply {
        self.auth_failures += u32::from(reply.is_permanent());
        if self.auth_failures <= policy.auth_failures_max {
            return reply;
        }
        Reply::new(421, (4, 7, 0), format!("too many failed authentications, the last one: {reply}"))
    }

    /// A recipient was refused with `reply`; what to say.
    pub(super) fn refused_recipient(&mut self, reply: Reply, policy: &Policy) -> Reply {
        self.refused_recipients += u32::from(reply.is_permanent());
        if self.refused_recipients <= policy.refused_recipients_max {
            return reply;
        }
        Reply::new(421, (4, 7, 0), format!("too many refused recipients, the last one: {reply}"))
    }

    /// A command came that carries no message; the refusal if there were too many.
    pub(super) fn idle_command(&mut self, policy: &Policy) -> Option<Reply> {
        self.idle_commands += 1;
        let much = self.idle_commands > policy.idle_commands_max;
        much.then(|| Reply::new(421, (4, 7, 0), "too many commands without a message"))
    }

    /// A transaction begins; the refusal if there were too many.
    pub(super) fn transaction(&mut self, policy: &Policy) -> Option<Reply> {
        self.transactions += 1;
        let much = self.transactions > policy.transactions_max;
        much.then(|| Reply::new(421, (4, 7, 0), "enough messages for one connection, please connect again"))
    }

    /// A message was taken.
    pub(super) fn message(&mut self) {
        self.idle_commands = 0;
    }
}
