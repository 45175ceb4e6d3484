//! Edits of aliases.

use super::{Draft, EditError, Edited, nearest};
use crate::account::folded;
use crate::alias::{Alias, TARGETS_MAX};
use crate::{Origin, rows};
use model::Address;
use std::collections::HashSet;
use std::sync::Arc;

impl Draft<'_> {
    pub(super) fn add_alias(&mut self, address: &Address, targets: &[Address]) -> Result<Edited, EditError> {
        self.check_local(&address.domain)?;
        if targets.is_empty() {
            return Err(EditError::NoTargets);
        }
        let old = self.new.aliases.get(&folded(address));
        let mut alias = old.map_or_else(
            || Alias { address: address.clone(), targets: Vec::new(), origin: Origin::Stored },
            |old| Alias::clone(old),
        );
        let before = alias.targets.len();
        let mut seen: HashSet<String> = alias.targets.iter().map(|target| self.key(target)).collect();
        alias.targets.extend(targets.iter().filter(|target| seen.insert(self.key(target))).cloned());
        if alias.targets.len() > TARGETS_MAX {
            return Err(EditError::TargetsMany(alias.targets.len()));
        }
        if alias.targets.len() == before {
            return Ok(Edited::Unchanged);
        }
        Ok(self.put_alias(alias))
    }

    pub(super) fn remove_alias(&mut self, address: &Address, targets: &[Address]) -> Result<Edited, EditError> {
        let Some(old) = self.new.aliases.get(&folded(address)).cloned() else {
            self.check_local(&address.domain)?;
            let known = self.new.aliases.values().map(|alias| alias.address.clone());
            return Err(EditError::UnknownAlias { address: address.clone(), nearest: nearest::among(address, known) });
        };
        let mut alias = Alias::clone(&old);
        let known: HashSet<String> = old.targets.iter().map(|target| self.key(target)).collect();
        if let Some(unknown) = targets.iter().find(|target| !known.contains(&self.key(target))) {
            return Err(EditError::UnknownTarget { address: address.clone(), target: unknown.clone() });
        }
        let gone: HashSet<String> = targets.iter().map(|target| self.key(target)).collect();
        alias.targets.retain(|target| !targets.is_empty() && !gone.contains(&self.key(target)));
        Ok(self.put_alias(alias))
    }

    fn put_alias(&mut self, alias: Alias) -> Edited {
        let key = folded(&alias.address);
        self.rows.push(rows::alias_change(&alias));
        let aliases = Arc::make_mut(&mut self.new.aliases);
        if alias.targets.is_empty() {
            aliases.remove(&key);
        } else {
            aliases.insert(key, Arc::new(alias));
        }
        Edited::Done
    }

    /// Only our own local parts are known to be the same in any case.
    fn key(&self, target: &Address) -> String {
        if self.people.is_local(&target.domain) { folded(target) } else { target.to_string() }
    }
}
