use super::*;
use crate::extension::body::BodyType;
use crate::extension::dsn::{Notify, OriginalRecipient, Ret};
use crate::extension::future_release::Hold;
use model::Secret;
use model::{Address, Domain, LocalPart, Timestamp};
use proptest::prelude::*;
use std::time::Duration;

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
    check("MAIL FROM:<> ret=hdrs envid=QQ+2B314+20159", "MAIL FROM:<> RET=HDRS ENVID=QQ+2B314+20159");
    check("MAIL FROM:<> AUTH=<> ENVID=+41b", "MAIL FROM:<> ENVID=Ab AUTH=<>");
    check("MAIL FROM:<> AUTH=e+3Dmc2@example.com", "MAIL FROM:<> AUTH=e+3Dmc2@example.com");
    check("MAIL FROM:<> holdfor=0086400", "MAIL FROM:<> HOLDFOR=86400");
    check("MAIL FROM:<> HOLDUNTIL=2026-12-24t18:00:00.25+01:00", "MAIL FROM:<> HOLDUNTIL=2026-12-24T17:00:00Z");
    check("RCPT TO:<a@b.test> notify=never", "RCPT TO:<a@b.test> NOTIFY=NEVER");
    check("RCPT TO:<a@b.test> NOTIFY=delay,SUCCESS,delay", "RCPT TO:<a@b.test> NOTIFY=SUCCESS,DELAY");
    check("RCPT TO:<a@b.test> ORCPT=rfc822;Bob+40x+2by", "RCPT TO:<a@b.test> ORCPT=rfc822;Bob@x+2By");
    check("RCPT TO:<a@b.test> ORCPT=X400;+20", "RCPT TO:<a@b.test> ORCPT=X400;+20");
    let utf8 = "RCPT TO:<a@b.test> ORCPT=utf-8;\\x{FC}\\x{2B}\\x{5C}@\\x{4F8B}.test";
    check("RCPT TO:<a@b.test> ORCPT=utf-8;ü\\x{2b}\\x{5C}@例.test", utf8);
    check(utf8, utf8);
    check("auth plain AGEAYg==", "AUTH PLAIN AGEAYg==");
    check("AUTH LOGIN", "AUTH LOGIN");
    check("AUTH EXTERNAL =", "AUTH EXTERNAL =");
    check("bdat 10 last", "BDAT 10 LAST");
    check("NOOP whatever", "NOOP");
    check("VRFY a", "VRFY ?");
}

#[track_caller]
fn refused(line: &str, code: &str) {
    let reply = Command::parse(line.as_bytes()).unwrap_err().reply().to_string();
    assert!(reply.starts_with(code), "{line:?}: {reply}");
}

#[test]
fn lines_that_are_no_command() {
    refused("", "500 5.5.1");
    refused("XCLIENT ADDR=10.0.0.1", "500 5.5.1");
    refused("MAILFROM:<a@b.test>", "500 5.5.1");
    refused("NOOP\0", "500 5.5.2");
    refused("MAIL FROM:<a@b.test>\rRCPT TO:<x@y.test>", "500 5.5.2");
    refused("MAIL FROM:<a\n@b.test>", "500 5.5.2");
    refused("MAIL FROM:<a@b.test\r>", "500 5.5.2");
    refused("EHLO", "501 5.5.2");
    refused("DATA now", "501 5.5.4");
    refused("QUIT now", "501 5.5.4");
    refused("VRFY", "501 5.5.2");
    refused("BDAT", "501 5.5.2");
    refused("BDAT 99999999999999999999", "501 5.5.2");
    refused("BDAT +1", "501 5.5.2");
    refused("BDAT 1 FIRST", "501 5.5.2");
    assert_eq!(Command::parse(b"NOOP \xff"), Err(CommandError::Octets));
}

