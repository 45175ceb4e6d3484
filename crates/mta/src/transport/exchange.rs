//! One message over a connection: what must be changed for the next hop, the transaction, and what each recipient got.

use super::Transport;
use super::line::Line;
use crate::queue::{BodyReader, Content, Delivery, Fault, Job, Outcome, OutcomeKind, QueuedMessage};
use message::Scanner;
use message::downgrade::{Converter, Plan, Survey, Target};
use message::report::xtext_encode;
use model::{ForwardPath, ReversePath};
use smtp::BodyType;
use smtp::client::{Answer, Event, Extensions, Framing, MailOptions, Reason, Recipient, Ret, Stage, Transaction};
use smtp::extension::dsn;

/// What came of it.
pub(super) enum Exchanged {
    /// One outcome for each delivery.
    Outcomes(Vec<Outcome>),
    /// The connection was lost before the next hop had the message: another one may do better.
    Lost(Outcome),
}

/// What the message needs that the next hop may lack.
enum Form {
    /// As it is.
    AsIs(BodyType),
    /// Changed on the way.
    Converted(Box<Converter>, BodyType),
}

impl Transport {
    /// Sends the job's message; the connection is kept afterwards where that is possible.
    pub(super) async fn exchange(&self, mut line: Line, job: &Job, name: &str) -> Exchanged {
        let all = |outcome: Outcome| Exchanged::Outcomes(vec![outcome; job.deliveries.len()]);
        let extensions = line.session().extensions().clone();
        let (form, smtputf8) = match self.form(&mut line, job, &extensions).await {
            Ok(form) => form,
            Err(outcome) => {
                self.keep(name, line);
                return all(outcome);
            }
        };
        let transaction = match transaction(job, &form, smtputf8, &extensions) {
            Ok(transaction) => transaction,
            Err(text) => {
                let outcome = line.failed((5, 1, 3), text);
                self.keep(name, line);
                return all(outcome);
            }
        };
        let now = line.now();
        if let Err(error) = line.session().begin(transaction, now) {
            let outcome = line.failed((5, 6, 0), error.to_string());
            self.keep(name, line);
            return all(outcome);
        }
        line.messages += 1;
        let exchanged = converse(&mut line, job, form, &extensions).await;
        if matches!(exchanged, Exchanged::Outcomes(_)) && !line.session().is_closed() {
            self.keep(name, line);
        }
        exchanged
    }

    /// As what the message goes out, and whether it needs SMTPUTF8; or why it cannot.
    async fn form(&self, line: &mut Line, job: &Job, extensions: &Extensions) -> Result<(Form, bool), Outcome> {
        let message = &*job.message;
        if let Some(max) = extensions.size.filter(|max| *max > 0 && message.size_octets() > *max) {
            let text = format!("the message has {} octets, the next hop takes {max}", message.size_octets());
            return Err(line.failed((5, 3, 4), text));
        }
        let ascii =
            message.reverse_path.is_ascii() && job.deliveries.iter().all(|delivery| delivery.recipient.is_ascii());
        let target = Target {
            eight_bit: extensions.eight_bit_mime,
            binary: extensions.binarymime && extensions.chunking,
            smtputf8: extensions.smtputf8,
        };
        if !ascii && !target.smtputf8 {
            return Err(
                line.failed((5, 6, 7), "an address is beyond ASCII, which the next hop does not take (SMTPUTF8)")
            );
        }
        let body = match message.content {
            Content::SevenBit => BodyType::SevenBit,
            Content::EightBit => BodyType::EightBitMime,
            Content::Binary => BodyType::BinaryMime,
        };
        let fits = match message.content {
            Content::SevenBit => true,
            Content::EightBit => target.eight_bit,
            Content::Binary => target.binary,
        };
        if fits && (!message.smtputf8 || target.smtputf8) {
            return Ok((Form::AsIs(body), message.smtputf8));
        }
        match self.plan(job, target).await {
            Ok(Plan::AsIs) => Ok((Form::AsIs(body), !ascii)),
            Ok(Plan::Convert(converter)) => Ok((
                Form::Converted(converter, if target.eight_bit { BodyType::EightBitMime } else { BodyType::SevenBit }),
                !ascii,
            )),
            Ok(Plan::Cannot(reason)) => {
                let status = reason.status();
                let text = reason.to_string();
                Err(if status.0 == 5 { line.failed(status, text) } else { line.deferred(status, text) })
            }
            Err(fault) => Err(line.deferred((4, 3, 0), fault.to_string())),
        }
    }

