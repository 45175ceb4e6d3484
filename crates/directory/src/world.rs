//! What the tests share: a directory on the reference store in a virtual world.

use crate::{AccountSpec, CatchAll, Credential, Directory, DirectoryError, DirectorySpec, DomainSettings, Edit};
use env::virtual_world::World;
use model::{Address, LocalPart, Quota};
use std::sync::Arc;
use store::Store;
use store::memory::MemoryStore;

/// Argon2id at its least cost: the tests are about what is around it.
pub(crate) fn cheap_hash(password: &[u8]) -> Credential {
    let params = argon2::Params::new(8, 1, 1, None).unwrap();
    let argon2 = argon2::Argon2::from(params);
    let hash = argon2::PasswordHasher::hash_password_with_salt(&argon2, password, b"salt and pepper").unwrap();
    Credential::argon2id(&hash.to_string()).unwrap()
}

/// `demo.test` with these accounts; the password is the local part.
pub(crate) fn spec(locals: &[&str], catch_all: CatchAll) -> DirectorySpec {
    let mut spec = DirectorySpec::new(vec!["demo.test".parse().unwrap()]);
    spec.catch_all = catch_all;
    let account = |local: &&str| {
        let address = Address { local: LocalPart::new(local).unwrap(), domain: "demo.test".parse().unwrap() };
        AccountSpec::new(address, Credential::Clear((*local).into()))
    };
    spec.accounts = locals.iter().map(account).collect();
    spec
}

pub(crate) fn open_on(store: Arc<dyn Store>, world: &World, spec: DirectorySpec) -> Result<Directory, DirectoryError> {
    let env = world.env();
    world.block_on(Directory::open(store, env.spawn, env.clock, &*env.random, spec))
}

pub(crate) fn open(world: &World, spec: DirectorySpec) -> Directory {
    open_on(Arc::new(MemoryStore::new()), world, spec).unwrap()
}

pub(crate) fn address(text: &str) -> Address {
    text.parse().unwrap()
}

pub(crate) fn add_alias(alias: &str, targets: &[&str]) -> Edit {
    Edit::AddAlias { address: address(alias), targets: targets.iter().map(|target| address(target)).collect() }
}

pub(crate) fn add_account(account: &str) -> Edit {
    Edit::AddAccount { address: address(account), credential: cheap_hash(account.as_bytes()), quota: Quota::default() }
}

pub(crate) fn add_domain(domain: &str, settings: DomainSettings) -> Edit {
    Edit::AddDomain { domain: domain.parse().unwrap(), settings }
}
