use super::*;
use hickory_resolver::proto::op::{Message, OpCode, ResponseCode};
use hickory_resolver::proto::rr::rdata::{A, AAAA, CNAME, MX, NS, SOA};
use hickory_resolver::proto::rr::{RData, Record, RecordType};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UdpSocket};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Via {
    Udp,
    Tcp,
}

/// What the server answers: any number of messages.
type Script = fn(&Message, Via) -> Vec<Message>;

/// A DNS server on loopback, over UDP and TCP on one port, until the test's runtime ends.
struct Server {
    address: SocketAddr,
    asked: Arc<AtomicUsize>,
}

impl Server {
    async fn start(script: Script) -> Server {
        let (udp, tcp) = loop {
            let udp = UdpSocket::bind("127.0.0.1:0").await.unwrap();
            // Somebody else may have that port of TCP.
            if let Ok(tcp) = TcpListener::bind(udp.local_addr().unwrap()).await {
                break (udp, tcp);
            }
        };
        let (address, asked) = (udp.local_addr().unwrap(), Arc::new(AtomicUsize::new(0)));
        let count = asked.clone();
        tokio::spawn(async move {
            let mut buffer = [0; 4096];
            while let Ok((octets, peer)) = udp.recv_from(&mut buffer).await {
                count.fetch_add(1, SeqCst);
                let query = Message::from_vec(&buffer[..octets]).unwrap();
                for answer in script(&query, Via::Udp) {
                    udp.send_to(&answer.to_vec().unwrap(), peer).await.unwrap();
                }
            }
        });
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = tcp.accept().await {
                while let Ok(octets) = stream.read_u16().await {
                    let mut buffer = vec![0; octets.into()];
                    stream.read_exact(&mut buffer).await.unwrap();
                    for answer in script(&Message::from_vec(&buffer).unwrap(), Via::Tcp) {
                        let answer = answer.to_vec().unwrap();
                        stream.write_u16(answer.len() as u16).await.unwrap();
                        stream.write_all(&answer).await.unwrap();
                    }
                }
            }
        });
        Server { address, asked }
    }

    fn resolver(&self) -> DnsResolver {
        // Longer than any of these tests: none of them depends on it.
        DnsResolver::new(&Settings { deadline: Duration::from_secs(60), ..Settings::with_servers(vec![self.address]) })
    }
}

fn name(text: &str) -> Name {
    Name::from_ascii(text).unwrap()
}

/// A name that DNS allows, but no host may have.
fn odd() -> Name {
    Name::from_labels([&b"a b"[..], b"test"]).unwrap()
}

fn domain(text: &str) -> Domain {
    Domain::new(text).unwrap()
}

fn record(owner: &str, data: RData) -> Record {
    Record::from_rdata(name(owner), 600, data)
}

fn mx(owner: &str, preference: u16, host: &str) -> Record {
    record(owner, RData::MX(MX::new(preference, name(host))))
}

fn a(owner: &str, last: u8) -> Record {
    record(owner, RData::A(A::new(192, 0, 2, last)))
}

fn alias(owner: &str, target: &str) -> Record {
    record(owner, RData::CNAME(CNAME(name(target))))
}

fn soa() -> Record {
    record("test.", RData::SOA(SOA::new(name("ns.test."), name("root.test."), 1, 2, 3, 4, 60)))
}

/// An answer to `query` with those records.
fn answer(query: &Message, records: Vec<Record>) -> Message {
    let mut answer = Message::response(query.id, OpCode::Query);
    answer.add_query(query.queries[0].clone());
    answer.metadata.recursion_available = true;
    answer.insert_answers(records);
    answer
}

fn refusing(query: &Message, code: ResponseCode) -> Message {
    let mut answer = answer(query, Vec::new());
    answer.metadata.response_code = code;
    answer
}

fn asked(query: &Message) -> (String, RecordType) {
    (query.queries[0].name().to_ascii(), query.queries[0].query_type())
}

