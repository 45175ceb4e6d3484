use super::*;

fn client(mechanism: Mechanism) -> Client {
    Client::new(mechanism, "tim", b"tanstaaf", None, [7; NONCE_OCTETS]).unwrap()
}

#[test]
fn the_strongest_mechanism_is_chosen() {
    let bound = ChannelBinding { exporter: Some(vec![1; 32]), server_end_point: None };
    let none = ChannelBinding::default();
    let all = ["LOGIN", "plain", "SCRAM-SHA-1", "scram-sha-256", "SCRAM-SHA-256-PLUS", "XOAUTH2"];
    let check = |offered: &[&str], tls, binding, expected| assert_eq!(choose(offered, tls, binding), expected);
    check(&all, true, Some(&bound), Some(Mechanism::ScramSha256Plus));
    check(&all, true, Some(&none), Some(Mechanism::ScramSha256));
    check(&all, false, None, Some(Mechanism::ScramSha256));
    check(&["LOGIN", "PLAIN", "SCRAM-SHA-1"], true, None, Some(Mechanism::ScramSha1));
    check(&["LOGIN", "PLAIN"], true, Some(&bound), Some(Mechanism::Plain));
    check(&["LOGIN"], true, None, Some(Mechanism::Login));
    check(&["LOGIN", "PLAIN", "SCRAM-SHA-256-PLUS"], false, None, None);
    check(&["XOAUTH2"], true, None, None);
    for mechanism in Mechanism::ALL {
        assert_eq!(mechanism.name().to_lowercase().parse(), Ok(mechanism));
    }
    assert!("SCRAM-SHA-512".parse::<Mechanism>().is_err());
}

#[test]
fn plain_and_login() {
    let mut plain = client(Mechanism::Plain);
    assert!(!plain.succeeded());
    assert_eq!(plain.initial().unwrap(), b"\0tim\0tanstaaf");
    assert!(plain.succeeded());
    assert_eq!(plain.respond(b""), Err(ClientError::Unexpected));
    assert!(!plain.succeeded());
    let mut asked = client(Mechanism::Plain);
    assert_eq!(asked.respond(b"").unwrap(), b"\0tim\0tanstaaf");
    assert_eq!(
        client(Mechanism::Plain).respond(b"x"),
        Err(ClientError::Malformed("a challenge before our first message"))
    );

    let mut login = client(Mechanism::Login);
    assert_eq!(login.initial(), None);
    assert_eq!(login.respond(b"User Name\0").unwrap(), b"tim");
    assert!(!login.succeeded());
    assert_eq!(login.respond(b"Password:").unwrap(), b"tanstaaf");
    assert!(login.succeeded());
}

#[test]
fn what_cannot_be_sent_is_refused() {
    let check = |mechanism, login: &str, password: &[u8], expected| {
        assert_eq!(Client::new(mechanism, login, password, None, [7; NONCE_OCTETS]).err(), Some(expected));
    };
    check(Mechanism::Plain, "", b"x", ClientError::Credentials);
    check(Mechanism::Plain, "tim", b"", ClientError::Credentials);
    check(Mechanism::Plain, "t\0im", b"x", ClientError::Credentials);
    check(Mechanism::Plain, "tim", b"x\0", ClientError::Credentials);
    check(Mechanism::ScramSha256Plus, "tim", b"x", ClientError::BindingMissing);
}

#[test]
fn a_server_that_does_not_know_the_password_is_not_believed() {
    let nonce = STANDARD.encode([7; NONCE_OCTETS]);
    let prove = |challenge: &str| {
        let mut client = client(Mechanism::ScramSha256);
        client.initial();
        let answer = client.respond(challenge.replace("NONCE", &nonce).as_bytes());
        (answer, client)
    };
    let check = |challenge: &str, expected| assert_eq!(prove(challenge).0, Err(expected), "{challenge}");
    check("r=NONCE,s=QQ==,i=4096", ClientError::Nonce);
    check("r=another,s=QQ==,i=4096", ClientError::Nonce);
    check("r=NONCEx,s=QQ==,i=4095", ClientError::Iterations(4095));
    check("r=NONCEx,s=QQ==,i=10000001", ClientError::Iterations(10_000_001));
    check("r=NONCEx,s=,i=4096", ClientError::Malformed("the salt is empty or too long"));
    check("", ClientError::Malformed("no nonce"));
    check("e=unknown-user", ClientError::Malformed("no nonce"));
    let finish = |last: &str| {
        let (answer, mut client) = prove("r=NONCEx,s=QQ==,i=4096");
        answer.unwrap();
        assert!(!client.succeeded(), "the server has proved nothing yet");
        let result = client.respond(last.as_bytes());
        assert!(!client.succeeded());
        result
    };
    assert_eq!(finish("v=QQ=="), Err(ClientError::ServerUnproven));
    assert_eq!(finish(&format!("v={}", STANDARD.encode([0; 32]))), Err(ClientError::ServerUnproven));
    assert_eq!(finish("e=invalid-proof"), Err(ClientError::Refused("invalid-proof".into())));
    assert_eq!(finish(""), Err(ClientError::Malformed("no signature")));
}
