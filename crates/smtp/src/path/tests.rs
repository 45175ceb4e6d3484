use super::*;

/// The path and what stands behind it.
fn read(text: &str) -> Result<(String, &str), PathError> {
    let mut cursor = text;
    forward(&mut cursor).map(|path| (path.to_string(), cursor))
}

#[test]
fn paths_and_what_they_mean() {
    let check = |text: &str, path: &str, rest: &str| assert_eq!(read(text).unwrap(), (path.into(), rest), "{text}");
    check("<a@b.test>", "a@b.test", "");
    check("<a@b.test> SIZE=1", "a@b.test", " SIZE=1");
    check("<a@[127.0.0.1]>", "a@[127.0.0.1]", "");
    check("<a@[IPv6:::1]>", "a@[ipv6:::1]", "");
    check("<PostMaster>", "postmaster", "");
    check(r#"<"a b\"c"@b.test>"#, r#""a b\"c"@b.test"#, "");
    check(r#"<"x@elsewhere.test"@example.test>"#, r#""x@elsewhere.test"@example.test"#, "");
    check("<\">\"@b.test>", "\">\"@b.test", "");
    check("<jörg@b.test>", "jörg@b.test", "");
    // The route says example.test, the mailbox is elsewhere.
    check("<@example.test:x@elsewhere.test>", "x@elsewhere.test", "");
    check("<@a.test,@[IPv6:::1],@b.test:x@elsewhere.test>", "x@elsewhere.test", "");
    // Left to the caller, who finds no such local part here.
    check("<x%elsewhere.test@example.test>", "x%elsewhere.test@example.test", "");
    check("<elsewhere.test!x@example.test>", "elsewhere.test!x@example.test", "");
    check("<x@elsewhere.test>,<u@example.test>", "x@elsewhere.test", ",<u@example.test>");
}

#[test]
fn what_is_no_path() {
    for text in [
        "",
        "<",
        "<>",
        "<a>",
        "<a@b.test",
        "a@b.test",
        "< a@b.test>",
        "<a@b.test >",
        "<a@b@c.test>",
        "<a@b.test@>",
        "<a@b.test.>",
        "<a@.test>",
        "<a@b(c.test)>",
        "<a@b.test\0@c.test>",
        "<a@b.test\t@c.test>",
        "<\"x%elsewhere.test\">",
        "<\"a@b.test>",
        "<\"a\"b@c.test>",
        "<\"a\r\nb\"@c.test>",
        "<a.@b.test>",
        "<.a@b.test>",
        "<@a.test>",
        "<@a.test:>",
        "<@a.test,b.test:c@d.test>",
        "<a@[1.2.3]>",
        "<a\u{85}@b.test>",
    ] {
        assert!(read(text).is_err(), "{text:?}");
    }
    assert_eq!(reverse(&mut "<>").unwrap(), ReversePath::Null);
    assert!(reverse(&mut "<postmaster>").is_err());
}
