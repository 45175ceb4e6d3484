//! REFERENCES against a second implementation that follows the steps of RFC 5256 §3 word by word.

use super::*;
use env::virtual_world::World;
use imap::limits::THREAD_DEPTH_MAX;
use proptest::prelude::*;

/// A message, as tests write it.
#[derive(Clone, Debug)]
struct Spec {
    id: Option<u32>,
    ancestors: Vec<u32>,
    subject: usize,
    is_reply: bool,
    sent_s: i64,
}

const IDS: u32 = 12;

fn messages(specs: &[Spec]) -> Vec<Message<'_>> {
    specs.iter().map(message_of).collect()
}

fn message_of(spec: &Spec) -> Message<'_> {
    let Spec { id, ancestors, subject, is_reply, sent_s } = spec;
    Message { id: *id, ancestors, subject: TextId(*subject as u32), is_reply: *is_reply, sent_s: *sent_s }
}

fn shown(specs: &[Spec], algorithm: ThreadAlgorithm, ids: usize) -> String {
    let messages = messages(specs);
    let mut out = Out::default();
    let pipe = out.pipe();
    let mut all = Vec::new();
    let world = World::new(1);
    let forest = world.block_on(async {
        let by_date = by_date(&messages).await;
        match algorithm {
            ThreadAlgorithm::OrderedSubject => subject::ordered_subject(&messages, &by_date),
            ThreadAlgorithm::References => references(&messages, &by_date, ids).await,
        }
    });
    let mut telling = Box::pin(async {
        forest.tell(|place| place + 1, &mut out).await;
        out.flush().await;
    });
    while world.poll_once(telling.as_mut()).is_none() {
        all.extend(pipe.take());
    }
    all.extend(pipe.take());
    String::from_utf8(all).unwrap()
}

/// `id<ancestor,ancestor subject! date`, with `!` for a reply, as in `3<1,2 s1! 7`; `-` for no Message-ID.
fn spec(text: &str) -> Spec {
    let words: Vec<&str> = text.split(' ').collect();
    let (id, ancestors) = words[0].split_once('<').unwrap_or((words[0], ""));
    let subject = words[1].trim_start_matches('s');
    Spec {
        id: id.parse().ok(),
        ancestors: ancestors.split(',').filter_map(|id| id.parse().ok()).collect(),
        subject: subject.trim_end_matches('!').parse().unwrap(),
        is_reply: subject.ends_with('!'),
        sent_s: words[2].parse().unwrap(),
    }
}

fn check(algorithm: ThreadAlgorithm, specs: &[&str], want: &str) {
    let specs: Vec<Spec> = specs.iter().map(|text| spec(text)).collect();
    assert_eq!(shown(&specs, algorithm, 100).trim_start(), want, "{specs:?}");
}

#[test]
fn who_answers_whom() {
    let check = |specs: &[&str], want: &str| check(ThreadAlgorithm::References, specs, want);
    check(&[], "");
    check(&["1 s0 1", "2 s0 2"], "(1)(2)");
    check(&["1 s0 1", "2<1 s0 2", "3<1,2 s0 3", "4<1 s0 4"], "(1 (2 3)(4))");
    // A later message's date puts its conversation last; siblings go by date, then by place.
    check(&["1 s0 9", "2 s0 5", "3<1 s0 4", "4<1 s0 3", "5<1 s0 4"], "(2)(1 (4)(3)(5))");
    // Parents that are not here: alone they vanish, at the top they hold siblings together.
    check(&["5<9 s0 1"], "(1)");
    check(&["5<9 s0 2", "6<9 s0 1"], "((2)(1))");
    check(&["1 s0 1", "5<1,9 s0 2", "6<1,9 s0 3"], "(1 (2)(3))");
    // Loops and self-references.
    check(&["1<2 s0 1", "2<1 s0 2"], "(2 1)");
    check(&["1<1 s0 1"], "(1)");
    check(&["1<3 s0 1", "2<1 s0 2", "3<2 s0 3"], "(3 1 2)");
    // A second message with the same Message-ID, and some without any.
    check(&["1 s0 1", "1 s0 2", "2<1 s0 3", "- s0 4", "-<1 s0 5"], "(1 (3)(5))(2)(4)");
    // What a message says of itself is better than what others said of it.
    check(&["1 s0 1", "4<1,3 s0 2", "3<2 s0 3", "2 s0 4"], "(1)(4 3 2)");
}

#[test]
fn subjects_that_hold_together() {
    let check = |specs: &[&str], want: &str| check(ThreadAlgorithm::References, specs, want);
    check(&["1 s1 1", "2 s1! 2"], "(1 2)");
    check(&["1 s1! 1", "2 s1 2"], "(2 1)");
    check(&["1 s1 1", "2 s1 2", "3 s1! 3"], "((1)(2)(3))");
    check(&["1 s1! 1", "2 s1! 2", "3 s2 3"], "((1)(2))(3)");
    check(&["1<8 s1 1", "2<8 s1 2", "3 s1! 3", "4<9 s1 4", "5<9 s1 5"], "((1)(2)(3)(4)(5))");
    check(&["1 s0 1", "2 s0! 2"], "(1)(2)");
}

