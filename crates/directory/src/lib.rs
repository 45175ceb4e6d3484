//! Domains, accounts, addresses and credentials: who mail is for, and who may log in.
//!
//! A [`Directory`] is an immutable value built from a [`DirectorySpec`]; only the account numbers are durable (rows of the
//! cell `directory`), since mail hangs on them. It does not know protocols, mailboxes or configuration files.
//!
//! | module | nouns |
//! |---|---|
//! | `spec` | `DirectorySpec`, `AccountSpec`, `Quota`, `CatchAll` |
//! | `credential` | `Secret`, `Credential`, `hash_password` |
//! | `ids` | the durable numbers of accounts |
//! | `resolve` | `Resolution`: to whom a forward path leads |
//! | `authenticate` | `AuthError`, `ScramTicket`: log-in, with `hashing`, `remembered` and `throttle` behind it |
//!
//! ```
//! use directory::{AccountSpec, Credential, Directory, DirectorySpec, Resolution};
//! use env::virtual_world::World;
//! use std::sync::Arc;
//!
//! let world = World::new(1);
//! let env = world.env();
//! let store = Arc::new(store::memory::MemoryStore::new());
//! let mut spec = DirectorySpec::new(vec!["demo.test".parse().unwrap()]);
//! spec.accounts.push(AccountSpec::new("anna@demo.test".parse().unwrap(), Credential::Clear("secret".into())));
//! let directory = world.block_on(Directory::open(store, env.spawn, env.clock, &*env.random, spec)).unwrap();
//! let anna = world.block_on(directory.authenticate("anna", b"secret", None)).unwrap();
//! let path = model::ForwardPath::Address("Anna@demo.test".parse().unwrap());
//! assert_eq!(directory.resolve(&path), Resolution::Deliver(vec![anna]));
//! ```

mod account;
mod authenticate;
mod credential;
mod hashing;
mod ids;
mod remembered;
mod resolve;
mod spec;
mod throttle;
#[cfg(test)]
mod world;

pub use account::{Account, Directory, DirectoryError};
pub use authenticate::{AuthError, ScramTicket};
pub use credential::{Credential, CredentialError, Secret, hash_password};
pub use model::Quota;
pub use resolve::{DemoFault, Resolution};
pub use spec::{AccountSpec, CatchAll, DirectorySpec};
