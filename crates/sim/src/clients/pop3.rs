//! Mail programs with POP3: they read, and take some of it away.

use crate::dice::Dice;
use crate::facts::Member;
use crate::letter::{Found, recognise};
use crate::link::{Gone, Link};
use crate::scene::Scene;
use crate::server::{PASSWORD, Service, account_address};

/// Messages that one connection reads.
const READ_MAX: u64 = 10;

/// Connects, reads and deletes; as long as mail comes.
pub async fn popper(scene: Scene, account: usize, mut dice: Dice) {
    while scene.is_carried() {
        if let Ok(mut link) = Link::open(&scene, Service::Pop3, &mut dice).await {
            // Whatever cuts it short: it connects again.
            let _ = visit(&scene, account, &mut dice, &mut link).await;
        }
        scene.pause(dice.millis(10, scene.plan().pace_s * 4000)).await;
    }
}

async fn visit(scene: &Scene, account: usize, dice: &mut Dice, link: &mut Link) -> Result<(), Gone> {
    let since = scene.ledger().facts.turn();
    link.line().await?;
    if dice.chance(0.1) {
        command(link, "STLS").await?;
    }
    command(link, &format!("USER {}", account_address(account))).await?;
    command(link, &format!("PASS {PASSWORD}")).await?;
    command(link, "UIDL").await?;
    let ids = listing(link).await?;
    for member in ids.iter().filter_map(|(_, id)| member(account, id)) {
        let there = scene.ledger().facts.not_gone(member, since);
        there.unwrap_or_else(|wrong| scene.violation(wrong));
    }
    let mut deleted = Vec::new();
    for _ in 0..dice.between(0, READ_MAX).min(ids.len() as u64) {
        let (number, id) = dice.pick(&ids).clone();
        if command(link, &format!("RETR {number}")).await.is_err() {
            return Err(Gone);
        }
        let octets = content(link).await?;
        let Found::Letter(tag) = recognise(&octets) else { continue };
        let known = scene.ledger().facts.unique_id(account, &id, &tag.to_string());
        known.unwrap_or_else(|wrong| scene.violation(wrong));
        let expected = scene.ledger().letter(tag).map(|letter| letter.octets.clone());
        if expected.is_some_and(|expected| !octets.ends_with(&expected)) {
            scene.violation(format!("letter {tag} in account {account} is not what was sent"));
        }
        if dice.chance(0.3) {
            let Some(member) = member(account, &id) else { continue };
            scene.ledger().doom_member(tag, member);
            command(link, &format!("DELE {number}")).await?;
            deleted.push(member);
        }
    }
    command(link, "QUIT").await?;
    deleted.into_iter().for_each(|member| scene.ledger().facts.gone(member));
    Ok(())
}

/// What IMAP calls the message with this unique id: our ids are UIDVALIDITY and UID.
fn member(account: usize, id: &str) -> Option<Member> {
    let (validity, uid) = id.split_once('.')?;
    Some(((account, validity.parse().ok()?), uid.parse().ok()?))
}

/// `Err` also for what the server refuses: there is nothing else to do then.
async fn command(link: &mut Link, command: &str) -> Result<String, Gone> {
    link.send(format!("{command}\r\n").as_bytes()).await?;
    let line = String::from_utf8_lossy(&link.line().await?).into_owned();
    if line.starts_with("+OK") { Ok(line) } else { Err(Gone) }
}

async fn listing(link: &mut Link) -> Result<Vec<(u64, String)>, Gone> {
    let mut ids = Vec::new();
    loop {
        let line = String::from_utf8_lossy(&link.line().await?).trim_end().to_owned();
        if line == "." {
            return Ok(ids);
        }
        let (number, id) = line.split_once(' ').ok_or(Gone)?;
        ids.push((number.parse().map_err(|_| Gone)?, id.to_owned()));
    }
}

/// A message, its dots undone (RFC 1939 §3).
async fn content(link: &mut Link) -> Result<Vec<u8>, Gone> {
    let mut octets = Vec::new();
    loop {
        let line = link.line().await?;
        if line == b".\r\n" {
            return Ok(octets);
        }
        octets.extend_from_slice(line.strip_prefix(b".").unwrap_or(&line));
    }
}