    /// Reads the message for what the next hop lacks, at most twice.
    async fn plan(&self, job: &Job, target: Target) -> Result<Plan, Fault> {
        let mut scanner = Scanner::new(Scanner::DEFAULT_BUDGET);
        each_piece(job, |piece| scanner.push(piece)).await?;
        let scanned = scanner.finish();
        if let Some(plan) = Plan::at_once(&scanned, target) {
            return Ok(plan);
        }
        let mut survey = Survey::new(&scanned);
        each_piece(job, |piece| survey.push(piece)).await?;
        Ok(survey.plan(target))
    }
}

/// All octets of the message as it travels.
async fn each_piece(job: &Job, mut f: impl FnMut(&[u8])) -> Result<(), Fault> {
    f(job.message.trace.as_bytes());
    let mut body = BodyReader::new(&job.message.body, &job.blobs);
    while let Some(piece) = body.next().await? {
        f(&piece);
    }
    Ok(())
}

fn transaction(job: &Job, form: &Form, smtputf8: bool, extensions: &Extensions) -> Result<Transaction, String> {
    let message = &*job.message;
    let reverse_path = match message.reverse_path.as_str() {
        "" => ReversePath::Null,
        path => ReversePath::Address(path.parse().map_err(|error| format!("the sender {path}: {error}"))?),
    };
    let mut recipients = Vec::new();
    for delivery in &job.deliveries {
        recipients.push(recipient(delivery, extensions)?);
    }
    let body = match form {
        Form::AsIs(body) | Form::Converted(_, body) => *body,
    };
    let options = MailOptions {
        size: Some(message.size_octets()),
        body: Some(body).filter(|body| *body != BodyType::SevenBit),
        smtputf8,
        ret: message.ret.map(|ret| match ret {
            dsn::Ret::Full => Ret::Full,
            dsn::Ret::Hdrs => Ret::Headers,
        }),
        envid: message.envid.as_ref().map(|envid| xtext_encode(envid)),
    };
    let framing = if body == BodyType::BinaryMime { Framing::Bdat } else { Framing::Data };
    Ok(Transaction { reverse_path, options, recipients, framing })
}

fn recipient(delivery: &Delivery, extensions: &Extensions) -> Result<Recipient, String> {
    let path = match delivery.recipient.as_str() {
        "postmaster" => ForwardPath::Postmaster,
        address => ForwardPath::Address(address.parse().map_err(|error| format!("the recipient {address}: {error}"))?),
    };
    let notify = delivery.notify.map(|notify| notify.to_string());
    let orcpt = delivery.original.as_ref().map(ToString::to_string);
    let dsn = extensions.dsn;
    Ok(Recipient { path, notify: notify.filter(|_| dsn), orcpt: orcpt.filter(|_| dsn) })
}

/// The transaction's course.
async fn converse(line: &mut Line, job: &Job, form: Form, extensions: &Extensions) -> Exchanged {
    let mut form = Some(form);
    let mut outcomes: Vec<Option<Outcome>> = vec![None; job.deliveries.len()];
    loop {
        match line.event().await {
            Event::Recipient { ordinal, answer } => {
                if !answer.is_positive()
                    && let Some(outcome) = outcomes.get_mut(ordinal)
                {
                    *outcome = Some(line.answered(judged(&answer, Stage::Rcpt), &answer));
                }
            }
            Event::WantsBody => {
                let Some(form) = form.take() else { continue };
                if let Err(fault) = send(line, &job.message, &job.blobs, form).await {
                    // The message is not ended, so that what the next hop has of it is never taken for whole.
                    return fill(outcomes, || {
                        line.deferred((4, 3, 0), format!("the message could not be read: {fault}"))
                    });
                }
            }
            Event::Done { answers } => return Exchanged::Outcomes(done(line, outcomes, &answers, extensions.dsn)),
            Event::TransactionFailed { stage, answer } => {
                return fill(outcomes, || line.answered(judged(&answer, stage), &answer));
            }
            Event::Closed { stage, reason } => return closed(line, outcomes, stage, &reason),
            _ => {}
        }
    }
}

