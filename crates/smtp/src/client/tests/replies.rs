//! The reader of replies, and sessions under any cut of them.

use super::*;

fn read(mut input: &[u8]) -> Result<Option<Answer>, Garbage> {
    ReplyReader::default().read(&mut input).map(|heard| heard.map(|heard| heard.answer()))
}

#[test]
fn what_is_a_reply() {
    let check = |input: &str, code, enhanced, text: &str| {
        assert_eq!(read(input.as_bytes()), Ok(Some(Answer { code, enhanced, text: text.into() })), "{input:?}");
    };
    check("250 ok\r\n", 250, None, "ok");
    check("250\r\n", 250, None, "");
    check("250 \n", 250, None, "");
    check("250-a\r\n250-\r\n250 c\n", 250, None, "a\n\nc");
    check("550 5.1.1 no such user\r\n", 550, Some((5, 1, 1)), "no such user");
    check("550-5.7.26 a\r\n550-5.7.26 b\r\n550 5.7.26\r\n", 550, Some((5, 7, 26)), "a\nb\n");
    check("550-5.7.1 a\r\n550 5.7.2 b\r\n", 550, Some((5, 7, 1)), "a\n5.7.2 b");
    check("550 4.1.1 x\r\n", 550, None, "4.1.1 x");
    check("250 2.0.0.1 x\r\n", 250, None, "2.0.0.1 x");
    check("571 a\tb\x07ü\r\r\n", 571, None, "a b???");
}

#[test]
fn what_is_none() {
    for input in
        ["\r\n", "25\r\n", "2500\r\n", "250ok\r\n", "150 x\r\n", "650 x\r\n", " 250 x\r\n", "HTTP/1.1 400 x\r\n"]
    {
        assert!(matches!(read(input.as_bytes()), Err(Garbage::NoReply(_))), "{input:?}");
    }
    assert_eq!(read(b"250-a\r\n550 b\r\n"), Err(Garbage::CodeChanged(250, 550)));
    assert_eq!(read("250-x\r\n".repeat(10_000).as_bytes()), Err(Garbage::Endless));
    assert_eq!(read(&[b'2'; 70_000]), Err(Garbage::Endless));
    assert_eq!(read(b"250-a\r\n250"), Ok(None));
}

#[test]
fn long_replies_are_cut() {
    let long = format!("250-{}\r\n250 end\r\n", "x".repeat(5000));
    let heard = ReplyReader::default().read(&mut long.as_bytes()).unwrap().unwrap();
    assert_eq!((heard.cut, heard.lines.len()), (true, 4096 - 4 + 4));
    assert_eq!(heard.answer().text.len(), Answer::TEXT_OCTETS_MAX);
    let many = format!("{}250 end\r\n", "250-x\r\n".repeat(200));
    let heard = ReplyReader::default().read(&mut many.as_bytes()).unwrap().unwrap();
    assert_eq!((heard.cut, heard.lines.lines().count()), (true, 100));
}

#[test]
fn extensions() {
    let lines = "x says SIZE\nsize 10\nAUTH PLAIN login\nAUTH=LOGIN CRAM-MD5 bad!\nLIMITS RCPTMAX=7 X=1 MAILMAX=99999999999999999999999\nStartTLS\nUNKNOWN\n\nDSN";
    let found = Extensions::parse(lines);
    let wanted = Extensions {
        size: Some(10),
        starttls: true,
        dsn: true,
        auth: vec!["PLAIN".into(), "LOGIN".into(), "CRAM-MD5".into()],
        rcpt_max: Some(7),
        mail_max: Some(u64::MAX),
        ..Extensions::default()
    };
    assert_eq!(found, wanted);
    for unlimited in ["x\nSIZE", "x\nSIZE 0", "x\nSIZE -1"] {
        assert_eq!(Extensions::parse(unlimited).size, Some(u64::MAX));
    }
    assert_eq!(Extensions::parse("SIZE 10"), Extensions::default());
}

/// Lines that a server may say, and some it may not.
fn line() -> impl Strategy<Value = String> {
    let line =
        "(220|235|250|251|334|354|421|451|503|550|25|2500)[ -](|ok|2.1.5 ok|PIPELINING|CHUNKING|aGk=|[ -~]{0,9})\r?\n";
    let good =
        prop::sample::select(vec!["250 ok\r\n", "250 x\r\n", "354 go\r\n", "550 no\r\n", "334 \r\n", "220 x\r\n"]);
    prop_oneof![1 => line, 4 => good.prop_map(str::to_owned)]
}

fn run(flavour: Flavour, wishes: &[Wish], input: &[u8], cut: usize) -> Story {
    let mut desk = Desk::new(policy(flavour), wishes);
    input.chunks(cut).for_each(|piece| desk.feed(piece));
    desk.session.input_ended();
    while desk.act() {}
    assert!(desk.session.is_closed());
    desk.story
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_split_gives_the_same_events(
        last in prop::sample::select(vec![PLAIN, PIPED]),
        lines in prop::collection::vec(line(), 0..12),
        cut in 1..40usize,
        lmtp: bool,
    ) {
        let flavour = if lmtp { Flavour::Lmtp } else { Flavour::Smtp };
        let input = format!("{EHLO}{last}{}", lines.concat());
        let wishes = [send(&["u"]), Wish::Auth(None), chunked(&["u", "v"], b"x\ny"), Wish::StartTls, send(&["u"])];
        let whole = run(flavour, &wishes, input.as_bytes(), usize::MAX);
        prop_assert_eq!(&whole, &run(flavour, &wishes, input.as_bytes(), cut));
        prop_assert_eq!(&whole, &run(flavour, &wishes, input.as_bytes(), 1));
    }
}
