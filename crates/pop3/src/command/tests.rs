use super::*;
use proptest::prelude::*;

fn secret(text: &str) -> Secret {
    Secret::new(text.as_bytes().to_vec())
}

#[test]
fn commands_are_parsed() {
    let check = |line: &str, command| assert_eq!(Command::parse(line.as_bytes()), Ok(command), "{line}");
    check("STAT", Command::Stat);
    check("stat ", Command::Stat);
    check("List", Command::List(None));
    check("LIST  2 ", Command::List(Some(2)));
    check("RETR 007", Command::Retr(7));
    check("DELE 99999999999999999999", Command::Dele(u32::MAX));
    check("TOP 1 0", Command::Top { message: 1, lines: 0 });
    check("UIDL 0", Command::Uidl(Some(0)));
    check("USER anna@demo.test", Command::User("anna@demo.test".into()));
    check("USER jürgen ö ", Command::User("jürgen ö".into()));
    check("PASS  a b ", Command::Pass(secret(" a b ")));
    check("PASS süß", Command::Pass(secret("süß")));
    check("AUTH", Command::Auth { mechanism: None, initial: None });
    check("AUTH plain", Command::Auth { mechanism: Some("PLAIN".into()), initial: None });
    check("AUTH PLAIN =", Command::Auth { mechanism: Some("PLAIN".into()), initial: Some(secret("")) });
    check("AUTH PLAIN AGEAYg==", Command::Auth { mechanism: Some("PLAIN".into()), initial: Some(secret("\0a\0b")) });
    check("LANG", Command::Lang(None));
    check("LANG *", Command::Lang(Some("*".into())));
    check("LANG de-AT", Command::Lang(Some("de-AT".into())));
    // RFC 1939 §7.
    let digest = [0xc4, 0xc9, 0x33, 0x4b, 0xac, 0x56, 0x0e, 0xcc, 0x97, 0x9e, 0x58, 0x00, 0x1b, 0x3e, 0x22, 0xfb];
    let apop = |login: &str| Command::Apop { login: login.into(), digest };
    check("APOP mrose c4c9334bac560ecc979e58001b3e22fb", apop("mrose"));
    check("APOP m rose  C4C9334BAC560ECC979E58001B3E22FB", apop("m rose"));
}

#[test]
fn wrong_lines_are_refused() {
    let check = |line: &[u8], error| assert_eq!(Command::parse(line), Err(error), "{}", line.escape_ascii());
    check(b"", CommandError::Unknown);
    check(b" STAT", CommandError::Unknown);
    check(b"STATS", CommandError::Unknown);
    check(b"XTND", CommandError::Unknown);
    check(b"STAT 1", CommandError::Usage("STAT"));
    check(b"RETR", CommandError::Usage("RETR message"));
    check(b"RETR 1 2", CommandError::Usage("RETR message"));
    check(b"RETR -1", CommandError::Usage("RETR message"));
    check(b"RETR +1", CommandError::Usage("RETR message"));
    check(b"RETR 1x", CommandError::Usage("RETR message"));
    check(b"TOP 1", CommandError::Usage("TOP message lines"));
    check(b"USER", CommandError::Usage("USER name"));
    check(b"USER  ", CommandError::Usage("USER name"));
    check(b"PASS", CommandError::Usage("PASS password"));
    check(b"PASS ", CommandError::Usage("PASS password"));
    check(b"USER a\0b", CommandError::Octets);
    check(b"USER \xff", CommandError::Octets);
    check(b"PASS \xff", CommandError::Octets);
    check(b"PASS a\0b", CommandError::Octets);
    check(b"NOOP\t", CommandError::Unknown);
    check(b"STAT \t", CommandError::Octets);
    check(b"APOP mrose", CommandError::Usage("APOP name digest"));
    check(b"APOP mrose c4c9334bac560ecc979e58001b3e22f", CommandError::Usage("APOP name digest"));
    check(b"APOP mrose c4c9334bac560ecc979e58001b3e22fg", CommandError::Usage("APOP name digest"));
    check(b"APOP mrose c4c9334bac560ecc979e58001b3e22fb00", CommandError::Usage("APOP name digest"));
    check(b"APOP  c4c9334bac560ecc979e58001b3e22fb", CommandError::Usage("APOP name digest"));
    check(b"AUTH PLAIN !", CommandError::Base64);
    check(b"AUTH PLAIN AGEAYg", CommandError::Base64);
    check(b"AUTH PLAIN a b", CommandError::Usage("AUTH mechanism [initial-response]"));
    check(b"AUTH ANAMETHATISFARTOOLONG", CommandError::Usage("AUTH mechanism [initial-response]"));
    check(b"LANG a b", CommandError::Usage("LANG [range]"));
    check("LANG ö".as_bytes(), CommandError::Usage("LANG [range]"));
}

#[test]
fn each_command_has_its_state() {
    let check = |line: &str, authorization: bool, transaction: bool| {
        let command = Command::parse(line.as_bytes()).unwrap();
        assert_eq!(command.misplaced(State::Authorization).is_none(), authorization, "{line}");
        assert_eq!(command.misplaced(State::Transaction).is_none(), transaction, "{line}");
    };
    for line in ["USER a", "PASS a", "APOP a c4c9334bac560ecc979e58001b3e22fb", "AUTH", "STLS", "UTF8"] {
        check(line, true, false);
    }
    for line in ["STAT", "LIST", "RETR 1", "DELE 1", "NOOP", "RSET", "TOP 1 1", "UIDL"] {
        check(line, false, true);
    }
    for line in ["QUIT", "CAPA", "LANG"] {
        check(line, true, true);
    }
}

proptest! {
    #[test]
    fn no_line_panics(line in proptest::collection::vec(any::<u8>(), 0..80), keyword in "(USER|PASS|APOP|AUTH|TOP|LIST|LANG) ") {
        let _ = Command::parse(&line);
        let _ = Command::parse(&[keyword.as_bytes(), &line].concat());
    }
}
