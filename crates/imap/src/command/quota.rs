//! GETQUOTA, GETQUOTAROOT, SETQUOTA (RFC 9208 §4.1).

use super::Encoder;
use crate::cursor::{Cursor, Parsed};

/// Resources in one SETQUOTA; four are known.
const RESOURCES_MAX: usize = 20;

/// SETQUOTA.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SetQuota {
    /// The quota root's name.
    pub root: String,
    /// Names of resources, and their limits.
    pub limits: Vec<(String, u64)>,
}

impl SetQuota {
    pub(super) fn parse(cursor: &mut Cursor<'_>) -> Parsed<SetQuota> {
        let root = root(cursor)?;
        cursor.space()?;
        let limits = cursor.list(RESOURCES_MAX, |c| {
            let name = c.atom("a resource")?.to_owned();
            c.space()?;
            Ok((name, c.number64()?))
        })?;
        Ok(SetQuota { root, limits })
    }

    pub(super) fn encode(&self, to: &mut Encoder) {
        to.astring(self.root.as_bytes()).raw(" (");
        for (i, (name, limit)) in self.limits.iter().enumerate() {
            to.raw(if i == 0 { "" } else { " " }).raw(&format!("{name} {limit}"));
        }
        to.raw(")");
    }
}

/// A space and a quota root's name.
pub(super) fn root(cursor: &mut Cursor<'_>) -> Parsed<String> {
    cursor.space()?;
    cursor.text("a quota root")
}
