//! What a sender is told: a delivery status notification, as a queued message of its own (RFC 3461 §6, RFC 3464).

use super::Queue;
use super::attempt::{BodyReader, Fault, Outcome, OutcomeKind};
use super::row::{Content, Delivery, QueuedMessage, Target};
use super::schedule::DeliveryKey;
use crate::fields::queue_name;
use crate::metrics;
use crate::trace::{TraceEvent, TraceRecord};
use ::smtp::extension::dsn::{Notify, Ret};
use directory::Resolution;
use mailstore::{BODY_ROW_OCTETS_MAX, Body};
use message::Scanner;
use message::report::{Action, DeliveryReport, Language, Original, RecipientReport, Returned};
use model::{Address, ForwardPath, LocalPart, QueueId, Timestamp};
use store::Bytes;

/// A failed message that is larger comes back as its header: nobody needs their own attachments returned.
const RETURNED_OCTETS_MAX: u64 = 1 << 20;
/// The same where the sender did not ask for all of it: RFC 5321 §4.5.3.1.7 has every server take 64 KiB.
const RETURNED_UNASKED_OCTETS_MAX: u64 = 48 << 10;

/// Of what the sender is told.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Telling {
    Failure,
    Delay,
    Success,
}

/// A report ready to be queued, in the batch that makes it necessary.
pub(super) struct Report {
    pub message: QueuedMessage,
    pub deliveries: Vec<Delivery>,
    /// For the report itself, and for the message that it is about.
    pub records: Vec<(QueueId, TraceRecord)>,
}

impl Queue {
    /// The report on `about`; `None` when nobody is to be told.
    pub(super) async fn report(
        &self,
        message: &QueuedMessage,
        telling: Telling,
        about: &[(Delivery, Outcome)],
    ) -> Result<Option<Report>, Fault> {
        // RFC 5321 §4.5.5: a report on a report would never end.
        if about.is_empty() || message.reverse_path.is_empty() {
            return Ok(None);
        }
        let Ok(to) = message.reverse_path.parse::<Address>() else { return Ok(None) };
        let (id, now) = (self.next_id(), self.clock.wall());
        let Some(targets) = self.report_targets(&to, message.id) else { return Ok(None) };
        let (body, content, smtputf8) = self.report_body(message, telling, about, (id, to.clone(), now)).await?;
        let report = QueuedMessage {
            id,
            reverse_path: String::new(),
            trace: String::new(),
            arrived: now,
            envid: None,
            ret: None,
            content,
            smtputf8,
            submitter: None,
            body,
        };
        let deliveries: Vec<Delivery> = targets
            .into_iter()
            .zip(0..)
            .map(|(target, ordinal)| self.report_delivery(DeliveryKey { id, ordinal }, &to, target, now))
            .collect();
        let told = match telling {
            Telling::Failure => TraceEvent::FailureTold,
            Telling::Delay => TraceEvent::DelayTold,
            Telling::Success => TraceEvent::SuccessTold,
        };
        let recipients = about.iter().map(|(delivery, _)| delivery.recipient.clone()).collect();
        let of_message = TraceRecord {
            related: Some(id),
            answer: Some(format!("to {to}")),
            ..TraceRecord::new(now, told, recipients)
        };
        let of_report = TraceRecord {
            from: Some(String::new()),
            protocol: Some("report".into()),
            size_octets: Some(report.size_octets()),
            related: Some(message.id),
            ..TraceRecord::new(now, TraceEvent::Received, vec![to.to_string()])
        };
        let about_what = match telling {
            Telling::Failure => "failure",
            Telling::Delay => "delay",
            Telling::Success => "success",
        };
        metrics::REPORTS.add(1, &[about_what]);
        tracing::info!(event = "report.queued", queue_id = %queue_name(message.id), report_id = %queue_name(id), %to, about = told.name());
        Ok(Some(Report { message: report, deliveries, records: vec![(message.id, of_message), (id, of_report)] }))
    }

    /// Where the report goes; `None` when its address is one of ours that nobody has.
    fn report_targets(&self, to: &Address, about: QueueId) -> Option<Vec<Target>> {
        match self.directory.resolve(&ForwardPath::Address(to.clone())) {
            Resolution::Deliver(targets) => {
                let relay = self.relay();
                Some(targets.into_iter().map(|target| crate::route::queued(target, "", &*relay)).collect())
            }
            Resolution::NotLocal => Some(vec![Target::Remote { next_hop: self.relay().next_hop("", to) }]),
            Resolution::UnknownUser | Resolution::Fault(_) | Resolution::Slow(_) => {
                tracing::warn!(event = "report.dropped", queue_id = %queue_name(about), %to, reason = "nobody has this address");
                None
            }
        }
    }

    fn report_delivery(&self, key: DeliveryKey, to: &Address, target: Target, now: Timestamp) -> Delivery {
        let until = now + self.policy().report_lifetime;
        Delivery {
            key,
            recipient: to.to_string(),
            target,
            // RFC 3461 §6.1: NOTIFY=NEVER where a report is relayed.
            notify: Some(Notify::NEVER),
            original: None,
            attempts: 0,
            due: now,
            late_from: until,
            expires: until,
            held: false,
            delay_told: true,
            last: None,
        }
    }

