//! Conversations as THREAD tells them (RFC 5256 §4).

use crate::imap::out::Out;
use imap::limits::THREAD_DEPTH_MAX;
use imap::response::text;

/// Trees of messages.
pub(super) struct Forest {
    roots: Vec<Root>,
    /// Where the children of each message begin in `children`; one more than there are messages.
    starts: Vec<u32>,
    children: Vec<u32>,
}

/// What a tree grows from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Root {
    Message(u32),
    /// One that is not here; its children, at least two.
    Missing(Vec<u32>),
}

/// What is still to be written.
enum Step {
    /// A message with all below it, within so many parentheses.
    Message(u32, usize),
    /// The same in parentheses of its own.
    Branch(u32, usize),
    /// The end of a branch.
    Close,
}

impl Forest {
    /// Siblings are in the order of `by_date`, which names each message once.
    pub fn new(roots: Vec<Root>, parents: &[Option<u32>], by_date: &[u32]) -> Forest {
        let mut starts = vec![0u32; parents.len() + 1];
        for parent in parents.iter().flatten() {
            starts.get_mut(*parent as usize + 1).into_iter().for_each(|count| *count += 1);
        }
        let mut sum = 0;
        starts.iter_mut().for_each(|start| {
            sum += *start;
            *start = sum;
        });
        let mut next = starts.clone();
        let mut children = vec![0; sum as usize];
        for &place in by_date {
            let Some(parent) = parents.get(place as usize).copied().flatten() else { continue };
            let Some(at) = next.get_mut(parent as usize) else { continue };
            children.get_mut(*at as usize).into_iter().for_each(|slot| *slot = place);
            *at += 1;
        }
        Forest { roots, starts, children }
    }

    fn children(&self, message: u32) -> &[u32] {
        let start = |at: u32| self.starts.get(at as usize).copied().unwrap_or_default() as usize;
        self.children.get(start(message)..start(message + 1)).unwrap_or_default()
    }

    /// ` (1 2)(3)`: what follows `* THREAD`.
    pub async fn tell(&self, number: impl Fn(u32) -> u32 + Send, out: &mut Out) {
        let mut steps = Vec::new();
        for (i, root) in self.roots.iter().enumerate() {
            out.extend_from_slice(if i == 0 { b" " } else { b"" });
            match root {
                Root::Message(message) => steps.push(Step::Branch(*message, 1)),
                Root::Missing(children) => {
                    out.push(b'(');
                    steps.push(Step::Close);
                    steps.extend(children.iter().rev().map(|child| Step::Branch(*child, 2)));
                }
            }
            while let Some(step) = steps.pop() {
                self.take_step(step, &number, &mut steps, out).await;
                out.room().await;
            }
        }
    }

    async fn take_step(&self, step: Step, number: &impl Fn(u32) -> u32, steps: &mut Vec<Step>, out: &mut Out) {
        let (message, depth) = match step {
            Step::Close => return out.push(b')'),
            Step::Branch(message, depth) => {
                out.push(b'(');
                steps.push(Step::Close);
                (message, depth)
            }
            Step::Message(message, depth) => (message, depth),
        };
        text::number(out, number(message).into());
        match self.children(message) {
            [] => {}
            [child] => {
                out.push(b' ');
                steps.push(Step::Message(*child, depth));
            }
            children => {
                out.push(b' ');
                if depth + 1 < THREAD_DEPTH_MAX {
                    steps.extend(children.iter().rev().map(|child| Step::Branch(*child, depth + 1)));
                } else {
                    self.tell_flat(children, number, out).await;
                }
            }
        }
    }

    /// Messages and all below them side by side.
    async fn tell_flat(&self, messages: &[u32], number: &impl Fn(u32) -> u32, out: &mut Out) {
        let mut left: Vec<u32> = messages.iter().rev().copied().collect();
        while let Some(message) = left.pop() {
            out.push(b'(');
            text::number(out, number(message).into());
            out.push(b')');
            left.extend(self.children(message).iter().rev());
            out.room().await;
        }
    }
}