/// What a connection that ended within a transaction means.
fn closed(line: &Line, outcomes: Vec<Option<Outcome>>, stage: Stage, reason: &Reason) -> Exchanged {
    let lost = line.lost(stage, reason);
    // The message may have arrived: another host must not get it as well before its time has come.
    if stage == Stage::BodyEnd {
        let text = format!("{}; the next hop may have taken the message", lost.answer);
        return fill(outcomes, || Outcome { answer: text.clone(), ..lost.clone() });
    }
    if outcomes.iter().any(Option::is_some) { fill(outcomes, || lost.clone()) } else { Exchanged::Lost(lost) }
}

fn fill(outcomes: Vec<Option<Outcome>>, other: impl Fn() -> Outcome) -> Exchanged {
    Exchanged::Outcomes(outcomes.into_iter().map(|outcome| outcome.unwrap_or_else(&other)).collect())
}

fn done(line: &Line, outcomes: Vec<Option<Outcome>>, answers: &[Answer], dsn: bool) -> Vec<Outcome> {
    let mut each = answers.iter();
    let one = !line.answers_each();
    let fill = |outcome: Option<Outcome>| {
        outcome.unwrap_or_else(|| {
            let answer = if one { answers.first() } else { each.next() };
            match answer {
                Some(answer) if answer.is_positive() => {
                    line.answered(OutcomeKind::Relayed { tells_success: dsn }, answer)
                }
                Some(answer) => line.answered(judged(answer, Stage::BodyEnd), answer),
                // LMTP that ended before all answers came (RFC 2033 §4.2).
                None => line.deferred((4, 4, 2), "the connection ended before the answer"),
            }
        })
    };
    outcomes.into_iter().map(fill).collect()
}

/// RFC 5321 §4.2.1: 4yz may succeed later, 5yz will not; anything else is doubt. 552 to RCPT used to mean 452 (§4.5.3.1.10), and
/// RFC 1870 says it of messages that are too large, so that it counts as said only for the message.
fn judged(answer: &Answer, stage: Stage) -> OutcomeKind {
    let old_too_many = answer.code == 552 && stage == Stage::Rcpt && answer.enhanced.is_none();
    if answer.is_permanent() && !old_too_many { OutcomeKind::Failed } else { OutcomeKind::Deferred }
}

/// Sends the message, trace fields first; the events it leads to are polled by the caller.
async fn send(
    line: &mut Line,
    message: &QueuedMessage,
    blobs: &std::sync::Arc<dyn store::Blobs>,
    mut form: Form,
) -> Result<(), Fault> {
    push(line, &mut form, message.trace.as_bytes()).await;
    let mut body = BodyReader::new(&message.body, blobs);
    while let Some(piece) = body.next().await? {
        push(line, &mut form, &piece).await;
    }
    if let Form::Converted(converter, _) = form {
        let mut rest = Vec::new();
        converter.finish(&mut rest).map_err(|_| Fault::MessageMissing)?;
        write(line, &rest).await;
    }
    let now = line.now();
    line.session().end_body(now);
    Ok(())
}

async fn push(line: &mut Line, form: &mut Form, octets: &[u8]) {
    match form {
        Form::AsIs(_) => write(line, octets).await,
        Form::Converted(converter, _) => {
            for piece in octets.chunks(64 << 10) {
                let mut converted = Vec::with_capacity(piece.len() * 2);
                converter.push(piece, &mut converted);
                write(line, &converted).await;
            }
        }
    }
}

/// Gives octets to the session as it has room. Once the message is not wanted any more, the session throws them away.
async fn write(line: &mut Line, mut octets: &[u8]) {
    while !octets.is_empty() {
        let now = line.now();
        let taken = line.session().body(octets, now);
        octets = octets.get(taken..).unwrap_or_default();
        if taken == 0 {
            line.make_room().await;
        }
    }
}
