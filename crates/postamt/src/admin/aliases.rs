//! Aliases.

use super::accounts::{address, changed, edit};
use super::protocol::{AliasItem, Done, Trouble};
use super::server::{Exchange, Fault, Office};
use directory::{Edit, Origin};
use model::Address;

pub async fn list(office: &Office, to: &mut Exchange) -> Result<(), Fault> {
    for alias in office.post.directory.aliases() {
        let item = AliasItem {
            address: alias.address.to_string(),
            targets: alias.targets.iter().map(ToString::to_string).collect(),
            declared: alias.origin == Origin::Declared,
        };
        to.item(&item).await?;
    }
    Ok(())
}

pub async fn add(office: &Office, name: &str, targets: &[String]) -> Result<Done, Fault> {
    let (address, targets) = (address(name)?, addresses(targets)?);
    Ok(changed(edit(office, Edit::AddAlias { address, targets }).await?))
}

pub async fn remove(office: &Office, name: &str, targets: &[String]) -> Result<Done, Fault> {
    let (address, targets) = (address(name)?, addresses(targets)?);
    Ok(changed(edit(office, Edit::RemoveAlias { address, targets }).await?))
}

fn addresses(texts: &[String]) -> Result<Vec<Address>, Trouble> {
    texts.iter().map(|text| address(text)).collect()
}
