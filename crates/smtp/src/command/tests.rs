use super::*;
use crate::extension::body::BodyType;
use model::{Address, Domain, LocalPart};
use proptest::prelude::*;

#[test]
fn lines_and_their_one_form() {
    let check = |line: &str, printed: &str| assert_eq!(Command::parse(line.as_bytes()).unwrap().to_string(), printed);
    check("ehlo client.test  ", "EHLO client.test");
    check("HELO my printer (old)", "HELO my?printer??old?");
    check("LHLO [IPv6:::1]", "LHLO [IPv6:::1]");
    check("mail from: <A@B.test>", "MAIL FROM:<A@b.test>");
    check("MAIL FROM:<>", "MAIL FROM:<>");
    check("MAIL FROM:<a@b.test> size=10 Body=8bitmime", "MAIL FROM:<a@b.test> SIZE=10 BODY=8BITMIME");
    check("MAIL FROM:<a@b.test> SIZE=99999999999999999999", "MAIL FROM:<a@b.test> SIZE=18446744073709551615");
    check("MAIL FROM:<ü@bücher.test> SMTPUTF8", "MAIL FROM:<ü@xn--bcher-kva.test> SMTPUTF8");
    check("RCPT TO:<@relay.test:a@b.test>", "RCPT TO:<a@b.test>");
    check("RCPT TO:<Postmaster>", "RCPT TO:<postmaster>");
    check("bdat 10 last", "BDAT 10 LAST");
    check("NOOP whatever", "NOOP");
    check("VRFY a", "VRFY ?");
}

#[test]
fn lines_that_are_refused_and_how() {
    let check = |line: &str, code: &str| {
        let reply = Command::parse(line.as_bytes()).unwrap_err().reply().to_string();
        assert!(reply.starts_with(code), "{line:?}: {reply}");
    };
    check("", "500 5.5.1");
    check("XCLIENT ADDR=10.0.0.1", "500 5.5.1");
    check("MAILFROM:<a@b.test>", "500 5.5.1");
    check("NOOP\0", "500 5.5.2");
    check("MAIL FROM:<a@b.test>\rRCPT TO:<x@y.test>", "500 5.5.2");
    check("MAIL FROM:<a\n@b.test>", "500 5.5.2");
    check("MAIL FROM:<a@b.test\r>", "500 5.5.2");
    check("EHLO", "501 5.5.2");
    check("MAIL FROM <a@b.test>", "501 5.5.2");
    check("MAIL FROM :<a@b.test>", "501 5.5.2");
    check("MAIL FROM:a@b.test", "501 5.1.7");
    check("MAIL FROM:<>x", "501 5.1.7");
    check("MAIL FROM:<a@b..test>", "501 5.1.7");
    check("MAIL FROM:<a@-b.test->", "501 5.1.7");
    check("MAIL FROM:<a@b.test> SIZE=-1", "501 5.5.4");
    check("MAIL FROM:<a@b.test> SIZE=", "501 5.5.4");
    check("MAIL FROM:<a@b.test> SIZE", "501 5.5.4");
    check("MAIL FROM:<a@b.test> SIZE=1 SIZE=2", "501 5.5.4");
    check("MAIL FROM:<a@b.test> SMTPUTF8 SMTPUTF8", "501 5.5.4");
    check("MAIL FROM:<a@b.test> BODY=NOPE", "501 5.5.4");
    check("MAIL FROM:<a@b.test> FOO=BAR", "555 5.5.4");
    check("MAIL FROM:<ü@b.test>", "550 5.6.7");
    check("MAIL FROM:<u@bücher.test>", "550 5.6.7");
    check("RCPT TO:<>", "501 5.1.3");
    check("RCPT TO:<x@elsewhere.test>,<u@example.test>", "501 5.1.3");
    check("RCPT TO:<a@b.test> NOTIFY=NEVER", "555 5.5.4");
    check("DATA now", "501 5.5.4");
    check("QUIT now", "501 5.5.4");
    check("VRFY", "501 5.5.2");
    check("BDAT", "501 5.5.2");
    check("BDAT 99999999999999999999", "501 5.5.2");
    check("BDAT +1", "501 5.5.2");
    check("BDAT 1 FIRST", "501 5.5.2");
    assert_eq!(Command::parse(b"NOOP \xff"), Err(CommandError::Octets));
}

fn address() -> impl Strategy<Value = Address> {
    ("[ -~ü]{1,20}", "[a-z0-9]{1,8}(\\.[a-z0-9]{1,8}){0,2}").prop_map(|(local, domain)| Address {
        local: LocalPart::new(&local).unwrap(),
        domain: Domain::new(&domain).unwrap(),
    })
}

fn params() -> impl Strategy<Value = MailParams> {
    let body = [None, Some(BodyType::SevenBit), Some(BodyType::EightBitMime), Some(BodyType::BinaryMime)];
    (any::<Option<u64>>(), proptest::sample::select(body.to_vec()), any::<bool>())
        .prop_map(|(size_octets, body, smtputf8)| MailParams { size_octets, body, smtputf8 })
}

fn command() -> impl Strategy<Value = Command> {
    let hello = proptest::sample::select(vec![Hello::Helo, Hello::Ehlo, Hello::Lhlo]);
    let chunk = proptest::sample::select(vec![Chunk::More, Chunk::Last]);
    let bare =
        [Command::Data, Command::Rset, Command::Vrfy, Command::Expn, Command::Help, Command::Noop, Command::Quit];
    prop_oneof![
        (hello, "[^\\p{C}\\s]{1,60}").prop_map(|(h, name)| Command::Hello(h, HelloName::parse(&name).unwrap())),
        (address(), params()).prop_map(|(address, mut params)| {
            params.smtputf8 |= !address.is_ascii();
            Command::Mail(ReversePath::Address(address), params)
        }),
        params().prop_map(|params| Command::Mail(ReversePath::Null, params)),
        address().prop_map(|address| Command::Rcpt(ForwardPath::Address(address))),
        (any::<u64>(), chunk).prop_map(|(octets, chunk)| Command::Bdat(octets, chunk)),
        proptest::sample::select(bare.to_vec()),
    ]
}

proptest! {
    #[test]
    fn what_is_printed_is_parsed_to_the_same(command in command()) {
        let printed = command.to_string();
        prop_assert_eq!(Command::parse(printed.as_bytes()), Ok(command));
    }

    #[test]
    fn whatever_is_parsed_prints_to_its_one_form(line in "(EHLO|MAIL FROM:|RCPT TO:|BDAT) ?[ -~ü\t]{0,40}") {
        if let Ok(command) = Command::parse(line.as_bytes()) {
            prop_assert_eq!(Command::parse(command.to_string().as_bytes()), Ok(command));
        }
    }

    #[test]
    fn no_octets_panic(line: Vec<u8>) {
        let _ = Command::parse(&line).map_err(|error| error.reply());
    }
}
