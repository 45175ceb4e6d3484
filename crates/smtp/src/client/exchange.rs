//! A transaction on its way: what was said of it, and what was answered.

use super::answer::Answer;
use super::body::Outgoing;
use super::envelope::Transaction;
use super::extensions::Extensions;
use super::session::Asked;
use super::{Event, Stage};
use crate::policy::Flavour;
use model::Moment;

/// A transaction that has begun and not ended.
#[derive(Debug)]
pub(super) struct Exchange {
    pub(super) transaction: Transaction,
    next: Step,
    /// Recipients of which RCPT is answered.
    answered: usize,
    /// Recipients accepted.
    pub(super) accepted: usize,
    last_refusal: Option<Answer>,
    /// Why it will not succeed; answers that are still to come do not matter then.
    pub(super) failure: Option<(Stage, Answer)>,
    /// The message, from the moment it may be sent.
    pub(super) body: Option<Outgoing>,
    /// What was said to the message.
    pub(super) answers: Vec<Answer>,
    /// When it has to be over.
    pub(super) until: Moment,
}

/// The next command of an envelope.
#[derive(Clone, Copy, Debug)]
enum Step {
    Mail,
    Rcpt(usize),
    Data,
    /// Everything is said that is said without the message.
    Said,
}

impl Exchange {
    pub(super) fn new(transaction: Transaction, until: Moment) -> Exchange {
        Exchange {
            transaction,
            next: Step::Mail,
            answered: 0,
            accepted: 0,
            last_refusal: None,
            failure: None,
            body: None,
            answers: Vec::new(),
            until,
        }
    }

    /// The next command and its line; `None` once all are said or none is worth saying.
    pub(super) fn next_line(&mut self, extensions: &Extensions) -> Option<(Asked, String)> {
        if self.failure.is_some() {
            return None;
        }
        let transaction = &self.transaction;
        match self.next {
            Step::Mail => {
                self.next = Step::Rcpt(0);
                Some((Asked::Mail, transaction.mail_line(extensions)))
            }
            Step::Rcpt(ordinal) => {
                let last = ordinal + 1 == transaction.recipients.len();
                let behind = if transaction.is_chunked() { Step::Said } else { Step::Data };
                self.next = if last { behind } else { Step::Rcpt(ordinal + 1) };
                Some((Asked::Rcpt(ordinal), transaction.recipients.get(ordinal)?.line(extensions)))
            }
            Step::Data => {
                self.next = Step::Said;
                Some((Asked::Data, "DATA".to_owned()))
            }
            Step::Said => None,
        }
    }

    /// RCPT was answered. When all were refused, the transaction has failed.
    pub(super) fn hear_recipient(&mut self, answer: Answer) {
        self.answered += 1;
        if answer.is_positive() {
            self.accepted += 1;
        } else {
            self.last_refusal = Some(answer);
        }
        if self.all_answered()
            && self.accepted == 0
            && let Some(refusal) = self.last_refusal.take()
        {
            self.fail(Stage::Rcpt, refusal);
        }
    }

    pub(super) fn all_answered(&self) -> bool {
        self.answered == self.transaction.recipients.len()
    }

    /// The first reason counts.
    pub(super) fn fail(&mut self, stage: Stage, answer: Answer) {
        self.failure.get_or_insert((stage, answer));
    }

    /// Replies that the end of the message brings (RFC 2033 §4.2).
    pub(super) fn answers_wanted(&self, flavour: Flavour) -> usize {
        match flavour {
            Flavour::Smtp => 1,
            Flavour::Lmtp => self.accepted,
        }
    }

    /// What is told at the end, whether or not all answers came.
    pub(super) fn outcome(self) -> Option<Event> {
        match self.failure {
            _ if !self.answers.is_empty() => Some(Event::Done { answers: self.answers }),
            Some((stage, answer)) => Some(Event::TransactionFailed { stage, answer }),
            None => None,
        }
    }
}
