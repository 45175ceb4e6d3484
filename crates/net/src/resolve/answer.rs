//! What a server's message says about one question.

use super::cache::{FAILURE_TTL, NEGATIVE_TTL_MAX, TTL_MIN};
use super::{RECORDS_MAX, STEPS_MAX};
use env::Mx;
use hickory_resolver::net::{DnsError, NetError, NoRecords};
use hickory_resolver::proto::op::{DnsResponse, ResponseCode};
use hickory_resolver::proto::rr::{DNSClass, Name, RData, Record, RecordType};
use model::Domain;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// What is asked for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Kind {
    Mx,
    A,
    Aaaa,
}

/// A record's content.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Data {
    Mx(Mx),
    Address(IpAddr),
}

/// Why there is none.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Failure {
    NoSuchName,
    Temporary(String),
}

/// Records, or none, or why not.
pub(super) type Outcome = Result<Arc<[Data]>, Failure>;

/// An outcome, and how long that may be believed.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub outcome: Outcome,
    pub ttl: Duration,
}

/// Where a message leads.
pub(super) enum Step {
    Done(Answer),
    /// The name is an alias whose target the message does not know.
    Alias(Name, Duration),
}

impl Kind {
    pub(super) fn record_type(self) -> RecordType {
        match self {
            Kind::Mx => RecordType::MX,
            Kind::A => RecordType::A,
            Kind::Aaaa => RecordType::AAAA,
        }
    }

    /// `None` for a record of another type, `Err` for one of this type that is of no use.
    fn data(self, record: &Record) -> Option<Result<Data, ()>> {
        match (self, &record.data) {
            (Kind::A, RData::A(address)) => Some(Ok(Data::Address(address.0.into()))),
            (Kind::Aaaa, RData::AAAA(address)) => Some(Ok(Data::Address(address.0.into()))),
            (Kind::Mx, RData::MX(mx)) if mx.exchange.is_root() => {
                Some(Ok(Data::Mx(Mx { preference: mx.preference, host: None })))
            }
            (Kind::Mx, RData::MX(mx)) => {
                let host = mx.exchange.to_ascii();
                let host = Domain::new(host.strip_suffix('.').unwrap_or(&host)).map_err(|_| ());
                Some(host.map(|host| Data::Mx(Mx { preference: mx.preference, host: Some(host) })))
            }
            _ => None,
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.record_type().fmt(f)
    }
}

impl Answer {
    pub(super) fn failed(why: String) -> Answer {
        Answer { outcome: Err(Failure::Temporary(why)), ttl: FAILURE_TTL }
    }

    pub(super) fn endless() -> Answer {
        Answer::failed("its aliases do not come to an end".to_owned())
    }

    pub(super) fn no_such_name() -> Answer {
        Answer { outcome: Err(Failure::NoSuchName), ttl: NEGATIVE_TTL_MAX }
    }
}

/// What the answer says about the `kind` of records of `name`.
pub(super) fn read(answer: Result<DnsResponse, NetError>, name: &Name, kind: Kind) -> Step {
    match answer {
        Ok(response) => found(&response.answers, name, kind),
        Err(NetError::Dns(DnsError::NoRecordsFound(none))) => Step::Done(nothing(&none)),
        Err(error) => Step::Done(Answer::failed(why(&error))),
    }
}

/// RFC 2308 §2. The time to live is the zone's own; a negative answer without one is believed for the least time that
/// anything is.
fn nothing(none: &NoRecords) -> Answer {
    let ttl = none.negative_ttl.map_or(TTL_MIN, |seconds| Duration::from_secs(seconds.into()));
    let outcome = match none.response_code {
        ResponseCode::NXDomain => Err(Failure::NoSuchName),
        // RFC 2308 §2.2: names of other servers and no SOA are a referral. Who refers us to others does not know.
        ResponseCode::NoError if none.soa.is_none() && none.ns.is_some() => {
            return Answer::failed("the server only names other servers".to_owned());
        }
        ResponseCode::NoError => Ok(Arc::from([])),
        other => return Answer::failed(format!("the server says {other}")),
    };
    Answer { outcome, ttl: ttl.min(NEGATIVE_TTL_MAX) }
}

fn why(error: &NetError) -> String {
    match error {
        NetError::Dns(DnsError::ResponseCode(code)) => format!("the server says {code}"),
        NetError::Timeout => "the servers do not answer".to_owned(),
        other => other.to_string(),
    }
}

/// Follows the aliases within the message (RFC 1034 §3.6.2); records of other names are nobody's business here.
fn found(records: &[Record], name: &Name, kind: Kind) -> Step {
    let owned = |at: &Name| {
        let at = at.clone();
        records.iter().filter(move |record| record.dns_class == DNSClass::IN && record.name == at)
    };
    let alias = |record: &&Record| matches!(&record.data, RData::CNAME(_));
    let (mut at, mut ttl) = (name.clone(), Duration::MAX);
    for _ in 0..STEPS_MAX {
        let Some(record) = owned(&at).find(alias) else { break };
        let RData::CNAME(target) = &record.data else { break };
        (at, ttl) = (target.0.clone(), ttl.min(seconds(record)));
    }
    let (mut data, mut useless) = (Vec::new(), 0);
    for record in owned(&at) {
        match kind.data(record) {
            Some(Ok(of_use)) => data.push(of_use),
            Some(Err(())) => useless += 1,
            None => continue,
        }
        ttl = ttl.min(seconds(record));
    }
    if data.is_empty() && useless > 0 {
        // Not the same as having none: then the domain's own address would be the exchanger (RFC 5321 §5.1).
        return Step::Done(Answer::failed("its records name no host".to_owned()));
    }
    if data.is_empty() {
        return match (at == *name, owned(&at).any(|record| alias(&record))) {
            (true, false) => Step::Done(Answer::failed("the answer is to another question".to_owned())),
            (true, true) => Step::Done(Answer::endless()),
            (false, _) => Step::Alias(at, ttl),
        };
    }
    data.sort_by_key(|data| match data {
        Data::Mx(mx) => mx.preference,
        Data::Address(_) => 0,
    });
    data.truncate(RECORDS_MAX);
    Step::Done(Answer { outcome: Ok(data.into()), ttl })
}

fn seconds(record: &Record) -> Duration {
    Duration::from_secs(record.ttl.into())
}