#[test]
fn paths_and_parameters_that_are_refused() {
    refused("MAIL FROM <a@b.test>", "501 5.5.2");
    refused("MAIL FROM :<a@b.test>", "501 5.5.2");
    refused("MAIL FROM:a@b.test", "501 5.1.7");
    refused("MAIL FROM:<>x", "501 5.1.7");
    refused("MAIL FROM:<a@b..test>", "501 5.1.7");
    refused("MAIL FROM:<a@-b.test->", "501 5.1.7");
    refused("MAIL FROM:<a@b.test> SIZE=-1", "501 5.5.4");
    refused("MAIL FROM:<a@b.test> SIZE=", "501 5.5.4");
    refused("MAIL FROM:<a@b.test> SIZE", "501 5.5.4");
    refused("MAIL FROM:<a@b.test> SIZE=1 SIZE=2", "501 5.5.4");
    refused("MAIL FROM:<a@b.test> SMTPUTF8 SMTPUTF8", "501 5.5.4");
    refused("MAIL FROM:<a@b.test> BODY=NOPE", "501 5.5.4");
    refused("MAIL FROM:<a@b.test> FOO=BAR", "555 5.5.4");
    refused("MAIL FROM:<ü@b.test>", "550 5.6.7");
    refused("MAIL FROM:<u@bücher.test>", "550 5.6.7");
    refused("RCPT TO:<>", "501 5.1.3");
    refused("RCPT TO:<x@elsewhere.test>,<u@example.test>", "501 5.1.3");
    refused("RCPT TO:<a@b.test> FOO", "555 5.5.4");
    refused("RCPT TO:<a@b.test> SIZE=1", "555 5.5.4");
    refused("MAIL FROM:<a@b.test> NOTIFY=NEVER", "555 5.5.4");
}

#[test]
fn parameters_of_mail_that_are_refused() {
    for bad in [
        "RET",
        "RET=",
        "RET=ALL",
        "RET=FULL RET=FULL",
        "ENVID",
        "ENVID=",
        "ENVID=a=b",
        "ENVID=+4",
        "ENVID=+GG",
        "ENVID=+0D+0A",
        "ENVID=+C3+BC",
        "ENVID=ü",
        "AUTH",
        "AUTH=",
        "AUTH=+00",
        "HOLDFOR",
        "HOLDFOR=",
        "HOLDFOR=0",
        "HOLDFOR=-1",
        "HOLDFOR=+1",
        "HOLDFOR=1000000000",
        "HOLDFOR=1 HOLDUNTIL=2026-01-01T00:00:00Z",
        "HOLDFOR=1 HOLDFOR=1",
        "HOLDUNTIL=",
        "HOLDUNTIL=2026-02-29T00:00:00Z",
        "HOLDUNTIL=2026-01-01T00:00:00",
        "HOLDUNTIL=2026-01-01T00:00:00.Z",
        "HOLDUNTIL=2026-01-01T24:00:00Z",
        "HOLDUNTIL=2026-01-01T00:00:00+1:00",
        "HOLDUNTIL=2026-01-01T00:00:00+01:00x",
        "HOLDUNTIL=+026-01-01T00:00:00Z",
        "HOLDUNTIL=0000-01-01T00:00:00+01:00",
    ] {
        refused(&format!("MAIL FROM:<a@b.test> {bad}"), "501 5.5.4");
    }
    refused(&format!("MAIL FROM:<> ENVID={}", "x".repeat(101)), "501 5.5.4");
    refused(&format!("MAIL FROM:<> AUTH={}", "x".repeat(501)), "501 5.5.4");
}

#[test]
fn parameters_of_rcpt_that_are_refused() {
    for bad in [
        "NOTIFY",
        "NOTIFY=",
        "NOTIFY=NEVER,DELAY",
        "NOTIFY=SUCCESS,",
        "NOTIFY=ALWAYS",
        "NOTIFY=DELAY NOTIFY=DELAY",
        "ORCPT",
        "ORCPT=",
        "ORCPT=a@b.test",
        "ORCPT=;a@b.test",
        "ORCPT=rfc822;",
        "ORCPT=rf(c;a",
        "ORCPT=rfc822;+0A",
        "ORCPT=rfc822;ü",
        "ORCPT=rfc822;a=b",
        "ORCPT=utf-8;a+2Bb",
        "ORCPT=utf-8;\\xFC",
        "ORCPT=utf-8;\\x{}",
        "ORCPT=utf-8;\\x{0A}",
        "ORCPT=utf-8;\\x{85}",
        "ORCPT=utf-8;\\x{41}",
        "ORCPT=utf-8;\\x{D800}",
        "ORCPT=utf-8;\\x{+FC}",
    ] {
        refused(&format!("RCPT TO:<a@b.test> {bad}"), "501 5.5.4");
    }
    refused(&format!("RCPT TO:<a@b.test> ORCPT=rfc822;{}", "x".repeat(495)), "501 5.5.4");
}

