use super::*;
use proptest::prelude::*;

fn printed(reply: &Reply) -> String {
    let mut out = Vec::new();
    reply.print(&mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn replies_as_they_are_said() {
    let check = |reply: Reply, wire: &str| assert_eq!(printed(&reply), wire);
    check(Reply::new(250, (2, 1, 0), "sender ok"), "250 2.1.0 sender ok\r\n");
    check(Reply::plain(250, "mx.test\nSIZE 10\nHELP"), "250-mx.test\r\n250-SIZE 10\r\n250 HELP\r\n");
    check(Reply::new(550, (5, 1, 1), "<a\r\n250 ok\r\0>"), "550-5.1.1 <a\r\n550 5.1.1 250 ok??>\r\n");
    check(Reply::plain(220, ""), "220 \r\n");
    assert_eq!(Reply::new(451, (4, 3, 0), "a\nb").to_string(), "451 4.3.0 a b");
    assert!(Reply::local_error("x").is_temporary());
}

proptest! {
    #[test]
    fn any_text_gives_one_well_formed_reply(text in any::<String>(), repeat in 1usize..200) {
        let wire = printed(&Reply::new(550, (5, 7, 1), text.repeat(repeat)));
        let lines: Vec<&str> = wire.strip_suffix("\r\n").unwrap().split("\r\n").collect();
        for (i, line) in lines.iter().enumerate() {
            prop_assert!(line.len() <= 510);
            prop_assert!(line.bytes().all(|b| (b' '..=b'~').contains(&b)));
            let head = if i + 1 == lines.len() { "550 " } else { "550-" };
            prop_assert!(line.starts_with(head));
        }
    }
}
