//! Who answers whom: steps 1 to 3 of REFERENCES (RFC 5256 §3).

use super::Message;

/// No node, or no message.
const NONE: u32 = u32::MAX;
/// Steps towards a root that one message may take in the search for loops, of all together. Honest mail takes hardly any;
/// without a bound a mailbox could be made to take quadratic time. Where it is used up, a link that might close a loop is left
/// out, so that a conversation falls in two.
const STEPS_PER_MESSAGE: usize = 256;

/// The tree of messages and of those that are only named. Nodes are the numbers of Message-IDs, then messages without one.
pub(super) struct Links {
    parents: Vec<u32>,
    /// The message at a node.
    messages: Vec<u32>,
    /// The node of a message.
    nodes: Vec<u32>,
    /// Disjoint sets: nodes of different sets are in different trees. (Those of one may be too, once a link was cut.)
    sets: Vec<u32>,
    steps_left: usize,
}

/// What is left of the tree: messages alone, and roots that are not here but have several children.
pub(super) struct Pruned {
    /// The parent of a message, if that is a message.
    pub parents: Vec<Option<u32>>,
    /// The messages at the top.
    pub roots: Vec<u32>,
    /// The children of roots that are not here; at least two of each.
    pub dummies: Vec<Vec<u32>>,
}

impl Links {
    pub fn new(ids_count: usize) -> Links {
        let ids_count = ids_count as u32;
        Links {
            parents: vec![NONE; ids_count as usize],
            messages: vec![NONE; ids_count as usize],
            nodes: Vec::new(),
            sets: (0..ids_count).collect(),
            steps_left: 0,
        }
    }

    /// Step 1: the next message, in mailbox order.
    pub fn link(&mut self, message: &Message<'_>) {
        self.steps_left += STEPS_PER_MESSAGE;
        let node = self.node_of(message);
        // 1.A: links between ancestors, unless there are others.
        let mut older = None;
        for &ancestor in message.ancestors {
            if let Some(parent) = older
                && self.parent(ancestor) == NONE
            {
                self.set_parent(ancestor, parent);
            }
            older = Some(ancestor);
        }
        // 1.B: the link from the message itself is better than what others said of it.
        if self.parent(node) != older.unwrap_or(NONE) {
            set(&mut self.parents, node, NONE);
            if let Some(parent) = older {
                self.set_parent(node, parent);
            }
        }
    }

    /// The first message with a Message-ID has it, the others are nodes of their own.
    fn node_of(&mut self, message: &Message<'_>) -> u32 {
        let place = self.nodes.len() as u32;
        let node =
            match message.id.filter(|id| get(&self.messages, *id) == NONE && (*id as usize) < self.messages.len()) {
                Some(id) => {
                    set(&mut self.messages, id, place);
                    id
                }
                None => {
                    let node = self.parents.len() as u32;
                    self.parents.push(NONE);
                    self.messages.push(place);
                    self.sets.push(node);
                    node
                }
            };
        self.nodes.push(node);
        node
    }

    fn parent(&self, node: u32) -> u32 {
        get(&self.parents, node)
    }

    /// Links a node that has no parent, unless that closes a loop.
    fn set_parent(&mut self, node: u32, parent: u32) {
        if self.is_below(parent, node) {
            return;
        }
        set(&mut self.parents, node, parent);
        let (a, b) = (self.set_of(node), self.set_of(parent));
        set(&mut self.sets, a, b);
    }

    /// Whether `node` is `root`, or may lie below it.
    fn is_below(&mut self, node: u32, root: u32) -> bool {
        if node == root {
            return true;
        }
        if self.set_of(node) != self.set_of(root) {
            return false;
        }
        let mut at = node;
        while at != NONE && at != root {
            let Some(left) = self.steps_left.checked_sub(1) else { return true };
            self.steps_left = left;
            at = self.parent(at);
        }
        at == root
    }

    fn set_of(&mut self, mut node: u32) -> u32 {
        loop {
            let up = get(&self.sets, node);
            if up == node || up == NONE {
                return node;
            }
            let above = get(&self.sets, up);
            set(&mut self.sets, node, above);
            node = above;
        }
    }

    /// Steps 2 and 3: those that are not here go, and their children take their place, but not at the top if they are several.
    pub fn prune(self) -> Pruned {
        let kept = self.kept_parents();
        let mut pruned =
            Pruned { parents: Vec::with_capacity(self.nodes.len()), roots: Vec::new(), dummies: Vec::new() };
        // The place of a dummy's children, by node.
        let mut families: Vec<u32> = vec![NONE; self.parents.len()];
        for (place, &node) in (0..).zip(&self.nodes) {
            let parent = get(&kept, node);
            let message = if parent == NONE { NONE } else { get(&self.messages, parent) };
            pruned.parents.push((message != NONE).then_some(message));
            if parent == NONE {
                pruned.roots.push(place);
            } else if message == NONE {
                match get(&families, parent) {
                    NONE => {
                        set(&mut families, parent, pruned.dummies.len() as u32);
                        pruned.dummies.push(vec![place]);
                    }
                    family => pruned.dummies.get_mut(family as usize).into_iter().for_each(|all| all.push(place)),
                }
            }
        }
        let only: Vec<u32> = pruned
            .dummies
            .iter()
            .filter_map(|all| <[u32; 1]>::try_from(all.as_slice()).ok())
            .map(|[one]| one)
            .collect();
        pruned.roots.extend(only);
        pruned.dummies.retain(|children| children.len() > 1);
        pruned
    }

    /// The nearest node above each that is a message, or the root; parents come before children.
    fn kept_parents(&self) -> Vec<u32> {
        let mut kept = vec![NONE; self.parents.len()];
        for node in self.top_down() {
            let parent = self.parent(node);
            let is_dummy = parent != NONE && get(&self.messages, parent) == NONE;
            let above = if is_dummy && self.parent(parent) != NONE { get(&kept, parent) } else { parent };
            set(&mut kept, node, above);
        }
        kept
    }

    /// All nodes, parents before children.
    fn top_down(&self) -> Vec<u32> {
        let mut counts = vec![0u32; self.parents.len() + 1];
        let linked = || self.parents.iter().filter(|parent| **parent != NONE);
        linked().for_each(|parent| counts.get_mut(*parent as usize + 1).into_iter().for_each(|count| *count += 1));
        let mut sum = 0;
        counts.iter_mut().for_each(|count| {
            sum += *count;
            *count = sum;
        });
        // Where the next child of each goes.
        let mut next = counts.clone();
        let mut children = vec![NONE; linked().count()];
        let mut order = Vec::with_capacity(self.parents.len());
        for (node, &parent) in (0..).zip(&self.parents) {
            if parent == NONE {
                order.push(node);
                continue;
            }
            let at = get(&next, parent);
            set(&mut children, at, node);
            set(&mut next, parent, at + 1);
        }
        let mut at = 0;
        while let Some(&node) = order.get(at) {
            let of_node = get(&counts, node) as usize..get(&counts, node + 1) as usize;
            order.extend_from_slice(children.get(of_node).unwrap_or_default());
            at += 1;
        }
        order
    }
}

/// Nodes are places in lists that we made as long as there are nodes.
fn get(list: &[u32], at: u32) -> u32 {
    list.get(at as usize).copied().unwrap_or(NONE)
}

fn set(list: &mut [u32], at: u32, value: u32) {
    if let Some(slot) = list.get_mut(at as usize) {
        *slot = value;
    }
}
