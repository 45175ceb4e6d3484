//! Tests of the tests: a server that breaks one promise is found out.

use sim::run::{Options, run};
use sim::sabotage::Sabotage;

/// Worlds within which it has to show.
const SEEDS: u64 = 40;

fn check(sabotage: Sabotage, telling: &[&str]) {
    let options = Options { letters: 100, shown: false, sabotage: Some(sabotage) };
    let found = (0..SEEDS).find_map(|seed| {
        let wrong = run(seed, &options).violations;
        wrong.iter().any(|wrong| telling.iter().any(|word| wrong.contains(word))).then_some((seed, wrong))
    });
    let (seed, wrong) = found.unwrap_or_else(|| panic!("{sabotage:?} was not seen in {SEEDS} worlds"));
    println!("{sabotage:?} seen in seed {seed}: {wrong:#?}");
}

#[test]
fn a_missing_sync_is_seen() {
    // What was told of a mailbox is broken first, and hides what is lost.
    check(Sabotage::MissingSync, &["is lost", "and had Floor"]);
}

#[test]
fn an_early_250_is_seen() {
    check(Sabotage::EarlyReply, &["is lost"]);
}

#[test]
fn a_skipped_expectation_is_seen() {
    check(Sabotage::SkippedExpectation, &["account "]);
}

#[test]
fn a_leaked_blob_is_seen() {
    check(Sabotage::LeakedBlob, &["no email names the blob"]);
}

#[test]
fn a_reused_uid_is_seen() {
    check(Sabotage::ReusedUid, &["@sim.test>\" and is "]);
}

#[test]
fn lost_flags_are_seen() {
    check(Sabotage::LostFlags, &["is back at MODSEQ"]);
}

#[test]
fn a_lost_copy_is_seen() {
    check(Sabotage::LostCopy, &["was acknowledged, and nobody took it away"]);
}

#[test]
fn an_early_expunge_is_seen() {
    check(Sabotage::EarlyExpunge, &["was gone, and is there again"]);
}

#[test]
fn a_lost_subscription_is_seen() {
    check(Sabotage::LostSubscription, &["was acknowledged and is gone"]);
}