#[test]
fn by_subject_alone() {
    let check = |specs: &[&str], want: &str| check(ThreadAlgorithm::OrderedSubject, specs, want);
    check(&["1 s2 3", "2 s1 2", "3 s2 1", "4 s2 4", "5 s3 5"], "(3 (1)(4))(2)(5)");
    check(&["1 s1 2", "2 s1 1"], "(2 1)");
    check(&["1 s0 1", "2 s0 2"], "(1 2)");
    check(&[], "");
}

#[test]
fn deep_and_broken_mail_is_told_all_the_same() {
    let count = 20_000;
    let of = |n: u32, ancestors: Vec<u32>| Spec { id: Some(n), ancestors, subject: 0, is_reply: false, sent_s: 0 };
    let numbers = |text: &str| text.split(|c: char| !c.is_ascii_digit()).filter(|n| !n.is_empty()).count();
    let references = |specs: &[Spec]| shown(specs, ThreadAlgorithm::References, count as usize);
    // One conversation of many generations, whichever comes first.
    let chain: Vec<Spec> = (0..count).map(|n| of(n, n.checked_sub(1).into_iter().collect())).collect();
    let line = (1..=count).map(|n| n.to_string()).collect::<Vec<_>>().join(" ");
    assert_eq!(references(&chain), format!(" ({line})"));
    let back: Vec<Spec> = chain.iter().rev().cloned().collect();
    assert_eq!(numbers(&references(&back)), count as usize);
    assert_eq!(references(&back).matches('(').count(), 1);
    // It branches at each generation.
    let comb: Vec<Spec> =
        (0..count).map(|n| of(n, n.checked_sub(1).map(|n| n / 2 * 2).into_iter().collect())).collect();
    let told = references(&comb);
    assert_eq!(numbers(&told), count as usize);
    let mut depth = 0;
    let depths = told.bytes().map(|b| {
        depth += i32::from(b == b'(') - i32::from(b == b')');
        depth
    });
    assert_eq!(depths.max(), Some(THREAD_DEPTH_MAX as i32));
    // Each answers a hundred others, round and round.
    let tangle: Vec<Spec> = (0..2_000).map(|n| of(n, (1..=100).map(|k| (n * 31 + k * 17) % 2_000).collect())).collect();
    assert_eq!(numbers(&references(&tangle)), 2_000);
}

// The second implementation.

#[derive(Default)]
struct Naive {
    nodes: Vec<Node>,
    by_id: std::collections::BTreeMap<u32, usize>,
}

#[derive(Default, Clone)]
struct Node {
    message: Option<usize>,
    parent: Option<usize>,
    children: Vec<usize>,
}

impl Naive {
    fn node(&mut self, message: Option<usize>) -> usize {
        self.nodes.push(Node { message, ..Node::default() });
        self.nodes.len() - 1
    }

    fn named(&mut self, id: u32) -> usize {
        if !self.by_id.contains_key(&id) {
            let node = self.node(None);
            self.by_id.insert(id, node);
        }
        self.by_id[&id]
    }

    fn is_descendant(&self, node: usize, of: usize) -> bool {
        node == of || self.nodes[node].parent.is_some_and(|parent| self.is_descendant(parent, of))
    }

    fn link(&mut self, parent: usize, child: usize) {
        if self.nodes[child].parent.is_none() && !self.is_descendant(parent, child) {
            self.nodes[child].parent = Some(parent);
            self.nodes[parent].children.push(child);
        }
    }

    fn unlink(&mut self, child: usize) {
        if let Some(parent) = self.nodes[child].parent.take() {
            self.nodes[parent].children.retain(|other| *other != child);
        }
    }

    fn step_1(&mut self, specs: &[Spec]) {
        for (place, spec) in specs.iter().enumerate() {
            let node = match spec.id.map(|id| self.named(id)) {
                Some(node) if self.nodes[node].message.is_none() => {
                    self.nodes[node].message = Some(place);
                    node
                }
                _ => self.node(Some(place)),
            };
            let ancestors: Vec<usize> = spec.ancestors.iter().map(|id| self.named(*id)).collect();
            ancestors.windows(2).for_each(|pair| self.link(pair[0], pair[1]));
            self.unlink(node);
            if let Some(last) = ancestors.last() {
                self.link(*last, node);
            }
        }
    }

