//! Both sides against each other, and against whoever sits between.

use super::*;
use proptest::prelude::*;

/// The messages, from the first to the last.
type Messages = Vec<Vec<u8>>;

struct Parties {
    client: Client,
    server: Server,
    keys: ScramKeys,
}

/// Runs an exchange in which `change` may alter each message on its way; whether both sides believe in it.
fn run(mut parties: Parties, mut change: impl FnMut(usize, Vec<u8>) -> Vec<u8>) -> (bool, Messages) {
    let mut messages = Vec::new();
    let mut pass = |message: Vec<u8>| {
        let message = change(messages.len(), message);
        messages.push(message.clone());
        message
    };
    let believed = (|| {
        let first = pass(parties.client.initial()?);
        let Step::WantsKeys { .. } = parties.server.start(Some(&first)) else { return None };
        let Step::Challenge(challenge) = parties.server.keys(parties.keys) else { return None };
        let proof = parties.client.respond(&pass(challenge)).ok()?;
        let Step::Done { last: Some(last), .. } = parties.server.respond(&pass(proof)) else { return None };
        parties.client.respond(&pass(last)).ok()?;
        Some(parties.client.succeeded())
    })();
    (believed == Some(true), messages)
}

/// `nonces` are the client's and the server's part.
fn rfc_parties(mechanism: Mechanism, nonces: [&str; 2], salt: &[u8]) -> Parties {
    Parties {
        client: Client::with_nonce(mechanism, "user", b"pencil", None, nonces[0].into()).unwrap(),
        server: Server::with_nonce(mechanism, None, nonces[1].into(), false),
        keys: ScramKeys::derive(mechanism.scram().unwrap(), b"pencil", salt, 4096).unwrap(),
    }
}

fn check(parties: Parties, expected: [&str; 4]) {
    let (believed, messages) = run(parties, |_, message| message);
    let messages: Vec<_> = messages.into_iter().map(|message| String::from_utf8(message).unwrap()).collect();
    assert!(believed);
    assert_eq!(messages, expected);
}

#[test]
fn the_example_of_rfc_5802() {
    let nonces = ["fyko+d2lbbFgONRv9qkxdawL", "3rfcNHYJY1ZVvWVs7j"];
    let salt = b"A%\xC2G\xE4:\xB1\xE9\x3Cm\xFFv";
    check(
        rfc_parties(Mechanism::ScramSha1, nonces, salt),
        [
            "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL",
            "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
            "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
            "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=",
        ],
    );
}

#[test]
fn the_example_of_rfc_7677() {
    let nonces = ["rOprNGfwEbeRWgbNEkqO", "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"];
    let salt = b"[m\x99h\x9d\x12\x35\x8e\xec\xa0K\x14\x12\x36\xfa\x81";
    check(
        rfc_parties(Mechanism::ScramSha256, nonces, salt),
        [
            "n,,n=user,r=rOprNGfwEbeRWgbNEkqO",
            "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
            "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
        ],
    );
}

/// Whose connection it is on either side.
fn bound(exporter: u8) -> Option<ChannelBinding> {
    Some(ChannelBinding { exporter: Some(vec![exporter; 32]), server_end_point: None })
}

fn parties(mechanism: Mechanism, login: &str, passwords: [&str; 2], bindings: [Option<ChannelBinding>; 2]) -> Parties {
    let [client, server] = bindings;
    Parties {
        client: Client::new(mechanism, login, passwords[0].as_bytes(), client, [1; NONCE_OCTETS]).unwrap(),
        server: Server::new(mechanism, server, [2; NONCE_OCTETS], false),
        keys: ScramKeys::derive(mechanism.scram().unwrap(), passwords[1].as_bytes(), b"salt", ITERATIONS_MIN).unwrap(),
    }
}

#[test]
fn who_is_bound_to_another_connection_is_refused() {
    for (client, server, expected) in [(1, 1, true), (1, 2, false)] {
        let parties = parties(Mechanism::ScramSha256Plus, "tim", ["x", "x"], [bound(client), bound(server)]);
        assert_eq!(run(parties, |_, message| message).0, expected);
    }
}

