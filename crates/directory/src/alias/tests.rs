use super::*;
use crate::declared::Declared;
use crate::rows::Stored;
use crate::{AccountSpec, CatchAll, Credential, DirectorySpec};
use model::AccountId;
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Half of the names are accounts, most are aliases.
const NAMES: usize = 24;

fn name(n: usize) -> Address {
    let domain = if n < NAMES { "demo.test" } else { "elsewhere.test" };
    format!("n{n}@{domain}").parse().unwrap()
}

fn is_account(n: usize) -> bool {
    n < NAMES && n.is_multiple_of(2)
}

/// As both sides of a conflict might leave it: nothing is checked.
fn people(graph: &[Vec<usize>]) -> People {
    let mut spec = DirectorySpec::new(vec!["demo.test".parse().unwrap()]);
    spec.catch_all = CatchAll::Refuse;
    let accounts = (0..NAMES).filter(|n| is_account(*n));
    spec.accounts = accounts.map(|n| AccountSpec::new(name(n), Credential::Clear("".into()))).collect();
    let ids = (0..spec.accounts.len() as u32).map(AccountId).collect();
    let mut stored = Stored::default();
    for (n, targets) in graph.iter().enumerate().filter(|(_, targets)| !targets.is_empty()) {
        let targets = targets.iter().map(|target| name(*target)).collect();
        let alias = Alias { address: name(n), targets, origin: Origin::Stored };
        Arc::make_mut(&mut stored.aliases).insert(name(n).to_string(), Arc::new(alias));
    }
    People::of(&Arc::new(Declared::new(spec, ids)), &stored)
}

/// By the book: the set of all names within reach grows until it does not.
fn naive(graph: &[Vec<usize>], start: usize) -> BTreeSet<String> {
    let (mut reached, mut ends) = (BTreeSet::from([start]), BTreeSet::new());
    for _ in 0..DEPTH_MAX {
        for at in reached.clone() {
            for &target in &graph[at] {
                let is_alias = target < NAMES && !graph[target].is_empty();
                if is_alias && (target != at || !is_account(target)) {
                    reached.insert(target);
                } else if is_account(target) || target >= NAMES {
                    ends.insert(name(target).to_string());
                }
            }
        }
    }
    ends
}

fn ends(people: &People, start: usize) -> BTreeSet<String> {
    let list = people.name(&name(start)).and_then(|name| name.list);
    let targets = list.map(|list| people.targets(list, None)).unwrap_or_default();
    let count = targets.len();
    let ends: BTreeSet<String> = targets
        .iter()
        .map(|target| match target {
            Target::Account { account, .. } => account.address.to_string(),
            Target::Foreign(address) => address.to_string(),
        })
        .collect();
    assert_eq!(ends.len(), count, "each once");
    ends
}

/// Whether a way leads from `start` back to it.
fn naive_loops(graph: &[Vec<usize>], start: usize) -> bool {
    let next = |at: usize| {
        let aliases = graph[at].iter().copied().filter(|&to| to < NAMES && !graph[to].is_empty());
        aliases.filter(move |&to| to != at || !is_account(to)).collect::<Vec<_>>()
    };
    let mut reached: BTreeSet<usize> = next(start).into_iter().collect();
    for _ in 0..NAMES {
        reached.extend(reached.clone().into_iter().flat_map(next));
    }
    reached.contains(&start)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn aliases_come_to_what_is_within_reach(
        graph in proptest::collection::vec(proptest::collection::vec(0..NAMES + 6, 0..4), NAMES)
    ) {
        let people = people(&graph);
        for start in (0..NAMES).filter(|start| !graph[*start].is_empty()) {
            prop_assert_eq!(ends(&people, start), naive(&graph, start));
            let from = name(start).to_string();
            let circle = people.faults().iter().find_map(|fault| match fault {
                Fault::Loop { chain } if chain.first() == Some(&from) => Some(chain),
                _ => None,
            });
            prop_assert_eq!(circle.is_some(), naive_loops(&graph, start));
            for way in circle.iter().flat_map(|chain| chain.windows(2)) {
                let (at, to) = (way[0].parse().unwrap(), way[1].parse().unwrap());
                let at = (0..NAMES).find(|n| name(*n) == at).unwrap();
                prop_assert!(graph[at].iter().any(|n| name(*n) == to), "{:?}", circle);
            }
        }
    }
}

#[test]
fn a_long_chain_is_cut_and_reported() {
    let graph: Vec<Vec<usize>> = (0..NAMES).map(|n| vec![n + 1]).collect();
    let people = people(&graph);
    assert!(ends(&people, 0).is_empty());
    assert_eq!(ends(&people, NAMES - DEPTH_MAX), BTreeSet::from([name(NAMES).to_string()]));
    let large = people.faults().iter().filter(|fault| matches!(fault, Fault::Large { .. })).count();
    assert_eq!(large, NAMES - DEPTH_MAX);
}

#[test]
fn one_too_many_is_left_out_and_reported() {
    let mut graph = vec![Vec::new(); NAMES];
    graph[1] = (NAMES..NAMES + TARGETS_MAX).collect();
    graph[3] = vec![1, 0];
    let people = people(&graph);
    assert_eq!(ends(&people, 1).len(), TARGETS_MAX);
    let ends = ends(&people, 3);
    assert!(ends.len() == TARGETS_MAX && ends.contains(&name(0).to_string()), "nearest first");
    assert_eq!(people.faults(), [Fault::Large { list: name(3).to_string() }]);
}