    async fn report_body(
        &self,
        message: &QueuedMessage,
        telling: Telling,
        about: &[(Delivery, Outcome)],
        (id, to, now): (QueueId, Address, Timestamp),
    ) -> Result<(Body, Content, bool), Fault> {
        // A report has to fit every next hop, and nobody is told when it does not: what would have to be converted stays away.
        let size_max = if message.ret == Some(Ret::Full) { RETURNED_OCTETS_MAX } else { RETURNED_UNASKED_OCTETS_MAX };
        let whole = telling == Telling::Failure
            && message.content == Content::SevenBit
            && !message.smtputf8
            && message.ret != Some(Ret::Hdrs)
            && message.size_octets() <= size_max;
        let original = match self.original(message, whole).await {
            // The sender is told even if nothing can be shown.
            Err(Fault::MessageMissing) => {
                let header = message.trace.clone().into_bytes();
                OriginalMessage { octets: Vec::new(), header, returned: Returned::None }
            }
            original => original?,
        };
        let mut boundary = [0; 16];
        self.random.fill(&mut boundary);
        let host = self.policy().host_name.clone();
        // RFC 3464 §2: an answer to the report reaches a person.
        let postmaster = LocalPart::new("postmaster").expect("it is an atom");
        let domain = self.directory.domains().into_iter().next().map_or_else(|| host.clone(), |local| local.domain);
        let report = DeliveryReport {
            reporting_mta: host.to_string(),
            arrival: message.arrived,
            envid: message.envid.clone(),
            from: Address { local: postmaster, domain },
            to,
            message_id: format!("<{}@{host}>", queue_name(id)),
            date: now,
            boundary,
            recipients: about
                .iter()
                .map(|(delivery, outcome)| self.of_recipient(telling, delivery, outcome, now))
                .collect(),
            original: Original::of(&original.header),
            returned: original.returned,
            language: self.policy().language,
        };
        let built = report.build();
        let mut octets = built.head;
        if built.with_original {
            octets.extend_from_slice(&original.octets);
        }
        octets.extend_from_slice(&built.tail);
        let content = if built.eight_bit { Content::EightBit } else { Content::SevenBit };
        Ok((self.stored(octets).await?, content, built.smtputf8))
    }

    /// A body of any size, durable where it does not go into a row.
    async fn stored(&self, octets: Vec<u8>) -> Result<Body, Fault> {
        if octets.len() <= BODY_ROW_OCTETS_MAX {
            return Ok(Body::Row(octets.into()));
        }
        let size_octets = octets.len() as u64;
        let mut writer = self.mailstore.blobs().begin().await?;
        writer.write(Bytes::from(octets)).await?;
        let store::HeldBlob { id, hold } = writer.finish().await?;
        Ok(Body::Blob { id, size_octets, hold })
    }

    async fn original(&self, message: &QueuedMessage, whole: bool) -> Result<OriginalMessage, Fault> {
        let mut scanner = Scanner::new(Scanner::DEFAULT_BUDGET);
        let mut octets = message.trace.clone().into_bytes();
        scanner.push(&octets);
        let mut body = BodyReader::new(&message.body, self.mailstore.blobs());
        while let Some(piece) = body.next().await? {
            scanner.push(&piece);
            octets.extend_from_slice(&piece);
            if !whole && octets.len() > Returned::HEADER_OCTETS_MAX {
                break;
            }
        }
        let scanned = scanner.finish();
        let end = usize::try_from(scanned.header_octets).unwrap_or(usize::MAX).min(octets.len());
        let header = octets.get(..end).unwrap_or_default().to_vec();
        let returned =
            if whole { Returned::full_or_headers(&scanned, &header) } else { Returned::Headers(header.clone()) };
        Ok(OriginalMessage { octets, header, returned })
    }

    fn of_recipient(
        &self,
        telling: Telling,
        delivery: &Delivery,
        outcome: &Outcome,
        now: Timestamp,
    ) -> RecipientReport {
        let action = match (telling, outcome.kind) {
            (Telling::Failure, _) => Action::Failed,
            (Telling::Delay, _) => Action::Delayed,
            (Telling::Success, OutcomeKind::Relayed { .. }) => Action::Relayed,
            (Telling::Success, _) => Action::Delivered,
        };
        let foreign = is_reply(&outcome.answer);
        RecipientReport {
            final_recipient: delivery.recipient.clone(),
            original_recipient: delivery.original.clone().map(|original| (original.kind, original.address)),
            action,
            status: outcome.status.unwrap_or(match action {
                Action::Failed => (5, 0, 0),
                Action::Delayed => (4, 0, 0),
                _ => (2, 0, 0),
            }),
            remote_mta: outcome.peer.as_ref().and_then(|peer| peer.split(' ').next()).map(str::to_owned),
            diagnostic: foreign.then(|| format!("smtp; {}", outcome.answer)),
            last_attempt: (delivery.attempts > 0).then_some(now),
            will_retry_until: (action == Action::Delayed).then_some(delivery.expires),
            explanation: if foreign { String::new() } else { self.explained(action, &outcome.answer) },
        }
    }

    /// Our own words in the report's language, where they are not somebody else's.
    fn explained(&self, action: Action, answer: &str) -> String {
        match (action, self.policy().language) {
            (Action::Delivered | Action::Relayed | Action::Expanded, _) => String::new(),
            (_, Language::English) => format!("Reason: {answer}."),
            (_, Language::German) => format!("Grund: {answer}."),
        }
    }
}

/// Whether these are a server's own words, not ours about it: RFC 3464 §2.3.6 wants nothing else.
fn is_reply(answer: &str) -> bool {
    answer.as_bytes().first_chunk::<3>().is_some_and(|code| code.iter().all(u8::is_ascii_digit))
}

/// What is shown of the message that the report is about.
struct OriginalMessage {
    octets: Vec<u8>,
    header: Vec<u8>,
    returned: Returned,
}
