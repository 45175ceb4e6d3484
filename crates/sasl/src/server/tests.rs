use super::*;
use crate::ScramHash;

fn server(mechanism: Mechanism) -> Server {
    Server::new(mechanism, None, [7; NONCE_OCTETS], false)
}

/// What the exchange comes to, in words.
fn told(step: Step) -> String {
    match step {
        Step::Challenge(octets) => format!("challenge {}", String::from_utf8(octets).unwrap()),
        Step::WantsKeys { login } => format!("keys of {login}"),
        Step::WantsPassword { login, password } => {
            format!("{login} {}", String::from_utf8_lossy(password.expose()))
        }
        Step::Done { login, .. } => format!("done {login}"),
        Step::Failed(failure) => failure.to_string(),
    }
}

#[test]
fn plain() {
    let check = |message: &[u8], expected: &str| {
        assert_eq!(told(server(Mechanism::Plain).start(Some(message))), expected, "{}", message.escape_ascii());
    };
    // The examples of RFC 4616 §4.
    check(b"\0tim\0tanstaaftanstaaf", "tim tanstaaftanstaaf");
    check(b"Ursel\0Kurt\0xipj3plmq", "may not act for another login");
    check(b"tim\0tim\0x", "tim x");
    check("\0B\u{fc}ro\0p\u{e4}ss".as_bytes(), "Büro päss");
    check(b"\0tim\0\xff", "tim \u{fffd}");
    check(b"\0tim\0", "login or password is wrong");
    for malformed in [&b""[..], b"tim", b"\0tim", b"\0tim\0x\0", b"\0\0x", b"\0\xff\0x", b"\0ti\rm\0x"] {
        let step = server(Mechanism::Plain).start(Some(malformed));
        assert!(matches!(step, Step::Failed(f) if f.is_malformed()), "{}", malformed.escape_ascii());
    }
    check(&[b"\0".as_slice(), &[b'x'; LOGIN_OCTETS_MAX + 1], b"\0x"].concat(), "message too long");
    check(&[b"\0tim\0".as_slice(), &[b'x'; MESSAGE_OCTETS_MAX]].concat(), "message too long");
    let mut late = server(Mechanism::Plain);
    assert_eq!(told(late.start(None)), "challenge ");
    assert_eq!(told(late.respond(b"\0tim\0x")), "tim x");
    assert_eq!(told(late.respond(b"\0tim\0x")), "malformed: out of order");
}

#[test]
fn login() {
    let mut asked = server(Mechanism::Login);
    assert_eq!(told(asked.start(None)), "challenge Username:");
    assert_eq!(told(asked.respond(b"tim")), "challenge Password:");
    assert_eq!(told(asked.respond(b"tanstaaf")), "tim tanstaaf");
    assert_eq!(told(asked.respond(b"tanstaaf")), "malformed: out of order");
    let mut quick = server(Mechanism::Login);
    assert_eq!(told(quick.start(Some(b"tim"))), "challenge Password:");
    assert_eq!(told(quick.respond(b"")), "login or password is wrong");
    assert_eq!(told(server(Mechanism::Login).start(Some(b""))), "malformed: the login is empty");
}

#[test]
fn passwords_and_keys_do_not_print() {
    let step = server(Mechanism::Plain).start(Some(b"\0tim\0tanstaaf"));
    assert_eq!(format!("{step:?}"), r#"WantsPassword { login: "tim", password: Secret(…) }"#);
}

#[test]
fn scram_binding() {
    let both = ChannelBinding { exporter: Some(b"exported".to_vec()), server_end_point: Some(b"certificate".to_vec()) };
    let check = |mechanism, binding: Option<&ChannelBinding>, plus_offered, flag: &str, expected: &str| {
        let mut server = Server::new(mechanism, binding.cloned(), [7; NONCE_OCTETS], plus_offered);
        let step = server.start(Some(format!("{flag},,n=tim,r=abc").as_bytes()));
        assert_eq!(told(step), expected, "{mechanism} {flag}");
    };
    for (plus, bare) in
        [(Mechanism::ScramSha256Plus, Mechanism::ScramSha256), (Mechanism::ScramSha1Plus, Mechanism::ScramSha1)]
    {
        check(plus, Some(&both), true, "p=tls-exporter", "keys of tim");
        check(plus, Some(&both), true, "p=tls-server-end-point", "keys of tim");
        check(plus, Some(&both), true, "p=tls-unique", "channel binding of this kind is not supported");
        check(plus, None, true, "p=tls-exporter", "channel binding of this kind is not supported");
        check(plus, Some(&both), true, "n", "malformed: a mechanism of channel binding without it");
        check(bare, Some(&both), true, "p=tls-exporter", "malformed: channel binding without a mechanism of it");
        check(bare, Some(&both), true, "n", "keys of tim");
        check(bare, Some(&both), true, "y", "channel binding was offered, yet did not reach the client");
        check(bare, None, false, "y", "keys of tim");
    }
}

#[test]
fn scram_in_and_out_of_order() {
    let keys = |hash| ScramKeys::derive(hash, b"pencil", b"salt", 4096).unwrap();
    let mut exchange = server(Mechanism::ScramSha256);
    assert_eq!(told(exchange.start(None)), "challenge ");
    assert_eq!(told(exchange.respond(b"n,a=tim,n=tim,r=abc")), "keys of tim");
    let challenge = told(exchange.keys(keys(ScramHash::Sha256)));
    assert_eq!(challenge, "challenge r=abcBwcHBwcHBwcHBwcHBwcHBwcH,s=c2FsdA==,i=4096");
    let proof = STANDARD.encode([0; 32]);
    let last = |nonce: &str, binding: &str| format!("c={binding},r={nonce},p={proof}").into_bytes();
    assert_eq!(
        told(exchange.respond(&last("abcBwcHBwcHBwcHBwcHBwcHBwcH", "bixhPXRpbSw="))),
        "login or password is wrong"
    );
    let failing = |message: &[u8]| {
        let mut exchange = server(Mechanism::ScramSha256);
        exchange.start(Some(b"n,,n=tim,r=abc"));
        exchange.keys(keys(ScramHash::Sha256));
        told(exchange.respond(message))
    };
    assert_eq!(failing(&last("abc", "biws")), "malformed: not our nonce");
    assert_eq!(failing(&last("abcBwcHBwcHBwcHBwcHBwcHBwcH", "eSws")), "channel binding does not match");
    assert_eq!(failing(b"c=biws,r=abcBwcHBwcHBwcHBwcHBwcHBwcH,p=QQ=="), "login or password is wrong");
    assert_eq!(failing(b""), "malformed: no proof");
    assert_eq!(told(server(Mechanism::ScramSha1).start(Some(b"n,a=ann,n=tim,r=abc"))), "may not act for another login");

    assert_eq!(told(server(Mechanism::ScramSha1).keys(keys(ScramHash::Sha1))), "malformed: out of order");
    let mut twice = server(Mechanism::ScramSha1);
    twice.start(Some(b"n,,n=tim,r=abc"));
    assert_eq!(told(twice.keys(keys(ScramHash::Sha256))), "login or password is wrong");
    let mut impatient = server(Mechanism::ScramSha1);
    impatient.start(Some(b"n,,n=tim,r=abc"));
    assert_eq!(told(impatient.respond(&last("abc", "biws"))), "malformed: out of order");
}