    fn step_3(&mut self, siblings: Vec<usize>, at_root: bool) -> Vec<usize> {
        let mut kept = Vec::new();
        for node in siblings {
            let children = std::mem::take(&mut self.nodes[node].children);
            let children = self.step_3(children, false);
            if self.nodes[node].message.is_some() || at_root && children.len() > 1 {
                self.nodes[node].children = children;
                kept.push(node);
            } else {
                kept.extend(children);
            }
        }
        kept
    }

    /// The message that speaks for a node: itself, or its first child.
    fn first(&self, node: usize) -> usize {
        self.nodes[node].message.unwrap_or_else(|| self.nodes[self.nodes[node].children[0]].message.unwrap())
    }

    fn sort(&mut self, specs: &[Spec], siblings: &mut [usize], deep: bool) {
        for &node in siblings.iter() {
            if deep || self.nodes[node].message.is_none() {
                let mut children = std::mem::take(&mut self.nodes[node].children);
                self.sort(specs, &mut children, deep);
                self.nodes[node].children = children;
            }
        }
        siblings.sort_by_key(|node| (specs[self.first(*node)].sent_s, self.first(*node)));
    }

    fn step_5(&mut self, specs: &[Spec], root: Vec<usize>) -> Vec<usize> {
        let subject = |naive: &Naive, node| Some(specs[naive.first(node)].subject).filter(|subject| *subject != 0);
        let is_reply = |naive: &Naive, node: usize| naive.nodes[node].message.is_some_and(|m| specs[m].is_reply);
        let is_dummy = |naive: &Naive, node: usize| naive.nodes[node].message.is_none();
        let mut table = std::collections::BTreeMap::new();
        for &node in &root {
            let Some(subject) = subject(self, node) else { continue };
            match table.get(&subject) {
                None => {
                    table.insert(subject, node);
                }
                Some(&there) if !is_dummy(self, there) => {
                    if is_dummy(self, node) || is_reply(self, there) && !is_reply(self, node) {
                        table.insert(subject, node);
                    }
                }
                Some(_) => {}
            }
        }
        let mut kept = root.clone();
        for node in root {
            if !kept.contains(&node) {
                continue;
            }
            let Some(subject) = subject(self, node) else { continue };
            let there = table[&subject];
            if there == node {
                continue;
            }
            kept.retain(|other| *other != node);
            match (is_dummy(self, there), is_dummy(self, node)) {
                (true, true) => {
                    let children = std::mem::take(&mut self.nodes[node].children);
                    self.nodes[there].children.extend(children);
                }
                (true, false) => self.nodes[there].children.push(node),
                _ if is_reply(self, node) && !is_reply(self, there) => self.nodes[there].children.push(node),
                _ => {
                    kept.retain(|other| *other != there);
                    let dummy = self.node(None);
                    self.nodes[dummy].children = vec![there, node];
                    kept.push(dummy);
                    table.insert(subject, dummy);
                }
            }
        }
        kept
    }

    fn show(&self, node: usize) -> String {
        let own = self.nodes[node].message.map(|message| (message + 1).to_string());
        let children = match self.nodes[node].children.as_slice() {
            [] => None,
            [one] => Some(self.show(*one)),
            many => Some(many.iter().map(|child| format!("({})", self.show(*child))).collect()),
        };
        own.into_iter().chain(children).collect::<Vec<_>>().join(" ")
    }
}

fn naively(specs: &[Spec]) -> String {
    let mut naive = Naive::default();
    naive.step_1(specs);
    let root = (0..naive.nodes.len()).filter(|node| naive.nodes[*node].parent.is_none()).collect();
    let mut root = naive.step_3(root, true);
    naive.sort(specs, &mut root, false);
    let mut root = naive.step_5(specs, root);
    naive.sort(specs, &mut root, true);
    root.iter().map(|node| format!("({})", naive.show(*node))).collect()
}

fn specs() -> impl Strategy<Value = Vec<Spec>> {
    let id = prop::option::weighted(0.9, 0..IDS);
    let spec = (id, prop::collection::vec(0..IDS, 0..5), 0..4usize, any::<bool>(), 0..4i64);
    let spec =
        spec.prop_map(|(id, ancestors, subject, is_reply, sent_s)| Spec { id, ancestors, subject, is_reply, sent_s });
    prop::collection::vec(spec, 0..16)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]
    #[test]
    fn the_fast_way_and_the_plain_way_agree(specs in specs()) {
        let told = shown(&specs, ThreadAlgorithm::References, IDS as usize);
        prop_assert_eq!(told.trim_start(), naively(&specs));
    }

    #[test]
    fn each_message_is_told_once(specs in specs()) {
        for algorithm in ThreadAlgorithm::ALL {
            let told = shown(&specs, algorithm, IDS as usize);
            let mut numbers: Vec<usize> = told
                .split(|c: char| !c.is_ascii_digit())
                .filter_map(|number| number.parse().ok())
                .collect();
            numbers.sort_unstable();
            prop_assert_eq!(numbers, (1..=specs.len()).collect::<Vec<_>>());
        }
    }
}
