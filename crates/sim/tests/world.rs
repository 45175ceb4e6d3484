//! Some worlds, in the ordinary suite.

use sim::run::{Options, run};

/// `SIM_FROM=7 SIM_SEEDS=1 SIM_SHOWN=1` shows one.
fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[test]
fn nothing_promised_is_broken() {
    let (from, seeds) = (number("SIM_FROM", 0), number("SIM_SEEDS", 6));
    let options = Options { letters: number("SIM_LETTERS", 60), shown: number("SIM_SHOWN", 0) > 0, sabotage: None };
    for seed in from..from + seeds {
        let report = run(seed, &options);
        assert!(report.violations.is_empty(), "seed {seed}: {:#?}", report.violations);
    }
}

#[test]
fn a_seed_replays_exactly() {
    for seed in 100..102 {
        let options = Options { letters: 40, ..Options::default() };
        assert_eq!(run(seed, &options), run(seed, &options), "seed {seed}");
    }
}