#[test]
fn a_client_that_was_shown_a_weaker_offer_says_so() {
    let mut client = Client::new(Mechanism::ScramSha256, "tim", b"x", bound(1), [1; NONCE_OCTETS]).unwrap();
    let first = client.initial().unwrap();
    assert!(first.starts_with(b"y,,"));
    let mut server = Server::new(Mechanism::ScramSha256, bound(1), [2; NONCE_OCTETS], true);
    assert!(matches!(server.start(Some(&first)), Step::Failed(Failure::Downgrade)));
}

/// Almost messages.
const CLIENT_FIRST: &str = "[nyp]?(=tls-exporter)?,,?(a=tim)?,?(n=(tim|=2C|=))?,(r=[ab,]{0,6})?,?([a-z]=[a-z]{0,3})?";
const LATER: &str = "(c=(biws|QQ==)|v=QQ==|e=x|r=AQEBAQEBAQEBAQEBAQEBAQEBx),(s=Q?Q?=?=?|r=a),?(i=[0-9]{0,5}|p=QQ==)";

fn any_scram() -> impl Strategy<Value = Mechanism> {
    prop::sample::select(Mechanism::ALL.to_vec()).prop_filter("SCRAM", |m| !m.is_plaintext())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn who_knows_the_password_gets_in_and_nobody_else(
        mechanism in any_scram(),
        login in "[a-zäß=,@.🙂]{1,20}",
        passwords in ["[ -~äß🙂]{1,4}", "[ -~äß🙂]{1,4}"],
        same in any::<bool>(),
    ) {
        let theirs = &passwords[usize::from(!same)];
        let parties = parties(mechanism, &login, [&passwords[0], theirs], [bound(1), bound(1)]);
        let equal = prepare_password(passwords[0].as_bytes()).expose() == prepare_password(theirs.as_bytes()).expose();
        prop_assert_eq!(run(parties, |_, message| message).0, equal);
    }

    #[test]
    fn a_message_changed_on_its_way_is_noticed(
        mechanism in any_scram(),
        which in 0..4usize,
        at in any::<prop::sample::Index>(),
        by in 1..=255u8,
        how in 0..3u8,
    ) {
        let parties = parties(mechanism, "tim", ["x", "x"], [bound(1), bound(1)]);
        let (believed, _) = run(parties, |n, mut message| {
            let at = at.index(message.len());
            match how {
                _ if n != which => {}
                0 => message[at] ^= by,
                1 => drop(message.remove(at)),
                _ => message.insert(at, by),
            }
            message
        });
        prop_assert!(!believed);
    }

    #[test]
    fn any_octets_are_answered(
        mechanism in prop::sample::select(Mechanism::ALL.to_vec()),
        messages in prop::collection::vec(
            prop_oneof![
                prop::collection::vec(any::<u8>(), 0..64),
                CLIENT_FIRST.prop_map(String::into_bytes),
                LATER.prop_map(String::into_bytes),
            ],
            0..5,
        ),
    ) {
        let keys = || ScramKeys::derive(mechanism.scram().unwrap(), b"x", b"salt", ITERATIONS_MIN).unwrap();
        let mut server = Server::new(mechanism, bound(1), [2; NONCE_OCTETS], true);
        let mut client = Client::new(mechanism, "tim", b"x", bound(1), [1; NONCE_OCTETS]).unwrap();
        client.initial();
        for message in &messages {
            let step = server.respond(message);
            let done = matches!(step, Step::Done { .. });
            prop_assert!(!done);
            if matches!(step, Step::WantsKeys { .. }) {
                server.keys(keys());
            }
            let answer = client.respond(message);
            prop_assert!(answer.is_err() || mechanism.is_plaintext() || !client.succeeded());
        }
        let text = messages.concat();
        drop(ScramKeys::from_text(&String::from_utf8_lossy(&text)));
    }
}