fn temporary<T: std::fmt::Debug>(outcome: Result<T, ResolveError>, expected: &str) {
    match outcome {
        Err(ResolveError::Temporary(why)) => assert!(why.contains(expected), "{why}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn exchangers_and_null_mx() {
    let server = Server::start(|query, _| match asked(query).0.as_str() {
        "many.test." => {
            vec![answer(query, vec![mx("many.test.", 20, "B.many.test."), mx("many.test.", 10, "a.many.test.")])]
        }
        "null.test." => vec![answer(query, vec![mx("null.test.", 0, ".")])],
        "useless.test." => vec![answer(query, vec![record("useless.test.", RData::MX(MX::new(0, odd())))])],
        _ => vec![refusing(query, ResponseCode::Refused)],
    })
    .await;
    let resolver = server.resolver();
    let found = |preference, host: &str| Mx { preference, host: Some(domain(host)) };
    let expected = vec![found(10, "a.many.test"), found(20, "b.many.test")];
    assert_eq!(resolver.mx(&domain("Many.test")).await, Ok(expected));
    assert_eq!(resolver.mx(&domain("null.test")).await, Ok(vec![Mx { preference: 0, host: None }]));
    temporary(resolver.mx(&domain("useless.test")).await, "MX of useless.test: its records name no host");
    temporary(resolver.mx(&domain("other.test")).await, "Query Refused");
}

#[tokio::test]
async fn what_does_not_exist_and_what_is_not_known() {
    let server = Server::start(|query, _| {
        let mut nothing = match asked(query).0.as_str() {
            "none.test." => refusing(query, ResponseCode::NXDomain),
            "fails.test." => return vec![refusing(query, ResponseCode::ServFail)],
            "lame.test." => {
                let mut lame = answer(query, Vec::new());
                lame.add_authority(record("test.", RData::NS(NS(name("ns.test.")))));
                return vec![lame];
            }
            _ => answer(query, Vec::new()),
        };
        nothing.add_authority(soa());
        vec![nothing]
    })
    .await;
    let resolver = server.resolver();
    let none = domain("none.test");
    assert_eq!(resolver.mx(&none).await, Err(ResolveError::NoSuchName));
    assert_eq!(resolver.addresses(&none).await, Err(ResolveError::NoSuchName));
    let empty = domain("empty.test");
    assert_eq!(resolver.mx(&empty).await, Ok(vec![]));
    assert_eq!(resolver.addresses(&empty).await, Ok(vec![]));
    temporary(resolver.mx(&domain("fails.test")).await, "Server Failure");
    temporary(resolver.addresses(&domain("fails.test")).await, "Server Failure");
    temporary(resolver.mx(&domain("lame.test")).await, "only names other servers");
}

#[tokio::test]
async fn addresses_of_both_kinds_and_of_one() {
    let server = Server::start(|query, _| {
        let six = |owner: &str| record(owner, RData::AAAA(AAAA::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1)));
        match asked(query) {
            (name, RecordType::A) if name == "six.test." => vec![refusing(query, ResponseCode::ServFail)],
            (name, RecordType::AAAA) if name == "four.test." => vec![refusing(query, ResponseCode::NXDomain)],
            (name, RecordType::A) => vec![answer(query, vec![a(&name, 1), a(&name, 2)])],
            (name, _) => vec![answer(query, vec![six(&name)])],
        }
    })
    .await;
    let resolver = server.resolver();
    let check = async |host: &str, expected: &[&str]| {
        let found: Vec<_> = resolver.addresses(&domain(host)).await.unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(found, expected, "{host}");
    };
    check("both.test", &["192.0.2.1", "192.0.2.2", "2001:db8::1"]).await;
    check("six.test", &["2001:db8::1"]).await;
    check("four.test", &["192.0.2.1", "192.0.2.2"]).await;
    let before = server.asked.load(SeqCst);
    check("localhost", &["127.0.0.1", "::1"]).await;
    check("mail.localhost", &["127.0.0.1", "::1"]).await;
    check("[192.0.2.7]", &["192.0.2.7"]).await;
    check("[IPv6:2001:db8::7]", &["2001:db8::7"]).await;
    assert_eq!(resolver.mx(&domain("localhost")).await, Ok(vec![]));
    check("both.test", &["192.0.2.1", "192.0.2.2", "2001:db8::1"]).await;
    assert_eq!(server.asked.load(SeqCst), before, "what is known is not asked for");
}

#[tokio::test]
async fn aliases_lead_to_records_or_to_an_end() {
    let server = Server::start(|query, _| {
        let (name, _) = asked(query);
        let records = match name.as_str() {
            // The whole chain in one answer, in any order.
            "whole.test." => vec![a("c.test.", 1), alias("b.test.", "c.test."), alias("whole.test.", "b.test.")],
            "part.test." => vec![alias("part.test.", "next.test.")],
            "next.test." => vec![a("next.test.", 2)],
            "nowhere.test." => vec![alias("nowhere.test.", "none.test.")],
            "none.test." => return vec![refusing(query, ResponseCode::NXDomain)],
            "self.test." => vec![alias("self.test.", "self.test.")],
            "ring.test." => vec![alias("ring.test.", "ring2.test.")],
            "ring2.test." => vec![alias("ring2.test.", "ring.test.")],
            name => vec![alias(name, &format!("x{name}"))],
        };
        vec![answer(query, records)]
    })
    .await;
    let resolver = server.resolver();
    let look_up = |host: &str| resolver.0.clone().look_up(domain(host), Kind::A);
    let address = |last| Ok(Arc::from([Data::Address(Ipv4Addr::new(192, 0, 2, last).into())]));
    assert_eq!(look_up("whole.test").await, address(1));
    assert_eq!(look_up("part.test").await, address(2));
    assert_eq!(look_up("nowhere.test").await, Err(ResolveError::NoSuchName));
    for endless in ["self.test", "ring.test", "grows.test"] {
        temporary(look_up(endless).await, "its aliases do not come to an end");
    }
    assert!(server.asked.load(SeqCst) < 30);
}

#[tokio::test]
async fn lies_are_not_believed() {
    let server = Server::start(|query, _| {
        let (owner, _) = asked(query);
        let mut of_another_id = answer(query, vec![a(&owner, 66)]);
        of_another_id.metadata.id = query.id.wrapping_add(1);
        let mut of_another_question = answer(query, vec![a("other.test.", 66)]);
        of_another_question.queries[0].set_name(name("other.test."));
        let aside = answer(query, vec![a("other.test.", 66)]);
        match owner.as_str() {
            "aside.test." => vec![aside],
            "mixed.test." => vec![answer(query, vec![a("other.test.", 66), a(&owner, 1)])],
            _ => vec![of_another_id, of_another_question, answer(query, vec![a(&owner, 1)])],
        }
    })
    .await;
    let resolver = server.resolver();
    let look_up = |host: &str| resolver.0.clone().look_up(domain(host), Kind::A);
    let truth = Ok(Arc::from([Data::Address(Ipv4Addr::new(192, 0, 2, 1).into())]));
    assert_eq!(look_up("forged.test").await, truth);
    assert_eq!(look_up("mixed.test").await, truth);
    temporary(look_up("aside.test").await, "the answer is to another question");
}

#[tokio::test]
async fn what_does_not_fit_a_datagram_comes_over_tcp_and_is_bounded() {
    let server = Server::start(|query, via| {
        if via == Via::Udp {
            let mut truncated = answer(query, Vec::new());
            truncated.metadata.truncation = true;
            return vec![truncated];
        }
        let host = |n: u16| mx("big.test.", 2000 - n, &format!("h{n}.big.test."));
        vec![answer(query, (0..1000).map(host).collect())]
    })
    .await;
    let found = server.resolver().mx(&domain("big.test")).await.unwrap();
    assert_eq!(found.len(), RECORDS_MAX);
    assert_eq!(found[0], Mx { preference: 1001, host: Some(domain("h999.big.test")) });
}

#[tokio::test]
async fn silence_and_absence_end_in_time() {
    let silent = Server::start(|_, _| Vec::new()).await;
    let settings = Settings { deadline: Duration::from_millis(50), ..Settings::with_servers(vec![silent.address]) };
    let resolver = DnsResolver::new(&settings);
    temporary(resolver.mx(&domain("silent.test")).await, "MX of silent.test: ");
    let asked = silent.asked.load(SeqCst);
    assert!(asked > 0);
    temporary(resolver.mx(&domain("silent.test")).await, "MX of silent.test: ");
    assert_eq!(silent.asked.load(SeqCst), asked, "a failure is remembered for a moment");
    temporary(DnsResolver::new(&Settings::with_servers(Vec::new())).mx(&domain("any.test")).await, "no connections");
}

#[tokio::test]
async fn equal_questions_at_once_are_one() {
    let server = Server::start(|query, _| vec![answer(query, vec![mx("busy.test.", 1, "mx.busy.test.")])]).await;
    let resolver = server.resolver();
    let all = futures_util::future::join_all((0..2 * LOOKUPS_MAX).map(|_| resolver.mx(&domain("busy.test")))).await;
    assert!(all.iter().all(|found| found.as_ref().unwrap().len() == 1));
    assert_eq!(server.asked.load(SeqCst), 1);
}

#[test]
fn the_systems_servers() {
    let found = |text: &str| servers(text).iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    let text = "# comment\nsearch example.test\nnameserver 192.0.2.53\n nameserver\t2001:db8::53 \nnameserver fe80::1%eth0\n\
                options ndots:2\nnameserver 192.0.2.54\nnameserver 192.0.2.55\n";
    assert_eq!(found(text), "192.0.2.53:53 [2001:db8::53]:53 192.0.2.54:53");
    assert_eq!(found(""), "127.0.0.1:53");
}
