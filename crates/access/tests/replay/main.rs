//! Three clients of one mailbox in any interleaving, some with CONDSTORE or QRESYNC (RFC 7162), with hang-ups and restarts of
//! the server. Each replays all it is told into a memory of its own: sequence numbers never go wrong, nothing that is there
//! is ever called gone, who comes back is told exactly what it missed, and once all is told every memory is the mailbox.
//!
//! `REPLAY_CASES=100000 cargo nextest run -p access --test replay` tries more; `REPLAY_TRACE=1` prints what was said.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may")]

mod client;
mod house;
mod memory;
mod script;
#[path = "../support/mod.rs"]
mod support;

use house::House;
use proptest::prelude::*;
use script::script;

/// Some seconds' worth.
const CASES: u32 = 250;

fn cases() -> u32 {
    std::env::var("REPLAY_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(CASES)
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: cases(),
        max_shrink_iters: 20_000,
        failure_persistence: None, // the script that is printed says more than a seed
        ..ProptestConfig::default()
    })]

    #[test]
    fn every_client_knows_what_it_was_told_and_that_is_the_mailbox(script in script()) {
        let mut house = House::new(&script.kinds);
        for (client, op) in &script.steps {
            house.step(*client, op);
        }
        house.compare();
    }
}
