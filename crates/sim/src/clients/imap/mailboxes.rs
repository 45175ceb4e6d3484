//! Mailboxes are made, renamed, subscribed and deleted: some that all clients share, and some that are certain.

use super::{FLEETING, Session, Status};
use crate::link::Gone;

impl Session<'_> {
    /// Something is done to a mailbox that others change as well: nothing is certain.
    pub(super) async fn mailboxes(&mut self) -> Result<(), Gone> {
        let (name, other) = (*self.dice.pick(&FLEETING), *self.dice.pick(&FLEETING));
        let command = match self.dice.below(5) {
            0 => format!("CREATE \"{name}\""),
            1 => format!("DELETE \"{name}\""),
            2 => format!("RENAME \"{name}\" \"{other}\""),
            3 => format!("SUBSCRIBE \"{name}\""),
            _ => "LIST \"\" \"*\"".to_owned(),
        };
        self.command(&command).await.map(drop)
    }

    /// Something is done to a mailbox that nobody else changes meanwhile.
    pub(super) async fn own_mailbox(&mut self) -> Result<(), Gone> {
        let step = self.scene.ledger().names.begin(self.account, self.dice);
        let Some(step) = step else { return Ok(()) };
        if self.command(&step.command).await?.status == Status::Ok {
            self.scene.say(|| format!("account {} has done: {}", self.account, step.command));
            self.scene.ledger().names.acknowledged(self.account, step);
        }
        Ok(())
    }
}
