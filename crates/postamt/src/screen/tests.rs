use super::*;
use crate::config::loopback;
use crate::language::tests::in_german;
use crate::plan::{Login, Port};

#[test]
fn the_demo_screen_fits_a_terminal_and_says_what_moved() {
    let login = |local: &str| Login {
        address: format!("{local}@demo.test").parse().unwrap(),
        password: "abcdefghijkmnpqr".into(),
    };
    let plan = DemoPlan {
        samples_for: "anna@demo.test".parse().unwrap(),
        logins: ["anna", "ben", "admin"].map(login).into(),
        logins_file: "postamt-demo/logins.txt".into(),
        outbox: "postamt-demo/outbox".into(),
    };
    let moved = ListenAddress::Tcp(([127, 0, 0, 1], 41234).into());
    let bound: Vec<Bound> = loopback(Port::MayMove)
        .into_iter()
        .map(|plan| match plan.protocol {
            Protocol::Smtp => Bound { plan, address: moved.clone() },
            _ => Bound { address: plan.address.clone(), plan },
        })
        .collect();
    let screen = demo(&plan, &bound);
    let expected = "postamt demo. Everything stays on this machine.

  SMTP  127.0.0.1:41234        plain or STARTTLS  (port 2525 was taken)
  SEND  127.0.0.1:2587         plain or STARTTLS
  SENDS 127.0.0.1:2465         TLS, self-signed
  LMTP  127.0.0.1:2424         
  IMAP  127.0.0.1:2143         plain or STARTTLS
  IMAPS 127.0.0.1:2993         TLS, self-signed
  POP3  127.0.0.1:2110         plain or STARTTLS
  POP3S 127.0.0.1:2995         TLS, self-signed
  HTTP  http://127.0.0.1:8080/ 

Logins (also in postamt-demo/logins.txt):
  anna@demo.test         abcdefghijkmnpqr
  ben@demo.test          abcdefghijkmnpqr
  admin@demo.test        abcdefghijkmnpqr

Mail to any address lands in anna's inbox; fail-4xx@, fail-5xx@ and slow@ of
any domain misbehave on purpose. What people send (SEND) lies in
postamt-demo/outbox. Try:
  swaks --server 127.0.0.1:41234 --to you@example.org
  curl -u anna@demo.test:abcdefghijkmnpqr \\
    'imap://127.0.0.1:2143/INBOX;MAILINDEX=1'
Ctrl-C stops it; mail and logins stay.
";
    assert_eq!(screen, expected);
    let german = in_german(|| demo(&plan, &bound));
    for screen in [&screen, &german] {
        assert!(screen.lines().count() <= 24, "{screen}");
        assert!(screen.lines().all(|line| line.chars().count() <= 80), "{screen}");
    }
    let both = screen.lines().zip(german.lines()).skip(2).take(9);
    assert!(both.clone().all(|(one, other)| one.get(..31) == other.get(..31)), "{german}");
    assert!(german.contains("Klartext oder STARTTLS  (Port 2525 war belegt)\n"), "{german}");
    assert!(german.ends_with("Strg-C beendet; Mail und Zugangsdaten bleiben.\n"), "{german}");
}