#[test]
fn auth_that_is_refused() {
    refused("AUTH", "501 5.5.2");
    refused("AUTH PLAIN AGEAYg", "501 5.5.2");
    refused("AUTH PLAIN *", "501 5.5.2");
    refused("AUTH PLAIN = =", "501 5.5.2");
    refused("AUTH PLA(IN", "501 5.5.2");
    refused("AUTH PLAINPLAINPLAINPLAINX", "501 5.5.2");
    refused("AUTH PLAIN AGEA\nYg==", "500 5.5.2");
}

fn address() -> impl Strategy<Value = Address> {
    ("[ -~ü]{1,20}", "[a-z0-9]{1,8}(\\.[a-z0-9]{1,8}){0,2}").prop_map(|(local, domain)| Address {
        local: LocalPart::new(&local).unwrap(),
        domain: Domain::new(&domain).unwrap(),
    })
}

fn params() -> impl Strategy<Value = MailParams> {
    let body = [None, Some(BodyType::SevenBit), Some(BodyType::EightBitMime), Some(BodyType::BinaryMime)];
    let ret = [None, Some(Ret::Full), Some(Ret::Hdrs)];
    let hold = prop_oneof![
        (1..=999_999_999u64).prop_map(|seconds| Hold::For(Duration::from_secs(seconds))),
        (-62_167_219_200i64..=253_402_300_799).prop_map(|s| Hold::Until(Timestamp::from_unix_ms(s * 1000))),
    ];
    let text = || proptest::option::of("[ -~]{1,33}");
    let (body, ret) = (proptest::sample::select(body.to_vec()), proptest::sample::select(ret.to_vec()));
    let all = (any::<Option<u64>>(), body, any::<bool>(), ret, text(), text(), proptest::option::of(hold));
    all.prop_map(|(size_octets, body, smtputf8, ret, envid, auth, hold)| MailParams {
        size_octets,
        body,
        smtputf8,
        ret,
        envid,
        auth,
        hold,
    })
}

fn rcpt_params() -> impl Strategy<Value = RcptParams> {
    let notify = any::<(bool, bool, bool)>().prop_map(|(success, failure, delay)| Notify { success, failure, delay });
    let original = prop_oneof![("[A-Za-z0-9-]{1,9}", "[ -~]{1,40}"), ("(utf|UTF)-8", "[ -~ü例😀]{1,40}"),]
        .prop_map(|(kind, address)| OriginalRecipient { kind, address });
    (proptest::option::of(notify), proptest::option::of(original))
        .prop_map(|(notify, original)| RcptParams { notify, original })
}

fn attempt() -> impl Strategy<Value = Attempt> {
    ("[A-Z0-9_-]{1,20}", any::<Option<Vec<u8>>>())
        .prop_map(|(mechanism, initial)| Attempt { mechanism, initial: initial.map(Secret::new) })
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
        (address(), rcpt_params()).prop_map(|(a, params)| Command::Rcpt(ForwardPath::Address(a), params)),
        attempt().prop_map(Command::Auth),
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
    fn whatever_is_parsed_prints_to_its_one_form(line in "((EHLO|MAIL FROM:|RCPT TO:|BDAT|AUTH) ?|RCPT TO:<a@b> (NOTIFY|ORCPT)=|MAIL FROM:<> (ENVID|AUTH|HOLDFOR|HOLDUNTIL)=)[ -~ü\t]{0,40}") {
        if let Ok(command) = Command::parse(line.as_bytes()) {
            prop_assert_eq!(Command::parse(command.to_string().as_bytes()), Ok(command));
        }
    }

    #[test]
    fn original_recipients_print_to_their_one_form(text in "(rfc822|utf-8);([a-z+=@.ü ]|\\\\x\\{[0-9A-F]{1,6}\\}|\\+[0-9A-F]{2}){0,30}") {
        if let Ok(original) = OriginalRecipient::parse(Some(&text)) {
            let printed = original.to_string();
            prop_assert!(printed.is_ascii() && !printed.contains(' '));
            prop_assert_eq!(OriginalRecipient::parse(Some(&printed)), Ok(original));
        }
    }

    #[test]
    fn no_octets_panic(line: Vec<u8>) {
        let _ = Command::parse(&line).map_err(|error| error.reply());
    }
}
