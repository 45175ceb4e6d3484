//! Domains, accounts, addresses and credentials: who mail is for, and who may log in.
//!
//! A [`Directory`] joins what a [`DirectorySpec`] declares with what the store holds (the cell `directory`). Edits
//! take effect at once for whoever asks next; what is declared is not edited, and wins. It does not know protocols, mailboxes
//! or configuration files.
//!
//! | module | nouns |
//! |---|---|
//! | `spec` | `DirectorySpec`, `AccountSpec`, `Quota`, `CatchAll`; looked at by `declared` |
//! | `account`, `domain`, `alias` | `Account`, `LocalDomain`, `Alias` and what aliases come to |
//! | `directory` | `Directory`: opening, lists, and how an edit is made |
//! | `edit` | `Edit`, `EditError` |
//! | `people` | all of them at one moment, indexed |
//! | `roll`, `chunks` | those who are stored, packed; how copies share them |
//! | `rows`, `ids` | how they lie in the store; the durable numbers of accounts |
//! | [`check`] | what must always hold of them |
//! | [`adopt`] | somebody whom another store knows |
//! | `credential` | `Secret`, `Credential`, `hash_password` |
//! | `resolve` | `Resolution`, `Target`: to whom a forward path leads |
//! | `authenticate` | `AuthError`, `ScramTicket`: log-in, with `hashing`, `remembered` and `throttle` behind it; `evidence` is what is read for it |
//! | `sign_in` | `SignIn`: log-in by SASL; APOP is beside `authenticate` |
//!
//! ```
//! use directory::{AccountSpec, Credential, Directory, DirectorySpec, Edit, Resolution, Target};
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
//! let sales = "sales@demo.test".parse().unwrap();
//! let edit = Edit::AddAlias { address: sales, targets: vec!["anna+sales@demo.test".parse().unwrap()] };
//! world.block_on(directory.edit(edit)).unwrap();
//! let path = model::ForwardPath::Address("Sales@demo.test".parse().unwrap());
//! let to_anna = Target::Account { account: anna, detail: Some("sales".into()) };
//! assert_eq!(directory.resolve(&path), Resolution::Deliver(vec![to_anna]));
//! ```

mod account;
mod adopt;
mod alias;
mod authenticate;
mod check;
mod chunks;
mod credential;
mod declared;
mod directory;
mod domain;
mod edit;
mod hashing;
mod ids;
mod mend;
mod people;
mod remembered;
mod removed;
mod resolve;
mod roll;
mod rows;
mod sign_in;
mod spec;
mod throttle;
#[cfg(test)]
mod world;

pub use account::{Account, AccountState, Origin};
pub use adopt::adopt;
pub use alias::{Alias, DEPTH_MAX, Fault, TARGETS_MAX};
pub use authenticate::{ApopDigest, AuthError, ScramTicket};
pub use check::check;
pub use credential::{Credential, CredentialError, Secret, hash_password};
pub use directory::{Directory, DirectoryError};
pub use domain::{DomainSettings, LocalDomain, SeparatorError, Separators};
pub use edit::{Edit, EditError, Edited};
pub use ids::{erasing_of, is_ours, number_of};
pub use mend::{Mended, mend};
pub use model::Quota;
pub use removed::RemovedAccount;
pub use resolve::{DemoFault, Resolution, Target};
pub use rows::RowError;
pub use sign_in::{SignIn, SignInError, SignInFrom, SignInStep, channel_binding};
pub use spec::{AccountSpec, CatchAll, DirectorySpec};
